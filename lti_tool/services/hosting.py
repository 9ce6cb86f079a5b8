"""Other backpacks that collect badges here: who they are, and which learner lets them (RFC 7591; Open Badges 2.1, 3.0).

No launch leads to the page that asks for consent. What proves who sits there is a short code that the learner reads in
the course and types on that page; it works once and not for long.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ForbiddenError, NotFoundError, RateLimitedError
from lti_tool.models import HostedClient, HostedCode, HostedConsent, HostedToken, PairingCode
from lti_tool.services import audit
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.upsert import insert_once

PAIRING_LIFE = timedelta(minutes=15)
LETTERS = "ABCDEFGHJKMNPQRTUVWXY346789"
"""None that is taken for another when somebody copies by eye."""
CODE_LENGTH = 10
MOST_NEW = 1000
"""Clients that register within a day and that nobody has let in; more are somebody filling the table."""
UNUSED_FOR = timedelta(days=30)
"""A client that nobody let collect anything for this long is forgotten; it can register again."""


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """What a backpack says about itself when it registers (RFC 7591, section 2); ``scope`` is what we grant."""

    protocol: str
    name: str
    client_uri: str
    redirect_uris: tuple[str, ...]
    scope: str
    logo_uri: str | None = None
    tos_uri: str | None = None
    policy_uri: str | None = None
    software_id: str | None = None
    software_version: str | None = None


def register_client(session: Session, metadata: ClientMetadata, secret: str, now: datetime) -> HostedClient:
    """Store a backpack that registered itself under ``secret``, of which the hash is kept.

    Raises ``RateLimitedError`` when too many did today.
    """
    is_new = HostedClient.used_at.is_(None) & (HostedClient.created_at > now - timedelta(days=1))
    if (session.scalar(select(func.count()).where(is_new)) or 0) >= MOST_NEW:
        raise RateLimitedError("Too many backpacks registered here today.")
    client = HostedClient(
        client_id=secrets.token_urlsafe(24),
        secret_hash=secret_hash(secret),
        protocol=metadata.protocol,
        name=metadata.name,
        client_uri=metadata.client_uri,
        logo_uri=metadata.logo_uri,
        tos_uri=metadata.tos_uri,
        policy_uri=metadata.policy_uri,
        software_id=metadata.software_id,
        software_version=metadata.software_version,
        redirect_uris=list(metadata.redirect_uris),
        auth_method="client_secret_basic",
        scope=metadata.scope,
        created_at=now,
    )
    session.add(client)
    session.flush()
    return client


def find_client(session: Session, client_id: str) -> HostedClient | None:
    """Return the backpack of that client id."""
    return session.scalar(select(HostedClient).where(HostedClient.client_id == client_id))


# -- who sits there ---------------------------------------------------------------------------------------------------


def make_pairing_code(session: Session, user_id: int, now: datetime) -> str:
    """Return a code that stands for the learner once within a quarter of an hour; their earlier ones end."""
    session.execute(
        update(PairingCode)
        .where(PairingCode.user_id == user_id, PairingCode.consumed_at.is_(None))
        .values(consumed_at=now)
    )
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    session.add(
        PairingCode(code_hash=secret_hash(code), user_id=user_id, created_at=now, expires_at=now + PAIRING_LIFE)
    )
    session.flush()
    return code


def spend_pairing_code(session: Session, typed: str, now: datetime) -> int:
    """Return whose code was typed, in whatever case and with whatever marks between; raises ``ForbiddenError``
    (``pairing_code_refused``) when it is unknown, too old or spent.
    """
    code = "".join(one for one in typed.upper() if one in LETTERS)
    user_id = session.execute(
        update(PairingCode)
        .where(
            PairingCode.code_hash == secret_hash(code),
            PairingCode.consumed_at.is_(None),
            PairingCode.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(PairingCode.user_id)
    ).scalar()
    if user_id is None:
        raise ForbiddenError("The code is wrong, too old or was used already.", code="pairing_code_refused")
    return user_id


# -- consent ----------------------------------------------------------------------------------------------------------


def give_consent(session: Session, client: HostedClient, user_id: int, scope: str, now: datetime) -> HostedConsent:
    """Store that a learner lets a backpack collect; consenting anew replaces what was allowed before."""
    key = {"hosted_client_id": client.id, "user_id": user_id}
    insert_once(
        session, HostedConsent, ["hosted_client_id", "user_id"], **key, scope=scope, created_at=now, used_at=None
    )
    consent = session.scalars(select(HostedConsent).filter_by(**key)).one()
    if consent.ended_at is not None:
        consent.created_at = now
    consent.scope, consent.ended_at = scope, None
    _record(session, "allowed", consent, now)
    return consent


def consents_of(session: Session, user_id: int) -> list[HostedConsent]:
    """Return the backpacks that may collect a learner's badges now, newest first."""
    found = select(HostedConsent).where(HostedConsent.user_id == user_id, HostedConsent.ended_at.is_(None))
    return list(session.scalars(found.order_by(HostedConsent.id.desc())))


def end_consent(session: Session, user_id: int, consent_id: int, now: datetime) -> HostedConsent:
    """End a learner's consent and every token of it; raises ``NotFoundError``, also for somebody else's."""
    consent = session.get(HostedConsent, consent_id)
    if consent is None or consent.user_id != user_id or consent.ended_at is not None:
        raise NotFoundError("There is no such consent.")
    consent.ended_at = now
    _end_tokens(session, consent.id, now)
    _record(session, "ended", consent, now)
    return consent


def _record(session: Session, what: str, consent: HostedConsent, now: datetime) -> None:
    actor, subject = f"user:{consent.user_id}", f"hosted_consent:{consent.id}"
    audit.record(session, f"collecting.{what}", actor=actor, subject=subject, now=now)


def _end_tokens(session: Session, consent_id: int, now: datetime) -> None:
    session.execute(
        update(HostedToken)
        .where(HostedToken.hosted_consent_id == consent_id, HostedToken.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.execute(
        update(HostedCode)
        .where(HostedCode.hosted_consent_id == consent_id, HostedCode.consumed_at.is_(None))
        .values(consumed_at=now)
    )


def sweep(session: Session, now: datetime) -> None:
    """Forget codes and tokens that ended a day ago, and backpacks that nobody ever let collect anything."""
    yesterday = now - timedelta(days=1)
    session.execute(delete(PairingCode).where(PairingCode.expires_at < yesterday))
    session.execute(delete(HostedCode).where(HostedCode.expires_at < yesterday))
    session.execute(delete(HostedToken).where(HostedToken.expires_at < yesterday))
    wanted = select(HostedConsent.id).where(HostedConsent.hosted_client_id == HostedClient.id).exists()
    session.execute(delete(HostedClient).where(HostedClient.created_at < now - UNUSED_FOR, ~wanted))


def new_client_secret() -> str:
    """Return a client's secret, which is shown to it once."""
    return new_secret()
