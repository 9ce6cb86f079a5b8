"""What every benchmark shares: contestants in processes of their own, rounds in turn on one core, table and JSON.

A contestant is a program that answers rounds as ``worker.py`` describes, so that Python and Node are measured alike:
each counts its own CPU-seconds, which neighbours on the machine disturb far less than the clock on the wall.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1024 * 1024
STOP_SECONDS = 10.0


class BenchError(Exception):
    """The benchmark could not run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure: rounds of every contestant, and CPU-seconds of each."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A name for the table, and the program that answers rounds."""

    name: str
    command: tuple[str, ...]


def python(module: str, function: str, *arguments: str) -> tuple[str, ...]:
    """The command of a contestant in Python, see ``worker.py``."""
    return (sys.executable, "-m", "bench.worker", module, function, *arguments)


@dataclass(frozen=True, slots=True)
class Round:
    """What one contestant did in one round; ``noticed`` is what the benchmark's own counter rose by.

    A contestant that is a server also says how many ``milliseconds`` each operation waited, what CPU was used
    ``beside`` it (by its database server), and its ``peak`` memory so far, in bytes. A contestant that calls another
    host says how many ``calls`` it made, and how many ``seconds`` passed.
    """

    operations: int
    cpu: float
    noticed: int = 0
    beside: float = 0.0
    milliseconds: Sequence[float] = ()
    peak: int | None = None
    calls: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Operations per CPU-second."""
        return self.operations / self.cpu


@dataclass(slots=True)
class Measured:
    """All rounds of one contestant; ``peak`` is its largest resident memory in bytes, where the system tells."""

    name: str
    rounds: list[Round] = field(default_factory=list)
    peak: int | None = None

    @property
    def rate(self) -> float:
        """Operations per CPU-second: the median of the rounds."""
        return median(one.rate for one in self.rounds)

    @property
    def spread(self) -> float:
        """From the slowest to the fastest round, as a share of the median."""
        rates = [one.rate for one in self.rounds]
        return (max(rates) - min(rates)) / self.rate

    def times(self, other: "Measured") -> float:
        """How many times faster than ``other``: the median over the rounds, each with its neighbour in time."""
        return median(mine.rate / its.rate for mine, its in zip(self.rounds, other.rounds, strict=True))

    def waited(self, share: float) -> float | None:
        """How many milliseconds that share of all operations waited at most; ``None`` where nobody measured it."""
        every = sorted(one for each in self.rounds for one in each.milliseconds)
        return every[min(len(every) - 1, int(len(every) * share))] if every else None

    @property
    def operations(self) -> int:
        """Of all rounds."""
        return sum(one.operations for one in self.rounds)

    @property
    def calls_each(self) -> float | None:
        """Calls to another host for one operation; ``None`` where there is no such host."""
        calls = sum(one.calls for one in self.rounds)
        return calls / self.operations if calls else None

    @property
    def a_second(self) -> float | None:
        """Operations in a second by the clock, all rounds together; ``None`` where nobody measured it."""
        seconds = sum(one.seconds for one in self.rounds)
        return self.operations / seconds if seconds else None

    def figures(self) -> dict[str, Any]:
        """What the JSON document says."""
        rates = [one.rate for one in self.rounds]
        figures = self._figures(rates)
        if any(one.milliseconds for one in self.rounds):
            figures["milliseconds"] = {"p50": self.waited(0.5), "p99": self.waited(0.99)}
        beside = sum(one.beside for one in self.rounds)
        if beside:
            figures["cpu_microseconds_beside"] = _short(1e6 * beside / self.operations)
        if self.calls_each is not None:
            figures["calls_each"] = _short(self.calls_each)
        if self.a_second is not None:
            figures["per_second"] = _short(self.a_second)
        return figures

    def _figures(self, rates: list[float]) -> dict[str, Any]:
        return {
            "per_cpu_second": {
                "median": _short(self.rate),
                "lowest": _short(min(rates)),
                "highest": _short(max(rates)),
            },
            "cpu_microseconds": _short(1e6 / self.rate),
            "rounds": len(self.rounds),
            "operations": self.operations,
            "cpu_seconds": _short(sum(one.cpu for one in self.rounds)),
            "peak_memory_mb": None if self.peak is None else round(self.peak / MEGABYTE, 1),
        }


@dataclass(frozen=True, slots=True)
class Bar:
    """What must hold. ``bar`` reads ``>= 50`` or ``<= 8``; ``got`` is measured."""

    what: str
    bar: str
    got: float
    met: bool


def at_least(what: str, bar: float, got: float) -> Bar:
    """A bar that is met from ``bar`` upwards."""
    return Bar(what, f">= {bar:g}", _short(got), got >= bar)


def at_most(what: str, bar: float, got: float) -> Bar:
    """A bar that is met up to ``bar``."""
    return Bar(what, f"<= {bar:g}", _short(got), got <= bar)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one benchmark. ``more`` goes into the figures as it is."""

    bench: str
    operation: str
    measured: Sequence[Measured]
    bars: Sequence[Bar]
    more: dict[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """``{"bench", "figures", "bars"}``, the last line of the output."""
        figures = {"operation": self.operation, "contestants": {one.name: one.figures() for one in self.measured}}
        return {
            "bench": self.bench,
            "figures": {**figures, "machine": _machine(), **self.more},
            "bars": [asdict(bar) for bar in self.bars],
        }


def _short(number: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{number:.4g}")


def _machine() -> dict[str, Any]:
    core = chosen_core()
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "pinned_to_core": core,
        "load": [round(one, 2) for one in os.getloadavg()],
    }


# -- measuring --------------------------------------------------------------------------------------------------------


def chosen_core() -> int | None:
    """The core that contestants run on: the last one this process may use; ``None`` where it cannot be chosen."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def other_cores() -> tuple[int, ...]:
    """The cores beside the chosen one, for whoever keeps contestants busy; empty where there is none."""
    core = chosen_core()
    return () if core is None else tuple(sorted(os.sched_getaffinity(0) - {core}))


@contextmanager
def _pinned() -> Iterator[None]:
    """What is started inside runs on the chosen core, from its first thread on."""
    core = chosen_core()
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Running:
    """A contestant's process."""

    def __init__(self, contestant: Contestant, log: Path) -> None:
        self.name = contestant.name
        self._log = log
        with log.open("wb") as errors, _pinned():
            self._process = subprocess.Popen(
                contestant.command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            self._answer()
        except BaseException:
            self.stop()
            raise

    def round(self, seconds: float) -> Round:
        assert self._process.stdin is not None
        print(json.dumps({"seconds": seconds}), file=self._process.stdin, flush=True)
        return Round(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
            raise BenchError(f"{self.name} ended early:\n{said}")
        return json.loads(line)

    def peak(self) -> int | None:
        """The largest resident memory so far, in bytes."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else None

    def stop(self) -> None:
        """Let it end by itself, since it may have a server to stop; then make sure."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def measure(
    contestants: Sequence[Contestant], options: Options, counter: Callable[[], int] = lambda: 0
) -> list[Measured]:
    """Run the contestants' rounds in turn; all are prepared and warm before the first one counts.

    ``counter`` is read before and after each round. Raises ``BenchError`` when a contestant ends early.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        running = []
        for number, contestant in enumerate(contestants):
            print(f"Preparing {contestant.name} …", flush=True)
            running.append(_Running(contestant, Path(folder, f"{number}.log")))
            stack.callback(running[-1].stop)
        for one in running:
            one.round(options.seconds)
        measured = [Measured(one.name) for one in running]
        for number in range(options.rounds):
            print(f"Round {number + 1} of {options.rounds} …", flush=True)
            for one, found in zip(running, measured, strict=True):
                before = counter()
                done = one.round(options.seconds)
                found.rounds.append(replace(done, noticed=counter() - before))
        for one, found in zip(running, measured, strict=True):
            found.peak = max((each.peak or 0 for each in found.rounds), default=0) or one.peak()
    return measured
