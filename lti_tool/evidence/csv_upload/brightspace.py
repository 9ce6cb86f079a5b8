"""Brightspace: *Grades*, *Enter Grades*, *Export*, "Export to CSV".

Ground: vendor documents (D2L community, "Importing grades", read 2026-11-22: ``OrgDefinedId``, ``Username``,
``… Points Grade``, ``… Grade Symbol``, ``… Text Grade``) and other tools' code that reads exported files (the suffix
``<Numeric MaxPoints:10 Weight:… Category:…>``, ``Calculated Final Grade Numerator`` and ``Denominator``, subtotals,
``End-of-Line Indicator``, the ``#`` before identifiers). How an exempted grade is written was not checked: what is
neither a number nor a word is shown as not understood.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.csv_upload.cells import NUMBER_UNCLEAR, plain, read_grade, read_maximum, read_number, title
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind, Layout, Scale
from lti_tool.evidence.csv_upload.wide import WideLayout, at, places_of, without_repeats
from lti_tool.models import ColumnKind

_FIELDS = {
    "orgdefinedid": "sis",
    "username": "login",
    "last name": "last",
    "first name": "first",
    "email": "email",
    "end-of-line indicator": "end",
}
_KINDS = {"sis": (KeyKind.SIS,), "login": (KeyKind.LOGIN, KeyKind.EMAIL), "email": (KeyKind.EMAIL,)}
_GRADED = re.compile(
    r"(?P<title>.+?) (?P<what>Points Grade|Grade Symbol|Scheme Symbol)(?: <(?P<more>[^<>]*)>)?", re.DOTALL
)
_MAXIMUM = re.compile(r"\bMaxPoints:(?P<maximum>[\d.,]+)")
_TOTAL = re.compile(r"(?P<title>(?:Calculated|Adjusted) Final Grade) Numerator")


class Brightspace:
    """The dialect ``brightspace``."""

    name = "brightspace"

    def recognises(self, header: Cells) -> bool:
        """Whether the titles are a Brightspace export's."""
        fields = {_FIELDS.get(plain(text)) for text in header}
        return "end" in fields and bool(fields & {"sis", "login"})

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],  # noqa: ARG002
        *,
        columns: tuple[GradeColumn, ...],  # noqa: ARG002
        line_items: Mapping[str, tuple[str, Decimal | None]],  # noqa: ARG002
    ) -> Layout:
        """Read the header."""
        graded = [column for place, text in enumerate(header) if (column := _column(place, text)) is not None]
        totals = [column for place in range(len(header)) if (column := _total(header, place)) is not None]
        return WideLayout(
            dialect=self.name,
            columns=without_repeats([*graded, *totals]),
            places=places_of(header, _FIELDS),
            kinds=_KINDS,
            reader=_read,
            prefix="#",
        )


def _column(place: int, text: str) -> GradeColumn | None:
    graded = _GRADED.fullmatch(text.strip())
    if graded is None:
        return None
    name, is_points = title(graded["title"]), graded["what"] == "Points Grade"
    told = _MAXIMUM.search(graded["more"] or "")
    maximum = read_maximum(told["maximum"]) if told else None
    scale = Scale.POINTS if is_points else Scale.LETTER
    note = ColumnNote.NO_MAXIMUM if is_points and maximum is None else None
    return GradeColumn(f"brightspace:{scale.value}:{plain(name)}", name, maximum, scale, place=place, note=note)


def _total(header: Cells, place: int) -> GradeColumn | None:
    """A final grade: points, and out of how many, in two cells."""
    total = _TOTAL.fullmatch(header[place].strip())
    if total is None or place + 1 >= len(header) or plain(header[place + 1]) != plain(f"{total['title']} Denominator"):
        return None
    name = title(total["title"])
    key, kind = f"brightspace:total:{plain(name)}", ColumnKind.COURSE_TOTAL
    return GradeColumn(key, name, None, Scale.POINTS, kind, place, place + 1, ColumnNote.TOTAL)


def _read(cells: Cells, column: GradeColumn, decimal: str) -> Grade | str | None:
    found = read_grade(column, at(cells, column.place), decimal)
    if column.beside is None or isinstance(found, str) or found.score is None:
        return found
    try:
        maximum = read_number(at(cells, column.beside), decimal)
    except ValueError:
        return NUMBER_UNCLEAR
    return Grade(EvidenceState.GRADED, found.score, maximum)
