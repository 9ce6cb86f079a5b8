"""``python -m bench.sweep_worker MODULE FUNCTION BESIDE [ARGUMENT…]``: a contestant of the sweep, as in ``worker.py``.

Unlike there each answer also says how long every reading took on the clock (``milliseconds``), and what a database
server used ``beside`` it: ``BESIDE`` is its process, or empty.
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from bench.served import Tree
from bench.worker import Stopwatch


class Watch(Stopwatch):
    """CPU-seconds inside ``with``, and each time's milliseconds on the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.milliseconds: list[float] = []
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()
        super().__enter__()

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        self.milliseconds.append(1000 * (time.perf_counter() - self._began))


Batch = Callable[[Watch], int]


def bare(note: str) -> Batch:
    """The bare client: a session of requests that fetches the noted pages and parses them, nothing else."""
    import requests

    noted = json.loads(Path(note).read_text(encoding="utf-8"))
    session = requests.Session()

    def batch(watch: Watch) -> int:
        with watch:
            for method, url, headers, data in noted["pages"]:
                answer = session.request(method, url, headers=headers, data=data)
                json.loads(answer.content)
        return int(noted["results"])

    return batch


def measure(batch: Batch, seconds: float, beside: Callable[[], float]) -> dict[str, Any]:
    """Repeat ``batch`` until it used ``seconds`` of CPU."""
    gc.collect()
    watch, operations, before = Watch(), 0, beside()
    while watch.seconds < seconds:
        operations += batch(watch)
    return {
        "operations": operations,
        "cpu": watch.seconds,
        "milliseconds": [round(one, 3) for one in watch.milliseconds],
        "beside": beside() - before,
    }


def serve(batch: Batch, beside: Callable[[], float], answers: TextIO) -> None:
    """Answer rounds until standard input ends."""
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(batch, json.loads(line)["seconds"], beside)), file=answers, flush=True)


def main() -> None:
    """Keep standard output for answers, prepare the contestant, serve."""
    module, function, beside, *arguments = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    batch = getattr(importlib.import_module(module), function)(*arguments)
    tree = Tree(int(beside)) if beside else None
    serve(batch, tree.cpu if tree else lambda: 0.0, answers)


if __name__ == "__main__":
    main()
