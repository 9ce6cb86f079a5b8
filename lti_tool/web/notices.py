"""Notices that platforms send (Platform Notification Service 1.0).

All notices of a request are verified before anything is stored: one that is not sound refuses the request. Platforms
do not send again (Canvas: vendor document, 2026), so what is sound is stored at once and acted upon once.
"""

import json

import structlog
from flask import Blueprint, Response, jsonify, request

from lti_tool.errors import InvalidInputError, LaunchError, RateLimitedError
from lti_tool.services import platform_notices
from lti_tool.web import rates
from lti_tool.web.access import machine
from lti_tool.web.current import request_id, services

blueprint = Blueprint("notices", __name__, url_prefix="/lti")
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

LARGEST = 256 * 1024
MOST = 50
"""Notices of one request."""


@blueprint.post("/notices")
@machine
def receive() -> Response:
    """Take ``{"notices": [{"jwt": …}]}``; answers 200, or 400 with a stable code when one of them is not sound."""
    try:
        verified = [services().notices.read(token) for token in _tokens()]
    except (LaunchError, InvalidInputError) as error:
        log.info("notice.refused", error_code=error.code, detail=str(error), request_id=request_id())
        if rates.too_many_failed_notices():
            return _answer({"error": RateLimitedError.code}, RateLimitedError.status)
        return _answer({"error": error.code, "request_id": request_id()}, 400)
    with services().database.write() as session:
        new = platform_notices.receive(session, verified, services().clock())
    return _answer({"received": len(verified), "new": new}, 200)


def _tokens() -> list[str]:
    """Return the JWTs of the request; raises ``InvalidInputError`` (``notices_invalid``, ``notices_too_large``)."""
    if (request.content_length or 0) > LARGEST:
        raise InvalidInputError("There is too much in one request.", code="notices_too_large")
    body = request.stream.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise InvalidInputError("There is too much in one request.", code="notices_too_large")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    notices = document.get("notices") if isinstance(document, dict) else None
    if not isinstance(notices, list) or not 0 < len(notices) <= MOST:
        raise InvalidInputError("There are no notices in the request, or too many.", code="notices_invalid")
    tokens = [one.get("jwt") if isinstance(one, dict) else None for one in notices]
    if not all(isinstance(one, str) for one in tokens):
        raise InvalidInputError("A notice has no jwt.", code="notices_invalid")
    return [str(one) for one in tokens]


def _answer(document: dict[str, object], status: int) -> Response:
    response = jsonify(document)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
