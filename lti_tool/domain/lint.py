"""What is wrong, or odd, about a rule before anybody is judged by it: findings with codes and params, no sentences.

Every clause gets its :class:`~lti_tool.domain.reach.Reach`; lists are put together by Kleene's tables, as in ``rules``.
What a clause cannot be comes out as findings at its path, and what the whole rule cannot be as one at ``$``.
"""

from collections.abc import Iterator

from lti_tool.domain.clauses import (
    AchievementClause,
    AssessorClause,
    Clause,
    ColumnClause,
    CompetencyClause,
    Measure,
    Not,
    Rule,
    parts_of,
)
from lti_tool.domain.competency_plan import CompetencyPlan
from lti_tool.domain.lint_clauses import Linter, needed_in, title_of
from lti_tool.domain.lint_findings import ColumnTraits, CourseOutline, Detail, Finding, FindingCode, Severity
from lti_tool.domain.reach import Reach
from lti_tool.domain.rules import competencies_of

__all__ = ["ColumnTraits", "CourseOutline", "Detail", "Finding", "FindingCode", "Severity", "lint_rule"]

_DONE = {Measure.COMPLETED, Measure.SUBMITTED}


def lint_rule(rule: Rule, course: CourseOutline) -> tuple[Finding, ...]:
    """Everything somebody should look at, the whole rule first, then clause by clause in reading order."""
    linter = Linter(course)
    reach = linter.visit(rule, "$", None)
    return (*_whole(rule, reach, course), *linter.findings)


def _whole(rule: Rule, reach: Reach, course: CourseOutline) -> Iterator[Finding]:
    error = Severity.ERROR
    if reach in (Reach.NEVER, Reach.STUCK):
        yield Finding(FindingCode.UNREACHABLE, "$", Detail.WHOLE_RULE, severity=error)
    if reach is Reach.ALWAYS:
        yield Finding(FindingCode.VACUOUS, "$", Detail.WHOLE_RULE, severity=error)
    kinds = list(_participation(rule, course))
    if kinds and all(kinds):
        yield Finding(FindingCode.PARTICIPATION_ONLY, "$")
    yield from _shared_columns(rule, course)


def _participation(clause: Clause, course: CourseOutline) -> Iterator[bool]:
    """For each thing a learner has to show: whether taking part is all it shows. A *not* shows nothing."""
    if isinstance(clause, ColumnClause):
        yield clause.measure in _DONE or clause.at_least == 0
    elif isinstance(clause, CompetencyClause):
        plan = course.plans.get(clause.identifier)
        yield plan is not None and bool(plan.parts) and all(not needed_in(plan, part) for part in plan.parts)
    elif isinstance(clause, AchievementClause | AssessorClause):
        yield False
    elif not isinstance(clause, Not):
        for part in parts_of(clause):
            yield from _participation(part, course)


def _shared_columns(rule: Rule, course: CourseOutline) -> Iterator[Finding]:
    """One piece of work that is evidence for several competencies says little about each of them."""
    named = competencies_of(rule)
    plans_of: dict[str, list[CompetencyPlan]] = {}
    for plan in course.plans.values():
        for part in plan.parts:
            plans_of.setdefault(part.slot, []).append(plan)
    for slot, plans in plans_of.items():
        if len(plans) > 1 and any(plan.identifier in named for plan in plans):
            params: dict[str, str | None] = {
                "title": title_of(course, slot),
                "competencies": ", ".join(plan.title for plan in plans),
                "count": str(len(plans)),
            }
            yield Finding(FindingCode.ONE_COLUMN_SEVERAL_COMPETENCIES, "$", subject=slot, params=params)
