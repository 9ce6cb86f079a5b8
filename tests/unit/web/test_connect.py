"""Connecting a backpack that speaks the protocol, over real HTTP: ticket, consent, callback, delivery."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from claims import TOOL, Wallets, wallets_on
from conftest import Live
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_store import BackpackStore
from lti_tool.errors import BackpackRefusedError
from lti_tool.jobs import schedule
from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    ConnectState,
    CredentialVersion,
    Delivery,
    DeliveryState,
    VersionState,
)
from lti_tool.services import backpacks
from lti_tool.services.wakeups import DELIVER_CREDENTIAL
from lti_tool.web.connect import COOKIE


@dataclass
class Desk:
    """Ada's claimed badge, her browser in the course, a window of its own, and the backpack."""

    wallets: Wallets
    store: BackpackStore
    url: str
    host_id: int
    credential_id: int
    frame: FlaskClient
    window: FlaskClient

    @property
    def page(self) -> str:
        """The badge's page below ``mine``."""
        return f"/badges/{self.credential_id}"

    def ticket(self) -> str:
        """Press *Connect*; returns the path of the link that opens the window."""
        answer = self.wallets.press(self.frame, self.page, f"connect/{self.host_id}")
        assert answer.status_code == 200
        assert 'target="_blank" rel="noopener"' in answer.text
        return answer.text.partition('href="/connect/')[2].partition('"')[0]

    def leave(self) -> str:
        """Open the window; returns the host's address it is sent to."""
        answer = self.window.get(f"/connect/{self.ticket()}")
        assert answer.status_code == 303
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        return str(answer.location)

    def decide(self, address: str, decision: str = "allow") -> str:
        """Sign in at the backpack and press a button; returns the path of the callback with its query."""
        with requests.Session() as browser:
            page = browser.get(address)
            form = {"csrf_token": csrf_of(page.text), "name": "Ada", "email": "ada@lakeside.example"}
            page = browser.post(page.url, data=form)
            form = {"csrf_token": csrf_of(page.text), "decision": decision}
            location = browser.post(page.url, data=form, allow_redirects=False).headers["Location"]
        assert location.startswith(f"{TOOL}/connect/callback?")
        return location.removeprefix(TOOL)

    def connect(self) -> TestResponse:
        """The whole way."""
        return self.window.get(self.decide(self.leave()))

    def text(self) -> str:
        """The badge's page as the learner sees it."""
        return self.frame.get(self.wallets.mine(self.page)).text


def csrf_of(page: str) -> str:
    return page.split('name="csrf_token" value="')[1].split('"')[0]


@pytest.fixture
def desk(migrated_sqlite_url: str, live: Live) -> Iterator[Desk]:
    """Nothing is connected yet."""
    built: list[Flask] = []

    def backpack_app(environ, start_response):  # type: ignore[no-untyped-def]
        return built[0](environ, start_response)

    url = live(backpack_app)
    built.append(create_backpack(url))
    with wallets_on(migrated_sqlite_url) as wallets:
        with wallets.services.database.write() as session:
            host_id = backpacks.add_host(session, url, "Demo backpack", wallets.course.now).id
        credential_id = wallets.claim()
        window = wallets.app.test_client()
        store = built[0].extensions["backpack"]
        yield Desk(wallets, store, url, host_id, credential_id, wallets.browser(wallets.ada), window)


# -- the whole way ----------------------------------------------------------------------------------------------------


def test_a_badge_reaches_the_backpack_and_its_page_says_so(desk: Desk) -> None:
    answer = desk.connect()
    assert answer.status_code == 200
    assert "You can close this window" in answer.text
    assert desk.wallets.queue.woken == [(DELIVER_CREDENTIAL, 1)]
    assert "sent to Demo backpack in a moment" in desk.text()
    schedule.run_due(desk.wallets.services)
    assert 'data-state="delivered"' in desk.text()
    (stored,) = desk.store.credentials.values()
    assert stored.credential_id == desk.wallets.document(desk.credential_id)["id"]


