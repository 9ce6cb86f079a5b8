"""What one run for an issuing platform has to do next: a batch of awards of one badge, one revocation, or a badge
class that has to say something new. Each is taken by one statement and carries all that is needed while no transaction
is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lti_tool.backpacks.badgr_documents import BadgeClassCard, IssuerCard, NewAward
from lti_tool.backpacks.badgr_issuing import BATCH
from lti_tool.models import (
    Achievement,
    Award,
    Blob,
    Credential,
    IssuerProfile,
    MirroredAward,
    MirroredBadgeClass,
    MirroredIssuer,
    MirrorState,
)
from lti_tool.openbadges.v3_model import normalise_email
from lti_tool.services import mirrored_awards
from lti_tool.services.achievement_cards import achievement_card
from lti_tool.services.mirrored_awards import LEASE, is_due
from lti_tool.services.upsert import insert_once


@dataclass(frozen=True, slots=True)
class BadgeClassWork:
    """A badge class as it is to be; ``remote_id`` and ``issuer_remote_id`` where they are known."""

    platform_id: int
    achievement_id: int
    version_id: int
    issuer_profile_id: int
    issuer: IssuerCard
    card: BadgeClassCard
    issuer_remote_id: str | None
    remote_id: str | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One award of a batch; ``is_repeat``: an earlier attempt may have arrived.

    ``remote_id``: it is there, and has to be made out to another address.
    """

    row_id: int
    award: NewAward
    is_repeat: bool
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Awards of one badge; without entries, a badge class that only has to be changed."""

    badge_class: BadgeClassWork
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One award to be revoked; without ``remote_id`` it has to be looked for first."""

    row_id: int
    remote_id: str | None
    badge_class_remote_id: str | None
    email: str | None
    evidence_url: str


def take(session: Session, platform_id: int, now: datetime) -> Batch | Withdrawal | None:
    """Take what is due next for a platform: revocations first, then awards, then badge classes."""
    return (
        _take_withdrawal(session, platform_id, now)
        or _take_batch(session, platform_id, MirrorState.SENDING, now)
        or _take_batch(session, platform_id, MirrorState.QUEUED, now)
        or _take_stale(session, platform_id)
    )


def _take_withdrawal(session: Session, platform_id: int, now: datetime) -> Withdrawal | None:
    found = session.scalar(
        select(MirroredAward.id)
        .where(MirroredAward.issuing_platform_id == platform_id, is_due(MirrorState.REVOKING, now))
        .order_by(MirroredAward.due_at, MirroredAward.id)
        .limit(1)
    )
    if found is None or not _lease(session, [found], MirrorState.REVOKING, now):
        return None
    row = session.get_one(MirroredAward, found, populate_existing=True)
    remote_class = session.scalar(
        select(MirroredBadgeClass.remote_id).filter_by(
            issuing_platform_id=platform_id, achievement_id=row.credential.award.achievement_id
        )
    )
    email = mirrored_awards.recipient_of(session, row.credential_id)
    return Withdrawal(
        row_id=row.id,
        remote_id=row.remote_id,
        badge_class_remote_id=remote_class,
        email=normalise_email(email) if email else None,
        evidence_url=row.credential.url_id,
    )


def _take_batch(session: Session, platform_id: int, state: MirrorState, now: datetime) -> Batch | None:
    waiting = (
        select(MirroredAward.id, Award.achievement_id)
        .join(Credential, Credential.id == MirroredAward.credential_id)
        .join(Award, Award.id == Credential.award_id)
        .where(MirroredAward.issuing_platform_id == platform_id, is_due(state, now))
        .order_by(MirroredAward.due_at, MirroredAward.id)
    )
    first = session.execute(waiting.limit(1)).one_or_none()
    if first is None:
        return None
    rows = session.scalars(waiting.where(Award.achievement_id == first.achievement_id).limit(BATCH)).all()
    attempts = _lease(session, rows, state, now)
    entries = [_entry(session, row_id, number, now) for row_id, number in sorted(attempts.items())]
    return Batch(
        _badge_class(session, platform_id, first.achievement_id), tuple(one for one in entries if one is not None)
    )


def _lease(session: Session, rows: Sequence[int], state: MirrorState, now: datetime) -> dict[int, int]:
    """Take rows that are still due in this state, by one statement; returns how often each was taken."""
    taken_state = MirrorState.SENDING if state is MirrorState.QUEUED else state
    taken = session.execute(
        update(MirroredAward)
        .where(MirroredAward.id.in_(rows), is_due(state, now))
        .values(state=taken_state, lease_until=now + LEASE, attempts=MirroredAward.attempts + 1)
        .returning(MirroredAward.id, MirroredAward.attempts)
    )
    return {row.id: row.attempts for row in taken}


