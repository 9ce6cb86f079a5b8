"""The OAuth 2.0 side of the strict Canvas: developer keys, consents, tokens.

Ground: vendor documents ("OAuth2 endpoints", "Developer keys", read in November 2026) and vendor code (canvas-lms,
oauth2_provider_controller.rb, lib/canvas/oauth/request_error.rb and grant_types/refresh_token.rb).
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

LIFETIME = timedelta(hours=1)


@dataclass
class Grant:
    """A token somebody allowed; ``scopes`` ``None``: of a key without enforced scopes."""

    scopes: frozenset[str] | None
    refresh_token: str
    user: dict[str, Any]
    access_token: str = ""
    ends: datetime | None = None
    is_revoked: bool = False
    """Deleted under "Approved integrations", or by removing a scope from the key (vendor document)."""
    old_tokens: list[str] = field(default_factory=list)


class CanvasOAuthServer:
    """Developer key, authorisation, tokens. ``decision``: what the person does on Canvas's page."""

    address = ""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.client_id, self.client_secret = "10000000000042", "developer-key-secret"
        self.redirect_uris = {"http://localhost/grants/callback"}
        self.key_scopes: frozenset[str] | None = None
        """Scopes of the developer key; ``None``: scopes are not enforced."""
        self.is_key_on = True
        self.decision = "accept"
        self.account = {"id": 77, "name": "Badge Service"}
        self.is_account_disabled = False
        self.redirects_errors = False
        """Vendor code: with an old setting, errors of the token endpoint are redirects."""
        self.grants: list[Grant] = []
        self._codes: dict[str, tuple[str, frozenset[str] | None]] = {}

    def new_grant(self, scopes: list[str] | None = None, *, ends: datetime | None = None) -> Grant:
        """A grant with a live access token."""
        grant = Grant(None if scopes is None else frozenset(scopes), secrets.token_urlsafe(24), dict(self.account))
        self._regenerate(grant)
        if ends is not None:
            grant.ends = ends
        self.grants.append(grant)
        return grant

    def _regenerate(self, grant: Grant) -> None:
        """Vendor code: a refresh replaces the access token; the one before ends at once."""
        if grant.access_token:
            grant.old_tokens.append(grant.access_token)
        grant.access_token, grant.ends = f"1042~{secrets.token_urlsafe(24)}", self._now() + LIFETIME

    def grant_of(self, request: Request) -> Grant | None:
        """Who asks; ``None`` when the token is not good (any more)."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or "access_token" in request.args or not self.is_key_on or self.is_account_disabled:
            return None
        for grant in self.grants:
            if (
                grant.access_token == token
                and not grant.is_revoked
                and (grant.ends is None or grant.ends > self._now())
            ):
                return grant
        return None

    def invalid_token(self) -> Response:
        """Vendor code: a token that is not good is told by this header."""
        answer = _json({"errors": [{"message": "Invalid access token."}]}, 401)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="canvas-lms"'
        return answer

    def oauth(self, endpoint: str, request: Request) -> Response:
        """Answer one of the three endpoints."""
        if endpoint == "authorize":
            return self._authorize(request)
        return self._token(request) if endpoint == "token" else self._forget(request)

    def _authorize(self, request: Request) -> Response:
        asked = request.args
        if asked.get("client_id") != self.client_id or not self.is_key_on:
            return _json({"error": "invalid_client", "error_description": "unknown client"}, 401)
        if asked.get("redirect_uri") not in self.redirect_uris:
            return _json({"error": "invalid_request", "error_description": "redirect_uri does not match"}, 400)
        scopes = frozenset(asked.get("scope", "").split())
        back = asked["redirect_uri"]
        state = {"state": asked["state"]} if "state" in asked else {}
        if asked.get("response_type") != "code":
            return _redirect(back, {"error": "unsupported_response_type"} | state)
        if self.key_scopes is not None and (not scopes or not scopes <= self.key_scopes):
            return _redirect(back, {"error": "invalid_scope"} | state)
        if self.decision == "deny":
            return _redirect(back, {"error": "access_denied"} | state)
        code = secrets.token_hex(16)
        self._codes[code] = (back, None if self.key_scopes is None else scopes)
        return _redirect(back, {"code": code} | state)

    def _token(self, request: Request) -> Response:
        form = request.form
        if form.get("client_id") != self.client_id or not self.is_key_on:
            return self._refuse(form, "invalid_client", "unknown client", 401)
        if form.get("client_secret") != self.client_secret:
            return self._refuse(form, "invalid_client", "invalid client", 401)
        if form.get("grant_type") == "authorization_code":
            found = self._codes.pop(form.get("code", ""), None)
            if found is None:
                return self._refuse(form, "invalid_grant", "authorization_code not found", 400)
            if form.get("redirect_uri") != found[0]:
                return self._refuse(form, "invalid_request", "redirect_uri does not match", 400)
            grant = self.new_grant(None if found[1] is None else sorted(found[1]))
            return _json(self._document(grant) | {"refresh_token": grant.refresh_token})
        if form.get("grant_type") == "refresh_token":
            for grant in self.grants:
                if grant.refresh_token == form.get("refresh_token") and not grant.is_revoked:
                    self._regenerate(grant)
                    return _json(self._document(grant))  # without a refresh token: the same one serves again
            return self._refuse(form, "invalid_request", "refresh_token not found", 400)
        return self._refuse(form, "unsupported_grant_type", "not supported", 400)

    def _document(self, grant: Grant) -> dict[str, Any]:
        return {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "user": grant.user,
            "canvas_region": "us-east-1",
            "expires_in": int(LIFETIME.total_seconds()),
        }

    def _refuse(self, form: Any, error: str, words: str, status: int) -> Response:
        if self.redirects_errors and form.get("redirect_uri"):
            return _redirect(form["redirect_uri"], {"error": error, "error_description": words})
        return _json({"error": error, "error_description": words}, status)

    def _forget(self, request: Request) -> Response:
        grant = self.grant_of(request)
        if grant is None:
            return self.invalid_token()
        grant.is_revoked = True
        return _json({})


def _redirect(address: str, parameters: dict[str, str]) -> Response:
    return redirect(f"{address}?{urlencode(parameters)}", 302)


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json; charset=utf-8")
