"""The ladder over HTTP: where a login leaves its secret, and what a launch that waits is opened by."""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from signed_launches import ISSUER, TOOL, Bench
from sqlalchemy import func, select
from web_world import World, make_world
from werkzeug.test import TestResponse

from lti_tool.db import Database
from lti_tool.lti.platform_storage import AGAIN
from lti_tool.models import LaunchSession, PendingLaunch
from lti_tool.web import rates
from lti_tool.web.session import LAUNCH_COOKIE

FRAMED = {"Origin": ISSUER, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
WINDOW = FRAMED | {"Sec-Fetch-Dest": "document"}
CLIENT_ID = "client-9"
OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
JSON = {"Accept": "application/json"}


def signing_bench(world: World) -> Bench:
    """A platform that signs, registered with the world's tool, whose launches are really verified."""
    bench = Bench(Database(world.services.database.engine), name="Hillside", client_id=CLIENT_ID)
    bench.clock.now = world.now[0]
    object.__setattr__(world.services, "launches", bench.launches)
    return bench


@pytest.fixture
def bench(world: World) -> Bench:
    return signing_bench(world)


@pytest.fixture
def browser(world: World) -> FlaskClient:
    """A browser whose cookies are sent by hand."""
    return world.app.test_client(use_cookies=False)


def log_in(browser: FlaskClient, headers: dict[str, str], **more: str) -> TestResponse:
    sent = {"iss": ISSUER, "login_hint": "7", "client_id": CLIENT_ID, "target_link_uri": f"{TOOL}/lti/launch"}
    return browser.get("/lti/login", query_string=sent | more, headers=headers)


def cookies_of(answer: TestResponse) -> dict[str, tuple[str, set[str]]]:
    """Name: value and attributes."""
    lines = [line.split("; ") for line in answer.headers.getlist("Set-Cookie")]
    return {one[0].split("=")[0]: (one[0].split("=", 1)[1], set(one[1:])) for one in lines}


class Login:
    """A login begun in a browser, and the launch that follows."""

    def __init__(self, bench: Bench, browser: FlaskClient, headers: dict[str, str], **more: str) -> None:
        self.bench, self.browser, self.headers = bench, browser, headers
        self.answer = log_in(browser, headers, **more)
        self.cookies = cookies_of(self.answer)
        address = self.answer.location or html.unescape(self.data("next"))
        self.query = dict(parse_qsl(urlsplit(address).query))
        self.secret = next(iter(self.cookies.values()))[0]

    def data(self, name: str, answer: TestResponse | None = None) -> str:
        found = re.search(rf'data-{name}="([^"]*)"', (answer or self.answer).text)
        assert found, name
        return found[1]

    def post(self, **headers: str) -> TestResponse:
        form = self.bench.form(self, {"aud": CLIENT_ID})  # type: ignore[arg-type]
        return self.browser.post("/lti/launch", data=form, headers=self.headers | headers)

    def ticket(self) -> str:
        answer = self.post()
        assert answer.status_code == 403
        return self.data("ticket", answer)


def cookie(name: str, value: str) -> dict[str, str]:
    return {"Cookie": f"{name}={value}"}


def prove(browser: FlaskClient, ticket: Any, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
    return browser.post("/lti/prove", json={"ticket": ticket} | more, headers=OWN | (headers or {}))


def sessions(world: World) -> int:
    with world.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(LaunchSession)) or 0


# -- where a login leaves its secret ----------------------------------------------------------------------------------


def test_in_a_frame_one_partitioned_cookie(bench: Bench, browser: FlaskClient) -> None:
    answer = log_in(browser, FRAMED)
    assert answer.status_code == 302
    ((name, (_, attributes)),) = cookies_of(answer).items()
    assert name.startswith("__Host-lti_login_")
    assert attributes == {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned", "Max-Age=600"} | {
        one for one in attributes if one.startswith("Expires=")
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_in_a_window_a_second_cookie_of_the_same_value(bench: Bench, browser: FlaskClient) -> None:
    first, second = cookies_of(log_in(browser, WINDOW)).items()
    assert second[0].startswith("__Host-lti_window_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= second[1][1]
    assert "Partitioned" not in second[1][1]
    assert first[1][0] == second[1][0]


def test_our_script_begins_again_and_gets_an_address(bench: Bench, browser: FlaskClient) -> None:
    answer = log_in(browser, OWN | {"Sec-Fetch-Dest": "empty"}, **{AGAIN: "1"})
    assert answer.json["next"].startswith(f"{ISSUER}/auth?")
    assert [
        {one for one in attributes if not one.startswith(("Expires", "Max-Age"))}
        for _, attributes in cookies_of(answer).values()
    ] == [
        {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"},
        {"Secure", "HttpOnly", "Path=/", "SameSite=None"},
    ]


def test_nobody_else_gets_an_address_as_json(bench: Bench, browser: FlaskClient) -> None:
    assert log_in(browser, JSON).status_code == 302
    assert log_in(browser, {}, **{AGAIN: "1"}).status_code == 302


def test_a_platform_with_storage_gets_a_page_first(bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED, lti_storage_target="_parent")
    answer = login.answer
    assert answer.status_code == 200
    assert login.data("storage-target") == "_parent"
    assert login.data("storage-origin") == ISSUER
    assert login.data("storage-key") == f"lti_state_{login.query['state']}"
    assert login.data("secret") == login.secret
    assert f'href="{login.data("next")}"' in answer.text  # without a script
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' *" in policy
    assert "script-src 'nonce-" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_storage_target_is_shown_as_text(bench: Bench, browser: FlaskClient) -> None:
    page = log_in(browser, FRAMED, lti_storage_target='"><script>alert(1)</script>').text
    assert "<script>alert" not in page


# -- the page of a launch that waits ----------------------------------------------------------------------------------


def test_a_launch_without_its_cookie_waits(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED, lti_storage_target="frame")
    answer = login.post()
    assert answer.status_code == 403
    assert ">cookies_blocked<" in answer.text
    assert login.data("storage-target", answer) == "frame"
    assert login.data("storage-key", answer) == f"lti_state_{login.query['state']}"
    assert login.secret not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert f"frame-ancestors 'self' {ISSUER};" in answer.headers["Content-Security-Policy"] + ";"
    assert "Set-Cookie" not in answer.headers
    assert sessions(world) == 0
    again = login.post()
    assert ">launch_replayed<" in again.text


def test_both_ways_out_begin_the_same_login_without_the_storage(bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED, lti_storage_target="frame", lti_message_hint="a&b")
    page = login.post()
    window = re.search(r'<a [^>]*href="([^"]+)" target="_blank" rel="noopener" data-window>', page.text)
    assert window
    query = parse_qs(urlsplit(html.unescape(window[1])).query)
    assert query.pop("lti_message_hint") == ["a&b"]
    assert set(query) == {"iss", "login_hint", "client_id", "target_link_uri"}
    assert html.unescape(login.data("again-url", page)) == f"{html.unescape(window[1])}&{AGAIN}=1"


def test_storage_access_is_tried_once(bench: Bench, browser: FlaskClient) -> None:
    page = Login(bench, browser, FRAMED, **{AGAIN: "1"}).post().text
    assert "data-again-url" not in page
    assert "data-window" in page


def test_in_a_window_no_further_window_is_offered(bench: Bench, browser: FlaskClient) -> None:
    page = Login(bench, browser, WINDOW).post().text
    assert "data-window" not in page
    assert "also in a window of its own" in page
    assert '<form method="post" action="/lti/prove">' in page


def test_a_program_is_refused_and_nothing_waits(world: World, bench: Bench, browser: FlaskClient) -> None:
    answer = Login(bench, browser, FRAMED).post(**JSON)
    assert (answer.status_code, answer.json["error"]) == (403, "cookies_blocked")
    with world.services.database.read() as session:
        assert session.scalars(select(PendingLaunch)).all() == []


# -- proofs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["first cookie", "second cookie"])
def test_a_cookie_opens_the_session(world: World, bench: Bench, browser: FlaskClient, which: int) -> None:
    login = Login(bench, browser, WINDOW)
    name = list(login.cookies)[which]
    answer = prove(browser, login.ticket(), cookie(name, login.secret))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    ((sent, (secret, attributes)),) = cookies_of(answer).items()
    assert sent == LAUNCH_COOKIE
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned"} <= attributes
    entered = browser.get(answer.json["next"], headers=cookie(LAUNCH_COOKIE, secret))
    assert re.fullmatch(r"/courses/\d+/", entered.location)
    assert 'lti_badges_launches_total{result="accepted"} 1.0' in browser.get("/metrics").text
    assert [task for task, _ in world.queue.woken] == ["read_course"]


def test_the_platforms_value_opens_a_session_in_the_path(bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED, lti_storage_target="frame")
    answer = prove(browser, login.ticket(), value=login.secret)
    entered = browser.get(answer.json["next"])
    assert re.fullmatch(r"/s/[\w-]{43}/courses/\d+/", entered.location)
    assert browser.get(f"{entered.location}probe").status_code == 200


def test_another_browser_gets_nothing_for_a_ticket(world: World, bench: Bench, browser: FlaskClient) -> None:
    """Somebody is made to end a login that another began: they have a ticket, and cookies of their own."""
    attacker = Login(bench, browser, WINDOW)
    victim = Login(bench, world.app.test_client(use_cookies=False), WINDOW)
    own = {"Cookie": "; ".join(f"{name}={victim.secret}" for name in victim.cookies)}
    assert prove(browser, attacker.ticket(), own).json["error"] == "proof_missing"
    assert sessions(world) == 0


def test_a_wrong_value_counts_and_the_fifth_closes(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED)
    ticket = login.ticket()
    codes = [prove(browser, ticket, value="guess").json["error"] for _ in range(5)]
    assert codes == ["proof_wrong"] * 4 + ["proof_attempts"]
    assert prove(browser, ticket, value=login.secret).json["error"] == "proof_attempts"
    assert sessions(world) == 0


def test_a_ticket_is_spent_once(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED)
    ticket = login.ticket()
    assert prove(browser, ticket, value=login.secret).status_code == 200
    again = prove(browser, ticket, value=login.secret)
    assert (again.status_code, again.json["error"]) == (403, "ticket_spent")
    assert again.json["remedies"]
    assert sessions(world) == 1


def test_a_ticket_ends_after_two_minutes(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, FRAMED)
    ticket = login.ticket()
    world.later(seconds=120)
    assert prove(browser, ticket, value=login.secret).json["error"] == "ticket_expired"
    assert sessions(world) == 0


@pytest.mark.parametrize("ticket", [None, 5, ["x"], {"x": 1}, "", "x" * 10_000, "\ud800", "\0"], ids=repr)
def test_a_ticket_nobody_gave(world: World, bench: Bench, browser: FlaskClient, ticket: Any) -> None:
    answer = prove(browser, ticket, value="x")
    assert answer.status_code == 403
    assert answer.json["error"] in {"ticket_expired", "proof_missing"}


@pytest.mark.parametrize("value", [5, ["x"], {"x": 1}, True])
def test_a_value_that_is_no_text(bench: Bench, browser: FlaskClient, value: Any) -> None:
    assert prove(browser, Login(bench, browser, FRAMED).ticket(), value=value).json["error"] == "proof_missing"


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '"x"'])
def test_json_that_names_no_ticket(bench: Bench, browser: FlaskClient, body: str) -> None:
    answer = browser.post("/lti/prove", data=body, content_type="application/json", headers=OWN)
    assert answer.json["error"] == "proof_missing"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": ISSUER}, {"Origin": "null"}],
    ids=str,
)
def test_other_sites_cannot_prove(world: World, bench: Bench, browser: FlaskClient, headers: dict[str, str]) -> None:
    login = Login(bench, browser, WINDOW)
    body = {"ticket": login.ticket(), "value": login.secret}
    answer = browser.post("/lti/prove", json=body, headers=JSON | headers)
    assert (answer.status_code, answer.json["error"]) == (403, "foreign_origin")
    assert sessions(world) == 0


def test_without_a_script_a_form_and_the_cookie(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, WINDOW)
    name = list(login.cookies)[1]
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = browser.post("/lti/prove", data={"ticket": login.ticket()}, headers=own | cookie(name, login.secret))
    assert answer.status_code == 303
    assert urlsplit(answer.location).path == "/lti/enter"


def test_a_form_cannot_carry_a_value(world: World, bench: Bench, browser: FlaskClient) -> None:
    login = Login(bench, browser, WINDOW)
    sent = {"ticket": login.ticket(), "value": login.secret}
    answer = browser.post("/lti/prove", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 403
    assert ">proof_missing<" in answer.text
    assert sessions(world) == 0


# -- how often --------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh_rates(monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str) -> Iterator[World]:
    monkeypatch.setattr(rates, "FAILED_LOGINS", rates.parse("3 per minute"))
    world = make_world(migrated_sqlite_url)
    rates.limiter.reset()
    yield world
    rates.limiter.reset()
    world.services.database.engine.dispose()


def test_logins_that_fail_are_limited_and_others_are_not(fresh_rates: World) -> None:
    signing_bench(fresh_rates)
    browser = fresh_rates.app.test_client()
    failed = [log_in(browser, {}, iss="https://nobody.example").status_code for _ in range(5)]
    assert failed == [403, 403, 403, 429, 429]
    assert [log_in(browser, {}).status_code for _ in range(5)] == [302] * 5
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert browser.get("/lti/login", environ_overrides=elsewhere).status_code == 400


def test_launches_that_fail_do_not_count_as_logins(fresh_rates: World) -> None:
    signing_bench(fresh_rates)
    browser = fresh_rates.app.test_client()
    assert [browser.post("/lti/launch", data={"state": "x"}).status_code for _ in range(5)] == [403] * 5
