"""Blackboard Learn: *Gradebook*, *Download grades* (Ultra), or *Grade Center*, *Work Offline*, *Download* (Original).

Ground: vendor documents (Blackboard Help, "Work offline with grade data", read 2026-11-22: comma-delimited CSV or
tab-delimited XLS, the columns Last Name, First Name, Username, Student ID, Last Access, Availability; column ids are
made by the system and stay) and other tools' code that reads such files (``Title [Total Pts: 10 Score] |12345``,
``[Total Pts: up to 55 Letter]`` for calculated columns, the older ``[Total Pts: 10]``, UTF-16 in the tab-delimited
one). How "Needs Grading", "In Progress" and a preview user's name are written is constructed; an exemption was not
checked and is shown as not understood.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.csv_upload.cells import NOT_A_GRADE, plain, read_grade, read_maximum, title
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind, Layout, Scale
from lti_tool.evidence.csv_upload.wide import WideLayout, at, places_of, without_repeats
from lti_tool.models import ColumnKind

_FIELDS = {
    "last name": "last",
    "first name": "first",
    "username": "login",
    "student id": "sis",
    "last access": "access",
    "availability": "availability",
}
_KINDS = {"sis": (KeyKind.SIS,), "login": (KeyKind.LOGIN, KeyKind.EMAIL)}
_TITLED = re.compile(
    r"(?P<title>.*) \[Total Pts: (?P<up_to>up to )?(?P<maximum>[\d.,]+)(?: (?P<display>[^\]]+))?\](?: \|(?P<id>\w+))?",
    re.DOTALL,
)
_SCALES = {"percentage": Scale.PERCENT, "letter": Scale.LETTER}
_UNGRADED = frozenset({"in progress"})
_SUBMITTED = {"needs grading", "needs marking"}
_COMPLETE = {"complete": EvidenceState.COMPLETED, "incomplete": EvidenceState.UNGRADED}
_UNCLEAR = {"exempt", "null"}
_CALCULATED = {"total", "weighted total", "overall grade"}


class Blackboard:
    """The dialect ``blackboard``."""

    name = "blackboard"

    def recognises(self, header: Cells) -> bool:
        """Whether the titles are a Blackboard download's."""
        fields = {_FIELDS.get(plain(text)) for text in header}
        is_told = bool(fields & {"access", "availability"}) or any(_TITLED.fullmatch(text.strip()) for text in header)
        return {"last", "first", "login"} <= fields and is_told

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],  # noqa: ARG002
        *,
        columns: tuple[GradeColumn, ...],  # noqa: ARG002
        line_items: Mapping[str, tuple[str, Decimal | None]],  # noqa: ARG002
    ) -> Layout:
        """Read the header."""
        found = [column for place, text in enumerate(header) if (column := _column(place, text)) is not None]
        return WideLayout(
            dialect=self.name,
            columns=without_repeats(found),
            places=places_of(header, _FIELDS),
            kinds=_KINDS,
            reader=_read,
            tests=lambda _name, fields: fields["login"].casefold().endswith("_previewuser"),
        )


def _column(place: int, text: str) -> GradeColumn | None:
    titled = _TITLED.fullmatch(text.strip())
    display = plain(titled["display"] or "") if titled else ""
    if titled is None or display == "text":
        return None
    name, scale = title(titled["title"]), _SCALES.get(display, Scale.POINTS)
    is_total = bool(titled["up_to"]) or plain(name) in _CALCULATED
    maximum = Decimal(100) if scale is Scale.PERCENT else None if is_total else read_maximum(titled["maximum"])
    key = f"blackboard:{titled['id']}" if titled["id"] else f"blackboard:title:{plain(name)}"
    kind = ColumnKind.COURSE_TOTAL if is_total else ColumnKind.LINE_ITEM
    return GradeColumn(key, name, maximum, scale, kind, place, note=ColumnNote.TOTAL if is_total else None)


def _read(cells: Cells, column: GradeColumn, decimal: str) -> Grade | str | None:
    cell = at(cells, column.place)
    word = plain(cell)
    if word in _UNCLEAR:
        return NOT_A_GRADE
    if word in _SUBMITTED:
        return Grade(EvidenceState.SUBMITTED, maximum=column.maximum)
    if word in _COMPLETE:
        return Grade(_COMPLETE[word], maximum=column.maximum)
    found = read_grade(column, cell, decimal, ungraded=_UNGRADED)
    # A percent sign in a column of points is another display than the title says: the points are not known.
    if isinstance(found, Grade) and cell.endswith("%") and column.scale is Scale.POINTS:
        return replace(found, maximum=Decimal(100))
    return found
