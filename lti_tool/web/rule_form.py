"""The rule builder's form, which needs no script: so many of these skills, badges and further conditions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from flask import request

from lti_tool.domain.rules import AchievementClause, All, AnyOf, AtLeast, Clause, CompetencyClause, Rule
from lti_tool.errors import NotFoundError, RuleError
from lti_tool.services.rule_choices import Choices
from lti_tool.web.badge_form import problem
from lti_tool.web.rule_building import MODES, Builder, has_count, listed
from lti_tool.web.rule_nodes import (
    MAX_GROUPS,
    Node,
    NodeKind,
    depth_of,
    moved,
    nodes_of,
    read_nodes,
    with_added,
    without,
)

__all__ = ["MODES", "RuleForm", "chosen_ids"]


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The sentence builder: ``mode`` (all, at_least, any), ``count`` as typed, and what is counted.

    ``skills`` holds the identifiers of ticked competencies, ``badges`` public ids of ticked achievements, ``nodes``
    everything else a rule can say. ``errors`` are by field, ``added`` is the node that a button has just made.
    """

    mode: str = "all"
    count: str = ""
    skills: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    added: int | None = None

    @classmethod
    def from_rule(cls, rule: Rule, choices: Choices) -> "RuleForm":
        """Return the form that makes this rule; every rule has one."""
        clauses: Sequence[Clause] = rule.clauses if isinstance(rule, All | AnyOf | AtLeast) else (rule,)
        items, others = {one.identifier for one in choices.items}, {one.public_id for one in choices.badges}
        skills = [one for one in clauses if isinstance(one, CompetencyClause) and one.identifier in items]
        badges = [one for one in clauses if isinstance(one, AchievementClause) and one.identifier in others]
        ticked = {*skills, *badges}
        columns = {one.slot: one.column.id for one in choices.work if one.slot is not None}
        return cls(
            "at_least" if isinstance(rule, AtLeast) else "any" if isinstance(rule, AnyOf) else "all",
            str(rule.count) if isinstance(rule, AtLeast) else "",
            tuple(dict.fromkeys(one.identifier for one in skills)),
            tuple(dict.fromkeys(one.identifier for one in badges)),
            nodes_of([one for one in clauses if one not in ticked], columns),
        )

    @classmethod
    def from_request(cls, choices: Choices) -> "RuleForm":
        """Return the form as sent. Raises ``NotFoundError`` for a skill or badge that is not to be had here."""
        skills = {one.id: one.identifier for one in choices.items}
        badges = {one.id: one.public_id for one in choices.badges}
        skill_ids, badge_ids = chosen_ids("skill", skills), chosen_ids("badge", badges)
        if skill_ids is None or badge_ids is None:
            raise NotFoundError("There is no such skill or badge in this course.")
        return cls(
            request.form.get("mode", ""),
            request.form.get("count", "").strip(),
            tuple(name for item_id, name in skills.items() if item_id in skill_ids),
            tuple(name for badge_id, name in badges.items() if badge_id in badge_ids),
            read_nodes(request.form.getlist("node"), request.form, choices.sections),
        )

    def after_button(self, button: str) -> "RuleForm | None":
        """Return the form after one of its own buttons (``add:PARENT``, ``remove:ID``, ``up:ID``, ``down:ID``).

        ``None`` for every other button.
        """
        action, _, number = button.partition(":")
        own = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else -1
        match action:
            case "add":
                return self._after_adding(own)
            case "remove":
                return replace(self, nodes=without(self.nodes, own))
            case "up" | "down":
                return replace(self, nodes=moved(self.nodes, own, -1 if action == "up" else 1))
            case _:
                return None

    def _after_adding(self, parent: int) -> "RuleForm":
        kind = request.form.get(f"add-{parent}", "")
        depth = 0 if parent == 0 else depth_of(self.nodes, parent)
        is_too_deep = depth is None or (kind == NodeKind.GROUP and depth + 1 >= MAX_GROUPS)
        if kind not in set(NodeKind) or is_too_deep:
            return self
        nodes = with_added(self.nodes, parent, NodeKind(kind))
        return replace(self, nodes=nodes, added=max(one for one in _ids(nodes) if one not in _ids(self.nodes)))

    def checked(self, choices: Choices) -> "RuleForm":
        """Return the form with what is wrong with it in ``errors``, by field."""
        builder, chosen, errors = Builder(choices), self._chosen, {}
        builder.clauses(self.nodes)
        _refuse_foreign(builder, self.nodes, choices)
        if self.mode not in MODES:
            errors["mode"] = problem("rule_mode_unknown")
        if not chosen:
            errors["skills"] = problem("rule_nothing_chosen")
        elif self.mode == "at_least" and not has_count(self.count, chosen):
            errors["count"] = problem("rule_count_invalid")
        form = replace(self, errors=errors | builder.errors)
        if not form.errors:
            try:
                form.rule(choices)
            except RuleError:
                form.errors["mode"] = problem("rule_clause_repeated")
        return form

    @property
    def _chosen(self) -> int:
        return len(self.skills) + len(self.badges) + len(self.nodes)

    def rule(self, choices: Choices, slot_for: Callable[[int], str] | None = None) -> Rule:
        """Return the rule; the form must be ``checked`` and without errors. ``slot_for``: see ``Builder``."""
        skills = [CompetencyClause(identifier) for identifier in self.skills]
        badges = [AchievementClause(public_id) for public_id in self.badges]
        return listed(self.mode, self.count, (*skills, *badges, *Builder(choices, slot_for).clauses(self.nodes)))


def _ids(nodes: Iterable[Node]) -> set[int]:
    return {one for node in nodes for one in ({node.id} | _ids(node.children))}


def _refuse_foreign(builder: Builder, nodes: Iterable[Node], choices: Choices) -> None:
    """What is not to be had in this course cannot be chosen; what the stored rule names of old can stay."""
    known = {
        NodeKind.SKILL: {one.identifier for one in choices.items},
        NodeKind.BADGE: {one.public_id for one in choices.badges},
        NodeKind.SECTION: set(choices.sections),
        NodeKind.ASSESSOR: set(choices.assessments),
    }
    for node in nodes:
        if node.kind in known and node.subject and node.subject not in known[node.kind] | choices.kept:
            builder.fail(f"n{node.id}-subject", "rule_subject_missing")
        _refuse_foreign(builder, node.children, choices)


def chosen_ids(name: str, allowed: Iterable[int]) -> set[int] | None:
    """Return the ids ticked under ``name``; ``None`` when one is not among ``allowed``."""
    sent = request.form.getlist(name)
    known = {str(one): one for one in allowed}
    return {known[text] for text in sent} if all(text in known for text in sent) else None
