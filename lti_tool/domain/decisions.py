"""What is decided about an award, and what that rests on: values only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lti_tool.domain.award_states import AwardAction, AwardState, NoticeCode


class DecisionReason(StrEnum):
    """Why something is done about an award, or nothing."""

    EARNED = "earned"
    NOT_EARNED = "not_earned"
    STILL_EARNED = "still_earned"
    EARNED_AGAIN = "earned_again"
    NO_LONGER_EARNED = "no_longer_earned"
    CANNOT_TELL = "cannot_tell"
    WAITS_FOR_PERSON = "waits_for_person"
    """Held, suspended, or its batch was undone: only a person goes on from here."""
    FINAL = "final"
    """The learner declined, or the award was revoked: an evaluation brings nothing back."""
    WAITS_FOR_DATE = "waits_for_date"
    WAITS_FOR_POSTED_GRADES = "waits_for_posted_grades"
    BARRED = "barred"
    """A person decided that this learner is not to be awarded this badge again."""
    BY_HAND = "by_hand"
    """A person gave it, or did what was done; grades do not take it away."""
    BY_LEARNER = "by_learner"
    CHANGE_IGNORED = "change_ignored"
    IN_GRACE = "in_grace"
    GRACE_ENDED = "grace_ended"
    APPEALED = "appealed"
    """The learner appealed: a person decides, whatever the due date says."""
    KEPT = "kept"
    """A person reviewed it and decided that it stays."""
    EXPIRED = "expired"
    UNDONE = "undone"
    """Its batch was undone."""
    HELD_BACK = "held_back"
    """The circuit breaker held the run."""


class ReviewKind(StrEnum):
    """Why a person (or a policy, at its due date) has to decide about an award."""

    NO_LONGER_EARNED = "no_longer_earned"
    APPEAL = "appeal"
    UNDONE = "undone"


class ReviewChange(StrEnum):
    """What is to happen to a review."""

    OPEN = "open"
    SET_DUE = "set_due"
    SETTLE = "settle"


class ReviewOutcome(StrEnum):
    """How a review ends."""

    SETTLED = "settled"
    KEPT = "kept"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class ReviewWish(NamedTuple):
    """A change of a review. ``due_at``: when the policy decides; ``outcome``: of one that is settled."""

    change: ReviewChange
    kind: ReviewKind
    due_at: datetime | None = None
    outcome: ReviewOutcome | None = None

    @property
    def event(self) -> str:
        """Its name in the audit trail."""
        return _REVIEW_EVENTS[self.change]


_REVIEW_EVENTS = {
    ReviewChange.OPEN: "award.review_needed",
    ReviewChange.SET_DUE: "award.review_due_set",
    ReviewChange.SETTLE: "award.review_settled",
}


class OpenReview(NamedTuple):
    """A review that nobody decided yet. ``is_appealed``: the learner wrote, so no date decides any more."""

    kind: ReviewKind
    due_at: datetime | None = None
    is_appealed: bool = False


@dataclass(frozen=True, slots=True)
class AwardStanding:
    """An award as it stands; times are aware.

    ``is_by_hand``: a person gave it. ``is_kept``: a person reviewed a changed grade and decided that it stays.
    ``told``: the notices its learner already had, for those no change of state goes with.
    """

    state: AwardState
    occasion: str = ""
    offered_at: datetime | None = None
    claimed_at: datetime | None = None
    valid_until: datetime | None = None
    is_by_hand: bool = False
    is_kept: bool = False
    told: frozenset[NoticeCode] = frozenset()


class Decision(NamedTuple):
    """What is to be done about an award: one action and perhaps another right after it (``then``), or nothing.

    ``not_before``: how long an offer waits. ``events``: what the audit trail says, in order.
    """

    action: AwardAction | None
    reason: DecisionReason
    then: AwardAction | None = None
    review: ReviewWish | None = None
    notice: NoticeCode | None = None
    events: tuple[str, ...] = ()
    not_before: datetime | None = None

    @property
    def needs_review(self) -> bool:
        """Whether a review is to be opened."""
        return self.review is not None and self.review.change is ReviewChange.OPEN

    @property
    def gains(self) -> bool:
        """Whether the learner gets an offer or the badge."""
        return self.action in _GAINS

    @property
    def loses(self) -> bool:
        """Whether the learner loses an offer or the badge, or may lose it after a review."""
        return self.action in _LOSSES or self.needs_review

    @property
    def does_something(self) -> bool:
        """Whether anything changes: the award, a review, or what the learner knows."""
        return self.action is not None or self.review is not None or self.notice is not None


_GAINS = {AwardAction.OFFER, AwardAction.OFFER_AGAIN, AwardAction.CLAIM}
_LOSSES = {AwardAction.LAPSE, AwardAction.REVOKE}
