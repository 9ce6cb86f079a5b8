"""First launches of checkpoints: who opened one, and what the platform is told about it.

Canvas has no result of work before this tool sent a score, so a first launch sends one without points. Who never
launched cannot be told apart from who was never graded, except by what is kept here.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.lti.advantage import ActivityProgress, GradingProgress
from lti_tool.lti.quirks import quirks_of
from lti_tool.models import (
    Checkpoint,
    CheckpointKind,
    CheckpointOpening,
    Context,
    Deployment,
    EvidenceColumn,
    Registration,
)
from lti_tool.services import scores
from lti_tool.services.checkpoints import find_by_column
from lti_tool.services.gathering import evaluated_user_ids
from lti_tool.services.upsert import insert_once


def open_checkpoint(session: Session, checkpoint: Checkpoint, user_id: int, now: datetime) -> int | None:
    """Note a learner's launch; the first one asks for a score to be sent, whose row is returned.

    Looking at one's progress is all there is to do there, so it is complete at once.
    """
    made = insert_once(
        session,
        CheckpointOpening,
        ["checkpoint_id", "user_id"],
        checkpoint_id=checkpoint.id,
        user_id=user_id,
        opened_at=now,
    )
    if made is None:
        return None
    if checkpoint.kind is CheckpointKind.PROGRESS:
        activity, grading, given = ActivityProgress.COMPLETED, GradingProgress.FULLY_GRADED, checkpoint.maximum
    else:
        activity, grading, given = ActivityProgress.INITIALIZED, GradingProgress.PENDING_MANUAL, None
    return scores.queue(session, checkpoint, user_id, now, activity=activity, grading=grading, given=given)


def opened_by(session: Session, checkpoint_id: int) -> set[int]:
    """Return who opened a checkpoint, by user id."""
    return set(
        session.scalars(select(CheckpointOpening.user_id).where(CheckpointOpening.checkpoint_id == checkpoint_id))
    )


def unopened_learners(session: Session, column_id: int) -> set[int]:
    """Return the learners who never opened the checkpoint of a column.

    Nobody, unless the column is a checkpoint's and the platform has no results before a score was sent.
    """
    column = session.get_one(EvidenceColumn, column_id)
    product = session.scalar(
        select(Registration.product)
        .join(Deployment, Deployment.registration_id == Registration.id)
        .join(Context, Context.deployment_id == Deployment.id)
        .where(Context.id == column.context_id)
    )
    if not quirks_of(product).results_need_scores:
        return set()
    checkpoint = find_by_column(session, column)
    if checkpoint is None:
        return set()
    return set(evaluated_user_ids(session, column.context_id)) - opened_by(session, checkpoint.id)
