"""Issuing again: a new copy of a credential that its learner has, with another name, address, wallet or key.

The credential keeps its id and ``awardedDate``; the copy begins later and has its own place in a status list. Earlier
copies stay valid unless the learner asks otherwise, or a key fell into wrong hands. The job that signs it, or the page
that asked for it, calls ``take_place`` in the transaction that stores it.
"""

import enum
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.lifecycle import is_expired
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Credential, CredentialVersion, SubjectKind, VersionState
from lti_tool.openbadges.v3_model import normalise_email
from lti_tool.services import audit, credentials, delivery, second_face, status
from lti_tool.services.credentials import NamedSubject

LONGEST_DID = 2048


class Reason(enum.StrEnum):
    """Why a credential is issued again."""

    NAME = "name"
    EMAIL = "email"
    WALLET = "wallet"
    KEY = "key"


class SubjectChoice(enum.StrEnum):
    """What the new copy is to be made out to."""

    KEEP = "keep"
    """What the newest copy has."""
    EMAIL = "email"
    """The address that the platform gives today, hashed."""
    NONE = "none"
    """An id of ours that says nothing."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a learner can have changed. ``carried_email``, ``carried_name``: what the newest copy carries.

    ``email``, ``name``: what the platform gives today. ``subject``: the kind of the newest copy's subject.
    """

    subject: SubjectKind
    carried_email: str | None
    carried_name: str | None
    email: str | None
    name: str | None

    @property
    def is_outdated(self) -> bool:
        """Whether the newest copy carries another name or address than the platform gives today."""
        other_name = self.carried_name is not None and self.name is not None and self.name != self.carried_name
        return other_name or self.has_new_email

    @property
    def has_new_email(self) -> bool:
        """Whether the platform gives another address than the newest copy carries."""
        if self.carried_email is None or not self.email:
            return False
        return normalise_email(self.email) != normalise_email(self.carried_email)


def choices(credential: Credential) -> Choices:
    """Return what a new copy could change."""
    copy, user = credential.versions[-1], credential.award.user
    carries_email = copy.subject_kind is SubjectKind.EMAIL_HASH
    return Choices(copy.subject_kind, copy.subject if carries_email else None, copy.name, user.email, user.name)


def refusal(credential: Credential, now: datetime) -> str | None:
    """Return the code of why there can be no new copy now, or ``None``."""
    award = credential.award
    if award.state is not AwardState.CLAIMED:
        return f"award_{award.state.value}"
    if is_expired(award.valid_until, now):
        return "award_expired"
    if credential.versions[-1].state is VersionState.PENDING:
        return "credential_pending"
    return None


def reissue(
    session: Session,
    credential: Credential,
    choice: SubjectChoice,
    *,
    show_name: bool,
    replaces: bool,
    actor: str,
    now: datetime,
) -> CredentialVersion:
    """Ask for a new copy with the name and address that the platform gives today; returns it, to be signed.

    ``replaces``: earlier copies are revoked as soon as it is signed. Raises ``ConflictError``: ``copy_unchanged`` when
    it would say what the newest one says, ``award_revoked``, ``award_suspended``, ``award_expired``,
    ``credential_pending``; ``InvalidInputError`` (``subject_without_email``) when the platform gives no address.
    """
    newest = _prepare(session, credential, now)
    award, user = credential.award, credential.award.user
    if choice is SubjectChoice.EMAIL and not user.email:
        raise InvalidInputError("The platform gives no address.", code="subject_without_email", field="subject")
    subject = NamedSubject(newest.subject_kind, newest.subject)
    if choice is SubjectChoice.EMAIL and user.email:
        subject = credentials.subject_of(user.email)
    elif choice is SubjectChoice.NONE and newest.subject_kind is not SubjectKind.OPAQUE:
        subject = credentials.subject_of(None)
    name = user.name if show_name else None
    same_subject = _is_same(newest, subject)
    if same_subject and name == newest.name:
        raise ConflictError("The newest copy says the same.", code="copy_unchanged")
    award.shows_name = name is not None
    reason = Reason.NAME if same_subject else Reason.EMAIL
    return _add(session, credential, subject, name, reason, actor, now, replaces=replaces)


