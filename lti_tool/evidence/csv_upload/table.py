"""The file as a table: encoding, lines and cells, a piece in memory at a time.

Encodings: UTF-8 with or without a mark, UTF-16 (Blackboard's tab-separated download), else Windows-1252, which
spreadsheets on Windows write. A cell is only text: one that begins like a formula is neither run nor understood.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lti_tool.errors import GradebookRefusedError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Pieces = Callable[[], Iterator[bytes]]
"""Gives the file from its beginning, in pieces of any length."""

MAX_BYTES = 20 * 1024 * 1024
MAX_RECORDS = 100_000
MAX_CELLS = 500
MAX_LINE = 256 * 1024
DELIMITERS = (",", ";", "\t")
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""Beginnings of .xlsx and .xls; a OneRoster .zip is unpacked before it comes here."""


class _Stream(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        view = memoryview(buffer).cast("B")
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def find_encoding(pieces: Pieces) -> str:
    """Return the encoding in which all of the file can be read.

    Raises ``GradebookRefusedError``: ``gradebook_empty``, ``gradebook_spreadsheet``, ``gradebook_binary``,
    ``gradebook_encoding``, ``gradebook_too_large``.
    """
    head = b""
    for piece in pieces():
        head += piece
        if len(head) >= 64:
            break
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\r\n\t ,;"):
        raise GradebookRefusedError("The file is empty.", code="gradebook_empty")
    if head.startswith(_SPREADSHEETS):
        raise GradebookRefusedError("The file is a spreadsheet, not CSV.", code="gradebook_spreadsheet")
    for encoding in _candidates(head):
        if _is_readable(pieces, encoding):
            return encoding
    raise GradebookRefusedError("The file's encoding is not known.", code="gradebook_encoding")


def _candidates(head: bytes) -> tuple[str, ...]:
    if head.startswith(codecs.BOM_UTF8):
        return ("utf-8-sig",)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if b"\0" in head:
        raise GradebookRefusedError("The file is not text.", code="gradebook_binary")
    return ("utf-8", "cp1252")


def _is_readable(pieces: Pieces, encoding: str) -> bool:
    decoder, size = codecs.getincrementaldecoder(encoding)(), 0
    try:
        for piece in pieces():
            size += len(piece)
            if size > MAX_BYTES:
                raise GradebookRefusedError("The file is larger than 20 MB.", code="gradebook_too_large")
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def iter_records(pieces: Pieces, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every line that is not blank; ``line`` counts from 1, a record's last line if it has many.

    Raises ``GradebookRefusedError`` with the line: ``gradebook_malformed``, ``gradebook_binary`` (a NUL),
    ``gradebook_too_long`` (rows), ``gradebook_too_wide`` (cells in a row).
    """
    with io.TextIOWrapper(io.BufferedReader(_Stream(pieces())), encoding=encoding, newline="") as text:
        reader = csv.reader(_iter_lines(text), delimiter=delimiter, strict=True)
        found = 0
        try:
            for cells in reader:
                if not any(cells):
                    continue
                found += 1
                if found > MAX_RECORDS + 1:
                    raise GradebookRefusedError("The file has too many rows.", code="gradebook_too_long")
                if len(cells) > MAX_CELLS:
                    raise GradebookRefusedError(
                        "A row has too many cells.", code="gradebook_too_wide", line=reader.line_num
                    )
                yield reader.line_num, cells
        except csv.Error as error:
            raise GradebookRefusedError(
                "The file is not CSV that can be read.", code="gradebook_malformed", line=reader.line_num
            ) from error


def _iter_lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise GradebookRefusedError("A line is too long.", code="gradebook_malformed", line=number)
        if "\0" in line:
            raise GradebookRefusedError("The file is not text.", code="gradebook_binary", line=number)
        yield line
