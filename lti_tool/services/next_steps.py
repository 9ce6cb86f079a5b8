"""Where a learner can do the next thing a badge needs: the checkpoints of this tool behind a course's work."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.models import Checkpoint, EvidenceColumn, SlotBinding
from lti_tool.services.checkpoint_drafts import TAKES_WORK
from lti_tool.services.checkpoints import ASSESSOR, SOURCE
from lti_tool.services.submissions import door


def open_checkpoints(session: Session, context_id: int, now: datetime) -> dict[str, Checkpoint]:
    """Return the checkpoints behind a course's columns, those that take work now; one query a table.

    By slot, and by the public id by which rules ask for an assessor's word.
    """
    of_course = select(Checkpoint).where(Checkpoint.context_id == context_id, Checkpoint.retired_at.is_(None))
    found = list(session.scalars(of_course.order_by(Checkpoint.id)))
    if not found:
        return {}
    origins = {one.origin_id for one in found if one.origin_id is not None}
    names = dict(session.execute(select(Checkpoint.id, Checkpoint.public_id).where(Checkpoint.id.in_(origins))).all())
    by_address = {one.line_item_url: one for one in found if one.line_item_url is not None}
    by_name = {names[one.origin_id]: one for one in found if one.origin_id in names}
    by_name |= {one.public_id: one for one in found}
    rows = session.execute(
        select(SlotBinding.slot, EvidenceColumn.external_key, EvidenceColumn.resource_id)
        .join(EvidenceColumn, EvidenceColumn.id == SlotBinding.column_id)
        .where(SlotBinding.context_id == context_id, EvidenceColumn.source.in_([SOURCE, ASSESSOR]))
    )
    slots: dict[str, Checkpoint | None] = {one.public_id: one for one in found if one.kind in TAKES_WORK}
    slots |= {slot: by_address.get(address) or by_name.get(name or "") for slot, address, name in rows}
    return {slot: one for slot, one in slots.items() if one is not None and door(one, now) == "open"}
