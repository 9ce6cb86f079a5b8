"""The states of an award and every step between them: one table, with what the learner is told and the audit keeps."""

from enum import StrEnum
from typing import NamedTuple

from lti_tool.errors import ConflictError


class AwardState(StrEnum):
    """Where an award stands. *Expired* is not a state: it is computed by ``lifecycle.is_expired``."""

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


class NoticeCode(StrEnum):
    """What a learner is told. Notices are stored by these values: never rename or drop one."""

    OFFERED = "award.offered"
    OFFERED_AGAIN = "award.offered_again"
    GIVEN = "award.given"
    """Claimed for the learner, where the badge needs no claim; it stays private."""
    LAPSED = "award.lapsed"
    WITHDRAWN = "award.withdrawn"
    """An offer was taken back for the moment; a person decides."""
    REVIEW_OPENED = "award.review_opened"
    WILL_BE_REVOKED = "award.will_be_revoked"
    REVIEW_SETTLED = "award.review_settled"
    """The badge stays: earned again, or a person decided so."""
    SUSPENDED = "award.suspended"
    RESTORED = "award.restored"
    REVOKED = "award.revoked"
    EXPIRED = "award.expired"
    RENEWABLE = "award.renewable"


class Step(NamedTuple):
    """One row of the table: where the action leads, its name in the audit trail, and what the learner is told."""

    following: AwardState
    event: str
    notice: NoticeCode | None = None


_State = AwardState
_Action = AwardAction
_Notice = NoticeCode

STEPS: dict[tuple[AwardState | None, AwardAction], Step] = {
    (None, _Action.OFFER): Step(_State.OFFERED, "award.offered", _Notice.OFFERED),
    (None, _Action.HOLD): Step(_State.HELD, "award.held"),
    (_State.HELD, _Action.RELEASE): Step(_State.OFFERED, "award.released", _Notice.OFFERED),
    (_State.HELD, _Action.LAPSE): Step(_State.LAPSED, "award.lapsed"),
    (_State.HELD, _Action.REVOKE): Step(_State.REVOKED, "award.revoked"),
    (_State.OFFERED, _Action.HOLD): Step(_State.HELD, "award.held", _Notice.WITHDRAWN),
    (_State.OFFERED, _Action.CLAIM): Step(_State.CLAIMED, "award.claimed"),
    (_State.OFFERED, _Action.LAPSE): Step(_State.LAPSED, "award.lapsed", _Notice.LAPSED),
    (_State.OFFERED, _Action.DECLINE): Step(_State.DECLINED, "award.declined"),
    (_State.OFFERED, _Action.REVOKE): Step(_State.REVOKED, "award.revoked", _Notice.REVOKED),
    (_State.LAPSED, _Action.OFFER_AGAIN): Step(_State.OFFERED, "award.offered", _Notice.OFFERED_AGAIN),
    (_State.LAPSED, _Action.HOLD): Step(_State.HELD, "award.held"),
    (_State.LAPSED, _Action.REVOKE): Step(_State.REVOKED, "award.revoked"),
    (_State.DECLINED, _Action.OFFER_AGAIN): Step(_State.OFFERED, "award.offered"),
    (_State.CLAIMED, _Action.SUSPEND): Step(_State.SUSPENDED, "award.suspended", _Notice.SUSPENDED),
    (_State.CLAIMED, _Action.REVOKE): Step(_State.REVOKED, "award.revoked", _Notice.REVOKED),
    (_State.SUSPENDED, _Action.RESTORE): Step(_State.CLAIMED, "award.restored", _Notice.RESTORED),
    (_State.SUSPENDED, _Action.REVOKE): Step(_State.REVOKED, "award.revoked", _Notice.REVOKED),
}
"""Every step there is; None is an award that does not exist yet. A learner is told of what they had or could have."""

TRANSITIONS: dict[tuple[AwardState | None, AwardAction], AwardState] = {
    step: row.following for step, row in STEPS.items()
}
"""The same table, states only."""


def find_step(state: AwardState | None, action: AwardAction) -> Step:
    """The row of the table. Raises ``ConflictError`` (``transition_refused``) for any step not in it."""
    step = STEPS.get((state, action))
    if step is None:
        raise ConflictError(f"an award that is {state or 'new'} cannot {action}", code="transition_refused")
    return step


def advance(state: AwardState | None, action: AwardAction) -> AwardState:
    """The state after the action. Raises ``ConflictError`` (``transition_refused``) for any step not in the table."""
    return find_step(state, action).following
