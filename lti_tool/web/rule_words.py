"""A rule in words: "Learners earn this when they have the skills “A” and “B” and the badge “C”."."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import singledispatch
from typing import Literal

from babel.lists import format_list

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
    SectionDates,
)
from lti_tool.web import formats
from lti_tool.web.reason_texts import Voice
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import locale


def rule_sentence(rule: Rule, titles: Mapping[str, str], *, voice: Voice = Voice.INSTRUCTOR) -> str:
    """Return the whole rule as one sentence.

    ``titles``: statements of skills, names of badges and titles of work, by the identifiers and slots of the rule.
    """
    what = _phrase(rule, titles)
    if voice is Voice.LEARNER:
        return _("You earn this when you have %(what)s.", what=what)
    return _("Learners earn this when they have %(what)s.", what=what)


def _title(identifier: str, titles: Mapping[str, str]) -> str:
    return titles.get(identifier) or _("something that is no longer here")


def _joined(clauses: Iterable[Clause], titles: Mapping[str, str], style: Literal["standard", "or"]) -> str:
    """The clauses as a list of the language; a list inside a list goes into brackets."""
    phrases = [f"({_phrase(clause, titles)})" if _is_list(clause) else _phrase(clause, titles) for clause in clauses]
    return format_list(phrases, style=style, locale=locale())


def _is_list(clause: Clause) -> bool:
    return isinstance(clause, All | AnyOf | AtLeast) and len(clause.clauses) > 1


@singledispatch
def _phrase(clause: Clause, titles: Mapping[str, str]) -> str:
    raise TypeError(clause, titles)


@_phrase.register
def _all(clause: All, titles: Mapping[str, str]) -> str:
    return _joined(clause.clauses, titles, "standard")


@_phrase.register
def _any(clause: AnyOf, titles: Mapping[str, str]) -> str:
    return _joined(clause.clauses, titles, "or")


@_phrase.register
def _at_least(clause: AtLeast, titles: Mapping[str, str]) -> str:
    if clause.count == len(clause.clauses):
        return _joined(clause.clauses, titles, "standard")
    these = _joined(clause.clauses, titles, "standard")
    return _("at least %(count)s of these: %(these)s", count=formats.number(clause.count), these=these)


@_phrase.register
def _not(clause: Not, titles: Mapping[str, str]) -> str:
    return _("by the end of the course not: %(what)s", what=_phrase(clause.clause, titles))


@_phrase.register
def _before(clause: Before, titles: Mapping[str, str]) -> str:
    what = _phrase(clause.clause, titles)
    return _("before %(date)s: %(what)s", date=_dates(clause.moment, clause.sections, titles), what=what)


@_phrase.register
def _after(clause: After, titles: Mapping[str, str]) -> str:
    what = _phrase(clause.clause, titles)
    return _("after %(date)s: %(what)s", date=_dates(clause.moment, clause.sections, titles), what=what)


def _dates(moment: datetime, sections: SectionDates, titles: Mapping[str, str]) -> str:
    """One date, or one and those of the sections that have their own."""
    date = formats.moment(moment)
    if not sections:
        return date
    own = [
        _("%(date)s in section “%(title)s”", date=formats.moment(each), title=titles.get(section) or section)
        for section, each in sections
    ]
    return _("%(date)s (%(sections)s)", date=date, sections=format_list(own, style="unit", locale=locale()))


@_phrase.register
def _section(clause: SectionClause, titles: Mapping[str, str]) -> str:
    return _("membership in section “%(title)s”", title=titles.get(clause.identifier) or clause.identifier)


@_phrase.register
def _competency(clause: CompetencyClause, titles: Mapping[str, str]) -> str:
    return _("the skill “%(title)s”", title=_title(clause.identifier, titles))


@_phrase.register
def _achievement(clause: AchievementClause, titles: Mapping[str, str]) -> str:
    return _("the badge “%(title)s”", title=_title(clause.identifier, titles))


@_phrase.register
def _assessor(clause: AssessorClause, titles: Mapping[str, str]) -> str:
    return _("an assessor's confirmation of “%(title)s”", title=_title(clause.identifier, titles))


@_phrase.register
def _column(clause: ColumnClause, titles: Mapping[str, str]) -> str:
    title = _title(clause.slot, titles)
    if clause.at_least is not None and clause.measure is Measure.PERCENT:
        return _("at least %(value)s in “%(title)s”", value=formats.percent(clause.at_least), title=title)
    if clause.at_least is not None:
        return _("at least %(value)s points in “%(title)s”", value=formats.number(clause.at_least), title=title)
    if clause.measure is Measure.LETTER:
        letters = format_list(list(clause.letters), style="or", locale=locale())
        return _("%(letters)s in “%(title)s”", letters=letters, title=title)
    if clause.measure is Measure.COMPLETED:
        return _("completed “%(title)s”", title=title)
    return _("handed in “%(title)s”", title=title)
