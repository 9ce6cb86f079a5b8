"""Staff pages: reviews of all courses, and the terms of an institution."""

import html
import re

import pytest
from award_world import WHY
from decision_world import appeal, decisions, lose_grade, review, state
from flask.testing import FlaskClient
from instructor_world import CourseWorld
from sqlalchemy import select
from web_world import SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.models import Achievement, AuditEvent, Award, ReviewKind, ReviewState, StaffRole, Term
from lti_tool.web.session import STAFF_COOKIE


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Ada claimed the badge."""
    return decisions(world)


def signed_in(world: World, role: StaffRole) -> FlaskClient:
    """A browser of somebody on the staff."""
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret(role, f"{role}@example.org"))
    return client


@pytest.fixture
def registrar(world: World) -> FlaskClient:
    """A registrar's browser."""
    return signed_in(world, StaffRole.REGISTRAR)


def send(client: FlaskClient, path: str, **form: str) -> TestResponse:
    """Send a form as a browser does."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/staff/").text)
    assert found
    return client.post(path, data={"csrf_token": found[1], **form}, headers=SAME_ORIGIN)


def words(page: str) -> str:
    """The page's text on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


# -- reviews ----------------------------------------------------------------------------------------------------------


def test_a_registrar_sees_every_course_and_may_revoke(
    world: World, course: CourseWorld, registrar: FlaskClient
) -> None:
    review_id = lose_grade(course)
    queue = words(registrar.get("/admin/reviews/").text)
    assert "Title of course-1" in queue
    assert "Ada Okafor" in queue
    page = registrar.get(f"/admin/reviews/{review_id}").text
    assert "outcome-revoke" in page
    assert words(page).index("88%") < words(page).index("20%")
    answer = send(registrar, f"/admin/reviews/{review_id}", outcome="revoke", reason=WHY)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/reviews/")
    assert state(course, "ada") == "revoked"
    assert review(course, ReviewKind.NO_LONGER_EARNED).state is ReviewState.REVOKED
    with world.services.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "award.revoked")).one()
    assert event.actor.startswith("staff:")
    assert "Ada Okafor" in registrar.get("/admin/reviews/?show=decided").text


def test_a_registrar_answers_messages(course: CourseWorld, registrar: FlaskClient) -> None:
    review_id = appeal(course)
    send(registrar, f"/admin/reviews/{review_id}", outcome="grant", reason=WHY)
    assert state(course, "ben") == "offered"


@pytest.mark.parametrize(
    "form", [{"reason": WHY}, {"outcome": "keep", "reason": ""}, {"outcome": "grant", "reason": WHY}]
)
def test_what_cannot_be_decided_so_stays_open(
    course: CourseWorld, registrar: FlaskClient, form: dict[str, str]
) -> None:
    review_id = lose_grade(course)
    answer = send(registrar, f"/admin/reviews/{review_id}", **form)
    assert answer.status_code == 200
    assert "error-summary" in answer.text
    assert review(course, ReviewKind.NO_LONGER_EARNED).state is ReviewState.OPEN


@pytest.mark.parametrize("role", [StaffRole.ADMIN, StaffRole.REVIEWER])
def test_other_staff_decide_about_no_award(world: World, course: CourseWorld, role: StaffRole) -> None:
    review_id, client = lose_grade(course), signed_in(world, role)
    assert client.get("/admin/reviews/").status_code == 403
    assert client.get(f"/admin/reviews/{review_id}").status_code == 403
    assert send(client, f"/admin/reviews/{review_id}", outcome="keep", reason=WHY).status_code == 403
    assert "/admin/reviews" not in client.get("/staff/").text


def test_what_is_not_there_is_not_found(registrar: FlaskClient) -> None:
    assert registrar.get("/admin/reviews/99").status_code == 404
    assert send(registrar, "/admin/reviews/99", outcome="keep", reason=WHY).status_code == 404


# -- terms ------------------------------------------------------------------------------------------------------------


def add(client: FlaskClient, world: World, name: str, first: str, last: str) -> TestResponse:
    """Add a term."""
    form = {"name": name, "first_day": first, "last_day": last, "organization": str(world.organization_id)}
    return send(client, "/admin/terms/", **form)


def terms(world: World) -> list[Term]:
    """Every term."""
    with world.services.database.read() as session:
        return list(session.scalars(select(Term).order_by(Term.starts_at)))


