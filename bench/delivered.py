"""``python -m bench.delivered WHO PROTOCOL WORLD PACE BESIDE``: one contestant of the delivery benchmark.

Rounds are asked for and answered as in ``worker.py``, with more in the answer: seconds by the clock, calls to the host,
and the CPU of the processes BESIDE (numbers, comma-separated). With a PACE (seconds an import and an issue take at the
host, as JSON) each round is a fixed number of badges, and the first one, which warms up, goes without it.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from bench import deliver_tools, deliver_world
from bench.deliver_world import V2, Learner, World
from bench.served import Tree
from bench.worker import Stopwatch

BATCH = 50
PACED = {V2: 100}
PACED_USUALLY = 12
CLOCK = 4.0
"""A round ends after so many times the CPU-seconds by the clock, too: a bare client mostly waits for its host."""


class Contest:
    """Rounds of one crew: it delivers some learners' badges, then the next ones', then the first ones' again."""

    def __init__(
        self, crew: deliver_tools.Crew, world: World, protocol: str, pace: Mapping[str, float], beside: Sequence[int]
    ) -> None:
        self._crew, self._host, self._learners = crew, deliver_tools.host_of(world, protocol), world.learners
        self._pace, self._beside = dict(pace), [Tree(one) for one in beside]
        self._size = min(PACED.get(protocol, PACED_USUALLY) if pace else BATCH, len(world.learners))
        self._next, self._is_warm = 0, False

    def round(self, seconds: float) -> dict[str, Any]:
        """Deliver until ``seconds`` of CPU were used; a batch under way is finished and counted."""
        gc.collect()
        pace = self._pace if self._is_warm else {}
        self._host("set_pace", seconds=pace)
        done = {"operations": 0, "cpu": 0.0, "beside": 0.0, "seconds": 0.0, "calls": 0}
        while done["cpu"] < seconds and done["seconds"] < CLOCK * seconds:
            for name, value in self._batch().items():
                done[name] += value
            if pace:
                break
        self._host("set_pace", seconds={})
        self._is_warm = True
        return done

    def _batch(self) -> dict[str, float]:
        learners = self._take()
        self._host("empty", emails=[one.email for one in learners])
        self._crew.prepare(learners)
        calls, beside, watch = self._host("calls_made"), self._cpu_beside(), Stopwatch()
        began = time.perf_counter()
        with watch:
            self._crew.carry_out(learners)
        seconds = time.perf_counter() - began
        beside, calls = self._cpu_beside() - beside, self._host("calls_made") - calls
        missing = self._crew.missing(learners)
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(learners)} did not arrive: {missing[:3]}")
        return {
            "operations": len(learners), "cpu": watch.seconds, "beside": beside, "seconds": seconds, "calls": calls
        }  # fmt: skip

    def _take(self) -> list[Learner]:
        if self._next + self._size > len(self._learners):
            self._next = 0
        self._next += self._size
        return self._learners[self._next - self._size : self._next]

    def _cpu_beside(self) -> float:
        return sum(one.cpu() for one in self._beside)


def serve(contest: Contest, answers: TextIO) -> None:
    """Answer rounds until standard input ends."""
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(contest.round(json.loads(line)["seconds"])), file=answers, flush=True)


def main() -> None:
    """Keep standard output for answers, prepare the crew, serve."""
    who, protocol, world_path, pace, beside = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    world = deliver_world.read(world_path)
    crew = {"tool": deliver_tools.Tool, "bare": deliver_tools.BareClient}[who](world, protocol)
    processes = [int(one) for one in beside.split(",") if one]
    serve(Contest(crew, world, protocol, json.loads(pace), processes), answers)


if __name__ == "__main__":
    main()
