"""OAuth 2.0 as Canvas does it for its own API (RFC 6749, code flow with a developer key; vendor documents "OAuth2
endpoints" and "Developer keys", read in November 2026; vendor code: canvas-lms, lib/canvas/oauth).

What differs from the book: a refresh answers no new refresh token, since the same one serves again; it ends the access
token given before; a refresh token that is gone is ``invalid_request``, not ``invalid_grant``; answers name no scopes,
so what was asked for is what was granted; an old configuration answers errors by a redirect.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from lti_tool.errors import ConsentError, GrantError, PlatformAnswerError
from lti_tool.evidence.grants import GRANT_REFUSED, GrantClient, GrantTokens
from lti_tool.outbound import Answer

AUTHORIZATION_PATH = "/login/oauth2/auth"
TOKEN_PATH = "/login/oauth2/token"  # noqa: S105 - an address
CLIENT_REFUSED = "client_refused"
"""The platform no longer knows this tool's key, or its secret is another one."""
USUAL_LIFETIME = timedelta(hours=1)
LONGEST_LIFETIME = timedelta(days=1)


class Calls(Protocol):
    """Sends a request to a platform's API and returns its answer, whatever the status below 500."""

    def __call__(
        self,
        registration_id: int,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Callable[[], Mapping[str, str]] | None = None,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Consent:
    """What Canvas gave for a code: the tokens, and the account they belong to, as Canvas numbers and names it."""

    tokens: GrantTokens = field(repr=False)
    account: str | None


class CanvasOAuth:
    """The flow; one per process. ``registration_id`` everywhere: whose platform is called."""

    def __init__(self, calls: Calls, clock: Callable[[], datetime]) -> None:
        self._calls = calls
        self._clock = clock

    def exchange_code(self, registration_id: int, client: "ClientKey", code: str, redirect_uri: str) -> Consent:
        """Turn a code into tokens.

        Raises ``ConsentError`` (``consent_failed``) when Canvas does not accept the code, ``GrantError``
        (``client_refused``) when it does not accept the key, ``PlatformAnswerError`` and ``OutboundError``.
        """
        answer = self._post(
            registration_id,
            client.address,
            {
                "grant_type": "authorization_code",
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "redirect_uri": redirect_uri,
                "code": code,
            },
        )
        document = _document(answer)
        if answer.status >= 300:
            error = error_of(answer)
            if error == "invalid_client":
                raise _client_refused(answer)
            raise ConsentError(f"{_host(answer)} did not accept the code ({answer.status}).", code="consent_failed")
        tokens = self._tokens(answer, document, refresh_token=None)
        if tokens.refresh_token is None:
            raise PlatformAnswerError(f"{_host(answer)} gave no refresh token.", http_status=answer.status)
        return Consent(tokens, _account(document))

    def refresh(self, registration_id: int, client: GrantClient) -> GrantTokens:
        """Return new tokens.

        Raises ``GrantError`` (``grant_refused``, ``client_refused``) when Canvas no longer accepts the grant,
        ``PlatformAnswerError`` and ``OutboundError``.
        """
        refresh_token = client.tokens.refresh_token
        if refresh_token is None or client.client_id is None:
            raise GrantError(f"The grant at {urlsplit(client.address).hostname} ended.", code=GRANT_REFUSED)
        answer = self._post(
            registration_id,
            client.address,
            {
                "grant_type": "refresh_token",
                "client_id": client.client_id,
                "client_secret": client.client_secret or "",
                "refresh_token": refresh_token,
            },
        )
        if answer.status >= 300:
            error = error_of(answer)
            if error in {"invalid_client", "unauthorized_client"}:
                raise _client_refused(answer)
            if error or answer.status in {400, 401, 403}:
                message = f"{_host(answer)} no longer accepts the grant ({answer.status})."
                raise GrantError(message, code=GRANT_REFUSED, http_status=answer.status)
            raise PlatformAnswerError(f"{_host(answer)} gave no token ({answer.status}).", http_status=answer.status)
        return self._tokens(answer, _document(answer), refresh_token=refresh_token)

    def give_up(self, registration_id: int, address: str, access_token: str) -> bool:
        """End a grant at Canvas (``DELETE``, with the token itself); ``False`` when it did not take it."""
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        return self._calls(registration_id, "DELETE", address + TOKEN_PATH, headers=headers).status < 300

    def _post(self, registration_id: int, address: str, form: dict[str, str]) -> Answer:
        return self._calls(
            registration_id, "POST", address + TOKEN_PATH, headers={"Accept": "application/json"}, form=lambda: form
        )

    def _tokens(self, answer: Answer, document: Mapping[str, object], *, refresh_token: str | None) -> GrantTokens:
        access, given = document.get("access_token"), document.get("refresh_token")
        if not isinstance(access, str) or not access or not access.isprintable():
            raise PlatformAnswerError(f"{_host(answer)} gave no token ({answer.status}).", http_status=answer.status)
        lifetime = document.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int) and lifetime > 0 else USUAL_LIFETIME.total_seconds()
        ends = self._clock() + min(timedelta(seconds=seconds), LONGEST_LIFETIME)
        return GrantTokens(access, given if isinstance(given, str) and given else refresh_token, ends)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """An API developer key of a Canvas: where it is, its id and secret."""

    address: str
    client_id: str
    client_secret: str = field(repr=False)


