"""Awards on their way to an issuing platform: one row per credential and platform, issued there once.

Rows are taken in batches under a lease. A process that dies, or a call without an answer, leaves rows of which nobody
knows whether they arrived; whoever takes one for the second time looks at the platform first. Only what the platform
refuses for good, or what failed again and again, ends as *failed*, with the reason.
"""

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from lti_tool.backpacks.badgr_issuing import IssuedAward
from lti_tool.domain.award_states import AwardState
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    Credential,
    CredentialVersion,
    IssuerProfile,
    IssuingPlatform,
    IssuingState,
    MirroredAward,
    MirroredBadgeClass,
    MirrorState,
    SubjectKind,
    VersionState,
)
from lti_tool.openbadges.v3_model import normalise_email
from lti_tool.services import audit
from lti_tool.services.upsert import insert_once

LEASE = timedelta(minutes=5)
"""Longer than the three calls of a batch may take."""
ATTEMPTS = 12
BACK_OFF = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=6)
LONGEST_PAUSE = timedelta(minutes=15)
JITTER = random.SystemRandom()
DUE_STATES = (MirrorState.REVOKING, MirrorState.SENDING, MirrorState.QUEUED)
_UNSENT = (MirrorState.QUEUED, MirrorState.SENDING)


def queue_award(session: Session, credential: Credential, now: datetime) -> int:
    """Ask for a credential that was just issued to be issued on the institution's platforms too; returns on how many.

    Nothing is asked for a credential that names no e-mail address: those platforms know no other recipient. Asking
    again changes nothing, unless the newest copy names another address: the award there follows it.
    """
    achievement = credential.award.achievement
    platforms = session.scalars(
        select(IssuingPlatform.id).where(
            IssuingPlatform.organization_id == achievement.issuer_profile.organization_id,
            IssuingPlatform.state != IssuingState.DISABLED,
        )
    ).all()
    if not platforms or credential.award.state is AwardState.REVOKED:
        return 0
    if recipient_of(session, credential.id) is None:
        if credential.versions[-1].replaces:  # the learner took the address back, everywhere
            follow_revocation(session, credential, now)
        return 0
    _follow_address(session, credential.id, now)
    return sum(_insert(session, platform_id, credential.id, now) for platform_id in platforms)


def queue_missing(session: Session, platform_id: int, now: datetime) -> int:
    """Ask for every valid credential of the institution that the platform was never sent; returns how many."""
    platform = session.get_one(IssuingPlatform, platform_id)
    sent = select(MirroredAward.credential_id).where(MirroredAward.issuing_platform_id == platform_id)
    copy = aliased(CredentialVersion)
    newest = (
        select(func.max(copy.number))
        .where(copy.credential_id == Credential.id, copy.state == VersionState.ISSUED)
        .scalar_subquery()
    )
    found = session.scalars(
        select(Credential.id)
        .join(Award, Award.id == Credential.award_id)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .join(IssuerProfile, IssuerProfile.id == Achievement.issuer_profile_id)
        .join(CredentialVersion, CredentialVersion.credential_id == Credential.id)
        .where(
            IssuerProfile.organization_id == platform.organization_id,
            Award.state == AwardState.CLAIMED,
            CredentialVersion.number == newest,
            CredentialVersion.subject_kind == SubjectKind.EMAIL_HASH,
            Credential.id.not_in(sent),
        )
        .order_by(Credential.id)
    )
    return sum(_insert(session, platform_id, credential_id, now) for credential_id in found.all())


def _insert(session: Session, platform_id: int, credential_id: int, now: datetime) -> bool:
    made = insert_once(
        session,
        MirroredAward,
        ["issuing_platform_id", "credential_id"],
        issuing_platform_id=platform_id,
        credential_id=credential_id,
        state=MirrorState.QUEUED,
        attempts=0,
        due_at=now,
        created_at=now,
    )
    return made is not None


