"""The Badgr host of these tests does what was captured, and what was ordered."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from conftest import Live
from hosts.badgr_host import BadgrHost
from hosts.badgr_oauth import BADGE_CONNECT_SCOPES
from hosts.desk import query_of
from hosts.hosted_badges import ACCEPT
from hosts.processes import running
from werkzeug.wrappers import Request, Response

ADA = "ada@school.example"
TOOL = "https://tool.example"
PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = "data:image/png;base64," + base64.b64encode(PNG).decode()
REGISTRATION = {
    "client_name": "Tool",
    **{name: f"{TOOL}/{name}" for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri")},
    "software_id": "x",
    "software_version": "1",
    "redirect_uris": [f"{TOOL}/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": " ".join(BADGE_CONNECT_SCOPES),
}
VERIFIER = "v" * 64


@pytest.fixture
def host() -> Iterator[BadgrHost]:
    with BadgrHost(fetches_logo=False, throttle_seconds=0.3) as host:
        host.add_user(ADA)
        yield host


def post(host: BadgrHost, path: str, document: Any = None, token: str = "", **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(host.base_url + path, json=document, headers=headers, timeout=10, **options)


def connect(host: BadgrHost) -> tuple[dict[str, Any], tuple[str, str]]:
    """Tokens, and the client's credentials."""
    registered = post(host, "/o/register", REGISTRATION).json()
    client = registered["client_id"], registered["client_secret"]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client[0],
            "redirect_uri": f"{TOOL}/cb",
            "scope": " ".join(BADGE_CONNECT_SCOPES),
            "state": "st1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    sent = requests.post(
        f"{host.base_url}/consent", {"query": query, "email": ADA}, timeout=10, allow_redirects=False
    ).headers["Location"]
    assert query_of(sent)["state"] == "st1"
    form = {"grant_type": "authorization_code", "code": query_of(sent)["code"], "redirect_uri": f"{TOOL}/cb"}
    got = requests.post(f"{host.base_url}/o/token", form | {"code_verifier": VERIFIER}, auth=client, timeout=10)
    assert got.status_code == 200, got.text
    return got.json(), client


class Issuer:
    """A tool's pages with one hosted assertion."""

    def __init__(self, email: str = ADA) -> None:
        self.url, self.accepted, self.email, self.changes = "", [], email, {}

    @Request.application
    def __call__(self, request: Request) -> Response:
        self.accepted.append(request.headers.get("Accept"))
        if request.path == "/p.png":
            return Response(PNG, content_type="image/png")
        digest = hashlib.sha256(f"{self.email}s4lt".encode()).hexdigest()
        pages = {
            "/a": {
                "type": "Assertion",
                "recipient": {"type": "email", "hashed": True, "salt": "s4lt", "identity": f"sha256${digest}"},
                "badge": f"{self.url}/b",
                "verification": {"type": "HostedBadge"},
                "issuedOn": "2026-03-01T09:00:00Z",
            },
            "/b": {
                "type": "BadgeClass",
                "name": "Writer",
                "description": "Writes.",
                "image": f"{self.url}/p.png",
                "criteria": {"narrative": "Write."},
                "issuer": f"{self.url}/i",
            },
            "/i": {"type": "Issuer", "name": "School", "url": "https://school.example", "email": "a@school.example"},
        }
        page = {"@context": "https://w3id.org/openbadges/v2", "id": f"{self.url}{request.path}", **pages[request.path]}
        page |= self.changes.get(request.path, {})
        return Response(json.dumps(page), content_type="application/ld+json")


@pytest.fixture
def issuer(live: Live) -> Issuer:
    issuer = Issuer()
    issuer.url = live(issuer)
    return issuer


# -- consent and tokens -----------------------------------------------------------------------------------------------


