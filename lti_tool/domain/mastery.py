"""From grades to competencies: whether one learner has attained one competency.

Excused work leaves the calculation; if all of it is excused, the competency is unknown. Work whose result is unknown
may still turn out anything between 0 % and 100 %: a numeric calculation is decided only when both ends give the same
answer. (Bonus points can exceed 100 %, but nobody may count on them, so the best case is 100 %.)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import NamedTuple, TypeAlias

from lti_tool.domain.columns import Window, judge_percent, judge_timing, measure
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.evidence import Evidence, Freshness, Policy
from lti_tool.domain.figures import EVERYTHING, EXACT, HUNDRED, NOTHING, Ratio, reaches
from lti_tool.domain.judgement import Figures, Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.verdict import Verdict, all_of

__all__ = ["Calculation", "CompetencyPlan", "Part", "judge_competency"]

_MET, _NOT_MET, _UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
_ALL, _HIGHEST = Calculation.ALL, Calculation.HIGHEST
_COMPETENCY, _PART, _ASIDE = Kind.COMPETENCY, Kind.PART, Kind.ASIDE
_new = tuple.__new__  # see columns
_EXCUSED, _ENOUGH, _NEEDS_MORE = ReasonCode.EXCUSED, ReasonCode.ENOUGH, ReasonCode.NEEDS_MORE
_NOTHING = Decimal(0)
_add, _multiply = EXACT.add, EXACT.multiply
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class _Reading(NamedTuple):
    """One part as found: ``ratio`` is None while the result is unknown."""

    part: Part
    evidence: Evidence | None
    ratio: Ratio | None
    judgement: Judgement

    @property
    def is_excused(self) -> bool:
        return self.judgement.reason.code is _EXCUSED

    @property
    def moment(self) -> datetime | None:
        return None if self.evidence is None else self.evidence.moment


class _Question(NamedTuple):
    """A plan with what is needed to read its parts."""

    plan: CompetencyPlan
    evidence_by_slot: Mapping[str, Evidence]
    policy: Policy
    window: Window | None

    def readings(self) -> list[_Reading]:
        """Every part in the plan's order, judged by itself against the plan's threshold."""
        return [self._read(part) for part in self.plan.parts]

    def _read(self, part: Part) -> _Reading:
        evidence, threshold = self.evidence_by_slot.get(part.slot), self.plan.threshold
        judgement = judge_percent(part.slot, evidence, threshold, self.policy, self.window, _PART)
        if judgement.reason.code is _EXCUSED:
            return _Reading(part, evidence, None, _aside(judgement))
        measured = None
        if evidence is not None and (self.window is not None or judgement.verdict is not _UNKNOWN):
            measured = measure(evidence, threshold, self.policy)
        return _Reading(part, evidence, measured if isinstance(measured, tuple) else None, judgement)

    def conclude(self, verdict: Verdict, reason: Reason, children: Iterable[Judgement]) -> Judgement:
        return _conclude(self.plan, verdict, reason, children)

    def unknown(self, code: ReasonCode, children: Iterable[Judgement], **figures: Decimal | int) -> Judgement:
        return self.conclude(_UNKNOWN, Reason(code, {"title": self.plan.title, **figures}), children)


_Calculate: TypeAlias = Callable[[CompetencyPlan, Sequence[_Reading], Ratio], Ratio]


def judge_competency(
    plan: CompetencyPlan, evidence_by_slot: Mapping[str, Evidence], policy: Policy, window: Window | None = None
) -> Judgement:
    """Whether the evidence attains the competency; with a ``window``, by work done in it."""
    if not plan.parts:
        return _conclude(plan, _UNKNOWN, Reason(ReasonCode.NOTHING_MAPPED, {"title": plan.title}), ())
    judge_together = _TOGETHER.get(plan.calculation)
    if judge_together is None:
        return _judge_separately(plan, evidence_by_slot, policy, window)
    return judge_together(_Question(plan, evidence_by_slot, policy, window))


# -- any, all, highest: each part has its own verdict ----------------------------------------------------------------


def _judge_separately(
    plan: CompetencyPlan, evidence_by_slot: Mapping[str, Evidence], policy: Policy, window: Window | None
) -> Judgement:
    """Any or all of the parts; the highest reaches the plan's threshold exactly when any does."""
    threshold = plan.threshold if plan.calculation is _HIGHEST else None
    children = []
    met = unknown = excused = 0
    for part in plan.parts:
        slot, needed = part.slot, part.threshold if threshold is None else threshold
        child = judge_percent(slot, evidence_by_slot.get(slot), needed, policy, window, _PART)
        if child.verdict is _MET:
            met += 1
        elif child.reason.code is _EXCUSED:
            child = _aside(child)
            excused += 1
        elif child.verdict is _UNKNOWN:
            unknown += 1
        children.append(child)
    counted = len(children) - excused
    if not counted:
        return _conclude(plan, _UNKNOWN, Reason(_EXCUSED, {"title": plan.title}), children)
    needed_parts = counted if plan.calculation is _ALL else 1
    figures: Figures = {"title": plan.title, "have": met, "needed": needed_parts, "unknown": unknown}
    if met >= needed_parts:
        return _conclude(plan, _MET, Reason(_ENOUGH, figures), children)
    verdict = _UNKNOWN if met + unknown >= needed_parts else _NOT_MET
    return _conclude(plan, verdict, Reason(_NEEDS_MORE, figures), children)


