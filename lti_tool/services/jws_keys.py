"""RSA keys of issuers, for what is signed as a text (VC-JWT, Open Badges 2.0); made when the first one is needed.

Like the Ed25519 keys they stay listed for ever: what they signed must verify for ever.
"""

from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.errors import NotFoundError
from lti_tool.models import IssuerJwsKey, IssuerProfile
from lti_tool.openbadges import jws
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.services import audit
from lti_tool.vault import Vault


def ensure_key(session: Session, profile: IssuerProfile, vault: Vault, now: datetime) -> IssuerJwsKey:
    """Return the key that signs now, made when there is none."""
    found = _active(session, profile.id)
    if found is not None:
        return found
    # The lock keeps two first signatures of an issuer from making two keys.
    session.get_one(IssuerProfile, profile.id, with_for_update=True)
    return _active(session, profile.id) or add_key(session, profile, vault, now)


def add_key(
    session: Session, profile: IssuerProfile, vault: Vault, now: datetime, *, actor: str = "job"
) -> IssuerJwsKey:
    """Make a key that signs from now on; earlier ones stay listed."""
    private_key = jws.new_rsa_key()
    public_jwk = jws.public_jwk(private_key.public_key())
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    session.execute(update(IssuerJwsKey).where(IssuerJwsKey.issuer_profile_id == profile.id).values(is_active=False))
    added = IssuerJwsKey(
        issuer_profile_id=profile.id,
        kid=public_jwk["kid"],
        public_jwk=public_jwk,
        private_key=vault.lock(pem.decode("ascii")),
        is_active=True,
        created_at=now,
    )
    session.add(added)
    session.flush()
    audit.record(
        session,
        "issuer_jws_key.added",
        actor=actor,
        subject=f"issuer:{profile.id}",
        organization_id=profile.organization_id,
        now=now,
    )
    return added


def rotate_key(
    session: Session, profile: IssuerProfile, vault: Vault, now: datetime, *, actor: str = "job"
) -> IssuerJwsKey | None:
    """Make a new key where one is in use; ``None`` for an issuer that has signed nothing with one."""
    return None if _active(session, profile.id) is None else add_key(session, profile, vault, now, actor=actor)


def signer(key: IssuerJwsKey, profile: IssuerProfile, vault: Vault) -> jws.JwsSigner:
    """Return a signer for one of the issuer's keys."""
    private_key = serialization.load_pem_private_key(vault.open(key.private_key).encode("ascii"), password=None)
    if not isinstance(private_key, RSAPrivateKey):
        raise TypeError("JWS keys are RSA")
    return jws.JwsSigner(private_key, f"{profile.url_id}/keys/{key.kid}")


def public_jwks(session: Session, profile_id: int) -> list[JsonObject]:
    """Return every public key of the issuer, the newest first, but those that fell into wrong hands."""
    keys = select(IssuerJwsKey.public_jwk).where(
        IssuerJwsKey.issuer_profile_id == profile_id, IssuerJwsKey.withdrawn_at.is_(None)
    )
    return list(session.scalars(keys.order_by(IssuerJwsKey.id.desc())))


def get_jwk(session: Session, profile_id: int, kid: str) -> JsonObject:
    """Return one public key of the issuer; raises ``NotFoundError``."""
    found: JsonObject | None = session.scalar(
        select(IssuerJwsKey.public_jwk).where(
            IssuerJwsKey.issuer_profile_id == profile_id,
            IssuerJwsKey.kid == kid,
            IssuerJwsKey.withdrawn_at.is_(None),
        )
    )
    if found is None:
        raise NotFoundError("There is no such key.")
    return found


def _active(session: Session, profile_id: int) -> IssuerJwsKey | None:
    return session.scalar(
        select(IssuerJwsKey).where(IssuerJwsKey.issuer_profile_id == profile_id, IssuerJwsKey.is_active)
    )
