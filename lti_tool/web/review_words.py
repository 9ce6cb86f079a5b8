"""Reviews in words: what is in question, what happens by itself and when, and what a person can decide about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy, GradeChange
from lti_tool.domain.award_states import TRANSITIONS, AwardAction, AwardState
from lti_tool.domain.decisions import ReviewOutcome
from lti_tool.errors import ForbiddenError, NotFoundError
from lti_tool.models import Review, ReviewKind, ReviewState
from lti_tool.services import review_decisions
from lti_tool.web import formats
from lti_tool.web.access import Action, can
from lti_tool.web.translated import gettext as _

KINDS: Mapping[str, Any] = {
    ReviewKind.NO_LONGER_EARNED: _l("No longer earned"),
    ReviewKind.APPEAL: _l("Message from the learner"),
    ReviewKind.UNDONE: _l("Its run was undone"),
}
STATES: Mapping[str, Any] = {
    ReviewState.OPEN: _l("Waits for somebody"),
    ReviewState.KEPT: _l("The badge stays"),
    ReviewState.SUSPENDED: _l("Suspended"),
    ReviewState.REVOKED: _l("Revoked"),
    ReviewState.SETTLED: _l("Settled by itself"),
    ReviewState.GRANTED: _l("Granted"),
    ReviewState.REFUSED: _l("Refused"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person can decide. ``effect``: what follows from it; ``done``: what is said afterwards."""

    key: str
    right: Action
    label: Any
    effect: Any
    done: Any


OUTCOMES: Mapping[str, Outcome] = {
    one.key: one
    for one in (
        Outcome(
            "keep",
            Action.REVIEW_AWARDS,
            _l("The badge stays"),
            _l("The learner is told that it stays theirs. This change of grades is not asked about again."),
            _l("Decided: the badge stays."),
        ),
        Outcome(
            "suspend",
            Action.REVIEW_AWARDS,
            _l("Suspend it"),
            _l("Whoever checks the badge is told that it does not hold for now. It can be given back."),
            _l("Decided: the badge is suspended."),
        ),
        Outcome(
            "revoke",
            Action.REVOKE,
            _l("Revoke it for good"),
            _l("Whoever checks the badge is told that it was revoked, and no grade brings it back."),
            _l("Decided: the badge is revoked."),
        ),
        Outcome(
            "restore",
            Action.REVIEW_AWARDS,
            _l("Give it back"),
            _l("The suspended badge holds again, and the learner is told."),
            _l("Decided: the badge holds again."),
        ),
        Outcome(
            "grant",
            Action.REVIEW_AWARDS,
            _l("The learner is right"),
            _l("A suspended badge is given back, one in question stays, and otherwise the badge is given by hand."),
            _l("Answered: granted."),
        ),
        Outcome(
            "refuse",
            Action.REVIEW_AWARDS,
            _l("It stays as it is"),
            _l("Nothing changes, and a date that waited for this answer counts again."),
            _l("Answered: it stays as it is."),
        ),
    )
}
_OUTCOME_OF = {
    "keep": ReviewOutcome.KEPT,
    "suspend": ReviewOutcome.SUSPENDED,
    "revoke": ReviewOutcome.REVOKED,
}
_ACTION_OF = {"suspend": AwardAction.SUSPEND, "revoke": AwardAction.REVOKE}


def possible_outcomes(review: Review) -> list[Outcome]:
    """Return what the session at hand may decide about a review as it is now."""
    return [one for one in OUTCOMES.values() if can(one.right) and _is_possible(one.key, review)]


def _is_possible(key: str, review: Review) -> bool:
    award = review.award
    if key == "restore":
        was_suspended = review.state is ReviewState.SUSPENDED
        return was_suspended and award is not None and award.state is AwardState.SUSPENDED
    if review.state is not ReviewState.OPEN:
        return False
    if key in ("grant", "refuse"):
        return review.kind is ReviewKind.APPEAL
    if review.kind is ReviewKind.APPEAL or award is None:
        return False
    return key == "keep" or (award.state, _ACTION_OF[key]) in TRANSITIONS


def due_words(review: Review, policy: AwardPolicy, now: datetime, *, is_appealed: bool) -> str:
    """Return what happens by itself and when."""
    if review.state is not ReviewState.OPEN:
        return ""
    if review.due_at is None:
        return _("Nothing happens by itself: it waits until somebody decides.")
    date = formats.moment(review.due_at)
    if is_appealed:
        return _("The learner wrote about it, so no date decides until somebody has answered.")
    if policy.grade_change is GradeChange.REVOKE_AFTER_GRACE and review.kind is ReviewKind.NO_LONGER_EARNED:
        if review.due_at <= now:
            return _("The time is over: the badge is revoked at the next check, unless it is earned again.")
        return _("On %(date)s the badge is revoked, unless it is earned again or somebody decides before.", date=date)
    return _("It is looked at again on %(date)s.", date=date)


def decide(session: Session, review: Review, key: str, answer: str, actor: str, now: datetime) -> bool:
    """Decide it; ``False`` when somebody did before.

    Raises ``ForbiddenError`` (``action_not_allowed``), ``NotFoundError`` for no such outcome, and as
    ``review_decisions`` does.
    """
    outcome = OUTCOMES.get(key)
    if outcome is None:
        raise NotFoundError("There is no such decision.")
    if not can(outcome.right):
        raise ForbiddenError(f"{outcome.right} is not allowed to this role.", code="action_not_allowed")
    if key in ("grant", "refuse"):
        return review_decisions.answer_appeal(session, review.id, answer, actor, now, granted=key == "grant")
    if key == "restore":
        return review_decisions.restore_after_review(session, review.id, answer, actor, now)
    return review_decisions.decide_review(session, review.id, _OUTCOME_OF[key], answer, actor, now)
