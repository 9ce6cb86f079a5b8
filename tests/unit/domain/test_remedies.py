"""What would satisfy a rule: every remedy, with its figures, and the one reason to name."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.evidence import DEFAULT_POLICY, Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.explain import deciding_leaf, grades_posted, iter_places, judgement_from_document
from lti_tool.domain.judgement import ReasonCode
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.remedies import HELPERS, RemedyCode, remedies, walk
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict

DAY = {day: datetime(2025, 11, day, tzinfo=UTC) for day in range(1, 21)}


def work(slot, state="graded", score=None, maximum="100", freshness="fresh", **more):
    score = None if score is None else Decimal(score)
    maximum = None if maximum is None else Decimal(maximum)
    return Evidence(slot, slot.title(), "ags", EvidenceState(state), Freshness(freshness), score, maximum, **more)


EVIDENCE = {
    one.slot: one
    for one in [
        work("good", score="90", submitted_at=DAY[2]),
        work("poor", score="64"),
        work("weak", score="30", submitted_at=DAY[9]),
        work("quiz", score="6.5", maximum="9.5"),
        work("ungraded", "ungraded"),
        work("waiting", "submitted"),
        work("handed", "ungraded", submitted_at=DAY[2]),
        work("hidden", "hidden"),
        work("excused", "excused"),
        work("missing", "missing"),
        work("unopened", "not_opened"),
        work("stale", score="90", freshness="stale"),
        work("failed", score="90", freshness="failed"),
        work("torn", score="90", freshness="disagreeing"),
        work("bare"),
        work("zero", score="0"),
        work("nothing", score="1", maximum="0"),
        work("letter", letter="C"),
        work("foreign", letter="Pass"),
        work("changed", letter="A", scheme=("P", "F")),
    ]
}


def percent(slot, needed="70"):
    return {"column": slot, "percent": {"at_least": needed}}


def letters(slot):
    return {"column": slot, "letter": {"one_of": ["A"], "scheme": ["A", "B", "C"]}}


def before(day, clause):
    return {"before": DAY[day].isoformat(), "of": clause}


def after(day, clause):
    return {"after": DAY[day].isoformat(), "of": clause}


def plan(calculation, *slots):
    parts = tuple(Part(slot, Decimal(70)) for slot in slots)
    return CompetencyPlan("c", "Water", Calculation(calculation), Decimal(70), parts)


def judge(document, *, closes_at=DAY[9], policy=DEFAULT_POLICY, sections=None):
    plans = {}
    if isinstance(document, CompetencyPlan):
        plans, document = {"c": document}, {"competency": "c"}
    facts = Facts(
        EVIDENCE,
        plans,
        DAY[10],
        {"outside": Verdict.UNKNOWN},
        {"essay": Verdict.NOT_MET},
        closes_at,
        policy,
        {"safety": "Lab safety"},
        sections,
    )
    return evaluate(parse_rule(document), facts)


LEAVES = [
    (percent("good"), []),
    (percent("poor"), [("score_more", {"missing": "6", "maximum": "100", "value": "64", "needed": "70"})]),
    (percent("quiz"), [("score_more", {"missing": "0.15", "maximum": "9.5"})]),
    (percent("quiz", "68.5"), [("score_more", {"missing": "0.0075"})]),
    (percent("weak", "100"), [("score_more", {"missing": "70"})]),
    ({"column": "poor", "points": {"at_least": "64.25"}}, [("points_more", {"missing": "0.25"})]),
    (letters("letter"), [("better_letter", {"value": "C", "needed": "A"})]),
    (letters("foreign"), [("review_scheme", {"value": "Pass"})]),
    (letters("changed"), [("review_scheme", {"needed": "A"})]),
    (letters("bare"), [("complete_column", {})]),
    (percent("ungraded"), [("not_graded_yet", {"title": "Ungraded"})]),
    (percent("waiting"), [("wait_for_grade", {})]),
    (percent("handed"), [("wait_for_grade", {})]),
    (percent("hidden"), [("wait_for_release", {})]),
    (percent("excused"), [("ask_about_excused", {})]),
    (percent("missing"), [("hand_in", {})]),
    (percent("unopened"), [("open_work", {})]),
    (percent("stale"), [("wait_for_reading", {})]),
    (percent("failed"), [("wait_for_reading", {})]),
    (percent("torn"), [("settle_sources", {})]),
    (percent("bare"), [("complete_column", {})]),
    (percent("nothing"), [("complete_column", {})]),
    (percent("nowhere"), [("bind_slot", {"title": "nowhere"})]),
    ({"column": "zero", "completed": True}, [("hand_in", {})]),
    ({"column": "unopened", "completed": True}, [("open_work", {})]),
    ({"competency": "gone"}, [("update_rule", {"title": "gone"})]),
    ({"achievement": "safety"}, [("earn_badge", {"title": "Lab safety"})]),
    ({"achievement": "outside"}, [("wait_for_badge", {})]),
    ({"assessor": "essay"}, [("ask_assessor", {})]),
    ({"assessor": "other"}, [("wait_for_assessor", {})]),
    ({"section": "north"}, [("read_sections", {})]),
    (before(5, percent("weak", "10")), [("too_late", {"date": DAY[5].isoformat(), "at": DAY[9].isoformat()})]),
    (after(5, percent("good")), [("do_again_since", {"date": DAY[5].isoformat()})]),
    (after(15, percent("good")), [("opens_at", {"date": DAY[15].isoformat()})]),
    (before(5, percent("poor", "10")), [("date_work", {})]),
    ({"not": percent("good")}, [("ruled_out", {})]),
    ({"not": percent("ungraded")}, [("not_graded_yet", {})]),
    ({"not": {"any": [percent("poor"), percent("waiting")]}}, [("wait_for_grade", {})]),
]


def found(judgement):
    return [(remedy.code.value, remedy.params) for remedy in remedies(judgement, DAY[10])]


def assert_found(judgement, expected):
    got = found(judgement)
    assert [code for code, _ in got] == [code for code, _ in expected]
    for (_, params), (_, wanted) in zip(got, expected, strict=True):
        assert {**params, **wanted} == params


@pytest.mark.parametrize(("document", "expected"), LEAVES)
def test_leaf(document, expected):
    assert_found(judge(document), expected)


def test_not_before_the_closing_date():
    judgement = judge({"not": percent("good")}, closes_at=DAY[12])
    assert_found(judgement, [("wait_until", {"date": DAY[12].isoformat()})])
    assert_found(judge({"not": percent("good")}, closes_at=None), [("set_closing_date", {})])


def test_a_section_and_missing_as_zero():
    assert_found(judge({"section": "north"}, sections=frozenset()), [("other_section", {})])
    judgement = judge(percent("missing"), policy=Policy(missing_counts_as_zero=True))
    assert_found(judgement, [("score_more", {"missing": "70"})])


def test_work_that_opens_later_is_only_said_with_the_time():
    judgement = judge(after(15, percent("good")))
    assert [remedy.code for remedy in remedies(judgement)] == [RemedyCode.DO_AGAIN_SINCE]


LISTS = [
    ({"all": [percent("good"), percent("poor"), percent("waiting")]}, ["$.all[1]", "$.all[2]"]),
    ({"any": [percent("poor")]}, ["$.any[0]"]),
    ({"at_least": 2, "of": [percent("poor"), percent("waiting")]}, ["$.of[0]", "$.of[1]"]),
    ({"all": [{"all": [percent("poor")]}, {"any": [percent("weak")]}]}, ["$.all[0].all[0]", "$.all[1].any[0]"]),
    (before(12, {"all": [percent("poor")]}), ["$.of.all[0]"]),
    ({"not": {"not": percent("ungraded")}}, ["$.not.not"]),
    (plan("all", "poor", "waiting", "good", "excused"), ["$.parts[0]", "$.parts[1]"]),
]


@pytest.mark.parametrize(("document", "paths"), LISTS)
def test_what_is_all_needed_is_all_listed(document, paths):
    assert [remedy.path for remedy in remedies(judge(document))] == paths


def test_two_more_of_these_three():
    document = {"at_least": 3, "of": [percent("good"), percent("poor"), percent("weak"), percent("waiting")]}
    (remedy,) = remedies(judge({"all": [document]}))
    assert (remedy.code, remedy.path) == (RemedyCode.MORE_OF_THESE, "$.all[0]")
    assert {key: remedy.params[key] for key in ("have", "needed", "missing", "of")} == {
        "have": "1",
        "needed": "3",
        "missing": "2",
        "of": "3",
    }
    assert [option.code.value for option in remedy.options] == ["score_more", "score_more", "wait_for_grade"]


def test_an_option_that_needs_several_is_one_option():
    both = {"all": [percent("poor"), percent("weak")]}
    (remedy,) = remedies(judge({"any": [both, percent("ungraded")]}))
    assert [(option.code.value, option.path, len(option.options)) for option in remedy.options] == [
        ("more_of_these", "$.any[0]", 2),
        ("not_graded_yet", "$.any[1]", 0),
    ]
    assert remedy.options[0].params == {"have": "0", "needed": "2", "missing": "2", "of": "2"}


COMPETENCIES = [
    (plan("any"), [("map_work", {"title": "Water"})]),
    (plan("any", "poor", "excused"), [("score_more", {"title": "Poor", "missing": "6"})]),
    (plan("any", "poor", "weak"), [("more_of_these", {"title": "Water", "missing": "1", "of": "2"})]),
    (plan("average", "poor", "weak"), [("raise_average", {"value": "47", "needed": "70", "missing": "23"})]),
    (plan("average", "weak", "weak", "waiting"), [("out_of_reach", {})]),
    (plan("average", "good", "waiting"), [("wait_for_grade", {"title": "Waiting"})]),
    (plan("average", "excused"), [("ask_about_excused", {"title": "Water"})]),
    (plan("latest", "good", "weak"), [("score_more", {"title": "Weak"})]),
    (plan("latest", "good", "stale"), [("wait_for_reading", {"title": "Stale"})]),
    (plan("latest", "unopened"), [("open_work", {"title": "Unopened"})]),
    (plan("decaying_average", "good", "weak"), [("raise_average", {})]),
]


@pytest.mark.parametrize(("document", "expected"), COMPETENCIES)
def test_competency(document, expected):
    assert_found(judge(document), expected)


def test_remedies_are_the_same_from_a_trace_and_become_json():
    judgement = judge({"all": [plan_free for plan_free, _ in LEAVES[:12]]})
    again = judgement_from_document(json.loads(json.dumps(judgement.to_document())))
    assert remedies(again) == remedies(judgement)
    documents = [remedy.to_document() for remedy in remedies(judgement)]
    assert json.loads(json.dumps(documents)) == documents
    assert documents[0] | {"params": {}} == {
        "code": "score_more",
        "path": "$.all[1]",
        "verdict": "not_met",
        "subject": "poor",
        "helper": "learner",
        "params": {},
        "options": [],
    }


def test_everybody_who_can_help_is_named():
    assert set(HELPERS) == set(RemedyCode)
    assert {remedy.helper.value for remedy in remedies(judge({"all": [doc for doc, _ in LEAVES]}), DAY[10])} == {
        "learner",
        "instructor",
        "platform",
        "time",
        "nobody",
    }


def test_every_remedy_occurs():
    judgements = [judge(document) for document, _ in LEAVES + COMPETENCIES]
    judgements += [
        judge({"not": percent("good")}, closes_at=DAY[12]),
        judge({"not": percent("good")}, closes_at=None),
        judge({"section": "north"}, sections=frozenset()),
    ]
    codes = {remedy.code for judgement in judgements for remedy in walk(remedies(judgement, DAY[10]))}
    assert codes == set(RemedyCode)


# -- the one reason to name -------------------------------------------------------------------------------------------

DECIDING = [
    ({"all": [percent("waiting"), percent("poor")]}, "$.all[1]", "below_threshold"),
    ({"all": [percent("ungraded"), percent("failed"), percent("hidden")]}, "$.all[1]", "source_failed"),
    ({"all": [percent("ungraded"), percent("hidden")]}, "$.all[1]", "hidden"),
    ({"all": [percent("failed"), {"competency": "gone"}]}, "$.all[1]", "competency_unknown"),
    ({"all": [percent("ungraded"), letters("changed")]}, "$.all[1]", "scheme_changed"),
    ({"all": [percent("poor"), before(5, percent("weak", "10"))]}, "$.all[1].of", "too_late"),
    ({"all": [percent("poor"), percent("weak")]}, "$.all[0]", "below_threshold"),
    ({"all": [percent("good"), percent("good", "80")]}, "$.all[0]", "threshold_met"),
    ({"any": [percent("poor"), {"all": [percent("good")]}]}, "$.any[1].all[0]", "threshold_met"),
    ({"not": percent("good")}, "$", "ruled_out"),
    ({"all": [{"not": percent("ungraded")}]}, "$.all[0].not", "not_graded"),
    ({"all": [{"achievement": "safety"}, percent("poor")]}, "$.all[1]", "below_threshold"),
]


@pytest.mark.parametrize(("document", "path", "code"), DECIDING)
def test_deciding_leaf(document, path, code):
    judgement = judge(document)
    place = deciding_leaf(judgement)
    assert (place.path, place.judgement.reason.code.value) == (path, code)
    assert place.judgement.verdict is judgement.verdict
    assert place in list(iter_places(judgement))


def test_deciding_leaf_within_a_competency():
    place = deciding_leaf(judge(plan("all", "good", "poor", "waiting")))
    assert (place.path, place.judgement.reason.code) == ("$.parts[1]", ReasonCode.BELOW_THRESHOLD)
    assert deciding_leaf(judge(plan("average", "poor", "weak"))).path == "$"


def test_grades_are_posted_unless_one_is_hidden_even_where_it_does_not_decide():
    assert grades_posted(judge({"any": [percent("good"), percent("waiting")]}))
    hidden = judge({"any": [percent("good"), percent("hidden")]})
    assert (hidden.verdict, grades_posted(hidden)) == (Verdict.MET, False)
    assert not grades_posted(judge(plan("average", "good", "hidden")))
