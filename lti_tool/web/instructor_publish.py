"""Making a badge, the last steps: a try on today's grades, publishing or asking for approval; and ending one."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.explain import missing
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lint import lint_rule
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.simulate import Change
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ForbiddenError
from lti_tool.models import Achievement
from lti_tool.services import achievements, awarding, inheritance, overview
from lti_tool.services.award_policies import policy_of
from lti_tool.services.gathering import load_course
from lti_tool.services.rule_choices import load_choices
from lti_tool.services.simulating import simulate_publish, vouch
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, can, launch_required
from lti_tool.web.badge_steps import award_counts, lock_of, require_editable, steps
from lti_tool.web.change_preview import content_mark, describe, seen_mark
from lti_tool.web.current import services
from lti_tool.web.instructor_rule import BADGE, current_sentence, with_rule
from lti_tool.web.lint_words import LintLine, lint_lines
from lti_tool.web.policy_words import policy_sentences
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import Voice, clause_lines, sentence

blueprint = Blueprint("instructor_publish", __name__)


@blueprint.get(f"{BADGE}/try")
@launch_required(Role.INSTRUCTOR, action=Action.PREVIEW)
def try_it(context_id: int, achievement_id: int) -> str:
    """Who would earn the badge by today's grades, who not yet, and of whom it can't be told; each with the why."""
    with services().database.read() as session:
        achievement = with_rule(session, context_id, achievement_id)
        judgements = awarding.try_out(session, context_id, achievement_id, services().clock())
        state = overview.course_state(session, context_id)
        titles = overview.titles_of(load_course(session, context_id, drafts=True))
        found: dict[Verdict, list[tuple[overview.Learner, str, object]]] = {verdict: [] for verdict in Verdict}
        for learner in overview.course_learners(session, context_id):
            judgement = judgements[learner.user_id]
            lines = clause_lines(judgement, voice=Voice.INSTRUCTOR, platform=state.platform, titles=titles)
            found[judgement.verdict].append((learner, _short_why(judgement, state.platform), lines))
        return render_template(
            "instructor/badge_try.html",
            achievement=achievement,
            steps=steps(achievement, context_id),
            sentence=current_sentence(achievement, titles),
            lint=_lint(session, achievement),
            found={verdict.value: rows for verdict, rows in found.items()},
            total=len(judgements),
            state=state,
            may_publish=_may_publish(session, achievement),
        )


def _short_why(judgement: Judgement, platform: str) -> str:
    """The first reason in one sentence, and how many more there are."""
    leaves = missing(judgement)
    if not leaves:
        return ""
    first = sentence(leaves[0], voice=Voice.INSTRUCTOR, platform=platform)
    if len(leaves) == 1:
        return first
    return _("%(reason)s And %(number)s more.", reason=first, number=len(leaves) - 1)


def _lint(session: Session, achievement: Achievement) -> list[LintLine]:
    if achievement.current_rule is None:
        return []
    choices = load_choices(session, achievement, services().sources)
    findings = lint_rule(parse_rule(achievement.current_rule.document), choices.outline)
    return lint_lines(findings, choices.titles)


def _may_publish(session: Session, achievement: Achievement) -> bool:
    """Whoever approves may; an instructor too where the organization approved the badge with its template."""
    return can(Action.PUBLISH) or inheritance.is_approved(session, achievement)


@blueprint.get(f"{BADGE}/publish")
@launch_required(Role.INSTRUCTOR)
def publishing(context_id: int, achievement_id: int) -> str:
    """What publishing will do, before it does it."""
    with services().database.read() as session:
        achievement = with_rule(session, context_id, achievement_id)
        titles = overview.titles_of(load_course(session, context_id, drafts=True))
        state = overview.course_state(session, context_id)
        simulation = simulate_publish(session, context_id, achievement_id, services().clock())
        name = achievement.current_version.name if achievement.current_version else ""
        return render_template(
            "instructor/badge_publish.html",
            achievement=achievement,
            steps=steps(achievement, context_id),
            sentence=current_sentence(achievement, titles),
            policy=policy_sentences(policy_of(achievement)),
            lint=_lint(session, achievement),
            change=describe(simulation, name, policy_of(achievement), state.platform, titles),
            number=len(simulation.who(Change.GAINS)),
            mark=seen_mark([simulation], content_mark(achievement)),
            may_publish=_may_publish(session, achievement),
            is_approved=inheritance.is_approved(session, achievement),
            lock=lock_of(session, achievement),
            state=state,
        )


@blueprint.post(f"{BADGE}/publish")
@launch_required(Role.INSTRUCTOR, action=Action.ASK_TO_PUBLISH)
def publish(context_id: int, achievement_id: int) -> Response:
    """Let the badge be earned; offers follow at once. Numbers that changed since the preview are shown again.

    Raises ``ForbiddenError`` (``action_not_allowed``) where somebody else has to approve the badge.
    """
    now, seen = services().clock(), request.form.get("seen")
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        if not _may_publish(session, achievement):
            raise ForbiddenError("Somebody else approves badges here.", code="action_not_allowed")
        if seen is not None:
            simulation = simulate_publish(session, context_id, achievement_id, now)
            if seen != seen_mark([simulation], content_mark(achievement)):
                flash(_("Grades have changed meanwhile. Please look at the numbers once more."), "warning")
                return _to("instructor_publish.publishing", context_id, achievement_id)
            vouch(session, achievement_id, simulation)
        achievements.publish(session, achievement, g.launch.actor, now)
        name = achievement.current_version.name if achievement.current_version else ""
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_("“%(badge)s” is live. Who earned it is offered it within a minute.", badge=name), "success")
    return _home(context_id)


@blueprint.post(f"{BADGE}/ask")
@launch_required(Role.INSTRUCTOR, action=Action.ASK_TO_PUBLISH)
def ask(context_id: int, achievement_id: int) -> Response:
    """Send the badge for approval."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        achievements.ask_to_publish(session, achievement, g.launch.actor, services().clock())
        name = achievement.current_version.name if achievement.current_version else ""
    flash(_("“%(badge)s” waits for approval. You will see here when it is live.", badge=name), "success")
    return _home(context_id)


