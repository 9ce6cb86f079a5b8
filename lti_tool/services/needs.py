"""What waits for an instructor in a course: runs on hold, awards in question, appeals, evidence, stale sources."""

from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lti_tool.models import (
    Achievement,
    AwardRun,
    AwardRunItem,
    ColumnLink,
    EvidenceColumn,
    LinkState,
    Review,
    ReviewKind,
    ReviewState,
    RunState,
    SlotBinding,
    SourceReading,
)
from lti_tool.services import assessing, checkpoints
from lti_tool.services.sightings import PUSHED, STALE_AFTER


@dataclass(frozen=True, slots=True)
class Needs:
    """How much waits. ``held``: decisions in runs on hold; ``stale``: pieces of work that count and can't be read.

    ``moderation``: work that assessors do not agree about. ``sources`` whose last reading failed, ``links`` between
    columns to confirm, ``disagreements``: results of learners that sources show differently.
    """

    held: int
    reviews: int
    appeals: int
    evidence: int
    stale: int
    moderation: int = 0
    sources: int = 0
    links: int = 0
    disagreements: int = 0

    def __bool__(self) -> bool:
        return any(astuple(self))


def needs_of(session: Session, context_id: int, now: datetime, *, disagreements: int = 0) -> Needs:
    """Count what waits in a course; one query a kind, and some a checkpoint. Disagreements come from the board."""
    kinds = {
        kind: number
        for kind, number in session.execute(
            select(Review.kind, func.count(Review.id))
            .join(Achievement, Achievement.id == Review.achievement_id)
            .where(Achievement.context_id == context_id, Review.state == ReviewState.OPEN)
            .group_by(Review.kind)
        )
    }
    placed = [assessing.counts(session, one) for one, _ in checkpoints.course_checkpoints(session, context_id)]
    return Needs(
        held=_held(session, context_id),
        reviews=sum(number for kind, number in kinds.items() if kind is not ReviewKind.APPEAL),
        appeals=kinds.get(ReviewKind.APPEAL, 0),
        evidence=sum(one.waiting for one in placed),
        stale=_stale(session, context_id, now),
        moderation=sum(one.disagreeing for one in placed),
        sources=_count(session, SourceReading.context_id == context_id, SourceReading.failed_code.is_not(None)),
        links=_open_links(session, context_id),
        disagreements=disagreements,
    )


def _open_links(session: Session, context_id: int) -> int:
    gone = select(EvidenceColumn.id).where(EvidenceColumn.context_id == context_id, EvidenceColumn.is_gone)
    return _count(
        session,
        ColumnLink.context_id == context_id,
        ColumnLink.state == LinkState.PROPOSED,
        ColumnLink.column_id.not_in(gone),
        ColumnLink.other_id.not_in(gone),
    )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0


def _held(session: Session, context_id: int) -> int:
    found = (
        select(func.count(AwardRunItem.id))
        .join(AwardRun, AwardRun.id == AwardRunItem.award_run_id)
        .where(AwardRun.context_id == context_id, AwardRun.state == RunState.HELD)
    )
    return session.scalar(found) or 0


def _stale(session: Session, context_id: int, now: datetime) -> int:
    """Work that was read once and cannot be any more; what was never read is said by the line about the last check."""
    found = (
        select(func.count(EvidenceColumn.id.distinct()))
        .join(SlotBinding, SlotBinding.column_id == EvidenceColumn.id)
        .where(SlotBinding.context_id == context_id)
        .where(
            EvidenceColumn.failed_code.is_not(None)
            | EvidenceColumn.is_gone
            | ((EvidenceColumn.checked_at < now - STALE_AFTER) & EvidenceColumn.source.not_in(PUSHED))
        )
    )
    return session.scalar(found) or 0
