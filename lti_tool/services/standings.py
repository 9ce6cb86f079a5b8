"""How learners stand with badges: the awards they have on any occasion, what is open about them, today's judgement.

Loading and judging only. What is decided from it is ``domain.lifecycle``'s; what is done about it, ``awarding``'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import NoticeCode
from lti_tool.domain.decisions import AwardStanding, OpenReview
from lti_tool.domain.decisions import ReviewKind as DecidedKind
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.occasions import Occasion, occasion, rule_since
from lti_tool.domain.occasions import Term as OccasionTerm
from lti_tool.domain.rules import Facts, evaluate
from lti_tool.models import Achievement, Award, AwardBar, LearnerNotice, Review, ReviewKind, ReviewState
from lti_tool.services.course_rules import Course, Judged, load_course
from lti_tool.services.gathering import gather_facts

Pair: TypeAlias = tuple[int, int]
"""Achievement id and user id."""

TOLD_ONCE = (NoticeCode.EXPIRED, NoticeCode.RENEWABLE)
"""Notices that go with no change of state, so that only the notice itself says that they were given."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one learner stands with one achievement: the award if there is one, and today's judgement."""

    achievement: Achievement
    award: Award | None
    judgement: Judgement


@dataclass(slots=True)
class AwardBook:
    """Everything decided so far about some badges, by pair or by award id."""

    awards: dict[Pair, list[Award]] = field(default_factory=dict)
    """Of every occasion, oldest first."""
    reviews: dict[Pair, list[Review]] = field(default_factory=dict)
    """The open ones."""
    kept: set[int] = field(default_factory=set)
    """Awards that a person reviewed last and kept."""
    told: dict[int, set[NoticeCode]] = field(default_factory=dict)
    barred: set[Pair] = field(default_factory=set)

    def standing(self, award: Award) -> AwardStanding:
        """Return an award as decisions see it."""
        return AwardStanding(
            state=award.state,
            occasion=award.occasion,
            offered_at=award.offered_at,
            claimed_at=award.claimed_at,
            valid_until=award.valid_until,
            is_by_hand=award.is_by_hand,
            is_kept=award.id in self.kept,
            told=frozenset(self.told.get(award.id, ())),
        )

    def open_review(self, award: Award) -> OpenReview | None:
        """Return what is open about an award, appeals apart; an appeal only stops the clock of another review."""
        reviews = [
            one for one in self.reviews.get((award.achievement_id, award.user_id), ()) if one.award_id == award.id
        ]
        is_appealed = any(one.kind is ReviewKind.APPEAL for one in reviews)
        for one in reviews:
            if one.kind is not ReviewKind.APPEAL:
                return OpenReview(DecidedKind(one.kind.value), one.due_at, is_appealed)
        return None


class Look(NamedTuple):
    """What an evaluation looks at for one pair: the occasion, its award if there is one, and the judgement for it."""

    judged: Judged
    user_id: int
    occasion: Occasion
    award: Award | None
    judgement: Judgement

    @property
    def pair(self) -> Pair:
        """Achievement and user."""
        return self.judged.achievement.id, self.user_id


def load_book(session: Session, achievement_ids: Iterable[int], user_id: int | None = None) -> AwardBook:
    """Load what was decided about badges, for everybody or for one learner; one query a table."""
    ids, book = list(achievement_ids), AwardBook()

    awards = select(Award).where(Award.achievement_id.in_(ids)).order_by(Award.id)
    for award in session.scalars(awards if user_id is None else awards.where(Award.user_id == user_id)):
        book.awards.setdefault((award.achievement_id, award.user_id), []).append(award)

    reviews = select(Review).where(Review.achievement_id.in_(ids)).order_by(Review.id)
    for review in session.scalars(reviews if user_id is None else reviews.where(Review.user_id == user_id)):
        _file(book, review)

    told = select(LearnerNotice.award_id, LearnerNotice.code).where(
        LearnerNotice.achievement_id.in_(ids), LearnerNotice.code.in_([code.value for code in TOLD_ONCE])
    )
    for award_id, code in session.execute(told if user_id is None else told.where(LearnerNotice.user_id == user_id)):
        if award_id is not None:
            book.told.setdefault(award_id, set()).add(NoticeCode(code))

    barred = select(AwardBar.achievement_id, AwardBar.user_id).where(AwardBar.achievement_id.in_(ids))
    rows = session.execute(barred if user_id is None else barred.where(AwardBar.user_id == user_id))
    book.barred = {(achievement_id, barred_id) for achievement_id, barred_id in rows}
    return book


def _file(book: AwardBook, review: Review) -> None:
    """Put a review into the book; reviews come oldest first, so that the last word on an award is the newest."""
    if review.state is ReviewState.OPEN:
        book.reviews.setdefault((review.achievement_id, review.user_id), []).append(review)
    if review.kind is ReviewKind.NO_LONGER_EARNED and review.award_id is not None:
        if review.state is ReviewState.KEPT:
            book.kept.add(review.award_id)
        else:
            book.kept.discard(review.award_id)


def look(judged: Judged, user_id: int, facts: Facts, book: AwardBook, term: OccasionTerm | None) -> Look:
    """Judge one learner for one badge, on the occasion that counts now."""
    awards = book.awards.get((judged.achievement.id, user_id), [])
    which = occasion(judged.policy, term, [book.standing(award) for award in awards], facts.now)
    current = next((award for award in awards if award.occasion == which.key), None)
    rule = judged.rule if which.counts_from is None else rule_since(judged.rule, which.counts_from)
    return Look(judged, user_id, which, current, evaluate(rule, facts))


def term_at(course: Course, now: datetime) -> OccasionTerm | None:
    """Return the term of the course's organization that a moment is in."""
    found = (one for one in course.terms if one.starts_at <= now < one.ends_at)
    return next((OccasionTerm(one.name, one.starts_at) for one in found), None)


def standings(session: Session, context_id: int, user_id: int, now: datetime) -> list[Standing]:
    """Return how one learner stands with every live badge of the course, on the occasion that counts now.

    Where a new occasion began and nothing was awarded for it yet, the newest earlier award shows.
    """
    course = load_course(session, context_id)
    facts = gather_facts(session, course, [user_id], now)[user_id]
    book = load_book(session, [one.achievement.id for one in course.judged], user_id)
    return [
        Standing(one.judged.achievement, one.award or _newest(book, one.pair), one.judgement)
        for one in (look(judged, user_id, facts, book, term_at(course, now)) for judged in course.judged)
    ]


def _newest(book: AwardBook, pair: Pair) -> Award | None:
    awards = book.awards.get(pair)
    return awards[-1] if awards else None