def authorization_address(client: ClientKey, redirect_uri: str, scopes: Iterable[str], state: str) -> str:
    """Return where the browser goes to consent; all scopes in one parameter, since Canvas takes the last one only."""
    query = urlencode(
        {
            "client_id": client.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": " ".join(scopes),
        },
        quote_via=quote,
    )
    return f"{client.address}{AUTHORIZATION_PATH}?{query}"


def code_of(parameters: Mapping[str, str]) -> str:
    """Return the code that the redirect back carries.

    Raises ``ConsentError``: ``consent_denied`` when the person said no, ``consent_scopes_refused`` when the key does
    not have a scope that was asked for, ``consent_failed`` for anything else.
    """
    error, code = parameters.get("error", ""), parameters.get("code", "")
    if error == "access_denied":
        raise ConsentError("The platform was not allowed to share anything.", code="consent_denied")
    if error == "invalid_scope":
        raise ConsentError("The key does not have every scope that is asked for.", code="consent_scopes_refused")
    if error or not code:
        raise ConsentError("The platform did not answer with a code.", code="consent_failed")
    return code


def error_of(answer: Answer) -> str:
    """Return the OAuth error of an answer, or an empty text; also from a redirect, where old Canvases put it."""
    location = answer.headers.get("Location", "")
    if 300 <= answer.status < 400 and location:
        try:
            return (parse_qs(urlsplit(location).query).get("error") or [""])[0]
        except ValueError:
            return ""
    try:
        error = _document(answer).get("error", "")
    except PlatformAnswerError:
        return ""
    return error if isinstance(error, str) else ""


def _document(answer: Answer) -> Mapping[str, object]:
    if 300 <= answer.status < 400:
        return {}
    try:
        found: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = f"{_host(answer)} did not answer JSON ({answer.status})."
        raise PlatformAnswerError(message, http_status=answer.status)
    return found


def _account(document: Mapping[str, object]) -> str | None:
    user = document.get("user")
    if not isinstance(user, dict):
        return None
    number, name = user.get("id"), user.get("name")
    shown = name if isinstance(name, str) and name.strip() else number
    return None if shown is None else str(shown)[:255]


def _client_refused(answer: Answer) -> GrantError:
    return GrantError(
        f"{_host(answer)} does not accept this tool's key ({answer.status}).",
        code=CLIENT_REFUSED,
        http_status=answer.status,
    )


def _host(answer: Answer) -> str:
    return urlsplit(answer.url).hostname or ""
