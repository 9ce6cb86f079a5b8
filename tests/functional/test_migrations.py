"""Migrations on SQLite and on a real PostgreSQL: up, down, up again, and nothing but what the models say."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import MetaData, insert, inspect, select, text
from sqlalchemy.engine import Engine

from lti_tool.db import Database, alembic_config, downgrade, head_revision, make_engine, upgrade
from lti_tool.files import folder
from lti_tool.models import Base

VERSIONS = folder("migrations") / "versions"
FILES = sorted(VERSIONS.glob("*.py"))

# An achievement names its current version and rule, which name the achievement: a cycle that is meant.
pytestmark = pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")


def revisions() -> list[Script]:
    """Every revision, oldest first."""
    return list(reversed(list(ScriptDirectory.from_config(alembic_config("sqlite://")).walk_revisions())))


REVISIONS = [revision.revision for revision in revisions()]


def differences(engine: Engine) -> list[object]:
    """What alembic would change to bring the database to the models."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def schema(engine: Engine) -> dict[str, object]:
    """Tables with their columns, indexes and constraints, in an order of their own."""
    inspector = inspect(engine)
    return {
        table: {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)),
            "indexes": sorted(str(index["name"]) for index in inspector.get_indexes(table)),
            "unique": sorted(str(one["name"]) for one in inspector.get_unique_constraints(table)),
            "checks": sorted(str(one["name"]) for one in inspector.get_check_constraints(table)),
            "foreign": sorted(str(one["name"]) for one in inspector.get_foreign_keys(table)),
        }
        for table in sorted(inspector.get_table_names())
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_migration_is_numbered_and_says_what_it_does(path: Path) -> None:
    assert re.fullmatch(r"\d{4}_[a-z0-9_]+", path.stem)
    source = path.read_text(encoding="utf-8")
    assert re.match(r'"""(\d{4} )?[A-Z].{10,}', source)


def test_numbers_follow_one_another() -> None:
    assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS
    assert [path.stem[:4] for path in FILES] == REVISIONS


def test_the_head_file_names_the_head() -> None:
    script = ScriptDirectory.from_config(alembic_config("sqlite://"))
    assert script.get_heads() == [head_revision()]
    assert (folder("migrations") / "HEAD").read_text(encoding="ascii") == f"{REVISIONS[-1]}\n"


def test_models_and_migrations_agree(any_database: str) -> None:
    engine = make_engine(any_database)
    try:
        assert Database(engine).is_ready()
        assert differences(engine) == []
    finally:
        engine.dispose()


def test_every_revision_goes_up_down_and_up_again(empty_database: str) -> None:
    engine = make_engine(empty_database)
    try:
        for number, revision in enumerate(REVISIONS):
            before = REVISIONS[number - 1] if number else "base"
            upgrade(empty_database, revision)
            there = schema(engine)
            downgrade(empty_database, before)
            upgrade(empty_database, revision)
            assert schema(engine) == there, revision
        assert differences(engine) == []
        downgrade(empty_database, "base")
        assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    finally:
        engine.dispose()


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROWS: list[tuple[str, dict[str, object]]] = [
    ("organization", {"id": 1, "name": "Example College", "created_at": NOON}),
    (
        "registration",
        {
            "id": 1,
            "name": "Campus Moodle",
            "issuer": "https://moodle.example.org",
            "client_id": "abc",
            "auth_login_url": "https://moodle.example.org/auth",
            "auth_token_url": "https://moodle.example.org/token",
            "key_set_url": "https://moodle.example.org/jwks",
            "accepts_first_deployment": False,
            "created_at": NOON,
        },
    ),
    ("user", {"id": 1, "registration_id": 1, "platform_user_id": "u-1", "name": "Ana Ñandú", "created_at": NOON}),
]
"""A parent and its children: what a rebuilt table could lose."""


def put_rows(engine: Engine) -> None:
    """Write ``ROWS`` into whatever schema there is."""
    found = MetaData()
    found.reflect(engine, only=[name for name, _values in ROWS])
    with engine.begin() as connection:
        for name, values in ROWS:
            connection.execute(insert(found.tables[name]).values(values))


def rows_are_there(engine: Engine) -> bool:
    """Whether every value of ``ROWS`` can be read through the models' tables."""
    with engine.connect() as connection:
        for name, values in ROWS:
            table = Base.metadata.tables[name]
            row = connection.execute(select(*(table.c[key] for key in values))).mappings().one()
            if dict(row) != values:
                return False
    return True


def test_rows_survive_the_migrations_after_the_first(empty_database: str) -> None:
    """Rows written under the first schema are read under the newest, also after going down one step and up again."""
    engine = make_engine(empty_database)
    try:
        upgrade(empty_database, REVISIONS[0])
        put_rows(engine)
        upgrade(empty_database)
        assert rows_are_there(engine)
        if len(REVISIONS) > 1:
            downgrade(empty_database, REVISIONS[-2])
            upgrade(empty_database)
        assert rows_are_there(engine)
    finally:
        engine.dispose()


def test_writers_enforce_foreign_keys_and_migrations_do_not(sqlite_url: str) -> None:
    """SQLite rebuilds a table by dropping it: with foreign keys on, its children would go with it."""
    for foreign_keys in (True, False):
        engine = make_engine(sqlite_url, foreign_keys=foreign_keys)
        try:
            with engine.connect() as connection:
                assert connection.scalar(text("PRAGMA foreign_keys")) == int(foreign_keys)
        finally:
            engine.dispose()
