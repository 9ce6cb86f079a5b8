"""A learner's badges in one course at one look: to claim now, claimed, and on the way. Reading only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.judgement import Judgement
from lti_tool.models import Achievement, AchievementVersion, Award, Credential, Review, ReviewState
from lti_tool.services.achievements import course_achievements
from lti_tool.services.explaining import Explanation, award_state, explain_all
from lti_tool.services.wallet import course_titles
from lti_tool.services.withholding import for_learner

OVER = {"declined", "revoked"}
"""States from which only a person goes on; such badges come last."""


@dataclass(frozen=True, slots=True)
class BadgeProgress:
    """One badge as one learner stands with it.

    ``explanation``: today's; ``None`` for what is not judged any more, and for earlier occasions. ``reviews``: the
    open ones about the award.
    """

    version: AchievementVersion
    achievement_id: int
    state: str
    """A key of the looks of states."""
    award: Award | None = None
    credential_id: int | None = None
    explanation: Explanation | None = None
    reviews: tuple[Review, ...] = ()

    @property
    def name(self) -> str:
        """The badge's."""
        return self.version.name

    @property
    def judgement(self) -> Judgement | None:
        """Today's."""
        return None if self.explanation is None else self.explanation.judgement


@dataclass(frozen=True, slots=True)
class CourseWallet:
    """A learner's badges in one course. ``titles``: statements of skills and names of badges, as rules name them."""

    ready: tuple[BadgeProgress, ...]
    kept: tuple[BadgeProgress, ...]
    coming: tuple[BadgeProgress, ...]
    titles: dict[str, str]


def course_wallet(session: Session, context_id: int, user_id: int, now: datetime) -> CourseWallet:
    """Return how a learner stands in a course, as far as they may know. Nothing is offered or issued by looking."""
    explanations = [for_learner(one) for one in explain_all(session, context_id, user_id, now)]
    by_award = {one.award.id: one for one in explanations if one.award is not None}
    kept = _claimed(session, context_id, user_id, by_award, now)
    claimed = {one.award.id for one in kept if one.award is not None}
    open_badges = [progress_of(one) for one in explanations if one.award is None or one.award.id not in claimed]
    coming = [one for one in open_badges if one.state != "ready"]
    return CourseWallet(
        ready=tuple(one for one in open_badges if one.state == "ready"),
        kept=tuple(kept),
        coming=tuple(sorted(coming, key=lambda one: one.state in OVER)),
        titles=course_titles(session, context_id),
    )


def badge_names(session: Session, context_id: int) -> dict[int, str]:
    """Return what the badges of a course are called now, retired ones too, by id."""
    return {
        one.id: one.current_version.name
        for one in course_achievements(session, context_id)
        if one.current_version is not None
    }


def progress_of(found: Explanation) -> BadgeProgress:
    """Return how a learner stands with a badge that is explained."""
    award, current = found.award, found.achievement.current_version
    if current is None:  # gathering leaves such badges out
        raise LookupError(found.achievement.id)
    version = award.achievement_version if award is not None and award.state is AwardState.OFFERED else current
    return BadgeProgress(
        version=version,
        achievement_id=found.achievement.id,
        state=found.state,
        award=award,
        explanation=found,
        reviews=found.reviews,
    )


def progress_of_award(session: Session, award: Award, now: datetime) -> BadgeProgress:
    """Return how a claimed award stands, of whatever occasion, without today's judgement."""
    reviews = tuple(_open_reviews(session, award.user_id).get(award.id, ()))
    return BadgeProgress(
        version=award.achievement_version,
        achievement_id=award.achievement_id,
        state=award_state(award, reviews, now),
        award=award,
        reviews=reviews,
    )


def _open_reviews(session: Session, user_id: int) -> dict[int | None, list[Review]]:
    reviews: dict[int | None, list[Review]] = {}
    about = select(Review).where(Review.user_id == user_id, Review.state == ReviewState.OPEN).order_by(Review.id)
    for review in session.scalars(about):
        reviews.setdefault(review.award_id, []).append(review)
    return reviews


def _claimed(
    session: Session, context_id: int, user_id: int, by_award: dict[int, Explanation], now: datetime
) -> list[BadgeProgress]:
    """Everything that has a credential, of every occasion and of retired badges too, newest first."""
    rows = session.execute(
        select(Credential.id, Award)
        .join(Award, Award.id == Credential.award_id)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .where(Award.user_id == user_id, Achievement.context_id == context_id)
        .order_by(Credential.id.desc())
    ).all()
    reviews = _open_reviews(session, user_id)
    found = []
    for credential_id, award in rows:
        own = tuple(reviews.get(award.id, ()))
        found.append(
            BadgeProgress(
                version=award.achievement_version,
                achievement_id=award.achievement_id,
                state=award_state(award, own, now),
                award=award,
                credential_id=credential_id,
                explanation=by_award.get(award.id),
                reviews=own,
            )
        )
    return found
