"""What can be earned: issuer profiles, achievements with immutable versions, mappings and rules (Open Badges 3.0)."""

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, new_public_id, plain, pseudonymous, secret
from lti_tool.models.framework import Item


class AchievementState(enum.StrEnum):
    """Only live achievements are evaluated."""

    DRAFT = "draft"
    REVIEW = "review"
    """An instructor asked for approval."""
    LIVE = "live"
    RETIRED = "retired"


class Blob(Base):
    """A file by its content: pictures, and baked credentials' art."""

    __tablename__ = "blob"

    sha256: Mapped[str] = plain(String(64), primary_key=True)
    media_type: Mapped[str] = plain(String(64))
    content: Mapped[bytes] = plain(LargeBinary)
    created_at: Mapped[datetime] = plain()


class IssuerProfile(Base):
    """Who issues (OB 3.0 Profile). Its id is ``{base_url}/issuers/{public_id}`` for ever."""

    __tablename__ = "issuer_profile"

    id: Mapped[PK]
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"), index=True)
    public_id: Mapped[str] = plain(String(32), unique=True, default=new_public_id)
    base_url: Mapped[str] = plain(String(2048))
    name: Mapped[str] = plain(String(255))
    url: Mapped[str | None] = plain(String(2048))
    email: Mapped[str | None] = plain(String(320))
    description: Mapped[str | None] = plain(String(4096))
    created_at: Mapped[datetime] = plain()

    @property
    def url_id(self) -> str:
        """The issuer's id: an https address that answers the profile with its keys."""
        return f"{self.base_url}/issuers/{self.public_id}"


class IssuerKey(Base):
    """An Ed25519 key of an issuer; old public keys stay listed, since their credentials must verify for ever."""

    __tablename__ = "issuer_key"

    id: Mapped[PK]
    issuer_profile_id: Mapped[int] = plain(ForeignKey("issuer_profile.id"), index=True)
    public_key_multibase: Mapped[str] = plain(String(128), unique=True)
    private_key: Mapped[str] = secret()
    is_active: Mapped[bool] = plain(default=True)
    withdrawn_at: Mapped[datetime | None] = plain()
    """When it was found to be in wrong hands: it is not listed any more, and what it signed was signed anew."""
    created_at: Mapped[datetime] = plain()


class IssuerJwsKey(Base):
    """An RSA key of an issuer, for forms signed as JWS (VC-JWT, Open Badges 2.0); listed for ever, like the others."""

    __tablename__ = "issuer_jws_key"

    id: Mapped[PK]
    issuer_profile_id: Mapped[int] = plain(ForeignKey("issuer_profile.id"), index=True)
    kid: Mapped[str] = plain(String(64), unique=True)
    """Its thumbprint (RFC 7638)."""
    public_jwk: Mapped[dict[str, Any]] = plain()
    private_key: Mapped[str] = secret()
    is_active: Mapped[bool] = plain(default=True)
    withdrawn_at: Mapped[datetime | None] = plain()
    """When it was found to be in wrong hands: it is not listed any more, and what it signed was signed anew."""
    created_at: Mapped[datetime] = plain()


class Achievement(Base):
    """A badge that can be earned; its content lives in versions."""

    __tablename__ = "achievement"

    id: Mapped[PK]
    public_id: Mapped[str] = plain(String(32), unique=True, default=new_public_id)
    issuer_profile_id: Mapped[int] = plain(ForeignKey("issuer_profile.id"))
    context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    state: Mapped[AchievementState] = plain(choice(AchievementState))
    policy: Mapped[dict[str, Any]] = plain(default=dict)
    """How it is awarded: an ``AwardPolicy`` document; empty: the defaults."""
    template_version_id: Mapped[int | None] = plain(
        ForeignKey("mapping_template_version.id", name="fk_achievement_template_version")
    )
    """The organization's template it comes from."""
    template_key: Mapped[str | None] = plain(String(64))
    """Its name in that template."""
    previewed_count: Mapped[int | None] = plain()
    """How many learners the preview said would be offered it, when a person confirmed publishing or an edit."""
    review_note: Mapped[str | None] = plain(String(4096))
    """What the person who approves wrote when they sent it back; gone once it is sent for approval again."""
    current_version_id: Mapped[int | None] = plain(
        ForeignKey("achievement_version.id", use_alter=True, name="fk_achievement_current_version")
    )
    current_rule_id: Mapped[int | None] = plain(
        ForeignKey("award_rule.id", use_alter=True, name="fk_achievement_current_rule")
    )
    created_at: Mapped[datetime] = plain()

    issuer_profile: Mapped[IssuerProfile] = relationship()
    current_version: Mapped["AchievementVersion | None"] = relationship(foreign_keys=[current_version_id])
    current_rule: Mapped["AwardRule | None"] = relationship(foreign_keys=[current_rule_id])

    @property
    def url_id(self) -> str:
        """The achievement's id."""
        return f"{self.issuer_profile.base_url}/achievements/{self.public_id}"


