"""Composes Open Badges 3.0 documents (1EdTech, document 1.2): credentials and achievements, not yet signed.

Arrays stay arrays, nothing is null or empty, times are UTC with ``Z``: the form that 1EdTech's JSON Schema, JSON-LD
readers and the proof all accept. Ids are absolute and come from the caller.
"""

from datetime import datetime

from lti_tool.openbadges.contexts import CONTEXTS, OB_EXTENSIONS, OB_V3, VC_V2, JsonObject
from lti_tool.openbadges.controller import (
    compose_did_document,
    compose_issuer_document,
    compose_jwk_document,
    compose_key_document,
    compose_profile,
    did_web_of,
)
from lti_tool.openbadges.proof import format_time
from lti_tool.openbadges.v3_model import (
    ACHIEVEMENT_TYPES,
    EXTENSION,
    TARGET_TYPES,
    AchievementCard,
    Alignment,
    Evidence,
    HashedEmail,
    Issuer,
    Result,
    ResultDescription,
    StatusEntry,
    Subject,
    clean_text,
    identity_hash,
    image,
    incomplete,
    normalise_email,
    present,
    required,
)

__all__ = [
    "ACHIEVEMENT_TYPES",
    "TARGET_TYPES",
    "AchievementCard",
    "Alignment",
    "Evidence",
    "HashedEmail",
    "Issuer",
    "Result",
    "ResultDescription",
    "StatusEntry",
    "Subject",
    "compose_achievement",
    "compose_achievement_document",
    "compose_credential",
    "compose_did_document",
    "compose_issuer_document",
    "compose_jwk_document",
    "compose_key_document",
    "compose_profile",
    "did_web_of",
    "identity_hash",
    "normalise_email",
]

SCHEMA_URL = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
SCHEMA_TYPE = "1EdTechJsonSchemaValidator2019"
CREDENTIAL_TYPES = ("VerifiableCredential", "OpenBadgeCredential")


def compose_credential(
    *,
    credential_id: str,
    issuer: Issuer,
    achievement: AchievementCard,
    subject: Subject,
    valid_from: datetime,
    awarded_at: datetime,
    valid_until: datetime | None = None,
    status: StatusEntry | None = None,
    results: tuple[Result, ...] = (),
    evidence: tuple[Evidence, ...] = (),
    narrative: str | None = None,
) -> JsonObject:
    """Return an unsigned ``OpenBadgeCredential``.

    ``awarded_at`` stays the first award when a later version moves ``valid_from``. Raises ``IssuingError``
    (``credential_incomplete``) when a part the standard requires is empty or not of its enumeration.
    """
    if valid_until is not None and valid_until <= valid_from:
        raise incomplete("validUntil", "is not after validFrom")
    return present(
        {
            "@context": list(CONTEXTS),
            "id": required(credential_id, "id"),
            "type": list(CREDENTIAL_TYPES),
            "name": required(achievement.name, "name"),
            "description": clean_text(achievement.description),
            "issuer": compose_profile(issuer),
            "validFrom": format_time(valid_from),
            "awardedDate": format_time(awarded_at),
            "validUntil": format_time(valid_until) if valid_until else None,
            "credentialSubject": _subject(subject, achievement, results, narrative),
            "evidence": [_evidence(piece) for piece in evidence],
            "credentialStatus": _status(status) if status else None,
            "credentialSchema": [{"id": SCHEMA_URL, "type": SCHEMA_TYPE}],
        }
    )


