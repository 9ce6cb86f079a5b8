"""What importing a gradebook file would do, told before anything of it is stored as evidence.

The whole file is looked at, a page of rows in memory at a time; only what a person has to read is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.csv_upload import CSV_UPLOAD, Gradebook, Row
from lti_tool.models import EvidenceColumn
from lti_tool.services.gradebook_changes import Change, compare, load_held, reading_of
from lti_tool.services.gradebook_matching import Match, Outcome, find_namesakes, iter_pages, match_rows, plain_name
from lti_tool.services.seen_users import SeenUsers

MOST_SHOWN = 200
"""Rows of a kind that are told one by one; the rest is counted."""
MOST_NAMES = 500
"""Unknown rows that are looked for by name."""
MOST_REPEATED = 1_000
Read = Callable[[], AbstractContextManager[Session]]


@dataclass(slots=True)
class _Findings:
    """What is gathered while the file is looked through."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    lines: dict[Outcome, list[dict[str, Any]]] = field(default_factory=dict)
    unknown: list[Row] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    refusals: int = 0
    changes: dict[str, Counter[Change]] = field(default_factory=dict)


def preview(read: Read, context_id: int, gradebook: Gradebook, exported_at: datetime) -> dict[str, Any]:
    """Return what importing would do, as a JSON document.

    ``columns``: by key the counts of ``Change``, and the column that exists already; ``outcomes``: counts of rows;
    ``near``: rows that match by name alone, each with what it would change; ``unknown``, ``conflict``,
    ``not_a_learner``: rows; ``repeated``: ids of people named by several rows, of which none is taken; ``refused``:
    cells that cannot be understood. Raises ``GradebookRefusedError`` (``gradebook_repeated_people``).
    """
    seen, repeated = _look_for_repeats(read, context_id, gradebook)
    columns = existing_columns(read, context_id, gradebook)
    findings = _Findings(changes={one.key: Counter() for one in gradebook.shape.columns})
    for rows in iter_pages(gradebook.iter_rows()):
        with read() as session:
            matches = match_rows(session, context_id, rows)
            _note_rows(findings, matches, repeated)
            taken = [(one.row, one.user_id) for one in matches if one.user_id and one.user_id not in repeated]
            for key, change in _changes(session, columns, taken, exported_at):
                findings.changes[key][change] += 1
    near = _near(read, context_id, findings.unknown, seen, columns, exported_at)
    findings.outcomes[Outcome.UNKNOWN] -= len(near)
    told = {one["line"] for one in near}
    unknown = [{"line": row.line, "name": row.name} for row in findings.unknown if row.line not in told]
    return {
        "outcomes": {one.value: findings.outcomes[one] for one in Outcome} | {"near": len(near)},
        "columns": {
            key: {"id": columns.get(key), "changes": {one.value: counts[one] for one in Change if counts[one]}}
            for key, counts in findings.changes.items()
        },
        "near": near,
        "unknown": unknown[:MOST_SHOWN],
        "conflict": findings.lines.get(Outcome.CONFLICT, []),
        "not_a_learner": findings.lines.get(Outcome.NOT_A_LEARNER, []),
        "repeated": sorted(repeated),
        "refused": findings.refused,
        "refusals": findings.refusals,
    }


def existing_columns(read: Read, context_id: int, gradebook: Gradebook) -> dict[str, int]:
    """Return the columns of earlier uploads that a file has too: ids by key."""
    keys = [one.key for one in gradebook.shape.columns]
    with read() as session:
        rows = session.execute(
            select(EvidenceColumn.external_key, EvidenceColumn.id).where(
                EvidenceColumn.context_id == context_id,
                EvidenceColumn.source == CSV_UPLOAD,
                EvidenceColumn.external_key.in_(keys),
            )
        )
        return {key: column_id for key, column_id in rows}


def _look_for_repeats(read: Read, context_id: int, gradebook: Gradebook) -> tuple[SeenUsers, set[int]]:
    """Return who is in the file, and who is in it more than once: nobody can say which row is theirs."""
    seen, repeated = SeenUsers(), set[int]()
    for rows in iter_pages(gradebook.iter_rows()):
        with read() as session:
            matches = match_rows(session, context_id, rows)
        for one in matches:
            if one.user_id is None:
                continue
            if one.user_id in seen and not gradebook.is_long:
                repeated.add(one.user_id)
            seen.add(one.user_id)
        if len(repeated) > MOST_REPEATED:
            raise GradebookRefusedError("Too many people have several rows.", code="gradebook_repeated_people")
    return seen, repeated


def _note_rows(findings: _Findings, matches: list[Match], repeated: set[int]) -> None:
    for one in matches:
        row = one.row
        outcome = Outcome.CONFLICT if one.user_id in repeated else one.outcome
        findings.outcomes[outcome] += 1
        if outcome is Outcome.UNKNOWN and len(findings.unknown) < MOST_NAMES:
            findings.unknown.append(row)
        lines = findings.lines.setdefault(outcome, [])
        if outcome in {Outcome.CONFLICT, Outcome.NOT_A_LEARNER} and len(lines) < MOST_SHOWN:
            why = "repeated" if one.user_id in repeated else outcome.value
            lines.append({"line": row.line, "name": row.name, "why": why})
        if outcome is not Outcome.TEST:
            findings.refusals += len(row.refused)
            for key, code in row.refused[: MOST_SHOWN - len(findings.refused)]:
                findings.refused.append({"line": row.line, "key": key, "code": code})


def _changes(
    session: Session, columns: Mapping[str, int], taken: Sequence[tuple[Row, int]], exported_at: datetime
) -> Iterator[tuple[str, Change]]:
    """Yield what each grade of a page would do."""
    by_key: dict[str, list[tuple[int, Any]]] = {}
    for row, user_id in taken:
        for key, grade in row.grades:
            by_key.setdefault(key, []).append((user_id, reading_of(grade, exported_at)))
    for key, readings in by_key.items():
        held = load_held(session, columns.get(key), [user_id for user_id, _ in readings])
        for user_id, reading in readings:
            yield key, compare(held.get(user_id), reading)


def _near(
    read: Read, context_id: int, unknown: list[Row], seen: SeenUsers, columns: Mapping[str, int], exported_at: datetime
) -> list[dict[str, Any]]:
    """Rows that have the name of exactly one learner whom no other row names."""
    with read() as session:
        namesakes = find_namesakes(session, context_id, (row.name for row in unknown))
        often = Counter(plain_name(row.name) for row in unknown)
        found: list[dict[str, Any]] = []
        for row in unknown:
            learner = namesakes.get(plain_name(row.name))
            if learner is None or learner[0] in seen or often[plain_name(row.name)] > 1 or len(found) >= MOST_SHOWN:
                continue
            user_id, name = learner
            changes = {key: change.value for key, change in _changes(session, columns, [(row, user_id)], exported_at)}
            found.append({"line": row.line, "name": row.name, "user_id": user_id, "learner": name, "changes": changes})
    return found
