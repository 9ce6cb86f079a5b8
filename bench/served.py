"""``python -m bench.served MODULE FUNCTION CORES [ARGUMENT…]``: one contestant that is a web server.

``FUNCTION(port, *ARGUMENTS)`` prepares a ``Site``. Its server is started on the core this process was given; the
browsers that launch it (``AT_ONCE`` at a time, in threads of this process) move to ``CORES`` (numbers, comma-separated;
empty: stay). Rounds are asked for and answered as in ``worker.py``. What counts is the CPU of the server's whole
process tree; ``milliseconds`` are what each launch waited for its answers, signing not included.
"""

import http.client
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.platform_host import ISSUER, LEARNERS, Platform

AT_ONCE = 8
START_SECONDS = 60.0
TICK = 0.02
BROWSER = {
    "Origin": ISSUER,
    "Referer": f"{ISSUER}/",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "iframe",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A server and the way through it: the login, then the launch, answered with ``accepted``.

    ``goes_on``: where the launch leads belongs to it, as far as a page. ``beside`` is a process whose tree's CPU is
    counted apart: a database server.
    """

    command: Sequence[str]
    platform: Platform
    target: str
    accepted: int
    goes_on: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str | None = None
    beside: int | None = None
    login: str = "/lti/login"


# -- the browsers -----------------------------------------------------------------------------------------------------


class Browser:
    """One connection, kept open where the server does that; a new person with empty hands for each launch."""

    def __init__(self, site: Site, port: int, signing: threading.Lock) -> None:
        self._site, self._signing = site, signing
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._host = urlsplit(site.target).netloc
        self._cookies: dict[str, str] = {}
        self._waited = 0.0

    def launch(self) -> float:
        """Launch once; returns the milliseconds waited. Raises ``RuntimeError`` for an answer that is not expected."""
        self._cookies, self._waited = {}, 0.0
        site = self._site
        asked = self._send("POST", site.login, {302}, site.platform.login_form(site.target))
        query = parse_qs(urlsplit(asked).query)
        with self._signing:  # one at a time: several threads that compute only disturb each other
            token = site.platform.id_token(query["nonce"][0], site.target)
        path, form = urlsplit(site.target).path, {"state": query["state"][0], "id_token": token}
        where = self._send("POST", path, {site.accepted}, form)
        while site.goes_on and where:
            parts = urlsplit(where)
            where = self._send("GET", f"{parts.path}?{parts.query}", {200, 302, 303})
        return self._waited * 1000

    def _send(self, method: str, path: str, expected: set[int], form: Mapping[str, str] | None = None) -> str:
        """Send one request; returns where its answer leads."""
        headers = BROWSER | {"Host": self._host}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = None if form is None else urlencode(form)
        began = time.perf_counter()
        try:
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        except (http.client.BadStatusLine, ConnectionError):  # an idle connection the server closed just now
            self._http.close()
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        page = answer.read()
        self._waited += time.perf_counter() - began
        if answer.status not in expected:
            raise RuntimeError(f"{method} {path[:60]} answered {answer.status}: {page[:500]!r}")
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.headers.get("Location", "")


# -- the server -------------------------------------------------------------------------------------------------------


class Tree:
    """A process and its descendants, as /proc knows them."""

    def __init__(self, root: int) -> None:
        self._root = root

    def cpu(self) -> float:
        """CPU-seconds, user and system, of everything that runs in it or has ended in it."""
        ticks = sum(sum(map(int, stat[11:15])) for stat in self._stats())
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak(self) -> int:
        """Largest resident memory of its processes, added up, in bytes."""
        return sum(self._high_water(pid) for pid in self._pids())

    def _stats(self) -> list[list[str]]:
        return [stat for pid in self._pids() if (stat := _stat(pid)) is not None]

    def _pids(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal() and (stat := _stat(int(path.name))) is not None:
                children.setdefault(int(stat[1]), []).append(int(path.name))
        found, waiting = [], [self._root]
        while waiting:
            found.append(waiting.pop())
            waiting += children.get(found[-1], [])
        return found

    @staticmethod
    def _high_water(pid: int) -> int:
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
        except OSError:
            return 0
        return int(found[1]) * 1024 if found else 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name; the parent is the second of them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


class Contest:
    """A running site, launched in rounds."""

    def __init__(self, site: Site, port: int, server: "subprocess.Popen[bytes]") -> None:
        self._tree, self._beside = Tree(server.pid), site.beside and Tree(site.beside)
        self._unmet = LEARNERS
        signing = threading.Lock()
        self._browsers = [Browser(site, port, signing) for _ in range(AT_ONCE)]

    def round(self, seconds: float) -> dict[str, Any]:
        """Launch until the server used ``seconds`` of CPU; launches under way are finished and counted.

        The first round, which warms up, lasts until each learner launched once (unless the rounds are very short):
        what is measured afterwards are people the server knows.
        """
        before, beside = self._tree.cpu(), self._cpu_beside()
        least, self._unmet = min(self._unmet, int(seconds * 1000)), 0
        waited = self._launch_until(lambda done: done >= least and self._tree.cpu() - before >= seconds)
        return {
            "operations": len(waited),
            "cpu": max(self._tree.cpu() - before, 1 / os.sysconf("SC_CLK_TCK")),
            "beside": self._cpu_beside() - beside,
            "milliseconds": [round(one, 2) for one in waited],
            "peak": self._tree.peak(),
        }

    def _launch_until(self, is_over: Callable[[int], bool]) -> list[float]:
        waited: list[float] = []
        failed: list[BaseException] = []
        over = threading.Event()

        def launch(browser: Browser) -> None:
            try:
                while True:
                    waited.append(browser.launch())
                    if over.is_set():
                        return
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=launch, args=(browser,), daemon=True) for browser in self._browsers]
        for thread in threads:
            thread.start()
        while not is_over(len(waited)) and not failed:
            time.sleep(TICK)
        over.set()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return waited

    def _cpu_beside(self) -> float:
        return self._beside.cpu() if self._beside else 0.0


@contextmanager
def serving(site: Site, port: int) -> Any:
    """Start the server, wait until it answers, and end its whole group afterwards."""
    # A group of its own, so that workers do not outlive their master.
    server = subprocess.Popen(
        site.command, cwd=site.folder, env=os.environ | site.environment, stdout=sys.stderr, start_new_session=True
    )
    try:
        wait_for(server, port)
        yield server
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def wait_for(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until a server that was just started answers; raises ``RuntimeError`` when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not answer within {START_SECONDS:g} s")


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(module: str, function: str, cores: Sequence[int], *arguments: str) -> tuple[str, ...]:
    """The command of a contestant that is a server; its browsers move to ``cores``."""
    return (sys.executable, "-m", "bench.served", module, function, ",".join(map(str, cores)), *arguments)


def serve(contest: Contest, answers: TextIO) -> None:
    """Answer rounds until standard input ends."""
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(contest.round(json.loads(line)["seconds"])), file=answers, flush=True)


def main() -> None:
    """Keep standard output for answers, prepare and start the site, serve."""
    module, function, cores, *arguments = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    make: Callable[..., Site] = getattr(importlib.import_module(module), function)
    port = free_port()
    site = make(port, *arguments)
    with serving(site, port) as server:
        if cores:
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
        serve(Contest(site, port, server), answers)


if __name__ == "__main__":
    main()
