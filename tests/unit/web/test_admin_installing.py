"""Installing from the admin's pages: the link that is shown once, renewals, the form for what a platform shows."""

import re
from typing import Any

import pytest
from admin_pages import send
from flask.testing import FlaskClient
from sqlalchemy import select
from web_world import World

from lti_tool.models import AuditEvent, Deployment, PlatformInvite, Registration, StaffRole
from lti_tool.services import platform_invites
from lti_tool.web.platform_guides import GUIDES, family_of, guide_of
from lti_tool.web.session import STAFF_COOKIE

MANUAL = {
    "name": "Hillside",
    "product": "brightspace",
    "issuer": "https://d2l.example",
    "client_id": "c-9",
    "auth_login_url": "https://d2l.example/auth",
    "auth_token_url": "https://auth.d2l.example/token",
    "key_set_url": "https://d2l.example/jwks",
    "audience": "https://api.brightspace.com/auth/token",
    "deployment_ids": "d-1  d-2",
}


@pytest.fixture
def admin(world: World, client: FlaskClient) -> FlaskClient:
    """A browser in which an admin is signed in."""
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def rows(world: World, table: Any) -> list[Any]:
    with world.services.database.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


# -- the link ---------------------------------------------------------------------------------------------------------


def test_the_link_is_shown_once_with_what_to_click(world: World, admin: FlaskClient) -> None:
    answer = send(admin, "/admin/platforms/new", name="Hillside", product="moodle")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    link = re.search(r"http://localhost:8000/lti/register\?invite=([\w-]+)", answer.text)
    assert link
    assert "“Add LTI Advantage”" in answer.text
    assert "press “Activate”" in answer.text
    with world.services.database.read() as session:
        assert platform_invites.get_open(session, link[1], world.now[0]).name == "Hillside"
    (stored,) = rows(world, PlatformInvite)
    assert stored.created_by == "staff:1"
    assert link[1] not in admin.get("/admin/platforms/new").text
    assert rows(world, AuditEvent)[-1].action == "platform.invited"


def test_an_open_link_and_how_it_went_are_listed(world: World, admin: FlaskClient) -> None:
    send(admin, "/admin/platforms/new", name="Hillside", product="")
    assert "Not opened yet" in admin.get("/admin/platforms/new").text
    with world.services.database.write() as session:
        platform_invites.note_opened(session, 1, world.now[0])
    world.later(minutes=3)
    assert "Opened 3 minutes ago, not registered yet" in admin.get("/admin/platforms/new").text
    with world.services.database.write() as session:
        platform_invites.note_failed(session, 1, "configuration_foreign")
    assert "configuration_foreign" in admin.get("/admin/platforms/new").text


def test_a_name_that_is_taken_or_none_stays_in_the_form(world: World, admin: FlaskClient) -> None:
    for name, words in (("Lakeside", "A platform has this name already"), ("", "Enter one line")):
        answer = send(admin, "/admin/platforms/new", name=name, product="canvas")
        assert answer.status_code == 422
        assert words in answer.text
        assert 'href="#name"' in answer.text
        assert re.search(r'value="canvas" checked', answer.text)
    assert rows(world, PlatformInvite) == []


def test_who_cannot_register_itself_goes_to_the_form(world: World, admin: FlaskClient) -> None:
    answer = send(admin, "/admin/platforms/new", name="Hillside", product="blackboard")
    assert answer.status_code == 303
    page = admin.get(answer.headers["Location"]).text
    assert 'value="Hillside"' in page
    assert "LTI Tool Providers" in page
    assert rows(world, PlatformInvite) == []


def test_a_renewal_is_of_the_registration_that_is_there(world: World, admin: FlaskClient) -> None:
    answer = send(admin, "/admin/platforms/1/renew", "/admin/platforms/1")
    assert "brings the registration that is there up to date" in answer.text
    (stored,) = rows(world, PlatformInvite)
    assert (stored.name, stored.registration_id) == ("Lakeside", 1)
    assert "A renewal link waits until" in admin.get("/admin/platforms/1").text
    assert send(admin, "/admin/platforms/9/renew", "/admin/platforms/1").status_code == 404


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_what_was_typed_in_becomes_a_registration(world: World, admin: FlaskClient) -> None:
    page = admin.get("/admin/platforms/manual?product=canvas").text
    assert "http://localhost:8000/lti/canvas-config.json" in page
    answer = send(admin, "/admin/platforms/manual", **MANUAL)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/platforms/2")
    added = rows(world, Registration)[-1]
    assert {name: getattr(added, name) for name in MANUAL if name != "deployment_ids"} == {
        name: value for name, value in MANUAL.items() if name != "deployment_ids"
    }
    assert [one.deployment_id for one in rows(world, Deployment)] == ["1", "d-1", "d-2"]
    event = rows(world, AuditEvent)[-1]
    assert (event.action, event.actor, event.subject) == ("registration.added", "staff:1", "registration:2")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("issuer", "", "Fill this in."),
        ("name", "Lakeside", "A platform has this name already"),
        ("auth_login_url", "http://d2l.example/auth", "Enter an https address"),
        ("key_set_url", "d2l.example", "Enter an https address"),
        ("name", "x" * 256, "at most 255 characters"),
        ("deployment_ids", "y" * 256, "at most 255 characters"),
    ],
)
def test_an_entry_that_cannot_be_used_is_said_beside_it(
    world: World, admin: FlaskClient, field: str, value: str, words: str
) -> None:
    answer = send(admin, "/admin/platforms/manual", **MANUAL | {field: value})
    assert answer.status_code == 200
    assert re.search(rf'id="{field}-error">.*{words}', answer.text, re.DOTALL)
    assert f'href="#{field}"' in answer.text
    assert 'value="https://auth.d2l.example/token"' in answer.text, "what was typed stays"
    assert len(rows(world, Registration)) == 1


def test_the_same_client_twice(world: World, admin: FlaskClient) -> None:
    answer = send(
        admin, "/admin/platforms/manual", **MANUAL | {"issuer": "https://lms.example", "client_id": "client-1"}
    )
    assert 'id="client_id-error"' in answer.text


# -- who, and which LMS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/admin/platforms/new", "/admin/platforms/manual", "/admin/platforms/1"])
def test_other_staff_stay_out(world: World, client: FlaskClient, address: str) -> None:
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR))
    assert client.get(address).status_code == 403


def test_an_empty_list_begins_with_the_link(world: World, admin: FlaskClient) -> None:
    with world.services.database.write() as session:
        session.delete(session.get_one(Deployment, 1))
        session.flush()
        session.delete(session.get_one(Registration, 1))
    page = admin.get("/admin/").text
    assert "No platform yet" in page
    assert 'href="/admin/platforms/new"' in page


@pytest.mark.parametrize(
    ("product", "family"),
    [
        ("canvas", "canvas"),
        ("MOODLE", "moodle"),
        ("desire2learn", "brightspace"),
        ("BlackboardLearn", "blackboard"),
        ("open-edx", "openedx"),
        ("unheard-of", ""),
        (None, ""),
    ],
)
def test_a_product_has_the_guide_of_its_family(product: str | None, family: str) -> None:
    assert family_of(product) == family
    assert guide_of(product).name == (GUIDES[family].name if family else "")
