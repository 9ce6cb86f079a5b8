"""The Badge Connect client: against a Badgr host with its quirks, and against answers of other shapes.

The envelopes are those of recorded exchanges with a Badgr server (2026); what the standard writes instead
(``assertions``, ``profile``) is constructed from Open Badges 2.1.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, Response, jsonify, redirect, request
from hosts.badgr_host import BadgrHost
from hosts.desk import query_of

from lti_tool.backpacks import oauth
from lti_tool.backpacks.badge_connect import CREATE, READ, BadgeConnect
from lti_tool.backpacks.base import (
    BadgeDocument,
    ClientRegistration,
    Face,
    HostDescription,
    Outcome,
    Tokens,
    authorization_code,
    shows,
)
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
)
from lti_tool.outbound import HttpClient

TOOL = "https://badges.example"
REDIRECT_URI = f"{TOOL}/connect/callback"
ADDRESS = "https://badges.example/assertions/1.json"
EMAIL = "ada@lakeside.example"
TOKENS = Tokens("hush", None, datetime(2030, 1, 1, tzinfo=UTC), f"{READ} {CREATE}")


@pytest.fixture
def api() -> BadgeConnect:
    return BadgeConnect(HttpClient(timeout=(2, 5), allowed_private_hosts=["127.0.0.1"]))


@dataclass
class Connected:
    """Ada's consent at a Badgr host."""

    badgr: BadgrHost
    host: HostDescription
    client: ClientRegistration
    tokens: Tokens


@pytest.fixture
def badgr() -> Iterator[BadgrHost]:
    with BadgrHost(verifies=False, fetches_logo=False, throttle_seconds=0.2) as host:
        host.add_user(EMAIL)
        yield host


@pytest.fixture
def connected(api: BadgeConnect, badgr: BadgrHost) -> Connected:
    host = api.discover(badgr.base_url)
    client = api.register(host, REDIRECT_URI, "LTI Badges", TOOL, f"{TOOL}/l.png", f"{TOOL}/t", f"{TOOL}/p")
    asked = api.authorization_request(host, client, REDIRECT_URI)
    code = authorization_code(query_of(badgr.approve(asked.url, EMAIL)), asked.state)
    tokens = api.exchange_code(host, client, code, REDIRECT_URI, asked.code_verifier)
    return Connected(badgr, host, client, tokens)


def badge(address: str = ADDRESS, **more: object) -> BadgeDocument:
    text = json.dumps({"type": "Assertion", "id": address, "badge": f"{address}/badge", **more})
    return BadgeDocument(Face.OB2_HOSTED, address, text)


# -- a Badgr host -----------------------------------------------------------------------------------------------------


def test_the_manifest_is_followed_through_its_redirect(api: BadgeConnect, badgr: BadgrHost) -> None:
    for address in (badgr.base_url, f"{badgr.base_url}/.well-known/badgeconnect.json"):
        host = api.discover(address)
        assert (host.name, host.api_url) == ("Lab Badgr", f"{badgr.base_url}/bcv1")
        assert host.token_url == host.refresh_url == f"{badgr.base_url}/o/token"
        assert host.revocation_url is None


def test_the_registration_it_refuses_is_tried_in_a_reduced_form(connected: Connected) -> None:
    assert connected.badgr.count("POST /o/register") == 2
    assert "offline_access" not in connected.client.scope
    assert connected.tokens.refresh_token


def test_an_address_without_https_is_refused_at_once(api: BadgeConnect) -> None:
    with BadgrHost(requires_https=True, fetches_logo=False) as badgr:
        host = api.discover(badgr.base_url)
        with pytest.raises(BackpackRefusedError) as caught:
            api.register(host, "http://badges.example/cb", "T", TOOL, f"{TOOL}/l", f"{TOOL}/t", f"{TOOL}/p")
        assert (caught.value.code, badgr.count("/o/register")) == ("backpack_registration_refused", 1)


def test_a_badge_arrives_and_a_second_time_it_is_there(api: BadgeConnect, connected: Connected) -> None:
    host, tokens = connected.host, connected.tokens
    first, second = (api.push(host, tokens, badge()) for _ in range(2))
    assert (first.outcome, first.http_status, second.outcome) == (Outcome.CREATED, 201, Outcome.UNCHANGED)
    assert connected.badgr.stored(EMAIL) == [ADDRESS]
    assert api.can_read(tokens)
    assert shows(badge(), api.find(host, tokens, [ADDRESS, "https://elsewhere"])[ADDRESS])


def test_a_badge_on_a_later_page_is_found(api: BadgeConnect, connected: Connected) -> None:
    host, tokens = connected.host, connected.tokens
    api.push(host, tokens, badge())
    for number in range(150):
        api.push(host, tokens, badge(f"https://badges.example/assertions/other-{number}.json"))
    assert set(api.find(host, tokens, [ADDRESS])) == {ADDRESS}


