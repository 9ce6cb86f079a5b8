"""The database: engines for SQLite and PostgreSQL, transactions, migrations.

SQLite: WAL, writers begin with ``BEGIN IMMEDIATE`` (a deferred transaction that turns writer fails at once with
"database is locked", whatever the busy time-out), readers begin deferred and never wait. Edges open transactions with
``Database.write`` or ``Database.read``; nothing else commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from lti_tool.errors import SettingsError
from lti_tool.files import folder

POOL_SIZE = 16
BUSY_SECONDS = 30


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for ``url``; ``foreign_keys=False`` is for migrations on SQLite, which rebuild tables."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            url, pool_size=POOL_SIZE, max_overflow=0, pool_timeout=60, pool_pre_ping=True, hide_parameters=True
        )
    options: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": 0, "pool_timeout": 60}
    if parsed.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool}
    else:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    # hide_parameters: an error must not carry what a learner typed or earned into a log.
    connect_args = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=connect_args, hide_parameters=True, **options)

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # the driver must not begin transactions of its own
        switch = "ON" if foreign_keys else "OFF"
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL", f"foreign_keys={switch}"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


class Database:
    """Opens transactions; one per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        options: dict[str, Any] = {"read_only": True}
        if engine.dialect.name == "postgresql":  # SQLite's transactions are snapshots anyway
            options["isolation_level"] = "REPEATABLE READ"
        self._reader = engine.execution_options(**options)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session whose work is committed at the end, or rolled back when anything was raised."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session over one snapshot; writing through it is a mistake and never committed."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def is_ready(self) -> bool:
        """Whether the database answers and has the newest schema."""
        with self._reader.connect() as connection:
            return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == head_revision())


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration for ``url``."""
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.attributes["database_url"] = url
    return config


def head_revision() -> str:
    """Return the newest revision there is; ``migrations/HEAD`` names it."""
    return (folder("migrations") / "HEAD").read_text(encoding="ascii").strip()


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema to ``revision``."""
    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to ``revision`` (``base`` for none)."""
    command.downgrade(alembic_config(url), revision)


def require_schema(database: Database) -> None:
    """Raise ``SettingsError`` when the schema is not the newest."""
    try:
        ready = database.is_ready()
    except Exception:  # whatever the driver raises, the remedy is the same
        ready = False
    if not ready:
        raise SettingsError("The database schema is not up to date. Run: lti-badges db upgrade", code="schema_outdated")
