"""The people of a course as its platform lists them: members, sections, groups (NRPS 2.0, Course Groups 1.0).

A whole reading marks whom it does not list as inactive, never more. Where a platform offers to tell what changed, only
that is asked for, and the whole roster once a day all the same.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.lti.advantage import Group, GroupSet, Member
from lti_tool.lti.quirks import quirks_of
from lti_tool.models import Context, CourseGroup, GroupMember, Registration, ResourceLink
from lti_tool.services.members import store_members
from lti_tool.services.upsert import insert_once

WHOLE_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CourseGroupView:
    """A group of a course and who is in it; ``platform_id`` is what rules name."""

    id: int
    platform_id: str
    name: str
    set_name: str | None
    user_ids: frozenset[int]


def store_member(session: Session, registration: Registration, context: Context, member: Member, now: datetime) -> int:
    """Store one entry of a roster (``members.store_members``); returns the user's id."""
    stored = store_members(session, registration, context, [member], now)
    return stored.user_ids[member.platform_user_id]


def is_whole_due(context: Context, now: datetime) -> bool:
    """Whether the whole roster is to be read, not only what changed."""
    if context.differences_url is None or context.roster_read_at is None:
        return True
    return not now - WHOLE_EVERY < context.roster_read_at <= now


def course_link(session: Session, context: Context, product: str | None) -> str | None:
    """Return the resource link to ask the roster with, where that tells custom parameters; else ``None``.

    Only the link that stands for the course itself: by another one only those who can open it would be listed.
    """
    if not quirks_of(product).roster_tells_custom:
        return None
    return session.scalar(
        select(ResourceLink.platform_id).where(
            ResourceLink.context_id == context.id, ResourceLink.platform_id == context.platform_id
        )
    )


def note_reading(session: Session, context_id: int, differences_url: str | None, now: datetime, *, whole: bool) -> None:
    """Remember when the whole roster was read, and where to ask for what changed since."""
    context = session.get_one(Context, context_id)
    context.differences_url = differences_url
    if whole:
        context.roster_read_at = now


# -- groups -----------------------------------------------------------------------------------------------------------


def store_groups(
    session: Session,
    context_id: int,
    groups: Iterable[Group],
    sets: Iterable[GroupSet],
    enrolled: Mapping[str, Collection[int]],
) -> int:
    """Store all groups of a course and who is in them (users by the group's platform id); returns how many.

    A group that is not listed any more is marked gone and loses its members.
    """
    names = {one.set_id: one.name for one in sets}
    here = select(CourseGroup).where(CourseGroup.context_id == context_id)
    rows = {one.platform_id: one for one in session.scalars(here)}
    listed: dict[str, Group] = {one.group_id: one for one in groups}
    for platform_id, group in listed.items():
        row = rows.get(platform_id)
        name = group.name or platform_id
        if row is None:
            key = {"context_id": context_id, "platform_id": platform_id}
            insert_once(session, CourseGroup, list(key), **key, name=name, is_gone=False)
            row = rows[platform_id] = session.scalars(select(CourseGroup).filter_by(**key)).one()
        row.name, row.is_gone = name, False
        row.set_name = None if group.set_id is None else names.get(group.set_id)
    for platform_id, row in rows.items():
        row.is_gone = platform_id not in listed
        _enrol(session, row, set() if row.is_gone else set(enrolled.get(platform_id, ())))
    session.flush()
    return len(listed)


def groups_of(session: Session, context_id: int) -> list[CourseGroupView]:
    """Return the groups of a course that its platform still lists, by set and name."""
    members: dict[int, set[int]] = {}
    for group_id, user_id in session.execute(
        select(GroupMember.course_group_id, GroupMember.user_id)
        .join(CourseGroup, CourseGroup.id == GroupMember.course_group_id)
        .where(CourseGroup.context_id == context_id)
    ):
        members.setdefault(group_id, set()).add(user_id)
    groups = session.scalars(
        select(CourseGroup).where(CourseGroup.context_id == context_id, ~CourseGroup.is_gone).order_by(CourseGroup.id)
    )
    found = [
        CourseGroupView(one.id, one.platform_id, one.name, one.set_name, frozenset(members.get(one.id, ())))
        for one in groups
    ]
    return sorted(found, key=lambda one: ((one.set_name or "").casefold(), one.name.casefold(), one.id))


def _enrol(session: Session, group: CourseGroup, user_ids: set[int]) -> None:
    session.flush()
    mine = GroupMember.course_group_id == group.id
    have = set(session.scalars(select(GroupMember.user_id).where(mine)))
    if have - user_ids:
        session.execute(delete(GroupMember).where(mine, GroupMember.user_id.in_(have - user_ids)))
    session.add_all(GroupMember(course_group_id=group.id, user_id=one) for one in sorted(user_ids - have))
