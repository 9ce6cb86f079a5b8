"""Reading a course: runs as rows. Who asked for one, who holds it, how it ended.

The reading itself happens in ``jobs/course_reading.py``, which opens one short transaction a page and stores what it
reads through ``observing``. Of the courses of one institution on one platform only one is read at a time, so that the
platform is asked in one polite stream; first those that somebody waits for or looks at, then those asked for longest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from lti_tool.models import Context, Deployment, LaunchSession, Registration, SyncRun, SyncState

LEASE = timedelta(minutes=2)
RETRY_AFTER = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
LONGEST_WAIT = 24 * 3600.0
"""Seconds; no platform puts a reading off for longer than this."""
ASKED_BY_PEOPLE = {"button", "command"}
"""Reasons of a person who waits: a reading that was put off after a failure is brought forward for them."""
PRIORITIES = {"button": 20, "launch": 10, "command": 5, "event": 5}
"""By reason; others have none. Who pressed a button waits; who launched looks."""
LOOKING = PRIORITIES["launch"]
LOOKS_FOR = timedelta(minutes=5)
"""So long after a page was opened somebody is taken to look at it still."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a course's evidence is: last complete reading, open run, last failure."""

    read_at: datetime | None
    is_reading: bool
    failed_code: str | None
    failed_at: datetime | None


def request_sync(
    session: Session,
    context: Context,
    reason: str,
    now: datetime,
    *,
    unless_read_since: datetime | None = None,
    pause: timedelta | None = None,
) -> int | None:
    """Ask for a reading of the course; returns the id of the run to take, or ``None``: one is open or recent enough.

    ``pause``: how long after the last reading ended the next one begins at the earliest; a run that is put off so is
    not returned, and taken when it is due.
    """
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
    priority = PRIORITIES.get(reason, 0)
    due_at = now if pause is None else max(now, _earliest(session, context.id, pause) or now)
    if waiting is not None:
        if waiting.priority < priority:
            waiting.priority = priority
        if reason not in ASKED_BY_PEOPLE:
            return None
        if waiting.state is SyncState.REQUESTED:  # a person who asks gets a whole reading
            waiting.reason = reason
        return _bring_forward(session, waiting.id, now)
    run = SyncRun(
        context_id=context.id,
        state=SyncState.REQUESTED,
        reason=reason,
        priority=priority,
        attempts=0,
        due_at=due_at,
        counts={},
    )
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError:  # somebody else asked at the same moment; one reading serves both
        return None
    return run.id if due_at <= now else None


def _earliest(session: Session, context_id: int, pause: timedelta) -> datetime | None:
    """When the last reading's pause ends; ``None`` when there was none."""
    last = session.scalar(select(func.max(SyncRun.finished_at)).where(SyncRun.context_id == context_id))
    return None if last is None else last + pause


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


def favour_watched(session: Session, now: datetime) -> None:
    """Let courses that somebody looks at now be read before those that nobody does."""
    watched = select(LaunchSession.context_id).where(
        LaunchSession.expires_at > now, LaunchSession.seen_at > now - LOOKS_FOR, LaunchSession.context_id.is_not(None)
    )
    session.execute(
        update(SyncRun)
        .where(SyncRun.state == SyncState.REQUESTED, SyncRun.priority < LOOKING, SyncRun.context_id.in_(watched))
        .values(priority=LOOKING)
        .execution_options(synchronize_session=False)
    )


