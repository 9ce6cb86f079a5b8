"""From what was typed into the rule builder to clauses, or to what is wrong with it, by field."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

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
    SectionDates,
    canonical_scheme,
)
from lti_tool.errors import InvalidInputError, RuleError
from lti_tool.services.mapping import read_threshold
from lti_tool.services.rule_choices import Choices, Work, provisional_slot
from lti_tool.web.badge_form import problem
from lti_tool.web.rule_nodes import NO_COLUMN, Node, NodeKind, read_moment

MODES = ("all", "at_least", "any")
MAX_POINTS = Decimal(10) ** 9
_COUNTED = {Measure.PERCENT, Measure.POINTS}


def has_count(count: str, chosen: int) -> bool:
    """Whether ``count`` is a number from 1 to ``chosen``; a few digits, as Python refuses to read thousands."""
    return count.isdecimal() and len(count) <= 9 and 1 <= int(count) <= chosen


def listed(mode: str, count: str, clauses: tuple[Clause, ...]) -> Clause:
    """The clauses as a list of this mode."""
    match mode:
        case "any":
            return AnyOf(clauses)
        case "at_least":
            return AtLeast(int(count), clauses)
        case _:
            return All(clauses)


class Builder:
    """One walk over the nodes. ``errors`` fill up by field; a node that cannot be used comes out as ``None``.

    ``slot_for`` gives a column its slot, when the rule is to be stored; without it a slot that is not there yet is
    named after its column, which is good enough for saying and trying the rule.
    """

    def __init__(self, choices: Choices, slot_for: Callable[[int], str] | None = None) -> None:
        self.errors: dict[str, str] = {}
        self._choices, self._slot_for = choices, slot_for
        self._work = {str(one.column.id): one for one in choices.work}

    def clauses(self, nodes: tuple[Node, ...]) -> tuple[Clause, ...]:
        """Every node that can be used, as a clause."""
        found = [self.clause(one) for one in nodes]
        return tuple(one for one in found if one is not None)

    def clause(self, node: Node) -> Clause | None:
        """One node with its dates and its *not*."""
        inner = self._group(node) if node.kind is NodeKind.GROUP else self._leaf(node)
        for name, kind in (("after", After), ("before", Before)):
            dates = self._dates(node, name)
            if inner is not None and dates is not None:
                inner = kind(dates[0], inner, dates[1])
        return inner if inner is None or not node.is_not else Not(inner)

    def fail(self, field: str, code: str) -> None:
        """Note what is wrong with a field; the first thing said about it stays."""
        self.errors.setdefault(field, problem(code))

    def _group(self, node: Node) -> Clause | None:
        clauses, size = self.clauses(node.children), len(node.children)
        if not size:
            self.fail(f"n{node.id}", "rule_group_empty")
        elif node.mode not in MODES:
            self.fail(f"n{node.id}-mode", "rule_mode_unknown")
        elif node.mode == "at_least" and not has_count(node.count, size):
            self.fail(f"n{node.id}-count", "rule_count_invalid")
        elif len(clauses) == size:
            try:
                return listed(node.mode, node.count, clauses)
            except RuleError:
                self.fail(f"n{node.id}", "rule_clause_repeated")
        return None

    def _leaf(self, node: Node) -> Clause | None:
        if not node.subject:
            self.fail(f"n{node.id}-subject", "rule_subject_missing")
            return None
        match node.kind:
            case NodeKind.SKILL:
                return CompetencyClause(node.subject)
            case NodeKind.BADGE:
                return AchievementClause(node.subject)
            case NodeKind.SECTION:
                return SectionClause(node.subject)
            case NodeKind.ASSESSOR:
                return AssessorClause(node.subject)
            case _:
                return self._column(node)

    def _column(self, node: Node) -> Clause | None:
        work, field = self._work.get(node.subject), f"n{node.id}"
        slot = self._slot(node, work)
        if slot is None:
            self.fail(f"{field}-subject", "rule_subject_missing")
            return None
        measure = Measure(node.measure) if node.measure in set(Measure) else None
        if measure is None or (work is not None and measure not in work.measures):
            self.fail(f"{field}-measure", "rule_measure_unseen")
            return None
        if measure is Measure.LETTER:
            return self._letters(node, slot, work)
        if measure not in _COUNTED:
            return ColumnClause(slot, measure)
        needed = self._needed(node, measure)
        return None if needed is None else ColumnClause(slot, measure, at_least=needed)

    def _slot(self, node: Node, work: Work | None) -> str | None:
        if work is None:
            slot = node.subject.removeprefix(NO_COLUMN)
            return slot if node.subject.startswith(NO_COLUMN) and slot in self._choices.kept else None
        if work.slot is not None:
            return work.slot
        return provisional_slot(work.column.id) if self._slot_for is None else self._slot_for(work.column.id)

    def _needed(self, node: Node, measure: Measure) -> Decimal | None:
        """Percent from 0 to 100, points from 0 on."""
        field = f"n{node.id}-value"
        try:
            if measure is Measure.PERCENT:
                needed = read_threshold(node.value)
            else:
                text = node.value.replace(",", ".").replace("\N{NO-BREAK SPACE}", "")
                plain = text.replace(".", "", 1)
                needed = Decimal(text) if plain.isascii() and plain.isdigit() and len(plain) < 18 else None
        except InvalidInputError:
            needed = None
        if needed is None or needed >= MAX_POINTS:
            self.fail(field, "threshold_invalid" if measure is Measure.PERCENT else "rule_points_invalid")
            return None
        return needed

    def _letters(self, node: Node, slot: str, work: Work | None) -> Clause | None:
        letters = tuple(one.strip() for one in node.letters.replace(";", ",").split(",") if one.strip())
        scheme = tuple(work.column.grading_scheme or ()) if work is not None else ()
        if not letters:
            self.fail(f"n{node.id}-letters", "rule_letters_missing")
        elif scheme and not set(canonical_scheme(letters)) <= set(canonical_scheme(scheme)):
            self.fail(f"n{node.id}-letters", "rule_letters_foreign")
        else:
            return ColumnClause(slot, Measure.LETTER, letters=letters, scheme=scheme)
        return None

    def _dates(self, node: Node, name: str) -> tuple[datetime, SectionDates] | None:
        """The date for everybody and those of the sections; ``None`` without any, or with one that is none."""
        index = 1 if name == "after" else 2
        general = getattr(node, name)
        own = {dates[0]: dates[index] for dates in node.section_dates if dates[index]}
        moments: Mapping[str, datetime | None] = {section: read_moment(text) for section, text in own.items()}
        if not general:
            if own:
                self.fail(f"n{node.id}-{name}", "rule_date_general")
            return None
        moment = read_moment(general)
        if moment is None or None in moments.values():
            self.fail(f"n{node.id}-{name}", "rule_date_invalid")
            return None
        return moment, tuple(sorted((section, one) for section, one in moments.items() if one is not None))
