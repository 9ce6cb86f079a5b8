"""``python -m bench.worker MODULE FUNCTION [ARGUMENT…]``: one contestant in a process of its own.

``FUNCTION(*ARGUMENTS)`` prepares everything and returns a ``Batch``: called with a stopwatch, it does some operations,
runs the watch only around what counts, and returns how many there were. Then, a line at a time: standard input asks
for a round of so many CPU-seconds (``{"seconds": 1.0}``), standard output answers ``{"operations", "cpu"}``. What the
contestant itself prints goes to standard error.
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO


class Stopwatch:
    """CPU-seconds (user and system, all threads of this process) spent inside ``with``."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = time.process_time()

    def __exit__(self, *_raised: object) -> None:
        self.seconds += time.process_time() - self._since


Batch = Callable[[Stopwatch], int]


def measure(batch: Batch, seconds: float) -> dict[str, float]:
    """Repeat ``batch`` until it used ``seconds`` of CPU."""
    gc.collect()
    watch, operations = Stopwatch(), 0
    while watch.seconds < seconds:
        operations += batch(watch)
    return {"operations": operations, "cpu": watch.seconds}


def serve(batch: Batch, answers: TextIO) -> None:
    """Answer rounds until standard input ends."""
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(batch, json.loads(line)["seconds"])), file=answers, flush=True)


def main() -> None:
    """Keep standard output for answers, prepare the contestant, serve."""
    module, function, *arguments = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(getattr(importlib.import_module(module), function)(*arguments), answers)


if __name__ == "__main__":
    main()
