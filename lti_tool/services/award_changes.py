"""Changing awards, in one place: the state by one statement, with its trace, its notice and its audit events.

What is to be done was decided in ``domain``; this does it, at most once, whoever else acts at the same moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import DEFAULT_AWARD_POLICY, AwardPolicy
from lti_tool.domain.award_states import AwardAction, AwardState, advance
from lti_tool.domain.decisions import Decision, DecisionReason, ReviewChange, ReviewWish
from lti_tool.domain.occasions import ONCE
from lti_tool.models import Achievement, Award, Context, Credential, LearnerNotice, Review, Trace, TraceMoment
from lti_tool.services import audit, credentials, delivery, mirrored_awards, notices, reviews
from lti_tool.services.audit_traces import vouch
from lti_tool.services.upsert import insert_once

NO_LONGER_EARNED = DecisionReason.NO_LONGER_EARNED.value
"""The reason of a claimed award that waits for a person to decide."""
GIVES = {AwardAction.OFFER, AwardAction.OFFER_AGAIN, AwardAction.RELEASE}
MOMENTS = {
    AwardAction.OFFER: TraceMoment.OFFERED,
    AwardAction.OFFER_AGAIN: TraceMoment.OFFERED,
    AwardAction.RELEASE: TraceMoment.OFFERED,
    AwardAction.CLAIM: TraceMoment.CLAIMED,
    AwardAction.LAPSE: TraceMoment.LAPSED,
    AwardAction.DECLINE: TraceMoment.REVIEWED,
    AwardAction.HOLD: TraceMoment.HELD,
    AwardAction.SUSPEND: TraceMoment.SUSPENDED,
    AwardAction.RESTORE: TraceMoment.RESTORED,
    AwardAction.REVOKE: TraceMoment.REVOKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose award of which badge it is about. ``award``: ``None`` for one that does not exist yet."""

    achievement: Achievement
    user_id: int
    award: Award | None
    policy: AwardPolicy = DEFAULT_AWARD_POLICY
    occasion: str = ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Who acts, when and why: what every change is kept with.

    ``document``: the trace (a judgement as JSON, and more). ``reason_code`` and ``note`` go to the award; a note is
    what a person wrote, and the learner may read it. ``payload`` goes to the audit trail, erasable.
    """

    actor: str
    now: datetime
    award_rule_id: int
    document: Mapping[str, Any]
    reason_code: str | None = None
    note: str | None = None
    is_by_hand: bool | None = None
    run_id: int | None = None
    payload: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """For the learner's notice."""


def carry_out(session: Session, subject: Subject, decision: Decision, ground: Ground) -> int | None:
    """Do what was decided; returns the award's id, or ``None`` when somebody acted first and nothing was done."""
    award, traces = subject.award, list[Trace]()
    if decision.action is None:
        award_id = _without_step(session, award, decision, ground, traces)
    elif award is None:
        award_id = _begin(session, subject, decision.action, ground, traces)
    else:
        moved = _move(session, award, decision.action, ground, subject.policy, traces)
        award_id = award.id if moved else None
        if moved and decision.review is not None:
            reviews.change_review(session, award, decision.review, ground.actor, ground.now, answer=ground.note)
    if award_id is None:
        return None
    if decision.then is not None:
        _move(session, session.get_one(Award, award_id), decision.then, ground, subject.policy, traces)
    if decision.events:
        _record(session, decision.events, award_id, subject.achievement, ground, traces)
    if decision.notice is not None:
        notices.tell(
            session,
            decision.notice.value,
            user_id=subject.user_id,
            achievement_id=subject.achievement.id,
            award_id=award_id,
            now=ground.now,
            details=_details(decision, ground),
        )
    return award_id


def _begin(session: Session, subject: Subject, action: AwardAction, ground: Ground, traces: list[Trace]) -> int | None:
    """Make an award, at most once: the unique key settles races."""
    award_id = insert_once(
        session,
        Award,
        ["achievement_id", "user_id", "occasion"],
        achievement_id=subject.achievement.id,
        user_id=subject.user_id,
        occasion=subject.occasion,
        state=advance(None, action),
        achievement_version_id=subject.achievement.current_version_id,
        award_rule_id=ground.award_rule_id,
        reason_code=ground.reason_code,
        offered_at=ground.now,
        changed_at=ground.now,
        is_by_hand=bool(ground.is_by_hand),
        award_run_id=ground.run_id,
        note=ground.note,
        shows_name=False,
    )
    if award_id is not None:
        traces.append(_keep_trace(session, award_id, MOMENTS[action], ground))
    return award_id