# -- latest ----------------------------------------------------------------------------------------------------------


def _latest(question: _Question) -> Judgement:
    """The newest part decides. What the learner has not opened cannot be the newest."""
    readings = question.readings()
    counted = _in_order(reading for reading in readings if not reading.is_excused and not _is_unopened(reading))
    if not counted:
        all_excused = all(reading.is_excused for reading in readings)
        code = ReasonCode.EXCUSED if all_excused else ReasonCode.NOT_OPENED
        return question.unknown(code, [reading.judgement for reading in readings])
    open_places = [reading for reading in counted if _is_unplaced(reading, counted)]
    deciding = {reading.part.slot for reading in open_places or counted[-1:]}
    children = [r.judgement if r.part.slot in deciding else _aside(r.judgement) for r in readings]
    if open_places:
        return question.unknown(
            ReasonCode.NEEDS_GRADES, children, needed=question.plan.threshold, unknown=len(open_places)
        )
    newest = counted[-1].judgement
    return question.conclude(newest.verdict, newest.reason, children)


def _in_order(readings: Iterable[_Reading]) -> list[_Reading]:
    """By time handed in (else graded), time graded, column position; what has no date comes before what has one."""
    return sorted(readings, key=_place)


def _place(reading: _Reading) -> tuple[datetime, datetime, int, str]:
    evidence = reading.evidence
    if evidence is None:
        return _LONG_AGO, _LONG_AGO, 0, reading.part.slot
    return evidence.moment or _LONG_AGO, evidence.graded_at or _LONG_AGO, evidence.position, reading.part.slot


def _is_unplaced(reading: _Reading, counted: Sequence[_Reading]) -> bool:
    """Whether an unknown part may turn out newer than the others: it has no date yet, or none that can be trusted."""
    if reading.ratio is not None:
        return False
    if reading.evidence is None or reading.evidence.freshness is not Freshness.FRESH:
        return len(counted) > 1
    return reading.moment is None and any(other.moment for other in counted)


def _is_unopened(reading: _Reading) -> bool:
    return reading.judgement.reason.code is ReasonCode.NOT_OPENED


# -- averages --------------------------------------------------------------------------------------------------------


def _average(question: _Question) -> Judgement:
    readings = question.readings()
    counted = [reading for reading in readings if not reading.is_excused]
    return _between(question, readings, counted, _weighted)


def _weighted(_plan: CompetencyPlan, readings: Sequence[_Reading], unknown: Ratio) -> Ratio:
    total, whole = NOTHING
    weights = _NOTHING
    for reading in readings:
        score, maximum = reading.ratio or unknown
        weight = reading.part.weight
        share = _multiply(weight, score)
        weights = _add(weights, weight)
        if maximum == whole:
            total = _add(total, share)
        else:
            total = _add(_multiply(total, maximum), _multiply(share, whole))
            whole = _multiply(whole, maximum)
    return total, _multiply(whole, weights)


