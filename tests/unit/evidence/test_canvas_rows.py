"""What entries of Canvas's API mean, one by one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence import canvas_rows
from lti_tool.evidence.base import ObservationReading
from lti_tool.evidence.canvas_rows import MalformedRowError

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GRADED = {
    "assignment_id": 5,
    "user_id": 9001,
    "workflow_state": "graded",
    "score": Decimal("69.5"),
    "grade": "69.5",
    "submitted_at": "2026-11-19T09:00:00Z",
    "graded_at": "2026-11-20T09:00:00Z",
    "posted_at": "2026-11-20T09:00:00Z",
    "attempt": 2,
    "excused": False,
    "missing": False,
}


def observed(**changes: Any) -> ObservationReading:
    """The graded submission, changed; what Canvas says about it."""
    found = canvas_rows.submission_observation(GRADED | changes)
    assert found is not None
    assert found[0] == "assignment:5"
    return found[1]


def test_a_posted_grade() -> None:
    assert observed() == ObservationReading(
        platform_user_id=None,
        external_id="9001",
        state=EvidenceState.GRADED,
        score=Decimal("69.5"),
        letter="69.5",
        submitted_at=datetime(2026, 11, 19, 9, 0, tzinfo=UTC),
        graded_at=AT,
        attempt=2,
    )


@pytest.mark.parametrize(
    ("changes", "state", "score"),
    [
        ({"posted_at": None}, EvidenceState.HIDDEN, None),
        ({"excused": True}, EvidenceState.EXCUSED, None),
        ({"excused": True, "posted_at": None, "score": None, "grade": None}, EvidenceState.EXCUSED, None),
        ({"score": Decimal(-3)}, EvidenceState.GRADED, Decimal(-3)),
        ({"score": 110}, EvidenceState.GRADED, Decimal(110)),
        ({"score": 0, "missing": True, "late_policy_status": "missing"}, EvidenceState.GRADED, Decimal(0)),
        ({"score": None, "grade": "B+"}, EvidenceState.GRADED, None),
        ({"score": Decimal(10), "grade": "complete"}, EvidenceState.COMPLETED, Decimal(10)),
        ({"score": 0, "grade": "incomplete"}, EvidenceState.GRADED, Decimal(0)),
        ({"workflow_state": "pending_review"}, EvidenceState.SUBMITTED, None),
        ({"workflow_state": "submitted", "score": None, "grade": None}, EvidenceState.SUBMITTED, None),
        (
            {"workflow_state": "unsubmitted", "score": None, "grade": None, "submitted_at": None, "missing": True},
            EvidenceState.MISSING,
            None,
        ),
        (
            {"workflow_state": "unsubmitted", "score": None, "grade": None, "submitted_at": None},
            EvidenceState.UNGRADED,
            None,
        ),
    ],
)
def test_states(changes: dict[str, Any], state: EvidenceState, score: Decimal | None) -> None:
    found = observed(**changes)
    assert (found.state, found.score) == (state, score)


def test_a_hidden_grade_leaves_nothing_behind() -> None:
    found = observed(posted_at=None)
    assert (found.score, found.letter, found.graded_at, found.maximum) == (None, None, None, None)


def test_a_canvas_that_knows_no_posting_shows_what_is_graded() -> None:
    row = {key: value for key, value in GRADED.items() if key != "posted_at"}
    found = canvas_rows.submission_observation(row)
    assert found is not None
    assert found[1].state is EvidenceState.GRADED


def test_an_old_grade_says_nothing_of_when_its_attempt_was_handed_in() -> None:
    found = observed(grade_matches_current_submission=False, workflow_state="submitted")
    assert (found.state, found.score) == (EvidenceState.GRADED, Decimal("69.5"))
    assert (found.submitted_at, found.attempt) == (None, None)
    waiting = observed(grade_matches_current_submission=False, workflow_state="pending_review")
    assert waiting.submitted_at == datetime(2026, 11, 19, 9, 0, tzinfo=UTC)


def test_work_that_names_nobody_is_passed_over() -> None:
    assert canvas_rows.submission_observation(GRADED | {"user_id": None}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "ada"},
        {"user_id": True},
        {"assignment_id": None},
        {"score": "many"},
        {"score": True},
        {"score": Decimal("NaN")},
        {"score": Decimal("Infinity")},
        {"score": Decimal("1e300")},
    ],
)
def test_entries_that_break_the_documents(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRowError):
        canvas_rows.submission_observation(GRADED | changes)


def test_times_that_cannot_be_read_are_none() -> None:
    assert observed(graded_at="yesterday").graded_at is None
    assert observed(graded_at="2026-11-20T09:00:00").graded_at is None
    assert observed(graded_at="2026-11-20T10:00:00+01:00").graded_at == AT


def test_ids_of_other_shards_are_kept_whole() -> None:
    assert observed(user_id=10000000009001).external_id == "10000000009001"
    assert observed(user_id="1000~9001").external_id == "1000~9001"


# -- totals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grades", "state", "score", "letter"),
    [
        ({"current_score": Decimal("91.2"), "final_score": 40, "current_grade": "A-"}, "graded", "91.2", "A-"),
        ({"current_score": 91, "unposted_current_score": 99}, "graded", "91", None),
        ({"current_score": 60, "current_grade": "D", "override_score": 75, "override_grade": "C"}, "graded", "75", "C"),
        ({"current_score": None, "final_score": 0, "current_grade": None}, "ungraded", None, None),
    ],
)
def test_the_total_is_what_the_learner_sees(
    grades: dict[str, Any], state: str, score: str | None, letter: str | None
) -> None:
    found = canvas_rows.total_observation({"user_id": 9001, "grades": grades})
    assert found is not None
    reading = found[1]
    assert (reading.state, reading.letter) == (state, letter)
    assert reading.score == (None if score is None else Decimal(score))
    assert reading.maximum == (None if score is None else 100)


def test_an_enrolment_without_grades_says_nothing() -> None:
    assert canvas_rows.total_observation({"user_id": 9001}) is None


# -- columns ----------------------------------------------------------------------------------------------------------

ASSIGNMENT = {"id": 5, "name": " Water\nlog ", "points_possible": Decimal("7.5"), "grading_type": "points"}


def test_an_assignment_is_a_column() -> None:
    found = canvas_rows.assignment_column(
        ASSIGNMENT | {"lti_context_id": "u-1", "external_tool_tag_attributes": {"resource_link_id": "r-1"}}, 3, {}
    )
    assert found is not None
    assert (found.external_key, found.title, found.maximum, found.position) == (
        "assignment:5",
        "Water log",
        Decimal("7.5"),
        3,
    )
    assert found.lti_ids == ("u-1", "r-1")


@pytest.mark.parametrize("changes", [{"published": False}, {"grading_type": "not_graded"}, {"grading_type": None}])
def test_what_can_have_no_grades_is_no_column(changes: dict[str, Any]) -> None:
    assert canvas_rows.assignment_column(ASSIGNMENT | changes, 0, {}) is None


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": None}, {"points_possible": -1}, {"id": "x"}])
def test_columns_that_cannot_be_read(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRowError):
        canvas_rows.assignment_column(ASSIGNMENT | changes, 0, {})


@pytest.mark.parametrize(
    ("changes", "scheme"),
    [
        ({"grading_type": "letter_grade"}, ("S", "U")),
        ({"grading_type": "letter_grade", "grading_standard_id": 8}, ("Pass", "Fail")),
        ({"grading_type": "letter_grade", "grading_standard_id": 9}, None),
        ({"grading_type": "points", "grading_standard_id": 8}, None),
    ],
)
def test_letters_come_from_the_assignments_or_the_courses_scheme(
    changes: dict[str, Any], scheme: tuple[str, ...] | None
) -> None:
    found = canvas_rows.assignment_column(ASSIGNMENT | changes, 0, {"": ("S", "U"), "8": ("Pass", "Fail")})
    assert found is not None
    assert found.grading_scheme == scheme


# -- outcomes ---------------------------------------------------------------------------------------------------------


def test_an_outcome_is_completed_once_it_is_mastered() -> None:
    row = {
        "links": {"user": "9001"},
        "scores": [
            {"score": 3, "links": {"outcome": "1"}, "submitted_at": "2026-11-20T09:00:00Z"},
            {"score": Decimal("2.9"), "links": {"outcome": "2"}},
            {"score": None, "links": {"outcome": "3"}},
            {"score": 4, "links": {"outcome": "4"}},
        ],
    }
    five_three = (Decimal(5), Decimal(3))
    found = canvas_rows.rollup_observations(row, {"1": five_three, "2": five_three, "3": five_three})
    assert {key: (one.state.value, one.score, one.maximum, one.graded_at) for key, one in found} == {
        "outcome:1": ("completed", Decimal(3), Decimal(5), AT),
        "outcome:2": ("graded", Decimal("2.9"), Decimal(5), None),
        "outcome:3": ("ungraded", None, None, None),
        "outcome:4": ("graded", Decimal(4), None, None),
    }


@pytest.mark.parametrize("row", [{}, {"links": {}, "scores": []}, {"links": {"user": "1"}, "scores": [3]}])
def test_rollups_that_cannot_be_read(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedRowError):
        canvas_rows.rollup_observations(row, {})
