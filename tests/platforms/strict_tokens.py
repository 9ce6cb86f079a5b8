"""The strict platform's token endpoint (1EdTech Security Framework 1.0, section 4.1; RFC 7523)."""

import json
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from platforms.quirks import Quirks
from werkzeug.wrappers import Request, Response

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LINE_ITEM, LINE_ITEM_READ, RESULT_READ = (AGS + name for name in ("lineitem", "lineitem.readonly", "result.readonly"))
SCORE = AGS + "score"
SCOPES = {LINE_ITEM, LINE_ITEM_READ, RESULT_READ, SCORE}
MEMBERSHIP_READ = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION = 300


@dataclass(slots=True)
class Issued:
    """An access token."""

    scopes: frozenset[str]
    ends_at: float
    client_id: str
    """Whom it was given to; another client's token opens nothing."""


@dataclass(slots=True, kw_only=True)
class Registrant:
    """A client that registered itself, and what it may do."""

    client_id: str
    jwks_url: str | None = None
    scopes: set[str] = field(default_factory=set)
    is_active: bool = True


class TokenEndpoint:
    """Gives out tokens to whoever proves, to the letter, to be the client in use or one that registered itself."""

    base_url: str

    def __init__(self, quirks: Quirks, client_id: str, clock: Callable[[], float]) -> None:
        self.quirks, self.client_id, self.clock = quirks, client_id, clock
        self.granted_scopes = SCOPES | {MEMBERSHIP_READ}
        self.tool_keys: Callable[[], Mapping[str, Any]] | None = None
        self.tool_jwks_url: str | None = None
        self.clients: dict[str, Registrant] = {}
        """Who registered, by client id; ``client_id`` is the client in use."""
        self.tokens: dict[str, Issued] = {}
        self.token_lifetime = 3600
        self.token_reply: dict[str, Any] = {}
        """Replaces fields of the token answer; ``None`` leaves one out."""
        self.token_scopes: Counter[str] = Counter()
        """How many tokens were given out for each scope set."""
        self._assertions: set[str] = set()

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return f"{self.base_url}/token"

    def end_tokens(self) -> None:
        """Make every token given out so far useless."""
        self.tokens.clear()

    def answer_token(self, request: Request) -> Response:
        form = request.form
        if request.mimetype != "application/x-www-form-urlencoded" or form.get("grant_type") != "client_credentials":
            return self._error("unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return self._error("invalid_request")
        client = self._proven(form.get("client_assertion", ""))
        if client is None or not client.is_active:
            return self._error("invalid_client")
        wanted = set(form.get("scope", "").split())
        allowed = wanted & client.scopes
        if not allowed or (allowed != wanted and not self.quirks.drops_scopes_silently):
            return self._error("invalid_scope")
        text = uuid.uuid4().hex
        self.tokens[text] = Issued(frozenset(allowed), self.clock() + self.token_lifetime, client.client_id)
        self.token_scopes[" ".join(sorted(wanted))] += 1
        reply = {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": self.token_lifetime,
            "scope": " ".join(sorted(allowed)),
        } | self.token_reply
        return self._answer_json({key: value for key, value in reply.items() if value is not None}, 200)

    def _error(self, error: str) -> Response:
        return self._answer_json({"error": error, "error_description": "secret detail"}, 400)

    def _answer_json(self, document: Mapping[str, Any], status: int) -> Response:
        return Response(json.dumps(document), status, content_type=self.quirks.token_content_type)

    def _named(self, client_id: str) -> Registrant:
        """The client of this id; raises ``KeyError``."""
        if client_id != self.client_id:
            return self.clients[client_id]
        is_active = client_id not in self.clients or self.clients[client_id].is_active
        return Registrant(client_id=client_id, scopes=self.granted_scopes, is_active=is_active)

    def _proven(self, assertion: str) -> Registrant | None:
        """Who made this assertion.

        iss = sub = client id, exact ``aud``, at most five minutes, no leeway, ``jti`` once, RS256, a known kid.
        """
        try:
            kid = jwt.get_unverified_header(assertion)["kid"]
            client = self._named(jwt.decode(assertion, options={"verify_signature": False})["iss"])
            key = next(jwk for jwk in self.tool_key_set(client)["keys"] if jwk["kid"] == kid)
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(key, algorithm="RS256"),
                algorithms=["RS256"],
                audience=self.quirks.token_audience or self.token_url,
                issuer=client.client_id,
                options={
                    "require": ["iss", "sub", "aud", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidTokenError, StopIteration, KeyError):
            return None
        now, issued_at, ends_at = self.clock(), claims["iat"], claims["exp"]
        lasts = now < ends_at <= min(now, issued_at) + LONGEST_ASSERTION and issued_at <= now
        is_new = claims["jti"] not in self._assertions
        self._assertions.add(claims["jti"])
        is_good = claims["sub"] == client.client_id and isinstance(claims["aud"], str) and lasts and is_new
        return client if is_good else None

    def tool_key_set(self, client: Registrant | None = None) -> Mapping[str, Any]:
        """The key set of a client: of the one in use, unless named."""
        url = client.jwks_url if client and client.jwks_url else self.tool_jwks_url
        if self.tool_keys is not None and (client is None or client.jwks_url is None):
            return self.tool_keys()
        if url is None:
            return {"keys": []}
        with urllib.request.urlopen(url, timeout=5) as answer:
            document: Mapping[str, Any] = json.load(answer)
        return document
