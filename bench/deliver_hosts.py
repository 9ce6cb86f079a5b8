"""The hosts that badges are delivered to, as seen from here: see ``deliver_host.py``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from bench.frame import ROOT, BenchError
from bench.postgresql import on_other_cores


class Remote:
    """A host that runs elsewhere: ``host("calls_made")`` calls one of its methods."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, name: str, **values: Any) -> Any:
        got = requests.post(f"{self.url}/_control/{name}", json=values, timeout=60)
        got.raise_for_status()
        return got.json()


@contextmanager
def hosting(kind: str) -> Iterator[Remote]:
    """A host on the other cores, ended at the end."""
    path = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    with on_other_cores():
        process = subprocess.Popen(
            (sys.executable, "-m", "bench.deliver_host", kind),
            cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise BenchError(f"the host {kind} did not start")
        yield Remote(json.loads(line)["url"])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
