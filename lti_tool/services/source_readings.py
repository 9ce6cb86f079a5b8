"""How far a source is read in a course: what a reading began with, where it is, how it ended.

A reading asks for changes only where the source can tell them, and for everything once a day, when a person asked,
after a failure, and when somebody became known whose results could not be placed before. A reading that was broken off
goes on where its run stored the last page; another run begins anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from lti_tool.models import SourceReading
from lti_tool.services import identities
from lti_tool.services.upsert import insert_once

WHOLE_EVERY = timedelta(days=1)
RESUME_WITHIN = timedelta(hours=1)
"""A reading that began longer ago begins anew: the first of its pages would be that old."""
OVERLAP = timedelta(minutes=10)
"""Asked for again before the newest change seen: a platform may show a change later than it dates it."""

_READINGS = cast("Table", SourceReading.__table__)
_KEEP = update(_READINGS).where(_READINGS.c.id == bindparam("row")).values(place=bindparam("new_place"))


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Where to go on in a stream: the last stored page's own ``place``, and what the stream began with."""

    stream: str
    at: str
    begun_at: datetime
    since: datetime | None


@dataclass(slots=True)
class ReadingUnderWay:
    """One reading of one source, as its row says; it is written back with each page.

    ``is_resumed``: an earlier attempt of the same run stored pages of it. ``newest``: the latest change seen so far.
    ``unmatched``: results of people nobody explained, since the last reading of everything.
    """

    row_id: int
    run_id: int
    begun_at: datetime
    is_wanted: bool
    is_whole: bool
    is_resumed: bool = False
    high_water: datetime | None = None
    newest: datetime | None = None
    unmatched: int = 0
    place: StreamPlace | None = None

    @property
    def since(self) -> datetime | None:
        """Since when to ask for changes, ``None`` for everything."""
        return None if self.is_whole or self.high_water is None else self.high_water - OVERLAP

    def note(self, newest: datetime | None) -> None:
        """Take note of the latest change on a page."""
        if newest is not None and (self.newest is None or newest > self.newest):
            self.newest = newest


def begin(
    session: Session, context_id: int, source: str, run_id: int, now: datetime, *, is_wanted: bool
) -> ReadingUnderWay:
    """Begin a reading, or go on with the one that an earlier attempt of this run began.

    ``is_wanted``: a person asked, so that everything is read.
    """
    row = _row(session, context_id, source)
    kept = row.place or {}
    if _can_resume(row, kept, run_id, now, is_wanted=is_wanted):
        return _resumed(row, kept)
    unmatched = int(kept.get("unmatched", 0))
    is_whole = (
        is_wanted
        or row.failed_code is not None
        or row.high_water is None
        or row.whole_at is None
        or not now - WHOLE_EVERY < row.whole_at <= now
        or (unmatched > 0 and _is_anybody_new(session, row))
    )
    reading = ReadingUnderWay(row.id, run_id, now, is_wanted, is_whole, high_water=row.high_water)
    reading.unmatched = 0 if is_whole else unmatched
    row.begun_at, row.place = now, _document(reading)
    return reading


def keep_place(session: Session, reading: ReadingUnderWay) -> None:
    """Write down how far the reading came, in the transaction that stores its page."""
    session.connection().execute(_KEEP, {"row": reading.row_id, "new_place": _document(reading)})


def look_again(session: Session, reading: ReadingUnderWay) -> None:
    """Read everything after all if somebody became known, just now, whose results could not be placed before."""
    if not reading.is_whole and reading.unmatched > 0:
        reading.is_whole = _is_anybody_new(session, session.get_one(SourceReading, reading.row_id))


def finish(session: Session, reading: ReadingUnderWay, *, is_complete: bool) -> None:
    """Say that every stream ended; ``is_complete``: and that everybody on its pages was seen by one reader."""
    row = session.get_one(SourceReading, reading.row_id)
    row.read_at = reading.begun_at
    if reading.is_whole and is_complete:
        row.whole_at = reading.begun_at
    moments = [one for one in (row.high_water, reading.newest) if one is not None]
    row.high_water = max(moments, default=None)
    row.begun_at, row.place = None, {"unmatched": reading.unmatched} if reading.unmatched else None
    row.failed_code = row.failed_at = None


def fail(
    session: Session, context_id: int, source: str, error_code: str, now: datetime, *, is_resumable: bool = False
) -> None:
    """Record why the source could not be read to its end; ``is_resumable``: what was read of it stands."""
    row = _row(session, context_id, source)
    row.failed_code, row.failed_at = error_code, now
    if not is_resumable:
        unmatched = (row.place or {}).get("unmatched")
        row.begun_at, row.place = None, {"unmatched": unmatched} if unmatched else None


def _row(session: Session, context_id: int, source: str) -> SourceReading:
    found = select(SourceReading).where(SourceReading.context_id == context_id, SourceReading.source == source)
    row = session.scalar(found)
    if row is None:
        insert_once(session, SourceReading, ["context_id", "source"], context_id=context_id, source=source)
        row = session.scalars(found).one()
    return row


def _can_resume(row: SourceReading, kept: dict[str, Any], run_id: int, now: datetime, *, is_wanted: bool) -> bool:
    if row.begun_at is None or kept.get("run") != run_id or not now - RESUME_WITHIN <= row.begun_at <= now:
        return False
    return bool(kept.get("wanted")) or not is_wanted


def _resumed(row: SourceReading, kept: dict[str, Any]) -> ReadingUnderWay:
    assert row.begun_at is not None  # noqa: S101 - looked at by _can_resume
    reading = ReadingUnderWay(
        row.id,
        kept["run"],
        row.begun_at,
        bool(kept["wanted"]),
        bool(kept["whole"]),
        is_resumed=True,
        high_water=row.high_water,
        newest=_moment(kept.get("newest")),
        unmatched=int(kept.get("unmatched", 0)),
    )
    begun_at = _moment(kept.get("stream_begun"))
    if kept.get("stream") is not None and begun_at is not None:
        reading.place = StreamPlace(kept["stream"], kept["at"], begun_at, _moment(kept.get("since")))
    return reading


def _document(reading: ReadingUnderWay) -> dict[str, Any]:
    document: dict[str, Any] = {
        "run": reading.run_id,
        "wanted": reading.is_wanted,
        "whole": reading.is_whole,
        "newest": _text(reading.newest),
        "unmatched": reading.unmatched,
    }
    if reading.place is not None:
        place = reading.place
        document |= {
            "stream": place.stream,
            "at": place.at,
            "stream_begun": _text(place.begun_at),
            "since": _text(place.since),
        }
    return document


def _is_anybody_new(session: Session, row: SourceReading) -> bool:
    return row.read_at is None or identities.is_anybody_new(session, row.context_id, row.source, row.read_at)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
