"""Slowing down before a platform has to refuse: pauses by what it says is left of its quota.

Canvas fills a bucket of 600 to 700 units per tool installation by about 10 a second and answers what is left of it
(``X-Rate-Limit-Remaining``; vendor document on throttling, 2026). All threads of a process draw from one bucket, so the
pause is kept per registration and host and whoever calls next takes it.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from lti_tool.outbound import Answer

LOW_QUOTA = 100.0
REFILL = 10.0
"""Units a second."""
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 10.0


class ServicePace:
    """Remembers the last quota of each (registration id, host)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._low: dict[tuple[int, str], tuple[float, datetime]] = {}
        self._lock = threading.Lock()

    def pause_before(self, key: tuple[int, str]) -> float:
        """Return the seconds to wait before the next call: until the bucket should be back above ``LOW_QUOTA``."""
        with self._lock:
            found = self._low.get(key)
        if found is None:
            return 0.0
        left, at = found
        wanted = min(max((LOW_QUOTA - left) / REFILL, SHORTEST_PAUSE), LONGEST_PAUSE)
        return max(0.0, wanted - (self._clock() - at).total_seconds())

    def learn(self, key: tuple[int, str], answer: Answer) -> None:
        """Take note of what an answer says is left; one that says nothing, or nothing readable, ends the pauses."""
        try:
            left = float(answer.headers.get("X-Rate-Limit-Remaining", "inf"))
        except ValueError:
            left = float("inf")
        with self._lock:
            if left < LOW_QUOTA:
                self._low[key] = (left, self._clock())
            else:  # also what is no number at all (NaN)
                self._low.pop(key, None)
