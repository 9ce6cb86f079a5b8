"""Mappings that an organization keeps for its courses: templates with immutable versions, and who took them over."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, plain, pseudonymous


class TemplateState(enum.StrEnum):
    """Only published templates are offered to courses."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class MappingTemplate(Base):
    """An organization's competencies, mappings, badges and rules over named slots; courses bind the slots."""

    __tablename__ = "mapping_template"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[PK]
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
    name: Mapped[str] = plain(String(255))
    description: Mapped[str] = plain(String(4096), default="")
    state: Mapped[TemplateState] = plain(choice(TemplateState))
    is_locked: Mapped[bool] = plain(default=True)
    """Courses may bind slots, but change nothing else that comes from it."""
    current_version_id: Mapped[int | None] = plain(
        ForeignKey("mapping_template_version.id", use_alter=True, name="fk_mapping_template_current_version")
    )
    created_by: Mapped[str] = pseudonymous(String(64))
    created_at: Mapped[datetime] = plain()

    current_version: Mapped["MappingTemplateVersion | None"] = relationship(foreign_keys=[current_version_id])


class MappingTemplateVersion(Base):
    """A template's content, frozen: a change is a new version."""

    __tablename__ = "mapping_template_version"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[PK]
    template_id: Mapped[int] = plain(ForeignKey("mapping_template.id"))
    number: Mapped[int] = plain()
    document: Mapped[dict[str, Any]] = plain()
    """Competencies, slots, mappings, calculations, badges with rules and policies (``domain.templates``)."""
    created_by: Mapped[str] = pseudonymous(String(64))
    created_at: Mapped[datetime] = plain()


class TemplateAdoption(Base):
    """A course that inherits a template."""

    __tablename__ = "template_adoption"
    __table_args__ = (UniqueConstraint("context_id", "template_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    template_id: Mapped[int] = plain(ForeignKey("mapping_template.id"), index=True)
    template_version_id: Mapped[int] = plain(ForeignKey("mapping_template_version.id"))
    """The version the course has now."""
    adopted_by: Mapped[str] = pseudonymous(String(64))
    adopted_at: Mapped[datetime] = plain()
    updated_at: Mapped[datetime] = plain()