def _entry(session: Session, row_id: int, attempts: int, now: datetime) -> Entry | None:
    row = session.get_one(MirroredAward, row_id, populate_existing=True)
    email = mirrored_awards.recipient_of(session, row.credential_id)
    if email is None:
        mirrored_awards.refuse(session, row_id, "subject_without_email", now)
        return None
    award = row.credential.award
    new = NewAward(row.credential.url_id, normalise_email(email), award.offered_at, award.valid_until)
    return Entry(row_id, new, attempts > 1, row.remote_id)


def _take_stale(session: Session, platform_id: int) -> Batch | None:
    stale = (
        select(MirroredBadgeClass.achievement_id)
        .join(Achievement, mirrored_awards.stale_classes())
        .where(MirroredBadgeClass.issuing_platform_id == platform_id)
        .order_by(MirroredBadgeClass.id)
        .limit(1)
    )
    achievement_id = session.scalar(stale)
    return None if achievement_id is None else Batch(_badge_class(session, platform_id, achievement_id), ())


def _badge_class(session: Session, platform_id: int, achievement_id: int) -> BadgeClassWork:
    achievement = session.get_one(Achievement, achievement_id)
    profile, version = achievement.issuer_profile, achievement.current_version
    if version is None:
        raise ValueError(f"achievement {achievement_id} was awarded without a version")
    card = achievement_card(session, achievement, version)
    known = session.scalar(
        select(MirroredBadgeClass).filter_by(issuing_platform_id=platform_id, achievement_id=achievement_id)
    )
    issuer = session.scalar(
        select(MirroredIssuer.remote_id).filter_by(issuing_platform_id=platform_id, issuer_profile_id=profile.id)
    )
    return BadgeClassWork(
        platform_id=platform_id,
        achievement_id=achievement_id,
        version_id=version.id,
        issuer_profile_id=profile.id,
        issuer=_issuer_card(profile),
        card=BadgeClassCard(
            name=card.name,
            description=card.description,
            criteria_url=card.id,
            criteria_narrative=card.criteria_narrative,
            picture=session.get_one(Blob, version.picture_sha256).content,
            alignments=tuple(
                (one.target_name, one.target_url, one.target_code, one.target_framework) for one in card.alignments
            ),
        ),
        issuer_remote_id=issuer,
        remote_id=known.remote_id if known else None,
        is_current=known is not None and known.achievement_version_id == version.id,
    )


def _issuer_card(profile: IssuerProfile) -> IssuerCard:
    return IssuerCard(
        name=profile.name,
        url=profile.url or profile.url_id,
        email=profile.email,
        description=profile.description or profile.name,
    )


# -- what the platform calls them -------------------------------------------------------------------------------------


def remember_issuer(session: Session, work: BadgeClassWork, remote_id: str, now: datetime) -> None:
    """Store what the platform calls an issuer."""
    key = {"issuing_platform_id": work.platform_id, "issuer_profile_id": work.issuer_profile_id}
    insert_once(session, MirroredIssuer, list(key), **key, remote_id=remote_id, created_at=now)


def remember_badge_class(session: Session, work: BadgeClassWork, remote_id: str, now: datetime) -> None:
    """Store what the platform calls a badge class, and which version it shows."""
    key = {"issuing_platform_id": work.platform_id, "achievement_id": work.achievement_id}
    insert_once(
        session,
        MirroredBadgeClass,
        list(key),
        **key,
        achievement_version_id=work.version_id,
        remote_id=remote_id,
        created_at=now,
        changed_at=now,
    )
    session.execute(
        update(MirroredBadgeClass)
        .filter_by(**key)
        .values(achievement_version_id=work.version_id, remote_id=remote_id, changed_at=now)
    )


def forget_badge_class(session: Session, work: BadgeClassWork) -> None:
    """The platform knows the badge class, or its issuer, no more: find or make both anew next time."""
    session.execute(
        delete(MirroredBadgeClass).filter_by(issuing_platform_id=work.platform_id, achievement_id=work.achievement_id)
    )
    session.execute(
        delete(MirroredIssuer).filter_by(issuing_platform_id=work.platform_id, issuer_profile_id=work.issuer_profile_id)
    )
