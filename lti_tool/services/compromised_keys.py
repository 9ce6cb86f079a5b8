"""A key of an issuer in wrong hands: it is not listed any more, and what it signed is signed anew.

The one exception to *keys stay listed for ever*: as long as verifiers trust the key, whoever has it can issue badges
and date them back.
"""

from datetime import datetime

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from lti_tool.domain.award_states import AwardState
from lti_tool.models import (
    Award,
    Credential,
    CredentialVersion,
    IssuerJwsKey,
    IssuerKey,
    IssuerProfile,
    StatusList,
    VersionState,
)
from lti_tool.services import audit, issuers, jws_keys, reissuing
from lti_tool.vault import Vault


def withdraw_keys(session: Session, profile: IssuerProfile, vault: Vault, now: datetime, *, actor: str) -> None:
    """Make new keys and stop listing every earlier one. Lists of revoked badges are signed anew when next asked for.

    What the earlier keys signed does not verify from now on: ``sign_anew`` brings it back.
    """
    for table in (IssuerKey, IssuerJwsKey):
        session.execute(
            update(table)
            .where(table.issuer_profile_id == profile.id, table.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
        )
    added = issuers.add_key(session, profile, vault, now, actor=actor)
    withdrawn = select(IssuerKey.id).where(
        IssuerKey.issuer_profile_id == profile.id, IssuerKey.withdrawn_at.is_not(None)
    )
    session.execute(
        update(CredentialVersion)
        .where(CredentialVersion.state == VersionState.PENDING, CredentialVersion.issuer_key_id.in_(withdrawn))
        .values(issuer_key_id=added.id)
    )
    jws_keys.rotate_key(session, profile, vault, now, actor=actor)
    session.execute(update(StatusList).where(StatusList.issuer_profile_id == profile.id).values(document=None))
    audit.record(
        session,
        "issuer_keys.withdrawn",
        actor=actor,
        subject=f"issuer:{profile.id}",
        organization_id=profile.organization_id,
        now=now,
    )


def sign_anew(session: Session, profile: IssuerProfile, now: datetime, *, actor: str, limit: int = 200) -> int:
    """Ask for new copies of badges whose newest one was signed with a withdrawn key; returns how many, 0 at the end.

    Badges that are revoked, suspended or expired stay as they are: they do not hold anyway.
    """
    later = aliased(CredentialVersion)
    has_later = exists().where(
        later.credential_id == CredentialVersion.credential_id, later.number > CredentialVersion.number
    )
    found = session.scalars(
        select(Credential)
        .join(CredentialVersion, CredentialVersion.credential_id == Credential.id)
        .join(IssuerKey, IssuerKey.id == CredentialVersion.issuer_key_id)
        .join(Award, Award.id == Credential.award_id)
        .where(
            IssuerKey.issuer_profile_id == profile.id,
            IssuerKey.withdrawn_at.is_not(None),
            CredentialVersion.state == VersionState.ISSUED,
            ~has_later,
            Award.state == AwardState.CLAIMED,
            or_(Award.valid_until.is_(None), Award.valid_until > now),
        )
        .order_by(Credential.id)
        .limit(limit)
    ).all()
    return sum(reissuing.sign_anew(session, credential, actor, now) is not None for credential in found)
