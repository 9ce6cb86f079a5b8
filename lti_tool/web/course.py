"""A course's front door: each role to its own page; and the badges' pictures, for everybody in the course."""

from flask import Blueprint, Response, g, make_response, redirect, render_template, url_for
from sqlalchemy import select

from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, AchievementVersion
from lti_tool.services import blobs
from lti_tool.web.access import launch_required
from lti_tool.web.current import services
from lti_tool.web.instructor import badges_page

blueprint = Blueprint("course", __name__)


@blueprint.get("/courses/<int:context_id>/")
@launch_required()
def home(context_id: int) -> Response:
    """Instructors see the course's badges, learners their own; anybody else learns why there is nothing to do."""
    if g.launch.is_instructor:
        return make_response(badges_page(context_id))
    if g.launch.is_learner:
        return make_response(redirect(url_for("learner.home", context_id=context_id), 303))
    return make_response(render_template("instructor/visitor.html"))


@blueprint.get("/courses/<int:context_id>/pictures/<sha256>.png")
@launch_required()
def picture(context_id: int, sha256: str) -> Response:
    """A picture that one of the course's badges has or had."""
    with services().database.read() as session:
        used = (
            select(AchievementVersion.id)
            .join(Achievement, Achievement.id == AchievementVersion.achievement_id)
            .where(Achievement.context_id == context_id, AchievementVersion.picture_sha256 == sha256)
        )
        if session.scalar(used.limit(1)) is None:
            raise NotFoundError("No badge of this course has this picture.")
        blob = blobs.get_blob(session, sha256)
    response = make_response(blob.content)
    response.mimetype = blob.media_type
    return response
