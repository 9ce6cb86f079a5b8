"""One badge as its learner stands with it: why, what would help, what happened; and the learner's own steps about it.

An offer can be let go, and a decision answered with a message (an appeal) that a person has to answer.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Review, ReviewKind
from lti_tool.services import claiming, explaining, notices, review_decisions, reviews
from lti_tool.services.course_wallet import BadgeProgress, progress_of
from lti_tool.services.credentials import find_claim
from lti_tool.services.explaining import Explanation, Kept
from lti_tool.services.overview import CourseState, course_state
from lti_tool.services.rebuilding import RebuildOutcome
from lti_tool.services.withholding import for_learner
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.decision_texts import MOMENTS, policy_lines
from lti_tool.web.field_texts import field_text
from lti_tool.web.learner import known_user
from lti_tool.web.learner_checklist import checklist, checkpoint_links, told_lines
from lti_tool.web.notice_texts import NoticeLine
from lti_tool.web.rule_words import rule_sentence
from lti_tool.web.standing_words import standing_lines
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine, Voice, clause_lines

blueprint = Blueprint("learner_progress", __name__)


# -- the page ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything the page shows of one badge."""

    one: BadgeProgress
    found: Explanation
    course: CourseState
    lines: list[ClauseLine]
    sentences: list[str]
    told: list[NoticeLine]
    appeals: list[Review]
    may_appeal: bool
    credential_id: int | None


@blueprint.get("/courses/<int:context_id>/mine/progress/<int:achievement_id>")
@launch_required(Role.LEARNER)
def progress(context_id: int, achievement_id: int) -> str:
    """One badge: how I stand, why, what would help, what happened, and whom to write to."""
    return _page(context_id, achievement_id, {}, "")


def _page(context_id: int, achievement_id: int, errors: dict[str, str], typed: str) -> str:
    now = services().clock()
    with services().database.read() as session:
        shown = _shown(session, context_id, achievement_id, known_user(), now)
        found = shown.found
        then = [
            (str(MOMENTS[kept.moment]), kept.taken_at, _then(found, kept, shown.course.platform)) for kept in found.kept
        ]
        return render_template(
            "learner/progress.html",
            shown=shown,
            rule=None if found.rule is None else rule_sentence(found.rule, found.titles, voice=Voice.LEARNER),
            policy=policy_lines(found.policy, now),
            then=then,
            course=shown.course,
            errors=errors,
            typed=typed,
            longest=review_decisions.LONGEST_APPEAL,
        )


def _then(found: Explanation, kept: Kept, platform: str) -> list[ClauseLine]:
    """What was seen when something was decided; nothing where a person decided."""
    if kept.judgement is None or kept.outcome is RebuildOutcome.BY_HAND:
        return []
    return clause_lines(kept.judgement, voice=Voice.LEARNER, platform=platform, titles=found.titles)


def _shown(session: Session, context_id: int, achievement_id: int, user_id: int, now: datetime) -> Shown:
    found = for_learner(explaining.explain(session, context_id, user_id, achievement_id, now))
    one, course = progress_of(found), course_state(session, context_id)
    claim = None if found.award is None else find_claim(session, found.award.id)
    is_test_user = g.launch.is_test_user
    return Shown(
        one=one,
        found=found,
        course=course,
        lines=checklist(found, course.platform, checkpoint_links(session, context_id, now)),
        sentences=standing_lines(one, now=now, is_test_user=is_test_user),
        told=told_lines(
            notices.about_badge(session, user_id, achievement_id), {achievement_id: one.name}, course.platform
        ),
        appeals=[one for one in reviews.reviews_of(session, user_id, achievement_id) if one.kind is ReviewKind.APPEAL],
        may_appeal=found.idle is not explaining.Idle.NOT_A_LEARNER
        and not is_test_user
        and review_decisions.may_appeal(session, achievement_id, user_id),
        credential_id=None if claim is None else claim.credential_id,
    )


# -- the learner's own steps ------------------------------------------------------------------------------------------


@blueprint.post("/courses/<int:context_id>/mine/progress/<int:achievement_id>/appeal")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def appeal(context_id: int, achievement_id: int) -> str | Response:
    """Write to a person about this badge."""
    user_id, text = known_user(), request.form.get("text", "")
    try:
        with services().database.write() as session:
            review_decisions.appeal(session, context_id, achievement_id, user_id, text, services().clock())
    except InvalidInputError as error:
        return _page(context_id, achievement_id, {error.field or "text": field_text(error)}, text)
    except ConflictError as error:
        if error.code != "appeal_not_possible":
            raise
        flash(_("There is nothing to write about now: the badge is offered to you, or it is yours."), "info")
    else:
        flash(_("Your message was sent. The answer will be shown here, and on the page of your badges."), "success")
    return _to_progress(context_id, achievement_id)


@blueprint.post("/courses/<int:context_id>/mine/awards/<int:award_id>/decline")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def decline(context_id: int, award_id: int) -> Response:
    """Let an offer go."""
    user_id, now = known_user(), services().clock()
    try:
        with services().database.write() as session:
            claiming.decline(session, context_id, award_id, user_id, now)
            notices.mark_award_seen(session, user_id, award_id, now)
    except ConflictError as error:
        if error.code != "transition_refused":
            raise
        flash(_("This badge is not offered to you now, so there is nothing to let go."), "info")
    else:
        flash(_("You let the offer go. If you want the badge after all, ask your instructor."), "success")
    return _to_home(context_id)


@blueprint.post("/courses/<int:context_id>/mine/notices/seen")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def seen(context_id: int) -> Response:
    """Put notices away that the page showed."""
    ids = {int(text) for text in request.form.getlist("notice") if text.isascii() and text.isdigit() and len(text) < 10}
    with services().database.write() as session:
        notices.mark_seen(session, known_user(), context_id, ids, services().clock())
    return _to_home(context_id)


def _to_home(context_id: int) -> Response:
    return make_response(redirect(url_for("learner.home", context_id=context_id), 303))


def _to_progress(context_id: int, achievement_id: int) -> Response:
    target = url_for("learner_progress.progress", context_id=context_id, achievement_id=achievement_id)
    return make_response(redirect(target, 303))
