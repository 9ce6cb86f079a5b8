"""A course's whole mapping as one value: read, changed on paper, tried out on today's facts, and then written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.models import CompetencyPolicy, Context, EvidenceColumn, EvidenceMapping, Item, SlotBinding
from lti_tool.services import audit, inheritance
from lti_tool.services.course_rules import load_course
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import (
    DEFAULT_CALCULATION,
    DEFAULT_FACTOR,
    DEFAULT_THRESHOLD,
    course_columns,
    map_column,
    set_calculation,
)
from lti_tool.services.rule_choices import provisional_slot
from lti_tool.services.simulating import Simulation, simulate_mapping


@dataclass(frozen=True, slots=True)
class Counting:
    """Work counts for a competency: from so many percent on, with this weight in averages."""

    threshold: Decimal = DEFAULT_THRESHOLD
    weight: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Combining:
    """How the work for one competency is taken together; ``threshold`` and ``factor`` in percent."""

    calculation: Calculation = DEFAULT_CALCULATION
    threshold: Decimal = DEFAULT_THRESHOLD
    factor: Decimal = DEFAULT_FACTOR


@dataclass(frozen=True, slots=True)
class CourseMapping:
    """What counts in a course: ``counting`` by (column id, item id), ``combining`` by item id (every one has one)."""

    counting: Mapping[tuple[int, int], Counting] = field(default_factory=dict)
    combining: Mapping[int, Combining] = field(default_factory=dict)


def stored_mapping(session: Session, context_id: int) -> CourseMapping:
    """Return what counts in a course now, for the columns its sources still list."""
    columns = {one.id for one in course_columns(session, context_id)}
    column_of = {slot: column_id for column_id, slot in _slots(session, context_id).items()}
    items = course_items(session, context_id)
    known = {one.id for one in items}
    rows = session.scalars(select(EvidenceMapping).where(EvidenceMapping.context_id == context_id))
    counting = {
        (column_of[row.slot], row.item_id): Counting(row.threshold, row.weight)
        for row in rows
        if column_of.get(row.slot) in columns and row.item_id in known
    }
    policies = session.scalars(select(CompetencyPolicy).where(CompetencyPolicy.context_id == context_id))
    stored = {
        row.item_id: Combining(Calculation(row.calculation), row.threshold, row.factor)
        for row in policies
        if row.item_id in known
    }
    return CourseMapping(counting, {one.id: stored.get(one.id, Combining()) for one in items})


def locked_items(session: Session, context_id: int) -> set[int]:
    """Return the competencies (item ids) for which a locked template of the organization says what counts."""
    frameworks = inheritance.inherited(session, context_id).locked_frameworks
    return {one.id for one in course_items(session, context_id) if one.framework_id in frameworks}


def try_mapping(session: Session, context_id: int, wanted: CourseMapping, now: datetime) -> list[Simulation]:
    """Say what a mapping would do to every live badge, one dry run a badge; nothing is written."""
    slots, course = _slots(session, context_id), load_course(session, context_id)
    columns = {one.id: one for one in course_columns(session, context_id)}
    added: dict[str, EvidenceColumn] = {}
    for column_id, _item_id in wanted.counting:
        if column_id not in slots:
            slots[column_id] = provisional_slot(column_id)
            added[slots[column_id]] = columns[column_id]
    listed = {slot for column_id, slot in slots.items() if column_id in columns}
    plans = {}
    for item in course_items(session, context_id):
        unseen = [one for one in course.plans[item.identifier].parts if one.slot not in listed]
        plans[item.identifier] = _plan(item, wanted, slots, unseen)
    return simulate_mapping(session, context_id, plans, now, columns=added)


def _plan(item: Item, wanted: CourseMapping, slots: Mapping[int, str], unseen: list[Part]) -> CompetencyPlan:
    """``unseen`` are parts that no listed column fills: they stay as they are."""
    parts = [
        Part(slots[column_id], one.threshold, one.weight)
        for (column_id, item_id), one in wanted.counting.items()
        if item_id == item.id
    ]
    combining = wanted.combining.get(item.id, Combining())
    return CompetencyPlan(
        identifier=item.identifier,
        title=item.full_statement,
        calculation=combining.calculation,
        threshold=combining.threshold,
        parts=(*parts, *unseen),
        factor=combining.factor,
    )


def write_mapping(session: Session, context_id: int, wanted: CourseMapping, actor: str, now: datetime) -> int:
    """Store a mapping whole, on record; returns how many of its entries changed.

    Raises ``ConflictError`` (``mapping_locked``) for what a locked template says, ``NotFoundError`` for columns and
    competencies that are not this course's.
    """
    before, changes = stored_mapping(session, context_id), 0
    for place in sorted(before.counting.keys() | wanted.counting.keys()):
        one = wanted.counting.get(place)
        if one != before.counting.get(place):
            changes += 1
            threshold, weight = (None, None) if one is None else (one.threshold, one.weight)
            map_column(session, context_id, *place, threshold, weight)
    for item_id, combining in sorted(wanted.combining.items()):
        if combining != before.combining.get(item_id):
            changes += 1
            how = combining.calculation, combining.threshold, combining.factor
            set_calculation(session, context_id, item_id, *how)
    if changes:
        audit.record(
            session,
            "mapping.changed",
            actor=actor,
            subject=f"context:{context_id}",
            organization_id=session.get_one(Context, context_id).organization_id,
            payload={"before": _document(before), "after": _document(wanted)},
            now=now,
        )
    return changes


def _document(mapping: CourseMapping) -> dict[str, object]:
    return {
        "counting": [
            [column_id, item_id, str(one.threshold), str(one.weight)]
            for (column_id, item_id), one in sorted(mapping.counting.items())
        ],
        "combining": [
            [item_id, one.calculation.value, str(one.threshold), str(one.factor)]
            for item_id, one in sorted(mapping.combining.items())
        ],
    }


def _slots(session: Session, context_id: int) -> dict[int, str]:
    rows = select(SlotBinding).where(SlotBinding.context_id == context_id).order_by(SlotBinding.id)
    return {one.column_id: one.slot for one in session.scalars(rows)}