def test_the_manifest_lies_behind_a_redirect_and_lists_its_apis(host: BadgrHost) -> None:
    got = requests.get(f"{host.base_url}/.well-known/badgeconnect.json", timeout=10)
    assert [one.status_code for one in got.history] == [302]
    (api,) = got.json()["badgeConnectAPI"]
    assert api["version"] == "v1p0"
    assert not api["scopesOffered"][0].endswith("create")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"redirect_uris": ["http://tool.example/cb"]}, "redirect_uris: Must be a valid HTTPS URI"),
        ({"tos_uri": "https://elsewhere.example/tos"}, "do not match domain"),
        ({"tos_uri": "https://tool.example:444/tos"}, "do not match domain"),
        ({"scope": f"{BADGE_CONNECT_SCOPES[0]} offline_access"}, "scope"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "client_secret_basic"),
        ({"software_id": ""}, "software_id"),
    ],
)
def test_a_registration_is_refused_in_its_words(host: BadgrHost, change: dict[str, Any], word: str) -> None:
    got = post(host, "/o/register", REGISTRATION | change)
    assert got.status_code == 400
    assert word in got.json()["error"]


def test_a_registration_echoes_less_than_it_gives(host: BadgrHost) -> None:
    got = post(host, "/o/register", REGISTRATION)
    assert (got.status_code, got.json()["grant_types"]) == (201, ["authorization_code"])
    tokens, _ = connect(host)
    assert tokens["refresh_token"]


def test_refresh_tokens_rotate_and_a_failure_throttles_the_next_call(host: BadgrHost) -> None:
    tokens, client = connect(host)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    url = f"{host.base_url}/o/token"
    assert requests.post(url, form, auth=client, timeout=10).status_code == 200
    again = requests.post(url, form, auth=client, timeout=10)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    throttled = requests.post(url, form, auth=client, timeout=10)
    assert (throttled.status_code, throttled.json()["error"]) == (429, "login attempts throttled")


def test_a_wrong_verifier_is_refused(host: BadgrHost) -> None:
    _, client = connect(host)
    with host.lock:
        grant = next(iter(host.desk.access.values()))[0]
        code = host.desk.give_code(grant, f"{TOOL}/cb", "x" * 43)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{TOOL}/cb", "code_verifier": VERIFIER}
    assert requests.post(f"{host.base_url}/o/token", form, auth=client, timeout=10).status_code == 400


# -- the backpack -----------------------------------------------------------------------------------------------------


def test_a_hosted_badge_is_fetched_checked_and_taken_once(host: BadgrHost, issuer: Issuer) -> None:
    token = connect(host)[0]["access_token"]
    document = {"assertion": {"id": f"{issuer.url}/a"}}
    assert post(host, "/bcv1/assertions", document, token).status_code == 201
    assert set(issuer.accepted) == {ACCEPT}
    again = post(host, "/bcv1/assertions", document, token)
    assert (again.status_code, again.json()["status"]["error"][0]["name"]) == (400, "DUPLICATE_BADGE")
    assert host.stored(ADA) == [f"{issuer.url}/a"]
    assert host.created == [(ADA, f"{issuer.url}/a")]
    listed = requests.get(
        f"{host.base_url}/bcv1/assertions?limit=1", headers={"Authorization": f"Bearer {token}"}, timeout=10
    ).json()
    assert listed["results"][0]["recipient"]["plaintextIdentity"] == ADA
    issuer.changes["/a"] = {"revoked": True}
    assert host.recheck(ADA) == {f"{issuer.url}/a": "ASSERTION_REVOKED"}


