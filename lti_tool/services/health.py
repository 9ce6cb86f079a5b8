"""What an admin needs to know today: decisions that wait, readings that failed, deliveries that did not arrive."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    Checkpoint,
    Context,
    Delivery,
    DeliveryState,
    Deployment,
    DeploymentState,
    ScorePost,
    ScoreState,
    SyncRun,
    SyncState,
)
from lti_tool.services.scores import count_by_state

SHOWN = 10


@dataclass(frozen=True, slots=True)
class SyncEntry:
    """The last readings of courses; ``error_code`` where one failed."""

    context_id: int
    context_title: str | None
    state: SyncState
    reason: str
    due_at: datetime
    finished_at: datetime | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """A delivery that failed for good; whose it is does not matter here."""

    id: int
    host_name: str
    attempts: int
    error_code: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ScoreEntry:
    """Scores of one course that failed for good for one reason; whose they are does not matter here."""

    context_title: str | None
    error_code: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by state, for the admin's page and for Prometheus."""

    pending_deployments: int
    sync_runs: dict[str, int]
    deliveries: dict[str, int]
    scores: dict[str, int]


def count(session: Session) -> Counts:
    """Return how many rows are in which state; every state is named, also with none."""
    runs = {state.value: 0 for state in SyncState}
    for run_state, number in session.execute(select(SyncRun.state, func.count()).group_by(SyncRun.state)):
        runs[run_state.value] = number
    deliveries = {state.value: 0 for state in DeliveryState}
    for delivery_state, number in session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)):
        deliveries[delivery_state.value] = number
    waiting = select(func.count()).select_from(Deployment).where(Deployment.state == DeploymentState.PENDING)
    return Counts(session.scalars(waiting).one(), runs, deliveries, count_by_state(session))


def list_sync_runs(session: Session) -> list[SyncEntry]:
    """Return the newest readings, newest first."""
    rows = session.execute(
        select(SyncRun, Context.title)
        .join(Context, Context.id == SyncRun.context_id)
        .order_by(SyncRun.id.desc())
        .limit(SHOWN)
    )
    return [
        SyncEntry(run.context_id, title, run.state, run.reason, run.due_at, run.finished_at, run.error_code)
        for run, title in rows
    ]


def list_failed_deliveries(session: Session) -> list[DeliveryEntry]:
    """Return the newest deliveries that failed for good, newest first."""
    rows = session.execute(
        select(Delivery, BackpackHost.name)
        .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
        .join(BackpackHost, BackpackHost.id == BackpackConnection.host_id)
        .where(Delivery.state == DeliveryState.FAILED)
        .order_by(Delivery.id.desc())
        .limit(SHOWN)
    )
    return [DeliveryEntry(one.id, name, one.attempts, one.error_code, one.created_at) for one, name in rows]


def list_failed_scores(session: Session) -> list[ScoreEntry]:
    """Return how many scores of checkpoints did not reach the platform, by course and reason, most first."""
    number = func.count()
    rows = session.execute(
        select(Context.title, ScorePost.error_code, number)
        .select_from(ScorePost)
        .join(Checkpoint, Checkpoint.id == ScorePost.checkpoint_id)
        .join(Context, Context.id == Checkpoint.context_id)
        .where(ScorePost.state == ScoreState.FAILED)
        .group_by(Context.id, Context.title, ScorePost.error_code)
        .order_by(number.desc(), Context.id)
        .limit(SHOWN)
    )
    return [ScoreEntry(title, error_code, found) for title, error_code, found in rows]
