"""Badge checkpoints: made when a deep linking answer is signed, recognised when a link to one is launched.

A checkpoint's ``public_id`` travels three ways, in the link's address, in its custom parameters and as the line item's
``resourceId``, and a copied course brings all three along. A launch in another course of the same organization makes a
checkpoint of that course; nothing is ever written into the course it was copied from.
"""

import re
from dataclasses import fields
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_tool.errors import NotFoundError
from lti_tool.lti.deep_linking import ContentLink, LineItemWish
from lti_tool.models import Checkpoint, Context, EvidenceColumn, Item, ResourceLink, SlotBinding
from lti_tool.services import audit
from lti_tool.services.checkpoint_drafts import Draft, check
from lti_tool.services.frameworks import course_items
from lti_tool.services.inheritance import is_kept
from lti_tool.services.mapping import bind_slot, map_column
from lti_tool.services.upsert import BESIDE_REFERENCES

TAG = "lti-badges-checkpoint"
CUSTOM = "checkpoint"
"""The custom parameter that names a checkpoint."""
PATH = "/checkpoints/"
SOURCE = "ags"
ASSESSOR = "assessor"
"""The sources that see a checkpoint: its line item, and the outcomes its assessors settle here."""
_PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
ICON = "/static/logo.png"


def create(session: Session, context: Context, draft: Draft, actor: str, now: datetime) -> Checkpoint:
    """Store a checkpoint; raises what ``check`` raises."""
    known = check(session, context.id, draft)
    checkpoint = Checkpoint(
        context_id=context.id,
        created_by=actor,
        created_at=now,
        **{field.name: getattr(known, field.name) for field in fields(known)},
    )
    session.add(checkpoint)
    session.flush()
    audit.record(
        session,
        "checkpoint.created",
        actor=actor,
        subject=f"checkpoint:{checkpoint.id}",
        organization_id=context.organization_id,
        now=now,
    )
    return checkpoint


