"""Handing in at a checkpoint, and what a learner sees of it. Handing in again is a new row; none is changed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.characters import many_lines, one_line
from lti_tool.domain.assessments import OutcomeState
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.lti.advantage import ActivityProgress, GradingProgress
from lti_tool.models import Assessment, Blob, Checkpoint, Context, Submission
from lti_tool.services import audit, blobs, outcomes, scores
from lti_tool.services.checkpoint_drafts import TAKES_WORK
from lti_tool.services.outcomes import Standing
from lti_tool.services.uploads import Upload
from lti_tool.services.upsert import BESIDE_REFERENCES

TEXT_LENGTH, LINK_LENGTH = 20_000, 2048
MOST = 50
"""How often one learner can hand in at one checkpoint."""


@dataclass(frozen=True, slots=True)
class LearnerWork:
    """One learner at one checkpoint: what was handed in, newest first, and how far it is assessed.

    ``assessment``: the newest that counts, or that takes an earlier one back; where two people assess, none before
    they are both done. ``comments``: of everybody whose marks make the outcome.
    """

    checkpoint: Checkpoint
    submissions: list[Submission]
    standing: Standing
    assessment: Assessment | None
    comments: tuple[str, ...] = ()

    @property
    def score(self) -> Decimal | None:
        """The score that holds, for this work or for an earlier one."""
        return self.standing.held.score

    @property
    def comment(self) -> str:
        """What the learner is told, in one text."""
        return "\n\n".join(self.comments)

    @property
    def is_assessed(self) -> bool:
        """Whether the newest work has a score."""
        return self.standing.now.state is OutcomeState.SETTLED


def is_late(checkpoint: Checkpoint, submission: Submission) -> bool:
    """Whether work came after it was due."""
    return checkpoint.due_at is not None and submission.submitted_at > checkpoint.due_at


def door(checkpoint: Checkpoint, now: datetime) -> str:
    """Return whether work is taken now: ``early``, ``open`` or ``closed``."""
    if checkpoint.opens_at is not None and now < checkpoint.opens_at:
        return "early"
    return "closed" if checkpoint.closes_at is not None and now >= checkpoint.closes_at else "open"


def work_of(session: Session, checkpoint: Checkpoint, user_id: int) -> LearnerWork:
    """Return everything one learner has at a checkpoint."""
    mine = (Submission.checkpoint_id == checkpoint.id, Submission.user_id == user_id)
    found = list(session.scalars(select(Submission).where(*mine).order_by(Submission.number.desc())))
    standing = outcomes.standings(session, checkpoint, user_id).get(user_id, outcomes.UNTOUCHED)
    assessment = standing.shown
    if assessment is None and outcomes.assessors_needed(session, checkpoint) == 1:
        assessment = _newest_assessment(session, checkpoint.id, user_id)
    told = standing.deciding or ([assessment] if assessment is not None else [])
    comments = dict.fromkeys(one.comment for one in told if one.comment)
    return LearnerWork(checkpoint, found, standing, assessment, tuple(comments))


def _newest_assessment(session: Session, checkpoint_id: int, user_id: int) -> Assessment | None:
    of_learner = select(Assessment).where(Assessment.checkpoint_id == checkpoint_id, Assessment.user_id == user_id)
    return session.scalar(of_learner.order_by(Assessment.id.desc()).limit(1))


def hand_in(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    now: datetime,
    *,
    text: str = "",
    link: str = "",
    file: Upload | None = None,
) -> tuple[Submission, int | None]:
    """Take a learner's work; returns it and the row of the score to be sent, if one is.

    Raises ``InvalidInputError`` (``submission_empty``, ``submission_text_too_long``, ``submission_link_invalid``;
    ``field`` says where) or ``ConflictError`` (``checkpoint_not_open``, ``checkpoint_takes_no_work``,
    ``submissions_exhausted``).
    """
    if checkpoint.kind not in TAKES_WORK:
        raise ConflictError("Nothing is handed in at this checkpoint.", code="checkpoint_takes_no_work")
    if door(checkpoint, now) != "open":
        raise ConflictError("The checkpoint takes no work now.", code="checkpoint_not_open")
    text, link = _text(text), _link(link)
    if not (text or link or file):
        raise InvalidInputError("There is nothing to hand in.", code="submission_empty", field="text")
    session.refresh(checkpoint, with_for_update=BESIDE_REFERENCES)  # two at once must not get the same number
    mine = (Submission.checkpoint_id == checkpoint.id, Submission.user_id == user_id)
    before = session.scalar(select(func.max(Submission.number)).where(*mine)) or 0
    if before >= MOST:
        raise ConflictError("Nothing more can be handed in here.", code="submissions_exhausted")
    submission = Submission(
        checkpoint_id=checkpoint.id,
        user_id=user_id,
        number=before + 1,
        text=text or None,
        link=link or None,
        file_sha256=blobs.keep(session, file.content, file.media_type, now) if file else None,
        file_name=file.name if file else None,
        submitted_at=now,
    )
    session.add(submission)
    session.flush()
    audit.record(
        session,
        "submission.handed_in",
        actor=f"user:{user_id}",
        subject=f"submission:{submission.id}",
        organization_id=session.get_one(Context, checkpoint.context_id).organization_id,
        now=now,
    )
    return submission, _tell(session, checkpoint, user_id, now)


def _tell(session: Session, checkpoint: Checkpoint, user_id: int, now: datetime) -> int | None:
    """Ask for the platform to be told. A grade that was given stays: a score without one would clear it."""
    work = work_of(session, checkpoint, user_id)
    return scores.queue(
        session,
        checkpoint,
        user_id,
        now,
        activity=ActivityProgress.SUBMITTED,
        grading=GradingProgress.PENDING_MANUAL if work.score is None else GradingProgress.FULLY_GRADED,
        given=work.score,
        comment=work.comment,
        submitted_at=now,
    )


def _text(text: str) -> str:
    text = many_lines(text)
    if len(text) > TEXT_LENGTH:
        raise InvalidInputError("The text is too long.", code="submission_text_too_long", field="text")
    return text


def _link(link: str) -> str:
    link = one_line(link)
    if not link:
        return ""
    try:
        parts = urlsplit(link)
        is_address = parts.scheme in {"https", "http"} and bool(parts.hostname) and " " not in link
    except ValueError:
        is_address = False
    if not is_address or len(link) > LINK_LENGTH:
        raise InvalidInputError("The link is not a web address.", code="submission_link_invalid", field="link")
    return link


def get_file(session: Session, checkpoint: Checkpoint, user_id: int, submission_id: int) -> tuple[str, Blob]:
    """Return name and content of a file that a learner handed in; raises ``NotFoundError``."""
    submission = session.get(Submission, submission_id)
    is_it = submission is not None and (submission.checkpoint_id, submission.user_id) == (checkpoint.id, user_id)
    if submission is None or not is_it or submission.file_sha256 is None:
        raise NotFoundError("There is no such file.")
    return submission.file_name or "file", blobs.get_blob(session, submission.file_sha256)