@pytest.mark.parametrize("role", [StaffRole.ADMIN, StaffRole.REGISTRAR])
def test_a_term_is_added_changed_and_removed(world: World, role: StaffRole) -> None:
    client = signed_in(world, role)
    assert add(client, world, "Winter 2026", "2026-01-05", "2026-04-30").status_code == 303
    (term,) = terms(world)
    assert (term.starts_at.isoformat(), term.ends_at.isoformat()) == (
        "2026-01-05T00:00:00+00:00",
        "2026-05-01T00:00:00+00:00",
    )
    page = client.get(f"/admin/terms/{term.id}").text
    assert 'value="2026-04-30"' in page
    assert "Apr 30, 2026" in client.get("/admin/terms/").text
    form = {"name": "Winter", "first_day": "2026-01-05", "last_day": "2026-04-15"}
    assert send(client, f"/admin/terms/{term.id}", **form).status_code == 303
    assert [one.name for one in terms(world)] == ["Winter"]
    assert send(client, f"/admin/terms/{term.id}/remove").status_code == 303
    assert terms(world) == []


@pytest.mark.parametrize(
    ("name", "first", "last", "field"),
    [
        ("", "2026-06-01", "2026-07-01", "name"),
        ("x" * 65, "2026-06-01", "2026-07-01", "name"),
        ("renewal 1", "2026-06-01", "2026-07-01", "name"),
        ("winter", "2026-06-01", "2026-07-01", "name"),
        ("Summer", "2026-04-30", "2026-07-01", "first_day"),
        ("Summer", "2026-06-01", "2026-05-01", "last_day"),
        ("Summer", "June", "2026-07-01", "first_day"),
        ("Summer", "2026-06-01", "2026-13-01", "last_day"),
        ("Summer", "2026-06-01", "", "last_day"),
        ("Summer", "2026-06-01", "9999-12-31", "last_day"),
    ],
)
def test_a_term_that_cannot_be_is_said_at_its_field(
    world: World, registrar: FlaskClient, name: str, first: str, last: str, field: str
) -> None:
    add(registrar, world, "Winter", "2026-01-05", "2026-04-30")
    answer = add(registrar, world, name, first, last)
    assert answer.status_code == 200
    assert f'href="#{field}"' in answer.text
    assert f'value="{first}"' in answer.text
    assert len(terms(world)) == 1


def test_terms_that_follow_each_other_do_not_overlap(world: World, registrar: FlaskClient) -> None:
    add(registrar, world, "Winter", "2026-01-05", "2026-04-30")
    assert add(registrar, world, "Summer", "2026-05-01", "2026-08-31").status_code == 303


def test_a_term_with_awards_keeps_its_name_and_stays(world: World, course: CourseWorld, registrar: FlaskClient) -> None:
    add(registrar, world, "Winter", "2026-01-05", "2026-04-30")
    (term,) = terms(world)
    with world.services.database.write() as session:
        session.scalars(select(Award)).one().occasion = "Winter"
        assert session.get_one(Achievement, course.badges["water"]).context_id == course.context_id
    assert "It keeps its name" in registrar.get(f"/admin/terms/{term.id}").text
    form = {"name": "Other", "first_day": "2026-01-05", "last_day": "2026-04-15"}
    answer = send(registrar, f"/admin/terms/{term.id}", **form)
    assert "so it keeps its name" in answer.text
    assert send(registrar, f"/admin/terms/{term.id}", **(form | {"name": "Winter"})).status_code == 303
    send(registrar, f"/admin/terms/{term.id}/remove")
    assert [one.name for one in terms(world)] == ["Winter"]


def test_reviewers_have_nothing_to_do_with_terms(world: World, registrar: FlaskClient) -> None:
    add(registrar, world, "Winter", "2026-01-05", "2026-04-30")
    (term,) = terms(world)
    client = signed_in(world, StaffRole.REVIEWER)
    assert client.get("/admin/terms/").status_code == 403
    assert client.get(f"/admin/terms/{term.id}").status_code == 403
    assert add(client, world, "Summer", "2026-06-01", "2026-07-01").status_code == 403
    assert send(client, f"/admin/terms/{term.id}").status_code == 403
    assert send(client, f"/admin/terms/{term.id}/remove").status_code == 403


@pytest.mark.parametrize("path", ["/admin/terms/99", "/admin/terms/99/remove"])
def test_a_term_that_is_not_there(registrar: FlaskClient, path: str) -> None:
    form = {"name": "A", "first_day": "2026-01-05", "last_day": "2026-04-15"}
    assert send(registrar, path, **form).status_code == 404
