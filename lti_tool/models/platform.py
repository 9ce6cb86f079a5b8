"""Platforms and tenants (LTI 1.3 core): registrations, deployments, keys, launches and sessions."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous, secret


class DeploymentState(enum.StrEnum):
    """Whether launches of a deployment are served."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class ToolKeyState(enum.StrEnum):
    """``next`` is published, ``active`` signs, ``retired`` is published until nobody can need it."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


class StaffRole(enum.StrEnum):
    """Roles outside courses; a platform's Administrator role grants none of them."""

    ADMIN = "admin"
    REGISTRAR = "registrar"
    REVIEWER = "reviewer"


class Organization(Base):
    """A tenant: one institution, whatever number of platforms it runs."""

    __tablename__ = "organization"

    id: Mapped[PK]
    name: Mapped[str] = plain(String(255))
    created_at: Mapped[datetime] = plain()


class Registration(Base):
    """This tool's registration with one platform: issuer, client id and endpoints (security framework 1.0, 4.1)."""

    __tablename__ = "registration"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[PK]
    name: Mapped[str] = plain(String(255), unique=True)
    issuer: Mapped[str] = plain(String(255))
    client_id: Mapped[str] = plain(String(255))
    auth_login_url: Mapped[str] = plain(String(2048))
    auth_token_url: Mapped[str] = plain(String(2048))
    key_set_url: Mapped[str] = plain(String(2048))
    audience: Mapped[str | None] = plain(String(2048))
    """``aud`` of token requests where it is not the token URL (Brightspace)."""
    product: Mapped[str | None] = plain(String(64))
    """Product family (canvas, moodle …); chooses quirks, which are data."""
    accepts_first_deployment: Mapped[bool] = plain(default=False)
    """The next unknown deployment is accepted; set when an admin added the registration without naming one."""
    key_set: Mapped[dict[str, Any] | None] = plain()
    """The platform's JWKS as last fetched."""
    key_set_fetched_at: Mapped[datetime | None] = plain()
    scopes: Mapped[list[str] | None] = plain()
    """Service scopes the platform granted at registration; ``None`` when nobody told (launches and tokens will)."""
    details: Mapped[dict[str, Any]] = plain(default=dict)
    """What the registration exchange said: product version, account, messages and placements kept, its client URI."""
    successor_id: Mapped[int | None] = plain(ForeignKey("registration.id"))
    """The registration that took over its users and awards (*adopt*)."""
    disabled_at: Mapped[datetime | None] = plain()
    created_at: Mapped[datetime] = plain()


class Deployment(Base):
    """One installation of the registration; where the tenant hangs, since issuers are shared by schools."""

    __tablename__ = "deployment"
    __table_args__ = (UniqueConstraint("registration_id", "deployment_id"),)

    id: Mapped[PK]
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"), index=True)
    deployment_id: Mapped[str] = plain(String(255))
    state: Mapped[DeploymentState] = plain(choice(DeploymentState))
    notice_service_url: Mapped[str | None] = plain(String(2048))
    """Platform Notification Service address, from a launch's claim."""
    notice_types: Mapped[list[str]] = plain(default=list)
    """Notice types whose handler is registered there."""
    created_at: Mapped[datetime] = plain()

    registration: Mapped[Registration] = relationship()
    organization: Mapped[Organization] = relationship()


