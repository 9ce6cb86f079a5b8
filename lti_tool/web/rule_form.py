"""The rule builder's form, which needs no script: so many of these skills and badges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flask import request

from lti_tool.domain.rules import AchievementClause, All, AnyOf, AtLeast, Clause, CompetencyClause, Rule
from lti_tool.web.badge_form import problem

MODES = ("all", "at_least", "any")


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The sentence builder: ``mode`` (all, at_least, any), ``count`` as typed, and the identifiers that are ticked.

    ``skills`` holds identifiers of competencies, ``badges`` public ids of achievements.
    """

    mode: str = "all"
    count: str = ""
    skills: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_rule(cls, rule: Rule) -> "RuleForm | None":
        """Return the form that makes this rule; ``None`` for a rule that says more than the form can."""
        clauses: Sequence[Clause] = rule.clauses if isinstance(rule, All | AnyOf | AtLeast) else (rule,)
        skills = tuple(one.identifier for one in clauses if isinstance(one, CompetencyClause))
        badges = tuple(one.identifier for one in clauses if isinstance(one, AchievementClause))
        if len(skills) + len(badges) < len(clauses):
            return None
        if isinstance(rule, AtLeast):
            return cls("at_least", str(rule.count), skills, badges)
        return cls("any" if isinstance(rule, AnyOf) else "all", "", skills, badges)

    def checked(self) -> "RuleForm":
        """Return the form with what is wrong with it in ``errors``, by field."""
        chosen, errors = len(self.skills) + len(self.badges), {}
        if self.mode not in MODES:
            errors["mode"] = problem("rule_mode_unknown")
        if not chosen:
            errors["skills"] = problem("rule_nothing_chosen")
        elif self.mode == "at_least" and not self._has_count(chosen):
            errors["count"] = problem("rule_count_invalid")
        return RuleForm(self.mode, self.count, self.skills, self.badges, errors)

    def _has_count(self, chosen: int) -> bool:
        """Whether ``count`` is a number from 1 to ``chosen``; a few digits, as Python refuses to read thousands."""
        return self.count.isdecimal() and len(self.count) <= 9 and 1 <= int(self.count) <= chosen

    def rule(self) -> Rule:
        """Return the rule; the form must be ``checked`` and without errors."""
        skills = [CompetencyClause(identifier) for identifier in self.skills]
        clauses: tuple[Clause, ...] = (*skills, *[AchievementClause(public_id) for public_id in self.badges])
        match self.mode:
            case "any":
                return AnyOf(clauses)
            case "at_least":
                return AtLeast(int(self.count), clauses)
            case _:
                return All(clauses)


def chosen_ids(name: str, allowed: Iterable[int]) -> set[int] | None:
    """Return the ids ticked under ``name``; ``None`` when one is not among ``allowed``."""
    sent = request.form.getlist(name)
    known = {str(one): one for one in allowed}
    return {known[text] for text in sent} if all(text in known for text in sent) else None