def due_runs(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Return ids of runs that somebody should take: requested and due, or running with a lease that passed.

    The first of each institution come first, so that none of them waits for another's many; none of those where a
    reading is under way.
    """
    order = (SyncRun.priority.desc(), SyncRun.due_at, SyncRun.id)
    place = func.row_number().over(partition_by=(Deployment.registration_id, Context.organization_id), order_by=order)
    return list(session.scalars(_due(now).order_by(place, *order).limit(limit)))


def next_run(session: Session, run_id: int, now: datetime) -> int | None:
    """Return the run that should follow this one: the first that is due at the same institution."""
    institution = _institution(session, run_id)
    if institution is None:
        return None
    registration_id, organization_id = institution
    same = _due(now).where(Deployment.registration_id == registration_id, Context.organization_id == organization_id)
    return session.scalar(same.order_by(SyncRun.priority.desc(), SyncRun.due_at, SyncRun.id).limit(1))


def _due(now: datetime) -> Select[int]:
    return (
        select(SyncRun.id)
        .join(Context, Context.id == SyncRun.context_id)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .where(_is_due(now), ~_is_busy(Deployment.registration_id, Context.organization_id, now))
    )


def _is_busy(registration_id: Any, organization_id: Any, now: datetime) -> ColumnElement[bool]:
    """Whether a course of the institution is being read."""
    run, context, deployment = aliased(SyncRun), aliased(Context), aliased(Deployment)
    return (
        exists()
        .where(
            run.state == SyncState.RUNNING,
            run.lease_until >= now,
            context.id == run.context_id,
            deployment.id == context.deployment_id,
            deployment.registration_id == registration_id,
            context.organization_id == organization_id,
        )
        .correlate(Deployment, Context)
    )


def _institution(session: Session, run_id: int) -> tuple[int, int] | None:
    """The registration and organization of a run's course; ``None`` for a run that is gone."""
    found = session.execute(
        select(Deployment.registration_id, Context.organization_id)
        .join(Context, Context.deployment_id == Deployment.id)
        .join(SyncRun, SyncRun.context_id == Context.id)
        .where(SyncRun.id == run_id)
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def take_run(session: Session, run_id: int, now: datetime) -> SyncRun | None:
    """Take a run that is due; ``None`` when somebody else has it, or reads another course of its institution."""
    institution = _institution(session, run_id)
    if institution is None:
        return None
    registration_id, organization_id = institution
    # Two that take runs of one institution take turns here (PostgreSQL; SQLite has one writer anyway).
    session.execute(select(Registration.id).where(Registration.id == registration_id).with_for_update(key_share=True))
    taken = session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, _is_due(now), ~_is_busy(registration_id, organization_id, now))
        .values(state=SyncState.RUNNING, lease_until=now + LEASE, started_at=now, attempts=SyncRun.attempts + 1)
        .returning(SyncRun.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    return None if taken is None else session.get_one(SyncRun, run_id, populate_existing=True)


def renew_lease(
    session: Session, run_id: int, now: datetime, counts: Mapping[str, Any], *, attempt: int | None = None
) -> bool:
    """Say that the run is alive, and how far it came; ``False`` when it is not this holder's (``attempt``) any more."""
    is_mine = SyncRun.attempts == attempt if attempt is not None else and_(True)
    renewed = session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.state == SyncState.RUNNING, is_mine)
        .values(lease_until=now + LEASE, counts=dict(counts))
        .returning(SyncRun.id)
        .execution_options(synchronize_session=False)
    )
    return renewed.scalar() is not None


def finish_run(
    session: Session,
    run_id: int,
    now: datetime,
    counts: Mapping[str, Any],
    *,
    attempt: int | None = None,
    has_changes: bool = True,
) -> None:
    """Mark the run done and ask for an evaluation of its course, unless nothing was read that could change a verdict.

    ``attempt``: which holder of the run this is; one that lost it ends nothing.
    """
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    if has_changes:
        want_evaluation(session, run.context_id)
    if not _is_held(run, attempt):  # the lease passed and somebody else has the run, or brought it to its end
        return
    run.state, run.finished_at, run.lease_until, run.error_code = SyncState.DONE, now, None, None
    run.counts = dict(counts)


def fail_run(
    session: Session,
    run_id: int,
    now: datetime,
    error_code: str,
    *,
    retryable: bool,
    retry_after: float | None = None,
    attempt: int | None = None,
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Record the failure: try again later while that can help, otherwise end. Facts stay, marked stale.

    ``retry_after``: seconds the platform asked to wait at least. What was read before the failure is evaluated.
    """
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    want_evaluation(session, run.context_id)
    if not _is_held(run, attempt):
        return
    run.error_code, run.lease_until = error_code, None
    if counts is not None:
        run.counts = dict(counts)
    if retryable and run.attempts <= len(RETRY_AFTER):
        wait = max(RETRY_AFTER[run.attempts - 1], timedelta(seconds=min(retry_after or 0, LONGEST_WAIT)))
        run.state, run.due_at = SyncState.REQUESTED, now + wait
        return
    run.state, run.finished_at = SyncState.FAILED, now


def _is_held(run: SyncRun, attempt: int | None) -> bool:
    return run.state is SyncState.RUNNING and attempt in {None, run.attempts}


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
