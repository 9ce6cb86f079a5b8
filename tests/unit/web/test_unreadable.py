"""Requests no browser sends for a person: an answer that says no, on both databases, and never a defect."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, lakeside
from web_world import LEARNER, World, make_world

from lti_tool.web.session import LAUNCH_COOKIE


@pytest.fixture
def either_world(any_database: str) -> Iterator[World]:
    """A tool on SQLite, and on PostgreSQL."""
    world = make_world(any_database)
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def course(either_world: World) -> CourseWorld:
    """A course with work and skills."""
    return lakeside(either_world)


def learner_of(course: CourseWorld) -> FlaskClient:
    opened = course.world.open(LEARNER, course="course-1", sub="ada")
    client = course.world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/credentials/%00",
        "/credentials/a%00.json",
        "/credentials/a%00.png",
        "/issuers/%00",
        "/issuers/a/keys/%00",
        "/competencies/a/%00",
        "/achievements/%00",
        "/status/%00",
        "/pictures/%00.png",
        "/static/%00",
        "/staff/join/%00",
        "/connect/%00",
        "/connect/callback?state=%00",
        "/lti/login?iss=%00",
        "/verify?url=a&url=%00",
    ],
)
def test_nul_is_refused_wherever_it_stands(either_world: World, path: str) -> None:
    answer = either_world.app.test_client().get(path)
    assert answer.status_code == 400
    assert answer.headers["X-Request-Id"]


def test_nul_in_a_form_is_refused_and_nothing_is_stored(course: CourseWorld) -> None:
    assert course.post("/skills", statement="Feed\0fish").status_code == 400
    assert course.post("/badges/new", name="\0").status_code == 400
    assert "Feed" not in course.get("/skills")
    launched = course.world.app.test_client().post("/lti/launch", data={"state": "x", "id_token": "\0"})
    assert launched.status_code == 400


@pytest.mark.parametrize("number", [2**31, 2**63, 10**24, int("9" * 4000)])
def test_a_number_no_row_can_have_is_no_address(course: CourseWorld, number: int) -> None:
    for path in (f"/learners/{number}", f"/badges/{number}/rule", f"/badges/{number}/try"):
        course.get(path, status=404)
    learner = learner_of(course)
    for path in (f"/mine/awards/{number}", f"/mine/badges/{number}"):
        assert learner.get(course.base + path).status_code == 404
    assert learner.get(f"/courses/{number}/mine").status_code == 404


def test_the_largest_row_is_an_address(course: CourseWorld) -> None:
    course.get(f"/learners/{2**31 - 1}", status=404)
    assert "There is no such learner" not in course.get(f"/learners/{course.users['ada']}")


def test_a_badge_says_what_was_meant(course: CourseWorld) -> None:
    """Marks that turn a line around, and control characters, stay out of what will be signed."""
    page = course.post_on(
        "/badges/new",
        name="Safe\N{RIGHT-TO-LEFT OVERRIDE}gnp.\x1bexe",
        description="one\r\ntwo\x01",
        criteria="three",
        language="en",
        picture="design",
        symbol="S",
        colour="#1d4f91",
        do="save",
    )
    assert "Safegnp.exe" in page
