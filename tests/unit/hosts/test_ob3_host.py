"""The Open Badges 3.0 host of these tests does what was captured; the tool's own client gets along with it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from badge_site import BadgeSite
from conftest import Live
from hosts.desk import query_of
from hosts.ob3_host import BASE, SCOPES, Ob3Host
from hosts.processes import running

from lti_tool.backpacks.base import BadgeDocument, Face, HostDescription, Outcome, Tokens
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.errors import BackpackError
from lti_tool.outbound import HttpClient

ADA = "ada@school.example"
TOOL = "https://tool.example"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
REGISTRATION = {
    "client_name": "Tool",
    **{name: f"{TOOL}/{name}" for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri")},
    "software_id": "x",
    "software_version": "1",
    "redirect_uris": [f"{TOOL}/cb"],
    "grant_types": ["authorization_code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": " ".join(SCOPES),
}


@pytest.fixture
def host() -> Iterator[Ob3Host]:
    with Ob3Host() as host:
        host.add_user(ADA)
        yield host


@pytest.fixture
def api() -> OpenBadgesApi:
    return OpenBadgesApi(HttpClient(allowed_private_hosts=["127.0.0.1"]), now=lambda: datetime.now(UTC))


def connect(host: Ob3Host, api: OpenBadgesApi) -> tuple[HostDescription, Tokens]:
    known = api.discover(host.base_url)
    client = api.register(known, f"{TOOL}/cb", "Tool", TOOL, f"{TOOL}/l", f"{TOOL}/t", f"{TOOL}/p")
    asked = api.authorization_request(known, client, f"{TOOL}/cb")
    answered = query_of(host.approve(asked.url, ADA))
    assert answered["state"] == asked.state
    return known, api.exchange_code(known, client, answered["code"], f"{TOOL}/cb", asked.code_verifier)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_types": ["authorization_code", "refresh_token"]}, "invalid_client_metadata"),
        ({"scope": f"{SCOPES[0]} offline_access"}, "invalid_scope"),
        ({"redirect_uris": ["http://tool.example/cb"]}, "invalid_redirect_uri"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    ],
)
def test_a_registration_is_refused_in_its_words(host: Ob3Host, change: dict[str, Any], error: str) -> None:
    got = requests.post(f"{host.base_url}{BASE}/oauth/register", json=REGISTRATION | change, timeout=10)
    assert (got.status_code, got.json()["error"]) == (400, error)


def test_a_token_call_without_a_scope_is_refused(host: Ob3Host) -> None:
    made = requests.post(f"{host.base_url}{BASE}/oauth/register", json=REGISTRATION, timeout=10).json()
    got = requests.post(
        f"{host.base_url}{BASE}/oauth/token",
        {"grant_type": "authorization_code", "code": "x"},
        auth=(made["client_id"], made["client_secret"]),
        timeout=10,
    )
    assert (got.status_code, got.json()["error_description"]) == (400, "scope is required")


def test_a_badge_goes_in_comes_back_and_is_verified_by_foreign_code(
    host: Ob3Host, api: OpenBadgesApi, live: Live
) -> None:
    site = BadgeSite.on(live)
    text = site.badge().decode()
    known, tokens = connect(host, api)
    credential_id = json.loads(text)["id"]
    document = BadgeDocument(Face.OB3_JSON, credential_id, text)
    assert api.push(known, tokens, document).outcome is Outcome.CREATED
    assert api.push(known, tokens, document).outcome is Outcome.REPLACED
    assert json.loads(api.find(known, tokens, [credential_id])[credential_id]) == json.loads(text)
    assert host.created == [(ADA, credential_id)]
    assert host.verdicts(ADA) == {credential_id: "intact"}
    with host.lock:
        account = host.people.accounts[0]
        account.assertions[credential_id]["text"] = text.replace("Writer", "Reader")
    assert host.verdicts(ADA) == {credential_id: "altered"}


@pytest.mark.parametrize(
    ("content_type", "body", "word"),
    [
        ("application/vc", "{}", "content-type must be"),
        ("application/json", "{}", "non-empty id"),
        ("text/plain", "eyJhbGciOiAiUlMyNTYifQ.e30.x", "must include kid or jwk"),
    ],
)
def test_a_body_is_refused_in_its_words(
    host: Ob3Host, api: OpenBadgesApi, content_type: str, body: str, word: str
) -> None:
    _, tokens = connect(host, api)
    headers = {"Authorization": f"Bearer {tokens.access_token}", "Content-Type": content_type}
    got = requests.post(f"{host.base_url}{BASE}/credentials", body, headers=headers, timeout=10)
    assert got.status_code == 400
    assert word in got.json()["imsx_description"]


@pytest.mark.parametrize(("how", "stored"), [("die_before", 0), ("die_during", 1), ("die_after", 1)])
def test_it_dies_as_ordered(host: Ob3Host, api: OpenBadgesApi, how: str, stored: int) -> None:
    known, tokens = connect(host, api)
    host.fail("POST .*/credentials", how)
    with pytest.raises(BackpackError):
        api.push(known, tokens, BadgeDocument(Face.OB3_JSON, "urn:x:1", json.dumps({"id": "urn:x:1", "f": "x" * 2000})))
    assert len(host.stored(ADA)) == stored


def test_a_stranger_is_sent_back_and_a_browser_is_asked(host: Ob3Host, api: OpenBadgesApi) -> None:
    known = api.discover(host.base_url)
    client = api.register(known, f"{TOOL}/cb", "Tool", TOOL, f"{TOOL}/l", f"{TOOL}/t", f"{TOOL}/p")
    url = api.authorization_request(known, client, f"{TOOL}/cb").url
    got = requests.get(url, timeout=10, allow_redirects=False)
    assert query_of(got.headers["Location"])["error"] == "access_denied"
    page = requests.get(url, headers={"Sec-Fetch-Mode": "navigate"}, timeout=10)
    assert "Allow LTI" in page.text or "Allow Tool" in page.text


def test_it_runs_in_a_process_of_its_own() -> None:
    with running("ob3_host", latency=0.01) as host:
        host("add_user", email=ADA)
        assert requests.get(f"{host.base_url}{BASE}/discovery", timeout=10).status_code == 200
        assert host("stored", email=ADA) == []
