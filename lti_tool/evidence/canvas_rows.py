"""What entries of Canvas's API mean: columns from assignments, modules and outcomes; observations from what people did.

Field meanings: vendor documents on submissions, assignments, enrolments, modules and outcome results, and vendor code
(canvas-lms, submissions_api_controller.rb, lib/api/v1/submission.rb), read in November 2026. An entry that cannot be
read raises ``MalformedRowError``; the caller leaves it out and counts it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from lti_tool.characters import one_line
from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import ColumnKind

LONGEST_TITLE = 1024
LONGEST_NUMBER = 60
"""Digits of a number written out, as the tables hold it."""
TOTAL_KEY = "course_total"
TOTAL_TITLE = "Total"
"""As Canvas's own gradebook names it."""
PERCENT = Decimal(100)
CANVAS_SCHEME = ("A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D+", "D", "D-", "F")
"""The scheme of a course that chose none (vendor code: canvas-lms, grading_standard.rb)."""
GRADED_TYPES = {"points", "percent", "letter_grade", "gpa_scale", "pass_fail"}
LETTER_TYPES = {"letter_grade", "gpa_scale"}
_CONTROL = re.compile("[\x00\ud800-\udfff]")
_NUMBER_NAME = re.compile("[0-9]{1,30}(~[0-9]{1,30})?").fullmatch

Row = Mapping[str, object]


class MalformedRowError(ValueError):
    """An entry breaks the documents; the message names the field, not its value."""


# -- columns ----------------------------------------------------------------------------------------------------------


def assignment_column(row: Row, position: int, schemes: Mapping[str, tuple[str, ...]]) -> ColumnReading | None:
    """Return the column of an assignment, ``None`` for one that cannot have grades (unpublished, not graded).

    ``schemes``: letters by the number of a grading standard, and under ``""`` those of the course. What counts towards
    no final grade (``omit_from_final_grade``) is evidence all the same, and so is a muted or anonymous one, whose
    results stay hidden until they are posted.
    """
    if row.get("published") is False or row.get("grading_type") not in GRADED_TYPES:
        return None
    return ColumnReading(
        external_key=f"assignment:{number_name(row, 'id')}",
        title=_title(row, "name"),
        kind=ColumnKind.LINE_ITEM,
        maximum=_number(row, "points_possible", minimum=Decimal(0)),
        resource_id=None,
        tag=None,
        position=position,
        lti_ids=_lti_ids(row),
        grading_scheme=_scheme_of(row, schemes),
    )


def module_column(row: Row, position: int) -> ColumnReading:
    """Return the column of a module that has requirements."""
    return _plain_column(f"module:{number_name(row, 'id')}", _title(row, "name"), ColumnKind.MODULE, None, position)


def outcome_column(row: Row, position: int) -> ColumnReading:
    """Return the column of an outcome; its maximum is the best of its ratings."""
    maximum = _number(row, "points_possible", minimum=Decimal(0))
    title = _title(row, "title")
    return _plain_column(f"outcome:{number_name(row, 'id')}", title, ColumnKind.OUTCOME, maximum, position)


def total_column(position: int, scheme: tuple[str, ...] | None) -> ColumnReading:
    """Return the column of the course's total, in percent."""
    found = _plain_column(TOTAL_KEY, TOTAL_TITLE, ColumnKind.COURSE_TOTAL, PERCENT, position)
    return ColumnReading(**{name: getattr(found, name) for name in found.__slots__} | {"grading_scheme": scheme})


def scheme_letters(row: Row) -> tuple[str, ...] | None:
    """Return the letters of a grading standard, best first; ``None`` when it cannot be read."""
    entries = row.get("grading_scheme")
    if not isinstance(entries, list):
        return None
    letters = [one["name"] for one in entries if isinstance(one, dict) and isinstance(one.get("name"), str)]
    return tuple(letters) if letters and len(letters) == len(entries) else None


