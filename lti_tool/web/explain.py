"""Explanations as JSON: of any learner of the course for its instructors, of oneself for learners."""

from flask import Blueprint, Response, jsonify

from lti_tool.services import explaining, overview
from lti_tool.services.withholding import for_learner
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.explanation_words import Writer
from lti_tool.web.learner import known_user
from lti_tool.web.reason_texts import Voice

blueprint = Blueprint("explain", __name__)


@blueprint.get("/courses/<int:context_id>/learners/<int:user_id>/badges/<int:achievement_id>/why.json")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def of_learner(context_id: int, user_id: int, achievement_id: int) -> Response:
    """Why one learner of the course has a badge, or not (yet)."""
    with services().database.read() as session:
        learner = overview.get_learner(session, context_id, user_id)
        found = explaining.explain(session, context_id, user_id, achievement_id, services().clock(), drafts=True)
        writer = Writer(Voice.INSTRUCTOR, overview.course_state(session, context_id), context_id)
        return _answer(writer.document(found, {"id": user_id, "name": learner.name}))


@blueprint.get("/courses/<int:context_id>/badges/<int:achievement_id>/why.json")
@launch_required(Role.LEARNER)
def own(context_id: int, achievement_id: int) -> Response:
    """Why I have a badge, or not (yet); as far as I may know."""
    user_id = known_user()
    with services().database.read() as session:
        found = explaining.explain(session, context_id, user_id, achievement_id, services().clock())
        writer = Writer(Voice.LEARNER, overview.course_state(session, context_id), context_id)
        return _answer(writer.document(for_learner(found), {"id": user_id}))


def _answer(document: dict[str, object]) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = "no-store"
    return response