def test_the_tool_makes_itself_known_once_with_pages_that_exist(desk: Desk) -> None:
    desk.leave()
    desk.wallets.course.later(minutes=1)
    desk.leave()
    (client,) = desk.store.clients.values()
    assert client.name == desk.wallets.services.settings.tool_name
    assert client.redirect_uris == (f"{TOOL}/connect/callback",)


def test_the_way_to_the_host_carries_pkce_and_a_cookie_of_its_own(desk: Desk) -> None:
    answer = desk.window.get(f"/connect/{desk.ticket()}")
    query = parse_qs(urlsplit(answer.location).query)
    assert query["code_challenge_method"] == ["S256"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=900"):
        assert part in cookie
    assert answer.headers["Cache-Control"] == "no-store"


def test_once_connected_the_next_badge_needs_one_button(desk: Desk) -> None:
    desk.connect()
    with desk.wallets.services.database.write() as session:
        session.delete(session.scalars(select(Delivery)).one())
    assert "Put it in Demo backpack" in desk.text()
    answer = desk.wallets.press(desk.frame, desk.page, f"deliver/{desk.host_id}")
    assert answer.location == desk.wallets.mine(desk.page)
    schedule.run_due(desk.wallets.services)
    assert len(desk.store.credentials) == 1


def test_disconnecting_forgets_the_tokens_and_ends_the_consent_at_the_host(desk: Desk) -> None:
    desk.connect()
    schedule.run_due(desk.wallets.services)
    desk.wallets.press(desk.frame, desk.page, f"disconnect/{desk.host_id}")
    with desk.wallets.services.database.read() as session:
        connection = session.scalars(select(BackpackConnection)).one()
    assert (connection.state, connection.tokens) == (ConnectionState.DISCONNECTED, None)
    assert [consent.ended for consent in desk.store.consents.values()] == [True]
    assert len(desk.store.credentials) == 1


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_ticket_works_once(desk: Desk) -> None:
    ticket = desk.ticket()
    assert desk.window.get(f"/connect/{ticket}").status_code == 303
    again = desk.wallets.app.test_client().get(f"/connect/{ticket}")
    assert again.status_code == 403
    assert "This link has been used or is too old" in again.text


def test_a_ticket_ends_after_a_minute(desk: Desk) -> None:
    ticket = desk.ticket()
    desk.wallets.course.later(seconds=61)
    assert desk.window.get(f"/connect/{ticket}").status_code == 403
    assert desk.store.clients == {}


def test_a_callback_in_another_browser_is_refused_and_spends_nothing(desk: Desk) -> None:
    callback = desk.decide(desk.leave())
    answer = desk.wallets.app.test_client().get(callback)
    assert answer.status_code >= 400
    assert "was begun in another browser" in answer.text
    assert desk.wallets.count(BackpackConnection) == 0
    assert desk.window.get(callback).status_code == 200


def test_a_callback_is_good_once(desk: Desk) -> None:
    callback = desk.decide(desk.leave())
    secret = desk.window.get_cookie(COOKIE)
    assert secret is not None
    desk.window.get(callback)
    assert desk.window.get_cookie(COOKIE) is None
    desk.window.set_cookie(COOKIE, secret.value)
    assert "backpack_state_mismatch" in desk.window.get(callback).text
    assert desk.wallets.count(Delivery) == 1


def test_saying_no_is_understood(desk: Desk) -> None:
    answer = desk.window.get(desk.decide(desk.leave(), "deny"))
    assert "You did not allow the connection, so nothing was sent" in answer.text
    assert desk.wallets.count(BackpackConnection) == 0
    assert desk.wallets.count(ConnectState, ConnectState.consumed_at.is_(None)) == 0


def test_a_host_that_is_away_is_a_page_not_a_failure(desk: Desk) -> None:
    with desk.wallets.services.database.write() as session:
        session.get_one(BackpackHost, desk.host_id).address = "http://127.0.0.1:9"
    answer = desk.window.get(f"/connect/{desk.ticket()}")
    assert answer.status_code == 502
    assert "host_unavailable" in answer.text
    assert "<h1>" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_host_that_forgot_this_tool_is_told_of_it_and_the_learner_asked_once_more(desk: Desk) -> None:
    callback = desk.decide(desk.leave())
    desk.store.clients.clear()
    answer = desk.window.get(callback)
    assert answer.status_code == 303
    assert len(desk.store.clients) == 1
    assert desk.window.get(desk.decide(str(answer.location))).status_code == 200
    assert desk.wallets.count(BackpackConnection) == 1


def test_a_host_that_always_forgets_is_asked_once_more_and_then_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(*_: object) -> None:
        raise BackpackRefusedError("Register again.", code="backpack_client_unknown")

    monkeypatch.setattr(OpenBadgesApi, "exchange_code", forgotten)
    again = desk.window.get(desk.decide(desk.leave()))
    assert again.status_code == 303
    refused = desk.window.get(desk.decide(str(again.location)))
    assert refused.status_code >= 400
    assert "The backpack does not accept this tool" in refused.text


def test_a_badge_still_being_signed_is_connected_and_sent_later(desk: Desk) -> None:
    callback = desk.decide(desk.leave())
    with desk.wallets.services.database.write() as session:
        session.get_one(CredentialVersion, 1).state = VersionState.PENDING
    answer = desk.window.get(callback)
    assert answer.status_code == 200
    assert "still being signed" in answer.text
    assert desk.wallets.queue.woken == []
    assert desk.wallets.count(BackpackConnection) == 1


@pytest.mark.parametrize("action", ["connect", "deliver", "disconnect"])
def test_nobody_sends_somebody_elses_badge(desk: Desk, action: str) -> None:
    ben = desk.wallets.course.person("ben")
    desk.wallets.course.grade(desk.wallets.essay, ben, "80")
    desk.wallets.course.evaluate()
    own = f"/badges/{desk.wallets.claim(ben)}"
    client = desk.wallets.browser(ben)
    token = csrf_of(client.get(desk.wallets.mine(own)).text)
    answer = client.post(
        desk.wallets.mine(f"{desk.page}/{action}/{desk.host_id}"),
        data={"csrf_token": token},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 404


# -- what the learner reads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "code", "words", "button"),
    [
        (DeliveryState.QUEUED, "backpack_unavailable", "It is tried again by itself", None),
        (DeliveryState.SENDING, None, "On its way to Demo backpack", None),
        (DeliveryState.FAILED, "backpack_consent_needed", "Connect it again", "Put it in"),
        (DeliveryState.FAILED, "backpack_refused", "Download it instead", "Put it in"),
        (DeliveryState.FAILED, "backpack_altered", "differently from what was sent", "Put it in"),
        (DeliveryState.FAILED, "never_heard_of", "Try again, or download", "Put it in"),
    ],
)
def test_each_state_of_a_delivery_has_words_and_a_remedy(
    desk: Desk, state: DeliveryState, code: str | None, words: str, button: str | None
) -> None:
    desk.connect()
    with desk.wallets.services.database.write() as session:
        delivery = session.scalars(select(Delivery)).one()
        delivery.state, delivery.error_code = state, code
    page = desk.text()
    assert words in page
    assert ("Put it in" in page) == (button is not None)


def test_a_consent_that_ended_offers_to_connect_again(desk: Desk) -> None:
    desk.connect()
    with desk.wallets.services.database.write() as session:
        backpacks.need_consent(session, 1, desk.wallets.course.now)
    schedule.run_due(desk.wallets.services)
    page = desk.text()
    assert "has ended. Connect it again." in page
    assert "Connect Demo backpack" in page
    assert desk.connect().status_code == 200
    schedule.run_due(desk.wallets.services)
    assert 'data-state="delivered"' in desk.text()
