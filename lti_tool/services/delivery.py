"""Deliveries: one row per signed copy and connection, wanted here, carried out in batches (``delivery_batches``).

What became of a badge follows it: a new copy goes where an earlier one went, and what was revoked is withdrawn where
the host's protocol can, else left to its status.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError
from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    VersionState,
)
from lti_tool.services import host_pace
from lti_tool.services.upsert import insert_once

CONVERSATIONS = 3
"""Batches under way with one host at a time, from all workers."""
WAITING = (DeliveryState.QUEUED, DeliveryState.FAILED)
MAY_BE_THERE = frozenset({"backpack_altered", "backpack_not_shown", "backpack_unavailable", "host_unavailable"})
"""Reasons of failed deliveries after which the host may hold the badge all the same."""


def queue_delivery(
    session: Session, credential: Credential, connection: BackpackConnection, now: datetime, *, again: bool = False
) -> int:
    """Ask for the newest issued version to be delivered; asking again returns the same delivery.

    A delivery that failed is tried anew, and one that arrived before the learner disconnected is sent to where they
    are connected now. ``again``: also one that arrived since; the host is looked at first, and gets it if it has not.
    Raises ``ConflictError`` (``credential_pending``) before the first signing.
    """
    version = newest_copy(session, credential)
    if version is None:
        raise ConflictError("The badge is being signed; try again in a moment.", code="credential_pending")
    delivery = _want(session, version, connection, DeliveryPurpose.PUT, now)
    if delivery.state is DeliveryState.FAILED or (
        delivery.state is DeliveryState.DELIVERED and (again or not is_there(delivery))
    ):
        _send_anew(delivery, now)
    return delivery.id


def newest_copy(session: Session, credential: Credential) -> CredentialVersion | None:
    """Return the newest signed copy, if there is one."""
    return session.scalar(
        select(CredentialVersion)
        .where(CredentialVersion.credential_id == credential.id, CredentialVersion.state == VersionState.ISSUED)
        .order_by(CredentialVersion.number.desc())
        .limit(1)
    )


def is_there(delivery: Delivery) -> bool:
    """Whether a delivery arrived in the backpack that its connection leads to now."""
    arrived = delivery.delivered_at
    return (
        delivery.state is DeliveryState.DELIVERED
        and arrived is not None
        and arrived >= delivery.connection.created_at
        and delivery.connection.state is not ConnectionState.DISCONNECTED
    )


def is_overtaken(session: Session, delivery: Delivery) -> bool:
    """Whether a newer copy went, or is to go, to the same backpack: sent now, this one would take its place."""
    version = delivery.credential_version
    if version.state is not VersionState.SUPERSEDED:
        return False
    later = select(Delivery.id).join(CredentialVersion, CredentialVersion.id == Delivery.credential_version_id)
    later = later.where(CredentialVersion.credential_id == version.credential_id)
    later = later.where(CredentialVersion.number > version.number, Delivery.purpose == DeliveryPurpose.PUT)
    return session.scalar(later.where(Delivery.connection_id == delivery.connection_id).limit(1)) is not None


def follow_reissue(session: Session, credential: Credential, now: datetime) -> list[int]:
    """Send the newest signed copy to every backpack an earlier one went or was to go to; returns the deliveries.

    What still waits, or failed, goes out as the new copy instead.
    """
    version = newest_copy(session, credential)
    if version is None:
        return []
    asked: list[int] = []
    for connection_id, earlier in _newest_by_connection(session, credential).items():
        if earlier.credential_version_id == version.id or earlier.connection.state is ConnectionState.DISCONNECTED:
            continue
        if earlier.state in WAITING:
            earlier.credential_version_id = version.id
            _send_anew(earlier, now)
            asked.append(earlier.id)
        else:
            connection = session.get_one(BackpackConnection, connection_id)
            asked.append(_want(session, version, connection, DeliveryPurpose.PUT, now).id)
    return asked


def follow_revocation(session: Session, credential: Credential, now: datetime) -> list[int]:
    """Have a revoked badge withdrawn from every backpack it went to; returns the deliveries.

    Where a host's protocol has no way to, the receipt says that the badge's status tells it.
    """
    return [
        _want(session, earlier.credential_version, earlier.connection, DeliveryPurpose.WITHDRAW, now).id
        for earlier in _newest_by_connection(session, credential).values()
        if earlier.state is not DeliveryState.FAILED or earlier.error_code in MAY_BE_THERE
    ]


def _want(
    session: Session,
    version: CredentialVersion,
    connection: BackpackConnection,
    purpose: DeliveryPurpose,
    now: datetime,
) -> Delivery:
    key = {"credential_version_id": version.id, "connection_id": connection.id, "purpose": purpose}
    insert_once(
        session,
        Delivery,
        ["credential_version_id", "connection_id", "purpose"],
        **key,
        state=DeliveryState.QUEUED,
        attempts=0,
        due_at=now,
        created_at=now,
    )
    # Locked: a worker may be taking it, and what is decided next depends on how it stands.
    found = select(Delivery).filter_by(**key).with_for_update()
    return session.scalars(found.execution_options(populate_existing=True)).one()


def _send_anew(delivery: Delivery, now: datetime) -> None:
    # One attempt is counted already: it may have arrived, so whoever takes it looks first.
    delivery.attempts = 1 if delivery.attempts or delivery.delivered_at else 0
    delivery.state, delivery.due_at, delivery.error_code = DeliveryState.QUEUED, now, None


def _newest_by_connection(session: Session, credential: Credential) -> dict[int, Delivery]:
    own = select(Delivery).join(CredentialVersion, CredentialVersion.id == Delivery.credential_version_id)
    own = own.where(CredentialVersion.credential_id == credential.id, Delivery.purpose == DeliveryPurpose.PUT)
    own = own.order_by(CredentialVersion.number).with_for_update(of=Delivery)
    found = session.scalars(own.execution_options(populate_existing=True))
    return {delivery.connection_id: delivery for delivery in found}


# -- what there is ----------------------------------------------------------------------------------------------------


def deliveries_of(session: Session, credential_id: int) -> list[Delivery]:
    """Return the deliveries of a credential, newest first."""
    return list(
        session.scalars(
            select(Delivery)
            .join(CredentialVersion)
            .where(CredentialVersion.credential_id == credential_id)
            .order_by(Delivery.id.desc())
        )
    )


def is_due(now: datetime) -> ColumnElement[bool]:
    """The condition that somebody should take a delivery."""
    return or_(
        (Delivery.state == DeliveryState.QUEUED) & (Delivery.due_at <= now),
        (Delivery.state == DeliveryState.SENDING) & (Delivery.lease_until < now),
    )


def due_deliveries(session: Session, now: datetime) -> list[int]:
    """Return ids of deliveries somebody should take, a few for each host: who takes one takes what else is due there.

    Hosts that rest are left out.
    """
    due = select(BackpackConnection.host_id).join(Delivery, Delivery.connection_id == BackpackConnection.id)
    waited_for = BackpackHost.id.in_(due.where(is_due(now)))
    hosts = session.scalars(select(BackpackHost.id).where(waited_for, host_pace.is_open(now)).order_by(BackpackHost.id))
    return [one for host_id in hosts for one in due_at_host(session, host_id, now, CONVERSATIONS)]


def due_at_host(
    session: Session, host_id: int, now: datetime, limit: int, *conditions: ColumnElement[bool]
) -> list[int]:
    """Return ids of deliveries to one host that somebody should take, the longest due first."""
    found = select(Delivery.id).join(BackpackConnection).where(is_due(now), BackpackConnection.host_id == host_id)
    return list(session.scalars(found.where(*conditions).order_by(Delivery.due_at, Delivery.id).limit(limit)))
