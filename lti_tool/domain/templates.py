"""What an organization's template holds: competencies, slots, what counts for what, and badges with rules and policies.

Rules name competencies, slots and, as ``achievement``, keys of other badges of the same template.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.clauses import AchievementClause, ColumnClause
from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.rules import Rule, competencies_of, iter_clauses, rule_document
from lti_tool.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class TemplateCompetency:
    """A competency (CFItem) that the template brings along."""

    identifier: str
    statement: str
    code: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateSlot:
    """A piece of work that a course has to name a column for."""

    slot: str
    title: str


@dataclass(frozen=True, slots=True)
class TemplateMapping:
    """Work in a slot counts for a competency from ``threshold`` percent on."""

    slot: str
    competency: str
    threshold: Decimal
    weight: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class TemplateCalculation:
    """How the work mapped to a competency is combined."""

    competency: str
    calculation: Calculation
    threshold: Decimal
    factor: Decimal = Decimal(65)


@dataclass(frozen=True, slots=True)
class TemplateBadge:
    """A badge, by its key in the template. ``picture`` is the SHA-256 of a stored file."""

    key: str
    name: str
    description: str
    criteria: str
    type: str
    language: str
    picture: str
    rule: Rule
    policy: AwardPolicy


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read: every name in it leads somewhere."""

    competencies: tuple[TemplateCompetency, ...]
    slots: tuple[TemplateSlot, ...]
    mappings: tuple[TemplateMapping, ...]
    calculations: tuple[TemplateCalculation, ...]
    badges: tuple[TemplateBadge, ...]

    def to_document(self) -> dict[str, object]:
        """The template as JSON; ``parse_template`` reads an equal one."""
        return {
            "competencies": [
                {"identifier": one.identifier, "statement": one.statement, "code": one.code, "uri": one.uri}
                for one in self.competencies
            ],
            "slots": [{"slot": one.slot, "title": one.title} for one in self.slots],
            "mappings": [
                {
                    "slot": one.slot,
                    "competency": one.competency,
                    "threshold": format(one.threshold, "f"),
                    "weight": format(one.weight, "f"),
                }
                for one in self.mappings
            ],
            "calculations": [
                {
                    "competency": one.competency,
                    "calculation": one.calculation.value,
                    "threshold": format(one.threshold, "f"),
                    "factor": format(one.factor, "f"),
                }
                for one in self.calculations
            ],
            "badges": [
                {
                    "key": one.key,
                    "name": one.name,
                    "description": one.description,
                    "criteria": one.criteria,
                    "type": one.type,
                    "language": one.language,
                    "picture": one.picture,
                    "rule": rule_document(one.rule),
                    "policy": one.policy.to_document(),
                }
                for one in self.badges
            ],
        }


def badge_order(template: Template) -> list[TemplateBadge]:
    """The badges so that each comes after those that count towards it."""
    by_key = {one.key: one for one in template.badges}
    ordered: dict[str, TemplateBadge] = {}

    def place(badge: TemplateBadge, above: tuple[str, ...]) -> None:
        if badge.key in above:
            raise template_error("badges count towards one another in a circle", "$.badges", "reference")
        for key in sorted(keys_of(badge.rule)):
            if key not in ordered:
                place(by_key[key], (*above, badge.key))
        ordered[badge.key] = badge

    for badge in template.badges:
        if badge.key not in ordered:
            place(badge, ())
    return list(ordered.values())


def with_achievements(document: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """A rule document with other names for the achievements in it: keys of a template become a course's public ids."""
    return with_names(document, "achievement", names)


def with_names(document: Mapping[str, object], kind: str, names: Mapping[str, str]) -> dict[str, object]:
    """A rule document with other names for what its clauses call ``kind`` (``achievement``, ``column``)."""

    def renamed(value: object, key: str) -> object:
        if isinstance(value, Mapping):
            return {name: renamed(one, str(name)) for name, one in value.items()}
        if isinstance(value, list):
            return [renamed(one, "") for one in value]
        return names.get(value, value) if key == kind and isinstance(value, str) else value

    return cast("dict[str, object]", renamed(document, ""))


def keys_of(rule: Rule) -> set[str]:
    """The names of every achievement the rule looks at."""
    return {clause.identifier for clause in iter_clauses(rule) if isinstance(clause, AchievementClause)}


def check_references(template: Template) -> None:
    """Raise ``InvalidInputError`` (``template_reference``) for a name that leads nowhere, or a circle of badges."""
    competencies = {one.identifier for one in template.competencies}
    slots = {one.slot for one in template.slots}
    keys = {one.key for one in template.badges}
    for number, mapping in enumerate(template.mappings):
        _known(mapping.slot, slots, f"$.mappings[{number}].slot")
        _known(mapping.competency, competencies, f"$.mappings[{number}].competency")
    for number, calculation in enumerate(template.calculations):
        _known(calculation.competency, competencies, f"$.calculations[{number}].competency")
    for number, badge in enumerate(template.badges):
        named = (
            (competencies_of(badge.rule), competencies),
            ({one.slot for one in iter_clauses(badge.rule) if isinstance(one, ColumnClause)}, slots),
            (keys_of(badge.rule), keys),
        )
        for names, known in named:
            for name in names:
                _known(name, known, f"$.badges[{number}].rule")
    badge_order(template)


def _known(name: str, known: set[str], path: str) -> None:
    if name not in known:
        raise template_error(f"{name} is not in the template", path, "reference")


def template_error(why: str, path: str, code: str = "invalid") -> InvalidInputError:
    """The error for a place in a template's document."""
    return InvalidInputError(f"The template cannot be used: {why} ({path}).", code=f"template_{code}", field=path)
