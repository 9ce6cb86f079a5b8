"""Evaluating a rule: one pure function for live evaluation, dry run and explanation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lti_tool.domain.clauses import (
    AchievementClause,
    After,
    All,
    AnyOf,
    AssessorClause,
    AtLeast,
    Before,
    Clause,
    ColumnClause,
    CompetencyClause,
    Measure,
    Not,
    Rule,
    SectionClause,
    parts_of,
)
from lti_tool.domain.columns import (
    Window,
    judge_completed,
    judge_letter,
    judge_percent,
    judge_points,
    judge_submitted,
    unbound,
    within,
)
from lti_tool.domain.competency_plan import CompetencyPlan
from lti_tool.domain.evidence import DEFAULT_POLICY, Evidence, Policy
from lti_tool.domain.judgement import Figures, Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.mastery import judge_competency
from lti_tool.domain.rule_documents import parse_rule, rule_document
from lti_tool.domain.verdict import Verdict, negate

__all__ = [
    "AchievementClause",
    "After",
    "All",
    "AnyOf",
    "AssessorClause",
    "AtLeast",
    "Before",
    "Clause",
    "ColumnClause",
    "CompetencyClause",
    "Facts",
    "Measure",
    "Not",
    "Rule",
    "SectionClause",
    "competencies_of",
    "evaluate",
    "iter_clauses",
    "parse_rule",
    "rule_document",
    "slots_of",
]

# Looking up a member of an enumeration costs as much as judging by it, and sweeps evaluate by the hundred thousand.
_MET, _NOT_MET, _UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
_ENOUGH, _NEEDS_MORE = ReasonCode.ENOUGH, ReasonCode.NEEDS_MORE
_new = tuple.__new__  # see columns
_ANY_TIME = Window()
_PERCENT, _KIND_ALL, _KIND_ANY, _KIND_AT_LEAST = Measure.PERCENT, Kind.ALL, Kind.ANY, Kind.AT_LEAST


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may look at for one learner at one time; all times are aware.

    An achievement that is absent is not held; an assessment that is absent was not made. ``titles`` names achievements,
    assessments and sections by identifier, for the reasons only. ``sections`` are the ids of the learner's sections;
    ``None`` where the source does not tell, which is not the same as none.
    """

    evidence: Mapping[str, Evidence]
    competencies: Mapping[str, CompetencyPlan]
    now: datetime
    achievements: Mapping[str, Verdict] = field(default_factory=dict)
    assessments: Mapping[str, Verdict] = field(default_factory=dict)
    closes_at: datetime | None = None
    policy: Policy = DEFAULT_POLICY
    titles: Mapping[str, str] = field(default_factory=dict)
    sections: frozenset[str] | None = None


def evaluate(rule: Rule, facts: Facts) -> Judgement:
    """Judge the rule: the verdict, and the reason of every clause."""
    return _JUDGES[type(rule)](rule, facts, None)


def slots_of(rule: Rule, competencies: Mapping[str, CompetencyPlan]) -> set[str]:
    """Every slot the rule can look at: its own columns, and the parts of its competencies as far as known."""
    slots = {clause.slot for clause in iter_clauses(rule) if isinstance(clause, ColumnClause)}
    plans = (competencies.get(identifier) for identifier in competencies_of(rule))
    return slots | {part.slot for plan in plans if plan is not None for part in plan.parts}


def competencies_of(rule: Rule) -> set[str]:
    """The identifiers of every competency the rule names."""
    return {clause.identifier for clause in iter_clauses(rule) if isinstance(clause, CompetencyClause)}


def iter_clauses(clause: Clause) -> Iterator[Clause]:
    """The clause and every clause inside it, outermost first."""
    yield clause
    for part in parts_of(clause):
        yield from iter_clauses(part)


# -- lists -----------------------------------------------------------------------------------------------------------


def _all(rule: All, facts: Facts, window: Window | None) -> Judgement:
    return _counted(_KIND_ALL, len(rule.clauses), rule.clauses, facts, window)


def _any(rule: AnyOf, facts: Facts, window: Window | None) -> Judgement:
    return _counted(_KIND_ANY, 1, rule.clauses, facts, window)