def has_requirements(items: object) -> bool:
    """Whether one of a module's items has to be done; Canvas calls a module without any completed for everybody."""
    return isinstance(items, list) and any(isinstance(one, dict) and one.get("completion_requirement") for one in items)


def _plain_column(key: str, title: str, kind: ColumnKind, maximum: Decimal | None, position: int) -> ColumnReading:
    return ColumnReading(
        external_key=key, title=title, kind=kind, maximum=maximum, resource_id=None, tag=None, position=position
    )


def _lti_ids(row: Row) -> tuple[str, ...]:
    """The ids by which LTI knows an assignment: what its launches call the resource link."""
    tag = row.get("external_tool_tag_attributes")
    found = [row.get("lti_context_id"), tag.get("resource_link_id") if isinstance(tag, dict) else None]
    return tuple(dict.fromkeys(one for one in found if isinstance(one, str) and one and len(one) <= 255))


def _scheme_of(row: Row, schemes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    if row.get("grading_type") not in LETTER_TYPES:
        return None
    chosen = row.get("grading_standard_id")
    return schemes.get("" if chosen in (None, 0) else str(chosen))


# -- observations -----------------------------------------------------------------------------------------------------


def submission_observation(row: Row) -> tuple[str, ObservationReading] | None:
    """Return the column's key and what Canvas says about one person's work; ``None`` where it does not say whose.

    A grade that is not posted is hidden, and its score is not kept. A grade of an earlier attempt still counts, as in
    the gradebook, but says nothing of when that attempt was handed in. A score that a policy gave to missing work is a
    grade like any other. The maximum is the column's, since Canvas never rescales a score when the points change.
    ``source_updated_at`` stays empty: a grade that is hidden again, or excused, has no later time in Canvas than the
    grade itself, so what was fetched last is what holds.
    """
    if row.get("user_id") is None:  # anonymous until its grades are posted
        return None
    key, user = f"assignment:{number_name(row, 'assignment_id')}", number_name(row, "user_id")
    score, letter = _number(row, "score"), _text(row, "grade", 32)
    state = _submission_state(row, score, letter)
    is_result = state is EvidenceState.GRADED or state is EvidenceState.COMPLETED
    is_current = row.get("grade_matches_current_submission") is not False
    return key, ObservationReading(
        platform_user_id=None,
        external_id=user,
        state=state,
        score=score if is_result else None,
        letter=letter if is_result else None,
        submitted_at=moment(row, "submitted_at") if is_current or not is_result else None,
        graded_at=moment(row, "graded_at") if is_result else None,
        attempt=_attempt(row) if is_current else None,
    )


def _submission_state(row: Row, score: Decimal | None, letter: str | None) -> EvidenceState:
    workflow = row.get("workflow_state")
    if row.get("excused") is True:
        return EvidenceState.EXCUSED
    if workflow == "pending_review":  # a quiz whose automatic part has points and whose essays wait for a person
        return EvidenceState.SUBMITTED
    if score is not None or letter is not None:
        if "posted_at" in row and row["posted_at"] is None:
            return EvidenceState.HIDDEN
        return EvidenceState.COMPLETED if letter == "complete" else EvidenceState.GRADED
    if row.get("missing") is True:
        return EvidenceState.MISSING
    if workflow == "submitted" or row.get("submitted_at") is not None:
        return EvidenceState.SUBMITTED
    return EvidenceState.UNGRADED


def module_reading(user: str, at: datetime | None, *, is_done: bool) -> ObservationReading:
    """Return a module completed or not; one that is under way is not graded, which is never a failure."""
    state = EvidenceState.COMPLETED if is_done else EvidenceState.UNGRADED
    return ObservationReading(None, state, graded_at=at if is_done else None, external_id=user)


def rollup_observations(
    row: Row, scales: Mapping[str, tuple[Decimal | None, Decimal | None]]
) -> list[tuple[str, ObservationReading]]:
    """Return a person's outcomes, as the course's calculation rolls them up; ``completed`` once mastery is reached.

    ``scales``: (maximum, points of mastery) by the outcome's number. Scores in rollups are on the outcome's own scale;
    there is none where the course hides points, and then there is nothing to compare.
    """
    links, scores = row.get("links"), row.get("scores")
    if not isinstance(links, dict) or not isinstance(scores, list):
        raise MalformedRowError("rollup")
    user = number_name(links, "user")
    found = []
    for one in scores:
        target = one.get("links") if isinstance(one, dict) else None
        if not isinstance(target, dict):
            raise MalformedRowError("scores")
        outcome, score = number_name(target, "outcome"), _number(one, "score")
        maximum, mastery = scales.get(outcome, (None, None))
        if score is None:
            reading = ObservationReading(None, EvidenceState.UNGRADED, external_id=user)
        else:
            is_mastered = mastery is not None and score >= mastery
            state = EvidenceState.COMPLETED if is_mastered else EvidenceState.GRADED
            at = moment(one, "submitted_at")
            reading = ObservationReading(None, state, score, maximum, graded_at=at, external_id=user)
        found.append((f"outcome:{outcome}", reading))
    return found


def outcome_scale(row: Row) -> tuple[Decimal | None, Decimal | None]:
    """Return an outcome's maximum and its points of mastery."""
    return _number(row, "points_possible", minimum=Decimal(0)), _number(row, "mastery_points")


def total_observation(row: Row) -> tuple[str, ObservationReading] | None:
    """Return a person's total; ``None`` for an enrolment without grades (another role, or grades not ours to see).

    It is the current score of posted grades (``current_score``): what the learner sees, in percent. The final score
    would take ungraded work as zero, and the unposted one counts what the learner must not know. Where a person put
    another grade in its place (``override_score``), that is the total.
    """
    grades = row.get("grades")
    if not isinstance(grades, dict):
        return None
    user = number_name(row, "user_id")
    score = _number(grades, "override_score")
    score = _number(grades, "current_score") if score is None else score
    letter = _text(grades, "override_grade", 32) or _text(grades, "current_grade", 32)
    if score is None and letter is None:
        return TOTAL_KEY, ObservationReading(None, EvidenceState.UNGRADED, external_id=user)
    reading = ObservationReading(None, EvidenceState.GRADED, score, PERCENT, letter, external_id=user)
    return TOTAL_KEY, reading


def hidden_total(row: Row) -> tuple[str, ObservationReading] | None:
    """Return the same for a course that hides its totals from learners (``hide_final_grades``): a badge tells them."""
    found = total_observation(row)
    user = None if found is None else found[1].external_id
    return None if user is None else (TOTAL_KEY, ObservationReading(None, EvidenceState.HIDDEN, external_id=user))


# -- fields -----------------------------------------------------------------------------------------------------------


def number_name(row: Row, key: str) -> str:
    """Return a number Canvas gives to a thing or a person, as text; raises ``MalformedRowError``."""
    value = row.get(key)
    if type(value) is int:  # no boolean
        value = str(value)
    if not isinstance(value, str) or not _NUMBER_NAME(value):
        raise MalformedRowError(key)
    return value


def moment(row: Row, key: str) -> datetime | None:
    """Return a moment in UTC, ``None`` when it is absent or cannot be read."""
    value = row.get(key)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is UTC:  # as Canvas writes it
            return found
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _title(row: Row, key: str) -> str:
    value = row.get(key)
    title = one_line(value)[:LONGEST_TITLE] if isinstance(value, str) else ""
    if not title:
        raise MalformedRowError(key)
    return title


def _text(row: Row, key: str, longest: int) -> str | None:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or _CONTROL.search(value):
        return None
    return value.strip()


def _number(row: Row, key: str, *, minimum: Decimal | None = None) -> Decimal | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    is_number = isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < LONGEST_NUMBER
    if not is_number or not isinstance(value, Decimal) or len(format(value, "f")) > LONGEST_NUMBER:
        raise MalformedRowError(key)
    if minimum is not None and value < minimum:
        raise MalformedRowError(key)
    return value


def _attempt(row: Row) -> int | None:
    value = row.get("attempt")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6 else None
