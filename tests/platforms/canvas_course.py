"""A Canvas course as its own API tells it: people, assignments, submissions, modules, outcomes, totals. Generated.

Fields and their meaning: vendor documents (submissions, assignments, enrolments, modules, outcome results; read in
November 2026) and vendor code (canvas-lms, submissions_api_controller.rb, outcome_results_controller.rb). Names and
numbers are made up.
"""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """A moment as Canvas writes it: UTC, no fractions."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Enrollment:
    """Somebody in one section; somebody in two sections has two."""

    number: int
    user_id: int
    section_id: int
    kind: str = "StudentEnrollment"
    state: str = "active"


@dataclass
class Module:
    """A module: the ids of items that have to be done, and of items that do not."""

    number: int
    name: str
    required: list[int]
    others: int = 0
    is_published: bool = True


@dataclass
class Outcome:
    """An outcome, its best rating and the points of mastery; ``scores`` by user."""

    number: int
    title: str
    maximum: float
    mastery: float
    groups: int = 1
    scores: dict[int, float | None] = field(default_factory=dict)


@dataclass
class CanvasCourse:
    """One course; ``now`` is the time of everything that is done in it."""

    number: int = 4201
    lti_context_id: str = "course-1"
    now: datetime = START
    grading_standard_id: int | None = None
    is_deleted: bool = False
    has_moderation: bool = False
    hides_totals: bool = False
    """``hide_final_grades`` of the Course object (vendor document on courses)."""
    names: dict[int, str] = field(default_factory=dict)
    subs: dict[str, int] = field(default_factory=dict)
    """Canvas's number by the ``sub`` of LTI."""
    enrollments: list[Enrollment] = field(default_factory=list)
    standards: dict[int, list[str]] = field(default_factory=dict)
    assignments: dict[int, Json] = field(default_factory=dict)
    submissions: dict[tuple[int, int], Json] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    done: dict[int, set[int]] = field(default_factory=dict)
    """Items done, by user."""
    outcomes: list[Outcome] = field(default_factory=list)
    totals: dict[int, Json] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)

    # -- people -------------------------------------------------------------------------------------------------------

    def add_student(
        self, name: str, sub: str | None = None, *, sections: int = 1, kind: str = "StudentEnrollment"
    ) -> int:
        """Enrol somebody in one or more sections, with an empty submission for every assignment."""
        user_id = 9000 + next(self._numbers)
        self.names[user_id] = name
        self.subs[sub or str(uuid.uuid5(uuid.NAMESPACE_OID, name))] = user_id
        for section in range(sections):
            self.enrollments.append(Enrollment(next(self._numbers), user_id, 70 + section, kind))
        for assignment_id in self.assignments:
            self._add_submission(assignment_id, user_id)
        return user_id

    def add_test_student(self) -> int:
        """The student of "Student View"."""
        return self.add_student("Test Student", kind="StudentViewEnrollment")

    def student_ids(self) -> list[int]:
        """Everybody who is enrolled as a student, each once."""
        return sorted({one.user_id for one in self.enrollments if one.state != "deleted"})

    # -- work ---------------------------------------------------------------------------------------------------------

    def add_assignment(self, name: str, points: float | None = 10, **fields: Any) -> int:
        """Add an assignment; ``fields`` replace those of its JSON."""
        number = next(self._numbers)
        self.assignments[number] = {
            "id": number,
            "name": name,
            "points_possible": points,
            "grading_type": "points",
            "grading_standard_id": None,
            "published": True,
            "muted": False,
            "anonymize_students": False,
            "omit_from_final_grade": False,
            "position": len(self.assignments) + 1,
            "submission_types": ["online_text_entry"],
            "lti_context_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        } | fields
        for user_id in self.student_ids():
            self._add_submission(number, user_id)
        return number

    def _add_submission(self, assignment_id: int, user_id: int) -> None:
        number = next(self._numbers)
        self.submissions[assignment_id, user_id] = {
            "id": number,
            "assignment_id": assignment_id,
            "user_id": user_id,
            "workflow_state": "unsubmitted",
            "score": None,
            "grade": None,
            "attempt": None,
            "submitted_at": None,
            "graded_at": None,
            "posted_at": None,
            "excused": None,
            "missing": False,
            "late": False,
            "late_policy_status": None,
            "grade_matches_current_submission": True,
            "grader_id": None,
            "body": "What they wrote.",
        }

    def hand_in(self, assignment_id: int, user_id: int, **fields: Any) -> None:
        """Somebody hands something in."""
        found = self.submissions[assignment_id, user_id]
        found |= {
            "workflow_state": "submitted",
            "submitted_at": moment(self.now),
            "attempt": (found["attempt"] or 0) + 1,
            "grade_matches_current_submission": found["score"] is None,
            "missing": False,
        } | fields

    def grade(
        self, assignment_id: int, user_id: int, score: float | None, *, posted: bool = True, **fields: Any
    ) -> None:
        """A teacher grades; posted at once unless the assignment posts by hand."""
        found = self.submissions[assignment_id, user_id]
        found |= {
            "workflow_state": "graded",
            "score": score,
            "grade": None if score is None else format(score, "g"),
            "graded_at": moment(self.now),
            "posted_at": moment(self.now) if posted else None,
            "grade_matches_current_submission": True,
            "grader_id": 77,
        } | fields

    def change(self, assignment_id: int, user_id: int, **fields: Any) -> None:
        """Something changes that is no new grade (posted, hidden, excused): ``graded_at`` stays."""
        self.submissions[assignment_id, user_id] |= fields

    # -- modules and outcomes -----------------------------------------------------------------------------------------

    def add_module(self, name: str, required: int = 2, others: int = 1) -> Module:
        """Add a module with items that have to be done and others."""
        items = [next(self._numbers) for _ in range(required)]
        module = Module(next(self._numbers), name, items, others)
        self.modules.append(module)
        return module

    def complete(self, user_id: int, module: Module, items: int | None = None) -> None:
        """Somebody does the first items of a module, or all of them."""
        self.done.setdefault(user_id, set()).update(module.required[:items])

    def is_completed(self, user_id: int, module: Module) -> bool:
        """Whether everything required is done; a module that requires nothing is completed by everybody."""
        return set(module.required) <= self.done.get(user_id, set())

    def add_outcome(self, title: str, maximum: float = 5, mastery: float = 3, groups: int = 1) -> Outcome:
        """Add an outcome."""
        outcome = Outcome(next(self._numbers), title, maximum, mastery, groups)
        self.outcomes.append(outcome)
        return outcome

    def set_total(self, user_id: int, current: float | None, final: float | None = None, **fields: Any) -> None:
        """What the gradebook's total says."""
        self.totals[user_id] = {"current_score": current, "final_score": final, "current_grade": None} | fields
