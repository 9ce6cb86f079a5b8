"""Another backpack collects a learner's badges: registers, is let in by a pairing code, reads, is shut out again."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from claims import SAME_ORIGIN, TOOL, Wallets, page_token, wallets_on
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from flask.testing import FlaskClient
from openbadgeslib.ob3 import ldp
from openbadgeslib.ob3.verifier import OB3VerificationError
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_tool.models import CredentialVersion, HostedConsent, HostedToken, IssuerKey, IssuerProfile, PairingCode, User
from lti_tool.services import hosting, revoking
from lti_tool.web.rates import limiter

COLLECTOR = "https://collector.example"
CALLBACK = f"{COLLECTOR}/callback"
OB3 = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
BADGE_CONNECT = "https://purl.imsglobal.org/spec/ob/v2p1/scope/"
OB3_SCOPE = f"{OB3}credential.readonly {OB3}profile.readonly"
OAUTH = "/ims/ob/oauth"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Collector:
    """A backpack that asks as the recorded ones do, and the browser of whoever sits at it."""

    world: Wallets
    scope: str = OB3_SCOPE
    client_id: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        self.http: FlaskClient = self.world.app.test_client()

    def metadata(self, **more: Any) -> dict[str, Any]:
        return {
            "client_name": "Collector",
            "client_uri": COLLECTOR,
            "logo_uri": f"{COLLECTOR}/logo.png",
            "tos_uri": f"{COLLECTOR}/terms",
            "policy_uri": f"{COLLECTOR}/privacy",
            "software_id": "13dcdc83-fc0d-4c8d-9159-6461da297388",
            "software_version": "1",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": self.scope,
            **more,
        }

    def register(self, **more: Any) -> TestResponse:
        answer = self.http.post(f"{OAUTH}/register", json=self.metadata(**more))
        if answer.status_code == 201:
            self.client_id, self.secret = answer.json["client_id"], answer.json["client_secret"]
        return answer

    def asking(self, **more: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": self.scope,
            "state": "st4te",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        return f"{OAUTH}/authorize?{urlencode({name: value for name, value in query.items() if value})}"

    def decide(self, code: str, do: str = "allow", **more: str) -> TestResponse:
        return self.http.post(self.asking(**more), data={"pairing_code": code, "do": do}, headers=SAME_ORIGIN)

    def token(self, **form: str) -> TestResponse:
        basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return self.http.post(f"{OAUTH}/token", data=form, headers={"Authorization": f"Basic {basic}"})

    def exchange(self, code: str, **more: str) -> TestResponse:
        form = {"code": code, "redirect_uri": CALLBACK, "scope": self.scope, "code_verifier": VERIFIER}
        return self.token(grant_type="authorization_code", **(form | more))

    def refresh(self, token: str, **more: str) -> TestResponse:
        return self.token(grant_type="refresh_token", refresh_token=token, **more)

    def revoke(self, token: str, hint: str = "access_token") -> TestResponse:
        basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return self.http.post(
            f"{OAUTH}/revoke",
            data={"token": token, "token_type_hint": hint},
            headers={"Authorization": f"Basic {basic}"},
        )

    def read(self, path: str, token: str) -> TestResponse:
        return self.http.get(path, headers={"Authorization": f"Bearer {token}"})

    def connect(self) -> dict[str, Any]:
        """Register, be let in, and return the tokens."""
        assert self.register().status_code == 201
        answer = self.exchange(code_of(self.decide(pairing_code(self.world))))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json
        return tokens


def pairing_code(world: Wallets, user_id: int | None = None) -> str:
    """Make a code as a learner does."""
    browser = world.browser(user_id or world.ada)
    token = page_token(browser.get("/mine/collecting").text)
    page = browser.post("/mine/collecting/code", data={"csrf_token": token}, headers=SAME_ORIGIN)
    found = re.search(r'role="status">([A-Z0-9]{5}-[A-Z0-9]{5})<', page.text)
    assert found, page.text
    return found[1]


def answered(response: TestResponse) -> dict[str, str]:
    """What a redirect back to the backpack says."""
    assert response.status_code == 302, response.text
    location = urlsplit(response.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == CALLBACK
    return dict(parse_qsl(location.query))


def code_of(response: TestResponse) -> str:
    return answered(response)["code"]


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[Wallets]:
    with wallets_on(migrated_sqlite_url) as made:
        limiter.reset()
        made.claim()
        yield made


@pytest.fixture
def collector(world: Wallets) -> Collector:
    return Collector(world)


# -- Open Badges 3.0 --------------------------------------------------------------------------------------------------


def test_a_backpack_collects_what_was_signed_letter_by_letter(world: Wallets, collector: Collector) -> None:
    description = collector.http.get("/ims/ob/v3p0/discovery").json
    flow = description["components"]["securitySchemes"]["OAuth2ACG"]["flows"]["authorizationCode"]
    assert flow["tokenUrl"] == f"{TOOL}{OAUTH}/token"
    assert set(flow["scopes"]) == set(OB3_SCOPE.split())
    tokens = collector.connect()
    assert tokens["scope"] == OB3_SCOPE
    answer = collector.read("/ims/ob/v3p0/credentials", tokens["access_token"])
    assert answer.status_code == 200
    assert answer.headers["X-Total-Count"] == "1"
    (credential,) = answer.json["credential"]
    with world.services.database.read() as session:
        (signed,) = session.scalars(select(CredentialVersion.document))
    assert signed is not None
    assert signed in answer.text
    assert credential == json.loads(signed)
    profile = collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).json
    assert profile["type"] == ["Profile"]
    assert profile["name"]


def test_what_was_collected_verifies_elsewhere(world: Wallets, collector: Collector) -> None:
    tokens = collector.connect()
    (credential,) = collector.read("/ims/ob/v3p0/credentials", tokens["access_token"]).json["credential"]
    with world.services.database.read() as session:
        key = session.scalars(select(IssuerKey)).one()
    private = load_pem_private_key(world.services.vault.open(key.private_key).encode(), None)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ldp.verify_data_integrity_proof(credential, pem)
    with pytest.raises(OB3VerificationError):
        ldp.verify_data_integrity_proof(credential | {"name": "Another"}, pem)


def test_pages_have_links_and_since_leaves_out_what_was_there(world: Wallets, collector: Collector) -> None:
    tokens = collector.connect()
    page = collector.read("/ims/ob/v3p0/credentials?limit=1&offset=0", tokens["access_token"])
    assert 'rel="first"' in page.headers["Link"]
    assert 'rel="next"' not in page.headers["Link"]
    after = (world.course.now + timedelta(days=1)).isoformat()
    later = collector.read(f"/ims/ob/v3p0/credentials?{urlencode({'since': after})}", tokens["access_token"])
    assert later.json == {"credential": [], "compactJwsString": []}
    for query in ("limit=0", "limit=x", "offset=-1", "since=yesterday"):
        refused = collector.read(f"/ims/ob/v3p0/credentials?{query}", tokens["access_token"])
        assert refused.status_code == 400
        minor = refused.json["imsx_codeMinor"]["imsx_codeMinorField"][0]
        assert minor["imsx_codeMinorFieldValue"] == "invalid_query_parameter"


def test_a_revoked_badge_is_given_to_nobody_anew(world: Wallets, collector: Collector) -> None:
    tokens = collector.connect()
    with world.services.database.write() as session:
        revoking.revoke_award(session, world.award_id(), "staff:1", "granted in error", world.course.now)
    assert collector.read("/ims/ob/v3p0/credentials", tokens["access_token"]).json["credential"] == []


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_tokens_open_only_what_was_granted(world: Wallets, collector: Collector) -> None:
    collector.scope = f"{OB3}profile.readonly"
    tokens = collector.connect()
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 200
    for path in ("/ims/ob/v3p0/credentials", "/ims/ob/v2p1/assertions", "/ims/ob/v2p1/profile"):
        assert collector.read(path, tokens["access_token"]).status_code == 403
    assert collector.read("/ims/ob/v3p0/profile", tokens["refresh_token"]).status_code == 401
    assert collector.http.get("/ims/ob/v3p0/profile").status_code == 401


def test_a_code_works_once_and_ends_what_it_led_to(collector: Collector, world: Wallets) -> None:
    collector.register()
    code = code_of(collector.decide(pairing_code(world)))
    tokens = collector.exchange(code).json
    again = collector.exchange(code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401


def test_refresh_tokens_rotate_and_a_stolen_one_ends_all(collector: Collector) -> None:
    first = collector.connect()
    second = collector.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert collector.read("/ims/ob/v3p0/profile", second["access_token"]).status_code == 200
    assert collector.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert collector.read("/ims/ob/v3p0/profile", second["access_token"]).status_code == 401
    assert collector.refresh(second["refresh_token"]).json["error"] == "invalid_grant"


def test_revoking_is_answered_the_same_for_what_nobody_knows(collector: Collector) -> None:
    tokens = collector.connect()
    assert collector.revoke("nothing").status_code == 200
    assert collector.revoke(tokens["refresh_token"], "refresh_token").status_code == 200
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401
    assert collector.revoke(tokens["access_token"], "id_token").json["error"] == "unsupported_token_type"


def test_another_backpack_cannot_use_its_codes_or_tokens(world: Wallets, collector: Collector) -> None:
    tokens = collector.connect()
    other = Collector(world)
    other.register()
    code = code_of(collector.decide(pairing_code(world)))
    assert other.exchange(code).json["error"] == "invalid_grant"
    assert other.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    other.revoke(tokens["refresh_token"], "refresh_token")
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 200
    assert collector.exchange(code).status_code == 200  # who tried it in vain spent nothing


@pytest.mark.parametrize(
    "form",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": ""},
        {"redirect_uri": f"{COLLECTOR}/other"},
        {"scope": f"{BADGE_CONNECT}assertion.readonly"},
    ],
)
def test_a_code_needs_its_verifier_address_and_scope(
    collector: Collector, world: Wallets, form: dict[str, str]
) -> None:
    collector.register()
    refused = collector.exchange(code_of(collector.decide(pairing_code(world))), **form)
    assert refused.status_code == 400
    assert refused.json["error"] in {"invalid_grant", "invalid_request", "invalid_scope"}


def test_a_wrong_secret_is_no_client(collector: Collector) -> None:
    collector.register()
    collector.secret = "wrong"
    refused = collector.exchange("code")
    assert (refused.status_code, refused.json["error"]) == (401, "invalid_client")


def test_tokens_end_with_time(collector: Collector, world: Wallets) -> None:
    tokens = collector.connect()
    world.course.now += timedelta(hours=1, seconds=1)
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401
    assert collector.refresh(tokens["refresh_token"]).status_code == 200


# -- registration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://elsewhere.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{CALLBACK}#part"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"client_uri": "https://evil.example\\.collector.example/"}, "invalid_client_metadata"),
        ({"client_uri": None}, "invalid_client_metadata"),
        ({"policy_uri": "https://elsewhere.example/p"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"scope": f"{OB3}credential.upsert"}, "invalid_client_metadata"),
        ({"scope": "offline_access"}, "invalid_client_metadata"),
    ],
)
def test_registrations_that_are_refused(collector: Collector, change: dict[str, Any], error: str) -> None:
    answer = collector.register(**change)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_scopes_that_do_not_exist_here_are_left_out(collector: Collector) -> None:
    answer = collector.register(scope=f"{OB3}credential.upsert {OB3}credential.readonly", grant_types=None)
    assert answer.status_code == 400  # null is no list
    answer = collector.register(scope=f"{OB3}credential.upsert {OB3}credential.readonly")
    assert answer.json["scope"] == f"{OB3}credential.readonly"


# -- consent ----------------------------------------------------------------------------------------------------------


def test_no_goes_back_and_gives_nothing(collector: Collector, world: Wallets) -> None:
    collector.register()
    assert answered(collector.decide("", do="deny")) == {
        "error": "access_denied",
        "error_description": answered(collector.decide("", do="deny")).get("error_description", ""),
        "state": "st4te",
    }
    assert world.count(HostedConsent) == 0


def test_a_pairing_code_works_once_and_not_for_long(collector: Collector, world: Wallets) -> None:
    collector.register()
    code = pairing_code(world)
    page = collector.decide("AAAAA-AAAAA")
    assert page.status_code == 422
    assert 'value="AAAAA-AAAAA"' in page.text
    assert code_of(collector.decide(code.lower().replace("-", " ")))
    assert collector.decide(code).status_code == 422
    late = pairing_code(world)
    world.course.now += timedelta(minutes=16)
    assert collector.decide(late).status_code == 422
    assert world.count(PairingCode, PairingCode.consumed_at.is_(None)) == 1


def test_a_new_code_ends_the_one_before(collector: Collector, world: Wallets) -> None:
    collector.register()
    first, second = pairing_code(world), pairing_code(world)
    assert collector.decide(first).status_code == 422
    assert code_of(collector.decide(second))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"state": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": f"{BADGE_CONNECT}assertion.readonly"}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_goes_back_with_its_error(collector: Collector, change: dict[str, str], error: str) -> None:
    collector.register()
    assert answered(collector.http.get(collector.asking(**change)))["error"] == error


@pytest.mark.parametrize(
    "change", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example/cb"}, {"redirect_uri": 'a"b\\c'}]
)
def test_who_is_not_known_is_sent_nowhere(collector: Collector, change: dict[str, str]) -> None:
    collector.register()
    page = collector.http.get(collector.asking(**change))
    assert page.status_code == 404
    assert "collector_unknown" in page.text
    assert "Location" not in page.headers


def test_the_page_names_who_asks_and_for_what(collector: Collector) -> None:
    collector.register(client_name="<b>Collector</b>")
    page = collector.http.get(collector.asking())
    assert "&lt;b&gt;Collector&lt;/b&gt;" in page.text
    assert "collector.example" in page.text
    assert "form-action 'self' *;" in page.headers["Content-Security-Policy"], "the backpack may pass people on"
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", ["LTI Badges", "lti\u200b-BADGES \u202e support", "ＬＴＩ Badges"])
def test_nobody_passes_for_this_tool(collector: Collector, name: str) -> None:
    assert collector.register(client_name=name).json["client_name"] == "collector.example"


def test_a_name_is_short_and_seen_in_full(collector: Collector) -> None:
    name = collector.register(client_name="Coll\u200bec\u200ftor\u2066 \x00 " + "x" * 200).json["client_name"]
    assert name == "Collector " + "x" * 90


def test_who_allows_less_takes_back_what_was_allowed_before(collector: Collector, world: Wallets) -> None:
    tokens = collector.connect()
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 200
    less = f"{OB3}credential.readonly"
    code_of(collector.decide(pairing_code(world), scope=less))
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 403
    assert collector.read("/ims/ob/v3p0/credentials", tokens["access_token"]).status_code == 200


def test_tokens_made_in_the_moment_a_consent_ended_open_nothing(collector: Collector, world: Wallets) -> None:
    tokens = collector.connect()
    code = code_of(collector.decide(pairing_code(world)))
    with world.services.database.write() as session:  # as two transactions side by side leave it
        session.scalars(select(HostedConsent)).one().ended_at = world.course.now
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401
    assert collector.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert collector.exchange(code).json["error"] == "invalid_grant"
    world.course.later(minutes=1)
    collector.exchange(code_of(collector.decide(pairing_code(world))))
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401


def test_registrations_of_a_day_are_counted(
    collector: Collector, world: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "MOST_NEW", 2)
    collector.connect()  # somebody lets this one in, so it does not count
    assert [collector.register().status_code for _ in range(3)] == [201, 201, 429]
    world.course.now += timedelta(days=1)
    assert collector.register().status_code == 201


def test_what_is_nested_without_end_is_no_registration(collector: Collector) -> None:
    answer = collector.http.post(f"{OAUTH}/register", data="[" * 200_000, content_type="application/json")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")


def test_a_learner_sees_who_collects_and_stops_it(collector: Collector, world: Wallets) -> None:
    tokens = collector.connect()
    browser = world.browser(world.ada)
    page = browser.get("/mine/collecting").text
    assert "Collector" in page
    (action,) = re.findall(r'action="(/mine/collecting/\d+/end)"', page)
    somebody = world.browser(world.course.person("bob"))
    token = page_token(somebody.get("/mine/collecting").text)
    assert somebody.post(action, data={"csrf_token": token}, headers=SAME_ORIGIN).status_code == 404
    answer = browser.post(action, data={"csrf_token": page_token(page)}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert collector.read("/ims/ob/v3p0/profile", tokens["access_token"]).status_code == 401
    assert collector.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert world.count(HostedToken, HostedToken.ended_at.is_(None)) == 0


def test_on_every_database(any_database: str) -> None:
    with wallets_on(any_database) as made:
        limiter.reset()
        made.claim()
        collector = Collector(made)
        first = collector.connect()
        second = collector.refresh(first["refresh_token"]).json
        found = collector.read("/ims/ob/v3p0/credentials", second["access_token"]).json["credential"]
        assert [one["id"] for one in found] == [f"{TOOL}/credentials/{made.public_id(1)}"]
        assert collector.refresh(first["refresh_token"]).status_code == 400
        assert collector.read("/ims/ob/v3p0/credentials", second["access_token"]).status_code == 401


# -- Badge Connect ----------------------------------------------------------------------------------------------------


def test_badge_connect_gets_hosted_assertions(world: Wallets, collector: Collector) -> None:
    with world.services.database.write() as session:
        profile = session.scalars(select(IssuerProfile)).one()
        profile.email, profile.url = "badges@lakeside.example", "https://lakeside.example"
        session.get_one(User, world.ada).email = "ada@lakeside.example"
    (offered,) = collector.http.get("/.well-known/badgeconnect.json").json["badgeConnectAPI"]
    assert offered["version"] == "v2p1"
    assert not offered["scopesOffered"][0].endswith("assertion.create")
    # A platform that drops the first scope it is offered can still collect.
    collector.scope = " ".join(offered["scopesOffered"][1:])
    tokens = collector.connect()
    answer = collector.read("/ims/ob/v2p1/assertions", tokens["access_token"])
    assert answer.json["status"] == {"error": None, "statusCode": 200, "statusText": "OK"}
    (assertion,) = answer.json["assertions"]
    assert assertion["type"] == "Assertion"
    assert assertion["verification"]["type"] in {"HostedBadge", "hosted"}
    hosted = collector.http.get(urlsplit(assertion["id"]).path, headers={"Accept": "application/json"})
    assert hosted.json == assertion
    refused = collector.read("/ims/ob/v2p1/profile", tokens["access_token"])
    assert (refused.status_code, refused.json["status"]["statusText"]) == (403, "PERMISSION_DENIED")
    refused = collector.read("/ims/ob/v2p1/assertions", "wrong")
    assert (refused.status_code, refused.json["status"]["statusText"]) == (401, "UNAUTHENTICATED")


def test_a_badge_that_cannot_have_a_second_face_is_left_out(world: Wallets, collector: Collector) -> None:
    collector.scope = f"{BADGE_CONNECT}assertion.readonly offline_access"
    tokens = collector.connect()
    answer = collector.read("/ims/ob/v2p1/assertions", tokens["access_token"])
    assert answer.status_code == 200
    assert answer.json["assertions"] == []
