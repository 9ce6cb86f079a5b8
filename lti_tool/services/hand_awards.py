"""Awarding by hand: a person gives a badge, with a reason and what was seen; no grade takes it away.

What is given is an award like any other: offered (or claimed at once where the badge needs no claim), with a trace
that says who gave it and why, in a run that can be undone. Test users and staff are never given badges.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.decisions import Decision
from lti_tool.domain.interventions import act_by_hand
from lti_tool.domain.occasions import Term as OccasionTerm
from lti_tool.domain.occasions import occasion, renewal_number
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Achievement, AchievementState, Award, Membership, RunKind, Term
from lti_tool.services import credentials, terms
from lti_tool.services.award_changes import Ground, Subject, carry_out
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.interventions import checked_reason
from lti_tool.services.rebuilding import by_hand_document
from lti_tool.services.run_items import Recorder, record_run
from lti_tool.services.standings import AwardBook, load_book

BY_HAND = "by_hand"
LONGEST_EVIDENCE = 4000
HAS_IT = {AwardState.OFFERED, AwardState.CLAIMED, AwardState.SUSPENDED}


class Giving(StrEnum):
    """What giving a badge to somebody comes to."""

    GIVEN = "given"
    HAS_IT = "has_it"
    """Offered, claimed or suspended already, on this occasion: nothing is doubled."""
    BARRED = "barred"
    NOT_A_LEARNER = "not_a_learner"
    """Staff, test users, and people who are not in the course."""


@dataclass(frozen=True, slots=True)
class Given:
    """One person of a run by hand. ``award_id``: of what was given, or of what they have."""

    user_id: int
    outcome: Giving
    award_id: int | None = None


@dataclass(frozen=True, slots=True)
class HandRun:
    """What a run by hand came to. ``run_id``: ``None`` when nobody was given anything."""

    run_id: int | None
    people: tuple[Given, ...]

    @property
    def counts(self) -> dict[Giving, int]:
        """How many people came to what."""
        counted = Counter(one.outcome for one in self.people)
        return {outcome: counted[outcome] for outcome in Giving}


@dataclass(frozen=True, slots=True)
class Target:
    """What giving would do for one person: the award it starts from and the occasion it is for."""

    outcome: Giving
    award: Award | None = None
    occasion: str = ""


def award_by_hand(
    session: Session,
    achievement_id: int,
    user_ids: Collection[int],
    reason: str,
    evidence_note: str | None,
    actor: str,
    now: datetime,
    *,
    kind: RunKind = RunKind.BY_HAND,
) -> HandRun:
    """Give a live badge to people of its course, at most once each; whoever has it already is reported.

    ``reason`` and ``evidence_note`` (what was seen) are kept; the learner may read the reason. Raises
    ``InvalidInputError`` (``reason_missing``, ``reason_too_long``, ``evidence_too_long``, ``nobody_chosen``);
    ``ConflictError`` (``achievement_not_live``; ``award_barred`` and ``not_a_learner`` when one of the people may not
    get it: then nobody is given anything).
    """
    reason, evidence = checked_reason(reason), _checked_evidence(evidence_note)
    if not user_ids:
        raise InvalidInputError("Choose whom to give the badge.", code="nobody_chosen", field="learners")
    achievement = get_giveable(session, achievement_id)
    targets = find_targets(session, achievement, user_ids, now)
    for outcome, code in ((Giving.BARRED, "award_barred"), (Giving.NOT_A_LEARNER, "not_a_learner")):
        if any(target.outcome is outcome for target in targets.values()):
            raise ConflictError("One of them may not be given this badge.", code=code)
    credentials.take_turn(session, [achievement.issuer_profile_id])
    recorder = Recorder(session, achievement.context_id, actor, now, kind, reason)
    giver = _Giver(session, achievement, reason, evidence, actor, now, recorder)
    people = tuple(giver.give(user_id, targets[user_id]) for user_id in sorted(set(user_ids)))
    run_id = recorder.finish(len(people))
    if run_id is not None:
        payload = {"reason": reason, "evidence": evidence, "people": [one.user_id for one in people]}
        record_run(session, "award_run.by_hand", recorder.run, actor, now, payload)
        want_evaluation(session, achievement.context_id)  # badges may build on it
    return HandRun(run_id, people)


def get_giveable(session: Session, achievement_id: int) -> Achievement:
    """Return a badge that can be given; raises ``NotFoundError``, ``ConflictError`` (``achievement_not_live``)."""
    achievement = session.get(Achievement, achievement_id)
    if achievement is None:
        raise NotFoundError("There is no such badge.")
    is_complete = achievement.current_version_id is not None and achievement.current_rule_id is not None
    if achievement.state is not AchievementState.LIVE or not is_complete:
        raise ConflictError("The badge is not live.", code="achievement_not_live")
    return achievement


def find_targets(
    session: Session, achievement: Achievement, user_ids: Collection[int], now: datetime
) -> dict[int, Target]:
    """Return what giving a badge would do for each of the people."""
    wanted = set(user_ids)
    learners = set(
        session.scalars(
            select(Membership.user_id).where(
                Membership.context_id == achievement.context_id, Membership.is_learner, ~Membership.is_test_user
            )
        )
    )
    book = load_book(session, [achievement.id])
    term = terms.find_term_of(session, achievement.context_id, now)
    return {
        user_id: _target(achievement, user_id, book, term, now) if user_id in learners else Target(Giving.NOT_A_LEARNER)
        for user_id in wanted
    }


def _target(achievement: Achievement, user_id: int, book: AwardBook, term: Term | None, now: datetime) -> Target:
    pair = (achievement.id, user_id)
    awards = book.awards.get(pair, [])
    policy = AwardPolicy.from_document(achievement.policy)
    running = None if term is None else OccasionTerm(term.name, term.starts_at)
    key = occasion(policy, running, [book.standing(one) for one in awards], now).key or ""
    award = next((one for one in awards if one.occasion == key), None)
    if award is not None and award.state in HAS_IT:
        return Target(Giving.HAS_IT, award, key)
    if pair in book.barred:
        return Target(Giving.BARRED)
    if award is not None and award.state is AwardState.REVOKED:
        # What was revoked stays so; giving it again is another award, with a credential of its own.
        last = max(renewal_number(one.occasion) for one in awards)
        return Target(Giving.GIVEN, None, f"renewal {last + 1}")
    return Target(Giving.GIVEN, award, key)


def _checked_evidence(note: str | None) -> str | None:
    cleaned = (note or "").strip()
    if len(cleaned) > LONGEST_EVIDENCE:
        raise InvalidInputError("The note is too long.", code="evidence_too_long", field="evidence")
    return cleaned or None


_ACTIONS = {
    None: AwardAction.OFFER,
    AwardState.HELD: AwardAction.RELEASE,
    AwardState.LAPSED: AwardAction.OFFER_AGAIN,
    AwardState.DECLINED: AwardAction.OFFER_AGAIN,
}


class _Giver:
    """Gives one badge to one person after the other, for one reason."""

    def __init__(
        self,
        session: Session,
        achievement: Achievement,
        reason: str,
        evidence: str | None,
        actor: str,
        now: datetime,
        recorder: Recorder,
    ) -> None:
        self._session, self._achievement, self._recorder = session, achievement, recorder
        self._reason, self._evidence, self._actor, self._now = reason, evidence, actor, now
        self._policy = AwardPolicy.from_document(achievement.policy)

    def give(self, user_id: int, target: Target) -> Given:
        """Give it, unless they have it."""
        award = target.award
        if target.outcome is not Giving.GIVEN:
            return Given(user_id, target.outcome, None if award is None else award.id)
        before = None if award is None else award.state
        book = AwardBook() if award is None else load_book(self._session, [self._achievement.id], user_id)
        standing = None if award is None else book.standing(award)
        decision = act_by_hand(standing, _ACTIONS[before], self._policy)
        subject = Subject(
            achievement=self._achievement,
            user_id=user_id,
            award=award,
            policy=self._policy,
            occasion=target.occasion,
        )
        award_id = carry_out(self._session, subject, decision, self._ground(decision))
        if award_id is None:  # somebody gave it, or an evaluation offered it, at the same moment
            return Given(user_id, Giving.HAS_IT)
        action = (decision.action or AwardAction.OFFER).value
        before_value = None if before is None else before.value
        self._recorder.add_item(self._achievement.id, user_id, award_id, action, before_value)
        return Given(user_id, Giving.GIVEN, award_id)

    def _ground(self, decision: Decision) -> Ground:
        document = by_hand_document(
            self._achievement,
            decision.action or AwardAction.OFFER,
            self._actor,
            reason=self._reason,
            evidence=self._evidence,
        )
        return Ground(
            actor=self._actor,
            now=self._now,
            award_rule_id=self._achievement.current_rule_id or 0,
            document=document,
            reason_code=BY_HAND,
            note=self._reason,
            is_by_hand=True,
            run_id=self._recorder.id_for(decision),
            payload={"reason": self._reason, "evidence": self._evidence},
        )
