"""The demo backpack is as strict as the strictest host seen."""

import base64
import hashlib
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_oauth import SCOPES

TOOL = "http://localhost:8000"
BASE = "/ims/ob/v3p0"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def metadata(**changed):
    document = {
        "client_name": "LTI Badges",
        "client_uri": TOOL,
        "logo_uri": f"{TOOL}/logo.png",
        "tos_uri": f"{TOOL}/terms",
        "policy_uri": f"{TOOL}/privacy",
        "software_id": "lti-badges",
        "software_version": "1",
        "redirect_uris": [f"{TOOL}/cb"],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": " ".join(SCOPES),
    }
    return {name: value for name, value in (document | changed).items() if value is not None}


@pytest.fixture
def app():
    return create_backpack("http://127.0.0.1:8002", people=[("Ada Lovelace", "ada@example.org")])


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def tool(client):
    answer = client.post(f"{BASE}/oauth/register", json=metadata()).get_json()
    return answer["client_id"], answer["client_secret"]


@pytest.fixture
def learner(app):
    """A signed-in browser."""
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["email"] = "ada@example.org"
    return browser


def asked(tool, **changed):
    query = {
        "response_type": "code",
        "client_id": tool[0],
        "redirect_uri": f"{TOOL}/cb",
        "scope": " ".join(SCOPES),
        "state": "st1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changed
    return f"{BASE}/oauth/authorize?{urlencode({name: value for name, value in query.items() if value is not None})}"


def query_of(response):
    assert response.headers["Location"].startswith(f"{TOOL}/cb?")
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


def decide(learner, url, decision="allow"):
    page = learner.get(url).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return query_of(learner.post(url, data={"csrf_token": token, "decision": decision}))


def exchange(client, tool, code, /, **changed):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{TOOL}/cb",
        "code_verifier": VERIFIER,
        "scope": " ".join(SCOPES),
    } | changed
    form = {name: value for name, value in form.items() if value is not None}
    return client.post(f"{BASE}/oauth/token", data=form, auth=tool)


def test_a_client_registers(client):
    response = client.post(f"{BASE}/oauth/register", json=metadata())
    answer = response.get_json()
    assert response.status_code == 201
    assert answer["client_secret_expires_at"] == 0
    assert answer["grant_types"] == ["authorization_code"]
    assert answer["scope"].split() == list(SCOPES)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_types": ["authorization_code", "refresh_token"]}, "invalid_client_metadata"),
        ({"grant_types": None}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"software_id": None}, "invalid_client_metadata"),
        ({"tos_uri": ""}, "invalid_client_metadata"),
        ({"policy_uri": "https://elsewhere.example/p"}, "invalid_client_metadata"),
        ({"scope": f"{SCOPES[0]} offline_access"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://elsewhere.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{TOOL}/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [7]}, "invalid_redirect_uri"),
    ],
)
def test_a_registration_that_is_not_exact_is_refused(client, changed, error):
    response = client.post(f"{BASE}/oauth/register", json=metadata(**changed))
    assert (response.status_code, response.get_json()["error"]) == (400, error)


def test_plain_http_is_for_the_demos_own_hosts(app):
    pages = {name: f"http://tool.example/{name}" for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri")}
    response = app.test_client().post(
        f"{BASE}/oauth/register", json=metadata(redirect_uris=["http://tool.example/cb"], **pages)
    )
    assert response.get_json()["error"] == "invalid_redirect_uri"


def test_the_learner_allows(client, learner, tool):
    answer = decide(learner, asked(tool))
    assert (answer["state"], answer["scope"].split()) == ("st1", list(SCOPES))
    tokens = exchange(client, tool, answer["code"]).get_json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)


def test_the_learner_does_not_allow(learner, tool):
    assert decide(learner, asked(tool), "deny") == {"error": "access_denied", "state": "st1"}


def test_a_decision_needs_the_form(learner, tool, app):
    response = learner.post(asked(tool), data={"decision": "allow"})
    assert response.status_code == 400
    assert app.extensions["backpack"].codes == {}


def test_whoever_is_not_signed_in_signs_in_first(client, tool):
    response = client.get(asked(tool))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("changed", [{"client_id": "nobody"}, {"redirect_uri": f"{TOOL}/cb/"}, {"redirect_uri": None}])
def test_an_unknown_tool_is_not_sent_the_learner(learner, tool, changed):
    response = learner.get(asked(tool, **changed))
    assert response.status_code == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
def test_a_request_that_is_not_exact_goes_back(learner, tool, changed, error):
    answer = query_of(learner.get(asked(tool, **changed)))
    assert answer["error"] == error
    assert answer.get("state") == (None if changed.get("state", "") is None else "st1")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"scope": None}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": f"{TOOL}/other"}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_an_exchange_that_is_not_exact_is_refused(client, learner, tool, changed, error):
    response = exchange(client, tool, decide(learner, asked(tool))["code"], **changed)
    assert (response.status_code, response.get_json()["error"]) == (400, error)


@pytest.mark.parametrize("auth", [None, ("nobody", "x"), "wrong secret"])
def test_the_token_endpoint_knows_its_clients(client, learner, tool, auth):
    auth = (tool[0], "wrong") if auth == "wrong secret" else auth
    code = decide(learner, asked(tool))["code"]
    response = exchange(client, auth, code)
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")
    assert exchange(client, tool, code).status_code == 200


def test_a_code_is_for_the_client_that_asked(client, learner, tool):
    other = client.post(f"{BASE}/oauth/register", json=metadata()).get_json()
    code = decide(learner, asked(tool))["code"]
    response = exchange(client, (other["client_id"], other["client_secret"]), code)
    assert response.get_json()["error"] == "invalid_grant"
    assert exchange(client, tool, code).status_code == 200


def test_revoking_an_unknown_token_is_no_error(client, tool):
    response = client.post(f"{BASE}/oauth/revoke", data={"token": "unknown"}, auth=tool)
    assert response.status_code == 200


def test_only_known_kinds_of_token_are_revoked(client, tool):
    form = {"token": "x", "token_type_hint": "id_token"}
    response = client.post(f"{BASE}/oauth/revoke", data=form, auth=tool)
    assert response.get_json()["error"] == "unsupported_token_type"


def test_another_client_cannot_revoke(client, learner, tool):
    other = client.post(f"{BASE}/oauth/register", json=metadata()).get_json()
    tokens = exchange(client, tool, decide(learner, asked(tool))["code"]).get_json()
    client.post(
        f"{BASE}/oauth/revoke",
        data={"token": tokens["access_token"]},
        auth=(other["client_id"], other["client_secret"]),
    )
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get(f"{BASE}/profile", headers=headers).status_code == 200
