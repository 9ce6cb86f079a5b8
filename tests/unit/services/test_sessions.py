"""Session rows: entering once, keeping keys, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from web_world import START, World, make_world

from lti_tool.errors import SessionExpiredError
from lti_tool.models import LaunchSession
from lti_tool.services import sessions
from lti_tool.services.sessions import LaunchView


@pytest.fixture
def world(any_database: str) -> Iterator[World]:
    """A tool with one platform."""
    world = make_world(any_database)
    yield world
    world.services.database.engine.dispose()


def view(world: World, secret: str) -> LaunchView:
    with world.services.database.read() as session:
        found = sessions.find_launch_session(session, secret)
    assert found
    return found[0]


def test_of_many_who_enter_without_a_cookie_one_gets_a_secret(world: World) -> None:
    opened = world.open()

    def enter(_: int) -> str | None:
        try:
            with world.services.database.write() as session:
                return sessions.enter(session, opened.ticket, None, START).path_secret
        except SessionExpiredError:
            return None

    with ThreadPoolExecutor(6) as pool:
        secrets = [secret for secret in pool.map(enter, range(6)) if secret]
    assert len(secrets) == 1
    assert view(world, secrets[0]).session_id == opened.launch_session_id


def test_only_what_changed_is_written(world: World) -> None:
    opened = world.open()
    one = view(world, opened.secret)
    later = START + timedelta(minutes=5)
    with world.services.database.write() as session:
        sessions.keep(session, one, START, changed={"a": 1, "b": 2})
    with world.services.database.write() as session:
        sessions.keep(session, one, later, changed={"c": [1]}, removed=["a", "never"])
    with world.services.database.read() as session:
        row = session.get_one(LaunchSession, opened.launch_session_id)
    assert row.data == {"b": 2, "c": [1]}
    assert (row.seen_at, row.expires_at) == (later, later + timedelta(minutes=30))


def test_keeping_what_ended_meanwhile_changes_nothing(world: World) -> None:
    opened = world.open()
    one = view(world, opened.secret)
    with world.services.database.write() as session:
        session.delete(session.get_one(LaunchSession, opened.launch_session_id))
    with world.services.database.write() as session:
        sessions.keep(session, one, START, changed={"a": 1})
    with world.services.database.read() as session:
        assert session.get(LaunchSession, opened.launch_session_id) is None


def test_a_view_says_who_acts(world: World) -> None:
    named, unnamed = world.open(), world.open(sub=None)
    assert view(world, named.secret).actor == f"user:{named.user_id}"
    assert view(world, unnamed.secret).actor == "anonymous"
    assert view(world, unnamed.secret).is_anonymous


def test_rows_of_sessions_that_ended_are_forgotten_after_a_day(world: World) -> None:
    world.open()
    kept = timedelta(minutes=30) + sessions.KEPT
    for late, left in ((timedelta(0), 1), (timedelta(seconds=1), 0)):
        with world.services.database.write() as session:
            sessions.sweep(session, START + kept + late)
            assert session.scalar(select(func.count(LaunchSession.id))) == left
