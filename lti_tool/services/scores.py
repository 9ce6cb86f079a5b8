"""Scores on their way to the platform: one row each, sent by a task, never twice, never an older after a newer.

Of several scores of one learner at one checkpoint only the newest is sent. What could not be sent stays as a row with
its reason, for the instructor and the admin to see.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.lti.advantage import ActivityProgress, GradingProgress, NewLineItem, Score, next_timestamp, score_step
from lti_tool.models import (
    Checkpoint,
    Context,
    Deployment,
    Membership,
    Registration,
    ResourceLink,
    ScorePost,
    ScoreState,
    User,
)
from lti_tool.services.checkpoints import TAG, resource_ids
from lti_tool.services.course_sync import LONGEST_WAIT, request_sync
from lti_tool.services.upsert import BESIDE_REFERENCES

LEASE = timedelta(minutes=2)
RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21600))
OUTDATED = "score_outdated"
READ_AFTER = timedelta(minutes=2)
"""A course read this lately is not read again for every score; its next reading sees them."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Everything one posting needs while no transaction is open."""

    post_id: int
    checkpoint_id: int
    registration: Registration
    context: Context
    line_item_url: str | None
    resource_ids: tuple[str, ...]
    new_line_item: NewLineItem
    """What to make where the platform has no line item of this checkpoint."""
    score: Score
    is_repeat: bool
    """This very score was sent before and its answer was lost."""


def queue(
    session: Session,
    checkpoint: Checkpoint,
    user_id: int,
    now: datetime,
    *,
    activity: ActivityProgress,
    grading: GradingProgress,
    given: Decimal | None = None,
    comment: str | None = None,
    submitted_at: datetime | None = None,
) -> int | None:
    """Ask for a score to be sent; returns its row, ``None`` where none may be: no line item, a test user."""
    if checkpoint.maximum is None or _is_test_user(session, checkpoint, user_id):
        return None
    session.refresh(checkpoint, with_for_update=BESIDE_REFERENCES)  # two at once must not get the same time
    _supersede(session, checkpoint.id, user_id, now)
    post = ScorePost(
        checkpoint_id=checkpoint.id,
        user_id=user_id,
        state=ScoreState.PENDING,
        activity_progress=activity.value,
        grading_progress=grading.value,
        score_given=given,
        score_maximum=None if given is None else checkpoint.maximum,
        comment=comment or None,
        timestamp=_next_timestamp(session, checkpoint, user_id, now),
        submitted_at=submitted_at,
        attempts=0,
        due_at=now,
    )
    session.add(post)
    session.flush()
    return post.id


def _is_test_user(session: Session, checkpoint: Checkpoint, user_id: int) -> bool:
    found = select(Membership.is_test_user).where(
        Membership.context_id == checkpoint.context_id, Membership.user_id == user_id
    )
    return bool(session.scalar(found))


def _supersede(session: Session, checkpoint_id: int, user_id: int, now: datetime) -> None:
    """Drop what waits; one that is being sent just now is left to whoever sends it."""
    session.execute(
        update(ScorePost)
        .where(ScorePost.checkpoint_id == checkpoint_id, ScorePost.user_id == user_id)
        .where(or_(ScorePost.state == ScoreState.FAILED, _waits(now)))
        .values(state=ScoreState.SUPERSEDED, lease_until=None)
    )


def _waits(now: datetime) -> ColumnElement[bool]:
    is_free = or_(ScorePost.lease_until.is_(None), ScorePost.lease_until < now)
    return (ScorePost.state == ScoreState.PENDING) & is_free


def _next_timestamp(session: Session, checkpoint: Checkpoint, user_id: int, now: datetime) -> datetime:
    previous = session.scalar(
        select(ScorePost.timestamp)
        .where(ScorePost.checkpoint_id == checkpoint.id, ScorePost.user_id == user_id)
        .order_by(ScorePost.timestamp.desc())
        .limit(1)
    )
    product = session.scalar(
        select(Registration.product)
        .join(Deployment, Deployment.registration_id == Registration.id)
        .join(Context, Context.deployment_id == Deployment.id)
        .where(Context.id == checkpoint.context_id)
    )
    return next_timestamp(previous, now, step=score_step(product))


# -- sending ----------------------------------------------------------------------------------------------------------


