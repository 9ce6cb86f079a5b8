"""The admin's first page: platforms and what waits for a decision, and whether everything works."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from lti_tool.services import deployments, health
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.score_words import score_failure

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("/")
@staff_required(Role.ADMIN, action=Action.READ_HEALTH)
def home() -> str:
    """Platforms with their deployments, the last readings of courses, deliveries that failed."""
    with services().database.read() as session:
        platforms = deployments.list_platforms(session)
        counts = health.count(session)
        sync_runs = health.list_sync_runs(session)
        failed_deliveries = health.list_failed_deliveries(session)
        failed_scores = [(one, score_failure(one.error_code)) for one in health.list_failed_scores(session)]
    return render_template(
        "admin/home.html",
        platforms=platforms,
        counts=counts,
        sync_runs=sync_runs,
        failed_deliveries=failed_deliveries,
        failed_scores=failed_scores,
    )


@blueprint.post("/deployments/<int:deployment_row_id>/accept")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def accept(deployment_row_id: int) -> Response:
    """Serve a deployment's launches from now on."""
    with services().database.write() as session:
        done = deployments.accept(session, deployment_row_id, actor=g.staff.actor, now=services().clock())
    flash(_("Deployment %(id)s is accepted. Its launches work from now on.", id=done.deployment_id), "success")
    return _back()


@blueprint.post("/deployments/<int:deployment_row_id>/refuse")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def refuse(deployment_row_id: int) -> Response:
    """Refuse a deployment's launches."""
    with services().database.write() as session:
        done = deployments.refuse(session, deployment_row_id, actor=g.staff.actor, now=services().clock())
    flash(_("Deployment %(id)s is refused. You can accept it later.", id=done.deployment_id), "info")
    return _back()


def _back() -> Response:
    """Return to the page the decision was made on: the platform's own, if the form names it, else the list."""
    registration_id = request.form.get("platform", type=int)
    if registration_id is None:
        return make_response(redirect(url_for("admin.home"), 303))
    return make_response(redirect(url_for("admin_platforms.platform", registration_id=registration_id), 303))
