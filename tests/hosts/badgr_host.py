"""A Badgr host: backpack (Badge Connect 2.1 and v2 import) and issuing platform (v2 API), with its quirks.

In a test::

    with BadgrHost() as host:
        host.add_user("ada@school.example")
        host.fail("POST /bcv1/assertions", "die_after")           # hosts.serving lists the faults
        url = host.approve(authorization_url, "ada@school.example")   # consent; or POST /consent
        assert host.stored("ada@school.example") == [assertion_id]

``requires_https=False`` (the default) allows http on loopback and keeps every other check. As a process of its own:
``hosts.processes.running("badgr_host")``, or ``python -m hosts.badgr_host --port 9000`` with ``tests`` on the path.

``speed="badgr"`` answers as fast as a Badgr host was seen to: 44.5 issues a second in batches, 20 one by one, 1.9
imports a second, one thing at a time (captured, 2026). No Open Badges 3.0 (captured).
"""

import threading
import time
from typing import Any

from hosts.badgr_issuing import BadgrIssuing
from hosts.processes import serve_from_command_line
from werkzeug.wrappers import Request, Response

SECONDS = {"issue": 1 / 44.5, "issue_one": 1 / 20, "import": 1 / 1.9}


class BadgrHost(BadgrIssuing):
    """The host; see the module."""

    CONTROL = frozenset(
        {
            "add_user",
            "add_application",
            "approve",
            "end_consents",
            "expire_tokens",
            "forget_clients",
            "stored",
            "recheck",
            "created",
            "issued",
            "duplicates",
        }
    )

    def __init__(self, *, speed: str = "at once", **options: Any) -> None:
        super().__init__(**options)
        self.speed, self._one_at_a_time = speed, threading.Lock()

    def _takes(self, kind: str, number: int = 1) -> None:
        if self.speed == "badgr":
            with self._one_at_a_time:
                time.sleep(SECONDS[kind] * number)

    def bc_create(self, request: Request) -> Response:
        self._takes("import")
        return super().bc_create(request)

    def import_badge(self, request: Request) -> Response:
        self._takes("import")
        return super().import_badge(request)

    def issue_many(self, request: Request, entity_id: str) -> Response:
        given = request.get_json(silent=True)
        self._takes("issue", len(given.get("assertions") or []) if isinstance(given, dict) else 1)
        return super().issue_many(request, entity_id)

    def issue_one(self, request: Request, entity_id: str) -> Response:
        self._takes("issue_one")
        return super().issue_one(request, entity_id)


if __name__ == "__main__":
    serve_from_command_line(BadgrHost)
