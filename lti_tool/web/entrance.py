"""What follows a verified launch, whichever proof of its browser came: rows, a wake-up, the step into the course."""

from flask import Response, url_for

from lti_tool.services.launching import OpenedLaunch
from lti_tool.services.wakeups import POST_SCORE, READ_COURSE
from lti_tool.web.current import services
from lti_tool.web.health import metrics
from lti_tool.web.session import set_launch_cookie


def step_in(opened: OpenedLaunch) -> str:
    """Note that a session was opened; returns where the browser goes with its one-time ticket.

    Call it after the transaction that opened the session.
    """
    if opened.sync_run_id is not None:
        services().queue.wake(READ_COURSE, opened.sync_run_id)
    if opened.score_post_id is not None:
        services().queue.wake(POST_SCORE, opened.score_post_id)
    metrics().launches.labels("accepted").inc()
    return url_for("lti.enter", ticket=opened.ticket)


def carry(response: Response, opened: OpenedLaunch) -> Response:
    """Let an answer carry the new session's cookie, and nobody keep the answer."""
    set_launch_cookie(response, opened.secret)
    return keep_private(response)


def keep_private(response: Response) -> Response:
    """Let nobody keep this answer, nor learn its address from a referrer: a ticket may be in either."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
