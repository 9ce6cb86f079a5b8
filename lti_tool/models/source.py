"""Evidence beyond LTI: a platform's own web API and who let us read it, links between columns, gradebook uploads."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, new_public_id, personal, plain, pseudonymous, secret
from lti_tool.models.gradebook import EvidenceColumn
from lti_tool.models.platform import Registration

INSTITUTION = "institution"
"""The ``place`` of a grant that serves every course; a course's own is ``context:ID``."""


class GrantState(enum.StrEnum):
    """Whether a grant can be used."""

    ACTIVE = "active"
    NEEDED = "needed"
    """It was refused, withdrawn or narrowed on the platform; somebody has to grant it anew."""
    ENDED = "ended"
    """It was given up here."""


class LinkState(enum.StrEnum):
    """Whether two columns are the same piece of work."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class LinkGround(enum.StrEnum):
    """Why two columns are thought to be the same work."""

    LTI_ID = "lti_id"
    """An id of LTI that both sources tell."""
    TITLE = "title"
    """The same title and maximum."""
    CHECKPOINT = "checkpoint"
    """An assessor's column and the line item of the same checkpoint of this tool."""


class UploadState(enum.StrEnum):
    """Life of an uploaded gradebook: nothing is stored as evidence before a person confirmed the preview."""

    PREVIEWED = "previewed"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    DISCARDED = "discarded"


class PlatformApi(Base):
    """A platform's own web API (Canvas REST, Moodle web services) as an admin set it up for one institution."""

    __tablename__ = "platform_api"
    __table_args__ = (UniqueConstraint("registration_id", "organization_id", "source"),)

    id: Mapped[PK]
    public_id: Mapped[str] = plain(String(32), unique=True, default=new_public_id)
    """Names it in addresses that the platform calls."""
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"), index=True)
    source: Mapped[str] = plain(String(32))
    """The evidence source that reads it: ``canvas`` or ``moodle``."""
    address: Mapped[str] = plain(String(2048))
    """Origin and path of the platform, without a final slash."""
    client_id: Mapped[str | None] = plain(String(255))
    """OAuth 2.0 client (Canvas: an API developer key); ``None`` where a token is typed in."""
    client_secret: Mapped[str | None] = secret()
    scopes: Mapped[list[str]] = plain(default=list)
    """What is asked for."""
    details: Mapped[dict[str, Any]] = plain(default=dict)
    """What the platform said about itself, and the key set of its event stream."""
    created_at: Mapped[datetime] = plain()
    disabled_at: Mapped[datetime | None] = plain()

    registration: Mapped[Registration] = relationship()


class ApiGrant(Base):
    """Somebody's leave to read a platform's API: an institution's service account, or an instructor's for a course."""

    __tablename__ = "api_grant"
    __table_args__ = (UniqueConstraint("platform_api_id", "place"),)

    id: Mapped[PK]
    platform_api_id: Mapped[int] = plain(ForeignKey("platform_api.id"))
    place: Mapped[str] = plain(String(32))
    """``institution`` or ``context:ID``."""
    user_id: Mapped[int | None] = pseudonymous(ForeignKey("user.id"))
    """The instructor who granted it; ``None`` for an institution's."""
    state: Mapped[GrantState] = plain(choice(GrantState))
    tokens: Mapped[str | None] = secret()
    """Access and refresh token as encrypted JSON."""
    scopes: Mapped[list[str] | None] = plain()
    """What was granted, ``None`` where the platform does not say."""
    account: Mapped[str | None] = personal(String(255))
    """Whose account it is on the platform."""
    error_code: Mapped[str | None] = plain(String(64))
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain()

    platform_api: Mapped[PlatformApi] = relationship()


class ApiConsent(Base):
    """A consent somebody began on a platform: OAuth state bound to a first-party cookie, usable once."""

    __tablename__ = "api_consent"

    state_hash: Mapped[str] = secret(String(64), primary_key=True)
    browser_hash: Mapped[str] = secret(String(64))
    platform_api_id: Mapped[int] = plain(ForeignKey("platform_api.id"))
    place: Mapped[str] = plain(String(32))
    user_id: Mapped[int | None] = pseudonymous(ForeignKey("user.id"))
    staff_user_id: Mapped[int | None] = pseudonymous(ForeignKey("staff_user.id"))
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    consumed_at: Mapped[datetime | None] = plain()


