"""Invites: one-time, three days, the newest counts; and staff sessions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lti_tool.db import Database, make_engine
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import AuditEvent, Invite, StaffRole, StaffSession, StaffUser
from lti_tool.services import staff
from lti_tool.services.secrets import secret_hash

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(any_database: str) -> Iterator[Database]:
    """An empty database."""
    database = Database(make_engine(any_database))
    yield database
    database.engine.dispose()


def invite(database: Database, email: str = "Ada@Example.org", role: StaffRole = StaffRole.ADMIN) -> str:
    with database.write() as session:
        return staff.invite(session, email, role, NOW)


def spend(database: Database, token: str, now: datetime = NOW) -> StaffUser:
    with database.write() as session:
        return staff.spend_invite(session, token, now)


def test_an_invite_signs_in_once(database: Database) -> None:
    token = invite(database)
    user = spend(database, token)
    assert (user.email, user.role) == ("ada@example.org", StaffRole.ADMIN)
    with pytest.raises(ConflictError) as refused:
        spend(database, token)
    assert refused.value.code == "invite_used"
    with database.read() as session:
        assert session.scalars(select(Invite.token_hash)).all() == [secret_hash(token)]


def test_of_many_at_the_same_time_one_gets_in(database: Database) -> None:
    token = invite(database)

    def attempt(_: int) -> str:
        try:
            spend(database, token)
        except ConflictError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(attempt, range(6)))
    assert results == ["in", *["invite_used"] * 5]


def test_an_invite_lasts_three_days(database: Database) -> None:
    token = invite(database)
    with pytest.raises(ConflictError) as refused:
        spend(database, token, NOW + timedelta(days=3))
    assert refused.value.code == "invite_expired"
    assert spend(database, token, NOW + timedelta(days=3) - timedelta(seconds=1))


def test_a_newer_invite_ends_the_older_and_changes_the_role(database: Database) -> None:
    older, newer = invite(database), invite(database, "ada@example.org ", StaffRole.REVIEWER)
    with pytest.raises(ConflictError):
        spend(database, older)
    assert spend(database, newer).role is StaffRole.REVIEWER
    with database.read() as session:
        assert len(session.scalars(select(StaffUser)).all()) == 1


def test_a_disabled_person_needs_a_new_invite(database: Database) -> None:
    token = invite(database)
    with database.write() as session:
        session.scalars(select(StaffUser)).one().disabled_at = NOW
    with pytest.raises(ConflictError):
        spend(database, token)
    assert spend(database, invite(database)).disabled_at is None


def test_an_unknown_invite_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError) as refused:
        spend(database, "nothing")
    assert refused.value.code == "invite_unknown"


@pytest.mark.parametrize("email", ["", "ada", "@example.org", "ada@", "a da@example.org", "a" * 310 + "@example.org"])
def test_what_is_no_address_is_refused(database: Database, email: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        invite(database, email)
    assert (refused.value.code, refused.value.field) == ("email_invalid", "email")


def test_a_session_is_stored_hashed_and_ends(database: Database) -> None:
    user = spend(database, invite(database))
    with database.write() as session:
        secret = staff.open_staff_session(session, user, NOW)
    with database.read() as session:
        row = session.scalars(select(StaffSession)).one()
    assert row.secret_hash == secret_hash(secret)
    assert row.expires_at == NOW + timedelta(minutes=30)
    for _ in range(2):
        with database.write() as session:
            staff.end_staff_session(session, row.id, user.id, NOW)
    with database.read() as session:
        assert session.scalars(select(StaffSession)).all() == []
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [event.action for event in events[:2]] == ["staff.invited", "staff.signed_in"]
    assert all("ada" not in f"{event.actor}{event.subject}" for event in events)
