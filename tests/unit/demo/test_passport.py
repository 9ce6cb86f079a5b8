"""The demo passport: Badge Connect as the hosts seen speak it, judging what arrives with code nobody here wrote."""

import hashlib
import json
from dataclasses import dataclass, field

import pytest

from lti_tool.demo.backpack_check import State
from lti_tool.demo.backpack_store import hashed
from lti_tool.demo.passport import SCOPE, SCOPES, HostedCheck, create_passport
from lti_tool.errors import OutboundError
from lti_tool.outbound import Answer

SITE = "https://college.example"
ASSERTION, BADGE, ISSUER = f"{SITE}/a/1", f"{SITE}/b/1", f"{SITE}/i"
CONTEXT = "https://w3id.org/openbadges/v2"
BASE = "/ims/ob/v2p1"


@dataclass
class Hosted:
    """Answers what a badge's own addresses answer, in place of the guarded client."""

    pages: dict[str, tuple[int, object]] = field(default_factory=dict)

    def get(self, url, **_options):
        if url not in self.pages:
            raise OutboundError("host down")
        status, document = self.pages[url]
        return Answer(url, status, {}, json.dumps(document).encode())


def assertion(email="ada@example.org", **changes):
    identity = f"sha256${hashlib.sha256(f'{email}s4lt'.encode()).hexdigest()}"
    return {
        "@context": CONTEXT,
        "type": "Assertion",
        "id": ASSERTION,
        "recipient": {"type": "email", "hashed": True, "salt": "s4lt", "identity": identity},
        "badge": BADGE,
        "verification": {"type": "HostedBadge"},
        "issuedOn": "2026-03-01T09:00:00Z",
        **changes,
    }


@pytest.fixture
def hosted():
    badge = {"@context": CONTEXT, "type": "BadgeClass", "id": BADGE, "name": "Data Basics", "description": "Charts."}
    badge |= {"image": f"{SITE}/b.png", "criteria": {"narrative": "Score 70."}, "issuer": ISSUER}
    issuer = {
        "@context": CONTEXT,
        "type": "Issuer",
        "id": ISSUER,
        "name": "College",
        "url": SITE,
        "email": "b@c.example",
    }
    return Hosted({ASSERTION: (200, assertion()), BADGE: (200, badge), ISSUER: (200, issuer)})


@pytest.fixture
def app(hosted):
    app = create_passport("http://127.0.0.1:8003", people=[("Ada", "ada@example.org")])
    app.extensions["backpack_http"] = hosted
    return app


@pytest.fixture
def call(app):
    """Call the interface as a connected tool; ``scopes`` narrows its consent."""
    store = app.extensions["backpack"]

    def send(method, path, *, scopes=SCOPES, token=None, **options):
        if token is None:
            client, _secret = store.add_client("Tool", "http://localhost:8000", ("http://localhost:8000/cb",), scopes)
            code = store.spend_code(store.give_code("ada@example.org", client, "x", scopes, "y"), client)
            token, _refresh = store.give_tokens(code.consent)
            assert hashed(token) in store.access_tokens
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().open(f"{BASE}{path}", method=method, headers=headers, **options)

    return send


def test_the_manifest_stands_behind_a_redirect(app):
    client = app.test_client()
    there = client.get("/.well-known/badgeconnect.json")
    assert there.status_code == 302
    (offered,) = client.get(there.headers["Location"]).json["badgeConnectAPI"]
    assert offered["version"] == "v2p1"
    assert offered["apiBase"].endswith("/ims/ob/v2p1")
    assert SCOPE + "assertion.create" in offered["scopesOffered"]


