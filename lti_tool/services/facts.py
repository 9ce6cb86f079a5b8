"""Observations and the facts they make, a page at a time: what holds for a person in a column, and what is new.

Of two words about the same work the newer one holds: by the source's own time where it tells one, else by when it was
read. Equally old ones: the one read later. What says nothing new adds nothing but its time. The statements are made
once, on tables: a page of unchanged results costs one of them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Column, Connection, Integer, Table, bindparam, text, update
from sqlalchemy.orm import Session

from lti_tool.evidence.base import ObservationReading
from lti_tool.models import Fact, Observation

Content = tuple[Any, ...]
Entry = tuple[Any, ...]
"""Column id, user id, content, the source's own time."""
Pair = tuple[int, int]
"""Column id and user id."""

_CONTENT = ("state", "score", "maximum", "letter", "submitted_at", "graded_at", "attempt")
_content_of: Callable[[ObservationReading], Content] = attrgetter(*_CONTENT)
_FACTS, _OBSERVATIONS = cast("Table", Fact.__table__), cast("Table", Observation.__table__)
_SAID = dict(
    zip(_CONTENT, ("text", "numeric", "numeric", "text", "timestamptz", "timestamptz", "integer"), strict=True)
)
"""What an entry of a page says, in its order: column and user before, the source's own time after."""


class Word(NamedTuple):
    """What a source said last about one person in one column, and when by its own clock."""

    content: Content
    moment: datetime | None


class _Statements:
    """What a page takes on one kind of database: the page is one JSON document, taken apart by the database itself.

    They are put together from names of this module. ``differing``: (number on the page, what holds) of the entries that
    say anything else than what holds, be it in form only. ``adding``: observations. ``holding``: that they hold.
    """

    def __init__(self, dialect: str) -> None:
        is_sqlite = dialect == "sqlite"
        self._entry = "json_extract(page.value, '$[{}]')" if is_sqlite else "(page.value ->> {})::{}"
        source = "json_each(:page)" if is_sqlite else "jsonb_array_elements(CAST(:page AS jsonb)) WITH ORDINALITY"
        source += " AS page" if is_sqlite else " AS page(value, number)"
        different = "{} IS NOT {}" if is_sqlite else "{} IS DISTINCT FROM {}"
        column, user, moment = self._at(0, "integer"), self._at(1, "integer"), self._at(9, "timestamptz")
        said = {name: self._at(place, kind) for place, (name, kind) in enumerate(_SAID.items(), 2)}
        differs = [different.format(f"observation.{name}", one) for name, one in said.items()]
        differs.append(f"({moment} IS NOT NULL AND {different.format('fact.source_updated_at', moment)})")
        held = (_FACTS.c.source_updated_at, *(_OBSERVATIONS.c[name] for name in _CONTENT))
        names = ", ".join(_CONTENT)
        self.differing = text(
            f"SELECT {'page.key' if is_sqlite else 'page.number - 1'} AS number, fact.observation_id, "  # noqa: S608
            f"{', '.join(str(one) for one in held)} FROM {source} "
            f"LEFT JOIN fact ON fact.column_id = {column} AND fact.user_id = {user} "
            f"LEFT JOIN observation ON observation.id = fact.observation_id WHERE {' OR '.join(differs)}"
        ).columns(_NUMBER, _FACTS.c.observation_id, *held)
        self.adding = text(
            f"INSERT INTO observation (column_id, user_id, {names}, source_updated_at, fetched_at) "  # noqa: S608
            f"SELECT {column}, {user}, {', '.join(said.values())}, {moment}, :now FROM {source} WHERE true "
            "RETURNING id, column_id, user_id"
        ).bindparams(bindparam("now", type_=_OBSERVATIONS.c.fetched_at.type))
        self.holding = text(
            "INSERT INTO fact (column_id, user_id, observation_id, source_updated_at) "  # noqa: S608
            f"SELECT {column}, {user}, {self._at(2, 'integer')}, {self._at(3, 'timestamptz')} FROM {source} WHERE true "
            "ON CONFLICT (column_id, user_id) DO UPDATE SET observation_id = excluded.observation_id, "
            "source_updated_at = excluded.source_updated_at"
        )

    def _at(self, place: int, kind: str) -> str:
        return self._entry.format(place, kind)


