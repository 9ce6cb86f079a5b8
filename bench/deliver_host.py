"""``python -m bench.deliver_host KIND``: a host that badges are delivered to, in a process of its own.

``passport`` speaks the Open Badges 3.0 API, ``badgr`` Badge Connect 2.1 and the v2 API: the hosts of the tests (so
``tests`` has to be on the path), with backpacks that can be emptied again, and a speed that can be set. A Badge Connect
host fetches and checks what it is told of, as ever.
"""

import json
import sys
import threading
import time
from typing import Any, ClassVar

from hosts import hosted_badges
from hosts.badgr_host import BadgrHost
from hosts.ob3_host import Ob3Host
from werkzeug.wrappers import Request, Response

EARLIER = 4
"""Badges that are in a backpack already: a host shows them, too, when it is asked what is there."""


class Pace:
    """Work that takes its time, one thing at a time, as at a host whose database is the narrow place."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def __call__(self, kind: str, number: int = 1) -> None:
        """Work so long."""
        seconds = self.seconds.get(kind, 0.0) * number
        if seconds:
            with self._one_at_a_time:
                time.sleep(seconds)


class Emptied:
    """Backpacks with some badges in them, to which they go back when emptied; the log is a number."""

    MORE: ClassVar = frozenset({"open_account", "empty", "set_pace", "calls_made", "fetches_made"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pace, self.made = Pace(), 0

    def open_account(self: Any, email: str, text: str) -> None:
        """Open an account with ``EARLIER`` badges; ``text`` is one like them."""
        if self.people.find(email) is None:
            self.add_user(email)
            self.people.find(email).assertions.update(self.earlier(email, text))

    def empty(self: Any, emails: list[str]) -> None:
        """Take away what came since the accounts were opened."""
        with self.lock:
            for email in emails:
                kept = self.people.find(email).assertions
                for one in list(kept)[EARLIER:]:
                    del kept[one]

    def set_pace(self, seconds: dict[str, float]) -> None:
        """Take so long for each kind of work from now on."""
        self.pace.seconds = seconds

    def calls_made(self) -> int:
        """How many requests there were."""
        return self.made

    def fetches_made(self) -> int:
        """How many requests this host made itself."""
        return CountedFetcher.made

    def _note(self: Any, *_: Any) -> None:
        with self.lock:
            self.made += 1


class CountedFetcher(hosted_badges.Fetcher):
    """Counts what it fetches, all of them together."""

    made = 0

    def _fetch(self, url: str) -> bytes:
        CountedFetcher.made += 1
        return super()._fetch(url)


class Passport(Emptied, Ob3Host):
    """The Open Badges 3.0 host."""

    CONTROL = Ob3Host.CONTROL | Emptied.MORE

    def earlier(self, _email: str, text: str) -> dict[str, Any]:
        """What is in a backpack already."""
        document, ids = json.loads(text), [f"urn:earlier:{number}" for number in range(EARLIER)]
        return {one: {"text": json.dumps(document | {"id": one}), "is_jws": False} for one in ids}

    def upsert(self, request: Request) -> Response:
        self.pace("import")
        return super().upsert(request)


class Badgr(Emptied, BadgrHost):
    """The Badgr host."""

    CONTROL = BadgrHost.CONTROL | Emptied.MORE

    def earlier(self, email: str, _text: str) -> dict[str, Any]:
        """What is in a backpack already, not fetched from anywhere."""
        urls, self.verifies = [f"{self.base_url}/earlier/{number}" for number in range(EARLIER)], False
        found = {url: {"badge": self._look_at(url, [email]), "entity_id": url} for url in urls}
        self.verifies = True
        return found

    def empty(self, emails: list[str]) -> None:
        """Also what was issued."""
        super().empty(emails)
        with self.lock:
            self.all_assertions.clear()

    def bc_create(self, request: Request) -> Response:
        self.pace("import")
        return super().bc_create(request)

    def issue_many(self, request: Request, entity_id: str) -> Response:
        self.pace("issue", len(request.get_json()["assertions"]))
        return super().issue_many(request, entity_id)


KINDS: dict[str, Any] = {"passport": Passport, "badgr": Badgr}


def main() -> None:
    """Serve until the process is ended; print ``{"url": …}`` once it answers."""
    hosted_badges.Fetcher = CountedFetcher  # type: ignore[misc]
    with KINDS[sys.argv[1]](token_life=10**7, keep_alive=True) as host:
        print(json.dumps({"url": host.base_url}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
