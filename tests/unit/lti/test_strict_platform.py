"""The strict platform itself: it must refuse what a lax one lets pass, or tests against it prove nothing."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from platforms.quirks import CANVAS, MOODLE, STANDARD
from platforms.reading import FixedKey
from platforms.strict import LTI, REMOVED, StrictPlatform, rsa_key
from platforms.strict_tokens import ASSERTION_TYPE, LINE_ITEM_READ, RESULT_READ

KEY = FixedKey("tool-key-1", rsa_key("tool-key-1"))
ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
NOW = 1_800_000_000


@pytest.fixture
def platform() -> Iterator[StrictPlatform]:
    """A platform that knows the tool's key."""
    with StrictPlatform(tool_keys=KEY.key_set, clock=lambda: NOW) as found:
        yield found


def call(url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes, Any]:
    """Status, body and headers of one request."""
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def ask_token(platform: StrictPlatform, scope: str = LINE_ITEM_READ, signer: FixedKey = KEY, **claims: Any) -> Any:
    """Ask for a token with an assertion that differs from a good one by ``claims``; the answer's JSON."""
    good = {"iss": "tool-client-1", "sub": "tool-client-1", "aud": platform.token_url, "iat": NOW - 60,
            "exp": NOW + 240, "jti": uuid.uuid4().hex}  # fmt: skip
    found = {name: value for name, value in (good | claims).items() if value is not REMOVED}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(found, signer.private_key, "RS256", headers={"kid": signer.kid}),
        "scope": scope,
    }
    return json.loads(call(platform.token_url, form)[1])


def test_a_good_assertion_gives_a_token(platform: StrictPlatform) -> None:
    assert ask_token(platform)["access_token"] in platform.tokens


@pytest.mark.parametrize(
    "claims",
    [{"iss": "other"}, {"sub": "other"}, {"aud": "https://other.example/token"}, {"exp": NOW + 600}, {"exp": NOW},
     {"iat": NOW + 1}, {"iat": NOW - 600, "exp": NOW + 100}, {"jti": REMOVED}, {"exp": REMOVED},
     {"signer": FixedKey("unknown", rsa_key("tool-key-1"))}, {"signer": FixedKey("tool-key-1", rsa_key("other"))}],
)  # fmt: skip
def test_a_wrong_assertion_is_refused(platform: StrictPlatform, claims: dict[str, Any]) -> None:
    assert ask_token(platform, **claims)["error"] == "invalid_client"


def test_an_assertion_serves_once(platform: StrictPlatform) -> None:
    assert "access_token" in ask_token(platform, jti="one")
    assert ask_token(platform, jti="one")["error"] == "invalid_client"


def test_scopes_beyond_the_granted_are_refused_or_dropped() -> None:
    for quirks, expected in ((STANDARD, "error"), (MOODLE, "access_token")):
        with StrictPlatform(quirks, tool_keys=KEY.key_set, clock=lambda: NOW) as platform:
            platform.granted_scopes = {LINE_ITEM_READ}
            assert expected in ask_token(platform, f"{LINE_ITEM_READ} {RESULT_READ}")


def test_a_bookmark_in_lower_case_is_useless() -> None:
    with StrictPlatform(CANVAS, tool_keys=KEY.key_set, clock=lambda: NOW) as platform:
        for number in range(12):
            platform.add_line_item(f"Work {number}")
        bearer = {"Authorization": f"Bearer {ask_token(platform)['access_token']}", "Accept": ITEMS}
        headers = call(platform.line_items_url, **bearer)[2]
        following = headers["Link"].split(",")[1].split(">")[0].strip("<")
        assert call(following, **bearer)[0] == 200
        assert call(following.lower(), **bearer)[0] == 404


def test_without_a_token_nothing_is_said(platform: StrictPlatform) -> None:
    assert call(platform.line_items_url, Accept=ITEMS)[0] == 401