_NUMBER: Column[int] = Column("number", Integer)
_STATEMENTS = {dialect: _Statements(dialect) for dialect in ("sqlite", "postgresql")}
_TOUCH = (
    update(_FACTS)
    .where(_FACTS.c.column_id == bindparam("column"), _FACTS.c.user_id == bindparam("user"))
    .values(source_updated_at=bindparam("moment"))
)


def store(session: Session, readings: Iterable[tuple[int, int, ObservationReading]], now: datetime) -> int:
    """Add an observation for each (column id, user id, reading) that says something new; returns how many were added.

    Of several about the same work the newest is kept. Words that are older than what holds are passed over.
    """
    said: dict[Pair, list[ObservationReading]] = {}
    for column_id, user_id, reading in readings:
        said.setdefault((column_id, user_id), []).append(reading)
    if not said:
        return 0
    connection = session.connection()
    page = _Page(connection.dialect.name, said)
    added: list[Entry] = []
    touched: list[dict[str, Any]] = []
    for pair, before in page.differing(connection).items():
        after = _newest(before, said[pair])
        if before is None or after.content != before.content:
            added.append(page.entry(pair, after))
        elif after.moment is not None and after.moment != before.moment:
            touched.append({"column": pair[0], "user": pair[1], "moment": after.moment})
    if added:
        page.add(connection, added, now)
    if touched:
        connection.execute(_TOUCH, touched)
    return len(added)


def _newest(held: Word | None, readings: Iterable[ObservationReading]) -> Word:
    """What holds after these words, heard in this order."""
    for reading in readings:
        content, moment = _content_of(reading), reading.source_updated_at
        if held is None:
            held = Word(content, moment)
        elif moment is None:
            # The same again, without saying when: what was known of its time still is.
            held = Word(content, held.moment if content == held.content else None)
        elif held.moment is None or moment >= held.moment:
            held = Word(content, moment)
    if held is None:
        raise ValueError("there is always a word")
    return held


class _Page:
    """A page as one kind of database keeps it: SQLite has text for decimals and moments (``models.base``)."""

    def __init__(self, dialect: str, said: Mapping[Pair, list[ObservationReading]]) -> None:
        self._statements = _STATEMENTS[dialect]
        self._separator, self._longest = (" ", 26) if dialect == "sqlite" else ("T", 32)
        self._entries: list[Entry] = []
        self._places: dict[Pair, int] = {}
        """Of pairs about which one thing is said."""
        self._pairs: list[Pair] = []
        for pair, words in said.items():
            if len(words) == 1:
                self._places[pair] = len(self._pairs)
            for one in words:
                self._entries.append(self._entry(pair, _content_of(one), one.source_updated_at))
                self._pairs.append(pair)

    def differing(self, connection: Connection) -> dict[Pair, Word | None]:
        """Return what holds, ``None`` for nothing, of the pairs about which anything else is said."""
        rows = connection.execute(self._statements.differing, {"page": json.dumps(self._entries)})
        pairs = self._pairs
        return {pairs[row[0]]: None if row[1] is None else Word(tuple(row[3:]), row[2]) for row in rows}

    def entry(self, pair: Pair, word: Word) -> Entry:
        """Return a word that holds from now on; the only one said about a pair is on the page."""
        place = self._places.get(pair)
        return self._entry(pair, *word) if place is None else self._entries[place]

    def add(self, connection: Connection, added: list[Entry], now: datetime) -> None:
        """Write observations down, and that they hold."""
        made = connection.execute(self._statements.adding, {"page": json.dumps(added), "now": now})
        moments = {(one[0], one[1]): one[-1] for one in added}
        facts = [(column, user, number, moments[column, user]) for number, column, user in made]
        connection.execute(self._statements.holding, {"page": json.dumps(facts)})

    def _entry(self, pair: Pair, content: Content, moment: datetime | None) -> Entry:
        state, score, maximum, letter, submitted_at, graded_at, attempt = content
        return (
            *pair,
            state,
            _number(score),
            _number(maximum),
            letter,
            self._moment(submitted_at),
            self._moment(graded_at),
            attempt,
            self._moment(moment),
        )

    def _moment(self, value: datetime | None) -> str | None:
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise TypeError("a moment needs a time zone")
            value = value.astimezone(UTC)
        return value.isoformat(self._separator, "microseconds")[: self._longest]


def _number(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
