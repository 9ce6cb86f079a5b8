"""What is asked every two seconds, or in every evaluation, reads no table that grows from end to end."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import event
from sqlalchemy.orm import Session

from lti_tool.jobs import schedule
from lti_tool.services import (
    audit_chain,
    awarding,
    course_sync,
    delivery,
    issuing,
    mirrored_awards,
    notices,
    reviews,
    scores,
    sessions,
    standings,
    tickets,
)

SMALL = {
    "issuing_platform",
    "registration",
    "deployment",
    "lease",
    "template_adoption",
    "mapping_template",
    "context_copy",
    "term",
}
"""Tables that have a row for what a person did, not for every learner, grade or hour."""


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        course.badge_for(course.column())
        yield course


def scanned(course: Course, ask: Callable[[Session], Any]) -> set[str]:
    """The tables, not small ones, that the statements of ``ask`` read without an index (SQLite's own word)."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(course.database.engine, "before_cursor_execute", note)
    try:
        with course.database.write() as session:
            ask(session)
            questions = [one for one in asked if one[0].startswith(("SELECT", "UPDATE", "DELETE"))]
            plans = [
                row[3]
                for statement, parameters in questions
                for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    finally:
        event.remove(course.database.engine, "before_cursor_execute", note)
    assert questions
    found = (re.match(r"SCAN (\w+)(?! USING)$", plan) for plan in plans)
    return {match[1] for match in found if match} - SMALL


SWEEPS: dict[str, Callable[[Session, Course], Any]] = {
    "readings": lambda session, course: course_sync.due_runs(session, course.now),
    "evaluations": lambda session, _: awarding.evaluation_due(session),
    "reviews": lambda session, course: reviews.due_contexts(session, course.now),
    "signatures": lambda session, course: issuing.pending_versions(session, course.now),
    "deliveries": lambda session, course: delivery.due_deliveries(session, course.now),
    "scores": lambda session, course: scores.due_posts(session, course.now),
    "issuing platforms": lambda session, course: mirrored_awards.due(session, course.now),
    "tickets": lambda session, course: tickets.sweep(session, course.now),
    "sessions": lambda session, course: sessions.sweep(session, course.now),
}
EVALUATION: dict[str, Callable[[Session, Course], Any]] = {
    "evaluation": lambda session, course: awarding.evaluate_course(session, course.context_id, course.now),
    "standings": lambda session, course: standings.standings(session, course.context_id, 1, course.now),
    "notices": lambda session, _: notices.about_award(session, 1),
}


@pytest.mark.parametrize("name", [*SWEEPS, *EVALUATION])
def test_no_growing_table_is_read_from_end_to_end(course: Course, name: str) -> None:
    ask = {**SWEEPS, **EVALUATION}[name]
    assert scanned(course, lambda session: ask(session, course)) == set()


def test_only_the_courses_are_gone_through_to_find_what_is_to_be_read_again(course: Course) -> None:
    def ask(session: Session) -> int:
        return schedule.request_regular_syncs(session, timedelta(hours=1), course.now)

    assert scanned(course, ask) <= {"context"}


def test_what_is_not_sealed_is_found_by_its_own_index(course: Course) -> None:
    plans: list[str] = []

    def note(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    event.listen(course.database.engine, "before_cursor_execute", note)
    with course.database.read() as session:
        audit_chain.due(session, course.now)
    event.remove(course.database.engine, "before_cursor_execute", note)
    (plan,) = [plan for plan in plans if "audit_event" in plan]
    assert plan.endswith(" ix_audit_event_unsealed")
