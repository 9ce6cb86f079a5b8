"""Reading whole courses, against a client that only fetches and parses the same pages; memory; a throttled Canvas."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.fernet import Fernet

from bench.frame import (
    MEGABYTE,
    ROOT,
    Bar,
    BenchError,
    Contestant,
    Measured,
    Options,
    Report,
    at_most,
    measure,
)
from bench.postgresql import on_other_cores, postgresql
from bench.sweep_tool import CHANGES, KEY, control

SECONDS = 0.5
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
COURSES = {"canvas": (1000, 8), "ags": (1000, 4), "moodle": (250, 12)}
"""Learners and columns of the course that is read."""
FEW, MANY = 1_000, 100_000
MEMORY = (("canvas", SQLITE), ("ags", SQLITE), ("canvas", POSTGRESQL))
LARGE = (5_000, 40)
LATENCY = 0.03
THROTTLE = {"capacity": 700.0, "refill": 10.0, "costs": (0.9, 0.3)}
"""Canvas's bucket (vendor document, 2026: 700 units, drained by 10 a second); a call costs about the seconds that it
takes there, so that the costs are made up."""
BARS = {"cold": 3.0, "unchanged": 1.5, "wall": 1.3, "memory": 1.2}
GOALS = {"cold": 2.0, "unchanged": 1.2, "wall": 1.1, "memory": 1.05}


@dataclass(frozen=True, slots=True)
class Ours:
    """A contestant of ours: what it reads, and where it stores that."""

    profile: str
    case: str
    database: str

    @property
    def name(self) -> str:
        return f"{self.profile}, {self.case}, {self.database}"

    @property
    def peer(self) -> str:
        return f"{self.profile}, {'changes, ' if self.case == 'changes' else ''}bare client"


def contestants() -> list[Ours]:
    """What is measured, each next to its bare client."""
    cases = [(one, case) for one in COURSES for case in ("cold", "unchanged")]
    found = [Ours(profile, case, database) for profile, case in cases for database in (SQLITE, POSTGRESQL)]
    return [*found, Ours("canvas", "changes", SQLITE)]


class Stage:
    """The institutions and databases of one run."""

    def __init__(self, stack: ExitStack, folder: Path, database: tuple[str, int]) -> None:
        self._stack, self.folder, self._database = stack, folder, database
        self._number = 0
        self._addresses: dict[str, str] = {}

    def address(self, profile: str) -> str:
        """Return where the institution is, started when it is first asked for."""
        if profile not in self._addresses:
            self._addresses[profile] = self._stack.enter_context(institution(profile))
        return self._addresses[profile]

    def database(self, kind: str) -> str:
        """Return the address of a new database."""
        self._number += 1
        if kind == SQLITE:
            folder = self.folder / str(self._number)
            folder.mkdir()
            return f"sqlite:///{folder}/lti-badges.db"
        head, _, query = self._database[0].partition("?")
        return f"{head.rpartition('/')[0]}/sweep{self._number}" + (f"?{query}" if query else "")

    def beside(self, kind: str) -> str:
        """The process of the database server, where there is one."""
        return "" if kind == SQLITE else str(self._database[1])


def run(options: Options) -> Report:
    """Measure readings, then memory, then a large course on a slow Canvas that throttles."""
    os.environ[KEY] = Fernet.generate_key().decode("ascii")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-sweep-")))
        stage = Stage(stack, folder, stack.enter_context(postgresql()))
        measured = measure(list(_contestants(stage)), options)
        memory = [_memory(stage, profile, database) for profile, database in MEMORY]
        large = _large(stage)
    return _report(measured, memory, large)


def _contestants(stage: Stage) -> Iterator[Contestant]:
    """Each tool's readings, and the bare client that reads the pages noted by the first of its kind."""
    noted: set[str] = set()
    for one in contestants():
        note = stage.folder / f"{one.peer}.json"
        shape = map(str, COURSES[one.profile])
        place = (one.profile, one.case, stage.address(one.profile), stage.database(one.database), *shape)
        yield _contestant(one.name, "bench.sweep_tool", "reading", stage.beside(one.database), *place, str(note))
        if one.peer not in noted:
            noted.add(one.peer)
            yield _contestant(one.peer, "bench.sweep_worker", "bare", "", str(note))


def _contestant(name: str, *arguments: str) -> Contestant:
    return Contestant(name, (sys.executable, "-m", "bench.sweep_worker", *arguments))


@contextmanager
def institution(profile: str) -> Iterator[str]:
    """Start an institution on the other cores; yields its address."""
    command = (sys.executable, "-m", "bench.institution_host", profile)
    with on_other_cores():
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        if not address:
            raise BenchError(f"the institution ({profile}) did not start")
        yield address
    finally:
        server.kill()
        server.communicate()


# -- fresh processes --------------------------------------------------------------------------------------------------