class ToolKey(Base):
    """An RSA key that signs for this tool; rotates and is retired, unlike issuer keys."""

    __tablename__ = "tool_key"
    __table_args__ = (
        Index(
            "ix_tool_key_one_active",
            "state",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[PK]
    kid: Mapped[str] = plain(String(64), unique=True)
    state: Mapped[ToolKeyState] = plain(choice(ToolKeyState))
    private_key: Mapped[str] = secret()
    public_jwk: Mapped[dict[str, Any]] = plain()
    created_at: Mapped[datetime] = plain()
    retired_at: Mapped[datetime | None] = plain()


class ServiceToken(Base):
    """An access token for a platform's services, one per registration and scope set (security framework 1.0, 4.1)."""

    __tablename__ = "service_token"
    __table_args__ = (UniqueConstraint("registration_id", "scopes"),)

    id: Mapped[PK]
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    scopes: Mapped[str] = plain(String(2048))
    """Scope URIs, sorted, joined by a space."""
    access_token: Mapped[str] = secret()
    expires_at: Mapped[datetime] = plain()


class LoginState(Base):
    """A login this tool began: ``state`` and ``nonce``, bound to each other and to a browser, usable once."""

    __tablename__ = "login_state"

    state_hash: Mapped[str] = secret(String(64), primary_key=True)
    nonce_hash: Mapped[str] = secret(String(64))
    browser_hash: Mapped[str | None] = secret(String(64))
    registration_id: Mapped[int] = plain(ForeignKey("registration.id"))
    login_parameters: Mapped[dict[str, Any]] = pseudonymous()
    """The login request's parameters, so that the same login can begin again in a window of its own."""
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    consumed_at: Mapped[datetime | None] = plain()


class LaunchSession(Base):
    """What one verified launch opened: a person with roles in a context, until idle for thirty minutes."""

    __tablename__ = "launch_session"

    id: Mapped[PK]
    secret_hash: Mapped[str] = secret(String(64), unique=True)
    deployment_id: Mapped[int] = plain(ForeignKey("deployment.id"))
    context_id: Mapped[int | None] = plain(ForeignKey("context.id"))
    user_id: Mapped[int | None] = pseudonymous(ForeignKey("user.id"))
    """``None`` for an anonymous launch (no ``sub``): pages are read-only."""
    roles: Mapped[list[str]] = pseudonymous()
    is_test_user: Mapped[bool] = pseudonymous(default=False)
    locale: Mapped[str | None] = plain(String(35))
    frame_ancestors: Mapped[list[str]] = plain()
    """Origins that may frame the pages, learned from this launch."""
    data: Mapped[dict[str, Any]] = personal()
    """Flask's session: CSRF token, flashes, half-filled forms."""
    created_at: Mapped[datetime] = plain()
    seen_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)


class StaffUser(Base):
    """An admin, registrar or reviewer, invited by e-mail address."""

    __tablename__ = "staff_user"

    id: Mapped[PK]
    email: Mapped[str] = personal(String(320), unique=True)
    role: Mapped[StaffRole] = pseudonymous(choice(StaffRole))
    created_at: Mapped[datetime] = plain()
    disabled_at: Mapped[datetime | None] = plain()


class Invite(Base):
    """A one-time link: a staff session for an e-mail address."""

    __tablename__ = "invite"

    id: Mapped[PK]
    token_hash: Mapped[str] = secret(String(64), unique=True)
    staff_user_id: Mapped[int] = pseudonymous(ForeignKey("staff_user.id"))
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()


class StaffSession(Base):
    """A signed-in staff user's browser."""

    __tablename__ = "staff_session"

    id: Mapped[PK]
    secret_hash: Mapped[str] = secret(String(64), unique=True)
    staff_user_id: Mapped[int] = pseudonymous(ForeignKey("staff_user.id"))
    data: Mapped[dict[str, Any]] = personal()
    created_at: Mapped[datetime] = plain()
    seen_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)

    staff_user: Mapped[StaffUser] = relationship()


class Ticket(Base):
    """A one-time pass from one window to another (ADR 0006): short-lived, spent by one statement."""

    __tablename__ = "ticket"

    id: Mapped[PK]
    token_hash: Mapped[str] = secret(String(64), unique=True)
    purpose: Mapped[str] = plain(String(32))
    user_id: Mapped[int | None] = pseudonymous(ForeignKey("user.id"))
    details: Mapped[dict[str, Any]] = pseudonymous()
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    used_at: Mapped[datetime | None] = plain()


class Lease(Base):
    """Who may do a thing that only one process should do at a time, and until when."""

    __tablename__ = "lease"

    name: Mapped[str] = plain(String(64), primary_key=True)
    holder: Mapped[str] = plain(String(64))
    until: Mapped[datetime] = plain()
