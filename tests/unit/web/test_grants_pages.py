"""Leave to read Canvas in the browser: the admin's developer key and service account, an instructor's own account."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
import requests
from admin_pages import send
from flask.testing import FlaskClient
from instructor_world import CourseWorld, make_course
from platforms.canvas_api import CanvasApi
from platforms.moodle_api import MoodleApi
from sqlalchemy import select
from web_world import SAME_ORIGIN, World, make_world
from werkzeug.test import TestResponse

from lti_tool.evidence import canvas_scopes
from lti_tool.models import ApiGrant, AuditEvent, GrantState, PlatformApi, Registration, SyncRun
from lti_tool.web.grants import COOKIE
from lti_tool.web.session import STAFF_COOKIE

PAGE = "/admin/platforms/1/sources"
CANVAS = f"{PAGE}/canvas/1"


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """A tool that may call loopback."""
    world = make_world(migrated_sqlite_url, allowed_private_hosts="127.0.0.1")
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def canvas(world: World) -> Iterator[CanvasApi]:
    """A Canvas whose developer key knows this tool."""
    with CanvasApi() as canvas:
        canvas.course.now = world.now[0]
        canvas.redirect_uris = {f"{world.services.settings.public_url}/grants/callback"}
        canvas.key_scopes = frozenset(canvas_scopes.scopes_of(canvas_scopes.PARTS))
        yield canvas


@pytest.fixture
def admin(world: World, client: FlaskClient) -> FlaskClient:
    """A browser in which an admin is signed in."""
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def store_key(admin: FlaskClient, canvas: CanvasApi, **changes: str) -> TestResponse:
    """Fill in the form about the developer key."""
    form = {
        "address": f"{canvas.address}/",
        "client_id": canvas.client_id,
        "client_secret": canvas.client_secret,
        "choices": "modules",
    }
    return fill_in(admin, CANVAS, form | changes)


def fill_in(admin: FlaskClient, path: str, form: Mapping[str, str]) -> TestResponse:
    """Send a form of the page; one of its fields is called as a parameter of ``send`` is."""
    return admin.post(path, data={"csrf_token": csrf_token_of(admin.get(PAGE).text), **form}, headers=SAME_ORIGIN)


def csrf_token_of(page: str) -> str:
    """The token that a page's forms carry."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def link_of(answer: TestResponse) -> str:
    """The link that leads to Canvas."""
    found = re.search(r'href="(/grants/go/[^"]+)"', answer.text)
    assert found
    return found[1]


def consent(window: FlaskClient, link: str) -> str:
    """Go to Canvas and decide there; returns where it sends the browser back to."""
    leaving = window.get(link)
    assert leaving.status_code == 303
    back = requests.get(leaving.location, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def grants(world: World) -> list[ApiGrant]:
    with world.services.database.read() as session:
        return list(session.scalars(select(ApiGrant)))


def actions(world: World) -> list[str]:
    with world.services.database.read() as session:
        return [one for one in session.scalars(select(AuditEvent.action)) if one.startswith(("api_", "platform_api"))]


# -- the admin --------------------------------------------------------------------------------------------------------


def test_from_the_developer_key_to_a_connected_service_account(
    world: World, admin: FlaskClient, canvas: CanvasApi
) -> None:
    empty = admin.get(PAGE).text
    assert "Not set up." in empty
    assert f"{world.services.settings.public_url}/grants/callback" in empty
    assert all(scope in empty for scope in canvas_scopes.scopes_of(canvas_scopes.PARTS))
    assert store_key(admin, canvas).status_code == 303
    assert "No account is connected" in admin.get(PAGE).text
    done = admin.get(consent(admin, link_of(send(admin, f"{CANVAS}/connect", PAGE))))
    assert done.status_code == 200
    assert "Badge Service" in done.text
    assert f'href="{PAGE}"' in done.text
    assert "Connected with the account of Badge Service" in admin.get(PAGE).text
    (grant,) = grants(world)
    assert (grant.place, grant.state, grant.user_id) == ("institution", GrantState.ACTIVE, None)
    assert grant.scopes == canvas_scopes.asked(["modules"])
    assert canvas.grants[0].scopes == frozenset(canvas_scopes.asked(["modules"]))
    assert actions(world) == ["platform_api.saved", "api_grant.given"]


def test_the_secret_is_stored_encrypted_and_never_shown(world: World, admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    with world.services.database.read() as session:
        stored = session.scalars(select(PlatformApi)).one().client_secret
    assert stored is not None
    assert canvas.client_secret not in stored
    assert canvas.client_secret not in admin.get(PAGE).text
    assert store_key(admin, canvas, client_secret="").status_code == 303
    with world.services.database.read() as session:
        kept = session.scalars(select(PlatformApi)).one().client_secret
    assert kept is not None
    assert world.services.vault.open(kept) == canvas.client_secret


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("address", "", "Fill this in."),
        ("address", "http://school.example", "Nothing answers at this address."),
        ("address", "ftp://127.0.0.1", "Enter an https address"),
        ("address", "https://127.0.0.1/?x=1", "Enter an https address"),
        ("client_id", "", "Fill this in."),
        ("client_secret", "", "Fill this in."),
    ],
)
def test_what_cannot_be_used_is_told_next_to_its_field(
    world: World, admin: FlaskClient, canvas: CanvasApi, field: str, value: str, words: str
) -> None:
    answer = store_key(admin, canvas, **{field: value})
    assert answer.status_code == 422
    assert words in answer.text.split(f'id="{field}-canvas-1-error"')[1][:400]
    with world.services.database.read() as session:
        assert session.scalars(select(PlatformApi)).all() == []


