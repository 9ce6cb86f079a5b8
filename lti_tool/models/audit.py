"""The audit trail: events with pseudonymous ids, payloads in a row that can be erased."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from lti_tool.models.base import PK, Base, personal, plain, pseudonymous, secret


class AuditEvent(Base):
    """Something a person or a job did, written unsealed in the transaction that did it."""

    __tablename__ = "audit_event"

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


class AuditPayload(Base):
    """The erasable part of an event."""

    __tablename__ = "audit_payload"

    audit_event_id: Mapped[int] = plain(ForeignKey("audit_event.id"), primary_key=True)
    salt: Mapped[str] = secret(String(64))
    payload: Mapped[dict[str, Any]] = personal()