class PlatformIdentity(Base):
    """What a platform's own API calls a user of LTI; told by the platform itself, never matched by name or e-mail."""

    __tablename__ = "platform_identity"
    __table_args__ = (UniqueConstraint("registration_id", "organization_id", "source", "external_id"),)

    id: Mapped[PK]
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
    source: Mapped[str] = plain(String(32))
    external_id: Mapped[str] = pseudonymous(String(255))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    seen_at: Mapped[datetime] = plain()


class SourceReading(Base):
    """How far one source is read in one course: where to go on after a crash, since when to ask, why it failed."""

    __tablename__ = "source_reading"
    __table_args__ = (UniqueConstraint("context_id", "source"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    source: Mapped[str] = plain(String(32))
    begun_at: Mapped[datetime | None] = plain()
    """When the reading under way began; ``None`` between readings."""
    place: Mapped[dict[str, Any] | None] = plain()
    """Last page that was stored of the reading under way, in the source's own terms."""
    read_at: Mapped[datetime | None] = plain()
    """When the last complete reading began: what it did not show had not happened by then."""
    whole_at: Mapped[datetime | None] = plain()
    """When the last complete reading that asked for everything, not for changes, began."""
    high_water: Mapped[datetime | None] = plain()
    """The newest change seen, by the source's own clock; the next reading asks since then."""
    failed_code: Mapped[str | None] = plain(String(64))
    failed_at: Mapped[datetime | None] = plain()


class ColumnLink(Base):
    """Two columns of different sources that are the same piece of work; ``column_id`` is the lower id."""

    __tablename__ = "column_link"
    __table_args__ = (
        UniqueConstraint("column_id", "other_id"),
        CheckConstraint("column_id < other_id", name="ordered"),
    )

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    column_id: Mapped[int] = plain(ForeignKey("evidence_column.id"))
    other_id: Mapped[int] = plain(ForeignKey("evidence_column.id"), index=True)
    state: Mapped[LinkState] = plain(choice(LinkState))
    ground: Mapped[LinkGround] = plain(choice(LinkGround))
    decided_by: Mapped[str | None] = pseudonymous(String(64))
    decided_at: Mapped[datetime | None] = plain()
    created_at: Mapped[datetime] = plain()

    column: Mapped[EvidenceColumn] = relationship(foreign_keys=[column_id])
    other: Mapped[EvidenceColumn] = relationship(foreign_keys=[other_id])


class GradebookUpload(Base):
    """A gradebook file somebody uploaded for a course: previewed, then imported page by page."""

    __tablename__ = "gradebook_upload"
    __table_args__ = (Index("ix_gradebook_upload_state_due_at", "state", "due_at"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"))
    """Who uploaded it."""
    state: Mapped[UploadState] = plain(choice(UploadState))
    dialect: Mapped[str] = plain(String(32))
    file_name: Mapped[str] = personal(String(255))
    exported_at: Mapped[datetime] = plain()
    """The moment the grades in it were true, as its uploader said."""
    preview: Mapped[dict[str, Any]] = personal(default=dict)
    """The file's shape, and what importing it would do, as it was shown; emptied once that is past."""
    choices: Mapped[dict[str, Any]] = personal(default=dict)
    """Columns to take, and which near matches the uploader confirmed."""
    next_row: Mapped[int] = plain(default=0)
    """Rows before it are imported."""
    counts: Mapped[dict[str, Any]] = plain(default=dict)
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    lease_until: Mapped[datetime | None] = plain()
    error_code: Mapped[str | None] = plain(String(64))
    created_at: Mapped[datetime] = plain()
    finished_at: Mapped[datetime | None] = plain()


class GradebookPart(Base):
    """A piece of an uploaded gradebook, in the file's order; let go of once the file is imported or discarded."""

    __tablename__ = "gradebook_part"
    __table_args__ = (UniqueConstraint("gradebook_upload_id", "position"),)

    id: Mapped[PK]
    gradebook_upload_id: Mapped[int] = plain(ForeignKey("gradebook_upload.id"))
    position: Mapped[int] = plain()
    sha256: Mapped[str] = plain(ForeignKey("blob.sha256"), index=True)
