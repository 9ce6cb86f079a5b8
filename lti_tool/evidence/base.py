"""What every evidence source offers: columns, observations, and an honest account of what it can and cannot see.

A source reads and reports; it decides nothing and stores nothing. It is read page by page outside any transaction.
An entry it cannot use is left out and counted in ``malformed``, so that nothing unreadable ever becomes a zero.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models import ColumnKind, Context, Registration


class ClauseKind(StrEnum):
    """The tests a rule can put to a column."""

    PERCENT = "percent"
    POINTS = "points"
    LETTER = "letter"
    COMPLETED = "completed"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class Capability:
    """What a source can do in one course, so that the editor offers only rules that can be observed.

    ``needs``: codes of what an admin has to allow first, empty when the source works. ``decides``: clause kinds it
    can decide once it works. ``unseen``: states that exist on platforms and that this source cannot tell from
    ungraded. ``own_columns_only``: it sees only columns that belong to this tool.
    """

    source: str
    needs: tuple[str, ...]
    decides: frozenset[ClauseKind]
    unseen: frozenset[EvidenceState]
    own_columns_only: bool

    @property
    def is_available(self) -> bool:
        """Whether the source can be read in this course now."""
        return not self.needs


@dataclass(frozen=True, slots=True)
class ColumnReading:
    """One column as the source lists it; ``external_key`` is stable and the source's own.

    ``maximum`` is at least 0 or unknown; ``position`` counts from 0 in the source's order.
    """

    external_key: str
    title: str
    kind: ColumnKind
    maximum: Decimal | None
    resource_id: str | None
    tag: str | None
    position: int


@dataclass(frozen=True, slots=True)
class ObservationReading:
    """What the source says about one person in one column. ``score`` ``None`` is not graded, which is not zero.

    Moments are aware, ``None`` where the source does not say.
    """

    platform_user_id: str
    state: EvidenceState
    score: Decimal | None = None
    maximum: Decimal | None = None
    letter: str | None = None
    submitted_at: datetime | None = None
    graded_at: datetime | None = None
    source_updated_at: datetime | None = None


class EvidenceSource(Protocol):
    """A place observations come from. Readings raise ``OutboundError`` and its kinds; a page in memory at a time."""

    @property
    def name(self) -> str:
        """The value of ``EvidenceColumn.source``."""

    def capability(self, context: Context) -> Capability:
        """Say what can be observed in ``context``; no network."""

    def iter_columns(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[ColumnReading]]:
        """Yield pages of the columns this source sees."""

    def iter_observations(
        self, registration: Registration, context: Context, column_key: str, *, malformed: Counter[str]
    ) -> Iterator[list[ObservationReading]]:
        """Yield pages of observations in the column whose ``external_key`` is ``column_key``."""
