"""What a dialect makes of a file: its columns of grades, what names a person, and how a cell is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models import ColumnKind

Cells = Sequence[str]


class KeyKind(StrEnum):
    """What an identifier in the file is; who somebody is can be told by the last four only where a platform told it."""

    CANVAS = "canvas"
    """Canvas's own number of a user."""
    SIS = "sis"
    """The student system's id (LTI ``lis.person_sourcedid``)."""
    LOGIN = "login"
    EMAIL = "email"
    PLATFORM = "platform"
    """May be the ``sub`` of LTI; never where it is a bare number, since each system counts from 1."""


class Scale(StrEnum):
    """What the cells of a column hold."""

    POINTS = "points"
    PERCENT = "percent"
    LETTER = "letter"


class ColumnNote(StrEnum):
    """Why a column is not proposed for taking."""

    MANUAL_POSTING = "manual_posting"
    """Canvas: its grades are posted by hand, and the file does not say which learners can see them yet."""
    NO_MAXIMUM = "no_maximum"
    """The file does not say how many points there are; no percent can be told."""
    TOTAL = "total"
    """A total that the platform computes."""
    REPEATED = "repeated"
    """Another column has the same id or title; neither can be taken."""


@dataclass(frozen=True, slots=True)
class GradeColumn:
    """A column of grades. ``place`` is its cell in a row; ``key`` is stable: the platform's own id, else the title."""

    key: str
    title: str
    maximum: Decimal | None
    scale: Scale
    kind: ColumnKind = ColumnKind.LINE_ITEM
    place: int = 0
    beside: int | None = None
    """A further cell that belongs to it: the letter of a score, or the maximum that a row names itself."""
    note: ColumnNote | None = None

    @property
    def can_be_taken(self) -> bool:
        """Whether it may be taken at all."""
        return self.note is not ColumnNote.REPEATED


@dataclass(frozen=True, slots=True)
class Grade:
    """What the file says about one person in one column; ``at``: when the platform last changed it, if it says so."""

    state: EvidenceState
    score: Decimal | None = None
    maximum: Decimal | None = None
    letter: str | None = None
    graded_at: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: who it names and what it says. ``refused``: (column key, code) of cells that cannot be understood.

    ``number`` counts rows from 0 after everything that is not about a person; ``line`` is the line in the file.
    """

    number: int
    line: int
    name: str
    keys: tuple[tuple[KeyKind, str], ...]
    is_test: bool
    grades: tuple[tuple[str, Grade], ...]
    refused: tuple[tuple[str, str], ...]


class Layout(Protocol):
    """A dialect's reading of one file's header."""

    @property
    def dialect(self) -> str: ...
    @property
    def columns(self) -> tuple[GradeColumn, ...]: ...
    @property
    def skipped(self) -> int:
        """Records after the header that are about no person."""

    @property
    def is_long(self) -> bool:
        """Whether a person has a row for each grade."""

    def look(self, cells: Cells) -> None:
        """Take note of a row while the whole file is looked through for the first time."""

    def exported_at(self, cells: Cells) -> datetime | None:
        """When the file says that it was made."""

    def name(self, cells: Cells) -> str: ...
    def keys(self, cells: Cells) -> tuple[tuple[KeyKind, str], ...]: ...
    def is_test(self, cells: Cells) -> bool: ...
    def read(
        self, cells: Cells, decimal: str, wanted: frozenset[str] | None
    ) -> tuple[list[tuple[str, Grade]], list[tuple[str, str]]]:
        """Return the grades of a row and the cells that cannot be understood; of ``wanted`` columns only, if given."""


class Dialect(Protocol):
    """How one platform writes its gradebook."""

    name: str

    def recognises(self, header: Cells) -> bool:
        """Whether a first row with these titles is this platform's."""

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],
        *,
        columns: tuple[GradeColumn, ...],
        line_items: Mapping[str, tuple[str, Decimal | None]],
    ) -> Layout:
        """Read the header. ``first``: the rows after it; ``columns``: what an earlier look at the whole file found;
        ``line_items``: title and maximum by id, where a file of its own told them (OneRoster)."""
