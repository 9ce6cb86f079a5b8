"""What every evidence source offers: columns, observations, and an honest account of what it can and cannot see.

A source reads and reports; it decides nothing and stores nothing. It is read page by page outside any transaction.
An entry it cannot use is left out and counted in ``malformed``, so that nothing unreadable ever becomes a zero.

A source lists its columns, says in which streams their observations come, and yields each stream page by page. A
stream that was broken off goes on at the ``place`` of its last stored page; one that can be asked for changes only is
asked since the newest change seen.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models import ColumnKind, Context, Registration

AGS = "ags"
LTI_SOURCES = frozenset({AGS})
"""Sources that ask the services of LTI, where rosters come from: while those refuse, they are left alone, too."""


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
    column_kinds: frozenset[ColumnKind] = frozenset({ColumnKind.LINE_ITEM})
    """The kinds of column it lists."""
    is_pushed: bool = False
    """Its observations are brought by people, so a reading of the course leaves it and its columns alone."""

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
    lti_ids: tuple[str, ...] = ()
    """Ids by which another source may tell the same work: line item addresses, resource link ids (LTI)."""
    grading_scheme: tuple[str, ...] | None = None
    """Letters from best to worst, where the source tells them."""


class ObservationReading(NamedTuple):
    """What the source says about one person in one column. ``score`` ``None`` is not graded, which is not zero.

    The person is named by ``platform_user_id`` (the ``sub`` of LTI) or, where the source knows none, by the platform's
    own ``external_id``; exactly one of them is set. Moments are aware, ``None`` where the source does not say.
    """

    platform_user_id: str | None
    state: EvidenceState
    score: Decimal | None = None
    maximum: Decimal | None = None
    letter: str | None = None
    submitted_at: datetime | None = None
    graded_at: datetime | None = None
    source_updated_at: datetime | None = None
    attempt: int | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class PersonReading:
    """Who somebody of the platform's own API is: ``platform_user_id`` is the ``sub`` of LTI where the platform says."""

    external_id: str
    platform_user_id: str | None
    is_test_user: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceStream:
    """One run of pages of a course: observations of the columns in ``column_keys``.

    ``key`` is stable and the source's own. ``tells_changes``: it can be asked for what changed since a moment only.
    """

    key: str
    column_keys: tuple[str, ...]
    tells_changes: bool = False


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """Observations, each with the ``external_key`` of its column.

    ``place`` names what comes after this page, for a stream to go on at after a crash; ``None`` on the last page and
    where a source cannot go on in the middle. ``newest`` is the latest change on it, by the source's own clock.
    """

    observations: tuple[tuple[str, ObservationReading], ...]
    place: str | None = None
    newest: datetime | None = None


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

    def iter_people(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[PersonReading]]:
        """Yield pages of who is who, for a source whose observations name people by ``external_id``; else nothing."""

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:
        """Say in which streams the observations of the listed columns come; no network."""

    def iter_pages(
        self,
        registration: Registration,
        context: Context,
        stream: EvidenceStream,
        *,
        since: datetime | None,
        place: str | None,
        malformed: Counter[str],
    ) -> Iterator[EvidencePage]:
        """Yield pages of a stream: changes since a moment where it ``tells_changes``, else and with ``None`` all.

        ``place``: go on there, as an earlier page of the same reading said.
        """
