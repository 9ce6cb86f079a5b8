"""What was last heard of a platform is noted, sparingly; registrations are switched off and on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from lti_tool.db import Database, make_engine
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import AuditEvent, Registration, RegistrationHealth
from lti_tool.services import platform_invites, registrations
from lti_tool.services.platform_page import Health, find_health

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(any_database: str) -> Iterator[Database]:
    """One registration."""
    database = Database(make_engine(any_database))
    with database.write() as session:
        address = "https://lms.example/x"
        session.add(
            Registration(
                name="Lakeside",
                issuer="https://lms.example",
                client_id="1",
                auth_login_url=address,
                auth_token_url=address,
                key_set_url=address,
                created_at=NOW,
            )
        )
    yield database
    database.engine.dispose()


def health(database: Database) -> Health:
    with database.read() as session:
        return find_health(session, 1)


def writes(database: Database, what: Any) -> int:
    """How many statements that change something ``what`` makes."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    with database.write() as session:
        what(session)
    event.remove(database.engine, "before_cursor_execute", note)
    return sum(one.startswith(("UPDATE", "INSERT")) for one in seen)


def test_a_launch_is_noted_at_most_once_a_minute(database: Database) -> None:
    assert health(database) == Health()
    assert writes(database, lambda session: registrations.note_launch(session, 1, 5, NOW)) > 0
    assert health(database) == Health(launched_at=NOW, clock_skew_seconds=5)
    soon = NOW + MINUTE - timedelta(seconds=1)
    assert writes(database, lambda session: registrations.note_launch(session, 1, 99, soon)) == 0
    assert writes(database, lambda session: registrations.note_launch(session, 1, -2, NOW + MINUTE)) == 1
    assert health(database) == Health(launched_at=NOW + MINUTE, clock_skew_seconds=-2)


def test_tokens_calls_and_failures_are_noted_beside_each_other(database: Database) -> None:
    with database.write() as session:
        registrations.note_failure(session, 1, "host_slow", NOW)
        registrations.note_token(session, 1, {"b", "a"}, NOW + MINUTE)
        registrations.note_service(session, 1, NOW + 2 * MINUTE)
    assert health(database) == Health(
        token_at=NOW + MINUTE,
        token_scopes=("a", "b"),
        service_at=NOW + 2 * MINUTE,
        failed_at=NOW,
        failed_code="host_slow",
    )


@pytest.mark.parametrize(
    ("code", "after", "is_written"),
    [
        ("host_slow", timedelta(seconds=59), False),
        ("token_refused", timedelta(seconds=1), True),
        ("host_slow", MINUTE, True),
    ],
)
def test_the_same_failure_is_noted_once_a_minute(
    database: Database, code: str, after: timedelta, is_written: bool
) -> None:
    with database.write() as session:
        registrations.note_failure(session, 1, "host_slow", NOW)
    assert bool(writes(database, lambda one: registrations.note_failure(one, 1, code, NOW + after))) is is_written
    assert health(database).failed_at == (NOW + after if is_written else NOW)


def test_a_service_call_is_noted_at_most_once_a_minute(database: Database) -> None:
    with database.write() as session:
        registrations.note_service(session, 1, NOW)
    assert writes(database, lambda one: registrations.note_service(one, 1, NOW + timedelta(seconds=59))) == 0
    assert writes(database, lambda one: registrations.note_service(one, 1, NOW + MINUTE)) == 1


def test_a_row_that_somebody_wrote_is_used(database: Database) -> None:
    with database.write() as session:
        session.add(RegistrationHealth(registration_id=1, token_scopes=[]))
    with database.write() as session:
        registrations.note_launch(session, 1, None, NOW)
    assert health(database).launched_at == NOW


@pytest.mark.parametrize(
    ("heard", "is_failing"),
    [
        ({"failed_at": NOW}, True),
        ({"failed_at": NOW, "token_at": NOW - MINUTE}, True),
        ({"failed_at": NOW, "service_at": NOW + MINUTE, "token_at": NOW - MINUTE}, False),
        ({"token_at": NOW}, False),
        ({}, False),
    ],
)
def test_a_platform_fails_while_the_last_thing_heard_is_a_failure(heard: Any, is_failing: bool) -> None:
    assert Health(**heard).is_failing is is_failing


def test_switching_off_and_on_is_audited_once(database: Database) -> None:
    for is_off in (True, True, False, False):
        with database.write() as session:
            registrations.set_disabled(session, 1, is_off, actor="staff:1", now=NOW)
            assert (session.get_one(Registration, 1).disabled_at is not None) is is_off
    with database.read() as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["registration.disabled", "registration.enabled"]


def test_what_was_taken_over_stays_off_and_is_not_renewed(database: Database) -> None:
    with database.write() as session:
        session.get_one(Registration, 1).successor_id = 1
    with database.write() as session:
        with pytest.raises(ConflictError) as refused:
            registrations.set_disabled(session, 1, False, actor="staff:1", now=NOW)
        assert refused.value.code == "registration_adopted"
        with pytest.raises(ConflictError) as refused:
            platform_invites.invite_platform(session, "Lakeside", product=None, renews=True, actor="cli", now=NOW)
        assert refused.value.code == "registration_adopted"


def test_a_platform_that_is_not_there(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFoundError) as refused:
        registrations.get_by_id(session, 9)
    assert refused.value.code == "platform_not_found"
