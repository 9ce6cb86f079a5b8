"""Staff: invitations by a one-time link, and sessions of admins, registrars and reviewers.

Nobody becomes staff through a platform's roles; the link is the only way in.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Invite, StaffRole, StaffSession, StaffUser
from lti_tool.services import audit
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.upsert import insert_once

INVITE_LIFE = timedelta(days=3)
IDLE = timedelta(minutes=30)
EMAIL_LENGTH = 320


def invite(session: Session, email: str, role: StaffRole, now: datetime, *, actor: str = "cli") -> str:
    """Return the token of a one-time link that signs ``email`` in with ``role``; the link is good for three days.

    Inviting somebody again gives them the role named now, lets a disabled person back in and ends links not used yet.
    Raises ``InvalidInputError`` (``email_invalid``).
    """
    user = _ensure_staff_user(session, _address(email), role, now)
    user.role, user.disabled_at = role, None
    session.execute(
        update(Invite).where(Invite.staff_user_id == user.id, Invite.used_at.is_(None)).values(expires_at=now)
    )
    token = new_secret()
    session.add(
        Invite(token_hash=secret_hash(token), staff_user_id=user.id, created_at=now, expires_at=now + INVITE_LIFE)
    )
    audit.record(session, "staff.invited", actor=actor, subject=f"staff:{user.id}", payload={"role": role}, now=now)
    return token


def _address(email: str) -> str:
    address = email.strip().lower()
    name, at, host = address.rpartition("@")
    if not (name and at and host) or len(address) > EMAIL_LENGTH or any(one.isspace() for one in address):
        raise InvalidInputError("This is not an e-mail address.", code="email_invalid", field="email")
    return address


def _ensure_staff_user(session: Session, email: str, role: StaffRole, now: datetime) -> StaffUser:
    insert_once(session, StaffUser, ["email"], email=email, role=role, created_at=now)
    return session.scalars(select(StaffUser).where(StaffUser.email == email)).one()


def get_invited(session: Session, token: str, now: datetime) -> StaffUser:
    """Return whom an open invite is for; raises what ``spend_invite`` raises."""
    found = session.execute(
        select(Invite, StaffUser)
        .join(StaffUser, StaffUser.id == Invite.staff_user_id)
        .where(Invite.token_hash == secret_hash(token))
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such invite.", code="invite_unknown")
    one, user = found
    if one.used_at is not None:
        raise ConflictError("This invite was used before. Ask for a new one.", code="invite_used")
    if one.expires_at <= now or user.disabled_at is not None:
        raise ConflictError("This invite has ended. Ask for a new one.", code="invite_expired")
    return user


def spend_invite(session: Session, token: str, now: datetime) -> StaffUser:
    """Use up an invite and return whom it is for; of several at the same time one succeeds.

    Raises ``NotFoundError`` (``invite_unknown``) or ``ConflictError`` (``invite_used``, ``invite_expired``).
    """
    user = get_invited(session, token, now)
    spent = session.execute(
        update(Invite)
        .where(Invite.token_hash == secret_hash(token), Invite.used_at.is_(None), Invite.expires_at > now)
        .values(used_at=now)
        .returning(Invite.id)
    ).one_or_none()
    if spent is None:
        raise ConflictError("This invite was used before. Ask for a new one.", code="invite_used")
    return user


def open_staff_session(session: Session, staff_user: StaffUser, now: datetime) -> str:
    """Open a session and return its secret, for the cookie; the hash is stored."""
    secret = new_secret()
    session.add(
        StaffSession(
            secret_hash=secret_hash(secret),
            staff_user_id=staff_user.id,
            data={},
            created_at=now,
            seen_at=now,
            expires_at=now + IDLE,
        )
    )
    actor = f"staff:{staff_user.id}"
    audit.record(session, "staff.signed_in", actor=actor, subject=actor, now=now)
    return secret


def end_staff_session(session: Session, staff_session_id: int, staff_user_id: int, now: datetime) -> None:
    """Sign out; ending a session that is gone already changes nothing."""
    session.execute(delete(StaffSession).where(StaffSession.id == staff_session_id))
    actor = f"staff:{staff_user_id}"
    audit.record(session, "staff.signed_out", actor=actor, subject=actor, now=now)
