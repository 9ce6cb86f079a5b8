"""Observations: added when something changed, never changed, never a zero that nobody gave."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import select

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models import EvidenceColumn, Fact, Membership, MembershipStatus
from lti_tool.services import observing

HOUR = timedelta(hours=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def held(course: Course, column_id: int) -> dict[int, tuple[EvidenceState, Decimal | None]]:
    """What holds now, by user."""
    with course.database.read() as session:
        facts = session.scalars(select(Fact).where(Fact.column_id == column_id))
        return {fact.user_id: (fact.observation.state, fact.observation.score) for fact in facts}


def absent(course: Course, column_id: int, *seen: int) -> int:
    """A whole column was read, and showed only ``seen``."""
    with course.database.write() as session:
        return observing.store_absence(session, column_id, set(seen), course.now)


def test_no_score_is_not_zero(course: Course) -> None:
    column, ada, ben = course.column(), course.person("ada"), course.person("ben")
    course.grade(column, ada, None)
    course.grade(column, ben, "0")
    assert held(course, column) == {ada: (EvidenceState.UNGRADED, None), ben: (EvidenceState.GRADED, Decimal(0))}


@pytest.mark.parametrize(
    ("first", "second", "added"),
    [
        (("70", "100"), ("70", "100"), 0),
        (("70", "100"), ("70.0", "100.00"), 0),
        (("70", "100"), ("69.9999", "100"), 1),
        (("70", "100"), ("70", "140"), 1),
        (("0", "100"), (None, "100"), 1),
        ((None, None), (None, None), 0),
    ],
    ids=["same", "same value", "a little less", "another maximum", "zero taken back", "still none"],
)
def test_an_observation_is_added_only_when_something_changed(
    course: Course, first: tuple[str | None, str | None], second: tuple[str | None, str | None], added: int
) -> None:
    column, ada = course.column(), course.person("ada")
    assert course.grade(column, ada, *first) == 1
    course.now += HOUR
    assert course.grade(column, ada, *second) == added
    rows = course.observations(column)
    assert len(rows) == 1 + added
    assert held(course, column)[ada] == (rows[-1].state, rows[-1].score)
    assert rows[0].fetched_at == START


@pytest.mark.parametrize(
    "change", [{"letter": "B"}, {"submitted_at": START}, {"graded_at": START}], ids=lambda change: next(iter(change))
)
def test_more_than_the_score_is_observed(course: Course, change: dict[str, Any]) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, "70")
    assert course.grade(column, ada, "70", **change) == 1
    assert course.grade(column, ada, "70", **change) == 0
    ((name, value),) = change.items()
    assert [getattr(one, name) for one in course.observations(column)] == [None, value]


def test_a_later_touch_without_a_change_adds_nothing(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, "70", source_updated_at=START)
    assert course.grade(column, ada, "70", source_updated_at=START + HOUR) == 0


def test_an_older_word_does_not_replace_a_newer(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, "80", source_updated_at=START + HOUR)
    assert course.grade(column, ada, "40", source_updated_at=START) == 0
    assert held(course, column)[ada][1] == Decimal(80)
    assert course.grade(column, ada, "40", source_updated_at=START + 2 * HOUR) == 1


def test_a_person_named_twice_on_a_page_counts_once(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    with course.database.write() as session:
        readings = [
            observing.ObservationReading("ada", EvidenceState.GRADED, Decimal(score), Decimal(100)) for score in (1, 2)
        ]
        assert observing.store_observations(session, column, [(ada, one) for one in readings], START) == 1
    assert held(course, column)[ada][1] == Decimal(2)


def test_a_result_that_vanished_becomes_ungraded_and_keeps_its_past(course: Course) -> None:
    column, ada, ben = course.column(), course.person("ada"), course.person("ben")
    course.grade(column, ada, "80")
    course.grade(column, ben, "60")
    assert absent(course, column, ben) == 1
    assert held(course, column) == {ada: (EvidenceState.UNGRADED, None), ben: (EvidenceState.GRADED, Decimal(60))}
    assert [one.score for one in course.observations(column) if one.user_id == ada] == [Decimal(80), None]
    assert absent(course, column, ben) == 0


def test_a_result_may_come_back(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, "80", source_updated_at=START)
    absent(course, column)
    assert course.grade(column, ada, "80", source_updated_at=START) == 1
    assert held(course, column)[ada] == (EvidenceState.GRADED, Decimal(80))


def test_who_never_had_a_result_is_not_written_down(course: Course) -> None:
    column = course.column()
    course.person("ada")
    assert absent(course, column) == 0
    assert held(course, column) == {}


def test_who_left_is_inactive_and_who_came_back_active(course: Course) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    course.depart(ben)
    with course.database.read() as session:
        found = dict(session.execute(select(Membership.user_id, Membership.status)).all())
    assert found == {ada: MembershipStatus.INACTIVE, ben: MembershipStatus.ACTIVE}
    assert course.person("ada") == ada
    with course.database.read() as session:
        assert session.scalar(select(Membership.status).where(Membership.user_id == ada)) is MembershipStatus.ACTIVE


def test_a_column_is_stored_once_and_brought_up_to_date(course: Course) -> None:
    first = course.column("Essay", "100", key="k")
    assert course.column("Essay, second draft", None, key="k") == first
    with course.database.read() as session:
        column = session.scalars(select(EvidenceColumn)).one()
    assert (column.title, column.maximum) == ("Essay, second draft", None)


def test_a_column_no_longer_listed_is_gone_until_it_is_listed_again(course: Course) -> None:
    kept, left = course.column("Kept"), course.column("Left")

    def gone() -> list[int]:
        with course.database.read() as session:
            return list(session.scalars(select(EvidenceColumn.id).where(EvidenceColumn.is_gone)))

    with course.database.write() as session:
        observing.mark_gone(session, course.context_id, "another source", [])
    assert gone() == []
    with course.database.write() as session:
        observing.mark_gone(session, course.context_id, "ags", [kept])
    assert gone() == [left]
    course.column("Left")
    assert gone() == []
