"""Calls to platforms' own APIs: patient and paced as those to LTI services, and one at a time per platform.

Canvas asks for it ("any API client that makes no more than one simultaneous request is unlikely to be throttled",
vendor document on throttling, read in November 2026), and a Moodle is often one small machine.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from lti_tool.lti.service_requests import ServiceRequest, ServiceRequests
from lti_tool.outbound import Answer


class PlatformCalls:
    """Sends requests to platforms' APIs; one per process, safe to share between threads."""

    def __init__(self, requests: ServiceRequests) -> None:
        self._requests = requests
        self._turns: dict[tuple[int, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def __call__(
        self,
        registration_id: int,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Callable[[], Mapping[str, str]] | None = None,
    ) -> Answer:
        """Return the platform's answer, whatever its status below 500; raises what ``ServiceRequests.send`` raises.

        Everything that is asked here is a reading, or as harmless as one when it is done twice.
        """
        request = ServiceRequest(method=method, url=url, headers=headers or {}, form=form)
        with self._turn((registration_id, urlsplit(url).hostname or "")):
            return self._requests.send(registration_id, request)

    def _turn(self, key: tuple[int, str]) -> AbstractContextManager[bool]:
        with self._guard:
            return self._turns.setdefault(key, threading.Lock())
