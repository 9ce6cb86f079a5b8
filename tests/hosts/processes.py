"""A host in a process of its own: for tests that kill workers, and for benches that count one side's CPU only.

``with running("badgr_host", speed="badgr") as host:`` starts it and ends it; ``host.base_url`` is where it is,
``host("add_user", email="ada@school.example")`` calls a method the host names in ``CONTROL`` (or in ``Host.CONTROL``),
``host("calls")`` returns its log. ``host.process`` is the process, to read its CPU or to kill.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

TESTS = Path(__file__).resolve().parents[1]


@dataclass
class RemoteHost:
    """A host that runs elsewhere."""

    base_url: str
    process: "subprocess.Popen[str]"

    def __call__(self, name: str, **values: Any) -> Any:
        """Call one of the host's methods."""
        got = requests.post(f"{self.base_url}/_control/{name}", json=values, timeout=60)
        got.raise_for_status()
        return got.json()


@contextmanager
def running(module: str, *, port: int = 0, **options: Any) -> Iterator[RemoteHost]:
    """A host of ``hosts.<module>`` in a new process, ended at the end."""
    command = [sys.executable, "-m", f"hosts.{module}", "--port", str(port)]
    command += [part for name, value in options.items() for part in ("--set", f"{name}={value!r}")]
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"hosts.{module} did not start (exit {process.wait()})")
        yield RemoteHost(json.loads(line)["url"], process)
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


def serve_from_command_line(kind: Any) -> None:
    """Serve until the process is ended: ``--port N --set name=value …``; prints ``{"url": …}`` once it answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    options = {name: _value(text) for name, _, text in (one.partition("=") for one in given.set)}
    with kind(port=given.port, keep_alive=True, **options) as host:
        print(json.dumps({"url": host.base_url}), flush=True)
        threading.Event().wait()


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
