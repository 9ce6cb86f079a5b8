"""Claiming and issuing: an offer becomes a credential, composed, signed, verified, and only then stored.

A claim writes the award's new state and a *pending* credential version in one transaction. Signing follows, at once or
by the sweep, whoever comes first: the version row is the one place a signed copy can go, so a process that dies
between signing and storing leaves a pending row, and signing again makes the same one credential.
"""

import json
import random
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.lifecycle import AwardAction, AwardState
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import CredentialInvalidError, IssuingError, NotClaimableError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementVersion,
    Award,
    Credential,
    CredentialVersion,
    IssuerKey,
    IssuerProfile,
    Membership,
    StatusList,
    SubjectKind,
    VersionState,
)
from lti_tool.openbadges import proof, status_list, v3
from lti_tool.services import audit
from lti_tool.services.achievements import aligned_items
from lti_tool.services.awarding import Standing, change_state, standings
from lti_tool.services.issuers import active_key, issuer_value, signer
from lti_tool.vault import Vault

RETRY_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of a claim: the credential and the version to sign."""

    credential_id: int
    version_id: int


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A pending version, composed: everything signing needs, so that no transaction is open meanwhile."""

    version_id: int
    document: dict[str, object]
    signer: proof.Signer
    created: datetime


def claim(
    session: Session, context_id: int, award_id: int, user_id: int, *, show_name: bool, now: datetime
) -> Claim | None:
    """Claim an offered award for its learner, after judging it once more.

    Returns ``None`` when today's evidence says *not met*: the award lapsed, with the reason in it. Claiming a claimed
    award returns its credential. Raises ``NotClaimableError``: ``evidence_unknown`` when it can't be told today (the
    offer stands), ``test_user``, ``award_<state>`` for awards that are not offered; ``NotFoundError`` for an award of
    somebody else.
    """
    award = session.get(Award, award_id)
    if award is None or award.user_id != user_id or award.achievement.context_id != context_id:
        raise NotFoundError("There is no such badge for you here.")
    _refuse_test_user(session, context_id, user_id)
    if award.state is AwardState.CLAIMED:
        return _existing_claim(session, award)
    if award.state is not AwardState.OFFERED:
        raise NotClaimableError(f"The award is {award.state.value}.", code=f"award_{award.state.value}")
    standing = _standing(session, context_id, award, now)
    if standing.judgement.verdict is Verdict.UNKNOWN:
        raise NotClaimableError("It cannot be told today whether this is still earned.", code="evidence_unknown")
    rule_id = standing.achievement.current_rule_id or award.award_rule_id
    if standing.judgement.verdict is Verdict.NOT_MET:
        change_state(session, award, AwardAction.LAPSE, standing.judgement, rule_id, now)
        return None
    actor = f"user:{user_id}"
    if not change_state(session, award, AwardAction.CLAIM, standing.judgement, rule_id, now, actor=actor):
        session.refresh(award)
        return _existing_claim(session, award)
    award.shows_name = show_name
    return _make_credential(session, award, now)


def _refuse_test_user(session: Session, context_id: int, user_id: int) -> None:
    membership = session.scalar(
        select(Membership).where(Membership.context_id == context_id, Membership.user_id == user_id)
    )
    if membership is None or membership.is_test_user:
        raise NotClaimableError("Test users see badges but cannot claim them.", code="test_user")


def _existing_claim(session: Session, award: Award) -> Claim:
    credential = session.scalar(select(Credential).where(Credential.award_id == award.id))
    if credential is None:
        raise NotClaimableError(f"The award is {award.state.value}.", code=f"award_{award.state.value}")
    return Claim(credential.id, credential.versions[-1].id)


def _standing(session: Session, context_id: int, award: Award, now: datetime) -> Standing:
    for standing in standings(session, context_id, award.user_id, now):
        if standing.award is not None and standing.award.id == award.id:
            return standing
    raise NotClaimableError("This badge is not awarded any more.", code="achievement_retired")


def _make_credential(session: Session, award: Award, now: datetime) -> Claim:
    profile = award.achievement.issuer_profile
    credential = Credential(award_id=award.id, issuer_url_id=profile.url_id, created_at=now, url_id="")
    credential.public_id = secrets.token_urlsafe(16)
    credential.url_id = f"{profile.base_url}/credentials/{credential.public_id}"
    session.add(credential)
    session.flush()
    email = award.user.email
    listed, index = _status_place(session, profile.id, now)
    version = CredentialVersion(
        credential_id=credential.id,
        number=1,
        state=VersionState.PENDING,
        subject_kind=SubjectKind.EMAIL_HASH if email else SubjectKind.OPAQUE,
        subject=email or f"urn:uuid:{uuid.uuid4()}",
        salt=secrets.token_hex(16),
        name=award.user.name if award.shows_name else None,
        status_list_id=listed.id,
        status_index=index,
        issuer_key_id=active_key(session, profile.id).id,
        valid_from=now.replace(microsecond=0),
        attempts=0,
        due_at=now,
    )
    session.add(version)
    session.flush()
    return Claim(credential.id, version.id)


