"""Assessing at a checkpoint: who waits, one learner's work, a score or a tick with a comment, and the platform told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.characters import many_lines
from lti_tool.domain.assessments import OutcomeState
from lti_tool.domain.rubrics import Rubric
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.lti.advantage import ActivityProgress, GradingProgress
from lti_tool.models import Assessment, Checkpoint, Context, Submission
from lti_tool.services import audit, outcomes, scores
from lti_tool.services.checkpoint_drafts import read_points
from lti_tool.services.openings import opened_by
from lti_tool.services.outcomes import Standing
from lti_tool.services.overview import Learner, course_learners
from lti_tool.services.submissions import LearnerWork, is_late, work_of
from lti_tool.services.upsert import BESIDE_REFERENCES

COMMENT_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class Row:
    """One learner at a checkpoint.

    ``state`` is ``not_opened``, ``opened``, ``handed_in``, ``partly`` (another assessor has to look), ``disagreeing``
    or ``assessed``. ``marked_by``: who has marked the newest work.
    """

    learner: Learner
    state: str
    score: Decimal | None
    submitted_at: datetime | None
    is_late: bool
    marked_by: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Counts:
    """How a checkpoint stands, for the list of checkpoints. ``waiting`` for an assessor, the first or the second."""

    learners: int
    waiting: int
    assessed: int
    disagreeing: int = 0


def rows(session: Session, checkpoint: Checkpoint) -> list[Row]:
    """Return the course's learners at a checkpoint, by name; staff and test users never."""
    opened = opened_by(session, checkpoint.id)
    newest = _newest_submissions(session, checkpoint.id)
    standing = outcomes.standings(session, checkpoint)
    return [
        _row(
            checkpoint,
            learner,
            learner.user_id in opened,
            newest.get(learner.user_id),
            standing.get(learner.user_id, outcomes.UNTOUCHED),
        )
        for learner in course_learners(session, checkpoint.context_id)
    ]


_STATES = {
    OutcomeState.SETTLED: "assessed",
    OutcomeState.PARTLY: "partly",
    OutcomeState.DISAGREEING: "disagreeing",
}


def _row(checkpoint: Checkpoint, learner: Learner, opened: bool, work: Submission | None, standing: Standing) -> Row:
    state = _STATES.get(standing.now.state)
    if state is None and work is not None:  # not looked at yet, handed in again, or its score was taken back
        state = "handed_in"
    elif state is None:
        state = "opened" if opened else "not_opened"
    late = work is not None and is_late(checkpoint, work)
    submitted_at = work.submitted_at if work is not None else None
    return Row(learner, state, standing.held.score, submitted_at, late, frozenset(standing.by))


def _newest_submissions(session: Session, checkpoint_id: int) -> dict[int, Submission]:
    of_checkpoint = select(Submission).where(Submission.checkpoint_id == checkpoint_id).order_by(Submission.number)
    return {one.user_id: one for one in session.scalars(of_checkpoint)}


def counts(session: Session, checkpoint: Checkpoint) -> Counts:
    """Return how many learners there are, wait to be assessed, were, and where assessors disagree."""
    states = [row.state for row in rows(session, checkpoint)]
    waiting = states.count("handed_in") + states.count("partly")
    return Counts(len(states), waiting, states.count("assessed"), states.count("disagreeing"))


def get_row(found: list[Row], user_id: int) -> tuple[Row, Row | None, Row | None]:
    """Return a learner with the ones before and after; raises ``NotFoundError``."""
    for index, row in enumerate(found):
        if row.learner.user_id == user_id:
            before = found[index - 1] if index else None
            return row, before, found[index + 1] if index + 1 < len(found) else None
    raise NotFoundError("There is no such learner in this course.")


def read_score(text: str, maximum: Decimal) -> Decimal:
    """Return points as typed (``7``, ``7,5``), 0 to maximum; raises ``InvalidInputError`` (``score_invalid``)."""
    score = read_points(text)
    if score is None or not 0 <= score <= maximum:
        raise InvalidInputError("A score is a number from 0 to the maximum.", code="score_invalid", field="score")
    return score


def next_waiting(found: list[Row], user_id: int, assessor_id: int | None) -> Row | None:
    """Return the next learner after one whose work waits for this assessor, beginning again at the top."""
    at = next((index for index, row in enumerate(found) if row.learner.user_id == user_id), 0)
    others = [row for row in found[at + 1 :] + found[:at] if row.learner.user_id != assessor_id]
    waiting = (row for row in others if row.state in {"handed_in", "partly"} and assessor_id not in row.marked_by)
    return next(waiting, None)


