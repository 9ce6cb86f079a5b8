"""What must hold for every rule: order does not matter, unknown never decides, documents and traces come back."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.explain import deciding_leaf, iter_places, judgement_from_document, missing
from lti_tool.domain.mastery import Calculation, CompetencyPlan, Part, judge_competency
from lti_tool.domain.remedies import remedies, walk
from lti_tool.domain.rules import (
    AchievementClause,
    After,
    All,
    AnyOf,
    AssessorClause,
    AtLeast,
    Before,
    ColumnClause,
    CompetencyClause,
    Facts,
    Measure,
    Not,
    SectionClause,
    evaluate,
    parse_rule,
    rule_document,
)
from lti_tool.domain.verdict import Verdict, negate

NOW = datetime(2025, 11, 10, tzinfo=UTC)
SLOTS = "abcde"
SECTIONS = ["north", "south", "west"]
MOMENTS = st.datetimes(datetime(2025, 11, 1), datetime(2025, 11, 9), timezones=st.just(UTC))  # noqa: DTZ001
WHOLE = Decimal(100)

slots = st.sampled_from(SLOTS)
scores = st.decimals(min_value=0, max_value=100, places=1)


def graded(slot, score, **more):
    return Evidence(slot, slot.upper(), "ags", EvidenceState.GRADED, score=score, maximum=WHOLE, **more)


def unknown_evidence(slot, state, freshness, **more):
    return Evidence(slot, slot.upper(), "ags", state, freshness, maximum=WHOLE, **more)


UNKNOWN_STATES = st.sampled_from(
    [EvidenceState.UNGRADED, EvidenceState.SUBMITTED, EvidenceState.HIDDEN, EvidenceState.MISSING]
)
dates = st.none() | MOMENTS


def evidence_for(slot):
    known = st.builds(graded, st.just(slot), scores, submitted_at=dates)
    unknown = st.builds(
        unknown_evidence, st.just(slot), UNKNOWN_STATES, st.sampled_from(list(Freshness)), submitted_at=dates
    )
    return known | unknown


evidence_sets = st.fixed_dictionaries({slot: evidence_for(slot) for slot in SLOTS})
columns = st.builds(ColumnClause, slots, st.sampled_from([Measure.PERCENT, Measure.POINTS]), scores)
leaves = (
    columns
    | st.builds(ColumnClause, slots, st.just(Measure.LETTER), st.none(), st.just(("A", "B+")))
    | st.builds(ColumnClause, slots, st.sampled_from([Measure.COMPLETED, Measure.SUBMITTED]))
    | st.builds(CompetencyClause, slots)
    | st.builds(AchievementClause, slots)
    | st.builds(AssessorClause, slots)
    | st.builds(SectionClause, st.sampled_from(SECTIONS))
    | st.builds(ColumnClause, slots, st.just(Measure.LETTER), st.none(), st.just(("A",)), st.just(("A", "B", "C")))
)
section_dates = st.dictionaries(st.sampled_from(SECTIONS), MOMENTS).map(lambda dates: tuple(sorted(dates.items())))
learner_sections = st.none() | st.frozensets(st.sampled_from(SECTIONS))


def lists_of(clauses, most=4):
    several = st.lists(clauses, min_size=1, max_size=most, unique=True).map(tuple)
    at_least = several.flatmap(lambda each: st.builds(AtLeast, st.integers(1, len(each)), st.just(each)))
    return st.builds(All, several) | st.builds(AnyOf, several) | at_least


def wrapped(clauses):
    return (
        lists_of(clauses, 3)
        | st.builds(Not, clauses)
        | st.builds(Before, MOMENTS, clauses, section_dates)
        | st.builds(After, MOMENTS, clauses, section_dates)
    )


column_rules = st.recursive(columns, lists_of, max_leaves=6)
rules = st.recursive(leaves, wrapped, max_leaves=6)
plans = st.fixed_dictionaries(
    {
        slot: st.builds(
            CompetencyPlan,
            st.just(slot),
            st.just(slot.upper()),
            st.sampled_from(list(Calculation)),
            scores,
            st.lists(slots, max_size=4, unique=True).flatmap(
                lambda chosen: st.tuples(*(st.builds(Part, st.just(each), scores) for each in chosen))
            ),
        )
        for slot in "abc"
    }
)


def verdict_of(rule, evidence, **more):
    return evaluate(rule, Facts(evidence, {}, NOW, **more)).verdict


@settings(deadline=None)
@given(st.data(), lists_of(columns), evidence_sets)
def test_the_order_of_clauses_does_not_matter(data, rule, evidence):
    shuffled = replace(rule, clauses=tuple(data.draw(st.permutations(rule.clauses))))
    assert verdict_of(shuffled, evidence) is verdict_of(rule, evidence)


@settings(deadline=None)
@given(st.data(), plans, evidence_sets)
def test_the_order_of_parts_does_not_matter(data, competencies, evidence):
    plan = competencies["a"]
    shuffled = replace(plan, parts=tuple(data.draw(st.permutations(plan.parts))))
    verdicts = {judge_competency(each, evidence, Policy()).verdict for each in (plan, shuffled)}
    assert len(verdicts) == 1


@settings(deadline=None)
@given(column_rules, evidence_sets)
def test_two_nots_after_the_closing_date_are_none(rule, evidence):
    once = verdict_of(Not(rule), evidence, closes_at=NOW)
    assert once is negate(verdict_of(rule, evidence))
    assert verdict_of(Not(Not(rule)), evidence, closes_at=NOW) is verdict_of(rule, evidence)


def completed(data, evidence):
    """The same evidence with every unknown turned into some grade, at the date it has or any date."""
    known = {}
    for slot, each in evidence.items():
        moment = each.submitted_at or data.draw(dates)
        is_known = each.state is EvidenceState.GRADED
        known[slot] = each if is_known else graded(slot, data.draw(scores), submitted_at=moment)
    return known


@settings(deadline=None)
@given(st.data(), column_rules, evidence_sets, st.booleans())
def test_a_decision_made_in_ignorance_stands_when_more_is_known(data, rule, evidence, is_windowed):
    rule = Before(datetime(2025, 11, 5, tzinfo=UTC), rule) if is_windowed else rule
    evidence = {
        slot: each if each.freshness is Freshness.FRESH else replace(each, submitted_at=None)
        for slot, each in evidence.items()
    }
    verdict = verdict_of(rule, evidence)
    after = verdict_of(rule, completed(data, evidence))
    assert verdict in (Verdict.UNKNOWN, after)


@settings(deadline=None)
@given(st.data(), plans, evidence_sets)
def test_a_competency_decided_in_ignorance_stands_when_more_is_known(data, competencies, evidence):
    plan = competencies["a"]
    evidence = {slot: replace(each, submitted_at=each.submitted_at or NOW) for slot, each in evidence.items()}
    verdict = judge_competency(plan, evidence, Policy()).verdict
    after = judge_competency(plan, completed(data, evidence), Policy()).verdict
    assert verdict in (Verdict.UNKNOWN, after)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30), st.integers(1, 9)), min_size=1, max_size=5), scores)
def test_an_average_is_what_fractions_say(grades, threshold):
    evidence = {
        slot: replace(graded(slot, Decimal(score)), maximum=Decimal(maximum))
        for slot, (score, maximum, _) in zip(SLOTS, grades, strict=False)
    }
    parts = tuple(Part(s, Decimal(0), Decimal(weight)) for s, (_, _, weight) in zip(SLOTS, grades, strict=False))
    plan = CompetencyPlan("a", "A", Calculation.AVERAGE, threshold, parts)
    total = sum(Fraction(score, maximum) * weight for score, maximum, weight in grades)
    reached = total / sum(weight for _, _, weight in grades) * 100 >= Fraction(threshold)
    assert judge_competency(plan, evidence, Policy()).verdict is (Verdict.MET if reached else Verdict.NOT_MET)


@settings(deadline=None)
@given(rules)
def test_a_rule_survives_its_document(rule):
    assert parse_rule(json.loads(json.dumps(rule_document(rule)))) == rule


@settings(deadline=None)
@given(rules, plans, evidence_sets, learner_sections, st.booleans())
def test_a_judgement_is_the_same_every_time_and_survives_its_document(
    rule, competencies, evidence, sections, is_closed
):
    facts = known_facts(evidence, competencies, sections, closes_at=NOW if is_closed else None)
    judgement = evaluate(rule, facts)
    assert evaluate(rule, facts) == judgement
    assert judgement_from_document(json.loads(json.dumps(judgement.to_document()))) == judgement


def known_facts(evidence, competencies, sections, closes_at=NOW):
    return Facts(
        evidence,
        competencies,
        NOW,
        achievements={"a": Verdict.MET, "b": Verdict.UNKNOWN},
        assessments={"b": Verdict.MET, "c": Verdict.NOT_MET},
        closes_at=closes_at,
        sections=sections,
    )


def shuffled(data, clause):
    """The same rule with every list in it in another order."""
    if isinstance(clause, All | AnyOf | AtLeast):
        turned = data.draw(st.permutations([shuffled(data, each) for each in clause.clauses]))
        return replace(clause, clauses=tuple(turned))
    if isinstance(clause, Not | Before | After):
        return replace(clause, clause=shuffled(data, clause.clause))
    return clause


def turned(data, mapping):
    """The same mapping, filled in another order."""
    return dict(data.draw(st.permutations(list(mapping.items()))))


@settings(deadline=None)
@given(st.data(), rules, plans, evidence_sets, learner_sections)
def test_no_order_of_anything_matters(data, rule, competencies, evidence, sections):
    judgement = evaluate(rule, known_facts(evidence, competencies, sections))
    again = evaluate(shuffled(data, rule), known_facts(turned(data, evidence), turned(data, competencies), sections))
    assert (again.verdict, again.reason) == (judgement.verdict, judgement.reason)
    assert {(leaf.subject, leaf.reason) for leaf in missing(again)} == {
        (leaf.subject, leaf.reason) for leaf in missing(judgement)
    }
    assert sorted(remedy.code for remedy in walk(remedies(again))) == sorted(
        remedy.code for remedy in walk(remedies(judgement))
    )


@settings(deadline=None)
@given(rules, evidence_sets, learner_sections)
def test_what_is_decided_without_the_sections_stands_when_they_are_known(rule, evidence, sections):
    """The dates of sections and membership in them, also under *not*, whatever the sections turn out to be."""
    unknown = evaluate(rule, known_facts(evidence, {}, None)).verdict
    known = evaluate(rule, known_facts(evidence, {}, sections)).verdict
    assert sections is None or unknown in (Verdict.UNKNOWN, known)


@settings(deadline=None)
@given(st.data(), rules, evidence_sets, learner_sections, st.sampled_from([None, NOW]))
def test_knowing_more_never_turns_a_decision_round(data, rule, evidence, sections, closes_at):
    """Every kind of clause: evidence, badges, assessments and sections that were unknown become known."""
    evidence = {
        slot: each if each.freshness is Freshness.FRESH else replace(each, submitted_at=None)
        for slot, each in evidence.items()
    }
    less = known_facts(evidence, {}, sections, closes_at)
    more = replace(
        less,
        evidence={slot: more_known(data, each) for slot, each in evidence.items()},
        achievements=less.achievements | {"b": data.draw(st.sampled_from([Verdict.MET, Verdict.NOT_MET]))},
        assessments=less.assessments | {"a": data.draw(st.sampled_from([Verdict.MET, Verdict.NOT_MET]))},
        sections=data.draw(learner_sections) if sections is None else sections,
    )
    assert evaluate(rule, less).verdict in (Verdict.UNKNOWN, evaluate(rule, more).verdict)


def more_known(data, evidence):
    """Graded now, with a letter, of work that is what it was: handed in then, or at some time, or not seen to be."""
    if evidence.state is EvidenceState.GRADED and evidence.freshness is Freshness.FRESH:
        return evidence
    was_seen = evidence.freshness is Freshness.FRESH and evidence.state is EvidenceState.SUBMITTED
    moment = evidence.submitted_at or data.draw(MOMENTS if was_seen else dates)
    letter = data.draw(st.sampled_from([None, "A", "B", "F"]))
    return graded(evidence.slot, data.draw(scores), submitted_at=moment, letter=letter)


@settings(deadline=None)
@given(rules, plans, evidence_sets, learner_sections)
def test_the_explanation_agrees_with_the_verdict(rule, competencies, evidence, sections):
    judgement = evaluate(rule, known_facts(evidence, competencies, sections))
    is_met = judgement.verdict is Verdict.MET
    leaves_missing, found = missing(judgement), remedies(judgement)
    assert bool(leaves_missing) is bool(found) is not is_met
    assert len({(leaf.subject, leaf.reason) for leaf in leaves_missing}) == len(leaves_missing)
    assert all(leaf.verdict is judgement.verdict for leaf in leaves_missing)
    place = deciding_leaf(judgement)
    assert place.judgement.verdict is judgement.verdict
    assert is_met or place.judgement.reason in {leaf.reason for leaf in leaves_missing}
    paths = {each.path: each.judgement for each in iter_places(judgement)}
    assert paths[place.path] == place.judgement
    for remedy in walk(found):
        assert paths[remedy.path].verdict is remedy.verdict is not Verdict.MET
        assert json.loads(json.dumps(remedy.to_document())) == remedy.to_document()
