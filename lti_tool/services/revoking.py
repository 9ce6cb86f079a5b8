"""Taking back, holding back, and giving back: one award or many, each with a reason; and *do not award again*.

Revoking is for good: the award ends, every signed copy is marked in its status list, in one transaction, and no
evaluation brings it back. Suspending can be undone by restoring.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, Award, AwardBar, Context, Credential, Membership
from lti_tool.services import audit
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.interventions import LONGEST_REASON, act, checked_reason, get_award, locked
from lti_tool.services.upsert import insert_once

__all__ = [
    "BY_A_PERSON",
    "LONGEST_REASON",
    "STEPS",
    "BatchOutcome",
    "act_on_many",
    "bar",
    "find_award",
    "find_bar",
    "find_credential",
    "hold",
    "let_lapse",
    "lift_bar",
    "list_bars",
    "release",
    "restore",
    "revoke",
    "revoke_award",
    "suspend",
]

BY_A_PERSON = "revoked_by_person"
SUSPENDED_BY_PERSON = "suspended_by_person"
HELD_BY_PERSON = "held_by_person"


def find_credential(session: Session, name: str) -> Credential:
    """Return a credential by its public id or its address; raises ``NotFoundError``."""
    public_id = name.rstrip("/").rpartition("/")[2].partition(".")[0]
    credential = session.scalar(select(Credential).where(Credential.public_id == public_id))
    if credential is None:
        raise NotFoundError("There is no such credential.")
    return credential


def revoke(session: Session, credential: Credential, reason: str, actor: str, now: datetime) -> bool:
    """Revoke a credential for good, and remember why; ``False`` when it was revoked before.

    An evaluation never brings a revoked award back. Raises ``InvalidInputError`` (``reason_missing``,
    ``reason_too_long``) and ``ConflictError`` (``transition_refused``).
    """
    return revoke_award(session, credential.award_id, reason, actor, now)


def revoke_award(
    session: Session, award_id: int, reason: str, actor: str, now: datetime, *, never_again: bool = False
) -> bool:
    """Revoke an award, claimed or not; ``False`` when it was revoked before. ``never_again``: and bar the learner.

    Raises as ``revoke`` does.
    """
    reason = checked_reason(reason)
    award = locked(session, award_id)
    if never_again:
        bar(session, award.achievement_id, award.user_id, reason, actor, now)
    if award.state is AwardState.REVOKED:
        return False
    done = act(session, award, AwardAction.REVOKE, reason, actor, now, reason_code=BY_A_PERSON)
    session.expire(award)
    return done


def suspend(session: Session, award_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Put a claimed badge on hold; ``False`` when it was suspended before. Raises as ``revoke`` does."""
    return _step(session, award_id, AwardAction.SUSPEND, AwardState.SUSPENDED, reason, actor, now, SUSPENDED_BY_PERSON)


