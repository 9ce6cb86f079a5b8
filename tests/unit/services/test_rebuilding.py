"""Every award rebuilds from its traces, whatever was mapped or written since; what was altered is found."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from award_world import PERSON, WHY, award_of, grade_all, set_policy, take
from courses import START, Course, course_on
from sqlalchemy import delete, update
from sqlalchemy.orm.attributes import flag_modified

from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, EvidenceColumn, Fact, Membership, Observation, Trace
from lti_tool.services import achievements, mapping, rebuilding, revoking
from lti_tool.services.frameworks import course_items


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def outcomes(course: Course, user_id: int) -> list[str]:
    with course.database.read() as session:
        return [one.outcome.value for one in rebuilding.rebuild(session, award_of(course, user_id).id)]


def rich(course: Course) -> tuple[int, int, int]:
    """A badge that looks at everything a rule can look at, earned and claimed: essay, lab, learner."""
    essay, lab, ada = course.column("Essay"), course.column("Lab", "30"), course.person("ada")
    skill = course.skill("Write", {essay: "70.5", lab: "20"})
    first = course.badge("First", {"column": "essay", "percent": {"at_least": "50"}})
    late = (START + timedelta(days=30)).isoformat()
    rule: dict[str, Any] = {
        "all": [
            {"competency": skill},
            {"achievement": course.public_id(first)},
            {"before": {"default": START.isoformat(), "sections": {"s1": late}}, "of": {
                "any": [{"column": "lab", "points": {"at_least": "20"}}, {"column": "essay", "submitted": True}]}},
            {"column": "essay", "letter": {"one_of": ["A"], "scheme": ["A", "B"]}},
            {"section": "s1"},
        ]
    }  # fmt: skip
    badge = course.badge("Scientist", rule)
    with course.database.write() as session:
        session.execute(update(Membership).values(sections=["s1", "s2"]))
        session.execute(update(EvidenceColumn).values(grading_scheme=["A", "B"]))
    course.grade(essay, ada, "70.5", submitted_at=START, graded_at=START + timedelta(minutes=5), letter="A")
    course.grade(lab, ada, "21.5", "30", submitted_at=START + timedelta(days=2))
    assert course.evaluate().offered == 2
    take(course, ada, badge)
    return essay, lab, ada


def test_an_award_rebuilds_whatever_was_changed_since(course: Course) -> None:
    essay, lab, ada = rich(course)
    with course.database.write() as session:
        for item in course_items(session, course.context_id):
            mapping.map_column(session, course.context_id, essay, item.id, Decimal(99))
        for column in (essay, lab):
            row = session.get_one(EvidenceColumn, column)
            row.title, row.maximum, row.grading_scheme, row.is_gone = "Renamed", Decimal(7), ["X"], True
        for number in (1, 2):
            achievement = session.get_one(Achievement, number)
            achievements.write_rule(session, achievement, {"section": "elsewhere"}, course.now)
        session.execute(update(Membership).values(sections=[]))
    course.later(days=1)
    course.grade(essay, ada, "1")
    assert outcomes(course, ada) == ["same", "same"]


def test_an_altered_observation_or_trace_is_found(course: Course) -> None:
    essay, _, ada = rich(course)
    with course.database.write() as session:
        observation = session.query(Observation).filter_by(column_id=essay, user_id=ada).one()
        observation.score = Decimal(80)
    assert outcomes(course, ada) == ["different", "different"]
    with course.database.write() as session:
        session.get_one(Observation, observation.id).score = Decimal("70.5")
        trace = session.query(Trace).order_by(Trace.id.desc()).first()
        assert trace is not None
        trace.document["basis"]["plans"] = {}
        flag_modified(trace, "document")
    assert outcomes(course, ada) == ["same", "different"]


def test_an_erased_observation_is_named_so(course: Course) -> None:
    essay, _, ada = rich(course)
    with course.database.write() as session:
        session.execute(delete(Fact).where(Fact.column_id == essay))
        session.execute(delete(Observation).where(Observation.column_id == essay))
    assert outcomes(course, ada) == ["erased", "erased"]


@pytest.mark.parametrize("document", [{}, {"basis": None}, {"verdict": "met"}], ids=["empty", "no basis", "cut"])
def test_an_old_or_unreadable_trace_says_so(course: Course, document: dict[str, Any]) -> None:
    _, _, ada = rich(course)
    with course.database.write() as session:
        for trace in session.query(Trace):
            trace.document = (trace.document | document) if document.get("basis", 1) is None else document
    assert set(outcomes(course, ada)) == {"no_basis"}
    with course.database.read() as session, pytest.raises(NotFoundError):
        rebuilding.rebuild(session, 404)


def test_what_a_person_did_stands_among_what_was_judged(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    set_policy(course, badge, duplicates="renew", validity_days=10, renewal_window_days=5)
    course.grade(column, ada, "90", graded_at=course.now)
    course.evaluate()
    take(course, ada)
    with course.database.write() as session:
        award_id = award_of(course, ada).id
        revoking.suspend(session, award_id, WHY, PERSON, course.now)
        revoking.restore(session, award_id, WHY, PERSON, course.now)
    assert outcomes(course, ada) == ["same", "same", "by_hand", "by_hand"]
    course.later(days=7)
    course.read_again(column)
    grade_all(course, column, [ada], "95")
    course.evaluate()
    assert (award_of(course, ada).occasion, outcomes(course, ada)) == ("renewal 1", ["same"])
