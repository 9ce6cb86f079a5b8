"""The credential of an award: made once, at the claim, with a first copy that waits for its signature."""

import random
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.models import (
    Award,
    Credential,
    CredentialVersion,
    IssuerProfile,
    StatusList,
    SubjectKind,
    VersionState,
)
from lti_tool.openbadges import status_list
from lti_tool.services import status
from lti_tool.services.issuers import active_key


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of a claim: the credential and the version to sign."""

    credential_id: int
    version_id: int


def take_turn(session: Session, issuer_profile_ids: Collection[int]) -> None:
    """Lock issuers, in order, before awards are locked that are to be claimed or revoked.

    Places in status lists are given out under this lock; taking it first, always, keeps two transactions from waiting
    for each other.
    """
    found = select(IssuerProfile.id).where(IssuerProfile.id.in_(list(issuer_profile_ids)))
    session.execute(found.order_by(IssuerProfile.id).with_for_update())


def make_credential(session: Session, award: Award, now: datetime, *, names_address: bool = True) -> Claim:
    """Make the credential of an award that was just claimed, and a pending version for the jobs to sign.

    ``names_address``: the subject is the learner's hashed e-mail address, where the platform shares one. Without it the
    subject is an id of ours, bound to nothing but the learner's identity on the platform: nobody who did not claim
    themselves is tied to an address.
    """
    profile = award.achievement.issuer_profile
    credential = Credential(award_id=award.id, issuer_url_id=profile.url_id, created_at=now, url_id="")
    credential.public_id = secrets.token_urlsafe(16)
    credential.url_id = f"{profile.base_url}/credentials/{credential.public_id}"
    session.add(credential)
    session.flush()
    named = subject_of(award.user.email if names_address else None)
    version = add_copy(session, credential, named, award.user.name if award.shows_name else None, now)
    return Claim(credential.id, version.id)


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """How a copy names its subject: an e-mail address to be hashed, an id of ours, or a wallet's DID."""

    kind: SubjectKind
    value: str


def subject_of(email: str | None) -> NamedSubject:
    """Return the address as a subject, or a new id of ours where there is none."""
    return NamedSubject(SubjectKind.EMAIL_HASH, email) if email else NamedSubject(SubjectKind.OPAQUE, new_subject_id())


def new_subject_id() -> str:
    """Return an id that says nothing about anybody."""
    return f"urn:uuid:{uuid.uuid4()}"


def add_copy(
    session: Session,
    credential: Credential,
    subject: NamedSubject,
    name: str | None,
    now: datetime,
    *,
    reason: str | None = None,
    replaces: bool = False,
) -> CredentialVersion:
    """Add a copy for the jobs to sign, with a status place of its own; it begins later than the copies before it.

    ``replaces``: the earlier ones are revoked as soon as this one is signed.
    """
    profile_id = credential.award.achievement.issuer_profile_id
    listed, index = _status_place(session, profile_id, now)
    last = session.execute(
        select(CredentialVersion.number, CredentialVersion.valid_from)
        .where(CredentialVersion.credential_id == credential.id)
        .order_by(CredentialVersion.number.desc())
        .limit(1)
    ).one_or_none()
    start = now.replace(microsecond=0)
    version = CredentialVersion(
        credential_id=credential.id,
        number=1 if last is None else last.number + 1,
        state=VersionState.PENDING,
        subject_kind=subject.kind,
        subject=subject.value,
        salt=secrets.token_hex(16),
        name=name,
        status_list_id=listed.id,
        status_index=index,
        issuer_key_id=active_key(session, profile_id).id,
        valid_from=start if last is None else max(start, last.valid_from + timedelta(seconds=1)),
        reason=reason,
        replaces=replaces,
        attempts=0,
        due_at=now,
    )
    session.add(version)
    session.flush()
    return version


def find_claim(session: Session, award_id: int) -> Claim | None:
    """Return what came of an earlier claim of the award."""
    credential = session.scalar(select(Credential).where(Credential.award_id == award_id))
    return None if credential is None else Claim(credential.id, credential.versions[-1].id)


def revoke_copies(session: Session, award_id: int, now: datetime) -> None:
    """Mark every signed copy of an award's credential as revoked.

    A copy that waits for its signature is marked too: it must not come into the world valid.
    """
    copies = (
        select(CredentialVersion)
        .join(Credential, Credential.id == CredentialVersion.credential_id)
        .where(Credential.award_id == award_id)
    )
    for version in session.scalars(copies):
        status.revoke(session, version, now)


class _TakenPlaces:
    """Which places of a status list are taken, asked one by one: a list is long, and one claim needs one place."""

    def __init__(self, session: Session, list_id: int) -> None:
        self._session, self._list_id = session, list_id

    def __contains__(self, index: object) -> bool:
        found = select(CredentialVersion.id).where(
            CredentialVersion.status_list_id == self._list_id, CredentialVersion.status_index == index
        )
        return self._session.scalar(found) is not None


def _status_place(session: Session, profile_id: int, now: datetime) -> tuple[StatusList, int]:
    """Return a random free place in the issuer's newest status list.

    The issuer's row is locked, not the list's: it keeps two claims off the same place, and two first claims from
    making two lists.
    """
    session.get_one(IssuerProfile, profile_id, with_for_update=True)
    found = select(StatusList).where(StatusList.issuer_profile_id == profile_id).order_by(StatusList.id.desc())
    listed = session.scalar(found.limit(1))
    if listed is not None:
        taken = select(func.count()).where(CredentialVersion.status_list_id == listed.id)
        if (session.scalar(taken) or 0) * 2 > len(listed.bits) * 8:
            listed = None  # half full: random places get rare, so a new list begins
    if listed is None:
        listed = StatusList(issuer_profile_id=profile_id, bits=status_list.new_bits(), changed_at=now)
        session.add(listed)
        session.flush()
    places = _TakenPlaces(session, listed.id)
    return listed, status_list.random_free_index(places, len(listed.bits) * 8, random.SystemRandom())
