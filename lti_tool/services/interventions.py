"""What people do about single awards: every step with its reason, kept in the trace, the audit trail and the award.

The decision is ``domain.interventions``'; rights are checked at the web edge.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardAction
from lti_tool.domain.decisions import Decision, ReviewOutcome
from lti_tool.domain.interventions import act_by_hand
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import Award, Context, Review, ReviewKind, ReviewState
from lti_tool.services import audit, credentials, reviews
from lti_tool.services.award_changes import Ground, Subject, carry_out
from lti_tool.services.rebuilding import by_hand_document
from lti_tool.services.standings import AwardBook, load_book

LONGEST_REASON = 1000


def checked_reason(reason: str) -> str:
    """Return a reason as it is kept; raises ``InvalidInputError`` (``reason_missing``, ``reason_too_long``)."""
    cleaned = reason.strip()
    if not cleaned:
        raise InvalidInputError("Say why.", code="reason_missing", field="reason")
    if len(cleaned) > LONGEST_REASON:
        raise InvalidInputError("The reason is too long.", code="reason_too_long", field="reason")
    return cleaned


def get_award(session: Session, context_id: int, award_id: int) -> Award:
    """Return an award of this course; raises ``NotFoundError``."""
    award = session.get(Award, award_id)
    if award is None or award.achievement.context_id != context_id:
        raise NotFoundError("There is no such award in this course.")
    return award


def locked(session: Session, award_id: int) -> Award:
    """Return an award as it is now, locked: of two people who act at once the second finds it done."""
    award = session.get_one(Award, award_id)
    credentials.take_turn(session, [award.achievement.issuer_profile_id])
    return session.get_one(Award, award_id, populate_existing=True, with_for_update=True)


def act(
    session: Session,
    award: Award,
    action: AwardAction,
    reason: str,
    actor: str,
    now: datetime,
    *,
    reason_code: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Take one step by hand; a review that it answers ends with it. ``False`` when somebody moved the award first.

    Raises ``ConflictError`` (``transition_refused``).
    """
    book = load_book(session, [award.achievement_id], award.user_id)
    subject = subject_of(award)
    decision = act_by_hand(book.standing(award), action, subject.policy, open_review=book.open_review(award))
    return enforce(session, award, decision, reason, actor, now, reason_code=reason_code, payload=payload)


def enforce(
    session: Session,
    award: Award,
    decision: Decision,
    reason: str,
    actor: str,
    now: datetime,
    *,
    reason_code: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Carry out what a person decided about an award."""
    action = decision.action or AwardAction.RESTORE
    ground = Ground(
        actor=actor,
        now=now,
        award_rule_id=award.award_rule_id,
        document=by_hand_document(award.achievement, action, actor, reason=reason),
        reason_code=reason_code,
        note=reason,
        payload={"reason": reason, **(payload or {})},
    )
    done = carry_out(session, subject_of(award), decision, ground) is not None
    if done and decision.review is not None and decision.review.outcome is not None:
        _end_appeal(session, award, decision.review.outcome, reason, actor, now)
    session.flush()
    return done


def subject_of(award: Award) -> Subject:
    """Return whose award of which badge it is about."""
    return Subject(
        achievement=award.achievement,
        user_id=award.user_id,
        award=award,
        policy=AwardPolicy.from_document(award.achievement.policy),
        occasion=award.occasion,
    )


def _end_appeal(session: Session, award: Award, outcome: ReviewOutcome, answer: str, actor: str, now: datetime) -> None:
    """Whoever decides about an award answers the appeal that is open about it, too."""
    state = ReviewState.KEPT if outcome is ReviewOutcome.KEPT else ReviewState.REFUSED
    for appeal in open_appeals(load_book(session, [award.achievement_id], award.user_id), award):
        if reviews.close_review(session, appeal.id, state, actor, now, answer):
            _record_appeal(session, award, appeal.id, state, actor, now, answer)


def _record_appeal(
    session: Session, award: Award, review_id: int, state: ReviewState, actor: str, now: datetime, answer: str
) -> None:
    audit.record(
        session,
        "appeal.kept" if state is ReviewState.KEPT else "appeal.refused",
        actor=actor,
        subject=f"review:{review_id}",
        organization_id=session.get_one(Context, award.achievement.context_id).organization_id,
        payload={"achievement": award.achievement_id, "answer": answer},
        now=now,
    )


def open_appeals(book: AwardBook, award: Award) -> list[Review]:
    """Return what the learner wrote about an award and nobody answered."""
    found = book.reviews.get((award.achievement_id, award.user_id), ())
    return [one for one in found if one.kind is ReviewKind.APPEAL and one.award_id == award.id]
