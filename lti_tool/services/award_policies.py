"""How a badge is awarded: its policy, written by a person, audited, and acted on by the next evaluation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.models import Achievement, AchievementState, Award, Context, Term
from lti_tool.services import audit, outcomes
from lti_tool.services.course_sync import want_evaluation


def policy_of(achievement: Achievement) -> AwardPolicy:
    """Return how a badge is awarded."""
    return AwardPolicy.from_document(achievement.policy)


def write_policy(
    session: Session, achievement: Achievement, document: Mapping[str, Any], actor: str, now: datetime
) -> AwardPolicy:
    """Make this the badge's policy; the same again changes nothing.

    Badges that were claimed keep their end of validity. Raises ``InvalidInputError`` (``policy_…``, with ``field``).
    """
    policy = AwardPolicy.from_document(document)
    before = policy_of(achievement)
    if policy == before:
        return policy
    achievement.policy = dict(policy.to_document())
    session.flush()
    audit.record(
        session,
        "achievement.policy_changed",
        actor=actor,
        subject=f"achievement:{achievement.id}",
        organization_id=session.get_one(Context, achievement.context_id).organization_id,
        payload={"before": before.to_document(), "after": policy.to_document()},
        now=now,
    )
    if policy.assessors != before.assessors:
        outcomes.settle_again(session, achievement.id, now)
    if achievement.state is AchievementState.LIVE:
        want_evaluation(session, achievement.context_id)
    return policy


# -- what time alone changes ------------------------------------------------------------------------------------------


def contexts_of_the_hour(session: Session, since: datetime, now: datetime) -> set[int]:
    """Return courses in which the clock alone changed something between two moments, with no new grade.

    A badge expired, its renewal opened, a date that offers waited for came, or a term began.
    """
    live = select(Achievement).where(Achievement.state == AchievementState.LIVE)
    found: set[int] = set()
    started = select(Term.organization_id).where(Term.starts_at > since, Term.starts_at <= now)
    organizations = set(session.scalars(started))
    for achievement in session.scalars(live.where(Achievement.policy.is_not(None))):
        policy = policy_of(achievement)
        if policy.hold_until is not None and since < policy.hold_until <= now:
            found.add(achievement.context_id)
        if policy.validity_days is not None and _ends(session, achievement.id, policy, since, now):
            found.add(achievement.context_id)
    courses = select(Context.id).join(Achievement, Achievement.context_id == Context.id)
    found |= set(session.scalars(courses.where(Context.organization_id.in_(organizations)).distinct()))
    return found


def _ends(session: Session, achievement_id: int, policy: AwardPolicy, since: datetime, now: datetime) -> bool:
    """Whether a badge expired between two moments, or could be renewed from then on."""
    for ahead in {timedelta(), timedelta(days=policy.renewal_window_days)}:
        ends = select(Award.id).where(
            Award.achievement_id == achievement_id,
            Award.valid_until > since + ahead,
            Award.valid_until <= now + ahead,
        )
        if session.scalar(ends.limit(1)) is not None:
            return True
    return False