def test_moodle_crashes_on_a_limit_for_results() -> None:
    with StrictPlatform(MOODLE, tool_keys=KEY.key_set, clock=lambda: NOW) as platform:
        url = platform.line_item_url(platform.add_line_item("Essay"))
        results = url.replace("?", "/results?") + "&limit=2"
        token = ask_token(platform, RESULT_READ)["access_token"]
        status, body, headers = call(
            results, Authorization=f"Bearer {token}", Accept="application/vnd.ims.lis.v2.resultcontainer+json"
        )
        assert (status, headers.get_content_type()) == (404, "text/html")
        assert b"<title>" in body


# -- launches ---------------------------------------------------------------------------------------------------------


def decoded(platform: StrictPlatform, token: str) -> dict[str, Any]:
    """The claims of an id_token, after checking the signature with the published keys."""
    keys = {key["kid"]: key for key in json.loads(call(f"{platform.base_url}/jwks")[1])["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    return jwt.decode(token, key, ["RS256"], options={"verify_aud": False, "verify_exp": False, "verify_iat": False})


def test_a_launch_is_signed_with_a_published_key_before_and_after_rotation(platform: StrictPlatform) -> None:
    before = platform.launch_form("learner", "s", "n")["id_token"]
    platform.rotate_keys()
    after = platform.launch_form("teacher", "s", "n")["id_token"]
    assert decoded(platform, before)["sub"] == "learner"
    assert decoded(platform, after)[LTI + "roles"] == ["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"]
    assert platform.counts["jwks"] == 2
    platform.rotate_keys(keep_old=False)
    with pytest.raises(KeyError):
        decoded(platform, after)


def test_claims_can_be_changed_and_left_out(platform: StrictPlatform) -> None:
    form = platform.launch_form(None, "s", "n", exp=REMOVED, deployment_id="other", **{LTI + "custom": {}})
    claims = decoded(platform, form["id_token"])
    assert {"exp", "sub", "name"}.isdisjoint(claims)
    assert (claims[LTI + "deployment_id"], claims[LTI + "custom"]) == ("other", {})


def test_tokens_a_tool_must_refuse_can_be_made(platform: StrictPlatform) -> None:
    claims = {"sub": "learner"}
    assert platform.sign(claims, "none").endswith(".")
    secret = b"a public key used as a secret, long enough for HS256"
    assert jwt.decode(platform.sign(claims, "HS256", secret), secret, ["HS256"]) == claims
    assert "kid" not in jwt.get_unverified_header(platform.sign(claims, headers={"kid": REMOVED}))


def login(platform: StrictPlatform, **changes: str) -> tuple[int, str]:
    """Answer of the authorisation endpoint to a login that differs from a good one by ``changes``."""
    good = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
            "client_id": "tool-client-1", "redirect_uri": platform.redirect_uris[0], "state": "s", "nonce": "n",
            "login_hint": "learner", "lti_message_hint": "h"}  # fmt: skip
    status, body, _ = call(f"{platform.base_url}/auth?{urllib.parse.urlencode(good | changes)}")
    return status, body.decode()


def test_a_login_is_answered_with_a_form(platform: StrictPlatform) -> None:
    status, page = login(platform)
    assert (status, 'name="id_token"' in page, 'action="https://tool.example/lti/launch"' in page) == (200, True, True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"client_id": "x"}, (400, "Unknown")), ({"redirect_uri": "https://x.example"}, (400, "Unknown")),
     ({"prompt": "login"}, (200, "invalid_request")), ({"nonce": ""}, (200, "invalid_request")),
     ({"login_hint": "nobody"}, (200, "access_denied"))],
)  # fmt: skip
def test_a_wrong_login_is_refused(platform: StrictPlatform, changes: dict[str, str], expected: tuple[int, str]) -> None:
    status, page = login(platform, **changes)
    assert status == expected[0]
    assert expected[1] in page
    assert "id_token" not in page
