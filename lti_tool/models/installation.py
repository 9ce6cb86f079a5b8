"""How a platform was installed and how it fares: invites, health, notices, launches that wait for proof."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, personal, plain, pseudonymous, secret
from lti_tool.models.platform import Registration


class PlatformInvite(Base):
    """A one-time link that lets one platform register itself (LTI Dynamic Registration 1.0)."""

    __tablename__ = "platform_invite"

    id: Mapped[PK]
    token_hash: Mapped[str] = secret(String(64), unique=True)
    name: Mapped[str] = plain(String(255))
    """What the registration will be called."""
    product: Mapped[str | None] = plain(String(64))
    registration_id: Mapped[int | None] = plain(ForeignKey("registration.id"))
    """The registration that came of it; set beforehand when an existing one is to be registered again."""
    created_by: Mapped[str] = pseudonymous(String(64))
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain()
    opened_at: Mapped[datetime | None] = plain()
    """When a platform first opened the link."""
    used_at: Mapped[datetime | None] = plain()
    error_code: Mapped[str | None] = plain(String(64))
    """Why the last try failed."""

    registration: Mapped[Registration | None] = relationship()


class RegistrationHealth(Base):
    """What was last heard of a platform, for its admin page. A row of its own, since launches write it."""

    __tablename__ = "registration_health"

    registration_id: Mapped[int] = plain(ForeignKey("registration.id"), primary_key=True)
    launched_at: Mapped[datetime | None] = plain()
    """The last verified launch, to the minute."""
    clock_skew_seconds: Mapped[int | None] = plain()
    """The platform's clock less ours at that launch (``iat``); delivery time is in it."""
    token_at: Mapped[datetime | None] = plain()
    token_scopes: Mapped[list[str]] = plain(default=list)
    """Scopes of the last access token, as granted."""
    service_at: Mapped[datetime | None] = plain()
    """The last service call that worked."""
    failed_at: Mapped[datetime | None] = plain()
    failed_code: Mapped[str | None] = plain(String(64))


class PlatformNotice(Base):
    """A notice that was received (Platform Notification Service 1.0): each id is acted upon once."""

    __tablename__ = "platform_notice"
    __table_args__ = (UniqueConstraint("deployment_id", "notice_id"),)

    id: Mapped[PK]
    deployment_id: Mapped[int] = plain(ForeignKey("deployment.id"))
    notice_id: Mapped[str] = plain(String(255))
    notice_type: Mapped[str] = plain(String(64))
    received_at: Mapped[datetime] = plain()


class PendingLaunch(Base):
    """A launch whose every check passed but that no cookie tied to this browser: waits for another proof (ADR 0008)."""

    __tablename__ = "pending_launch"

    id: Mapped[PK]
    ticket_hash: Mapped[str] = secret(String(64), unique=True)
    state_hash: Mapped[str] = secret(ForeignKey("login_state.state_hash"), unique=True)
    launch: Mapped[dict[str, Any]] = personal()
    """The verified launch's values."""
    attempts: Mapped[int] = plain(default=0)
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    spent_at: Mapped[datetime | None] = plain()
