"""What a learner is told in the tool: one row for each thing that happened to a badge, written with what happened.

A notice is a code and details, never a sentence; the pages turn both into words. It stays unseen until the learner's
page showed it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import NoticeCode
from lti_tool.models import Achievement, LearnerNotice


def tell(
    session: Session,
    code: str,
    *,
    user_id: int,
    achievement_id: int,
    award_id: int | None,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Leave a notice for a learner. ``details``: JSON values the sentence needs (a date, a reason, an answer)."""
    session.add(
        LearnerNotice(
            user_id=user_id,
            achievement_id=achievement_id,
            award_id=award_id,
            code=code,
            details=dict(details or {}),
            created_at=now,
        )
    )


def unseen(session: Session, user_id: int, context_id: int) -> list[LearnerNotice]:
    """Return what a learner of a course was not shown yet, oldest first. Reading marks nothing."""
    return list(
        session.scalars(
            select(LearnerNotice)
            .join(Achievement, Achievement.id == LearnerNotice.achievement_id)
            .where(LearnerNotice.user_id == user_id, LearnerNotice.seen_at.is_(None))
            .where(Achievement.context_id == context_id)
            .order_by(LearnerNotice.id)
        )
    )


def history(session: Session, user_id: int, context_id: int, limit: int = 50) -> list[LearnerNotice]:
    """Return everything a learner of a course was told, seen or not, newest first."""
    return list(
        session.scalars(
            select(LearnerNotice)
            .join(Achievement, Achievement.id == LearnerNotice.achievement_id)
            .where(LearnerNotice.user_id == user_id, Achievement.context_id == context_id)
            .order_by(LearnerNotice.id.desc())
            .limit(limit)
        )
    )


def is_withdrawn(session: Session, award_id: int) -> bool:
    """Whether the last thing a learner was told about an award is that its offer was taken back for the moment."""
    told = select(LearnerNotice.code).where(LearnerNotice.award_id == award_id).order_by(LearnerNotice.id.desc())
    return session.scalar(told.limit(1)) == NoticeCode.WITHDRAWN.value


def mark_seen(session: Session, user_id: int, context_id: int, notice_ids: Collection[int], now: datetime) -> int:
    """Mark notices that a page showed as seen; returns how many were not before.

    ``notice_ids`` are those of the page: what came in since it was made stays unseen. Others' notices are left alone.
    """
    own = select(Achievement.id).where(Achievement.context_id == context_id)
    marked = session.execute(
        update(LearnerNotice)
        .where(LearnerNotice.id.in_(list(notice_ids)), LearnerNotice.user_id == user_id)
        .where(LearnerNotice.seen_at.is_(None), LearnerNotice.achievement_id.in_(own))
        .values(seen_at=now)
        .returning(LearnerNotice.id)
    )
    return len(marked.all())


def about_badge(session: Session, user_id: int, achievement_id: int, limit: int = 50) -> list[LearnerNotice]:
    """Return everything a learner was told about one badge, seen or not, newest first."""
    found = select(LearnerNotice).where(
        LearnerNotice.user_id == user_id, LearnerNotice.achievement_id == achievement_id
    )
    return list(session.scalars(found.order_by(LearnerNotice.id.desc()).limit(limit)))


def about_award(session: Session, award_id: int) -> list[LearnerNotice]:
    """Return everything its learner was told about one award, newest first."""
    found = select(LearnerNotice).where(LearnerNotice.award_id == award_id)
    return list(session.scalars(found.order_by(LearnerNotice.id.desc())))


def mark_award_seen(session: Session, user_id: int, award_id: int, now: datetime) -> None:
    """Mark as seen what was said about an award that its learner has acted on."""
    session.execute(
        update(LearnerNotice)
        .where(LearnerNotice.user_id == user_id, LearnerNotice.award_id == award_id, LearnerNotice.seen_at.is_(None))
        .values(seen_at=now)
    )
