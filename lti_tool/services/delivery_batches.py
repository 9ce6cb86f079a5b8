"""Deliveries in batches: what is due at one host is taken under a lease by one process, carried out, and ended.

A process that dies after a push leaves rows whose lease passes. Who takes them next looks first whether the host
already shows the badge, and pushes only when it does not. One connection is in one batch at a time: its refresh token
works once.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from lti_tool.backpacks.base import (
    Backpack,
    BadgeDocument,
    ClientRegistration,
    Face,
    HostDescription,
    Outcome,
    Receipt,
    Tokens,
)
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import BackpackAnswerError, BackpackConsentError, ConflictError, ToolError
from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    StatusList,
    SubjectKind,
)
from lti_tool.openbadges import status_list
from lti_tool.services import audit, host_pace, second_face
from lti_tool.services.backpacks import known_host, read_tokens
from lti_tool.services.delivery import CONVERSATIONS, due_at_host, is_overtaken
from lti_tool.vault import Vault

LEASE: Final = timedelta(minutes=3)
BATCH: Final = 25
ATTEMPTS: Final = 14
"""With the waits below about two days: a host may be away for a weekend."""
ATTEMPTS_AT_NONSENSE: Final = 4
"""For answers that are no answers: a page that says "maintenance" passes, a host that is broken does not."""
BACK_OFF: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=6)
JITTER: Final = random.SystemRandom()
BARRED: Final = {AwardState.REVOKED: "award_revoked", AwardState.SUSPENDED: "award_suspended"}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery of a batch. ``recipient``: the e-mail address the document is made out to, if to one.

    ``spare``: another face, for a host that does not take the first. ``is_repeat``: an earlier attempt may have
    arrived, so look before pushing.
    """

    delivery_id: int
    purpose: DeliveryPurpose
    document: BadgeDocument
    spare: BadgeDocument | None
    recipient: str | None
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """The parcels for one learner's backpack. ``mark``: the tokens as stored, to see whether they changed since."""

    connection_id: int
    tokens: Tokens
    mark: str
    account_email: str | None
    is_account_known: bool
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one conversation with a host needs while no transaction is open."""

    host_id: int
    protocol: str
    host: HostDescription
    client: ClientRegistration
    lease_until: datetime
    bundles: tuple[Bundle, ...]


def host_of(session: Session, delivery_id: int) -> int | None:
    """Return the host a delivery goes to."""
    found = select(BackpackConnection.host_id).join(Delivery, Delivery.connection_id == BackpackConnection.id)
    return session.scalar(found.where(Delivery.id == delivery_id))


def take_batch(
    session: Session, host_id: int, backpacks: Mapping[str, Backpack], vault: Vault, now: datetime
) -> Batch | None:
    """Take what is due at a host; ``None`` when nothing is, when the host rests, or enough are talking to it.

    Deliveries that cannot be made (no consent, revoked meanwhile, no such face), or need no call, end here.
    """
    host = session.get_one(BackpackHost, host_id, with_for_update=True, populate_existing=True)
    is_resting = host.paused_until is not None and host.paused_until > now
    if is_resting or _conversations(session, host_id, now) >= CONVERSATIONS:
        return None
    known, backpack = known_host(host, vault), backpacks[host.protocol]
    is_probe = host_pace.needs_probe(host)
    while taken := _take(session, host_id, 1 if is_probe else BATCH, now):
        parcels: dict[int, list[Parcel]] = {}
        for delivery in taken:
            parcel = _prepare(session, delivery, backpack, now, is_known=known is not None)
            if parcel is not None:
                parcels.setdefault(delivery.connection_id, []).append(parcel)
        if known is None or not parcels:
            continue
        if is_probe:
            host_pace.begin_probe(host, now)
        bundles = (_bundle(session, connection_id, found, vault) for connection_id, found in parcels.items())
        return Batch(host_id, host.protocol, known[0], known[1], now + LEASE, tuple(bundles))
    return None


def _conversations(session: Session, host_id: int, now: datetime) -> int:
    """How many batches are under way with a host: each has a lease of its own."""
    under_way = select(func.count(Delivery.lease_until.distinct())).join(BackpackConnection)
    sending = under_way.where(Delivery.state == DeliveryState.SENDING, Delivery.lease_until >= now)
    return session.scalar(sending.where(BackpackConnection.host_id == host_id)) or 0


def _take(session: Session, host_id: int, limit: int, now: datetime) -> Sequence[Delivery]:
    """Take deliveries under a lease, none of a connection that somebody else has one of."""
    other = aliased(Delivery)
    is_busy = (
        select(other.id)
        .where(other.connection_id == Delivery.connection_id)
        .where(other.state == DeliveryState.SENDING, other.lease_until >= now)
        .exists()
    )
    ids = due_at_host(session, host_id, now, limit, ~is_busy)
    if not ids:
        return []
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(state=DeliveryState.SENDING, lease_until=now + LEASE, attempts=Delivery.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    # What every parcel is made of comes along: asked for one by one it would be four questions each.
    award = (
        joinedload(Delivery.credential_version).joinedload(CredentialVersion.credential).joinedload(Credential.award)
    )
    found = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id)
    found = found.options(joinedload(Delivery.connection), award)
    return session.scalars(found.execution_options(populate_existing=True)).all()


def _prepare(
    session: Session, delivery: Delivery, backpack: Backpack, now: datetime, *, is_known: bool
) -> Parcel | None:
    """Return what is to be sent; ``None`` when the delivery ended without a call."""
    connection = delivery.connection
    if delivery.purpose is DeliveryPurpose.WITHDRAW and not backpack.can_withdraw:
        _settle_by_status(session, delivery, now)
        return None
    if connection.state is not ConnectionState.ACTIVE or connection.tokens is None or not is_known:
        code = connection.error_code if connection.state is ConnectionState.CONSENT_NEEDED else None
        _end(session, delivery, DeliveryState.FAILED, code or BackpackConsentError.code, now)
        return None
    try:
        return _parcel(session, delivery, backpack.faces, now)
    except ToolError as error:
        _end(session, delivery, DeliveryState.FAILED, error.code, now)
        return None


def _parcel(session: Session, delivery: Delivery, faces: tuple[Face, ...], now: datetime) -> Parcel:
    version = delivery.credential_version
    credential = version.credential
    barred = BARRED.get(credential.award.state)
    if barred is not None and delivery.purpose is DeliveryPurpose.PUT:
        raise ConflictError("The badge does not hold any more.", code=barred)
    if delivery.purpose is DeliveryPurpose.PUT and is_overtaken(session, delivery):
        raise ConflictError("A newer copy goes there.", code="copy_overtaken")
    spare = None
    if Face.OB2_HOSTED in faces:
        url = second_face.ensure_hosted(session, credential, None, now, restores=False)
        hosted = second_face.hosted_document(session, credential.public_id)
        document = BadgeDocument(Face.OB2_HOSTED, url, hosted.text)
        recipient = second_face.recipient_of(credential)
    else:
        document = BadgeDocument(Face.OB3_JSON, credential.url_id, version.document or "")
        recipient = version.subject if version.subject_kind is SubjectKind.EMAIL_HASH else None
        if version.jwt is not None and Face.OB3_JWT in faces:
            spare = BadgeDocument(Face.OB3_JWT, credential.url_id, version.jwt)
    return Parcel(delivery.id, delivery.purpose, document, spare, recipient, is_repeat=delivery.attempts > 1)


def _bundle(session: Session, connection_id: int, parcels: list[Parcel], vault: Vault) -> Bundle:
    connection = session.get_one(BackpackConnection, connection_id)
    return Bundle(
        connection_id=connection_id,
        tokens=read_tokens(connection, vault),
        mark=connection.tokens or "",
        account_email=connection.account_email,
        is_account_known=connection.account_id is not None,
        parcels=tuple(parcels),
    )


# -- how it ends ------------------------------------------------------------------------------------------------------


def settle(session: Session, delivery_id: int, receipt: Receipt, now: datetime) -> None:
    """Record that the host has the badge (or has it no more), with its receipt."""
    delivery = session.get_one(Delivery, delivery_id, populate_existing=True)
    if delivery.state is DeliveryState.DELIVERED:
        return
    values = asdict(receipt)
    delivery.receipt = {**values, "outcome": receipt.outcome.value, "received_at": receipt.received_at.isoformat()}
    delivery.remote_id = receipt.remote_id
    delivery.delivered_at = now
    _end(session, delivery, DeliveryState.DELIVERED, None, now)


def record_failure(session: Session, delivery_id: int, lease_until: datetime, error: ToolError, now: datetime) -> None:
    """Try again later, further and further apart, while that can help; else end with the reason.

    Nothing happens when the lease passed and somebody else has the delivery.
    """
    delivery = _leased(session, delivery_id, lease_until)
    if delivery is None:
        return
    attempts = delivery.attempts
    is_nonsense = isinstance(error, BackpackAnswerError)
    most = ATTEMPTS if error.retryable else ATTEMPTS_AT_NONSENSE if is_nonsense else 0
    if attempts >= most:
        _end(session, delivery, DeliveryState.FAILED, error.code, now)
        return
    delivery.state, delivery.lease_until, delivery.error_code = DeliveryState.QUEUED, None, error.code
    delivery.due_at = now + min(BACK_OFF * 4 ** (attempts - 1), LONGEST_WAIT) * JITTER.uniform(0.8, 1.2)


def release(session: Session, delivery_ids: Sequence[int], lease_until: datetime) -> None:
    """Give back what was taken and not tried, as if it had not been taken."""
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(delivery_ids), Delivery.state == DeliveryState.SENDING)
        .where(Delivery.lease_until == lease_until)
        .values(state=DeliveryState.QUEUED, lease_until=None, attempts=Delivery.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def _leased(session: Session, delivery_id: int, lease_until: datetime) -> Delivery | None:
    delivery = session.get_one(Delivery, delivery_id, populate_existing=True)
    is_ours = delivery.state is DeliveryState.SENDING and delivery.lease_until == lease_until
    return delivery if is_ours else None


def _settle_by_status(session: Session, delivery: Delivery, now: datetime) -> None:
    """The host reads the status that the badge names; make sure that it says what it has to."""
    credential = delivery.credential_version.credential
    hosted = second_face.find_hosted(session, credential)
    says = all(_says_revoked(session, version) for version in credential.versions)
    if not says or (hosted is not None and not second_face.is_revoked(hosted)):
        _end(session, delivery, DeliveryState.FAILED, "status_not_revoked", now)
        return
    settle(session, delivery.id, Receipt(Outcome.STATUS_SAYS, 200, delivery.remote_id, now), now)


def _says_revoked(session: Session, version: CredentialVersion) -> bool:
    listed = session.get_one(StatusList, version.status_list_id)
    return status_list.get_bit(listed.bits, version.status_index)


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
    session.flush()
