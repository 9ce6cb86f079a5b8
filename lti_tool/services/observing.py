"""Storing what a source said about a course: columns, observations, and who and what is listed no longer.

Observations are added, never changed, and only when they say something new (``services.facts``). Nothing is ever taken
away because a source did not mention it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import EvidenceColumn, Fact, Membership, MembershipStatus, Observation
from lti_tool.services import checkpoints, facts, openings
from lti_tool.services.seen_users import SeenUsers
from lti_tool.services.upsert import insert_once

_ROWS_AT_ONCE = 1000
_IN_PARTS = {"yield_per": _ROWS_AT_ONCE}
"""For statements with a row for every learner: a part of the answer in memory at a time."""


def mark_departed(session: Session, context_id: int, seen_user_ids: SeenUsers | Collection[int]) -> int:
    """Mark members a complete roster did not list as inactive; they keep everything they have."""
    active = select(Membership.id, Membership.user_id).where(
        Membership.context_id == context_id, Membership.status == MembershipStatus.ACTIVE
    )
    rows = session.execute(active, execution_options=_IN_PARTS)
    departed = [number for number, user_id in rows if user_id not in seen_user_ids]
    for start in range(0, len(departed), _ROWS_AT_ONCE):
        some = departed[start : start + _ROWS_AT_ONCE]
        session.execute(update(Membership).where(Membership.id.in_(some)).values(status=MembershipStatus.INACTIVE))
    return len(departed)


# -- columns ----------------------------------------------------------------------------------------------------------


def store_column(session: Session, context_id: int, source: str, reading: ColumnReading) -> int:
    """Store one column as read; returns its id."""
    return store_columns(session, context_id, source, [reading]).ids[reading.external_key]


@dataclass(frozen=True, slots=True)
class StoredColumns:
    """What a page of columns left behind: ids by external key, and whether any is new or different."""

    ids: dict[str, int]
    has_changes: bool


def store_columns(session: Session, context_id: int, source: str, readings: Iterable[ColumnReading]) -> StoredColumns:
    """Store columns as read, by one look for those that changed nothing.

    Where the maximum or the letters changed, what was observed before does not tell how good it is now, and of a column
    that was gone changes were missed: these count as not read until their results were read anew.
    """
    by_key = {one.external_key: one for one in readings}
    found = select(EvidenceColumn).where(
        EvidenceColumn.context_id == context_id,
        EvidenceColumn.source == source,
        EvidenceColumn.external_key.in_(list(by_key)),
    )
    columns = {one.external_key: one for one in session.scalars(found)}
    missing = [one for key, one in by_key.items() if key not in columns]
    for one in missing:
        _insert(session, context_id, source, one)
    if missing:
        columns = {one.external_key: one for one in session.scalars(found)}
    changed = [key for key, one in by_key.items() if _bring_up_to_date(columns[key], one)]
    session.flush()
    for one in missing:
        checkpoints.column_arrived(session, columns[one.external_key])
    return StoredColumns({key: columns[key].id for key in by_key}, bool(missing or changed))


def _insert(session: Session, context_id: int, source: str, reading: ColumnReading) -> None:
    insert_once(
        session,
        EvidenceColumn,
        ["context_id", "source", "external_key"],
        context_id=context_id,
        source=source,
        external_key=reading.external_key,
        kind=reading.kind,
        title=reading.title,
        maximum=reading.maximum,
        position=reading.position,
        is_gone=False,
    )


def _scheme(reading: ColumnReading) -> list[str] | None:
    return None if reading.grading_scheme is None else list(reading.grading_scheme)


def _bring_up_to_date(column: EvidenceColumn, reading: ColumnReading) -> bool:
    """Make the column say what was read; returns whether that was anything new."""
    values: dict[str, Any] = {
        "kind": reading.kind,
        "title": reading.title,
        "maximum": reading.maximum,
        "grading_scheme": _scheme(reading),
        "resource_id": reading.resource_id,
        "tag": reading.tag,
        "lti_ids": list(reading.lti_ids) or None,
        "position": reading.position,
        "is_gone": False,
    }
    changed = {name: value for name, value in values.items() if getattr(column, name) != value}
    for name, value in changed.items():
        setattr(column, name, value)
    if not changed.keys().isdisjoint({"maximum", "grading_scheme", "is_gone"}):
        column.checked_at = None
    return bool(changed)


def mark_gone(session: Session, context_id: int, source: str, kept: Iterable[int]) -> int:
    """Mark columns that a complete listing did not show; their facts are kept and count as stale. Returns how many."""
    listed = set(kept)
    shown = select(EvidenceColumn.id).where(
        EvidenceColumn.context_id == context_id, EvidenceColumn.source == source, ~EvidenceColumn.is_gone
    )
    gone = [one for one in session.scalars(shown) if one not in listed]
    if gone:
        session.execute(update(EvidenceColumn).where(EvidenceColumn.id.in_(gone)).values(is_gone=True))
    return len(gone)


def column_states(session: Session, column_ids: Collection[int]) -> dict[int, Row[int, datetime | None, str | None]]:
    """Return (id, checked_at, failed_code) of columns, by id."""
    rows = session.execute(
        select(EvidenceColumn.id, EvidenceColumn.checked_at, EvidenceColumn.failed_code).where(
            EvidenceColumn.id.in_(list(column_ids))
        )
    )
    return {row[0]: row for row in rows}


def mark_column_read(session: Session, column_id: int, checked_at: datetime) -> None:
    """Say that every page of the column was read; ``checked_at``: when that began."""
    session.execute(
        update(EvidenceColumn)
        .where(EvidenceColumn.id == column_id)
        .values(checked_at=checked_at, failed_code=None)
        .execution_options(synchronize_session=False)
    )


def mark_columns_failed(session: Session, column_ids: Collection[int], error_code: str) -> None:
    """Say that reading the columns failed; their facts are stale until they are read again."""
    session.execute(
        update(EvidenceColumn).where(EvidenceColumn.id.in_(list(column_ids))).values(failed_code=error_code)
    )


def mark_source_failed(session: Session, context_id: int, source: str, error_code: str) -> int:
    """Say so of every column of a source that is still listed; returns of how many that was not known yet."""
    told = session.execute(
        update(EvidenceColumn)
        .where(
            EvidenceColumn.context_id == context_id,
            EvidenceColumn.source == source,
            ~EvidenceColumn.is_gone,
            EvidenceColumn.failed_code.is_distinct_from(error_code),
        )
        .values(failed_code=error_code)
        .returning(EvidenceColumn.id)
    )
    return len(told.all())


# -- observations -----------------------------------------------------------------------------------------------------


def store_observations(
    session: Session, column_id: int, readings: Iterable[tuple[int, ObservationReading]], now: datetime
) -> int:
    """Add an observation for each (user id, reading) that says something new; returns how many were added."""
    return facts.store(session, ((column_id, user_id, reading) for user_id, reading in readings), now)


def store_absence(
    session: Session,
    column_id: int,
    seen_user_ids: SeenUsers | Collection[int],
    now: datetime,
    *,
    may_be_unopened: bool = True,
) -> int:
    """After a whole column was read: who had a result and has none now becomes ungraded. Returns how many.

    Where results exist only once a score was sent, who never opened the checkpoint is said to have not opened it
    (``may_be_unopened=False``: the source has no such work).
    """
    unopened: set[int] = set()
    if may_be_unopened:
        unopened = {one for one in openings.unopened_learners(session, column_id) if one not in seen_user_ids}
    empty = ObservationReading(platform_user_id="", state=EvidenceState.UNGRADED)
    closed = ObservationReading(platform_user_id="", state=EvidenceState.NOT_OPENED)
    readings = [(user_id, empty) for user_id in _vanished(session, column_id, seen_user_ids, unopened)]
    return store_observations(session, column_id, readings + [(one, closed) for one in sorted(unopened)], now)


def _vanished(
    session: Session, column_id: int, seen_user_ids: SeenUsers | Collection[int], unopened: set[int]
) -> list[int]:
    """Who has a fact that says more than "ungraded", and was not seen; everybody who was seen has a fact."""
    known = session.scalar(select(func.count(Fact.id)).where(Fact.column_id == column_id))
    if known == len(seen_user_ids):
        return []
    rows = session.execute(
        select(Fact.user_id)
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id == column_id, Observation.state != EvidenceState.UNGRADED),
        execution_options=_IN_PARTS,
    )
    return [one for (one,) in rows if one not in seen_user_ids and one not in unopened]
