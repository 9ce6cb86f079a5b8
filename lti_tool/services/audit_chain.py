"""Seals audit events into their organization's hash chain, signs the head, and checks all of it.

Events are written unsealed in the transaction that acts (``services.audit``). Sealing gives each a number and a digest
over the one before; the head is signed with the issuer's key, so that nobody without it can write the past anew.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.domain import audit_chain as chains
from lti_tool.domain.audit_chain import Entry, Finding, FindingCode, Head
from lti_tool.errors import CredentialInvalidError
from lti_tool.models import (
    AuditEvent,
    AuditHead,
    AuditKey,
    AuditPayload,
    AuditSeal,
    IssuerKey,
    IssuerProfile,
    Organization,
)
from lti_tool.openbadges.proof import decode_multikey, encode_multikey, method_id_of
from lti_tool.services.audit import commitment
from lti_tool.services.audit_traces import check_traces
from lti_tool.vault import Vault

BATCH = 500
SEAL_AFTER = timedelta(seconds=30)
"""Events younger than this wait: most belong to one burst, and each burst gets one head."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What checking one chain came to. ``erased``: numbers whose payload is gone, as after an erasure on record."""

    chain: str
    sealed: int
    unsealed: tuple[int, ...]
    """Ids of events that are not sealed yet: nothing protects them so far."""
    erased: tuple[int, ...]
    findings: tuple[Finding, ...]


# -- sealing ----------------------------------------------------------------------------------------------------------


def due(session: Session, now: datetime) -> list[int]:
    """Return organizations with events to seal; 0 stands for events of no organization."""
    waiting = select(AuditEvent.organization_id).where(~AuditEvent.is_sealed, AuditEvent.at <= now - SEAL_AFTER)
    return sorted({organization_id or 0 for organization_id in session.scalars(waiting.distinct())})


def seal(session: Session, organization_id: int | None, vault: Vault, now: datetime, *, limit: int = BATCH) -> int:
    """Seal the next events of one chain and sign its new head; returns how many.

    Two that seal at the same time collide on the numbers: one transaction fails as a whole (``IntegrityError``).
    """
    chain = chains.chain_of(organization_id)
    events = session.scalars(
        select(AuditEvent)
        .where(~AuditEvent.is_sealed, AuditEvent.organization_id.is_not_distinct_from(organization_id))
        .order_by(AuditEvent.id)
        .limit(limit)
    ).all()
    if not events:
        return 0
    last = session.execute(
        select(AuditSeal.number, AuditSeal.digest)
        .where(AuditSeal.chain == chain)
        .order_by(AuditSeal.number.desc())
        .limit(1)
    ).one_or_none()
    number, digest = (last.number, last.digest) if last else (0, chains.BEFORE_THE_FIRST)
    for event in events:
        number += 1
        digest = chains.digest_of(chain, _entry(event, number, ""), digest)
        event.is_sealed = True
        session.add(AuditSeal(audit_event_id=event.id, chain=chain, number=number, digest=digest, sealed_at=now))
    session.flush()
    session.add(_signed_head(session, organization_id, chain, number, digest, vault, now))
    session.flush()
    return len(events)


def _entry(event: AuditEvent, number: int, digest: str) -> Entry:
    return Entry(number, event.id, event.at, event.action, event.actor, event.subject, event.commitment, digest)


def _signed_head(
    session: Session, organization_id: int | None, chain: str, number: int, digest: str, vault: Vault, now: datetime
) -> AuditHead:
    stored, method = _signing_key(session, organization_id, vault, now)
    private_key = serialization.load_pem_private_key(vault.open(stored.private_key).encode("ascii"), password=None)
    if not isinstance(private_key, Ed25519PrivateKey):
        raise TypeError("audit heads are signed with Ed25519")
    signature = private_key.sign(chains.head_text(chain, number, digest, now).encode())
    return AuditHead(
        chain=chain,
        number=number,
        digest=digest,
        signed_at=now,
        verification_method=method,
        public_key_multibase=stored.public_key_multibase,
        signature=base64.urlsafe_b64encode(signature).decode("ascii").rstrip("="),
    )


def _signing_key(
    session: Session, organization_id: int | None, vault: Vault, now: datetime
) -> tuple[IssuerKey | AuditKey, str]:
    """The organization's issuer key; where there is no issuer (yet), this installation's own."""
    row = session.execute(
        select(IssuerKey, IssuerProfile)
        .join(IssuerProfile, IssuerProfile.id == IssuerKey.issuer_profile_id)
        .where(IssuerProfile.organization_id == organization_id, IssuerKey.is_active)
        .order_by(IssuerProfile.id)
        .limit(1)
    ).one_or_none()
    if row is not None:
        key, profile = row
        return key, method_id_of(profile.url_id, key.public_key_multibase)
    own = session.scalar(select(AuditKey).order_by(AuditKey.id).limit(1))
    if own is None:
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        own = AuditKey(
            public_key_multibase=encode_multikey(made.public_key()),
            private_key=vault.lock(pem.decode("ascii")),
            created_at=now,
        )
        session.add(own)
        session.flush()
    return own, chains.INSTALLATION


