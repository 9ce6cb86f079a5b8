"""Where Canvas sends its stream of signed events; what they say is not believed beyond "look at this course"."""

import structlog
from flask import Blueprint, Response, jsonify, request

from lti_tool.errors import LiveEventError, NotFoundError, RateLimitedError
from lti_tool.evidence.canvas_events import LARGEST, read_event
from lti_tool.services import live_events
from lti_tool.services.wakeups import READ_COURSE
from lti_tool.web import rates
from lti_tool.web.access import machine
from lti_tool.web.current import request_id, services

blueprint = Blueprint("live_events", __name__, url_prefix="/events")
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")


@blueprint.post("/<public_id>")
@machine
def receive(public_id: str) -> Response:
    """Take one event: 200, or 401 with a stable code when it is not sound, 404 where no stream was set up."""
    try:
        with services().database.read() as session:
            api, key_set = live_events.find_stream(session, public_id)
        body = request.stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise LiveEventError("The event is too large.", code="event_malformed")
        event = read_event(body, key_set)
    except (LiveEventError, NotFoundError) as error:
        log.info("live_event.refused", error_code=error.code, request_id=request_id())
        if rates.too_many_failed_notices():
            return _answer({"error": RateLimitedError.code}, RateLimitedError.status)
        return _answer({"error": error.code, "request_id": request_id()}, error.status)
    runs: list[int] = []
    if event.is_waking:
        with services().database.write() as session:
            runs = live_events.wake(session, api, event, services().clock())
    for run_id in runs:
        services().queue.wake(READ_COURSE, run_id)
    return _answer({"event": event.name, "woken": len(runs)}, 200)


def _answer(document: dict[str, object], status: int) -> Response:
    response = jsonify(document)
    response.status_code = status
    return response
