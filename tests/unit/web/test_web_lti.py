"""Login, launch, the step into the course, and refusals as pages inside the frame."""

import base64
import html
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from web_world import PLATFORM, START, World
from werkzeug.test import TestResponse

from lti_tool.errors import CookiesBlockedError, DeploymentPendingError, LaunchError, UnknownPlatformError
from lti_tool.models import LaunchSession, LoginState, Registration, Ticket
from lti_tool.services.secrets import secret_hash
from lti_tool.web.session import LAUNCH_COOKIE


def cookie_line(answer: TestResponse) -> str:
    (line,) = answer.headers.getlist("Set-Cookie")
    return line


def parts(line: str) -> set[str]:
    return {part.strip() for part in line.split(";")[1:]}


def ancestors(answer: TestResponse) -> str:
    found = re.search(r"frame-ancestors ([^;]+)", answer.headers["Content-Security-Policy"])
    assert found
    return found[1]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_login_leads_to_the_platform_with_a_cookie(world: World, client: FlaskClient, method: str) -> None:
    sent = {"iss": PLATFORM, "login_hint": "h"}
    where = {"query_string": sent} if method == "GET" else {"data": sent}
    answer = client.open("/lti/login", method=method, headers={"Sec-Fetch-Site": "cross-site"}, **where)
    assert answer.status_code == 302
    assert answer.location == f"{PLATFORM}/auth?state=x"
    assert world.launches.started_with == sent
    line = cookie_line(answer)
    assert line.startswith("__Host-lti_login_x=browser-secret;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned", "Max-Age=600"} <= parts(line)


def launch(world: World, client: FlaskClient, **more: object) -> TestResponse:
    world.launches.verified = world.launch(**more)  # type: ignore[arg-type]
    return client.post("/lti/launch", data={"state": "s"}, headers={"Origin": PLATFORM, "Sec-Fetch-Site": "cross-site"})


