"""Reads one course: roster, columns, observations. One short transaction a page, none while a platform is called.

A column counts as read only after its last page; a column that fails is marked so, and the others go on, unless the
platform as a whole cannot be asked now. What was stored before a failure or a kill stays, and reading again adds only
what changed.
"""

from collections import Counter
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from lti_tool.errors import OutboundError, PlatformServiceError, ToolError
from lti_tool.evidence.base import EvidenceSource, ObservationReading
from lti_tool.jobs.roster_reading import RosterReading, stops_all
from lti_tool.models import Context, Registration, User
from lti_tool.services import copied_work, copy_proposals, course_sync, observing
from lti_tool.services.launching import ensure_user
from lti_tool.wiring import Services

log = structlog.get_logger()


def read_course(services: Services, run_id: int) -> None:
    """Take the run if it is due and bring it to its end; the course is then due for evaluation."""
    with services.database.write() as session:
        run = course_sync.take_run(session, run_id, services.clock())
        if run is None:
            return
        context_id, is_wanted = run.context_id, run.reason in course_sync.ASKED_BY_PEOPLE
    reading = CourseReading(services, run_id, context_id, is_wanted=is_wanted)
    try:
        reading.read()
    except ToolError as error:
        log.warning("course_reading.failed", run_id=run_id, context_id=context_id, error_code=error.code)
        wait = error.retry_after if isinstance(error, PlatformServiceError) else None
        _fail(services, run_id, error.code, retryable=error.retryable, retry_after=wait)
    except Exception as error:  # a bug must not leave the run to be taken again for ever
        log.exception("course_reading.broken", run_id=run_id, context_id=context_id, error=type(error).__name__)
        _fail(services, run_id, ToolError.code, retryable=True)
    else:
        with services.database.write() as session:
            course_sync.finish_run(session, run_id, services.clock(), dict(reading.counts))


def _fail(
    services: Services, run_id: int, error_code: str, *, retryable: bool, retry_after: float | None = None
) -> None:
    with services.database.write() as session:
        now = services.clock()
        course_sync.fail_run(session, run_id, now, error_code, retryable=retryable, retry_after=retry_after)


class CourseReading:
    """One reading under way; ``counts`` tells members, columns, observations added, entries left out."""

    def __init__(self, services: Services, run_id: int, context_id: int, *, is_wanted: bool = False) -> None:
        self._services, self._run_id, self._is_wanted = services, run_id, is_wanted
        with services.database.read() as session:
            self._context = session.get_one(Context, context_id)
            self._registration = session.get_one(Registration, self._context.deployment.registration_id)
        self._users: dict[str, int] = {}
        self._failures: list[ToolError] = []
        self.counts: Counter[str] = Counter(members=0, columns=0, observations=0)

    def read(self) -> None:
        """Read the roster, then every source; raises what failed once everything that can be read was."""
        self._read_roster()
        for source in self._services.sources:
            self._read_source(source)
        self._settle_copies()
        if self._failures:  # one that trying again can cure decides what happens next
            raise next((error for error in self._failures if error.retryable), self._failures[0])

    def _read_roster(self) -> None:
        reading = RosterReading(
            self._services, self._registration, self._context, self.counts, self._renew, is_wanted=self._is_wanted
        )
        try:
            reading.read()
        finally:
            self._users |= reading.users
            self._failures += reading.failures

    def _renew(self, session: Session, now: datetime) -> None:
        course_sync.renew_lease(session, self._run_id, now, dict(self.counts))

    def _settle_copies(self) -> None:
        """Let slots that came with a copied course find their columns, and see whether this course looks like one."""
        with self._services.database.write() as session:
            now = self._services.clock()
            copied_work.bind_arrived(session, self._context.id, now)
            copy_proposals.propose_by_likeness(session, self._context.id, now)

    # -- sources ------------------------------------------------------------------------------------------------------

    def _read_source(self, source: EvidenceSource) -> None:
        """Read one source; what stops it is kept, so that another source can still be read."""
        if not source.capability(self._context).is_available:
            return
        try:
            for key, column_id in self._read_columns(source).items():
                self._read_column(source, key, column_id)
        except ToolError as error:
            self._failures.append(error)

    def _read_columns(self, source: EvidenceSource) -> dict[str, int]:
        malformed: Counter[str] = Counter()
        columns: dict[str, int] = {}
        for page in source.iter_columns(self._registration, self._context, malformed=malformed):
            with self._services.database.write() as session:
                for reading in page:
                    columns[reading.external_key] = observing.store_column(
                        session, self._context.id, source.name, reading
                    )
                course_sync.renew_lease(session, self._run_id, self._services.clock(), dict(self.counts))
        if not malformed:  # a column that could not be read is not gone
            with self._services.database.write() as session:
                observing.mark_gone(session, self._context.id, source.name, columns.values())
        self.counts["columns"] += len(columns)
        self.counts["malformed"] += malformed.total()
        return columns

    def _read_column(self, source: EvidenceSource, key: str, column_id: int) -> None:
        """Read one column, or mark it failed; raises what would fail for every other column, too."""
        malformed: Counter[str] = Counter()
        seen: set[int] = set()
        try:
            for page in source.iter_observations(self._registration, self._context, key, malformed=malformed):
                seen |= self._store_observations(column_id, page)
        except OutboundError as error:
            if stops_all(error):
                raise
            with self._services.database.write() as session:
                observing.mark_column_failed(session, column_id, error.code)
            self._failures.append(error)
            return
        with self._services.database.write() as session:
            now = self._services.clock()
            # An entry that could not be read is not an absent one: then nobody's result is taken to have vanished.
            if not malformed:
                self.counts["observations"] += observing.store_absence(session, column_id, seen, now)
            observing.mark_column_read(session, column_id, now)
            course_sync.renew_lease(session, self._run_id, now, dict(self.counts))
        self.counts["malformed"] += malformed.total()

    def _store_observations(self, column_id: int, page: list[ObservationReading]) -> set[int]:
        with self._services.database.write() as session:
            now = self._services.clock()
            readings = [(self._user_id(session, reading, now), reading) for reading in page]
            self.counts["observations"] += observing.store_observations(session, column_id, readings, now)
            course_sync.renew_lease(session, self._run_id, now, dict(self.counts))
        return {user_id for user_id, _ in readings}

    def _user_id(self, session: Session, reading: ObservationReading, now: datetime) -> int:
        """Who it is about; a person the roster does not show (any more) is kept without a membership."""
        known = self._users.get(reading.platform_user_id)
        if known is None:
            user: User = ensure_user(
                session,
                self._registration.id,
                self._context.organization_id,
                reading.platform_user_id,
                now,
                name=None,
                email=None,
            )
            known = self._users[reading.platform_user_id] = user.id
        return known
