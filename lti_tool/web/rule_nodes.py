"""The parts of a rule as the builder shows them: every clause is a node, with what was typed into it.

The form holds a hidden field ``node`` for each of them, ``ID:PARENT`` in reading order (parent 0: the rule itself), and
its fields as ``nID-NAME``. Moments are typed without a zone and meant in UTC, as all moments on these pages.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from lti_tool.characters import one_line
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
)
from lti_tool.domain.figures import plain_decimal

MAX_NODES = 100
MAX_GROUPS = 3
"""How deep groups can be put into one another; a stored rule that goes deeper is shown as it is."""
TEXT_LENGTH = 500
NO_COLUMN = "slot:"
"""Stands before a slot that no column fills."""


class NodeKind(StrEnum):
    """What a clause is about."""

    WORK = "work"
    SKILL = "skill"
    BADGE = "badge"
    SECTION = "section"
    ASSESSOR = "assessor"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Node:
    """One clause as typed.

    ``subject``: an identifier of a competency, a badge's public id, a column's id (or ``slot:NAME``), a section's id.
    ``after`` and ``before`` are dates as typed; ``section_dates`` has (after, before) by section id. ``mode`` and
    ``count`` belong to groups, ``measure``, ``value`` and ``letters`` to work.
    """

    id: int
    kind: NodeKind
    subject: str = ""
    mode: str = "all"
    count: str = ""
    measure: str = Measure.PERCENT.value
    value: str = ""
    letters: str = ""
    is_not: bool = False
    after: str = ""
    before: str = ""
    section_dates: tuple[tuple[str, str, str], ...] = ()
    children: "tuple[Node, ...]" = ()

    @property
    def has_more(self) -> bool:
        """Whether it has dates or is turned round."""
        return self.is_not or bool(self.after or self.before or self.section_dates)

    def dates_of(self, section: str) -> tuple[str, str]:
        """(after, before) of a section."""
        return next(((after, before) for name, after, before in self.section_dates if name == section), ("", ""))


def iter_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node, in reading order."""
    for node in nodes:
        yield node
        yield from iter_nodes(node.children)


# -- from a form ------------------------------------------------------------------------------------------------------


def read_nodes(places: Iterable[str], values: Mapping[str, str], sections: Iterable[str]) -> tuple[Node, ...]:
    """Return the nodes as sent; what makes no sense is left out, so that nothing a browser sends can break it."""
    parents: dict[int, int] = {}
    for place in list(places)[:MAX_NODES]:
        own, _, parent = place.partition(":")
        if own.isascii() and own.isdigit() and len(own) < 6 and int(own) > 0:
            parents.setdefault(int(own), int(parent) if parent.isdigit() and int(parent) in parents else 0)
    known = list(sections)

    def below(parent: int) -> tuple[Node, ...]:
        return tuple(_read(one, values, known, below(one)) for one, above in parents.items() if above == parent)

    return below(0)


def _read(own: int, values: Mapping[str, str], sections: list[str], children: tuple[Node, ...]) -> Node:
    def text(name: str) -> str:
        return one_line(values.get(f"n{own}-{name}", ""))[:TEXT_LENGTH]

    kind = text("kind")
    dates = [(name, text(f"after-{index}"), text(f"before-{index}")) for index, name in enumerate(sections)]
    return Node(
        own,
        NodeKind(kind) if kind in set(NodeKind) else NodeKind.GROUP,
        subject=text("subject"),
        mode=text("mode"),
        count=text("count"),
        measure=text("measure"),
        value=text("value"),
        letters=text("letters"),
        is_not=bool(text("not")),
        after=text("after"),
        before=text("before"),
        section_dates=tuple(one for one in dates if one[1] or one[2]),
        children=children if kind == NodeKind.GROUP else (),
    )


# -- what the buttons do ----------------------------------------------------------------------------------------------


def next_id(nodes: Iterable[Node]) -> int:
    """An id that is free."""
    return max((one.id for one in iter_nodes(nodes)), default=0) + 1


def depth_of(nodes: Iterable[Node], own: int, depth: int = 0) -> int | None:
    """How many groups a node is in; ``None`` for one that is not there."""
    for node in nodes:
        if node.id == own:
            return depth
        found = depth_of(node.children, own, depth + 1)
        if found is not None:
            return found
    return None