def bind_wallet(session: Session, credential: Credential, did: str, actor: str, now: datetime) -> CredentialVersion:
    """Ask for a copy whose subject is a wallet's DID; that its learner controls it was proved before.

    The name stays as it is. Raises ``ConflictError`` as ``reissue`` does, ``InvalidInputError`` (``did_invalid``).
    """
    if not did.startswith("did:") or did.count(":") < 2 or len(did) > LONGEST_DID or any(map(str.isspace, did)):
        raise InvalidInputError("This is not a DID.", code="did_invalid", field="did")
    newest = _prepare(session, credential, now)
    if (newest.subject_kind, newest.subject) == (SubjectKind.DID, did):
        raise ConflictError("The newest copy says the same.", code="copy_unchanged")
    subject = NamedSubject(SubjectKind.DID, did)
    return _add(session, credential, subject, newest.name, Reason.WALLET, actor, now, replaces=False)


def sign_anew(session: Session, credential: Credential, actor: str, now: datetime) -> CredentialVersion | None:
    """Ask for the same copy with today's key, in place of all earlier ones; ``None`` for a badge that is not held."""
    credentials.take_turn(session, [credential.award.achievement.issuer_profile_id])
    session.refresh(credential)
    if refusal(credential, now) is not None:
        return None
    newest = credential.versions[-1]
    subject = NamedSubject(newest.subject_kind, newest.subject)
    return _add(session, credential, subject, newest.name, Reason.KEY, actor, now, replaces=True)


def take_place(session: Session, newest: CredentialVersion, now: datetime) -> None:
    """Let a copy that was just signed take the place of the earlier ones: the 2.0 face and deliveries follow it."""
    earlier = session.scalars(
        select(CredentialVersion).where(
            CredentialVersion.credential_id == newest.credential_id, CredentialVersion.number < newest.number
        )
    ).all()
    if not earlier:
        return
    for version in earlier:
        version.state = VersionState.SUPERSEDED
        if newest.replaces:
            status.revoke(session, version, now)
    session.flush()
    credential = newest.credential
    session.expire(credential, ["versions"])
    email = newest.subject if newest.subject_kind is SubjectKind.EMAIL_HASH else None
    second_face.follow_copy(session, credential, email, now, takes_back=newest.replaces)
    delivery.follow_reissue(session, credential, now)


def _prepare(session: Session, credential: Credential, now: datetime) -> CredentialVersion:
    """Lock, and return the newest copy; raises ``ConflictError`` when there can be no new one."""
    credentials.take_turn(session, [credential.award.achievement.issuer_profile_id])
    session.refresh(credential)
    session.refresh(credential.award)
    code = refusal(credential, now)
    if code is not None:
        raise ConflictError("There can be no new copy of this badge now.", code=code)
    return credential.versions[-1]


def _is_same(newest: CredentialVersion, subject: NamedSubject) -> bool:
    if newest.subject_kind is not subject.kind:
        return False
    if subject.kind is SubjectKind.EMAIL_HASH:
        return normalise_email(newest.subject) == normalise_email(subject.value)
    return newest.subject == subject.value


def _add(
    session: Session,
    credential: Credential,
    subject: NamedSubject,
    name: str | None,
    reason: Reason,
    actor: str,
    now: datetime,
    *,
    replaces: bool,
) -> CredentialVersion:
    added = credentials.add_copy(session, credential, subject, name, now, reason=reason.value, replaces=replaces)
    session.expire(credential, ["versions"])
    audit.record(
        session,
        "credential.reissue_asked",
        actor=actor,
        subject=f"credential:{credential.id}",
        organization_id=credential.award.achievement.issuer_profile.organization_id,
        payload={"version": added.id, "reason": reason.value, "replaces": replaces},
        now=now,
    )
    return added
