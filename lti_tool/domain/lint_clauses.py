"""Walking through a rule clause by clause: what each can come to, and what is to be said about it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
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
    SectionClause,
    canonical_scheme,
)
from lti_tool.domain.columns import Window
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.figures import HUNDRED, plain_decimal
from lti_tool.domain.lint_findings import ColumnTraits, CourseOutline, Detail, Finding, FindingCode
from lti_tool.domain.reach import Reach, opposite, together
from lti_tool.domain.verdict import all_of, any_of, at_least

_SEPARATE = {Calculation.ANY: any_of, Calculation.HIGHEST: any_of, Calculation.ALL: all_of}
_ALWAYS, _OPEN, _NEVER, _STUCK = Reach.ALWAYS, Reach.OPEN, Reach.NEVER, Reach.STUCK
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Linter:
    """One walk over a rule, collecting findings."""

    def __init__(self, course: CourseOutline) -> None:
        self.course = course
        self.findings: list[Finding] = []
        # The visitor of a clause takes exactly that clause; the table cannot say so to the type checker.
        self.visitors: dict[type[Clause], Callable[[Any, str, Window | None], Reach]] = {
            All: self.all,
            AnyOf: self.any,
            AtLeast: self.at_least,
            Not: self.not_,
            Before: self.before,
            After: self.after,
            ColumnClause: self.column,
            CompetencyClause: self.competency,
            AchievementClause: self.achievement,
            AssessorClause: self.assessor,
            SectionClause: self.section,
        }

    def visit(self, clause: Clause, path: str, window: Window | None) -> Reach:
        return self.visitors[type(clause)](clause, path, window)

    def find(
        self, reach: Reach, code: FindingCode, path: str, detail: Detail | None, subject: str | None, **params: str
    ) -> Reach:
        self.findings.append(Finding(code, path, detail, subject, dict(params)))
        return reach

    # -- lists --------------------------------------------------------------------------------------------------------

    def each(self, clauses: tuple[Clause, ...], path: str, window: Window | None) -> list[Reach]:
        return [self.visit(clause, f"{path}[{i}]", window) for i, clause in enumerate(clauses)]

    def all(self, clause: All, path: str, window: Window | None) -> Reach:
        reach = together(all_of, self.each(clause.clauses, f"{path}.all", window))
        needed = set(_needed_together(clause))
        if any(isinstance(part, Not) and part.clause in needed for part in needed):
            return self.find(_NEVER, FindingCode.UNREACHABLE, path, Detail.CONTRADICTION, None)
        return reach

    def any(self, clause: AnyOf, path: str, window: Window | None) -> Reach:
        return together(any_of, self.each(clause.clauses, f"{path}.any", window))

    def at_least(self, clause: AtLeast, path: str, window: Window | None) -> Reach:
        reaches = self.each(clause.clauses, f"{path}.of", window)
        return together(lambda verdicts: at_least(clause.count, verdicts), reaches)

    def not_(self, clause: Not, path: str, window: Window | None) -> Reach:
        reach = self.visit(clause.clause, f"{path}.not", window)
        if self.course.closes_at is None:
            return self.find(_STUCK, FindingCode.UNREACHABLE, path, Detail.NO_CLOSING_DATE, None)
        if reach is _ALWAYS:
            self.find(_NEVER, FindingCode.UNREACHABLE, path, Detail.EXCEPTION_CERTAIN, None)
        if reach is _NEVER:
            self.find(_ALWAYS, FindingCode.VACUOUS, path, Detail.EXCEPTION_IMPOSSIBLE, None)
        return opposite(reach)

    # -- dates --------------------------------------------------------------------------------------------------------

    def before(self, clause: Before, path: str, window: Window | None) -> Reach:
        latest = max(clause.moment, *(date for _, date in clause.sections), _FIRST)
        inner = (window or Window()).until(latest)
        starts_at = self.course.starts_at
        if starts_at is not None:
            early = [(section, date) for section, date in _dates(clause) if date <= starts_at]
            self.report_dates(early, path, Detail.BEFORE_COURSE_START, starts_at=starts_at.isoformat())
            if latest <= starts_at:
                self.visit(clause.clause, f"{path}.of", inner)
                return _NEVER
        return self.within(clause, path, inner)

    def after(self, clause: After, path: str, window: Window | None) -> Reach:
        earliest = min(clause.moment, *(date for _, date in clause.sections), _LAST)
        inner = (window or Window()).since(earliest)
        closes_at = self.course.closes_at
        if closes_at is not None:
            late = [(section, date) for section, date in _dates(clause) if date >= closes_at]
            self.report_dates(late, path, Detail.AFTER_COURSE_END, closes_at=closes_at.isoformat())
            if earliest >= closes_at:
                self.visit(clause.clause, f"{path}.of", inner)
                return _NEVER
        return self.within(clause, path, inner)

    def report_dates(self, dates: list[tuple[str | None, datetime]], path: str, detail: Detail, **params: str) -> None:
        for section, date in dates:
            of_section = {} if section is None else {"section": self.section_title(section)}
            self.find(
                _NEVER, FindingCode.UNREACHABLE, path, detail, section, date=date.isoformat(), **of_section, **params
            )

    def within(self, clause: Before | After, path: str, window: Window) -> Reach:
        reach = self.visit(clause.clause, f"{path}.of", window)
        if window.after is None or window.before is None or window.after < window.before:
            return reach
        params = {"after": window.after.isoformat(), "before": window.before.isoformat()}
        return self.find(_NEVER, FindingCode.UNREACHABLE, path, Detail.EMPTY_WINDOW, None, **params)

    # -- what a rule rests on -----------------------------------------------------------------------------------------

    def column(self, clause: ColumnClause, path: str, window: Window | None) -> Reach:
        traits = self.course.columns.get(clause.slot)
        seen = self.observable(clause.slot, clause.measure, path, window)
        if traits is None or seen is not _OPEN:
            return seen
        if clause.measure is Measure.LETTER:
            return self.letter(clause, traits, path)
        if clause.at_least is None:
            return _OPEN
        maximum = HUNDRED if clause.measure is Measure.PERCENT else traits.maximum
        if clause.measure is Measure.PERCENT and traits.maximum is not None and traits.maximum <= 0:
            return self.find(_STUCK, FindingCode.UNREACHABLE, path, Detail.NO_MAXIMUM, clause.slot, title=traits.title)
        return self.threshold(clause.at_least, maximum, path, clause.slot, traits.title)

    def observable(self, slot: str, measure: Measure, path: str, window: Window | None) -> Reach:
        """Stuck where nothing can be seen: no column, no source for this kind of clause, or none that tells dates."""
        traits = self.course.columns.get(slot)
        if traits is None:
            return self.find(_STUCK, FindingCode.REFERENCES_RETIRED, path, Detail.SLOT_UNBOUND, slot, title=slot)
        reach, code, title = _OPEN, FindingCode.NOT_OBSERVABLE, traits.title
        if traits.observable is not None and measure not in traits.observable:
            reach = self.find(_STUCK, code, path, Detail.KIND, slot, title=title, kind=measure.value)
        if window is not None and not traits.has_dates:
            reach = self.find(_STUCK, code, path, Detail.NO_DATES, slot, title=title)
        return reach

    def letter(self, clause: ColumnClause, traits: ColumnTraits, path: str) -> Reach:
        slot, params = clause.slot, {"title": traits.title}
        now = traits.scheme
        if now is not None and not clause.scheme:
            self.find(_OPEN, FindingCode.SCHEME_MISSING, path, None, slot, **params, scheme_now=", ".join(now))
        elif now is not None and canonical_scheme(now) != canonical_scheme(clause.scheme):
            schemes = {"scheme": ", ".join(clause.scheme), "scheme_now": ", ".join(now)}
            return self.find(_STUCK, FindingCode.SCHEME_CHANGED, path, None, slot, **params, **schemes)
        known = set(canonical_scheme(clause.scheme or now or ()))
        if known and known <= set(canonical_scheme(clause.letters)):
            return self.find(_ALWAYS, FindingCode.VACUOUS, path, Detail.EVERY_LETTER, slot, **params)
        return _OPEN

    def threshold(self, needed: Decimal, maximum: Decimal | None, path: str, subject: str, title: str) -> Reach:
        if not needed:
            return self.find(_ALWAYS, FindingCode.VACUOUS, path, Detail.ZERO_THRESHOLD, subject, title=title)
        if maximum is None or needed <= maximum:
            return _OPEN
        params = {"title": title, "needed": plain_decimal(needed), "maximum": plain_decimal(maximum)}
        return self.find(_NEVER, FindingCode.UNREACHABLE, path, Detail.ABOVE_MAXIMUM, subject, **params)

    def competency(self, clause: CompetencyClause, path: str, window: Window | None) -> Reach:
        name = clause.identifier
        plan = self.course.plans.get(name)
        if plan is None:
            return self.find(_STUCK, FindingCode.REFERENCES_RETIRED, path, Detail.COMPETENCY_GONE, name, title=name)
        if not plan.parts:
            return self.find(_STUCK, FindingCode.UNREACHABLE, path, Detail.NOTHING_MAPPED, name, title=plan.title)
        combine = _SEPARATE.get(plan.calculation)
        parts = [self.part(plan, part, f"{path}.parts[{i}]", window) for i, part in enumerate(plan.parts)]
        if combine is not None:
            return together(combine, parts)
        reach = self.threshold(plan.threshold, HUNDRED, path, name, plan.title)
        return _STUCK if all(each is _STUCK for each in parts) else reach

    def part(self, plan: CompetencyPlan, part: Part, path: str, window: Window | None) -> Reach:
        seen = self.observable(part.slot, Measure.PERCENT, path, window)
        if seen is not _OPEN or plan.calculation not in _SEPARATE:
            return seen
        return self.threshold(needed_in(plan, part), HUNDRED, path, part.slot, title_of(self.course, part.slot))

    def achievement(self, clause: AchievementClause, path: str, window: Window | None) -> Reach:
        name, live = clause.identifier, self.course.achievements
        title = name if live is None else live.get(name, name)
        if name == self.course.own_achievement:
            return self.find(_NEVER, FindingCode.UNREACHABLE, path, Detail.NEEDS_ITSELF, name, title=title)
        if live is not None and name not in live:
            code = FindingCode.REFERENCES_RETIRED
            return self.find(_STUCK, code, path, Detail.ACHIEVEMENT_GONE, name, title=title)
        return self.undated(path, name, title, window)

    def assessor(self, clause: AssessorClause, path: str, window: Window | None) -> Reach:
        name, known = clause.identifier, self.course.assessments
        title = name if known is None else known.get(name, name)
        if known is not None and name not in known:
            code = FindingCode.REFERENCES_RETIRED
            return self.find(_STUCK, code, path, Detail.ASSESSMENT_GONE, name, title=title)
        return self.undated(path, name, title, window)

    def undated(self, path: str, name: str, title: str, window: Window | None) -> Reach:
        """A badge and an assessment carry no date, so that none can be asked of them."""
        if window is None:
            return _OPEN
        return self.find(_STUCK, FindingCode.NOT_OBSERVABLE, path, Detail.NO_DATES, name, title=title)

    def section(self, clause: SectionClause, path: str, _window: Window | None) -> Reach:
        name, title = clause.identifier, self.section_title(clause.identifier)
        if not self.course.tells_sections:
            return self.find(_STUCK, FindingCode.NOT_OBSERVABLE, path, Detail.NO_SECTIONS, name, title=title)
        if self.course.sections is not None and name not in self.course.sections:
            return self.find(_NEVER, FindingCode.REFERENCES_RETIRED, path, Detail.SECTION_GONE, name, title=title)
        return _OPEN

    def section_title(self, name: str) -> str:
        return (self.course.sections or {}).get(name, name)


def _needed_together(clause: All) -> Iterator[Clause]:
    """Every clause that has to be met at once, through nested *all*."""
    for part in clause.clauses:
        yield part
        if isinstance(part, All):
            yield from _needed_together(part)


def _dates(clause: Before | After) -> list[tuple[str | None, datetime]]:
    return [(None, clause.moment), *clause.sections]


def needed_in(plan: CompetencyPlan, part: Part) -> Decimal:
    return part.threshold if plan.calculation in (Calculation.ANY, Calculation.ALL) else plan.threshold


def title_of(course: CourseOutline, slot: str) -> str:
    traits = course.columns.get(slot)
    return slot if traits is None else traits.title