class AchievementVersion(Base):
    """What the badge says, frozen: a change is a new version."""

    __tablename__ = "achievement_version"
    __table_args__ = (UniqueConstraint("achievement_id", "number"),)

    id: Mapped[PK]
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    number: Mapped[int] = plain()
    name: Mapped[str] = plain(String(255))
    description: Mapped[str] = plain(String(4096))
    criteria_narrative: Mapped[str] = plain(String(8192))
    achievement_type: Mapped[str] = plain(String(64))
    language: Mapped[str] = plain(String(35))
    picture_sha256: Mapped[str] = plain(ForeignKey("blob.sha256"))
    created_at: Mapped[datetime] = plain()


class Alignment(Base):
    """A competency an achievement version is aligned to (OB 3.0 Alignment)."""

    __tablename__ = "alignment"
    __table_args__ = (UniqueConstraint("achievement_version_id", "item_id"),)

    id: Mapped[PK]
    achievement_version_id: Mapped[int] = plain(ForeignKey("achievement_version.id"))
    item_id: Mapped[int] = plain(ForeignKey("item.id"))

    item: Mapped[Item] = relationship()


class EvidenceMapping(Base):
    """Work in a slot counts for a competency: threshold in percent, weight. One row per (context, slot, item)."""

    __tablename__ = "evidence_mapping"
    __table_args__ = (UniqueConstraint("context_id", "slot", "item_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    slot: Mapped[str] = plain(String(255))
    item_id: Mapped[int] = plain(ForeignKey("item.id"))
    threshold: Mapped[Decimal] = plain()
    weight: Mapped[Decimal] = plain()
    template_version_id: Mapped[int | None] = plain(
        ForeignKey("mapping_template_version.id", name="fk_evidence_mapping_template_version")
    )
    """The organization's template it comes from."""

    item: Mapped[Item] = relationship()


class CompetencyPolicy(Base):
    """How a course combines the work mapped to one competency."""

    __tablename__ = "competency_policy"
    __table_args__ = (UniqueConstraint("context_id", "item_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    item_id: Mapped[int] = plain(ForeignKey("item.id"))
    calculation: Mapped[str] = plain(String(32))
    threshold: Mapped[Decimal] = plain()
    factor: Mapped[Decimal] = plain(default=Decimal(65))
    """Percent with which each newer piece of work counts in a decaying average."""
    template_version_id: Mapped[int | None] = plain(
        ForeignKey("mapping_template_version.id", name="fk_competency_policy_template_version")
    )
    """The organization's template it comes from."""


class SlotBinding(Base):
    """Which column fills a slot in this course; rules and mappings never name columns or titles."""

    __tablename__ = "slot_binding"
    __table_args__ = (UniqueConstraint("context_id", "slot"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    slot: Mapped[str] = plain(String(255))
    column_id: Mapped[int] = plain(ForeignKey("evidence_column.id"))
    bound_by: Mapped[str | None] = pseudonymous(String(64))


class AwardRule(Base):
    """When an achievement is earned: a rule document, frozen; a change is a new version."""

    __tablename__ = "award_rule"
    __table_args__ = (UniqueConstraint("achievement_id", "number"),)

    id: Mapped[PK]
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    number: Mapped[int] = plain()
    document: Mapped[dict[str, Any]] = plain()
    created_at: Mapped[datetime] = plain()
