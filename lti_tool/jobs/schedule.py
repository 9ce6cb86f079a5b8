"""What is due: found in the database, woken or done. The queue may lose messages; this does not.

Every worker runs a ticker; a lease row lets only one of them sweep at a time, on any number of hosts.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lti_tool.errors import ToolError
from lti_tool.jobs.tasks import TASKS
from lti_tool.lti import login_state
from lti_tool.models import Context, Deployment, DeploymentState, Lease, Registration, SyncRun, SyncState
from lti_tool.services import (
    audit_chain,
    award_policies,
    awarding,
    course_copies,
    course_sync,
    delivery,
    gradebook_imports,
    gradebook_uploads,
    hosting,
    issuing,
    mirrored_awards,
    platform_notices,
    reviews,
    scores,
    sessions,
    templates,
    tickets,
)
from lti_tool.services.leases import take_lease
from lti_tool.services.wakeups import (
    APPLY_TEMPLATE,
    ASK_FOR_NOTICES,
    DECIDE_REVIEWS,
    DELIVER_CREDENTIAL,
    EVALUATE_COURSE,
    IMPORT_GRADEBOOK,
    ISSUE_CREDENTIAL,
    MIRROR_AWARDS,
    POST_SCORE,
    READ_COURSE,
    SEAL_AUDIT,
    TAKE_OVER_COPY,
)
from lti_tool.wiring import Services

log = structlog.get_logger()

TICK_SECONDS = 2.0
WAKE_AGAIN_SECONDS = 30.0
SWEEP = "sweep"
CLOCK = "clock"
HOUR = timedelta(hours=1)
ACTIVE_FOR = timedelta(days=120)
"""Courses nobody launched for this long are not read by schedule any more."""


def iter_due(services: Services) -> Iterator[tuple[str, int]]:
    """Yield (task, row id) for everything that waits to be done now."""
    now = services.clock()
    with services.database.read() as session:
        found = [
            *((READ_COURSE, run_id) for run_id in course_sync.due_runs(session, now)),
            *((EVALUATE_COURSE, context_id) for context_id in awarding.evaluation_due(session)),
            *((DECIDE_REVIEWS, context_id) for context_id in reviews.due_contexts(session, now)),
            *((ISSUE_CREDENTIAL, version_id) for version_id in issuing.pending_versions(session, now)),
            *((DELIVER_CREDENTIAL, delivery_id) for delivery_id in delivery.due_deliveries(session, now)),
            *((MIRROR_AWARDS, platform_id) for platform_id in mirrored_awards.due(session, now)),
            *((POST_SCORE, post_id) for post_id in scores.due_posts(session, now)),
            *((APPLY_TEMPLATE, adoption_id) for adoption_id in templates.due_adoptions(session)),
            *((ASK_FOR_NOTICES, deployment_id) for deployment_id in platform_notices.due(session, now)),
            *((TAKE_OVER_COPY, copy_id) for copy_id in course_copies.due(session)),
            *((IMPORT_GRADEBOOK, upload_id) for upload_id in gradebook_imports.due_uploads(session, now)),
            *((SEAL_AUDIT, organization_id) for organization_id in audit_chain.due(session, now)),
        ]
    yield from found


def run_due(services: Services, *, rounds: int = 20, told: Callable[[], None] = lambda: None) -> int:
    """Do everything that is due, here, until nothing is left; returns how many tasks ran.

    A task that fails is logged, and not tried again by this call. ``told`` is called after each task.
    """
    ran = 0
    failed: set[tuple[str, int]] = set()
    for _ in range(rounds):
        due = [one for one in iter_due(services) if one not in failed]
        if not due:
            break
        for task, row_id in due:
            try:
                TASKS[task](services, row_id)
            except ToolError as error:
                log.error("task.failed", task=task, row_id=row_id, error_code=error.code)
                failed.add((task, row_id))
                continue
            ran += 1
            told()
    return ran


def request_regular_syncs(session: Session, every: timedelta, now: datetime) -> int:
    """Ask for a reading of every active course whose last one is older than ``every``; returns how many.

    Those that were read longest ago are asked for first. Courses of platforms and deployments that an admin disabled
    are left alone.
    """
    finished = (
        select(SyncRun.id)
        .where(SyncRun.context_id == Context.id)
        .where(or_(SyncRun.finished_at > now - every, SyncRun.state.in_([SyncState.REQUESTED, SyncState.RUNNING])))
        .exists()
    )
    last = select(func.max(SyncRun.finished_at)).where(SyncRun.context_id == Context.id).scalar_subquery()
    stale = session.scalars(
        select(Context)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .join(Registration, Registration.id == Deployment.registration_id)
        .where(Deployment.state == DeploymentState.ACTIVE, Registration.disabled_at.is_(None))
        .where(~finished, Context.launched_at > now - ACTIVE_FOR)
        .order_by(last.asc().nulls_first(), Context.id)
        .limit(100)
    )
    return sum(course_sync.request_sync(session, context, "schedule", now) is not None for context in stale)


def request_timely_evaluations(session: Session, now: datetime) -> int:
    """Ask, once an hour, for an evaluation of courses in which the clock alone changed something; returns how many."""
    last = session.get(Lease, CLOCK)
    since = now - timedelta(days=1) if last is None else last.until - HOUR
    if not take_lease(session, CLOCK, secrets.token_hex(8), now, HOUR):
        return 0
    contexts = sorted(award_policies.contexts_of_the_hour(session, since, now))
    for context_id in contexts:
        course_sync.want_evaluation(session, context_id)
    return len(contexts)


def sweep(services: Services, holder: str, wake: Callable[[str, int], None]) -> int:
    """Wake a worker for everything that is due, if this holder has the lease; returns how many were woken."""
    now = services.clock()
    with services.database.write() as session:
        if not take_lease(session, SWEEP, holder, now):
            return 0
        if services.settings.sync_every:
            request_regular_syncs(session, timedelta(seconds=services.settings.sync_every), now)
        course_sync.favour_watched(session, now)
        request_timely_evaluations(session, now)
        login_state.sweep(session, now)
        tickets.sweep(session, now)
        sessions.sweep(session, now)
        platform_notices.sweep(session, now)
        gradebook_uploads.sweep(session, now)
        hosting.sweep(session, now)
    rotated = services.tool_keys.keep_fresh(timedelta(days=services.settings.tool_key_rotation_days))
    if rotated is not None:
        log.info("tool_key.rotated", kid=rotated.kid)
    due = list(iter_due(services))
    for task, row_id in due:
        wake(task, row_id)
    return len(due)


class Patience:
    """Passes a wake-up on, but not again within half a minute: a busy worker need not hear the same wish often."""

    def __init__(self, wake: Callable[[str, int], None]) -> None:
        self._wake = wake
        self._woken: dict[tuple[str, int], float] = {}

    def __call__(self, task: str, row_id: int) -> None:
        """Wake for this row unless that was just done."""
        now = time.monotonic()
        if now - self._woken.get((task, row_id), -WAKE_AGAIN_SECONDS) < WAKE_AGAIN_SECONDS:
            return
        self._woken = {key: at for key, at in self._woken.items() if now - at < WAKE_AGAIN_SECONDS}
        self._woken[task, row_id] = now
        self._wake(task, row_id)


class Ticker(threading.Thread):
    """Sweeps every few seconds until stopped; a failing sweep is logged and the next one comes."""

    def __init__(self, services: Services, wake: Callable[[str, int], None], *, seconds: float = TICK_SECONDS) -> None:
        super().__init__(name="ticker", daemon=True)
        self._services, self._wake, self._seconds = services, Patience(wake), seconds
        self._stopped = threading.Event()
        self._holder = secrets.token_hex(8)

    def run(self) -> None:
        """Sweep until ``stop``."""
        while True:
            try:
                sweep(self._services, self._holder, self._wake)
            except Exception as error:
                log.error("sweep.failed", error=type(error).__name__)
            if self._stopped.wait(self._seconds):
                return

    def stop(self) -> None:
        """End after the sweep under way."""
        self._stopped.set()
