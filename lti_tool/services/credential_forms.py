"""Forms of a signed copy beside its document: VC-JWT, signed when somebody first asks for it, and kept."""

import json
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from lti_tool.errors import SubjectNotBoundError
from lti_tool.models import CredentialVersion, SubjectKind
from lti_tool.openbadges import vc_jwt
from lti_tool.services import jws_keys, publishing
from lti_tool.vault import Vault


def has_jwt(copy: CredentialVersion) -> bool:
    """Whether a copy can be had as VC-JWT: its subject needs an id."""
    return copy.subject_kind is not SubjectKind.EMAIL_HASH


def find_jwt(session: Session, public_id: str) -> str | None:
    """Return the newest copy of a credential as VC-JWT, ``None`` until somebody asked for it.

    Raises ``NotFoundError`` for an unknown id and until it is signed, ``SubjectNotBoundError`` for a copy whose
    subject is a hashed e-mail address.
    """
    copy = publishing.newest_copy(session, public_id)
    if not has_jwt(copy):
        raise SubjectNotBoundError("The credential names no subject that a wallet could prove.")
    return copy.jwt


def keep_jwt(session: Session, public_id: str, vault: Vault, now: datetime) -> str:
    """Sign the newest copy as VC-JWT and keep it, once; raises as ``find_jwt`` does."""
    kept = find_jwt(session, public_id)
    if kept is not None:
        return kept
    copy = publishing.newest_copy(session, public_id)
    profile = copy.credential.award.achievement.issuer_profile
    key = jws_keys.ensure_key(session, profile, vault, now)
    text = vc_jwt.sign_vc_jwt(json.loads(copy.document or ""), jws_keys.signer(key, profile, vault))
    session.execute(
        update(CredentialVersion)
        .where(CredentialVersion.id == copy.id, CredentialVersion.jwt.is_(None))
        .values(jwt=text)
    )
    session.refresh(copy)
    return copy.jwt or text
