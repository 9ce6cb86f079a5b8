"""Failures of other hosts: platforms, backpacks, issuers."""

from lti_tool.errors.base import ToolError


class OutboundError(ToolError):
    """Another host could not be used."""

    code = "host_unavailable"
    status = 502
    retryable = True


class HostUnreachableError(OutboundError):
    """No connection to the host could be made, so nothing was sent."""


class AddressRefusedError(OutboundError):
    """The address is not one this tool may call (scheme, private network, redirect, foreign origin)."""

    code = "address_refused"
    retryable = False


class AnswerTooLargeError(OutboundError):
    """The answer is larger than the limit of this call."""

    code = "answer_too_large"
    retryable = False


class PlatformServiceError(OutboundError):
    """The platform answered an LTI Advantage request with a failure; ``http_status`` says which, if any.

    ``retry_after``: seconds to wait before trying again, where that is known.
    """

    code = "platform_unavailable"

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


class PlatformAnswerError(PlatformServiceError):
    """The platform answered something that is not what the standard says (HTML, wrong shape, endless pages)."""

    code = "platform_answer_malformed"
    retryable = False


class PlatformThrottledError(PlatformServiceError):
    """The platform asks to slow down; ``retry_after`` in seconds when it says how long."""

    code = "platform_throttled"


class PlatformUnreachableError(PlatformServiceError):
    """The platform failed again and again and is left alone for ``retry_after`` seconds; nothing was sent."""

    code = "platform_unreachable"


class ServiceRefusedError(PlatformServiceError):
    """The platform refuses this request for good; ``code`` says what it refused (token, access, not found)."""

    code = "platform_refused"
    retryable = False


class ScoreOutdatedError(ServiceRefusedError):
    """The platform has a score of this or a later time; send again with a later one if this score is the newest."""

    code = "score_outdated"


class ScoreRefusedError(ServiceRefusedError):
    """This person cannot have a score in this line item: no learner of the course, no attempt left, course closed."""

    code = "score_refused"


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
    status = 409
    retryable = False


class BackpackAlteredError(BackpackError):
    """What the backpack shows is not what was sent."""

    code = "backpack_altered"
    retryable = False
