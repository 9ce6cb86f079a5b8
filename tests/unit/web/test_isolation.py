"""Whatever page there is or will be: nobody reaches another course, and no learner another learner's things."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World
from werkzeug.routing import Rule

from lti_tool.models import Award, Deployment, DeploymentState, Organization, Registration
from lti_tool.services import backpacks, blobs, issuing
from lti_tool.web.access import Kind, access_of
from lti_tool.web.session import LAUNCH_COOKIE

SHARED = ("issuer", "auth_login_url", "auth_token_url", "key_set_url")


@dataclass(frozen=True)
class Things:
    """Ids of one course's things, by the names that paths use."""

    course: CourseWorld
    ids: dict[str, Any]


def things_of(course: CourseWorld, learner: str) -> Things:
    """A course with a badge that a learner claimed, and another one that waits for the claim."""
    world, now = course.world, course.world.now[0]
    user_id = course.add_learner(learner, learner.title())
    course.add_column("quiz", "Quiz", {learner: "90"})
    course.add_item("water", "Keep water", quiz=70)
    rule = {"competency": course.identifier("water")}
    kept, waiting = (course.add_badge(name, name, rule, live=True) for name in ("kept", "waiting"))
    course.evaluate()
    with world.services.database.write() as session:
        awards = {one.achievement_id: one.id for one in session.scalars(select(Award).where(Award.user_id == user_id))}
        claimed = issuing.claim(session, course.context_id, awards[kept], user_id, show_name=False, now=now)
        host = backpacks.add_host(session, "https://backpack.example", "Backpack", now)
        digest = blobs.keep(session, learner.encode(), "image/png", now)  # stored, and no picture of this course
    assert claimed is not None
    ids = {"context_id": course.context_id, "user_id": user_id, "achievement_id": kept, "award_id": awards[waiting]}
    return Things(course, ids | {"credential_id": claimed.credential_id, "host_id": host.id, "sha256": digest})


def pages(world: World) -> list[tuple[str, Rule]]:
    """Every method and address that needs a launch."""
    with world.app.app_context():
        launched = [
            rule
            for rule in world.app.url_map.iter_rules()
            if (access := access_of(rule.endpoint)) and access.kind is Kind.LAUNCH and "probe" not in rule.endpoint
        ]
    return [(method, rule) for rule in launched for method in ("GET", "POST") if method in (rule.methods or ())]


def ask(world: World, client: FlaskClient, method: str, rule: Rule, ids: dict[str, Any], token: str) -> int:
    """Ask for a page with these ids; returns the status."""
    unknown = rule.arguments - ids.keys()
    assert not unknown, f"{rule.rule}: say in things_of what {unknown} are"
    with world.app.test_request_context():
        path = world.app.url_for(rule.endpoint, **{name: ids[name] for name in rule.arguments})
    sent: dict[str, Any] = {"data": {"csrf_token": token}, "headers": SAME_ORIGIN} if method == "POST" else {}
    return client.open(path, method=method, **sent).status_code


def browser(world: World, *roles: str, course: str, sub: str, **more: Any) -> tuple[FlaskClient, str]:
    """A browser with a launch, and its CSRF token."""
    opened = world.open(*roles, course=course, sub=sub, **more)
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    page = client.get(f"/courses/{opened.context_id}/probe/page").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return client, found[1]


@pytest.fixture
def here(world: World) -> Things:
    """The course that everybody in these tests comes from."""
    return things_of(make_course(world, "course-1"), "ada")


@pytest.fixture
def there(world: World) -> Things:
    """Another course of the same school."""
    return things_of(make_course(world, "course-2"), "ben")


@pytest.mark.parametrize("role", [INSTRUCTOR, LEARNER])
def test_nobody_reaches_another_course(world: World, here: Things, there: Things, role: str) -> None:
    client, token = browser(world, role, course="course-1", sub="ada")
    asked = pages(world)
    assert len(asked) > 25
    foreign = {(method, rule.rule): ask(world, client, method, rule, there.ids, token) for method, rule in asked}
    assert set(foreign.values()) == {403}
    mixed = {
        (method, rule.rule): ask(world, client, method, rule, there.ids | {"context_id": here.ids["context_id"]}, token)
        for method, rule in asked
        if rule.arguments - {"context_id"}
    }
    # One address brings back to the badge's own page, whatever it names, and that page refuses.
    brought_back = {("GET", rule.rule) for _, rule in asked if rule.endpoint == "connect.back" and role == LEARNER}
    assert {key for key, status in mixed.items() if status not in {403, 404}} == brought_back


def test_no_learner_reaches_another_learners_things(world: World, here: Things) -> None:
    client, token = browser(world, LEARNER, course="course-1", sub="eve")
    own = {"learner.home", "course.home", "connect.back"}
    found = {
        (method, rule.rule): ask(world, client, method, rule, here.ids, token)
        for method, rule in pages(world)
        if rule.endpoint not in own
    }
    assert set(found.values()) <= {403, 404}
    assert "kept" not in client.get(f"/courses/{here.ids['context_id']}/mine").text.partition("coming")[0]


def test_the_same_id_at_another_registration_is_another_person(world: World, here: Things) -> None:
    """Two registrations may share an issuer; ``sub`` and course ids are unique within one only."""
    with world.services.database.write() as session:
        organization = Organization(name="Other school", created_at=world.now[0])
        values = {name: getattr(session.get_one(Registration, world.registration_id), name) for name in SHARED}
        other = Registration(name="Other", client_id="client-2", created_at=world.now[0], **values)
        session.add_all([organization, other])
        session.flush()
        deployment = Deployment(
            registration_id=other.id,
            organization_id=organization.id,
            deployment_id="1",
            state=DeploymentState.ACTIVE,
            created_at=world.now[0],
        )
        session.add(deployment)
    same = {
        "registration_id": other.id,
        "deployment_row_id": deployment.id,
        "organization_id": organization.id,
        "name": None,
    }
    opened = world.open(LEARNER, course="course-1", sub="ada", **same)
    assert opened.user_id != here.ids["user_id"]
    assert opened.context_id != here.ids["context_id"]
    client, token = browser(world, LEARNER, course="course-1", sub="ada", **same)
    mine = here.ids | {"context_id": opened.context_id or 0}
    asked = [one for one in pages(world) if one[1].endpoint.startswith(("learner.", "connect."))]
    found = [
        ask(world, client, method, rule, mine, token)
        for method, rule in asked
        if rule.endpoint not in {"learner.home", "connect.back"}
    ]
    assert set(found) == {404}
