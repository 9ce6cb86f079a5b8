"""Codes and tokens of backpacks that collect here (RFC 6749, sections 4.1 and 6; RFC 7009), kept as hashes.

Everything descends from one code. A code or a refresh token that comes a second time was stolen from somebody: then
the whole family ends (RFC 6749, section 4.1.2; RFC 9700, section 4.14.2).
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.models import HostedClient, HostedCode, HostedConsent, HostedToken, TokenKind
from lti_tool.services.secrets import secret_hash

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=180)
"""Counted anew with each refresh: a backpack that looks in twice a year stays connected."""


def store_code(
    session: Session,
    consent: HostedConsent,
    code: str,
    *,
    redirect_uri: str,
    code_challenge: str,
    scope: str,
    now: datetime,
) -> None:
    """Store an authorization code that was just made."""
    session.add(
        HostedCode(
            code_hash=secret_hash(code),
            hosted_consent_id=consent.id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            scope=scope,
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
    )
    session.flush()


def spend_code(session: Session, client: HostedClient, code: str, now: datetime) -> HostedCode | None:
    """Spend a code by one statement; ``None`` when it is unknown, another client's, too old or spent."""
    found = session.get(HostedCode, secret_hash(code))
    if found is None or not _is_allowed(session, found.hosted_consent_id, client):
        return None
    spent = session.execute(
        update(HostedCode)
        .where(HostedCode.code_hash == found.code_hash, HostedCode.consumed_at.is_(None))
        .values(consumed_at=now)
        .returning(HostedCode.code_hash)
    ).scalar()
    if spent is None:
        end_family(session, found.code_hash, now)
        return None
    return found if found.expires_at > now else None


def store_tokens(
    session: Session, consent_id: int, family: str, scope: str, access: str, refresh: str, now: datetime
) -> None:
    """Store a pair of tokens, and that its consent was used."""
    for kind, token, life in ((TokenKind.ACCESS, access, ACCESS_LIFE), (TokenKind.REFRESH, refresh, REFRESH_LIFE)):
        session.add(
            HostedToken(
                hosted_consent_id=consent_id,
                kind=kind,
                token_hash=secret_hash(token),
                family=family,
                scope=scope,
                created_at=now,
                expires_at=now + life,
            )
        )
    consent = session.get_one(HostedConsent, consent_id)
    consent.used_at = consent.hosted_client.used_at = now
    session.flush()


def spend_refresh_token(session: Session, client: HostedClient, token: str, now: datetime) -> HostedToken | None:
    """Spend a refresh token by one statement; ``None`` when it is not usable. A spent one ends its family."""
    found = _find(session, token, TokenKind.REFRESH)
    if found is None or not _is_allowed(session, found.hosted_consent_id, client):
        return None
    spent = session.execute(
        update(HostedToken)
        .where(HostedToken.id == found.id, HostedToken.ended_at.is_(None), HostedToken.expires_at > now)
        .values(ended_at=now)
        .returning(HostedToken.id)
    ).scalar()
    if spent is None:
        end_family(session, found.family, now)
        return None
    return found


def find_access_token(session: Session, token: str, now: datetime) -> HostedToken | None:
    """Return an access token that can be used now.

    The consent is looked at, too: a code that was exchanged in the moment the learner ended it leads to nothing.
    """
    found = _find(session, token, TokenKind.ACCESS)
    if found is None or found.ended_at is not None or found.expires_at <= now:
        return None
    consent = found.hosted_consent
    return found if consent.ended_at is None and found.created_at >= consent.created_at else None


def revoke_token(session: Session, client: HostedClient, token: str, now: datetime) -> None:
    """End a token (RFC 7009): an access token alone, a refresh token with all it led to. Unknown ones are nothing."""
    found = session.scalar(select(HostedToken).where(HostedToken.token_hash == secret_hash(token)))
    if found is None or session.get_one(HostedConsent, found.hosted_consent_id).hosted_client_id != client.id:
        return
    if found.kind is TokenKind.REFRESH:
        end_family(session, found.family, now)
    elif found.ended_at is None:
        found.ended_at = now


def end_family(session: Session, family: str, now: datetime) -> None:
    """End everything that descends from one code."""
    session.execute(
        update(HostedToken)
        .where(HostedToken.family == family, HostedToken.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session="fetch")
    )


def _find(session: Session, token: str, kind: TokenKind) -> HostedToken | None:
    wanted = select(HostedToken).where(HostedToken.token_hash == secret_hash(token), HostedToken.kind == kind)
    return session.scalar(wanted)


def _is_allowed(session: Session, consent_id: int, client: HostedClient) -> bool:
    consent = session.get_one(HostedConsent, consent_id)
    return consent.hosted_client_id == client.id and consent.ended_at is None
