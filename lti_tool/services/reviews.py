"""Reviews: awards about which somebody has to decide. Opening, settling and listing rows; deciding is elsewhere.

At most one of a kind is open for a badge and a learner, whoever opens at the same time. A review that nobody decides
settles itself when the badge is earned again, or comes to its end at its due date (``awarding`` acts on both).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.decisions import ReviewChange, ReviewOutcome, ReviewWish
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, Award, Context, Review, ReviewKind, ReviewState
from lti_tool.services import audit
from lti_tool.services.upsert import insert_once_among

OPEN = "state = 'open'"
PUT_OFF = timedelta(days=1)
"""How much later a date decides that came while it could not be told whether the badge is earned."""
_STATES = {
    ReviewOutcome.SETTLED: ReviewState.SETTLED,
    ReviewOutcome.KEPT: ReviewState.KEPT,
    ReviewOutcome.SUSPENDED: ReviewState.SUSPENDED,
    ReviewOutcome.REVOKED: ReviewState.REVOKED,
}


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """A review as a list shows it. ``learner``: the name, ``None`` where the platform shares none."""

    review: Review
    badge: str
    learner: str | None


def open_review(
    session: Session,
    kind: ReviewKind,
    *,
    achievement_id: int,
    user_id: int,
    award_id: int | None,
    now: datetime,
    due_at: datetime | None = None,
    text: str | None = None,
) -> int | None:
    """Open a review; ``None`` when one of the kind is open already."""
    return insert_once_among(
        session,
        Review,
        ["achievement_id", "user_id", "kind"],
        OPEN,
        achievement_id=achievement_id,
        user_id=user_id,
        award_id=award_id,
        kind=kind,
        state=ReviewState.OPEN,
        text=text,
        opened_at=now,
        due_at=due_at,
    )


def close_review(
    session: Session, review_id: int, state: ReviewState, actor: str, now: datetime, answer: str | None = None
) -> bool:
    """End an open review, by one statement; ``False`` when somebody did first."""
    closed = session.execute(
        update(Review)
        .where(Review.id == review_id, Review.state == ReviewState.OPEN)
        .values(state=state, decided_by=actor, decided_at=now, answer=answer)
        .returning(Review.id)
    ).scalar()
    return closed is not None


def change_review(
    session: Session, award: Award, wish: ReviewWish, actor: str, now: datetime, *, answer: str | None = None
) -> int | None:
    """Do to the review of an award what was decided; returns its id, or ``None`` when it is so already."""
    kind = ReviewKind(wish.kind.value)
    if wish.change is ReviewChange.OPEN:
        return open_review(
            session,
            kind,
            achievement_id=award.achievement_id,
            user_id=award.user_id,
            award_id=award.id,
            now=now,
            due_at=wish.due_at,
        )
    found = update(Review).where(Review.award_id == award.id, Review.kind == kind, Review.state == ReviewState.OPEN)
    if wish.change is ReviewChange.SET_DUE:
        found = found.where(Review.due_at.is_(None)).values(due_at=wish.due_at)
    else:
        state = _STATES[wish.outcome or ReviewOutcome.SETTLED]
        found = found.values(state=state, decided_by=actor, decided_at=now, answer=answer)
    return session.execute(found.returning(Review.id)).scalar()


# -- due --------------------------------------------------------------------------------------------------------------


def due_contexts(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Return ids of courses with a review whose date has come."""
    due = (
        select(Achievement.context_id)
        .join(Review, Review.achievement_id == Achievement.id)
        .where(Review.state == ReviewState.OPEN, Review.due_at <= now)
        .distinct()
        .order_by(Achievement.context_id)
    )
    return list(session.scalars(due.limit(limit)))


def put_off(session: Session, context_id: int, now: datetime) -> int:
    """Give the reviews of a course that are still due another date, and note it; returns how many.

    Called after an evaluation: what is still open then could not be told, was appealed, or waits in a held run.
    """
    due = (
        select(Review)
        .join(Achievement, Achievement.id == Review.achievement_id)
        .where(Achievement.context_id == context_id, Review.state == ReviewState.OPEN, Review.due_at <= now)
        .order_by(Review.id)
    )
    reviews = list(session.scalars(due))
    organization_id = session.scalar(select(Context.organization_id).where(Context.id == context_id))
    for review in reviews:
        review.due_at = now + PUT_OFF
        audit.record(
            session,
            "award.review_due_set",
            actor="job",
            subject=f"award:{review.award_id}",
            organization_id=organization_id,
            payload={"review": review.id, "due_at": review.due_at.isoformat(), "reason": "put_off"},
            now=now,
        )
    session.flush()
    return len(reviews)


# -- looking ----------------------------------------------------------------------------------------------------------


def get_review(session: Session, context_id: int, review_id: int) -> Review:
    """Return a review of this course; raises ``NotFoundError``."""
    review = session.get(Review, review_id)
    if review is None or review.achievement.context_id != context_id:
        raise NotFoundError("There is no such review in this course.")
    return review


def list_reviews(session: Session, context_id: int, *, is_open: bool = True, limit: int = 200) -> list[ReviewEntry]:
    """Return the reviews of a course: open ones with the nearest date first, or decided ones, the newest first."""
    found = (
        select(Review)
        .join(Achievement, Achievement.id == Review.achievement_id)
        .where(Achievement.context_id == context_id)
        .options(joinedload(Review.user), joinedload(Review.achievement).joinedload(Achievement.current_version))
    )
    if is_open:
        order = (Review.due_at.is_(None), Review.due_at, Review.id)
        found = found.where(Review.state == ReviewState.OPEN).order_by(*order)
    else:
        found = found.where(Review.state != ReviewState.OPEN).order_by(Review.decided_at.desc(), Review.id.desc())
    return [_entry(review) for review in session.scalars(found.limit(limit))]


def count_open(session: Session, context_id: int) -> int:
    """Return how many reviews of a course wait for somebody."""
    found = (
        select(func.count(Review.id))
        .join(Achievement, Achievement.id == Review.achievement_id)
        .where(Achievement.context_id == context_id, Review.state == ReviewState.OPEN)
    )
    return session.scalar(found) or 0


def reviews_of(session: Session, user_id: int, achievement_id: int) -> list[Review]:
    """Return everything that was reviewed about one learner and one badge, appeals too, newest first."""
    found = select(Review).where(Review.user_id == user_id, Review.achievement_id == achievement_id)
    return list(session.scalars(found.order_by(Review.id.desc())))


def _entry(review: Review) -> ReviewEntry:
    version = review.award.achievement_version if review.award else review.achievement.current_version
    return ReviewEntry(review, version.name if version else "", review.user.name)
