"""The life of an award: what an evaluation does about it, by state and verdict. Nothing ever acts on unknown.

The steps there are stand in ``award_states``; what people do is in ``interventions``, which occasion is looked at in
``occasions``.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from lti_tool.domain.award_policy import DEFAULT_AWARD_POLICY, AwardPolicy, ClaimMode, GradeChange
from lti_tool.domain.award_states import TRANSITIONS, AwardAction, AwardState, NoticeCode, advance, find_step
from lti_tool.domain.decisions import (
    AwardStanding,
    Decision,
    DecisionReason,
    OpenReview,
    ReviewChange,
    ReviewKind,
    ReviewOutcome,
    ReviewWish,
)
from lti_tool.domain.verdict import Verdict

__all__ = [
    "TRANSITIONS",
    "AwardAction",
    "AwardPolicy",
    "AwardStanding",
    "AwardState",
    "Decision",
    "DecisionReason",
    "NoticeCode",
    "OpenReview",
    "ReviewChange",
    "ReviewKind",
    "ReviewOutcome",
    "ReviewWish",
    "advance",
    "decide",
    "decide_award",
    "hold_back",
    "is_expired",
]


_State, _Reason = AwardState, DecisionReason
_MET, _NOT_MET, _UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


class Case(NamedTuple):
    """Everything a decision rests on."""

    standing: AwardStanding | None
    policy: AwardPolicy
    now: datetime
    is_barred: bool = False
    review: OpenReview | None = None
    grades_posted: bool = True

    @property
    def state(self) -> AwardState | None:
        """The award's state; ``None`` for an award that does not exist yet."""
        return None if self.standing is None else self.standing.state


def is_expired(valid_until: datetime | None, now: datetime) -> bool:
    """Whether the validity has ended: ``valid_until`` is the moment it ceases (VC Data Model 2.0, section 4.9)."""
    return valid_until is not None and now >= valid_until


def taken(
    state: AwardState | None, action: AwardAction, reason: DecisionReason, review: ReviewWish | None = None
) -> Decision:
    """A decision for one step, with the notice and the audit events that go with it.

    Raises ``ConflictError`` (``transition_refused``) for a step not in the table.
    """
    step = find_step(state, action)
    events = (step.event,) if review is None else (step.event, review.event)
    return Decision(action, reason, review=review, notice=step.notice, events=events)


def about_review(wish: ReviewWish, reason: DecisionReason, notice: NoticeCode | None) -> Decision:
    """A decision that changes a review and leaves the award as it is."""
    return Decision(None, reason, review=wish, notice=notice, events=(wish.event,))


def given(state: AwardState | None, action: AwardAction, reason: DecisionReason, policy: AwardPolicy) -> Decision:
    """An offer; claimed at once where nobody needs to claim."""
    decision = taken(state, action, reason)
    if policy.claim_mode is not ClaimMode.AUTO:
        return decision
    claim = find_step(_State.OFFERED, AwardAction.CLAIM)
    events = (*decision.events, claim.event)
    return decision._replace(then=AwardAction.CLAIM, notice=NoticeCode.GIVEN, events=events)


# -- what the table refers to -----------------------------------------------------------------------------------------


def _earned(case: Case) -> Decision:
    waits = _waits(case)
    if waits is not None:
        return waits
    if case.standing is None:
        return given(None, AwardAction.OFFER, _Reason.EARNED, case.policy)
    return given(case.state, AwardAction.OFFER_AGAIN, _Reason.EARNED_AGAIN, case.policy)


def _waits(case: Case) -> Decision | None:
    """What keeps an earned badge back, apart from the rule."""
    policy = case.policy
    if case.is_barred:
        return _BARRED
    if policy.hold_until is not None and case.now < policy.hold_until:
        return Decision(None, _Reason.WAITS_FOR_DATE, not_before=policy.hold_until)
    if policy.needs_posted_grades and not case.grades_posted:
        return Decision(None, _Reason.WAITS_FOR_POSTED_GRADES)
    return None


def _still_offered(case: Case) -> Decision:
    """An offer stands until it is claimed; it is claimed for the learner once the policy says so."""
    if case.policy.claim_mode is not ClaimMode.AUTO:
        return _STILL_EARNED
    return _waits(case) or taken(case.state, AwardAction.CLAIM, _Reason.STILL_EARNED)._replace(notice=NoticeCode.GIVEN)


def _offer_not_earned(case: Case) -> Decision:
    if case.standing is not None and case.standing.is_by_hand:
        return _BY_HAND
    return taken(case.state, AwardAction.LAPSE, _Reason.NO_LONGER_EARNED)


def _badge_still_earned(case: Case) -> Decision:
    """What was opened because the badge was no longer earned settles itself; what a person opened does not."""
    if _has_expired(case):
        return _expired(case)
    if case.review is None or case.review.kind is not ReviewKind.NO_LONGER_EARNED:
        return _STILL_EARNED
    return about_review(_settled(ReviewOutcome.SETTLED), _Reason.STILL_EARNED, NoticeCode.REVIEW_SETTLED)


def _badge_not_earned(case: Case) -> Decision:
    standing, review = case.standing, case.review
    if _has_expired(case):
        return _expired(case)
    if standing is not None and standing.is_by_hand:
        return _BY_HAND
    if standing is not None and standing.is_kept:
        return _KEPT
    if review is not None and review.kind is not ReviewKind.NO_LONGER_EARNED:
        return _WAITS
    return _ON_GRADE_CHANGE[case.policy.grade_change](case)


def _ignored(_case: Case) -> Decision:
    return Decision(None, _Reason.CHANGE_IGNORED)


