"""*Adopt*: an admin sees what a registration would take over from an earlier one, and confirms exactly that."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.services import adopting
from lti_tool.services.registrations import get_by_id
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_adopting", __name__, url_prefix="/admin/platforms/<int:registration_id>/adopt")


@blueprint.get("")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def choose(registration_id: int) -> str:
    """The registrations that this one might take over from."""
    with services().database.read() as session:
        registration = get_by_id(session, registration_id)
        candidates = adopting.candidates(session, registration_id)
    return render_template("admin/adopt.html", registration=registration, candidates=candidates)


@blueprint.get("/<int:old_id>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def preview(registration_id: int, old_id: int) -> str:
    """The figures: who and what is the same, what moves."""
    with services().database.read() as session:
        seen = adopting.preview(session, old_id, registration_id)
    return render_template("admin/adopt_preview.html", seen=seen)


@blueprint.post("/<int:old_id>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def confirm(registration_id: int, old_id: int) -> Response:
    """Take over."""
    with services().database.write() as session:
        done = adopting.adopt(
            session,
            old_id,
            registration_id,
            confirmed=request.form.get("figures", ""),
            actor=g.staff.actor,
            now=services().clock(),
        )
    flash(
        _("“%(new)s” took over from “%(old)s”, which is switched off now.", new=done.new_name, old=done.old_name),
        "success",
    )
    return make_response(redirect(url_for("admin_platforms.platform", registration_id=registration_id), 303))
