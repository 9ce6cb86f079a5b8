"""Making two rows one: whatever refers to the one that goes refers to the one that stays, in every table there is.

It follows the schema's foreign keys, so that a table made later is not forgotten. Where a reference cannot move because
the row that stays has its like already (a unique rule), those two rows are made one first, and so on down. Partial
unique indexes cannot be followed: who calls this settles those rows before (``PARTIAL`` names them).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Column, Index, Table, UniqueConstraint, bindparam, delete, select, update
from sqlalchemy.orm import Session

from lti_tool.models import Base

BATCH = 500
"""Ids in one statement; SQLite allows a limited number of values."""
PARTIAL = frozenset({"ix_award_run_one_held", "ix_review_one_open", "ix_sync_run_one_open"})
"""Partial unique indexes on columns that refer to users, courses or badges."""

Choose = Callable[[Session, Any, Any], Any]
"""Given the ids of two rows that collide, the second on its way to the place of the first: returns which one stays, or
``None`` when it made room for both."""


class Merger:
    """Makes rows of one table one, pair by pair; ``choose`` says which of two colliding rows stays (default: the one
    that was there)."""

    def __init__(self, session: Session, choose: Mapping[str, Choose]) -> None:
        self._session = session
        self._choose = choose

    def merge(self, table: Table, pairs: Mapping[Any, Any]) -> None:
        """Move every reference from the keys of ``pairs`` to their values, then delete the rows of the keys.

        No id may be both.
        """
        if not pairs:
            return
        self.move_references(table, pairs)
        key = _key_of(table)
        for ids in _batches(pairs):
            self._session.execute(delete(table).where(key.in_(ids)))

    def move_references(self, table: Table, pairs: Mapping[Any, Any], *, except_tables: Iterable[str] = ()) -> None:
        """Move every reference from the keys of ``pairs`` to their values."""
        for referring, column in references_to(table):
            if referring.name in set(except_tables):
                continue
            for unique in _unique_keys(referring, column):
                self.merge(referring, self._collisions(referring, column, unique, pairs))
            self._point(referring, column, pairs)

    def _point(self, table: Table, column: Column[Any], pairs: Mapping[Any, Any]) -> None:
        statement = update(table).where(column == bindparam("gone")).values({column.name: bindparam("kept")})
        moves = [{"gone": gone, "kept": kept} for gone, kept in pairs.items()]
        self._session.connection().execute(statement, moves)

    def _collisions(
        self, table: Table, column: Column[Any], unique: tuple[Column[Any], ...], pairs: Mapping[Any, Any]
    ) -> dict[Any, Any]:
        """Return which rows of ``table`` have to be made one before ``column`` can move."""
        there = {values: row_id for row_id, values in self._rows(table, column, unique, pairs.values())}
        position = unique.index(column)
        found: dict[Any, Any] = {}
        for row_id, values in self._rows(table, column, unique, pairs):
            moved = (*values[:position], pairs[values[position]], *values[position + 1 :])
            other = there.get(moved)
            if other is None or other == row_id or None in moved:
                continue
            choose = self._choose.get(table.name)
            stays = other if choose is None else choose(self._session, other, row_id)
            if stays is not None:
                found[row_id if stays == other else other] = stays
        return found

    def _rows(
        self, table: Table, column: Column[Any], unique: tuple[Column[Any], ...], ids: Iterable[Any]
    ) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        for batch in _batches(ids):
            for row in self._session.execute(select(_key_of(table), *unique).where(column.in_(batch))):
                yield row[0], tuple(row[1:])


def references_to(table: Table) -> list[tuple[Table, Column[Any]]]:
    """Return every table and column that refers to ``table``."""
    return [
        (referring, key.parent)
        for referring in Base.metadata.sorted_tables
        for key in sorted(referring.foreign_keys, key=lambda one: one.parent.name)
        if key.column.table is table
    ]


def _key_of(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    return key


def _unique_keys(table: Table, column: Column[Any]) -> list[tuple[Column[Any], ...]]:
    """Return the unique rules, without partial ones, that ``column`` is part of."""
    found: list[tuple[Column[Any], ...]] = [tuple(table.primary_key.columns)]
    found += [tuple(one.columns) for one in table.constraints if isinstance(one, UniqueConstraint)]
    found += [tuple(one.columns) for one in table.indexes if one.unique and not is_partial(one)]
    return [one for one in found if column in one]


def is_partial(index: Index) -> bool:
    """Whether an index holds only some of the rows."""
    return index.dialect_options["sqlite"]["where"] is not None


def _batches(ids: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = iter(ids)
    while batch := list(islice(waiting, BATCH)):
        yield batch
