"""What an evaluation does about an award: every state, verdict and policy, and what it never does."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from lti_tool.domain.award_policy import AwardPolicy, ClaimMode, GradeChange
from lti_tool.domain.award_states import STEPS
from lti_tool.domain.interventions import act_by_hand, decide_claim, resolve_review, undo
from lti_tool.domain.lifecycle import (
    TRANSITIONS,
    AwardAction,
    AwardStanding,
    AwardState,
    DecisionReason,
    OpenReview,
    ReviewChange,
    ReviewKind,
    ReviewOutcome,
    advance,
    decide,
    decide_award,
    hold_back,
)
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)
POLICIES = [
    AwardPolicy(claim_mode, grade_change, hold_until=hold_until, needs_posted_grades=posted)
    for claim_mode, grade_change, hold_until, posted in product(ClaimMode, GradeChange, (None, LATER), (False, True))
]
STANDINGS = [
    None,
    *(
        AwardStanding(state, valid_until=valid_until, is_by_hand=by_hand, is_kept=kept)
        for state, valid_until, by_hand, kept in product(
            AwardState, (None, EARLIER, LATER), (False, True), (False, True)
        )
    ),
]
REVIEWS = [
    None,
    *(
        OpenReview(kind, due_at, is_appealed)
        for kind, due_at, is_appealed in product(
            (ReviewKind.NO_LONGER_EARNED, ReviewKind.UNDONE), (None, EARLIER, LATER), (False, True)
        )
    ),
]


def every_decision(verdict):
    for standing, policy, review, barred, posted in product(STANDINGS, POLICIES, REVIEWS, (False, True), (False, True)):
        decision = decide_award(
            standing, verdict, policy, NOW, is_barred=barred, open_review=review, grades_posted=posted
        )
        yield standing, policy, review, barred, posted, decision


def test_unknown_never_does_anything():
    for standing, *_, decision in every_decision(Verdict.UNKNOWN):
        assert not decision.does_something, standing
        assert decision.then is None
        assert decision.events == ()


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.NOT_MET])
def test_whatever_is_decided_can_be_done_and_is_recorded(verdict):
    for standing, policy, review, barred, _posted, decision in every_decision(verdict):
        state, events = standing and standing.state, []
        for action in (decision.action, decision.then):
            if action is not None:
                events.append(STEPS[state, action].event)
                state = advance(state, action)
        if decision.review is not None:
            events.append(decision.review.event)
        assert list(decision.events) == events
        if decision.gains:
            assert verdict is Verdict.MET
            assert not barred
            assert policy.hold_until is None
        if decision.loses:
            assert verdict is Verdict.NOT_MET
            assert not standing.is_by_hand
        if decision.action is AwardAction.REVOKE:
            assert policy.grade_change is GradeChange.REVOKE_AFTER_GRACE
            assert review == OpenReview(ReviewKind.NO_LONGER_EARNED, EARLIER, is_appealed=False)
            assert not standing.is_kept
        if decision.review is not None:
            assert (decision.review.change is ReviewChange.OPEN) is (review is None)
            assert decision.review.kind is ReviewKind.NO_LONGER_EARNED


def test_final_and_waiting_states_are_left_alone():
    for verdict in Verdict:
        for standing, *_, decision in every_decision(verdict):
            if standing and standing.state not in (AwardState.OFFERED, AwardState.LAPSED, AwardState.CLAIMED):
                assert not decision.does_something


def test_needs_posted_grades_is_only_asked_where_the_policy_says():
    asks, does_not = AwardPolicy(needs_posted_grades=True), AwardPolicy()
    decisions = [decide_award(None, Verdict.MET, policy, NOW, grades_posted=False) for policy in (asks, does_not)]
    assert [decision.action for decision in decisions] == [None, AwardAction.OFFER]


def test_waiting_says_until_when():
    decision = decide_award(None, Verdict.MET, AwardPolicy(hold_until=LATER), NOW)
    assert (decision.reason, decision.not_before) == (DecisionReason.WAITS_FOR_DATE, LATER)
    at_last = decide_award(None, Verdict.MET, AwardPolicy(hold_until=LATER), LATER)
    assert at_last.action is AwardAction.OFFER


def test_decide_is_the_default_policy_without_review_or_bar():
    for state, verdict in product([None, *AwardState], Verdict):
        standing = None if state is None else AwardStanding(state)
        assert decide(state, verdict) == decide_award(standing, verdict, AwardPolicy(), NOW)


# -- held runs --------------------------------------------------------------------------------------------------------


def test_a_held_run_holds_offers_and_does_nothing_else_that_matters():
    for verdict in Verdict:
        for standing, *_, decision in every_decision(verdict):
            held = hold_back(standing, decision)
            if decision.action in (AwardAction.OFFER, AwardAction.OFFER_AGAIN):
                assert (held.action, held.then, held.notice, held.events) == (
                    AwardAction.HOLD,
                    None,
                    None,
                    ("award.held",),
                )
            else:
                assert held.action is None
                assert not held.loses
            if not decision.does_something:
                assert held == decision


# -- people -----------------------------------------------------------------------------------------------------------

EVERY_STEP = list(product([None, *AwardState], AwardAction))


@pytest.mark.parametrize(("state", "action"), EVERY_STEP)
def test_a_person_takes_every_step_of_the_table_and_no_other(state, action):
    standing = None if state is None else AwardStanding(state)
    if (state, action) not in TRANSITIONS:
        with pytest.raises(ConflictError) as caught:
            act_by_hand(standing, action, AwardPolicy())
        assert caught.value.code == "transition_refused"
        return
    decision = act_by_hand(standing, action, AwardPolicy())
    assert decision.action is action
    assert (decision.notice, *decision.events) == (STEPS[state, action].notice, STEPS[state, action].event)
    by_learner = action in (AwardAction.CLAIM, AwardAction.DECLINE)
    assert decision.reason is (DecisionReason.BY_LEARNER if by_learner else DecisionReason.BY_HAND)


def test_given_by_hand_needs_no_claim_where_none_is_needed_but_a_declined_offer_does():
    auto = AwardPolicy(ClaimMode.AUTO)
    assert act_by_hand(None, AwardAction.OFFER, auto).then is AwardAction.CLAIM
    assert act_by_hand(AwardStanding(AwardState.LAPSED), AwardAction.OFFER_AGAIN, auto).then is AwardAction.CLAIM
    assert act_by_hand(AwardStanding(AwardState.DECLINED), AwardAction.OFFER_AGAIN, auto).then is None


@pytest.mark.parametrize("state", [state for state in AwardState if state is not AwardState.OFFERED])
@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_is_offered_can_be_claimed(state, verdict):
    with pytest.raises(ConflictError) as caught:
        decide_claim(AwardStanding(state), verdict)
    assert caught.value.code == "transition_refused"


def test_a_review_ends_with_the_step_that_answers_it():
    claimed = AwardStanding(AwardState.CLAIMED)
    for kind in (ReviewKind.NO_LONGER_EARNED, ReviewKind.UNDONE):
        wish = act_by_hand(claimed, AwardAction.REVOKE, AwardPolicy(), open_review=OpenReview(kind)).review
        assert (wish.change, wish.kind, wish.outcome) == (ReviewChange.SETTLE, kind, ReviewOutcome.REVOKED)
    suspended = AwardStanding(AwardState.SUSPENDED)
    restored = act_by_hand(
        suspended, AwardAction.RESTORE, AwardPolicy(), open_review=OpenReview(ReviewKind.NO_LONGER_EARNED)
    )
    assert restored.review is None


def test_nobody_can_settle_a_review_by_choice():
    with pytest.raises(ConflictError) as caught:
        resolve_review(
            AwardStanding(AwardState.CLAIMED), OpenReview(ReviewKind.NO_LONGER_EARNED), ReviewOutcome.SETTLED
        )
    assert caught.value.code == "review_outcome_refused"


@pytest.mark.parametrize("state", AwardState)
def test_undoing_never_takes_away_what_was_claimed(state):
    decision = undo(AwardStanding(state))
    expected = AwardAction.HOLD if state is AwardState.OFFERED else None
    assert (decision.action, decision.needs_review) == (expected, state is AwardState.CLAIMED)


def test_undoing_opens_its_own_review_beside_one_about_grades():
    about_grades = OpenReview(ReviewKind.NO_LONGER_EARNED, LATER)
    decision = undo(AwardStanding(AwardState.CLAIMED), open_review=about_grades)
    assert decision.review.kind is ReviewKind.UNDONE
