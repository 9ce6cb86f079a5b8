"""What is heard of platforms is written down: often enough to be true, seldom enough to cost nothing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from courses import Course, course_on
from sqlalchemy import event

from lti_tool.models import RegistrationHealth
from lti_tool.services.platform_health import HealthNotes

HOST = "lms.example"


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course, for its platform, on both databases."""
    with course_on(any_database) as course:
        yield course


@pytest.fixture
def notes(course: Course) -> HealthNotes:
    """Notes of one process."""
    return HealthNotes(course.database, lambda: course.now)


def health(course: Course) -> RegistrationHealth | None:
    with course.database.read() as session:
        return session.get(RegistrationHealth, course.registration_id)


def tell(course: Course, notes: HealthNotes, code: str | None = None) -> int:
    """Tell of one call; returns how many statements that took."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(course.database.engine, "before_cursor_execute", count)
    try:
        notes.on_outcome(course.registration_id, HOST, code is None, code, course.now)
    finally:
        event.remove(course.database.engine, "before_cursor_execute", count)
    return len(statements)


def test_success_and_failure_are_noted_apart(course: Course, notes: HealthNotes) -> None:
    tell(course, notes)
    course.later(seconds=5)
    tell(course, notes, "platform_unavailable")
    row = health(course)
    assert row is not None
    assert row.service_at == course.now - timedelta(seconds=5)
    assert (row.failed_at, row.failed_code) == (course.now, "platform_unavailable")


def test_the_same_news_costs_nothing_for_a_minute(course: Course, notes: HealthNotes) -> None:
    assert tell(course, notes) > 0
    course.later(seconds=30)
    assert tell(course, notes) == 0
    course.later(seconds=31)
    assert tell(course, notes) > 0
    row = health(course)
    assert row is not None
    assert row.service_at == course.now


def test_another_failure_is_news(course: Course, notes: HealthNotes) -> None:
    tell(course, notes, "platform_unavailable")
    tell(course, notes, "token_refused")
    row = health(course)
    assert row is not None
    assert row.failed_code == "token_refused"


def test_a_failure_after_it_worked_again_is_news(course: Course, notes: HealthNotes) -> None:
    tell(course, notes, "platform_unavailable")
    course.later(seconds=1)
    tell(course, notes)
    course.later(seconds=1)
    assert tell(course, notes, "platform_unavailable") > 0


def test_a_token_is_noted_with_its_scopes(course: Course, notes: HealthNotes) -> None:
    notes.on_token(course.registration_id, {"b", "a"})
    row = health(course)
    assert row is not None
    assert (row.token_at, row.token_scopes) == (course.now, ["a", "b"])
