"""What belongs to the running application and to the request at hand."""

import re
import secrets
from typing import TYPE_CHECKING, cast

from flask import current_app, g, request

if TYPE_CHECKING:
    from lti_tool.wiring import Services

SERVICES = "lti_tool"
_SANE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def services() -> "Services":
    """Return the services the application was made with."""
    return cast("Services", current_app.extensions[SERVICES])


def request_id() -> str:
    """Return this request's id, for log lines, pages and support; a proxy's ``X-Request-Id`` is kept when sane."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
    return cast("str", g.request_id)


def nonce() -> str:
    """Return the nonce that this response's Content-Security-Policy allows scripts to carry."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return cast("str", g.nonce)


def wants_json() -> bool:
    """Whether the one who asks is a program: ``Accept`` prefers JSON over a page."""
    known = ["text/html", "application/json", "application/ld+json", "application/vc+ld+json", "application/vc"]
    return request.accept_mimetypes.best_match(known, "text/html") != "text/html"
