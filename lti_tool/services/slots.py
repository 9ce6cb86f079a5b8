"""Slots: the work that rules and mappings of a template or a copied course name, and the column that fills each."""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.clauses import ColumnClause
from lti_tool.domain.rules import iter_clauses, parse_rule
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import (
    Achievement,
    AwardRule,
    Context,
    EvidenceColumn,
    EvidenceMapping,
    MappingTemplateVersion,
    SlotBinding,
    TemplateAdoption,
)
from lti_tool.services import audit
from lti_tool.services.copied_work import copied_slots
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.mapping import course_columns
from lti_tool.services.templates import read_version


class OpenSlot(NamedTuple):
    """A slot of a template that no column fills; ``suggestion`` is the column that has its name, if just one has."""

    slot: str
    title: str
    suggestion: EvidenceColumn | None


def open_slots(session: Session, context_id: int) -> list[OpenSlot]:
    """Return the slots of templates and copies that no column fills yet, with the column that is probably meant."""
    wanted = named_slots(session, context_id)
    bound = {
        slot: column_id
        for slot, column_id in session.execute(
            select(SlotBinding.slot, SlotBinding.column_id).where(SlotBinding.context_id == context_id)
        )
    }
    free = [one for one in course_columns(session, context_id) if one.id not in bound.values()]
    return [
        OpenSlot(slot, title, _suggestion(slot, title, free)) for slot, title in wanted.items() if slot not in bound
    ]


class TemplateWork(NamedTuple):
    """A slot of a course's templates: the column that fills it, or the one that is probably meant."""

    slot: str
    title: str
    column_id: int | None
    suggestion: EvidenceColumn | None


def template_work(session: Session, context_id: int) -> list[TemplateWork]:
    """Return every slot of a course's templates, filled or not."""
    bound = select(SlotBinding.slot, SlotBinding.column_id).where(SlotBinding.context_id == context_id)
    columns = {slot: column_id for slot, column_id in session.execute(bound)}
    suggested = {one.slot: one.suggestion for one in open_slots(session, context_id)}
    return [
        TemplateWork(slot, title, columns.get(slot), suggested.get(slot))
        for slot, title in _template_slots(session, context_id).items()
    ]


def _suggestion(slot: str, title: str, columns: list[EvidenceColumn]) -> EvidenceColumn | None:
    names = {_plain(slot), _plain(title)}
    same = [one for one in columns if {_plain(one.title), _plain(one.resource_id or "")} & names]
    return same[0] if len(same) == 1 else None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or text.casefold()


def bind(session: Session, context_id: int, slot: str, column_id: int | None, actor: str, now: datetime) -> None:
    """Say which column fills a slot of a template (``None``: none does); on record, since it decides what counts.

    Raises ``NotFoundError`` for a slot or column that is not this course's, ``ConflictError`` (``column_bound``) for a
    column that fills another slot of a template.
    """
    wanted = named_slots(session, context_id)
    if slot not in wanted:
        raise NotFoundError("There is no such piece of work in this course.")
    binding = session.scalar(select(SlotBinding).where(SlotBinding.context_id == context_id, SlotBinding.slot == slot))
    former = binding.column_id if binding else None
    if former == column_id:
        return
    if column_id is None and binding is not None:
        session.delete(binding)
    elif column_id is not None:
        _free_column(session, context_id, column_id, wanted)
        if binding is None:
            binding = SlotBinding(context_id=context_id, slot=slot, column_id=column_id)
            session.add(binding)
        binding.column_id, binding.bound_by = column_id, actor
    session.flush()
    want_evaluation(session, context_id)
    audit.record(
        session,
        "slot.bound",
        actor=actor,
        subject=f"context:{context_id}",
        organization_id=session.get_one(Context, context_id).organization_id,
        payload={"slot": slot, "column": column_id, "former_column": former},
        now=now,
    )


def named_slots(session: Session, context_id: int) -> dict[str, str]:
    """Titles of the slots that a course has from templates or from the course it was copied from, by slot."""
    return copied_slots(session, context_id) | _template_slots(session, context_id)


def _template_slots(session: Session, context_id: int) -> dict[str, str]:
    versions = session.scalars(
        select(MappingTemplateVersion)
        .join(TemplateAdoption, TemplateAdoption.template_version_id == MappingTemplateVersion.id)
        .where(TemplateAdoption.context_id == context_id)
        .order_by(TemplateAdoption.id)
    )
    return {one.slot: one.title for version in versions for one in read_version(version).slots}


def _is_used(session: Session, context_id: int, slot: str) -> bool:
    """Whether a mapping or a rule of the course names the slot."""
    here = EvidenceMapping.context_id == context_id, EvidenceMapping.slot == slot
    if session.scalar(select(EvidenceMapping.id).where(*here).limit(1)) is not None:
        return True
    rules = session.scalars(
        select(AwardRule.document)
        .join(Achievement, Achievement.current_rule_id == AwardRule.id)
        .where(Achievement.context_id == context_id)
    )
    clauses = (one for document in rules for one in iter_clauses(parse_rule(document)))
    return any(isinstance(one, ColumnClause) and one.slot == slot for one in clauses)


def _free_column(session: Session, context_id: int, column_id: int, wanted: Collection[str]) -> None:
    """Refuse a column of another course or one that fills a template's slot; its own slot from before gives way."""
    column = session.get(EvidenceColumn, column_id)
    if column is None or column.context_id != context_id:
        raise NotFoundError("There is no such column in this course.")
    here = SlotBinding.context_id == context_id, SlotBinding.column_id == column_id
    for other in session.scalars(select(SlotBinding).where(*here)):
        if other.slot in wanted:
            raise ConflictError(f"This work fills {other.slot} already.", code="column_bound")
        if _is_used(session, context_id, other.slot):
            raise ConflictError("This work counts for something of the course's own.", code="column_bound")
        session.delete(other)
    session.flush()