def due_posts(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Return ids of scores somebody should send."""
    due = select(ScorePost.id).where(_waits(now), ScorePost.due_at <= now)
    return list(session.scalars(due.order_by(ScorePost.due_at, ScorePost.id).limit(limit)))


def take(session: Session, post_id: int, now: datetime) -> Parcel | None:
    """Take a score that is due, by one statement; ``None`` when it is not, somebody has it, or a newer one is there."""
    attempts = session.execute(
        update(ScorePost)
        .where(ScorePost.id == post_id, _waits(now), ScorePost.due_at <= now)
        .values(lease_until=now + LEASE, attempts=ScorePost.attempts + 1)
        .returning(ScorePost.attempts)
    ).scalar()
    if attempts is None:
        return None
    post = session.get_one(ScorePost, post_id, populate_existing=True)
    if _has_newer(session, post):
        _end(post, ScoreState.SUPERSEDED)
        return None
    checkpoint = session.get_one(Checkpoint, post.checkpoint_id)
    context = session.get_one(Context, checkpoint.context_id)
    return Parcel(
        post_id=post.id,
        checkpoint_id=checkpoint.id,
        registration=session.get_one(Registration, context.deployment.registration_id),
        context=context,
        line_item_url=checkpoint.line_item_url,
        resource_ids=tuple(resource_ids(session, checkpoint)),
        new_line_item=_new_line_item(session, checkpoint),
        score=Score(
            platform_user_id=session.get_one(User, post.user_id).platform_user_id,
            timestamp=post.timestamp,
            activity_progress=ActivityProgress(post.activity_progress),
            grading_progress=GradingProgress(post.grading_progress),
            score_given=post.score_given,
            score_maximum=post.score_maximum,
            comment=post.comment,
            submitted_at=post.submitted_at,
        ),
        is_repeat=attempts > 1,
    )


def _new_line_item(session: Session, checkpoint: Checkpoint) -> NewLineItem:
    link = session.scalar(
        select(ResourceLink.platform_id)
        .where(ResourceLink.checkpoint_id == checkpoint.id)
        .order_by(ResourceLink.id.desc())
        .limit(1)
    )
    if checkpoint.maximum is None:
        raise AssertionError("a checkpoint without points has no scores")
    return NewLineItem(
        label=checkpoint.title,
        score_maximum=checkpoint.maximum,
        resource_id=checkpoint.public_id,
        tag=TAG,
        resource_link_id=link,
    )


def _has_newer(session: Session, post: ScorePost) -> bool:
    newer = select(ScorePost.id).where(
        ScorePost.checkpoint_id == post.checkpoint_id,
        ScorePost.user_id == post.user_id,
        ScorePost.timestamp > post.timestamp,
    )
    return session.scalar(newer.limit(1)) is not None


def _end(post: ScorePost, state: ScoreState, error_code: str | None = None) -> None:
    post.state, post.lease_until, post.error_code = state, None, error_code


def settle(session: Session, post_id: int, now: datetime) -> None:
    """Record that the platform has the score."""
    post = session.get_one(ScorePost, post_id)
    if post.state is ScoreState.PENDING:
        _end(post, ScoreState.SENT)
        post.sent_at = now
        if post.score_given is not None:  # so that it becomes evidence soon
            checkpoint = session.get_one(Checkpoint, post.checkpoint_id)
            context = session.get_one(Context, checkpoint.context_id)
            request_sync(session, context, "score", now, unless_read_since=now - READ_AFTER)


def restamp(session: Session, post_id: int, now: datetime) -> bool:
    """Give a score the platform called outdated a later time, once; ``False`` when it has failed for good.

    A newer score of the same learner makes it superfluous.
    """
    post = session.get_one(ScorePost, post_id)
    if post.state is not ScoreState.PENDING:
        return True
    if _has_newer(session, post):
        _end(post, ScoreState.SUPERSEDED)
        return True
    if post.error_code == OUTDATED:
        _end(post, ScoreState.FAILED, OUTDATED)
        return False
    _send_anew(session, post, now)
    post.error_code = OUTDATED
    return True


def _send_anew(session: Session, post: ScorePost, now: datetime) -> None:
    checkpoint = session.get_one(Checkpoint, post.checkpoint_id)
    post.timestamp = _next_timestamp(session, checkpoint, post.user_id, now)
    post.state, post.attempts, post.due_at, post.lease_until = ScoreState.PENDING, 0, now, None


def record_failure(
    session: Session, post_id: int, error_code: str, now: datetime, *, retryable: bool, retry_after: float | None = None
) -> None:
    """Try again later, further and further apart, while that can help; else end with the reason."""
    post = session.get_one(ScorePost, post_id)
    if post.state is not ScoreState.PENDING:
        return
    if _has_newer(session, post):
        _end(post, ScoreState.SUPERSEDED)
        return
    if not retryable or post.attempts > len(RETRY_AFTER):
        _end(post, ScoreState.FAILED, error_code)
        return
    wait = max(RETRY_AFTER[max(post.attempts, 1) - 1], timedelta(seconds=min(retry_after or 0, LONGEST_WAIT)))
    post.lease_until, post.due_at, post.error_code = None, now + wait, error_code


# -- what did not arrive ----------------------------------------------------------------------------------------------


def failed_posts(session: Session, checkpoint_id: int) -> list[ScorePost]:
    """Return the scores of a checkpoint that failed for good; a later score of the same learner replaces them."""
    failed = select(ScorePost).where(ScorePost.checkpoint_id == checkpoint_id, ScorePost.state == ScoreState.FAILED)
    return list(session.scalars(failed.order_by(ScorePost.id)))


def send_again(session: Session, checkpoint_id: int, now: datetime) -> int:
    """Try those that failed once more; returns how many."""
    failed = failed_posts(session, checkpoint_id)
    for post in failed:
        _send_anew(session, post, now)
        post.error_code = None
        session.flush()
    return len(failed)


def count_by_state(session: Session) -> dict[str, int]:
    """Return how many scores are in which state; every state is named, also with none."""
    counts = {state.value: 0 for state in ScoreState}
    for state, number in session.execute(select(ScorePost.state, func.count()).group_by(ScorePost.state)):
        counts[state.value] = number
    return counts
