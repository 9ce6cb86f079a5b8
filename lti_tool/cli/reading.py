"""The command that reads courses now, and shows how far it came: a bar on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.errors import NotFoundError
from lti_tool.jobs.schedule import run_due
from lti_tool.models import Context, SyncRun, SyncState
from lti_tool.services import course_sync
from lti_tool.wiring import Services

LOOK_EVERY = 0.5
"""Seconds between two looks at how far the readings came."""
OPEN = (SyncState.REQUESTED, SyncState.RUNNING)
AT_ONCE = 100
"""Courses asked for in one transaction."""


@cli.command()
@click.option("--context", "context_id", type=int, help="One course, by its number.")
@click.option("--all", "everything", is_flag=True, help="Every course.")
@JSON_OPTION
@refusals
def sync(context_id: int | None, everything: bool, as_json: bool) -> None:
    """Read courses now, evaluate them, and do what else is due."""
    if (context_id is None) is not everything:
        raise click.UsageError("Give --context ID or --all.")
    services = open_services()
    courses = Courses(services, context_id)
    courses.ask()
    with progress_of(courses) as told:
        ran = read_all(services, courses, told)
    document = courses.document()
    failed = [one for one in document if one["error_code"] is not None]
    busy = [one for one in document if one["state"] in OPEN and one["error_code"] is None]
    lines = [
        f"{len(document) - len(failed) - len(busy)} courses read; {ran} tasks done.",
        *(f"Course {one['course']} is being read by a worker." for one in busy),
    ]
    show({"courses": document, "tasks": ran}, as_json, lines)
    for one in failed:
        click.echo(f"lti-badges: Course {one['course']} could not be read. [{one['error_code']}]", err=True)
    sys.exit(1 if failed else 0)


def read_all(services: Services, courses: "Courses", told: Callable[[], None]) -> int:
    """Do what is due until the courses were read or a worker reads the last of them; returns how many tasks ran."""
    ran = 0
    while True:
        ran += run_due(services, rounds=len(courses.ids) + 20, told=told)
        if not courses.is_any_waiting(services.clock()):
            return ran
        time.sleep(LOOK_EVERY)  # a worker reads another course of the same institution


class Courses:
    """The courses that were asked for, and what became of their readings."""

    def __init__(self, services: Services, context_id: int | None) -> None:
        self._services = services
        wanted = select(Context.id).order_by(Context.id)
        with services.database.read() as session:
            found = session.scalars(wanted if context_id is None else wanted.where(Context.id == context_id))
            self.ids = list(found)
        if not self.ids:
            raise NotFoundError("There is no course yet." if context_id is None else "There is no such course.")

    def ask(self) -> None:
        """Ask for a reading of each."""
        for start in range(0, len(self.ids), AT_ONCE):
            with self._services.database.write() as session:
                for number in self.ids[start : start + AT_ONCE]:
                    context = session.get_one(Context, number)
                    course_sync.request_sync(session, context, "command", self._services.clock())

    def is_any_waiting(self, now: datetime) -> bool:
        """Whether a reading is due that nobody began."""
        return any(one.state is SyncState.REQUESTED and one.due_at <= now for one in self._latest().values())

    def ended(self) -> dict[int, str]:
        """Return what became of each course that nobody reads any more, in words, by number."""
        found: dict[int, str] = {}
        for number, run in self._latest().items():
            if run.error_code is not None:
                found[number] = f"could not be read [{run.error_code}]"
            elif run.state not in OPEN:
                counts = run.counts
                columns, added = counts.get("columns", 0), counts.get("observations", 0)
                found[number] = f"{columns} pieces of work, {added} new observations"
        return found

    def under_way(self) -> str:
        """Return what is being read now and how far it came, in words; empty for nothing."""
        running = (
            f"course {number}, {source} {told['done']}/{told['total']}"
            for number, run in self._latest().items()
            if run.state is SyncState.RUNNING
            for source, told in run.counts.get("sources", {}).items()
        )
        return next(running, "")

    def document(self) -> list[dict[str, Any]]:
        """Return the courses and how their last readings ended, as JSON."""
        latest = self._latest()
        return [
            {
                "course": number,
                "state": None if run is None else run.state.value,
                "error_code": None if run is None else run.error_code,
                "counts": {} if run is None else run.counts,
            }
            for number in self.ids
            for run in [latest.get(number)]
        ]

    def _latest(self) -> dict[int, SyncRun]:
        newest = select(func.max(SyncRun.id)).group_by(SyncRun.context_id)
        if len(self.ids) == 1:
            newest = newest.where(SyncRun.context_id == self.ids[0])
        with self._services.database.read() as session:
            found = session.scalars(select(SyncRun).where(SyncRun.id.in_(newest)).order_by(SyncRun.context_id))
            return {run.context_id: run for run in found}


@contextmanager
def progress_of(courses: Courses) -> Iterator[Callable[[], None]]:
    """Show how far it is while the block runs; yields what to call when something was done."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(courses, console):
            yield lambda: None
        return
    told: set[int] = set()
    looked_at = 0.0

    def tell(*, is_last: bool = False) -> None:
        nonlocal looked_at
        if len(courses.ids) == 1 or (not is_last and time.monotonic() - looked_at < LOOK_EVERY):
            return
        for number, outcome in courses.ended().items():
            if number not in told:
                told.add(number)
                click.echo(f"Course {number}: {outcome} ({len(told)} of {len(courses.ids)}).", err=True)
        looked_at = time.monotonic()

    yield tell
    tell(is_last=True)


@contextmanager
def _bar(courses: Courses, console: Console) -> Iterator[None]:
    now = TextColumn("{task.fields[now]}")
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), now)
    stopped = threading.Event()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(courses.ids), now="")

        def look() -> None:
            progress.update(task, completed=len(courses.ended()), now=courses.under_way())

        def watch() -> None:
            while not stopped.wait(LOOK_EVERY):
                look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stopped.set()
            watcher.join()
            look()
