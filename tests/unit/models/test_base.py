"""Column types that lose nothing on either database, and the label that every column carries."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from courses import START, Course, course_on
from sqlalchemy import Column, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from lti_tool.models import AuditPayload, Base, EvidenceColumn, Observation, User
from lti_tool.models.base import new_public_id

LABELS = {"none", "pseudonymous", "personal", "secret"}
COLUMNS = [column for table in Base.metadata.sorted_tables for column in table.columns]


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_column_says_whether_it_is_personal(column: Column[object]) -> None:
    assert column.info.get("pii") in LABELS


@pytest.mark.parametrize("name", ["secret_hash", "token_hash", "state_hash", "private_key", "access_token", "tokens"])
def test_what_sounds_secret_is_labelled_secret(name: str) -> None:
    found = [column for column in COLUMNS if column.name == name]
    assert found
    assert {column.info["pii"] for column in found} == {"secret"}


@pytest.mark.parametrize(
    "number", ["0", "69.5", "69.50", "0.1", "1E+3", "33.333333333333333333333333333333", "123456789012.0001", "-2.5"]
)
def test_a_decimal_comes_back_exactly(course: Course, number: str) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, number)
    (found,) = course.observations(column)
    assert isinstance(found.score, Decimal)
    assert found.score == Decimal(number)


@pytest.mark.parametrize(
    "moment",
    [
        START,
        datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-8))),
    ],
    ids=str,
)
def test_a_moment_comes_back_in_utc(course: Course, moment: datetime) -> None:
    column = course.column()
    course.set_column(column, checked_at=moment)
    with course.database.read() as session:
        found = session.scalar(select(EvidenceColumn.checked_at))
        assert session.scalar(select(EvidenceColumn.id).where(EvidenceColumn.checked_at == moment)) == column
    assert found == moment
    assert found is not None
    assert found.utcoffset() == timedelta()


def test_a_moment_without_a_time_zone_is_refused(course: Course) -> None:
    column = course.column()
    with pytest.raises(StatementError, match="time zone"):
        course.set_column(column, checked_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_moments_compare_across_zones(course: Course) -> None:
    course.set_column(course.column(), checked_at=datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    with course.database.read() as session:
        later = select(EvidenceColumn.id).where(EvidenceColumn.checked_at > datetime(2026, 1, 1, 9, 59, tzinfo=UTC))
        assert session.scalar(later) is not None


def test_a_word_that_is_no_state_is_refused(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.grade(column, ada, "1")
    with pytest.raises(StatementError), course.database.write() as session:
        session.execute(update(Observation).values(state="brilliant"))
    with pytest.raises(IntegrityError), course.database.write() as session:
        session.execute(text("UPDATE observation SET state = 'brilliant'"))


@pytest.mark.parametrize(("maximum", "fits"), [("0", True), ("0.5", True), (None, True), ("-0.5", False)])
def test_a_maximum_is_not_negative(course: Course, maximum: str | None, fits: bool) -> None:
    if fits:
        assert course.column(maximum=maximum)
    else:
        with pytest.raises(IntegrityError):
            course.column(maximum=maximum)


def test_a_document_comes_back_as_it_was(course: Course) -> None:
    document = {"name": "Zoë ☃", "list": [1, None, {"deep": True}], "text": 'a\\b"c'}
    with course.database.write() as session:
        from lti_tool.services import audit

        event = audit.record(session, "a.b", actor="job", subject="x:1", payload=document, now=START)
    with course.database.read() as session:
        assert session.get_one(AuditPayload, event.id).payload == document


def test_foreign_keys_hold(course: Course) -> None:
    with pytest.raises(IntegrityError), course.database.write() as session:
        session.add(User(registration_id=999, platform_user_id="x", created_at=START))


def test_public_ids_have_128_bits_and_need_no_quoting() -> None:
    ids = {new_public_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 22 and one.replace("-", "").replace("_", "").isalnum() for one in ids)
