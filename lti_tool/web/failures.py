"""Failures as answers: a page a person understands, or JSON for a program; never a stack trace.

Every answer carries the stable code and the request's id, which the log has too.
"""

import structlog
from flask import Flask, Response, jsonify, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from lti_tool.errors import ToolError
from lti_tool.web.current import request_id, wants_json
from lti_tool.web.messages import MESSAGES, message_for
from lti_tool.web.wording import Message

log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 429: "rate_limited", 403: "forbidden"}


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(ToolError, answer_tool_error)
    app.register_error_handler(CSRFError, answer_csrf_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_unexpected)


def answer_tool_error(error: ToolError) -> Response:
    """Answer what the tool raised on purpose."""
    return answer(error.code, error.status, message_for(error), str(error))


def answer_csrf_error(error: CSRFError) -> Response:
    """Answer a form whose token does not belong to the session."""
    return answer("form_expired", 400, MESSAGES["form_expired"], str(error.description))


def answer_http_error(error: HTTPException) -> Response:
    """Answer what Flask or Werkzeug raised: wrong address, wrong method, too much."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    code = HTTP_CODES.get(status, "bad_request" if status < 500 else "internal")
    response = answer(code, status, MESSAGES[code], error.name)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def answer_unexpected(error: Exception) -> Response:
    """Answer a defect: the log gets the trace, the page the request's id."""
    log.error("request.failed", request_id=request_id(), exc_info=error)
    return answer("internal", 500, MESSAGES["internal"], "")


def answer(code: str, status: int, message: Message, detail: str) -> Response:
    """Return the page, or JSON where ``Accept`` prefers it: ``error``, ``title``, ``message``, ``remedies``,
    ``request_id``."""
    if code != "internal":
        log.info("request.refused", error_code=code, status=status, detail=detail, request_id=request_id())
    if wants_json():
        document = {
            "error": code,
            "title": str(message.title),
            "message": str(message.happened),
            "remedies": [str(one) for one in message.remedies],
            "request_id": request_id(),
        }
        response = jsonify(document)
    else:
        response = make_response(
            render_template("error.html", code=code, status=status, message=message, request_id=request_id())
        )
    response.status_code = status
    return response