def _at_least(rule: AtLeast, facts: Facts, window: Window | None) -> Judgement:
    return _counted(_KIND_AT_LEAST, rule.count, rule.clauses, facts, window)


def _counted(kind: Kind, needed: int, clauses: tuple[Clause, ...], facts: Facts, window: Window | None) -> Judgement:
    """At least ``needed`` of the clauses; *all* and *any* are the two ends of it, by Kleene's tables too."""
    children = tuple([_JUDGES[type(clause)](clause, facts, window) for clause in clauses])
    verdicts = [child.verdict for child in children]
    have, unknown = verdicts.count(_MET), verdicts.count(_UNKNOWN)
    figures = {"have": have, "needed": needed, "unknown": unknown}
    if have >= needed:
        return _new(Judgement, (_MET, kind, _new(Reason, (_ENOUGH, figures)), None, children, None))
    verdict = _NOT_MET if have + unknown < needed else _UNKNOWN
    return _new(Judgement, (verdict, kind, _new(Reason, (_NEEDS_MORE, figures)), None, children, None))


# -- not, before, after ----------------------------------------------------------------------------------------------

_NEGATED = {
    _MET: ReasonCode.NOT_RULED_OUT,
    _NOT_MET: ReasonCode.RULED_OUT,
    _UNKNOWN: ReasonCode.EXCEPTION_UNKNOWN,
}


def _not(rule: Not, facts: Facts, window: Window | None) -> Judgement:
    """Until the closing date more work may come, so that nothing is *not* done yet."""
    children = (_JUDGES[type(rule.clause)](rule.clause, facts, window),)
    if facts.closes_at is None:
        return Judgement(_UNKNOWN, Kind.NOT, Reason(ReasonCode.NO_CLOSING_DATE), None, children)
    if facts.now < facts.closes_at:
        reason = Reason(ReasonCode.WAITING_UNTIL, {"date": facts.closes_at})
        return Judgement(_UNKNOWN, Kind.NOT, reason, None, children)
    verdict = negate(children[0].verdict)
    return Judgement(verdict, Kind.NOT, Reason(_NEGATED[verdict]), None, children)


def _before(rule: Before, facts: Facts, window: Window | None) -> Judgement:
    if not rule.sections:
        return _windowed(Kind.BEFORE, rule, facts, (window or _ANY_TIME).until(rule.moment), rule.moment)
    earliest, latest = _dates_of(rule, facts)
    surely = earliest if earliest < latest else None
    return _windowed(Kind.BEFORE, rule, facts, (window or _ANY_TIME).until(latest, surely), latest)


def _after(rule: After, facts: Facts, window: Window | None) -> Judgement:
    if not rule.sections:
        return _windowed(Kind.AFTER, rule, facts, (window or _ANY_TIME).since(rule.moment), rule.moment)
    earliest, latest = _dates_of(rule, facts)
    surely = latest if earliest < latest else None
    return _windowed(Kind.AFTER, rule, facts, (window or _ANY_TIME).since(earliest, surely), earliest)


def _dates_of(rule: Before | After, facts: Facts) -> tuple[datetime, datetime]:
    """The earliest and the latest date that may be this learner's; the same where it is known.

    Of several sections with dates of their own the kindest counts, as platforms do with due dates.
    """
    if facts.sections is None:
        dates = [date for _, date in rule.sections]
        return min(rule.moment, *dates), max(rule.moment, *dates)
    own = [date for section, date in rule.sections if section in facts.sections] or [rule.moment]
    date = max(own) if isinstance(rule, Before) else min(own)
    return date, date


def _windowed(kind: Kind, rule: Before | After, facts: Facts, window: Window, date: datetime) -> Judgement:
    """The window goes down to the evidence, so that in *any of* one clause in time is enough."""
    child = _JUDGES[type(rule.clause)](rule.clause, facts, window)
    code = _ENOUGH if child.verdict is _MET else _NEEDS_MORE
    figures: Figures = {
        "have": int(child.verdict is _MET),
        "needed": 1,
        "unknown": int(child.verdict is _UNKNOWN),
        "date": date,
    }
    return Judgement(child.verdict, kind, Reason(code, figures), None, (child,))


