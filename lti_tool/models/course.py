"""Courses and people: contexts, resource links, users and their memberships."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous
from lti_tool.models.platform import Deployment


class CopyGround(enum.StrEnum):
    """How this tool came to think that a course is a copy."""

    NOTICE = "notice"
    HISTORY = "history"
    LIKENESS = "likeness"


class CopyState(enum.StrEnum):
    """What the instructor decided about taking over the badges of the course it was copied from."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class MembershipStatus(enum.StrEnum):
    """``inactive`` is a member the roster no longer lists; never a reason to take anything away."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class Context(Base):
    """A course (LTI 1.3 core, context claim) and the service addresses its launches taught us."""

    __tablename__ = "context"
    __table_args__ = (
        UniqueConstraint("deployment_id", "platform_id"),
        Index(
            "ix_context_evaluation_due",
            "id",
            sqlite_where=text("evaluation_wanted > evaluation_done"),
            postgresql_where=text("evaluation_wanted > evaluation_done"),
        ),
    )

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
    roster_read_at: Mapped[datetime | None] = plain()
    """When the whole roster was last read."""
    differences_url: Mapped[str | None] = plain(String(2048))
    """Where the platform tells what changed in the roster since the last reading, if it does (NRPS 2.0)."""
    groups_url: Mapped[str | None] = plain(String(2048))
    """Course groups, from the groups service claim."""
    group_sets_url: Mapped[str | None] = plain(String(2048))
    history: Mapped[list[str]] = plain(default=list)
    """Platform ids of the courses this one was copied from, nearest first (``$Context.id.history``)."""
    service_ids: Mapped[dict[str, Any]] = plain(default=dict)
    """What the platform's own API calls this course, by evidence source (``$Canvas.course.id``)."""
    starts_at: Mapped[datetime | None] = plain()
    ends_at: Mapped[datetime | None] = plain()
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
    checkpoint_id: Mapped[int | None] = plain(ForeignKey("checkpoint.id"), index=True)
    """The activity of this tool that the link opens."""


class User(Base):
    """A person as an institution knows them: (registration, organization, ``sub``). Never matched by e-mail.

    Institutions that share a registration (Blackboard) share nobody: a ``sub`` that both send is two people here.
    """

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("registration_id", "organization_id", "platform_user_id"),)

    id: Mapped[PK]
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
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
    launch_roles: Mapped[list[str] | None] = pseudonymous()
    """Roles of the last launch, which some platforms name more exactly than their rosters do."""
    sections: Mapped[list[str] | None] = pseudonymous()
    """Section ids, ``None`` where the platform never told."""
    is_learner: Mapped[bool] = pseudonymous(default=False)
    is_test_user: Mapped[bool] = pseudonymous(default=False)
    status: Mapped[MembershipStatus] = pseudonymous(choice(MembershipStatus))
    seen_at: Mapped[datetime] = plain()

    user: Mapped[User] = relationship()


class CourseGroup(Base):
    """A group or section of a course (LTI Course Groups 1.0)."""

    __tablename__ = "course_group"
    __table_args__ = (UniqueConstraint("context_id", "platform_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    platform_id: Mapped[str] = plain(String(255))
    name: Mapped[str] = plain(String(1024))
    set_name: Mapped[str | None] = plain(String(1024))
    is_gone: Mapped[bool] = plain(default=False)


class GroupMember(Base):
    """Somebody enrolled in a group, as the roster last said."""

    __tablename__ = "group_member"
    __table_args__ = (UniqueConstraint("course_group_id", "user_id"),)

    id: Mapped[PK]
    course_group_id: Mapped[int] = plain(ForeignKey("course_group.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)


class ContextCopy(Base):
    """A course that seems to be a copy of another one of the same organization."""

    __tablename__ = "context_copy"
    __table_args__ = (UniqueConstraint("context_id", "origin_context_id"),)

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    origin_context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    ground: Mapped[CopyGround] = plain(choice(CopyGround))
    state: Mapped[CopyState] = plain(choice(CopyState))
    brought: Mapped[dict[str, Any]] = plain(default=dict)
    """Rows that were made when it was taken over, by table: ids; and the names of slots, by the origin's."""
    decided_by: Mapped[str | None] = pseudonymous(String(64))
    """``job`` where the platform's word was enough and no person has looked yet."""
    created_at: Mapped[datetime] = plain()
    decided_at: Mapped[datetime | None] = plain()
