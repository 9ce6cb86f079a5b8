"""The demo backpack's Open Badges 3.0 API: discovery, paging, errors in the standard's form, faults."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_oauth import SCOPE_PREFIX, SCOPES
from lti_tool.demo.backpack_store import hashed

BASE = "/ims/ob/v3p0"
START = datetime(2026, 4, 1, 10, tzinfo=UTC)


def badge(number, issuer="https://badges.example/issuers/1"):
    return {
        "id": f"https://badges.example/credentials/{number}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": issuer,
        "name": f"Badge {number}",
    }


@pytest.fixture
def app():
    return create_backpack("http://127.0.0.1:8002")


@pytest.fixture
def store(app):
    return app.extensions["backpack"]


@pytest.fixture
def call(app, store):
    """Call the API as a connected tool; ``scopes`` narrows its consent."""

    def send(method, path, *, scopes=SCOPES, token=None, **options):
        if token is None:
            account = store.ensure_account("Ada Lovelace", "ada@example.org")
            tool, _secret = store.add_client("Tool", "https://tool.example", ("https://tool.example/cb",), scopes)
            code = store.give_code(account.email, tool, "https://tool.example/cb", scopes, "c")
            token, _refresh = store.give_tokens(store.codes[hashed(code)].consent)
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        return app.test_client().open(f"{BASE}{path}", method=method, headers=headers, **options)

    return send


def minor(response):
    (field,) = response.get_json()["imsx_codeMinor"]["imsx_codeMinorField"]
    assert response.get_json()["imsx_codeMajor"] == "failure"
    return field["imsx_codeMinorFieldValue"]


def test_the_service_describes_itself_to_anybody(app):
    response = app.test_client().get(f"{BASE}/discovery")
    document = response.get_json()
    scheme = document["components"]["securitySchemes"]["OAuth2ACG"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert scheme["x-imssf-registrationUrl"] == "http://127.0.0.1:8002/ims/ob/v3p0/oauth/register"
    assert set(scheme["flows"]["authorizationCode"]["scopes"]) == set(SCOPES)
    offered = {(path, method) for path, item in document["paths"].items() for method in item}
    routes = {
        (rule.rule.removeprefix(BASE), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert offered == routes


def test_first_created_then_replaced_and_echoed(call):
    text = json.dumps(badge(1), indent=2)
    for status in (201, 200):
        response = call("POST", "/credentials", data=text, content_type="application/json")
        assert (response.status_code, response.get_data(as_text=True)) == (status, text)


def test_the_same_id_from_another_issuer_is_another_badge(call, store):
    call("POST", "/credentials", json=badge(1))
    response = call("POST", "/credentials", json=badge(1, {"id": "https://other.example/issuers/1"}))
    assert (response.status_code, len(store.credentials)) == (201, 2)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("{}", "application/json", "non-empty id"),
        ('{"id": ""}', "application/json", "non-empty id"),
        ('{"id": "urn:x:1"}', "application/json", "issuer"),
        ('{"id": "urn:x:1", "issuer": "urn:x:2", "type": 7}', "application/json", "type"),
        ("[]", "application/json", "JSON object"),
        ("{", "application/json", "read"),
        ("\xff", "application/json", "read"),
        ("a.b", "text/plain", "three parts"),
        ("e30.e30.e30", "text/plain", "kid or jwk"),
        ("e30.###.e30", "text/plain", "read"),
        (json.dumps(badge(1)), "application/vc", "content-type"),
        (json.dumps(badge(1)), "text/html", "content-type"),
    ],
)
def test_what_is_no_credential_is_refused(call, store, body, kind, words):
    response = call("POST", "/credentials", data=body.encode("latin-1"), content_type=kind)
    assert (response.status_code, minor(response)) == (400, "invalid_data")
    assert words in response.get_json()["imsx_description"]
    assert store.credentials == {}


def test_a_credential_has_a_size(call):
    response = call("POST", "/credentials", data=b" " * 2_000_000, content_type="application/json")
    assert (response.status_code, minor(response)) == (413, "invalid_data")


def fill(store, count):
    store.ensure_account("Ada Lovelace", "ada@example.org")
    for number in range(count):
        store.clock = lambda number=number: START + timedelta(minutes=number)
        document = badge(number)
        store.upsert("ada@example.org", document["issuer"], document["id"], json.dumps(document), "application/json")


def names(response):
    return [one["name"] for one in response.get_json()["credential"]]


def test_pages_lead_from_the_newest_to_the_oldest(call, store):
    fill(store, 5)
    response = call("GET", "/credentials?limit=2&offset=2")
    assert names(response) == ["Badge 2", "Badge 1"]
    assert response.headers["X-Total-Count"] == "5"
    api = "http://127.0.0.1:8002/ims/ob/v3p0/credentials?limit=2&offset="
    assert response.headers["Link"].split(", ") == [
        f'<{api}0>; rel="first"', f'<{api}4>; rel="last"', f'<{api}4>; rel="next"', f'<{api}0>; rel="prev"',
    ]  # fmt: skip


def test_the_last_page_has_no_next(call, store):
    fill(store, 2)
    assert 'rel="next"' not in call("GET", "/credentials?limit=2").headers["Link"]


def test_only_what_changed_since(call, store):
    fill(store, 5)
    assert names(call("GET", "/credentials?since=2026-04-01T10:02:00Z")) == ["Badge 4", "Badge 3"]


def test_a_long_list_is_paged_whether_asked_or_not(call, store):
    fill(store, 150)
    assert len(names(call("GET", "/credentials"))) == len(names(call("GET", "/credentials?limit=999"))) == 100


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "limit=1e3", "since=yesterday", "limit=٣"])
def test_a_query_that_cannot_be_read(call, query):
    response = call("GET", f"/credentials?{query}")
    assert (response.status_code, minor(response)) == (400, "invalid_query_parameter")


def test_numbers_come_back_as_they_were_written(call):
    text = json.dumps(badge(1))[:-1] + ', "creditsEarned": 2.50, "large": 12345678901234567890.125}'
    call("POST", "/credentials", data=text, content_type="application/json")
    assert text in call("GET", "/credentials").get_data(as_text=True)


def test_a_token_is_needed(app):
    response = app.test_client().get(f"{BASE}/credentials")
    assert (response.status_code, minor(response)) == (401, "unauthorizedrequest")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="Open Badges API"'


def test_an_unknown_token_is_refused(call):
    response = call("GET", "/profile", token="guessed")
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/credentials", "credential.readonly"),
        ("POST", "/credentials", "credential.upsert"),
        ("GET", "/profile", "profile.readonly"),
        ("PUT", "/profile", "profile.update"),
    ],
)
def test_a_token_is_held_to_its_scope(call, method, path, scope):
    others = tuple(one for one in SCOPES if one != SCOPE_PREFIX + scope)
    response = call(method, path, scopes=others, json=None if method == "GET" else badge(1))
    assert (response.status_code, minor(response)) == (403, "forbidden")
    assert f'scope="{SCOPE_PREFIX}{scope}"' in response.headers["WWW-Authenticate"]


def test_the_profile_is_replaced_whole_but_stays_the_accounts(call):
    profile = call("GET", "/profile").get_json()
    assert (profile["type"], profile["email"]) == (["Profile"], "ada@example.org")
    changed = {"id": profile["id"], "type": ["Profile"], "name": "A. Lovelace", "email": "eve@example.org"}
    assert call("PUT", "/profile", json=changed).status_code == 200
    assert call("GET", "/profile").get_json() == changed | {"email": "ada@example.org"}


@pytest.mark.parametrize(("document", "status"), [([], 400), ({"type": ["Profile"], "id": "urn:x"}, 403), ({}, 400)])
def test_a_profile_that_is_not_the_accounts_is_refused(call, document, status):
    assert call("PUT", "/profile", json=document).status_code == status


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/discovery", 405)])
def test_other_addresses_answer_in_the_standards_form(call, path, status):
    response = call("DELETE", path)
    assert (response.status_code, response.get_json()["imsx_codeMajor"]) == (status, "failure")


def test_faults_are_over_after_their_count(call, store):
    store.fail_next(2, 503, retry_after="9")
    answers = [call("GET", "/credentials") for _ in range(3)]
    assert [one.status_code for one in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "9"


def test_a_fault_waits_for_its_own_address(call, store):
    store.fail_next(1, 500, where="/profile")
    assert call("GET", "/credentials").status_code == 200
    assert call("GET", "/profile").status_code == 500
