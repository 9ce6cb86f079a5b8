"""What anybody may see: signed documents, shared pages, achievements, issuers with their keys, competencies."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.lifecycle import AwardState, is_expired
from lti_tool.errors import IssuingError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    AchievementVersion,
    Alignment,
    Award,
    Credential,
    CredentialVersion,
    IssuerProfile,
    Item,
    StatusList,
    VersionState,
)
from lti_tool.openbadges import status_list, v3
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.proof import decode_multikey
from lti_tool.services import jws_keys
from lti_tool.services.achievement_cards import achievement_card
from lti_tool.services.achievements import aligned_items, find_public
from lti_tool.services.issuers import get_issuer, issuer_value, public_keys
from lti_tool.services.wallet import is_shared


@dataclass(frozen=True, slots=True)
class Skill:
    """A competency a badge is aligned to."""

    identifier: str
    statement: str
    code: str | None


@dataclass(frozen=True, slots=True)
class SignedCopy:
    """The newest signed copy of a credential, byte for byte, and the picture it can be baked into."""

    text: str
    picture_sha256: str


@dataclass(frozen=True, slots=True)
class CredentialPage:
    """A shared badge as anybody sees it. ``status``: valid, revoked, suspended or expired, as of now.

    ``holder_name`` is the name in the signed document, ``None`` when the learner left it out.
    """

    public_id: str
    url: str
    name: str
    description: str
    criteria_narrative: str
    language: str
    picture_sha256: str
    holder_name: str | None
    issuer_public_id: str
    issuer_name: str
    issuer_url: str | None
    achievement_public_id: str
    skills: tuple[Skill, ...]
    awarded_at: datetime
    signed_at: datetime | None
    status: str
    valid_until: datetime | None = None


def signed_copy(session: Session, public_id: str) -> SignedCopy:
    """Return the signed document; raises ``NotFoundError`` for an unknown id and until it is signed."""
    credential, copy = _issued(session, public_id)
    return SignedCopy(copy.document or "", credential.award.achievement_version.picture_sha256)


def newest_copy(session: Session, public_id: str) -> CredentialVersion:
    """Return the newest signed copy of a credential; raises ``NotFoundError`` as ``signed_copy`` does."""
    return _issued(session, public_id)[1]


def credential_page(session: Session, public_id: str, now: datetime) -> CredentialPage:
    """Return a badge whose learner shares its page; raises ``NotFoundError`` for every other one."""
    credential, copy = _issued(session, public_id)
    if not is_shared(session, credential.id):
        raise NotFoundError("There is no such page.")
    award = credential.award
    version, profile = award.achievement_version, award.achievement.issuer_profile
    return CredentialPage(
        public_id=credential.public_id,
        url=credential.url_id,
        name=version.name,
        description=version.description,
        criteria_narrative=version.criteria_narrative,
        language=version.language,
        picture_sha256=version.picture_sha256,
        holder_name=copy.name,
        issuer_public_id=profile.public_id,
        issuer_name=profile.name,
        issuer_url=profile.url,
        achievement_public_id=award.achievement.public_id,
        skills=_skills(session, version.id),
        awarded_at=award.offered_at,
        signed_at=copy.issued_at,
        status=_status(session, award, copy, now),
        valid_until=award.valid_until,
    )


def _issued(session: Session, public_id: str) -> tuple[Credential, CredentialVersion]:
    found = session.execute(
        select(Credential, CredentialVersion)
        .join(CredentialVersion, CredentialVersion.credential_id == Credential.id)
        .where(Credential.public_id == public_id, CredentialVersion.state == VersionState.ISSUED)
        .order_by(CredentialVersion.number.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such credential.")
    return found[0], found[1]


def _status(session: Session, award: Award, copy: CredentialVersion, now: datetime) -> str:
    listed = session.get_one(StatusList, copy.status_list_id)
    if award.state is AwardState.REVOKED or status_list.get_bit(listed.bits, copy.status_index):
        return "revoked"
    if award.state is AwardState.SUSPENDED:
        return "suspended"
    return "expired" if is_expired(award.valid_until, now) else "valid"


def _skills(session: Session, version_id: int) -> tuple[Skill, ...]:
    return tuple(
        Skill(item.identifier, item.full_statement, item.human_code) for item in aligned_items(session, version_id)
    )


# -- achievements -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AchievementPage:
    """A published achievement: its current content, its issuer, and the JSON-LD document of its own address."""

    version: AchievementVersion
    issuer_public_id: str
    issuer_name: str
    skills: tuple[Skill, ...]
    document: JsonObject


def achievement_page(session: Session, public_id: str) -> AchievementPage:
    """Return a published achievement; raises ``NotFoundError``."""
    achievement = find_public(session, public_id)
    version, profile = achievement.current_version, achievement.issuer_profile
    if version is None or achievement.state is AchievementState.REVIEW:
        raise NotFoundError("There is no such badge.")
    card = achievement_card(session, achievement, version)
    return AchievementPage(
        version=version,
        issuer_public_id=profile.public_id,
        issuer_name=profile.name,
        skills=_skills(session, version.id),
        document=v3.compose_achievement_document(card, issuer_value(profile)),
    )


# -- issuers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IssuerPage:
    """An issuer as anybody sees it; ``keys`` are all its public keys (Multikey texts), the newest first.

    ``jwks``: its RSA keys likewise.
    """

    profile: IssuerProfile
    keys: tuple[str, ...]
    jwks: tuple[JsonObject, ...]


def issuer_page(session: Session, public_id: str) -> IssuerPage:
    """Return an issuer; raises ``NotFoundError``."""
    profile = get_issuer(session, public_id)
    keys = tuple(reversed(public_keys(session, profile.id)))
    return IssuerPage(profile, keys, tuple(jws_keys.public_jwks(session, profile.id)))


def issuer_document(session: Session, public_id: str) -> JsonObject:
    """Return the document at the issuer's id: profile and keys in one; raises ``NotFoundError``."""
    page = issuer_page(session, public_id)
    keys = [decode_multikey(key) for key in page.keys]
    return v3.compose_issuer_document(issuer_value(page.profile), keys, page.jwks)