def test_the_profile_tells_the_address(api: BadgeConnect, connected: Connected) -> None:
    profile = api.profile(connected.host, connected.tokens)
    assert (profile.id, profile.name, profile.email) == (EMAIL, "Ada L", EMAIL)


def test_a_token_that_ended_is_refreshed_and_the_old_refresh_token_is_spent(
    api: BadgeConnect, connected: Connected
) -> None:
    connected.badgr.expire_tokens()
    with pytest.raises(BackpackConsentError):
        api.push(connected.host, connected.tokens, badge())
    fresh = api.refresh(connected.host, connected.client, connected.tokens)
    assert fresh.refresh_token != connected.tokens.refresh_token
    assert api.push(connected.host, fresh, badge()).outcome is Outcome.CREATED
    with pytest.raises(BackpackConsentError):
        api.refresh(connected.host, connected.client, connected.tokens)


def test_the_throttle_after_a_failed_token_call_is_waited_for(api: BadgeConnect, connected: Connected) -> None:
    lost = Tokens("x", "spent-long-ago", connected.tokens.expires_at, connected.tokens.scope)
    with pytest.raises(BackpackConsentError):
        api.refresh(connected.host, connected.client, lost)
    assert api.refresh(connected.host, connected.client, connected.tokens).access_token
    assert connected.badgr.count("POST /o/token") == 4, (
        "a code, a failure, a throttled call, and the one that went well"
    )


def test_a_host_that_forgot_this_tool_says_so(api: BadgeConnect, connected: Connected) -> None:
    connected.badgr.forget_clients()
    with pytest.raises(BackpackRefusedError) as caught:
        api.refresh(connected.host, connected.client, connected.tokens)
    assert caught.value.code == "backpack_client_unknown"


def test_nothing_can_be_withdrawn_or_ended_there(api: BadgeConnect, connected: Connected) -> None:
    assert not api.can_withdraw
    assert not api.withdraw(connected.host, connected.tokens, ADDRESS, "revoked")
    assert not api.revoke(connected.host, connected.client, connected.tokens)


# -- other hosts ------------------------------------------------------------------------------------------------------

Odd = Callable[..., HostDescription]


@pytest.fixture
def odd(serve: Any) -> Odd:
    """A host with these views: ``assertions``, ``profile``, ``token``, ``manifest``."""

    def start(**views: Callable[[], Any]) -> HostDescription:
        app = Flask("odd")
        base = serve(lambda _url: app)
        for name, view in views.items():
            path = "/.well-known/badgeconnect.json" if name == "manifest" else f"/{name}"
            app.add_url_rule(path, name, view, methods=["GET", "POST"])
        return HostDescription(base, "Odd", f"{base}/register", f"{base}/a", f"{base}/token", f"{base}/token")

    return start


def envelope(code: int, text: str, error: Any = None, http: int | None = None) -> Any:
    return jsonify({"status": {"error": error, "statusCode": code, "statusText": text}}), http or code


@pytest.mark.parametrize(
    ("view", "error", "code"),
    [
        (lambda: envelope(401, "UNAUTHENTICATED"), BackpackConsentError, "backpack_consent_needed"),
        (lambda: envelope(401, "UNAUTHENTICATED", http=200), BackpackConsentError, "backpack_consent_needed"),
        (lambda: envelope(403, "PERMISSION_DENIED"), BackpackConsentError, "backpack_scope_missing"),
        (lambda: envelope(400, "RECIPIENT_PROFILE_MISMATCH"), BackpackRefusedError, "recipient_mismatch"),
        (
            lambda: envelope(400, "REQUEST_VALIDATION_ERROR", [{"name": "VERIFY_RECIPIENT_IDENTIFIER"}]),
            BackpackRefusedError,
            "recipient_mismatch",
        ),
        (lambda: envelope(400, "INVALID_BADGE", "no"), BackpackRefusedError, "backpack_badge_invalid"),
        (
            lambda: envelope(400, "REQUEST_VALIDATION_ERROR", [{"name": "FETCH_HTTP_NODE"}]),
            BackpackError,
            "backpack_cannot_fetch",
        ),
        (lambda: envelope(404, "NOT_FOUND"), BackpackRefusedError, "backpack_refused"),
        (lambda: Response("slow", 429), BackpackThrottledError, "backpack_throttled"),
        (lambda: Response("down", 503), BackpackError, "backpack_unavailable"),
        (lambda: Response("<html>", content_type="text/html"), BackpackAnswerError, "backpack_answer_malformed"),
        (lambda: Response("[]", content_type="application/json"), BackpackAnswerError, "backpack_answer_malformed"),
        (lambda: redirect("/elsewhere"), BackpackRefusedError, "backpack_refused"),
        (lambda: envelope(500, "OOPS", http=200), BackpackError, "backpack_unavailable"),
    ],
)
def test_what_a_host_says_has_its_error(api: BadgeConnect, odd: Odd, view: Any, error: type, code: str) -> None:
    with pytest.raises(error) as caught:
        api.push(odd(assertions=view), TOKENS, badge())
    assert caught.value.code == code


