"""The steps that a person can take about somebody's badge: who may, when, what they do and say, and doing them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import TRANSITIONS, AwardAction, AwardState
from lti_tool.errors import ForbiddenError, NotFoundError
from lti_tool.models import Achievement, AchievementState, Award
from lti_tool.services import hand_awards, revoking
from lti_tool.web.access import Action, can

GIVE, BAR, LIFT_BAR = "give", "bar", "unbar"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``button`` leads to its page, ``title`` heads it; ``effect`` and ``done``: what it will do and did."""

    right: Action
    button: Any
    title: Any
    effect: Any
    confirm: Any
    done: Any
    icon: str
    action: AwardAction | None = None
    tone: str = "primary"


STEPS: Mapping[str, Step] = {
    GIVE: Step(
        Action.AWARD_BY_HAND,
        _l("Award by hand"),
        _l("Award “%(badge)s” by hand"),
        _l("The badge is offered, whatever the grades say, and no grade takes it away. The learner reads the reason."),
        _l("Offer this badge"),
        _l("“%(badge)s” is offered."),
        "gift",
    ),
    "release": Step(
        Action.REVIEW_AWARDS,
        _l("Release"),
        _l("Release the offer of “%(badge)s”"),
        _l("The offer that is on hold is made. The learner is told and can claim the badge."),
        _l("Release this offer"),
        _l("The offer of “%(badge)s” is released."),
        "check",
        AwardAction.RELEASE,
    ),
    "hold": Step(
        Action.REVIEW_AWARDS,
        _l("Put on hold"),
        _l("Put the offer of “%(badge)s” on hold"),
        _l("The offer is taken back for the moment, and the learner is told. It can be released again."),
        _l("Put this offer on hold"),
        _l("The offer of “%(badge)s” is on hold."),
        "pause",
        AwardAction.HOLD,
    ),
    "lapse": Step(
        Action.REVIEW_AWARDS,
        _l("End the offer"),
        _l("End the offer of “%(badge)s”"),
        _l("The offer ends as if the badge were not earned. Whoever earns it by today's grades is offered it again."),
        _l("End this offer"),
        _l("The offer of “%(badge)s” has ended."),
        "x",
        AwardAction.LAPSE,
    ),
    "suspend": Step(
        Action.REVIEW_AWARDS,
        _l("Suspend"),
        _l("Suspend “%(badge)s”"),
        _l("Whoever checks the badge is told that it does not hold for now. It can be given back."),
        _l("Suspend this badge"),
        _l("“%(badge)s” is suspended."),
        "pause",
        AwardAction.SUSPEND,
    ),
    "restore": Step(
        Action.REVIEW_AWARDS,
        _l("Give back"),
        _l("Give “%(badge)s” back"),
        _l("The badge holds again, and the learner is told."),
        _l("Give this badge back"),
        _l("“%(badge)s” holds again."),
        "check",
        AwardAction.RESTORE,
    ),
    "revoke": Step(
        Action.REVOKE,
        _l("Revoke"),
        _l("Revoke “%(badge)s”"),
        _l("This is for good: whoever checks the badge is told that it was revoked, and no grade brings it back."),
        _l("Revoke this badge for good"),
        _l("“%(badge)s” is revoked."),
        "x",
        AwardAction.REVOKE,
        "danger",
    ),
    BAR: Step(
        Action.REVIEW_AWARDS,
        _l("Do not award"),
        _l("Do not award “%(badge)s”"),
        _l("Whatever the grades say, the badge is not awarded to this learner. What they have already stays."),
        _l("Do not award it to this learner"),
        _l("“%(badge)s” will not be awarded to this learner."),
        "lock",
    ),
    LIFT_BAR: Step(
        Action.REVIEW_AWARDS,
        _l("Let them earn it"),
        _l("Let this learner earn “%(badge)s” again"),
        _l("From the next check of the grades on, the badge is awarded as to everybody else."),
        _l("Let them earn it again"),
        _l("This learner can earn “%(badge)s” again."),
        "check",
    ),
}
"""By their name in addresses. Placeholder: ``badge``."""

MANY = (GIVE, "suspend", "restore", "revoke")
"""What can be done to many learners at once."""
_GIVEN_FROM = {AwardState.HELD, AwardState.LAPSED, AwardState.DECLINED, AwardState.REVOKED}


def require_step(name: str) -> Step:
    """Return a step that the session at hand may take; raises ``ForbiddenError`` (``action_not_allowed``)."""
    step = STEPS.get(name)
    if step is None:
        raise NotFoundError("There is no such step.")
    if not can(step.right):
        raise ForbiddenError(f"{step.right} is not allowed to this role.", code="action_not_allowed")
    return step


def possible_steps(achievement: Achievement, award: Award | None, *, is_barred: bool) -> list[tuple[str, Step]]:
    """Return the steps that this state of things allows, and the session may take."""
    return [
        (name, step)
        for name, step in STEPS.items()
        if can(step.right) and _is_possible(name, step, achievement, award, is_barred=is_barred)
    ]


def _is_possible(name: str, step: Step, achievement: Achievement, award: Award | None, *, is_barred: bool) -> bool:
    if name == BAR:
        return not is_barred
    if name == LIFT_BAR:
        return is_barred
    if name == GIVE:
        is_open = award is None or award.state in _GIVEN_FROM
        return is_open and not is_barred and achievement.state is AchievementState.LIVE
    if award is None or step.action is None or (award.state, step.action) not in TRANSITIONS:
        return False
    return name != "revoke" or award.state is not AwardState.LAPSED


@dataclass(frozen=True, slots=True)
class Ground:
    """Why, and who says so. ``never_again``: bar the learner, too, when revoking."""

    reason: str
    actor: str
    now: datetime
    evidence: str | None = None
    never_again: bool = False


def take_step(
    session: Session, name: str, achievement: Achievement, user_id: int, award: Award | None, why: Ground
) -> bool:
    """Do it; ``False`` when it was so already.

    Raises ``InvalidInputError`` (``reason_missing``, ``reason_too_long``, ``evidence_too_long``), ``ConflictError``
    (``transition_refused``, ``award_barred``, ``achievement_not_live`` …), ``NotFoundError`` where there is no award.
    """
    if name == GIVE:
        given = hand_awards.award_by_hand(
            session, achievement.id, [user_id], why.reason, why.evidence, why.actor, why.now
        )
        return given.run_id is not None
    if name == BAR:
        return revoking.bar(session, achievement.id, user_id, why.reason, why.actor, why.now)
    if name == LIFT_BAR:
        return revoking.lift_bar(session, achievement.id, user_id, why.reason, why.actor, why.now)
    action = STEPS[name].action
    if award is None or action is None:
        raise NotFoundError("There is no such award.")
    outcome = revoking.act_on_many(
        session,
        achievement.context_id,
        action,
        [award.id],
        why.reason,
        why.actor,
        why.now,
        never_again=why.never_again,
    )
    return bool(outcome.done)
