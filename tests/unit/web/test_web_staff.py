"""Signing in with a one-time link, and out."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from web_world import SAME_ORIGIN, World

from lti_tool.models import AuditEvent, StaffRole, StaffSession
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize(("role", "home"), [(StaffRole.ADMIN, "/admin/"), (StaffRole.REVIEWER, "/staff/")])
def test_the_button_spends_the_link_and_signs_in(world: World, client: FlaskClient, role: StaffRole, home: str) -> None:
    address = f"/staff/join/{world.invite(role)}"
    for _ in range(2):  # looking spends nothing
        page = client.get(address)
        assert page.status_code == 200
        assert "admin@example.org" in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
    answer = client.post(address, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.location) == (303, home)
    (line,) = answer.headers.getlist("Set-Cookie")
    assert line.startswith(f"{STAFF_COOKIE}=")
    assert {part.strip() for part in line.split(";")[1:]} == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    signed_in = client.get(home)
    assert signed_in.status_code == 200
    assert "frame-ancestors 'none'" in signed_in.headers["Content-Security-Policy"]
    assert signed_in.headers["Cache-Control"] == "no-store"
    again = world.app.test_client().post(address, headers=SAME_ORIGIN)
    assert again.status_code == 409
    assert "invite_used" in again.text


def test_another_site_cannot_sign_anybody_in(world: World, client: FlaskClient) -> None:
    address = f"/staff/join/{world.invite()}"
    assert client.post(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_and_old_links_are_refused(world: World, client: FlaskClient, method: str) -> None:
    assert client.open("/staff/join/unknown", method=method, headers=SAME_ORIGIN).status_code == 404
    address = f"/staff/join/{world.invite()}"
    world.later(days=3)
    answer = client.open(address, method=method, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert "invite_expired" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_signing_out_ends_the_session_everywhere(world: World, client: FlaskClient) -> None:
    secret = world.staff_secret()
    client.set_cookie(STAFF_COOKIE, secret)
    page = client.get("/staff/").text
    answer = client.post("/staff/leave", data={"csrf_token": token(page)}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.location) == (303, "/staff/left")
    (line,) = answer.headers.getlist("Set-Cookie")
    assert "Max-Age=0" in line
    assert client.get("/staff/left").status_code == 200
    other = world.app.test_client()
    other.set_cookie(STAFF_COOKIE, secret)
    assert other.get("/staff/").status_code == 401
    with world.services.database.read() as session:
        assert session.scalars(select(StaffSession)).all() == []
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["staff.invited", "staff.signed_in", "staff.signed_out"]


def test_half_an_hour_of_silence_signs_out(world: World, client: FlaskClient) -> None:
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    world.later(minutes=29)
    assert client.get("/staff/").status_code == 200
    world.later(minutes=29)
    assert client.get("/staff/").status_code == 200
    world.later(minutes=30)
    answer = client.get("/staff/")
    assert answer.status_code == 401
    assert "staff_session_expired" in answer.text


def test_a_launch_is_no_staff_session(world: World, client: FlaskClient) -> None:
    client.set_cookie(STAFF_COOKIE, world.open().secret)
    client.set_cookie(LAUNCH_COOKIE, world.open().secret)
    assert client.get("/staff/").status_code == 401
