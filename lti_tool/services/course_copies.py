"""Courses that are copies of others of the same organization and platform, and what becomes of that.

The platform's word (a notice, the history in a launch) is enough to take the origin's badges over as drafts while the
course has none of its own: a job does it, and the instructor may undo it. Where a course only looks like a copy, an
instructor is asked. How copies are noticed is in ``services.copy_proposals``.
"""

from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    Context,
    ContextCopy,
    CopyGround,
    CopyState,
    Deployment,
)
from lti_tool.services import copying
from lti_tool.services.copy_proposals import JOB, neighbours, record
from lti_tool.services.course_sync import want_evaluation

TOLD = (CopyGround.NOTICE, CopyGround.HISTORY)
"""Grounds that are the platform's own word."""


def due(session: Session, limit: int = 50) -> list[int]:
    """Return the copies to take over without asking: the platform's word, and the course has no badges of its own."""
    return list(session.scalars(_due().order_by(ContextCopy.id).limit(limit)))


def _due() -> Select[int]:
    badges = exists().where(
        Achievement.context_id == ContextCopy.context_id, Achievement.state != AchievementState.RETIRED
    )
    earlier = aliased(ContextCopy)
    decided = exists().where(earlier.context_id == ContextCopy.context_id, earlier.state != CopyState.PROPOSED)
    return select(ContextCopy.id).where(
        ContextCopy.state == CopyState.PROPOSED, ContextCopy.ground.in_(TOLD), ~badges, ~decided
    )


def take_over_if_due(session: Session, copy_id: int, now: datetime) -> None:
    """Take a copy over that is (still) due; raises as ``take_over``."""
    copy = session.get(ContextCopy, copy_id, with_for_update=True)
    if copy is not None and session.scalar(_due().where(ContextCopy.id == copy_id)) is not None:
        take_over(session, copy, JOB, now)


def ask_instead(session: Session, copy_id: int) -> None:
    """Leave a copy that could not be taken over to a person."""
    copy = session.get(ContextCopy, copy_id, with_for_update=True)
    if copy is not None and copy.state is CopyState.PROPOSED:
        copy.ground = CopyGround.LIKENESS


def take_over(session: Session, copy: ContextCopy, actor: str, now: datetime) -> None:
    """Take the origin's badges over as drafts; once that is done, again changes nothing.

    Raises ``ConflictError`` (``copy_decided``) for a copy that was declined, ``NotFoundError`` for an origin that is
    not of the same organization and platform (any more).
    """
    copy = session.get_one(ContextCopy, copy.id, with_for_update=True, populate_existing=True)
    if copy.state is CopyState.ACCEPTED:
        return
    if copy.state is CopyState.DECLINED:
        raise ConflictError("Somebody decided about this copy before.", code="copy_decided")
    context, origin = _courses(session, copy)
    copy.brought = copying.copy_course(session, origin, context, actor, now, with_all_checkpoints=copy.ground in TOLD)
    _decide(session, copy, CopyState.ACCEPTED, actor, now)
    want_evaluation(session, context.id)
    figures = {name: len(ids) for name, ids in copy.brought.items()}
    record(session, "course_copy.taken_over", copy, actor, now, figures)


def keep(session: Session, copy: ContextCopy, actor: str, now: datetime) -> None:
    """Say that what was taken over without asking is welcome."""
    if copy.state is CopyState.ACCEPTED and copy.decided_by == JOB:
        _decide(session, copy, CopyState.ACCEPTED, actor, now)
        record(session, "course_copy.kept", copy, actor, now)


def decline(session: Session, copy: ContextCopy, actor: str, now: datetime) -> None:
    """Take nothing over. Raises ``ConflictError`` (``copy_decided``) when it was taken over already."""
    if copy.state is CopyState.ACCEPTED:
        raise ConflictError("The course was taken over meanwhile.", code="copy_decided")
    if copy.state is CopyState.PROPOSED:
        _decide(session, copy, CopyState.DECLINED, actor, now)
        record(session, "course_copy.declined", copy, actor, now)


def undo(session: Session, copy: ContextCopy, actor: str, now: datetime) -> None:
    """Remove what was taken over. Raises ``ConflictError`` (``copy_in_use``) once a person built upon it."""
    copy = session.get_one(ContextCopy, copy.id, with_for_update=True, populate_existing=True)
    if copy.state is not CopyState.ACCEPTED:
        return
    copying.remove(session, copy.context_id, copy.brought)
    copy.brought = {}
    _decide(session, copy, CopyState.DECLINED, actor, now)
    want_evaluation(session, copy.context_id)
    record(session, "course_copy.undone", copy, actor, now)


def get_copy(session: Session, context_id: int, copy_id: int) -> ContextCopy:
    """Return a copy of this course; raises ``NotFoundError``."""
    copy = session.get(ContextCopy, copy_id)
    if copy is None or copy.context_id != context_id:
        raise NotFoundError("There is no such copy.")
    return copy


def _courses(session: Session, copy: ContextCopy) -> tuple[Context, Context]:
    """Return the course and its origin, which must be neighbours still."""
    context = session.get_one(Context, copy.context_id)
    deployment = session.get_one(Deployment, context.deployment_id)
    origin = session.scalar(neighbours(deployment).where(Context.id == copy.origin_context_id))
    if origin is None:
        raise NotFoundError("The course it was copied from is not of this organization and platform.")
    return context, origin


def _decide(session: Session, copy: ContextCopy, state: CopyState, actor: str, now: datetime) -> None:
    copy.state, copy.decided_by, copy.decided_at = state, actor, now
    session.flush()