def compose_achievement(achievement: AchievementCard) -> JsonObject:
    """Return the Achievement as it stands inside a credential."""
    kind = achievement.achievement_type
    if kind is not None and kind not in ACHIEVEMENT_TYPES and not EXTENSION.fullmatch(kind):
        raise incomplete("achievementType", "is not in the enumeration of the standard")
    return present(
        {
            "id": required(achievement.id, "achievement.id"),
            "type": ["Achievement"],
            "achievementType": kind,
            "name": required(achievement.name, "achievement.name"),
            "description": required(achievement.description, "achievement.description"),
            "criteria": present(
                {
                    "id": achievement.criteria_url,
                    "narrative": required(achievement.criteria_narrative, "achievement.criteria.narrative"),
                }
            ),
            "image": image(achievement.image_url, achievement.image_caption),
            "inLanguage": achievement.language,
            "alignment": [_alignment(one) for one in achievement.alignments],
            "resultDescription": [_result_description(one) for one in achievement.result_descriptions],
            "tag": [tag for tag in map(clean_text, achievement.tags) if tag],
            "version": achievement.version,
        }
    )


def compose_achievement_document(achievement: AchievementCard, issuer: Issuer) -> JsonObject:
    """Return the JSON-LD document served at the achievement's own URL; ``creator`` is the issuer."""
    return {
        "@context": [VC_V2, OB_V3, OB_EXTENSIONS],
        **compose_achievement(achievement),
        "creator": compose_profile(issuer),
    }


def _subject(
    subject: Subject, achievement: AchievementCard, results: tuple[Result, ...], narrative: str | None
) -> JsonObject:
    if subject.id is None and subject.email is None:
        raise incomplete("credentialSubject", "has neither an id nor an e-mail address")
    return present(
        {
            "id": subject.id,
            "type": ["AchievementSubject"],
            "identifier": _identifiers(subject),
            "achievement": compose_achievement(achievement),
            "narrative": clean_text(narrative),
            "result": [_result(one) for one in results],
        }
    )


def _identifiers(subject: Subject) -> list[JsonObject]:
    found: list[JsonObject] = []
    if subject.email is not None:
        address = normalise_email(required(subject.email.email, "credentialSubject.identifier"))
        salt = required(subject.email.salt, "credentialSubject.identifier.salt")
        found.append(
            {
                "type": "IdentityObject",
                "hashed": True,
                "identityHash": identity_hash(address, salt),
                "identityType": "emailAddress",
                "salt": salt,
            }
        )
    if name := clean_text(subject.name):
        found.append({"type": "IdentityObject", "hashed": False, "identityHash": name, "identityType": "name"})
    return found


def _alignment(alignment: Alignment) -> JsonObject:
    kind = alignment.target_type
    if kind is not None and kind not in TARGET_TYPES and not EXTENSION.fullmatch(kind):
        raise incomplete("targetType", "is not in the enumeration of the standard")
    return present(
        {
            "type": ["Alignment"],
            "targetName": required(alignment.target_name, "alignment.targetName"),
            "targetUrl": required(alignment.target_url, "alignment.targetUrl"),
            "targetCode": clean_text(alignment.target_code),
            "targetDescription": clean_text(alignment.target_description),
            "targetFramework": clean_text(alignment.target_framework),
            "targetType": kind,
        }
    )


def _result_description(description: ResultDescription) -> JsonObject:
    return present(
        {
            "id": description.id,
            "type": ["ResultDescription"],
            "name": required(description.name, "resultDescription.name"),
            "resultType": description.result_type,
            "valueMin": description.value_min,
            "valueMax": description.value_max,
            "requiredValue": description.required_value,
        }
    )


def _result(result: Result) -> JsonObject:
    return present(
        {
            "type": ["Result"],
            "resultDescription": result.result_description_id,
            "value": clean_text(result.value),
            "status": result.status,
        }
    )


def _evidence(piece: Evidence) -> JsonObject:
    return present(
        {
            "id": piece.id,
            "type": ["Evidence"],
            "name": clean_text(piece.name),
            "narrative": clean_text(piece.narrative),
            "description": clean_text(piece.description),
            "genre": clean_text(piece.genre),
        }
    )


def _status(status: StatusEntry) -> JsonObject:
    return {
        "id": f"{status.list_url}#{status.index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(status.index),
        "statusListCredential": status.list_url,
    }
