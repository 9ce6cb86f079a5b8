"""The client against the demo backpack over loopback: the ways that work, and the crash windows."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sending import find, push

from lti_tool.backpacks.base import Outcome, Tokens, same_credential
from lti_tool.backpacks.ob3_api import READ, SCOPE, UPSERT
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
)

TOOL = "http://localhost:8000"
REDIRECT_URI = f"{TOOL}/backpacks/callback"


def credential(number: int = 1, **more: object) -> str:
    """A document as issued: own order, white space, non-ASCII text and a number with a trailing zero."""
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"https://badges.example/credentials/{number}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "https://badges.example/issuers/1", "type": ["Profile"]},
        "name": "Équilibre de l’eau",
        "credentialSubject": {"type": ["AchievementSubject"], "creditsEarned": 2.50},
        **more,
    }
    return json.dumps(document, indent=1, ensure_ascii=False).replace("2.5", "2.50")


def jws(number: int = 1, **header: str) -> str:
    payload = {
        "id": f"https://badges.example/credentials/{number}",
        "issuer": "https://badges.example/issuers/1",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
    }
    parts = [json.dumps({"alg": "EdDSA", **header}), json.dumps(payload), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


# -- discovery and registration --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "/ims/ob/v3p0", "/ims/ob/v3p0/", "/ims/ob/v3p0/discovery"])
def test_the_host_is_found_at_its_address_and_at_its_api(api, backpack, path):
    host = api.discover(backpack.url + path)
    assert host.api_url == f"{backpack.url}/ims/ob/v3p0"
    assert host.name == "Demo backpack"
    assert host.token_url == host.refresh_url == f"{host.api_url}/oauth/token"
    assert host.registration_url == f"{host.api_url}/oauth/register"
    assert host.authorization_url == f"{host.api_url}/oauth/authorize"
    assert host.revocation_url == f"{host.api_url}/oauth/revoke"
    assert UPSERT in host.scopes


def test_a_strict_host_registers_the_reduced_form(registered):
    _host, client = registered
    assert client.auth_method == "client_secret_basic"
    assert client.secret_expires_at is None
    assert set(client.scope.split()) == {UPSERT, READ, f"{SCOPE}profile.readonly"}


def test_the_authorization_request_carries_a_fresh_state_and_challenge(api, registered):
    host, client = registered
    one, two = (api.authorization_request(host, client, REDIRECT_URI) for _ in range(2))
    query = parse_qs(urlsplit(one.url).query)
    assert query["state"] == [one.state]
    assert query["code_challenge_method"] == ["S256"]
    assert one.code_verifier not in one.url
    assert one.state != two.state
    assert one.code_verifier != two.code_verifier


# -- consent and tokens ----------------------------------------------------------------------------------------------


def test_the_learner_connects(connection):
    assert set(connection.tokens.scope.split()) == set(connection.client.scope.split())
    lifetime = connection.tokens.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < lifetime <= timedelta(hours=1)


def test_the_learner_says_no(api, registered, browser):
    host, client = registered
    request = api.authorization_request(host, client, REDIRECT_URI)
    assert browser.decide(request.url, "deny") == {"error": "access_denied", "state": request.state}


def test_another_verifier_is_refused_and_spends_the_code(api, registered, authorized):
    host, client = registered
    request, code = authorized
    for verifier in ("wrong" * 10, request.code_verifier):
        with pytest.raises(BackpackConsentError) as caught:
            api.exchange_code(host, client, code, REDIRECT_URI, verifier)
        assert code not in str(caught.value)


def test_a_code_used_twice_ends_the_connection(api, connection, authorized):
    request, code = authorized
    with pytest.raises(BackpackConsentError):
        api.exchange_code(connection.host, connection.client, code, REDIRECT_URI, request.code_verifier)
    with pytest.raises(BackpackConsentError):
        api.profile(connection.host, connection.tokens)


def test_a_code_is_good_for_ten_minutes(api, backpack, registered, authorized):
    host, client = registered
    request, code = authorized
    backpack.store.clock = lambda: datetime.now(UTC) + timedelta(seconds=601)
    with pytest.raises(BackpackConsentError):
        api.exchange_code(host, client, code, REDIRECT_URI, request.code_verifier)


def test_another_redirect_address_is_refused(api, registered, authorized):
    host, client = registered
    request, code = authorized
    with pytest.raises(BackpackConsentError):
        api.exchange_code(host, client, code, f"{TOOL}/elsewhere", request.code_verifier)


def test_a_host_that_forgot_this_tool_says_so(api, backpack, registered, authorized):
    host, client = registered
    request, code = authorized
    backpack.store.clients.clear()
    with pytest.raises(BackpackRefusedError) as caught:
        api.exchange_code(host, client, code, REDIRECT_URI, request.code_verifier)
    assert caught.value.code == "backpack_client_unknown"


def test_an_ended_token_asks_for_consent_and_refreshing_helps(api, connection):
    connection.store.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    with pytest.raises(BackpackConsentError):
        push(api, connection.host, connection.tokens, credential())
    assert connection.store.credentials == {}
    fresh = api.refresh(connection.host, connection.client, connection.tokens)
    assert push(api, connection.host, fresh, credential()).outcome is Outcome.CREATED


def test_refresh_tokens_rotate_and_a_spent_one_ends_the_connection(api, connection):
    fresh = api.refresh(connection.host, connection.client, connection.tokens)
    assert fresh.refresh_token not in {None, connection.tokens.refresh_token}
    assert fresh.scope == connection.tokens.scope
    with pytest.raises(BackpackConsentError):
        api.refresh(connection.host, connection.client, connection.tokens)
    with pytest.raises(BackpackConsentError):
        api.profile(connection.host, fresh)


def test_without_a_refresh_token_the_learner_connects_again(api, connection):
    tokens = Tokens(connection.tokens.access_token, None, connection.tokens.expires_at, connection.tokens.scope)
    with pytest.raises(BackpackConsentError):
        api.refresh(connection.host, connection.client, tokens)


def test_revoking_ends_both_tokens(api, connection):
    assert api.revoke(connection.host, connection.client, connection.tokens) is True
    with pytest.raises(BackpackConsentError):
        api.profile(connection.host, connection.tokens)
    with pytest.raises(BackpackConsentError):
        api.refresh(connection.host, connection.client, connection.tokens)


def test_what_the_learner_ended_at_the_host_asks_for_consent(api, connection):
    (consent, _client) = connection.store.connections("ada@example.org")[0]
    connection.store.end_consent("ada@example.org", consent.id)
    with pytest.raises(BackpackConsentError):
        push(api, connection.host, connection.tokens, credential())


def test_the_profile_tells_whose_account_it_is(api, connection):
    profile = api.profile(connection.host, connection.tokens)
    assert (profile.name, profile.email) == ("Ada Lovelace", "ada@example.org")
    assert profile.id.startswith("urn:uuid:")


# -- pushing and reading back ----------------------------------------------------------------------------------------


def test_a_pushed_badge_is_kept_letter_by_letter(api, connection):
    receipt = push(api, connection.host, connection.tokens, credential())
    assert (receipt.outcome, receipt.http_status) == (Outcome.CREATED, 201)
    assert receipt.remote_id == "https://badges.example/credentials/1"
    assert receipt.read_back is False
    (stored,) = connection.store.credentials.values()
    assert stored.text == credential()
    found = find(api, connection.host, connection.tokens, "https://badges.example/credentials/1")
    assert same_credential(credential(), found)


def test_pushing_twice_replaces_and_changes_nothing_else(api, connection):
    outcomes = [push(api, connection.host, connection.tokens, credential()).outcome for _ in range(2)]
    assert outcomes == [Outcome.CREATED, Outcome.REPLACED]
    assert len(connection.store.credentials) == 1


def test_a_re_issue_replaces_the_earlier_copy(api, connection):
    push(api, connection.host, connection.tokens, credential())
    later = credential(validFrom="2026-04-01T00:00:00Z")
    assert push(api, connection.host, connection.tokens, later).outcome is Outcome.REPLACED
    found = find(api, connection.host, connection.tokens, "https://badges.example/credentials/1")
    assert same_credential(later, found)
    assert not same_credential(credential(), found)


def test_a_jws_travels_as_text(api, connection):
    token = jws(kid="https://badges.example/issuers/1#key-1")
    assert push(api, connection.host, connection.tokens, token).outcome is Outcome.CREATED
    assert find(api, connection.host, connection.tokens, "https://badges.example/credentials/1") == token


def test_a_jws_without_a_key_is_refused(api, connection):
    with pytest.raises(BackpackRefusedError) as caught:
        push(api, connection.host, connection.tokens, jws())
    assert caught.value.http_status == 400


def test_a_badge_that_is_not_there_is_not_found(api, connection):
    push(api, connection.host, connection.tokens, credential())
    assert find(api, connection.host, connection.tokens, "https://badges.example/credentials/2") is None


def test_a_badge_on_the_last_of_many_pages_is_found(api, connection):
    for number in range(1, 252):
        connection.store.upsert(
            "ada@example.org", "https://badges.example/issuers/1", f"https://badges.example/credentials/{number}",
            credential(number), "application/json",
        )  # fmt: skip
    found = find(api, connection.host, connection.tokens, "https://badges.example/credentials/1")
    assert same_credential(credential(1), found)
    ids = [f"https://badges.example/credentials/{number}" for number in range(1, 252)]
    assert len(api.find(connection.host, connection.tokens, ids)) == 251


def test_learners_see_their_own_badges_only(api, connection):
    connection.store.upsert(
        "eve@example.org", "https://badges.example/issuers/1", "https://badges.example/credentials/1",
        credential(), "application/json",
    )  # fmt: skip
    assert find(api, connection.host, connection.tokens, "https://badges.example/credentials/1") is None


def test_an_answer_that_dies_is_worth_another_try_and_nothing_is_doubled(api, connection):
    connection.store.drop_answer_next()
    with pytest.raises(BackpackError) as caught:
        push(api, connection.host, connection.tokens, credential())
    assert caught.value.retryable
    assert len(connection.store.credentials) == 1, "the host had stored it before the connection died"
    assert push(api, connection.host, connection.tokens, credential()).outcome is Outcome.REPLACED
    assert len(connection.store.credentials) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_host_is_worth_another_try(api, connection, status):
    connection.store.fail_next(1, status, retry_after="7")
    with pytest.raises(BackpackError) as caught:
        push(api, connection.host, connection.tokens, credential())
    assert (caught.value.retryable, caught.value.retry_after) == (True, 7.0)
    assert push(api, connection.host, connection.tokens, credential()).outcome is Outcome.CREATED


def test_a_throttling_host_says_how_long_to_wait(api, connection):
    connection.store.fail_next(1, 429, retry_after="30")
    with pytest.raises(BackpackThrottledError) as caught:
        push(api, connection.host, connection.tokens, credential())
    assert (caught.value.retryable, caught.value.retry_after) == (True, 30.0)


def test_throttled_while_refreshing_keeps_the_refresh_token(api, connection):
    connection.store.fail_next(1, 429, where="/oauth/token", retry_after="30")
    with pytest.raises(BackpackThrottledError) as caught:
        api.refresh(connection.host, connection.client, connection.tokens)
    assert caught.value.retry_after == 30.0
    assert api.refresh(connection.host, connection.client, connection.tokens).access_token


@pytest.mark.parametrize("call", [push, find])
def test_a_web_page_is_not_an_answer(api, connection, call):
    connection.store.fail_next(1, 200, html=True)
    with pytest.raises(BackpackAnswerError):
        call(api, connection.host, connection.tokens, credential())


def test_a_service_the_learner_did_not_allow(api, connection):
    (consent, _client) = connection.store.connections("ada@example.org")[0]
    consent.scope = (READ,)
    with pytest.raises(BackpackConsentError) as caught:
        push(api, connection.host, connection.tokens, credential())
    assert caught.value.code == "backpack_scope_missing"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/vc", 400),
        ("application/x-www-form-urlencoded", 400),
        ("application/json", 201),
        ("application/ld+json; charset=utf-8", 201),
        ("application/vc+ld+json", 201),
    ],
)
def test_the_content_types_a_host_takes(connection, content_type, status):
    answer = requests.post(
        f"{connection.host.api_url}/credentials",
        data=credential().encode(),
        headers={"Authorization": f"Bearer {connection.tokens.access_token}", "Content-Type": content_type},
        timeout=5,
    )
    assert answer.status_code == status


def test_registering_needs_addresses_on_one_host(api, backpack, register):
    host = api.discover(backpack.url)
    with pytest.raises(BackpackRefusedError) as caught:
        api.register(host, REDIRECT_URI, "T", TOOL, "http://localhost:9/logo.png", f"{TOOL}/t", f"{TOOL}/p")
    assert caught.value.code == "backpack_registration_refused"
    assert register(host).client_id != register(host).client_id
