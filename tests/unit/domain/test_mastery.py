"""Competencies: every calculation, with excused, missing, ungraded and untrusted parts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.columns import Window
from lti_tool.domain.evidence import DEFAULT_POLICY, Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part, judge_competency
from lti_tool.errors import RuleError

STRICT = Policy(missing_counts_as_zero=True)
DAY = {day: datetime(2025, 11, day, tzinfo=UTC) for day in range(1, 10)}
STATES = {
    "?": EvidenceState.UNGRADED,
    "excused": EvidenceState.EXCUSED,
    "missing": EvidenceState.MISSING,
    "hidden": EvidenceState.HIDDEN,
    "completed": EvidenceState.COMPLETED,
    "unopened": EvidenceState.NOT_OPENED,
}


def work(slot, mark, **more):
    """``mark`` is a score of 100, a ``score/maximum``, a state of ``STATES``, or ``stale``; ``None`` is no evidence."""
    if mark == "stale":
        more["freshness"] = Freshness.STALE
        mark = "95"
    if mark in STATES:
        return Evidence(slot, slot.upper(), "ags", STATES[mark], maximum=Decimal(100), **more)
    score, _, maximum = mark.partition("/")
    return Evidence(
        slot, slot.upper(), "ags", EvidenceState.GRADED, score=Decimal(score), maximum=Decimal(maximum or 100), **more
    )


def plan(calculation, count, threshold="70", weights=(), factor="65", parts=None):
    slots = "abcdefgh"[:count]
    if parts is None:
        parts = [Part(s, Decimal(threshold), Decimal(weights[i] if weights else 1)) for i, s in enumerate(slots)]
    return CompetencyPlan(
        "aq.water", "Water", Calculation(calculation), Decimal(threshold), tuple(parts), Decimal(factor)
    )


def judge(calculation, marks, *, policy=DEFAULT_POLICY, window=None, dates=(), **more):
    evidence = {
        slot: work(slot, mark, submitted_at=DAY[dates[i]] if dates and dates[i] else None, position=i)
        for i, (slot, mark) in enumerate(zip("abcdefgh", marks, strict=False))
        if mark is not None
    }
    return judge_competency(plan(calculation, len(marks), **more), evidence, policy, window)


def answer(judgement):
    return judgement.verdict.value, judgement.reason.code.value


@pytest.mark.parametrize("calculation", Calculation)
def test_nothing_mapped(calculation):
    judgement = judge(calculation, [])
    assert answer(judgement) == ("unknown", "nothing_mapped")
    assert judgement.subject == "aq.water"


@pytest.mark.parametrize("calculation", Calculation)
@pytest.mark.parametrize(
    ("mark", "verdict"),
    [
        ("70", "met"),
        ("7/10", "met"),
        ("69.5", "not_met"),
        ("120", "met"),
        ("5/0", "unknown"),
        ("?", "unknown"),
        ("excused", "unknown"),
        ("missing", "unknown"),
        ("hidden", "unknown"),
        ("stale", "unknown"),
        ("completed", "unknown"),
        ("unopened", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_single_part_is_the_same_in_every_calculation(calculation, mark, verdict):
    assert judge(calculation, [mark]).verdict.value == verdict


@pytest.mark.parametrize("calculation", Calculation)
def test_all_excused_is_unknown(calculation):
    judgement = judge(calculation, ["excused", "excused"])
    assert answer(judgement) == ("unknown", "excused")
    assert judgement.reason.params == {"title": "Water"}


@pytest.mark.parametrize("calculation", Calculation)
@pytest.mark.parametrize("rest", ["80", "40", "?"])
def test_excused_work_leaves_the_calculation(calculation, rest):
    assert judge(calculation, [rest, "excused"]).verdict is judge(calculation, [rest]).verdict


@pytest.mark.parametrize("calculation", Calculation)
def test_missing_is_a_zero_by_policy(calculation):
    assert judge(calculation, ["missing"], policy=STRICT).verdict.value == "not_met"


@pytest.mark.parametrize("calculation", Calculation)
def test_completion_without_score_is_enough_where_nothing_is_needed(calculation):
    assert judge(calculation, ["completed"], threshold="0").verdict.value == "met"


@pytest.mark.parametrize(
    ("calculation", "marks", "verdict"),
    [
        ("any", ["80", "40"], "met"),
        ("any", ["80", "?"], "met"),
        ("any", ["40", "?"], "unknown"),
        ("any", ["40", "50"], "not_met"),
        ("any", ["40", "excused"], "not_met"),
        ("all", ["80", "90"], "met"),
        ("all", ["80", "40"], "not_met"),
        ("all", ["80", "?"], "unknown"),
        ("all", ["40", "?"], "not_met"),
        ("all", ["80", "excused"], "met"),
        ("all", ["?", "stale"], "unknown"),
        ("highest", ["80", "40"], "met"),
        ("highest", ["69.5", "40"], "not_met"),
        ("highest", ["69.5", "hidden"], "unknown"),
        ("highest", ["90", "hidden"], "met"),
    ],
)
def test_any_all_highest(calculation, marks, verdict):
    assert judge(calculation, marks).verdict.value == verdict


def test_any_and_all_use_the_parts_thresholds_and_highest_the_plans():
    parts = [Part("a", Decimal(90)), Part("b", Decimal(50))]
    for calculation, verdict in [("any", "met"), ("all", "not_met"), ("highest", "not_met")]:
        assert judge(calculation, ["60", "60"], parts=parts).verdict.value == verdict


def test_any_and_all_count_their_parts():
    assert judge("all", ["80", "?", "40", "excused"]).reason.params == {
        "title": "Water",
        "have": "1",
        "needed": "3",
        "unknown": "1",
    }
    assert judge("any", ["80", "?", "40", "excused"]).reason.params["needed"] == "1"


def test_children_keep_the_plans_order_and_excused_work_is_an_aside():
    judgement = judge("any", ["40", "excused", "80"])
    assert [child.subject for child in judgement.children] == ["a", "b", "c"]
    assert [child.kind.value for child in judgement.children] == ["part", "aside", "part"]
    assert [child.evidence.title for child in judgement.children] == ["A", "B", "C"]


AVERAGES = [
    (["80", "60"], "met", "threshold_met"),
    (["80", "59.99"], "not_met", "below_threshold"),
    (["80", "50", "excused"], "not_met", "below_threshold"),
    (["80", "60", "excused"], "met", "threshold_met"),
    (["1/3", "2/3", "110/100"], "met", "threshold_met"),
    (["8/10", "30/50"], "met", "threshold_met"),
    (["100", "?"], "unknown", "needs_grades"),
    (["39", "?"], "not_met", "out_of_reach"),
    (["40", "?"], "unknown", "needs_grades"),
    (["140", "?"], "met", "threshold_met"),
    (["139.99", "?"], "unknown", "needs_grades"),
    (["100", "100", "100", "?"], "met", "threshold_met"),
    (["30", None], "not_met", "out_of_reach"),
    (["30", "5/0"], "not_met", "out_of_reach"),
    (["30", "stale"], "not_met", "out_of_reach"),
    (["100", "unopened"], "unknown", "needs_grades"),
    (["?", "?"], "unknown", "needs_grades"),
]


@pytest.mark.parametrize(("marks", "verdict", "code"), AVERAGES)
def test_average(marks, verdict, code):
    assert answer(judge("average", marks)) == (verdict, code)


def test_thirds_average_exactly():
    judgement = judge("average", ["1/3", "2/3"], threshold="50")
    assert judgement.verdict.value == "met"
    assert judgement.reason.params["value"] == "50"
    assert judge("average", ["1/3", "1/3", "1/3"], threshold="33.333333333").verdict.value == "met"
    assert judge("average", ["1/3", "1/3", "1/3"], threshold="33.333333334").verdict.value == "not_met"


@pytest.mark.parametrize(
    ("marks", "weights", "verdict"),
    [
        (["100", "40"], ("1", "1"), "met"),
        (["100", "40"], ("1", "3"), "not_met"),
        (["100", "40"], ("0.5", "0.5"), "met"),
        (["80", "?"], ("9", "1"), "met"),
        (["60", "?"], ("9", "1"), "not_met"),
        (["excused", "80"], ("100", "1"), "met"),
    ],
)
def test_average_weighs_its_parts(marks, weights, verdict):
    assert judge("average", marks, weights=weights).verdict.value == verdict


def test_average_without_any_result_is_unknown_even_where_zero_would_do():
    assert judge("average", ["?", "?"], threshold="0").verdict.value == "unknown"
    assert judge("average", ["0", "?"], threshold="0").verdict.value == "met"
    assert judge("average", ["?", "?"], threshold="101").verdict.value == "unknown"


def test_average_shows_its_parts_without_letting_them_decide():
    judgement = judge("average", ["100", "30", "?"])
    assert [child.kind.value for child in judgement.children] == ["aside", "aside", "part"]
    assert [child.verdict.value for child in judgement.children] == ["met", "not_met", "unknown"]
    assert judgement.reason.params == {"title": "Water", "needed": "70", "unknown": "1"}


def test_out_of_reach_names_the_best_still_possible():
    assert judge("average", ["39", "?"]).reason.params == {
        "title": "Water",
        "needed": "70",
        "unknown": "1",
        "value": "69.5",
    }


def test_average_with_missing_as_zero():
    assert answer(judge("average", ["100", "missing"], policy=STRICT)) == ("not_met", "below_threshold")
    assert answer(judge("average", ["100", "missing"])) == ("unknown", "needs_grades")


@pytest.mark.parametrize(
    ("marks", "dates", "verdict"),
    [
        (["80", "40"], (1, 2), "not_met"),
        (["80", "40"], (2, 1), "met"),
        (["80", "40"], (None, None), "not_met"),
        (["80", "40"], (1, None), "met"),
        (["80", "40"], (1, 1), "not_met"),
        (["80", "?"], (2, 1), "met"),
        (["80", "?"], (1, 2), "unknown"),
        (["80", "?"], (1, None), "unknown"),
        (["?", "80"], (None, None), "met"),
        (["80", "?"], (None, None), "unknown"),
        (["80", "unopened"], (1, None), "met"),
        (["80", "excused"], (1, 2), "met"),
        (["80", None], (1, None), "unknown"),
        (["80", "stale"], (1, 2), "unknown"),
    ],
)
def test_latest(marks, dates, verdict):
    assert judge("latest", marks, dates=dates).verdict.value == verdict


def test_latest_breaks_ties_by_the_time_graded():
    first = work("a", "80", submitted_at=DAY[1], graded_at=DAY[4], position=0)
    second = work("b", "40", submitted_at=DAY[1], graded_at=DAY[3], position=1)
    judgement = judge_competency(plan("latest", 2), {"a": first, "b": second}, DEFAULT_POLICY)
    assert judgement.verdict.value == "met"


def test_latest_speaks_with_the_reason_of_the_newest():
    judgement = judge("latest", ["80", "40"], dates=(1, 2))
    assert judgement.reason.params == {"title": "B", "value": "40", "needed": "70"}
    assert [child.kind.value for child in judgement.children] == ["aside", "part"]


def test_latest_with_an_undated_unknown_names_it():
    judgement = judge("latest", ["80", "?"], dates=(1, None))
    assert answer(judgement) == ("unknown", "needs_grades")
    assert judgement.reason.params == {"title": "Water", "needed": "70", "unknown": "1"}
    assert [child.kind.value for child in judgement.children] == ["aside", "part"]


@pytest.mark.parametrize("calculation", ["latest", "decaying_average"])
def test_nothing_opened_yet(calculation):
    assert answer(judge(calculation, ["unopened", "excused"])) == ("unknown", "not_opened")


@pytest.mark.parametrize(
    ("marks", "dates", "factor", "verdict"),
    [
        (["50", "100"], (1, 2), "65", "met"),  # 0.65 x 100 + 0.35 x 50 = 82.5
        (["100", "50"], (1, 2), "65", "not_met"),  # 67.5
        (["100", "50"], (2, 1), "65", "met"),
        (["100", "50"], (1, 2), "60", "met"),  # 70 exactly
        (["100", "50"], (1, 2), "60.01", "not_met"),
        (["100", "0", "100"], (1, 2, 3), "65", "met"),  # 35, then 77.25
        (["0", "100", "50"], (1, 2, 3), "65", "not_met"),
        (["20", "70"], (1, 2), "100", "met"),
        (["1/3", "2/3", "9/10"], (1, 2, 3), "50", "met"),  # 70 exactly, over thirds
        (["1/3", "2/3", "89.99"], (1, 2, 3), "50", "not_met"),
        (["100", "100", "?"], (1, 2, 3), "65", "unknown"),
        (["?", "100"], (1, 2), "80", "met"),
        (["?", "50"], (1, 2), "65", "not_met"),  # at best 67.5
        (["100", "?"], (1, None), "65", "unknown"),
        (["100", "unopened"], (1, None), "65", "met"),
        (["?", "100"], (None, None), "80", "met"),
    ],
)
def test_decaying_average(marks, dates, factor, verdict):
    assert judge("decaying_average", marks, dates=dates, factor=factor).verdict.value == verdict


def test_decaying_average_is_exact():
    judgement = judge("decaying_average", ["1/3", "2/3"], dates=(1, 2), factor="50", threshold="50")
    assert answer(judgement) == ("met", "threshold_met")
    assert judgement.reason.params["value"] == "50"


IN_TIME = Window(before=DAY[5])


@pytest.mark.parametrize(
    ("calculation", "marks", "dates", "verdict", "code"),
    [
        ("any", ["80", "80"], (1, 9), "met", "enough"),
        ("all", ["80", "80"], (1, 9), "not_met", "needs_more"),
        ("highest", ["80", "40"], (9, 1), "not_met", "needs_more"),
        ("latest", ["80", "80"], (1, 9), "not_met", "too_late"),
        ("average", ["80", "80"], (1, 2), "met", "threshold_met"),
        ("average", ["80", "80"], (1, 9), "not_met", "too_late"),
        ("average", ["80", "80"], (1, None), "unknown", "date_unknown"),
        ("average", ["20", "80"], (1, 9), "not_met", "below_threshold"),
        ("average", ["100", "?"], (1, 9), "not_met", "too_late"),
        ("average", ["140", "?"], (1, None), "unknown", "date_unknown"),
        ("average", ["140", "?"], (1, 2), "met", "threshold_met"),
        ("average", ["80", "excused"], (1, 9), "met", "threshold_met"),
        ("decaying_average", ["80", "80"], (1, 9), "not_met", "too_late"),
    ],
)
def test_in_a_window(calculation, marks, dates, verdict, code):
    assert answer(judge(calculation, marks, dates=dates, window=IN_TIME)) == (verdict, code)


def test_a_late_part_of_an_average_decides_and_is_shown():
    judgement = judge("average", ["80", "80"], dates=(1, 9), window=IN_TIME)
    assert [child.kind.value for child in judgement.children] == ["aside", "part"]
    assert judgement.children[1].reason.code.value == "too_late"


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Part("a", Decimal(-1)), "threshold"),
        (lambda: Part("a", Decimal(1), Decimal(0)), "weight"),
        (lambda: plan("average", 0, threshold="-1"), "threshold"),
        (lambda: plan("average", 0, factor="0"), "factor"),
        (lambda: plan("average", 0, factor="100.1"), "factor"),
    ],
)
def test_a_plan_refuses_what_means_nothing(make, field):
    with pytest.raises(RuleError) as caught:
        make()
    assert (caught.value.code, caught.value.field) == ("rule_value_invalid", field)
