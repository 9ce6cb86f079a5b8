"""Competency frameworks in the nouns of CASE 1.0."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, plain


class Framework(Base):
    """A set of competencies (CFDocument): an organization's, or one course's own."""

    __tablename__ = "framework"
    __table_args__ = (UniqueConstraint("organization_id", "identifier"),)

    id: Mapped[PK]
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
    context_id: Mapped[int | None] = plain(ForeignKey("context.id"), index=True)
    """Set when only this course uses it."""
    template_id: Mapped[int | None] = plain(ForeignKey("mapping_template.id"))
    """Set on the course's copy of a template's competencies."""
    identifier: Mapped[str] = plain(String(255), default=lambda: str(uuid.uuid4()))
    title: Mapped[str] = plain(String(1024))
    created_at: Mapped[datetime] = plain()


class Item(Base):
    """A competency (CFItem)."""

    __tablename__ = "item"
    __table_args__ = (UniqueConstraint("framework_id", "identifier"),)

    id: Mapped[PK]
    framework_id: Mapped[int] = plain(ForeignKey("framework.id"))
    identifier: Mapped[str] = plain(String(255), default=lambda: str(uuid.uuid4()))
    """CFItem identifier; what rules name."""
    human_code: Mapped[str | None] = plain(String(255))
    full_statement: Mapped[str] = plain(String(4096))
    uri: Mapped[str | None] = plain(String(2048))
    position: Mapped[int] = plain(default=0)

    framework: Mapped[Framework] = relationship()
