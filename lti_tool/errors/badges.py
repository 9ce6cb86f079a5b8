"""Refusals about rules, claims, credentials and pictures."""

from lti_tool.errors.base import ConflictError, InvalidInputError, ToolError


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