def get_checkpoint(session: Session, context_id: int, checkpoint_id: int) -> Checkpoint:
    """Return a checkpoint of this course; raises ``NotFoundError``."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None or checkpoint.context_id != context_id:
        raise NotFoundError("There is no such checkpoint in this course.")
    return checkpoint


def course_checkpoints(session: Session, context_id: int) -> list[tuple[Checkpoint, bool]]:
    """Return the checkpoints of a course in the order they were made, each with whether a link to it was launched."""
    placed = (
        select(ResourceLink.id)
        .where(ResourceLink.checkpoint_id == Checkpoint.id)
        .correlate(Checkpoint)
        .exists()
        .label("placed")
    )
    rows = session.execute(
        select(Checkpoint, placed)
        .where(Checkpoint.context_id == context_id, Checkpoint.retired_at.is_(None))
        .order_by(Checkpoint.id)
    )
    return [(checkpoint, bool(is_placed)) for checkpoint, is_placed in rows]


def content_link(checkpoint: Checkpoint, public_url: str, *, with_line_item: bool) -> ContentLink:
    """Return the link that deep linking puts into the course."""
    line_item = None
    if with_line_item and checkpoint.maximum is not None:
        line_item = LineItemWish(
            maximum=checkpoint.maximum, label=checkpoint.title, resource_id=checkpoint.public_id, tag=TAG
        )
    return ContentLink(
        url=f"{public_url}{PATH}{checkpoint.public_id}",
        title=checkpoint.title,
        text=checkpoint.instructions[:1000],
        icon_url=f"{public_url}{ICON}",
        custom={CUSTOM: checkpoint.public_id},
        line_item=line_item,
        opens_at=checkpoint.opens_at,
        due_at=checkpoint.due_at,
        closes_at=checkpoint.closes_at,
    )


def named_in(custom: str | None, target_link_uri: str | None) -> str | None:
    """Return the ``public_id`` that a launch names, in its custom parameters or else in its address.

    ``None`` when it names none, an empty text when it names what cannot be one.
    """
    if custom:
        return custom if _PUBLIC_ID.match(custom) else ""
    _, found, public_id = urlsplit(target_link_uri or "").path.rpartition(PATH)
    return public_id if found and _PUBLIC_ID.match(public_id) else None


def find_for_launch(session: Session, context: Context, public_id: str, now: datetime) -> Checkpoint | None:
    """Return this course's checkpoint of that id, copied if it came with a copied course.

    ``None``: there is none, or it belongs to another organization.
    """
    found = session.scalar(select(Checkpoint).where(Checkpoint.public_id == public_id))
    if found is None or found.context_id == context.id:
        return found
    if session.get_one(Context, found.context_id).organization_id != context.organization_id:
        return None
    copied = select(Checkpoint).where(Checkpoint.context_id == context.id, Checkpoint.origin_id == found.id)
    first = copied.order_by(Checkpoint.id).limit(1)
    there = session.scalar(first)
    if there is not None:
        return there
    # Two first launches at once must not make two copies.
    session.get_one(Context, context.id, with_for_update=BESIDE_REFERENCES)
    return session.scalar(first) or copy(session, context, found, "launch", now)


def copy(session: Session, context: Context, origin: Checkpoint, actor: str, now: datetime) -> Checkpoint:
    """Make the same checkpoint in another course. Dates and the badge belong to the old one and stay there."""
    item = session.get(Item, origin.item_id) if origin.item_id is not None else None
    same = [one for one in course_items(session, context.id) if item and one.full_statement == item.full_statement]
    made = Checkpoint(
        context_id=context.id,
        kind=origin.kind,
        title=origin.title,
        instructions=origin.instructions,
        maximum=origin.maximum,
        rubric=origin.rubric,
        assessors_needed=origin.assessors_needed,
        item_id=same[0].id if same else None,
        threshold=origin.threshold if same else None,
        origin_id=origin.id,
        created_by=actor,
        created_at=now,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        "checkpoint.copied",
        actor=actor,
        subject=f"checkpoint:{made.id}",
        organization_id=context.organization_id,
        payload={"origin": origin.id},
        now=now,
    )
    return made


# -- its column -------------------------------------------------------------------------------------------------------


def resource_ids(session: Session, checkpoint: Checkpoint) -> list[str]:
    """Return the ids its line item may have: its own, or the one it had in the course it was copied from."""
    origin = session.get(Checkpoint, checkpoint.origin_id) if checkpoint.origin_id is not None else None
    return [checkpoint.public_id, *([origin.public_id] if origin is not None else [])]


def find_by_column(session: Session, column: EvidenceColumn) -> Checkpoint | None:
    """Return the checkpoint whose line item a column is, or whose outcomes it has."""
    of_course = select(Checkpoint).where(Checkpoint.context_id == column.context_id)
    if column.source == ASSESSOR:
        return session.scalar(of_course.where(Checkpoint.public_id == column.external_key))
    if column.source != SOURCE:
        return None
    by_address = session.scalar(of_course.where(Checkpoint.line_item_url == column.external_key).limit(1))
    if by_address is not None or column.resource_id is None:
        return by_address
    named = select(Checkpoint.id).where(Checkpoint.public_id == column.resource_id).scalar_subquery()
    return session.scalar(
        of_course.where(or_(Checkpoint.public_id == column.resource_id, Checkpoint.origin_id == named)).limit(1)
    )


def columns_of(session: Session, checkpoint: Checkpoint) -> list[EvidenceColumn]:
    """Return the columns of a checkpoint in its course: its line item's, and that of its assessors' outcomes."""
    is_line_item = or_(
        EvidenceColumn.resource_id.in_(resource_ids(session, checkpoint)),
        EvidenceColumn.external_key == (checkpoint.line_item_url or ""),
    )
    is_outcome = (EvidenceColumn.source == ASSESSOR) & (EvidenceColumn.external_key == checkpoint.public_id)
    found = select(EvidenceColumn).where(
        EvidenceColumn.context_id == checkpoint.context_id,
        ((EvidenceColumn.source == SOURCE) & is_line_item) | is_outcome,
    )
    return list(session.scalars(found.order_by(EvidenceColumn.id)))


def learn_line_item(session: Session, checkpoint: Checkpoint, line_item_url: str) -> None:
    """Remember where the checkpoint's line item is, and let its column count if that was read already."""
    if checkpoint.line_item_url != line_item_url:
        checkpoint.line_item_url = line_item_url
        session.flush()
    column = session.scalar(
        select(EvidenceColumn).where(
            EvidenceColumn.context_id == checkpoint.context_id,
            EvidenceColumn.source == SOURCE,
            EvidenceColumn.external_key == line_item_url,
        )
    )
    if column is not None:
        _bind(session, checkpoint, column)


def column_arrived(session: Session, column: EvidenceColumn) -> None:
    """Let a checkpoint's column count for its skill, the first time a source lists it.

    Once a column of it fills a slot nothing is changed any more: what counts is then the instructor's to say.
    """
    if column.source not in {SOURCE, ASSESSOR}:
        return
    checkpoint = find_by_column(session, column)
    if checkpoint is not None:  # in a copied course there is none before the first launch, which binds the column
        _bind(session, checkpoint, column)


def _bind(session: Session, checkpoint: Checkpoint, column: EvidenceColumn) -> None:
    if column.source == SOURCE:
        checkpoint.line_item_url = checkpoint.line_item_url or column.external_key
    same_work = {column.id, *(one.id for one in columns_of(session, checkpoint))}
    bound = select(SlotBinding.id).where(
        SlotBinding.context_id == column.context_id, SlotBinding.column_id.in_(same_work)
    )
    if session.scalar(bound.limit(1)) is not None:
        return
    bind_slot(session, column.context_id, column)
    item = None if checkpoint.item_id is None else session.get_one(Item, checkpoint.item_id)
    if item is not None and not is_kept(session, column.context_id, item):  # locked since the checkpoint was made
        map_column(session, column.context_id, column.id, item.id, checkpoint.threshold)
