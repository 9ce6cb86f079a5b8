"""The audit trail: events with pseudonymous ids, payloads in a row that can be erased."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from lti_tool.models.base import PK, Base, personal, plain, pseudonymous, secret


class AuditEvent(Base):
    """Something a person or a job did, written unsealed in the transaction that did it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index(
            "ix_audit_event_unsealed",
            "organization_id",
            "at",
            sqlite_where=text("is_sealed = 0"),  # as the question is put to it
            postgresql_where=text("NOT is_sealed"),
        ),
    )

    id: Mapped[PK]
    organization_id: Mapped[int | None] = plain(ForeignKey("organization.id"), index=True)
    at: Mapped[datetime] = plain()
    action: Mapped[str] = plain(String(64))
    actor: Mapped[str] = pseudonymous(String(64))
    """``user:ID``, ``staff:ID``, ``job`` or ``cli``."""
    subject: Mapped[str] = pseudonymous(String(64))
    """``award:ID``, ``registration:ID`` …"""
    commitment: Mapped[str | None] = pseudonymous(String(64))
    """SHA-256 over salt and payload, so that erasing the payload leaves the event whole."""
    is_sealed: Mapped[bool] = plain(default=False)
    """Keeps looking for what waits cheap; what is sealed is what has a seal."""


class AuditPayload(Base):
    """The erasable part of an event."""

    __tablename__ = "audit_payload"

    audit_event_id: Mapped[int] = plain(ForeignKey("audit_event.id"), primary_key=True)
    salt: Mapped[str] = secret(String(64))
    payload: Mapped[dict[str, Any]] = personal()


class AuditSeal(Base):
    """An event's place in its organization's hash chain; written by the sealing job, in order, once."""

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("chain", "number"),)

    audit_event_id: Mapped[int] = plain(ForeignKey("audit_event.id"), primary_key=True)
    chain: Mapped[str] = plain(String(64))
    """``organization:ID``, or ``installation`` for events of no organization."""
    number: Mapped[int] = plain()
    """1 for the chain's first event."""
    digest: Mapped[str] = plain(String(64))
    """SHA-256, in hex, over the previous digest and the event."""
    sealed_at: Mapped[datetime] = plain()


class AuditHead(Base):
    """The signed end of a chain at one time: what is exported, and what truncation is measured against."""

    __tablename__ = "audit_head"
    __table_args__ = (UniqueConstraint("chain", "number"),)

    id: Mapped[PK]
    chain: Mapped[str] = plain(String(64))
    number: Mapped[int] = plain()
    digest: Mapped[str] = plain(String(64))
    signed_at: Mapped[datetime] = plain()
    verification_method: Mapped[str] = plain(String(2048))
    """The key that signed: an issuer's, or this installation's own."""
    public_key_multibase: Mapped[str] = plain(String(128))
    signature: Mapped[str] = plain(String(256))
    """Ed25519 over the head's canonical text, base64url."""


class AuditKey(Base):
    """This installation's own Ed25519 key, for chains without an issuer."""

    __tablename__ = "audit_key"

    id: Mapped[PK]
    public_key_multibase: Mapped[str] = plain(String(128), unique=True)
    private_key: Mapped[str] = secret()
    created_at: Mapped[datetime] = plain()
