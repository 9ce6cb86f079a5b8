"""How often one address may ask. Kept in memory, so for each process by itself: a brake, not a count."""

from typing import Final

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse

limiter = Limiter(get_remote_address, storage_uri="memory://")

FAILED_LOGINS: Final = parse("600 per minute")
"""Logins of one address that may fail: a whole school can be behind one address, and logins that work do not count."""
FAILED_NOTICES: Final = parse("120 per minute")
"""Requests with notices of one address that may fail."""


def set_up(app: Flask) -> None:
    """Let views of ``app`` have limits, without looking for one before and after each request of the whole tool.

    The extension adds such hooks unless it finds itself listed. A view under ``limiter.limit`` asks by itself.
    """
    app.extensions.setdefault("limiter", set()).add(limiter)
    limiter.init_app(app)


def too_many_failed_notices() -> bool:
    """Count one more request whose notices were not sound; whether its address had too many within a minute."""
    return not limiter.limiter.hit(FAILED_NOTICES, "failed_notice", get_remote_address())


def too_many_failed_logins() -> bool:
    """Count one more login that failed; whether its address had too many within a minute."""
    return not limiter.limiter.hit(FAILED_LOGINS, "failed_login", get_remote_address())
