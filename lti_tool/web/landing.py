"""The address of the page a launch leads to (``services.landing``), and the pages that belong to no course."""

from flask import Blueprint, render_template, url_for

from lti_tool.errors import ConflictError
from lti_tool.services.landing import Page
from lti_tool.services.sessions import Entered
from lti_tool.web.access import launch_required

blueprint = Blueprint("landing", __name__)


def landing_path(entered: Entered) -> str:
    """Return where a launch goes on; raises ``ConflictError`` (``context_missing``) without a course that is needed."""
    landing, course = entered.landing, entered.context_id
    page = Page(landing.get("page", Page.COURSE))
    if page is Page.MINE:
        return url_for("learner_everywhere.mine")
    if page is Page.ADMIN:
        return url_for("landing.for_admins")
    if course is None:
        raise ConflictError("The launch named no course.", code="context_missing")
    if page is Page.CONTENT:
        return url_for("deep_linking.choose", context_id=course)
    if page is Page.UNKNOWN_CHECKPOINT:
        return url_for("checkpoint.unknown", context_id=course)
    if page is Page.CHECKPOINT:
        return url_for("checkpoint.open_checkpoint", context_id=course, checkpoint_id=landing["checkpoint_id"])
    if page is Page.REVIEW:
        return _review_path(course, landing["checkpoint_id"], landing["user_id"])
    return url_for("course.home", context_id=course)


def _review_path(course: int, checkpoint_id: int, user_id: int | None) -> str:
    """The submission under review; where this tool never heard of its author, the list of all."""
    if user_id is None:
        return url_for("checkpoint.open_checkpoint", context_id=course, checkpoint_id=checkpoint_id)
    return url_for("checkpoint.review", context_id=course, checkpoint_id=checkpoint_id, user_id=user_id)


@blueprint.get("/for-admins")
@launch_required(in_course=False)
def for_admins() -> str:
    """Says that a platform's role opens no admin page here, and leads to the sign-in in a window of its own."""
    return render_template("landing/admins.html")
