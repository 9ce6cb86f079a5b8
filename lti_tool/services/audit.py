"""The audit trail: what a person or a job did, written in the transaction that does it.

An event holds pseudonymous ids and a commitment to its payload; the payload and its salt live in a row of their own,
so that erasing a person leaves every event whole. Never put names, grades or addresses into ``actor`` or ``subject``.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, insert
from sqlalchemy.orm import Session

from lti_tool.models import AuditEvent, AuditPayload

SALT_BYTES = 16

_PLAIN = insert(cast("Table", AuditEvent.__table__))


def record(
    session: Session,
    action: str,
    *,
    actor: str,
    subject: str,
    organization_id: int | None = None,
    payload: Mapping[str, Any] | None = None,
    now: datetime,
) -> AuditEvent:
    """Write one event and return it.

    ``action``: what was done, ``noun.verb`` (``launch.accepted``). ``actor``: ``user:ID``, ``staff:ID``,
    ``anonymous``, ``job`` or ``cli``. ``subject``: ``award:ID``, ``deployment:ID`` … ``payload``: details as JSON
    values; may hold personal data, since it can be erased.
    """
    event = AuditEvent(organization_id=organization_id, at=now, action=action, actor=actor, subject=subject)
    if payload is None:
        session.add(event)
        return event
    salt, details = secrets.token_hex(SALT_BYTES), dict(payload)
    event.commitment = commitment(salt, details)
    session.add(event)
    session.flush()
    session.add(AuditPayload(audit_event_id=event.id, salt=salt, payload=details))
    return event


def record_plain(
    connection: Connection, action: str, *, actor: str, subject: str, organization_id: int | None, now: datetime
) -> None:
    """Write one event that has no payload, at once and by one statement: for what happens very often."""
    values = {"organization_id": organization_id, "at": now, "action": action, "actor": actor, "subject": subject}
    connection.execute(_PLAIN, values)


def commitment(salt: str, payload: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, over the salt and the payload as JSON with sorted keys.

    Without the salt nobody can try out guesses, so an event says nothing once its payload row is erased.
    """
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()
