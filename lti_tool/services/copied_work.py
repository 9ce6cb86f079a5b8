"""Work of a copied course: which column here is which column there, and the slots that still lack one.

A slot keeps its name in the copy. It is bound by itself where the platform says that two columns are the same work
(``domain.course_likeness``), when the course is taken over or, for columns that are read later, after that reading.
Everything else is a person's to say (``services.slots``).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.clauses import ColumnClause
from lti_tool.domain.course_likeness import Work, same_titles, same_work
from lti_tool.domain.rules import iter_clauses, parse_rule
from lti_tool.models import (
    Achievement,
    AchievementState,
    AwardRule,
    Context,
    ContextCopy,
    CopyState,
    EvidenceColumn,
    EvidenceMapping,
    SlotBinding,
)
from lti_tool.services import audit
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.mapping import course_columns

SLOTS = "slots"
"""Key in ``ContextCopy.brought``: the origin's slots and their names here."""


def works(columns: Iterable[EvidenceColumn]) -> list[Work]:
    """Return columns as work that can be compared."""
    return [Work(one.id, one.source, one.title, one.resource_id, one.tag) for one in columns]


def bindings(session: Session, context_id: int) -> dict[str, int]:
    """Return the column that fills each slot of a course."""
    rows = session.execute(
        select(SlotBinding.slot, SlotBinding.column_id)
        .where(SlotBinding.context_id == context_id)
        .order_by(SlotBinding.id)
    )
    return {slot: column_id for slot, column_id in rows}


def used_slots(session: Session, context_id: int) -> set[str]:
    """Return the slots that a course's mappings and rules name."""
    slots = set(session.scalars(select(EvidenceMapping.slot).where(EvidenceMapping.context_id == context_id)))
    rules = session.scalars(
        select(AwardRule.document)
        .join(Achievement, Achievement.current_rule_id == AwardRule.id)
        .where(Achievement.context_id == context_id, Achievement.state != AchievementState.RETIRED)
    )
    clauses = (one for document in rules for one in iter_clauses(parse_rule(document)))
    return slots | {one.slot for one in clauses if isinstance(one, ColumnClause)}


def matched_columns(session: Session, origin_id: int, context_id: int, *, by_title: bool = False) -> dict[int, int]:
    """Return the columns of ``origin_id`` whose work is in the other course, too: ids there to ids here.

    ``by_title``: only those that just have the same title, which is a guess.
    """
    theirs, ours = works(all_columns(session, origin_id)), works(course_columns(session, context_id))
    sure = same_work(theirs, ours)
    if not by_title:
        return sure
    taken = set(sure.values())
    return same_titles([one for one in theirs if one.key not in sure], [one for one in ours if one.key not in taken])


def bind_arrived(session: Session, context_id: int, now: datetime) -> int:
    """Bind slots that came with a copy to columns that were read meanwhile; returns how many."""
    copies = select(ContextCopy).where(ContextCopy.context_id == context_id, ContextCopy.state == CopyState.ACCEPTED)
    bound: dict[str, int] = {}
    for copy in session.scalars(copies.order_by(ContextCopy.id)).all():
        bound |= bind_slots(session, copy.origin_context_id, context_id, copy.brought.get(SLOTS, {}))
    if bound:
        want_evaluation(session, context_id)
        audit.record(
            session,
            "slot.bound",
            actor="job",
            subject=f"context:{context_id}",
            organization_id=session.get_one(Context, context_id).organization_id,
            payload={"slots": bound},
            now=now,
        )
    return len(bound)


def bind_slots(session: Session, origin_id: int, context_id: int, names: Mapping[str, str]) -> dict[str, int]:
    """Let slots be filled by the columns that fill them in the origin; returns what was bound, by slot.

    ``names``: the origin's slots and what they are called here. A slot that is filled stays as it is, and so does a
    column that counts for something already.
    """
    there, here = bindings(session, origin_id), bindings(session, context_id)
    open_ones = {slot: name for slot, name in names.items() if slot in there and name not in here}
    if not open_ones:
        return {}
    columns, used = matched_columns(session, origin_id, context_id), used_slots(session, context_id)
    bound: dict[str, int] = {}
    for slot, name in open_ones.items():
        column_id = columns.get(there[slot])
        if column_id is None or not _free(session, context_id, column_id, used):
            continue
        session.add(SlotBinding(context_id=context_id, slot=name, column_id=column_id))
        session.flush()
        bound[name] = column_id
    return bound


def copied_slots(session: Session, context_id: int) -> dict[str, str]:
    """Return the slots that came with copies and are still used here, with the titles of their work in the origin."""
    copies = select(ContextCopy).where(ContextCopy.context_id == context_id, ContextCopy.state == CopyState.ACCEPTED)
    accepted = session.scalars(copies.order_by(ContextCopy.id)).all()
    used = used_slots(session, context_id) if accepted else set()
    found: dict[str, str] = {}
    for copy in accepted:
        titles = {one.id: one.title for one in all_columns(session, copy.origin_context_id)}
        there = bindings(session, copy.origin_context_id)
        for slot, name in copy.brought.get(SLOTS, {}).items():
            if name in used:
                found.setdefault(name, titles.get(there.get(slot, 0), slot))
    return found


def _free(session: Session, context_id: int, column_id: int, used: set[str]) -> bool:
    """Whether nothing counts by the column yet; a slot of its own that nothing names makes room."""
    own = select(SlotBinding).where(SlotBinding.context_id == context_id, SlotBinding.column_id == column_id)
    rows = session.scalars(own).all()
    if any(one.slot in used for one in rows):
        return False
    for one in rows:
        session.delete(one)
    session.flush()
    return True


def all_columns(session: Session, context_id: int) -> list[EvidenceColumn]:
    """Columns of a course, those its platform does not list any more too: a finished course's may be gone."""
    found = select(EvidenceColumn).where(EvidenceColumn.context_id == context_id).order_by(EvidenceColumn.id)
    return list(session.scalars(found))
