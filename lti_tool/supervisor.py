"""``serve``: the web server and one worker on this host, kept alive together.

A worker that dies is started again; after five deaths in ten minutes everything stops, loudly. SIGTERM and SIGINT end
both; whoever does not leave in time is killed, which loses nothing.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from types import FrameType

import structlog

log = structlog.get_logger()

MAX_DEATHS, DEATHS_WITHIN_SECONDS = 5, 600.0
GRACE_SECONDS = 20.0


def web_command(host: str, port: int) -> list[str]:
    """Return the command line of the web server."""
    return [
        sys.executable, "-m", "gunicorn", "lti_tool.app:create_app_from_environment()",
        "--bind", f"{host}:{port}", "--worker-class", "gthread", "--workers", "2", "--threads", "8",
        "--backlog", "2048", "--timeout", "120", "--log-level", "warning",
    ]  # fmt: skip


def worker_command() -> list[str]:
    """Return the command line of the worker."""
    return [sys.executable, "-m", "lti_tool", "worker"]


class Supervisor:
    """Runs the two children; ``run`` returns the exit code of this process."""

    def __init__(self, web: list[str], worker: list[str]) -> None:
        self._commands = {"web": web, "worker": worker}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: deque[float] = deque()
        self._stopping = False

    def run(self) -> int:
        """Start both and watch them until told to stop, or until one cannot be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for name in self._commands:
            self._start(name)
        code = 0
        while not self._stopping:
            time.sleep(0.2)
            code = self._check()
            if code:
                break
        self._end_children()
        return code

    def _start(self, name: str) -> None:
        # A group of its own, so that Ctrl-C reaches the children through this process only, in order.
        self._children[name] = subprocess.Popen(self._commands[name], start_new_session=True)  # noqa: S603
        log.info("child.started", child=name, pid=self._children[name].pid)

    def _check(self) -> int:
        """Return non-zero when it is over."""
        web = self._children["web"].poll()
        if web is not None:
            log.error("child.died", child="web", exit_code=web)
            return 1
        if self._children["worker"].poll() is None:
            return 0
        now = time.monotonic()
        self._deaths.append(now)
        while self._deaths and now - self._deaths[0] > DEATHS_WITHIN_SECONDS:
            self._deaths.popleft()
        exit_code, deaths = self._children["worker"].returncode, len(self._deaths)
        log.error("child.died", child="worker", exit_code=exit_code, deaths=deaths)
        if deaths >= MAX_DEATHS:
            log.error("worker.given_up", deaths=deaths)
            return 1
        self._start("worker")
        return 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end_children(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            # The whole group: a server that was killed leaves processes of its own behind, which hold the port.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