def issuer_text(session: Session, public_id: str) -> str:
    """Return the issuer document as text; raises ``NotFoundError``."""
    return json.dumps(issuer_document(session, public_id), ensure_ascii=False)


def did_document(session: Session, public_id: str) -> JsonObject:
    """Return the issuer's did:web document.

    Raises ``NotFoundError``, also where did:web has no name for the issuer's address (plain http).
    """
    page = issuer_page(session, public_id)
    try:
        return v3.compose_did_document(page.profile.url_id, [decode_multikey(key) for key in page.keys], page.jwks)
    except IssuingError as error:
        raise NotFoundError("This issuer has no did:web name.") from error


def key_document(session: Session, public_id: str, name: str) -> JsonObject:
    """Return the document of one of the issuer's keys, by its Multikey or thumbprint; raises ``NotFoundError``."""
    page = issuer_page(session, public_id)
    if name in page.keys:
        return v3.compose_key_document(page.profile.url_id, decode_multikey(name))
    return v3.compose_jwk_document(page.profile.url_id, jws_keys.get_jwk(session, page.profile.id, name))


# -- competencies -----------------------------------------------------------------------------------------------------


def get_competency(session: Session, identifier: str) -> Item:
    """Return a competency that a published badge names; raises ``NotFoundError`` for every other one."""
    item = session.scalar(
        select(Item)
        .join(Alignment, Alignment.item_id == Item.id)
        .join(AchievementVersion, AchievementVersion.id == Alignment.achievement_version_id)
        .join(Achievement, Achievement.id == AchievementVersion.achievement_id)
        .where(
            Item.identifier == identifier,
            Achievement.state.in_([AchievementState.LIVE, AchievementState.RETIRED]),
        )
        .order_by(Item.id)
        .limit(1)
    )
    if item is None:
        raise NotFoundError("There is no such skill.")
    return item


def competency_document(item: Item) -> JsonObject:
    """Return a competency in the words of CASE 1.0 (CFItem)."""
    members = {
        "identifier": item.identifier,
        "uri": item.uri,
        "fullStatement": item.full_statement,
        "humanCodingScheme": item.human_code,
        "CFDocument": item.framework.title,
    }
    return {name: value for name, value in members.items() if value}
