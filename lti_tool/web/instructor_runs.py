"""A course's runs: what was decided in one go, what is on hold and why; releasing, dismissing, undoing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.explain import deciding_leaf
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.services import award_runs, overview
from lti_tool.services.award_runs import RunOutcome
from lti_tool.services.learner_history import badge_names
from lti_tool.services.run_previews import ItemLine, RunPreview, preview_run
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.run_words import (
    KINDS,
    STATES,
    STEPS,
    action_lines,
    hold_lines,
    item_words,
    outcome_figures,
    possible_steps,
)
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import Voice, clause_lines, sentence

blueprint = Blueprint("instructor_runs", __name__)
RUNS = "/courses/<int:context_id>/runs"
STEP = f"{RUNS}/<int:run_id>/<any({', '.join(STEPS)}):run_step>"

_Acting = Callable[[Session, int, str, str, datetime], RunOutcome]
_ACTS: Mapping[str, _Acting] = {
    "release": award_runs.release_run,
    "dismiss": award_runs.dismiss_run,
    "reconsider": award_runs.reconsider_run,
    "undo": award_runs.undo_run,
}


@blueprint.get(RUNS)
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def runs(context_id: int) -> str:
    """The runs of the course, the held one first."""
    with services().database.read() as session:
        names = badge_names(session, context_id)
        found = [
            (
                one.run,
                KINDS[one.run.kind],
                *STATES[one.run.state],
                action_lines(one.actions),
                hold_lines(one.run, names),
            )
            for one in award_runs.list_runs(session, context_id)
        ]
        return render_template("instructor/runs.html", found=found, state=overview.course_state(session, context_id))


@blueprint.get(f"{RUNS}/<int:run_id>")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def run(context_id: int, run_id: int) -> str:
    """One run: why it is held, who is in it, and for each the clause that decides today."""
    with services().database.read() as session:
        preview = preview_run(session, award_runs.get_run(session, context_id, run_id), services().clock())
        return _render(session, "instructor/run.html", preview)


def _render(session: Session, template: str, preview: RunPreview, **more: Any) -> str:
    shown, context_id = preview.run, preview.run.context_id
    state = overview.course_state(session, context_id)
    label, look = STATES[shown.state]
    return render_template(
        template,
        run=shown,
        kind=KINDS[shown.kind],
        label=label,
        look=look,
        holds=hold_lines(shown, badge_names(session, context_id)),
        badges=_by_badge(preview, state.platform),
        steps=possible_steps(shown, preview),
        state=state,
        **more,
    )


def _by_badge(preview: RunPreview, platform: str) -> dict[str, list[tuple[ItemLine, str, str, Any]]]:
    """Items under the name of their badge, each with what it does, the clause that decides, and behind it all."""
    found: dict[str, list[tuple[ItemLine, str, str, Any]]] = {}
    for one in preview.lines:
        why, lines = "", []
        if one.judgement is not None:
            why = sentence(deciding_leaf(one.judgement).judgement, voice=Voice.INSTRUCTOR, platform=platform)
            lines = clause_lines(one.judgement, voice=Voice.INSTRUCTOR, platform=platform, titles=preview.titles)
        found.setdefault(one.badge, []).append((one, item_words(one.item.action), why, lines))
    return found


@blueprint.get(STEP)
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def look_at_step(context_id: int, run_id: int, run_step: str) -> str:
    """What a step will do, and the question why."""
    with services().database.read() as session:
        return _step_page(session, context_id, run_id, run_step)


@blueprint.post(STEP)
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def do_step(context_id: int, run_id: int, run_step: str) -> Response | str:
    """Take a step about a run, with a reason; where it would do something else than was shown, show that first."""
    try:
        with services().database.write() as session:
            found = award_runs.get_run(session, context_id, run_id, lock=True)
            preview = preview_run(session, found, services().clock())
            is_possible = run_step in {one.key for one in possible_steps(found, preview)}
            if is_possible and request.form.get("seen") != preview.digest(run_step):
                return _step_page(session, context_id, run_id, run_step, is_stale=True)
            reason = request.form.get("reason", "")
            outcome = _ACTS[run_step](session, run_id, reason, g.launch.actor, services().clock())
    except InvalidInputError as error:
        with services().database.read() as session:
            return _step_page(
                session, context_id, run_id, run_step, errors={error.field or "reason": field_text(error)}
            )
    except ConflictError:
        flash(_("This is not possible any more: somebody decided meanwhile. Nothing was changed."), "warning")
        return _to_run(context_id, run_id)
    services().queue.wake(EVALUATE_COURSE, context_id)
    words = _("%(acted)s done, %(left)s left as they are.", acted=len(outcome.acted), left=len(outcome.left))
    flash(f"{STEPS[run_step].done} {words}", "success")
    return _to_run(context_id, run_id)


def _step_page(session: Session, context_id: int, run_id: int, run_step: str, **more: Any) -> str:
    preview = preview_run(session, award_runs.get_run(session, context_id, run_id), services().clock())
    counted = preview.count(run_step) if run_step in ("release", "undo") else {}
    possible = {one.key for one in possible_steps(preview.run, preview)}
    values = {"errors": {}, "typed": request.form} | more
    return _render(
        session,
        "instructor/run_step.html",
        preview,
        step=STEPS[run_step],
        figures=outcome_figures(counted),
        seen=preview.digest(run_step),
        is_possible=run_step in possible,
        **values,
    )


def _to_run(context_id: int, run_id: int) -> Response:
    return make_response(redirect(url_for("instructor_runs.run", context_id=context_id, run_id=run_id), 303))
