"""Who the people are that a platform's own API and its rosters name.

A platform's API calls people by ids of its own (``PlatformIdentity``). Which user of LTI that is, only the platform
says: a launch from the course's own link, a roster, or the source itself. Nobody is ever matched by name or e-mail,
and an id that nobody explained is nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lti_tool.evidence.base import PersonReading
from lti_tool.lti import variables
from lti_tool.models import Context, Membership, PlatformIdentity, User

STUDENT_SYSTEM = "sis"
"""The ``source`` of ids of the student system (LTI ``lis.person_sourcedid``), which rosters tell."""
_MOST_AT_ONCE = 500
"""Values in one ``IN``."""
_USERS, _IDENTITIES = cast("Table", User.__table__), cast("Table", PlatformIdentity.__table__)
_KNOWN_USERS = select(_USERS.c.platform_user_id, _USERS.c.id).where(
    _USERS.c.registration_id == bindparam("registration"),
    _USERS.c.organization_id == bindparam("organization"),
    _USERS.c.platform_user_id.in_(bindparam("names", expanding=True)),
)
_KNOWN_IDENTITIES = select(_IDENTITIES.c.external_id, _IDENTITIES.c.user_id).where(
    _IDENTITIES.c.registration_id == bindparam("registration"),
    _IDENTITIES.c.organization_id == bindparam("organization"),
    _IDENTITIES.c.source == bindparam("source_name"),
    _IDENTITIES.c.external_id.in_(bindparam("names", expanding=True)),
)
_CORRECT = (
    update(_IDENTITIES)
    .where(
        _IDENTITIES.c.registration_id == bindparam("registration"),
        _IDENTITIES.c.organization_id == bindparam("organization"),
        _IDENTITIES.c.source == bindparam("source_name"),
        _IDENTITIES.c.external_id == bindparam("external"),
    )
    .values(user_id=bindparam("user"), seen_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class School:
    """The institution on a platform within which names of people mean somebody."""

    registration_id: int
    organization_id: int

    def parameters(self) -> dict[str, Any]:
        """As the statements here want them."""
        return {"registration": self.registration_id, "organization": self.organization_id}


def ensure_users(session: Session, school: School, platform_user_ids: Iterable[str], now: datetime) -> dict[str, int]:
    """Return the user of each ``sub``; whom nobody knew yet is made, without a membership."""
    wanted = sorted(set(platform_user_ids))
    found = _users(session, school, wanted)
    missing = [one for one in wanted if one not in found]
    if missing:
        rows = [
            {
                "registration_id": school.registration_id,
                "organization_id": school.organization_id,
                "platform_user_id": one,
                "created_at": now,
            }
            for one in missing
        ]
        session.connection().execute(_insert_once(session, _USERS), rows)
        found |= _users(session, school, missing)
    return found


def find_users(session: Session, school: School, source: str, external_ids: Iterable[str]) -> dict[str, int]:
    """Return the users of those ids of a platform's API that somebody explained."""
    return _ask(session, _KNOWN_IDENTITIES, {**school.parameters(), "source_name": source}, sorted(set(external_ids)))


def store_identities(
    session: Session,
    school: School,
    source: str,
    users: Mapping[str, int],
    now: datetime,
    *,
    is_final: bool = True,
) -> int:
    """Remember which user each external id is; returns how many were new or another's before.

    ``is_final=False``: what was known before stands (a launch may carry parameters that an instructor typed).
    """
    if not users:
        return 0
    known = find_users(session, school, source, users)
    new = {one: user for one, user in users.items() if one not in known}
    if new:
        rows = [
            {
                "registration_id": school.registration_id,
                "organization_id": school.organization_id,
                "source": source,
                "external_id": external_id,
                "user_id": user_id,
                "seen_at": now,
            }
            for external_id, user_id in sorted(new.items())
        ]
        session.connection().execute(_insert_once(session, _IDENTITIES), rows)
    changed = {one: user for one, user in users.items() if is_final and known.get(one, user) != user}
    if changed:
        place = {**school.parameters(), "source_name": source, "now": now}
        rows = [{**place, "external": external_id, "user": user_id} for external_id, user_id in changed.items()]
        session.connection().execute(_CORRECT, rows)
    return len(new) + len(changed)


def store_people(
    session: Session, context: Context, school: School, source: str, people: Collection[PersonReading], now: datetime
) -> int:
    """Remember who is who as a source says, and mark test users; returns how many identities or marks are new.

    Somebody whom the platform merged has several ids. A test user without a ``sub`` may be known from a launch.
    """
    named = {one.external_id: one.platform_user_id for one in people if one.platform_user_id is not None}
    users = ensure_users(session, school, named.values(), now)
    told = {external_id: users[sub] for external_id, sub in named.items()}
    tests = {one.external_id for one in people if one.is_test_user}
    known = find_users(session, school, source, tests - told.keys()) | told
    marked = mark_test_users(session, context.id, {known[one] for one in tests if one in known})
    return store_identities(session, school, source, told, now) + marked


def mark_test_users(session: Session, context_id: int, user_ids: Collection[int]) -> int:
    """Say of members that they are nobody's learner; once a test user, always one. Returns of how many it is new."""
    if not user_ids:
        return 0
    marked = session.execute(
        update(Membership)
        .where(Membership.context_id == context_id, Membership.user_id.in_(list(user_ids)))
        .where(~Membership.is_test_user)
        .values(is_test_user=True)
        .returning(Membership.id)
    )
    return len(marked.all())


def note_launch(
    session: Session, context: Context, user: User, custom: Mapping[str, str], link_id: str | None, now: datetime
) -> None:
    """Remember what a launch says the platform's API calls its user (``variables.service_user_ids``).

    Only of launches from the course's own link: instructors can add parameters to the others.
    """
    if link_id is not None and link_id != context.platform_id:
        return
    school = School(user.registration_id, user.organization_id)
    for source, external_id in variables.service_user_ids(custom).items():
        store_identities(session, school, source, {external_id: user.id}, now, is_final=False)


def is_anybody_new(session: Session, context_id: int, source: str, since: datetime) -> bool:
    """Whether somebody of a course became known to a source since then."""
    found = (
        exists()
        .where(
            Membership.context_id == context_id,
            PlatformIdentity.user_id == Membership.user_id,
            PlatformIdentity.source == source,
            PlatformIdentity.seen_at > since,
        )
        .select()
    )
    return bool(session.scalar(found))


def _users(session: Session, school: School, names: list[str]) -> dict[str, int]:
    return _ask(session, _KNOWN_USERS, school.parameters(), names)


def _ask(session: Session, statement: Any, parameters: dict[str, Any], names: list[str]) -> dict[str, int]:
    connection = session.connection()
    found: dict[str, int] = {}
    for start in range(0, len(names), _MOST_AT_ONCE):
        some = names[start : start + _MOST_AT_ONCE]
        found.update((row[0], row[1]) for row in connection.execute(statement, {**parameters, "names": some}))
    return found


def _insert_once(session: Session, table: Table) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