def with_added(nodes: tuple[Node, ...], parent: int, kind: NodeKind) -> tuple[Node, ...]:
    """The nodes with an empty one at the end of a group, or of the rule (parent 0)."""
    added = Node(next_id(nodes), kind)
    if parent == 0:
        return (*nodes, added)

    def grown(node: Node) -> Node:
        children = tuple(grown(one) for one in node.children)
        return replace(node, children=(*children, added) if node.id == parent else children)

    return tuple(grown(one) for one in nodes)


def without(nodes: tuple[Node, ...], own: int) -> tuple[Node, ...]:
    """The nodes without one, and without what is in it."""
    return tuple(replace(one, children=without(one.children, own)) for one in nodes if one.id != own)


def moved(nodes: tuple[Node, ...], own: int, step: int) -> tuple[Node, ...]:
    """The nodes with one a place further up (-1) or down (1) among its neighbours."""
    order = list(nodes)
    at = next((index for index, one in enumerate(order) if one.id == own), None)
    if at is not None and 0 <= at + step < len(order):
        order[at], order[at + step] = order[at + step], order[at]
    return tuple(replace(one, children=moved(one.children, own, step)) for one in order)


# -- from a rule ------------------------------------------------------------------------------------------------------


def nodes_of(clauses: Iterable[Clause], columns: Mapping[str, int]) -> tuple[Node, ...]:
    """Return the nodes that make these clauses; ``columns`` are ids by slot."""
    return _Shown(columns).nodes(clauses)


class _Shown:
    """One walk over clauses, numbering them as it goes."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        self._columns, self._last = columns, 0

    def nodes(self, clauses: Iterable[Clause]) -> tuple[Node, ...]:
        return tuple(self.node(one) for one in clauses)

    def node(self, clause: Clause) -> Node:
        """One node takes a *not* around one *before* and one *after*; what is wound otherwise goes into a group."""
        self._last += 1
        own, is_not, inner = self._last, isinstance(clause, Not), clause
        if isinstance(inner, Not):
            inner = inner.clause
        before = after = None
        if isinstance(inner, Before):
            before, inner = inner, inner.clause
        if isinstance(inner, After):
            after, inner = inner, inner.clause
        if isinstance(inner, Not | Before | After):
            node = Node(own, NodeKind.GROUP, children=self.nodes([inner]))
        else:
            node = self._plain(own, inner)
        return replace(
            node,
            is_not=is_not,
            after=_typed(after.moment if after else None),
            before=_typed(before.moment if before else None),
            section_dates=_section_dates(after.sections if after else (), before.sections if before else ()),
        )

    def _plain(self, own: int, clause: Clause) -> Node:
        match clause:
            case All(clauses):
                return Node(own, NodeKind.GROUP, mode="all", children=self.nodes(clauses))
            case AnyOf(clauses):
                return Node(own, NodeKind.GROUP, mode="any", children=self.nodes(clauses))
            case AtLeast(count, clauses):
                return Node(own, NodeKind.GROUP, mode="at_least", count=str(count), children=self.nodes(clauses))
            case CompetencyClause(identifier):
                return Node(own, NodeKind.SKILL, identifier)
            case AchievementClause(identifier):
                return Node(own, NodeKind.BADGE, identifier)
            case SectionClause(identifier):
                return Node(own, NodeKind.SECTION, identifier)
            case AssessorClause(identifier):
                return Node(own, NodeKind.ASSESSOR, identifier)
            case ColumnClause():
                return self._work(own, clause)
            case _:
                raise TypeError(clause)

    def _work(self, own: int, clause: ColumnClause) -> Node:
        column_id = self._columns.get(clause.slot)
        return Node(
            own,
            NodeKind.WORK,
            NO_COLUMN + clause.slot if column_id is None else str(column_id),
            measure=clause.measure.value,
            value="" if clause.at_least is None else plain_decimal(clause.at_least),
            letters=", ".join(clause.letters),
        )


def _section_dates(after: SectionDates, before: SectionDates) -> tuple[tuple[str, str, str], ...]:
    first, last = dict(after), dict(before)
    return tuple((name, _typed(first.get(name)), _typed(last.get(name))) for name in sorted(first | last))


def _typed(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def read_moment(text: str) -> datetime | None:
    """Return a moment as typed, in UTC; ``None`` for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
