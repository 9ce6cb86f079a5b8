"""Rules as JSON: what is accepted, what comes back, and what each mistake is called."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from lti_tool.domain.clauses import (
    After,
    AtLeast,
    Before,
    ColumnClause,
    CompetencyClause,
    Measure,
    SectionClause,
    scheme_fingerprint,
)
from lti_tool.domain.rule_documents import parse_rule, rule_document
from lti_tool.errors import RuleError

LEAF = {"competency": "aq.water"}
DESIGNED = {
    "all": [
        {"competency": "aq.water-chemistry"},
        {"at_least": 2, "of": [{"competency": "aq.design"}, {"competency": "aq.fish"}, {"competency": "aq.plants"}]},
        {"achievement": "lab-safety"},
        {"column": "final-project", "percent": {"at_least": "70"}},
    ]
}
DOCUMENTS = [
    DESIGNED,
    {"any": [LEAF]},
    {"not": {"assessor": "viva"}},
    {"before": "2026-01-31T23:59:00+00:00", "of": LEAF},
    {"after": "2025-09-01T00:00:00+02:00", "of": {"before": "2026-01-31T23:59:00+00:00", "of": LEAF}},
    {"column": "quiz", "points": {"at_least": "12.50"}},
    {"column": "quiz", "letter": {"one_of": ["A", "B+"]}},
    {"column": "quiz", "completed": True},
    {"column": "quiz", "submitted": True},
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_rule_comes_back_as_it_was_written(document):
    rule = parse_rule(document)
    assert rule_document(rule) == document
    assert parse_rule(rule_document(rule)) == rule


def test_what_is_read():
    assert parse_rule({"column": "quiz", "percent": {"at_least": 70}}) == ColumnClause(
        "quiz", Measure.PERCENT, Decimal(70)
    )
    assert parse_rule({"before": "2026-01-31T23:59:00-05:00", "of": LEAF}) == Before(
        datetime(2026, 1, 31, 23, 59, tzinfo=timezone(timedelta(hours=-5))), CompetencyClause("aq.water")
    )


def percent(value):
    return {"column": "quiz", "percent": {"at_least": value}}


def deep(levels):
    document = LEAF
    for _ in range(levels - 1):
        document = {"not": document}
    return document


MISTAKES = [
    (None, "rule_clause_invalid", "$"),
    ([], "rule_clause_invalid", "$"),
    ({"all": ["x"]}, "rule_clause_invalid", "$.all[0]"),
    ({}, "rule_clause_unknown", "$"),
    ({"grade": 1}, "rule_clause_unknown", "$"),
    ({"all": [LEAF], "any": [LEAF]}, "rule_clause_unknown", "$"),
    ({"all": [LEAF, {"of": [LEAF]}]}, "rule_clause_unknown", "$.all[1]"),
    ({"competency": "a", "of": LEAF}, "rule_key_unknown", "$.of"),
    ({"all": [{"column": "quiz", "completed": True, "weight": 1}]}, "rule_key_unknown", "$.all[0].weight"),
    ({"all": []}, "rule_empty_list", "$.all"),
    ({"any": []}, "rule_empty_list", "$.any"),
    ({"not": {"at_least": 1, "of": []}}, "rule_empty_list", "$.not.of"),
    ({"all": {"competency": "a"}}, "rule_value_invalid", "$.all"),
    ({"at_least": 1}, "rule_value_missing", "$.of"),
    ({"at_least": 0, "of": [LEAF]}, "rule_value_invalid", "$.at_least"),
    ({"at_least": 2, "of": [LEAF]}, "rule_value_invalid", "$.at_least"),
    ({"at_least": True, "of": [LEAF]}, "rule_value_invalid", "$.at_least"),
    ({"at_least": "1", "of": [LEAF]}, "rule_value_invalid", "$.at_least"),
    ({"at_least": 1, "of": [LEAF, LEAF]}, "rule_clause_repeated", "$.of"),
    ({"competency": ""}, "rule_value_invalid", "$.competency"),
    ({"competency": "  "}, "rule_value_invalid", "$.competency"),
    ({"achievement": 7}, "rule_value_invalid", "$.achievement"),
    ({"assessor": "x" * 501}, "rule_value_invalid", "$.assessor"),
    ({"before": "2025-11-05", "of": LEAF}, "rule_value_invalid", "$.before"),
    ({"after": "2025-11-05T10:00:00", "of": LEAF}, "rule_value_invalid", "$.after"),
    ({"after": "soon", "of": LEAF}, "rule_value_invalid", "$.after"),
    ({"after": 20251105, "of": LEAF}, "rule_value_invalid", "$.after"),
    ({"before": "2025-11-05T10:00:00Z"}, "rule_value_missing", "$.of"),
    ({"before": "2025-11-05T10:00:00Z", "of": {"any": []}}, "rule_empty_list", "$.of.any"),
    ({"column": "quiz"}, "rule_value_missing", "$.column"),
    ({"column": "quiz", "completed": True, "submitted": True}, "rule_value_missing", "$.column"),
    ({"column": "quiz", "completed": False}, "rule_value_invalid", "$.completed"),
    ({"column": "quiz", "submitted": 1}, "rule_value_invalid", "$.submitted"),
    ({"column": "quiz", "percent": "70"}, "rule_value_invalid", "$.percent"),
    ({"column": "quiz", "percent": {"at_most": "70"}}, "rule_value_invalid", "$.percent"),
    *(
        (percent(value), "rule_value_invalid", "$.percent.at_least")
        for value in (69.5, True, None, "", "-1", -1, "1e2", "NaN", " 70", "70\n", "٧٠", "7" * 10, 10**9, 10**5000)
    ),
    ({"column": "quiz", "letter": {"one_of": []}}, "rule_empty_list", "$.letter.one_of"),
    ({"column": "quiz", "letter": {"one_of": "A"}}, "rule_value_invalid", "$.letter.one_of"),
    ({"column": "quiz", "letter": {"one_of": ["A"] * 51}}, "rule_value_invalid", "$.letter.one_of"),
    ({"column": "quiz", "letter": {"one_of": ["A", ""]}}, "rule_value_invalid", "$.letter.one_of[1]"),
    (deep(9), "rule_too_deep", "$" + ".not" * 8),
    ({"all": [{"competency": str(i)} for i in range(200)]}, "rule_too_long", "$.all[199]"),
]


@pytest.mark.parametrize(("document", "code", "field"), MISTAKES)
def test_mistakes(document, code, field):
    with pytest.raises(RuleError) as caught:
        parse_rule(document)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.status == 422


def test_the_limits_themselves_are_allowed():
    assert rule_document(parse_rule(deep(8))) == deep(8)
    wide = {"all": [{"competency": str(i)} for i in range(199)]}
    assert rule_document(parse_rule(wide)) == wide


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: AtLeast(1, ()), "rule_empty_list"),
        (lambda: Before(datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None), CompetencyClause("a")), None),
        (lambda: ColumnClause("quiz", Measure.PERCENT), None),
        (lambda: ColumnClause("quiz", Measure.COMPLETED, Decimal(1)), None),
        (lambda: ColumnClause("quiz", Measure.LETTER), None),
        (lambda: ColumnClause("quiz", Measure.POINTS, Decimal(1), ("A",)), None),
        (lambda: ColumnClause("quiz", Measure.POINTS, Decimal(-1)), None),
        (lambda: ColumnClause("quiz", Measure.POINTS, Decimal(10) ** 9), None),
    ],
)
def test_clauses_check_themselves(make, code):
    with pytest.raises(RuleError) as caught:
        make()
    assert caught.value.code == (code or "rule_value_invalid")


# -- sections and grading schemes -------------------------------------------------------------------------------------

SCHEMED = {
    "column": "a",
    "letter": {"one_of": ["A"], "scheme": ["A", "B"], "fingerprint": scheme_fingerprint(["A", "B"])},
}
SECTIONED = {
    "before": {
        "default": "2025-11-01T00:00:00+00:00",
        "sections": {"b": "2025-11-03T00:00:00+00:00", "c": "2025-11-02T00:00:00+00:00"},
    },
    "of": {"section": "b"},
}


@pytest.mark.parametrize("document", [SCHEMED, SECTIONED, SECTIONED | {"of": SCHEMED}, {"section": "b"}])
def test_sections_and_schemes_come_back(document):
    assert rule_document(parse_rule(document)) == document


def test_a_fingerprint_may_be_left_out_and_is_written():
    without = {"column": "a", "letter": {"one_of": ["A"], "scheme": ["A", "B"]}}
    assert rule_document(parse_rule(without)) == SCHEMED


def test_the_order_of_sections_makes_no_other_rule():
    turned = dict(reversed(SECTIONED["before"]["sections"].items()))
    assert parse_rule({**SECTIONED, "before": {**SECTIONED["before"], "sections": turned}}) == parse_rule(SECTIONED)


def test_a_fingerprint_is_of_letters_and_their_order_only():
    assert scheme_fingerprint(["A", "B"]) == scheme_fingerprint([" a", "b "])
    assert len({scheme_fingerprint(each) for each in (["A", "B"], ["B", "A"], ["A"], ["A,B"], ["A", "B", "C"])}) == 5
    assert len(scheme_fingerprint(["A"])) == 32


def test_sections_in_code_are_in_order_and_once():
    day = datetime(2025, 11, 1, tzinfo=UTC)
    for sections in ((("b", day), ("a", day)), (("a", day), ("a", day))):
        with pytest.raises(RuleError):
            Before(day, SectionClause("a"), sections)
    with pytest.raises(RuleError):
        After(day, SectionClause("a"), (("a", day.replace(tzinfo=None)),))
