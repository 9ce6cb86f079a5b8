"""The OAuth side of the demo backpacks: RFC 7591, 6749 with 7636 (S256 only), 7009; as strict as the strictest host.

``grant_types`` must be exactly ``["authorization_code"]`` on the host of Open Badges 3.0, and ``offline_access`` is
refused by both, though refresh tokens are issued; a code exchange without ``scope`` is refused; refresh tokens are
spent once.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from flask import Blueprint, Response, current_app, jsonify, request

from lti_tool.demo.backpack_store import BackpackStore, Client, Consent, hashed

SCOPE_PREFIX = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
SCOPES = tuple(
    SCOPE_PREFIX + name for name in ("credential.readonly", "credential.upsert", "profile.readonly", "profile.update")
)
REQUIRED_METADATA = (
    "client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri", "software_id", "software_version",
)  # fmt: skip
BASE = "/ims/ob/v3p0"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one standard names things: where its interface is, its scopes, whether ``grant_types`` may say more."""

    base: str
    scope_prefix: str
    scopes: tuple[str, ...]
    takes_refresh_grant: bool


OPEN_BADGES_3 = Dialect(BASE, SCOPE_PREFIX, SCOPES, takes_refresh_grant=False)

blueprint = Blueprint("oauth", __name__)


def dialect() -> Dialect:
    """Return the dialect of the app that answers."""
    found: Dialect = current_app.config["DIALECT"]
    return found


