"""The OAuth 2.0 side of collecting: Authlib decides what a request is worth, the rows are ours (RFC 6749, 7591, 7636).

One server for both protocols: what a client may ask for is the scopes it registered with. Within a request the rows
are read and written in the transaction that the view opened (``g.host_session``).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Error, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Request, Response, g
from flask import request as flask_request
from sqlalchemy.orm import Session

from lti_tool.models import HostedClient, HostedCode, HostedToken
from lti_tool.services import hosting, hosting_tokens
from lti_tool.services.secrets import secret_hash
from lti_tool.web.current import services

OB3 = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
BADGE_CONNECT = "https://purl.imsglobal.org/spec/ob/v2p1/scope/"
OFFLINE = "offline_access"
OB3_SCOPES = (OB3 + "credential.readonly", OB3 + "profile.readonly")
BADGE_CONNECT_SCOPES = (BADGE_CONNECT + "profile.readonly", BADGE_CONNECT + "assertion.readonly")
"""In this order: a platform that drops the first one it is offered keeps the one it needs."""
SCOPES = (*OB3_SCOPES, *BADGE_CONNECT_SCOPES, OFFLINE)
HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def rows() -> Session:
    """Return the transaction of the request at hand."""
    session: Session = g.host_session
    return session


class Client:
    """A registered backpack as Authlib asks about it (``ClientMixin``)."""

    def __init__(self, row: HostedClient) -> None:
        self.row = row
        self.client_id = row.client_id

    def get_client_id(self) -> str:
        return self.row.client_id

    def get_default_redirect_uri(self) -> None:
        """There is none: where to go back to is always said."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of ``scope`` it may have; without one, everything it registered for."""
        known = self.row.scope.split()
        asked = scope.split() if scope else known
        return " ".join(one for one in known if one in asked) if set(asked) <= set(known) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secret_hash(client_secret) == self.row.secret_hash

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        return method == self.row.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Refresh tokens are given to everybody, as hosts of both protocols do."""
        return grant_type in {"authorization_code", "refresh_token"}


class Code:
    """A spent authorization code as Authlib asks about it."""

    code_challenge_method = "S256"

    def __init__(self, row: HostedCode) -> None:
        self.row = row
        self.code_challenge = row.code_challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope


class RefreshToken:
    """A spent refresh token as Authlib asks about it; whose it is was seen when it was spent."""

    def __init__(self, row: HostedToken) -> None:
        self.row = row

    def check_client(self, client: Client) -> bool:  # noqa: ARG002
        return True

    def get_scope(self) -> str:
        return self.row.scope


class HostRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """The request at hand. Its address is the public one: behind a proxy the one seen here may be plain http."""

    def __init__(self, request: Request) -> None:
        address = f"https://{request.host}{request.full_path}"
        OAuth2Request.__init__(self, request.method, address, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """A code for who typed a pairing code; ``grant_user`` is the learner's id."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    AUTHORIZATION_CODE_LENGTH = 64

    def validate_authorization_request(self) -> str:
        redirect_uri: str = super().validate_authorization_request()
        if not self.request.payload.state:
            raise InvalidRequestError("Missing 'state' in request.", redirect_uri=redirect_uri)
        if not self.request.payload.data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge' in request.", redirect_uri=redirect_uri)
        return redirect_uri

    def create_authorization_response(self, redirect_uri: str, grant_user: int | None) -> tuple[int, Any, Any]:
        """With the scope that was granted, as Open Badges 3.0 asks."""
        status, body, headers = super().create_authorization_response(redirect_uri, grant_user)
        (_, location), *rest = headers
        scoped = f"{location}&scope={self.request.scope.replace(' ', '%20')}"
        return status, body, [("Location", scoped), *rest]

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        now = services().clock()
        consent = hosting.give_consent(rows(), request.client.row, request.user, request.scope, now)
        hosting_tokens.store_code(
            rows(),
            consent,
            code,
            redirect_uri=request.payload.redirect_uri,
            code_challenge=request.payload.data["code_challenge"],
            scope=request.scope,
            now=now,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Spend it at once, whatever comes after: a code whose exchange failed is not tried again."""
        spent = hosting_tokens.spend_code(rows(), client.row, code, services().clock())
        return None if spent is None else Code(spent)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is spent already; that it was is kept, to see when it comes again."""

    def authenticate_user(self, authorization_code: Code) -> HostedCode:
        asked = self.request.payload.scope
        if asked and not set(asked.split()) <= set(authorization_code.row.scope.split()):
            raise InvalidScopeError()
        return authorization_code.row


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """New tokens for a refresh token, which is spent by it."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        client: Client = self.request.client
        spent = hosting_tokens.spend_refresh_token(rows(), client.row, refresh_token, services().clock())
        return None if spent is None else RefreshToken(spent)

    def authenticate_user(self, refresh_token: RefreshToken) -> HostedToken:
        return refresh_token.row

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """It is spent already."""


class StrictChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE by S256 only."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is required.", redirect_uri=redirect_uri)
        super().validate_code_challenge(grant, redirect_uri)


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Ends a token; an unknown one, or another client's, is answered the same way (RFC 7009, section 2.2)."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> None:
        """Looking is left to ``hosting_tokens``, which tells nobody what it found."""

    def create_endpoint_response(self, request: OAuth2Request) -> tuple[int, Mapping[str, Any], Any]:
        client: Client = self.authenticate_endpoint_client(request)
        self.check_params(request, client)
        hosting_tokens.revoke_token(rows(), client.row, request.form["token"], services().clock())
        return 200, {}, list(HEADERS.items())


class HostServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server on our rows."""

    def __init__(self) -> None:
        super().__init__(query_client=_query_client, save_token=_save_token)
        self.scopes_supported = list(SCOPES)
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: generate_token(48),
                lambda **_: generate_token(64),
                int(hosting_tokens.ACCESS_LIFE.total_seconds()),
            ),
        )
        self.register_grant(CodeGrant, [StrictChallenge(required=True)])
        self.register_grant(RefreshGrant)
        self.register_endpoint(Revocation)

    def create_oauth2_request(self, request: object) -> HostRequest:  # noqa: ARG002
        return HostRequest(flask_request)

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> Response:
        body = json.dumps(payload) if isinstance(payload, dict) else payload
        response = Response(body, status_code, headers=list(headers))
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _query_client(client_id: str) -> Client | None:
    found = hosting.find_client(rows(), client_id)
    return None if found is None else Client(found)


def _save_token(token: Mapping[str, Any], request: OAuth2Request) -> None:
    """``request.user`` is the row the tokens descend from: a code or a refresh token."""
    source: HostedCode | HostedToken = request.user
    family = source.code_hash if isinstance(source, HostedCode) else source.family
    hosting_tokens.store_tokens(
        rows(),
        source.hosted_consent_id,
        family,
        token["scope"],
        token["access_token"],
        token["refresh_token"],
        services().clock(),
    )


server = HostServer()


def is_known_client(client_id: str, redirect_uri: str) -> Client | None:
    """Return the client if it is known by both; who fails here is never sent back anywhere."""
    client = _query_client(client_id)
    return client if client is not None and client.check_redirect_uri(redirect_uri) else None


def host_of(address: str) -> str:
    """Return the host of an address, for people to recognise."""
    return urlsplit(address).hostname or address


__all__ = ["Client", "OAuth2Error", "host_of", "is_known_client", "rows", "server"]
