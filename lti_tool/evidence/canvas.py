"""The evidence source ``canvas``: a course's own assignments, modules, outcomes and total, from Canvas's own API.

Streams: ``submissions``, ``modules``, ``outcomes``, ``totals``. Submissions can be asked for changes only: what was
graded since, then what was handed in since. That does not show a grade that is posted, hidden, excused or taken back
without being graded anew, since Canvas filters by ``graded_at`` and ``submitted_at`` alone (vendor code: canvas-lms,
submissions_api_controller.rb); such a change is seen by the next reading of everything, which happens once a day.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence import canvas_pages
from lti_tool.evidence.base import (
    Capability,
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceStream,
    PersonReading,
)
from lti_tool.evidence.canvas_client import SOURCE, CanvasClient
from lti_tool.evidence.canvas_columns import iter_columns
from lti_tool.evidence.canvas_people import CanvasPeople
from lti_tool.evidence.canvas_progress import ProgressMemory
from lti_tool.evidence.canvas_scopes import WORK, parts_of
from lti_tool.evidence.grants import GRANT_NARROWED
from lti_tool.models import Context, Registration

OVERLAP = timedelta(minutes=2)
"""Asked again before the newest change: a change can be stored in Canvas later than the moment it carries."""
STREAMS = {
    "submissions": "assignment:",
    "modules": "module:",
    "outcomes": "outcome:",
    "totals": "course_total",
}
"""Streams, and how the keys of their columns begin."""


class CanvasSource:
    """Reads courses of any Canvas that was granted; one per process, safe to share between threads."""

    name = SOURCE

    def __init__(self, client: CanvasClient, people: CanvasPeople, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._people = people
        self._clock = clock
        self._progress = ProgressMemory()

    def capability(self, context: Context) -> Capability:
        """What the grant of the course allows.

        ``needs``: ``api_not_set_up``, ``api_disabled``, ``grant_missing``, ``grant_refused``, ``client_refused``,
        ``grant_narrowed``.
        """
        needs = self._client.grants.needs(context, SOURCE)
        parts = parts_of(self._client.grants.scopes(context, SOURCE))
        if not needs and WORK not in parts:
            needs = (GRANT_NARROWED,)
        decides: frozenset[ClauseKind] = frozenset().union(*(part.decides for part in parts))
        return Capability(
            source=self.name,
            needs=needs,
            decides=decides,
            unseen=frozenset({EvidenceState.NOT_OPENED}),
            own_columns_only=False,
            column_kinds=frozenset(part.kind for part in parts),
        )

    def iter_columns(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[ColumnReading]]:
        """Yield pages of assignments, then modules, outcomes and the total, as far as the grant allows."""
        yield from iter_columns(self._client.session(registration, context), malformed)

    def iter_people(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[PersonReading]]:
        """Yield test students, and members of the roster whose number in Canvas was not known."""
        session = self._client.session(registration, context)
        yield from self._people.iter_pages(session, registration, context, self._clock(), malformed)

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:  # noqa: ARG002
        """Say which streams have columns."""
        found = []
        for key, beginning in STREAMS.items():
            keys = tuple(one.external_key for one in columns if one.external_key.startswith(beginning))
            if keys:
                found.append(EvidenceStream(key, keys, tells_changes=key == "submissions"))
        return tuple(found)

    def iter_pages(
        self,
        registration: Registration,
        context: Context,
        stream: EvidenceStream,
        *,
        since: datetime | None,
        place: str | None,
        malformed: Counter[str],
    ) -> Iterator[EvidencePage]:
        """Yield pages of a stream; ``place`` holds the address of the next page as Canvas gave it."""
        session = self._client.session(registration, context)
        keys, now = frozenset(stream.column_keys), self._clock()
        reader = canvas_pages.Reader(session, keys, malformed, self._progress, now)
        if stream.key == "submissions":
            return reader.submissions(None if since is None else since - OVERLAP, place)
        if stream.key == "modules":
            return reader.modules(place)
        if stream.key == "outcomes":
            return reader.outcomes(place)
        return reader.totals(place)