def test_a_launch_sets_the_cookie_and_steps_into_the_course(world: World, client: FlaskClient) -> None:
    answer = launch(world, client)
    assert answer.status_code == 303
    line = cookie_line(answer)
    assert line.startswith(f"{LAUNCH_COOKIE}=")
    assert parts(line) == {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"}
    entered = client.get(answer.location)
    assert entered.status_code == 303
    assert re.fullmatch(r"/courses/\d+/", entered.location)
    assert entered.headers["Referrer-Policy"] == "no-referrer"
    assert entered.headers["Cache-Control"] == "no-store"
    assert client.get(f"{entered.location}probe").status_code == 200
    assert client.get(answer.location).location == entered.location  # loading the step again does no harm
    assert [task for task, _ in world.queue.woken] == ["read_course"]


def test_without_the_cookie_the_session_goes_on_in_the_path_with_a_new_secret(
    world: World, client: FlaskClient
) -> None:
    answer = launch(world, client)
    secret = cookie_line(answer).split(";")[0].partition("=")[2]
    blocked = world.app.test_client(use_cookies=False)
    entered = blocked.get(answer.location)
    found = re.fullmatch(r"/s/([A-Za-z0-9_-]{43})(/courses/\d+/)", entered.location)
    assert found
    assert blocked.get(f"{entered.location}probe").status_code == 200
    assert found[1] != secret
    assert client.get(f"{found[2]}probe").status_code == 401  # the first secret is worth nothing now
    again = blocked.get(answer.location)
    assert again.status_code == 401
    assert "frame-ancestors 'self' *" in again.headers["Content-Security-Policy"]


def test_with_the_cookie_the_ticket_is_spent_too(world: World, client: FlaskClient) -> None:
    answer = launch(world, client)
    client.get(answer.location)
    assert world.app.test_client(use_cookies=False).get(answer.location).status_code == 401
    with world.services.database.read() as session:
        assert session.scalars(select(Ticket.used_at)).all() == [START]


def test_a_ticket_lasts_a_minute(world: World, client: FlaskClient) -> None:
    answer = launch(world, client)
    world.later(seconds=60)
    assert world.app.test_client(use_cookies=False).get(answer.location).status_code == 401


def test_a_cookie_of_another_session_does_not_enter(world: World, client: FlaskClient) -> None:
    first = launch(world, client)
    client.get(first.location)
    launch(world, client, sub="bob")  # the client has bob's cookie now
    assert client.get(first.location).status_code == 401


def test_a_launch_outside_a_course_says_so(world: World, client: FlaskClient) -> None:
    answer = client.get(launch(world, client, course=None).location)
    assert answer.status_code == 409
    assert "context_missing" in answer.text


def test_the_key_set_may_be_cached_and_holds_public_keys_only(client: FlaskClient) -> None:
    answer = client.get("/lti/jwks")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    for key in answer.json["keys"]:
        assert {"kty", "n", "e", "kid", "alg", "use"} <= set(key)
        assert not {"d", "p", "q"} & set(key)
    assert answer.json["keys"]


def test_a_refused_launch_is_a_page_the_platform_can_show(world: World, client: FlaskClient) -> None:
    with world.services.database.write() as session:
        session.add(
            LoginState(
                state_hash=secret_hash("the-state"),
                nonce_hash="n",
                registration_id=world.registration_id,
                login_parameters={},
                created_at=START,
                expires_at=START,
            )
        )
    world.launches.error = DeploymentPendingError("Deployment 7 is not known.")
    answer = client.post("/lti/launch", data={"state": "the-state"})
    assert answer.status_code == 403
    assert "an admin has to accept this installation" in answer.text
    assert "deployment_pending" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert ancestors(answer) == "'self' https://lms.example https://sso.lms.example"
    with world.services.database.read() as session:
        assert session.scalars(select(LaunchSession)).all() == []


def test_a_refused_launch_teaches_from_the_last_good_one(world: World, client: FlaskClient) -> None:
    world.open(frame_ancestors=("https://school.example",))
    token = base64.urlsafe_b64encode(json.dumps({"iss": PLATFORM}).encode()).decode().rstrip("=")
    world.launches.error = LaunchError("no")
    answer = client.post("/lti/launch", data={"state": "unknown", "id_token": f"x.{token}.x"})
    assert "https://school.example" in ancestors(answer)


def test_an_unknown_platform_sees_its_refusal_too(world: World, client: FlaskClient) -> None:
    world.launches.error = UnknownPlatformError("no")
    answer = client.get(
        "/lti/login", query_string={"iss": "https://new.example"}, headers={"Referer": "https://new.example/course/1"}
    )
    assert answer.status_code == 403
    assert "platform_unknown" in answer.text
    assert ancestors(answer) == "'self' https://new.example"
    assert ancestors(client.get("/lti/login")) == "'self'"


@pytest.mark.parametrize(
    "claims",
    ['{"iss":' + "[" * 50_000 + "]" * 50_000 + "}", '{"iss":"\\ud800"}', '{"iss":"\\u0000"}', "[1]", '{"iss":', ""],
    ids=["deep", "half a character", "nul", "list", "cut", "empty"],
)
def test_a_token_nobody_can_read_is_refused_like_any_other(world: World, client: FlaskClient, claims: str) -> None:
    token = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
    world.launches.error = LaunchError("no")
    answer = client.post("/lti/launch", data={"state": "unknown", "id_token": f"x.{token}.x"})
    assert answer.status_code == LaunchError.status
    assert ancestors(answer) == "'self'"


def test_an_issuer_beyond_ascii_does_not_break_the_header(world: World, client: FlaskClient) -> None:
    with world.services.database.write() as session:
        session.get_one(Registration, world.registration_id).issuer = "https://школа.example"
    world.launches.error = LaunchError("no")
    answer = client.post("/lti/login", data={"iss": "https://школа.example"})
    assert answer.status_code == LaunchError.status
    assert ancestors(answer) == "'self' https://sso.lms.example"


def test_blocked_cookies_lead_to_a_window_of_its_own(world: World, client: FlaskClient) -> None:
    parameters = {"iss": PLATFORM, "login_hint": 'a&b"<', "target_link_uri": "http://localhost:8000/"}
    world.launches.error = CookiesBlockedError("no cookie", login_parameters=parameters)
    page = client.post("/lti/launch", data={"state": "s"}).text
    found = re.search(r'<a class="btn btn-primary" href="([^"]+)" target="_blank" rel="noopener">', page)
    assert found
    address = urlsplit(html.unescape(found[1]))
    assert address.path == "/lti/login"
    assert parse_qs(address.query) == {name: [value] for name, value in parameters.items()}


def test_a_program_gets_json(world: World, client: FlaskClient) -> None:
    world.launches.error = UnknownPlatformError("no")
    answer = client.post("/lti/launch", headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json["error"] == "platform_unknown"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json["remedies"]


def test_launches_are_counted_by_result(world: World, client: FlaskClient) -> None:
    launch(world, client)
    world.launches.error = UnknownPlatformError("no")
    client.post("/lti/launch")
    figures = client.get("/metrics").text
    assert 'lti_badges_launches_total{result="accepted"} 1.0' in figures
    assert 'lti_badges_launches_total{result="platform_unknown"} 1.0' in figures
