"""The admin's page of backpacks: add by address, rename, retire, and see how each fares."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from admin_pages import send
from claims import SAME_ORIGIN, page_token
from flask.testing import FlaskClient
from hosts.badgr_host import BadgrHost
from hosts.ob3_host import Ob3Host
from sqlalchemy import select
from web_world import World, make_world
from werkzeug.test import TestResponse

from lti_tool.errors import BackpackError, BackpackRefusedError, InvalidInputError
from lti_tool.models import AuditEvent, BackpackHost
from lti_tool.services import backpack_health, backpacks, introductions
from lti_tool.web.session import STAFF_COOKIE

PAGE = "/admin/backpacks/"


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """A tool that may call loopback."""
    world = make_world(migrated_sqlite_url, allowed_private_hosts=["127.0.0.1"])
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def admin(world: World) -> FlaskClient:
    """An admin's browser."""
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def add(admin: FlaskClient, name: str, address: str) -> TestResponse:
    form = {"csrf_token": page_token(admin.get(PAGE).text), "name": name, "address": address}
    return admin.post(PAGE, data=form, headers=SAME_ORIGIN)


def host(world: World) -> BackpackHost:
    with world.services.database.read() as session:
        return session.scalars(select(BackpackHost)).one()


@pytest.mark.parametrize(
    ("kind", "protocol", "said"),
    [(Ob3Host, "ob3_api", "Open Badges 3.0"), (BadgrHost, "badge_connect", "Badge Connect")],
)
def test_an_address_is_enough(world: World, admin: FlaskClient, kind: type, protocol: str, said: str) -> None:
    with kind() as served:
        answer = add(admin, "Our  satchel", served.base_url)
        assert answer.status_code == 303
    assert (host(world).protocol, host(world).name) == (protocol, "Our satchel")
    page = admin.get(PAGE).text
    assert f"It speaks {said}." in page
    assert "Works" in page
    with world.services.database.read() as session:
        assert "backpack.added" in set(session.scalars(select(AuditEvent.action)))


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("", "https://x.example", "Give it a name that learners know."),
        ("B", "https://[", "This is not the address of a backpack."),
        ("B", "http://127.0.0.1:9", "The address does not answer."),
        ("B", "https://10.0.0.1", "This address may not be called."),
    ],
)
def test_what_cannot_be_added_says_why(world: World, admin: FlaskClient, name: str, address: str, said: str) -> None:
    answer = add(admin, name, address)
    assert answer.status_code == 200
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_a_host_is_renamed_retired_and_offered_again(world: World, admin: FlaskClient) -> None:
    with world.services.database.write() as session:
        backpacks.add_host(session, "https://bag.example", "Bag", world.now[0])
    send(admin, f"{PAGE}1/name", PAGE, name="Satchel")
    send(admin, f"{PAGE}1/retire", PAGE)
    assert (host(world).name, host(world).is_offered) == ("Satchel", False)
    assert "Not offered" in admin.get(PAGE).text
    send(admin, f"{PAGE}1/offer", PAGE)
    assert host(world).is_offered
    send(admin, f"{PAGE}1/name", PAGE, name=" ")
    assert host(world).name == "Satchel"


def test_a_host_that_rests_says_until_when_and_can_be_tried_now(world: World, admin: FlaskClient) -> None:
    with world.services.database.write() as session:
        one = backpacks.add_host(session, "https://bag.example", "Bag", world.now[0])
        one.paused_until, one.failures = world.now[0] + timedelta(hours=1), 5
        one.error_code = "backpack_unavailable"
    page = admin.get(PAGE).text
    assert "Resting" in page
    assert "Bag does not answer. Open its address in a browser" in page
    send(admin, f"{PAGE}1/try", PAGE)
    assert host(world).paused_until is None


def test_figures_of_a_host(world: World) -> None:
    with world.services.database.write() as session:
        backpacks.add_host(session, "https://bag.example", "Bag", world.now[0])
        (one,) = backpack_health.list_hosts(session, world.now[0])
    assert (one.connected, one.waiting, one.delivered, one.failed, one.is_well) == (0, 0, 0, {}, True)


# -- which protocol ---------------------------------------------------------------------------------------------------


def test_a_host_of_both_protocols_is_used_by_the_better_one(world: World) -> None:
    with Ob3Host() as better:
        protocol, found = introductions.find_protocol(world.services.backpacks, better.base_url)
    assert (protocol, found.api_url) == ("ob3_api", f"{better.base_url}/ims/ob/v3p0")


def test_something_else_is_no_backpack(world: World) -> None:
    with Ob3Host() as other:
        other.fail("GET", "html", count=2)
        with pytest.raises(BackpackRefusedError) as caught:
            introductions.find_protocol(world.services.backpacks, other.base_url)
        assert caught.value.code == "backpack_not_recognised"
        other.fail("GET", "status 503")
        with pytest.raises(BackpackError) as away:
            introductions.find_protocol(world.services.backpacks, other.base_url)
        assert away.value.retryable


def test_an_unknown_protocol_is_named(world: World) -> None:
    with pytest.raises(InvalidInputError) as caught:
        introductions.find_protocol(world.services.backpacks, "https://x.example", "oauth1")
    assert caught.value.code == "protocol_unknown"
    assert "badge_connect" in str(caught.value)
