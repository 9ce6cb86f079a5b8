"""A template in words: what it holds, and how one version differs from another."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.templates import Template, TemplateBadge, TemplateCalculation
from lti_tool.web import formats
from lti_tool.web.matrix_words import CALCULATIONS
from lti_tool.web.policy_words import policy_sentences
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import rule_sentence

_SEPARATE = {Calculation.ALL, Calculation.ANY}


@dataclass(frozen=True, slots=True)
class BadgeView:
    """A badge of a template; ``sentence`` says how it is earned, ``policy`` how it is awarded."""

    name: str
    description: str
    criteria: str
    sentence: str
    policy: list[str]


@dataclass(frozen=True, slots=True)
class SkillView:
    """A skill with what counts for it: (threshold, weight) in words by slot."""

    statement: str
    code: str | None
    combining: str
    counts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template's content; ``slots`` are (slot, title)."""

    slots: list[tuple[str, str]]
    skills: list[SkillView]
    badges: list[BadgeView]


def view_of(content: Template) -> TemplateView:
    """Return a template in words."""
    combined = {one.competency: one for one in content.calculations}
    counts: dict[str, dict[str, str]] = {}
    for one in content.mappings:
        counts.setdefault(one.competency, {})[one.slot] = _counting(one.threshold, one.weight)
    return TemplateView(
        [(one.slot, one.title) for one in content.slots],
        [
            SkillView(one.statement, one.code, _combining(combined.get(one.identifier)), counts.get(one.identifier, {}))
            for one in content.competencies
        ],
        [_badge(one, titles_in(content)) for one in content.badges],
    )


def titles_in(content: Template) -> dict[str, str]:
    """What the rules of a template name, in words."""
    skills = {one.identifier: one.statement for one in content.competencies}
    return {one.slot: one.title for one in content.slots} | {one.key: one.name for one in content.badges} | skills


def _badge(badge: TemplateBadge, titles: Mapping[str, str]) -> BadgeView:
    said = rule_sentence(badge.rule, titles)
    return BadgeView(badge.name, badge.description, badge.criteria, said, policy_sentences(badge.policy))


def _counting(threshold: Decimal, weight: Decimal) -> str:
    text = _("from %(percent)s", percent=formats.percent(threshold))
    if weight == 1:
        return text
    return _("%(counting)s, weight %(weight)s", counting=text, weight=formats.number(weight))


def _combining(calculation: TemplateCalculation | None) -> str:
    if calculation is None:
        return str(CALCULATIONS[Calculation.ALL])
    text = str(CALCULATIONS[calculation.calculation])
    if calculation.calculation in _SEPARATE:
        return text
    return text + " · " + _("%(percent)s is needed", percent=formats.percent(calculation.threshold))


# -- two versions -----------------------------------------------------------------------------------------------------


def differences(before: Template, after: Template) -> list[str]:
    """What is new, gone and different in another version, one sentence each."""
    return list(_differences(before, after))


def _differences(before: Template, after: Template) -> Iterator[str]:
    names = titles_in(before) | titles_in(after)
    skills = _pairs(before.competencies, after.competencies, "identifier")
    for old, new in skills:
        if old is None:
            yield _("New skill: “%(skill)s”.", skill=new.statement)
        elif new is None:
            yield _("Skill gone: “%(skill)s”.", skill=old.statement)
        elif old != new:
            yield _("Skill changed: “%(before)s” becomes “%(after)s”.", before=old.statement, after=new.statement)
    for old, new in _pairs(before.slots, after.slots, "slot"):
        if old is None:
            yield _("New work to choose: “%(work)s”.", work=new.title)
        elif new is None:
            yield _("Work gone: “%(work)s”.", work=old.title)
        elif old != new:
            yield _("Work changed: “%(before)s” becomes “%(after)s”.", before=old.title, after=new.title)
    yield from _mapping_differences(before, after, names)
    for old, new in _pairs(before.badges, after.badges, "key"):
        yield from _badge_differences(old, new, names)


def _mapping_differences(before: Template, after: Template, names: Mapping[str, str]) -> Iterator[str]:
    old_counts = {(one.slot, one.competency): _counting(one.threshold, one.weight) for one in before.mappings}
    new_counts = {(one.slot, one.competency): _counting(one.threshold, one.weight) for one in after.mappings}
    for slot, competency in dict.fromkeys([*old_counts, *new_counts]):
        old, new = old_counts.get((slot, competency)), new_counts.get((slot, competency))
        about = {"work": names[slot], "skill": names[competency]}
        if old is None:
            yield _("“%(work)s” now counts for “%(skill)s”, %(counting)s.", counting=new, **about)
        elif new is None:
            yield _("“%(work)s” counts for “%(skill)s” no more.", **about)
        elif old != new:
            yield _("“%(work)s” for “%(skill)s”: %(before)s becomes %(after)s.", before=old, after=new, **about)
    old_ways = {one.competency: one for one in before.calculations}
    new_ways = {one.competency: one for one in after.calculations}
    for competency in dict.fromkeys([*old_ways, *new_ways]):
        way, other = old_ways.get(competency), new_ways.get(competency)
        if way != other:
            yield _(
                "How the work for “%(skill)s” is combined: “%(before)s” becomes “%(after)s”.",
                skill=names[competency],
                before=_combining(way),
                after=_combining(other),
            )


def _badge_differences(old: TemplateBadge | None, new: TemplateBadge | None, names: Mapping[str, str]) -> Iterator[str]:
    if new is None:
        yield _("Badge gone: “%(badge)s”. It is retired in every course.", badge=old.name if old else "")
        return
    if old is None:
        yield _("New badge: “%(badge)s”. Courses get it as a draft.", badge=new.name)
        return
    if old.name != new.name:
        yield _("The badge “%(before)s” is called “%(after)s”.", before=old.name, after=new.name)
    if (old.description, old.criteria, old.language) != (new.description, new.criteria, new.language):
        yield _("The badge “%(badge)s” says something else.", badge=new.name)
    if old.picture != new.picture:
        yield _("The badge “%(badge)s” has another picture.", badge=new.name)
    if old.rule != new.rule:
        yield _("The rule of “%(badge)s”: %(sentence)s", badge=new.name, sentence=rule_sentence(new.rule, names))
    if old.policy != new.policy:
        said = " ".join(policy_sentences(new.policy))
        yield _("How “%(badge)s” is awarded: %(sentences)s", badge=new.name, sentences=said)


def _pairs(before: Iterable[Any], after: Iterable[Any], name: str) -> list[tuple[Any, Any]]:
    """Old and new of the same name, ``None`` where one is missing."""
    old, new = ({getattr(one, name): one for one in every} for every in (before, after))
    return [(old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]
