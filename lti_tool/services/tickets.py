"""One-time passes from one window to another: made, and spent by one statement."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, insert, update
from sqlalchemy.orm import Session

from lti_tool.errors import ForbiddenError
from lti_tool.models import Ticket
from lti_tool.services.secrets import new_secret, secret_hash

LIFE = timedelta(seconds=60)

_MAKE = insert(cast("Table", Ticket.__table__))  # every launch makes one: without the ORM's unit of work


def make_ticket(
    session: Session | Connection, purpose: str, user_id: int | None, details: dict[str, Any], now: datetime
) -> str:
    """Return a ticket that can be spent once within a minute; only its hash is stored."""
    token = new_secret()
    session.execute(
        _MAKE,
        {
            "token_hash": secret_hash(token),
            "purpose": purpose,
            "user_id": user_id,
            "details": details,
            "created_at": now,
            "expires_at": now + LIFE,
        },
    )
    return token


def spend_ticket(session: Session, token: str, purpose: str, now: datetime) -> Ticket:
    """Spend a ticket; raises ``ForbiddenError`` (``ticket_refused``) when it is unknown, too old or spent."""
    spent = session.execute(
        update(Ticket)
        .where(
            Ticket.token_hash == secret_hash(token),
            Ticket.purpose == purpose,
            Ticket.used_at.is_(None),
            Ticket.expires_at > now,
        )
        .values(used_at=now)
        .returning(Ticket.id)
    ).scalar()
    if spent is None:
        raise ForbiddenError("The link was used already or is too old.", code="ticket_refused")
    return session.get_one(Ticket, spent, populate_existing=True)


def sweep(session: Session, now: datetime) -> None:
    """Forget tickets that ended a day ago."""
    session.execute(delete(Ticket).where(Ticket.expires_at < now - timedelta(days=1)))
