"""Failures of a platform's own API: leave to read it that is missing, refused or too narrow, and consents that fail."""

from lti_tool.errors.base import InvalidInputError, ToolError
from lti_tool.errors.hosts import PlatformServiceError


class GrantError(PlatformServiceError):
    """A platform's API may not be read; ``code`` says why, and somebody has to do something about it.

    ``api_not_set_up``, ``api_disabled``, ``grant_missing``: nobody granted it. ``grant_refused``: it was withdrawn, or
    its account is disabled. ``client_refused``: the platform no longer knows this tool's key. ``grant_narrowed``: less
    is allowed than what was granted. ``grant_not_allowed``: the account may not see the grades of this course.
    """

    code = "grant_refused"
    status = 409
    retryable = False


class ConsentError(ToolError):
    """A consent on a platform could not be completed; ``code`` says why. Beginning again helps.

    ``consent_state_mismatch``, ``consent_denied``, ``consent_scopes_refused``, ``consent_failed``.
    """

    code = "consent_failed"
    status = 403


class LiveEventError(InvalidInputError):
    """An event of a platform's stream is not sound; nothing of it is believed.

    ``event_malformed``, ``event_key_unknown``, ``event_signature``.
    """

    code = "event_malformed"
    status = 401
