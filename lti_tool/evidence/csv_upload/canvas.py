"""Canvas: *Grades*, *Export*, "Export Entire Gradebook".

Ground: vendor code (``lib/gradebook_exporter.rb`` of canvas-lms, read 2026-11-22): names of the first columns, a
title's ``(id)``, the row "Manual Posting", the row "    Points Possible" whose first cell is indented, ``EX``, ``N/A``
for who was not assigned the work, the test student last, decimal sign and delimiter of the teacher's language, a name
that begins with ``=`` written as ``="…"``. Scores have two decimals there; what lies between is rounded by Canvas.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.csv_upload.cells import plain, read_grade, read_maximum, title
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind, Layout, Scale
from lti_tool.evidence.csv_upload.wide import WideLayout, at, places_of, without_repeats
from lti_tool.models import ColumnKind

_FIELDS = {
    "student": "name",
    "lastname": "last",
    "firstname": "first",
    "id": "id",
    "sis user id": "sis",
    "sis login id": "login",
    "integration id": "integration",
    "root account": "account",
    "section": "section",
}
_KINDS = {
    "id": (KeyKind.CANVAS, KeyKind.PLATFORM),
    "sis": (KeyKind.SIS,),
    "login": (KeyKind.LOGIN, KeyKind.EMAIL),
}
_TITLED = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)
_TOTALS = {"current score": "current grade", "final score": "final grade"}
"""The course's totals that learners see, each with its letter; the unposted ones are for teachers."""
_TEST_NAMES = {"student, test", "test student"}


class Canvas:
    """The dialect ``canvas``."""

    name = "canvas"

    def recognises(self, header: Cells) -> bool:
        """Whether the titles are a Canvas gradebook's."""
        titles = {plain(text) for text in header}
        return {"id", "section"} <= titles and ("student" in titles or {"lastname", "firstname"} <= titles)

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],
        *,
        columns: tuple[GradeColumn, ...],  # noqa: ARG002
        line_items: Mapping[str, tuple[str, Decimal | None]],  # noqa: ARG002
    ) -> Layout:
        """Read the header and the row or two above the people."""
        possible, posting, skipped = _preamble(first)
        found = [
            column for place, text in enumerate(header) if (column := _work(place, text, possible, posting)) is not None
        ]
        return WideLayout(
            dialect=self.name,
            columns=without_repeats([*found, *_totals(header)]),
            places=places_of(header, _FIELDS),
            kinds=_KINDS,
            reader=_read,
            skipped=skipped,
            tests=_is_test,
        )


def _preamble(first: Sequence[Cells]) -> tuple[Cells, Cells, int]:
    """Return the row of points, the row that tells of manual posting, and how many rows these are."""
    for number, cells in enumerate(first[:2]):
        if plain(at(cells, 0)) == "points possible":
            return cells, first[0] if number else (), number + 1
    return (), (), 0


def _work(place: int, text: str, possible: Cells, posting: Cells) -> GradeColumn | None:
    """A column of graded work; columns that a teacher made for notes have neither an id nor points."""
    titled, maximum = _TITLED.fullmatch(text.strip()), read_maximum(at(possible, place))
    if plain(text) in _FIELDS or (titled is None and maximum is None):
        return None
    name = title(titled["title"] if titled else text)
    note = ColumnNote.NO_MAXIMUM if maximum is None else None
    if at(posting, place).startswith("Manual Posting"):
        note = ColumnNote.MANUAL_POSTING
    key = f"canvas:{titled['id']}" if titled else f"canvas:title:{plain(name)}"
    return GradeColumn(key, name, maximum, Scale.POINTS, place=place, note=note)


def _totals(header: Cells) -> list[GradeColumn]:
    places = {plain(text): place for place, text in enumerate(header)}
    return [
        GradeColumn(
            f"canvas:{score.replace(' ', '_')}",
            title(header[places[score]]),
            Decimal(100),
            Scale.PERCENT,
            ColumnKind.COURSE_TOTAL,
            places[score],
            places.get(letter),
            ColumnNote.TOTAL,
        )
        for score, letter in _TOTALS.items()
        if score in places
    ]


def _read(cells: Cells, column: GradeColumn, decimal: str) -> Grade | str | None:
    cell = at(cells, column.place)
    if cell == "EX":
        return Grade(EvidenceState.EXCUSED, maximum=column.maximum)
    if cell == "N/A":
        return None
    found = read_grade(column, cell, decimal)
    letter = at(cells, column.beside)[:32]
    if isinstance(found, Grade) and found.score is not None and letter and letter[0] not in "=+-@":
        return Grade(found.state, found.score, found.maximum, letter)
    return found


def _is_test(name: str, fields: Mapping[str, str]) -> bool:
    """Canvas's student view; somebody of that name whom the student system knows is a person."""
    return plain(name) in _TEST_NAMES and not fields["sis"]
