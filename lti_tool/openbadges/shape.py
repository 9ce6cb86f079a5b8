"""The shape of an Open Badges 3.0 credential: what must be there, and of which kind, before anything is believed.

Members that decide about validity are held to exactly one JSON form: the proof covers the graph, in which a text and
a list of one text are the same, and a reader that skipped the other form could be led past a date or a status.
"""

from collections.abc import Iterator

from lti_tool.openbadges.contexts import VC_V2, JsonObject
from lti_tool.openbadges.issuer_keys import parse_time
from lti_tool.openbadges.report import Check, CheckOutcome

VC_V1 = "https://www.w3.org/2018/credentials/v1"
BADGE_TYPES = frozenset({"OpenBadgeCredential", "AchievementCredential"})


def check_shape(credential: JsonObject) -> Check:
    """Return the check ``shape``; its params name the members that are missing or cannot be used."""
    contexts = credential.get("@context")
    if isinstance(contexts, list) and contexts[:1] == [VC_V1]:
        return Check("shape", CheckOutcome.UNKNOWN, "version_unsupported")
    wrong = list(_wrong_members(credential))
    if wrong:
        return Check("shape", CheckOutcome.FAILED, "members_missing", {"members": ", ".join(wrong)})
    return Check("shape", CheckOutcome.PASSED)


def issuer_id_of(document: JsonObject) -> str:
    """Return the id of a document's issuer, empty when it names none."""
    issuer = document.get("issuer")
    found = issuer.get("id") if isinstance(issuer, dict) else issuer
    return found if isinstance(found, str) else ""


def texts(value: object) -> list[str]:
    """Return the texts of a member that may be one text or a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def members(value: object) -> list[JsonObject]:
    """Return the objects of a member that may be one object or a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _wrong_members(credential: JsonObject) -> Iterator[str]:
    contexts, kinds = credential.get("@context"), texts(credential.get("type"))
    if not isinstance(contexts, list) or contexts[:1] != [VC_V2]:
        yield "@context"
    if "VerifiableCredential" not in kinds or not BADGE_TYPES & set(kinds):
        yield "type"
    if not _is_text(credential.get("id")):
        yield "id"
    if not issuer_id_of(credential):
        yield "issuer"
    if parse_time(credential.get("validFrom")) is None:
        yield "validFrom"
    if "validUntil" in credential and parse_time(credential["validUntil"]) is None:
        yield "validUntil"
    if "credentialStatus" in credential and not _is_objects(credential["credentialStatus"]):
        yield "credentialStatus"
    yield from _wrong_in_subject(credential.get("credentialSubject"))


def _wrong_in_subject(subject: object) -> Iterator[str]:
    if not isinstance(subject, dict) or "AchievementSubject" not in texts(subject.get("type")):
        yield "credentialSubject"
        return
    if not _is_text(subject.get("id")) and not members(subject.get("identifier")):
        yield "credentialSubject.id"
    achievement = subject.get("achievement")
    if not isinstance(achievement, dict) or "Achievement" not in texts(achievement.get("type")):
        yield "achievement"
        return
    for name in ("id", "name", "description"):
        if not _is_text(achievement.get(name)):
            yield f"achievement.{name}"
    if not isinstance(achievement.get("criteria"), dict):
        yield "achievement.criteria"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_objects(value: object) -> bool:
    given = value if isinstance(value, list) else [value]
    return bool(given) and all(isinstance(one, dict) for one in given)
