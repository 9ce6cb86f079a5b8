"""From rows to what the domain decides on: who is judged, by what, and how far it can be trusted."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.rules import Facts
from lti_tool.domain.verdict import Verdict
from lti_tool.models import Achievement, AchievementState, Award
from lti_tool.services.gathering import STALE_AFTER, evaluated_user_ids, gather_facts, load_course


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    """A course."""
    with course_on(migrated_sqlite_url) as course:
        yield course


def facts_of(course: Course, *user_ids: int) -> dict[int, Facts]:
    """What is known about these users."""
    with course.database.read() as session:
        return gather_facts(session, load_course(session, course.context_id), user_ids, course.now)


def seen(course: Course, user_id: int) -> Evidence:
    """The one piece of evidence about a user."""
    (evidence,) = facts_of(course, user_id)[user_id].evidence.values()
    return evidence


def evaluated(course: Course) -> list[int]:
    """Who is evaluated."""
    with course.database.read() as session:
        return evaluated_user_ids(session, course.context_id)


def test_learners_are_evaluated_departed_ones_too(course: Course) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    course.depart(ben)
    assert evaluated(course) == [ada, ben]


@pytest.mark.parametrize(
    "person",
    [{"is_learner": False}, {"is_test_user": True}, {"enrolled": False}],
    ids=["staff", "test user", "a result without a membership"],
)
def test_others_are_not(course: Course, person: dict[str, Any]) -> None:
    column = course.column()
    course.badge_for(column)
    other = course.person("other", **person)
    course.grade(column, other, "100")
    assert evaluated(course) == []
    assert course.evaluate().offered == 0


def test_learners_of_another_course_are_not(course: Course) -> None:
    course.person("ada")
    here, course.context_id = course.context_id, course.add_course("course-2")
    assert evaluated(course) == []
    course.context_id = here


def test_evidence_carries_what_was_observed(course: Course) -> None:
    column, ada = course.column("Essay", "50"), course.person("ada")
    course.badge_for(column)
    course.grade(column, ada, "41.5", "50", submitted_at=START, graded_at=START + timedelta(hours=1))
    found = seen(course, ada)
    assert (found.slot, found.title, found.source, found.state) == ("essay", "Essay", "ags", EvidenceState.GRADED)
    assert (found.score, found.maximum) == (Decimal("41.5"), Decimal(50))
    assert (found.submitted_at, found.graded_at, found.checked_at) == (START, START + timedelta(hours=1), START)
    assert found.freshness is Freshness.FRESH


def test_without_a_result_the_work_is_ungraded(course: Course) -> None:
    column, ada = course.column("Essay", "50"), course.person("ada")
    course.badge_for(column)
    found = seen(course, ada)
    assert (found.state, found.score, found.maximum) == (EvidenceState.UNGRADED, None, Decimal(50))


def test_the_columns_maximum_serves_where_a_result_has_none(course: Course) -> None:
    column, ada = course.column("Essay", "50"), course.person("ada")
    course.badge_for(column)
    course.grade(column, ada, "40", None)
    assert seen(course, ada).maximum == Decimal(50)


@pytest.mark.parametrize(
    ("age", "changes", "expected"),
    [
        (STALE_AFTER, {}, Freshness.FRESH),
        (STALE_AFTER + timedelta(seconds=1), {}, Freshness.STALE),
        (timedelta(), {"checked_at": None}, Freshness.STALE),
        (timedelta(), {"is_gone": True}, Freshness.STALE),
        (timedelta(), {"failed_code": "platform_not_found"}, Freshness.FAILED),
        (STALE_AFTER * 2, {"failed_code": "platform_not_found"}, Freshness.FAILED),
    ],
    ids=["seven days", "a second more", "never read", "gone", "failed", "failed long ago"],
)
def test_freshness(course: Course, age: timedelta, changes: dict[str, Any], expected: Freshness) -> None:
    column, ada = course.column(), course.person("ada")
    course.badge_for(column)
    course.set_column(column, **changes)
    course.now += age
    assert seen(course, ada).freshness is expected


def test_each_user_has_their_own_facts_and_nobody_elses(course: Course) -> None:
    column = course.column()
    people = [course.person(sub) for sub in ("ada", "ben", "cem")]
    course.badge_for(column)
    for user_id, score in zip(people, ("10", "20", "30"), strict=True):
        course.grade(column, user_id, score)
    found = facts_of(course, *people[:2])
    assert {user_id: one.evidence["essay"].score for user_id, one in found.items()} == {
        people[0]: Decimal(10),
        people[1]: Decimal(20),
    }
    assert seen(course, people[2]).score == Decimal(30)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("offered", Verdict.MET),
        ("claimed", Verdict.MET),
        ("held", Verdict.UNKNOWN),
        ("suspended", Verdict.UNKNOWN),
        ("lapsed", None),
        ("declined", None),
        ("revoked", None),
    ],
)
def test_what_an_award_means_for_badges_that_build_on_it(course: Course, state: str, expected: Verdict | None) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    with course.database.write() as session:
        session.query(Award).update({"state": state})
    assert facts_of(course, ada)[ada].achievements.get(course.public_id(badge)) is expected


def test_only_live_badges_are_judged_unless_drafts_are_asked_for(course: Course) -> None:
    badges = {state: course.badge_for(course.column(state.value), name=state.value) for state in AchievementState}
    with course.database.write() as session:
        for state, badge in badges.items():
            session.get_one(Achievement, badge).state = state
    with course.database.read() as session:
        live = load_course(session, course.context_id)
        all_but_retired = load_course(session, course.context_id, drafts=True)
    assert [one.achievement.id for one in live.judged] == [badges[AchievementState.LIVE]]
    assert {one.achievement.id for one in all_but_retired.judged} == set(badges.values()) - {
        badges[AchievementState.RETIRED]
    }
    assert list(live.titles.values()) == ["live"]
