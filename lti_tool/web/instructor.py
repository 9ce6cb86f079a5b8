"""The instructor's look at a course: badges with counts, the roster board, one learner with every why."""

from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from lti_tool.models import Context
from lti_tool.services import awarding, course_sync, overview
from lti_tool.services.frameworks import course_items
from lti_tool.services.gathering import load_course
from lti_tool.services.mapping import mapped_columns
from lti_tool.services.wakeups import READ_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.messages import MESSAGES
from lti_tool.web.translated import gettext as _
from lti_tool.web.wording import Message
from lti_tool.web.words import Voice, clause_lines

blueprint = Blueprint("instructor", __name__)
FILTERS = ("all", "unknown", "close", "offered")


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
        cards = overview.badge_cards(session, context_id, now)
        skills = len(course_items(session, context_id))
        work = sum(bool(column.thresholds) for column in mapped_columns(session, context_id))
        return render_template("instructor/badges.html", cards=cards, state=state, skills=skills, work=work)


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
    target = "instructor_evidence.evidence" if request.form.get("back") == "evidence" else "course.home"
    return make_response(redirect(url_for(target, context_id=context_id), 303))


@blueprint.get("/courses/<int:context_id>/learners")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def learners(context_id: int) -> str:
    """Learners down, badges across; ``?show=`` keeps those with a cell in that state."""
    chosen = request.args.get("show", "all")
    show = chosen if chosen in FILTERS else "all"
    with services().database.read() as session:
        board = overview.load_board(session, context_id, services().clock())
        state = overview.course_state(session, context_id)
        counts = {name: len(_filtered(board, name)) for name in FILTERS}
        return render_template(
            "instructor/learners.html",
            board=board,
            rows=_filtered(board, show),
            counts=counts,
            show=show,
            state=state,
        )


def _filtered(board: overview.Board, show: str) -> list[overview.Learner]:
    def has(learner: overview.Learner) -> bool:
        cells = [board.cells[learner.user_id, badge.id] for badge in board.badges]
        return any(cell.is_close if show == "close" else cell.state == show for cell in cells)

    return [learner for learner in board.learners if show == "all" or has(learner)]


@blueprint.get("/courses/<int:context_id>/learners/<int:user_id>")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def learner(context_id: int, user_id: int) -> str:
    """One learner: every live badge with its clauses, the values seen, and where and when."""
    now = services().clock()
    with services().database.read() as session:
        found = overview.get_learner(session, context_id, user_id)
        state = overview.course_state(session, context_id)
        titles = overview.titles_of(load_course(session, context_id))
        standings = [
            (
                one,
                overview.standing_state(one.judgement, one.award),
                clause_lines(one.judgement, voice=Voice.INSTRUCTOR, platform=state.platform, titles=titles),
            )
            for one in awarding.standings(session, context_id, user_id, now)
        ]
        return render_template("instructor/learner.html", learner=found, standings=standings, state=state)
