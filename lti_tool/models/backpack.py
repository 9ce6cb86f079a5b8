"""Where credentials go: hosts, learners' connections to them, and deliveries."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous, secret
from lti_tool.models.course import User
from lti_tool.models.credential import CredentialVersion


class ConnectionState(enum.StrEnum):
    """Whether a learner's consent holds."""

    ACTIVE = "active"
    CONSENT_NEEDED = "consent_needed"
    DISCONNECTED = "disconnected"


class DeliveryState(enum.StrEnum):
    """Life of one delivery; ``failed`` is final and explained to the learner."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryPurpose(enum.StrEnum):
    """What is to become of the credential there."""

    PUT = "put"
    WITHDRAW = "withdraw"
    """It was revoked: the host is told, where its protocol can be."""


class BackpackHost(Base):
    """A backpack this tool is registered with (RFC 7591), by one of the protocols of ``lti_tool.backpacks``."""

    __tablename__ = "backpack_host"

    id: Mapped[PK]
    address: Mapped[str] = plain(String(2048), unique=True)
    name: Mapped[str] = plain(String(255))
    protocol: Mapped[str] = plain(String(32))
    is_offered: Mapped[bool] = plain(default=True)
    """Shown to learners as a choice."""
    description: Mapped[dict[str, Any] | None] = plain()
    """Endpoints as discovered."""
    client: Mapped[str | None] = secret()
    """Client registration as encrypted JSON."""
    paused_until: Mapped[datetime | None] = plain()
    """Nobody sends before: the host asked for a rest, or did not answer."""
    failures: Mapped[int] = plain(default=0)
    """Calls that failed since the last that went well."""
    error_code: Mapped[str | None] = plain(String(64))
    last_success_at: Mapped[datetime | None] = plain()
    created_at: Mapped[datetime] = plain()


class BackpackConnection(Base):
    """A learner's consent that this tool may put credentials in their backpack."""

    __tablename__ = "backpack_connection"
    __table_args__ = (UniqueConstraint("user_id", "host_id"),)

    id: Mapped[PK]
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"))
    host_id: Mapped[int] = pseudonymous(ForeignKey("backpack_host.id"))
    state: Mapped[ConnectionState] = pseudonymous(choice(ConnectionState))
    tokens: Mapped[str | None] = secret()
    """Access and refresh token as encrypted JSON."""
    account_id: Mapped[str | None] = personal(String(2048))
    account_name: Mapped[str | None] = personal(String(1024))
    account_email: Mapped[str | None] = personal(String(320))
    """The address the host knows the learner by, where it tells."""
    error_code: Mapped[str | None] = plain(String(64))
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain()

    host: Mapped[BackpackHost] = relationship()
    user: Mapped[User] = relationship()


class ConnectState(Base):
    """A consent a learner began: OAuth state bound to a first-party cookie and the launch user, usable once."""

    __tablename__ = "connect_state"

    state_hash: Mapped[str] = secret(String(64), primary_key=True)
    browser_hash: Mapped[str] = secret(String(64))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"))
    host_id: Mapped[int] = pseudonymous(ForeignKey("backpack_host.id"))
    code_verifier: Mapped[str] = secret()
    credential_id: Mapped[int | None] = pseudonymous(ForeignKey("credential.id"))
    """The credential to deliver once connected."""
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    consumed_at: Mapped[datetime | None] = plain()


class Delivery(Base):
    """One credential version on its way to one connection; never twice."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("credential_version_id", "connection_id", "purpose"),
        Index("ix_delivery_state_due_at", "state", "due_at"),
    )

    id: Mapped[PK]
    credential_version_id: Mapped[int] = pseudonymous(ForeignKey("credential_version.id"))
    connection_id: Mapped[int] = pseudonymous(ForeignKey("backpack_connection.id"), index=True)
    purpose: Mapped[DeliveryPurpose] = plain(choice(DeliveryPurpose), default=DeliveryPurpose.PUT)
    state: Mapped[DeliveryState] = plain(choice(DeliveryState))
    remote_id: Mapped[str | None] = pseudonymous(String(2048))
    """What the host calls it."""
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    lease_until: Mapped[datetime | None] = plain()
    receipt: Mapped[dict[str, Any] | None] = personal()
    error_code: Mapped[str | None] = plain(String(64))
    created_at: Mapped[datetime] = plain()
    delivered_at: Mapped[datetime | None] = plain()

    credential_version: Mapped[CredentialVersion] = relationship()
    connection: Mapped[BackpackConnection] = relationship()
