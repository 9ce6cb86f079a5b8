"""The admin's first page and its decisions."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from web_world import SAME_ORIGIN, START, World

from lti_tool.models import AuditEvent, Deployment, DeploymentState, StaffRole, SyncRun, SyncState
from lti_tool.web.session import STAFF_COOKIE


@pytest.fixture
def admin(world: World, client: FlaskClient) -> FlaskClient:
    """A browser in which an admin is signed in."""
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def decide(admin: FlaskClient, row_id: int, decision: str) -> tuple[int, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', admin.get("/admin/").text)
    assert found
    answer = admin.post(f"/admin/deployments/{row_id}/{decision}", data={"csrf_token": found[1]}, headers=SAME_ORIGIN)
    return answer.status_code, answer.text


def state(world: World, row_id: int) -> DeploymentState:
    with world.services.database.read() as session:
        return session.get_one(Deployment, row_id).state


@pytest.mark.parametrize(
    ("decision", "after"), [("accept", DeploymentState.ACTIVE), ("refuse", DeploymentState.DISABLED)]
)
def test_a_decision_is_made_said_and_audited(
    world: World, admin: FlaskClient, decision: str, after: DeploymentState
) -> None:
    row_id = world.add_deployment("new-one")
    page = admin.get("/admin/").text
    assert "1 deployment waits for your decision." in page
    assert f"/admin/deployments/{row_id}/{decision}" in page
    assert decide(admin, row_id, decision)[0] == 303
    assert state(world, row_id) is after
    page = admin.get("/admin/").text
    assert f"Deployment new-one is {decision}{'d' if decision == 'refuse' else 'ed'}." in page
    assert "waits for your decision" not in page
    with world.services.database.read() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert event.action.startswith(f"deployment.{decision}")
    assert (event.actor, event.subject) == ("staff:1", f"deployment:{row_id}")
    assert event.organization_id == world.organization_id


def test_what_was_decided_stays_decided(world: World, admin: FlaskClient) -> None:
    status, text = decide(admin, world.deployment_row_id, "refuse")
    assert status == 409
    assert "deployment_decided" in text
    assert state(world, world.deployment_row_id) is DeploymentState.ACTIVE
    assert decide(admin, 999, "accept")[0] == 404


def test_a_decision_without_the_token_is_refused(world: World, admin: FlaskClient) -> None:
    row_id = world.add_deployment("new-one")
    assert admin.post(f"/admin/deployments/{row_id}/accept", headers=SAME_ORIGIN).status_code == 400
    assert state(world, row_id) is DeploymentState.PENDING


def test_other_staff_decide_nothing(world: World, client: FlaskClient) -> None:
    row_id = world.add_deployment("new-one")
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR))
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/staff/").text)
    assert found
    form = {"csrf_token": found[1]}
    assert client.post(f"/admin/deployments/{row_id}/accept", data=form, headers=SAME_ORIGIN).status_code == 403
    assert state(world, row_id) is DeploymentState.PENDING


def test_failed_readings_show_with_their_code(world: World, admin: FlaskClient) -> None:
    opened = world.open()
    with world.services.database.write() as session:
        session.add(
            SyncRun(
                context_id=opened.context_id,
                state=SyncState.FAILED,
                reason="button",
                due_at=START,
                finished_at=START,
                counts={},
                error_code="platform_throttled",
            )
        )
    world.later(minutes=4)
    page = admin.get("/admin/").text
    assert "platform_throttled" in page
    assert "4 minutes ago" in page
    assert "Title of course-1" in page


def test_names_from_platforms_are_text(world: World, admin: FlaskClient) -> None:
    world.add_deployment("<script>alert(1)</script>")
    page = admin.get("/admin/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