def assess(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    assessor_id: int,
    score: Decimal | None,
    comment: str,
    now: datetime,
    marks: Mapping[str, int] | None = None,
) -> int | None:
    """Say what a learner's work is worth (``None``: nothing any more); returns the row of the score to be sent.

    ``marks``: levels in the checkpoint's rubric, which then make the score. Raises ``InvalidInputError``
    (``comment_too_long``, ``rubric_mark_missing``), ``NotFoundError`` for somebody who is no learner here, or
    ``ConflictError`` (``assesses_own_work``).
    """
    comment = many_lines(comment)
    if len(comment) > COMMENT_LENGTH:
        raise InvalidInputError("The comment is too long.", code="comment_too_long", field="comment")
    get_row(rows(session, checkpoint), user_id)
    if marks is not None and checkpoint.rubric is not None:
        score = Rubric.from_document(checkpoint.rubric).total(marks)
    return _store(session, checkpoint, user_id, assessor_id, score, comment, now, marks)


def tick(
    session: Session, checkpoint: Checkpoint, user_ids: Iterable[int], assessor_id: int, now: datetime
) -> list[int]:
    """Tick several learners off who are not yet; returns the rows of the scores to be sent. Others are left alone."""
    wanted = set(user_ids) - {assessor_id}
    open_rows = [
        row for row in rows(session, checkpoint) if row.learner.user_id in wanted and can_tick(row, assessor_id)
    ]
    posts = [
        _store(session, checkpoint, row.learner.user_id, assessor_id, checkpoint.maximum, "", now) for row in open_rows
    ]
    return [post for post in posts if post is not None]


def can_tick(row: Row, assessor_id: int | None) -> bool:
    """Whether somebody can tick a learner off who is not yet, or not by them."""
    return row.state != "assessed" and assessor_id not in row.marked_by and row.learner.user_id != assessor_id


def _store(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    assessor_id: int,
    score: Decimal | None,
    comment: str,
    now: datetime,
    marks: Mapping[str, int] | None = None,
) -> int | None:
    if assessor_id == user_id:
        raise ConflictError("Nobody assesses their own work.", code="assesses_own_work")
    # Of two assessments at once the later one sees the other's, and what they come to is told last.
    session.refresh(checkpoint, with_for_update=BESIDE_REFERENCES)
    before = work_of(session, checkpoint, user_id)
    newest = before.submissions[0] if before.submissions else None
    assessment = Assessment(
        checkpoint_id=checkpoint.id,
        user_id=user_id,
        submission_id=newest.id if newest is not None else None,
        assessor_id=assessor_id,
        score=score,
        marks=None if marks is None else dict(marks),
        comment=comment,
        assessed_at=now,
    )
    session.add(assessment)
    session.flush()
    after = work_of(session, checkpoint, user_id)
    audit.record(
        session,
        "assessment.made" if score is not None else "assessment.cleared",
        actor=f"user:{assessor_id}",
        subject=f"assessment:{assessment.id}",
        organization_id=session.get_one(Context, checkpoint.context_id).organization_id,
        payload={
            "score": None if score is None else str(score),
            "marks": assessment.marks,
            "comment": comment,
            "outcome": after.standing.now.state.value,
        },
        now=now,
    )
    outcomes.keep(session, checkpoint, user_id, after.standing, now)
    return _tell(session, checkpoint, user_id, before, after, now)


def _tell(
    session: Session, checkpoint: Checkpoint, user_id: int, before: LearnerWork, after: LearnerWork, now: datetime
) -> int | None:
    """Ask for the platform to be told what holds now; nothing while the assessors are not done."""
    is_first = after.standing.now.state in {OutcomeState.PARTLY, OutcomeState.DISAGREEING} and before.score is None
    if is_first or (after.score is not None and not after.is_assessed):
        return None
    newest = after.submissions[0] if after.submissions else None
    if after.score is not None:
        activity, grading = ActivityProgress.COMPLETED, GradingProgress.FULLY_GRADED
    else:
        activity = ActivityProgress.SUBMITTED if newest is not None else ActivityProgress.INITIALIZED
        grading = GradingProgress.PENDING_MANUAL
    return scores.queue(
        session,
        checkpoint,
        user_id,
        now,
        activity=activity,
        grading=grading,
        given=after.score,
        comment=after.comment,
        submitted_at=newest.submitted_at if newest is not None else None,
    )
