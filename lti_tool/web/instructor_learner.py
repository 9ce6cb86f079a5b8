"""One learner of a course: every badge with its why, what happened so far, and the steps a person can take."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Achievement, Award
from lti_tool.services import explaining, overview, revoking
from lti_tool.services.achievements import get_achievement
from lti_tool.services.explaining import Explanation
from lti_tool.services.learner_history import awarded_badges, history
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.award_steps import STEPS, Ground, Step, possible_steps, require_step, take_step
from lti_tool.web.current import services
from lti_tool.web.decision_texts import IDLE, decision_text
from lti_tool.web.field_texts import field_text
from lti_tool.web.history_words import history_line
from lti_tool.web.remedy_texts import hints_by_path
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine, Voice, clause_lines

blueprint = Blueprint("instructor_learner", __name__)
LEARNER = "/courses/<int:context_id>/learners/<int:user_id>"
STEP = f"{LEARNER}/badges/<int:achievement_id>/<any({', '.join(STEPS)}):step>"


@dataclass(frozen=True, slots=True)
class BadgeView:
    """One badge on a learner's page. ``next_words``: what the next check of the grades does about it."""

    found: Explanation
    lines: list[ClauseLine]
    next_words: str
    steps: list[tuple[str, Step]]


@blueprint.get(LEARNER)
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def learner(context_id: int, user_id: int) -> str:
    """Every live badge with its clauses, the values seen, where and when; and everything that happened."""
    now = services().clock()
    with services().database.read() as session:
        found = overview.get_learner(session, context_id, user_id)
        state = overview.course_state(session, context_id)
        explained = explaining.explain_all(session, context_id, user_id, now)
        shown = {one.achievement.id for one in explained}
        for other in awarded_badges(session, context_id, user_id):  # given earlier, and not given any more
            if other.id not in shown:
                explained.append(explaining.explain(session, context_id, user_id, other.id, now, drafts=True))
        return render_template(
            "instructor/learner.html",
            learner=found,
            badges=[_view(one, state.platform) for one in explained],
            history=[history_line(one) for one in history(session, context_id, user_id)],
            state=state,
        )


def _view(found: Explanation, platform: str) -> BadgeView:
    lines: list[ClauseLine] = []
    if found.judgement is not None:
        hints = hints_by_path(found.remedies, voice=Voice.INSTRUCTOR, platform=platform)
        lines = clause_lines(
            found.judgement, voice=Voice.INSTRUCTOR, platform=platform, titles=found.titles, hints=hints
        )
    if found.idle is not None:
        words = str(IDLE[found.idle])
    else:
        words = "" if found.decision is None else decision_text(found.decision, voice=Voice.INSTRUCTOR)
    steps = possible_steps(found.achievement, found.award, is_barred=found.is_barred)
    return BadgeView(found, lines, words, steps)


@blueprint.get(STEP)
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def look_at_step(context_id: int, user_id: int, achievement_id: int, step: str) -> str:
    """What a step will do, and the question why."""
    require_step(step)
    with services().database.read() as session:
        return _step_page(session, context_id, user_id, achievement_id, step)


@blueprint.post(STEP)
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def do_step(context_id: int, user_id: int, achievement_id: int, step: str) -> Response | str:
    """Take a step; what changed meanwhile is shown instead."""
    chosen = require_step(step)
    form = request.form
    why = Ground(
        form.get("reason", ""),
        g.launch.actor,
        services().clock(),
        form.get("evidence"),
        never_again=bool(form.get("never_again")),
    )
    try:
        with services().database.write() as session:
            achievement, award = _about(session, context_id, user_id, achievement_id)
            name = achievement.current_version.name if achievement.current_version else ""
            done = take_step(session, step, achievement, user_id, award, why)
    except InvalidInputError as error:
        with services().database.read() as session:
            errors = {error.field or "reason": field_text(error)}
            return _step_page(session, context_id, user_id, achievement_id, step, errors=errors)
    except ConflictError as error:
        if error.code not in {"transition_refused", "award_barred", "achievement_not_live", "not_a_learner"}:
            raise
        done = False
    if done:
        flash(str(chosen.done) % {"badge": name}, "success")
    else:
        flash(_("Nothing was changed: it is so already, or it is not possible any more."), "warning")
    return make_response(redirect(url_for("instructor_learner.learner", context_id=context_id, user_id=user_id), 303))


def _about(session: Session, context_id: int, user_id: int, achievement_id: int) -> tuple[Achievement, Award | None]:
    """Return the badge and the newest award. Raises ``NotFoundError`` for others' learners and badges."""
    overview.get_learner(session, context_id, user_id)
    achievement = get_achievement(session, context_id, achievement_id)
    return achievement, revoking.find_award(session, achievement_id, user_id)


def _step_page(session: Session, context_id: int, user_id: int, achievement_id: int, step: str, **more: Any) -> str:
    achievement, award = _about(session, context_id, user_id, achievement_id)
    is_barred = revoking.find_bar(session, achievement_id, user_id) is not None
    possible = dict(possible_steps(achievement, award, is_barred=is_barred))
    return render_template(
        "instructor/award_step.html",
        learner=overview.get_learner(session, context_id, user_id),
        achievement=achievement,
        award=award,
        name=step,
        step=STEPS[step],
        is_possible=step in possible,
        typed=request.form,
        **({"errors": {}} | more),
    )
