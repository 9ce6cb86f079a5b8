"""What one column says about one person: the observation that holds, and how far it can be trusted now."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.models import EvidenceColumn

STALE_AFTER = timedelta(days=7)
"""Evidence nobody could read again for this long decides nothing."""
PUSHED = frozenset({"assessor", "csv_upload"})
"""Sources that say something once and are not asked again: what they said does not go stale by age."""
SAYS_LITTLE = frozenset({"ags", "assessor", "csv_upload"})
"""Sources whose "ungraded" may be any of the states they cannot see."""
SEES_MORE = frozenset(EvidenceState) - {EvidenceState.GRADED, EvidenceState.UNGRADED}


class Seen(NamedTuple):
    """The observation that holds for a person in a column. The last two are asked for only where sources compare."""

    observation_id: int
    state: EvidenceState
    score: Decimal | None
    maximum: Decimal | None
    letter: str | None
    submitted_at: datetime | None
    graded_at: datetime | None
    source_updated_at: datetime | None = None
    fetched_at: datetime | None = None


def make_evidence(slot: str, column: EvidenceColumn, seen: Seen | None, now: datetime) -> Evidence:
    """Return what an observation in a column is worth now; ``None`` is a person about whom nothing was observed."""
    return Evidence(
        slot=slot,
        title=column.title,
        source=column.source,
        state=seen.state if seen else EvidenceState.UNGRADED,
        freshness=freshness_of(column, now),
        score=seen.score if seen else None,
        maximum=seen.maximum if seen and seen.maximum is not None else column.maximum,
        letter=seen.letter if seen else None,
        submitted_at=seen.submitted_at if seen else None,
        graded_at=seen.graded_at if seen else None,
        checked_at=column.checked_at,
        position=column.position,
        scheme=tuple(column.grading_scheme) if column.grading_scheme is not None else None,
    )


def freshness_of(column: EvidenceColumn, now: datetime) -> Freshness:
    """Return whether what a column says can be relied on now."""
    if column.failed_code is not None:
        return Freshness.FAILED
    if column.is_gone or column.checked_at is None:
        return Freshness.STALE
    if column.source not in PUSHED and now - column.checked_at > STALE_AFTER:
        return Freshness.STALE
    return Freshness.FRESH