@pytest.mark.parametrize(
    ("path", "change", "name"),
    [
        ("/a", {"issuedOn": "2026-03-01T09:00:00"}, "VALIDATE_PROPERTY"),
        ("/a", {"recipient": {"type": "email", "hashed": False, "identity": ADA}}, "VALIDATE_PROPERTY"),
        ("/a", {"id": "http://127.0.0.1:1/other"}, "VALIDATE_PROPERTY"),
        ("/a", {"expires": "2026-03-02T09:00:00Z"}, "VERIFY_HOSTED"),
        ("/b", {"image": None}, "VALIDATE_PROPERTY"),
        ("/b", {"alignment": [{"targetName": "x"}]}, "VALIDATE_PROPERTY"),
        ("/i", {"email": None}, "VALIDATE_PROPERTY"),
        ("/i", {"verification": {"allowedOrigins": ["elsewhere.example"]}}, "VERIFY_HOSTED"),
    ],
)
def test_a_badge_that_is_wrong_is_refused(
    host: BadgrHost, issuer: Issuer, path: str, change: dict[str, Any], name: str
) -> None:
    issuer.changes[path] = change
    token = connect(host)[0]["access_token"]
    got = post(host, "/bcv1/assertions", {"assertion": {"id": f"{issuer.url}/a"}}, token)
    assert (got.status_code, got.json()["status"]["error"][0]["name"]) == (400, name)
    assert host.stored(ADA) == []


def test_a_badge_for_somebody_else_is_refused(host: BadgrHost, issuer: Issuer) -> None:
    issuer.email = "eve@school.example"
    token = connect(host)[0]["access_token"]
    got = post(host, "/bcv1/assertions", {"assertion": {"id": f"{issuer.url}/a"}}, token)
    assert got.json()["status"]["error"][0]["name"] == "VERIFY_RECIPIENT_IDENTIFIER"


def test_a_bad_token_is_refused_in_the_same_envelope(host: BadgrHost) -> None:
    got = post(host, "/bcv1/assertions", {"assertion": {"id": "x"}}, "nonsense")
    assert (got.status_code, got.json()["status"]["statusText"]) == (401, "UNAUTHENTICATED")


def test_the_import_takes_tokens_of_the_v2_api_only(host: BadgrHost, issuer: Issuer) -> None:
    url = {"url": f"{issuer.url}/a"}
    assert post(host, "/v2/backpack/import", url, connect(host)[0]["access_token"]).status_code == 403
    token = sign_in(host)
    assert post(host, "/v2/backpack/import", url, token).status_code == 201
    again = post(host, "/v2/backpack/import", url, token)
    assert (again.status_code, again.json()["validationErrors"][0]["name"]) == (400, "DUPLICATE_BADGE")


# -- issuing ----------------------------------------------------------------------------------------------------------


def sign_in(host: BadgrHost) -> str:
    got = requests.post(f"{host.base_url}/o/token", {"username": ADA, "password": "secret"}, timeout=10)
    return str(got.json()["access_token"])


def badge_class(host: BadgrHost, token: str) -> str:
    issuer = {"name": "School", "email": ADA, "url": "https://school.example", "description": "d"}
    issuer_id = post(host, "/v2/issuers", issuer, token).json()["result"][0]["entityId"]
    made = {"issuer": issuer_id, "name": "Writer", "description": "d", "criteriaNarrative": "n", "image": PICTURE}
    return str(post(host, "/v2/badgeclasses", made, token).json()["result"][0]["entityId"])


def batch(*emails: str, **more: Any) -> dict[str, Any]:
    return {"assertions": [{"recipient": {"identity": one, "type": "email"}, **more} for one in emails]}


def test_a_batch_is_all_or_nothing_and_duplicates_are_refused_when_asked(host: BadgrHost) -> None:
    token = sign_in(host)
    where = f"/v2/badgeclasses/{badge_class(host, token)}/issue"
    refused = post(host, where, batch("a@x.example", "nobody"), token)
    assert (refused.status_code, refused.json()["fieldErrors"][0]) == (400, {})
    assert "recipient" in refused.json()["fieldErrors"][1]
    assert post(host, where, batch("a@x.example", "b@x.example"), token).status_code == 201
    assert post(host, where, batch("a@x.example", allowDuplicateAwards=False), token).status_code == 400
    assert host.duplicates() == []
    assert post(host, where, batch("a@x.example"), token).status_code == 201
    assert [one[1] for one in host.duplicates()] == ["a@x.example"]


