"""Making a badge, the further steps: the rule, a try on today's grades, publishing or asking for approval."""

from collections.abc import Iterable

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.explain import missing
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.rules import parse_rule, rule_document
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, Item
from lti_tool.services import achievements, awarding, frameworks, overview
from lti_tool.services.gathering import load_course
from lti_tool.services.mapping import mapped_columns
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, can, launch_required
from lti_tool.web.current import services
from lti_tool.web.instructor_badge import require_editable, steps
from lti_tool.web.rule_form import MODES, RuleForm, chosen_ids
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import Voice, clause_lines, rule_sentence, sentence

blueprint = Blueprint("instructor_rule", __name__)
_BADGE = "/courses/<int:context_id>/badges/<int:achievement_id>"


@blueprint.get(f"{_BADGE}/rule")
@launch_required(Role.INSTRUCTOR)
def rule(context_id: int, achievement_id: int) -> str:
    """The sentence builder, filled with the rule that holds."""
    with services().database.read() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        current = achievement.current_rule
        form = RuleForm() if current is None else RuleForm.from_rule(parse_rule(current.document))
        return _rule_page(session, achievement, form)


@blueprint.post(f"{_BADGE}/rule")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save_rule(context_id: int, achievement_id: int) -> str | Response:
    """Store the rule and go on to the try; with the button ``show`` only say it as a sentence."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        require_editable(achievement)
        items = frameworks.course_items(session, context_id)
        form = _sent_rule(items, overview.choosable_badges(session, context_id, achievement_id)).checked()
        if form.errors or request.form.get("do") == "show":
            return _rule_page(session, achievement, form)
        achievements.write_rule(session, achievement, rule_document(form.rule()), services().clock())
    services().queue.wake(EVALUATE_COURSE, context_id)
    return _to("try_it", context_id, achievement_id)


def _sent_rule(items: Iterable[Item], badges: Iterable[Achievement]) -> RuleForm:
    """The form as sent. Raises ``NotFoundError`` for a skill or badge that is not to be had here."""
    skills, others = {item.id: item.identifier for item in items}, {badge.id: badge.public_id for badge in badges}
    skill_ids, badge_ids = chosen_ids("skill", skills), chosen_ids("badge", others)
    if skill_ids is None or badge_ids is None:
        raise NotFoundError("There is no such skill or badge in this course.")
    return RuleForm(
        request.form.get("mode", ""),
        request.form.get("count", "").strip(),
        tuple(name for item_id, name in skills.items() if item_id in skill_ids),
        tuple(name for badge_id, name in others.items() if badge_id in badge_ids),
    )


def _rule_page(session: Session, achievement: Achievement, form: RuleForm | None) -> str:
    """``form`` is ``None`` for a rule that says more than the builder can."""
    context_id = achievement.context_id
    columns = mapped_columns(session, context_id)
    titles = overview.titles_of(load_course(session, context_id, drafts=True))
    items = frameworks.course_items(session, context_id)
    if form is not None and not form.errors and (form.skills or form.badges):
        said: str | None = rule_sentence(form.rule(), titles)
    else:
        said = None if form is not None else _current_sentence(achievement, titles)
    return render_template(
        "instructor/badge_rule.html",
        achievement=achievement,
        steps=steps(achievement, context_id),
        form=form or RuleForm(),
        is_beyond_form=form is None,
        sentence=said,
        modes=MODES,
        items=items,
        work={item.id: sum(item.id in column.thresholds for column in columns) for item in items},
        badges=overview.choosable_badges(session, context_id, achievement.id),
        is_locked=not overview.is_editable(achievement, can_publish=can(Action.PUBLISH)),
    )


def _current_sentence(achievement: Achievement, titles: dict[str, str]) -> str | None:
    current = achievement.current_rule
    return None if current is None else rule_sentence(parse_rule(current.document), titles)


@blueprint.get(f"{_BADGE}/try")
@launch_required(Role.INSTRUCTOR, action=Action.PREVIEW)
def try_it(context_id: int, achievement_id: int) -> str:
    """Who would earn the badge by today's grades, who not yet, and of whom it can't be told; each with the why."""
    with services().database.read() as session:
        achievement = _with_rule(session, context_id, achievement_id)
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
            sentence=_current_sentence(achievement, titles),
            found={verdict.value: rows for verdict, rows in found.items()},
            total=len(judgements),
            state=state,
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


@blueprint.get(f"{_BADGE}/publish")
@launch_required(Role.INSTRUCTOR)
def publishing(context_id: int, achievement_id: int) -> str:
    """What publishing will do, before it does it."""
    with services().database.read() as session:
        achievement = _with_rule(session, context_id, achievement_id)
        judgements = awarding.try_out(session, context_id, achievement_id, services().clock())
        titles = overview.titles_of(load_course(session, context_id, drafts=True))
        learners = overview.course_learners(session, context_id)
        earners = [one for one in learners if judgements[one.user_id].verdict is Verdict.MET]
        unknown = sum(one.verdict is Verdict.UNKNOWN for one in judgements.values())
        return render_template(
            "instructor/badge_publish.html",
            achievement=achievement,
            steps=steps(achievement, context_id),
            sentence=_current_sentence(achievement, titles),
            earners=earners,
            unknown=unknown,
            not_yet=len(judgements) - unknown - len(earners),
            state=overview.course_state(session, context_id),
        )


@blueprint.post(f"{_BADGE}/publish")
@launch_required(Role.INSTRUCTOR, action=Action.PUBLISH)
def publish(context_id: int, achievement_id: int) -> Response:
    """Let the badge be earned; offers follow at once."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        achievements.publish(session, achievement, g.launch.actor, services().clock())
        name = achievement.current_version.name if achievement.current_version else ""
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_("“%(badge)s” is live. Who earned it is offered it within a minute.", badge=name), "success")
    return _home(context_id)


@blueprint.post(f"{_BADGE}/ask")
@launch_required(Role.INSTRUCTOR, action=Action.ASK_TO_PUBLISH)
def ask(context_id: int, achievement_id: int) -> Response:
    """Send the badge for approval."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        achievements.ask_to_publish(session, achievement, g.launch.actor, services().clock())
        name = achievement.current_version.name if achievement.current_version else ""
    flash(_("“%(badge)s” waits for approval. You will see here when it is live.", badge=name), "success")
    return _home(context_id)


@blueprint.post(f"{_BADGE}/take-back")
@launch_required(Role.INSTRUCTOR, action=Action.ASK_TO_PUBLISH)
def take_back(context_id: int, achievement_id: int) -> Response:
    """Take a badge that waits for approval back, to change it."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        achievements.send_back(session, achievement, g.launch.actor, services().clock())
    flash(_("The badge is a draft again."), "success")
    return make_response(
        redirect(url_for("instructor_badge.content", context_id=context_id, achievement_id=achievement_id), 303)
    )


def _with_rule(session: Session, context_id: int, achievement_id: int) -> Achievement:
    achievement = achievements.get_achievement(session, context_id, achievement_id)
    if achievement.current_rule is None or achievement.current_version is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")
    return achievement


def _to(view: str, context_id: int, achievement_id: int) -> Response:
    address = url_for(f"instructor_rule.{view}", context_id=context_id, achievement_id=achievement_id)
    return make_response(redirect(address, 303))


def _home(context_id: int) -> Response:
    return make_response(redirect(url_for("course.home", context_id=context_id), 303))
