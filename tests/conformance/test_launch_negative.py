"""Every way a launch can be wrong, and the code it is refused with (LTI 1.3 core 5.1; Security Framework 5.1.3)."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from signed_launches import ABSENT, CLAIM, CLIENT_ID, Begun, Bench, private_key, public_jwk
from sqlalchemy import Engine, select

from lti_tool.db import Database
from lti_tool.errors import LaunchError
from lti_tool.models import LoginState

Form = dict[str, str]


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(Database(engine))


def moment(bench: Bench, seconds: float) -> float:
    return bench.clock().timestamp() + seconds


CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("no issuer", {"iss": ABSENT}, "token_issuer"),
    ("another issuer", {"iss": "https://evil.example"}, "token_issuer"),
    ("issuer with a slash more", {"iss": "https://lms.example/"}, "token_issuer"),
    ("issuer is a list", {"iss": ["https://lms.example"]}, "token_issuer"),
    ("no audience", {"aud": ABSENT}, "token_audience"),
    ("another audience", {"aud": "client-2"}, "token_audience"),
    ("audience begins with ours", {"aud": CLIENT_ID + "0"}, "token_audience"),
    ("empty audience", {"aud": []}, "token_audience"),
    ("audience of other things", {"aud": [CLIENT_ID, 5]}, "token_audience"),
    ("audience is an object", {"aud": {CLIENT_ID: 1}}, "token_audience"),
    ("several audiences without azp", {"aud": [CLIENT_ID, "client-2"]}, "token_party"),
    ("several audiences, azp another's", {"aud": [CLIENT_ID, "client-2"], "azp": "client-2"}, "token_party"),
    ("azp another's", {"azp": "client-2"}, "token_party"),
    ("azp null", {"azp": None}, "token_party"),
    ("no exp", {"exp": ABSENT}, "token_claim_exp"),
    ("exp is text", {"exp": "4102444800"}, "token_claim_exp"),
    ("exp is true", {"exp": True}, "token_claim_exp"),
    ("exp is not a number", {"exp": float("nan")}, "token_claim_exp"),
    ("exp without end", {"exp": float("inf")}, "token_claim_exp"),
    ("exp of 400 digits", {"exp": 10**400}, "token_claim_exp"),
    ("no iat", {"iat": ABSENT}, "token_claim_iat"),
    ("iat is text", {"iat": "now"}, "token_claim_iat"),
    ("no nonce", {"nonce": ABSENT}, "token_claim_nonce"),
    ("another nonce", {"nonce": "guessed"}, "nonce_mismatch"),
    ("nonce is a number", {"nonce": 5}, "nonce_mismatch"),
    ("no deployment", {f"{CLAIM}deployment_id": ABSENT}, "token_claim_deployment_id"),
    ("empty deployment", {f"{CLAIM}deployment_id": ""}, "token_claim_deployment_id"),
    ("deployment is a number", {f"{CLAIM}deployment_id": 1}, "token_claim_deployment_id"),
    ("deployment too long", {f"{CLAIM}deployment_id": "d" * 256}, "token_claim_deployment_id"),
    ("deployment with a NUL", {f"{CLAIM}deployment_id": "d\0"}, "token_claim_deployment_id"),
    ("unknown deployment", {f"{CLAIM}deployment_id": "d-2"}, "deployment_pending"),
    ("no version", {f"{CLAIM}version": ABSENT}, "token_claim_version"),
    ("version 1.1", {f"{CLAIM}version": "1.1"}, "token_claim_version"),
    ("no message type", {f"{CLAIM}message_type": ABSENT}, "token_claim_message_type"),
    (
        "deep linking without settings",
        {f"{CLAIM}message_type": "LtiDeepLinkingRequest"},
        "token_claim_deep_linking_settings",
    ),
    ("unknown message type", {f"{CLAIM}message_type": "LtiEulaRequest"}, "message_unsupported"),
    ("message type is a list", {f"{CLAIM}message_type": ["LtiResourceLinkRequest"]}, "message_unsupported"),
    ("no roles", {f"{CLAIM}roles": ABSENT}, "token_claim_roles"),
    ("roles is text", {f"{CLAIM}roles": "Instructor"}, "token_claim_roles"),
    ("no target", {f"{CLAIM}target_link_uri": ABSENT}, "token_claim_target_link_uri"),
    ("target elsewhere", {f"{CLAIM}target_link_uri": "https://evil.example/lti/launch"}, "target_link_foreign"),
    ("target of a like host", {f"{CLAIM}target_link_uri": "https://badges.example.evil"}, "target_link_foreign"),
    (
        "target with a user name",
        {f"{CLAIM}target_link_uri": "https://badges.example@evil.example/"},
        "target_link_foreign",
    ),
    ("target is script", {f"{CLAIM}target_link_uri": "javascript:alert(1)"}, "target_link_foreign"),
    ("target over http", {f"{CLAIM}target_link_uri": "http://badges.example/lti/launch"}, "target_link_foreign"),
    ("no resource link", {f"{CLAIM}resource_link": ABSENT}, "token_claim_resource_link"),
    ("resource link without id", {f"{CLAIM}resource_link": {"title": "x"}}, "token_claim_resource_link"),
    ("resource link is text", {f"{CLAIM}resource_link": "rl-1"}, "token_claim_resource_link"),
    ("context without id", {f"{CLAIM}context": {"title": "x"}}, "token_claim_context"),
    ("sub is a number", {"sub": 5}, "token_claim_sub"),
    ("sub is empty", {"sub": ""}, "token_claim_sub"),
    ("sub too long", {"sub": "5" * 256}, "token_claim_sub"),
    ("sub of half a character", {"sub": "\ud800"}, "token_claim_sub"),
]


@pytest.mark.parametrize(("changes", "code"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS])
def test_wrong_claims(bench: Bench, changes: dict[str, Any], code: str) -> None:
    begun = bench.begin()
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(bench.form(begun, changes), begun.cookies)
    assert caught.value.code == code
    assert_used_up(bench)


TIMES = [
    ("expired a minute ago", {"exp": -60}, "token_expired"),
    ("from the future", {"iat": 61.5}, "token_time"),
    ("thirty days old, exp still valid", {"iat": -30 * 86400}, "token_old"),
    ("eleven minutes old", {"iat": -661}, "token_old"),
    ("not valid yet", {"nbf": 61.5}, "token_time"),
]


@pytest.mark.parametrize(("offsets", "code"), [case[1:] for case in TIMES], ids=[case[0] for case in TIMES])
def test_wrong_times(bench: Bench, offsets: dict[str, float], code: str) -> None:
    begun = bench.begin()
    form = bench.form(begun, {name: moment(bench, offset) for name, offset in offsets.items()})
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(form, begun.cookies)
    assert caught.value.code == code
    assert_used_up(bench)


def tampered(token: str) -> str:
    header, _, signature = token.split(".")
    payload = jwt.utils.base64url_encode(b'{"sub":"admin"}').decode()
    return f"{header}.{payload}.{signature}"


TOKENS: list[tuple[str, Callable[[Bench, Begun], str], str]] = [
    ("unsigned", lambda bench, begun: bench.token(begun, algorithm=None, key=""), "token_algorithm"),
    (
        "signed with the client id as a shared secret",
        lambda bench, begun: bench.token(begun, algorithm="HS256", key=CLIENT_ID.ljust(32)),
        "token_algorithm",
    ),
    ("RS512", lambda bench, begun: bench.token(begun, algorithm="RS512"), "token_algorithm"),
    ("no kid", lambda bench, begun: bench.token(begun, kid=None), "token_key_unnamed"),
    ("unknown kid", lambda bench, begun: bench.token(begun, kid="k-2"), "token_key_unknown"),
    (
        "another key of the same name",
        lambda bench, begun: bench.token(begun, key=private_key("evil")),
        "token_signature",
    ),
    ("other claims under the signature", lambda bench, begun: tampered(bench.token(begun)), "token_signature"),
    ("signature cut off", lambda bench, begun: bench.token(begun).rpartition(".")[0] + ".", "token_signature"),
    ("two parts", lambda bench, begun: bench.token(begun).rpartition(".")[0], "token_malformed"),
    ("not a JWT", lambda bench, begun: "hello", "token_malformed"),
    ("header is a list", lambda bench, begun: "W10.e30.", "token_malformed"),
    ("header nested too deep", lambda bench, begun: nested_header(), "token_malformed"),
    ("too long", lambda bench, begun: bench.token(begun, {"padding": "x" * 200_000}), "token_malformed"),
    ("half a character", lambda bench, begun: "\ud800." * 3, "token_malformed"),
    ("no token", lambda bench, begun: "", "id_token_missing"),
]


def nested_header() -> str:
    return jwt.utils.base64url_encode(b"[" * 60_000).decode() + ".e30."


@pytest.mark.parametrize(("make", "code"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS])
def test_wrong_tokens(bench: Bench, make: Callable[[Bench, Begun], str], code: str) -> None:
    begun = bench.begin()
    form = {"state": begun.query["state"], "id_token": make(bench, begun)}
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(form, begun.cookies)
    assert caught.value.code == code
    assert_used_up(bench)


def test_key_that_is_too_short(bench: Bench) -> None:
    weak = private_key("weak", 1024)
    bench.host.document = {"keys": [public_jwk("weak", weak)]}
    begun = bench.begin()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        form = bench.form(begun, kid="weak", key=weak)
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(form, begun.cookies)
    assert caught.value.code == "token_key_unknown"


def _later(bench: Bench, begun: Begun, form: Form) -> None:
    bench.clock.turn(minutes=10, seconds=1)


def _launched(bench: Bench, begun: Begun, form: Form) -> None:
    bench.launches.finish(form, begun.cookies)


def _other_state(bench: Bench, begun: Begun, form: Form) -> None:
    form["state"] = "guessed"


def _no_state(bench: Bench, begun: Begun, form: Form) -> None:
    del form["state"]


def _other_login(bench: Bench, begun: Begun, form: Form) -> None:
    """The token of this login with the state (and cookie) of another in the same browser."""
    other = bench.begin()
    form["state"] = other.query["state"]
    begun.started = other.started


def _other_browser(bench: Bench, begun: Begun, form: Form) -> None:
    other = bench.begin().started
    begun.started = type(other)("", begun.started.cookie_name, other.cookie_value)


def _no_cookie(bench: Bench, begun: Begun, form: Form) -> None:
    begun.started = bench.begin().started


def _refused(bench: Bench, begun: Begun, form: Form) -> None:
    form["error"] = "login_required"
    del form["id_token"]


def _refused_with_unknown_state(bench: Bench, begun: Begun, form: Form) -> None:
    form |= {"error": "login_required", "state": "guessed"}


SITUATIONS = [
    ("login longer than ten minutes ago", _later, "state_expired"),
    ("posted a second time", _launched, "launch_replayed"),
    ("state never given out", _other_state, "state_unknown"),
    ("no state", _no_state, "state_missing"),
    ("nonce of one login, state of another", _other_login, "nonce_mismatch"),
    ("another browser", _other_browser, "browser_mismatch"),
    ("no cookie came back", _no_cookie, "cookies_blocked"),
    ("the platform refuses", _refused, "platform_refused_login"),
    ("a refusal nobody asked for", _refused_with_unknown_state, "state_unknown"),
]


@pytest.mark.parametrize(("happen", "code"), [case[1:] for case in SITUATIONS], ids=[case[0] for case in SITUATIONS])
def test_wrong_situations(bench: Bench, happen: Callable[[Bench, Begun, Form], None], code: str) -> None:
    begun = bench.begin()
    form = bench.form(begun)
    happen(bench, begun, form)
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(form, begun.cookies)
    assert caught.value.code == code


TOLERATED: list[tuple[str, dict[str, Any]]] = [
    ("audience in a list", {"aud": [CLIENT_ID]}),
    ("azp is ours", {"azp": CLIENT_ID}),
    ("other audiences, azp is ours", {"aud": ["client-2", CLIENT_ID], "azp": CLIENT_ID}),
    ("anonymous", {"sub": ABSENT}),
    ("no roles at all", {f"{CLAIM}roles": []}),
    ("no context", {f"{CLAIM}context": ABSENT}),
    ("unknown claims", {"https://lms.example/claim": {"deep": [1, 2]}}),
    ("broken services", {"https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": "none"}),
]


@pytest.mark.parametrize("changes", [case[1] for case in TOLERATED], ids=[case[0] for case in TOLERATED])
def test_tolerated(bench: Bench, changes: dict[str, Any]) -> None:
    begun = bench.begin()
    assert bench.launches.finish(bench.form(begun, changes), begun.cookies).registration_id == bench.registration_id


@pytest.mark.parametrize("offsets", [{"exp": -59}, {"iat": 59}, {"iat": -659}, {"nbf": 59}], ids=str)
def test_clocks_may_differ_by_a_minute(bench: Bench, offsets: dict[str, float]) -> None:
    begun = bench.begin()
    form = bench.form(begun, {name: moment(bench, offset) for name, offset in offsets.items()})
    assert bench.launches.finish(form, begun.cookies).platform_user_id == "5"


def assert_used_up(bench: Bench) -> None:
    """Whatever was wrong, the state cannot be used again."""
    with bench.database.read() as session:
        assert session.scalars(select(LoginState.consumed_at)).one() == bench.clock()