@blueprint.post(f"{BADGE}/take-back")
@launch_required(Role.INSTRUCTOR, action=Action.ASK_TO_PUBLISH)
def take_back(context_id: int, achievement_id: int) -> Response:
    """Take a badge that waits for approval back, to change it."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        achievements.send_back(session, achievement, g.launch.actor, services().clock())
    flash(_("The badge is a draft again."), "success")
    return _to("instructor_badge.content", context_id, achievement_id)


@blueprint.get(f"{BADGE}/retire")
@launch_required(Role.INSTRUCTOR)
def retiring(context_id: int, achievement_id: int) -> str:
    """What ending the badge will do, before it does it."""
    with services().database.read() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        counts = award_counts(session, achievement_id)
        return render_template(
            "instructor/badge_retire.html",
            achievement=achievement,
            steps=steps(achievement, context_id),
            offered=counts.get(AwardState.OFFERED, 0),
            claimed=counts.get(AwardState.CLAIMED, 0),
            dependents=_dependents(session, achievement),
            lock=lock_of(session, achievement),
        )


@blueprint.post(f"{BADGE}/retire")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def retire(context_id: int, achievement_id: int) -> Response:
    """End the badge."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        require_editable(session, achievement)
        achievements.retire(session, achievement, g.launch.actor, services().clock())
        name = achievement.current_version.name if achievement.current_version else ""
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_("“%(badge)s” is retired.", badge=name), "success")
    return _home(context_id)


def _dependents(session: Session, achievement: Achievement) -> list[str]:
    """The names of badges that ask for this one."""
    others = achievements.course_achievements(session, achievement.context_id)
    return [
        one.current_version.name
        for one in others
        if one.current_version is not None and achievement.public_id in overview.badges_needed(one)
    ]


def _to(view: str, context_id: int, achievement_id: int) -> Response:
    return make_response(redirect(url_for(view, context_id=context_id, achievement_id=achievement_id), 303))


def _home(context_id: int) -> Response:
    return make_response(redirect(url_for("course.home", context_id=context_id), 303))
