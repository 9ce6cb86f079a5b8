"""Deciding reviews, by a person; appeals by learners, and their answers. Rights are checked at the web edge."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.decisions import OpenReview, ReviewOutcome
from lti_tool.domain.decisions import ReviewKind as DecidedKind
from lti_tool.domain.interventions import resolve_review
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    Context,
    Membership,
    Review,
    ReviewKind,
    ReviewState,
)
from lti_tool.services import audit, credentials, notices, reviews
from lti_tool.services.hand_awards import award_by_hand
from lti_tool.services.interventions import act, checked_reason, enforce, locked
from lti_tool.services.standings import load_book

LONGEST_APPEAL = 2000
APPEAL_GRANTED = "appeal.granted"
APPEAL_REFUSED = "appeal.refused"
"""Codes of notices; ``details["answer"]`` is what the person wrote."""
APPEALABLE = {AwardState.LAPSED, AwardState.SUSPENDED, AwardState.REVOKED, AwardState.HELD, AwardState.CLAIMED}
"""What a learner may appeal about; a claimed award only while a review of it is open."""


def decide_review(
    session: Session, review_id: int, outcome: ReviewOutcome, answer: str, actor: str, now: datetime
) -> bool:
    """Decide what becomes of an award in question: ``kept``, ``suspended`` or ``revoked``, with an answer.

    The learner is told, and an appeal that is open about the award is answered with it. ``False`` when it was decided
    before. Raises ``InvalidInputError`` (``reason_missing`` … for the answer), ``ConflictError``
    (``review_is_appeal``, ``review_outcome_refused``, ``transition_refused``), ``NotFoundError``.
    """
    answer = checked_reason(answer)
    review = _open(session, review_id)
    if review is None:
        return False
    if review.kind is ReviewKind.APPEAL or review.award_id is None:
        raise ConflictError("An appeal is answered, not decided.", code="review_is_appeal")
    award = locked(session, review.award_id)
    standing = load_book(session, [award.achievement_id], award.user_id).standing(award)
    open_review = OpenReview(DecidedKind(review.kind.value), review.due_at)
    decision = resolve_review(standing, open_review, outcome)
    return enforce(session, award, decision, answer, actor, now, payload={"review": review.id})


def restore_after_review(session: Session, review_id: int, answer: str, actor: str, now: datetime) -> bool:
    """Give a badge back that was suspended after this review; ``False`` when it is not suspended any more."""
    answer = checked_reason(answer)
    review = session.get(Review, review_id)
    if review is None or review.award_id is None:
        raise NotFoundError("There is no such review.")
    award = locked(session, review.award_id)
    if award.state is not AwardState.SUSPENDED:
        return False
    return act(session, award, AwardAction.RESTORE, answer, actor, now, payload={"review": review.id})


# -- appeals ----------------------------------------------------------------------------------------------------------


def may_appeal(session: Session, achievement_id: int, user_id: int) -> bool:
    """Whether a learner may write about a badge: none is open, and they have not simply got it."""
    book = load_book(session, [achievement_id], user_id)
    open_ones = book.reviews.get((achievement_id, user_id), ())
    if any(one.kind is ReviewKind.APPEAL for one in open_ones):
        return False
    awards = book.awards.get((achievement_id, user_id))
    if not awards:
        return True
    if awards[-1].state is AwardState.CLAIMED:
        return any(one.award_id == awards[-1].id for one in open_ones)
    return awards[-1].state in APPEALABLE


def appeal(session: Session, context_id: int, achievement_id: int, user_id: int, text: str, now: datetime) -> int:
    """Open a learner's appeal: against losing a badge, or against not having got it; returns the review's id.

    While it is open no date decides. Appealing twice returns the open one. Raises ``InvalidInputError``
    (``appeal_empty``, ``appeal_too_long``), ``ConflictError`` (``appeal_not_possible``), ``NotFoundError`` for a badge
    of another course, or for somebody who is no learner of this one.
    """
    cleaned = text.strip()
    if not cleaned:
        raise InvalidInputError("Say what you think is wrong.", code="appeal_empty", field="text")
    if len(cleaned) > LONGEST_APPEAL:
        raise InvalidInputError("The text is too long.", code="appeal_too_long", field="text")
    achievement = session.get(Achievement, achievement_id)
    if achievement is None or achievement.context_id != context_id or achievement.state in _UNSEEN:
        raise NotFoundError("There is no such badge in this course.")
    _require_learner(session, context_id, user_id)
    found = _open_appeal(session, achievement_id, user_id)
    if found is not None:
        return found
    if not may_appeal(session, achievement_id, user_id):
        raise ConflictError("There is nothing to appeal about.", code="appeal_not_possible")
    award_id = session.scalar(
        select(Award.id)
        .where(Award.achievement_id == achievement_id, Award.user_id == user_id)
        .order_by(Award.id.desc())
        .limit(1)
    )
    review_id = reviews.open_review(
        session,
        ReviewKind.APPEAL,
        achievement_id=achievement_id,
        user_id=user_id,
        award_id=award_id,
        now=now,
        text=cleaned,
    )
    if review_id is None:  # written twice at the same moment
        return _open_appeal(session, achievement_id, user_id) or 0
    _record(session, "appeal.opened", achievement, review_id, f"user:{user_id}", now, {"text": cleaned})
    return review_id


_UNSEEN = {AchievementState.DRAFT, AchievementState.REVIEW}


def answer_appeal(session: Session, review_id: int, answer: str, actor: str, now: datetime, *, granted: bool) -> bool:
    """Answer an appeal; ``False`` when it was answered before.

    Granted: a suspended badge is restored, one in question is kept, otherwise the badge is given by hand (after a
    revocation as an award of its own). Refused: everything stays, and a date that waited decides again. Raises
    ``InvalidInputError`` (``reason_missing`` … for the answer), ``ConflictError`` (``review_not_appeal``; as
    ``award_by_hand`` when granted), ``NotFoundError``.
    """
    answer = checked_reason(answer)
    review = _open(session, review_id)
    if review is None:
        return False
    if review.kind is not ReviewKind.APPEAL:
        raise ConflictError("This is not an appeal.", code="review_not_appeal")
    if granted:
        _grant(session, review, answer, actor, now)
    state = ReviewState.GRANTED if granted else ReviewState.REFUSED
    review = session.get_one(Review, review_id, populate_existing=True)
    review.state, review.decided_by, review.decided_at, review.answer = state, actor, now, answer
    notices.tell(
        session,
        APPEAL_GRANTED if granted else APPEAL_REFUSED,
        user_id=review.user_id,
        achievement_id=review.achievement_id,
        award_id=review.award_id,
        now=now,
        details={"answer": answer},
    )
    action = "appeal.granted" if granted else "appeal.refused"
    _record(session, action, review.achievement, review.id, actor, now, {"answer": answer})
    session.flush()
    return True


def _grant(session: Session, review: Review, answer: str, actor: str, now: datetime) -> None:
    award = None if review.award_id is None else locked(session, review.award_id)
    if award is not None and award.state is AwardState.SUSPENDED:
        act(session, award, AwardAction.RESTORE, answer, actor, now, payload={"review": review.id})
    elif award is not None and award.state is AwardState.CLAIMED:
        book = load_book(session, [award.achievement_id], award.user_id)
        found = book.open_review(award)
        if found is not None:
            decision = resolve_review(book.standing(award), found, ReviewOutcome.KEPT)
            enforce(session, award, decision, answer, actor, now, payload={"review": review.id})
    else:
        award_by_hand(session, review.achievement_id, [review.user_id], answer, review.text, actor, now)


def _open(session: Session, review_id: int) -> Review | None:
    """Return a review that nobody decided, locked; raises ``NotFoundError``."""
    found = session.get(Review, review_id)
    if found is None:
        raise NotFoundError("There is no such review.")
    credentials.take_turn(session, [found.achievement.issuer_profile_id])
    review = session.get_one(Review, review_id, populate_existing=True, with_for_update=True)
    return review if review.state is ReviewState.OPEN else None


def _open_appeal(session: Session, achievement_id: int, user_id: int) -> int | None:
    return session.scalar(
        select(Review.id).where(
            Review.achievement_id == achievement_id,
            Review.user_id == user_id,
            Review.kind == ReviewKind.APPEAL,
            Review.state == ReviewState.OPEN,
        )
    )


def _require_learner(session: Session, context_id: int, user_id: int) -> None:
    member = select(Membership).where(Membership.context_id == context_id, Membership.user_id == user_id)
    found = session.scalar(member)
    if found is None or not found.is_learner or found.is_test_user:
        raise NotFoundError("There is no such badge for you here.")


def _record(
    session: Session,
    action: str,
    achievement: Achievement,
    review_id: int,
    actor: str,
    now: datetime,
    payload: dict[str, Any],
) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"review:{review_id}",
        organization_id=session.get_one(Context, achievement.context_id).organization_id,
        payload={"achievement": achievement.id, **payload},
        now=now,
    )
