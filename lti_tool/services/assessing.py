"""Assessing at a checkpoint: who waits, one learner's work, a score or a tick with a comment, and the platform told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.characters import many_lines
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.lti.advantage import ActivityProgress, GradingProgress
from lti_tool.models import Assessment, Checkpoint, Context, Submission
from lti_tool.services import audit, scores
from lti_tool.services.checkpoint_drafts import read_points
from lti_tool.services.openings import opened_by
from lti_tool.services.overview import Learner, course_learners
from lti_tool.services.submissions import is_late, work_of
from lti_tool.services.upsert import BESIDE_REFERENCES

COMMENT_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class Row:
    """One learner at a checkpoint; ``state`` is ``not_opened``, ``opened``, ``handed_in`` or ``assessed``."""

    learner: Learner
    state: str
    score: Decimal | None
    submitted_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How a checkpoint stands, for the list of checkpoints."""

    learners: int
    waiting: int
    assessed: int


def rows(session: Session, checkpoint: Checkpoint) -> list[Row]:
    """Return the course's learners at a checkpoint, by name; staff and test users never."""
    opened = opened_by(session, checkpoint.id)
    newest = _newest_submissions(session, checkpoint.id)
    held = _current_assessments(session, checkpoint.id)
    return [
        _row(checkpoint, learner, learner.user_id in opened, newest.get(learner.user_id), held.get(learner.user_id))
        for learner in course_learners(session, checkpoint.context_id)
    ]


def _row(
    checkpoint: Checkpoint, learner: Learner, opened: bool, work: Submission | None, held: Assessment | None
) -> Row:
    score = held.score if held is not None else None
    is_answered = held is not None and (work is None or held.submission_id == work.id)
    if score is not None and is_answered:
        state = "assessed"
    elif work is not None:  # not looked at yet, handed in again, or its score was taken back
        state = "handed_in"
    else:
        state = "opened" if opened else "not_opened"
    late = work is not None and is_late(checkpoint, work)
    return Row(learner, state, score, work.submitted_at if work is not None else None, late)


def _newest_submissions(session: Session, checkpoint_id: int) -> dict[int, Submission]:
    of_checkpoint = select(Submission).where(Submission.checkpoint_id == checkpoint_id).order_by(Submission.number)
    return {one.user_id: one for one in session.scalars(of_checkpoint)}


def _current_assessments(session: Session, checkpoint_id: int) -> dict[int, Assessment]:
    of_checkpoint = select(Assessment).where(Assessment.checkpoint_id == checkpoint_id).order_by(Assessment.id)
    return {one.user_id: one for one in session.scalars(of_checkpoint)}


def counts(session: Session, checkpoint: Checkpoint) -> Counts:
    """Return how many learners there are, wait to be assessed, and were."""
    states = [row.state for row in rows(session, checkpoint)]
    return Counts(len(states), states.count("handed_in"), states.count("assessed"))


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


def assess(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    assessor_id: int,
    score: Decimal | None,
    comment: str,
    now: datetime,
) -> int | None:
    """Say what a learner's work is worth (``None``: nothing any more); returns the row of the score to be sent.

    Raises ``InvalidInputError`` (``comment_too_long``) or ``NotFoundError`` for somebody who is no learner here.
    """
    comment = many_lines(comment)
    if len(comment) > COMMENT_LENGTH:
        raise InvalidInputError("The comment is too long.", code="comment_too_long", field="comment")
    get_row(rows(session, checkpoint), user_id)
    return _store(session, checkpoint, user_id, assessor_id, score, comment, now)


def tick(
    session: Session, checkpoint: Checkpoint, user_ids: Iterable[int], assessor_id: int, now: datetime
) -> list[int]:
    """Tick several learners off who are not yet; returns the rows of the scores to be sent. Others are left alone."""
    wanted = set(user_ids)
    open_rows = [row for row in rows(session, checkpoint) if row.learner.user_id in wanted and row.state != "assessed"]
    posts = [
        _store(session, checkpoint, row.learner.user_id, assessor_id, checkpoint.maximum, "", now) for row in open_rows
    ]
    return [post for post in posts if post is not None]


def _store(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    assessor_id: int,
    score: Decimal | None,
    comment: str,
    now: datetime,
) -> int | None:
    # Of two assessments at once the later one is what holds and what the platform gets last.
    session.refresh(checkpoint, with_for_update=BESIDE_REFERENCES)
    work = work_of(session, checkpoint, user_id)
    newest = work.submissions[0] if work.submissions else None
    assessment = Assessment(
        checkpoint_id=checkpoint.id,
        user_id=user_id,
        submission_id=newest.id if newest is not None else None,
        assessor_id=assessor_id,
        score=score,
        comment=comment,
        assessed_at=now,
    )
    session.add(assessment)
    session.flush()
    audit.record(
        session,
        "assessment.made" if score is not None else "assessment.cleared",
        actor=f"user:{assessor_id}",
        subject=f"assessment:{assessment.id}",
        organization_id=session.get_one(Context, checkpoint.context_id).organization_id,
        payload={"score": None if score is None else str(score), "comment": comment},
        now=now,
    )
    if score is not None:
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
        given=score,
        comment=comment,
        submitted_at=newest.submitted_at if newest is not None else None,
    )
