"""Explaining: for one learner and one badge what is decided now and why, what would help, and what was decided then.

Reading only, by the functions that live evaluation uses. What staff may read of it and a learner may not is taken out
by ``withholding.for_learner``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardState
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lifecycle import is_expired
from lti_tool.domain.occasions import Occasion
from lti_tool.domain.remedies import Remedy, remedies
from lti_tool.domain.rules import Rule, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    AwardBar,
    AwardRule,
    Membership,
    Review,
    ReviewKind,
    Trace,
    TraceMoment,
)
from lti_tool.services.course_rules import Course, Judged, load_course
from lti_tool.services.gathering import gather_facts
from lti_tool.services.notices import is_withdrawn
from lti_tool.services.overview import titles_of
from lti_tool.services.planning import decide_look
from lti_tool.services.rebuilding import RebuildOutcome, rebuild_trace
from lti_tool.services.run_items import find_held, waiting_pairs
from lti_tool.services.standings import AwardBook, Look, load_book, look, term_at
from lti_tool.services.wallet import course_titles

UNPUBLISHED = {AchievementState.DRAFT, AchievementState.REVIEW}
HELD_BACK = Decision(None, DecisionReason.HELD_BACK)
_STATE_OF_VERDICT = {Verdict.MET: "met", Verdict.NOT_MET: "not_yet", Verdict.UNKNOWN: "unknown"}


class Idle(StrEnum):
    """Why nothing is decided about a pair at all."""

    NOT_LIVE = "not_live"
    """A draft, or one that waits for approval: it is judged, but nobody is awarded it."""
    RETIRED = "retired"
    NOT_A_LEARNER = "not_a_learner"
    """Staff, test users, and people who are not in the course."""
    NO_TERM = "no_term"
    """The badge is earned once a term, and none is running."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was decided once, and whether its observations still give the same (``rebuilding``).

    ``judgement``: ``None`` for a trace that cannot be read.
    """

    moment: TraceMoment
    taken_at: datetime
    rule_number: int | None
    judgement: Judgement | None
    outcome: RebuildOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One learner and one badge. ``judgement``, ``rule``, ``occasion``: ``None`` where nothing is judged.

    ``award``: of the occasion that counts now. ``decision``: what the next evaluation does; ``None`` where ``idle``
    says why, or where a learner may not know. ``reviews``: the open ones. ``bar_reason``: for staff only.
    ``is_withdrawn``: an offer was taken back for the moment, and the learner was told. ``kept``: oldest first; filled
    by :func:`explain` only.
    """

    as_of: datetime
    user_id: int
    achievement: Achievement
    policy: AwardPolicy
    titles: dict[str, str]
    rule: Rule | None = None
    rule_number: int | None = None
    occasion: Occasion | None = None
    award: Award | None = None
    judgement: Judgement | None = None
    remedies: tuple[Remedy, ...] = ()
    decision: Decision | None = None
    idle: Idle | None = None
    is_barred: bool = False
    bar_reason: str | None = None
    reviews: tuple[Review, ...] = ()
    is_withdrawn: bool = False
    kept: tuple[Kept, ...] = ()

    @property
    def state(self) -> str:
        """How it stands in one word, a key of the looks of states: of the award, else of what is decided."""
        if self.award is not None and not self._is_open_again:
            return award_state(self.award, self.reviews, self.as_of)
        if self.decision is not None and self.decision.reason is DecisionReason.WAITS_FOR_DATE:
            return "waits_for_date"
        return "not_yet" if self.judgement is None else _STATE_OF_VERDICT[self.judgement.verdict]

    @property
    def _is_open_again(self) -> bool:
        """Lapsed, and not what today's grades say any more."""
        is_lapsed = self.award is not None and self.award.state is AwardState.LAPSED
        return is_lapsed and self.judgement is not None and self.judgement.verdict is not Verdict.NOT_MET


def award_state(award: Award, reviews: tuple[Review, ...], now: datetime) -> str:
    """Return how an award stands in one word: ``ready`` when offered, ``expired`` and ``in_review`` of claimed ones."""
    if award.state is AwardState.OFFERED:
        return "ready"
    if award.state is not AwardState.CLAIMED:
        return award.state.value
    if is_expired(award.valid_until, now):
        return "expired"
    return "in_review" if in_question(award, reviews) is not None else "claimed"


def in_question(award: Award, reviews: tuple[Review, ...]) -> Review | None:
    """Return the open review of a claimed award, appeals apart."""
    own = (one for one in reviews if one.award_id == award.id and one.kind is not ReviewKind.APPEAL)
    return next(own, None)


