"""Courses and people: contexts, resource links, users and their memberships."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous
from lti_tool.models.platform import Deployment


class MembershipStatus(enum.StrEnum):
    """``inactive`` is a member the roster no longer lists; never a reason to take anything away."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class Context(Base):
    """A course (LTI 1.3 core, context claim) and the service addresses its launches taught us."""

    __tablename__ = "context"
    __table_args__ = (UniqueConstraint("deployment_id", "platform_id"),)

    id: Mapped[PK]
    deployment_id: Mapped[int] = plain(ForeignKey("deployment.id"))
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"), index=True)
    platform_id: Mapped[str] = plain(String(255))
    title: Mapped[str | None] = plain(String(1024))
    label: Mapped[str | None] = plain(String(1024))
    line_items_url: Mapped[str | None] = plain(String(2048))
    """AGS container, from the endpoint claim."""
    ags_scopes: Mapped[list[str]] = plain(default=list)
    memberships_url: Mapped[str | None] = plain(String(2048))
    """NRPS address, from the names and roles claim."""
    evaluation_wanted: Mapped[int] = plain(default=0)
    """Counts the reasons to evaluate; evaluation is due while it is ahead of ``evaluation_done``."""
    evaluation_done: Mapped[int] = plain(default=0)
    created_at: Mapped[datetime] = plain()
    launched_at: Mapped[datetime] = plain()

    deployment: Mapped[Deployment] = relationship()


class ResourceLink(Base):
    """A placement of this tool in a context (LTI 1.3 core, resource link claim)."""

    __tablename__ = "resource_link"
    __table_args__ = (UniqueConstraint("context_id", "platform_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    platform_id: Mapped[str] = plain(String(255))
    title: Mapped[str | None] = plain(String(1024))
    line_item_url: Mapped[str | None] = plain(String(2048))


class User(Base):
    """A person as one platform knows them: (registration, ``sub``). Never matched by e-mail."""

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("registration_id", "platform_user_id"),)

    id: Mapped[PK]
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    platform_user_id: Mapped[str] = pseudonymous(String(255))
    name: Mapped[str | None] = personal(String(1024))
    email: Mapped[str | None] = personal(String(320))
    locale: Mapped[str | None] = personal(String(35))
    created_at: Mapped[datetime] = plain()


class Membership(Base):
    """A user's roles in a context, as the roster or a launch last said (NRPS 2.0)."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("context_id", "user_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    roles: Mapped[list[str]] = pseudonymous()
    is_learner: Mapped[bool] = pseudonymous(default=False)
    is_test_user: Mapped[bool] = pseudonymous(default=False)
    status: Mapped[MembershipStatus] = pseudonymous(choice(MembershipStatus))
    seen_at: Mapped[datetime] = plain()

    user: Mapped[User] = relationship()
