"""The root of the tree, and errors any part may raise."""


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


class GradebookRefusedError(InvalidInputError):
    """A gradebook file that cannot be used; ``line`` is where, counted from 1, if it is one place."""

    code = "gradebook_unknown"

    def __init__(self, message: str = "", *, code: str | None = None, line: int | None = None) -> None:
        super().__init__(message, code=code, field="file")
        self.line = line


class ConflictError(ToolError):
    """The state of things does not allow the action (any more)."""

    code = "conflict"
    status = 409


class RateLimitedError(ToolError):
    """Too many requests from one place."""

    code = "rate_limited"
    status = 429
    retryable = True
