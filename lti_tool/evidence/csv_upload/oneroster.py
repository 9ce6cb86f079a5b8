"""OneRoster 1.1 and 1.2, CSV binding: ``results.csv``, alone or in a zip with ``lineItems.csv``.

Ground: vendor documents (1EdTech OneRoster CSV Tables 1.1.1 and CSV Binding 1.2.1, both 2023-08-22): columns and the
values of ``status`` and ``scoreStatus``. Which of LTI's ids a ``studentSourcedId`` is, the standards do not say; by LTI
1.3 core ``lis.person_sourcedid`` is the student system's id, so that is asked first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from lti_tool.characters import one_line
from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.csv_upload.cells import (
    NOT_A_GRADE,
    NUMBER_UNCLEAR,
    plain,
    read_letter,
    read_maximum,
    read_moment,
    read_number,
    title,
)
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind, Layout, Scale
from lti_tool.evidence.csv_upload.wide import MAX_KEY, at, places_of

MAX_LINE_ITEMS = 500
_FIELDS = {
    name.casefold(): name
    for name in (
        "status",
        "dateLastModified",
        "lineItemSourcedId",
        "studentSourcedId",
        "scoreStatus",
        "score",
        "textScore",
        "scoreDate",
        "missing",
    )
}
_NEEDED = {"lineItemSourcedId", "studentSourcedId", "scoreStatus", "score"}
_STATES = {
    "exempt": EvidenceState.EXCUSED,
    "fully graded": EvidenceState.GRADED,
    "not submitted": EvidenceState.UNGRADED,
    "partially graded": EvidenceState.SUBMITTED,
    "submitted": EvidenceState.SUBMITTED,
}


class OneRoster:
    """The dialect ``oneroster``."""

    name = "oneroster"

    def recognises(self, header: Cells) -> bool:
        """Whether the titles are those of ``results.csv``."""
        return {_FIELDS.get(plain(text)) for text in header} >= _NEEDED

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],  # noqa: ARG002
        *,
        columns: tuple[GradeColumn, ...],
        line_items: Mapping[str, tuple[str, Decimal | None]],
    ) -> Layout:
        """Read the header; which line items there are shows in the rows."""
        return OneRosterLayout(places_of(header, _FIELDS), columns, line_items)


class OneRosterLayout:
    """A header that was understood; ``columns`` grow while the file is looked through."""

    dialect = OneRoster.name
    skipped = 0
    is_long = True

    def __init__(
        self,
        places: Mapping[str, int],
        columns: Sequence[GradeColumn],
        line_items: Mapping[str, tuple[str, Decimal | None]],
    ) -> None:
        self._places, self._line_items = places, line_items
        self._columns = {one.key: one for one in columns}

    @property
    def columns(self) -> tuple[GradeColumn, ...]:
        return tuple(self._columns.values())

    def look(self, cells: Cells) -> None:
        """Note the line item of a result; raises ``GradebookRefusedError`` (``gradebook_too_wide``)."""
        item = self._cell(cells, "lineItemSourcedId")
        if not item or len(item) > MAX_KEY or f"oneroster:{item}" in self._columns:
            return
        if len(self._columns) >= MAX_LINE_ITEMS:
            raise GradebookRefusedError("The file has too many line items.", code="gradebook_too_wide")
        name, maximum = self._line_items.get(item, (item, None))
        note = ColumnNote.NO_MAXIMUM if maximum is None else None
        self._columns[f"oneroster:{item}"] = GradeColumn(
            f"oneroster:{item}", title(name), maximum, Scale.POINTS, place=len(self._columns), note=note
        )

    def exported_at(self, cells: Cells) -> datetime | None:  # noqa: ARG002
        """The file does not say; its rows say when each was changed."""
        return None

    def name(self, cells: Cells) -> str:  # noqa: ARG002
        return ""

    def keys(self, cells: Cells) -> tuple[tuple[KeyKind, str], ...]:
        student = one_line(self._cell(cells, "studentSourcedId"))
        if not student or len(student) > MAX_KEY:
            return ()
        return ((KeyKind.SIS, student), (KeyKind.PLATFORM, student))

    def is_test(self, cells: Cells) -> bool:  # noqa: ARG002
        return False

    def read(
        self, cells: Cells, decimal: str, wanted: frozenset[str] | None
    ) -> tuple[list[tuple[str, Grade]], list[tuple[str, str]]]:
        column = self._columns.get(f"oneroster:{self._cell(cells, 'lineItemSourcedId')}")
        if column is None or (wanted is not None and column.key not in wanted):
            return [], []
        found = self._read(cells, column, decimal)
        return ([(column.key, found)], []) if isinstance(found, Grade) else ([], [(column.key, found)])

    def _read(self, cells: Cells, column: GradeColumn, decimal: str) -> Grade | str:
        changed = read_moment(self._cell(cells, "dateLastModified"))
        state = _STATES.get(plain(self._cell(cells, "scoreStatus")))
        if state is None:
            return NOT_A_GRADE
        if plain(self._cell(cells, "status")) == "tobedeleted":
            state = EvidenceState.UNGRADED
        elif state is EvidenceState.UNGRADED and plain(self._cell(cells, "missing")) == "true":
            state = EvidenceState.MISSING
        if state is not EvidenceState.GRADED:
            return Grade(state, maximum=column.maximum, at=changed)
        try:
            score = read_number(self._cell(cells, "score"), decimal)
        except ValueError:
            return NUMBER_UNCLEAR
        word = self._cell(cells, "textScore")
        letter = read_letter(word, None, may_be_number=True) if word else None
        if isinstance(letter, str) or (score is None and letter is None):
            return NOT_A_GRADE
        graded_at = read_moment(self._cell(cells, "scoreDate"))
        return Grade(state, score, column.maximum, letter.letter if letter else None, graded_at, changed)

    def _cell(self, cells: Cells, field: str) -> str:
        return at(cells, self._places.get(field))


def read_line_items(records: Sequence[Cells]) -> dict[str, tuple[str, Decimal | None]]:
    """Return title and maximum by id from the records of ``lineItems.csv``; a file that is none says nothing."""
    if not records:
        return {}
    places = {plain(text): place for place, text in enumerate(records[0])}
    if not {"sourcedid", "title"} <= places.keys():
        return {}
    return {
        at(cells, places["sourcedid"]): (
            title(at(cells, places["title"])),
            read_maximum(at(cells, places.get("resultvaluemax"))),
        )
        for cells in records[1:]
        if at(cells, places["sourcedid"]) and plain(at(cells, places.get("status"))) != "tobedeleted"
    }
