"""What the doctor says of leave to read platforms' own APIs: which of it works, and for which clauses."""

from collections.abc import Iterator
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import select

from lti_tool.evidence.canvas_scopes import asked
from lti_tool.evidence.moodle_client import OPTIONAL, REQUIRED
from lti_tool.models import INSTITUTION, ApiGrant, GrantState, PlatformApi

MOODLE = "moodle of Lakeside for Lakeside College, the institution: "


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    """A course in the command's database."""
    with course_on(migrated_sqlite_url) as course:
        yield course


def grant(course: Course, source: str, scopes: list[str] | None, **values: Any) -> None:
    """Set up a platform's API with a grant."""
    with course.database.write() as session:
        api = PlatformApi(
            registration_id=course.registration_id,
            organization_id=course.organization_id,
            source=source,
            address="https://lms.example",
            created_at=START,
        )
        session.add(api)
        session.flush()
        known = {"place": INSTITUTION, "state": GrantState.ACTIVE, "tokens": "locked"}
        session.add(
            ApiGrant(platform_api_id=api.id, scopes=scopes, created_at=START, changed_at=START, **known | values)
        )


def found(command: Any) -> list[tuple[bool, str, str]]:
    """What the doctor says of grants; something else is always wrong in a course made by hand."""
    return [
        (one["good"], one["fact"], one["remedy"]) for one in command.json("doctor", code=1) if one["what"] == "grant"
    ]


@pytest.mark.parametrize(
    ("source", "scopes", "decided"),
    [
        ("moodle", list(REQUIRED), "percent, points, letter"),
        ("moodle", [*REQUIRED, *OPTIONAL], "percent, points, letter, completed"),
        ("moodle", None, "percent, points, letter, completed"),
        ("canvas", asked([]), "percent, points, letter, completed, submitted"),
        ("canvas", [], "nothing"),
    ],
)
def test_a_grant_that_works_says_for_what(
    command: Any, course: Course, source: str, scopes: list[str] | None, decided: str
) -> None:
    grant(course, source, scopes)
    said = f"{source} of Lakeside for Lakeside College, the institution: works, for {decided}"
    assert found(command) == [(True, said, "")]


def test_a_grant_that_was_refused_says_what_to_do(command: Any, course: Course) -> None:
    grant(course, "moodle", list(REQUIRED), state=GrantState.NEEDED, error_code="grant_narrowed")
    ((is_good, fact, remedy),) = found(command)
    assert (is_good, fact) == (False, f"{MOODLE}has to be given again (grant_narrowed)")
    assert "/admin" in remedy


def test_a_grant_that_was_given_up_or_switched_off_is_not_mentioned(command: Any, course: Course) -> None:
    grant(course, "moodle", None, state=GrantState.ENDED)
    grant(course, "canvas", None)
    with course.database.write() as session:
        session.scalars(select(PlatformApi).where(PlatformApi.source == "canvas")).one().disabled_at = START
    assert found(command) == []
