"""What is due: found in the database, woken or done. The queue may lose messages; this does not.

Every worker runs a ticker; a lease row lets only one of them sweep at a time, on any number of hosts.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from lti_tool.jobs.tasks import TASKS
from lti_tool.lti import login_state
from lti_tool.models import Context, Deployment, DeploymentState, Lease, Registration, SyncRun, SyncState
from lti_tool.services import audit_chain, awarding, course_sync, delivery, issuing, sessions, tickets
from lti_tool.services.upsert import insert_once
from lti_tool.services.wakeups import DELIVER_CREDENTIAL, EVALUATE_COURSE, ISSUE_CREDENTIAL, READ_COURSE, SEAL_AUDIT
from lti_tool.wiring import Services

log = structlog.get_logger()

TICK_SECONDS = 2.0
WAKE_AGAIN_SECONDS = 30.0
LEASE = timedelta(seconds=6)
"""Three ticks: so long nothing is swept after the worker that swept died. Two that sweep at once do no harm."""
SWEEP = "sweep"
ACTIVE_FOR = timedelta(days=120)
"""Courses nobody launched for this long are not read by schedule any more."""


def iter_due(services: Services) -> Iterator[tuple[str, int]]:
    """Yield (task, row id) for everything that waits to be done now."""
    now = services.clock()
    with services.database.read() as session:
        found = [
            *((READ_COURSE, run_id) for run_id in course_sync.due_runs(session, now)),
            *((EVALUATE_COURSE, context_id) for context_id in awarding.evaluation_due(session)),
            *((ISSUE_CREDENTIAL, version_id) for version_id in issuing.pending_versions(session, now)),
            *((DELIVER_CREDENTIAL, delivery_id) for delivery_id in delivery.due_deliveries(session, now)),
            *((SEAL_AUDIT, organization_id) for organization_id in audit_chain.due(session, now)),
        ]
    yield from found


def run_due(services: Services, *, rounds: int = 20) -> int:
    """Do everything that is due, here, until nothing is left; returns how many tasks ran."""
    ran = 0
    for _ in range(rounds):
        due = list(iter_due(services))
        if not due:
            break
        for task, row_id in due:
            TASKS[task](services, row_id)
            ran += 1
    return ran


def request_regular_syncs(session: Session, every: timedelta, now: datetime) -> int:
    """Ask for a reading of every active course whose last one is older than ``every``; returns how many.

    Courses of platforms and deployments that an admin disabled are left alone.
    """
    finished = (
        select(SyncRun.id)
        .where(SyncRun.context_id == Context.id)
        .where(or_(SyncRun.finished_at > now - every, SyncRun.state.in_([SyncState.REQUESTED, SyncState.RUNNING])))
        .exists()
    )
    stale = session.scalars(
        select(Context)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .join(Registration, Registration.id == Deployment.registration_id)
        .where(Deployment.state == DeploymentState.ACTIVE, Registration.disabled_at.is_(None))
        .where(~finished, Context.launched_at > now - ACTIVE_FOR)
        .order_by(Context.id)
        .limit(100)
    )
    return sum(course_sync.request_sync(session, context, "schedule", now) is not None for context in stale)


def take_lease(session: Session, name: str, holder: str, now: datetime, life: timedelta = LEASE) -> bool:
    """Take or keep a lease; ``False`` while somebody else holds it."""
    if insert_once(session, Lease, ["name"], name=name, holder=holder, until=now + life) is not None:
        return True
    taken = session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.holder == holder, Lease.until < now))
        .values(holder=holder, until=now + life)
        .returning(Lease.name)
    ).scalar()
    return taken is not None


def sweep(services: Services, holder: str, wake: Callable[[str, int], None]) -> int:
    """Wake a worker for everything that is due, if this holder has the lease; returns how many were woken."""
    now = services.clock()
    with services.database.write() as session:
        if not take_lease(session, SWEEP, holder, now):
            return 0
        if services.settings.sync_every:
            request_regular_syncs(session, timedelta(seconds=services.settings.sync_every), now)
        login_state.sweep(session, now)
        tickets.sweep(session, now)
        sessions.sweep(session, now)
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
