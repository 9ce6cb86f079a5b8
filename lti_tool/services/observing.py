"""Storing what a source said about a course: columns, observations, and who and what is listed no longer.

Observations are added, never changed, and only when they say something new. Nothing is ever taken away because a
source did not mention it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import EvidenceColumn, Fact, Membership, MembershipStatus, Observation
from lti_tool.services import checkpoints, openings
from lti_tool.services.upsert import insert_once


def mark_departed(session: Session, context_id: int, seen_user_ids: set[int]) -> int:
    """Mark members a complete roster did not list as inactive; they keep everything they have."""
    departed = 0
    members = select(Membership).where(
        Membership.context_id == context_id, Membership.status == MembershipStatus.ACTIVE
    )
    for membership in session.scalars(members):
        if membership.user_id not in seen_user_ids:
            membership.status = MembershipStatus.INACTIVE
            departed += 1
    return departed


def store_column(session: Session, context_id: int, source: str, reading: ColumnReading) -> int:
    """Store one column as read; returns its id."""
    found = select(EvidenceColumn).where(
        EvidenceColumn.context_id == context_id,
        EvidenceColumn.source == source,
        EvidenceColumn.external_key == reading.external_key,
    )
    column = session.scalar(found)
    is_new = column is None
    if column is None:
        insert_once(
            session,
            EvidenceColumn,
            ["context_id", "source", "external_key"],
            context_id=context_id,
            source=source,
            external_key=reading.external_key,
            kind=reading.kind,
            title=reading.title,
            position=reading.position,
            is_gone=False,
        )
        column = session.scalars(found).one()
    column.kind, column.title, column.maximum = reading.kind, reading.title, reading.maximum
    column.resource_id, column.tag = reading.resource_id, reading.tag
    column.position, column.is_gone = reading.position, False
    session.flush()
    if is_new:
        checkpoints.column_arrived(session, column)
    return column.id


def mark_gone(session: Session, context_id: int, source: str, kept: Iterable[int]) -> None:
    """Mark columns that a complete listing did not show; their facts are kept and count as stale."""
    session.execute(
        update(EvidenceColumn)
        .where(
            EvidenceColumn.context_id == context_id,
            EvidenceColumn.source == source,
            EvidenceColumn.id.not_in(list(kept)),
        )
        .values(is_gone=True)
    )


def current_observations(session: Session, column_id: int, user_ids: Iterable[int]) -> dict[int, Observation]:
    """Return the observation that holds for each of the users, by user id."""
    rows = session.execute(
        select(Fact.user_id, Observation)
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id == column_id, Fact.user_id.in_(list(user_ids)))
    )
    return {user_id: observation for user_id, observation in rows}


def store_observations(
    session: Session, column_id: int, readings: Iterable[tuple[int, ObservationReading]], now: datetime
) -> int:
    """Add an observation for each (user id, reading) that says something new; returns how many were added."""
    by_user = dict(readings)
    held = current_observations(session, column_id, by_user)
    added: list[Observation] = []
    for user_id, reading in by_user.items():
        before = held.get(user_id)
        if before is None or (_content(before) != _content(reading) and not _is_older(reading, before)):
            added.append(_observation(column_id, user_id, reading, now))
    session.add_all(added)
    session.flush()
    for observation in added:
        _hold(session, observation)
    return len(added)


def store_absence(session: Session, column_id: int, seen_user_ids: set[int], now: datetime) -> int:
    """After a whole column was read: who had a result and has none now becomes ungraded. Returns how many.

    Where results exist only once a score was sent, who never opened the checkpoint is said to have not opened it.
    """
    unopened = openings.unopened_learners(session, column_id) - seen_user_ids
    facts = session.execute(
        select(Fact.user_id, Observation.state)
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id == column_id)
    )
    known = seen_user_ids | unopened
    vanished = [user_id for user_id, state in facts if user_id not in known and state is not EvidenceState.UNGRADED]
    empty = ObservationReading(platform_user_id="", state=EvidenceState.UNGRADED)
    closed = ObservationReading(platform_user_id="", state=EvidenceState.NOT_OPENED)
    readings = [(user_id, empty) for user_id in vanished] + [(user_id, closed) for user_id in sorted(unopened)]
    return store_observations(session, column_id, readings, now)


def mark_column_read(session: Session, column_id: int, now: datetime) -> None:
    """Say that every page of the column was read."""
    column = session.get_one(EvidenceColumn, column_id)
    column.checked_at, column.failed_code = now, None


def mark_column_failed(session: Session, column_id: int, error_code: str) -> None:
    """Say that reading the column failed; its facts are stale until it is read again."""
    session.get_one(EvidenceColumn, column_id).failed_code = error_code


_CONTENT = ("state", "score", "maximum", "letter", "submitted_at", "graded_at")


def _content(observed: Observation | ObservationReading) -> tuple[object, ...]:
    return tuple(getattr(observed, name) for name in _CONTENT)


def _is_older(reading: ObservationReading, held: Observation) -> bool:
    """A source that tells its own time may answer out of order; an older word does not replace a newer."""
    return (
        reading.source_updated_at is not None
        and held.source_updated_at is not None
        and reading.source_updated_at < held.source_updated_at
    )


def _observation(column_id: int, user_id: int, reading: ObservationReading, now: datetime) -> Observation:
    content = {name: getattr(reading, name) for name in _CONTENT}
    return Observation(
        column_id=column_id, user_id=user_id, source_updated_at=reading.source_updated_at, fetched_at=now, **content
    )


def _hold(session: Session, observation: Observation) -> None:
    values = {"observation_id": observation.id}
    key = {"column_id": observation.column_id, "user_id": observation.user_id}
    if insert_once(session, Fact, ["column_id", "user_id"], **key, **values) is None:
        session.execute(
            update(Fact)
            .where(Fact.column_id == observation.column_id, Fact.user_id == observation.user_id)
            .values(**values)
        )
