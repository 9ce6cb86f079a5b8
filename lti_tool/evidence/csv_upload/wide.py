"""Files with one row a person: what the four gradebook exports share."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lti_tool.characters import one_line
from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.csv_upload.cells import plain
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind

CellReader = Callable[[Cells, GradeColumn, str], "Grade | str | None"]
"""Reads a person's cell of a column, with the file's decimal sign: a grade, a refusal's code, or nothing."""

MAX_KEY = 255


def at(cells: Cells, place: int | None) -> str:
    """Return a cell, empty where a row is too short or there is no such column."""
    return cells[place].strip() if place is not None and place < len(cells) else ""


def places_of(header: Cells, titles: Mapping[str, str]) -> dict[str, int]:
    """Return where the columns are that name a person: ``titles`` are what they may be called, each with its field.

    Raises ``GradebookRefusedError`` (``gradebook_repeated``) when two columns would be the same field.
    """
    places: dict[str, int] = {}
    for place, text in enumerate(header):
        field = titles.get(plain(text))
        if field is None:
            continue
        if field in places:
            raise GradebookRefusedError("Two columns name the same thing.", code="gradebook_repeated", line=1)
        places[field] = place
    return places


def without_repeats(columns: Sequence[GradeColumn]) -> tuple[GradeColumn, ...]:
    """Return the columns, those that share a key marked: nobody can say which is which the next time."""
    often = Counter(one.key for one in columns)
    return tuple(replace(one, note=ColumnNote.REPEATED) if often[one.key] > 1 else one for one in columns)


@dataclass(frozen=True, slots=True)
class WideLayout:
    """A header that was understood. ``places``: by field (``name``, ``first``, ``last``, ``exported``, ids)."""

    dialect: str
    columns: tuple[GradeColumn, ...]
    places: Mapping[str, int]
    kinds: Mapping[str, tuple[KeyKind, ...]]
    """What the identifiers are, by field."""
    reader: CellReader
    skipped: int = 0
    tests: Callable[[str, Mapping[str, str]], bool] = lambda _name, _fields: False
    clock: Callable[[str], datetime | None] = lambda _text: None
    prefix: str = ""
    """What stands before each identifier (Brightspace: ``#``)."""

    @property
    def is_long(self) -> bool:
        return False

    def look(self, cells: Cells) -> None:
        """Nothing: all there is to know is in the header."""

    def exported_at(self, cells: Cells) -> datetime | None:
        return self.clock(at(cells, self.places.get("exported")))

    def name(self, cells: Cells) -> str:
        whole = at(cells, self.places.get("name"))
        parts = (at(cells, self.places.get("first")), at(cells, self.places.get("last")))
        return one_line(whole or " ".join(part for part in parts if part))[:MAX_KEY]

    def keys(self, cells: Cells) -> tuple[tuple[KeyKind, str], ...]:
        found = []
        for field, kinds in self.kinds.items():
            value = self._identifier(cells, field)
            if value and len(value) <= MAX_KEY:
                found += [(kind, value) for kind in kinds]
        return tuple(found)

    def is_test(self, cells: Cells) -> bool:
        return self.tests(self.name(cells), {field: self._identifier(cells, field) for field in self.kinds})

    def _identifier(self, cells: Cells, field: str) -> str:
        value = at(cells, self.places.get(field))
        return one_line(value.removeprefix(self.prefix) if self.prefix else value)

    def read(
        self, cells: Cells, decimal: str, wanted: frozenset[str] | None
    ) -> tuple[list[tuple[str, Grade]], list[tuple[str, str]]]:
        grades: list[tuple[str, Grade]] = []
        refused: list[tuple[str, str]] = []
        for column in self.columns:
            if (wanted is not None and column.key not in wanted) or not column.can_be_taken:
                continue
            found = self.reader(cells, column, decimal)
            if isinstance(found, Grade):
                grades.append((column.key, found))
            elif found is not None:
                refused.append((column.key, found))
        return grades, refused
