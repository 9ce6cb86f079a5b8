"""What people do about an award: a learner who claims, a person who decides. Evaluations are in ``lifecycle``."""

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardAction, AwardState, NoticeCode
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
from lti_tool.domain.lifecycle import about_review, given, taken
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError

_BY_LEARNER = {AwardAction.CLAIM, AwardAction.DECLINE}
_ENDS_REVIEW = {AwardAction.REVOKE: ReviewOutcome.REVOKED, AwardAction.SUSPEND: ReviewOutcome.SUSPENDED}
_ACTION_OF = {outcome: action for action, outcome in _ENDS_REVIEW.items()}


def decide_claim(standing: AwardStanding, verdict: Verdict, *, is_barred: bool = False) -> Decision:
    """What a claim comes to: it re-evaluates. Not met: the offer lapses; unknown: the offer stands, unclaimed.

    Raises ``ConflictError`` (``transition_refused``) for what is not offered.
    """
    claimed = taken(standing.state, AwardAction.CLAIM, DecisionReason.BY_LEARNER)
    if is_barred:
        return Decision(None, DecisionReason.BARRED)
    if standing.is_by_hand or verdict is Verdict.MET:
        return claimed
    if verdict is Verdict.NOT_MET:
        return taken(standing.state, AwardAction.LAPSE, DecisionReason.NO_LONGER_EARNED)
    return Decision(None, DecisionReason.CANNOT_TELL)


def act_by_hand(
    current: AwardStanding | None, action: AwardAction, policy: AwardPolicy, *, open_review: OpenReview | None = None
) -> Decision:
    """One step that a person takes, whatever the grades say; a review that it answers ends with it.

    Offering is giving by hand: at once, without waiting for a date. Raises ``ConflictError`` (``transition_refused``).
    """
    state = None if current is None else current.state
    reason = DecisionReason.BY_LEARNER if action in _BY_LEARNER else DecisionReason.BY_HAND
    if action in (AwardAction.OFFER, AwardAction.OFFER_AGAIN) and state is not AwardState.DECLINED:
        return given(state, action, reason, policy)
    outcome = _ENDS_REVIEW.get(action)
    if open_review is None or outcome is None:
        return taken(state, action, reason)
    return taken(state, action, reason, _ended(open_review, outcome))


def undo(current: AwardStanding, *, open_review: OpenReview | None = None) -> Decision:
    """Take back what a batch gave: an offer is held again; what was claimed goes to a person, never just away."""
    if current.state is AwardState.OFFERED:
        return taken(current.state, AwardAction.HOLD, DecisionReason.UNDONE)
    if current.state is AwardState.CLAIMED:
        if open_review is not None and open_review.kind is ReviewKind.UNDONE:
            return Decision(None, DecisionReason.WAITS_FOR_PERSON)
        wish = ReviewWish(ReviewChange.OPEN, ReviewKind.UNDONE)
        return about_review(wish, DecisionReason.UNDONE, NoticeCode.REVIEW_OPENED)
    is_open = current.state in (AwardState.HELD, AwardState.SUSPENDED)
    return Decision(None, DecisionReason.WAITS_FOR_PERSON if is_open else DecisionReason.FINAL)


def resolve_review(current: AwardStanding, review: OpenReview, outcome: ReviewOutcome) -> Decision:
    """What a person decided about a claimed badge: ``kept``, ``suspended`` or ``revoked``.

    Raises ``ConflictError`` (``transition_refused``; ``review_outcome_refused`` for an outcome nobody can choose).
    """
    if outcome is ReviewOutcome.KEPT:
        return about_review(_ended(review, outcome), DecisionReason.KEPT, NoticeCode.REVIEW_SETTLED)
    action = _ACTION_OF.get(outcome)
    if action is None:
        raise ConflictError(f"a person cannot end a review as {outcome}", code="review_outcome_refused")
    return taken(current.state, action, DecisionReason.BY_HAND, _ended(review, outcome))


def _ended(review: OpenReview, outcome: ReviewOutcome) -> ReviewWish:
    return ReviewWish(ReviewChange.SETTLE, review.kind, outcome=outcome)
