"""What the pages of reviews show, for a course's instructors and for staff: a queue, and one review, then and now."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.models import Achievement, Context, Review, ReviewKind, ReviewState, TraceMoment
from lti_tool.services import explaining, overview
from lti_tool.services.explaining import Explanation, Kept
from lti_tool.services.reviews import ReviewEntry
from lti_tool.web import formats
from lti_tool.web.decision_texts import MOMENTS
from lti_tool.web.review_words import KINDS, STATES, Outcome, due_words, possible_outcomes
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine, Voice, clause_lines

_GIVEN = (TraceMoment.CLAIMED, TraceMoment.OFFERED, TraceMoment.HELD)
"""The moments that show on what ground a badge was given, the last word first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a queue. ``course``: for staff."""

    review: Review
    badge: str
    learner: str | None
    kind: str
    state: str
    due: str
    course: str | None = None


@dataclass(frozen=True, slots=True)
class Then:
    """What was decided once."""

    words: str
    lines: list[ClauseLine]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One review with everything that somebody needs to decide it. ``before`` and ``after``: ids of its neighbours."""

    row: Row
    found: Explanation | None
    then: Then | None
    now_lines: list[ClauseLine]
    now_words: str
    outcomes: list[Outcome]
    before: int | None
    after: int | None


def make_row(session: Session, entry: ReviewEntry, now: datetime, course: str | None = None) -> Row:
    """Return a line of a queue."""
    review = entry.review
    policy = AwardPolicy.from_document(review.achievement.policy)
    due = due_words(review, policy, now, is_appealed=_is_appealed(session, review))
    return Row(review, entry.badge, entry.learner, str(KINDS[review.kind]), str(STATES[review.state]), due, course)


def _is_appealed(session: Session, review: Review) -> bool:
    if review.kind is ReviewKind.APPEAL or review.due_at is None:
        return False
    found = select(Review.id).where(
        Review.award_id == review.award_id, Review.kind == ReviewKind.APPEAL, Review.state == ReviewState.OPEN
    )
    return session.scalar(found.limit(1)) is not None


def make_view(session: Session, entry: ReviewEntry, queue: list[int], now: datetime) -> ReviewView:
    """Return a review with what was decided then and what today's grades say. ``queue``: ids in order."""
    review = entry.review
    context_id = review.achievement.context_id
    state = overview.course_state(session, context_id)
    found = explaining.explain(session, context_id, review.user_id, review.achievement_id, now, drafts=True)

    def lines(kept: Kept | Explanation) -> list[ClauseLine]:
        if kept.judgement is None:
            return []
        return clause_lines(kept.judgement, voice=Voice.INSTRUCTOR, platform=state.platform, titles=found.titles)

    kept = next((one for moment in _GIVEN for one in reversed(found.kept) if one.moment is moment), None)
    then = None
    if kept is not None and review.award_id is not None:
        then = Then(f"{MOMENTS[kept.moment]}, {formats.moment(kept.taken_at)}", lines(kept))
    read_at = state.freshness.read_at
    checked = (
        "" if read_at is None else _("checked %(ago)s from %(source)s", ago=formats.ago(read_at), source=state.platform)
    )
    place = queue.index(review.id) if review.id in queue else None
    return ReviewView(
        make_row(session, entry, now, course_name(session, context_id)),
        found,
        then,
        lines(found),
        checked,
        possible_outcomes(review),
        queue[place - 1] if place else None,
        queue[place + 1]
        if place is not None and place + 1 < len(queue)
        else (queue[0] if place is None and queue else None),
    )


def course_name(session: Session, context_id: int) -> str:
    """Return a course in words."""
    context = session.get_one(Context, context_id)
    return context.title or context.label or context.platform_id


def list_everywhere(session: Session, *, is_open: bool = True, limit: int = 500) -> list[ReviewEntry]:
    """Return the reviews of all courses: open ones with the nearest date first, or decided ones, the newest first."""
    found = select(Review).options(
        joinedload(Review.user), joinedload(Review.achievement).joinedload(Achievement.current_version)
    )
    if is_open:
        found = found.where(Review.state == ReviewState.OPEN)
        found = found.order_by(Review.due_at.is_(None), Review.due_at, Review.id)
    else:
        found = found.where(Review.state != ReviewState.OPEN).order_by(Review.decided_at.desc(), Review.id.desc())
    return [make_entry(review) for review in session.scalars(found.limit(limit))]


def make_entry(review: Review) -> ReviewEntry:
    """Return a review with the names of its badge and learner."""
    version = review.award.achievement_version if review.award else review.achievement.current_version
    return ReviewEntry(review, version.name if version else "", review.user.name)
