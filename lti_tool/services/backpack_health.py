"""How each backpack host fares: what waits for it, what arrived, what did not and why, whether it rests."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import BackpackConnection, BackpackHost, ConnectionState, Delivery, DeliveryState
from lti_tool.services import audit

LONGEST_NAME = 255


@dataclass(slots=True)
class HostHealth:
    """One host in figures. ``failed``: deliveries that ended without arriving, by reason, most first."""

    host: BackpackHost
    is_resting: bool
    connected: int = 0
    waiting: int = 0
    delivered: int = 0
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a look: the host answers."""
        return not self.is_resting and self.host.error_code is None


def list_hosts(session: Session, now: datetime) -> list[HostHealth]:
    """Return every host, also retired ones, by name."""
    hosts = session.scalars(select(BackpackHost).order_by(BackpackHost.name, BackpackHost.id))
    found = {
        host.id: HostHealth(host, is_resting=host.paused_until is not None and host.paused_until > now)
        for host in hosts
    }
    connected = select(BackpackConnection.host_id, func.count()).group_by(BackpackConnection.host_id)
    for host_id, number in session.execute(connected.where(BackpackConnection.state == ConnectionState.ACTIVE)):
        found[host_id].connected = number
    rows = session.execute(
        select(BackpackConnection.host_id, Delivery.state, Delivery.error_code, func.count())
        .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
        .group_by(BackpackConnection.host_id, Delivery.state, Delivery.error_code)
        .order_by(func.count().desc())
    )
    for host_id, state, error_code, number in rows:
        one = found[host_id]
        if state is DeliveryState.DELIVERED:
            one.delivered += number
        elif state is DeliveryState.FAILED:
            one.failed[error_code or ""] = number
        else:
            one.waiting += number
    return list(found.values())


def get_host(session: Session, host_id: int) -> BackpackHost:
    """Return a host, retired or not; raises ``NotFoundError``."""
    host = session.get(BackpackHost, host_id)
    if host is None:
        raise NotFoundError("There is no such backpack.")
    return host


def change_host(
    session: Session,
    host_id: int,
    actor: str,
    now: datetime,
    *,
    name: str | None = None,
    is_offered: bool | None = None,
) -> BackpackHost:
    """Rename a host, or offer it to learners or not; those who are connected stay so.

    Raises ``NotFoundError`` and ``InvalidInputError`` (``name_missing``, ``name_too_long``).
    """
    host = get_host(session, host_id)
    if name is not None:
        host.name = checked_name(name)
    if is_offered is not None:
        host.is_offered = is_offered
    audit.record(
        session,
        "backpack.changed",
        actor=actor,
        subject=f"backpack_host:{host.id}",
        payload={"name": host.name, "offered": host.is_offered},
        now=now,
    )
    return host


def wake_host(session: Session, host_id: int, actor: str, now: datetime) -> None:
    """End a host's rest now; the next delivery goes first, alone."""
    host = get_host(session, host_id)
    host.paused_until = None
    audit.record(session, "backpack.woken", actor=actor, subject=f"backpack_host:{host.id}", now=now)


def checked_name(name: str) -> str:
    """Return a name that can be shown; raises ``InvalidInputError`` (``name_missing``, ``name_too_long``)."""
    name = " ".join(name.split())
    if not name:
        raise InvalidInputError("A backpack needs a name.", code="name_missing", field="name")
    if len(name) > LONGEST_NAME:
        raise InvalidInputError("The name is too long.", code="name_too_long", field="name")
    return name
