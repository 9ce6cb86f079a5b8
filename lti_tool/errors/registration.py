"""Errors of installing: what is wrong with an invite, a platform's configuration, or its answer to a registration."""

from lti_tool.errors.base import InvalidInputError, ToolError


class RegistrationError(ToolError):
    """A registration that a platform began cannot be completed (LTI Dynamic Registration 1.0); the invite stays."""

    code = "registration_failed"
    status = 502


class ConfigurationError(RegistrationError, InvalidInputError):
    """The platform's configuration cannot be used; ``field`` names the member that is missing or wrong, if one is."""

    code = "configuration_invalid"
    status = 400


class RegistrationRejectedError(RegistrationError):
    """The platform refused to register this tool; nothing was created there. ``platform_error`` is its code, if any."""

    code = "registration_rejected"

    def __init__(self, message: str = "", *, code: str | None = None, platform_error: str | None = None) -> None:
        super().__init__(message, code=code)
        self.platform_error = platform_error


class RegistrationUnansweredError(RegistrationError):
    """The platform was asked to register this tool and gave no usable answer; it may have created an entry."""

    code = "registration_unanswered"
