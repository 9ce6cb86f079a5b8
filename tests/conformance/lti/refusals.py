"""Every kind of login and launch that must be refused, as data: what is wrong, how, and the code it is refused with.

Grounds: LTI 1.3 core (``core``), Security Framework 1.0 (``security``), Deep Linking 2.0 (``deep linking``),
Submission Review 1.0 (``review``), and the known bad payloads of 1EdTech's LTI Advantage certification (``certified``:
as they are commonly described; the suite is for members and was not run, so its list is not checked).
A code belongs to one kind, except where a kind has several forms (``same_as``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from conformance.lti.launch_world import DISABLED_DEPLOYMENT, DISABLED_ISSUER, OTHER_CLIENT, SILENT_ISSUER, Attempt
from platforms.names import REMOVED
from platforms.strict import rsa_key
from werkzeug.test import TestResponse

Act = Callable[[Attempt], TestResponse]
"""Brings a browser to the refusal and returns the tool's answer."""
FOREIGN = "https://elsewhere.example/lti/launch"
REVIEW = {"message_type": "LtiSubmissionReviewRequest", "for_user": {"user_id": "learner"}}
SETTINGS = {
    "deep_link_return_url": "https://lms.example/return",
    "accept_types": ["ltiResourceLink"],
    "accept_presentation_document_targets": ["iframe"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One way to be refused. ``stores`` are the tables that may grow all the same."""

    what: str
    code: str
    act: Act
    ground: str
    status: int = 403
    same_as: str | None = None
    """The kind this is another form of: it shares that kind's code."""
    stores: frozenset[str] = frozenset()


# -- ways to act ------------------------------------------------------------------------------------------------------


def login(**changes: Any) -> Act:
    """A login with other parameters."""
    return lambda attempt: attempt.login(**changes)


def claims(**changes: Any) -> Act:
    """A launch with other claims, soundly signed."""

    def act(attempt: Attempt) -> TestResponse:
        attempt.login()
        return attempt.launch(attempt.platform.sign(attempt.claims(**changes)))

    return act


def times(**offsets: float) -> Act:
    """A launch whose times lie so many seconds from now."""

    def act(attempt: Attempt) -> TestResponse:
        attempt.login()
        now = attempt.world.now[0].timestamp()
        moved = {name: int(now + offset) for name, offset in offsets.items()}
        return attempt.launch(attempt.platform.sign(attempt.claims(**moved)))

    return act


def signed(algorithm: str = "RS256", key: Any = None, **headers: Any) -> Act:
    """A launch signed in another way; ``key`` ``"public"`` signs with the platform's public key as a secret."""

    def act(attempt: Attempt) -> TestResponse:
        attempt.login()
        secret = attempt.platform.keys[0].public_jwk()["n"].encode() if key == "public" else key
        return attempt.launch(attempt.platform.sign(attempt.claims(), algorithm, secret, headers))

    return act


def token(change: Callable[[str], str]) -> Act:
    """A launch whose id_token was changed after it was signed."""

    def act(attempt: Attempt) -> TestResponse:
        attempt.login()
        return attempt.launch(change(attempt.platform.sign(attempt.claims())))

    return act


def form(**fields: Any) -> Act:
    """A launch with other form fields."""

    def act(attempt: Attempt) -> TestResponse:
        attempt.login()
        return attempt.launch(**fields)

    return act


def deep_linking(**changes: Any) -> Act:
    """A deep linking request whose settings differ."""
    settings = {name: value for name, value in (SETTINGS | changes).items() if value is not REMOVED}
    return claims(message_type="LtiDeepLinkingRequest", resource_link=REMOVED, deep_linking_settings=settings)


# -- situations -------------------------------------------------------------------------------------------------------


def posted_again(attempt: Attempt) -> TestResponse:
    attempt.login()
    token = attempt.platform.sign(attempt.claims())
    assert attempt.launch(token).status_code == 303
    return attempt.launch(token)


def new_token_for_a_used_state(attempt: Attempt) -> TestResponse:
    attempt.login()
    assert attempt.launch().status_code == 303
    return attempt.launch(attempt.platform.sign(attempt.claims(exp=attempt.world.now[0].timestamp() + 30)))


def refused_and_put_right(attempt: Attempt) -> TestResponse:
    attempt.login()
    assert attempt.launch(attempt.platform.sign(attempt.claims(exp=REMOVED))).status_code == 403
    return attempt.launch()


def nonce_of_another_login(attempt: Attempt) -> TestResponse:
    attempt.login()
    nonce = attempt.nonce
    attempt.login()
    return attempt.launch(attempt.platform.sign(attempt.claims(nonce=nonce)))


def used_nonce(attempt: Attempt) -> TestResponse:
    attempt.login()
    nonce = attempt.nonce
    assert attempt.launch().status_code == 303
    attempt.login()
    return attempt.launch(attempt.platform.sign(attempt.claims(nonce=nonce)))


def too_late(attempt: Attempt) -> TestResponse:
    attempt.login()
    attempt.world.later(minutes=10, seconds=1)
    return attempt.launch()


def in_a_browser_without_cookies(attempt: Attempt) -> TestResponse:
    attempt.login()
    other = attempt.world.attempt()
    other.state, other.nonce = attempt.state, attempt.nonce
    return other.launch()


def with_the_cookie_of_another_browser(attempt: Attempt) -> TestResponse:
    attempt.login()
    victim = attempt.world.begun()
    (cookie,) = victim.browser._cookies.values()  # type: ignore[union-attr]
    attempt.browser.set_cookie(cookie.key, "another-browser", domain="badges.example", secure=True)
    attempt.state, attempt.nonce = victim.state, victim.nonce
    return attempt.launch()


def platform_says_no(attempt: Attempt) -> TestResponse:
    attempt.login()
    return attempt.launch(id_token=REMOVED, error="access_denied", error_description="<b>not you</b>")


def platform_says_no_to_nobody(attempt: Attempt) -> TestResponse:
    return attempt.launch(id_token=REMOVED, error="access_denied", state="made-up")


def keys_cannot_be_had(attempt: Attempt) -> TestResponse:
    attempt.login(iss=SILENT_ISSUER)
    return attempt.launch(attempt.platform.sign(attempt.claims(iss=SILENT_ISSUER)))


def other_claims(text: str) -> str:
    header, _, signature = text.split(".")
    return f"{header}.{jwt.utils.base64url_encode(b'{}').decode()}.{signature}"


TENANT = frozenset({"deployment"})
PENDING = "deployment_pending"

REFUSALS = [
    # -- the login (core 5.1.1.1, security 5.1.1.1) ---------------------------------------------------------------
    Refusal(what="login without iss", code="iss_missing", act=login(iss=REMOVED), status=400, ground="certified"),
    Refusal(what="login without login_hint", code="login_hint_missing", act=login(login_hint=REMOVED), status=400,
            ground="certified"),
    Refusal(what="login without target_link_uri", code="target_link_uri_missing", act=login(target_link_uri=REMOVED),
            status=400, ground="certified"),
    Refusal(what="login with an empty login_hint", code="login_hint_missing", act=login(login_hint=""), status=400,
            ground="security 5.1.1.1", same_as="login without login_hint"),
    Refusal(what="login by GET without anything", code="iss_missing", status=400, ground="core 5.1.1.1",
            same_as="login without iss",
            act=login(method="GET", iss=REMOVED, login_hint=REMOVED, target_link_uri=REMOVED)),
    Refusal(what="login parameter of 9 kB", code="launch_request_invalid", act=login(lti_message_hint="x" * 9000),
            status=400, ground="constructed"),
    Refusal(what="unknown issuer", code="platform_unknown", act=login(iss="https://stranger.example"),
            ground="certified"),
    Refusal(what="unknown client of a known issuer", code="platform_unknown", act=login(client_id="tool-client-9"),
            ground="core 5.1.1.1", same_as="unknown issuer"),
    Refusal(what="issuer with a slash more", code="platform_unknown", act=login(iss=f"{DISABLED_ISSUER}/"),
            ground="security 5.1.3", same_as="unknown issuer"),
    Refusal(what="issuer with several clients, none named", code="client_id_needed", status=400,
            act=login(client_id=REMOVED, lti_deployment_id=REMOVED), ground="core 5.1.1.1"),
    Refusal(what="disabled platform", code="platform_disabled", act=login(iss=DISABLED_ISSUER), ground="constructed"),
    Refusal(what="login to another host", code="target_link_foreign", act=login(target_link_uri=FOREIGN),
            ground="core 5.1.1.1", same_as="launch to another host"),
    # -- the answer's form (security 5.1.1.3) -----------------------------------------------------------------------
    Refusal(what="no state", code="state_missing", act=form(state=REMOVED), status=400, ground="certified"),
    Refusal(what="unknown state", code="state_unknown", act=form(state="made-up"), ground="certified"),
    Refusal(what="refusal that answers no login", code="state_unknown", act=platform_says_no_to_nobody,
            ground="security 5.1.1.5", same_as="unknown state"),
    Refusal(what="state older than ten minutes", code="state_expired", act=too_late, ground="security 5.1.1.2"),
    Refusal(what="the same launch again", code="launch_replayed", act=posted_again, ground="certified",
            stores=frozenset({"*"})),
    Refusal(what="new id_token for a used state", code="launch_replayed", act=new_token_for_a_used_state,
            ground="security 5.1.3", same_as="the same launch again", stores=frozenset({"*"})),
    Refusal(what="refused launch put right", code="launch_replayed", act=refused_and_put_right,
            ground="security 5.1.3", same_as="the same launch again"),
    Refusal(what="no cookie came back", code="cookies_blocked", act=in_a_browser_without_cookies,
            stores=frozenset({"pending_launch"}),
            ground="security 5.1.1.2"),
    Refusal(what="state of another browser", code="browser_mismatch", act=with_the_cookie_of_another_browser,
            ground="security 5.1.1.2"),
    Refusal(what="the platform answers with an error", code="platform_refused_login", act=platform_says_no,
            ground="security 5.1.1.5"),
    Refusal(what="two id_tokens", code="parameter_repeated", act=form(id_token=["a", "b"]), status=400,
            ground="RFC 6749 3.1"),
    Refusal(what="two states", code="parameter_repeated", act=form(state=["a", "b"]), status=400,
            ground="RFC 6749 3.1", same_as="two id_tokens"),
    Refusal(what="no id_token", code="id_token_missing", act=form(id_token=REMOVED), status=400, ground="certified"),
    # -- the id_token as a JWT (security 5.1.3; RFC 7515) -----------------------------------------------------------
    Refusal(what="not a JWT", code="token_malformed", act=token(lambda text: "hello"), status=400,
            ground="certified"),
    Refusal(what="two parts", code="token_malformed", act=token(lambda text: text.rpartition(".")[0]), status=400,
            ground="certified", same_as="not a JWT"),
    Refusal(what="header is a list", code="token_malformed", act=token(lambda text: "W10.e30."), status=400,
            ground="constructed", same_as="not a JWT"),
    Refusal(what="claims are a list", code="token_malformed", status=400, ground="constructed", same_as="not a JWT",
            act=lambda attempt: (attempt.login(), attempt.launch(_signed_list(attempt)))[1]),
    Refusal(what="id_token of 200 kB", code="token_malformed", act=claims(padding="x" * 200_000), status=400,
            ground="constructed", same_as="not a JWT"),
    Refusal(what="unsigned (alg none)", code="token_algorithm", act=signed("none"), ground="certified"),
    Refusal(what="HS256 with the public key", code="token_algorithm", act=signed("HS256", "public"),
            ground="certified", same_as="unsigned (alg none)"),
    Refusal(what="RS512", code="token_algorithm", act=signed("RS512"), ground="security 5.1.2",
            same_as="unsigned (alg none)"),
    Refusal(what="no kid", code="token_key_unnamed", act=signed(kid=REMOVED), ground="certified"),
    Refusal(what="kid the platform does not publish", code="token_key_unknown", act=signed(kid="other-key"),
            ground="certified"),
    Refusal(what="the platform's keys cannot be had", code="key_set_unavailable", act=keys_cannot_be_had,
            ground="constructed"),
    Refusal(what="another key under a published kid", code="token_signature", act=signed(key=rsa_key("evil")),
            ground="certified"),
    Refusal(what="other claims under the signature", code="token_signature", act=token(other_claims),
            ground="certified", same_as="another key under a published kid"),
    Refusal(what="signature cut off", code="token_signature", act=token(lambda text: text.rpartition(".")[0] + "."),
            ground="certified", same_as="another key under a published kid"),
    # -- parties, times, nonce (security 5.1.3) ---------------------------------------------------------------------
    Refusal(what="no iss", code="token_issuer", act=claims(iss=REMOVED), ground="certified"),
    Refusal(what="iss of another platform", code="token_issuer", act=claims(iss=DISABLED_ISSUER), ground="certified",
            same_as="no iss"),
    Refusal(what="no aud", code="token_audience", act=claims(aud=REMOVED), ground="certified"),
    Refusal(what="aud of another tool", code="token_audience", act=claims(aud="another-tool"), ground="certified",
            same_as="no aud"),
    Refusal(what="aud of another client of this tool", code="token_audience", act=claims(aud=OTHER_CLIENT),
            ground="security 5.1.3", same_as="no aud"),
    Refusal(what="empty list of audiences", code="token_audience", act=claims(aud=[]), ground="constructed",
            same_as="no aud"),
    Refusal(what="azp of another tool", code="token_party", act=claims(azp="another-tool"), ground="certified"),
    Refusal(what="several audiences without azp", code="token_party", act=claims(aud=["tool-client-1", "another-tool"]),
            ground="certified", same_as="azp of another tool"),
    Refusal(what="no exp", code="token_claim_exp", act=claims(exp=REMOVED), ground="certified"),
    Refusal(what="exp is text", code="token_claim_exp", act=claims(exp="tomorrow"), ground="certified",
            same_as="no exp"),
    Refusal(what="expired", code="token_expired", act=times(iat=-120, exp=-61), ground="certified"),
    Refusal(what="no iat", code="token_claim_iat", act=claims(iat=REMOVED), ground="certified"),
    Refusal(what="iat in the future", code="token_time", act=times(iat=120, exp=300), ground="certified"),
    Refusal(what="iat thirty days ago, exp valid", code="token_old", act=times(iat=-30 * 86400, exp=300),
            ground="security 5.1.3"),
    Refusal(what="no nonce", code="token_claim_nonce", act=claims(nonce=REMOVED), ground="certified"),
    Refusal(what="nonce nobody gave out", code="nonce_mismatch", act=claims(nonce="made-up"), ground="certified"),
    Refusal(what="nonce of another login", code="nonce_mismatch", act=nonce_of_another_login, ground="certified",
            same_as="nonce nobody gave out"),
    Refusal(what="used nonce", code="nonce_mismatch", act=used_nonce, ground="certified", stores=frozenset({"*"}),
            same_as="nonce nobody gave out"),
    Refusal(what="sub is a number", code="token_claim_sub", act=claims(sub=5), ground="certified"),
    Refusal(what="sub is empty", code="token_claim_sub", act=claims(sub=""), ground="core 5.3.6.1",
            same_as="sub is a number"),
    Refusal(what="sub of 256 characters", code="token_claim_sub", act=claims(sub="5" * 256), ground="core 5.3.6.1",
            same_as="sub is a number"),
    # -- the LTI claims (core 5.3) ----------------------------------------------------------------------------------
    Refusal(what="no deployment", code="token_claim_deployment_id", act=claims(deployment_id=REMOVED),
            ground="certified"),
    Refusal(what="deployment is a number", code="token_claim_deployment_id", act=claims(deployment_id=1),
            ground="core 5.3.3", same_as="no deployment"),
    Refusal(what="unknown deployment", code=PENDING, act=claims(deployment_id="deployment-9"), ground="certified",
            stores=TENANT),
    Refusal(what="deployment of another client", code=PENDING, act=claims(deployment_id="deployment-2"),
            ground="core 3.1.3", same_as="unknown deployment", stores=TENANT),
    Refusal(what="disabled deployment", code="deployment_disabled", act=claims(deployment_id=DISABLED_DEPLOYMENT),
            ground="constructed"),
    Refusal(what="no version", code="token_claim_version", act=claims(version=REMOVED), ground="certified"),
    Refusal(what="version 1.1", code="token_claim_version", act=claims(version="LTI-1p0"), ground="certified",
            same_as="no version"),
    Refusal(what="unknown message type", code="message_unsupported", act=claims(message_type="LtiEulaRequest"),
            status=400, ground="certified"),
    Refusal(what="no message type", code="token_claim_message_type", act=claims(message_type=REMOVED),
            ground="certified"),
    Refusal(what="no roles", code="token_claim_roles", act=claims(roles=REMOVED), ground="certified"),
    Refusal(what="roles is text", code="token_claim_roles", act=claims(roles="Instructor"), ground="core 5.3.7",
            same_as="no roles"),
    Refusal(what="no target", code="token_claim_target_link_uri", act=claims(target_link_uri=REMOVED),
            ground="certified"),
    Refusal(what="launch to another host", code="target_link_foreign", act=claims(target_link_uri=FOREIGN),
            ground="core 5.3.4"),
    Refusal(what="launch to a script", code="target_link_foreign", act=claims(target_link_uri="javascript:alert(1)"),
            ground="constructed", same_as="launch to another host"),
    Refusal(what="launch to a user name like this host", code="target_link_foreign",
            act=claims(target_link_uri="https://badges.example@elsewhere.example/"), ground="constructed",
            same_as="launch to another host"),
    Refusal(what="no resource link", code="token_claim_resource_link", act=claims(resource_link=REMOVED),
            ground="certified"),
    Refusal(what="resource link without id", code="token_claim_resource_link", act=claims(resource_link={"title": "x"}),
            ground="certified", same_as="no resource link"),
    Refusal(what="context without id", code="token_claim_context", act=claims(context={"title": "x"}),
            ground="certified"),
    # -- deep linking (deep linking 4.4) ----------------------------------------------------------------------------
    Refusal(what="deep linking without settings", code="token_claim_deep_linking_settings",
            act=claims(message_type="LtiDeepLinkingRequest", resource_link=REMOVED), ground="certified"),
    Refusal(what="deep linking without return address", code="token_claim_deep_link_return_url",
            act=deep_linking(deep_link_return_url=REMOVED), ground="certified"),
    Refusal(what="return address over http", code="token_claim_deep_link_return_url",
            act=deep_linking(deep_link_return_url="http://lms.example/return"), ground="deep linking 4.4.1",
            same_as="deep linking without return address"),
    Refusal(what="return address is a script", code="token_claim_deep_link_return_url",
            act=deep_linking(deep_link_return_url="javascript:alert(1)"), ground="constructed",
            same_as="deep linking without return address"),
    Refusal(what="return address with a user name", code="token_claim_deep_link_return_url",
            act=deep_linking(deep_link_return_url="https://lms.example@elsewhere.example/"), ground="constructed",
            same_as="deep linking without return address"),
    Refusal(what="deep linking without accept_types", code="token_claim_accept_types",
            act=deep_linking(accept_types=REMOVED), ground="certified"),
    Refusal(what="deep linking without document targets", code="token_claim_accept_presentation_document_targets",
            act=deep_linking(accept_presentation_document_targets=REMOVED), ground="certified"),
    Refusal(what="deep linking data is a number", code="token_claim_data", act=deep_linking(data=5),
            ground="deep linking 4.4.1"),
    Refusal(what="deep linking for files only", code="content_unsupported", act=deep_linking(accept_types=["file"]),
            status=400, ground="deep linking 4.4.1"),
    # -- submission review (review 4) -------------------------------------------------------------------------------
    Refusal(what="submission review without for_user", code="token_claim_for_user",
            act=claims(message_type="LtiSubmissionReviewRequest"), ground="review 4"),
    Refusal(what="for_user without an id", code="token_claim_for_user", act=claims(**REVIEW | {"for_user": {}}),
            ground="review 4", same_as="submission review without for_user"),
    Refusal(what="submission review without a line item", code="token_claim_lineitem", act=claims(**REVIEW),
            ground="review 4"),
]  # fmt: skip


def _signed_list(attempt: Attempt) -> str:
    jws = jwt.PyJWS()
    key = attempt.platform.keys[0]
    return jws.encode(b"[1]", key.private_key, algorithm="RS256", headers={"kid": key.kid})
