"""Badges that an institution also issues through a platform of its own (Badgr, Canvas Credentials; Badgr API v2)."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.achievement import IssuerProfile
from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous, secret
from lti_tool.models.credential import Credential


class IssuingState(enum.StrEnum):
    """Whether the platform can be used."""

    ACTIVE = "active"
    REFUSED = "refused"
    """Its account was refused; an admin has to give a new one."""
    DISABLED = "disabled"


class MirrorState(enum.StrEnum):
    """Life of one badge there."""

    QUEUED = "queued"
    SENDING = "sending"
    ISSUED = "issued"
    REVOKING = "revoking"
    """Issued there and to be revoked there; due like a queued one."""
    REVOKED = "revoked"
    FAILED = "failed"


class IssuingPlatform(Base):
    """An institution's account on a platform that issues Open Badges 2.0 for it."""

    __tablename__ = "issuing_platform"
    __table_args__ = (UniqueConstraint("organization_id", "address"),)

    id: Mapped[PK]
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
    protocol: Mapped[str] = plain(String(32))
    address: Mapped[str] = plain(String(2048))
    name: Mapped[str] = plain(String(255))
    state: Mapped[IssuingState] = plain(choice(IssuingState))
    account: Mapped[str | None] = secret()
    """Credentials and tokens as encrypted JSON."""
    paused_until: Mapped[datetime | None] = plain()
    error_code: Mapped[str | None] = plain(String(64))
    last_success_at: Mapped[datetime | None] = plain()
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain()


class MirroredIssuer(Base):
    """An issuer profile as the platform knows it."""

    __tablename__ = "mirrored_issuer"
    __table_args__ = (UniqueConstraint("issuing_platform_id", "issuer_profile_id"),)

    id: Mapped[PK]
    issuing_platform_id: Mapped[int] = plain(ForeignKey("issuing_platform.id"))
    issuer_profile_id: Mapped[int] = plain(ForeignKey("issuer_profile.id"))
    remote_id: Mapped[str] = plain(String(255))
    created_at: Mapped[datetime] = plain()

    issuer_profile: Mapped[IssuerProfile] = relationship()


class MirroredBadgeClass(Base):
    """An achievement as the platform knows it: created once, updated when its version changes."""

    __tablename__ = "mirrored_badge_class"
    __table_args__ = (UniqueConstraint("issuing_platform_id", "achievement_id"),)

    id: Mapped[PK]
    issuing_platform_id: Mapped[int] = plain(ForeignKey("issuing_platform.id"))
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    achievement_version_id: Mapped[int] = plain(ForeignKey("achievement_version.id"))
    """The version the platform shows."""
    remote_id: Mapped[str] = plain(String(255))
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain()


class MirroredAward(Base):
    """One credential on its way to one platform; never twice."""

    __tablename__ = "mirrored_award"
    __table_args__ = (
        UniqueConstraint("issuing_platform_id", "credential_id"),
        Index("ix_mirrored_award_state_due_at", "state", "due_at"),
    )

    id: Mapped[PK]
    issuing_platform_id: Mapped[int] = plain(ForeignKey("issuing_platform.id"))
    credential_id: Mapped[int] = pseudonymous(ForeignKey("credential.id"), index=True)
    state: Mapped[MirrorState] = plain(choice(MirrorState))
    remote_id: Mapped[str | None] = pseudonymous(String(255))
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    lease_until: Mapped[datetime | None] = plain()
    receipt: Mapped[dict[str, Any] | None] = personal()
    error_code: Mapped[str | None] = plain(String(64))
    created_at: Mapped[datetime] = plain()
    settled_at: Mapped[datetime | None] = plain()

    issuing_platform: Mapped[IssuingPlatform] = relationship()
    credential: Mapped[Credential] = relationship()
