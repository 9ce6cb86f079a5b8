"""Transactions: all or nothing, readers that see one moment, writers that wait for each other and lose nothing."""

import threading
from collections.abc import Iterator

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from lti_tool import db
from lti_tool.db import Database, head_revision, make_engine, require_schema
from lti_tool.errors import SettingsError
from lti_tool.models import Context, Organization
from lti_tool.services import course_sync


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def organizations(course: Course) -> int:
    """How many there are."""
    with course.database.read() as session:
        return session.scalar(select(func.count(Organization.id))) or 0


def add(session: object) -> None:
    """Add one."""
    session.add(Organization(name="Another", created_at=START))  # type: ignore[attr-defined]


def add_and_fail(course: Course) -> None:
    """A transaction whose second statement fails."""
    with course.database.write() as session:
        add(session)
        session.flush()
        session.execute(text("UPDATE organization SET name = NULL"))


def test_a_transaction_is_all_or_nothing(course: Course) -> None:
    with pytest.raises(IntegrityError):
        add_and_fail(course)
    assert organizations(course) == 1
    with course.database.write() as session:
        add(session)
    assert organizations(course) == 2


def test_what_a_reader_writes_is_never_kept(course: Course) -> None:
    with course.database.read() as session:
        add(session)
    assert organizations(course) == 1


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(course: Course) -> None:
    count = select(func.count(Organization.id))
    with course.database.read() as reader:
        assert reader.scalar(count) == 1
        with course.database.write() as writer:
            add(writer)
            writer.flush()
            assert reader.scalar(count) == 1
        assert reader.scalar(count) == 1
    assert organizations(course) == 2


def test_concurrent_writers_lose_no_update(course: Course) -> None:
    def run() -> None:
        for _ in range(5):
            with course.database.write() as session:
                course_sync.want_evaluation(session, course.context_id)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with course.database.read() as session:
        assert session.scalar(select(Context.evaluation_wanted)) == 30


def test_sqlite_writers_that_read_first_lose_no_update(migrated_sqlite_url: str) -> None:
    """Read, then write what was read plus one: right only because writers begin with the lock (BEGIN IMMEDIATE)."""
    with course_on(migrated_sqlite_url) as course:

        def run() -> None:
            for _ in range(5):
                with course.database.write() as session:
                    context = session.get_one(Context, course.context_id)
                    context.evaluation_wanted += 1

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with course.database.read() as session:
            assert session.scalar(select(Context.evaluation_wanted)) == 30


def test_sqlite_is_set_up_for_many_readers_and_one_writer(migrated_sqlite_url: str) -> None:
    engine = make_engine(migrated_sqlite_url)
    with engine.connect() as connection:
        found = {
            name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}


def test_an_error_shows_no_values(course: Course) -> None:
    with pytest.raises(Exception, match="hidden due to hide_parameters") as failure, course.database.write() as session:
        session.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": "Ada Okafor"})
    assert "Ada" not in str(failure.value)


def test_ready_means_the_newest_schema(course: Course) -> None:
    assert course.database.is_ready() is True
    require_schema(course.database)
    with course.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert course.database.is_ready() is False
    with pytest.raises(SettingsError) as refusal:
        require_schema(course.database)
    assert refusal.value.code == "schema_outdated"
    assert head_revision() != "0000"


def test_an_empty_database_is_not_ready(empty_database: str) -> None:
    database = Database(make_engine(empty_database))
    with pytest.raises(SettingsError):
        require_schema(database)
    database.engine.dispose()


def test_a_connection_that_died_at_rest_is_replaced(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server was started again, or a firewall forgot the connection: whoever comes next does not notice."""
    monkeypatch.setattr(db, "REST_SECONDS", 0.0)
    with course_on(pg_url) as course:
        organizations(course)
        administrator = make_engine(pg_url)
        with administrator.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        administrator.dispose()
        assert organizations(course) == 1


def test_a_connection_in_use_is_not_tried_again_and_again(pg_url: str) -> None:
    with course_on(pg_url) as course:
        pinged: list[object] = []
        dialect = course.database.engine.dialect
        tried = dialect.do_ping
        dialect.do_ping = lambda dbapi: pinged.append(dbapi) or tried(dbapi)  # type: ignore[func-returns-value,method-assign]
        for _ in range(3):
            organizations(course)
        assert pinged == []