def restore(session: Session, award_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Give a suspended badge back; ``False`` when it is claimed already. Raises as ``revoke`` does."""
    return _step(session, award_id, AwardAction.RESTORE, AwardState.CLAIMED, reason, actor, now)


def hold(session: Session, award_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Take an offer back for the moment; ``False`` when it is held already. Raises as ``revoke`` does."""
    return _step(session, award_id, AwardAction.HOLD, AwardState.HELD, reason, actor, now, HELD_BY_PERSON)


def release(session: Session, award_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Offer what was held, whoever held it; ``False`` when it is offered already. Raises as ``revoke`` does."""
    award = locked(session, award_id)
    done = _step(session, award_id, AwardAction.RELEASE, AwardState.OFFERED, reason, actor, now)
    want_evaluation(session, award.achievement.context_id)  # a badge that needs no claim is given by it
    return done


def let_lapse(session: Session, award_id: int, reason: str, actor: str, now: datetime) -> bool:
    """End an offer or a held award as if it were not earned: an evaluation may offer it again. Raises as ``revoke``."""
    return _step(session, award_id, AwardAction.LAPSE, AwardState.LAPSED, reason, actor, now, BY_A_PERSON)


def _step(
    session: Session,
    award_id: int,
    action: AwardAction,
    target: AwardState,
    reason: str,
    actor: str,
    now: datetime,
    reason_code: str | None = None,
) -> bool:
    reason = checked_reason(reason)
    award = locked(session, award_id)
    if award.state is target:
        return False
    return act(session, award, action, reason, actor, now, reason_code=reason_code)


# -- many at once -----------------------------------------------------------------------------------------------------

STEPS = {
    AwardAction.REVOKE: revoke_award,
    AwardAction.SUSPEND: suspend,
    AwardAction.RESTORE: restore,
    AwardAction.HOLD: hold,
    AwardAction.RELEASE: release,
    AwardAction.LAPSE: let_lapse,
}


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch came to, by award id: done, so already, and refused (the state does not allow the step)."""

    done: tuple[int, ...]
    unchanged: tuple[int, ...]
    refused: tuple[int, ...]


def act_on_many(
    session: Session,
    context_id: int,
    action: AwardAction,
    award_ids: Iterable[int],
    reason: str,
    actor: str,
    now: datetime,
    *,
    never_again: bool = False,
) -> BatchOutcome:
    """Take one step about many awards of a course; one that does not allow it stops no other.

    ``action`` is one of ``STEPS``. ``never_again`` bars the learners, too, when revoking. Raises ``InvalidInputError``
    (``reason_missing``, ``reason_too_long``) and ``NotFoundError`` for an award of another course, before anything is
    done.
    """
    reason = checked_reason(reason)
    found: dict[str, list[int]] = {"done": [], "unchanged": [], "refused": []}
    for award in [get_award(session, context_id, award_id) for award_id in sorted(set(award_ids))]:
        try:
            changed = STEPS[action](session, award.id, reason, actor, now)
        except ConflictError:
            found["refused"].append(award.id)
            continue
        found["done" if changed else "unchanged"].append(award.id)
        if never_again and action is AwardAction.REVOKE:
            bar(session, award.achievement_id, award.user_id, reason, actor, now)
    return BatchOutcome(**{name: tuple(ids) for name, ids in found.items()})


# -- do not award again -----------------------------------------------------------------------------------------------


def bar(session: Session, achievement_id: int, user_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Remember not to award a badge to a learner, whatever the grades say; ``False`` when it was so already.

    What they have stays. Raises ``InvalidInputError`` (``reason_missing``, ``reason_too_long``), ``NotFoundError``
    for somebody who is not in the badge's course.
    """
    reason = checked_reason(reason)
    achievement = session.get_one(Achievement, achievement_id)
    _require_member(session, achievement.context_id, user_id)
    made = insert_once(
        session,
        AwardBar,
        ["achievement_id", "user_id"],
        achievement_id=achievement_id,
        user_id=user_id,
        reason=reason,
        created_by=actor,
        created_at=now,
    )
    if made is not None:
        _record_bar(session, "award.barred", achievement, user_id, reason, actor, now)
    return made is not None


def lift_bar(session: Session, achievement_id: int, user_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Let a learner earn a badge again; ``False`` when nothing was barred. Raises as ``bar`` does."""
    reason = checked_reason(reason)
    achievement = session.get_one(Achievement, achievement_id)
    gone = session.execute(
        delete(AwardBar)
        .where(AwardBar.achievement_id == achievement_id, AwardBar.user_id == user_id)
        .returning(AwardBar.id)
    ).all()
    if not gone:
        return False
    _record_bar(session, "award.bar_lifted", achievement, user_id, reason, actor, now)
    want_evaluation(session, achievement.context_id)
    return True


def find_bar(session: Session, achievement_id: int, user_id: int) -> AwardBar | None:
    """Return why a learner is not to be awarded a badge, if so."""
    return session.scalar(
        select(AwardBar).where(AwardBar.achievement_id == achievement_id, AwardBar.user_id == user_id)
    )


def list_bars(session: Session, context_id: int) -> list[AwardBar]:
    """Return who is not to be awarded which badge of a course, newest first."""
    found = select(AwardBar).join(Achievement, Achievement.id == AwardBar.achievement_id)
    return list(session.scalars(found.where(Achievement.context_id == context_id).order_by(AwardBar.id.desc())))


def _require_member(session: Session, context_id: int, user_id: int) -> None:
    member = select(Membership.id).where(Membership.context_id == context_id, Membership.user_id == user_id)
    if session.scalar(member) is None:
        raise NotFoundError("There is no such person in this course.")


def _record_bar(
    session: Session, action: str, achievement: Achievement, user_id: int, reason: str, actor: str, now: datetime
) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"achievement:{achievement.id}",
        organization_id=session.get_one(Context, achievement.context_id).organization_id,
        payload={"user": user_id, "reason": reason},
        now=now,
    )


def find_award(session: Session, achievement_id: int, user_id: int) -> Award | None:
    """Return a learner's newest award of a badge."""
    found = select(Award).where(Award.achievement_id == achievement_id, Award.user_id == user_id)
    return session.scalar(found.order_by(Award.id.desc()).limit(1))
