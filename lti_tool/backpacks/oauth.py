"""OAuth 2.0 as Open Badges 2.1 and 3.0 use it: registration, PKCE, tokens, refresh, revocation.

RFC 7591 (registration without an initial token), RFC 6749 with RFC 7636 (S256), RFC 7009. Hosts disagree on what a
registration may say: one kind refuses ``refresh_token`` among the grant types, another ``offline_access`` in the
scope, and both issue refresh tokens all the same; so a refused registration is tried again in a reduced form.
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from lti_tool import __version__
from lti_tool.backpacks.base import AuthorizationRequest, ClientRegistration, HostDescription, Tokens
from lti_tool.backpacks.host_http import (
    LONGEST_WAIT,
    HostHttp,
    host_of,
    json_object,
    raise_for_failure,
    retry_after,
)
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
)
from lti_tool.outbound import Answer

OFFLINE_ACCESS: Final = "offline_access"
SOFTWARE_ID: Final = "lti-badges"
USUAL_LIFETIME: Final = 3600
"""Seconds an access token is taken to live when the host does not say."""
REGISTRATION_FORMS: Final = (
    (("authorization_code", "refresh_token"), True),
    (("authorization_code",), False),
    (("authorization_code", "refresh_token"), False),
    (("authorization_code",), True),
)
"""(grant types, whether to ask for offline_access), in the order they are tried."""
FINAL_REFUSALS: Final = re.compile(r"_uri|software_statement|unauthori[sz]ed|access_denied", re.IGNORECASE)
"""Registration errors that no other form cures; hosts also write sentences there ("redirect_uris: Must be …")."""
CLIENT_UNKNOWN: Final = frozenset({"invalid_client", "invalid client_id", "invalid client_secret"})
"""The standard's word (RFC 6749, section 5.2), and Badgr's."""
PATIENCE: Final = 5.0
"""Seconds; a host that throttles token calls for no longer than this is waited for, once, before it is an error."""
USUAL_REST: Final = 2.0
"""Seconds to wait where such a host does not say how long."""


class OAuthClient:
    """The OAuth side of a backpack protocol.

    ``wanted`` are the scopes to ask for where the host offers them, ``required`` those without which a connection is
    of no use.
    """

    def __init__(
        self,
        http: HostHttp,
        *,
        wanted: Iterable[str],
        required: Iterable[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._wanted = tuple(wanted)
        self._required = frozenset(required)
        self._now = now

    def register(self, host: HostDescription, redirect_uri: str, metadata: dict[str, str]) -> ClientRegistration:
        """Register this tool; ``metadata`` are client_name, client_uri, logo_uri, tos_uri and policy_uri."""
        scopes = self._scopes_of(host)
        failure: BackpackError = BackpackRefusedError(code="backpack_registration_refused")
        for grant_types, offline in REGISTRATION_FORMS:
            scope = " ".join((*scopes, OFFLINE_ACCESS) if offline else scopes)
            document: dict[str, object] = {
                **metadata,
                "software_id": SOFTWARE_ID,
                "software_version": __version__,
                "redirect_uris": [redirect_uri],
                "token_endpoint_auth_method": "client_secret_basic",
                "grant_types": list(grant_types),
                "response_types": ["code"],
                "scope": scope,
            }
            answer = self._http.post_json(host.registration_url, document)
            if answer.status in {200, 201}:
                return self._registration(json_object(answer), scope, host)
            failure = _registration_failure(answer)
            if answer.status != 400 or FINAL_REFUSALS.search(oauth_error(answer)):
                break
        raise failure

    def _registration(self, document: dict[str, Any], asked: str, host: HostDescription) -> ClientRegistration:
        client_id, secret = document.get("client_id"), document.get("client_secret")
        name = host_of(host.registration_url)
        if not isinstance(client_id, str) or not client_id or not isinstance(secret, str | None):
            raise BackpackAnswerError(f"{name} registered this tool without a client id.")
        echoed = document.get("scope")
        granted = set(echoed.split()) if isinstance(echoed, str) and echoed.strip() else set(asked.split())
        if not self._required <= granted:
            raise BackpackRefusedError(f"{name} does not allow this tool to add badges.", code="backpack_scope_missing")
        expires = document.get("client_secret_expires_at")
        return ClientRegistration(
            client_id=client_id,
            client_secret=secret or None,
            auth_method=_auth_method(document.get("token_endpoint_auth_method"), secret),
            scope=" ".join(one for one in asked.split() if one in granted),
            secret_expires_at=_moment(expires),
        )

    def _scopes_of(self, host: HostDescription) -> tuple[str, ...]:
        offered = set(host.scopes)
        scopes = tuple(one for one in self._wanted if not offered or one in offered)
        if not self._required <= set(scopes):
            raise BackpackRefusedError(
                f"{host_of(host.api_url)} takes no badges from other tools.", code="backpack_scope_missing"
            )
        return scopes

    def authorization_request(
        self, host: HostDescription, client: ClientRegistration, redirect_uri: str
    ) -> AuthorizationRequest:
        """Begin a connection (RFC 7636: a verifier of 64 characters, its SHA-256 as the challenge)."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": client.client_id,
                "redirect_uri": redirect_uri,
                "scope": client.scope,
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        joint = "&" if urlsplit(host.authorization_url).query else "?"
        return AuthorizationRequest(f"{host.authorization_url}{joint}{query}", state, verifier)

    def exchange_code(
        self, host: HostDescription, client: ClientRegistration, code: str, redirect_uri: str, code_verifier: str
    ) -> Tokens:
        """Turn a code into tokens; ``BackpackConsentError`` when the code or its verifier is not accepted."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
            "scope": client.scope,
        }
        return self._tokens(host.token_url, client, form, scope=client.scope, kept=None)

    def refresh(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> Tokens:
        """Get new tokens; ``BackpackConsentError`` when there is no refresh token or it is not accepted."""
        if tokens.refresh_token is None:
            raise BackpackConsentError(f"The consent at {host_of(host.api_url)} ended. Connect again.")
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token, "scope": tokens.scope}
        return self._tokens(host.refresh_url, client, form, scope=tokens.scope, kept=tokens.refresh_token)

    def revoke(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> bool:
        """End the consent at the host (RFC 7009), the refresh token first."""
        if host.revocation_url is None:
            return False
        kinds = (("refresh_token", tokens.refresh_token), ("access_token", tokens.access_token))
        for kind, token in kinds:
            if token is not None:
                answer = self._post(host.revocation_url, client, {"token": token, "token_type_hint": kind})
                if oauth_error(answer) != "unsupported_token_type":
                    raise_for_failure(answer, "end the consent")
        return True

    def _tokens(
        self, url: str, client: ClientRegistration, form: dict[str, str], *, scope: str, kept: str | None
    ) -> Tokens:
        answer = self._post(url, client, form)
        if answer.status == 429 and (rest := _rest(answer)) <= PATIENCE:
            # One kind of host answers so to whatever follows a token call that failed, also somebody else's.
            time.sleep(rest)
            answer = self._post(url, client, form)
        if answer.status >= 300:
            raise _token_failure(answer)
        document = json_object(answer)
        access, refresh = document.get("access_token"), document.get("refresh_token")
        if not isinstance(access, str) or not access or str(document.get("token_type")).lower() != "bearer":
            raise BackpackAnswerError(f"{host_of(url)} gave no bearer token.", http_status=answer.status)
        granted = document.get("scope")
        scope = granted if isinstance(granted, str) and granted.strip() else scope
        if not self._required <= set(scope.split()):
            raise BackpackConsentError(
                f"{host_of(url)} was not allowed to take badges. Connect again and allow it.",
                code="backpack_scope_missing",
            )
        lifetime = document.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) and lifetime > 0 else USUAL_LIFETIME
        return Tokens(
            access_token=access,
            refresh_token=refresh if isinstance(refresh, str) and refresh else kept,
            expires_at=self._now() + timedelta(seconds=min(seconds, 10 * 365 * 86_400)),
            scope=scope,
        )

    def _post(self, url: str, client: ClientRegistration, form: dict[str, str]) -> Answer:
        if client.auth_method == "client_secret_basic" and client.client_secret is not None:
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            basic = base64.b64encode(pair.encode()).decode()
            return self._http.post_form(url, form, {"Authorization": f"Basic {basic}"})
        form = form | {"client_id": client.client_id}
        if client.client_secret is not None:
            form |= {"client_secret": client.client_secret}
        return self._http.post_form(url, form, {})


def _registration_failure(answer: Answer) -> BackpackError:
    """The error a registration endpoint means (RFC 7591, section 3.2.2)."""
    host = host_of(answer.url)
    if answer.status in {400, 401, 403}:
        return BackpackRefusedError(
            f"{host} does not accept this tool as a client (HTTP {answer.status}).",
            code="backpack_registration_refused",
            http_status=answer.status,
        )
    raise_for_failure(answer, "register this tool")
    return BackpackAnswerError(f"{host} did not register this tool.", http_status=answer.status)


def _token_failure(answer: Answer) -> BackpackError:
    """The error a token endpoint means (RFC 6749, section 5.2)."""
    error, host = oauth_error(answer), host_of(answer.url)
    if answer.status == 429:
        return BackpackThrottledError(f"{host} asks to slow down.", http_status=429, retry_after=_rest(answer))
    if error in CLIENT_UNKNOWN or (answer.status == 401 and error != "invalid_grant"):
        return BackpackRefusedError(
            f"{host} no longer knows this tool. Register again.", code="backpack_client_unknown", http_status=401
        )
    if error in {"invalid_grant", "invalid_scope"}:
        return BackpackConsentError(f"{host} no longer accepts the consent. Connect again.", http_status=answer.status)
    raise_for_failure(answer, "give a token")
    return BackpackAnswerError(f"{host} gave no token.", http_status=answer.status)


def _rest(answer: Answer) -> float:
    """Seconds a throttling token endpoint asks for: ``Retry-After``, or ``expires`` in the body (Badgr)."""
    named = retry_after(answer.headers)
    if named is not None:
        return named
    try:
        expires = json_object(answer).get("expires")
    except BackpackAnswerError:
        expires = None
    if not isinstance(expires, int | float) or isinstance(expires, bool) or not expires >= 0:
        return USUAL_REST
    return min(float(expires), LONGEST_WAIT)


def oauth_error(answer: Answer) -> str:
    """The ``error`` member of a failure, or an empty text."""
    try:
        error = json_object(answer).get("error", "")
    except BackpackAnswerError:
        return ""
    return error if isinstance(error, str) else ""


def _auth_method(named: object, secret: str | None) -> str:
    if not secret:
        return "none"
    return "client_secret_post" if named == "client_secret_post" else "client_secret_basic"


def _moment(seconds: object) -> datetime | None:
    """Seconds since 1970 as a moment; 0 means never (RFC 7591, section 3.2.1)."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(seconds, UTC)
