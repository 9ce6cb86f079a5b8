"""Learners' backpacks: hosts this tool is known to, consents, and what is remembered of them (encrypted)."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lti_tool.backpacks.base import AuthorizationRequest, ClientRegistration, HostDescription, HostProfile, Tokens
from lti_tool.errors import BackpackConsentError, ConflictError, NotFoundError
from lti_tool.models import BackpackConnection, BackpackHost, ConnectionState, ConnectState
from lti_tool.services import audit
from lti_tool.services.secrets import secret_hash
from lti_tool.services.upsert import insert_once
from lti_tool.vault import Vault

CONNECT_LIFE = timedelta(minutes=15)
OB3_API = "ob3_api"
BADGE_CONNECT = "badge_connect"
BADGR = "badgr"
"""Badgr's v2 API, for institutions to which the host's operators gave a client id; others use Badge Connect."""
PROTOCOLS = {OB3_API: "Open Badges 3.0", BADGE_CONNECT: "Badge Connect", BADGR: "Badgr"}
"""The protocols' own names, by ours."""


def add_host(session: Session, address: str, name: str, now: datetime, *, protocol: str = OB3_API) -> BackpackHost:
    """Offer a backpack to learners; the same address again returns the one that is there, under the new name.

    A host that speaks another protocol than it did is known anew: consents given to the old one do not fit it.
    """
    address = address.rstrip("/")
    host = session.scalar(select(BackpackHost).where(BackpackHost.address == address))
    if host is None:
        host = BackpackHost(address=address, protocol=protocol, name=name, is_offered=True, created_at=now)
        session.add(host)
    if host.protocol != protocol:
        host.protocol, host.description, host.client = protocol, None, None
    host.name, host.is_offered = name, True
    session.flush()
    return host


def offered_hosts(session: Session) -> list[BackpackHost]:
    """Return the backpacks learners can choose."""
    return list(session.scalars(select(BackpackHost).where(BackpackHost.is_offered).order_by(BackpackHost.name)))


def get_host(session: Session, host_id: int) -> BackpackHost:
    """Return a backpack that is offered; raises ``NotFoundError``."""
    host = session.get(BackpackHost, host_id)
    if host is None or not host.is_offered:
        raise NotFoundError("There is no such backpack.")
    return host


def connections_of(session: Session, user_id: int) -> dict[int, BackpackConnection]:
    """Return a learner's connections, by host id."""
    found = select(BackpackConnection).where(
        BackpackConnection.user_id == user_id, BackpackConnection.state != ConnectionState.DISCONNECTED
    )
    return {connection.host_id: connection for connection in session.scalars(found)}


# -- what a host told us ----------------------------------------------------------------------------------------------


def known_host(host: BackpackHost, vault: Vault) -> tuple[HostDescription, ClientRegistration] | None:
    """Return how to talk to the host, or ``None`` when it has to be discovered and registered first."""
    if host.description is None or host.client is None:
        return None
    description = HostDescription(**{**host.description, "scopes": tuple(host.description["scopes"])})
    return description, _read_client(vault.open(host.client))


def remember_host(
    session: Session,
    host_id: int,
    description: HostDescription,
    client: ClientRegistration,
    vault: Vault,
    *,
    instead_of: ClientRegistration | None = None,
) -> tuple[HostDescription, ClientRegistration]:
    """Store what discovery and registration gave, and return what is stored.

    Who registered second keeps what the first one stored, unless that is ``instead_of``, which the host forgot.
    """
    host = session.get_one(BackpackHost, host_id, with_for_update=True, populate_existing=True)
    known = known_host(host, vault)
    if known is not None and (instead_of is None or known[1].client_id != instead_of.client_id):
        return known
    host.description = json.loads(json.dumps(asdict(description)))
    host.client = vault.lock(json.dumps(asdict(client), default=datetime.isoformat))
    return description, client


def _read_client(text: str) -> ClientRegistration:
    values: dict[str, Any] = json.loads(text)
    expires = values.get("secret_expires_at")
    return ClientRegistration(**{**values, "secret_expires_at": datetime.fromisoformat(expires) if expires else None})


# -- consent ----------------------------------------------------------------------------------------------------------


def begin_connection(
    session: Session,
    request: AuthorizationRequest,
    *,
    user_id: int,
    host_id: int,
    credential_id: int | None,
    browser_secret: str,
    vault: Vault,
    now: datetime,
) -> None:
    """Remember a consent that begins: state bound to the browser's first-party cookie and to the launch's user."""
    session.execute(delete(ConnectState).where(ConnectState.expires_at < now - timedelta(days=1)))
    session.add(
        ConnectState(
            state_hash=secret_hash(request.state),
            browser_hash=secret_hash(browser_secret),
            user_id=user_id,
            host_id=host_id,
            credential_id=credential_id,
            code_verifier=vault.lock(request.code_verifier),
            created_at=now,
            expires_at=now + CONNECT_LIFE,
        )
    )


