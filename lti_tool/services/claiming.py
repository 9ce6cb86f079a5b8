"""Claiming: a learner takes what was offered, after it was judged once more."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.interventions import act_by_hand, decide_claim
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotClaimableError, NotFoundError
from lti_tool.models import Award, Membership
from lti_tool.services import credentials
from lti_tool.services.award_changes import Ground, Subject, carry_out
from lti_tool.services.awarding import JOB, look_again
from lti_tool.services.credentials import Claim
from lti_tool.services.rebuilding import by_hand_document
from lti_tool.services.standings import load_book


def claim(
    session: Session, context_id: int, award_id: int, user_id: int, *, show_name: bool, now: datetime
) -> Claim | None:
    """Claim an offered award for its learner, after judging it once more; what a person gave is not judged.

    Returns ``None`` when today's evidence says *not met*: the award lapsed, with the reason in it. Claiming a claimed
    award returns its credential. Raises ``NotClaimableError``: ``evidence_unknown`` when it can't be told today (the
    offer stands), ``test_user``, ``award_barred``, ``achievement_retired``, ``award_<state>`` for awards that are not
    offered; ``NotFoundError`` for an award of somebody else.
    """
    award = _own_award(session, context_id, award_id, user_id)
    membership = session.scalar(
        select(Membership).where(Membership.context_id == context_id, Membership.user_id == user_id)
    )
    if membership is None or membership.is_test_user:
        raise NotClaimableError("Test users see badges but cannot claim them.", code="test_user")
    credentials.take_turn(session, [award.achievement.issuer_profile_id])
    session.refresh(award)
    if award.state is AwardState.CLAIMED:
        return _existing_claim(session, award)
    if award.state is not AwardState.OFFERED:
        raise NotClaimableError(f"The award is {award.state.value}.", code=f"award_{award.state.value}")
    decision, ground = _decide(session, context_id, award, now)
    if decision.action is None:
        code = "award_barred" if decision.reason is DecisionReason.BARRED else "evidence_unknown"
        raise NotClaimableError("This badge cannot be claimed today.", code=code)
    award.shows_name = show_name and decision.action is AwardAction.CLAIM
    session.flush()
    acted = carry_out(session, _subject(award), decision, ground)
    if acted is not None and decision.action is AwardAction.LAPSE:
        return None
    return _existing_claim(session, award)


def decline(session: Session, context_id: int, award_id: int, user_id: int, now: datetime) -> None:
    """Let an offer go, for its learner; only a person brings it back.

    Declining twice is once. Raises ``NotFoundError`` for an award of somebody else, ``ConflictError``
    (``transition_refused``) for what is not offered.
    """
    award = _own_award(session, context_id, award_id, user_id)
    if award.state is AwardState.DECLINED:
        return
    subject = _subject(award)
    standing = load_book(session, [award.achievement_id], user_id).standing(award)
    decision = act_by_hand(standing, AwardAction.DECLINE, subject.policy)
    actor = f"user:{user_id}"
    document = by_hand_document(award.achievement, AwardAction.DECLINE, actor, reason="")
    ground = Ground(actor=actor, now=now, award_rule_id=award.award_rule_id, document=document)
    carry_out(session, subject, decision, ground)


def _own_award(session: Session, context_id: int, award_id: int, user_id: int) -> Award:
    award = session.get(Award, award_id)
    if award is None or award.user_id != user_id or award.achievement.context_id != context_id:
        raise NotFoundError("There is no such badge for you here.")
    return award


def _subject(award: Award) -> Subject:
    return Subject(
        achievement=award.achievement,
        user_id=award.user_id,
        award=award,
        policy=AwardPolicy.from_document(award.achievement.policy),
        occasion=award.occasion,
    )


def _decide(session: Session, context_id: int, award: Award, now: datetime) -> tuple[Decision, Ground]:
    """Judge once more; a badge that a person gave needs no judgement, and its rule may be gone."""
    book = load_book(session, [award.achievement_id], award.user_id)
    is_barred = (award.achievement_id, award.user_id) in book.barred
    again = look_again(session, context_id, award, now)
    if again is None and not award.is_by_hand:
        raise NotClaimableError("This badge is not awarded any more.", code="achievement_retired")
    verdict = Verdict.UNKNOWN if again is None else again.look.judgement.verdict
    decision = decide_claim(book.standing(award), verdict, is_barred=is_barred)
    actor = f"user:{award.user_id}"
    if again is None or award.is_by_hand:
        document = by_hand_document(award.achievement, AwardAction.CLAIM, actor, reason=award.note or "")
        return decision, Ground(actor=actor, now=now, award_rule_id=award.award_rule_id, document=document)
    lapses = decision.action is AwardAction.LAPSE
    ground = Ground(
        actor=JOB if lapses else actor,
        now=now,
        award_rule_id=again.look.judged.award_rule_id,
        document=again.document(decision),
        reason_code=again.look.judgement.reason.code.value if lapses else None,
        details=again.why() if lapses else {},
    )
    return decision, ground


def _existing_claim(session: Session, award: Award) -> Claim:
    found = credentials.find_claim(session, award.id)
    if found is None:
        raise NotClaimableError(f"The award is {award.state.value}.", code=f"award_{award.state.value}")
    return found
