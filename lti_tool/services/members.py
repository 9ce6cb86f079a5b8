"""Members of a course as its roster lists them, a page at a time (NRPS 2.0).

Nearly every member of nearly every roster is known and unchanged: one look at a page tells, and only what is new or
different is written. That somebody is still listed is written down once a day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lti_tool.lti import variables
from lti_tool.lti.advantage import Member
from lti_tool.lti.roles import is_learner_role, is_test_user, merged_roles
from lti_tool.models import Context, Membership, Registration, User
from lti_tool.services import identities
from lti_tool.services.identities import School

SEEN_EVERY = timedelta(days=1)
"""How exactly it is known when a roster last listed somebody."""
_MOST_AT_ONCE = 500

_USERS, _MEMBERS = cast("Table", User.__table__), cast("Table", Membership.__table__)
_KNOWN = (
    select(
        *(_USERS.c[name].label(f"user_{name}") for name in ("id", "platform_user_id", "name", "email")),
        *(
            _MEMBERS.c[name]
            for name in (
                "id", "roles", "launch_roles", "sections", "is_learner", "is_test_user", "status", "seen_at"
            )
        ),
    )
    .select_from(
        _USERS.outerjoin(
            _MEMBERS, and_(_MEMBERS.c.user_id == _USERS.c.id, _MEMBERS.c.context_id == bindparam("context"))
        )
    )
    .where(
        _USERS.c.registration_id == bindparam("registration"),
        _USERS.c.organization_id == bindparam("organization"),
        _USERS.c.platform_user_id.in_(bindparam("names", expanding=True)),
    )
)  # fmt: skip
_NAME = (
    update(_USERS)
    .where(_USERS.c.id == bindparam("row"))
    .values(name=bindparam("new_name"), email=bindparam("new_email"))
)
_FIELDS = ("roles", "is_learner", "is_test_user", "status", "seen_at")
_CHANGE = (
    update(_MEMBERS)
    .where(_MEMBERS.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
_CHANGE_ALL = _CHANGE.values(sections=bindparam("new_sections"))


@dataclass(frozen=True, slots=True)
class StoredMembers:
    """What a page of a roster left behind: user ids by ``sub``, and how many members are new or changed.

    ``identities``: user ids by the names that the platform's APIs have for them, by evidence source.
    """

    user_ids: dict[str, int]
    changed: int
    identities: dict[str, dict[str, int]]


def store_members(
    session: Session, registration: Registration, context: Context, members: Iterable[Member], now: datetime
) -> StoredMembers:
    """Store a page of a roster; of two entries about one person the later one holds.

    The roles of the last launch still hold where the platform's rosters say less (``lti.roles.merged_roles``). What the
    platform's own API calls a member, where the roster says so, is remembered (``identities``).
    """
    listed = {one.platform_user_id: one for one in members}
    school = School(registration.id, context.organization_id)
    known = _known(session, school, context, list(listed))
    missing = [sub for sub in listed if sub not in known]
    if missing:
        identities.ensure_users(session, school, missing, now)
        known |= _known(session, school, context, missing)
    names: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for sub, member in listed.items():
        row = known[sub]
        names += _names(row, member)
        values = _values(row, member, registration.product)
        if row["id"] is None:
            made.append({"context_id": context.id, "user_id": row["user_id"], **values, "seen_at": now})
            continue
        is_changed = any(row[name] != value for name, value in values.items())
        if is_changed or not now - SEEN_EVERY < row["seen_at"] <= now:
            renewed = {f"new_{name}": value for name, value in values.items()}
            (changed if is_changed else seen).append({"row": row["id"], **renewed, "new_seen_at": now})
    _write(session, names, made, changed + seen)
    users = {sub: row["user_id"] for sub, row in known.items()}
    told = _told_identities(listed, users)
    new = sum(identities.store_identities(session, school, source, ids, now) for source, ids in told.items())
    return StoredMembers(users, len(names) + len(made) + len(changed) + new, told)


def _known(session: Session, school: School, context: Context, subs: list[str]) -> dict[str, Mapping[str, Any]]:
    connection = session.connection()
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(subs), _MOST_AT_ONCE):
        some = subs[start : start + _MOST_AT_ONCE]
        rows = connection.execute(_KNOWN, {**school.parameters(), "context": context.id, "names": some})
        found.update((row["user_platform_user_id"], cast("Mapping[str, Any]", row)) for row in rows.mappings())
    return found


def _names(row: Mapping[str, Any], member: Member) -> list[dict[str, Any]]:
    """What to write about who it is; what the roster leaves out is kept."""
    name, email = member.name or row["user_name"], member.email or row["user_email"]
    if (name, email) == (row["user_name"], row["user_email"]):
        return []
    return [{"row": row["user_id"], "new_name": name, "new_email": email}]


def _values(row: Mapping[str, Any], member: Member, product: str | None) -> dict[str, Any]:
    """What the membership has to say; what was not told stays as it was."""
    roles = merged_roles(row["launch_roles"] or (), member.roles, product)
    sections = variables.section_ids(member.custom)
    return {
        "roles": sorted(roles),
        **({} if sections is None else {"sections": sections}),
        "is_learner": is_learner_role(roles),
        # Once a test user, always one: a roster may leave the marker out that a launch carried.
        "is_test_user": bool(row["is_test_user"]) or is_test_user(roles),
        "status": member.status,
    }


def _write(
    session: Session, names: list[dict[str, Any]], made: list[dict[str, Any]], changed: list[dict[str, Any]]
) -> None:
    connection = session.connection()
    if names:
        connection.execute(_NAME, names)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for is_told in (False, True):  # a statement has the same columns for all its rows
        rows = [one for one in made if ("sections" in one) is is_told]
        if rows:
            connection.execute(dialect.insert(_MEMBERS).on_conflict_do_nothing(), rows)
        rows = [one for one in changed if ("new_sections" in one) is is_told]
        if rows:
            connection.execute(_CHANGE_ALL if is_told else _CHANGE, rows)


def _told_identities(listed: Mapping[str, Member], users: Mapping[str, int]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for sub, member in listed.items():
        if member.person_sourcedid:
            told.setdefault(identities.STUDENT_SYSTEM, {})[member.person_sourcedid] = users[sub]
        if member.custom:
            for source, external_id in variables.service_user_ids(member.custom).items():
                told.setdefault(source, {})[external_id] = users[sub]
    return told
