"""The life of an award: what may follow what, and what a background evaluation may do."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError


class AwardState(StrEnum):
    """Where an award stands. *Expired* is not a state: it is computed by :func:`is_expired`."""

    HELD = "held"
    OFFERED = "offered"
    LAPSED = "lapsed"
    DECLINED = "declined"
    CLAIMED = "claimed"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class AwardAction(StrEnum):
    """What can be done to an award. ``hold`` keeps an offer back (the circuit breaker, or a person)."""

    OFFER = "offer"
    HOLD = "hold"
    RELEASE = "release"
    CLAIM = "claim"
    LAPSE = "lapse"
    DECLINE = "decline"
    OFFER_AGAIN = "offer_again"
    SUSPEND = "suspend"
    RESTORE = "restore"
    REVOKE = "revoke"


class DecisionReason(StrEnum):
    """Why a background evaluation does what it does."""

    EARNED = "earned"
    NOT_EARNED = "not_earned"
    STILL_EARNED = "still_earned"
    EARNED_AGAIN = "earned_again"
    NO_LONGER_EARNED = "no_longer_earned"
    CANNOT_TELL = "cannot_tell"
    WAITS_FOR_PERSON = "waits_for_person"
    """Held or suspended: only a person goes on from here."""
    FINAL = "final"
    """The learner declined, or the award was revoked: an evaluation brings nothing back."""


class Decision(NamedTuple):
    """What a background evaluation asks for: an action, or a review by a person, or nothing."""

    action: AwardAction | None
    reason: DecisionReason
    needs_review: bool = False


_State = AwardState
_Action = AwardAction

TRANSITIONS: dict[tuple[AwardState | None, AwardAction], AwardState] = {
    (None, _Action.OFFER): _State.OFFERED,
    (None, _Action.HOLD): _State.HELD,
    (_State.HELD, _Action.RELEASE): _State.OFFERED,
    (_State.HELD, _Action.LAPSE): _State.LAPSED,
    (_State.HELD, _Action.REVOKE): _State.REVOKED,
    (_State.OFFERED, _Action.HOLD): _State.HELD,
    (_State.OFFERED, _Action.CLAIM): _State.CLAIMED,
    (_State.OFFERED, _Action.LAPSE): _State.LAPSED,
    (_State.OFFERED, _Action.DECLINE): _State.DECLINED,
    (_State.OFFERED, _Action.REVOKE): _State.REVOKED,
    (_State.LAPSED, _Action.OFFER_AGAIN): _State.OFFERED,
    (_State.LAPSED, _Action.HOLD): _State.HELD,
    (_State.LAPSED, _Action.REVOKE): _State.REVOKED,
    (_State.DECLINED, _Action.OFFER_AGAIN): _State.OFFERED,
    (_State.CLAIMED, _Action.SUSPEND): _State.SUSPENDED,
    (_State.CLAIMED, _Action.REVOKE): _State.REVOKED,
    (_State.SUSPENDED, _Action.RESTORE): _State.CLAIMED,
    (_State.SUSPENDED, _Action.REVOKE): _State.REVOKED,
}
"""Every step there is; None is an award that does not exist yet."""


def advance(state: AwardState | None, action: AwardAction) -> AwardState:
    """The state after the action. Raises ``ConflictError`` (``transition_refused``) for any step not in the table."""
    following = TRANSITIONS.get((state, action))
    if following is None:
        raise ConflictError(f"an award that is {state or 'new'} cannot {action}", code="transition_refused")
    return following


def is_expired(valid_until: datetime | None, now: datetime) -> bool:
    """Whether the validity has ended: ``valid_until`` is the moment it ceases (VC Data Model 2.0, section 4.9)."""
    return valid_until is not None and now >= valid_until


_NOTHING_YET = Decision(None, DecisionReason.CANNOT_TELL)
_WAITS = Decision(None, DecisionReason.WAITS_FOR_PERSON)
_FINAL = Decision(None, DecisionReason.FINAL)

_DECISIONS: dict[AwardState | None, dict[Verdict, Decision]] = {
    None: {
        Verdict.MET: Decision(_Action.OFFER, DecisionReason.EARNED),
        Verdict.NOT_MET: Decision(None, DecisionReason.NOT_EARNED),
        Verdict.UNKNOWN: _NOTHING_YET,
    },
    _State.OFFERED: {
        Verdict.MET: Decision(None, DecisionReason.STILL_EARNED),
        Verdict.NOT_MET: Decision(_Action.LAPSE, DecisionReason.NO_LONGER_EARNED),
        Verdict.UNKNOWN: _NOTHING_YET,
    },
    _State.LAPSED: {
        Verdict.MET: Decision(_Action.OFFER_AGAIN, DecisionReason.EARNED_AGAIN),
        Verdict.NOT_MET: Decision(None, DecisionReason.NOT_EARNED),
        Verdict.UNKNOWN: _NOTHING_YET,
    },
    _State.CLAIMED: {
        Verdict.MET: Decision(None, DecisionReason.STILL_EARNED),
        Verdict.NOT_MET: Decision(None, DecisionReason.NO_LONGER_EARNED, needs_review=True),
        Verdict.UNKNOWN: _NOTHING_YET,
    },
    _State.HELD: dict.fromkeys(Verdict, _WAITS),
    _State.SUSPENDED: dict.fromkeys(Verdict, _WAITS),
    _State.DECLINED: dict.fromkeys(Verdict, _FINAL),
    _State.REVOKED: dict.fromkeys(Verdict, _FINAL),
}


def decide(current: AwardState | None, verdict: Verdict) -> Decision:
    """What a background evaluation does about an award (None: there is none). Unknown never does anything."""
    return _DECISIONS[current][verdict]
