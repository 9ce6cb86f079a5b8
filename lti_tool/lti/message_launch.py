"""PyLTI1p3's message launch with every check that it lacks.

The library (2.0.0) accepts replays, foreign nonces, tokens without ``exp`` and tokens made for another party, fetches
keys without limits, and keeps launches in the browser's session. Here its frame, its registration and deployment
look-ups and its message validators are used; state, key, signature, party, time and nonce checks are this tool's.
Nothing outside ``lti_tool/lti`` sees the library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pylti1p3.cookie import CookieService
from pylti1p3.exception import LtiException
from pylti1p3.message_launch import MessageLaunch, TJwtData
from pylti1p3.message_validators.deep_link import DeepLinkMessageValidator
from pylti1p3.message_validators.resource_message import ResourceMessageValidator
from pylti1p3.message_validators.submission_review import SubmissionReviewLaunchValidator
from pylti1p3.request import Request
from pylti1p3.session import SessionService

from lti_tool.db import Database
from lti_tool.errors import CookiesBlockedError, LaunchRequestError, MessageTypeError, TargetLinkError, TokenClaimError
from lti_tool.lti import claims as names
from lti_tool.lti import deep_linking, id_token, login_state
from lti_tool.lti.addresses import AddressPolicy, is_under
from lti_tool.lti.claims import SignedClaims, claim_error, identifier, mapping
from lti_tool.lti.known_platforms import KnownPlatforms
from lti_tool.lti.login_state import ConsumedLogin
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.tool_config import Platform, ToolConfig
from lti_tool.lti.verified_launch import VerifiedLaunch, read_launch, subject
from lti_tool.lti.written_launch import written

SERVED = {
    names.RESOURCE_LINK_REQUEST: ResourceMessageValidator(),
    names.DEEP_LINKING_REQUEST: DeepLinkMessageValidator(),
    names.SUBMISSION_REVIEW_REQUEST: SubmissionReviewLaunchValidator(),
}
"""Message types this tool serves, each with the library's validator."""


NO_CLIENT = cast(Any, object())
"""What the library gets for a ``requests`` session: it must not make requests."""


@dataclass(frozen=True, slots=True)
class LaunchSurroundings:
    """What a launch is checked against: the same for all launches of a process."""

    database: Database
    platforms: KnownPlatforms
    platform_keys: PlatformKeys
    public_url: str
    addresses: AddressPolicy


class LaunchRequest(Request):
    """The form a platform made the browser post."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form

    @property
    def session(self) -> dict[str, object]:
        """An empty session: nothing of a launch is kept in the browser."""
        return {}

    def is_secure(self) -> bool:
        """Return ``True``: cookies are set by the web edge, always Secure."""
        return True

    def get_param(self, key: str) -> str:
        """Return a field of the form, empty when it is absent."""
        return self._form.get(key, "")


class LaunchCookies(CookieService):
    """The cookies that came with the form."""

    def __init__(self, cookies: Mapping[str, str]) -> None:
        self._cookies = cookies

    def get_cookie(self, name: str) -> str | None:
        """Return a cookie's value, ``None`` when it did not come."""
        return self._cookies.get(name)

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        """Refuse: the web edge sets cookies, the library never does."""
        raise NotImplementedError


