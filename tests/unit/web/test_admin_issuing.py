"""An admin gives the institution's account for an issuing platform, and is told how it goes and what helps."""

from collections.abc import Iterator

import pytest
from claims import page_token
from flask.testing import FlaskClient
from hosts.badgr_host import BadgrHost
from sqlalchemy import select, update
from web_world import SAME_ORIGIN, World, make_world
from werkzeug.test import TestResponse

from lti_tool.models import IssuingPlatform, IssuingState, StaffRole
from lti_tool.services import issuing_platforms
from lti_tool.web.session import STAFF_COOKIE

PAGE = "/admin/issuing/"
REGISTRAR = "registrar@lakeside.example"


@pytest.fixture
def host() -> Iterator[BadgrHost]:
    with BadgrHost(throttle_seconds=0) as host:
        host.add_user(REGISTRAR, "a long secret")
        yield host


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = make_world(migrated_sqlite_url, allowed_private_hosts=("127.0.0.1",))
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def admin(world: World) -> FlaskClient:
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def send(admin: FlaskClient, where: str, **form: str) -> TestResponse:
    data = {"csrf_token": page_token(admin.get(PAGE).text)} | form
    return admin.post(where if where.startswith(PAGE) else PAGE, data=data, headers=SAME_ORIGIN)


def form(host: BadgrHost, **changes: str) -> dict[str, str]:
    usual = {"organization": "1", "name": "Badgr", "address": host.base_url, "email": REGISTRAR}
    return usual | {"password": "a long secret"} | changes


def platform(world: World) -> IssuingPlatform:
    with world.services.database.read() as session:
        return session.scalars(select(IssuingPlatform)).one()


def change(world: World, **values: object) -> None:
    with world.services.database.write() as session:
        session.execute(update(IssuingPlatform).values(**values))


def test_an_account_is_taken_and_its_password_forgotten(world: World, admin: FlaskClient, host: BadgrHost) -> None:
    assert "No platform yet." in admin.get(PAGE).text
    assert send(admin, PAGE, **form(host)).status_code == 303
    page = admin.get(PAGE).text
    assert "In use" in page
    assert REGISTRAR in page
    assert "none yet" in page
    with world.services.database.read() as session:
        (row,) = session.scalars(select(IssuingPlatform))
        account = issuing_platforms.read_account(row, world.services.vault)
    assert account.password is None
    assert account.tokens.refresh_token
    assert "a long secret" not in page + str(row.account)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "The platform does not accept this account."),
        ({"password": ""}, "Fill this in."),
        ({"address": "http://10.1.2.3"}, "The address may not be called"),
        ({"address": "http://127.0.0.1:1"}, "The platform could not be reached."),
    ],
)
def test_what_is_wrong_stands_next_to_its_field(
    world: World, admin: FlaskClient, host: BadgrHost, changes: dict[str, str], words: str
) -> None:
    answer = send(admin, PAGE, **form(host, **changes))
    assert answer.status_code == 200
    assert words in answer.text
    assert "a long secret" not in answer.text
    with world.services.database.read() as session:
        assert session.scalars(select(IssuingPlatform)).all() == []


def test_the_same_platform_is_added_once(admin: FlaskClient, host: BadgrHost) -> None:
    send(admin, PAGE, **form(host))
    assert "uses this platform already" in send(admin, PAGE, **form(host)).text


def test_a_web_page_is_no_platform(admin: FlaskClient, host: BadgrHost) -> None:
    host.fail("POST /o/token", "html")
    assert "something that is not its API" in send(admin, PAGE, **form(host)).text


def test_a_refused_account_is_said_and_signs_in_again(world: World, admin: FlaskClient, host: BadgrHost) -> None:
    send(admin, PAGE, **form(host))
    change(world, state=IssuingState.REFUSED, error_code="issuing_account_refused")
    page = admin.get(PAGE).text
    assert "Account refused" in page
    assert "Sign in again below; badges wait until then" in page
    refused = send(admin, f"{PAGE}1/account", email=REGISTRAR, password="wrong")
    assert "The platform does not accept this account." in refused.text
    assert send(admin, f"{PAGE}1/account", email=REGISTRAR, password="a long secret").status_code == 303
    assert platform(world).state is IssuingState.ACTIVE
    assert platform(world).error_code is None


def test_it_is_paused_switched_off_and_on_again(world: World, admin: FlaskClient, host: BadgrHost) -> None:
    send(admin, PAGE, **form(host))
    send(admin, f"{PAGE}1/pause")
    assert "Resting" in admin.get(PAGE).text
    send(admin, f"{PAGE}1/resume")
    assert platform(world).paused_until is None
    send(admin, f"{PAGE}1/off")
    assert "Switched off" in admin.get(PAGE).text
    send(admin, f"{PAGE}1/on")
    assert platform(world).state is IssuingState.ACTIVE
    assert "0 earlier badges are sent now." in admin.get(send(admin, f"{PAGE}1/earlier").headers["Location"]).text
    assert "0 badges are tried again." in admin.get(send(admin, f"{PAGE}1/again").headers["Location"]).text


def test_it_is_for_admins_only(world: World) -> None:
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR, "r@example.org"))
    assert client.get(PAGE).status_code == 403
