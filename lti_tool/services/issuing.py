"""Issuing: a claimed award's pending copy is composed, signed, verified, and only then stored.

A claim (``claiming``) writes the award's new state and a *pending* credential version in one transaction. Signing
follows, at once or by the sweep, whoever comes first: the version row is the one place a signed copy can go, so a
process that dies between signing and storing leaves a pending row, and signing again makes the same one credential.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.errors import CredentialInvalidError, IssuingError
from lti_tool.models import (
    Credential,
    CredentialVersion,
    IssuerKey,
    StatusList,
    SubjectKind,
    VersionState,
)
from lti_tool.openbadges import proof, v3
from lti_tool.services import audit, mirrored_awards, reissuing
from lti_tool.services.achievement_cards import achievement_card
from lti_tool.services.claiming import claim
from lti_tool.services.credentials import Claim
from lti_tool.services.issuers import issuer_value, signer
from lti_tool.vault import Vault

__all__ = [
    "Claim",
    "Unsigned",
    "achievement_card",
    "claim",
    "compose",
    "pending_versions",
    "record_failure",
    "sign",
    "store_signed",
]

RETRY_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A pending version, composed: everything signing needs, so that no transaction is open meanwhile."""

    version_id: int
    document: dict[str, object]
    signer: proof.Signer
    created: datetime


# -- compose, sign, verify, store -------------------------------------------------------------------------------------


def pending_versions(session: Session, now: datetime, limit: int = 100) -> list[int]:
    """Return ids of versions that wait to be signed."""
    return list(
        session.scalars(
            select(CredentialVersion.id)
            .where(CredentialVersion.state == VersionState.PENDING, CredentialVersion.due_at <= now)
            .order_by(CredentialVersion.id)
            .limit(limit)
        )
    )


def compose(session: Session, version_id: int, vault: Vault) -> Unsigned | None:
    """Compose a pending version; ``None`` when it is signed already."""
    version = session.get_one(CredentialVersion, version_id)
    if version.state is not VersionState.PENDING:
        return None
    award = version.credential.award
    profile = award.achievement.issuer_profile
    listed = session.get_one(StatusList, version.status_list_id)
    document = v3.compose_credential(
        credential_id=version.credential.url_id,
        issuer=issuer_value(profile),
        achievement=achievement_card(session, award.achievement, award.achievement_version),
        subject=_subject(version),
        valid_from=version.valid_from,
        awarded_at=award.offered_at,
        valid_until=award.valid_until,
        status=v3.StatusEntry(list_url=f"{profile.base_url}/status/{listed.public_id}", index=version.status_index),
    )
    key = session.get_one(IssuerKey, version.issuer_key_id)
    return Unsigned(version.id, document, signer(key, profile, vault), version.valid_from)


def _subject(version: CredentialVersion) -> v3.Subject:
    if version.subject_kind is SubjectKind.EMAIL_HASH:
        return v3.Subject(email=v3.HashedEmail(email=version.subject, salt=version.salt), name=version.name)
    return v3.Subject(id=version.subject, name=version.name)


def sign(unsigned: Unsigned) -> str:
    """Sign, and verify what was signed; returns the document's text, as it will be served for ever.

    Raises ``IssuingError`` (``self_check_failed``) when our own verification refuses it.
    """
    signed = unsigned.signer.sign(unsigned.document, unsigned.created)
    text = json.dumps(signed, ensure_ascii=False, separators=(",", ":"))
    try:
        proof.verify_proof(json.loads(text), unsigned.signer.private_key.public_key())
    except CredentialInvalidError as error:
        raise IssuingError(f"Our own check refused the signature ({error.code}).", code="self_check_failed") from error
    return text


def store_signed(session: Session, version_id: int, text: str, now: datetime) -> bool:
    """Store the signed document, once; ``False`` when another process stored one first."""
    stored = session.execute(
        update(CredentialVersion)
        .where(CredentialVersion.id == version_id, CredentialVersion.state == VersionState.PENDING)
        .values(state=VersionState.ISSUED, document=text, issued_at=now, error_code=None)
        .returning(CredentialVersion.credential_id)
    ).scalar()
    if stored is None:
        return False
    credential = session.get_one(Credential, stored)
    reissuing.take_place(session, session.get_one(CredentialVersion, version_id, populate_existing=True), now)
    mirrored_awards.queue_award(session, credential, now)
    profile = credential.award.achievement.issuer_profile
    audit.record(
        session,
        "credential.issued",
        actor="job",
        subject=f"credential:{credential.id}",
        organization_id=profile.organization_id,
        payload={"version": version_id},
        now=now,
    )
    return True


def record_failure(session: Session, version_id: int, error_code: str, now: datetime) -> None:
    """Keep a pending version pending, and say why it could not be signed."""
    version = session.get_one(CredentialVersion, version_id)
    version.attempts, version.error_code = version.attempts + 1, error_code
    version.due_at = now + RETRY_AFTER * min(version.attempts, 20)
