"""Awarding many by hand: a table of people is read, shown as it was understood, then applied exactly as it was shown.

What is kept between the two is who it names, never the table.

People are found in the course's roster only: by the platform's user id, or by the whole e-mail address. A name never
decides; where nothing else matches, it is shown as somebody who may be meant.
"""

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Achievement, Membership, RunKind, User
from lti_tool.services.hand_awards import Giving, HandRun, award_by_hand, find_targets, get_giveable

MAX_BYTES = 1_000_000
MAX_ROWS = 5_000
_HEADERS = {
    "id": {"platform user id", "user id", "userid", "lti user id", "sub", "id", "identifiant"},
    "email": {"email", "e mail", "mail", "email address", "e mail address", "courriel", "adresse courriel"},
    "name": {"name", "full name", "learner", "student", "nom", "nom complet", "etudiant", "apprenant"},
}


class RowOutcome(StrEnum):
    """What a line of the table comes to."""

    MATCH = "match"
    """Will be given the badge."""
    NEAR = "near"
    """Nobody has this id or address; somebody has the name. Nothing is given."""
    UNKNOWN = "unknown"
    HAS_IT = "has_it"
    BARRED = "barred"
    NOT_A_LEARNER = "not_a_learner"
    CONFLICT = "conflict"
    """Id and address are two people's."""
    REPEATED = "repeated"
    """An earlier line names the same person."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it was understood. ``line`` counts from 1 (the header); ``user_id`` is who is meant, or may be."""

    line: int
    text: str
    outcome: RowOutcome
    user_id: int | None = None
    name: str | None = None
    """The name in the roster."""


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """The whole table as it was understood. ``digest`` goes through the form: only what it vouches for is applied."""

    achievement_id: int
    rows: tuple[Row, ...]

    @property
    def digest(self) -> str:
        """A short text that is another one as soon as somebody else would be given the badge."""
        shown = [self.achievement_id, sorted(self.user_ids)]
        return hashlib.sha256(json.dumps(shown, separators=(",", ":")).encode()).hexdigest()

    @property
    def lines(self) -> dict[int, int]:
        """The line of everybody who will be given the badge, by user id: all that need be kept of the table."""
        return {row.user_id: row.line for row in self.rows if row.outcome is RowOutcome.MATCH and row.user_id}

    @property
    def user_ids(self) -> tuple[int, ...]:
        """Who will be given the badge."""
        return tuple(row.user_id for row in self.rows if row.outcome is RowOutcome.MATCH and row.user_id is not None)

    @property
    def counts(self) -> dict[RowOutcome, int]:
        """How many lines came to what."""
        counted = Counter(row.outcome for row in self.rows)
        return {outcome: counted[outcome] for outcome in RowOutcome}


def preview_bulk(session: Session, achievement_id: int, content: bytes | str, now: datetime) -> BulkPreview:
    """Read a table and say what it would do; nothing is done.

    Comma, semicolon or tab, UTF-8 (with or without a mark), UTF-16 or Windows-1252; the first line names the columns:
    *user id*, *e-mail* and *name*, in English or French. Raises ``InvalidInputError`` (``csv_empty``,
    ``csv_too_large``, ``csv_too_long``, ``csv_unreadable``, ``csv_no_identifier``), ``NotFoundError``,
    ``ConflictError`` (``achievement_not_live``).
    """
    achievement = get_giveable(session, achievement_id)
    roster = _Roster(session, achievement.context_id)
    return _preview(session, achievement, [roster.find(line, entry) for line, entry in _read(content)], now)


def preview_again(session: Session, achievement_id: int, lines: Mapping[int, int], now: datetime) -> BulkPreview:
    """Say what giving the badge to those that a preview showed (``BulkPreview.lines``) would do by now.

    Whoever is not in the course's roster any more is unknown. Raises ``NotFoundError``, ``ConflictError`` as above.
    """
    achievement = get_giveable(session, achievement_id)
    roster = _Roster(session, achievement.context_id)
    return _preview(session, achievement, [roster.again(line, user_id) for user_id, line in lines.items()], now)


def _preview(session: Session, achievement: Achievement, found: list[Row], now: datetime) -> BulkPreview:
    targets = find_targets(session, achievement, {row.user_id for row in found if row.user_id is not None}, now)
    rows, seen = [], set()
    for row in found:
        if row.outcome is not RowOutcome.MATCH or row.user_id is None:
            rows.append(row)
            continue
        outcome = RowOutcome.REPEATED if row.user_id in seen else _OUTCOMES[targets[row.user_id].outcome]
        seen.add(row.user_id)
        rows.append(Row(row.line, row.text, outcome, row.user_id, row.name))
    return BulkPreview(achievement.id, tuple(rows))