# -- what a rule rests on --------------------------------------------------------------------------------------------


def _column(rule: ColumnClause, facts: Facts, window: Window | None) -> Judgement:
    evidence = facts.evidence.get(rule.slot)
    at_least = rule.at_least
    if evidence is None:
        return unbound(rule.slot)
    if rule.measure is _PERCENT and at_least is not None:
        return judge_percent(rule.slot, evidence, at_least, facts.policy, window)
    if rule.measure is Measure.POINTS and at_least is not None:
        judgement = judge_points(evidence, at_least, facts.policy)
    elif rule.measure is Measure.LETTER:
        judgement = judge_letter(evidence, rule.letters, facts.policy, rule.scheme)
    elif rule.measure is Measure.COMPLETED:
        judgement = judge_completed(evidence, facts.policy)
    else:
        judgement = judge_submitted(evidence, facts.policy)
    return judgement if window is None else within(judgement, window)


def _competency(rule: CompetencyClause, facts: Facts, window: Window | None) -> Judgement:
    plan = facts.competencies.get(rule.identifier)
    if plan is None:
        reason = Reason(ReasonCode.COMPETENCY_UNKNOWN, {"title": rule.identifier})
        return Judgement(_UNKNOWN, Kind.COMPETENCY, reason, rule.identifier)
    return judge_competency(plan, facts.evidence, facts.policy, window)


_HELD = {
    _MET: ReasonCode.ACHIEVEMENT_AWARDED,
    _NOT_MET: ReasonCode.ACHIEVEMENT_NOT_AWARDED,
    _UNKNOWN: ReasonCode.ACHIEVEMENT_UNKNOWN,
}
_ASSESSED = {
    _MET: ReasonCode.ASSESSOR_CONFIRMED,
    _NOT_MET: ReasonCode.ASSESSOR_DECLINED,
    _UNKNOWN: ReasonCode.NOT_ASSESSED,
}


def _achievement(rule: AchievementClause, facts: Facts, window: Window | None) -> Judgement:
    verdict = facts.achievements.get(rule.identifier, _NOT_MET)
    return _without_date(verdict, Kind.ACHIEVEMENT, _HELD, rule.identifier, facts, window)


def _assessor(rule: AssessorClause, facts: Facts, window: Window | None) -> Judgement:
    verdict = facts.assessments.get(rule.identifier, _UNKNOWN)
    return _without_date(verdict, Kind.ASSESSOR, _ASSESSED, rule.identifier, facts, window)


def _section(rule: SectionClause, facts: Facts, _window: Window | None) -> Judgement:
    """Where the sections are not told, not being listed proves nothing."""
    if facts.sections is None:
        verdict, code = _UNKNOWN, ReasonCode.SECTIONS_UNKNOWN
    elif rule.identifier in facts.sections:
        verdict, code = _MET, ReasonCode.IN_SECTION
    else:
        verdict, code = _NOT_MET, ReasonCode.NOT_IN_SECTION
    reason = Reason(code, {"title": facts.titles.get(rule.identifier)})
    return Judgement(verdict, Kind.SECTION, reason, rule.identifier)


def _without_date(
    verdict: Verdict,
    kind: Kind,
    codes: Mapping[Verdict, ReasonCode],
    identifier: str,
    facts: Facts,
    window: Window | None,
) -> Judgement:
    """These verdicts carry no date, so inside *before* and *after* a yes is unknown."""
    code = codes[verdict]
    if window is not None and verdict is _MET:
        verdict, code = _UNKNOWN, ReasonCode.DATE_UNKNOWN
    return Judgement(verdict, kind, Reason(code, {"title": facts.titles.get(identifier)}), identifier)


# The judge of a clause takes exactly that clause; the table cannot say so to the type checker.
_JUDGES: dict[type[Clause], Callable[[Any, Facts, Window | None], Judgement]] = {
    All: _all,
    AnyOf: _any,
    AtLeast: _at_least,
    Not: _not,
    Before: _before,
    After: _after,
    ColumnClause: _column,
    CompetencyClause: _competency,
    AchievementClause: _achievement,
    AssessorClause: _assessor,
    SectionClause: _section,
}
