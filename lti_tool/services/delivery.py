"""Deliveries: one row per credential version and connection, taken under a lease, never twice.

A process that dies after the push leaves a row whose lease passes. Who takes it next looks first whether the host
already shows the credential, and only pushes when it does not; hosts replace by credential id, so even two pushes
leave one badge.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.backpacks.base import ClientRegistration, HostDescription, Receipt, Tokens
from lti_tool.errors import BackpackConsentError, ConflictError
from lti_tool.models import (
    BackpackConnection,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryState,
    VersionState,
)
from lti_tool.services import audit
from lti_tool.services.backpacks import known_host, read_tokens
from lti_tool.services.upsert import insert_once
from lti_tool.vault import Vault

LEASE = timedelta(minutes=3)
ATTEMPTS = 8
BACK_OFF = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Everything one delivery needs while no transaction is open."""

    delivery_id: int
    connection_id: int
    host_id: int
    protocol: str
    host: HostDescription
    client: ClientRegistration
    tokens: Tokens
    credential_url: str
    document: str
    is_repeat: bool
    """An earlier attempt may have arrived: look before pushing."""


def queue_delivery(session: Session, credential: Credential, connection: BackpackConnection, now: datetime) -> int:
    """Ask for the newest issued version to be delivered; asking again returns the same delivery.

    A delivery that failed is tried anew. Raises ``ConflictError`` (``credential_pending``) before the first signing.
    """
    version = session.scalar(
        select(CredentialVersion)
        .where(CredentialVersion.credential_id == credential.id, CredentialVersion.state == VersionState.ISSUED)
        .order_by(CredentialVersion.number.desc())
        .limit(1)
    )
    if version is None:
        raise ConflictError("The badge is being signed; try again in a moment.", code="credential_pending")
    key = {"credential_version_id": version.id, "connection_id": connection.id}
    insert_once(
        session,
        Delivery,
        ["credential_version_id", "connection_id"],
        **key,
        state=DeliveryState.QUEUED,
        attempts=0,
        due_at=now,
        created_at=now,
    )
    delivery = session.scalars(select(Delivery).filter_by(**key)).one()
    if delivery.state is DeliveryState.FAILED:
        delivery.state, delivery.attempts, delivery.due_at, delivery.error_code = DeliveryState.QUEUED, 0, now, None
    return delivery.id


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


def due_deliveries(session: Session, now: datetime, limit: int = 100) -> list[int]:
    """Return ids of deliveries somebody should take."""
    return list(session.scalars(select(Delivery.id).where(_is_due(now)).order_by(Delivery.due_at).limit(limit)))


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        (Delivery.state == DeliveryState.QUEUED) & (Delivery.due_at <= now),
        (Delivery.state == DeliveryState.SENDING) & (Delivery.lease_until < now),
    )


def take_delivery(session: Session, delivery_id: int, vault: Vault, now: datetime) -> Parcel | None:
    """Take a delivery that is due, by one statement; ``None`` when it is not, or somebody else has it.

    A connection that needs the learner's consent ends the delivery with that reason.
    """
    taken = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, _is_due(now))
        .values(state=DeliveryState.SENDING, lease_until=now + LEASE, attempts=Delivery.attempts + 1)
        .returning(Delivery.attempts)
    ).scalar()
    if taken is None:
        return None
    delivery = session.get_one(Delivery, delivery_id, populate_existing=True)
    connection, version = delivery.connection, delivery.credential_version
    known = known_host(connection.host, vault)
    if connection.state is not ConnectionState.ACTIVE or known is None or version.document is None:
        _end(session, delivery, DeliveryState.FAILED, BackpackConsentError.code, now)
        return None
    return Parcel(
        delivery_id=delivery.id,
        connection_id=connection.id,
        host_id=connection.host_id,
        protocol=connection.host.protocol,
        host=known[0],
        client=known[1],
        tokens=read_tokens(connection, vault),
        credential_url=version.credential.url_id,
        document=version.document,
        is_repeat=taken > 1,
    )


def settle(session: Session, delivery_id: int, receipt: Receipt, now: datetime) -> None:
    """Record that the host has the credential and showed it unaltered."""
    delivery = session.get_one(Delivery, delivery_id)
    if delivery.state is DeliveryState.DELIVERED:
        return
    values = asdict(receipt)
    delivery.receipt = {**values, "outcome": receipt.outcome.value, "received_at": receipt.received_at.isoformat()}
    delivery.delivered_at = now
    _end(session, delivery, DeliveryState.DELIVERED, None, now)


def record_failure(session: Session, delivery_id: int, error_code: str, now: datetime, *, retryable: bool) -> None:
    """Try again later, further and further apart, while that can help; else end with the reason."""
    delivery = session.get_one(Delivery, delivery_id)
    if delivery.state is DeliveryState.DELIVERED:
        return
    if not retryable or delivery.attempts >= ATTEMPTS:
        _end(session, delivery, DeliveryState.FAILED, error_code, now)
        return
    delivery.state, delivery.lease_until, delivery.error_code = DeliveryState.QUEUED, None, error_code
    delivery.due_at = now + min(BACK_OFF * 4 ** (delivery.attempts - 1), LONGEST_WAIT)


def _end(session: Session, delivery: Delivery, state: DeliveryState, error_code: str | None, now: datetime) -> None:
    delivery.state, delivery.lease_until, delivery.error_code = state, None, error_code
    audit.record(
        session,
        f"delivery.{state.value}",
        actor="job",
        subject=f"delivery:{delivery.id}",
        payload={"error_code": error_code} if error_code else None,
        now=now,
    )
