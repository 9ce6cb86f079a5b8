"""Rules: every clause, *not* and its closing date, and the window of *before* and *after*."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Facts, competencies_of, evaluate, parse_rule, slots_of
from lti_tool.domain.verdict import Verdict

DAY = {day: datetime(2025, 11, day, tzinfo=UTC) for day in range(1, 20)}


def graded(slot, score, **more):
    return Evidence(slot, slot.title(), "ags", EvidenceState.GRADED, score=Decimal(score), maximum=Decimal(100), **more)


def ungraded(slot, **more):
    return Evidence(slot, slot.title(), "ags", EvidenceState.UNGRADED, maximum=Decimal(100), **more)


def competency(identifier, *slots):
    parts = tuple(Part(slot, Decimal(70)) for slot in slots)
    return CompetencyPlan(identifier, identifier.title(), Calculation.ANY, Decimal(70), parts)


EVIDENCE = {
    "good": graded("good", 90, submitted_at=DAY[2], letter="A"),
    "poor": graded("poor", 40, submitted_at=DAY[2], letter="D"),
    "late": graded("late", 90, submitted_at=DAY[9]),
    "undated": graded("undated", 90),
    "waiting": ungraded("waiting", submitted_at=DAY[2]),
    "done": Evidence("done", "Done", "moodle", EvidenceState.COMPLETED, submitted_at=DAY[2]),
    "stale": graded("stale", 90, freshness=Freshness.STALE),
    "missing": Evidence("missing", "Missing", "canvas", EvidenceState.MISSING),
}
GOOD, POOR, WAITING, LATE, UNDATED = (
    {"column": slot, "percent": {"at_least": "70"}} for slot in ("good", "poor", "waiting", "late", "undated")
)


def judge(document, **more):
    facts = Facts(
        EVIDENCE,
        {"water": competency("water", "good"), "fish": competency("fish", "poor"), "empty": competency("empty")},
        DAY[10],
        achievements={"safety": Verdict.MET, "outside": Verdict.UNKNOWN},
        assessments={"viva": Verdict.MET, "essay": Verdict.NOT_MET},
        **more,
    )
    return evaluate(parse_rule(document), facts)


def answer(judgement):
    return judgement.verdict.value, judgement.reason.code.value


LEAVES = [
    (GOOD, "met", "threshold_met"),
    (POOR, "not_met", "below_threshold"),
    (WAITING, "unknown", "not_graded"),
    ({"column": "good", "points": {"at_least": 90}}, "met", "points_met"),
    ({"column": "good", "points": {"at_least": "90.5"}}, "not_met", "below_points"),
    ({"column": "good", "letter": {"one_of": ["A", "B"]}}, "met", "letter_met"),
    ({"column": "poor", "letter": {"one_of": ["A", "B"]}}, "not_met", "other_letter"),
    ({"column": "done", "completed": True}, "met", "completed"),
    ({"column": "waiting", "completed": True}, "unknown", "not_graded"),
    ({"column": "waiting", "submitted": True}, "met", "submitted"),
    ({"column": "stale", "percent": {"at_least": "0"}}, "unknown", "stale"),
    ({"column": "nowhere", "percent": {"at_least": "0"}}, "unknown", "column_unknown"),
    ({"column": "nowhere", "submitted": True}, "unknown", "column_unknown"),
    ({"competency": "water"}, "met", "enough"),
    ({"competency": "fish"}, "not_met", "needs_more"),
    ({"competency": "empty"}, "unknown", "nothing_mapped"),
    ({"competency": "nowhere"}, "unknown", "competency_unknown"),
    ({"achievement": "safety"}, "met", "achievement_awarded"),
    ({"achievement": "other"}, "not_met", "achievement_not_awarded"),
    ({"achievement": "outside"}, "unknown", "achievement_unknown"),
    ({"assessor": "viva"}, "met", "assessor_confirmed"),
    ({"assessor": "essay"}, "not_met", "assessor_declined"),
    ({"assessor": "other"}, "unknown", "not_assessed"),
]


@pytest.mark.parametrize(("document", "verdict", "code"), LEAVES)
def test_leaf(document, verdict, code):
    assert answer(judge(document)) == (verdict, code)


def test_the_policy_reaches_columns_and_competencies():
    strict = Policy(missing_counts_as_zero=True)
    document = {"column": "missing", "percent": {"at_least": "1"}}
    assert judge(document).verdict is Verdict.UNKNOWN
    assert judge(document, policy=strict).verdict is Verdict.NOT_MET


def test_titles_name_achievements_and_assessments():
    judgement = judge({"achievement": "other"}, titles={"other": "Lab safety"})
    assert (judgement.subject, judgement.reason.params) == ("other", {"title": "Lab safety"})
    assert judge({"assessor": "viva"}).reason.params == {"title": None}


LISTS = [
    ({"all": [GOOD, {"assessor": "viva"}]}, "met", {"have": "2", "needed": "2", "unknown": "0"}),
    ({"all": [GOOD, WAITING]}, "unknown", {"have": "1", "needed": "2", "unknown": "1"}),
    ({"all": [POOR, WAITING]}, "not_met", {"have": "0", "needed": "2", "unknown": "1"}),
    ({"any": [POOR, GOOD, WAITING]}, "met", {"have": "1", "needed": "1", "unknown": "1"}),
    ({"any": [POOR, WAITING]}, "unknown", {"have": "0", "needed": "1", "unknown": "1"}),
    ({"any": [POOR, POOR]}, "not_met", {"have": "0", "needed": "1", "unknown": "0"}),
    ({"at_least": 2, "of": [GOOD, POOR, LATE]}, "met", {"have": "2", "needed": "2", "unknown": "0"}),
    ({"at_least": 2, "of": [GOOD, POOR, WAITING]}, "unknown", {"have": "1", "needed": "2", "unknown": "1"}),
    ({"at_least": 3, "of": [GOOD, POOR, WAITING]}, "not_met", {"have": "1", "needed": "3", "unknown": "1"}),
]


@pytest.mark.parametrize(("document", "verdict", "params"), LISTS)
def test_lists(document, verdict, params):
    judgement = judge(document)
    assert judgement.verdict.value == verdict
    assert judgement.reason.params == params
    assert judgement.reason.code.value == ("enough" if verdict == "met" else "needs_more")


def test_every_clause_is_judged_even_when_the_first_decides():
    judgement = judge({"all": [POOR, {"any": [GOOD, WAITING]}]})
    assert judgement.kind.value == "all"
    assert [child.kind.value for child in judgement.children] == ["column", "any"]
    assert [leaf.subject for leaf in judgement.children[1].children] == ["good", "waiting"]


@pytest.mark.parametrize(
    ("clause", "closes_at", "verdict", "code"),
    [
        (POOR, None, "unknown", "no_closing_date"),
        (POOR, DAY[11], "unknown", "waiting_until"),
        (POOR, DAY[10], "met", "not_ruled_out"),
        (GOOD, DAY[9], "not_met", "ruled_out"),
        (GOOD, DAY[11], "unknown", "waiting_until"),
        (WAITING, DAY[9], "unknown", "exception_unknown"),
    ],
)
def test_not_waits_for_the_closing_date(clause, closes_at, verdict, code):
    judgement = judge({"not": clause}, closes_at=closes_at)
    assert answer(judgement) == (verdict, code)
    assert judgement.children[0].subject == clause["column"]


def test_not_says_until_when():
    assert judge({"not": POOR}, closes_at=DAY[11]).reason.params == {"date": "2025-11-11T00:00:00+00:00"}


FIFTH = "2025-11-05T00:00:00Z"
WINDOWS = [
    ({"before": FIFTH, "of": GOOD}, "met"),
    ({"after": FIFTH, "of": GOOD}, "not_met"),
    ({"before": FIFTH, "of": LATE}, "not_met"),
    ({"after": FIFTH, "of": LATE}, "met"),
    ({"before": FIFTH, "of": UNDATED}, "unknown"),
    ({"before": FIFTH, "of": POOR}, "not_met"),
    ({"before": FIFTH, "of": WAITING}, "unknown"),
    ({"after": FIFTH, "of": WAITING}, "not_met"),
    ({"before": FIFTH, "of": {"any": [GOOD, LATE]}}, "met"),
    ({"before": FIFTH, "of": {"all": [GOOD, LATE]}}, "not_met"),
    ({"before": FIFTH, "of": {"competency": "water"}}, "met"),
    ({"after": FIFTH, "of": {"competency": "water"}}, "not_met"),
    ({"before": FIFTH, "of": {"column": "done", "completed": True}}, "met"),
    ({"after": FIFTH, "of": {"column": "done", "completed": True}}, "not_met"),
    ({"before": FIFTH, "of": {"achievement": "safety"}}, "unknown"),
    ({"before": FIFTH, "of": {"achievement": "other"}}, "not_met"),
    ({"before": FIFTH, "of": {"assessor": "viva"}}, "unknown"),
    ({"before": FIFTH, "of": {"assessor": "other"}}, "unknown"),
    ({"after": "2025-11-01T00:00:00Z", "of": {"before": FIFTH, "of": GOOD}}, "met"),
    ({"after": "2025-11-03T00:00:00Z", "of": {"before": FIFTH, "of": GOOD}}, "not_met"),
]


@pytest.mark.parametrize(("document", "verdict"), WINDOWS)
def test_before_and_after(document, verdict):
    assert judge(document).verdict.value == verdict


def test_before_explains_itself():
    judgement = judge({"before": FIFTH, "of": LATE})
    assert judgement.kind.value == "before"
    assert judgement.reason.params == {
        "have": "0",
        "needed": "1",
        "unknown": "0",
        "date": "2025-11-05T00:00:00+00:00",
    }
    assert judgement.children[0].reason.code.value == "too_late"
    assert judge({"before": FIFTH, "of": {"assessor": "viva"}}).children[0].reason.code.value == "date_unknown"


def test_what_a_rule_can_look_at():
    rule = parse_rule(
        {
            "all": [
                {"competency": "water"},
                {"competency": "nowhere"},
                {"not": {"before": FIFTH, "of": {"at_least": 1, "of": [LATE, {"competency": "fish"}]}}},
                {"any": [GOOD, {"achievement": "safety"}, {"assessor": "viva"}]},
            ]
        }
    )
    competencies = {"water": competency("water", "good", "lab"), "fish": competency("fish", "poor")}
    assert competencies_of(rule) == {"water", "nowhere", "fish"}
    assert slots_of(rule, competencies) == {"good", "lab", "late", "poor"}
