"""Who may come in: the course of the path, roles, actions, read-only visitors."""

import pytest
from flask.testing import FlaskClient
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World

from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import StaffRole
from lti_tool.services.launching import OpenedLaunch
from lti_tool.web.access import MATRIX, POLICY, Action, Role, is_allowed
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE


def test_without_a_session_a_page_says_how_to_come_back(client: FlaskClient) -> None:
    answer = client.get("/courses/1/probe/page")
    assert answer.status_code == 401
    assert "Go back to your course and open this tool from there again." in answer.text


def test_another_course_than_the_session_is_refused(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    other = world.open(course="course-2")
    assert other.context_id != opened.context_id
    answer = client.get(f"/courses/{other.context_id}/probe/page")
    assert answer.status_code == 403
    assert "other_course" in answer.text
    assert "Open the tool from that course again." in answer.text
    assert client.get(f"/courses/{opened.context_id}/probe").status_code == 200


def test_a_launch_outside_a_course_opens_none(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    client.set_cookie(LAUNCH_COOKIE, world.open(course=None).secret)
    assert client.get(f"/courses/{opened.context_id}/probe").status_code == 403


@pytest.mark.parametrize(
    ("roles", "instructor", "learner"),
    [
        ((INSTRUCTOR,), 200, 403),
        ((LEARNER,), 403, 200),
        ((f"{MEMBERSHIP}/Learner#Instructor",), 403, 200),
        ((f"{MEMBERSHIP}/Instructor#PrimaryInstructor",), 200, 403),
        (("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",), 403, 403),
        ((f"{MEMBERSHIP}#Administrator",), 403, 403),
    ],
)
def test_pages_are_for_roles_in_the_course(
    world: World, client: FlaskClient, roles: tuple[str, ...], instructor: int, learner: int
) -> None:
    opened = world.open(*roles)
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    base = f"/courses/{opened.context_id}/probe"
    assert client.get(f"{base}/instructor").status_code == instructor
    assert client.get(f"{base}/learner").status_code == learner
    assert client.get(base).status_code == 200


def test_publishing_needs_another_role_unless_policy_says_otherwise(
    world: World, client: FlaskClient, opened: OpenedLaunch
) -> None:
    address = f"/courses/{opened.context_id}/probe/publish"
    refused = client.get(address)
    assert refused.status_code == 403
    assert "action_not_allowed" in refused.text
    world.app.config[POLICY] = {Action.PUBLISH: {Role.INSTRUCTOR}}
    assert client.get(address).text == "published"


def test_who_is_not_named_may_look_but_not_change(world: World, client: FlaskClient) -> None:
    opened = world.open(LEARNER, sub=None)
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    base = f"/courses/{opened.context_id}/probe"
    assert client.get(base).json["user_id"] is None
    assert "did not say who you are" in client.get(f"{base}/page").text
    answer = client.post(base, headers=SAME_ORIGIN)
    assert answer.status_code == 403
    assert "anonymous_read_only" in answer.text


def test_staff_pages_are_for_staff_roles(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    assert client.get("/admin/probe/registrar").status_code == 401
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.ADMIN))
    assert client.get("/admin/probe/registrar").status_code == 403
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR, "registrar@example.org"))
    assert client.get("/admin/probe/registrar").text == "registrar"
    assert client.get("/admin/").status_code == 403


def test_a_view_that_says_nothing_lets_nobody_in(client: FlaskClient) -> None:
    answer = client.get("/probe/undecided")
    assert answer.status_code == 500
    assert "nobody said" not in answer.text


def test_every_action_is_somebodys_and_no_role_has_all(world: World) -> None:
    assert set(MATRIX) == set(Action)
    with world.app.app_context():
        for role in Role:
            assert any(is_allowed(frozenset({role}), action) for action in Action)
            assert not all(is_allowed(frozenset({role}), action) for action in Action)
        assert not is_allowed(frozenset(), Action.CLAIM)
