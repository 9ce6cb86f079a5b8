"""Insert-unless-there, the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lti_tool.models import Base

BESIDE_REFERENCES = {"key_share": True}
"""For ``with_for_update``: keeps others from changing or locking a row, not from writing rows that refer to it. A plain
lock waits for those, too, and two that first refer to a row and then lock it wait for each other."""


def insert_once(session: Session, table: type[Base], unique: list[str], **values: Any) -> int | None:
    """Insert a row unless one with the same ``unique`` columns is there.

    Returns the new row's key, or ``None`` when it was there already, whoever else inserts at the same time.
    """
    return insert_once_among(session, table, unique, None, **values)


def insert_once_among(
    session: Session, table: type[Base], unique: list[str], among: str | None, /, **values: Any
) -> int | None:
    """The same where only some rows have to be unique: ``among`` is the index's condition, in SQL, as in the model."""
    (key,) = inspect(table).primary_key
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(table)
        .values(**values)
        .on_conflict_do_nothing(index_elements=unique, index_where=None if among is None else text(among))
        .returning(key)
    )
    new_key: int | None = session.execute(statement).scalar()
    return new_key
