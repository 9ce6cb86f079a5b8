"""What is known about one learner's work in one column, and how far that can be trusted."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from lti_tool.domain.figures import percent_of
from lti_tool.errors import InvalidInputError


class EvidenceState(StrEnum):
    """What the source says about the work.

    ``graded`` has a released result; ``completed`` was done, with or without a score; ``submitted`` was handed in and
    waits for a grade; ``missing`` is what the platform itself flags as missing, never a guess of ours.
    """

    GRADED = "graded"
    UNGRADED = "ungraded"
    EXCUSED = "excused"
    HIDDEN = "hidden"
    MISSING = "missing"
    COMPLETED = "completed"
    SUBMITTED = "submitted"
    NOT_OPENED = "not_opened"


class Freshness(StrEnum):
    """Whether the state can be relied on now; anything but fresh makes the evidence unknown."""

    FRESH = "fresh"
    STALE = "stale"
    FAILED = "failed"
    DISAGREEING = "disagreeing"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organization decided about evidence."""

    missing_counts_as_zero: bool = False


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The current fact about one learner in one slot. Times are aware; ``title`` is the column's, for reading.

    ``scheme``: the letters of the grading scheme the source uses now, best first; ``None`` where it tells none.

    A score above its maximum is legal (bonus points). Raises ``InvalidInputError`` (``score_invalid``) for a score or
    maximum that is not a finite number.
    """

    slot: str
    title: str
    source: str
    state: EvidenceState
    freshness: Freshness = Freshness.FRESH
    score: Decimal | None = None
    maximum: Decimal | None = None
    letter: str | None = None
    submitted_at: datetime | None = None
    graded_at: datetime | None = None
    checked_at: datetime | None = None
    position: int = 0
    scheme: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for number in (self.score, self.maximum):
            if number is not None and not number.is_finite():
                raise InvalidInputError("a score must be a finite number", code="score_invalid", field=self.slot)

    @property
    def moment(self) -> datetime | None:
        """When the work was done, as far as known: handed in, else graded."""
        return self.submitted_at or self.graded_at

    def to_document(self) -> dict[str, object]:
        """A JSON document: decimals as strings, times in ISO 8601; ``scheme`` only where the source tells one."""
        document: dict[str, object] = {
            "slot": self.slot,
            "title": self.title,
            "source": self.source,
            "state": self.state.value,
            "freshness": self.freshness.value,
            "score": None if self.score is None else str(self.score),
            "maximum": None if self.maximum is None else str(self.maximum),
            "letter": self.letter,
            "submitted_at": _iso(self.submitted_at),
            "graded_at": _iso(self.graded_at),
            "checked_at": _iso(self.checked_at),
            "position": self.position,
        }
        if self.scheme is not None:
            document["scheme"] = list(self.scheme)
        return document


def percent(evidence: Evidence) -> Decimal | None:
    """The score in percent of the maximum, never rounded up (see ``figures.percent_of``), or None when unknown.

    Unknown: no score, no maximum or a maximum of 0, not released (ungraded, hidden …), or not fresh.
    """
    if evidence.freshness is not Freshness.FRESH:
        return None
    if evidence.state is not EvidenceState.GRADED and evidence.state is not EvidenceState.COMPLETED:
        return None
    if evidence.score is None or evidence.maximum is None or evidence.maximum <= 0:
        return None
    return percent_of((evidence.score, evidence.maximum))


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
