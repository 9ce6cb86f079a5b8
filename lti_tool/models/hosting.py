"""Other backpacks that collect badges here: clients, consents, codes and tokens (RFC 6749, 7591, 7636, 7009)."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, plain, pseudonymous, secret
from lti_tool.models.course import User


class TokenKind(enum.StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"


class HostedClient(Base):
    """A backpack that registered itself here (RFC 7591)."""

    __tablename__ = "hosted_client"

    id: Mapped[PK]
    client_id: Mapped[str] = plain(String(64), unique=True)
    secret_hash: Mapped[str] = secret(String(64))
    protocol: Mapped[str] = plain(String(32))
    """Where it registered: ``ob3_api`` or ``badge_connect``."""
    name: Mapped[str] = plain(String(255))
    client_uri: Mapped[str] = plain(String(2048))
    logo_uri: Mapped[str | None] = plain(String(2048))
    tos_uri: Mapped[str | None] = plain(String(2048))
    policy_uri: Mapped[str | None] = plain(String(2048))
    software_id: Mapped[str | None] = plain(String(255))
    software_version: Mapped[str | None] = plain(String(255))
    redirect_uris: Mapped[list[str]] = plain()
    auth_method: Mapped[str] = plain(String(32))
    scope: Mapped[str] = plain(String(2048))
    """What it may ask for, space-separated."""
    created_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()


class HostedConsent(Base):
    """A learner's leave for one backpack to collect their badges."""

    __tablename__ = "hosted_consent"
    __table_args__ = (UniqueConstraint("hosted_client_id", "user_id"),)

    id: Mapped[PK]
    hosted_client_id: Mapped[int] = plain(ForeignKey("hosted_client.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    scope: Mapped[str] = plain(String(2048))
    created_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()
    ended_at: Mapped[datetime | None] = plain()

    hosted_client: Mapped[HostedClient] = relationship()
    user: Mapped[User] = relationship()


class HostedCode(Base):
    """An authorization code, usable once (RFC 6749, 4.1.2), bound to its client by PKCE."""

    __tablename__ = "hosted_code"

    code_hash: Mapped[str] = secret(String(64), primary_key=True)
    hosted_consent_id: Mapped[int] = pseudonymous(ForeignKey("hosted_consent.id"))
    redirect_uri: Mapped[str] = plain(String(2048))
    code_challenge: Mapped[str] = secret(String(128))
    scope: Mapped[str] = plain(String(2048))
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    consumed_at: Mapped[datetime | None] = plain()


class HostedToken(Base):
    """A token of a consent; a refresh token is spent when it is used, and using it again ends its family."""

    __tablename__ = "hosted_token"

    id: Mapped[PK]
    hosted_consent_id: Mapped[int] = pseudonymous(ForeignKey("hosted_consent.id"), index=True)
    kind: Mapped[TokenKind] = plain(choice(TokenKind))
    token_hash: Mapped[str] = secret(String(64), unique=True)
    family: Mapped[str] = plain(String(64), index=True)
    """The code exchange it descends from."""
    scope: Mapped[str] = plain(String(2048))
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    ended_at: Mapped[datetime | None] = plain()

    hosted_consent: Mapped[HostedConsent] = relationship()


class PairingCode(Base):
    """A short code a learner reads in the course and types on the consent page, which no launch leads to."""

    __tablename__ = "pairing_code"

    code_hash: Mapped[str] = secret(String(64), primary_key=True)
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    consumed_at: Mapped[datetime | None] = plain()
