"""What a grade of a gradebook file means against what is known: new, raised, lowered, taken back, or no news."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.figures import percent_of
from lti_tool.evidence.base import ObservationReading
from lti_tool.evidence.csv_upload import Grade
from lti_tool.models import Fact, Observation


class Change(StrEnum):
    """What taking a grade does."""

    NEW = "new"
    RAISED = "raised"
    LOWERED = "lowered"
    CLEARED = "cleared"
    """It was graded and is not any more."""
    CHANGED = "changed"
    """Another letter, excused, handed in …"""
    SAME = "same"
    OLDER = "older"
    """A newer word is known; nothing is taken."""
    NOTHING = "nothing"
    """Not graded, and nothing was known before."""


TAKEN = frozenset({Change.NEW, Change.RAISED, Change.LOWERED, Change.CLEARED, Change.CHANGED})
"""The changes that are news."""
_DONE = {EvidenceState.GRADED, EvidenceState.COMPLETED}


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a person in a column, and by when."""

    state: EvidenceState
    score: Decimal | None
    maximum: Decimal | None
    letter: str | None
    graded_at: datetime | None
    at: datetime | None


def load_held(session: Session, column_id: int | None, user_ids: Collection[int]) -> dict[int, Held]:
    """Return what is known of people in a column, by user id."""
    if column_id is None or not user_ids:
        return {}
    rows = session.execute(
        select(
            Fact.user_id,
            Observation.state,
            Observation.score,
            Observation.maximum,
            Observation.letter,
            Observation.graded_at,
            Fact.source_updated_at,
            Observation.source_updated_at,
        )
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id == column_id, Fact.user_id.in_(list(user_ids)))
    )
    return {row[0]: Held(row[1], row[2], row[3], row[4], row[5], row[6] or row[7]) for row in rows}


def reading_of(grade: Grade, exported_at: datetime) -> ObservationReading:
    """Return the observation that a grade is: true when the file was made, or since the row says it was changed."""
    return ObservationReading(
        platform_user_id="",
        state=grade.state,
        score=grade.score,
        maximum=grade.maximum,
        letter=grade.letter,
        graded_at=grade.graded_at,
        source_updated_at=exported_at if grade.at is None else min(grade.at, exported_at),
    )


def compare(held: Held | None, reading: ObservationReading) -> Change:
    """Say what taking a reading would do."""
    if held is None:
        return Change.NOTHING if reading.state is EvidenceState.UNGRADED else Change.NEW
    if held.at is not None and reading.source_updated_at is not None and reading.source_updated_at < held.at:
        return Change.OLDER
    before = (held.state, held.score, held.maximum, held.letter, held.graded_at)
    after = (reading.state, reading.score, reading.maximum, reading.letter, reading.graded_at)
    if before == after:
        return Change.SAME
    if reading.state is EvidenceState.UNGRADED:
        return Change.CLEARED if held.state in _DONE else Change.CHANGED
    return _difference(held, reading)


def _difference(held: Held, reading: ObservationReading) -> Change:
    if held.score is None or reading.score is None or held.state not in _DONE:
        return Change.NEW if held.state is EvidenceState.UNGRADED else Change.CHANGED
    before, after = held.score, reading.score
    if held.maximum != reading.maximum and held.maximum and reading.maximum:
        before, after = percent_of((before, held.maximum)), percent_of((after, reading.maximum))
    if before == after:
        return Change.CHANGED
    return Change.RAISED if after > before else Change.LOWERED
