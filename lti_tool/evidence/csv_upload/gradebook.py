"""A gradebook file, recognised by its header: looked through once as a whole, then read row by row, from any row on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.csv_upload.blackboard import Blackboard
from lti_tool.evidence.csv_upload.brightspace import Brightspace
from lti_tool.evidence.csv_upload.canvas import Canvas
from lti_tool.evidence.csv_upload.cells import is_decimal_comma
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Dialect, GradeColumn, Layout, Row, Scale
from lti_tool.evidence.csv_upload.moodle import Moodle
from lti_tool.evidence.csv_upload.oneroster import OneRoster
from lti_tool.evidence.csv_upload.table import DELIMITERS, Pieces, find_encoding, iter_records
from lti_tool.models import ColumnKind

DIALECTS: tuple[Dialect, ...] = (OneRoster(), Brightspace(), Canvas(), Moodle(), Blackboard())
_LOOKED_AT = 3
LineItems = Mapping[str, tuple[str, Decimal | None]]


@dataclass(frozen=True, slots=True)
class GradebookShape:
    """What is known of a file after it was looked through; with it, reading need not guess again.

    ``decimal`` is the file's decimal sign, ``rows`` counts the rows about people, ``exported_at`` is the latest moment
    that the file itself names.
    """

    dialect: str
    encoding: str
    delimiter: str
    decimal: str
    rows: int
    columns: tuple[GradeColumn, ...]
    exported_at: datetime | None

    def to_document(self) -> dict[str, Any]:
        """A JSON document."""
        return {
            "dialect": self.dialect,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "rows": self.rows,
            "exported_at": None if self.exported_at is None else self.exported_at.isoformat(),
            "columns": [_column_document(one) for one in self.columns],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "GradebookShape":
        """The shape that ``to_document`` wrote."""
        moment = document["exported_at"]
        return cls(
            document["dialect"],
            document["encoding"],
            document["delimiter"],
            document["decimal"],
            document["rows"],
            tuple(_column(one) for one in document["columns"]),
            None if moment is None else datetime.fromisoformat(moment),
        )


def _column_document(column: GradeColumn) -> dict[str, Any]:
    return {
        "key": column.key,
        "title": column.title,
        "maximum": None if column.maximum is None else str(column.maximum),
        "scale": column.scale.value,
        "kind": column.kind.value,
        "place": column.place,
        "beside": column.beside,
        "note": None if column.note is None else column.note.value,
    }


def _column(document: Mapping[str, Any]) -> GradeColumn:
    maximum, note = document["maximum"], document["note"]
    return GradeColumn(
        document["key"],
        document["title"],
        None if maximum is None else Decimal(maximum),
        Scale(document["scale"]),
        ColumnKind(document["kind"]),
        document["place"],
        document["beside"],
        None if note is None else ColumnNote(note),
    )


def find_shape(pieces: Pieces, line_items: LineItems | None = None) -> GradebookShape:
    """Look the whole file through; raises ``GradebookRefusedError``.

    Codes: ``gradebook_unknown`` (no dialect's header), ``gradebook_no_columns``, ``gradebook_no_rows``,
    ``gradebook_repeated``, and those of ``table``.
    """
    encoding = find_encoding(pieces)
    dialect, delimiter = _recognise(pieces, encoding)
    layout, rows = _open(dialect, pieces, encoding, delimiter, (), line_items or {})
    number, comma, exported_at = 0, None, None
    for _line, cells in rows:
        number += 1
        layout.look(cells)
        if comma is None:
            comma = is_decimal_comma(cells)
        said = layout.exported_at(cells)
        exported_at = max(said, exported_at) if said and exported_at else said or exported_at
    if not number:
        raise GradebookRefusedError("The file has no rows.", code="gradebook_no_rows")
    if not layout.columns:
        raise GradebookRefusedError("The file has no column of grades.", code="gradebook_no_columns")
    return GradebookShape(dialect.name, encoding, delimiter, "," if comma else ".", number, layout.columns, exported_at)


def _recognise(pieces: Pieces, encoding: str) -> tuple[Dialect, str]:
    for delimiter in DELIMITERS:
        header = _header(pieces, encoding, delimiter)
        for dialect in DIALECTS:
            if dialect.recognises(header):
                return dialect, delimiter
    raise GradebookRefusedError("The file is no gradebook this tool knows.", code="gradebook_unknown", line=1)


def _header(pieces: Pieces, encoding: str, delimiter: str) -> Cells:
    """The first row, empty where it cannot be read with this delimiter."""
    try:
        return next((cells for _line, cells in iter_records(pieces, encoding, delimiter)), [])
    except GradebookRefusedError as error:
        if error.code == "gradebook_binary":
            raise
        return []


def _open(
    dialect: Dialect,
    pieces: Pieces,
    encoding: str,
    delimiter: str,
    columns: tuple[GradeColumn, ...],
    line_items: LineItems,
) -> tuple[Layout, Iterator[tuple[int, Cells]]]:
    """Return the file's layout and its rows about people."""
    records = iter_records(pieces, encoding, delimiter)
    _line, header = next(records)
    first = list(islice(records, _LOOKED_AT))
    layout = dialect.lay_out(header, [cells for _line, cells in first], columns=columns, line_items=line_items)

    def rows() -> Iterator[tuple[int, Cells]]:
        yield from first[layout.skipped :]
        yield from records

    return layout, rows()


class Gradebook:
    """A file of a known shape. ``wanted``: keys of the columns to read; ``None``: every one."""

    def __init__(self, shape: GradebookShape, pieces: Pieces, wanted: frozenset[str] | None = None) -> None:
        self.shape = shape
        self._pieces, self._wanted = pieces, wanted

    @property
    def is_long(self) -> bool:
        """Whether a person has a row for each grade."""
        return self.shape.dialect == OneRoster.name

    def iter_rows(self, start: int = 0) -> Iterator[Row]:
        """Yield rows from the ``start``-th on, counted from 0; raises what ``find_shape`` does if the file changed."""
        shape = self.shape
        dialect = next(one for one in DIALECTS if one.name == shape.dialect)
        layout, rows = _open(dialect, self._pieces, shape.encoding, shape.delimiter, shape.columns, {})
        for number, (line, cells) in enumerate(rows):
            if number < start:
                continue
            grades, refused = layout.read(cells, shape.decimal, self._wanted)
            yield Row(
                number,
                line,
                layout.name(cells),
                layout.keys(cells),
                layout.is_test(cells),
                tuple(grades),
                tuple(refused),
            )
