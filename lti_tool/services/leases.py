"""Leases: rows that say who does a thing that only one process should do, and until when nobody else need."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from lti_tool.models import Lease
from lti_tool.services.upsert import insert_once

SHORT = timedelta(seconds=6)
"""Three ticks of a worker: so long nobody does what a worker did that died. Two that do it at once do no harm."""


def take_lease(session: Session, name: str, holder: str, now: datetime, life: timedelta = SHORT) -> bool:
    """Take or keep a lease; ``False`` while somebody else holds it."""
    if insert_once(session, Lease, ["name"], name=name, holder=holder, until=now + life) is not None:
        return True
    taken = session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.holder == holder, Lease.until < now))
        .values(holder=holder, until=now + life)
        .returning(Lease.name)
    ).scalar()
    return taken is not None