def explain(
    session: Session, context_id: int, user_id: int, achievement_id: int, now: datetime, *, drafts: bool = False
) -> Explanation:
    """Explain one badge to one learner, with what was decided before.

    Raises ``NotFoundError`` for a badge of another course, one that says nothing yet, and, without ``drafts``, one
    that was never published.
    """
    achievement = session.get(Achievement, achievement_id)
    if achievement is None or achievement.context_id != context_id or achievement.current_version is None:
        raise NotFoundError("There is no such badge in this course.")
    is_unpublished = achievement.state in UNPUBLISHED
    if is_unpublished and not drafts:
        raise NotFoundError("There is no such badge in this course.")
    course = load_course(session, context_id, drafts=is_unpublished)
    explainer = _Explainer(session, course, user_id, [achievement_id], now)
    judged = next((one for one in course.judged if one.achievement.id == achievement_id), None)
    found = explainer.without_rule(achievement) if judged is None else explainer.explain(judged)
    return replace(found, kept=_kept(session, found.award))


def explain_all(session: Session, context_id: int, user_id: int, now: datetime) -> list[Explanation]:
    """Explain every live badge of the course to one learner, in their order, without what was decided before."""
    course = load_course(session, context_id)
    explainer = _Explainer(session, course, user_id, [one.achievement.id for one in course.judged], now)
    return [explainer.explain(judged) for judged in course.judged]


class _Explainer:
    """Explains badges of one course to one learner; everything that is known is loaded once."""

    def __init__(self, session: Session, course: Course, user_id: int, badges: list[int], now: datetime) -> None:
        self._session, self._course, self._user_id, self._now = session, course, user_id, now
        self._facts = gather_facts(session, course, [user_id], now)[user_id]
        self._book: AwardBook = load_book(session, badges, user_id)
        self._titles = course.sections | titles_of(course) | course_titles(session, course.context_id)
        self._is_learner = _is_learner(session, course.context_id, user_id)
        run = find_held(session, course.context_id)
        self._waiting = frozenset() if run is None else waiting_pairs(session, run)

    def explain(self, judged: Judged) -> Explanation:
        """Explain one badge with a rule."""
        one = look(judged, self._user_id, self._facts, self._book, term_at(self._course, self._now))
        idle = self._idle(one)
        rule = judged.achievement.current_rule
        return replace(
            self._frame(judged.achievement, one.award),
            rule=judged.rule,
            rule_number=None if rule is None else rule.number,
            occasion=one.occasion,
            judgement=one.judgement,
            remedies=remedies(one.judgement, self._now),
            decision=self._decision(one) if idle is None else None,
            idle=idle,
        )

    def without_rule(self, achievement: Achievement) -> Explanation:
        """Explain a badge that nobody is judged for: retired, or a draft without a rule."""
        awards = self._book.awards.get((achievement.id, self._user_id))
        rule = achievement.current_rule
        return replace(
            self._frame(achievement, awards[-1] if awards else None),
            rule=None if rule is None else parse_rule(rule.document),
            rule_number=None if rule is None else rule.number,
            idle=Idle.RETIRED if achievement.state is AchievementState.RETIRED else Idle.NOT_LIVE,
        )

    def _frame(self, achievement: Achievement, award: Award | None) -> Explanation:
        pair = (achievement.id, self._user_id)
        is_barred = pair in self._book.barred
        return Explanation(
            as_of=self._now,
            user_id=self._user_id,
            achievement=achievement,
            policy=AwardPolicy.from_document(achievement.policy),
            titles=self._titles,
            award=award,
            is_barred=is_barred,
            bar_reason=_bar_reason(self._session, *pair) if is_barred else None,
            reviews=tuple(self._book.reviews.get(pair, ())),
            is_withdrawn=award is not None and award.state is AwardState.HELD and is_withdrawn(self._session, award.id),
        )

    def _idle(self, one: Look) -> Idle | None:
        if one.judged.achievement.state is not AchievementState.LIVE:
            return Idle.NOT_LIVE
        if not self._is_learner:
            return Idle.NOT_A_LEARNER
        return Idle.NO_TERM if one.occasion.key is None else None

    def _decision(self, one: Look) -> Decision:
        return HELD_BACK if one.pair in self._waiting else decide_look(one, self._book, self._now)


def _is_learner(session: Session, context_id: int, user_id: int) -> bool:
    """Whether an evaluation looks at somebody."""
    found = select(Membership.id).where(
        Membership.context_id == context_id,
        Membership.user_id == user_id,
        Membership.is_learner,
        ~Membership.is_test_user,
    )
    return session.scalar(found) is not None


def _bar_reason(session: Session, achievement_id: int, user_id: int) -> str | None:
    barred = (AwardBar.achievement_id == achievement_id, AwardBar.user_id == user_id)
    return session.scalar(select(AwardBar.reason).where(*barred))


def _kept(session: Session, award: Award | None) -> tuple[Kept, ...]:
    if award is None:
        return ()
    rows = session.execute(
        select(Trace, AwardRule.number)
        .outerjoin(AwardRule, AwardRule.id == Trace.award_rule_id)
        .where(Trace.award_id == award.id)
        .order_by(Trace.id)
    )
    return tuple(_kept_trace(session, trace, number) for trace, number in rows.all())


def _kept_trace(session: Session, trace: Trace, rule_number: int | None) -> Kept:
    rebuilt = rebuild_trace(session, trace)
    return Kept(trace.moment, trace.taken_at, rule_number, rebuilt.stored, rebuilt.outcome)
