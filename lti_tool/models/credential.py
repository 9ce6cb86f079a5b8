"""Credentials: one id per award for ever, with versions; status lists; shares."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.award import Award
from lti_tool.models.base import PK, Base, choice, new_public_id, personal, plain, pseudonymous


class VersionState(enum.StrEnum):
    """Life of one signed copy."""

    PENDING = "pending"
    ISSUED = "issued"
    SUPERSEDED = "superseded"


class SubjectKind(enum.StrEnum):
    """How the subject is named in the document."""

    EMAIL_HASH = "email_hash"
    OPAQUE = "opaque"
    DID = "did"


class StatusList(Base):
    """A Bitstring Status List of one issuer (status list 1.0): one bit per credential version."""

    __tablename__ = "status_list"

    id: Mapped[PK]
    issuer_profile_id: Mapped[int] = plain(ForeignKey("issuer_profile.id"), index=True)
    public_id: Mapped[str] = plain(String(32), unique=True, default=new_public_id)
    bits: Mapped[bytes] = plain(LargeBinary)
    document: Mapped[str | None] = plain()
    """The signed list as served; ``None`` until signed again after a change."""
    changed_at: Mapped[datetime] = plain()


class Credential(Base):
    """The credential of one award. The id is stored absolute together with its issuer's, and never changes."""

    __tablename__ = "credential"

    id: Mapped[PK]
    public_id: Mapped[str] = pseudonymous(String(32), unique=True, default=new_public_id)
    award_id: Mapped[int] = pseudonymous(ForeignKey("award.id"), unique=True)
    url_id: Mapped[str] = pseudonymous(String(2048), unique=True)
    issuer_url_id: Mapped[str] = plain(String(2048))
    created_at: Mapped[datetime] = plain()

    award: Mapped[Award] = relationship()
    versions: Mapped[list["CredentialVersion"]] = relationship(
        back_populates="credential", order_by="CredentialVersion.number"
    )


class CredentialVersion(Base):
    """One signed copy of a credential: same id and ``awardedDate``, its own ``validFrom`` and status index."""

    __tablename__ = "credential_version"
    __table_args__ = (
        UniqueConstraint("credential_id", "number"),
        UniqueConstraint("status_list_id", "status_index"),
        Index("ix_credential_version_state_due_at", "state", "due_at"),
    )

    id: Mapped[PK]
    credential_id: Mapped[int] = pseudonymous(ForeignKey("credential.id"))
    number: Mapped[int] = plain(default=1)
    state: Mapped[VersionState] = plain(choice(VersionState))
    subject_kind: Mapped[SubjectKind] = pseudonymous(choice(SubjectKind))
    subject: Mapped[str] = personal(String(2048))
    """E-mail address to hash, opaque id or DID."""
    salt: Mapped[str] = pseudonymous(String(64))
    name: Mapped[str | None] = personal(String(1024))
    """The name the document shows; ``None`` unless the learner chose to show it."""
    status_list_id: Mapped[int] = plain(ForeignKey("status_list.id"))
    status_index: Mapped[int] = pseudonymous()
    issuer_key_id: Mapped[int] = plain(ForeignKey("issuer_key.id"))
    valid_from: Mapped[datetime] = pseudonymous()
    document: Mapped[str | None] = personal()
    """The signed document, byte for byte as served; ``None`` while pending."""
    jwt: Mapped[str | None] = personal()
    """The same copy as a VC-JWT, made when somebody first asks for it."""
    reason: Mapped[str | None] = plain(String(32))
    """Why it was issued again: name, email, wallet or key; ``None`` for the first copy."""
    replaces: Mapped[bool] = plain(default=False)
    """Earlier copies are revoked as soon as this one is signed."""
    issued_at: Mapped[datetime | None] = pseudonymous()
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    error_code: Mapped[str | None] = plain(String(64))

    credential: Mapped[Credential] = relationship(back_populates="versions")


class HostedAssertion(Base):
    """The Open Badges 2.0 face of a credential: exists once a 2.0 delivery or download asked for it."""

    __tablename__ = "hosted_assertion"

    id: Mapped[PK]
    credential_id: Mapped[int] = pseudonymous(ForeignKey("credential.id"), unique=True)
    email: Mapped[str] = personal(String(320))
    """The address whose hash the assertion shows; empty when it was taken back and nobody is named."""
    salt: Mapped[str] = pseudonymous(String(64))
    jws: Mapped[str | None] = personal()
    """The signed form, made when somebody first asks for it."""
    withdrawn: Mapped[str | None] = pseudonymous()
    """Ids of signed forms that were taken back, one a line."""
    earlier: Mapped[str | None] = pseudonymous()
    """Ids of signed forms that name an earlier address, one a line: they hold as long as the award does."""
    created_at: Mapped[datetime] = pseudonymous()
    changed_at: Mapped[datetime] = pseudonymous()

    credential: Mapped[Credential] = relationship()


class Share(Base):
    """A learner's decision to show the page of a credential; withdrawing closes the page, not verification."""

    __tablename__ = "share"

    id: Mapped[PK]
    credential_id: Mapped[int] = pseudonymous(ForeignKey("credential.id"), index=True)
    created_at: Mapped[datetime] = pseudonymous()
    withdrawn_at: Mapped[datetime | None] = pseudonymous()
