"""The instructor's look at a course: its badges with counts, what waits for somebody, and a check of the grades."""

from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from lti_tool.models import Context
from lti_tool.services import copy_page, course_sync, inheritance, overview, templates
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import mapped_columns
from lti_tool.services.needs import needs_of
from lti_tool.services.wakeups import READ_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.messages import MESSAGES
from lti_tool.web.translated import gettext as _
from lti_tool.web.wording import Message

blueprint = Blueprint("instructor", __name__)
BACK = {
    "evidence": "instructor_evidence.evidence",
    "matrix": "instructor_matrix.matrix",
    "sources": "instructor_sources.sources",
}


@blueprint.app_context_processor
def give_texts() -> dict[str, Any]:
    """Let templates say what a stored code of a failed reading means."""
    return {"failure_message": failure_message}


def failure_message(code: str) -> Message:
    """Return the texts for a failed reading; codes without their own are failures of the platform."""
    return MESSAGES.get(code) or MESSAGES["platform_unavailable"]


def badges_page(context_id: int) -> str:
    """Return the instructor's first page in a course."""
    now = services().clock()
    with services().database.read() as session:
        state = overview.course_state(session, context_id)
        board = overview.load_board(session, context_id, now, drafts=True)
        cards = overview.cards_of(session, board)
        skills = len(course_items(session, context_id))
        work = sum(bool(column.thresholds) for column in mapped_columns(session, context_id))
        organization_id = session.get_one(Context, context_id).organization_id
        return render_template(
            "instructor/badges.html",
            cards=cards,
            copy=copy_page.find_card(session, context_id),
            state=state,
            needs=needs_of(session, context_id, now, disagreements=board.disagreements),
            skills=skills,
            work=work,
            has_templates=bool(templates.published_templates(session, organization_id)),
            approved={one.achievement.id for one in cards if inheritance.is_approved(session, one.achievement)},
        )


@blueprint.post("/courses/<int:context_id>/check")
@launch_required(Role.INSTRUCTOR, action=Action.SYNC)
def check(context_id: int) -> Response:
    """Ask for a new reading of the course; one that is under way serves as well."""
    with services().database.write() as session:
        context = session.get_one(Context, context_id)
        run_id = course_sync.request_sync(session, context, "button", services().clock())
    if run_id is None:
        flash(_("A check is already on its way."), "info")
    else:
        services().queue.wake(READ_COURSE, run_id)
        flash(_("The check has begun. Load this page again in a moment."), "info")
    target = BACK.get(request.form.get("back", ""), "course.home")
    return make_response(redirect(url_for(target, context_id=context_id), 303))
