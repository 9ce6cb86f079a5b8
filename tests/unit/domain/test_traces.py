"""A judgement survives being stored as JSON."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.explain import judgement_from_document, missing
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import InvalidInputError

NOW = datetime(2025, 11, 10, 12, 30, 0, 250, tzinfo=UTC)
QUIZ = Evidence(
    "quiz",
    "Nitrogen «cycle»",
    "canvas",
    EvidenceState.GRADED,
    score=Decimal("69.50"),
    maximum=Decimal(100),
    letter="C",
    submitted_at=NOW,
    graded_at=NOW,
    checked_at=NOW,
    position=3,
)
PARTS = (Part("quiz", Decimal(70)), Part("lab", Decimal(0)))
PLAN = CompetencyPlan("aq.w", "Water", Calculation.AVERAGE, Decimal(70), PARTS)


def judged():
    rule = parse_rule(
        {
            "all": [
                {"competency": "aq.w"},
                {"before": "2025-11-10T00:00:00Z", "of": {"column": "quiz", "points": {"at_least": "1"}}},
                {"not": {"column": "quiz", "letter": {"one_of": ["A", "B"]}}},
                {"achievement": "safety"},
            ]
        }
    )
    return evaluate(rule, Facts({"quiz": QUIZ}, {"aq.w": PLAN}, NOW, closes_at=NOW))


def test_round_trip():
    judgement = judged()
    stored = json.dumps(judgement.to_document())
    rebuilt = judgement_from_document(json.loads(stored))
    assert rebuilt == judgement
    assert hash(rebuilt) == hash(judgement)
    assert rebuilt.to_document() == json.loads(stored)
    assert missing(rebuilt) == missing(judgement)


def test_the_document_says_it_in_plain_json():
    document = judged().to_document()
    children = document["children"]
    assert document["verdict"] == "not_met"
    assert document["reason"] == {"code": "needs_more", "params": {"have": "1", "needed": "4", "unknown": "1"}}
    part = children[0]["children"][0]
    assert part["kind"] == "aside"
    assert part["reason"]["params"] == {"title": "Nitrogen «cycle»", "value": "69.5", "needed": "70"}
    assert part["evidence"]["score"] == "69.50"
    assert part["evidence"]["submitted_at"] == "2025-11-10T12:30:00.000250+00:00"
    assert children[1]["children"][0]["reason"]["code"] == "too_late"


def test_reasons_are_equal_by_what_they_say():
    exact = Reason(ReasonCode.BELOW_THRESHOLD, {"value": (Decimal(1), Decimal(2)), "needed": Decimal("70.0")})
    written = Reason(ReasonCode.BELOW_THRESHOLD, {"value": "50", "needed": "70"})
    assert exact == written
    assert hash(exact) == hash(written)
    assert exact != Reason(ReasonCode.BELOW_THRESHOLD, {"value": "51", "needed": "70"})
    assert exact != Reason(ReasonCode.OUT_OF_REACH, exact.figures)
    assert exact != (ReasonCode.BELOW_THRESHOLD, exact.figures)


def test_a_minimal_judgement():
    judgement = Judgement(Verdict.UNKNOWN, Kind.NOT, Reason(ReasonCode.NO_CLOSING_DATE))
    assert judgement_from_document(judgement.to_document()) == judgement


DAMAGES = [
    lambda document: None,
    lambda document: [],
    lambda document: document.pop("verdict") and document,
    lambda document: {**document, "verdict": "perhaps"},
    lambda document: {**document, "verdict": 1},
    lambda document: {**document, "kind": "guess"},
    lambda document: {**document, "subject": 5},
    lambda document: {**document, "children": {}},
    lambda document: {**document, "reason": "because"},
    lambda document: {**document, "reason": {"code": "because", "params": {}}},
    lambda document: {**document, "reason": {"code": "enough", "params": {"have": 1}}},
    lambda document: {**document, "evidence": {}},
    lambda document: {**document, "evidence": {**QUIZ.to_document(), "score": "many"}},
    lambda document: {**document, "evidence": {**QUIZ.to_document(), "score": "NaN"}},
    lambda document: {**document, "evidence": {**QUIZ.to_document(), "score": 69.5}},
    lambda document: {**document, "evidence": {**QUIZ.to_document(), "graded_at": "today"}},
    lambda document: {**document, "evidence": {**QUIZ.to_document(), "position": "3"}},
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_trace_is_refused(damage):
    with pytest.raises(InvalidInputError) as caught:
        judgement_from_document(damage(copy.deepcopy(judged().to_document())))
    assert caught.value.code == "trace_invalid"


def test_a_grading_scheme_survives_and_older_traces_have_none():
    schemed = replace(QUIZ, scheme=("A", "B"))
    leaf = Judgement(Verdict.MET, Kind.COLUMN, Reason(ReasonCode.LETTER_MET), "quiz", (), schemed)
    document = json.loads(json.dumps(leaf.to_document()))
    assert judgement_from_document(document) == leaf
    del document["evidence"]["scheme"]
    assert judgement_from_document(document).evidence == QUIZ
    assert "scheme" not in QUIZ.to_document()
    for broken in ("A, B", ["A", 1], {"A": 1}):
        document["evidence"]["scheme"] = broken
        with pytest.raises(InvalidInputError) as caught:
            judgement_from_document(document)
        assert caught.value.code == "trace_invalid"
