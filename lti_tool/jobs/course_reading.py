"""Reads one course: roster, then every source. One short transaction a page, none while a platform is called.

A source that fails keeps the others from nothing (``source_reading``), unless both ask the same services. What was
stored before a failure or a kill stays, and reading again adds only what changed. The course is evaluated when the
reading ended, well or badly, never while it is under way; and not at all when nothing was read that could matter.
"""

import structlog

from lti_tool.errors import OutboundError, PlatformServiceError, ToolError
from lti_tool.evidence.base import LTI_SOURCES, EvidenceSource
from lti_tool.jobs.roster_reading import RosterReading
from lti_tool.jobs.run_progress import People, RunLostError, RunProgress
from lti_tool.jobs.source_reading import SourceReader
from lti_tool.models import Context, Registration, SyncRun
from lti_tool.services import column_links, copied_work, copy_proposals, course_sync
from lti_tool.services.identities import School
from lti_tool.wiring import Services

log = structlog.get_logger()


def read_course(services: Services, run_id: int) -> bool:
    """Take the run if it is due and bring it to its end; the course is then due for evaluation.

    Returns whether it was taken: not while another course of the same institution is being read.
    """
    with services.database.write() as session:
        run = course_sync.take_run(session, run_id, services.clock())
        if run is None:
            return False
        session.expunge(run)
    reading = CourseReading(services, run)
    try:
        reading.read()
    except RunLostError:
        log.warning("course_reading.lost", run_id=run_id, context_id=run.context_id)
    except ToolError as error:
        log.warning("course_reading.failed", run_id=run_id, context_id=run.context_id, error_code=error.code)
        wait = error.retry_after if isinstance(error, PlatformServiceError) else None
        _fail(services, run, reading.progress, error.code, retryable=error.retryable, retry_after=wait)
    except Exception as error:  # a bug must not leave the run to be taken again for ever
        log.exception("course_reading.broken", run_id=run_id, context_id=run.context_id, error=type(error).__name__)
        _fail(services, run, reading.progress, ToolError.code, retryable=True)
    else:
        has_changes = reading.progress.has_changes or run.reason in course_sync.ASKED_BY_PEOPLE
        with services.database.write() as session:
            course_sync.finish_run(
                session,
                run_id,
                services.clock(),
                reading.progress.document(),
                attempt=run.attempts,
                has_changes=has_changes,
            )
    return True


def _fail(
    services: Services,
    run: SyncRun,
    progress: RunProgress,
    error_code: str,
    *,
    retryable: bool,
    retry_after: float | None = None,
) -> None:
    with services.database.write() as session:
        course_sync.fail_run(
            session,
            run.id,
            services.clock(),
            error_code,
            retryable=retryable,
            retry_after=retry_after,
            attempt=run.attempts,
            counts=progress.document(),
        )


class CourseReading:
    """One attempt at a run; ``progress`` tells how far it came."""

    def __init__(self, services: Services, run: SyncRun) -> None:
        self._services = services
        self._is_wanted = run.reason in course_sync.ASKED_BY_PEOPLE
        with services.database.read() as session:
            self._context = session.get_one(Context, run.context_id)
            # Loaded with it: sources look at the deployment of a course outside any transaction.
            self._registration: Registration = self._context.deployment.registration
        self._people = People(School(self._registration.id, self._context.organization_id))
        self._failures: list[ToolError] = []
        self.progress = RunProgress(run.id, run.attempts)

    def read(self) -> None:
        """Read the roster, then every source; raises what failed once everything that can be read was."""
        is_served = self._read_roster()
        for source in self._services.sources:
            if is_served or source.name not in LTI_SOURCES:
                self._read_source(source)
        self._settle_copies()
        if self._failures:  # one that trying again can cure decides what happens next
            raise next((error for error in self._failures if error.retryable), self._failures[0])

    def _read_roster(self) -> bool:
        """Read the roster; returns whether anything else can be asked of the platform's LTI services now."""
        reading = RosterReading(
            self._services,
            self._registration,
            self._context,
            self.progress,
            self._people,
            is_wanted=self._is_wanted,
        )
        try:
            reading.read()
        except OutboundError as error:
            self._failures.append(error)
            return False
        finally:
            self._failures += reading.failures
        return True

    def _read_source(self, source: EvidenceSource) -> None:
        reader = SourceReader(
            self._services,
            self._registration,
            self._context,
            source,
            self.progress,
            self._people,
            is_wanted=self._is_wanted,
        )
        reader.read()
        self._failures += reader.failures

    def _settle_copies(self) -> None:
        """Let slots that came with a copied course find their columns, and see which courses and columns look alike."""
        with self._services.database.write() as session:
            now = self._services.clock()
            copied_work.bind_arrived(session, self._context.id, now)
            copy_proposals.propose_by_likeness(session, self._context.id, now)
            column_links.propose(session, self._context.id, now)