# -- checking ---------------------------------------------------------------------------------------------------------


def verify(session: Session, outside: Iterable[Head] = ()) -> list[ChainReport]:
    """Check every chain against itself, its stored heads and the heads kept ``outside`` this database; and awards with
    their traces against what the events say of them."""
    organizations = [None, *session.scalars(select(Organization.id).order_by(Organization.id))]
    kept, beside = list(outside), check_traces(session)
    reports = [_verify_chain(session, one, kept, beside) for one in organizations]
    known = {report.chain for report in reports}
    lost = [Finding(FindingCode.TRUNCATED, head.chain, head.number) for head in kept if head.chain not in known]
    reports += [ChainReport(one.chain, 0, (), (), (one,)) for one in lost]
    return [one for one in reports if one.sealed or one.unsealed or one.findings]


def _verify_chain(
    session: Session, organization_id: int | None, outside: list[Head], beside: list[Finding]
) -> ChainReport:
    chain = chains.chain_of(organization_id)
    entries = list(iter_entries(session, chain))
    findings, digests = chains.check_entries(chain, entries)
    heads = [*stored_heads(session, chain), *(head for head in outside if head.chain == chain)]
    findings += chains.check_heads(chain, digests, heads, is_signed, _known_keys(session, organization_id))
    altered, erased = _check_payloads(session, chain, entries)
    altered += [one for one in beside if one.chain == chain]
    unsealed = session.scalars(
        select(AuditEvent.id)
        .outerjoin(AuditSeal, AuditSeal.audit_event_id == AuditEvent.id)
        .where(AuditSeal.audit_event_id.is_(None), AuditEvent.organization_id.is_not_distinct_from(organization_id))
        .order_by(AuditEvent.id)
    )
    return ChainReport(
        chain=chain,
        sealed=len(digests),
        unsealed=tuple(unsealed),
        erased=tuple(erased),
        findings=tuple(sorted([*findings, *altered], key=lambda one: (one.number, one.code))),
    )


def iter_entries(session: Session, chain: str) -> Iterator[Entry]:
    """Yield the sealed events of a chain by number."""
    rows = session.execute(
        select(AuditSeal.number, AuditSeal.digest, AuditEvent)
        .join(AuditEvent, AuditEvent.id == AuditSeal.audit_event_id)
        .where(AuditSeal.chain == chain)
        .order_by(AuditSeal.number)
        .execution_options(yield_per=BATCH)
    )
    for number, digest, event in rows:
        yield _entry(event, number, digest)


def stored_heads(session: Session, chain: str) -> list[Head]:
    """Return the signed heads of a chain, oldest first."""
    found = session.scalars(select(AuditHead).where(AuditHead.chain == chain).order_by(AuditHead.number))
    return [
        Head(
            chain=one.chain,
            number=one.number,
            digest=one.digest,
            signed_at=one.signed_at,
            verification_method=one.verification_method,
            public_key_multibase=one.public_key_multibase,
            signature=one.signature,
        )
        for one in found
    ]


def newest_heads(session: Session) -> list[Head]:
    """Return the newest signed head of every chain: what is worth keeping somewhere else."""
    newest = session.execute(select(AuditHead.chain, func.max(AuditHead.number)).group_by(AuditHead.chain)).all()
    by_chain = {chain: stored_heads(session, chain) for chain, _ in sorted(newest)}
    return [heads[-1] for heads in by_chain.values()]


def is_signed(head: Head) -> bool:
    """Whether the head's signature is that of the key it names."""
    try:
        key = decode_multikey(head.public_key_multibase)
        signature = base64.urlsafe_b64decode(head.signature + "=" * (-len(head.signature) % 4))
        key.verify(signature, chains.head_text(head.chain, head.number, head.digest, head.signed_at).encode())
    except (InvalidSignature, CredentialInvalidError, ValueError):
        return False
    return True


def _known_keys(session: Session, organization_id: int | None) -> frozenset[str]:
    issuers = (
        select(IssuerKey.public_key_multibase)
        .join(IssuerProfile, IssuerProfile.id == IssuerKey.issuer_profile_id)
        .where(IssuerProfile.organization_id == organization_id)
    )
    return frozenset([*session.scalars(issuers), *session.scalars(select(AuditKey.public_key_multibase))])


def _check_payloads(session: Session, chain: str, entries: Iterable[Entry]) -> tuple[list[Finding], list[int]]:
    altered: list[Finding] = []
    erased: list[int] = []
    rows = session.execute(
        select(AuditPayload)
        .join(AuditSeal, AuditSeal.audit_event_id == AuditPayload.audit_event_id)
        .where(AuditSeal.chain == chain)
    ).scalars()
    payloads = {row.audit_event_id: commitment(row.salt, row.payload) for row in rows}
    for entry in entries:
        held = payloads.get(entry.event_id)
        if held is None and entry.commitment is not None:
            erased.append(entry.number)
        elif held is not None and held != entry.commitment:
            altered.append(Finding(FindingCode.PAYLOAD_ALTERED, chain, entry.number, entry.event_id))
    return altered, erased