def test_another_address_or_key_ends_the_grants_there_are(world: World, admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    admin.get(consent(admin, link_of(send(admin, f"{CANVAS}/connect", PAGE))))
    store_key(admin, canvas, client_id="10000000000043")
    (grant,) = grants(world)
    assert (grant.state, grant.error_code, grant.tokens) == (GrantState.NEEDED, "api_changed", None)
    assert "the permission has to be given again" in admin.get(PAGE).text


def test_disconnecting_ends_the_grant_on_both_sides(world: World, admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    admin.get(consent(admin, link_of(send(admin, f"{CANVAS}/connect", PAGE))))
    assert send(admin, f"{CANVAS}/disconnect", PAGE).status_code == 303
    (grant,) = grants(world)
    assert (grant.state, grant.tokens, grant.account) == (GrantState.ENDED, None, None)
    assert canvas.grants[0].is_revoked
    assert "No account is connected" in admin.get(PAGE).text


def test_disconnecting_ends_a_grant_whose_token_ended_long_ago(
    world: World, admin: FlaskClient, canvas: CanvasApi
) -> None:
    store_key(admin, canvas)
    admin.get(consent(admin, link_of(send(admin, f"{CANVAS}/connect", PAGE))))
    canvas.course.later(hours=2)
    world.later(minutes=29)
    admin.get(PAGE)
    world.later(minutes=29)
    admin.get(PAGE)
    world.later(minutes=29)
    send(admin, f"{CANVAS}/disconnect", PAGE)
    assert grants(world)[0].state is GrantState.ENDED
    assert canvas.grants[0].is_revoked


def test_disconnecting_works_while_canvas_is_away(world: World, admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    admin.get(consent(admin, link_of(send(admin, f"{CANVAS}/connect", PAGE))))
    canvas.is_key_on = False
    send(admin, f"{CANVAS}/disconnect", PAGE)
    assert grants(world)[0].state is GrantState.ENDED


def test_switching_readings_off_and_on(world: World, admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    send(admin, f"{CANVAS}/disable", PAGE)
    page = admin.get(PAGE).text
    assert "Readings are switched off since" in page
    assert "Connect the service account" not in page.split('id="place-canvas-1"')[1]
    send(admin, f"{CANVAS}/enable", PAGE)
    assert actions(world) == ["platform_api.saved", "platform_api.disabled", "platform_api.enabled"]


def test_an_institution_of_another_platform_is_not_found(admin: FlaskClient, canvas: CanvasApi) -> None:
    store_key(admin, canvas)
    form = {"address": canvas.address, "client_id": "1", "client_secret": "x"}
    assert fill_in(admin, f"{PAGE}/canvas/99", form).status_code == 404
    assert admin.get("/admin/platforms/99/sources").status_code == 404


@pytest.mark.parametrize("issuer", ["https://other.example", "{site}/moodle2", "http://127.0.0.1:1"])
def test_another_moodle_than_the_one_launches_come_from_is_refused(
    world: World, admin: FlaskClient, issuer: str
) -> None:
    """Every Moodle counts its people from 1: with another one's grades the wrong learners would get badges."""
    with MoodleApi() as moodle:
        form = {"address": moodle.base_url, "token": moodle.token}
        for told, status in ((issuer.format(site=moodle.base_url), 422), (f"{moodle.base_url}/", 303)):
            with world.services.database.write() as session:
                session.get_one(Registration, world.registration_id).issuer = told
            answer = fill_in(admin, f"{PAGE}/moodle/1", form)
            assert (answer.status_code, "not the Moodle" in answer.text) == (status, status == 422)
            assert [one.state for one in grants(world)] == ([] if status == 422 else [GrantState.ACTIVE])


def test_only_an_admin_comes_here(client: FlaskClient) -> None:
    assert client.get(PAGE).status_code == 401


# -- consents that fail -----------------------------------------------------------------------------------------------


@pytest.fixture
def begun(admin: FlaskClient, canvas: CanvasApi) -> str:
    """A developer key is stored, and the link to Canvas is there."""
    store_key(admin, canvas)
    return link_of(send(admin, f"{CANVAS}/connect", PAGE))


def test_somebody_says_no(world: World, admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    canvas.decision = "deny"
    answer = admin.get(consent(admin, begun))
    assert (answer.status_code, "Nothing was allowed" in answer.text) == (403, True)
    assert grants(world) == []


def test_a_key_that_lacks_a_scope_is_named(world: World, admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    canvas.key_scopes = frozenset({canvas_scopes.COURSE})
    answer = admin.get(consent(admin, begun))
    assert "The developer key lacks a scope" in answer.text
    assert grants(world) == []


def test_a_wrong_secret(world: World, admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    canvas.client_secret = "another one"
    assert "does not accept the developer key" in admin.get(consent(admin, begun)).text
    assert grants(world) == []


def test_a_consent_counts_in_the_browser_that_began_it_and_once(
    world: World, admin: FlaskClient, canvas: CanvasApi, begun: str
) -> None:
    back = consent(admin, begun)
    stranger = world.app.test_client()
    assert "begun in another browser" in stranger.get(back).text
    stranger.set_cookie(COOKIE, "guessed")
    assert stranger.get(back).status_code == 403
    assert admin.get(back).status_code == 200
    again = admin.get(back)
    assert again.status_code == 403
    assert len(grants(world)) == 1


def test_a_consent_that_took_too_long(world: World, admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    back = consent(admin, begun)
    world.later(minutes=16)
    assert admin.get(back).status_code == 403
    assert grants(world) == []


def test_the_link_works_once_and_for_a_minute(world: World, admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    assert admin.get(begun).status_code == 303
    assert admin.get(begun).status_code == 403
    late = link_of(send(admin, f"{CANVAS}/connect", PAGE))
    world.later(seconds=61)
    assert admin.get(late).status_code == 403


def test_nothing_of_that_window_is_kept_or_travels_on(admin: FlaskClient, canvas: CanvasApi, begun: str) -> None:
    leaving = admin.get(begun)
    assert leaving.headers["Referrer-Policy"] == "no-referrer"
    assert leaving.headers["Cache-Control"] == "no-store"
    cookie = leaving.headers["Set-Cookie"]
    assert all(part in cookie for part in (COOKIE, "Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


# -- an instructor ----------------------------------------------------------------------------------------------------


@pytest.fixture
def course(world: World, admin: FlaskClient, canvas: CanvasApi) -> CourseWorld:
    """An instructor in a course of a Canvas whose key is set up, with nobody's account."""
    store_key(admin, canvas)
    return make_course(world)


def press(course: CourseWorld, path: str) -> TestResponse:
    """Press a button of the page about the permission."""
    return course.post(path, token=csrf_token_of(course.get("/grants/canvas")))


def test_an_instructors_own_account_for_one_course(world: World, course: CourseWorld, canvas: CanvasApi) -> None:
    page = course.get("/grants/canvas")
    assert "what learners handed in" in page
    assert "Allow it with my account" in page
    opening = press(course, "/grants/canvas")
    assert 'target="_blank" rel="noopener"' in opening.text
    window = world.app.test_client()
    done = window.get(consent(window, link_of(opening)))
    assert "You can close this window" in done.text
    (grant,) = grants(world)
    assert grant.place == f"context:{course.context_id}"
    assert grant.user_id is not None
    assert "End the permission" in course.get("/grants/canvas")
    with world.services.database.read() as session:
        assert session.scalars(select(SyncRun.reason)).all() == ["button"]
    assert press(course, "/grants/canvas/end").status_code == 303
    assert grants(world)[0].state is GrantState.ENDED
    assert canvas.grants[0].is_revoked


def test_where_nothing_is_set_up_the_page_says_whom_to_ask(world: World) -> None:
    course = make_course(world)
    answer = course.client.get(f"{course.base}/grants/canvas")
    assert answer.status_code == 409
    assert "This is not set up for your institution" in answer.text


def test_there_is_no_own_account_for_other_sources(course: CourseWorld) -> None:
    assert course.client.get(f"{course.base}/grants/moodle").status_code == 409