def _memory(stage: Stage, profile: str, database: str) -> dict[str, Any]:
    """Read one column of few and of many learners, each in a fresh process."""
    found: dict[str, Any] = {"profile": profile, "database": database}
    for size in (FEW, MANY):
        print(f"Memory: {profile}, {database}, {size:,} learners …", flush=True)
        place = (profile, stage.address(profile), stage.database(database))
        _tool("set_up", *place)
        told = _tool("once", *place, str(size), "1")
        found[str(size)] = {
            "peak_mb": round(told["peak"] / MEGABYTE, 1),
            "before_mb": round(told["before"] / MEGABYTE, 1),
            "seconds": round(told["seconds"], 1),
            "cpu_seconds": round(told["cpu"], 1),
        }
    found["ratio"] = round(found[str(MANY)]["peak_mb"] / found[str(FEW)]["peak_mb"], 3)
    return found


def _large(stage: Stage) -> dict[str, Any]:
    """Read a large course on a Canvas that is slow and throttles, then one grade that changed."""
    learners, columns = LARGE
    print(f"Throttled Canvas: {learners:,} learners, {columns} assignments …", flush=True)
    address, database = stage.address("canvas"), stage.database(SQLITE)
    _tool("set_up", "canvas", address, database)
    control(address, {"latency": LATENCY, "throttle": THROTTLE})
    try:
        found = _tool("throttled", address, database, str(learners), str(columns))
    finally:
        control(address, {"latency": 0.0, "throttle": None})
    return {"learners": learners, "assignments": columns, "latency_seconds": LATENCY, "throttle": THROTTLE, **found}


def _tool(*arguments: str) -> Any:
    done = subprocess.run(
        (sys.executable, "-m", "bench.sweep_once", *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"{arguments[0]} failed:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


# -- the report -------------------------------------------------------------------------------------------------------


def _report(measured: Sequence[Measured], memory: Sequence[dict[str, Any]], large: dict[str, Any]) -> Report:
    by_name = {one.name: one for one in measured}
    more: dict[str, Any] = {
        "goals": [
            {"what": one.what, "goal": one.bar, "got": one.got, "met": one.met} for one in _bars(by_name, memory, GOALS)
        ],
        "changes_only": _changes(by_name),
        "courses": {name: {"learners": size[0], "columns": size[1]} for name, size in COURSES.items()},
        "memory": memory,
        "throttled_canvas": large,
    }
    _tell(more)
    return Report("sweep", "one result of a course that is read", measured, list(_bars(by_name, memory, BARS)), more)


def _bars(by_name: dict[str, Measured], memory: Sequence[dict[str, Any]], most: dict[str, float]) -> Iterator[Bar]:
    measured = [one for one in contestants() if one.case in most]
    for one in measured:
        peer, mine = by_name[one.peer], by_name[one.name]
        yield at_most(f"{one.name}: CPU, times a bare client's", most[one.case], peer.times(mine))
    for one in measured:
        yield at_most(
            f"{one.name}: time, times a bare client's", most["wall"], wall(by_name[one.name], by_name[one.peer])
        )
    for told in memory:
        what = f"{told['profile']}, {told['database']}: peak memory at {MANY:,} learners, times that at {FEW:,}"
        yield at_most(what, most["memory"], told["ratio"])


def wall(mine: Measured, peer: Measured) -> float:
    """How many times as long a result took on the clock: the median over the rounds, each with its neighbour."""
    each: Callable[[Any], float] = lambda one: sum(one.milliseconds) / one.operations  # noqa: E731
    return median(each(one) / each(its) for one, its in zip(mine.rounds, peer.rounds, strict=True))


def _changes(by_name: dict[str, Measured]) -> dict[str, Any]:
    """What reading a few changes of a course takes, beside reading it whole."""
    one = next(one for one in contestants() if one.case == "changes")
    mine, peer = by_name[one.name], by_name[one.peer]
    readings = sum(len(each.milliseconds) for each in mine.rounds)
    return {
        "grades_changed": CHANGES,
        "cpu_milliseconds": round(1000 * sum(each.cpu for each in mine.rounds) / readings, 1),
        "milliseconds": round(mine.waited(0.5) or 0.0, 1),
        "times_a_bare_client": round(peer.times(mine), 2),
    }


def _tell(more: dict[str, Any]) -> None:
    """Print what the table does not show."""
    changes, large = more["changes_only"], more["throttled_canvas"]
    print(
        f"\nCanvas, {changes['grades_changed']} changes only: {changes['cpu_milliseconds']} ms of CPU, "
        f"{changes['milliseconds']} ms, {changes['times_a_bare_client']} times a bare client's CPU"
    )
    for one in more["memory"]:
        few, many = one[str(FEW)]["peak_mb"], one[str(MANY)]["peak_mb"]
        print(
            f"Memory, {one['profile']}, {one['database']}: {few} MB at {FEW:,}, {many} MB at {MANY:,}, {one['ratio']}"
        )
    cold, grade = large["cold"], large["one_grade"]
    print(
        f"Canvas, {large['learners']:,} × {large['assignments']}, throttled: {cold['calls']:,} calls "
        f"({cold['refused']} refused), {cold['seconds']} s, {cold['cpu_seconds']} s of CPU; "
        f"one grade after that: {grade['calls']} calls, {grade['seconds']} s"
    )
