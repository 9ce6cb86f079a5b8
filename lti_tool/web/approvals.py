"""Badges that wait for a reviewer or registrar: what each says, how it is earned, and how many would earn it now."""

import base64
from collections import Counter
from dataclasses import dataclass

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.characters import many_lines
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, AchievementState, Context
from lti_tool.services import achievements, awarding, blobs, overview
from lti_tool.services.award_policies import policy_of
from lti_tool.services.gathering import load_course
from lti_tool.services.simulating import simulate_publish, vouch
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, staff_required
from lti_tool.web.change_preview import content_mark, seen_mark
from lti_tool.web.current import services
from lti_tool.web.policy_words import policy_sentences
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import rule_sentence

blueprint = Blueprint("approvals", __name__, url_prefix="/admin/approvals")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A badge that waits, with what somebody needs to decide."""

    achievement: Achievement
    course: str
    picture_url: str
    sentence: str
    counts: Counter[Verdict]
    policy: list[str]
    mark: str
    """What this page showed; approving vouches for just that."""


@blueprint.get("/")
@staff_required()
def waiting() -> str:
    """The badges that wait, oldest first."""
    with services().database.read() as session:
        found = [_waiting(session, one) for one in achievements.waiting_for_approval(session)]
        return render_template("admin/approvals.html", waiting=found, verdicts=Verdict)


def _waiting(session: Session, achievement: Achievement) -> Waiting:
    version, rule, context_id = achievement.current_version, achievement.current_rule, achievement.context_id
    if version is None or rule is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")
    context = session.get_one(Context, context_id)
    titles = overview.titles_of(load_course(session, context_id, drafts=True))
    now = services().clock()
    judgements = awarding.try_out(session, context_id, achievement.id, now)
    content = blobs.get_blob(session, version.picture_sha256).content
    return Waiting(
        achievement,
        context.title or context.label or context.platform_id,
        "data:image/png;base64," + base64.b64encode(content).decode("ascii"),
        rule_sentence(parse_rule(rule.document), titles),
        Counter(one.verdict for one in judgements.values()),
        policy_sentences(policy_of(achievement)),
        seen_mark([simulate_publish(session, context_id, achievement.id, now)], content_mark(achievement)),
    )


@blueprint.post("/<int:achievement_id>/approve")
@staff_required(action=Action.PUBLISH)
def approve(achievement_id: int) -> Response:
    """Let the badge be earned. A badge or numbers that changed since the page was loaded are shown again."""
    now, seen = services().clock(), request.form.get("seen")
    with services().database.write() as session:
        achievement = _get_waiting(session, achievement_id)
        if seen is not None:
            simulation = simulate_publish(session, achievement.context_id, achievement_id, now)
            if seen != seen_mark([simulation], content_mark(achievement)):
                flash(_("Grades have changed meanwhile. Please look at the numbers once more."), "warning")
                return _list()
            vouch(session, achievement_id, simulation)
        achievements.publish(session, achievement, g.staff.actor, services().clock())
        context_id, name = achievement.context_id, _name(achievement)
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_("“%(badge)s” is live. Who earned it is offered it within a minute.", badge=name), "success")
    return _list()


@blueprint.post("/<int:achievement_id>/send-back")
@staff_required(action=Action.PUBLISH)
def send_back(achievement_id: int) -> Response:
    """Give the badge back to its instructor as a draft, with a comment that says why."""
    with services().database.write() as session:
        achievement = _get_waiting(session, achievement_id)
        note = many_lines(request.form.get("note", ""))
        achievements.send_back(session, achievement, g.staff.actor, services().clock(), note=note)
        name = _name(achievement)
    flash(_("“%(badge)s” is back with its instructor, as a draft.", badge=name), "info")
    return _list()


def _get_waiting(session: Session, achievement_id: int) -> Achievement:
    """Raises ``NotFoundError``, or ``ConflictError`` (``approval_decided``) when it waits no more."""
    achievement = session.get(Achievement, achievement_id)
    if achievement is None:
        raise NotFoundError("There is no such badge.")
    if achievement.state is not AchievementState.REVIEW:
        raise ConflictError("The badge does not wait for approval.", code="approval_decided")
    return achievement


def _name(achievement: Achievement) -> str:
    return achievement.current_version.name if achievement.current_version else ""


def _list() -> Response:
    return make_response(redirect(url_for("approvals.waiting"), 303))
