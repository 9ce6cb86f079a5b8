"""``lti-badges sync --all`` over two hundred courses, killed at random moments: nothing is lost, nothing is doubled.

The process is killed (SIGKILL, nothing is cleaned up) while grades change. It is forked from one that has imported
everything already, so that it reads at once; three minutes pass between two lives, so that leases of the dead end.
"""

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from platforms.gradebooks import course_book, kill_after, next_edition, served
from sqlalchemy import func, select

from lti_tool.db import Database, make_engine
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    EvidenceColumn,
    Fact,
    Membership,
    Observation,
    Organization,
    Registration,
    SourceReading,
    SyncRun,
    SyncState,
    User,
)

ROOT = Path(__file__).resolve().parents[2]
AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"

FORKER = """
import os, sys
from datetime import timedelta
from lti_tool.cli import cli, frame
from lti_tool.lti.keys import ToolKeys
from lti_tool.wiring import build_services, utc_now
import rich.progress, concurrent.futures.thread

print("ready", flush=True)
for line in sys.stdin:
    later = timedelta(minutes=int(line))
    child = os.fork()
    if child == 0:
        sys.stdin.readline()  # until it is known who kills it
        frame.build_services = lambda settings: build_services(settings, clock=lambda: utc_now() + later)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        try:
            cli(["sync", "--all"], prog_name="lti-badges")
        except SystemExit as end:
            os._exit(end.code or 0)
        finally:
            os._exit(3)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Lives:
    """One life of the command after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._count = 0
        assert self._line() == "ready"

    def live(self, let_die: Callable[[int], None] = lambda _: None) -> int:
        """Run the command, once ``let_die`` knows its process id; returns its exit code."""
        self._count += 1
        self._tell(3 * self._count)
        let_die(int(self._line()))
        self._tell(0)
        return int(self._line())

    def _tell(self, number: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def lives_on(database_url: str, folder: Path) -> Iterator[Lives]:
    """A process that forks the command."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LTI_BADGES_ENV": "test",
        "LTI_BADGES_DATABASE_URL": database_url,
        "LTI_BADGES_PUBLIC_URL": "https://badges.example",
        "LTI_BADGES_DATA_DIR": str(folder),
        "LTI_BADGES_LOG_LEVEL": "CRITICAL",
    }
    command = [sys.executable, "-c", textwrap.dedent(FORKER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT, text=True
    ) as process:
        yield Lives(process)
        assert process.stdin is not None
        process.stdin.close()


def add_courses(database: Database, address: str, courses: int) -> None:
    """What an admin and a launch in each course would have made."""
    now = datetime.now(UTC)
    with database.write() as session:
        organization = Organization(name="Lakeside College", created_at=now)
        registration = Registration(
            name="Lakeside",
            issuer=address,
            client_id="client-1",
            auth_login_url=f"{address}/auth",
            auth_token_url=f"{address}/token",
            key_set_url=f"{address}/jwks",
            created_at=now,
        )
        session.add_all([organization, registration])
        session.flush()
        deployment = Deployment(
            registration_id=registration.id,
            organization_id=organization.id,
            deployment_id="1",
            state=DeploymentState.ACTIVE,
            created_at=now,
        )
        session.add(deployment)
        session.flush()
        session.add_all(
            Context(
                deployment_id=deployment.id,
                organization_id=organization.id,
                platform_id=str(number),
                line_items_url=f"{address}/courses/{number}/items",
                ags_scopes=[f"{AGS}lineitem.readonly", f"{AGS}result.readonly"],
                memberships_url=f"{address}/courses/{number}/members",
                created_at=now,
                launched_at=now,
            )
            for number in range(courses)
        )


def expected(courses: int, edition: int) -> dict[tuple[str, str, str], Decimal | None]:
    """The gradebook's scores by course, column and learner."""
    books = {str(number): course_book(number, edition) for number in range(courses)}
    return {
        (number, f"Work {column}", learner): None if score is None else Decimal(score)
        for number, book in books.items()
        for column, scores in enumerate(book.columns)
        for learner, score in scores.items()
    }


def rows(database: Database, statement: Any) -> list[Any]:
    """What a statement finds."""
    with database.read() as session:
        return list(session.execute(statement))


def by_place(of: Any, *more: Any) -> Any:
    """Rows of a table with course, column title and learner."""
    return (
        select(Context.platform_id, EvidenceColumn.title, User.platform_user_id, *more)
        .select_from(of)
        .join(EvidenceColumn, EvidenceColumn.id == of.column_id)
        .join(Context, Context.id == EvidenceColumn.context_id)
        .join(User, User.id == of.user_id)
    )


@pytest.mark.parametrize(
    ("kind", "courses", "kills"), [("migrated_sqlite_url", 200, 50), ("pg_url", 40, 10)], ids=["sqlite", "postgresql"]
)
def test_killed_at_random_nothing_is_lost_and_nothing_doubled(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, courses: int, kills: int
) -> None:
    database_url = request.getfixturevalue(kind)
    chance, edition = random.Random(20261122), 0
    database = Database(make_engine(database_url))
    with served() as address, lives_on(database_url, tmp_path) as lives:
        add_courses(database, address, courses)
        died_reading = 0
        for life in range(kills):
            pages, seconds = chance.randint(1, 60), chance.uniform(0, 0.02)
            died = lives.live(lambda child, pages=pages, seconds=seconds: kill_after(address, child, pages, seconds))
            assert died == -signal.SIGKILL
            died_reading += bool(rows(database, select(SyncRun.id).where(SyncRun.state == SyncState.RUNNING)))
            if life % (kills // 5) == 0:
                next_edition(address)
                edition += 1
        kill_after(address, 0, 0, 0)
        assert died_reading > kills / 2, "most died while they read a course"
        assert lives.live() == 0
        # Runs that an earlier life asked for were read by then as well; a last one, so that all saw the last edition.
        assert lives.live() == 0

    book = expected(courses, edition)
    facts = rows(database, by_place(Fact, Observation.score).join(Observation, Observation.id == Fact.observation_id))
    assert {(course, title, learner): score for course, title, learner, score in facts} == book
    assert len(facts) == len(book)
    seen = rows(database, by_place(Observation, Observation.score).order_by(Observation.id))
    history: dict[tuple[str, str, str], list[Decimal | None]] = {}
    for course, title, learner, score in seen:
        history.setdefault((course, title, learner), []).append(score)
    assert all(one != following for values in history.values() for one, following in pairwise(values))
    editions = [expected(courses, number) for number in range(edition + 1)]
    for place, values in history.items():
        told = iter(one.get(place, "absent") for one in editions)
        assert all(value in told for value in values), "in the order in which the gradebook had them"
    assert Counter(len(values) > 1 for values in history.values())[True] > 20, "some did change meanwhile"
    (members,) = rows(database, select(func.count(Membership.id)))
    assert members[0] == sum(len(course_book(number, 0).learners) for number in range(courses))
    assert rows(database, select(SyncRun.id).where(SyncRun.state != SyncState.DONE)) == []
    assert rows(database, select(SourceReading.id).where(SourceReading.begun_at.is_not(None))) == []
    unread = EvidenceColumn.checked_at.is_(None) | EvidenceColumn.failed_code.is_not(None)
    assert rows(database, select(EvidenceColumn.id).where(unread)) == []
    assert rows(database, select(Context.id).where(Context.evaluation_wanted > Context.evaluation_done)) == []
    database.engine.dispose()
