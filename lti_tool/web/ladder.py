"""The ladder of proofs that a launch belongs to this browser, where cookies do not come with the platform's POST.

The login leaves its secret in a cookie, in a second cookie outside frames, and in the platform's storage where there
is one. A launch whose cookie did not come waits (``lti.pending_launch``), and its page climbs: cookies with a request
of this tool's own page, the platform's storage, storage access, a window of its own (ADR 0008).
"""

from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request, url_for

from lti_tool.errors import CookiesBlockedError, LaunchError, ProofMissingError
from lti_tool.lti import pending_launch
from lti_tool.lti.launch import StartedLogin
from lti_tool.lti.platform_storage import AGAIN, begin_again
from lti_tool.lti.written_launch import origins_of
from lti_tool.services.launching import receive_launch
from lti_tool.web.access import public
from lti_tool.web.current import request_id, services, wants_json
from lti_tool.web.entrance import carry, keep_private, step_in
from lti_tool.web.messages import MESSAGES, message_for

blueprint = Blueprint("ladder", __name__, url_prefix="/lti")

LOGIN_SECONDS = 600
LONGEST_PROOF = 255
FRAMES = frozenset({"iframe", "frame", "object", "embed"})


def answer_login(started: StartedLogin) -> Response:
    """Send the browser to the platform, with the login's secret in every place this browser and platform may have.

    With platform storage that takes a page of ours; our own script, beginning again, gets the address as JSON.
    """
    if _is_script():
        response = make_response(jsonify(next=started.redirect_url))
    elif started.storage is not None:
        # As free as a redirect: the page shows nothing private, and its one link leads where the redirect would.
        g.frame_ancestors = ("*",)
        response = make_response(render_template("lti/begin.html", started=started))
    else:
        response = make_response(redirect(started.redirect_url))
    _set_cookie(response, started.cookie_name, started.cookie_value, same_site="None", partitioned=True)
    second = _second_cookie()
    if second is not None and started.window_cookie_name:
        _set_cookie(response, started.window_cookie_name, started.cookie_value, same_site=second, partitioned=False)
    return keep_private(response)


def _second_cookie() -> str | None:
    """Return how the second cookie travels, ``None`` where it is not needed.

    In a window of its own it is ``Lax``: it comes with no POST from the platform, but with this tool's own requests.
    Our script asks inside a frame that was given storage access, where an unpartitioned cookie is kept.
    """
    if _is_script():
        return "None"
    return "Lax" if request.headers.get("Sec-Fetch-Dest") == "document" else None


def _is_script() -> bool:
    """Whether the page of a waiting launch begins its login again, with storage access."""
    return request.args.get(AGAIN) == "1" and wants_json()


def _set_cookie(response: Response, name: str, value: str, *, same_site: str, partitioned: bool) -> None:
    response.set_cookie(
        name,
        value,
        max_age=LOGIN_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite=same_site,
        partitioned=partitioned,
    )


def ask_for_proof(error: CookiesBlockedError, waiting: str) -> Response:
    """Let a launch wait whose every other check passed, and answer the page that climbs the ladder."""
    with services().database.write() as session:
        pending = pending_launch.begin(session, request.form["state"], waiting, services().clock())
    g.frame_ancestors = origins_of(waiting)
    framed = is_framed()
    page = render_template(
        "lti/unproven.html",
        code=error.code,
        message=message_for(error) if framed else MESSAGES["cookies_blocked_in_window"],
        request_id=request_id(),
        pending=pending,
        login_url=login_url(error),
        again_url=None if pending.is_second_try else f"{login_url(error)}&{AGAIN}=1",
        is_framed=framed,
    )
    return keep_private(make_response(page, error.status))


def login_url(error: CookiesBlockedError) -> str:
    """Return the address that begins the same login again."""
    return f"{url_for('lti.login')}?{urlencode(begin_again(error.login_parameters))}"


def is_framed() -> bool:
    """Whether this page is in a frame; a browser that does not say so is taken to be."""
    destination = request.headers.get("Sec-Fetch-Dest")
    return destination is None or destination in FRAMES


@blueprint.post("/prove")
@public
def prove() -> Response:
    """Open the session of a launch that waited, if the proof is right.

    Own pages only (``require_own_origin``). Our script sends JSON: ``ticket`` and perhaps ``value``, and gets ``next``.
    A form, for browsers without scripts, sends the ticket alone: its proof are cookies, which no other site can add.
    """
    ticket, value = _shown()
    now = services().clock()
    with services().database.write() as session:
        proven = pending_launch.prove(session, ticket, now, cookies=request.cookies, value=value)
        opened = proven if isinstance(proven, LaunchError) else receive_launch(session, proven, now)
    if isinstance(opened, LaunchError):
        raise opened  # only now: the attempt is counted
    address = step_in(opened)
    return carry(make_response(jsonify(next=address) if request.is_json else redirect(address, 303)), opened)


def _shown() -> tuple[str, str | None]:
    sent = request.get_json(silent=True) if request.is_json else {"ticket": request.form.get("ticket")}
    ticket, value = (sent.get("ticket"), sent.get("value")) if isinstance(sent, dict) else (None, None)
    if not isinstance(ticket, str) or not isinstance(value, str | None):
        raise ProofMissingError("The request names no ticket.")
    return ticket[:LONGEST_PROOF], value and value[:LONGEST_PROOF]
