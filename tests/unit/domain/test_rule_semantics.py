"""What a rule means, sentence by sentence: every case carries the sentence of the design that it proves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lti_tool.domain.clauses import scheme_fingerprint
from lti_tool.domain.evidence import DEFAULT_POLICY, Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import RuleError

NOW = datetime(2025, 11, 10, 12, tzinfo=UTC)
DAY = {day: datetime(2025, 11, day, tzinfo=UTC) for day in range(1, 21)}
ZERO = Policy(missing_counts_as_zero=True)
SCHEME = ["A", "B", "C", "D", "F"]


def work(score=None, state="graded", maximum="100", freshness="fresh", **more):
    return Evidence(
        "",
        "Work",
        "canvas",
        EvidenceState(state),
        Freshness(freshness),
        None if score is None else Decimal(score),
        None if maximum is None else Decimal(maximum),
        **more,
    )


EVIDENCE = {
    "yes": work("80", submitted_at=DAY[2]),
    "no": work("40", submitted_at=DAY[2]),
    "no2": work("10", submitted_at=DAY[2]),
    "ungraded": work(state="ungraded"),
    "submitted": work(state="submitted", submitted_at=DAY[2]),
    "hidden": work("95", state="hidden"),
    "excused": work(state="excused"),
    "excused2": work(state="excused"),
    "missing": work(state="missing"),
    "unopened": work(state="not_opened"),
    "stale": work("95", freshness="stale", submitted_at=DAY[1]),
    "failed": work("95", freshness="failed"),
    "disagreeing": work("95", freshness="disagreeing"),
    "no_maximum": work("5", maximum="0"),
    "near": work("69.5"),
    "nearer": work("69.999999999"),
    "exact": work("70"),
    "third": work("1", maximum="3"),
    "two_thirds": work("2", maximum="3"),
    "late": work("80", submitted_at=DAY[9], graded_at=DAY[3]),
    "graded_late": work("80", graded_at=DAY[9]),
    "undated": work("80"),
    "older": work("40", submitted_at=DAY[1], graded_at=DAY[8]),
    "handed_in_first": work("90", submitted_at=DAY[4], graded_at=DAY[5]),
    "graded_first": work("10", submitted_at=DAY[4], graded_at=DAY[4]),
    "left": work("90", submitted_at=DAY[4], graded_at=DAY[5], position=1),
    "right": work("10", submitted_at=DAY[4], graded_at=DAY[5], position=2),
    "full": work("100", submitted_at=DAY[3]),
    "letter": work(letter="B", scheme=tuple(SCHEME)),
    "letter_lower": work(letter=" b ", scheme=("a", "b ", "C", "D", "F")),
    "letter_untold": work(letter="B"),
    "letter_foreign": work(letter="Pass"),
    "letter_changed": work(letter="B", scheme=("A", "A-", "B", "C", "F")),
    "letter_reordered": work(letter="B", scheme=("F", "D", "C", "B", "A")),
    "missing_changed": work(state="missing", scheme=("P", "F")),
}
FACTS = {
    "evidence": {slot: each for slot, each in EVIDENCE.items()},
    "achievements": {"safety": Verdict.MET, "outside": Verdict.UNKNOWN},
    "assessments": {"viva": Verdict.MET, "essay": Verdict.NOT_MET},
}
YES, NO, WAIT = ({"column": slot, "percent": {"at_least": "70"}} for slot in ("yes", "no", "ungraded"))
NO2 = {"column": "no2", "percent": {"at_least": "70"}}


def percent(slot, needed="70"):
    return {"column": slot, "percent": {"at_least": needed}}


def letters(slot, *wanted, scheme=SCHEME):
    return {"column": slot, "letter": {"one_of": list(wanted), "scheme": scheme}}


def by_section(key, default, clause, **sections):
    dates = {section: DAY[day].isoformat() for section, day in sections.items()}
    return {key: {"default": DAY[default].isoformat(), "sections": dates}, "of": clause}


def before(day, clause):
    return {"before": DAY[day].isoformat(), "of": clause}


def after(day, clause):
    return {"after": DAY[day].isoformat(), "of": clause}


def competency(calculation, *slots, threshold="70", weights=None, factor="65"):
    parts = [Part(slot, Decimal(threshold), Decimal((weights or {}).get(slot, "1"))) for slot in slots]
    return CompetencyPlan("c", "C", Calculation(calculation), Decimal(threshold), tuple(parts), Decimal(factor))


def judge(rule, *, closes_at=None, policy=DEFAULT_POLICY, sections=None):
    plan = rule if isinstance(rule, CompetencyPlan) else competency("any")
    document = {"competency": "c"} if isinstance(rule, CompetencyPlan) else rule
    facts = Facts(
        competencies={"c": plan},
        now=NOW,
        closes_at=closes_at,
        policy=policy,
        sections=None if sections is None else frozenset(sections),
        **FACTS,
    )
    return evaluate(parse_rule(document), facts)


PAST, FUTURE = {"closes_at": DAY[9]}, {"closes_at": DAY[11]}
CASES = {
    "Clauses: competency": [(competency("any", "yes"), "met"), ({"competency": "nowhere"}, "unknown")],
    "Clauses: achievement (own, or an accepted external badge)": [
        ({"achievement": "safety"}, "met"),
        ({"achievement": "other"}, "not_met"),
        ({"achievement": "outside"}, "unknown"),
    ],
    "Clauses: column (percent / points / letter / completed / submitted)": [
        (percent("exact"), "met"),
        ({"column": "exact", "points": {"at_least": 70}}, "met"),
        ({"column": "near", "points": {"at_least": 70}}, "not_met"),
        ({"column": "letter", "letter": {"one_of": ["A", "B"]}}, "met"),
        ({"column": "letter", "letter": {"one_of": ["A"]}}, "not_met"),
        ({"column": "yes", "completed": True}, "met"),
        ({"column": "unopened", "completed": True}, "not_met"),
        ({"column": "submitted", "submitted": True}, "met"),
        ({"column": "unopened", "submitted": True}, "not_met"),
        ({"column": "nowhere", "submitted": True}, "unknown"),
    ],
    "Clauses: assessor": [
        ({"assessor": "viva"}, "met"),
        ({"assessor": "essay"}, "not_met"),
        ({"assessor": "other"}, "unknown"),
    ],
    "all: not met if one is not met, else unknown if one is unknown": [
        ({"all": [YES, YES]}, "met"),
        ({"all": [YES, WAIT]}, "unknown"),
        ({"all": [WAIT, NO]}, "not_met"),
        ({"all": [WAIT]}, "unknown"),
    ],
    "any = met if one is met": [
        ({"any": [NO, WAIT, YES]}, "met"),
        ({"any": [NO, WAIT]}, "unknown"),
        ({"any": [NO, NO2]}, "not_met"),
    ],
    "at least k = met if met >= k, not met if met + unknown < k, else unknown": [
        ({"at_least": 1, "of": [YES, NO, WAIT]}, "met"),
        ({"at_least": 2, "of": [YES, NO, WAIT]}, "unknown"),
        ({"at_least": 3, "of": [YES, NO, WAIT]}, "not_met"),
        ({"at_least": 2, "of": [NO, NO2, WAIT]}, "not_met"),
    ],
    "not unknown = unknown": [({"not": WAIT}, "unknown", PAST)],
    "not needs a closing date; before it, unknown": [
        ({"not": NO}, "met", PAST),
        ({"not": YES}, "not_met", PAST),
        ({"not": NO}, "unknown", FUTURE),
        ({"not": YES}, "unknown", FUTURE),
        ({"not": NO}, "unknown"),
        ({"not": NO}, "met", {"closes_at": NOW}),
        ({"not": NO}, "unknown", {"closes_at": NOW + timedelta(microseconds=1)}),
        ({"not": {"not": YES}}, "met", PAST),
        ({"any": [{"not": YES}, YES]}, "met"),
        ({"all": [{"not": YES}, NO]}, "not_met"),
    ],
    "Ungraded, hidden, stale, failed or disagreeing evidence is unknown": [
        (clause(slot), "unknown")
        for slot in ("ungraded", "hidden", "stale", "failed", "disagreeing")
        for clause in (
            percent,
            lambda slot: percent(slot, "0"),
            lambda slot: {"column": slot, "points": {"at_least": 0}},
            lambda slot: {"column": slot, "letter": {"one_of": ["A"]}},
            lambda slot: {"column": slot, "completed": True},
            lambda slot: competency("any", slot),
            lambda slot: competency("latest", slot),
            lambda slot: competency("average", slot, threshold="0"),
        )
    ],
    "before/after wrap a clause and compare submitted_at, else graded_at; neither -> unknown": [
        (before(5, percent("yes")), "met"),
        (before(5, percent("late")), "not_met"),
        (before(5, percent("graded_late")), "not_met"),
        (before(5, percent("undated")), "unknown"),
        (after(5, percent("late")), "met"),
        (after(5, percent("graded_late")), "met"),
        (after(5, percent("yes")), "not_met"),
        (after(5, percent("undated")), "unknown"),
        (before(2, percent("yes")), "not_met"),
        (after(2, percent("yes")), "met"),
        (before(5, percent("no")), "not_met"),
        (before(5, {"any": [percent("late"), percent("yes")]}), "met"),
        (before(5, {"all": [percent("late"), percent("yes")]}), "not_met"),
        (after(1, before(5, percent("yes"))), "met"),
        (after(3, before(5, percent("yes"))), "not_met"),
        (before(5, {"achievement": "safety"}), "unknown"),
        (before(5, {"assessor": "essay"}), "not_met"),
        (before(5, percent("stale")), "unknown"),
        (before(5, percent("excused")), "unknown"),
    ],
    "dates per section: a date for each section, and a default": [
        (by_section("before", 5, percent("late"), north=10), "met", {"sections": ["north"]}),
        (by_section("before", 5, percent("late"), north=10), "not_met", {"sections": ["south"]}),
        (by_section("before", 5, percent("late"), north=10), "not_met", {"sections": []}),
        (by_section("before", 10, percent("late"), north=5), "not_met", {"sections": ["north"]}),
        (by_section("before", 1, percent("late"), north=5, south=10), "met", {"sections": ["north", "south"]}),
        (by_section("after", 1, percent("yes"), north=5), "not_met", {"sections": ["north"]}),
        (by_section("after", 1, percent("yes"), north=5, south=2), "met", {"sections": ["north", "south"]}),
        (by_section("after", 5, percent("yes"), north=1), "met", {"sections": ["north"]}),
    ],
    "dates per section: unknown sections decide nothing that depends on them": [
        (by_section("before", 5, percent("yes"), north=10), "met"),
        (by_section("before", 5, percent("late"), north=10), "unknown"),
        (by_section("before", 5, percent("late"), north=8), "not_met"),
        (by_section("after", 1, percent("yes"), north=5), "unknown"),
        (by_section("after", 3, percent("yes"), north=5), "not_met"),
        (by_section("after", 1, percent("yes"), north=2), "met"),
        (by_section("before", 5, percent("no"), north=10), "not_met"),
        (by_section("before", 9, percent("late"), north=10), "unknown"),
        (by_section("before", 5, by_section("before", 12, percent("late"), north=20), north=10), "unknown"),
        (by_section("after", 1, by_section("after", 1, percent("late"), north=2), north=10), "unknown"),
        (before(8, by_section("before", 5, percent("late"), north=10)), "not_met"),
        (before(20, by_section("before", 5, percent("late"), north=10)), "unknown"),
        (by_section("before", 5, {"not": percent("late")}, north=10), "unknown", PAST),
    ],
    "section: met in it, not met outside, unknown where the sections are unknown": [
        ({"section": "north"}, "met", {"sections": ["north", "south"]}),
        ({"section": "north"}, "not_met", {"sections": ["south"]}),
        ({"section": "north"}, "not_met", {"sections": []}),
        (before(5, {"all": [{"section": "north"}, percent("yes")]}), "met", {"sections": ["north"]}),
    ],
    "Absence from a roster is never evidence": [({"section": "north"}, "unknown")],
    "Excused work leaves numerator and weight": [
        (competency("average", "yes", "excused"), "met"),
        (competency("average", "yes", "excused", weights={"excused": "99"}), "met"),
        (competency("all", "yes", "excused"), "met"),
        (competency("any", "no", "excused"), "not_met"),
        (competency("highest", "no", "excused"), "not_met"),
        (competency("latest", "yes", "excused"), "met"),
        (competency("decaying_average", "yes", "excused"), "met"),
    ],
    "all excused -> unknown": [
        *((competency(calculation, "excused", "excused2"), "unknown") for calculation in Calculation),
        *((competency(calculation, "excused", threshold="0"), "unknown") for calculation in Calculation),
        (percent("excused", "0"), "unknown"),
    ],
    "What the LMS flags missing is unknown or zero by policy, default unknown": [
        (percent("missing"), "unknown"),
        (percent("missing"), "not_met", {"policy": ZERO}),
        (percent("missing", "0"), "met", {"policy": ZERO}),
        ({"column": "missing", "points": {"at_least": 1}}, "not_met", {"policy": ZERO}),
        ({"column": "missing", "letter": {"one_of": ["F"]}}, "not_met", {"policy": ZERO}),
        ({"column": "missing", "completed": True}, "unknown"),
        ({"column": "missing", "completed": True}, "not_met", {"policy": ZERO}),
        ({"column": "missing", "submitted": True}, "not_met", {"policy": ZERO}),
        (competency("average", "full", "missing"), "unknown"),
        (competency("average", "full", "missing"), "not_met", {"policy": ZERO}),
        (percent("ungraded"), "unknown", {"policy": ZERO}),
    ],
    "An ungraded part makes an average unknown unless its best and worst outcome agree": [
        (competency("average", "yes", "ungraded"), "unknown"),
        (competency("average", "no2", "ungraded"), "not_met"),
        (competency("average", "no", "ungraded"), "unknown"),
        (competency("average", "yes", "ungraded", threshold="40"), "met"),
        (competency("average", "yes", "ungraded", threshold="40.1"), "unknown"),
        (competency("average", "yes", "ungraded", weights={"yes": "9"}), "met"),
        (competency("average", "ungraded", "hidden", threshold="0"), "unknown"),
        (competency("decaying_average", "older", "submitted", factor="20"), "not_met"),
        (competency("decaying_average", "submitted", "full", factor="80"), "met"),
    ],
    "A competency's calculation: any, all, highest, latest, average, decaying_average": [
        (competency("any", "no", "yes"), "met"),
        (competency("all", "no", "yes"), "not_met"),
        (competency("highest", "no", "yes"), "met"),
        (competency("latest", "older", "yes"), "met"),
        (competency("average", "no", "yes"), "not_met"),
        (competency("decaying_average", "older", "full"), "met"),
        (competency("any"), "unknown"),
    ],
    "order by submitted, graded, column position; factor stored": [
        (competency("latest", "older", "late"), "met"),
        (competency("latest", "graded_first", "handed_in_first"), "met"),
        (competency("latest", "handed_in_first", "graded_first"), "met"),
        (competency("latest", "left", "right"), "not_met"),
        (competency("latest", "right", "left"), "not_met"),
        (competency("decaying_average", "older", "full", factor="50"), "met"),
        (competency("decaying_average", "older", "full", factor="49"), "not_met"),
    ],
    "what cannot be trusted has no place in the order": [
        (competency("latest", "yes", "stale"), "unknown"),
        (competency("latest", "stale", "yes"), "unknown"),
        (competency("decaying_average", "full", "stale"), "unknown"),
        (competency("latest", "yes", "nowhere"), "unknown"),
        (competency("latest", "yes", "unopened"), "met"),
    ],
    "Scores are exact decimals, never rounded before comparing: 69.5 % is not 70 %": [
        (percent("near"), "not_met"),
        (percent("nearer"), "not_met"),
        (percent("exact"), "met"),
        (percent("near", "69.5"), "met"),
        (percent("third", "33.333333333"), "met"),
        (percent("third", "33.333333334"), "not_met"),
        (competency("average", "third", "two_thirds", threshold="50"), "met"),
        (competency("average", "nearer", "exact"), "not_met"),
    ],
    "A percent of maximum 0 is unknown": [
        (percent("no_maximum"), "unknown"),
        (percent("no_maximum", "0"), "unknown"),
        (competency("any", "no_maximum"), "unknown"),
        ({"column": "no_maximum", "points": {"at_least": 5}}, "met"),
    ],
    "letter grades bound to the grading scheme they were written against": [
        (letters("letter", "A", "B"), "met"),
        (letters("letter", "A"), "not_met"),
        (letters("letter_lower", "A", "B"), "met"),
        (letters("letter_untold", "A", "B"), "met"),
        (letters("letter_untold", "A"), "not_met"),
    ],
    "paused, not misfired, when the scheme changes": [
        (letters("letter_changed", "A", "B"), "unknown"),
        (letters("letter_changed", "A"), "unknown"),
        (letters("letter_reordered", "A", "B"), "unknown"),
        (letters("missing_changed", "A"), "unknown", {"policy": ZERO}),
        (letters("letter_foreign", "A", "B"), "unknown"),
    ],
}


def cases():
    for sentence, each in CASES.items():
        for number, (rule, verdict, *more) in enumerate(each, 1):
            yield pytest.param(rule, verdict, more[0] if more else {}, id=f"{sentence} ({number})")


@pytest.mark.parametrize(("rule", "verdict", "more"), list(cases()))
def test_meaning(rule, verdict, more):
    assert judge(rule, **more).verdict.value == verdict


REASONS = [
    (letters("letter_changed", "A"), "scheme_changed", {"title": "Work", "needed": "A"}),
    (letters("letter_foreign", "A"), "letter_unknown", {"title": "Work", "value": "Pass", "needed": "A"}),
    ({"section": "north"}, "sections_unknown", {"title": None}),
    (percent("near"), "below_threshold", {"title": "Work", "value": "69.5", "needed": "70"}),
    (percent("nearer", "70"), "below_threshold", {"title": "Work", "value": "69.9999", "needed": "70"}),
]


@pytest.mark.parametrize(("rule", "code", "params"), REASONS)
def test_the_explanation_shows_one_decimal_more_than_needed_and_names_what_is_odd(rule, code, params):
    reason = judge(rule).reason
    assert (reason.code.value, reason.params) == (code, params)


def test_a_date_that_depends_on_the_section_names_the_work():
    judgement = judge(by_section("before", 5, percent("late"), north=10))
    (leaf,) = judgement.children
    assert leaf.reason.code.value == "section_date_unknown"
    assert leaf.reason.params == {"title": "Work", "at": DAY[9].isoformat()}
    assert judgement.reason.params["date"] == DAY[10].isoformat()


def test_the_date_shown_is_the_learners_own():
    rule = by_section("before", 5, percent("yes"), north=10)
    assert judge(rule, sections=["north"]).reason.params["date"] == DAY[10].isoformat()
    assert judge(rule, sections=["south"]).reason.params["date"] == DAY[5].isoformat()


INVALID = {
    "An empty list is invalid: all": ({"all": []}, "rule_empty_list", "$.all"),
    "An empty list is invalid: any": ({"any": []}, "rule_empty_list", "$.any"),
    "An empty list is invalid: at least": ({"at_least": 1, "of": []}, "rule_empty_list", "$.of"),
    "An empty list is invalid: sections": (
        {"before": {"default": DAY[1].isoformat(), "sections": {}}, "of": YES},
        "rule_empty_list",
        "$.before.sections",
    ),
    "at least k of fewer than k": ({"at_least": 2, "of": [YES]}, "rule_value_invalid", "$.at_least"),
    "a rule names its dates with a time zone": (
        {"before": {"default": "2025-11-01T00:00:00", "sections": {"a": DAY[1].isoformat()}}, "of": YES},
        "rule_value_invalid",
        "$.before.default",
    ),
    "a section's date is a date": (
        {"after": {"default": DAY[1].isoformat(), "sections": {"a": "soon"}}, "of": YES},
        "rule_value_invalid",
        "$.after.sections.a",
    ),
    "dates are default and sections": (
        {"after": {"default": DAY[1].isoformat()}, "of": YES},
        "rule_value_invalid",
        "$.after",
    ),
    "sections are an object": (
        {"after": {"default": DAY[1].isoformat(), "sections": ["a"]}, "of": YES},
        "rule_value_invalid",
        "$.after.sections",
    ),
    "letters are chosen from the scheme": (letters("letter", "E"), "rule_value_invalid", "$.letter.scheme"),
    "a scheme names a letter once": (
        letters("letter", "A", scheme=["A", "a "]),
        "rule_value_invalid",
        "$.letter.scheme",
    ),
    "an empty scheme is none": (letters("letter", "A", scheme=[]), "rule_empty_list", "$.letter.scheme"),
    "a fingerprint belongs to its scheme": (
        {"column": "a", "letter": {"one_of": ["A"], "scheme": SCHEME, "fingerprint": scheme_fingerprint(["A"])}},
        "rule_scheme_altered",
        "$.letter.fingerprint",
    ),
    "a fingerprint needs its scheme": (
        {"column": "a", "letter": {"one_of": ["A"], "fingerprint": scheme_fingerprint(["A"])}},
        "rule_scheme_altered",
        "$.letter.fingerprint",
    ),
}


@pytest.mark.parametrize(("document", "code", "field"), INVALID.values(), ids=INVALID)
def test_what_a_rule_refuses(document, code, field):
    with pytest.raises(RuleError) as caught:
        parse_rule(document)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_rule_may_nest_eight_deep_and_no_deeper_however_deep_it_is():
    def nested(depth):
        document = YES
        for _ in range(depth - 1):
            document = {"all": [document]}
        return document

    assert judge(nested(8)).verdict is Verdict.MET
    for depth in (9, 5000):
        with pytest.raises(RuleError) as caught:
            parse_rule(nested(depth))
        assert caught.value.code == "rule_too_deep"


def test_a_rule_may_have_two_hundred_clauses():
    def wide(count):
        return {"all": [percent(f"slot-{number}") for number in range(count - 1)]}

    assert len(parse_rule(wide(200)).clauses) == 199
    with pytest.raises(RuleError) as caught:
        parse_rule(wide(201))
    assert caught.value.code == "rule_too_long"


def test_a_clause_may_have_two_hundred_section_dates():
    def many(count):
        return by_section("before", 5, YES, **{f"s{number}": 6 for number in range(count)})

    assert len(parse_rule(many(200)).sections) == 200
    with pytest.raises(RuleError) as caught:
        parse_rule(many(201))
    assert (caught.value.code, caught.value.field) == ("rule_value_invalid", "$.before.sections")
