"""The demo LMS's keys and tokens, a thin layer over the independent package ``lti1p3platform``.

The package makes the JWKS and the access token and checks the signature of the tool's assertion. What it leaves out
and a careful platform must do is added here: the assertion's ``iss``, ``sub``, ``aud``, ``exp``, ``iat`` and ``jti``
(1EdTech Security Framework 1.0, section 4.1.1), and 403 for a good token without the scope.
"""

from collections.abc import Mapping
from typing import Any

import jwt
from flask import Request as FlaskRequest
from lti1p3platform.exceptions import LtiException, LtiServiceException
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.request import Request as PackageRequest

from lti_tool.demo.lms_site import CLIENT_ID, DEPLOYMENT_ID, LEEWAY_SECONDS, OAuthError, Site

ASSERTION_SECONDS = 600


class PackagedRequest(PackageRequest):  # type: ignore[misc]
    """A Flask request in the package's words; ``query`` replaces its query (page numbers as integers)."""

    def __init__(self, request: FlaskRequest, query: Mapping[str, Any] | None = None) -> None:
        self._query = query
        super().__init__(request)

    def build_metadata(self, request: FlaskRequest) -> dict[str, Any]:
        """Return the parts of the request the package reads."""
        return {
            "method": request.method,
            "form_data": request.form.to_dict(),
            "get_data": dict(self._query) if self._query is not None else request.args.to_dict(),
            "headers": request.headers,
            "content_type": request.content_type,
            "path": request.path,
            "json": request.get_json(force=True, silent=True) if request.data else None,
        }


class PlatformConf(LTI1P3PlatformConfAbstract):  # type: ignore[misc]
    """One platform configuration for one request: the package keeps the token under work in it, so it is not shared.

    That also means that the tool's JWKS is fetched for every token request, and a rotated key works at once.
    """

    def init_platform_config(self, *, site: Site) -> None:
        """Take the site (called by the package's constructor)."""
        self.site = site
        self._registration = self.get_registration_by_params()

    def get_registration_by_params(self, **_kwargs: Any) -> Registration:
        """Return the tool's registration."""
        site = self.site
        registration = Registration()
        registration.set_iss(site.base_url).set_client_id(CLIENT_ID).set_deployment_id(DEPLOYMENT_ID)
        registration.set_launch_url(site.launch_url).set_oidc_login_url(f"{site.tool_url}/lti/login")
        registration.set_tool_key_set_url(f"{site.tool_url}/lti/jwks")
        registration.set_platform_private_key(site.private_key_pem).set_platform_public_key(site.public_key_pem)
        return registration

    def tool_validate_and_decode(self, jwt_token_string: str) -> dict[str, Any]:
        """Check the assertion: the signature (the package), then the claims. Raises ``OAuthError``."""
        try:
            claims: dict[str, Any] = super().tool_validate_and_decode(jwt_token_string)
        except (LtiException, jwt.PyJWTError, KeyError, TypeError, AttributeError) as error:
            raise OAuthError("invalid_client", f"The assertion cannot be verified ({type(error).__name__}).") from error
        self._check_assertion(claims)
        return claims

    def _check_assertion(self, claims: dict[str, Any]) -> None:
        audience = claims.get("aud")
        now = self.site.now().timestamp()
        issued_at, expires_at, jti = claims.get("iat"), claims.get("exp"), claims.get("jti")
        problem = None
        if claims.get("iss") != CLIENT_ID or claims.get("sub") != CLIENT_ID:
            problem = "iss and sub must be the client_id"
        elif self.site.token_url not in (audience if isinstance(audience, list) else [audience]):
            problem = "aud must be the token URL"
        elif not isinstance(issued_at, int | float) or not isinstance(expires_at, int | float):
            problem = "iat and exp are required"
        elif expires_at < now - LEEWAY_SECONDS or issued_at > now + LEEWAY_SECONDS:
            problem = "the assertion is not valid at this time"
        elif expires_at - issued_at > ASSERTION_SECONDS:
            problem = f"the assertion may live {ASSERTION_SECONDS} s at most"
        elif not isinstance(jti, str) or not jti or not self.site.spend_jti(jti, expires_at):
            problem = "jti is required and can be used once"
        if problem:
            raise OAuthError("invalid_client", f"Assertion refused: {problem}.")

    def validate_token(self, token: str, allowed_scopes: list[str] | None = None, audience: str | None = None) -> bool:
        """Check an access token; a good token without the scope is 403, which the package does not tell from 401."""
        try:
            if not super().validate_token(token, None, audience):
                return False
        except (LtiException, jwt.PyJWTError):
            return False
        if allowed_scopes and not super().validate_token(token, allowed_scopes, audience):
            raise LtiServiceException("The token does not have the scope for this", 403)
        return True
