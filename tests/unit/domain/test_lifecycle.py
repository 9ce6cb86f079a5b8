"""The life of an award: every step there is, every step there is not."""

from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.domain.lifecycle import (
    TRANSITIONS,
    AwardAction,
    AwardState,
    advance,
    decide,
    is_expired,
)
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError

STEPS = """
- offer offered
- hold held
held release offered
held lapse lapsed
held revoke revoked
offered hold held
offered claim claimed
offered lapse lapsed
offered decline declined
offered revoke revoked
lapsed offer_again offered
lapsed hold held
lapsed revoke revoked
declined offer_again offered
claimed suspend suspended
claimed revoke revoked
suspended restore claimed
suspended revoke revoked
"""
ALLOWED = {(state, action): following for state, action, following in map(str.split, STEPS.strip().splitlines())}
EVERY_STEP = [(state, action) for state in [None, *AwardState] for action in AwardAction]


@pytest.mark.parametrize(("state", "action"), EVERY_STEP)
def test_every_step(state, action):
    expected = ALLOWED.get((state.value if state else "-", action.value))
    if expected is not None:
        assert advance(state, action) is AwardState(expected)
        return
    with pytest.raises(ConflictError) as caught:
        advance(state, action)
    assert caught.value.code == "transition_refused"
    assert (state.value if state else "new") in str(caught.value)
    assert action.value in str(caught.value)


def test_revoked_is_the_end_and_every_state_can_be_reached():
    assert not [action for state, action in TRANSITIONS if state is AwardState.REVOKED]
    assert set(TRANSITIONS.values()) == set(AwardState)


DECISIONS = [
    (None, "met", "offer", "earned"),
    (None, "not_met", None, "not_earned"),
    ("offered", "met", None, "still_earned"),
    ("offered", "not_met", "lapse", "no_longer_earned"),
    ("lapsed", "met", "offer_again", "earned_again"),
    ("lapsed", "not_met", None, "not_earned"),
    ("claimed", "met", None, "still_earned"),
    ("claimed", "not_met", None, "no_longer_earned"),
    *((state, verdict, None, "waits_for_person") for state in ("held", "suspended") for verdict in Verdict),
    *((state, verdict, None, "final") for state in ("declined", "revoked") for verdict in Verdict),
    *((state, "unknown", None, "cannot_tell") for state in (None, "offered", "lapsed", "claimed")),
]


@pytest.mark.parametrize(("state", "verdict", "action", "reason"), DECISIONS)
def test_decide(state, verdict, action, reason):
    decision = decide(state and AwardState(state), Verdict(verdict))
    assert (decision.action, decision.reason) == (action, reason)
    assert decision.needs_review is (state == "claimed" and verdict == "not_met")


@pytest.mark.parametrize("state", [None, *AwardState])
@pytest.mark.parametrize("verdict", Verdict)
def test_a_decision_can_always_be_carried_out_and_unknown_does_nothing(state, verdict):
    decision = decide(state, verdict)
    if decision.action is not None:
        assert verdict is not Verdict.UNKNOWN
        assert (state, decision.action) in TRANSITIONS


def test_expired_from_the_moment_on():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert not is_expired(None, moment)
    assert not is_expired(moment, moment - timedelta(microseconds=1))
    assert is_expired(moment, moment)
