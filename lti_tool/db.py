"""The database: engines for SQLite and PostgreSQL, transactions, migrations.

SQLite: WAL, writers begin with ``BEGIN IMMEDIATE`` (a deferred transaction that turns writer fails at once with
"database is locked", whatever the busy time-out), readers begin deferred and never wait. Edges open transactions with
``Database.write`` or ``Database.read``; nothing else commits.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import RLock
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection, StaticPool

from lti_tool.errors import SettingsError
from lti_tool.files import folder

POOL_SIZE = 16
BUSY_SECONDS = 30
REST_SECONDS = 5.0
BEGIN = "begin"
"""Key in what the pool knows of a connection, until it comes back: how its transactions begin; empty: not at all."""


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for ``url``; ``foreign_keys=False`` is for migrations on SQLite, which rebuild tables."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=0, pool_timeout=60, hide_parameters=True)
        _ping_after_a_rest(engine)
        return engine
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

    @event.listens_for(engine, "checkin")
    def _forget(_dbapi: Any, record: Any) -> None:
        record.info.pop(BEGIN, None)

    # Not the engine's "begin" event: with any such listener every statement looks for more of them.
    dialect: Any = engine.dialect
    dialect.do_begin = _begin
    return engine


def _begin(connection: PoolProxiedConnection) -> None:
    """Begin a transaction on SQLite: with the lock of a writer, unless the connection says otherwise."""
    statement = connection.info.get(BEGIN, "BEGIN IMMEDIATE")
    if statement:
        connection.cursor().execute(statement)


def _ping_after_a_rest(engine: Engine) -> None:
    """Try a connection that nobody used for ``REST_SECONDS`` before it is used, and connect anew when it is dead.

    The pool's own way tries before each use, which costs a launch three more questions to the server.
    """

    @event.listens_for(engine, "checkin")
    def _rest(_dbapi: Any, record: Any) -> None:
        record.info["since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ping(dbapi: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("since")
        if since is None or time.monotonic() - since < REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(dbapi)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection died while nobody used it") from error


class Database:
    """Opens transactions; one per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite has one writer at a time. Threads of one process take turns here, where each is woken when its turn
        # comes; left to the driver they would poll, with pauses that grow up to 100 ms.
        self._turn: AbstractContextManager[Any] = RLock() if engine.dialect.name == "sqlite" else nullcontext()
        self._reader = self._single = engine
        if engine.dialect.name == "postgresql":  # SQLite's transactions are snapshots anyway
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")
            self._single = engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session whose work is committed at the end, or rolled back when anything was raised."""
        with self._turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write_singly(self) -> Iterator[Connection]:
        """Open a connection on which each statement is a transaction of its own, committed when it ends.

        For what one statement does on the hot path: without a session and without a beginning and end of its own it
        costs a third.
        """
        with self._turn, self._single.connect() as connection:
            connection.info[BEGIN] = ""
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session over one snapshot; writing through it is a mistake and never committed."""
        with self._reader.connect() as connection:
            connection.info[BEGIN] = "BEGIN"
            with Session(connection, expire_on_commit=False, autoflush=False) as session:
                yield session

    def is_ready(self) -> bool:
        """Whether the database answers and has the newest schema."""
        with self.read() as session:
            return bool(session.scalar(text("SELECT version_num FROM alembic_version")) == head_revision())


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
