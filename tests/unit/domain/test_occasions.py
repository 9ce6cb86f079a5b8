"""Which occasion an evaluation looks at, and from when work counts for it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lti_tool.domain.award_policy import AwardPolicy, Duplicates
from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.lifecycle import AwardStanding, AwardState, NoticeCode
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.occasions import Term, occasion, renewal_number, rule_since
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict

DAY = {day: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(0, 1000, 5)}
ONCE, PER_TERM = AwardPolicy(), AwardPolicy(duplicates=Duplicates.PER_TERM)
RENEW = AwardPolicy(duplicates=Duplicates.RENEW, validity_days=100, renewal_window_days=20)
AUTUMN = Term("2026 autumn", DAY[200])


def award(state="claimed", key="", claimed=0, **more):
    claimed_at = None if claimed is None else DAY[claimed]
    return AwardStanding(AwardState(state), key, DAY[0], claimed_at, **more)


def lasting(key="", claimed=0, state="claimed", **more):
    return award(state, key, claimed, valid_until=RENEW.valid_until(DAY[claimed]), **more)


CASES = [
    (ONCE, None, [], 0, "", "once", None),
    (ONCE, None, [award()], 0, "", "once", None),
    (ONCE, AUTUMN, [award(key="2025 autumn")], 0, "2025 autumn", "once", None),
    (ONCE, None, [award(), award(key="renewal 1", claimed=100)], 0, "renewal 1", "once", None),
    (PER_TERM, None, [], 0, None, "no_term", None),
    (PER_TERM, None, [award()], 0, None, "no_term", None),
    (PER_TERM, AUTUMN, [], 210, "2026 autumn", "term", None),
    (PER_TERM, AUTUMN, [award(key="2026 autumn", claimed=205)], 210, "2026 autumn", "term", None),
    (PER_TERM, AUTUMN, [award(key="2026 spring")], 210, "2026 autumn", "term", 200),
    (PER_TERM, AUTUMN, [award(), award(key="2026 autumn", claimed=205)], 210, "2026 autumn", "term", 200),
    (PER_TERM, AUTUMN, [award(claimed=200)], 210, "", "term", None),
    (PER_TERM, AUTUMN, [award(claimed=195)], 210, "2026 autumn", "term", 200),
    (RENEW, None, [], 0, "", "first", None),
    (RENEW, None, [lasting()], 75, "", "renewal_not_open", None),
    (RENEW, None, [lasting()], 80, "renewal 1", "renewal_open", 0),
    (RENEW, None, [lasting()], 500, "renewal 1", "renewal_open", 0),
    (RENEW, None, [award()], 500, "", "renewal_not_open", None),
    (RENEW, None, [lasting(), award("offered", "renewal 1", None)], 90, "renewal 1", "renewal_not_open", 0),
    (RENEW, None, [lasting(), lasting("renewal 1", 90)], 100, "renewal 1", "renewal_not_open", 0),
    (RENEW, None, [lasting(), lasting("renewal 1", 90)], 170, "renewal 2", "renewal_open", 90),
    (RENEW, None, [lasting("renewal 1", 90), lasting()], 170, "renewal 2", "renewal_open", 90),
    (RENEW, None, [lasting("renewal 10", 200), lasting("renewal 9", 90)], 500, "renewal 11", "renewal_open", 200),
    *(
        (RENEW, None, [lasting(state=state)], 500, "", "renewal_not_open", None)
        for state in ("revoked", "suspended", "declined", "lapsed", "held")
    ),
]


@pytest.mark.parametrize(("policy", "term", "awards", "day", "key", "reason", "since"), CASES)
def test_occasion(policy, term, awards, day, key, reason, since):
    chosen = occasion(policy, term, awards, DAY[day])
    counts_from = None if since is None else DAY[since]
    assert (chosen.key, chosen.reason.value, chosen.counts_from) == (key, reason, counts_from)
    assert occasion(policy, term, awards[::-1], DAY[day]) == chosen


def test_the_learner_is_told_of_a_renewal_once():
    first = occasion(RENEW, None, [lasting()], DAY[80])
    told = occasion(RENEW, None, [lasting(told=frozenset({NoticeCode.RENEWABLE}))], DAY[85])
    assert (first.notice, told.notice) == (NoticeCode.RENEWABLE, None)
    assert first.opens_at == told.opens_at == DAY[80]


@pytest.mark.parametrize(
    ("key", "number"), [("", 0), ("renewal 1", 1), ("renewal 12", 12), ("renewal 0", 0), ("renewal x", 0), ("2026", 0)]
)
def test_renewal_number(key, number):
    assert renewal_number(key) == number


def work(slot, day):
    return Evidence(
        slot, slot, "ags", EvidenceState.GRADED, score=Decimal(90), maximum=Decimal(100), submitted_at=DAY[day]
    )


COLUMN, OTHER = ({"column": slot, "percent": {"at_least": "70"}} for slot in ("a", "b"))
SINCE = [
    (COLUMN, 10, "met"),
    (COLUMN, 15, "not_met"),
    ({"competency": "c"}, 10, "met"),
    ({"competency": "c"}, 15, "not_met"),
    ({"all": [COLUMN, {"achievement": "safety"}]}, 10, "met"),
    ({"any": [COLUMN, OTHER]}, 15, "met"),
    ({"at_least": 2, "of": [COLUMN, OTHER]}, 15, "not_met"),
    ({"before": DAY[50].isoformat(), "of": OTHER}, 15, "met"),
    ({"after": DAY[5].isoformat(), "of": COLUMN}, 15, "not_met"),
    ({"not": COLUMN}, 15, "met"),
    ({"section": "s"}, 15, "met"),
]


@pytest.mark.parametrize(("document", "day", "verdict"), SINCE)
def test_only_newer_work_counts_for_a_renewal(document, day, verdict):
    plan = CompetencyPlan("c", "C", Calculation.ANY, Decimal(70), (Part("a", Decimal(70)),))
    facts = Facts(
        {"a": work("a", 10), "b": work("b", 20)},
        {"c": plan},
        DAY[100],
        achievements={"safety": Verdict.MET},
        closes_at=DAY[90],
        sections=frozenset({"s"}),
    )
    assert evaluate(rule_since(parse_rule(document), DAY[day]), facts).verdict.value == verdict


def test_without_a_date_the_rule_is_the_same():
    rule = parse_rule({"all": [COLUMN]})
    assert rule_since(rule, None) is rule
