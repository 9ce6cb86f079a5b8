"""What an instructor sees of a copied course: which copy is to be decided or looked at, and what it brings."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lti_tool.models import Checkpoint, Context, ContextCopy, CopyState, EvidenceColumn, EvidenceMapping
from lti_tool.services import copied_work
from lti_tool.services.achievements import course_achievements
from lti_tool.services.copy_proposals import JOB
from lti_tool.services.course_copies import TOLD
from lti_tool.services.frameworks import course_items


@dataclass(frozen=True, slots=True)
class CopyCard:
    """A copy that waits for the instructor's word.

    ``is_told``: the platform said so. ``is_taken``: its badges were taken over already, without asking. ``badges``:
    how many drafts came, or would.
    """

    id: int
    origin_title: str | None
    is_told: bool
    is_taken: bool
    badges: int


@dataclass(frozen=True, slots=True)
class CopyPreview:
    """What taking over brings: badges and skills by name, numbers of the rest, and work by title.

    ``bound``: (work there, work here) that is the same by the platform's word. ``unbound``: work that a person has to
    find here, each with the work of the same title, if there is one.
    """

    badges: tuple[str, ...]
    skills: tuple[str, ...]
    mappings: int
    checkpoints: int
    bound: tuple[tuple[str, str], ...]
    unbound: tuple[tuple[str, str | None], ...]


def find_card(session: Session, context_id: int) -> CopyCard | None:
    """Return the copy to show on the course's first page: one that is to be decided, or was taken over by the job."""
    waiting = or_(
        ContextCopy.state == CopyState.PROPOSED,
        (ContextCopy.state == CopyState.ACCEPTED) & (ContextCopy.decided_by == JOB),
    )
    found = select(ContextCopy).where(ContextCopy.context_id == context_id, waiting).order_by(ContextCopy.id)
    copies = session.scalars(found).all()
    if not copies:
        return None
    # what is in the course already goes before what might come
    copy = next((one for one in copies if one.state is CopyState.ACCEPTED), copies[0])
    is_taken = copy.state is CopyState.ACCEPTED
    there = course_achievements(session, copy.origin_context_id)
    return CopyCard(
        id=copy.id,
        origin_title=_title(session, copy.origin_context_id),
        is_told=copy.ground in TOLD,
        is_taken=is_taken,
        badges=len(copy.brought.get("achievement", [])) if is_taken else len(there),
    )


def preview(session: Session, copy: ContextCopy) -> CopyPreview:
    """Return what taking over a copy brings, or brought."""
    origin_id, context_id = copy.origin_context_id, copy.context_id
    titles = {
        column_id: title
        for column_id, title in session.execute(
            select(EvidenceColumn.id, EvidenceColumn.title).where(
                EvidenceColumn.context_id.in_([origin_id, context_id])
            )
        )
    }
    there = copied_work.bindings(session, origin_id)
    used = [there[slot] for slot in sorted(copied_work.used_slots(session, origin_id)) if slot in there]
    sure = copied_work.matched_columns(session, origin_id, context_id)
    alike = copied_work.matched_columns(session, origin_id, context_id, by_title=True)
    return CopyPreview(
        badges=tuple(
            one.current_version.name for one in course_achievements(session, origin_id) if one.current_version
        ),
        skills=tuple(one.full_statement for one in course_items(session, origin_id)),
        mappings=_count(session, EvidenceMapping, origin_id),
        checkpoints=_count(session, Checkpoint, origin_id),
        bound=tuple((titles[one], titles[sure[one]]) for one in used if one in sure),
        unbound=tuple((titles[one], titles.get(alike.get(one, 0))) for one in used if one not in sure),
    )


def origin_title(session: Session, copy: ContextCopy) -> str | None:
    """Return the title of the course it was copied from."""
    return _title(session, copy.origin_context_id)


def _title(session: Session, context_id: int) -> str | None:
    context = session.get_one(Context, context_id)
    return context.title or context.label


def _count(session: Session, table: type[EvidenceMapping] | type[Checkpoint], context_id: int) -> int:
    found = select(func.count()).select_from(table).where(table.context_id == context_id)
    if table is Checkpoint:
        found = found.where(Checkpoint.retired_at.is_(None))
    return session.scalar(found) or 0
