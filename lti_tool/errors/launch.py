"""Refusals of an LTI login or launch (LTI 1.3 core, 5.1; 1EdTech Security Framework 1.0, 5.1)."""

from collections.abc import Mapping

from lti_tool.errors.base import ToolError


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
    """The cookie of this login did not come back; ``login_parameters`` begin the same login again at top level.

    ``waiting`` is the launch, every other check passed, as text that waits for another proof; ``None`` before that.
    """

    code = "cookies_blocked"

    def __init__(self, message: str = "", *, login_parameters: Mapping[str, str], waiting: str | None = None) -> None:
        super().__init__(message)
        self.login_parameters = login_parameters
        self.waiting = waiting


class ProofMissingError(LaunchError):
    """A launch that waits for proof was asked for without any: no cookie came, and no value."""

    code = "proof_missing"


class ProofWrongError(LaunchError):
    """A cookie or value was shown that is not the one this login gave out."""

    code = "proof_wrong"


class ProofAttemptsError(LaunchError):
    """Too many wrong proofs were shown for one launch; it cannot be proven any more."""

    code = "proof_attempts"


class LaunchTicketExpiredError(LaunchError):
    """The launch that waited for proof was never there, or waited too long."""

    code = "ticket_expired"


class LaunchTicketSpentError(LaunchError):
    """The launch that waited for proof was proven before: its ticket works once."""

    code = "ticket_spent"


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


class DeploymentUnknownError(LaunchError):
    """A notice came from a deployment that no launch ever came from."""

    code = "deployment_unknown"


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