def _status_place(session: Session, profile_id: int, now: datetime) -> tuple[StatusList, int]:
    """Return a random free place in the issuer's newest status list.

    The issuer's row is locked, not the list's: it keeps two claims off the same place, and two first claims from
    making two lists.
    """
    session.get_one(IssuerProfile, profile_id, with_for_update=True)
    found = select(StatusList).where(StatusList.issuer_profile_id == profile_id).order_by(StatusList.id.desc())
    listed = session.scalar(found.limit(1))
    if listed is None:
        listed = StatusList(issuer_profile_id=profile_id, bits=status_list.new_bits(), changed_at=now)
        session.add(listed)
        session.flush()
    taken = set(
        session.scalars(select(CredentialVersion.status_index).where(CredentialVersion.status_list_id == listed.id))
    )
    size = len(listed.bits) * 8
    if len(taken) * 2 > size:  # half full: random places get rare, so a new list begins
        listed, taken = StatusList(issuer_profile_id=profile_id, bits=status_list.new_bits(), changed_at=now), set()
        session.add(listed)
        session.flush()
    return listed, status_list.random_free_index(taken, size, random.SystemRandom())


# -- compose, sign, verify, store -------------------------------------------------------------------------------------


def pending_versions(session: Session, now: datetime, limit: int = 100) -> list[int]:
    """Return ids of versions that wait to be signed."""
    return list(
        session.scalars(
            select(CredentialVersion.id)
            .where(CredentialVersion.state == VersionState.PENDING, CredentialVersion.due_at <= now)
            .order_by(CredentialVersion.id)
            .limit(limit)
        )
    )


def compose(session: Session, version_id: int, vault: Vault) -> Unsigned | None:
    """Compose a pending version; ``None`` when it is signed already."""
    version = session.get_one(CredentialVersion, version_id)
    if version.state is not VersionState.PENDING:
        return None
    award = version.credential.award
    profile = award.achievement.issuer_profile
    listed = session.get_one(StatusList, version.status_list_id)
    document = v3.compose_credential(
        credential_id=version.credential.url_id,
        issuer=issuer_value(profile),
        achievement=achievement_card(session, award.achievement, award.achievement_version),
        subject=_subject(version),
        valid_from=version.valid_from,
        awarded_at=award.offered_at,
        status=v3.StatusEntry(list_url=f"{profile.base_url}/status/{listed.public_id}", index=version.status_index),
    )
    key = session.get_one(IssuerKey, version.issuer_key_id)
    return Unsigned(version.id, document, signer(key, profile, vault), version.valid_from)


def achievement_card(session: Session, achievement: Achievement, version: AchievementVersion) -> v3.AchievementCard:
    """Return one version of the achievement as documents name it."""
    base = achievement.issuer_profile.base_url
    return v3.AchievementCard(
        id=achievement.url_id,
        name=version.name,
        description=version.description,
        criteria_narrative=version.criteria_narrative,
        achievement_type=version.achievement_type,
        image_url=f"{base}/pictures/{version.picture_sha256}.png",
        image_caption=version.name,
        language=version.language,
        version=str(version.number),
        alignments=tuple(
            v3.Alignment(
                target_name=item.full_statement,
                target_url=item.uri or f"{base}/competencies/{quote(item.identifier)}",
                target_code=item.human_code or item.identifier,
                target_framework=item.framework.title,
                target_type="CFItem",
            )
            for item in aligned_items(session, version.id)
        ),
    )


def _subject(version: CredentialVersion) -> v3.Subject:
    if version.subject_kind is SubjectKind.EMAIL_HASH:
        return v3.Subject(email=v3.HashedEmail(email=version.subject, salt=version.salt), name=version.name)
    return v3.Subject(id=version.subject, name=version.name)


def sign(unsigned: Unsigned) -> str:
    """Sign, and verify what was signed; returns the document's text, as it will be served for ever.

    Raises ``IssuingError`` (``self_check_failed``) when our own verification refuses it.
    """
    signed = unsigned.signer.sign(unsigned.document, unsigned.created)
    text = json.dumps(signed, ensure_ascii=False, separators=(",", ":"))
    try:
        proof.verify_proof(json.loads(text), unsigned.signer.private_key.public_key())
    except CredentialInvalidError as error:
        raise IssuingError(f"Our own check refused the signature ({error.code}).", code="self_check_failed") from error
    return text


def store_signed(session: Session, version_id: int, text: str, now: datetime) -> bool:
    """Store the signed document, once; ``False`` when another process stored one first."""
    stored = session.execute(
        update(CredentialVersion)
        .where(CredentialVersion.id == version_id, CredentialVersion.state == VersionState.PENDING)
        .values(state=VersionState.ISSUED, document=text, issued_at=now, error_code=None)
        .returning(CredentialVersion.credential_id)
    ).scalar()
    if stored is None:
        return False
    credential = session.get_one(Credential, stored)
    profile = credential.award.achievement.issuer_profile
    audit.record(
        session,
        "credential.issued",
        actor="job",
        subject=f"credential:{credential.id}",
        organization_id=profile.organization_id,
        payload={"version": version_id},
        now=now,
    )
    return True


def record_failure(session: Session, version_id: int, error_code: str, now: datetime) -> None:
    """Keep a pending version pending, and say why it could not be signed."""
    version = session.get_one(CredentialVersion, version_id)
    version.attempts, version.error_code = version.attempts + 1, error_code
    version.due_at = now + RETRY_AFTER * min(version.attempts, 20)