def _follow_address(session: Session, credential_id: int, now: datetime) -> None:
    """Send again what is made out to another address than the newest copy, or was taken back for want of one."""
    named = recipient_of(session, credential_id)
    if named is None:
        return
    own = select(MirroredAward).where(MirroredAward.credential_id == credential_id)
    for row in session.scalars(own.where(MirroredAward.state.in_((MirrorState.ISSUED, MirrorState.REVOKED)))):
        if row.state is MirrorState.REVOKED:
            row.remote_id = row.receipt = None
        elif row.receipt is None or row.receipt["email"] == normalise_email(named):
            continue
        row.state, row.attempts, row.due_at, row.settled_at = MirrorState.QUEUED, 0, now, None


def recipient_of(session: Session, credential_id: int) -> str | None:
    """Return the e-mail address of the newest signed copy, or ``None`` when it names none."""
    found = session.execute(
        select(CredentialVersion.subject_kind, CredentialVersion.subject)
        .where(CredentialVersion.credential_id == credential_id, CredentialVersion.state == VersionState.ISSUED)
        .order_by(CredentialVersion.number.desc())
        .limit(1)
    ).one_or_none()
    return found.subject if found is not None and found.subject_kind is SubjectKind.EMAIL_HASH else None


def follow_revocation(session: Session, credential: Credential, now: datetime) -> None:
    """The badge was revoked: revoke it on every platform, or do not issue it there in the first place."""
    own = MirroredAward.credential_id == credential.id
    session.execute(
        update(MirroredAward)
        .where(own, MirroredAward.state == MirrorState.QUEUED, MirroredAward.attempts == 0)
        .values(state=MirrorState.REVOKED, settled_at=now)
    )
    may_be_there = (*_UNSENT, MirrorState.ISSUED, MirrorState.FAILED)
    session.execute(
        update(MirroredAward)
        .where(own, MirroredAward.state.in_(may_be_there))
        .values(state=MirrorState.REVOKING, attempts=0, due_at=now, settled_at=None, error_code=None)
    )


def is_due(state: MirrorState, now: datetime) -> ColumnElement[bool]:
    """The condition that somebody should take a row in one of ``DUE_STATES``.

    Asked state by state, since an index answers that; *issued*, by far the most, is never looked at.
    """
    is_free = or_(MirroredAward.lease_until.is_(None), MirroredAward.lease_until < now)
    return and_(MirroredAward.state == state, MirroredAward.due_at <= now, is_free)


def is_open(now: datetime) -> ColumnElement[bool]:
    """The condition that a platform may be called."""
    rested = or_(IssuingPlatform.paused_until.is_(None), IssuingPlatform.paused_until <= now)
    return and_(IssuingPlatform.state == IssuingState.ACTIVE, rested)


def stale_classes() -> ColumnElement[bool]:
    """The condition that a badge class says what its achievement said before."""
    return and_(
        Achievement.id == MirroredBadgeClass.achievement_id,
        Achievement.state == AchievementState.LIVE,
        Achievement.current_version_id != MirroredBadgeClass.achievement_version_id,
    )


def due(session: Session, now: datetime) -> list[int]:
    """Return ids of platforms for which there is something to do."""
    platforms = session.scalars(select(IssuingPlatform.id).where(is_open(now)).order_by(IssuingPlatform.id)).all()
    return [one for one in platforms if _has_work(session, one, now)]


def _has_work(session: Session, platform_id: int, now: datetime) -> bool:
    waiting = select(MirroredAward.id).where(MirroredAward.issuing_platform_id == platform_id).limit(1)
    if any(session.scalar(waiting.where(is_due(state, now))) is not None for state in DUE_STATES):
        return True
    stale = select(MirroredBadgeClass.id).join(Achievement, stale_classes())
    return session.scalar(stale.where(MirroredBadgeClass.issuing_platform_id == platform_id).limit(1)) is not None


# -- what came of it --------------------------------------------------------------------------------------------------


def settle(session: Session, row_id: int, issued: IssuedAward, outcome: str, now: datetime) -> None:
    """Record that the platform shows the award. One that was revoked meanwhile is revoked there next."""
    row = session.get_one(MirroredAward, row_id, populate_existing=True)
    row.remote_id, row.lease_until, row.error_code = issued.id, None, None
    row.receipt = {
        "outcome": outcome,
        "open_badge_id": issued.open_badge_id,
        "email": issued.email,
        "read_back": True,
        "received_at": now.isoformat(),
    }
    if row.state is MirrorState.SENDING:
        row.state, row.settled_at = MirrorState.ISSUED, now
        _record(session, row, now)
        _follow_address(session, row.credential_id, now)
    row.issuing_platform.last_success_at, row.issuing_platform.error_code = now, None


