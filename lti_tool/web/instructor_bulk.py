"""Awarding a badge to a list of people: a CSV file is shown as it was understood, then applied exactly so."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask import session as flask_session
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Achievement, AchievementState
from lti_tool.services import overview
from lti_tool.services.achievements import course_achievements, get_achievement
from lti_tool.services.bulk_awards import BulkPreview, RowOutcome, apply_bulk, preview_again, preview_bulk
from lti_tool.services.hand_awards import Giving
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.roster_form import read_id
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("instructor_bulk", __name__)
BULK = "/courses/<int:context_id>/award-list"
KEPT = "award_list"
"""In the session: for which badge, and who would be given it, with the lines that name them; never the table."""
SHOWN = 500

OUTCOMES: Mapping[RowOutcome, tuple[Any, str]] = {
    RowOutcome.MATCH: (_l("will be offered the badge"), "met"),
    RowOutcome.NEAR: (_l("not found; perhaps this is meant"), "unknown"),
    RowOutcome.UNKNOWN: (_l("not found in this course"), "unknown"),
    RowOutcome.HAS_IT: (_l("has it already"), "claimed"),
    RowOutcome.BARRED: (_l("not to be awarded it: somebody decided so"), "held"),
    RowOutcome.NOT_A_LEARNER: (_l("not a learner of this course"), "not_met"),
    RowOutcome.CONFLICT: (_l("user id and e-mail belong to two people"), "unknown"),
    RowOutcome.REPEATED: (_l("named in an earlier line"), "not_met"),
}
_PROBLEMS: Mapping[str, Any] = {
    "csv_missing": _l("Choose a file first."),
    "csv_empty": _l("The file names nobody. Each person needs a line of its own below the first one."),
    "csv_too_large": _l("The file is larger than 1 MB. Split it and award the parts one after the other."),
    "csv_too_long": _l("The file has more than 5,000 lines. Split it and award the parts one after the other."),
    "csv_unreadable": _l("This is not a CSV file. In a spreadsheet, choose “Save as” and then CSV."),
    "csv_no_identifier": _l("The first line must name the columns, and one must be called “user id” or “email”."),
    "badge_missing": _l("Choose a badge."),
}


@blueprint.get(BULK)
@launch_required(Role.INSTRUCTOR, action=Action.AWARD_BY_HAND)
def choose(context_id: int) -> str:
    """Which badge, and the file."""
    with services().database.read() as session:
        return _form(session, context_id)


def _form(session: Session, context_id: int, **more: Any) -> str:
    live = [one for one in course_achievements(session, context_id) if one.state is AchievementState.LIVE]
    values = {"errors": {}, "typed": request.form or request.args} | more
    return render_template("instructor/bulk.html", badges=live, **values)


@blueprint.post(BULK)
@launch_required(Role.INSTRUCTOR, action=Action.AWARD_BY_HAND)
def look_at(context_id: int) -> str:
    """Show what the file would do; kept is who it names, in this session."""
    file, badge_id = request.files.get("file"), read_id(request.form.get("for_badge", ""))
    with services().database.read() as session:
        try:
            if badge_id is None:
                raise InvalidInputError("No badge was chosen.", code="badge_missing", field="for_badge")
            if file is None or not file.filename:
                raise InvalidInputError("No file was sent.", code="csv_missing", field="file")
            with file.stream as stream:
                content = stream.read()
            achievement = get_achievement(session, context_id, badge_id)
            preview = preview_bulk(session, badge_id, content, services().clock())
        except InvalidInputError as error:
            return _form(session, context_id, errors={error.field or "file": _problem(error)})
        flask_session[KEPT] = {"badge": badge_id, "people": list(preview.lines.items())}
        return _preview(session, context_id, achievement, preview)


def _problem(error: InvalidInputError) -> str:
    text = _PROBLEMS.get(error.code)
    return field_text(error) if text is None else str(text)


def _preview(session: Session, context_id: int, achievement: Achievement, preview: BulkPreview, **more: Any) -> str:
    counted = [(number, *OUTCOMES[outcome]) for outcome, number in preview.counts.items() if number]
    values = {"errors": {}, "typed": request.form} | more
    return render_template(
        "instructor/bulk_preview.html",
        achievement=achievement,
        preview=preview,
        rows=[(row, *OUTCOMES[row.outcome]) for row in preview.rows[:SHOWN]],
        rest=max(0, len(preview.rows) - SHOWN),
        figures=counted,
        number=len(preview.user_ids),
        state=overview.course_state(session, context_id),
        **values,
    )


@blueprint.post(f"{BULK}/confirm")
@launch_required(Role.INSTRUCTOR, action=Action.AWARD_BY_HAND)
def confirm(context_id: int) -> Response | str:
    """Give the badge to exactly those that were shown."""
    kept, now = flask_session.get(KEPT), services().clock()
    badge_id = read_id(request.form.get("for_badge", ""))
    if not kept or kept["badge"] != badge_id:
        flash(_("The preview is not there any more. Choose the file again."), "warning")
        return _to("instructor_bulk.choose", context_id=context_id)
    lines, form, seen = dict(kept["people"]), request.form, request.form.get("seen", "")
    errors, is_stale = {}, False
    try:
        with services().database.write() as session:
            get_achievement(session, context_id, kept["badge"])
            run = apply_bulk(
                session, kept["badge"], lines, seen, form.get("reason", ""), form.get("evidence"), g.launch.actor, now
            )
    except InvalidInputError as error:
        errors = {error.field or "reason": _problem(error)}
    except ConflictError as error:
        if error.code != "preview_outdated":
            raise
        is_stale = True
    else:
        flask_session.pop(KEPT)
        number = run.counts[Giving.GIVEN]
        flash(
            ngettext("The badge is offered to %(num)s learner.", "The badge is offered to %(num)s learners.", number),
            "success",
        )
        if run.run_id is None:
            return _to("instructor_roster.learners", context_id=context_id)
        return _to("instructor_runs.run", context_id=context_id, run_id=run.run_id)
    with services().database.read() as session:
        achievement = get_achievement(session, context_id, kept["badge"])
        preview = preview_again(session, kept["badge"], lines, now)
        return _preview(session, context_id, achievement, preview, errors=errors, is_stale=is_stale)


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))
