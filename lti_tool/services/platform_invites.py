"""Invites for platforms: one-time links with which a platform registers this tool by itself.

Only the hash of a link's secret is stored. An invite is spent in the transaction that stores the registration, so a
registration that failed can be tried again with the same link.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.lti.registration import get_registration, require_text
from lti_tool.models import PlatformInvite, Registration
from lti_tool.services import audit
from lti_tool.services.secrets import new_secret, secret_hash

INVITE_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class OpenInvite:
    """An invite that can be used; ``registration_id`` names the registration that it renews."""

    id: int
    name: str
    product: str | None
    registration_id: int | None
    expires_at: datetime


def invite_platform(
    session: Session, name: str, *, product: str | None, renews: bool = False, actor: str, now: datetime
) -> str:
    """Return the token of a new invite for the registration called ``name``; open invites of that name end.

    Raises ``InvalidInputError`` (``text_invalid``), ``ConflictError`` (``registration_name_taken``,
    ``registration_adopted``) or, with ``renews``, ``NotFoundError`` (``platform_not_found``).
    """
    name = require_text(name, "name")
    product = require_text(product, "product", 64).lower() if product else None
    renewed = get_registration(session, name) if renews else None
    if renewed is None:
        _require_free_name(session, name)
    elif renewed.successor_id is not None:
        raise ConflictError(f"Another registration took over from {name}. Renew that one.", code="registration_adopted")
    open_ones = (PlatformInvite.name == name, PlatformInvite.used_at.is_(None), PlatformInvite.expires_at > now)
    session.execute(update(PlatformInvite).where(*open_ones).values(expires_at=now))
    token = new_secret()
    made = PlatformInvite(
        token_hash=secret_hash(token),
        name=name,
        product=product or (renewed.product if renewed else None),
        registration_id=renewed.id if renewed else None,
        created_by=actor,
        created_at=now,
        expires_at=now + INVITE_LIFE,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        "platform.invited",
        actor=actor,
        subject=f"platform_invite:{made.id}",
        payload={"name": name, "product": made.product, "renews": made.registration_id},
        now=now,
    )
    return token


def _require_free_name(session: Session, name: str) -> None:
    if session.scalar(select(Registration.id).where(Registration.name == name)) is not None:
        raise ConflictError(
            f"A platform called {name} exists already. To register it again, ask for a renewal.",
            code="registration_name_taken",
        )


def get_open(session: Session, token: str, now: datetime) -> OpenInvite:
    """Return an invite that can be used.

    Raises ``NotFoundError`` (``platform_invite_unknown``) or ``ConflictError`` (``platform_invite_used``,
    ``platform_invite_expired``).
    """
    found = session.scalar(select(PlatformInvite).where(PlatformInvite.token_hash == secret_hash(token)))
    if found is None:
        raise NotFoundError("There is no such invite.", code="platform_invite_unknown")
    if found.used_at is not None:
        raise ConflictError("This invite was used before.", code="platform_invite_used")
    if found.expires_at <= now:
        raise ConflictError("This invite has ended.", code="platform_invite_expired")
    return OpenInvite(found.id, found.name, found.product, found.registration_id, found.expires_at)


def note_opened(session: Session, invite_id: int, now: datetime) -> None:
    """Remember when a platform first opened the link."""
    session.execute(
        update(PlatformInvite)
        .where(PlatformInvite.id == invite_id, PlatformInvite.opened_at.is_(None))
        .values(opened_at=now)
    )


def note_failed(session: Session, invite_id: int, code: str) -> None:
    """Remember why the last try failed, for the admin who made the link."""
    session.execute(update(PlatformInvite).where(PlatformInvite.id == invite_id).values(error_code=code))


def spend(session: Session, invite_id: int, registration_id: int, now: datetime) -> None:
    """Use an invite up, in the transaction that stores its registration; of several at the same time one succeeds.

    Raises ``ConflictError`` (``platform_invite_used``).
    """
    spent = session.execute(
        update(PlatformInvite)
        .where(PlatformInvite.id == invite_id, PlatformInvite.used_at.is_(None), PlatformInvite.expires_at > now)
        .values(used_at=now, registration_id=registration_id, error_code=None)
        .returning(PlatformInvite.id)
    ).one_or_none()
    if spent is None:
        raise ConflictError("This invite was used before.", code="platform_invite_used")


@dataclass(frozen=True, slots=True)
class InviteEntry:
    """An invite as the admin's page shows it: open, used, or ended with what went wrong."""

    id: int
    name: str
    product: str | None
    renews: bool
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    error_code: str | None


def list_open(session: Session, now: datetime) -> list[InviteEntry]:
    """Return the invites that can be used, the newest first."""
    found = session.scalars(
        select(PlatformInvite)
        .where(PlatformInvite.used_at.is_(None), PlatformInvite.expires_at > now)
        .order_by(PlatformInvite.id.desc())
    )
    return [
        InviteEntry(
            one.id,
            one.name,
            one.product,
            one.registration_id is not None,
            one.created_at,
            one.expires_at,
            one.opened_at,
            one.error_code,
        )
        for one in found
    ]
