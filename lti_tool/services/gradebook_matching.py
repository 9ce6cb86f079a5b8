"""Who the rows of a gradebook file are: people of the course, by what a platform told of them, never by name alone.

A wrong match gives a wrong badge. So a row is somebody only if every identifier in it that is known here is known as
that one person; otherwise it is nobody, and a person may say who is meant.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import SQLColumnExpression, func, select
from sqlalchemy.orm import Session

from lti_tool.evidence.csv_upload import KeyKind, Row
from lti_tool.models import Membership, PlatformIdentity, User
from lti_tool.services.identities import STUDENT_SYSTEM

PAGE = 500
"""Rows looked at together."""
IDENTITY_SOURCES: Mapping[KeyKind, str] = {KeyKind.CANVAS: "canvas", KeyKind.SIS: STUDENT_SYSTEM}
"""Identifiers that mean somebody only if the platform itself told whose they are."""


class Outcome(StrEnum):
    """What a row comes to."""

    MATCH = "match"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    """Its identifiers are known as different people's, or as several people's."""
    TEST = "test"
    NOT_A_LEARNER = "not_a_learner"
    NAMELESS = "nameless"
    """It holds no identifier and no name."""


@dataclass(frozen=True, slots=True)
class Match:
    """A row and who it is."""

    row: Row
    outcome: Outcome
    user_id: int | None = None


def iter_pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield rows in pages."""
    while page := list(islice(rows, PAGE)):
        yield page


def match_rows(session: Session, context_id: int, rows: Sequence[Row]) -> list[Match]:
    """Say who a page of rows is, in three questions to the database."""
    people = _People(session, context_id, rows)
    return [people.match(row) for row in rows]


class _People:
    """Members of a course, by the identifiers that a page of rows holds."""

    def __init__(self, session: Session, context_id: int, rows: Sequence[Row]) -> None:
        self._session, self._context_id = session, context_id
        self._found: dict[tuple[KeyKind, str], set[int]] = {}
        self._learners: dict[int, Outcome] = {}
        wanted: dict[KeyKind, set[str]] = {}
        for row in rows:
            for kind, value in row.keys:
                wanted.setdefault(kind, set()).add(_comparable(kind, value))
        for kind, source in IDENTITY_SOURCES.items():
            self._ask_identities(kind, source, wanted.get(kind, set()))
        self._ask(KeyKind.PLATFORM, User.platform_user_id, wanted.get(KeyKind.PLATFORM, set()) - {""})
        self._ask(KeyKind.EMAIL, func.lower(User.email), wanted.get(KeyKind.EMAIL, set()) - {""})

    def _ask_identities(self, kind: KeyKind, source: str, values: set[str]) -> None:
        if not values:
            return
        rows = self._session.execute(
            select(PlatformIdentity.external_id, Membership.user_id, Membership.is_learner, Membership.is_test_user)
            .join(Membership, Membership.user_id == PlatformIdentity.user_id)
            .where(Membership.context_id == self._context_id)
            .where(PlatformIdentity.source == source, PlatformIdentity.external_id.in_(values))
        )
        self._note(kind, rows)

    def _ask(self, kind: KeyKind, column: SQLColumnExpression[Any], values: set[str]) -> None:
        if not values:
            return
        rows = self._session.execute(
            select(column, Membership.user_id, Membership.is_learner, Membership.is_test_user)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.context_id == self._context_id, column.in_(values))
        )
        self._note(kind, rows)

    def _note(self, kind: KeyKind, rows: Iterable[Any]) -> None:
        for value, user_id, is_learner, is_test_user in rows:
            self._found.setdefault((kind, _comparable(kind, value)), set()).add(user_id)
            self._learners[user_id] = (
                Outcome.TEST if is_test_user else Outcome.MATCH if is_learner else Outcome.NOT_A_LEARNER
            )

    def match(self, row: Row) -> Match:
        """Say who one row is."""
        if row.is_test:
            return Match(row, Outcome.TEST)
        meant: set[int] = set()
        for kind, value in row.keys:
            meant |= self._found.get((kind, _comparable(kind, value)), set())
        if len(meant) > 1:
            return Match(row, Outcome.CONFLICT)
        if meant:
            (user_id,) = meant
            outcome = self._learners[user_id]
            return Match(row, outcome, user_id if outcome is Outcome.MATCH else None)
        return Match(row, Outcome.UNKNOWN if row.keys or row.name else Outcome.NAMELESS)


def _comparable(kind: KeyKind, value: str) -> str:
    """How an identifier is compared: e-mail addresses without case; empty: means nobody."""
    if kind is KeyKind.EMAIL:
        return value.strip().lower() if "@" in value else ""
    if kind is KeyKind.PLATFORM and value.isdigit():  # each system counts from 1
        return ""
    return value


# -- names ------------------------------------------------------------------------------------------------------------


def plain_name(name: str) -> str:
    """Return a name as names are compared: no case, no accents, given and family name in either order."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    words = "".join(" " if one in ",.-'\u2019" else one for one in letters if not unicodedata.combining(one)).split()
    return " ".join(sorted(words))


def find_namesakes(session: Session, context_id: int, names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Return the one learner of the course who has a name, by ``plain_name``; nobody where several have it."""
    wanted = {plain_name(name) for name in names} - {""}
    if not wanted:
        return {}
    found: dict[str, tuple[int, str] | None] = {}
    members = session.execute(
        select(User.id, User.name)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.context_id == context_id, Membership.is_learner, ~Membership.is_test_user)
        .where(User.name.is_not(None))
        .execution_options(yield_per=500)
    )
    for user_id, name in members:
        key = plain_name(name or "")
        if key in wanted:
            found[key] = None if key in found else (user_id, name or "")
    return {key: one for key, one in found.items() if one is not None}
