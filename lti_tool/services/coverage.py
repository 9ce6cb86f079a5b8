"""How well a course's work covers its competencies and badges, and where there are holes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.clauses import ColumnClause
from lti_tool.domain.rules import competencies_of, iter_clauses, parse_rule
from lti_tool.models import (
    Achievement,
    AchievementVersion,
    Alignment,
    Checkpoint,
    EvidenceColumn,
    EvidenceMapping,
    Item,
    SlotBinding,
)
from lti_tool.services.achievements import course_achievements
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import MappedColumn, mapped_columns
from lti_tool.services.mapping_changes import Combining, locked_items, stored_mapping
from lti_tool.services.slots import OpenSlot, open_slots


class HoleKind(StrEnum):
    """What is missing."""

    SKILL_WITHOUT_WORK = "skill_without_work"
    WORK_WITHOUT_USE = "work_without_use"
    BADGE_WITHOUT_EVIDENCE = "badge_without_evidence"
    OPEN_SLOT = "open_slot"


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that is missing; ``title`` is what it is missing from, ``names`` are the skills of a badge."""

    kind: HoleKind
    title: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """One competency: the work that counts for it, how that is combined, and the badges whose rules name it."""

    item: Item
    work: tuple[EvidenceColumn, ...]
    combining: Combining
    badges: tuple[Achievement, ...]
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """A course's columns against its competencies against its badges."""

    columns: list[MappedColumn]
    skills: list[Covered]
    holes: list[Hole]


def coverage(session: Session, context_id: int) -> Coverage:
    """Return what counts for what in a course, and what is missing."""
    columns, items = mapped_columns(session, context_id), course_items(session, context_id)
    stored, locked = stored_mapping(session, context_id), locked_items(session, context_id)
    badges = [one for one in course_achievements(session, context_id) if one.current_version is not None]
    named = {one.id: _named(one) for one in badges}
    skills = [
        Covered(
            item,
            tuple(one.column for one in columns if item.id in one.thresholds),
            stored.combining[item.id],
            tuple(one for one in badges if item.identifier in named[one.id][0]),
            item.id in locked,
        )
        for item in items
    ]
    looked_at = set().union(*(slots for _, slots in named.values()))
    holes = [*_holes(columns, skills, looked_at, badges), *map(_open, open_slots(session, context_id))]
    return Coverage(columns, skills, holes)


def _named(achievement: Achievement) -> tuple[set[str], set[str]]:
    """The competencies and slots a badge's rule names."""
    if achievement.current_rule is None:
        return set(), set()
    rule = parse_rule(achievement.current_rule.document)
    return competencies_of(rule), {one.slot for one in iter_clauses(rule) if isinstance(one, ColumnClause)}


def _holes(
    columns: list[MappedColumn], skills: list[Covered], looked_at: set[str], badges: list[Achievement]
) -> Iterable[Hole]:
    for skill in skills:
        if not skill.work:
            yield Hole(HoleKind.SKILL_WITHOUT_WORK, skill.item.full_statement)
    for badge in badges:
        lacking = [one.item.full_statement for one in skills if not one.work and badge in one.badges]
        if lacking and badge.current_version is not None:
            yield Hole(HoleKind.BADGE_WITHOUT_EVIDENCE, badge.current_version.name, tuple(lacking))
    for column in columns:
        if not column.thresholds and column.slot not in looked_at:
            yield Hole(HoleKind.WORK_WITHOUT_USE, column.column.title)


def _open(slot: OpenSlot) -> Hole:
    return Hole(HoleKind.OPEN_SLOT, slot.title)


# -- one competency ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uses:
    """What uses a competency, by title: work that counts for it, badges that name it now or did, checkpoints."""

    work: tuple[str, ...]
    badges: tuple[str, ...]
    checkpoints: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.work or self.badges or self.checkpoints)


def uses_of(session: Session, item: Item) -> Uses:
    """Return what uses a competency, so that it cannot be removed."""
    rows = session.scalars(select(EvidenceMapping).where(EvidenceMapping.item_id == item.id)).all()
    bound = (
        select(SlotBinding.slot, EvidenceColumn.title)
        .join(EvidenceColumn, EvidenceColumn.id == SlotBinding.column_id)
        .where(SlotBinding.context_id.in_({row.context_id for row in rows}))
    )
    titles = {slot: title for slot, title in session.execute(bound)}
    named = session.scalars(
        select(AchievementVersion)
        .join(Alignment, Alignment.achievement_version_id == AchievementVersion.id)
        .where(Alignment.item_id == item.id)
        .order_by(AchievementVersion.id)
    )
    checkpoints = session.scalars(select(Checkpoint.title).where(Checkpoint.item_id == item.id))
    return Uses(
        tuple(titles.get(row.slot, row.slot) for row in rows),
        tuple({one.achievement_id: one.name for one in named}.values()),
        tuple(checkpoints),
    )
