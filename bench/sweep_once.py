"""``python -m bench.sweep_once FUNCTION [ARGUMENT…]``: one reading in a fresh process; prints one line of JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.institution import Course
from bench.sweep_tool import Reader, control, results_of, services_of, set_up


def once(profile: str, address: str, database_url: str, learners: str, columns: str) -> dict[str, Any]:
    """Read one course that was never read; returns seconds on the clock and of CPU, and peak memory in bytes."""
    reader = Reader(profile, address, services_of(database_url))
    course = Course(1, int(learners), int(columns))
    run_id = reader.want(reader.add_course(course), "launch")
    before, began, cpu = _peak(), time.perf_counter(), time.process_time()
    reader.read(run_id)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    reader.require(run_id, results_of(profile, course))
    return {"seconds": seconds, "cpu": used, "before": before, "peak": _peak()}


def throttled(address: str, database_url: str, learners: str, columns: str) -> dict[str, Any]:
    """Read a large Canvas course, then change one grade and read what changed until it is stored."""
    reader = Reader("canvas", address, services_of(database_url))
    course = Course(1, int(learners), int(columns))
    context_id = reader.add_course(course)
    run_id = reader.want(context_id, "launch")
    first = _timed(reader, address, run_id)
    reader.require(run_id, results_of("canvas", course))
    control(address, {"change": [(course.name, course.learners // 2, 0, 12.5)]})
    run_id = reader.want(context_id, "schedule")
    second = _timed(reader, address, run_id)
    reader.require(run_id, 1)
    return {"cold": first, "one_grade": second}


def _timed(reader: Reader, address: str, run_id: int) -> dict[str, Any]:
    before, began, cpu = control(address, {}), time.perf_counter(), time.process_time()
    reader.read(run_id)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    after = control(address, {})
    counted = {name: after[name] - before[name] for name in ("calls", "refused", "bytes")}
    return {"seconds": round(seconds, 2), "cpu_seconds": round(used, 2), **counted}


def _peak() -> int:
    """The largest resident memory of this process so far, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell how much memory is used")


def main() -> None:
    """``set_up``, ``once`` or ``throttled`` with their arguments; prints one line of JSON."""
    name, *arguments = sys.argv[1:]
    functions: dict[str, Callable[..., Any]] = {"set_up": set_up, "once": once, "throttled": throttled}
    print(json.dumps(functions[name](*arguments)))


if __name__ == "__main__":
    main()