def test_registration_takes_both_ways_to_name_grants_but_no_offline_access(app):
    document = {name: "http://localhost:8000/x" for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri")} | {
        "client_name": "Tool",
        "software_id": "1",
        "software_version": "1",
        "redirect_uris": ["http://localhost:8000/cb"],
    }
    document |= {"token_endpoint_auth_method": "client_secret_basic", "response_types": ["code"]}
    for grants, scope, status in (
        (["authorization_code"], SCOPES, 201),
        (["authorization_code", "refresh_token"], SCOPES, 201),
        (["authorization_code"], (*SCOPES, "offline_access"), 400),
        (["implicit"], SCOPES, 400),
    ):
        sent = document | {"grant_types": grants, "scope": " ".join(scope)}
        answer = app.test_client().post(f"{BASE}/oauth/register", json=sent)
        assert answer.status_code == status, answer.text


def test_an_assertion_is_fetched_judged_kept_and_listed(call):
    assert call("POST", "/assertions", json={"assertion": {"id": ASSERTION}}).status_code == 201
    listed = call("GET", "/assertions")
    assert listed.json["assertions"] == [assertion()]
    assert listed.headers["X-Total-Count"] == "1"
    assert call("GET", "/profile").json["profile"]["email"] == "ada@example.org"


def test_a_second_time_is_a_duplicate(call):
    call("POST", "/assertions", json={"assertion": {"id": ASSERTION}})
    again = call("POST", "/assertions", json={"assertion": {"id": ASSERTION}})
    assert (again.status_code, again.json["status"]["error"]) == (400, "DUPLICATE_BADGE")


def test_somebody_elses_badge_is_not_taken(call, hosted):
    hosted.pages[ASSERTION] = 200, assertion("bob@example.org")
    refused = call("POST", "/assertions", json={"assertion": {"id": ASSERTION}})
    assert (refused.status_code, refused.json["status"]["statusText"]) == (400, "RECIPIENT_PROFILE_MISMATCH")
    assert call("GET", "/assertions").json["assertions"] == []


@pytest.mark.parametrize(
    "change",
    [
        (404, {}),
        (200, assertion(id=f"{SITE}/a/2")),
        (200, assertion(recipient="ada")),
        (200, assertion(badge=f"{SITE}/nothing")),
        (200, assertion(expires="2020-01-01T00:00:00Z")),
    ],
)
def test_what_openbadgeslib_refuses_is_refused(call, hosted, change):
    hosted.pages[ASSERTION] = change
    refused = call("POST", "/assertions", json={"assertion": {"id": ASSERTION}})
    assert (refused.status_code, refused.json["status"]["statusText"]) == (400, "INVALID_BADGE")


def test_tokens_open_only_what_they_cover(call):
    narrow = (SCOPE + "profile.readonly",)
    assert call("GET", "/profile", scopes=narrow).status_code == 200
    assert call("GET", "/assertions", scopes=narrow).status_code == 403
    assert call("POST", "/assertions", scopes=narrow, json={}).status_code == 403
    unknown = call("GET", "/profile", token="wrong")
    assert (unknown.status_code, unknown.json["status"]["statusText"]) == (401, "UNAUTHENTICATED")


def test_the_page_shows_the_badge_and_what_its_address_says_now(app, call, hosted):
    call("POST", "/assertions", json={"assertion": {"id": ASSERTION}})
    client = app.test_client()
    with client.session_transaction() as session:
        session["email"] = "ada@example.org"
    page = client.get("/").text
    assert "Demo passport" in page
    assert "Data Basics" in page
    assert "College" in page
    assert "verdict intact" in page
    hosted.pages[ASSERTION] = 410, {"id": ASSERTION, "revoked": True}
    assert "verdict revoked" in client.get("/").text
    assert "Passeport de démonstration" in client.get("/", headers={"Accept-Language": "fr"}).text


def test_a_host_that_is_down_is_not_called_false(hosted):
    text = json.dumps(assertion())
    assert HostedCheck(hosted).verdict(text).state is State.INTACT
    del hosted.pages[ASSERTION]
    assert HostedCheck(hosted).verdict(text).state is State.UNCHECKED
