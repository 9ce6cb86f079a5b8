"""The strict platform's token endpoint (1EdTech Security Framework 1.0, section 4.1; RFC 7523)."""

import json
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from platforms.quirks import Quirks
from werkzeug.wrappers import Request, Response

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LINE_ITEM, LINE_ITEM_READ, RESULT_READ = (AGS + name for name in ("lineitem", "lineitem.readonly", "result.readonly"))
SCOPES = {LINE_ITEM, LINE_ITEM_READ, RESULT_READ, AGS + "score"}
MEMBERSHIP_READ = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION = 300


@dataclass(slots=True)
class Issued:
    """An access token."""

    scopes: frozenset[str]
    ends_at: float


class TokenEndpoint:
    """Gives out tokens to whoever proves, to the letter, to be the one client."""

    base_url: str

    def __init__(self, quirks: Quirks, client_id: str, clock: Callable[[], float]) -> None:
        self.quirks, self.client_id, self.clock = quirks, client_id, clock
        self.granted_scopes = SCOPES | {MEMBERSHIP_READ}
        self.tool_keys: Callable[[], Mapping[str, Any]] | None = None
        self.tool_jwks_url: str | None = None
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
        if not self._is_good_assertion(form.get("client_assertion", "")):
            return self._error("invalid_client")
        wanted = set(form.get("scope", "").split())
        allowed = wanted & self.granted_scopes
        if not allowed or (allowed != wanted and not self.quirks.drops_scopes_silently):
            return self._error("invalid_scope")
        text = uuid.uuid4().hex
        self.tokens[text] = Issued(frozenset(allowed), self.clock() + self.token_lifetime)
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

    def _is_good_assertion(self, assertion: str) -> bool:
        """iss = sub = client id, exact ``aud``, at most five minutes, no leeway, ``jti`` once, RS256, a known kid."""
        try:
            kid = jwt.get_unverified_header(assertion)["kid"]
            key = next(jwk for jwk in self._tool_key_set()["keys"] if jwk["kid"] == kid)
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(key, algorithm="RS256"),
                algorithms=["RS256"],
                audience=self.quirks.token_audience or self.token_url,
                issuer=self.client_id,
                options={
                    "require": ["iss", "sub", "aud", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidTokenError, StopIteration, KeyError):
            return False
        now, issued_at, ends_at = self.clock(), claims["iat"], claims["exp"]
        lasts = now < ends_at <= min(now, issued_at) + LONGEST_ASSERTION and issued_at <= now
        is_new = claims["jti"] not in self._assertions
        self._assertions.add(claims["jti"])
        return claims["sub"] == self.client_id and isinstance(claims["aud"], str) and lasts and is_new

    def _tool_key_set(self) -> Mapping[str, Any]:
        if self.tool_keys is not None:
            return self.tool_keys()
        if self.tool_jwks_url is None:
            return {"keys": []}
        with urllib.request.urlopen(self.tool_jwks_url, timeout=5) as answer:
            document: Mapping[str, Any] = json.load(answer)
        return document
