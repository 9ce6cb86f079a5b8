"""Observations and facts: any order of the same words ends in the same state, and nothing is written twice."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ObservationReading
from lti_tool.models import Fact, Observation, User
from lti_tool.services import facts, identities
from lti_tool.services.seen_users import SeenUsers

MINUTE = timedelta(minutes=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    with course_on(any_database) as course:
        yield course


def word(score: int | None, minute: int | None = None, **more: Any) -> ObservationReading:
    """A score, said at a minute of the source's own clock."""
    return ObservationReading(
        platform_user_id="",
        state=EvidenceState.UNGRADED if score is None else EvidenceState.GRADED,
        score=None if score is None else Decimal(score),
        source_updated_at=None if minute is None else START + minute * MINUTE,
        **more,
    )


def store(course: Course, *readings: tuple[int, int, ObservationReading]) -> int:
    course.later(minutes=1)
    with course.database.write() as session:
        return facts.store(session, readings, course.now)


def held(course: Course) -> dict[tuple[int, int], Decimal | None]:
    with course.database.read() as session:
        rows = session.execute(
            select(Fact.column_id, Fact.user_id, Observation.score).join(
                Observation, Observation.id == Fact.observation_id
            )
        )
        return {(column, user): score for column, user, score in rows}


def history(course: Course, column: int, user: int) -> list[Decimal | None]:
    return [one.score for one in course.observations(column) if one.user_id == user]


