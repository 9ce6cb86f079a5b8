"""How the platforms' services are doing as this process sees it, and a circuit that leaves alone those that are down.

After ``FAILURES`` calls in a row that met no connection or a server's failure (5xx), retries included, calls to that
host for that registration fail at once (``platform_unreachable``, with the seconds to wait) until ``COOL_DOWN`` has
passed; then one call is let through, without retries, and decides.

The state lives in the process on purpose. The circuit spares this process' threads the time-outs and the platform the
calls of this process; another process learns the same within ``FAILURES`` calls of its own. Shared state would cost a
write for every failure and let one process with a broken network stop all others. What must outlast the process, the
last success and the last error of a platform, leaves through ``on_outcome``.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from lti_tool.errors import (
    AddressRefusedError,
    AnswerTooLargeError,
    OutboundError,
    PlatformServiceError,
    PlatformUnreachableError,
)

log = structlog.get_logger()

FAILURES = 5
COOL_DOWN = timedelta(seconds=60)


class OnOutcome(Protocol):
    """Told after every call that was made: ``code`` is the error's, ``None`` when it went well.

    Called in the thread of the call, outside any transaction of this package, for every page of every reading: keep it
    cheap, and write only what changed. What it raises is logged and goes no further.
    """

    def __call__(self, registration_id: int, host: str, ok: bool, code: str | None, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHealth:
    """One host of one registration, as this process sees it."""

    host: str
    failures: int = 0
    """Calls in a row without an answer that counts."""
    left_alone_until: datetime | None = None
    """Set while the circuit is open; past when the next call is the probe."""
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error_code: str | None = None


class ServiceHealth:
    """Watches calls; one per process, shared by threads. ``key`` is everywhere (registration id, host)."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        on_outcome: OnOutcome | None = None,
        failures: int = FAILURES,
        cool_down: timedelta = COOL_DOWN,
    ) -> None:
        self._clock = clock
        self._on_outcome = on_outcome
        self._failures = failures
        self._cool_down = cool_down
        self._hosts: dict[tuple[int, str], HostHealth] = {}
        self._probes: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def of(self, registration_id: int) -> tuple[HostHealth, ...]:
        """Return what is known of a registration's hosts, by name."""
        with self._lock:
            return tuple(found for (owner, _), found in sorted(self._hosts.items()) if owner == registration_id)

    @contextmanager
    def watch(self, key: tuple[int, str]) -> Iterator[bool]:
        """Let one call through and learn from how it ends; yields whether it is the probe.

        Raises ``PlatformUnreachableError`` instead when the host is left alone.
        """
        is_probe = self._admit(key)
        try:
            yield is_probe
        except OutboundError as error:
            if _is_outage(error):
                self._failed(key, is_probe=is_probe)
            elif not isinstance(error, AddressRefusedError):  # it answered, whatever it said
                self._answered(key)
            raise
        else:
            self._answered(key)
        finally:
            with self._lock:
                self._probes.discard(key) if is_probe else None

    def record(self, key: tuple[int, str], code: str | None) -> None:
        """Note how a whole call ended: with an error of this code, or well (``None``)."""
        now = self._clock()
        with self._lock:
            known = self._known(key)
            self._hosts[key] = (
                replace(known, last_success_at=now)
                if code is None
                else replace(known, last_error_at=now, last_error_code=code)
            )
        if self._on_outcome is None:
            return
        try:
            self._on_outcome(key[0], key[1], code is None, code, now)
        except Exception as error:  # a note that could not be kept must not fail the call it is about
            log.exception("service_health.outcome_lost", registration_id=key[0], error=type(error).__name__)

    def _known(self, key: tuple[int, str]) -> HostHealth:
        return self._hosts.get(key) or HostHealth(host=key[1])

    def _admit(self, key: tuple[int, str]) -> bool:
        with self._lock:
            until = self._known(key).left_alone_until
            if until is None:
                return False
            left = (until - self._clock()).total_seconds()
            if left <= 0 and key not in self._probes:
                self._probes.add(key)
                return True
        raise PlatformUnreachableError(
            f"{key[1]} failed {self._failures} times in a row and is left alone for a while.",
            retry_after=max(left, 1.0),
        )

    def _answered(self, key: tuple[int, str]) -> None:
        with self._lock:
            self._hosts[key] = replace(self._known(key), failures=0, left_alone_until=None)

    def _failed(self, key: tuple[int, str], *, is_probe: bool) -> None:
        with self._lock:
            known = self._known(key)
            failures = known.failures + 1
            until = known.left_alone_until
            if is_probe or failures >= self._failures:
                until = self._clock() + self._cool_down
            self._hosts[key] = replace(known, failures=failures, left_alone_until=until)


def _is_outage(error: OutboundError) -> bool:
    """Whether the host was not there at all or failed itself; refusals and throttling are answers."""
    if isinstance(error, PlatformServiceError):
        return error.http_status is not None and error.http_status >= 500
    return not isinstance(error, AddressRefusedError | AnswerTooLargeError)
