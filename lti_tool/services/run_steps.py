"""The single steps of releasing, dismissing and undoing a run: each item is looked at as it is today."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.decisions import Decision, ReviewKind, ReviewOutcome
from lti_tool.domain.interventions import act_by_hand, resolve_review, undo
from lti_tool.domain.verdict import Verdict
from lti_tool.models import Award, AwardRun, AwardRunItem, Context, Review, ReviewState
from lti_tool.models import ReviewKind as StoredKind
from lti_tool.services import audit, credentials
from lti_tool.services.carrying import Carrier
from lti_tool.services.course_rules import load_course
from lti_tool.services.gathering import gather
from lti_tool.services.interventions import enforce
from lti_tool.services.planning import decide_look
from lti_tool.services.run_items import OFFERS, REVIEW, action_of
from lti_tool.services.standings import AwardBook, Look, Pair, load_book, look, term_at

UNDONE = "undone"


class Releasing:
    """Judges the pairs of a held run once more, all from one load of the course."""

    def __init__(self, session: Session, run: AwardRun, items: Iterable[AwardRunItem], now: datetime) -> None:
        self._session, self._run, self._now = session, run, now
        course = load_course(session, run.context_id)
        user_ids = sorted({item.user_id for item in items})
        gathered = gather(session, course, user_ids, now)
        self._book: AwardBook = load_book(session, [one.achievement.id for one in course.judged])
        term = term_at(course, now)
        self._looks: dict[Pair, Look] = {}
        wanted = {(item.achievement_id, item.user_id) for item in items}
        for judged in course.judged:
            for user_id in user_ids:
                if (judged.achievement.id, user_id) in wanted:
                    one = look(judged, user_id, gathered.facts[user_id], self._book, term)
                    self._looks[one.pair] = one
        credentials.take_turn(session, {one.achievement.issuer_profile_id for one in course.judged})
        self._carrier = Carrier(session, course, gathered, gathered.facts, now)

    def release(self, item: AwardRunItem, reason: str, actor: str) -> str | None:
        """Do one item; returns why not, or ``None``."""
        one = self._looks.get((item.achievement_id, item.user_id))
        if one is None:
            return "gone"
        if item.action in OFFERS:
            return self._offer(item, one, reason, actor)
        decision = decide_look(one, self._book, self._now)
        if action_of(decision) != item.action:
            return _VERDICTS.get(one.judgement.verdict, "other")
        done = self._carrier.carry_out(one, decision, actor=actor, run_id=self._run.id, reason=reason)
        return None if done is not None else "gone"

    def _offer(self, item: AwardRunItem, one: Look, reason: str, actor: str) -> str | None:
        award = None if item.award_id is None else self._session.get(Award, item.award_id)
        if award is None or award.state is not AwardState.HELD:
            return "gone"
        if one.pair in self._book.barred:
            return "barred"
        verdict = one.judgement.verdict
        if verdict is Verdict.UNKNOWN:
            return "unknown"
        action = AwardAction.RELEASE if verdict is Verdict.MET else AwardAction.LAPSE
        decision = act_by_hand(self._book.standing(award), action, one.judged.policy)
        self._carrier.carry_out(one._replace(award=award), decision, actor=actor, run_id=self._run.id, reason=reason)
        return None if verdict is Verdict.MET else "not_met"

    def offer_again(self, item: AwardRunItem, award: Award, reason: str, actor: str) -> str | None:
        """Offer again what the run let lapse, where it is earned by today's evidence; returns why not, or ``None``."""
        one = self._looks.get((item.achievement_id, item.user_id))
        if one is None or award.state is not AwardState.LAPSED:
            return "gone"
        if one.pair in self._book.barred:
            return "barred"
        if one.judgement.verdict is not Verdict.MET:
            return one.judgement.verdict.value
        decision = act_by_hand(self._book.standing(award), AwardAction.OFFER_AGAIN, one.judged.policy)
        done = self._carrier.carry_out(
            one._replace(award=award), decision, actor=actor, run_id=self._run.id, reason=reason
        )
        return None if done is not None else "gone"


_VERDICTS = {Verdict.UNKNOWN: "unknown", Verdict.NOT_MET: "other", Verdict.MET: "other"}


class Undoing:
    """Takes items back one by one; judges only those that lapsed."""

    def __init__(self, session: Session, run: AwardRun, items: list[AwardRunItem], now: datetime) -> None:
        self._session, self._run, self._now = session, run, now
        lapsed = [item for item in items if item.action == AwardAction.LAPSE.value]
        self._releasing = Releasing(session, run, lapsed, now)
        self._book = load_book(session, {item.achievement_id for item in items})

    def undo(self, item: AwardRunItem, reason: str, actor: str) -> str | None:
        """Take one item back; returns why not, or ``None``."""
        if item.award_id is None:
            return "gone"
        award = self._session.get_one(Award, item.award_id, populate_existing=True, with_for_update=True)
        if item.action == AwardAction.LAPSE.value:
            return self._releasing.offer_again(item, award, reason, actor)
        decision = self._decide(item, award)
        if decision is None or not decision.does_something:
            return "waits" if award.state in (AwardState.HELD, AwardState.SUSPENDED, AwardState.CLAIMED) else "final"
        payload = {"run": self._run.id}
        done = enforce(self._session, award, decision, reason, actor, self._now, reason_code=UNDONE, payload=payload)
        return None if done else "gone"

    def _decide(self, item: AwardRunItem, award: Award) -> Decision | None:
        standing, review = self._book.standing(award), self._book.open_review(award)
        if item.action != REVIEW:
            return None if item.action == AwardAction.REVOKE.value else undo(standing, open_review=review)
        if review is None or review.kind is not ReviewKind.NO_LONGER_EARNED:
            return None
        return resolve_review(standing, review, ReviewOutcome.KEPT)


def keep(session: Session, award: Award, run: AwardRun, reason: str, actor: str, now: datetime) -> None:
    """Remember that a person keeps an award whatever the grades say now: a claimed one as after a review."""
    audit.record(
        session,
        "award.kept",
        actor=actor,
        subject=f"award:{award.id}",
        organization_id=session.get_one(Context, run.context_id).organization_id,
        payload={"reason": reason, "run": run.id},
        now=now,
    )
    if award.state is not AwardState.CLAIMED:
        award.is_by_hand, award.note = True, reason
        return
    pair = {"achievement_id": award.achievement_id, "user_id": award.user_id, "award_id": award.id}
    found = select(Review).filter_by(**pair, kind=StoredKind.NO_LONGER_EARNED, state=ReviewState.OPEN)
    review = session.scalar(found)
    if review is None:
        review = Review(**pair, kind=StoredKind.NO_LONGER_EARNED, opened_at=now)
        session.add(review)
    review.state, review.decided_by, review.decided_at, review.answer = ReviewState.KEPT, actor, now, reason
