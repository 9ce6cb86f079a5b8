"""Reads one source of one course: its columns, who is who, then its streams (``stream_reading``).

What fails for one stream leaves the others read; what fails for the source, as a whole or for now, ends it, and what
was read stands. A source that may not be read, and one that refuses for good, has no fresh columns.
"""

from collections import Counter

import structlog

from lti_tool.errors import OutboundError, ToolError
from lti_tool.evidence.base import ColumnReading, EvidenceSource, EvidenceStream
from lti_tool.jobs.run_progress import People, RunProgress
from lti_tool.jobs.stream_reading import ReadColumn, StreamReader, stops_source
from lti_tool.models import Context, Registration
from lti_tool.services import identities, observing, source_readings
from lti_tool.services.identities import School
from lti_tool.services.source_readings import ReadingUnderWay
from lti_tool.wiring import Services

log = structlog.get_logger()


class SourceReader:
    """One reading of one source; ``failures`` are what kept parts of it from being read."""

    def __init__(
        self,
        services: Services,
        registration: Registration,
        context: Context,
        source: EvidenceSource,
        progress: RunProgress,
        people: People,
        *,
        is_wanted: bool,
    ) -> None:
        self._services, self._registration, self._context = services, registration, context
        self._source, self._progress, self._people, self._is_wanted = source, progress, people, is_wanted
        self._school = School(registration.id, context.organization_id)
        self._columns: dict[str, ReadColumn] = {}
        self._test_ids: set[str] = set()
        self.failures: list[ToolError] = []

    def read(self) -> None:
        """Read what the source offers; what stops it is kept in ``failures``, so that another source can be read."""
        capability = self._source.capability(self._context)
        if capability.is_pushed:  # people bring its columns, which no listing shows
            return
        if not capability.is_available:
            self._note_unavailable(capability.needs[0])
            return
        try:
            self._read()
        except ToolError as error:
            self._fail(error)

    def _read(self) -> None:
        with self._services.database.write() as session:
            now = self._services.clock()
            self._progress.keep_alive(session, now)
            reading = source_readings.begin(
                session, self._context.id, self._source.name, self._progress.run_id, now, is_wanted=self._is_wanted
            )
        columns = self._read_columns()
        if self._read_people():
            with self._services.database.read() as session:
                source_readings.look_again(session, reading)
        streams = self._source.streams(self._context, columns)
        for stream in streams:
            for key in stream.column_keys:
                if key in self._columns:
                    self._columns[key].streams_left += 1
        reader = StreamReader(
            self._services,
            self._registration,
            self._context,
            self._source,
            self._progress,
            self._people,
            reading,
            self._test_ids,
        )
        for stream in streams:
            self._read_stream(reader, stream)
        self._finish(reading, is_complete=reader.is_complete)

    def _read_stream(self, reader: StreamReader, stream: EvidenceStream) -> None:
        """Read one stream, or mark its columns failed; raises what would fail for every other stream, too."""
        columns = {key: self._columns[key] for key in stream.column_keys if key in self._columns}
        try:
            reader.read(stream, columns)
        except OutboundError as error:
            if stops_source(error):
                raise
            log.warning("source_reading.stream_failed", source=self._source.name, error_code=error.code)
            with self._services.database.write() as session:
                observing.mark_columns_failed(session, [one.id for one in columns.values()], error.code)
            self.failures.append(error)

    # -- columns and people -------------------------------------------------------------------------------------------

    def _read_columns(self) -> list[ColumnReading]:
        malformed: Counter[str] = Counter()
        listed: list[ColumnReading] = []
        ids: dict[str, int] = {}
        for page in self._source.iter_columns(self._registration, self._context, malformed=malformed):
            with self._services.database.write() as session:
                self._progress.keep_alive(session, self._services.clock())
                stored = observing.store_columns(session, self._context.id, self._source.name, page)
            ids |= stored.ids
            self._progress.has_changes |= stored.has_changes
            listed += page
        with self._services.database.write() as session:
            if not malformed:  # a column that could not be read is not gone
                gone = observing.mark_gone(session, self._context.id, self._source.name, ids.values())
                self._progress.has_changes |= gone > 0
            states = observing.column_states(session, ids.values())
        self._columns = {key: ReadColumn(*states[number]) for key, number in ids.items()}
        self._progress.counts["columns"] += len(ids)
        self._progress.counts["malformed"] += malformed.total()
        self._progress.sources[self._source.name] = {"done": 0, "total": len(ids)}
        return listed

    def _read_people(self) -> bool:
        """Learn who is who, for a source that tells; returns whether anybody became known or another."""
        malformed: Counter[str] = Counter()
        changed = 0
        for page in self._source.iter_people(self._registration, self._context, malformed=malformed):
            self._test_ids |= {one.external_id for one in page if one.is_test_user}
            with self._services.database.write() as session:
                now = self._services.clock()
                self._progress.keep_alive(session, now)
                changed += identities.store_people(session, self._context, self._school, self._source.name, page, now)
        if malformed:
            self._progress.counts["malformed"] += malformed.total()
        self._progress.has_changes |= changed > 0
        if changed:
            self._people.forget_identities(self._source.name)
        return changed > 0

    # -- how it ended -------------------------------------------------------------------------------------------------

    def _finish(self, reading: ReadingUnderWay, *, is_complete: bool) -> None:
        with self._services.database.write() as session:
            now = self._services.clock()
            self._progress.keep_alive(session, now)
            if self.failures:
                is_resumable = all(error.retryable for error in self.failures)
                code = self.failures[0].code
                source_readings.fail(session, self._context.id, self._source.name, code, now, is_resumable=is_resumable)
            else:
                source_readings.finish(session, reading, is_complete=is_complete)

    def _fail(self, error: ToolError) -> None:
        """Keep what stopped the source; what trying again cannot cure makes all its columns stale, with the reason."""
        self.failures.append(error)
        with self._services.database.write() as session:
            now = self._services.clock()
            source_readings.fail(
                session, self._context.id, self._source.name, error.code, now, is_resumable=error.retryable
            )
            if not error.retryable:
                observing.mark_source_failed(session, self._context.id, self._source.name, error.code)

    def _note_unavailable(self, code: str) -> None:
        """A source that may not be read any more tells nothing new: its columns are stale, with the reason."""
        with self._services.database.write() as session:
            if observing.mark_source_failed(session, self._context.id, self._source.name, code):
                now = self._services.clock()
                source_readings.fail(session, self._context.id, self._source.name, code, now)
                self._progress.has_changes = True
