"""Composes Open Badges 2.0 documents: another face of the same award, for the hosts that read no other.

IMS Open Badges 2.0 (2018). Nothing is decided here: recipient, dates, badge and status come from the credential. The
address of the recipient is always hashed with a salt of its own.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from lti_tool.errors import IssuingError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.v2_model import (
    CONTEXT,
    Award,
    badge_class_url,
    key_url,
    profile_url,
    revocation_list_url,
    signed_id,
)
from lti_tool.openbadges.v3_model import (
    AchievementCard,
    Alignment,
    Evidence,
    HashedEmail,
    Issuer,
    clean_text,
    identity_hash,
    normalise_email,
    present,
    required,
)


def compose_hosted_assertion(award: Award) -> JsonObject:
    """Return the assertion as its own address answers it, which is what verifies it.

    Raises ``IssuingError`` (``credential_incomplete``) when a part the standard requires is empty.
    """
    badge = badge_class_url(award.achievement.id, award.version)
    return _assertion(award, award.hosted_url, badge, {"type": "HostedBadge"})


def compose_signed_assertion(award: Award, kid: str) -> JsonObject:
    """Return the assertion to be signed with the key ``kid`` of its issuer. Raises as the hosted one."""
    creator = key_url(award.issuer.id, kid)
    url = signed_id(award.hosted_url, award.recipient.salt)
    badge = badge_class_url(award.achievement.id, award.version, kid)
    return _assertion(award, url, badge, {"type": "SignedBadge", "creator": creator})


def compose_revoked_assertion(hosted_url: str) -> JsonObject:
    """Return what is left of an assertion that was revoked; it is answered with 410 (hosted verification, step 4)."""
    return {"@context": CONTEXT, "type": "Assertion", "id": hosted_url, "revoked": True}


def compose_badge_class(
    achievement: AchievementCard, version: int, issuer: Issuer, kid: str | None = None
) -> JsonObject:
    """Return one version of a badge; ``kid``: as what was signed with this key names it.

    Raises ``IssuingError`` (``credential_incomplete``), also without a picture.
    """
    return present(
        {
            "@context": CONTEXT,
            "type": "BadgeClass",
            "id": badge_class_url(achievement.id, version, kid),
            "name": required(achievement.name, "badge.name"),
            "description": required(achievement.description, "badge.description"),
            "image": _picture(achievement),
            "criteria": present(
                {
                    "id": achievement.criteria_url,
                    "narrative": required(achievement.criteria_narrative, "badge.criteria.narrative"),
                }
            ),
            "issuer": profile_url(issuer.id, kid),
            "alignment": [_alignment(one) for one in achievement.alignments],
            "tags": [tag for tag in map(clean_text, achievement.tags) if tag],
            "@language": achievement.language,
            "version": str(version),
        }
    )


def compose_profile(issuer: Issuer, kid: str | None = None) -> JsonObject:
    """Return the issuer; ``kid``: as what was signed with this key names it.

    Raises ``IssuingError`` (``issuer_incomplete``) without e-mail or web address, which 2.0 demands of an issuer.
    """
    check_issuer(issuer)
    parts = urlsplit(issuer.id)
    return present(
        {
            "@context": CONTEXT,
            "type": "Issuer",
            "id": profile_url(issuer.id, kid),
            "name": required(issuer.name, "issuer.name"),
            "url": issuer.url,
            "email": issuer.email,
            "description": clean_text(issuer.description),
            "image": issuer.image_url,
            "verification": {
                "type": "VerificationObject",
                "startsWith": f"{parts.scheme}://{parts.netloc}/",
            },
            "publicKey": key_url(issuer.id, kid) if kid else None,
            "revocationList": revocation_list_url(issuer.id),
        }
    )


def check_issuer(issuer: Issuer) -> None:
    """Raise ``IssuingError`` (``issuer_incomplete``) for an issuer that 2.0 does not take."""
    if not issuer.email or not issuer.url:
        raise IssuingError(
            f"{issuer.name} has no e-mail or web address, which Open Badges 2.0 demands. "
            "Add them: lti-badges issuers set --help",
            code="issuer_incomplete",
        )


def compose_key(issuer_id: str, kid: str, public_pem: str) -> JsonObject:
    """Return one RSA key of the issuer ``issuer_id`` (its 3.0 id), as its own address answers it."""
    return {
        "@context": CONTEXT,
        "type": "CryptographicKey",
        "id": key_url(issuer_id, kid),
        "owner": profile_url(issuer_id, kid),
        "publicKeyPem": public_pem,
    }


def compose_revocation_list(issuer_id: str, revoked: Iterable[str]) -> JsonObject:
    """Return the issuer's list; ``revoked``: ids of signed assertions."""
    listed = list(revoked)
    if listed:  # the official validator finds nothing in a list of one, so a second id, which names nothing
        listed.append(signed_id(revocation_list_url(issuer_id), ""))
    return {
        "@context": CONTEXT,
        "type": "RevocationList",
        "id": revocation_list_url(issuer_id),
        "issuer": profile_url(issuer_id),
        "revokedAssertions": [{"id": one, "revoked": True} for one in listed],
    }


def _assertion(award: Award, url: str, badge: str, verification: JsonObject) -> JsonObject:
    return present(
        {
            "@context": CONTEXT,
            "type": "Assertion",
            "id": url,
            "recipient": _recipient(award.recipient),
            "badge": badge,
            "verification": verification,
            "issuedOn": award.issued_on,
            "expires": award.expires,
            "image": award.image_url,
            "evidence": [_evidence(one) for one in award.evidence],
            "narrative": clean_text(award.narrative),
        }
    )


def _recipient(recipient: HashedEmail) -> JsonObject:
    address = normalise_email(required(recipient.email, "recipient.identity"))
    salt = required(recipient.salt, "recipient.salt")
    return {"type": "email", "hashed": True, "salt": salt, "identity": identity_hash(address, salt)}


def _picture(achievement: AchievementCard) -> str | JsonObject:
    url = required(achievement.image_url or "", "badge.image")
    caption = clean_text(achievement.image_caption)
    return {"id": url, "caption": caption} if caption else url


def _alignment(alignment: Alignment) -> JsonObject:
    return present(
        {
            "targetName": required(alignment.target_name, "alignment.targetName"),
            "targetUrl": required(alignment.target_url, "alignment.targetUrl"),
            "targetDescription": clean_text(alignment.target_description),
            "targetFramework": clean_text(alignment.target_framework),
            "targetCode": clean_text(alignment.target_code),
        }
    )


def _evidence(piece: Evidence) -> JsonObject:
    return present(
        {
            "id": piece.id,
            "name": clean_text(piece.name),
            "narrative": clean_text(piece.narrative),
            "description": clean_text(piece.description),
            "genre": clean_text(piece.genre),
        }
    )
