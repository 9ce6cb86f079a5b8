"""Making a badge: its rule. What is live changes only after a look at who gains and who loses."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.lint import lint_rule
from lti_tool.domain.rules import Rule, parse_rule, rule_document
from lti_tool.errors import ConflictError
from lti_tool.models import Achievement, AchievementState
from lti_tool.services import achievements, overview
from lti_tool.services.award_policies import policy_of
from lti_tool.services.gathering import load_course
from lti_tool.services.mapping import bind_slot, mapped_columns
from lti_tool.services.rule_choices import Choices, load_choices
from lti_tool.services.simulating import simulate_publish, vouch
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.badge_steps import lock_of, require_editable, steps
from lti_tool.web.change_preview import carried, describe, seen_mark
from lti_tool.web.current import services
from lti_tool.web.lint_words import KINDS, LintLine, lint_lines
from lti_tool.web.rule_form import RuleForm
from lti_tool.web.rule_nodes import MAX_GROUPS, NodeKind
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import rule_sentence

blueprint = Blueprint("instructor_rule", __name__)
BADGE = "/courses/<int:context_id>/badges/<int:achievement_id>"


@blueprint.get(f"{BADGE}/rule")
@launch_required(Role.INSTRUCTOR)
def rule(context_id: int, achievement_id: int) -> str:
    """The sentence builder, filled with the rule that holds."""
    with services().database.read() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        choices = load_choices(session, achievement, services().sources)
        current = achievement.current_rule
        stored = None if current is None else parse_rule(current.document)
        form = RuleForm() if stored is None else RuleForm.from_rule(stored, choices)
        return _rule_page(session, achievement, choices, form, stored)


@blueprint.post(f"{BADGE}/rule")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save_rule(context_id: int, achievement_id: int) -> str | Response:
    """Store the rule and go on; the builder's own buttons and ``show`` only show the page again.

    The rule of a live badge is stored with the button ``confirm``, on the page that says what it would do.
    """
    button = request.form.get("do", "")
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        require_editable(session, achievement)
        choices = load_choices(session, achievement, services().sources)
        form = RuleForm.from_request(choices)
        edited = form.after_button(button)
        if edited is not None:
            return _rule_page(session, achievement, choices, edited)
        form = form.checked(choices)
        if form.errors or button == "show":
            return _rule_page(session, achievement, choices, form)
        columns = {one.column.id: one.column for one in choices.work}
        built = form.rule(choices, lambda column_id: bind_slot(session, context_id, columns[column_id]))
        document = dict(rule_document(built))
        if achievement.state is AchievementState.LIVE:
            preview = _change_page(session, achievement, document)
            if preview is not None:
                return preview
        achievements.write_rule(session, achievement, document, services().clock(), actor=g.launch.actor)
        is_live = achievement.state is AchievementState.LIVE
    services().queue.wake(EVALUATE_COURSE, context_id)
    if is_live:
        flash(_("Saved. The new rule holds from now on."), "success")
    view = "instructor_publish.try_it" if is_live else "instructor_policy.policy"
    return make_response(redirect(url_for(view, context_id=context_id, achievement_id=achievement_id), 303))


def _change_page(session: Session, achievement: Achievement, document: dict[str, object]) -> str | None:
    """What another rule would do to a live badge; ``None`` once a person has seen just that and confirmed."""
    context_id, now = achievement.context_id, services().clock()
    simulation = simulate_publish(session, context_id, achievement.id, now, rule=document)
    mark = seen_mark([simulation], achievement.current_rule_id)
    is_confirmed = request.form.get("do") == "confirm"
    if is_confirmed and request.form.get("seen") == mark:
        vouch(session, achievement.id, simulation)
        return None
    titles = overview.titles_of(load_course(session, context_id, drafts=True))
    state = overview.course_state(session, context_id)
    name = achievement.current_version.name if achievement.current_version else ""
    return render_template(
        "instructor/badge_change.html",
        achievement=achievement,
        steps=steps(achievement, context_id),
        step="rule",
        action=url_for("instructor_rule.save_rule", context_id=context_id, achievement_id=achievement.id),
        before=current_sentence(achievement, titles),
        after=rule_sentence(parse_rule(document), titles),
        change=describe(simulation, name, policy_of(achievement), state.platform, titles),
        state=state,
        mark=mark,
        carried=carried(),
        is_stale=is_confirmed,
    )


def _rule_page(
    session: Session, achievement: Achievement, choices: Choices, form: RuleForm, stored: Rule | None = None
) -> str:
    """``stored``: the rule that holds, for a form nobody has changed yet; what is odd about it is said as it is."""
    context_id = achievement.context_id
    columns = mapped_columns(session, context_id)
    said, lines = _said(choices, form, stored)
    return render_template(
        "instructor/badge_rule.html",
        achievement=achievement,
        steps=steps(achievement, context_id),
        form=form,
        sentence=said,
        lint=lines,
        choices=choices,
        kinds=NodeKind,
        measures={name: words for name, words in KINDS.items() if name in choices.measures},
        unseen=[words for name, words in KINDS.items() if choices.work and name not in choices.measures],
        max_groups=MAX_GROUPS,
        work={item.id: sum(item.id in column.thresholds for column in columns) for item in choices.items},
        lock=lock_of(session, achievement),
    )


def _said(choices: Choices, form: RuleForm, stored: Rule | None) -> tuple[str | None, list[LintLine]]:
    """The rule in words and what is odd about it; nothing for a form that makes no rule yet."""
    checked = form.checked(choices)
    if stored is None and checked.errors:
        return None, []
    built = stored if stored is not None else checked.rule(choices)
    return rule_sentence(built, choices.titles), lint_lines(lint_rule(built, choices.outline), choices.titles)


def current_sentence(achievement: Achievement, titles: dict[str, str]) -> str | None:
    """The rule that holds, in words."""
    current = achievement.current_rule
    return None if current is None else rule_sentence(parse_rule(current.document), titles)


def with_rule(session: Session, context_id: int, achievement_id: int) -> Achievement:
    """Return a badge that can be tried; raises ``NotFoundError``, ``ConflictError`` (``badge_incomplete``)."""
    achievement = achievements.get_achievement(session, context_id, achievement_id)
    if achievement.current_rule is None or achievement.current_version is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")
    return achievement
