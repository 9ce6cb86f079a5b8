"""Every error this tool raises on purpose: one tree, each with a stable code.

``code`` is a public contract (support desks and other programs match on it), ``status`` is the HTTP status a
page answers with, ``retryable`` tells a job whether trying again can help. A message names the subject, the fact
and the remedy; never a token, a response body or a learner's data. The pages translate by ``code``
(``lti_tool/web/messages.py``), so the English text here is for logs and the command line.
"""

from collections.abc import Mapping


class ToolError(Exception):
    """Base of everything this tool raises on purpose."""

    code = "internal"
    status = 500
    retryable = False

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.code)
        if code is not None:
            self.code = code


class SettingsError(ToolError):
    """A setting is missing or cannot be used; the message names it and the remedy."""

    code = "settings_incomplete"


class NotFoundError(ToolError):
    """What was asked for does not exist, or is not for the one who asks."""

    code = "not_found"
    status = 404


class ForbiddenError(ToolError):
    """The role of this session does not allow the action."""

    code = "forbidden"
    status = 403


class InvalidInputError(ToolError):
    """A person or a program sent something that cannot be used; ``field`` names where."""

    code = "invalid_input"
    status = 422

    def __init__(self, message: str = "", *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class ConflictError(ToolError):
    """The state of things does not allow the action (any more)."""

    code = "conflict"
    status = 409


class RateLimitedError(ToolError):
    """Too many requests from one place."""

    code = "rate_limited"
    status = 429
    retryable = True


# -- the LTI launch (LTI 1.3 core, section 5.1; 1EdTech Security Framework 1.0, section 5.1) -------------------------


class LaunchError(ToolError):
    """A login or launch was refused."""

    code = "launch_refused"
    status = 403


class LaunchRequestError(LaunchError):
    """The login or launch request lacks a parameter or cannot be read."""

    code = "launch_request_invalid"
    status = 400


class UnknownPlatformError(LaunchError):
    """No registration has this issuer and client id."""

    code = "platform_unknown"


class PlatformDisabledError(LaunchError):
    """The registration was disabled by an admin."""

    code = "platform_disabled"


class PlatformRefusedError(LaunchError):
    """The platform answered the login with ``error=`` instead of an id_token; ``platform_error`` is its code."""

    code = "platform_refused_login"

    def __init__(self, message: str = "", *, platform_error: str | None = None) -> None:
        super().__init__(message)
        self.platform_error = platform_error


class LoginStateUnknownError(LaunchError):
    """The ``state`` was never given out, or is too old to be known."""

    code = "state_unknown"


class LoginStateConsumedError(LaunchError):
    """The ``state`` was used before: a replay."""

    code = "launch_replayed"


class LoginStateExpiredError(LaunchError):
    """The ``state`` is older than ten minutes."""

    code = "state_expired"


class ForeignBrowserError(LaunchError):
    """The ``state`` was given to another browser."""

    code = "browser_mismatch"


class CookiesBlockedError(LaunchError):
    """The cookie of this login did not come back; ``login_parameters`` begin the same login again at top level."""

    code = "cookies_blocked"

    def __init__(self, message: str = "", *, login_parameters: Mapping[str, str]) -> None:
        super().__init__(message)
        self.login_parameters = login_parameters


class NonceError(LaunchError):
    """The ``nonce`` is not the one that belongs to the ``state``."""

    code = "nonce_mismatch"


class TokenFormatError(LaunchError):
    """The id_token is not a signed JWT that can be read."""

    code = "token_malformed"
    status = 400


class TokenAlgorithmError(LaunchError):
    """The id_token is unsigned or signed with another algorithm than RS256."""

    code = "token_algorithm"


class TokenKeyError(LaunchError):
    """The id_token names a key that the platform does not publish."""

    code = "token_key_unknown"


class TokenSignatureError(LaunchError):
    """The signature does not fit."""

    code = "token_signature"


class TokenExpiredError(LaunchError):
    """``exp`` is past, beyond the leeway."""

    code = "token_expired"


class TokenTimeError(LaunchError):
    """``iat`` is in the future or too old."""

    code = "token_time"


class TokenClaimError(LaunchError):
    """A required claim is missing or has a wrong form; ``code`` says which."""

    code = "token_claim"


class TokenAudienceError(LaunchError):
    """``aud`` does not name this tool."""

    code = "token_audience"


class TokenPartyError(LaunchError):
    """``azp`` names another party, or is missing where several audiences are named."""

    code = "token_party"


class TokenIssuerError(LaunchError):
    """``iss`` is not the issuer this login began with."""

    code = "token_issuer"


class TargetLinkError(LaunchError):
    """``target_link_uri`` points to another host than this tool."""

    code = "target_link_foreign"


class DeploymentPendingError(LaunchError):
    """The deployment is not known yet; an admin has to accept it."""

    code = "deployment_pending"


class DeploymentDisabledError(LaunchError):
    """The deployment was refused or disabled by an admin."""

    code = "deployment_disabled"


class MessageTypeError(LaunchError):
    """The launch carries a message this tool does not serve."""

    code = "message_unsupported"
    status = 400


class SessionExpiredError(ToolError):
    """The launch session ended; launching again from the course helps."""

    code = "session_expired"
    status = 401


# -- services of platforms, backpacks and other hosts --------------------------------------------------------------


class OutboundError(ToolError):
    """Another host could not be used."""

    code = "host_unavailable"
    status = 502
    retryable = True


class AddressRefusedError(OutboundError):
    """The address is not one this tool may call (scheme, private network, redirect, foreign origin)."""

    code = "address_refused"
    retryable = False


class AnswerTooLargeError(OutboundError):
    """The answer is larger than the limit of this call."""

    code = "answer_too_large"
    retryable = False


class PlatformServiceError(OutboundError):
    """The platform answered an LTI Advantage request with a failure; ``http_status`` says which, if any."""

    code = "platform_unavailable"

    def __init__(self, message: str = "", *, code: str | None = None, http_status: int | None = None) -> None:
        super().__init__(message, code=code)
        self.http_status = http_status


class PlatformAnswerError(PlatformServiceError):
    """The platform answered something that is not what the standard says (HTML, wrong shape, endless pages)."""

    code = "platform_answer_malformed"
    retryable = False


class PlatformThrottledError(PlatformServiceError):
    """The platform asks to slow down; ``retry_after`` in seconds when it says how long."""

    code = "platform_throttled"

    def __init__(self, message: str = "", *, retry_after: float | None = None, http_status: int | None = None) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after = retry_after


class ServiceRefusedError(PlatformServiceError):
    """The platform refuses this request for good; ``code`` says what it refused (token, access, not found)."""

    code = "platform_refused"
    retryable = False


class MissingScopeError(PlatformServiceError):
    """The platform has not granted this tool the scope it needs."""

    code = "missing_scope"
    status = 409
    retryable = False


class BackpackError(OutboundError):
    """A backpack could not take or show a credential; ``retry_after`` in seconds when it says how long to wait."""

    code = "backpack_unavailable"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.http_status = http_status
        self.retry_after = retry_after


class BackpackThrottledError(BackpackError):
    """The backpack asks to slow down."""

    code = "backpack_throttled"


class BackpackAnswerError(BackpackError):
    """The backpack answered something that is not what the standard says (HTML, wrong shape, endless pages)."""

    code = "backpack_answer_malformed"
    retryable = False


class BackpackRefusedError(BackpackError):
    """The backpack refused for good."""

    code = "backpack_refused"
    retryable = False


class BackpackConsentError(BackpackError):
    """The learner's consent is missing, ended or was not given; connecting again helps."""

    code = "backpack_consent_needed"
    retryable = False


class BackpackAlteredError(BackpackError):
    """What the backpack shows is not what was sent."""

    code = "backpack_altered"
    retryable = False


# -- badges ---------------------------------------------------------------------------------------------------------


class RuleError(InvalidInputError):
    """A rule or mapping cannot be used; the message names the clause."""

    code = "rule_invalid"


class NotClaimableError(ConflictError):
    """The award cannot be claimed (lapsed, revoked, held, a test user …); ``code`` says why."""

    code = "not_claimable"


class IssuingError(ToolError):
    """A credential could not be composed, signed or verified; nothing was stored."""

    code = "issuing_failed"


class CredentialInvalidError(ToolError):
    """A document is not a credential this tool can read, or a check on it failed."""

    code = "credential_invalid"
    status = 422


class SubjectNotBoundError(ConflictError):
    """The credential has no subject id, so the JWT form does not exist for it."""

    code = "subject_not_bound"


class PictureError(InvalidInputError):
    """The picture cannot be used (format, size, dimensions)."""

    code = "picture_invalid"