@contextmanager
def statements(course: Course) -> Iterator[list[str]]:
    """What is asked of the database, but for the ends of transactions."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(course.database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(course.database.engine, "before_cursor_execute", note)


# -- order ------------------------------------------------------------------------------------------------------------


def test_the_same_again_later_makes_a_word_in_between_an_old_one(course: Course) -> None:
    """A was said at 1 and at 3, B at 2: A holds, however they arrive."""
    column = course.column()
    words = [word(70, 1), word(70, 3), word(60, 2)]
    for number, order in enumerate(itertools.permutations(words)):
        person = course.person(f"person-{number}")
        for one in order:
            store(course, (column, person, one))
        assert held(course)[column, person] == Decimal(70), order


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equally_old_words_the_one_read_later_holds(course: Course, order: tuple[int, int]) -> None:
    column, ada = course.column(), course.person("ada")
    words = [word(60, 5), word(70, 5)]
    for number in order:
        store(course, (column, ada, words[number]))
    assert held(course)[column, ada] == words[order[1]].score


def test_without_a_time_of_the_source_the_one_read_later_holds(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    assert [store(course, (column, ada, word(score))) for score in (60, 70, 70, 60)] == [1, 1, 0, 1]
    assert history(course, column, ada) == [60, 70, 60]


def test_the_same_without_a_time_does_not_forget_the_time(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    store(course, (column, ada, word(70, 5)))
    store(course, (column, ada, word(70)))
    assert store(course, (column, ada, word(60, 4))) == 0


def test_of_two_on_one_page_the_newer_one_holds_wherever_it_stands(course: Course) -> None:
    column, ada, ben = course.column(), course.person("ada"), course.person("ben")
    new, old = word(80, 9), word(40, 1)
    page = [(column, ada, new), (column, ada, old), (column, ben, old), (column, ben, new)]
    assert store(course, *page) == 2
    assert held(course) == {(column, ada): Decimal(80), (column, ben): Decimal(80)}


@pytest.mark.parametrize(
    "change",
    [{"attempt": 2}, {"letter": "B"}, {"graded_at": START}, {"submitted_at": START}],
    ids=lambda change: next(iter(change)),
)
def test_more_than_a_score_is_news(course: Course, change: dict[str, Any]) -> None:
    column, ada = course.column(), course.person("ada")
    assert [store(course, (column, ada, one)) for one in (word(70), word(70, **change), word(70, **change))] == [
        1,
        1,
        0,
    ]
    ((name, value),) = change.items()
    assert [getattr(one, name) for one in course.observations(column)] == [None, value]


SCORES = st.one_of(st.none(), st.integers(0, 3))


@st.composite
def told(draw: st.DrawFn) -> list[tuple[int, int, int, int | None]]:
    """(column, person, minute, score): each minute of one place has one score, and may be told several times."""
    places = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 5))
    scores = draw(st.dictionaries(places, SCORES, min_size=1, max_size=8))
    again = draw(st.lists(st.sampled_from(sorted(scores)), max_size=5))
    return [(*place, scores[place]) for place in [*scores, *again]]


@pytest.fixture
def grid(course: Course) -> tuple[list[int], list[int]]:
    """Two columns and two people."""
    return (
        [course.column(f"Work {number}") for number in range(2)],
        [course.person(f"person-{number}") for number in range(2)],
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=told(), chance=st.randoms(use_true_random=False))
def test_any_order_and_any_pages_end_in_the_same_state(course: Course, grid: Any, words: Any, chance: Any) -> None:
    with course.database.write() as session:
        session.query(Fact).delete()
        session.query(Observation).delete()
    columns, people = grid
    expected: dict[tuple[int, int], Decimal | None] = {}
    for column, person, _, score in sorted(words, key=lambda one: one[2]):
        expected[columns[column], people[person]] = None if score is None else Decimal(score)
    order = list(words)
    chance.shuffle(order)
    while order:
        size = chance.randint(1, 4)
        page, order = order[:size], order[size:]
        store(course, *((columns[one[0]], people[one[1]], word(one[3], one[2])) for one in page))
        if chance.random() < 0.5:  # the page comes again
            store(course, *((columns[one[0]], people[one[1]], word(one[3], one[2])) for one in page))
    assert held(course) == expected
    for column, person in expected:
        values = history(course, column, person)
        assert all(one != following for one, following in itertools.pairwise(values))


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 3])
def test_an_unchanged_page_costs_one_question_and_writes_nothing(course: Course, columns: int) -> None:
    numbers = [course.column(f"Work {number}") for number in range(columns)]
    people = [course.person(f"person-{number}") for number in range(60)]
    page = [(numbers[number % columns], user, word(number, number)) for number, user in enumerate(people)]
    assert store(course, *page) == 60
    with statements(course) as asked:
        assert store(course, *page) == 0
    assert [one.split()[0] for one in asked] == ["SELECT"]


@pytest.mark.parametrize("columns", [1, 3])
def test_a_page_is_written_by_two_statements(course: Course, columns: int) -> None:
    numbers = [course.column(f"Work {number}") for number in range(columns)]
    people = [course.person(f"person-{number}") for number in range(60)]
    with statements(course) as asked:
        store(course, *((numbers[number % columns], user, word(number)) for number, user in enumerate(people)))
    assert [one.split()[0] for one in asked] == ["SELECT", "INSERT", "INSERT"]


def test_facts_of_several_columns_are_found_by_their_index(migrated_sqlite_url: str) -> None:
    with course_on(migrated_sqlite_url) as course, course.database.read() as session:
        statement = f"EXPLAIN QUERY PLAN {facts._STATEMENTS['sqlite'].differing}"
        plan = [row[3] for row in session.connection().execute(text(statement), {"page": "[[1, 2], [3, 4]]"})]
    assert len(plan) == 3
    assert [one for one in plan if one.startswith("SCAN") and "page" not in one] == []


def test_a_page_without_anybody_is_a_page(course: Course) -> None:
    assert store(course) == 0


# -- who was seen -----------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 10**7), max_size=50), st.sets(st.integers(1, 10**7), max_size=50))
def test_who_was_seen_is_known_exactly(seen: set[int], others: set[int]) -> None:
    found = SeenUsers(seen)
    assert len(found) == len(seen)
    assert {one for one in seen | others if one in found} == seen


def test_a_hundred_thousand_take_little_memory() -> None:
    found = SeenUsers(range(5, 100_005))
    assert len(found) == 100_000
    assert len(found._blocks) < 400


# -- identities -------------------------------------------------------------------------------------------------------


def school(course: Course) -> identities.School:
    return identities.School(course.registration_id, course.organization_id)


def explain(course: Course, *, is_final: bool = True, **users: int) -> int:
    with course.database.write() as session:
        return identities.store_identities(session, school(course), "canvas", users, course.now, is_final=is_final)


def find(course: Course, *external_ids: str, source: str = "canvas") -> dict[str, int]:
    with course.database.read() as session:
        return identities.find_users(session, school(course), source, external_ids)


def test_an_id_that_nobody_explained_is_nobody(course: Course) -> None:
    ada = course.person("ada")
    assert explain(course, n17=ada) == 1
    assert find(course, "n17", "n18") == {"n17": ada}
    assert find(course, "n17", source="moodle") == {}
    with course.database.read() as session:
        elsewhere = identities.School(course.registration_id, course.organization_id + 1)
        assert identities.find_users(session, elsewhere, "canvas", ["n17"]) == {}


def test_two_ids_of_a_merged_user_are_one_person(course: Course) -> None:
    ada = course.person("ada")
    explain(course, n17=ada, n99=ada)
    assert find(course, "n17", "n99") == {"n17": ada, "n99": ada}


def test_the_platform_may_correct_who_it_is_and_a_launch_may_not(course: Course) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    explain(course, n17=ada)
    assert explain(course, is_final=False, n17=ben) == 0
    assert find(course, "n17") == {"n17": ada}
    assert explain(course, n17=ben) == 1
    assert find(course, "n17") == {"n17": ben}
    assert explain(course, n17=ben) == 0


def test_people_are_made_once_and_many_at_a_time(course: Course) -> None:
    ada = course.person("ada")
    names = ["ada", *(f"person-{number}" for number in range(1200))]
    with course.database.write() as session:
        first = identities.ensure_users(session, school(course), names, course.now)
    with course.database.write() as session:
        assert identities.ensure_users(session, school(course), names, course.now) == first
        assert len(session.scalars(select(User.id)).all()) == 1201
    assert first["ada"] == ada
    assert len(set(first.values())) == 1201
