"""Writes down what is heard of platforms while calls are made, seldom enough that nobody waits for it."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from lti_tool.db import Database
from lti_tool.services import registrations


class HealthNotes:
    """Told about tokens and service calls of all platforms; one per process, safe to share between threads.

    Each kind of news of a platform is written at most once a minute by this process, in a transaction of its own.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._noted: dict[tuple[int, str], datetime] = {}
        self._lock = threading.Lock()

    def on_outcome(self, registration_id: int, host: str, ok: bool, code: str | None, at: datetime) -> None:  # noqa: ARG002
        """Note that a service call worked or failed (``service_health.OnOutcome``)."""
        if not self._is_news(registration_id, "" if ok else code or "", at):
            return
        with self._database.write() as session:
            if ok:
                registrations.note_service(session, registration_id, at)
            else:
                registrations.note_failure(session, registration_id, code or "", at)

    def on_token(self, registration_id: int, scopes: Iterable[str]) -> None:
        """Note an access token and the scopes it has."""
        with self._database.write() as session:
            registrations.note_token(session, registration_id, scopes, self._clock())

    def _is_news(self, registration_id: int, kind: str, at: datetime) -> bool:
        with self._lock:
            noted = self._noted.get((registration_id, kind))
            if noted is not None and at - registrations.NOTED_EVERY < noted <= at:
                return False
            self._noted[registration_id, kind] = at
            if not kind:  # it works again: the next failure is news, whenever it comes
                self._noted = {key: one for key, one in self._noted.items() if key[0] != registration_id or not key[1]}
            return True