def _decaying_average(question: _Question) -> Judgement:
    readings = question.readings()
    counted = _in_order(reading for reading in readings if not reading.is_excused and not _is_unopened(reading))
    if not counted and not all(reading.is_excused for reading in readings):
        return question.unknown(ReasonCode.NOT_OPENED, [reading.judgement for reading in readings])
    return _between(question, readings, counted, _decayed)


def _decayed(plan: CompetencyPlan, readings: Sequence[_Reading], unknown: Ratio) -> Ratio:
    """Each newer result counts ``factor`` percent, everything before it the rest."""
    with localcontext(EXACT):
        fresh, old = plan.factor, HUNDRED - plan.factor
        total, whole = readings[0].ratio or unknown
        for reading in readings[1:]:
            score, maximum = reading.ratio or unknown
            total, whole = fresh * score * whole + old * total * maximum, HUNDRED * whole * maximum
        return total, whole


def _between(
    question: _Question,
    readings: Sequence[_Reading],
    counted: Sequence[_Reading],
    calculate: _Calculate,
) -> Judgement:
    """The verdict on which the worst and the best outcome agree, if they do; and all of the work done in time."""
    if not counted:
        return question.unknown(_EXCUSED, [reading.judgement for reading in readings])
    verdict, reason = _bounded(question.plan, counted, calculate)
    timings = {reading.part.slot: _timing(question, reading) for reading in counted}
    children = [_shown(reading, timings.get(reading.part.slot)) for reading in readings]
    against = [timing for timing in timings.values() if timing is not None]
    in_all = all_of([verdict, *(timing.verdict for timing in against)])
    if in_all is not verdict:
        reason = next(timing.reason for timing in against if timing.verdict is in_all)
    return question.conclude(in_all, reason, children)


def _bounded(plan: CompetencyPlan, counted: Sequence[_Reading], calculate: _Calculate) -> tuple[Verdict, Reason]:
    """With no result at all there is nothing to judge by, even where 0 % would do: unknown never awards."""
    unknown = sum(1 for reading in counted if reading.ratio is None)
    figures: Figures = {"title": plan.title, "needed": plan.threshold, "unknown": unknown}
    undecided = _UNKNOWN, Reason(ReasonCode.NEEDS_GRADES, figures)
    is_ordered = calculate is _decayed
    if unknown == len(counted) or (is_ordered and any(_is_unplaced(reading, counted) for reading in counted)):
        return undecided
    worst = calculate(plan, counted, NOTHING)
    best = calculate(plan, counted, EVERYTHING) if unknown else worst
    if not reaches(best, plan.threshold):
        code = ReasonCode.OUT_OF_REACH if unknown else ReasonCode.BELOW_THRESHOLD
        return _NOT_MET, Reason(code, {**figures, "value": best})
    if not reaches(worst, plan.threshold):
        return undecided
    return _MET, Reason(ReasonCode.THRESHOLD_MET, {**figures, "value": worst})


def _timing(question: _Question, reading: _Reading) -> Judgement | None:
    return None if question.window is None else judge_timing(reading.evidence, question.window, _PART)


def _shown(reading: _Reading, timing: Judgement | None) -> Judgement:
    """A known part of an average decides nothing alone, unless it was done at the wrong time."""
    if reading.ratio is None:
        return reading.judgement
    return _aside(reading.judgement) if timing is None else timing


def _aside(judgement: Judgement) -> Judgement:
    verdict, _, reason, subject, children, evidence = judgement
    return _new(Judgement, (verdict, _ASIDE, reason, subject, children, evidence))


def _conclude(plan: CompetencyPlan, verdict: Verdict, reason: Reason, children: Iterable[Judgement]) -> Judgement:
    return Judgement(verdict, _COMPETENCY, reason, plan.identifier, tuple(children))


_TOGETHER: dict[Calculation, Callable[[_Question], Judgement]] = {
    Calculation.LATEST: _latest,
    Calculation.AVERAGE: _average,
    Calculation.DECAYING_AVERAGE: _decaying_average,
}
