"""What counts as evidence in a course: columns bound to slots, slots mapped to competencies."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.competency_plan import Calculation
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import CompetencyPolicy, EvidenceColumn, EvidenceMapping, Framework, Item, SlotBinding
from lti_tool.services import column_links, inheritance
from lti_tool.services.course_sync import want_evaluation

DEFAULT_THRESHOLD = Decimal(70)
DEFAULT_CALCULATION = Calculation.ALL
DEFAULT_FACTOR = Decimal(65)
_THRESHOLD = re.compile(r"[0-9]{1,3}(\.[0-9]{0,10})?|\.[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column with the thresholds (percent) it has to reach, by item id."""

    column: EvidenceColumn
    slot: str | None
    thresholds: dict[int, Decimal]


def course_columns(session: Session, context_id: int) -> list[EvidenceColumn]:
    """Return the columns of a course that its sources still list, in their order; work that several see once."""
    columns = session.scalars(
        select(EvidenceColumn)
        .where(EvidenceColumn.context_id == context_id, ~EvidenceColumn.is_gone)
        .order_by(EvidenceColumn.position, EvidenceColumn.id)
    ).all()
    groups = column_links.confirmed_groups(session, context_id) if len({one.source for one in columns}) > 1 else {}
    if not groups:
        return list(columns)
    bound = set(session.scalars(select(SlotBinding.column_id).where(SlotBinding.context_id == context_id)))
    return column_links.same_work_shown_once(columns, groups, bound)


def mapped_columns(session: Session, context_id: int) -> list[MappedColumn]:
    """Return each column of the course with what it counts for."""
    slots = {
        binding.column_id: binding.slot
        for binding in session.scalars(select(SlotBinding).where(SlotBinding.context_id == context_id))
    }
    thresholds: dict[str, dict[int, Decimal]] = {}
    for mapping in session.scalars(select(EvidenceMapping).where(EvidenceMapping.context_id == context_id)):
        thresholds.setdefault(mapping.slot, {})[mapping.item_id] = mapping.threshold
    return [
        MappedColumn(column, slot := slots.get(column.id), dict(thresholds.get(slot or "", {})))
        for column in course_columns(session, context_id)
    ]


def read_threshold(text: str) -> Decimal | None:
    """Return a threshold in percent as typed (``70``, ``69,5``, ``70 %``), or ``None`` for nothing.

    Raises ``InvalidInputError`` (``threshold_invalid``) for anything that is not between 0 and 100,
    with at most ten decimals.
    """
    cleaned = text.replace("%", "").replace("\u202f", "").replace("\u00a0", "").strip().replace(",", ".")
    if not cleaned:
        return None
    # Exponents are left out: a few characters of them are a number of a million digits.
    value = Decimal(cleaned) if _THRESHOLD.fullmatch(cleaned) else None
    if value is None or value > 100:
        raise InvalidInputError("A threshold is a number from 0 to 100.", code="threshold_invalid", field="threshold")
    return value


def map_column(
    session: Session,
    context_id: int,
    column_id: int,
    item_id: int,
    threshold: Decimal | None,
    weight: Decimal | None = None,
) -> None:
    """Let a column count for a competency from ``threshold`` percent on; ``None`` ends that.

    ``weight`` in averages; ``None`` leaves it as it is, 1 at first. Raises ``NotFoundError`` when the column or the
    competency is not this course's, ``ConflictError`` (``mapping_locked``) when a locked template says what counts.
    """
    column = _course_column(session, context_id, column_id)
    item = _course_item(session, context_id, item_id)
    slot = bind_slot(session, context_id, column)
    found = select(EvidenceMapping).where(
        EvidenceMapping.context_id == context_id, EvidenceMapping.slot == slot, EvidenceMapping.item_id == item_id
    )
    mapping = session.scalar(found)
    if threshold is None:
        if mapping is None:
            return
        inheritance.allow_change(session, context_id, mapping)
        session.delete(mapping)
    elif mapping is None:
        inheritance.allow_counting(session, context_id, item)
        mapping = EvidenceMapping(context_id=context_id, slot=slot, item_id=item_id, threshold=threshold)
        mapping.weight = Decimal(1) if weight is None else weight
        session.add(mapping)
        _ensure_policy(session, context_id, item_id)
    elif mapping.threshold == threshold and weight in (None, mapping.weight):
        return
    else:
        inheritance.allow_change(session, context_id, mapping)
        mapping.threshold = threshold
        mapping.weight = mapping.weight if weight is None else weight
    session.flush()
    want_evaluation(session, context_id)


def bind_slot(session: Session, context_id: int, column: EvidenceColumn) -> str:
    """Return the slot a column fills, made from its resource id or title when it fills none yet."""
    bound = session.scalar(
        select(SlotBinding.slot).where(SlotBinding.context_id == context_id, SlotBinding.column_id == column.id)
    )
    if bound is not None:
        return bound
    taken = set(session.scalars(select(SlotBinding.slot).where(SlotBinding.context_id == context_id)))
    wanted = _slug(column.resource_id or column.title)
    slot = next(
        name
        for number in range(1, len(taken) + 2)
        if (name := wanted if number == 1 else f"{wanted}-{number}") not in taken
    )
    session.add(SlotBinding(context_id=context_id, slot=slot, column_id=column.id))
    session.flush()
    return slot


def set_calculation(
    session: Session,
    context_id: int,
    item_id: int,
    calculation: Calculation,
    threshold: Decimal,
    factor: Decimal = DEFAULT_FACTOR,
) -> None:
    """Say how a course combines the work mapped to a competency.

    ``threshold`` in percent, for what is not judged piece by piece; ``factor`` in percent, for decaying averages.

    Raises ``NotFoundError``, or ``ConflictError`` (``mapping_locked``) when a locked template says so.
    """
    inheritance.allow_counting(session, context_id, _course_item(session, context_id, item_id))
    policy = _ensure_policy(session, context_id, item_id)
    inheritance.allow_change(session, context_id, policy)
    policy.calculation, policy.threshold, policy.factor = calculation.value, threshold, factor
    want_evaluation(session, context_id)


def _ensure_policy(session: Session, context_id: int, item_id: int) -> CompetencyPolicy:
    policy = session.scalar(
        select(CompetencyPolicy).where(CompetencyPolicy.context_id == context_id, CompetencyPolicy.item_id == item_id)
    )
    if policy is None:
        policy = CompetencyPolicy(
            context_id=context_id,
            item_id=item_id,
            calculation=DEFAULT_CALCULATION.value,
            threshold=DEFAULT_THRESHOLD,
            factor=DEFAULT_FACTOR,
        )
        session.add(policy)
        session.flush()
    return policy


def _course_column(session: Session, context_id: int, column_id: int) -> EvidenceColumn:
    column = session.get(EvidenceColumn, column_id)
    if column is None or column.context_id != context_id:
        raise NotFoundError("There is no such column in this course.")
    return column


def _course_item(session: Session, context_id: int, item_id: int) -> Item:
    item = session.scalar(select(Item).join(Framework).where(Item.id == item_id, Framework.context_id == context_id))
    if item is None:
        raise NotFoundError("There is no such competency in this course.")
    return item


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:200] or "work"
