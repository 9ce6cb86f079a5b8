"""The roster board: learners down, badges across, filters, pages; and what is done about those who are ticked."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import User
from lti_tool.services import hand_awards, overview, revoking
from lti_tool.services.roster_board import BoardPage, Show, load_page
from lti_tool.services.selections import ALREADY, IMPOSSIBLE, SelectionPreview, preview_giving, preview_step
from lti_tool.web.access import Action, Role, can, launch_required
from lti_tool.web.award_steps import GIVE, MANY, STEPS, require_step
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.formats import state_look
from lti_tool.web.roster_form import address_of, chosen_learners, read_id, read_query, ticked
from lti_tool.web.spreadsheet import csv_response
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("instructor_roster", __name__)
LEARNERS = "/courses/<int:context_id>/learners"
FILTERS = (Show.ALL, Show.UNKNOWN, Show.CLOSE, Show.OFFERED, Show.IN_REVIEW, Show.HELD)


@blueprint.get(LEARNERS)
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def learners(context_id: int) -> str:
    """Learners down, badges across; filters and the page are in the address."""
    return _board(context_id, request.args)


def _board(context_id: int, given: Mapping[str, str], error: str | None = None) -> str:
    query = read_query(given)
    with services().database.read() as session:
        board = load_page(session, context_id, query, services().clock())
        return render_template(
            "instructor/learners.html",
            board=board,
            query=board.query,
            filters=FILTERS,
            address=address_of,
            steps=[(name, STEPS[name]) for name in MANY if can(STEPS[name].right)],
            state=overview.course_state(session, context_id),
            error=error,
            ticked=set(ticked()),
            typed=request.form,
        )


@blueprint.get("/courses/<int:context_id>/roster.csv")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def export(context_id: int) -> Response:
    """The board as a table for spreadsheets: everybody the filters find."""
    with services().database.read() as session:
        board = load_page(session, context_id, read_query(request.args), services().clock(), whole=True)
        return _table(session, board, board.matching)


def _table(session: Session, board: BoardPage, user_ids: list[int]) -> Response:
    wanted = set(user_ids)
    shown = [one for one in board.learners if one.user_id in wanted]
    rows = session.execute(select(User.id, User.platform_user_id).where(User.id.in_([one.user_id for one in shown])))
    known = {user_id: platform_user_id for user_id, platform_user_id in rows}
    table = [
        [
            _("user id"),
            _("Learner"),
            *(badge.current_version.name if badge.current_version else "" for badge in board.badges),
        ]
    ]
    for one in shown:
        cells = [str(state_look(board.cells[badge.id, one.user_id].state).label) for badge in board.badges]
        table.append([known[one.user_id], one.name or "", *cells])
    return csv_response(table, "learners.csv")


# -- the ticked ones --------------------------------------------------------------------------------------------------


@blueprint.post(f"{LEARNERS}/selected")
@launch_required(Role.INSTRUCTOR, action=Action.READ_ROSTER)
def selected(context_id: int) -> Response | str:
    """Show what a step would do to those who are chosen; or hand out their table."""
    name, now = request.form.get("do", ""), services().clock()
    with services().database.read() as session:
        board = load_page(session, context_id, read_query(request.form), now, whole=name == "export")
        user_ids = chosen_learners(board)
        if name == "export" and user_ids:
            return _table(session, board, user_ids)
        badge_id = read_id(request.form.get("for_badge", ""))
        if user_ids and badge_id is not None:
            require_step(name)
            return _preview_page(session, context_id, name, badge_id, user_ids)
    error = _("Choose a badge.") if user_ids else _("Tick at least one learner.")
    return _board(context_id, request.form, error)


def _preview(
    session: Session, context_id: int, name: str, achievement_id: int, user_ids: list[int]
) -> SelectionPreview:
    action = STEPS[name].action
    if action is None:
        return preview_giving(session, context_id, achievement_id, user_ids, services().clock())
    return preview_step(session, context_id, achievement_id, action, user_ids)


def _preview_page(
    session: Session, context_id: int, name: str, achievement_id: int, user_ids: list[int], **more: Any
) -> str:
    preview = _preview(session, context_id, name, achievement_id, user_ids)
    return render_template(
        "instructor/selected.html",
        name=name,
        step=STEPS[name],
        preview=preview,
        others=[(words, found) for outcome, words in _left_out() if (found := preview.who(outcome))],
        button=_button(name, len(preview.affected)),
        state=overview.course_state(session, context_id),
        typed=request.form,
        **({"errors": {}} | more),
    )


def _left_out() -> list[tuple[str, str]]:
    """Why nothing happens to some, in words."""
    return [
        (hand_awards.Giving.HAS_IT.value, _("Have it already")),
        (hand_awards.Giving.BARRED.value, _("Are not to be awarded it: somebody decided so")),
        (hand_awards.Giving.NOT_A_LEARNER.value, _("Are not learners of this course")),
        (ALREADY, _("It is so already")),
        (IMPOSSIBLE, _("Nothing to do: they have no badge, or not in a state that allows this")),
    ]


def _button(name: str, number: int) -> str:
    words = {
        GIVE: ngettext("Offer this badge to %(num)s learner", "Offer this badge to %(num)s learners", number),
        "suspend": ngettext("Suspend the badge of %(num)s learner", "Suspend the badges of %(num)s learners", number),
        "restore": ngettext(
            "Give the badge back to %(num)s learner", "Give the badge back to %(num)s learners", number
        ),
        "revoke": ngettext(
            "Revoke the badge of %(num)s learner for good", "Revoke the badges of %(num)s learners for good", number
        ),
    }
    return words[name]


@blueprint.post(f"{LEARNERS}/selected/give")
@launch_required(Role.INSTRUCTOR, action=Action.AWARD_BY_HAND)
def give(context_id: int) -> Response | str:
    """Give a badge to exactly those that the preview showed."""
    return _confirm(context_id, GIVE)


@blueprint.post(f"{LEARNERS}/selected/suspend")
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def suspend(context_id: int) -> Response | str:
    """Suspend the badges that the preview showed."""
    return _confirm(context_id, "suspend")


@blueprint.post(f"{LEARNERS}/selected/restore")
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def restore(context_id: int) -> Response | str:
    """Give back the badges that the preview showed."""
    return _confirm(context_id, "restore")


@blueprint.post(f"{LEARNERS}/selected/revoke")
@launch_required(Role.INSTRUCTOR, action=Action.REVOKE)
def revoke(context_id: int) -> Response | str:
    """Revoke the badges that the preview showed."""
    return _confirm(context_id, "revoke")


def _confirm(context_id: int, name: str) -> Response | str:
    achievement_id, user_ids = read_id(request.form.get("for_badge", "")) or 0, ticked()
    try:
        with services().database.write() as session:
            preview = _preview(session, context_id, name, achievement_id, user_ids)
            if preview.digest != request.form.get("seen") or not preview.affected:
                raise ConflictError("Something changed since the preview.", code="preview_outdated")
            return _act(session, context_id, name, preview)
    except InvalidInputError as error:
        errors, is_stale = {error.field or "reason": field_text(error)}, False
    except ConflictError as error:
        if error.code != "preview_outdated":
            raise
        errors, is_stale = {}, True
    with services().database.read() as session:
        return _preview_page(session, context_id, name, achievement_id, user_ids, errors=errors, is_stale=is_stale)


def _act(session: Session, context_id: int, name: str, preview: SelectionPreview) -> Response:
    reason, actor, now = request.form.get("reason", ""), g.launch.actor, services().clock()
    badge = preview.achievement.current_version.name if preview.achievement.current_version else ""
    affected, action = preview.affected, STEPS[name].action
    if action is None:
        ids, evidence = [one.learner.user_id for one in affected], request.form.get("evidence")
        run = hand_awards.award_by_hand(session, preview.achievement.id, ids, reason, evidence, actor, now)
        number = run.counts[hand_awards.Giving.GIVEN]
        words = ngettext(
            "“%(badge)s” is offered to %(num)s learner.",
            "“%(badge)s” is offered to %(num)s learners.",
            number,
            badge=badge,
        )
        flash(words, "success")
        if run.run_id is not None:
            return _to("instructor_runs.run", context_id=context_id, run_id=run.run_id)
        return _to("instructor_roster.learners", context_id=context_id)
    award_ids = [one.award_id for one in affected if one.award_id is not None]
    never_again = bool(request.form.get("never_again"))
    outcome = revoking.act_on_many(session, context_id, action, award_ids, reason, actor, now, never_again=never_again)
    number = len(outcome.done)
    words = ngettext(
        "“%(badge)s”: done for %(num)s learner.", "“%(badge)s”: done for %(num)s learners.", number, badge=badge
    )
    flash(words, "success")
    return _to("instructor_roster.learners", context_id=context_id, badge=preview.achievement.id)


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))
