"""Issuer profiles and their keys."""

import re
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import IssuerKey, IssuerProfile, Organization
from lti_tool.openbadges import v3
from lti_tool.openbadges.proof import Signer, encode_multikey
from lti_tool.services import audit
from lti_tool.vault import Vault

LONGEST_NAME, LONGEST_URL, LONGEST_EMAIL = 255, 2048, 320
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_URL = re.compile(r"https?://[^\s/?#@]+\.[^\s/?#@]+(?:[/?#]\S*)?")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")


def ensure_issuer(session: Session, organization_id: int, base_url: str, vault: Vault, now: datetime) -> IssuerProfile:
    """Return the organization's issuer profile, made with a first key when there is none."""
    # The lock keeps two first badges of an organization from making two issuers.
    organization = session.get_one(Organization, organization_id, with_for_update=True)
    found = select(IssuerProfile).where(IssuerProfile.organization_id == organization_id).order_by(IssuerProfile.id)
    profile = session.scalar(found.limit(1))
    if profile is None:
        profile = IssuerProfile(
            organization_id=organization_id, base_url=base_url, name=organization.name, created_at=now
        )
        session.add(profile)
        session.flush()
        add_key(session, profile, vault, now)
    return profile


def add_key(session: Session, profile: IssuerProfile, vault: Vault, now: datetime, *, actor: str = "job") -> IssuerKey:
    """Make a key that signs from now on; earlier keys stay listed so that what they signed verifies for ever."""
    private_key = Ed25519PrivateKey.generate()
    for key in session.scalars(select(IssuerKey).where(IssuerKey.issuer_profile_id == profile.id)):
        key.is_active = False
    seed = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    added = IssuerKey(
        issuer_profile_id=profile.id,
        public_key_multibase=encode_multikey(private_key.public_key()),
        private_key=vault.lock(seed.decode("ascii")),
        is_active=True,
        created_at=now,
    )
    session.add(added)
    session.flush()
    audit.record(
        session,
        "issuer_key.added",
        actor=actor,
        subject=f"issuer:{profile.id}",
        organization_id=profile.organization_id,
        now=now,
    )
    return added


def active_key(session: Session, profile_id: int) -> IssuerKey:
    """Return the key that signs now."""
    return session.scalars(
        select(IssuerKey).where(IssuerKey.issuer_profile_id == profile_id, IssuerKey.is_active)
    ).one()


def signer(key: IssuerKey, profile: IssuerProfile, vault: Vault) -> Signer:
    """Return a signer for one of the issuer's keys."""
    private_key = serialization.load_pem_private_key(vault.open(key.private_key).encode("ascii"), password=None)
    if not isinstance(private_key, Ed25519PrivateKey):
        raise TypeError("issuer keys are Ed25519")
    return Signer(private_key, profile.url_id)


def issuer_value(profile: IssuerProfile) -> v3.Issuer:
    """Return the profile as the documents name it."""
    return v3.Issuer(
        id=profile.url_id,
        name=profile.name,
        url=profile.url,
        email=profile.email,
        description=profile.description,
    )


def get_issuer(session: Session, public_id: str) -> IssuerProfile:
    """Return the profile; raises ``NotFoundError``."""
    profile = session.scalar(select(IssuerProfile).where(IssuerProfile.public_id == public_id))
    if profile is None:
        raise NotFoundError("There is no such issuer.")
    return profile


def list_issuers(session: Session) -> list[IssuerProfile]:
    """Return every issuer, the oldest first."""
    return list(session.scalars(select(IssuerProfile).order_by(IssuerProfile.id)))


def describe(
    session: Session,
    profile: IssuerProfile,
    actor: str,
    now: datetime,
    *,
    name: str | None = None,
    url: str | None = None,
    email: str | None = None,
) -> None:
    """Change what documents say of the issuer from now on; ``None`` leaves a part as it is.

    Raises ``InvalidInputError`` (``issuer_name_invalid``, ``issuer_url_invalid``, ``issuer_email_invalid``).
    """
    if name is not None:
        profile.name = _checked(name, LONGEST_NAME, _NAME, "name")
    if url is not None:
        profile.url = _checked(url, LONGEST_URL, _URL, "url")
    if email is not None:
        profile.email = _checked(email, LONGEST_EMAIL, _EMAIL, "email")
    audit.record(
        session,
        "issuer.changed",
        actor=actor,
        subject=f"issuer:{profile.id}",
        organization_id=profile.organization_id,
        now=now,
    )


def _checked(value: str, longest: int, form: re.Pattern[str], field: str) -> str:
    text = value.strip()
    if len(text) > longest or not form.fullmatch(text):
        raise InvalidInputError(
            f"This cannot be the issuer's {field}: {value}", code=f"issuer_{field}_invalid", field=field
        )
    return text


def public_keys(session: Session, profile_id: int) -> list[str]:
    """Return every public key of the issuer as multibase, oldest first, but those that fell into wrong hands."""
    keys = select(IssuerKey.public_key_multibase).where(
        IssuerKey.issuer_profile_id == profile_id, IssuerKey.withdrawn_at.is_(None)
    )
    return list(session.scalars(keys.order_by(IssuerKey.id)))
