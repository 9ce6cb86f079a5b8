"""What is missing, and what was seen."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.explain import evidence_seen, missing
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Facts, evaluate, parse_rule

NOW = datetime(2025, 11, 10, tzinfo=UTC)
SCORES = {"good": "90", "fine": "80", "poor": "64", "weak": "30"}
EVIDENCE = {
    **{
        slot: Evidence(slot, slot.title(), "ags", EvidenceState.GRADED, score=Decimal(score), maximum=Decimal(100))
        for slot, score in SCORES.items()
    },
    **{slot: Evidence(slot, slot.title(), "ags", EvidenceState.UNGRADED) for slot in ("wait", "later")},
    "excused": Evidence("excused", "Excused", "ags", EvidenceState.EXCUSED),
}


def column(slot, needed="70"):
    return {"column": slot, "percent": {"at_least": needed}}


def plan(calculation, *slots):
    parts = tuple(Part(slot, Decimal(70)) for slot in slots)
    return CompetencyPlan(calculation, calculation.title(), Calculation(calculation), Decimal(70), parts)


def judge(document, *plans, closes_at=None):
    facts = Facts(EVIDENCE, {plan.identifier: plan for plan in plans}, NOW, closes_at=closes_at)
    return evaluate(parse_rule(document), facts)


def codes(judgement):
    return [(leaf.subject, leaf.reason.code.value) for leaf in missing(judgement)]


BELOW, WAITING = "below_threshold", "not_graded"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (column("good"), []),
        ({"any": [column("poor"), column("good")]}, []),
        (column("poor"), [("poor", BELOW)]),
        ({"all": [column("weak"), column("good"), column("wait"), column("poor")]}, [("weak", BELOW), ("poor", BELOW)]),
        ({"all": [column("good"), column("wait"), column("later")]}, [("wait", WAITING), ("later", WAITING)]),
        ({"any": [column("poor"), column("wait")]}, [("wait", WAITING)]),
        ({"at_least": 2, "of": [column("poor"), column("weak"), column("good")]}, [("poor", BELOW), ("weak", BELOW)]),
        ({"all": [column("poor"), {"any": [column("weak"), column("poor")]}]}, [("poor", BELOW), ("weak", BELOW)]),
        ({"all": [column("poor"), column("poor", "80")]}, [("poor", BELOW), ("poor", BELOW)]),
        ({"all": [column("wait"), column("wait", "80")]}, [("wait", WAITING)]),
        ({"not": column("poor")}, [(None, "no_closing_date")]),
        ({"all": [{"achievement": "safety"}]}, [("safety", "achievement_not_awarded")]),
    ],
)
def test_missing(document, expected):
    assert codes(judge(document)) == expected


def test_a_not_speaks_for_itself_unless_its_clause_is_unknown():
    assert codes(judge({"not": column("good")}, closes_at=NOW)) == [(None, "ruled_out")]
    assert codes(judge({"not": column("wait")}, closes_at=NOW)) == [("wait", WAITING)]


@pytest.mark.parametrize(
    ("calculation", "slots", "expected"),
    [
        ("all", ["good", "poor", "excused", "wait"], [("poor", BELOW)]),
        ("any", ["poor", "wait", "excused"], [("wait", WAITING)]),
        ("average", ["weak", "fine"], [("average", BELOW)]),
        ("average", ["good", "excused", "wait"], [("wait", WAITING)]),
        ("average", ["weak", "weak", "wait"], [("average", "out_of_reach")]),
        ("average", ["excused"], [("average", "excused")]),
        ("latest", ["weak", "poor"], [("weak", BELOW)]),
        ("any", [], [("any", "nothing_mapped")]),
    ],
)
def test_missing_in_a_competency(calculation, slots, expected):
    judgement = judge({"all": [{"competency": calculation}]}, plan(calculation, *slots))
    assert codes(judgement) == expected


def test_the_reason_has_the_value_seen():
    (leaf,) = missing(judge(column("poor")))
    assert leaf.reason.params == {"title": "Poor", "value": "64", "needed": "70"}


def test_evidence_seen_is_listed_once_and_in_order():
    judgement = judge(
        {"all": [column("wait"), {"competency": "average"}, column("good"), {"assessor": "viva"}]},
        plan("average", "poor", "good", "excused"),
    )
    assert [each.slot for each in evidence_seen(judgement)] == ["wait", "poor", "good", "excused"]
