"""One-time passes."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select

from lti_tool.errors import ForbiddenError
from lti_tool.models import Ticket
from lti_tool.services.tickets import LIFE, make_ticket, spend_ticket, sweep

SECOND = timedelta(seconds=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def made(course: Course) -> str:
    """A ticket for the window that connects a backpack."""
    with course.database.write() as session:
        return make_ticket(session, "connect", None, {"credential_id": 7}, START)


def test_a_ticket_is_spent_once_and_carries_its_details(course: Course) -> None:
    token = made(course)
    with course.database.write() as session:
        ticket = spend_ticket(session, token, "connect", START + SECOND)
        assert (ticket.details, ticket.user_id, ticket.used_at) == ({"credential_id": 7}, None, START + SECOND)
    with course.database.write() as session, pytest.raises(ForbiddenError) as refusal:
        spend_ticket(session, token, "connect", START + SECOND)
    assert refusal.value.code == "ticket_refused"


@pytest.mark.parametrize(
    ("token", "purpose", "at"),
    [
        ("", "enter", START + SECOND),
        ("", "connect", START + LIFE),
        ("x", "connect", START + SECOND),
    ],
    ids=["another purpose", "a minute later", "another token"],
)
def test_a_wrong_ticket_is_refused_and_the_right_one_still_good(
    course: Course, token: str, purpose: str, at: object
) -> None:
    good = made(course)
    with course.database.write() as session, pytest.raises(ForbiddenError):
        spend_ticket(session, good + token, purpose, at)  # type: ignore[arg-type]
    with course.database.write() as session:
        assert spend_ticket(session, good, "connect", START + LIFE - SECOND).used_at is not None


def test_only_the_hash_is_stored(course: Course) -> None:
    token = made(course)
    with course.database.read() as session:
        ticket = session.scalars(select(Ticket)).one()
        assert token not in str(vars(ticket))
        assert len(token) >= 43


def test_of_many_windows_at_once_one_gets_in(course: Course) -> None:
    token = made(course)
    outcomes: list[bool] = []
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        try:
            with course.database.write() as session:
                spend_ticket(session, token, "connect", START)
        except ForbiddenError:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]


def test_old_tickets_are_forgotten_a_day_after_their_end(course: Course) -> None:
    made(course)
    for after, left in ((timedelta(days=1) + LIFE, 1), (timedelta(days=1) + LIFE + SECOND, 0)):
        with course.database.write() as session:
            sweep(session, START + after)
            assert session.scalar(select(func.count(Ticket.id))) == left