def test_the_address_alone_is_sent(api: BadgeConnect, odd: Odd) -> None:
    seen: list[Any] = []

    def take() -> Any:
        seen.append((request.get_json(), request.headers["Authorization"]))
        return envelope(201, "OK")

    api.push(odd(assertions=take), TOKENS, badge())
    assert seen == [({"assertion": {"id": ADDRESS}}, "Bearer hush")]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"assertions": [{"id": ADDRESS, "badge": "b"}]}, {"id": ADDRESS, "badge": "b"}),
        ({"assertions": None, "results": [{"id": ADDRESS}]}, {"id": ADDRESS}),
        ({"assertions": [ADDRESS], "signedAssertions": None}, {"id": ADDRESS}),
        ({"assertions": [], "signedAssertions": ["a.b.c"]}, None),
        ({"assertions": None}, None),
        ({}, None),
    ],
)
def test_absent_null_and_empty_lists_mean_the_same(
    api: BadgeConnect, odd: Odd, document: dict[str, Any], text: dict[str, Any] | None
) -> None:
    found = api.find(odd(assertions=lambda: jsonify(document)), TOKENS, [ADDRESS])
    assert (json.loads(found[ADDRESS]) if ADDRESS in found else None) == text


def test_a_list_of_another_shape_is_malformed(api: BadgeConnect, odd: Odd) -> None:
    with pytest.raises(BackpackAnswerError):
        api.find(odd(assertions=lambda: jsonify(assertions={"id": ADDRESS})), TOKENS, [ADDRESS])


@pytest.mark.parametrize(
    ("document", "profile"),
    [
        ({"profile": {"id": "urn:x", "name": "Ada", "email": [EMAIL, "b@x"]}}, ("urn:x", "Ada", EMAIL)),
        ({"profile": {"email": EMAIL}}, (EMAIL, None, EMAIL)),
        ({"profile": {"id": "urn:x"}, "results": None}, ("urn:x", None, None)),
    ],
)
def test_whose_account_it_is_is_read_in_either_shape(
    api: BadgeConnect, odd: Odd, document: dict[str, Any], profile: tuple[Any, ...]
) -> None:
    found = api.profile(odd(profile=lambda: jsonify(document)), TOKENS)
    assert (found.id, found.name, found.email) == profile


def test_a_profile_of_nobody_is_malformed(api: BadgeConnect, odd: Odd) -> None:
    with pytest.raises(BackpackAnswerError):
        api.profile(odd(profile=lambda: jsonify(results=[{}])), TOKENS)


@pytest.mark.parametrize("described", [None, [], [7], {"apiBase": "http://127.0.0.1/x"}])
def test_a_manifest_without_addresses_is_malformed(api: BadgeConnect, odd: Odd, described: Any) -> None:
    with pytest.raises(BackpackAnswerError):
        api.discover(odd(manifest=lambda: jsonify(badgeConnectAPI=described)).api_url)


def test_a_manifest_that_leads_into_the_private_network_is_refused(api: BadgeConnect, odd: Odd) -> None:
    host = odd(manifest=lambda: redirect("http://10.0.0.1/manifest"))
    with pytest.raises(BackpackRefusedError):
        api.discover(host.api_url)


@pytest.mark.parametrize(
    ("answer", "headers", "waits", "retry_after"),
    [
        ({"error": "login attempts throttled", "expires": 3}, {}, [3.0], 3.0),
        ({"error": "login attempts throttled"}, {}, [2.0], 2.0),
        ({"error": "x", "expires": 2}, {"Retry-After": "1"}, [1.0], 1.0),
        ({"error": "x", "expires": 900}, {}, [], 900.0),
        ({"error": "x", "expires": True}, {}, [2.0], 2.0),
    ],
)
def test_a_throttled_token_call_is_waited_for_once_and_then_an_error(
    api: BadgeConnect,
    odd: Odd,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    headers: dict[str, str],
    waits: list[float],
    retry_after: float,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(oauth.time, "sleep", waited.append)
    host = odd(token=lambda: (jsonify(answer), 429, headers))
    with pytest.raises(BackpackThrottledError) as caught:
        api.refresh(host, ClientRegistration("c", "s", scope=CREATE), Tokens("a", "r", TOKENS.expires_at, CREATE))
    assert (waited, caught.value.retry_after) == (waits, retry_after)


# -- what a host shows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "same"),
    [
        ({"id": ADDRESS, "badge": f"{ADDRESS}/badge", "image": "its own"}, True),
        ({"id": ADDRESS, "badge": {"id": f"{ADDRESS}/badge", "name": "W"}}, True),
        ({"id": ADDRESS}, True),
        ({"id": ADDRESS, "badge": "another"}, False),
        ({"id": "another", "badge": f"{ADDRESS}/badge"}, False),
        ({"id": ADDRESS, "badge": f"{ADDRESS}/badge", "revoked": True}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_host_keeps_its_own_copy_of_an_assertion(listed: Any, same: bool) -> None:
    assert shows(badge(), None if listed is None else json.dumps(listed)) is same