def settle_revocation(session: Session, row_id: int, now: datetime) -> None:
    """Record that the award does not hold there any more."""
    row = session.get_one(MirroredAward, row_id, populate_existing=True)
    row.state, row.settled_at, row.lease_until, row.error_code = MirrorState.REVOKED, now, None, None
    _record(session, row, now)
    if row.credential.award.state is not AwardState.REVOKED:
        _follow_address(session, row.credential_id, now)
    row.issuing_platform.last_success_at, row.issuing_platform.error_code = now, None


def refuse(session: Session, row_id: int, error_code: str, now: datetime) -> None:
    """End an award that the platform refuses for good, with the reason."""
    row = session.get_one(MirroredAward, row_id, populate_existing=True)
    if row.state is MirrorState.SENDING:
        _fail(session, row, error_code, now)


def put_back(
    session: Session,
    row_ids: Collection[int],
    error_code: str,
    now: datetime,
    *,
    counts: bool = True,
    retry_after: float | None = None,
) -> None:
    """Try rows again later, further and further apart; the platform rests meanwhile. After ``ATTEMPTS`` they end.

    ``counts``: whether it was an attempt; being told to wait, or that the account has to sign in, is none.
    """
    wait = timedelta(seconds=retry_after) if retry_after is not None else timedelta(0)
    pauses = [wait]
    for row_id in row_ids:
        row = session.get_one(MirroredAward, row_id, populate_existing=True)
        row.lease_until = None
        if not counts:
            row.attempts = max(row.attempts - 1, 0)
        elif row.attempts >= ATTEMPTS:
            _fail(session, row, error_code, now)
            continue
        if row.state is MirrorState.SENDING:
            row.state = MirrorState.QUEUED
        row.error_code = error_code
        pauses.append(max(wait, _back_off(row.attempts)) if counts else wait)
        row.due_at = now + pauses[-1]
        platform = row.issuing_platform
        platform.error_code = error_code
        platform.paused_until = max(platform.paused_until or now, now + max(wait, min(pauses[-1], LONGEST_PAUSE)))


def rest(session: Session, platform_id: int, error_code: str, now: datetime, retry_after: float | None) -> None:
    """Leave a platform alone for a while: it failed at something that no award waits for."""
    platform = session.get_one(IssuingPlatform, platform_id)
    platform.error_code = error_code
    platform.paused_until = now + (timedelta(seconds=retry_after) if retry_after else LONGEST_PAUSE)


def _back_off(attempts: int) -> timedelta:
    doubled = min(BACK_OFF * 2 ** min(max(attempts - 1, 0), 20), LONGEST_WAIT)
    return timedelta(seconds=doubled.total_seconds() * JITTER.uniform(0.75, 1.25))


def retry_failed(session: Session, platform_id: int, now: datetime) -> int:
    """Try again whatever failed; returns how many. They may be there, so they are looked for first."""
    rows = session.scalars(
        select(MirroredAward).where(
            MirroredAward.issuing_platform_id == platform_id, MirroredAward.state == MirrorState.FAILED
        )
    ).all()
    for row in rows:
        revoked = row.credential.award.state is AwardState.REVOKED
        row.state = MirrorState.REVOKING if revoked else MirrorState.QUEUED
        row.attempts, row.due_at, row.error_code, row.settled_at = 1, now, None, None
    return len(rows)


def _fail(session: Session, row: MirroredAward, error_code: str, now: datetime) -> None:
    row.state, row.settled_at, row.lease_until, row.error_code = MirrorState.FAILED, now, None, error_code
    _record(session, row, now, {"error_code": error_code})


def _record(session: Session, row: MirroredAward, now: datetime, payload: dict[str, Any] | None = None) -> None:
    action, subject = f"mirrored_award.{row.state.value}", f"mirrored_award:{row.id}"
    organization_id = row.issuing_platform.organization_id
    audit.record(
        session, action, actor="job", subject=subject, organization_id=organization_id, payload=payload, now=now
    )
