"""``python -m bench.deliver_hosts KIND``: a host that badges are delivered to, in a process of its own.

``passport`` speaks the Open Badges 3.0 API, ``badgr`` Badge Connect 2.1 and the v2 API: the hosts of the tests (so
``tests`` has to be on the path), with backpacks that can be emptied again, and a speed that can be set.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import requests

from bench.frame import ROOT, BenchError
from bench.postgresql import on_other_cores

EARLIER = 4
"""Badges that are in a backpack already: a host shows them, too, when it is asked what is there."""


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
            (sys.executable, "-m", "bench.deliver_hosts", kind),
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


class Pace:
    """Work that takes its time, one thing at a time, as at a host whose database is the narrow place."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def __call__(self, kind: str, number: int = 1) -> None:
        seconds = self.seconds.get(kind, 0.0) * number
        if seconds:
            with self._one_at_a_time:
                time.sleep(seconds)


def make(kind: str) -> Any:
    """Return the host; the modules of the tests are imported here only."""
    from hosts import badgr_host, hosted_badges, ob3_host

    class Emptied:
        """Backpacks with some badges in them, to which they go back when emptied; the log is a number."""

        MORE: ClassVar = frozenset({"open_account", "empty", "set_pace", "calls_made", "fetches_made"})

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.pace, self.made = Pace(), 0

        def open_account(self: Any, email: str, text: str) -> None:
            self.add_user(email)
            account = self.people.find(email)
            account.assertions.update(self.earlier(email, text))

        def empty(self: Any, emails: list[str]) -> None:
            """Take away what came since the accounts were opened."""
            with self.lock:
                for email in emails:
                    kept = self.people.find(email).assertions
                    for one in list(kept)[EARLIER:]:
                        del kept[one]

        def set_pace(self, seconds: dict[str, float]) -> None:
            self.pace.seconds = seconds

        def calls_made(self) -> int:
            return self.made

        def fetches_made(self) -> int:
            return 0

        def _note(self, *_: Any) -> None:
            with self.lock:
                self.made += 1

    class Passport(Emptied, ob3_host.Ob3Host):
        CONTROL = ob3_host.Ob3Host.CONTROL | Emptied.MORE

        def earlier(self, _email: str, text: str) -> dict[str, Any]:
            document, ids = json.loads(text), [f"urn:earlier:{number}" for number in range(EARLIER)]
            return {one: {"text": json.dumps(document | {"id": one}), "is_jws": False} for one in ids}

        def upsert(self, request: Any) -> Any:
            self.pace("import")
            return super().upsert(request)

    class Badgr(Emptied, badgr_host.BadgrHost):
        CONTROL = badgr_host.BadgrHost.CONTROL | Emptied.MORE

        def earlier(self, email: str, _text: str) -> dict[str, Any]:
            self.verifies = False
            found = {url: {"badge": self._look_at(url, [email]), "entity_id": url} for url in self._earlier_urls()}
            self.verifies = True
            return found

        def _earlier_urls(self) -> list[str]:
            return [f"{self.base_url}/earlier/{number}" for number in range(EARLIER)]

        def empty(self, emails: list[str]) -> None:
            super().empty(emails)
            with self.lock:
                self.all_assertions.clear()

        def fetches_made(self) -> int:
            return CountedFetcher.made

        def bc_create(self, request: Any) -> Any:
            self.pace("import")
            return super().bc_create(request)

        def issue_many(self, request: Any, entity_id: str) -> Any:
            self.pace("issue", len(request.get_json()["assertions"]))
            return super().issue_many(request, entity_id)

    class CountedFetcher(hosted_badges.Fetcher):
        made = 0

        def _fetch(self, url: str) -> bytes:
            CountedFetcher.made += 1
            return super()._fetch(url)

    hosted_badges.Fetcher = CountedFetcher  # type: ignore[misc]
    if kind == "passport":
        return Passport(token_life=10**7, keep_alive=True)
    return Badgr(token_life=10**7, keep_alive=True)


def main() -> None:
    """Serve until the process is ended; print ``{"url": …}`` once it answers."""
    with make(sys.argv[1]) as host:
        print(json.dumps({"url": host.base_url}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
