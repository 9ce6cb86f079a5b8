"""Linting: what can never be met, what everybody meets, what cannot be seen, and what is not there."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.lint import ColumnTraits, CourseOutline, Detail, FindingCode, Severity, lint_rule
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.reach import Reach, opposite, together
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.verdict import all_of, any_of

DAY = {day: datetime(2026, 9, day, tzinfo=UTC) for day in range(1, 31)}
SCHEME = ("A", "B", "C")
SEEN = frozenset({"percent", "points", "submitted"})


def plan(name, calculation, *parts, threshold="70"):
    made = tuple(Part(slot, Decimal(needed)) for slot, needed in parts)
    return CompetencyPlan(name, name.title(), Calculation(calculation), Decimal(threshold), made)


PLANS = [
    plan("water", "any", ("essay", "70")),
    plan("fish", "all", ("quiz", "70"), ("lab", "70")),
    plan("shared", "all", ("quiz", "70")),
    plan("bare", "any"),
    plan("unbound", "any", ("nowhere", "70"), ("essay", "70")),
    plan("lost", "average", ("nowhere", "70")),
    plan("partly", "average", ("nowhere", "70"), ("essay", "70")),
    plan("bonus", "all", ("essay", "101")),
    plan("bonus_any", "any", ("essay", "101"), ("lab", "70")),
    plan("free", "any", ("essay", "0"), ("lab", "70")),
    plan("attended", "all", ("essay", "0")),
    plan("free_average", "average", ("essay", "70"), threshold="0"),
    plan("high_average", "average", ("essay", "70"), threshold="120"),
    plan("top", "highest", ("essay", "0"), threshold="110"),
]
COURSE = CourseOutline(
    plans={each.identifier: each for each in PLANS},
    columns={
        "essay": ColumnTraits("Essay", Decimal(100)),
        "quiz": ColumnTraits("Quiz", Decimal(20), SEEN),
        "lab": ColumnTraits("Lab", Decimal(10), has_dates=False),
        "nothing": ColumnTraits("Nothing", Decimal(0)),
        "open": ColumnTraits("Open"),
        "graded": ColumnTraits("Graded", scheme=SCHEME),
    },
    achievements={"safety": "Lab safety", "own": "This badge"},
    assessments={"viva": "Viva"},
    sections={"north": "North", "south": "South"},
    own_achievement="own",
    starts_at=DAY[5],
    closes_at=DAY[25],
)


def percent(slot, needed="70"):
    return {"column": slot, "percent": {"at_least": needed}}


def points(slot, needed):
    return {"column": slot, "points": {"at_least": needed}}


def letters(*wanted, scheme=SCHEME, slot="graded"):
    written = {} if scheme is None else {"scheme": list(scheme)}
    return {"column": slot, "letter": {"one_of": list(wanted), **written}}


def dated(key, day, clause, **sections):
    when = DAY[day].isoformat()
    if sections:
        when = {"default": when, "sections": {name: DAY[each].isoformat() for name, each in sections.items()}}
    return {key: when, "of": clause}


GOOD = percent("essay")
NEVER, ALWAYS = ("unreachable", "$", "whole_rule"), ("vacuous", "$", "whole_rule")
CASES = [
    # nothing to say
    (GOOD, []),
    ({"all": [GOOD, {"competency": "water"}, {"achievement": "safety"}, {"assessor": "viva"}]}, []),
    ({"all": [GOOD, {"section": "north"}]}, []),
    ({"all": [GOOD, {"not": points("essay", 20)}]}, []),
    (dated("after", 6, dated("before", 20, GOOD)), []),
    (dated("before", 20, GOOD, north=21), []),
    (letters("A", "B"), []),
    (points("open", 1000), []),
    (points("quiz", 20), []),
    # never
    (percent("essay", "101"), [NEVER, ("unreachable", "$", "above_maximum")]),
    (points("quiz", "20.5"), [NEVER, ("unreachable", "$", "above_maximum")]),
    (percent("nothing"), [NEVER, ("unreachable", "$", "no_maximum")]),
    ({"any": [GOOD, percent("essay", "101")]}, [("unreachable", "$.any[1]", "above_maximum")]),
    (
        {"at_least": 2, "of": [GOOD, percent("essay", "101"), points("quiz", 21)]},
        [NEVER, ("unreachable", "$.of[1]", "above_maximum"), ("unreachable", "$.of[2]", "above_maximum")],
    ),
    ({"all": [GOOD, {"competency": "bare"}]}, [NEVER, ("unreachable", "$.all[1]", "nothing_mapped")]),
    ({"all": [GOOD, {"not": GOOD}]}, [NEVER, ("unreachable", "$", "contradiction")]),
    ({"all": [{"all": [GOOD]}, {"not": GOOD}]}, [NEVER, ("unreachable", "$", "contradiction")]),
    ({"any": [GOOD, {"all": [{"not": GOOD}, GOOD]}]}, [("unreachable", "$.any[1]", "contradiction")]),
    (
        {"all": [GOOD, {"not": percent("open", "0")}]},
        [NEVER, ("vacuous", "$.all[1].not", "zero_threshold"), ("unreachable", "$.all[1]", "exception_certain")],
    ),
    (dated("before", 5, GOOD), [NEVER, ("unreachable", "$", "before_course_start")]),
    (dated("before", 6, GOOD), []),
    (dated("after", 25, GOOD), [NEVER, ("unreachable", "$", "after_course_end")]),
    (dated("after", 24, GOOD), []),
    (dated("before", 20, GOOD, north=3), [("unreachable", "$", "before_course_start")]),
    (dated("after", 10, GOOD, north=29), [("unreachable", "$", "after_course_end")]),
    (
        dated("before", 3, GOOD, north=4),
        [NEVER, ("unreachable", "$", "before_course_start"), ("unreachable", "$", "before_course_start")],
    ),
    (dated("after", 10, dated("before", 10, GOOD)), [NEVER, ("unreachable", "$.of", "empty_window")]),
    (dated("before", 10, dated("after", 12, GOOD)), [NEVER, ("unreachable", "$.of", "empty_window")]),
    (dated("before", 10, dated("after", 12, GOOD, north=9)), []),
    ({"achievement": "own"}, [NEVER, ("unreachable", "$", "needs_itself")]),
    ({"competency": "bonus"}, [NEVER, ("unreachable", "$.parts[0]", "above_maximum")]),
    ({"competency": "bonus_any"}, [("unreachable", "$.parts[0]", "above_maximum")]),
    ({"competency": "high_average"}, [NEVER, ("unreachable", "$", "above_maximum")]),
    ({"competency": "top"}, [NEVER, ("unreachable", "$.parts[0]", "above_maximum")]),
    # always
    (percent("essay", "0"), [ALWAYS, ("participation_only", "$", None), ("vacuous", "$", "zero_threshold")]),
    ({"all": [GOOD, points("essay", 0)]}, [("vacuous", "$.all[1]", "zero_threshold")]),
    ({"any": [GOOD, points("essay", 0)]}, [ALWAYS, ("vacuous", "$.any[1]", "zero_threshold")]),
    (letters("A", "B", "c"), [ALWAYS, ("vacuous", "$", "every_letter")]),
    ({"competency": "free"}, [ALWAYS, ("vacuous", "$.parts[0]", "zero_threshold")]),
    (
        {"competency": "free_average"},
        [ALWAYS, ("participation_only", "$", None), ("vacuous", "$", "zero_threshold")],
    ),
    (
        {"all": [GOOD, {"not": percent("essay", "101")}]},
        [("unreachable", "$.all[1].not", "above_maximum"), ("vacuous", "$.all[1]", "exception_impossible")],
    ),
    # not there
    (percent("nowhere"), [NEVER, ("references_retired", "$", "slot_unbound")]),
    ({"competency": "gone"}, [NEVER, ("references_retired", "$", "competency_gone")]),
    ({"achievement": "gone"}, [NEVER, ("references_retired", "$", "achievement_gone")]),
    ({"assessor": "gone"}, [NEVER, ("references_retired", "$", "assessment_gone")]),
    ({"section": "west"}, [NEVER, ("references_retired", "$", "section_gone")]),
    (
        {"all": [GOOD, {"not": {"competency": "gone"}}]},
        [NEVER, ("references_retired", "$.all[1].not", "competency_gone")],
    ),
    ({"any": [GOOD, {"achievement": "gone"}]}, [("references_retired", "$.any[1]", "achievement_gone")]),
    ({"competency": "unbound"}, [("references_retired", "$.parts[0]", "slot_unbound")]),
    ({"competency": "lost"}, [NEVER, ("references_retired", "$.parts[0]", "slot_unbound")]),
    ({"competency": "partly"}, [("references_retired", "$.parts[0]", "slot_unbound")]),
    # not to be seen
    (letters("A", slot="quiz", scheme=None), [NEVER, ("not_observable", "$", "kind")]),
    ({"all": [GOOD, {"column": "quiz", "completed": True}]}, [NEVER, ("not_observable", "$.all[1]", "kind")]),
    (dated("before", 20, percent("lab")), [NEVER, ("not_observable", "$.of", "no_dates")]),
    (percent("lab"), []),
    (dated("before", 20, {"achievement": "safety"}), [NEVER, ("not_observable", "$.of", "no_dates")]),
    (dated("before", 20, {"assessor": "viva"}), [NEVER, ("not_observable", "$.of", "no_dates")]),
    # letters
    (letters("A", scheme=("A", "B")), [NEVER, ("scheme_changed", "$", None)]),
    (letters("A", scheme=None), [("scheme_missing", "$", None)]),
    # what it shows
    ({"column": "essay", "submitted": True}, [("participation_only", "$", None)]),
    ({"all": [{"column": "essay", "submitted": True}, {"section": "north"}]}, [("participation_only", "$", None)]),
    ({"all": [{"column": "essay", "submitted": True}, GOOD]}, []),
    ({"all": [{"column": "essay", "completed": True}, {"achievement": "safety"}]}, []),
    ({"all": [{"column": "essay", "completed": True}, {"assessor": "viva"}]}, []),
    ({"all": [{"column": "essay", "completed": True}, {"not": GOOD}]}, [("participation_only", "$", None)]),
    (
        {"competency": "attended"},
        [ALWAYS, ("participation_only", "$", None), ("vacuous", "$.parts[0]", "zero_threshold")],
    ),
    ({"section": "north"}, []),
]


def lint(document, course=COURSE):
    return lint_rule(parse_rule(document), course)


def said(findings):
    shared = FindingCode.ONE_COLUMN_SEVERAL_COMPETENCIES
    return [(one.code, one.path, one.detail) for one in findings if one.code is not shared]


@pytest.mark.parametrize(("document", "expected"), CASES)
def test_lint(document, expected):
    assert said(lint(document)) == expected


def test_only_what_concerns_the_whole_rule_is_an_error():
    for document, _ in CASES:
        for finding in lint(document):
            assert (finding.severity is Severity.ERROR) is (finding.detail is Detail.WHOLE_RULE)


def test_every_finding_and_every_detail_occurs():
    findings = [finding for document, _ in CASES for finding in lint(document)]
    findings += lint({"not": GOOD}, CourseOutline({}, COURSE.columns))
    findings += lint({"section": "north"}, CourseOutline({}, {}, tells_sections=False))
    assert {finding.code for finding in findings} == set(FindingCode)
    assert {finding.detail for finding in findings} == {None, *Detail}


PARAMS = [
    (points("quiz", "20.5"), {"title": "Quiz", "needed": "20.5", "maximum": "20"}),
    (dated("before", 20, GOOD, north=3), {"date": DAY[3], "section": "North", "starts_at": DAY[5]}),
    (dated("after", 26, GOOD), {"date": DAY[26], "closes_at": DAY[25]}),
    (dated("after", 12, dated("before", 10, GOOD)), {"after": DAY[12], "before": DAY[10]}),
    (letters("A", scheme=("A", "B")), {"title": "Graded", "scheme": "A, B", "scheme_now": "A, B, C"}),
    (letters("A", scheme=None), {"title": "Graded", "scheme_now": "A, B, C"}),
    ({"all": [GOOD, {"column": "quiz", "completed": True}]}, {"title": "Quiz", "kind": "completed"}),
    ({"achievement": "own"}, {"title": "This badge"}),
    ({"achievement": "gone"}, {"title": "gone"}),
    ({"competency": "bare"}, {"title": "Bare"}),
    ({"competency": "lost"}, {"title": "nowhere"}),
]


@pytest.mark.parametrize(("document", "params"), PARAMS)
def test_the_figures_for_the_text(document, params):
    shown = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in params.items()}
    assert lint(document)[-1].params == shown


def test_one_column_for_several_competencies():
    (finding,) = [
        one for one in lint({"competency": "fish"}) if one.code is FindingCode.ONE_COLUMN_SEVERAL_COMPETENCIES
        and one.subject == "quiz"
    ]  # fmt: skip
    assert finding.params == {"title": "Quiz", "competencies": "Fish, Shared", "count": "2"}
    alone = CourseOutline({"fish": COURSE.plans["fish"]}, COURSE.columns)
    assert lint({"competency": "fish"}, alone) == ()
    assert lint(GOOD) == ()


def test_what_is_not_known_is_not_checked():
    course = CourseOutline({}, {"essay": ColumnTraits("Essay")})
    document = {"all": [GOOD, {"achievement": "any"}, {"assessor": "any"}, {"section": "any"}]}
    assert lint(dated("before", 1, GOOD), course) == lint(document, course) == ()


def test_a_finding_becomes_json():
    finding = lint(points("quiz", "20.5"))[-1]
    document = finding.to_document()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "code": "unreachable",
        "detail": "above_maximum",
        "severity": "warning",
        "path": "$",
        "subject": "quiz",
        "params": {"title": "Quiz", "needed": "20.5", "maximum": "20"},
    }


ALWAYS_REACH, OPEN, NEVER_REACH, STUCK = Reach.ALWAYS, Reach.OPEN, Reach.NEVER, Reach.STUCK


@pytest.mark.parametrize(
    ("combine", "parts", "reach"),
    [
        (all_of, [OPEN, STUCK], STUCK),
        (all_of, [NEVER_REACH, STUCK], NEVER_REACH),
        (all_of, [ALWAYS_REACH, OPEN], OPEN),
        (all_of, [ALWAYS_REACH], ALWAYS_REACH),
        (any_of, [NEVER_REACH, STUCK], STUCK),
        (any_of, [OPEN, STUCK], OPEN),
        (any_of, [ALWAYS_REACH, STUCK], ALWAYS_REACH),
        (any_of, [NEVER_REACH, NEVER_REACH], NEVER_REACH),
    ],
)
def test_reach(combine, parts, reach):
    assert together(combine, parts) is reach
    assert together(combine, parts[::-1]) is reach


def test_the_opposite_of_stuck_is_stuck():
    assert [opposite(reach) for reach in (ALWAYS_REACH, OPEN, NEVER_REACH, STUCK)] == [
        NEVER_REACH,
        OPEN,
        ALWAYS_REACH,
        STUCK,
    ]
