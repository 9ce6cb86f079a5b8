"""What a process remembers of learners' modules, so that only who moved on since costs a call."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

FORGOTTEN_AFTER = timedelta(days=1)
"""A teacher can change what a module requires without changing how many requirements there are."""
MOST_LEARNERS = 10_000

Place = tuple[int, str, str]
"""Registration, course as Canvas's API names it, learner."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Modules a learner had completed, with when, at a count of requirements done of all there were."""

    counts: tuple[object, object]
    completed: tuple[tuple[str, datetime | None], ...]
    seen_at: datetime


class ProgressMemory:
    """Remembers the newest progress of so many learners; one per process, safe to share between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[Place, Progress] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, place: Place, counts: tuple[object, object], now: datetime) -> Progress | None:
        """Return what was seen of a learner, if nothing speaks for it having changed since."""
        with self._lock:
            found = self._known.get(place)
        if found is None or found.counts != counts or found.seen_at + FORGOTTEN_AFTER <= now:
            return None
        return found

    def keep(self, place: Place, progress: Progress) -> None:
        """Remember; whom nobody read for longest is forgotten first."""
        with self._lock:
            self._known[place] = progress
            self._known.move_to_end(place)
            if len(self._known) > MOST_LEARNERS:
                self._known.popitem(last=False)
