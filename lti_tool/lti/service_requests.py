"""One request to a platform's service, tried a few times: throttling and outages are waited out, then reported.

Canvas throttles with 403 and the words "Rate Limit Exceeded", everybody else with 429 (RFC 6585, section 4);
``Retry-After`` is seconds or a date (RFC 9110, section 10.2.3). Messages name the host and the status, nothing else.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from lti_tool.errors import OutboundError, PlatformServiceError, PlatformThrottledError
from lti_tool.outbound import Answer, HttpClient

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds; a platform that asks for more gets its wait from whoever runs the job."""
LOW_QUOTA = 100.0
"""Canvas' bucket holds 600 to 700 by default and refills at about 10 a second (throttling document, 2026)."""


class ServiceRequests:
    """Sends requests to platforms with bounded retries; safe to share between threads.

    ``sleep`` and ``clock`` are replaced in tests. A request must be safe to repeat: reads are, and so are token
    requests, whose body ``send`` asks for anew each time.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        attempts: int = ATTEMPTS,
    ) -> None:
        self._http = http
        self._clock = clock
        self._sleep = sleep
        self._attempts = attempts

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Callable[[], Mapping[str, str]] | None = None,
    ) -> Answer:
        """Return the platform's answer, whatever its status below 500, throttling excepted.

        ``form`` makes the fields of a form post. Raises ``PlatformThrottledError``, ``PlatformServiceError`` (status
        500 and above) or ``OutboundError`` (no answer at all) once every attempt failed.
        """
        for attempt in range(1, self._attempts):
            try:
                return self._once(method, url, headers, form)
            except OutboundError as error:
                wait = self._wait_before_next(error, attempt)
                if wait is None:
                    raise
            self._sleep(wait)
        return self._once(method, url, headers, form)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], form: Callable[[], Mapping[str, str]] | None
    ) -> Answer:
        answer = self._http.request(method, url, headers=headers, data=None if form is None else form())
        host = urlsplit(url).hostname
        if is_throttled(answer):
            raise PlatformThrottledError(
                f"{host} asks to slow down ({answer.status}).",
                retry_after=self._retry_after(answer),
                http_status=answer.status,
            )
        if answer.status >= 500:
            raise PlatformServiceError(f"{host} answered {answer.status}.", http_status=answer.status)
        if _quota_left(answer) < LOW_QUOTA:
            self._sleep(1.0)
        return answer

    def _wait_before_next(self, error: OutboundError, attempt: int) -> float | None:
        """Seconds to wait before trying again, or ``None`` when trying again at once makes no sense."""
        if not error.retryable or error.code == "host_slow":
            return None
        back_off = float(2 ** (attempt - 1))
        asked = error.retry_after if isinstance(error, PlatformThrottledError) else None
        if asked is None:
            return back_off
        return None if asked > LONGEST_WAIT else max(asked, 0.1)

    def _retry_after(self, answer: Answer) -> float | None:
        text = answer.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self._clock()).total_seconds())


def is_throttled(answer: Answer) -> bool:
    """Whether the platform refused only because it was asked too often."""
    return answer.status == 429 or (answer.status == 403 and "rate limit exceeded" in answer.text[:2000].lower())


def _quota_left(answer: Answer) -> float:
    try:
        return float(answer.headers.get("X-Rate-Limit-Remaining", "inf"))
    except ValueError:
        return float("inf")
