"""Making a badge: how it is awarded. What is live changes only after a look at who gains and who loses."""

from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import ConflictError
from lti_tool.models import Achievement, AchievementState, Context, Term
from lti_tool.services import achievements, inheritance, overview
from lti_tool.services.award_policies import policy_of, write_policy
from lti_tool.services.gathering import load_course
from lti_tool.services.simulating import simulate_publish, vouch
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.badge_steps import lock_of, require_editable, steps
from lti_tool.web.change_preview import carried, describe, seen_mark
from lti_tool.web.current import services
from lti_tool.web.instructor_rule import BADGE
from lti_tool.web.policy_form import PolicyForm
from lti_tool.web.policy_words import policy_sentences
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("instructor_policy", __name__)


@blueprint.get(f"{BADGE}/policy")
@launch_required(Role.INSTRUCTOR)
def policy(context_id: int, achievement_id: int) -> str:
    """The form, filled with the policy that holds."""
    with services().database.read() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        return _page(session, achievement, PolicyForm.from_policy(policy_of(achievement)))


@blueprint.post(f"{BADGE}/policy")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save(context_id: int, achievement_id: int) -> str | Response:
    """Store the policy and go on; that of a live badge is stored once its preview is confirmed."""
    with services().database.write() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        require_editable(session, achievement)
        form = PolicyForm.from_request().checked()
        if form.errors or request.form.get("do") == "show":
            return _page(session, achievement, form)
        wanted, is_live = form.policy(), achievement.state is AchievementState.LIVE
        if is_live:
            preview = _change_page(session, achievement, wanted)
            if preview is not None:
                return preview
        if wanted != policy_of(achievement):
            inheritance.allow_change(session, context_id, achievement)
            write_policy(session, achievement, wanted.to_document(), g.launch.actor, services().clock())
    if is_live:
        services().queue.wake(EVALUATE_COURSE, context_id)
        flash(_("Saved. This is how the badge is awarded from now on."), "success")
    has_rule = achievement.current_rule_id is not None
    view = "instructor_publish.try_it" if has_rule else "instructor_rule.rule"
    return make_response(redirect(url_for(view, context_id=context_id, achievement_id=achievement_id), 303))


def _change_page(session: Session, achievement: Achievement, wanted: AwardPolicy) -> str | None:
    """What another policy would do to a live badge; ``None`` once a person has seen just that and confirmed."""
    context_id, now = achievement.context_id, services().clock()
    simulation = simulate_publish(session, context_id, achievement.id, now, policy=wanted.to_document())
    mark = seen_mark([simulation], achievement.current_rule_id)
    is_confirmed = request.form.get("do") == "confirm"
    if is_confirmed and request.form.get("seen") == mark:
        vouch(session, achievement.id, simulation)
        return None
    if achievement.current_version is None:
        raise ConflictError("The badge has no content yet.", code="badge_incomplete")
    state = overview.course_state(session, context_id)
    titles = overview.titles_of(load_course(session, context_id, drafts=True))
    return render_template(
        "instructor/badge_change.html",
        achievement=achievement,
        steps=steps(achievement, context_id),
        step="policy",
        action=url_for("instructor_policy.save", context_id=context_id, achievement_id=achievement.id),
        before=" ".join(policy_sentences(policy_of(achievement))),
        after=" ".join(policy_sentences(wanted)),
        change=describe(simulation, achievement.current_version.name, wanted, state.platform, titles),
        state=state,
        mark=mark,
        carried=carried(),
        is_stale=is_confirmed,
    )


def _page(session: Session, achievement: Achievement, form: PolicyForm) -> str:
    context = session.get_one(Context, achievement.context_id)
    capabilities = [one.capability(context) for one in services().sources]
    terms = select(Term.id).where(Term.organization_id == context.organization_id).limit(1)
    context_values: dict[str, Any] = {
        "sees_hidden": any(
            EvidenceState.HIDDEN not in one.unseen for one in capabilities if one.is_available and not one.is_pushed
        ),
        "has_terms": session.scalar(terms) is not None,
        "said": None if form.checked().errors else policy_sentences(form.policy()),
    }
    return render_template(
        "instructor/badge_policy.html",
        achievement=achievement,
        steps=steps(achievement, context.id),
        form=form,
        lock=lock_of(session, achievement),
        **context_values,
    )
