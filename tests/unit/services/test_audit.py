"""Audit events: pseudonymous, committed to, erasable."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from lti_tool.models import AuditEvent, AuditPayload
from lti_tool.services import audit

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAYLOAD = {"name": "Zoë", "score": "69.5", "list": [1, None, True]}


def test_an_event_without_details_has_no_commitment(session: Session) -> None:
    event = audit.record(session, "platform.disabled", actor="cli", subject="registration:1", now=NOW)
    session.flush()
    assert event.commitment is None
    assert session.query(AuditPayload).count() == 0


def test_the_commitment_binds_the_details(session: Session) -> None:
    event = audit.record(session, "award.offered", actor="user:1", subject="award:7", payload=PAYLOAD, now=NOW)
    session.flush()
    session.expire_all()
    stored = session.get_one(AuditPayload, event.id)
    assert stored.payload == PAYLOAD
    assert event.commitment == audit.commitment(stored.salt, stored.payload)
    assert event.commitment != audit.commitment(stored.salt, PAYLOAD | {"score": "69.6"})
    assert event.commitment != audit.commitment("00" * 16, PAYLOAD)


def test_the_order_of_keys_does_not_matter() -> None:
    turned = dict(reversed(PAYLOAD.items()))
    assert audit.commitment("salt", PAYLOAD) == audit.commitment("salt", turned)


def test_equal_details_give_different_commitments(session: Session) -> None:
    events = [audit.record(session, "a.b", actor="job", subject="x:1", payload=PAYLOAD, now=NOW) for _ in range(2)]
    assert events[0].commitment != events[1].commitment


def test_erasing_the_details_leaves_the_event_whole(session: Session) -> None:
    event = audit.record(session, "a.b", actor="user:1", subject="x:1", payload=PAYLOAD, now=NOW)
    session.flush()
    session.delete(session.get_one(AuditPayload, event.id))
    session.flush()
    session.expire_all()
    kept = session.get_one(AuditEvent, event.id)
    assert len(kept.commitment or "") == 64
    assert "Zoë" not in repr([kept.action, kept.actor, kept.subject, kept.commitment])


def test_what_is_no_json_is_refused(session: Session) -> None:
    with pytest.raises(TypeError):
        audit.record(session, "a.b", actor="job", subject="x:1", payload={"at": NOW}, now=NOW)
    with pytest.raises(ValueError, match="JSON compliant"):
        audit.record(session, "a.b", actor="job", subject="x:1", payload={"figure": float("nan")}, now=NOW)
