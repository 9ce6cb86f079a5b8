"""The Open Badges 2.0 face of a credential: made when a 2.0 delivery or download asks for it, never before.

It decides nothing of its own: badge, dates, recipient and status are those of the award. A revoked award is revoked
in both faces; an erased one is gone in both.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Credential, CredentialVersion, HostedAssertion, SubjectKind, VersionState
from lti_tool.openbadges import v2, v2_model
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.proof import format_time
from lti_tool.openbadges.v3_model import HashedEmail, normalise_email
from lti_tool.services import audit, jws_keys
from lti_tool.services.achievement_cards import achievement_card
from lti_tool.services.issuers import issuer_value
from lti_tool.services.upsert import insert_once
from lti_tool.vault import Vault


@dataclass(frozen=True, slots=True)
class HostedDocument:
    """The assertion as its address answers it: with 410 when ``is_revoked``."""

    text: str
    is_revoked: bool
    url: str
    picture_sha256: str


def assertion_url(credential: Credential) -> str:
    """Return where the assertion of a credential is, whether it exists yet or not."""
    base_url = credential.award.achievement.issuer_profile.base_url
    return v2_model.assertion_url(base_url, credential.public_id)


def recipient_of(credential: Credential) -> str | None:
    """Return the address a 2.0 assertion of this credential is made out to; 2.0 knows no other kind of recipient.

    The one in the newest signed copy; where that names none, the one the platform gives today: a learner who asks for
    this form wants it to be theirs.
    """
    copy = _newest(credential)
    if copy is not None and copy.subject_kind is SubjectKind.EMAIL_HASH:
        return copy.subject
    return credential.award.user.email


def ensure_hosted(
    session: Session, credential: Credential, email: str | None, now: datetime, *, restores: bool = True
) -> str:
    """Make sure that the hosted assertion exists and names the badge's recipient; returns its URL, which is its id.

    ``email``: the address that it must name, ``None`` for whatever the badge names. Asking again changes nothing.
    ``restores``: the learner asks for this form by themselves, so one that they took back holds again.
    Raises ``ConflictError``: ``credential_pending`` before the first signing, ``subject_without_email`` where no
    address is known, ``address_taken_back`` where it was taken back, ``recipient_other`` where the badge is somebody
    else's than ``email``; ``IssuingError`` (``issuer_incomplete``) where the issuer has no e-mail or web address.
    """
    v2.check_issuer(issuer_value(credential.award.achievement.issuer_profile))
    copy = _newest(credential)
    if copy is None:
        raise ConflictError("The badge is being signed; try again in a moment.", code="credential_pending")
    recipient, known = recipient_of(credential), find_hosted(session, credential)
    if known is not None and not known.email and not restores and copy.subject_kind is not SubjectKind.EMAIL_HASH:
        raise ConflictError("The learner took their address out of the badge.", code="address_taken_back")
    if not recipient:
        raise ConflictError(
            "Open Badges 2.0 names its recipient by e-mail address, and the platform shares none for this learner.",
            code="subject_without_email",
        )
    recipient = normalise_email(recipient)
    if email is not None and normalise_email(email) != recipient:
        raise ConflictError("The badge is made out to another address.", code="recipient_other")
    made = insert_once(
        session,
        HostedAssertion,
        ["credential_id"],
        credential_id=credential.id,
        email=recipient,
        salt=secrets.token_hex(16),
        created_at=now,
        changed_at=now,
    )
    if made is not None:
        _record(session, credential, "assertion.made", now)
    hosted = find_hosted(session, credential)
    if hosted is not None and hosted.email != recipient:
        _address(hosted, recipient, now)
    return assertion_url(credential)


def find_hosted(session: Session, credential: Credential) -> HostedAssertion | None:
    """Return the 2.0 face of a credential, if it was ever asked for."""
    return session.scalar(select(HostedAssertion).where(HostedAssertion.credential_id == credential.id))


def is_revoked(hosted: HostedAssertion) -> bool:
    """Whether the assertion does not hold any more: the award was revoked, or its learner took this form back."""
    return hosted.credential.award.state is AwardState.REVOKED or not hosted.email


def hosted_document(session: Session, public_id: str) -> HostedDocument:
    """Return the hosted assertion; raises ``NotFoundError`` for an unknown id and where none was asked for."""
    hosted = _get(session, public_id)
    credential = hosted.credential
    url, picture = assertion_url(credential), credential.award.achievement_version.picture_sha256
    if is_revoked(hosted):
        return HostedDocument(_text(v2.compose_revoked_assertion(url)), True, url, picture)
    document = v2.compose_hosted_assertion(_award(session, hosted))
    return HostedDocument(_text(document), False, url, picture)


def find_signed(session: Session, public_id: str) -> str | None:
    """Return the signed form if it was made; raises ``NotFoundError`` as ``hosted_document`` does."""
    return _get(session, public_id).jws


def signed_form(session: Session, public_id: str, vault: Vault, now: datetime) -> str:
    """Return the assertion as a compact JWS, made when it is first asked for.

    The signed form of a revoked assertion stays what it is: the issuer's revocation list says so. Raises
    ``NotFoundError`` as ``hosted_document`` does, also when it was taken back.
    """
    hosted = _get(session, public_id)
    if not hosted.email or (is_revoked(hosted) and hosted.jws is None):
        raise NotFoundError("There is no such assertion.")
    if hosted.jws is None:
        profile = hosted.credential.award.achievement.issuer_profile
        key = jws_keys.ensure_key(session, profile, vault, now)
        document = v2.compose_signed_assertion(_award(session, hosted), key.kid)
        hosted.jws = jws_keys.signer(key, profile, vault).sign(document)
    return hosted.jws


def follow_copy(
    session: Session, credential: Credential, email: str | None, now: datetime, *, takes_back: bool
) -> None:
    """Follow a new copy of the credential, if the 2.0 face exists: it names the new address from now on.

    ``takes_back``: the earlier copies shall not hold any more, so signed forms given away are revoked; where the new
    copy names no address (``email`` is ``None``) the assertion itself is, too.
    """
    hosted = find_hosted(session, credential)
    if hosted is None:
        return
    if takes_back:
        _take_back_signed(hosted)
    address = normalise_email(email) if email else None
    if address is not None and (takes_back or address != hosted.email):
        _address(hosted, address, now)
    elif address is None and takes_back:
        _address(hosted, "", now)


def _address(hosted: HostedAssertion, recipient: str, now: datetime) -> None:
    """Name another address, with a salt of its own: two hashes of one person have nothing in common."""
    if hosted.jws is not None:
        hosted.earlier = "\n".join(_given_away(hosted))
    hosted.email, hosted.salt, hosted.jws, hosted.changed_at = recipient, secrets.token_hex(16), None, now


def _take_back_signed(hosted: HostedAssertion) -> None:
    given_away = _given_away(hosted)
    if given_away:
        hosted.withdrawn = "\n".join([*(hosted.withdrawn or "").splitlines(), *given_away])
        hosted.earlier = hosted.jws = None


def _given_away(hosted: HostedAssertion) -> list[str]:
    """Ids of the signed forms that hold as long as the award does."""
    own = [] if hosted.jws is None else [v2_model.signed_id(assertion_url(hosted.credential), hosted.salt)]
    return [*(hosted.earlier or "").splitlines(), *own]


def revoked_ids(hosted: HostedAssertion) -> list[str]:
    """Return the ids of signed forms that do not hold any more."""
    is_over = hosted.credential.award.state is AwardState.REVOKED
    return [*(hosted.withdrawn or "").splitlines(), *(_given_away(hosted) if is_over else [])]


def _newest(credential: Credential) -> CredentialVersion | None:
    signed = [one for one in credential.versions if one.state is VersionState.ISSUED]
    return signed[-1] if signed else None


def _get(session: Session, public_id: str) -> HostedAssertion:
    hosted = session.scalar(
        select(HostedAssertion)
        .join(Credential, Credential.id == HostedAssertion.credential_id)
        .where(Credential.public_id == public_id)
    )
    if hosted is None:
        raise NotFoundError("There is no such assertion.")
    return hosted


def _award(session: Session, hosted: HostedAssertion) -> v2_model.Award:
    award = hosted.credential.award
    version, url = award.achievement_version, assertion_url(hosted.credential)
    return v2_model.Award(
        hosted_url=url,
        issuer=issuer_value(award.achievement.issuer_profile),
        achievement=achievement_card(session, award.achievement, version),
        version=version.number,
        recipient=HashedEmail(email=hosted.email, salt=hosted.salt),
        issued_on=format_time(award.offered_at),
        expires=format_time(award.valid_until) if award.valid_until else None,
        image_url=url.removesuffix(".json") + ".png",
    )


def _text(document: JsonObject) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _record(session: Session, credential: Credential, action: str, now: datetime) -> None:
    audit.record(
        session,
        action,
        actor=f"user:{credential.award.user_id}",
        subject=f"credential:{credential.id}",
        organization_id=credential.award.achievement.issuer_profile.organization_id,
        now=now,
    )