class OAuthRefusal(Exception):
    """A request the OAuth side refuses; ``error`` is the standard's word, ``description`` a plain one."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True, slots=True)
class AuthorizationQuery:
    """A checked authorization request."""

    client: Client
    redirect_uri: str
    scope: tuple[str, ...]
    state: str
    challenge: str


def store() -> BackpackStore:
    """Return the store of the app that answers."""
    found: BackpackStore = current_app.extensions["backpack"]
    return found


@blueprint.errorhandler(OAuthRefusal)
def refusal(error: OAuthRefusal) -> Response:
    """Answer in the form of RFC 6749, section 5.2, and RFC 7591, section 3.2.2."""
    response = jsonify(error=error.error, error_description=error.description)
    response.status_code = error.status
    response.headers["Cache-Control"] = "no-store"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Open Badges API"'
    return response


# -- registration (RFC 7591, section 3) ------------------------------------------------------------------------------


@blueprint.post("/register")
def register() -> Response:
    """Register a client without an initial token."""
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise OAuthRefusal("invalid_client_metadata", "The body must be a JSON object")
    scope = _check_metadata(document)
    redirect_uris = _check_addresses(document)
    client, secret = store().add_client(document["client_name"], document["client_uri"], redirect_uris, scope)
    answer = {name: document[name] for name in REQUIRED_METADATA} | {
        "client_id": client.client_id,
        "client_secret": secret,
        "client_id_issued_at": int(store().clock().timestamp()),
        "client_secret_expires_at": 0,
        "redirect_uris": list(redirect_uris),
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": " ".join(scope),
    }
    response = jsonify(answer)
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def _check_metadata(document: dict[str, Any]) -> tuple[str, ...]:
    for name in REQUIRED_METADATA:
        if not isinstance(document.get(name), str) or not document[name].strip():
            raise OAuthRefusal("invalid_client_metadata", f"{name} is required")
    grants = document.get("grant_types")
    if grants != ["authorization_code"] and not (
        dialect().takes_refresh_grant and grants == ["authorization_code", "refresh_token"]
    ):
        raise OAuthRefusal("invalid_client_metadata", "Only authorization_code grant type is currently supported")
    if document.get("response_types") != ["code"]:
        raise OAuthRefusal("invalid_client_metadata", "Only the code response type is supported")
    if document.get("token_endpoint_auth_method") != "client_secret_basic":
        raise OAuthRefusal("invalid_client_metadata", "Only client_secret_basic is supported")
    scope = document.get("scope")
    if not isinstance(scope, str) or not scope.split() or not set(scope.split()) <= set(dialect().scopes):
        raise OAuthRefusal("invalid_scope", "Requested scope contains unsupported values")
    return tuple(dict.fromkeys(scope.split()))


def _check_addresses(document: dict[str, Any]) -> tuple[str, ...]:
    """Every address on the client's own host; https, unless the host is one the demo runs on."""
    redirect_uris = document.get("redirect_uris")
    if not isinstance(redirect_uris, list) or not redirect_uris:
        raise OAuthRefusal("invalid_redirect_uri", "redirect_uris is required")
    home = urlsplit(document["client_uri"])
    for uri in [*redirect_uris, *(document[name] for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri"))]:
        error = "invalid_redirect_uri" if uri in redirect_uris else "invalid_client_metadata"
        parts = urlsplit(uri) if isinstance(uri, str) else urlsplit("")
        plain = parts.scheme == "http" and parts.hostname in current_app.config["TOOL_HOSTS"]
        if (parts.scheme != "https" and not plain) or parts.fragment or parts.username:
            raise OAuthRefusal(error, "Every address must be https")
        if (parts.scheme, parts.netloc) != (home.scheme, home.netloc):
            raise OAuthRefusal(error, "Every address must be on the host of client_uri")
    return tuple(redirect_uris)


# -- authorization (RFC 6749, section 4.1.1; the page is in backpack_pages) -------------------------------------------


def read_client(query: dict[str, str]) -> tuple[Client, str]:
    """Return the client and its redirect address; whoever fails here is not sent back anywhere."""
    client = store().clients.get(query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if client is None or redirect_uri not in client.redirect_uris:
        raise OAuthRefusal("invalid_request", "The client or its address is unknown")
    return client, redirect_uri


def read_authorization(query: dict[str, str], client: Client, redirect_uri: str) -> AuthorizationQuery:
    """Check the rest of the request; a refusal goes back to the client."""
    if query.get("response_type") != "code":
        raise OAuthRefusal("unsupported_response_type", "response_type must be code")
    if not query.get("state"):
        raise OAuthRefusal("invalid_request", "state is required")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not re.fullmatch(r"[A-Za-z0-9_-]{43}", challenge):
        raise OAuthRefusal("invalid_request", "PKCE with S256 is required")
    scope = tuple(dict.fromkeys(query.get("scope", "").split()))
    if not scope or not set(scope) <= set(client.scope):
        raise OAuthRefusal("invalid_scope", "Requested scope contains unsupported values")
    return AuthorizationQuery(client, redirect_uri, scope, query["state"], challenge)


def answer_address(redirect_uri: str, answer: dict[str, str]) -> str:
    """Return the client's address with the answer in its query."""
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(answer)}"


# -- tokens (RFC 6749, sections 4.1.3 and 6; RFC 7636, section 4.6) ---------------------------------------------------


@blueprint.post("/token")
def token() -> Response:
    """Exchange a code or a refresh token."""
    client = _authenticated_client()
    match request.form.get("grant_type"):
        case "authorization_code":
            consent = _consent_of_code(client)
        case "refresh_token":
            found = store().spend_refresh_token(request.form.get("refresh_token", ""), client)
            if found is None:
                raise OAuthRefusal("invalid_grant", "The refresh token is invalid or was used")
            if not set(request.form.get("scope", "").split()) <= set(found.scope):
                raise OAuthRefusal("invalid_scope", "The scope was not granted")
            consent = found
        case _:
            raise OAuthRefusal("unsupported_grant_type", "The grant type is not supported")
    access, refresh = store().give_tokens(consent)
    response = jsonify(
        access_token=access,
        refresh_token=refresh,
        token_type="Bearer",  # noqa: S106 (the name of a token type)
        expires_in=3600,
        scope=" ".join(consent.scope),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _consent_of_code(client: Client) -> Consent:
    form = request.form
    if not form.get("scope", "").strip():
        raise OAuthRefusal("invalid_request", "scope is required")
    code = store().spend_code(form.get("code", ""), client)
    if code is None:
        raise OAuthRefusal("invalid_grant", "The code is invalid, expired or was used")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(challenge, code.challenge):
        raise OAuthRefusal("invalid_grant", "The code verifier does not fit")
    if form.get("redirect_uri") != code.redirect_uri:
        raise OAuthRefusal("invalid_grant", "redirect_uri differs from the authorization request")
    if not set(form["scope"].split()) <= set(code.consent.scope):
        raise OAuthRefusal("invalid_scope", "The scope was not granted")
    return code.consent


@blueprint.post("/revoke")
def revoke() -> Response:
    """End a token (RFC 7009); an unknown one is answered the same way."""
    client = _authenticated_client()
    if request.form.get("token_type_hint", "access_token") not in {"access_token", "refresh_token"}:
        raise OAuthRefusal("unsupported_token_type", "The token type is not supported")
    store().revoke_token(request.form.get("token", ""), client)
    return Response(status=200)


def _authenticated_client() -> Client:
    """The client of the Basic header; both halves are form-encoded (RFC 6749, section 2.3.1)."""
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client = store().clients.get(unquote(basic.username or ""))
        if client is not None and hmac.compare_digest(client.secret_hash, hashed(unquote(basic.password or ""))):
            return client
    raise OAuthRefusal("invalid_client", "The client is unknown or its secret is wrong", 401)
