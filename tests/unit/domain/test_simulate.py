"""The dry run: who gains, loses, keeps, and who can't be told, by which clause; and that it is the live decision."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.domain.award_policy import AwardPolicy, ClaimMode, GradeChange
from lti_tool.domain.breaker import ProposedChanges
from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.lifecycle import AwardStanding, AwardState, OpenReview, ReviewKind, advance, decide_award
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.simulate import Change, compare, judge_all
from lti_tool.domain.verdict import Verdict

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RULE = parse_rule({"all": [{"column": "a", "percent": {"at_least": "70"}}]})
FLAG = AwardPolicy()


def facts(score, state="graded"):
    score = None if score is None else Decimal(score)
    evidence = Evidence("a", "Essay", "ags", EvidenceState(state), score=score, maximum=Decimal(100))
    return Facts({"a": evidence}, {}, NOW)


GOOD, POOR, WAITING, HIDDEN = facts("90"), facts("40"), facts(None, "ungraded"), facts("90", "hidden")
CASES = [
    (None, GOOD, "gains"),
    ("lapsed", GOOD, "gains"),
    (None, POOR, "not_yet"),
    ("lapsed", POOR, "not_yet"),
    (None, WAITING, "unknown"),
    (None, HIDDEN, "unknown"),
    ("offered", GOOD, "keeps"),
    ("offered", POOR, "loses"),
    ("offered", WAITING, "unknown"),
    ("claimed", GOOD, "keeps"),
    ("claimed", POOR, "loses"),
    ("claimed", WAITING, "unknown"),
    ("suspended", POOR, "keeps"),
    ("held", GOOD, "waits"),
    ("held", POOR, "not_yet"),
    ("declined", GOOD, "waits"),
    ("revoked", GOOD, "waits"),
    ("revoked", POOR, "not_yet"),
]


@pytest.mark.parametrize(("state", "known", "change"), CASES)
def test_one_learner(state, known, change):
    before = {} if state is None else {"ada": AwardStanding(AwardState(state))}
    (outcome,) = compare(before, judge_all(RULE, {"ada": known}), FLAG, NOW).outcomes
    assert (outcome.user, outcome.change) == ("ada", change)
    assert outcome.deciding.path == "$.all[0]"
    assert outcome.evidence == known.evidence["a"]
    assert outcome.standing == before.get("ada")


def test_the_policy_decides_what_losing_means():
    claimed = {1: AwardStanding(AwardState.CLAIMED)}
    after = judge_all(RULE, {1: POOR})
    ignored = compare(claimed, after, AwardPolicy(grade_change=GradeChange.IGNORE), NOW)
    assert ignored.counts[Change.KEEPS] == 1
    due = OpenReview(ReviewKind.NO_LONGER_EARNED, NOW)
    policy = AwardPolicy(grade_change=GradeChange.REVOKE_AFTER_GRACE)
    assert compare(claimed, after, policy, NOW, reviews={1: due}).who(Change.LOSES)[0].decision.action == "revoke"


def test_barred_learners_and_dates_wait():
    after = judge_all(RULE, {1: GOOD, 2: GOOD})
    result = compare({}, after, FLAG, NOW, barred={1})
    assert [outcome.change for outcome in result.outcomes] == [Change.WAITS, Change.GAINS]
    assert result.who(Change.WAITS)[0].decision.reason == "barred"
    later = AwardPolicy(hold_until=NOW + timedelta(days=1))
    assert compare({}, after, later, NOW).counts[Change.WAITS] == 2


def test_hidden_grades_wait_where_the_policy_asks_for_posted_ones():
    rule = parse_rule({"any": [{"column": "a", "percent": {"at_least": "70"}}, {"column": "b", "submitted": True}]})
    hidden = Evidence("b", "Quiz", "ags", EvidenceState.HIDDEN)
    known = Facts({**GOOD.evidence, "b": hidden}, {}, NOW)
    after = judge_all(rule, {1: known})
    assert compare({}, after, AwardPolicy(needs_posted_grades=True), NOW).counts[Change.WAITS] == 1
    assert compare({}, after, FLAG, NOW).counts[Change.GAINS] == 1


def test_counts_and_what_a_preview_keeps():
    before = {2: AwardStanding(AwardState.OFFERED), 3: AwardStanding(AwardState.CLAIMED)}
    result = compare(before, judge_all(RULE, {1: GOOD, 2: POOR, 3: POOR, 4: WAITING, 5: GOOD}), FLAG, NOW)
    assert result.counts == {
        Change.GAINS: 2,
        Change.LOSES: 2,
        Change.KEEPS: 0,
        Change.UNKNOWN: 1,
        Change.NOT_YET: 0,
        Change.WAITS: 0,
    }
    assert result.proposed == ProposedChanges(5, offers=2, losses=2)
    assert [outcome.user for outcome in result.who(Change.GAINS)] == [1, 5]
    assert compare({}, {}, FLAG, NOW).outcomes == ()


states = st.none() | st.sampled_from(AwardState)
policies = st.builds(AwardPolicy, st.sampled_from(ClaimMode), st.sampled_from(GradeChange))


@settings(deadline=None)
@given(st.dictionaries(st.integers(), st.tuples(states, st.sampled_from([GOOD, POOR, WAITING, HIDDEN]))), policies)
def test_what_the_dry_run_says_is_what_happens(course, policy):
    before = {user: AwardStanding(state) for user, (state, _) in course.items() if state is not None}
    result = compare(before, judge_all(RULE, {user: known for user, (_, known) in course.items()}), policy, NOW)
    assert sum(result.counts.values()) == len(course)
    for outcome in result.outcomes:
        state, known = course[outcome.user]
        judgement = evaluate(RULE, known)
        live = decide_award(before.get(outcome.user), judgement.verdict, policy, NOW)
        assert (outcome.judgement, outcome.decision) == (judgement, live)
        after = state
        for action in (live.action, live.then):
            after = after if action is None else advance(after, action)
        has = {AwardState.OFFERED, AwardState.CLAIMED, AwardState.SUSPENDED}
        assert (outcome.change is Change.GAINS) is (state not in has and after in has)
        if outcome.change in (Change.KEEPS, Change.UNKNOWN) and policy.claim_mode is ClaimMode.LEARNER:
            assert after is state
        if judgement.verdict is Verdict.UNKNOWN:
            assert outcome.change is Change.UNKNOWN
