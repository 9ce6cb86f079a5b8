"""Competencies from a CSV file.

A header row is needed; columns are recognised by the names CASE, ESCO and spreadsheets use, in any order:
identifier, code, statement, uri. Only the statement is required.
"""

import csv
import io
from dataclasses import dataclass
from urllib.parse import urlsplit

from lti_tool.characters import one_line
from lti_tool.errors import InvalidInputError

MAX_BYTES = 2 * 1024 * 1024
MAX_ROWS = 5_000
MAX_STATEMENT = 1_000
MAX_ADDRESS = 2_048

_NAMES = {
    "identifier": {"identifier", "cfitem identifier", "guid"},
    "code": {"code", "human coding scheme", "humancodingscheme", "short code", "id"},
    "statement": {
        "statement",
        "full statement",
        "fullstatement",
        "competency",
        "skill",
        "preferredlabel",
        "title",
        "name",
        "compétence",
        "énoncé",
    },
    "uri": {"uri", "concepturi", "url"},
}


@dataclass(frozen=True, slots=True)
class Competency:
    """One competency of an import: the statement, and what the file says besides."""

    statement: str
    code: str | None = None
    identifier: str | None = None
    uri: str | None = None


def read_competencies(content: bytes) -> list[Competency]:
    """Read a file; raises ``InvalidInputError`` with a code and, in ``field``, the row (``row 12``)."""
    if len(content) > MAX_BYTES:
        raise InvalidInputError("The file is larger than 2 MB.", code="csv_too_large")
    rows = csv.reader(io.StringIO(_decode(content)), _dialect(content))
    try:
        columns = _columns(next(rows, []))
        found = [one for number, row in enumerate(rows, start=2) if (one := _competency(row, columns, number))]
    except csv.Error:
        raise InvalidInputError("The file is not CSV that can be read.", code="csv_malformed") from None
    if not found:
        raise InvalidInputError("The file holds no competency below its header.", code="csv_empty")
    if len(found) > MAX_ROWS:
        raise InvalidInputError(f"The file holds more than {MAX_ROWS} competencies.", code="csv_too_many")
    return found


def _decode(content: bytes) -> str:
    """Spreadsheets write UTF-8 with a mark, or Windows-1252; anything else is refused rather than garbled."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        raise InvalidInputError("The file is not text in UTF-8.", code="csv_encoding") from None


def _dialect(content: bytes) -> type[csv.Dialect]:
    head = content.split(b"\n", 1)[0]

    class Found(csv.excel):
        """Commas, or what French spreadsheets and tab-separated files use."""

        delimiter = max(",;\t", key=lambda mark: head.count(mark.encode()))

    return Found


def _columns(header: list[str]) -> dict[str, int]:
    places = {name.strip().lower(): place for place, name in reversed(list(enumerate(header)))}
    columns = {field: place for field, names in _NAMES.items() for name, place in places.items() if name in names}
    if "statement" not in columns:
        raise InvalidInputError(
            "The first row must name a column 'statement' (or 'competency', 'full statement').", code="csv_header"
        )
    return columns


def _competency(row: list[str], columns: dict[str, int], number: int) -> Competency | None:
    cells = {field: one_line(row[place]) for field, place in columns.items() if place < len(row)}
    statement = cells.get("statement", "")
    if not statement:
        if any(cells.values()):
            raise InvalidInputError("A row has no statement.", code="csv_row_empty", field=f"row {number}")
        return None
    if len(statement) > MAX_STATEMENT or any(
        len(cell) > 255 for cell in (cells.get("code", ""), cells.get("identifier", ""))
    ):
        raise InvalidInputError("A cell is too long.", code="csv_cell_too_long", field=f"row {number}")
    return Competency(
        statement, cells.get("code") or None, cells.get("identifier") or None, _address(cells.get("uri", ""))
    )


def _address(text: str) -> str | None:
    """An address badges can point to; what is none is left out, and the skill's own page stands in for it."""
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in {"https", "http"} and bool(parts.hostname) and len(text) <= MAX_ADDRESS
    except ValueError:
        is_usable = False
    return text if is_usable and " " not in text else None
