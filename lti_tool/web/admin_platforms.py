"""One platform's page: how far installing has come, how it fares, and what an admin can do about it."""

from collections.abc import Sequence

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, url_for

from lti_tool.errors import ConflictError
from lti_tool.services import audit, platform_page, registrations
from lti_tool.services.connection_check import Outcome, check_connection
from lti_tool.web import platform_words
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.platform_guides import guide_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_platforms", __name__, url_prefix="/admin")


@blueprint.get("/platforms/<int:registration_id>")
@staff_required(Role.ADMIN, action=Action.READ_HEALTH)
def platform(registration_id: int) -> str:
    """The checklist, the deployments, what was last heard, the keys."""
    return _page(registration_id)


@blueprint.post("/platforms/<int:registration_id>/test")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def test(registration_id: int) -> str:
    """Try the connection and show how each step ended; what is shown is this moment's and kept nowhere."""
    parts = services()
    outcomes = check_connection(parts.database, parts.http, parts.vault, parts.tool_keys, parts.clock, registration_id)
    return _page(registration_id, outcomes)


def _page(registration_id: int, outcomes: Sequence[Outcome] = ()) -> str:
    with services().database.read() as session:
        page = platform_page.find_page(session, registration_id, services().clock())
        keys = platform_page.list_tool_keys(session)
    guide = guide_of(page.registration.product)
    return render_template(
        "admin/platform.html",
        page=page,
        guide=guide,
        lines=platform_words.shown_lines(page, guide),
        skew=platform_words.skew_words(page.health),
        failure_words=platform_words.failure_words,
        outcomes=outcomes,
        keys=keys,
    )


@blueprint.get("/platforms/<int:registration_id>/<any(disable, enable):change>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def ask_change(registration_id: int, change: str) -> str:
    """Say what switching off or on does, before it is done."""
    with services().database.read() as session:
        registration = registrations.get_by_id(session, registration_id)
    return render_template("admin/switch.html", registration=registration, change=change)


@blueprint.post("/platforms/<int:registration_id>/<any(disable, enable):change>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def make_change(registration_id: int, change: str) -> Response:
    """Switch a platform off or on."""
    is_off = change == "disable"
    with services().database.write() as session:
        done = registrations.set_disabled(session, registration_id, is_off, actor=g.staff.actor, now=services().clock())
    said = _("“%(name)s” is switched off.", name=done.name) if is_off else _("“%(name)s” works again.", name=done.name)
    flash(said, "success")
    return _back_to(registration_id)


@blueprint.get("/keys/rotate")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def ask_rotation() -> str:
    """Say what rotating does, before it is done."""
    services().tool_keys.active()
    with services().database.read() as session:
        keys = platform_page.list_tool_keys(session)
    return render_template("admin/keys.html", keys=keys)


@blueprint.post("/keys/rotate")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def rotate() -> Response:
    """Let the next key sign; the old one stays published for a month."""
    try:
        key = services().tool_keys.rotate()
    except ConflictError:
        flash(_("Somebody else is rotating the keys at this moment. Look again."), "warning")
        return _answer(url_for("admin_platforms.ask_rotation"))
    with services().database.write() as session:
        audit.record(
            session, "tool_key.rotated", actor=g.staff.actor, subject=f"tool_key:{key.kid}", now=services().clock()
        )
    flash(_("The next key signs from now on. The old one stays published for 30 days."), "success")
    return _answer(url_for("admin_platforms.ask_rotation"))


def _back_to(registration_id: int) -> Response:
    return _answer(url_for("admin_platforms.platform", registration_id=registration_id))


def _answer(address: str) -> Response:
    return make_response(redirect(address, 303))