_OUTCOMES = {
    Giving.GIVEN: RowOutcome.MATCH,
    Giving.HAS_IT: RowOutcome.HAS_IT,
    Giving.BARRED: RowOutcome.BARRED,
    Giving.NOT_A_LEARNER: RowOutcome.NOT_A_LEARNER,
}


def apply_bulk(
    session: Session,
    achievement_id: int,
    lines: Mapping[int, int],
    digest: str,
    reason: str,
    evidence_note: str | None,
    actor: str,
    now: datetime,
) -> HandRun:
    """Give the badge to exactly those that the preview showed, and whose ``lines`` were kept.

    Raises ``ConflictError`` (``preview_outdated``) when that would do something else by now: show it again. Else as
    ``preview_again`` and ``award_by_hand`` do.
    """
    preview = preview_again(session, achievement_id, lines, now)
    if preview.digest != digest:
        raise ConflictError("Something changed since the preview.", code="preview_outdated")
    ids = preview.user_ids
    return award_by_hand(session, achievement_id, ids, reason, evidence_note, actor, now, kind=RunKind.BULK)


class _Roster:
    """The people of a course by what a table may call them."""

    def __init__(self, session: Session, context_id: int) -> None:
        people = session.execute(
            select(User.id, User.platform_user_id, User.email, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.context_id == context_id)
        )
        self._names: dict[int, str | None] = {}
        self._by_id: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._by_email: dict[str, set[int]] = {}
        self._by_name: dict[str, set[int]] = {}
        for user_id, platform_user_id, email, name in people:
            self._names[user_id] = name
            self._by_id[platform_user_id] = user_id
            self._ids[user_id] = platform_user_id
            if email:
                self._by_email.setdefault(email.strip().casefold(), set()).add(user_id)
            if name:
                self._by_name.setdefault(_plain(name), set()).add(user_id)

    def again(self, line: int, user_id: int) -> Row:
        """Return the line of somebody who was found before."""
        if user_id not in self._names:
            return Row(line, "", RowOutcome.UNKNOWN)
        return Row(line, self._ids[user_id], RowOutcome.MATCH, user_id, self._names[user_id])

    def find(self, line: int, entry: dict[str, str]) -> Row:
        """Return who a line means."""
        text = " · ".join(value for value in entry.values() if value)
        by_id = self._by_id.get(entry.get("id", ""))
        by_email = self._by_email.get(entry.get("email", "").casefold(), set())
        meant = ({by_id} if by_id is not None else set()) | by_email
        if len(meant) == 1:
            (user_id,) = meant
            return Row(line, text, RowOutcome.MATCH, user_id, self._names[user_id])
        if meant:
            return Row(line, text, RowOutcome.CONFLICT)
        namesakes = self._by_name.get(_plain(entry.get("name", "")), set())
        if len(namesakes) == 1:
            (user_id,) = namesakes
            return Row(line, text, RowOutcome.NEAR, user_id, self._names[user_id])
        return Row(line, text, RowOutcome.UNKNOWN)


def _read(content: bytes | str) -> list[tuple[int, dict[str, str]]]:
    """Return the lines with something in them, by what their columns are."""
    text = _text(content)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InvalidInputError("The table cannot be read.", code="csv_unreadable", field="file") from error
    if len(lines) > MAX_ROWS + 1:
        raise InvalidInputError(f"The table has more than {MAX_ROWS} lines.", code="csv_too_long", field="file")
    columns = [_column(title) for title in lines[0]]
    if not {"id", "email"} & set(columns):
        raise InvalidInputError("No column is called user id or e-mail.", code="csv_no_identifier", field="file")
    entries = []
    for number, cells in enumerate(lines[1:], start=2):
        entry = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name is not None}
        if any(entry.values()):
            entries.append((number, entry))
    if not entries:
        raise InvalidInputError("The table names nobody.", code="csv_empty", field="file")
    return entries


def _text(content: bytes | str) -> str:
    if len(content) > MAX_BYTES:
        raise InvalidInputError("The table is larger than 1 MB.", code="csv_too_large", field="file")
    text = content if isinstance(content, str) else _decoded(content)
    if "\0" in text:
        raise InvalidInputError("The file is not a table.", code="csv_unreadable", field="file")
    cleaned = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not cleaned.strip():
        raise InvalidInputError("The table is empty.", code="csv_empty", field="file")
    return cleaned


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:  # spreadsheets on Windows save so
        return content.decode("cp1252", errors="replace")


def _column(title: str) -> str | None:
    cleaned = _plain(title)
    return next((name for name, titles in _HEADERS.items() if cleaned in titles), None)


def _plain(text: str) -> str:
    """Return a text as titles and names are compared: no case, no accents, words only."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    without = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", without).strip()
