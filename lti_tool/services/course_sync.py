"""Reading a course: runs as rows. Who asked for one, who holds it, how it ended.

The reading itself happens in ``jobs/course_reading.py``, which opens one short transaction a page and stores what it
reads through ``observing``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.models import Context, SyncRun, SyncState

LEASE = timedelta(minutes=2)
RETRY_AFTER = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
LONGEST_WAIT = 24 * 3600.0
"""Seconds; no platform puts a reading off for longer than this."""
ASKED_BY_PEOPLE = {"button", "command"}
"""Reasons of a person who waits: a reading that was put off after a failure is brought forward for them."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a course's evidence is: last complete reading, open run, last failure."""

    read_at: datetime | None
    is_reading: bool
    failed_code: str | None
    failed_at: datetime | None


def request_sync(
    session: Session, context: Context, reason: str, now: datetime, *, unless_read_since: datetime | None = None
) -> int | None:
    """Ask for a reading of the course; returns the id of the run to take, or ``None``: one is open or recent enough."""
    if unless_read_since is not None:
        recent = select(SyncRun.id).where(
            SyncRun.context_id == context.id,
            SyncRun.state == SyncState.DONE,
            SyncRun.finished_at > unless_read_since,
        )
        if session.scalar(recent.limit(1)) is not None:
            return None
    open_run = select(SyncRun).where(
        SyncRun.context_id == context.id, SyncRun.state.in_([SyncState.REQUESTED, SyncState.RUNNING])
    )
    waiting = session.scalar(open_run)
    if waiting is not None:
        if reason not in ASKED_BY_PEOPLE:
            return None
        if waiting.state is SyncState.REQUESTED:  # a person who asks gets a whole reading
            waiting.reason = reason
        return _bring_forward(session, waiting.id, now)
    run = SyncRun(context_id=context.id, state=SyncState.REQUESTED, reason=reason, attempts=0, due_at=now, counts={})
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError:  # somebody else asked at the same moment; one reading serves both
        return None
    return run.id


def _bring_forward(session: Session, run_id: int, now: datetime) -> int | None:
    """Make a run that waits for its next attempt due now; returns its id if it did wait."""
    return session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.state == SyncState.REQUESTED, SyncRun.due_at > now)
        .values(due_at=now)
        .returning(SyncRun.id)
    ).scalar()


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        (SyncRun.state == SyncState.REQUESTED) & (SyncRun.due_at <= now),
        (SyncRun.state == SyncState.RUNNING) & (SyncRun.lease_until < now),
    )


def due_runs(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Return ids of runs that somebody should take: requested and due, or running with a lease that passed."""
    return list(session.scalars(select(SyncRun.id).where(_is_due(now)).order_by(SyncRun.due_at).limit(limit)))


def take_run(session: Session, run_id: int, now: datetime) -> SyncRun | None:
    """Take a run that is due, by one statement; ``None`` when somebody else has it."""
    taken = session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, _is_due(now))
        .values(state=SyncState.RUNNING, lease_until=now + LEASE, started_at=now, attempts=SyncRun.attempts + 1)
        .returning(SyncRun.id)
    ).scalar()
    return None if taken is None else session.get_one(SyncRun, run_id, populate_existing=True)


def renew_lease(session: Session, run_id: int, now: datetime, counts: dict[str, int]) -> None:
    """Say that the run is alive, and how far it came."""
    session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.state == SyncState.RUNNING)
        .values(lease_until=now + LEASE, counts=counts)
    )


def finish_run(session: Session, run_id: int, now: datetime, counts: dict[str, int]) -> None:
    """Mark the run done and ask for an evaluation of its course."""
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    want_evaluation(session, run.context_id)
    if run.state is not SyncState.RUNNING:  # the lease passed and somebody else brought the run to its end
        return
    run.state, run.finished_at, run.lease_until, run.counts, run.error_code = SyncState.DONE, now, None, counts, None


def fail_run(
    session: Session,
    run_id: int,
    now: datetime,
    error_code: str,
    *,
    retryable: bool,
    retry_after: float | None = None,
) -> None:
    """Record the failure: try again later while that can help, otherwise end. Facts stay, marked stale.

    ``retry_after``: seconds the platform asked to wait at least. What was read before the failure is evaluated.
    """
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    want_evaluation(session, run.context_id)
    if run.state is not SyncState.RUNNING:
        return
    run.error_code, run.lease_until = error_code, None
    if retryable and run.attempts <= len(RETRY_AFTER):
        wait = max(RETRY_AFTER[run.attempts - 1], timedelta(seconds=min(retry_after or 0, LONGEST_WAIT)))
        run.state, run.due_at = SyncState.REQUESTED, now + wait
        return
    run.state, run.finished_at = SyncState.FAILED, now


def want_evaluation(session: Session, context_id: int) -> None:
    """Count one more reason to evaluate the course; the sweep sees that it is due."""
    session.execute(
        update(Context).where(Context.id == context_id).values(evaluation_wanted=Context.evaluation_wanted + 1)
    )


def freshness(session: Session, context_id: int) -> Freshness:
    """Return how fresh the evidence of a course is."""
    runs = select(SyncRun).where(SyncRun.context_id == context_id).order_by(SyncRun.id.desc())
    latest = session.scalar(runs.limit(1))
    done = session.scalar(runs.where(SyncRun.state == SyncState.DONE).limit(1))
    is_reading = latest is not None and latest.state in {SyncState.REQUESTED, SyncState.RUNNING}
    failed = latest is not None and latest.error_code is not None
    return Freshness(
        read_at=done.finished_at if done else None,
        is_reading=is_reading,
        failed_code=latest.error_code if latest is not None and failed else None,
        failed_at=(latest.finished_at or latest.started_at) if latest is not None and failed else None,
    )
