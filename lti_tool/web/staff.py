"""Staff sign in with a one-time link and sign out; their first page when they have no admin's role."""

from typing import cast

from flask import Blueprint, Response, g, make_response, redirect, render_template, url_for

from lti_tool.models import StaffRole
from lti_tool.services import staff
from lti_tool.services.sessions import StaffView
from lti_tool.web.access import public, staff_required
from lti_tool.web.current import services
from lti_tool.web.session import end_staff_cookie, set_staff_cookie

blueprint = Blueprint("staff", __name__, url_prefix="/staff")


@blueprint.get("/join/<token>")
@public
def invited(token: str) -> Response:
    """Show whom the link is for. Mail scanners open links too, so only the button spends it."""
    with services().database.read() as session:
        user = staff.get_invited(session, token, services().clock())
    page = render_template("staff/join.html", token=token, email=user.email, role=user.role)
    return _kept_secret(make_response(page))


@blueprint.post("/join/<token>")
@public
def join(token: str) -> Response:
    """Spend the link and open a session."""
    now = services().clock()
    with services().database.write() as session:
        user = staff.spend_invite(session, token, now)
        secret = staff.open_staff_session(session, user, now)
    target = "admin.home" if user.role is StaffRole.ADMIN else "staff.home"
    response = make_response(redirect(url_for(target), 303))
    set_staff_cookie(response, secret)
    return _kept_secret(response)


def _kept_secret(response: Response) -> Response:
    """The address is the invite itself: it must not travel on as a referrer."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/")
@staff_required()
def home() -> str:
    """Who is signed in, with which role."""
    return render_template("staff/home.html")


@blueprint.post("/leave")
@staff_required()
def leave() -> Response:
    """Sign out."""
    view = cast("StaffView", g.staff)
    with services().database.write() as session:
        staff.end_staff_session(session, view.session_id, view.staff_user_id, services().clock())
    response = make_response(redirect(url_for("staff.left"), 303))
    end_staff_cookie(response)
    return response


@blueprint.get("/left")
@public
def left() -> str:
    """Say that the session is over."""
    return render_template("staff/left.html")
