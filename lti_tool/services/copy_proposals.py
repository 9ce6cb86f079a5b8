"""How this tool comes to think that a course is a copy: a notice, the history in a launch, or likeness.

Only courses of one organization and one registration are ever put together. What becomes of a copy is in
``services.course_copies``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from lti_tool.domain import course_likeness
from lti_tool.models import (
    Achievement,
    AchievementState,
    Context,
    ContextCopy,
    CopyGround,
    CopyState,
    Deployment,
    Framework,
    Item,
    ResourceLink,
)
from lti_tool.services import audit, copied_work
from lti_tool.services.mapping import course_columns
from lti_tool.services.upsert import insert_once

JOB = "job"
"""Who decided where the platform's word was enough."""
MOST_COMPARED, MOST_READ = 1000, 50
"""Courses whose titles, and whose work, are looked at for likeness: those that were used last."""


@dataclass(frozen=True, slots=True)
class NoticedCourse:
    """A new course as a notice names it."""

    platform_id: str
    title: str | None
    label: str | None


def propose_by_notice(
    session: Session, deployment: Deployment, course: NoticedCourse, origin_ids: Iterable[str], now: datetime
) -> list[int]:
    """Note that a course was copied from courses of these platform ids; returns the copies that are new.

    The course may not have been launched yet: it is made, unless none of the origins has anything to take over.
    """
    found = select(Context).where(Context.deployment_id == deployment.id, Context.platform_id == course.platform_id)
    known = session.scalar(found)
    origins = [
        one
        for one in _of_platform(session, deployment, origin_ids)
        if one.platform_id != course.platform_id and _has_content(session, one.id)
    ]
    if not origins:
        return []
    if known is None:
        insert_once(
            session,
            Context,
            ["deployment_id", "platform_id"],
            deployment_id=deployment.id,
            organization_id=deployment.organization_id,
            platform_id=course.platform_id,
            title=course.title,
            label=course.label,
            ags_scopes=[],
            history=[],
            evaluation_wanted=0,
            evaluation_done=0,
            created_at=now,
            launched_at=now,
        )
        known = session.scalars(found).one()
    return [made for one in origins if (made := _propose(session, known, one, CopyGround.NOTICE, now)) is not None]


def propose_by_history(session: Session, context: Context, link_history: Iterable[str], now: datetime) -> int | None:
    """Note what a launch said about where the course came from: the nearest origin that has anything to take over."""
    if not context.history and not link_history:
        return None
    deployment = session.get_one(Deployment, context.deployment_id)
    named = _of_platform(session, deployment, context.history)
    linked = _of_links(session, deployment, link_history)
    for origin in [*named, *linked]:
        if origin.id != context.id and _has_content(session, origin.id):
            return _propose(session, context, origin, CopyGround.HISTORY, now)
    return None


def propose_by_likeness(session: Session, context_id: int, now: datetime) -> int | None:
    """Note which course this one looks like a copy of, if it has nothing of its own and nobody said anything yet.

    The same title (but for the term), or most of the same work; of several the one that was used last.
    """
    context = session.get_one(Context, context_id)
    known = select(ContextCopy.id).where(ContextCopy.context_id == context_id)
    if session.scalar(known.limit(1)) is not None or _has_content(session, context_id):
        return None
    ours = copied_work.works(course_columns(session, context_id))
    live = exists().where(Achievement.context_id == Context.id, Achievement.state == AchievementState.LIVE)
    deployment = session.get_one(Deployment, context.deployment_id)
    candidates = neighbours(deployment).where(live, Context.id != context_id)
    latest = candidates.order_by(Context.launched_at.desc(), Context.id.desc()).limit(MOST_COMPARED)
    origins = session.scalars(latest).all()
    alike = (one for one in origins if course_likeness.is_same_title(one.title, context.title))
    worked = (one for one in origins[:MOST_READ] if _has_same_work(session, one.id, ours))
    origin = next(alike, None) or next(worked, None)
    return None if origin is None else _propose(session, context, origin, CopyGround.LIKENESS, now)


def _has_same_work(session: Session, origin_id: int, ours: list[course_likeness.Work]) -> bool:
    if len(ours) < course_likeness.ENOUGH_WORK:
        return False
    return course_likeness.is_same_course(copied_work.works(copied_work.all_columns(session, origin_id)), ours)


def neighbours(deployment: Deployment) -> Select[Context]:
    """Courses of the same organization on the same platform: no others are ever put together."""
    return (
        select(Context)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .where(
            Context.organization_id == deployment.organization_id,
            Deployment.registration_id == deployment.registration_id,
        )
    )


def _of_platform(session: Session, deployment: Deployment, platform_ids: Iterable[str]) -> list[Context]:
    """Return the courses of these ids in their order; of one id in several deployments the deployment's own first."""
    order = {platform_id: number for number, platform_id in reversed(list(enumerate(platform_ids)))}
    found = session.scalars(neighbours(deployment).where(Context.platform_id.in_(order))).all()
    return sorted(found, key=lambda one: (order[one.platform_id], one.deployment_id != deployment.id, one.id))


def _of_links(session: Session, deployment: Deployment, link_ids: Iterable[str]) -> list[Context]:
    order = {link_id: number for number, link_id in reversed(list(enumerate(link_ids)))}
    links = neighbours(deployment).join(ResourceLink, ResourceLink.context_id == Context.id)
    rows = session.execute(links.where(ResourceLink.platform_id.in_(order)).add_columns(ResourceLink.platform_id))
    ranked = sorted(rows, key=lambda row: (order[row[1]], row[0].deployment_id != deployment.id, row[0].id))
    return list(dict.fromkeys(row[0] for row in ranked))


def _has_content(session: Session, context_id: int) -> bool:
    badge = select(Achievement.id).where(*_badges_of(context_id)).limit(1)
    item = select(Item.id).join(Framework).where(Framework.context_id == context_id).limit(1)
    return session.scalar(badge) is not None or session.scalar(item) is not None


def _badges_of(context_id: int) -> tuple[ColumnElement[bool], ...]:
    return Achievement.context_id == context_id, Achievement.state != AchievementState.RETIRED


def _propose(session: Session, context: Context, origin: Context, ground: CopyGround, now: datetime) -> int | None:
    """Store the copy; returns its id when it is new. What a person was only asked about, the platform may confirm."""
    copy_id = insert_once(
        session,
        ContextCopy,
        ["context_id", "origin_context_id"],
        context_id=context.id,
        origin_context_id=origin.id,
        ground=ground,
        state=CopyState.PROPOSED,
        brought={},
        created_at=now,
    )
    if copy_id is not None:
        record(session, "course_copy.proposed", session.get_one(ContextCopy, copy_id), JOB, now)
        return copy_id
    known = session.scalars(
        select(ContextCopy).where(ContextCopy.context_id == context.id, ContextCopy.origin_context_id == origin.id)
    ).one()
    if known.ground is CopyGround.LIKENESS and known.state is CopyState.PROPOSED:
        known.ground = ground
    return None


def record(
    session: Session, action: str, copy: ContextCopy, actor: str, now: datetime, figures: dict[str, int] | None = None
) -> None:
    """Write down what became of a copy."""
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"context:{copy.context_id}",
        organization_id=session.get_one(Context, copy.context_id).organization_id,
        payload={"origin": copy.origin_context_id, "ground": copy.ground.value, **(figures or {})},
        now=now,
    )