class ToolMessageLaunch(MessageLaunch[LaunchRequest, ToolConfig, SessionService, LaunchCookies]):
    """One launch; ``verified()`` runs all checks in the order of the standard and returns its values."""

    def __init__(
        self, surroundings: LaunchSurroundings, form: Mapping[str, str], cookies: Mapping[str, str], now: datetime
    ) -> None:
        request = LaunchRequest(form)
        super().__init__(
            request,
            ToolConfig(surroundings.platforms.deployment),
            session_service=SessionService(request),
            cookie_service=LaunchCookies(cookies),
            requests_session=NO_CLIENT,
        )
        self._surroundings = surroundings
        self._now = now
        self._login: ConsumedLogin | None = None
        self._blocked: CookiesBlockedError | None = None
        self._claims = SignedClaims({})

    @property
    def platform(self) -> Platform:
        """The platform this login began with."""
        return self._tool_config.platform

    def verified(self) -> VerifiedLaunch:
        """Run every check and return the launch; raises ``LaunchError``, the state being used up whatever happens.

        A missing cookie is raised last, with the launch as text, so that it can wait for another proof.
        """
        try:
            self.validate()
        except LtiException as error:  # a check of the library that the ones here do not foresee
            raise TokenClaimError(f"The launch is not valid: {error}") from None
        deployment = self._tool_config.deployment
        if deployment is None:
            raise AssertionError("the deployment was not checked")
        skew = round(float(str(self._claims["iat"])) - self._now.timestamp())
        launch = read_launch(self._claims, self.platform, deployment, self._surroundings.addresses, skew)
        if self._blocked is not None:
            self._blocked.waiting = written(launch)
            raise self._blocked
        return launch

    def validate(self) -> "ToolMessageLaunch":
        """Run every check, in the order of the standard; each raises its own ``LaunchError``."""
        self._validated = True  # or the library would validate again whenever it reads the body
        try:
            (
                self.validate_state()
                .validate_jwt_format()
                .validate_jwt_signature()
                .validate_registration()
                .validate_times()
                .validate_nonce()
                .validate_deployment()
                .validate_message()
            )
        except Exception:
            self._validated = False
            raise
        return self

    def _get_request_param(self, key: str) -> str:
        return self._request.get_param(key)

    def get_client_id(self) -> str:
        """Return the client id of the registration; the library takes the first audience, which may be another's."""
        return self.platform.client_id

    def validate_state(self) -> "ToolMessageLaunch":
        """Use the state up, committed, then check the browser; without a cookie the other checks go on."""
        state = self._get_request_param("state")
        if not state:
            raise LaunchRequestError("The launch has no state.", code="state_missing")
        with self._surroundings.database.write_singly() as connection:
            login = login_state.consume(connection, state, self._now)
        if login.is_disabled:
            self._surroundings.platforms.forget()
        platform = self._surroundings.platforms.of_registration(login.registration_id)
        try:
            login_state.check_browser(login, self._cookie_service.get_cookie(login_state.cookie_name(state)))
        except CookiesBlockedError as blocked:
            self._blocked = blocked
        self._login = login
        self._tool_config.choose(platform)
        return self

    def validate_jwt_format(self) -> "ToolMessageLaunch":
        """Read the header: RS256 and a named key, nothing else."""
        token = self._get_request_param("id_token")
        if not token:
            raise LaunchRequestError("The launch has no id_token.", code="id_token_missing")
        self._jwt = cast(TJwtData, {"header": id_token.read_header(token)})
        return self

    def validate_jwt_signature(self) -> "ToolMessageLaunch":
        """Verify the signature with the platform's published key; only then there are claims to read."""
        key = self._surroundings.platform_keys.find(self.platform.registration_id, self._jwt["header"]["kid"])
        self._claims = id_token.verify_signature(self._get_id_token(), key)
        self._jwt = cast(TJwtData, {**self._jwt, "body": self._claims})
        return self

    def validate_registration(self) -> "ToolMessageLaunch":
        """Check issuer, audience and party, then let the library find its registration."""
        id_token.check_parties(self._claims, self.platform.issuer, self.platform.client_id)
        super().validate_registration()
        return self

    def validate_times(self) -> "ToolMessageLaunch":
        """Check ``exp`` and ``iat``."""
        id_token.check_times(self._claims, self._now)
        return self

    def validate_nonce(self) -> "ToolMessageLaunch":
        """Check that the nonce belongs to the state, with which it was used up."""
        if self._login is None:
            raise AssertionError("the state was not checked")
        id_token.check_nonce(self._claims, self._login.nonce_hash)
        return self

    def validate_deployment(self) -> "ToolMessageLaunch":
        """Find the deployment, or learn it, through the library's look-up."""
        identifier(self._claims.get(names.DEPLOYMENT_ID), "deployment_id")
        super().validate_deployment()
        return self

    def validate_message(self) -> "ToolMessageLaunch":
        """Check the claims every message needs, then let the library's validator check the message."""
        claims = self._claims
        if claims.get(names.VERSION) != "1.3.0":
            raise claim_error("version", "is not 1.3.0")
        message_type = claims.get(names.MESSAGE_TYPE)
        if message_type is None:
            raise claim_error("message_type", "is missing")
        validator = SERVED.get(message_type) if isinstance(message_type, str) else None
        if validator is None:
            raise MessageTypeError("This tool does not serve this kind of launch.")
        if not isinstance(claims.get(names.ROLES), list):
            raise claim_error("roles", "is missing or not a list")
        target = claims.get(names.TARGET_LINK_URI)
        if not isinstance(target, str) or not target:
            raise claim_error("target_link_uri", "is missing")
        if not is_under(target, self._surroundings.public_url):
            raise TargetLinkError("The launch leads to an address that is not this tool's.")
        # anonymous launches are legal in LTI 1.3; the validator wants a sub, so it is shown a placeholder
        validator.validate({**claims, "sub": subject(claims) or "anonymous", **self._message_claims(message_type)})
        return self

    def _message_claims(self, message_type: object) -> dict[str, object]:
        """Check the claims of one kind of message; returns what the library's validator has to see otherwise."""
        claims, addresses = self._claims, self._surroundings.addresses
        if message_type == names.DEEP_LINKING_REQUEST:
            settings = deep_linking.read_settings(claims, addresses)
            if not settings.accepts_links:
                raise MessageTypeError("Links to this tool cannot be put there.", code="content_unsupported")
            # an empty list of targets is valid, the validator does not know that
            sent = mapping(claims[names.DEEP_LINKING_SETTINGS])
            targets = sent["accept_presentation_document_targets"] or ["iframe"]
            return {names.DEEP_LINKING_SETTINGS: {**sent, "accept_presentation_document_targets": targets}}
        if message_type == names.SUBMISSION_REVIEW_REQUEST:
            identifier(mapping(claims.get(names.FOR_USER)).get("user_id"), "for_user")
            if addresses.usable(mapping(claims.get(names.AGS_ENDPOINT)).get("lineitem")) is None:
                raise claim_error("lineitem", "is missing or not an https address")
            return {}
        link = claims.get(names.RESOURCE_LINK)
        identifier(link.get("id") if isinstance(link, dict) else None, "resource_link")
        return {}

    def save_launch_data(self) -> "ToolMessageLaunch":
        """Keep nothing: a launch lives on in the database, not in the browser's session."""
        return self
