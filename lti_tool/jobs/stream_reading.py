"""Reads the streams of one source, page by page: what a page says and the place after it in one transaction.

A stream that was broken off goes on at its last stored page. A column counts as read, as of the moment its reading
began, only when every stream that tells of it ended. Who had a result and was not listed becomes ungraded only after a
stream that was read whole, without an entry that could not be read, by one reader from end to end: after a resumed one
nobody knows any more who was on the pages before, and the next reading of everything tells.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lti_tool.errors import GrantError, OutboundError
from lti_tool.evidence.base import LTI_SOURCES, EvidencePage, EvidenceSource, EvidenceStream, ObservationReading
from lti_tool.jobs.roster_reading import stops_all
from lti_tool.jobs.run_progress import People, RunProgress
from lti_tool.lti.quirks import quirks_of
from lti_tool.models import Context, Registration
from lti_tool.services import facts, observing, source_readings
from lti_tool.services.seen_users import SeenUsers
from lti_tool.services.source_readings import ReadingUnderWay, StreamPlace
from lti_tool.wiring import Services

RECENTLY = timedelta(days=1)
"""A column that was read within this time and says nothing new changes no verdict."""


@dataclass(slots=True)
class ReadColumn:
    """A column in this reading: how many streams still tell of it, who was on their pages, since when."""

    id: int
    checked_at: datetime | None
    failed_code: str | None
    streams_left: int = 0
    begun_at: datetime | None = None
    is_whole: bool = True
    """Everybody on the pages of its streams was seen."""
    seen: SeenUsers = field(default_factory=SeenUsers)

    def is_read_since(self, moment: datetime) -> bool:
        return self.failed_code is None and self.checked_at is not None and self.checked_at >= moment


@dataclass(slots=True)
class _Pass:
    """One pass over the pages of a stream."""

    stream: EvidenceStream
    columns: Mapping[str, ReadColumn]
    begun_at: datetime
    since: datetime | None
    place: str | None
    malformed: Counter[str] = field(default_factory=Counter)
    has_begun: bool = False


def stops_source(error: OutboundError) -> bool:
    """Whether whatever else is asked of the same source would fail the same way."""
    return stops_all(error) or isinstance(error, GrantError)


class StreamReader:
    """Reads streams of one source for one reading. ``test_ids``: whom results need not be placed for.

    ``is_complete``: everybody on every page was seen by this reader.
    """

    def __init__(
        self,
        services: Services,
        registration: Registration,
        context: Context,
        source: EvidenceSource,
        progress: RunProgress,
        people: People,
        reading: ReadingUnderWay,
        test_ids: set[str],
    ) -> None:
        self._services, self._registration, self._context = services, registration, context
        self._source, self._progress, self._people = source, progress, people
        self._reading, self._test_ids = reading, test_ids
        self.is_complete = True

    def read(self, stream: EvidenceStream, columns: Mapping[str, ReadColumn]) -> None:
        """Read one stream to its end, as far as an earlier attempt did not; raises ``OutboundError``."""
        reading = self._reading
        if reading.is_resumed and columns and all(one.is_read_since(reading.begun_at) for one in columns.values()):
            self._progress.sources[self._source.name]["done"] += len(columns)
            self.is_complete = False  # what the attempt before saw is not known here
            return
        first = self._first_pass(stream, columns)
        try:
            self._store_pages(first)
        except OutboundError as error:
            if first.place is None or first.has_begun or stops_source(error):
                raise
            # The platform does not know the place any more: from the beginning, then.
            self._store_pages(_Pass(stream, columns, self._services.clock(), first.since, None))

    def _first_pass(self, stream: EvidenceStream, columns: Mapping[str, ReadColumn]) -> _Pass:
        """Where to begin: a column that was never read, or failed, needs everything there is about it."""
        is_known = all(one.checked_at is not None and one.failed_code is None for one in columns.values())
        since = self._reading.since if stream.tells_changes and is_known else None
        kept = self._reading.place
        if kept is not None and kept.stream == stream.key and (kept.since is None or since is not None):
            return _Pass(stream, columns, kept.begun_at, kept.since, kept.at)
        return _Pass(stream, columns, self._services.clock(), since, None)

    def _store_pages(self, course: _Pass) -> None:
        if course.place is not None or course.since is not None:
            for column in course.columns.values():
                column.is_whole = False
        self.is_complete &= course.place is None
        for column in course.columns.values():
            column.begun_at = course.begun_at if column.begun_at is None else min(column.begun_at, course.begun_at)
        pages = self._source.iter_pages(
            self._registration,
            self._context,
            course.stream,
            since=course.since,
            place=course.place,
            malformed=course.malformed,
        )
        has_ended = False
        for page, has_ended in _with_the_last_marked(pages):
            course.has_begun = True
            with self._services.database.write() as session:
                now = self._services.clock()
                self._progress.keep_alive(session, now)
                self._store(session, course, page, now)
                if has_ended:
                    self._end_stream(session, course, now)
                elif page.place is not None:
                    self._reading.place = StreamPlace(course.stream.key, page.place, course.begun_at, course.since)
                    source_readings.keep_place(session, self._reading)
        if not has_ended:  # a stream without a page
            with self._services.database.write() as session:
                now = self._services.clock()
                self._progress.keep_alive(session, now)
                self._end_stream(session, course, now)
        self._progress.counts["malformed"] += course.malformed.total()

    def _store(self, session: Session, course: _Pass, page: EvidencePage, now: datetime) -> None:
        added = facts.store(session, self._entries(session, course, page, now), now)
        self._reading.note(page.newest)
        self._progress.counts["observations"] += added
        self._progress.has_changes |= added > 0

    def _entries(
        self, session: Session, course: _Pass, page: EvidencePage, now: datetime
    ) -> list[tuple[int, int, ObservationReading]]:
        """The page's observations with column and user; whom nobody explained is counted and left out."""
        subs = {one.platform_user_id for _, one in page.observations if one.platform_user_id is not None}
        numbers = {one.external_id for _, one in page.observations if one.external_id is not None}
        users = self._people.users(session, subs, now) if subs else {}
        known = self._people.known(session, self._source.name, numbers) if numbers else {}
        found: list[tuple[int, int, ObservationReading]] = []
        unmatched = 0
        for key, one in page.observations:
            column = course.columns.get(key)
            if column is None:
                continue
            user_id = users.get(one.platform_user_id) if one.platform_user_id else known.get(one.external_id or "")
            if user_id is None:
                unmatched += one.external_id not in self._test_ids
                continue
            column.seen.add(user_id)
            found.append((column.id, user_id, one))
        if unmatched:
            self._reading.unmatched += unmatched
            self._progress.counts["unmatched"] += unmatched
        return found

    def _end_stream(self, session: Session, course: _Pass, now: datetime) -> None:
        """Take the columns as read that no other stream tells of."""
        for column in course.columns.values():
            # An entry that could not be read is not an absent one: then nobody's result is taken to have vanished.
            column.is_whole &= not course.malformed.total()
            column.streams_left -= 1
            if column.streams_left == 0:
                self._end_column(session, column, now)
        if self._reading.place is not None and self._reading.place.stream == course.stream.key:
            self._reading.place = None
            source_readings.keep_place(session, self._reading)

    def _end_column(self, session: Session, column: ReadColumn, now: datetime) -> None:
        if column.is_whole:
            added = observing.store_absence(
                session, column.id, column.seen, now, may_be_unopened=self._has_unopened_work()
            )
            self._progress.counts["observations"] += added
            self._progress.has_changes |= added > 0
        was_recent = column.checked_at is not None and now - RECENTLY < column.checked_at <= now
        self._progress.has_changes |= not was_recent or column.failed_code is not None
        observing.mark_column_read(session, column.id, column.begun_at or now)
        self._progress.sources[self._source.name]["done"] += 1
        column.seen = SeenUsers()

    def _has_unopened_work(self) -> bool:
        return self._source.name in LTI_SOURCES and quirks_of(self._registration.product).results_need_scores


def _with_the_last_marked(pages: Iterator[EvidencePage]) -> Iterator[tuple[EvidencePage, bool]]:
    """Yield each page and whether it is known to be the last; what has a place is stored before the next is asked."""
    held: EvidencePage | None = None
    while True:
        try:
            page = next(pages, None)
        except BaseException:
            if held is not None:  # what was read before the failure stands
                yield held, False
            raise
        if held is not None:
            yield held, page is None
        if page is None:
            return
        held = page if page.place is None else None
        if held is None:
            yield page, False
