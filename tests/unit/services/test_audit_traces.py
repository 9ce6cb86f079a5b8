"""Awards and their traces against the audit trail: whoever alters a row beside the chain is found out."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from award_world import PERSON, WHY, award_of, grade_all, set_policy, take
from courses import Course, course_on
from sqlalchemy import delete, insert, select, update

from lti_tool.domain.audit_chain import Finding, FindingCode
from lti_tool.domain.award_states import AwardState
from lti_tool.models import AuditEvent, AuditPayload, Award, Trace, TraceMoment
from lti_tool.services import audit_chain, claiming, hand_awards, revoking


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """Everything that happens to awards: offers, a claim, a lapse, a refusal, a gift, a revocation, a review."""
    with course_on(any_database) as course:
        column = course.column()
        badge = course.badge_for(column)
        people = [course.person(f"learner-{number}") for number in range(6)]
        grade_all(course, column, people[:5], "90")
        course.evaluate()
        take(course, people[0])
        take(course, people[1])
        take(course, people[4])
        with course.database.write() as session:
            claiming.decline(session, course.context_id, award_of(course, people[3]).id, people[3], course.now)
            hand_awards.award_by_hand(session, badge, [people[5]], WHY, None, PERSON, course.now)
            revoking.revoke_award(session, award_of(course, people[1]).id, WHY, PERSON, course.now)
        course.later(days=1)
        course.read_again(column)
        grade_all(course, column, [people[2], people[4]], "10")
        course.evaluate()
        yield course


def findings(course: Course) -> list[Finding]:
    with course.database.read() as session:
        return [one for report in audit_chain.verify(session) for one in report.findings]


def change(course: Course, *statements: object) -> None:
    with course.database.write() as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[call-overload]


def test_what_nobody_touched_is_vouched_for(course: Course) -> None:
    assert {state.value for state in course.states().values()} == {
        "claimed", "revoked", "lapsed", "declined", "offered",
    }  # fmt: skip
    assert {trace.moment for trace in course.traces()} >= {
        TraceMoment.OFFERED, TraceMoment.CLAIMED, TraceMoment.LAPSED, TraceMoment.REVOKED, TraceMoment.REVIEWED,
    }  # fmt: skip
    assert findings(course) == []


def test_a_badge_given_without_a_claim_is_vouched_for_twice(migrated_sqlite_url: str) -> None:
    with course_on(migrated_sqlite_url) as course:
        column = course.column()
        set_policy(course, course.badge_for(column), claim_mode="auto")
        course.grade(column, course.person("ada"), "90")
        assert course.evaluate().given == 1
        assert [trace.moment.value for trace in course.traces()] == ["offered", "claimed"]
        assert findings(course) == []


@pytest.mark.parametrize("number", [0, 5, -1])
@pytest.mark.parametrize("column", ["document", "moment", "taken_at"])
def test_an_altered_trace_is_found(course: Course, column: str, number: int) -> None:
    trace = course.traces()[number]
    document = {**trace.document, "verdict": "unknown"}
    values = {"document": document, "moment": TraceMoment.SUSPENDED, "taken_at": trace.taken_at + timedelta(seconds=1)}
    change(course, update(Trace).where(Trace.id == trace.id).values({column: values[column]}))
    (found,) = findings(course)
    assert (found.code, found.row) == (FindingCode.TRACE_ALTERED, f"trace:{trace.id}")
    assert found.event_id is not None


def test_a_trace_put_to_another_award_is_found(course: Course) -> None:
    first, second = course.traces()[:2]
    change(course, update(Trace).where(Trace.id == first.id).values(award_id=second.award_id))
    assert [one.code for one in findings(course)] == [FindingCode.TRACE_ALTERED]


def test_a_removed_trace_is_found(course: Course) -> None:
    trace = course.traces()[0]
    change(course, delete(Trace).where(Trace.id == trace.id))
    assert [(one.code, one.row) for one in findings(course)] == [(FindingCode.TRACE_MISSING, f"trace:{trace.id}")]


def test_an_invented_trace_is_found(course: Course) -> None:
    first = course.traces()[0]
    values = {"award_id": first.award_id, "moment": first.moment, "award_rule_id": first.award_rule_id}
    change(course, insert(Trace).values(**values, document=first.document, taken_at=first.taken_at))
    assert [one.code for one in findings(course)] == [FindingCode.TRACE_UNKNOWN]


def test_a_revoked_award_brought_back_is_found(course: Course) -> None:
    with course.database.read() as session:
        revoked = session.scalars(select(Award.id).where(Award.state == AwardState.REVOKED)).one()
    change(course, update(Award).where(Award.id == revoked).values(state=AwardState.CLAIMED))
    assert [(one.code, one.row) for one in findings(course)] == [(FindingCode.AWARD_ALTERED, f"award:{revoked}")]


def test_an_award_that_no_event_knows_is_found(course: Course) -> None:
    award = course.traces()[0].award_id
    with course.database.write() as session:
        found = session.get_one(Award, award)
        names = [column.name for column in Award.__table__.columns if column.name not in {"id", "occasion"}]
        values = {name: getattr(found, name) for name in names}
        session.execute(insert(Award).values(**values, occasion="invented"))
    assert [one.code for one in findings(course)] == [FindingCode.AWARD_ALTERED]


def test_an_award_whose_details_were_erased_is_left_out(course: Course) -> None:
    trace = course.traces()[0]
    events = select(AuditEvent.id).where(AuditEvent.subject == f"award:{trace.award_id}")
    change(
        course,
        delete(AuditPayload).where(AuditPayload.audit_event_id.in_(events)),
        update(Trace).where(Trace.award_id == trace.award_id).values(document={}),
    )
    assert findings(course) == []