def _move(
    session: Session, award: Award, action: AwardAction, ground: Ground, policy: AwardPolicy, traces: list[Trace]
) -> bool:
    """Move an award along the transition table, by one statement, and keep the trace; nothing is told or recorded.

    A claim makes the credential, a revocation marks its copies. ``False`` when somebody moved the award first. Raises
    ``ConflictError`` (``transition_refused``) when the table does not allow the action.
    """
    target = advance(award.state, action)
    values = _values(award, action, ground, policy)
    moved = session.execute(
        update(Award)
        .where(Award.id == award.id, Award.state == award.state)
        .values(state=target, **values)
        .returning(Award.id)
    ).scalar()
    session.refresh(award)
    if moved is None:
        return False
    traces.append(_keep_trace(session, award.id, MOMENTS[action], ground))
    if action is AwardAction.CLAIM:
        is_by_learner = ground.actor == f"user:{award.user_id}"
        credentials.make_credential(session, award, ground.now, names_address=is_by_learner)
    if action is AwardAction.REVOKE:
        credentials.revoke_copies(session, award.id, ground.now)
        _follow_revocation(session, award.id, ground.now)
    return True


def _follow_revocation(session: Session, award_id: int, now: datetime) -> None:
    """Backpacks the badge went to are told, where they can be."""
    credential = session.scalar(select(Credential).where(Credential.award_id == award_id))
    if credential is not None:
        delivery.follow_revocation(session, credential, now)
        mirrored_awards.follow_revocation(session, credential, now)


def _values(award: Award, action: AwardAction, ground: Ground, policy: AwardPolicy) -> dict[str, Any]:
    now = ground.now
    values: dict[str, Any] = {
        "changed_at": now,
        "award_rule_id": ground.award_rule_id,
        "reason_code": ground.reason_code,
    }
    if action is AwardAction.CLAIM:
        values |= {
            "claimed_at": now,
            "achievement_version_id": version_to_claim(award),
            "valid_until": policy.valid_until(now),
        }
    if action in GIVES:
        values |= {"offered_at": now, "achievement_version_id": award.achievement.current_version_id}
    if ground.note is not None:
        values["note"] = ground.note
    if ground.is_by_hand is not None:
        values["is_by_hand"] = ground.is_by_hand
    if ground.run_id is not None:
        values["award_run_id"] = ground.run_id
    return values


def version_to_claim(award: Award) -> int:
    """Return the id of the version that claiming an offer gives.

    The one it was offered as, whatever was written since; but once the rule changed, the current one: the earlier one
    names competencies that are not what is judged any more.
    """
    current = award.achievement.current_version_id
    has_same_rule = award.award_rule_id == award.achievement.current_rule_id
    return award.achievement_version_id if has_same_rule or current is None else current


def _without_step(
    session: Session, award: Award | None, decision: Decision, ground: Ground, traces: list[Trace]
) -> int | None:
    """Change a review, or only tell the learner something, once."""
    if award is None:
        return None
    if decision.review is None:
        return award.id if _is_news(session, award, decision) else None
    review_id = reviews.change_review(session, award, decision.review, ground.actor, ground.now, answer=ground.note)
    if review_id is None:
        return None
    if decision.needs_review:
        trace = _keep_trace(session, award.id, TraceMoment.REVIEWED, ground)
        traces.append(trace)
        session.flush()
        session.execute(update(Review).where(Review.id == review_id).values(trace_id=trace.id))
    _mark(session, award, decision.review)
    return award.id


def _mark(session: Session, award: Award, wish: ReviewWish) -> None:
    """Show on the award itself that it is in question and why, or no longer is."""
    session.execute(
        update(Award)
        .where(Award.id == award.id, Award.state == AwardState.CLAIMED)
        .values(reason_code=None if wish.change is ReviewChange.SETTLE else wish.kind.value)
    )
    session.refresh(award)


def _is_news(session: Session, award: Award, decision: Decision) -> bool:
    """Whether the learner was not told yet; the award's row is locked, so that two do not tell at once."""
    if decision.notice is None:
        return False
    session.execute(select(Award.id).where(Award.id == award.id).with_for_update())
    told = select(LearnerNotice.id).where(
        LearnerNotice.award_id == award.id, LearnerNotice.code == decision.notice.value
    )
    return session.scalar(told.limit(1)) is None


def _details(decision: Decision, ground: Ground) -> dict[str, Any]:
    details = dict(ground.details)
    if decision.review is not None and decision.review.due_at is not None:
        details["due_at"] = decision.review.due_at.isoformat()
    if ground.note is not None:
        details["note"] = ground.note
    return details


# -- what is kept -----------------------------------------------------------------------------------------------------


def _keep_trace(session: Session, award_id: int, moment: TraceMoment, ground: Ground) -> Trace:
    """Keep why; the trace is written with the next flush."""
    trace = Trace(
        award_id=award_id,
        moment=moment,
        award_rule_id=ground.award_rule_id,
        document=dict(ground.document),
        taken_at=ground.now,
    )
    session.add(trace)
    return trace


def _record(
    session: Session,
    actions: Iterable[str],
    award_id: int,
    achievement: Achievement,
    ground: Ground,
    traces: Sequence[Trace],
) -> None:
    """Write audit events about an award; their details vouch for the traces that were taken."""
    session.flush()
    said = vouch(session.get_one(Award, award_id), traces)
    for action in actions:
        audit.record(
            session,
            action,
            actor=ground.actor,
            subject=f"award:{award_id}",
            organization_id=session.get_one(Context, achievement.context_id).organization_id,
            payload={**(ground.payload or {}), **said},
            now=ground.now,
        )
