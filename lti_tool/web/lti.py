"""Launches (LTI 1.3 core, section 5.1): the login, the launch, the step into the course, and this tool's key set.

After a verified launch the browser gets a cookie and goes to ``/lti/enter`` with a one-time ticket. If the cookie came
back, the course page follows; if not (cookies blocked in the frame), the session goes on in the path. A launch without
the login's cookie waits for another proof (``web/ladder.py``).
"""

import base64
import json
from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request

from lti_tool.errors import CookiesBlockedError, LaunchError, LaunchRequestError, RateLimitedError
from lti_tool.services import sessions
from lti_tool.services.deployments import find_platform_origins, origin_of
from lti_tool.services.launching import receive_launch
from lti_tool.web import failures, ladder, rates
from lti_tool.web.access import machine
from lti_tool.web.current import request_id, services, wants_json
from lti_tool.web.entrance import carry, step_in
from lti_tool.web.health import metrics
from lti_tool.web.landing import landing_path
from lti_tool.web.messages import message_for
from lti_tool.web.session import LAUNCH_COOKIE

blueprint = Blueprint("lti", __name__, url_prefix="/lti")
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

KEY_SET_SECONDS = 3600


@blueprint.route("/login", methods=["GET", "POST"])
@machine
def login() -> Response:
    """Begin a login: send the browser to the platform with a fresh ``state``, bound to it by a cookie."""
    return ladder.answer_login(services().launches.start(_parameters()))


@blueprint.post("/launch")
@machine
def launch() -> Response:
    """Verify the platform's answer, store what it says, open a session and step into the course."""
    if any(len(request.form.getlist(name)) > 1 for name in ("id_token", "state")):
        raise LaunchRequestError("The launch has a parameter twice.", code="parameter_repeated")
    verified = services().launches.finish(request.form, request.cookies)
    with services().database.write() as session:
        opened = receive_launch(session, verified, services().clock())
    return carry(make_response(redirect(step_in(opened), 303)), opened)


@blueprint.get("/enter")
@machine
def enter() -> Response:
    """Go on in the course, with the cookie or, when it did not come back, with the session in the path."""
    g.frame_ancestors = ("*",)  # for the page that says this ticket is old; nothing to press, nothing private
    ticket, cookie = request.args.get("ticket", ""), request.cookies.get(LAUNCH_COOKIE)
    with services().database.write() as session:
        entered = sessions.enter(session, ticket, cookie, services().clock())
    prefix = f"/s/{entered.path_secret}" if entered.path_secret else ""
    response = make_response(redirect(prefix + landing_path(entered), 303))
    response.headers["Cache-Control"] = "no-store"
    # The address of this step holds the ticket: it must not travel on as a referrer.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/jwks")
@machine
def key_set() -> Response:
    """The public keys with which platforms check what this tool signs (RFC 7517)."""
    response = jsonify(services().tool_keys.public_jwks())
    response.headers["Cache-Control"] = f"public, max-age={KEY_SET_SECONDS}"
    return response


@blueprint.app_errorhandler(LaunchError)
def refuse(error: LaunchError) -> Response:
    """Answer a refused login or launch with a page that can be read inside the platform's frame."""
    metrics().launches.labels(error.code).inc()
    if request.endpoint == "lti.login" and rates.too_many_failed_logins():
        return failures.answer_tool_error(RateLimitedError("Too many logins of this address failed."))
    if wants_json():
        return failures.answer_tool_error(error)
    log.info("launch.refused", error_code=error.code, detail=str(error), request_id=request_id())
    login_url = None
    if isinstance(error, CookiesBlockedError):
        if error.waiting is not None:
            return ladder.ask_for_proof(error, error.waiting)
        login_url = ladder.login_url(error)
    g.frame_ancestors = _frames_of_refusal()
    page = render_template(
        "lti/refused.html", code=error.code, message=message_for(error), request_id=request_id(), login_url=login_url
    )
    response = make_response(page, error.status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _parameters() -> Mapping[str, str]:
    return request.form if request.method == "POST" else request.args


def _frames_of_refusal() -> list[str]:
    """Who may frame the page: the registered platform this came from, else the page that sent the request here.

    The page holds nothing private and nothing to press but a link to a new login, so the sender's own word is enough.
    """
    issuer, client_id = _parameters().get("iss", ""), _parameters().get("client_id", "")
    with services().database.read() as session:
        known = find_platform_origins(session, state=_parameters().get("state", ""))
        if not known:
            issuer = issuer or _claimed_issuer(_parameters().get("id_token", ""))
            known = find_platform_origins(session, issuer=issuer, client_id=client_id)
    senders = (origin_of(request.headers.get(name, "")) for name in ("Origin", "Referer"))
    return sorted({*known, *(sender for sender in senders if sender)})


def _claimed_issuer(id_token: str) -> str:
    """Return what a token that was not verified says about its issuer; empty when it cannot be read or looked up."""
    try:
        part = id_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        issuer = str(claims["iss"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return ""
    return issuer if issuer.isprintable() else ""