def consume_connection(session: Session, state: str, browser_secret: str | None, now: datetime) -> ConnectState:
    """Spend the state the host's redirect brought back, by one statement.

    Raises ``BackpackConsentError`` (``backpack_state_mismatch``) when it is unknown, too old, spent, or was begun in
    another browser; nothing is spent in the last case.
    """
    consumed = session.execute(
        update(ConnectState)
        .where(
            ConnectState.state_hash == secret_hash(state),
            ConnectState.browser_hash == secret_hash(browser_secret or ""),
            ConnectState.consumed_at.is_(None),
            ConnectState.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(ConnectState.state_hash)
    ).scalar()
    if consumed is None:
        raise BackpackConsentError(
            "This connection was not begun in this browser, or is too old. Connect again from the badge.",
            code="backpack_state_mismatch",
        )
    return session.get_one(ConnectState, consumed, populate_existing=True)


def save_connection(
    session: Session,
    user_id: int,
    host_id: int,
    tokens: Tokens,
    vault: Vault,
    now: datetime,
    *,
    profile: HostProfile | None = None,
) -> BackpackConnection:
    """Store a learner's consent, new or renewed; ``profile``: whose account it is, where the host tells.

    ``created_at`` is when the learner connected, not when a consent that ended was given anew.
    """
    locked = _lock_tokens(tokens, vault)
    insert_once(
        session,
        BackpackConnection,
        ["user_id", "host_id"],
        user_id=user_id,
        host_id=host_id,
        state=ConnectionState.ACTIVE,
        tokens=locked,
        created_at=now,
        changed_at=now,
    )
    connection = session.scalars(
        select(BackpackConnection).where(BackpackConnection.user_id == user_id, BackpackConnection.host_id == host_id)
    ).one()
    is_other = profile is not None and connection.account_id not in (None, profile.id)
    if connection.state is ConnectionState.DISCONNECTED or is_other:
        connection.created_at = now
    connection.account_id = connection.account_name = connection.account_email = None
    connection.state, connection.tokens, connection.changed_at = ConnectionState.ACTIVE, locked, now
    connection.error_code = None
    if profile is not None:
        note_account(connection, profile)
    audit.record(session, "backpack.connected", actor=f"user:{user_id}", subject=f"connection:{connection.id}", now=now)
    return connection


def note_account(connection: BackpackConnection, profile: HostProfile) -> None:
    """Remember whose account a connection leads to."""
    connection.account_id = profile.id[:2048]
    connection.account_name = profile.name[:1024] if profile.name else None
    connection.account_email = profile.email if profile.email and len(profile.email) <= 320 else None


def save_tokens(session: Session, connection_id: int, tokens: Tokens, vault: Vault, now: datetime) -> str | None:
    """Store refreshed tokens at once: the old refresh token is spent; returns them as stored.

    A connection that its learner ended meanwhile stays ended: then ``None``.
    """
    connection = session.get_one(BackpackConnection, connection_id, with_for_update=True, populate_existing=True)
    if connection.state is ConnectionState.DISCONNECTED:
        return None
    connection.tokens, connection.changed_at = _lock_tokens(tokens, vault), now
    return connection.tokens


def read_tokens(connection: BackpackConnection, vault: Vault) -> Tokens:
    """Return the consent's tokens; raises ``ConflictError`` (``backpack_disconnected``) when there are none."""
    if connection.tokens is None:
        raise ConflictError("The backpack is not connected.", code="backpack_disconnected")
    values = json.loads(vault.open(connection.tokens))
    return Tokens(**{**values, "expires_at": datetime.fromisoformat(values["expires_at"])})


def need_consent(
    session: Session, connection_id: int, now: datetime, *, error_code: str | None = None, seen: str | None = None
) -> None:
    """Say that the learner has to connect again, unless they did since ``seen``: the tokens that were refused."""
    connection = session.get_one(BackpackConnection, connection_id, with_for_update=True, populate_existing=True)
    if connection.state is not ConnectionState.ACTIVE or (seen is not None and connection.tokens != seen):
        return
    connection.state, connection.changed_at = ConnectionState.CONSENT_NEEDED, now
    connection.error_code = error_code


def disconnect(session: Session, connection: BackpackConnection, now: datetime) -> None:
    """End a consent on our side; the tokens are gone."""
    connection.state, connection.tokens, connection.changed_at = ConnectionState.DISCONNECTED, None, now
    audit.record(
        session,
        "backpack.disconnected",
        actor=f"user:{connection.user_id}",
        subject=f"connection:{connection.id}",
        now=now,
    )


def _lock_tokens(tokens: Tokens, vault: Vault) -> str:
    return vault.lock(json.dumps(asdict(tokens), default=datetime.isoformat))