def test_a_revocation_needs_a_reason_and_happens_once(host: BadgrHost) -> None:
    token = sign_in(host)
    post(host, f"/v2/badgeclasses/{badge_class(host, token)}/issue", batch("a@x.example"), token)
    (issued,) = host.issued()
    url, headers = f"{host.base_url}/v2/assertions/{issued['entityId']}", {"Authorization": f"Bearer {token}"}
    assert requests.delete(url, headers=headers, json={}, timeout=10).status_code == 400
    assert requests.delete(url, headers=headers, json={"revocation_reason": "x"}, timeout=10).status_code == 200
    assert requests.delete(url, headers=headers, json={"revocation_reason": "x"}, timeout=10).status_code == 400
    public = requests.get(f"{host.base_url}/public/assertions/{issued['entityId']}", timeout=10).json()
    assert public["revocationReason"] == "x"
    listed = requests.get(
        f"{host.base_url}/v2/badgeclasses/{issued['badgeclass']}/assertions", headers=headers, timeout=10
    )
    assert listed.json()["result"] == []


def test_pages_lead_to_the_next(host: BadgrHost) -> None:
    token = sign_in(host)
    entity_id = badge_class(host, token)
    post(host, f"/v2/badgeclasses/{entity_id}/issue", batch(*(f"{n}@x.example" for n in range(5))), token)
    url: str | None = f"{host.base_url}/v2/badgeclasses/{entity_id}/assertions?num=2&include_revoked=1"
    seen = []
    while url:
        got = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        seen += [one["recipient"]["plaintextIdentity"] for one in got.json()["result"]]
        url = got.links.get("next", {}).get("url")
    assert seen == [f"{n}@x.example" for n in (4, 3, 2, 1, 0)]


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "stored"), [("die_before", 0), ("die_during", 2), ("die_after", 4)])
def test_it_dies_as_ordered(host: BadgrHost, how: str, stored: int) -> None:
    token = sign_in(host)
    where = f"/v2/badgeclasses/{badge_class(host, token)}/issue"
    host.fail("POST .*/issue", how)
    with pytest.raises(requests.RequestException):
        post(host, where, batch(*(f"{n}@x.example" for n in range(4))), token)
    assert len(host.issued()) == stored
    assert host.calls[-1].status == 0
    assert post(host, where, batch("z@x.example"), token).status_code == 201


@pytest.mark.parametrize(("how", "status"), [("throttle", 429), ("status 503", 503), ("html", 200), ("not_json", 200)])
def test_it_answers_as_ordered_after_what_is_skipped(host: BadgrHost, how: str, status: int) -> None:
    host.fail("GET /v2/issuers", how, skip=1)
    headers = {"Authorization": f"Bearer {sign_in(host)}"}
    got = [requests.get(f"{host.base_url}/v2/issuers", headers=headers, timeout=10) for _ in range(3)]
    assert [one.status_code for one in got] == [200, status, 200]
    assert host.count("GET /v2/issuers") == 3


def test_it_runs_in_a_process_of_its_own() -> None:
    with running("badgr_host", verifies=False, speed="at once") as host:
        host("add_user", email=ADA)
        form = {"username": ADA, "password": "secret"}
        token = requests.post(f"{host.base_url}/o/token", form, timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        done = requests.post(
            f"{host.base_url}/bcv1/assertions", json={"assertion": {"id": "x:1"}}, headers=headers, timeout=10
        )
        assert done.status_code == 201
        assert host("stored", email=ADA) == ["x:1"]
        assert host("call_counts") == {"POST /o/token": 1, "POST /bcv1/assertions": 1}
        host("fail", where="POST", how="die_after")
        with pytest.raises(requests.RequestException):
            requests.post(f"{host.base_url}/o/token", form, timeout=10)
