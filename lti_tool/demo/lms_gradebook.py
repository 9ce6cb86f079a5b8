"""The demo LMS's gradebook: columns and grades in memory, safe to use from several threads.

Two kinds of columns, as in life: those the tool owns (AGS shows it these and no others) and the course's own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from lti_tool.demo.story import ASSIGNMENTS, Score, Text
from lti_tool.demo.story_people import PEOPLE, SCORES, find_person
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError

MISSING = Score(None, "missing")
_WITH_RESULT = {"graded", "ungraded", "hidden"}


@dataclass(frozen=True, slots=True)
class Column:
    """One gradebook column. ``resource_link_id`` is set when the course page has a link to it."""

    key: str
    title: Text
    maximum: Decimal
    is_tool_owned: bool
    resource_id: str | None = None
    tag: str | None = None
    resource_link_id: str | None = None
    start_at: str | None = None
    end_at: str | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of one person in one column; ``changed_at`` and ``comment`` are empty for the story's own grades."""

    person_key: str
    score: Score
    comment: str | None = None
    changed_at: datetime | None = None


class Gradebook:
    """Columns and grades of the course. ``now`` gives the time of a change (aware).

    People are named by key, slug or ``sub``. Raises ``NotFoundError`` for an unknown column or person,
    ``InvalidInputError`` for a score that is no number or negative, ``ConflictError`` for a score older than the last.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._created = 0
        self._columns: dict[str, Column] = {}
        self._grades: dict[str, dict[str, Grade]] = {}
        self._posted_at: dict[tuple[str, str], datetime] = {}
        for assignment in ASSIGNMENTS:
            own = assignment.owner == "tool"
            self._columns[assignment.key] = Column(
                assignment.key,
                assignment.title,
                assignment.maximum,
                own,
                resource_id=assignment.resource_id if own else None,
                tag=assignment.tag if own else None,
                resource_link_id=link_id(assignment.key) if own else None,
            )
            self._grades[assignment.key] = {
                person.key: Grade(person.key, SCORES[assignment.key, person.key])
                for person in PEOPLE
                if person.has_grades
            }

    def columns(self, *, tool_owned_only: bool = False) -> list[Column]:
        """Return the columns in their order."""
        with self._lock:
            return [column for column in self._columns.values() if column.is_tool_owned or not tool_owned_only]

    def column(self, key: str, *, tool_owned_only: bool = False) -> Column:
        """Return one column; with ``tool_owned_only`` the course's own columns do not exist."""
        with self._lock:
            column = self._columns.get(key)
        if column is None or (tool_owned_only and not column.is_tool_owned):
            raise NotFoundError(f"The gradebook has no column {key!r}.")
        return column

    def add_column(self, column: Column) -> Column:
        """Add a column of the tool; the key is given here."""
        with self._lock:
            self._created += 1
            added = replace(column, key=f"column-{self._created}", is_tool_owned=True)
            self._columns[added.key] = added
            self._grades[added.key] = {}
            return added

    def change_column(self, column: Column) -> Column:
        """Replace a column of the tool."""
        with self._lock:
            self.column(column.key, tool_owned_only=True)
            self._columns[column.key] = column
            return column

    def remove_column(self, key: str) -> None:
        """Remove a column of the tool with its grades."""
        with self._lock:
            self.column(key, tool_owned_only=True)
            del self._columns[key], self._grades[key]

    def grade(self, key: str, person: str) -> Grade:
        """Return the grade of one person, ``missing`` when there is none."""
        person_key = _graded_person(person)
        with self._lock:
            self.column(key)
            return self._grades[key].get(person_key) or Grade(person_key, MISSING)

    def results(self, key: str) -> list[Grade]:
        """Return what AGS calls results: everybody with a grade, also a null one; in the story's order of people."""
        with self._lock:
            self.column(key)
            grades = self._grades[key]
            return [
                grades[person.key]
                for person in PEOPLE
                if person.key in grades and grades[person.key].score.state in _WITH_RESULT
            ]

    def set_score(
        self, item_key: str, persona: str, score: Decimal | float | str | None, *, comment: str | None = None
    ) -> Grade:
        """Set a grade, as the instructor does; ``None`` leaves the work ungraded (a null result)."""
        points = _points(score)
        person_key = _graded_person(persona)
        with self._lock:
            self.column(item_key)
            before = self._grades[item_key].get(person_key)
            late = before is not None and before.score.late and points is not None
            grade = Grade(
                person_key,
                Score(points, "ungraded" if points is None else "graded", late),
                comment,
                self._now(),
            )
            self._grades[item_key][person_key] = grade
            return grade

    def post_score(
        self, key: str, person: str, points: Decimal | None, *, timestamp: datetime, comment: str | None
    ) -> None:
        """Take a score from the tool (AGS 2.0, section 3.4); only one newer than the last is taken."""
        with self._lock:
            self.column(key, tool_owned_only=True)
            slot = (key, _graded_person(person))
            last = self._posted_at.get(slot)
            if last is not None and timestamp <= last:
                raise ConflictError("A newer score is known.", code="score_too_old")
            self.set_score(key, person, points, comment=comment)
            self._posted_at[slot] = timestamp


def link_id(key: str) -> str:
    """Return the ``resource_link.id`` of a link on the course page."""
    return f"lakeside-link-{key}"


def _graded_person(name: str) -> str:
    person = find_person(name)
    if person is None or not person.has_grades:
        raise NotFoundError(f"{name!r} has no row in the gradebook.")
    return person.key


def _points(score: Decimal | float | str | None) -> Decimal | None:
    if score is None:
        return None
    try:
        # Through ``str``: 69.5 from JSON must stay 69.5.
        points = Decimal(str(score).strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidInputError("A score is a number.", code="score_invalid", field="score") from None
    if not points.is_finite() or points < 0 or points > 100_000:
        raise InvalidInputError("A score is a number from 0 up.", code="score_invalid", field="score")
    return points
