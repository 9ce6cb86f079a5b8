"""Insert-unless-there, also while somebody else inserts the same."""

import threading
from collections.abc import Iterator

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select

from lti_tool.models import Lease, User
from lti_tool.services.launching import ensure_user
from lti_tool.services.upsert import insert_once

UNIQUE = ["registration_id", "organization_id", "platform_user_id"]


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def insert(course: Course, sub: str, name: str | None = None) -> int | None:
    """Insert a user."""
    with course.database.write() as session:
        key = dict(zip(UNIQUE, (course.registration_id, course.organization_id, sub), strict=True))
        return insert_once(session, User, UNIQUE, name=name, created_at=START, **key)


def test_the_first_insert_gives_the_key_and_the_second_changes_nothing(course: Course) -> None:
    key = insert(course, "ada", "Ada")
    assert insert(course, "ada", "Somebody else") is None
    assert insert(course, "ben") not in {None, key}
    with course.database.read() as session:
        assert dict(session.execute(select(User.id, User.name).where(User.platform_user_id == "ada")).all()) == {
            key: "Ada"
        }


def test_a_key_that_is_no_number_is_given_back_too(course: Course) -> None:
    for expected in ("sweep", None):
        with course.database.write() as session:
            assert insert_once(session, Lease, ["name"], name="sweep", holder="a", until=START) == expected


def test_of_many_at_once_one_inserts(course: Course) -> None:
    keys: list[int | None] = []
    ready = threading.Barrier(6)

    def run() -> None:
        ready.wait()
        keys.append(insert(course, "ada"))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key is None for key in keys) == [False, *[True] * 5]


def test_who_loses_the_race_finds_the_row(course: Course) -> None:
    """The loser looked before the winner committed: it waits, then finds what the winner made."""
    ids: list[int] = []
    ready = threading.Barrier(4)

    def run() -> None:
        with course.database.write() as session:
            if course.database.engine.dialect.name == "postgresql":
                session.scalar(select(func.count(User.id)))  # all have looked before anybody inserts
                ready.wait()
            user = ensure_user(
                session, course.registration_id, course.organization_id, "ada", START, name="Ada", email=None
            )
            ids.append(user.id)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1
