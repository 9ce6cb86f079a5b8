"""Observations and the facts they make, a page at a time: what holds for a person in a column, and what is new.

Of two words about the same work the newer one holds: by the source's own time where it tells one, else by when it was
read. Equally old ones: the one read later. What says nothing new adds nothing but its time. The statements are made
once, on tables: a page of unchanged results costs one of them.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lti_tool.evidence.base import ObservationReading
from lti_tool.models import Fact, Observation

Content = tuple[Any, ...]
Pair = tuple[int, int]
"""Column id and user id."""

_CONTENT = ("state", "score", "maximum", "letter", "submitted_at", "graded_at", "attempt")
_content_of: Callable[[ObservationReading], Content] = attrgetter(*_CONTENT)
_MOST_AT_ONCE = 500
"""Values in one ``IN``."""

_FACTS, _OBSERVATIONS = cast("Table", Fact.__table__), cast("Table", Observation.__table__)
_HELD = select(
    _FACTS.c.column_id, _FACTS.c.user_id, _FACTS.c.source_updated_at, *(_OBSERVATIONS.c[name] for name in _CONTENT)
)
_JOINED = _FACTS.join(_OBSERVATIONS, _OBSERVATIONS.c.id == _FACTS.c.observation_id)
_HELD_IN_COLUMN = _HELD.select_from(_JOINED).where(
    _FACTS.c.column_id == bindparam("column"), _FACTS.c.user_id.in_(bindparam("users", expanding=True))
)
_ADD = insert(_OBSERVATIONS).returning(_OBSERVATIONS.c.id, _OBSERVATIONS.c.column_id, _OBSERVATIONS.c.user_id)
_TOUCH = (
    update(_FACTS)
    .where(_FACTS.c.column_id == bindparam("column"), _FACTS.c.user_id == bindparam("user"))
    .values(source_updated_at=bindparam("moment"))
)


class Word(NamedTuple):
    """What a source said last about one person in one column, and when by its own clock."""

    content: Content
    moment: datetime | None


def store(session: Session, readings: Iterable[tuple[int, int, ObservationReading]], now: datetime) -> int:
    """Add an observation for each (column id, user id, reading) that says something new; returns how many were added.

    Of several about the same work the newest is kept. Words that are older than what holds are passed over.
    """
    said: dict[Pair, list[ObservationReading]] = {}
    for column_id, user_id, reading in readings:
        said.setdefault((column_id, user_id), []).append(reading)
    if not said:
        return 0
    held = _held(session, said)
    added: dict[Pair, Word] = {}
    touched: dict[Pair, datetime] = {}
    for pair, words in said.items():
        before = held.get(pair)
        after = _newest(before, words)
        if before is None or after.content != before.content:
            added[pair] = after
        elif after.moment is not None and after.moment != before.moment:
            touched[pair] = after.moment
    _add(session, added, now)
    if touched:
        rows = [{"column": column, "user": user, "moment": moment} for (column, user), moment in touched.items()]
        session.connection().execute(_TOUCH, rows)
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


def _held(session: Session, pairs: Collection[Pair]) -> dict[Pair, Word]:
    connection = session.connection()
    columns = {column for column, _ in pairs}
    if len(columns) > 1:
        rows = list(connection.execute(_held_of_pairs(connection.dialect.name, pairs)))
    else:
        (column,) = columns
        users = [user for _, user in pairs]
        rows = [
            row
            for start in range(0, len(users), _MOST_AT_ONCE)
            for row in connection.execute(
                _HELD_IN_COLUMN, {"column": column, "users": users[start : start + _MOST_AT_ONCE]}
            )
        ]
    return {(row[0], row[1]): Word(tuple(row[3:]), row[2]) for row in rows}


def _held_of_pairs(dialect: str, pairs: Collection[Pair]) -> Select[Any]:
    """What holds for pairs in several columns; a list of pairs as such would make SQLite read the whole table."""
    column: ColumnElement[Any]
    user: ColumnElement[Any]
    if dialect == "sqlite":
        wanted = func.json_each(json.dumps(list(pairs))).table_valued("value", name="wanted")
        column, user = (func.json_extract(wanted.c.value, f"$[{number}]") for number in (0, 1))
    else:
        numbers = ([one[number] for one in pairs] for number in (0, 1))
        lists = (type_coerce(list(one), ARRAY(Integer)) for one in numbers)
        named = func.unnest(*lists).table_valued("column_id", "user_id", name="wanted").render_derived()
        wanted, column, user = named, named.c.column_id, named.c.user_id
    wanted_facts = wanted.join(_FACTS, (_FACTS.c.column_id == column) & (_FACTS.c.user_id == user))
    return _HELD.select_from(wanted_facts.join(_OBSERVATIONS, _OBSERVATIONS.c.id == _FACTS.c.observation_id))


def _add(session: Session, words: Mapping[Pair, Word], now: datetime) -> None:
    """Write observations down, and that they hold."""
    if not words:
        return
    connection = session.connection()
    rows = [
        {
            "column_id": column_id,
            "user_id": user_id,
            **dict(zip(_CONTENT, word.content, strict=True)),
            "source_updated_at": word.moment,
            "fetched_at": now,
        }
        for (column_id, user_id), word in words.items()
    ]
    made = connection.execute(_ADD, rows)
    facts = [
        {
            "column_id": column_id,
            "user_id": user_id,
            "observation_id": observation_id,
            "source_updated_at": words[column_id, user_id].moment,
        }
        for observation_id, column_id, user_id in made
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    hold = dialect.insert(_FACTS)
    said = {name: hold.excluded[name] for name in ("observation_id", "source_updated_at")}
    connection.execute(hold.on_conflict_do_update(index_elements=["column_id", "user_id"], set_=said), facts)
