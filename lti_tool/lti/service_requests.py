"""One request to a platform's service, tried a few times: throttling and outages are waited out, then reported.

Canvas throttles with 403 and the words "Rate Limit Exceeded", everybody else with 429 (RFC 6585, section 4);
``Retry-After`` is seconds or a date (RFC 9110, section 10.2.3). Messages name the host and the status, nothing else.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from lti_tool.errors import HostUnreachableError, OutboundError, PlatformServiceError, PlatformThrottledError
from lti_tool.lti.service_health import ServiceHealth
from lti_tool.lti.service_pace import ServicePace
from lti_tool.outbound import Answer, HttpClient

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds; a platform that asks for more gets its wait from whoever runs the job."""
LONGEST_RETRY_AFTER = 3600.0
"""Seconds; nobody is put off for longer, whatever a platform asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """What to send. ``form`` makes the fields of a form post, anew for each attempt; ``body`` is sent as it is.

    ``is_repeatable``: doing it twice is doing it once (reads, PUT, DELETE, token requests). Anything else is sent again
    only when the attempt certainly did nothing: no connection was made, or the platform refused it for being too much
    (throttling, 503 with ``Retry-After``).
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Callable[[], Mapping[str, str]] | None = None
    body: bytes | None = None
    is_repeatable: bool = True

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).hostname or ""


class ServiceRequests:
    """Sends requests to platforms with bounded retries; safe to share between threads.

    ``sleep``, ``clock`` and ``jitter`` (a number from 0 up to 1) are replaced in tests.
    """

    def __init__(
        self,
        http: HttpClient,
        health: ServiceHealth,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        jitter: Callable[[], float] = random.random,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._http = http
        self._health = health
        self._pace = ServicePace(clock)
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._attempts = attempts

    def send(self, registration_id: int, request: ServiceRequest) -> Answer:
        """Return the platform's answer, whatever its status below 500, throttling excepted.

        Raises ``PlatformThrottledError``, ``PlatformServiceError`` (status 500 and above) or ``OutboundError`` (no
        answer at all) once every attempt failed, and ``PlatformUnreachableError`` for a host that is left alone.
        """
        key = (registration_id, request.host)
        with self._health.watch(key) as is_probe:
            attempts = 1 if is_probe else self._attempts
            for attempt in range(1, attempts):
                try:
                    return self._once(key, request)
                except OutboundError as error:
                    wait = self._wait_before_next(error, attempt, request)
                    if wait is None:
                        raise
                self._sleep(wait)
            return self._once(key, request)

    def _once(self, key: tuple[int, str], request: ServiceRequest) -> Answer:
        pause = self._pace.pause_before(key)
        if pause > 0:
            self._sleep(pause)
        data = request.body if request.form is None else request.form()
        answer = self._http.request(request.method, request.url, headers=request.headers, data=data)
        self._pace.learn(key, answer)
        if is_throttled(answer):
            raise PlatformThrottledError(
                f"{request.host} asks to slow down ({answer.status}).",
                retry_after=self._retry_after(answer),
                http_status=answer.status,
            )
        if answer.status >= 500:
            raise PlatformServiceError(
                f"{request.host} answered {answer.status}.",
                http_status=answer.status,
                retry_after=self._retry_after(answer),
            )
        return answer

    def _wait_before_next(self, error: OutboundError, attempt: int, request: ServiceRequest) -> float | None:
        """Seconds to wait before trying again, or ``None`` when that makes no sense now or might do harm."""
        if not error.retryable or error.code == "host_slow":
            return None
        if not request.is_repeatable and not _did_nothing(error):
            return None
        asked = error.retry_after if isinstance(error, PlatformServiceError) else None
        if asked is None:
            return 2.0 ** (attempt - 1) * (1 + self._jitter() / 2)
        return None if asked > LONGEST_WAIT else max(asked, 0.1) + self._jitter()

    def _retry_after(self, answer: Answer) -> float | None:
        text = answer.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), LONGEST_RETRY_AFTER)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - self._clock()).total_seconds()), LONGEST_RETRY_AFTER)


def is_throttled(answer: Answer) -> bool:
    """Whether the platform refused only because it was asked too often."""
    return answer.status == 429 or (answer.status == 403 and "rate limit exceeded" in answer.text[:2000].lower())


def _did_nothing(error: OutboundError) -> bool:
    """Whether the attempt certainly changed nothing at the platform."""
    if isinstance(error, PlatformThrottledError | HostUnreachableError):
        return True
    return isinstance(error, PlatformServiceError) and error.http_status == 503 and error.retry_after is not None