def _flagged(case: Case) -> Decision:
    if case.review is not None:
        return Decision(None, _Reason.NO_LONGER_EARNED)
    wish = ReviewWish(ReviewChange.OPEN, ReviewKind.NO_LONGER_EARNED)
    return about_review(wish, _Reason.NO_LONGER_EARNED, NoticeCode.REVIEW_OPENED)


def _revoked_after_grace(case: Case) -> Decision:
    """Said first, done when the time is over: nobody loses a badge without having been told the date."""
    review = case.review
    if review is not None and review.is_appealed:
        return Decision(None, _Reason.APPEALED)
    if review is None or review.due_at is None:
        change = ReviewChange.OPEN if review is None else ReviewChange.SET_DUE
        wish = ReviewWish(change, ReviewKind.NO_LONGER_EARNED, due_at=case.now + case.policy.grace)
        return about_review(wish, _Reason.NO_LONGER_EARNED, NoticeCode.WILL_BE_REVOKED)
    if case.now < review.due_at:
        return Decision(None, _Reason.IN_GRACE, not_before=review.due_at)
    return taken(case.state, AwardAction.REVOKE, _Reason.GRACE_ENDED, _settled(ReviewOutcome.REVOKED))


_ON_GRADE_CHANGE: dict[GradeChange, Callable[[Case], Decision]] = {
    GradeChange.IGNORE: _ignored,
    GradeChange.FLAG: _flagged,
    GradeChange.REVOKE_AFTER_GRACE: _revoked_after_grace,
}


def _has_expired(case: Case) -> bool:
    return case.standing is not None and is_expired(case.standing.valid_until, case.now)


def _expired(case: Case) -> Decision:
    """Its end is told once; no grade matters to it any more."""
    notice = None if case.standing and NoticeCode.EXPIRED in case.standing.told else NoticeCode.EXPIRED
    if case.review is not None and case.review.kind is ReviewKind.NO_LONGER_EARNED:
        return about_review(_settled(ReviewOutcome.SETTLED), _Reason.EXPIRED, notice)
    return Decision(None, _Reason.EXPIRED, notice=notice)


def _settled(outcome: ReviewOutcome) -> ReviewWish:
    return ReviewWish(ReviewChange.SETTLE, ReviewKind.NO_LONGER_EARNED, outcome=outcome)


# -- the table --------------------------------------------------------------------------------------------------------

_NOT_EARNED = Decision(None, _Reason.NOT_EARNED)
_STILL_EARNED = Decision(None, _Reason.STILL_EARNED)
_CANNOT_TELL = Decision(None, _Reason.CANNOT_TELL)
_WAITS = Decision(None, _Reason.WAITS_FOR_PERSON)
_FINAL = Decision(None, _Reason.FINAL)
_BARRED = Decision(None, _Reason.BARRED)
_BY_HAND = Decision(None, _Reason.BY_HAND)
_KEPT = Decision(None, _Reason.KEPT)
_HELD_BACK = Decision(None, _Reason.HELD_BACK)

_Answer: TypeAlias = Decision | Callable[[Case], Decision]

DECISIONS: dict[AwardState | None, dict[Verdict, _Answer]] = {
    None: {_MET: _earned, _NOT_MET: _NOT_EARNED, _UNKNOWN: _CANNOT_TELL},
    _State.LAPSED: {_MET: _earned, _NOT_MET: _NOT_EARNED, _UNKNOWN: _CANNOT_TELL},
    _State.OFFERED: {_MET: _still_offered, _NOT_MET: _offer_not_earned, _UNKNOWN: _CANNOT_TELL},
    _State.CLAIMED: {_MET: _badge_still_earned, _NOT_MET: _badge_not_earned, _UNKNOWN: _CANNOT_TELL},
    _State.HELD: dict.fromkeys(Verdict, _WAITS),
    _State.SUSPENDED: dict.fromkeys(Verdict, _WAITS),
    _State.DECLINED: dict.fromkeys(Verdict, _FINAL),
    _State.REVOKED: dict.fromkeys(Verdict, _FINAL),
}
"""What an evaluation does: a decision, or the function that makes it from the case."""


def decide_award(
    current: AwardStanding | None,
    verdict: Verdict,
    policy: AwardPolicy,
    now: datetime,
    *,
    is_barred: bool = False,
    open_review: OpenReview | None = None,
    grades_posted: bool = True,
) -> Decision:
    """What an evaluation does about an award (None: there is none yet). Unknown never does anything.

    ``grades_posted``: no grade behind the verdict is hidden (``explain.grades_posted``); asked where the policy needs
    it. ``open_review``: the open one that is not an appeal.
    """
    answer = DECISIONS[None if current is None else current.state][verdict]
    if isinstance(answer, Decision):
        return answer
    return answer(Case(current, policy, now, is_barred, open_review, grades_posted))


_AT_ANY_TIME = datetime.max.replace(tzinfo=UTC)


def decide(current: AwardState | None, verdict: Verdict) -> Decision:
    """What an evaluation does by the default policy, with no review open and nobody barred."""
    standing = None if current is None else AwardStanding(current)
    return decide_award(standing, verdict, DEFAULT_AWARD_POLICY, _AT_ANY_TIME)


def hold_back(current: AwardStanding | None, decision: Decision) -> Decision:
    """The same decision in a run that the circuit breaker held: offers are held, everything else waits."""
    if decision.action in (AwardAction.OFFER, AwardAction.OFFER_AGAIN):
        return taken(None if current is None else current.state, AwardAction.HOLD, _Reason.HELD_BACK)
    return _HELD_BACK if decision.action is not None or decision.needs_review else decision
