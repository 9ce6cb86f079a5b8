"""Uploaded gradebook files: taken apart into pieces when they come, put together again a piece at a time."""

import csv
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import BinaryIO

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.csv_upload.oneroster import read_line_items
from lti_tool.evidence.csv_upload.table import MAX_BYTES, Pieces
from lti_tool.models import Blob, GradebookPart
from lti_tool.services import blobs

PIECE = 256 * 1024
MEDIA_TYPE = "text/csv"
_ZIP = b"PK\x03\x04"
_LINE_ITEMS_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as it came: its text in pieces, and titles and maxima that came beside it (OneRoster's zip)."""

    pieces: Pieces
    line_items: dict[str, tuple[str, Decimal | None]]


def receive(file: BinaryIO) -> ReceivedFile:
    """Look into a file that was sent; the results in a zip of OneRoster are the file.

    Raises ``GradebookRefusedError`` (``gradebook_spreadsheet`` for .xlsx, ``gradebook_unknown`` for another zip,
    ``gradebook_too_large``, ``gradebook_malformed`` for a damaged one).
    """
    file.seek(0)
    if file.read(len(_ZIP)) != _ZIP:
        return ReceivedFile(lambda: _from_start(file), {})
    try:
        archive = zipfile.ZipFile(file)
        names = {PurePosixPath(one.filename).name.casefold(): one for one in archive.infolist()}
        if "[content_types].xml" in names:
            raise GradebookRefusedError("The file is a spreadsheet, not CSV.", code="gradebook_spreadsheet")
        results = names.get("results.csv")
        if results is None:
            raise GradebookRefusedError("The zip holds no results.csv.")
        line_items = names.get("lineitems.csv")
        items = {} if line_items is None else read_line_items(_small_table(archive, line_items))
        pieces = list(_checked(archive, results))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise GradebookRefusedError("The zip cannot be read.", code="gradebook_malformed") from error
    return ReceivedFile(lambda: iter(pieces), items)


def _from_start(file: BinaryIO) -> Iterator[bytes]:
    place = 0
    while True:
        file.seek(place)  # another reader may have moved it
        if not (piece := file.read(PIECE)):
            return
        place += len(piece)
        yield piece


def _checked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of an entry; what it says of its own size is not believed."""
    size = 0
    with archive.open(entry) as content:
        while piece := content.read(PIECE):
            size += len(piece)
            if size > MAX_BYTES:
                raise GradebookRefusedError("The file is larger than 20 MB.", code="gradebook_too_large")
            yield piece


def _small_table(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> list[list[str]]:
    content = b""
    for piece in _checked(archive, entry):
        content += piece
        if len(content) > _LINE_ITEMS_BYTES:
            raise GradebookRefusedError("lineItems.csv is too large.", code="gradebook_too_large")
    try:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise GradebookRefusedError("lineItems.csv cannot be read.", code="gradebook_malformed") from error


# -- in the database --------------------------------------------------------------------------------------------------


def keep(session: Session, upload_id: int, pieces: Pieces, now: datetime) -> None:
    """Store the file of an upload."""
    for position, piece in enumerate(pieces()):
        sha256 = blobs.keep(session, piece, MEDIA_TYPE, now)
        session.add(GradebookPart(gradebook_upload_id=upload_id, position=position, sha256=sha256))
        session.flush()


def stored_pieces(read: Callable[[], AbstractContextManager[Session]], upload_id: int) -> Pieces:
    """Return the file of an upload, each piece read by a short transaction of its own."""

    def pieces() -> Iterator[bytes]:
        for position in itertools.count():
            with read() as session:
                content = session.scalar(
                    select(Blob.content)
                    .join(GradebookPart, GradebookPart.sha256 == Blob.sha256)
                    .where(GradebookPart.gradebook_upload_id == upload_id, GradebookPart.position == position)
                )
            if content is None:
                return
            yield content

    return pieces


def let_go(session: Session, upload_id: int) -> None:
    """Delete the file of an upload, except what something else refers to."""
    parts = list(
        session.scalars(select(GradebookPart.sha256).where(GradebookPart.gradebook_upload_id == upload_id).distinct())
    )
    session.execute(delete(GradebookPart).where(GradebookPart.gradebook_upload_id == upload_id))
    for sha256 in parts:
        try:
            with session.begin_nested():
                session.execute(delete(Blob).where(Blob.sha256 == sha256))
        except IntegrityError:  # something else refers to the same content, or begins to at this moment
            continue
