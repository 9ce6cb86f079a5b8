"""What a backpack that a learner let in may collect: their claimed badges, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import ToolError
from lti_tool.models import Award, Credential, CredentialVersion, VersionState
from lti_tool.services import second_face


@dataclass(frozen=True, slots=True)
class Page:
    """One page of ``total`` badges: signed documents as text, letter by letter as they are served."""

    total: int
    documents: tuple[str, ...]
    signed: tuple[str, ...] = ()


def credentials_page(session: Session, user_id: int, since: datetime | None, offset: int, limit: int) -> Page:
    """Return a page of Open Badges 3.0 credentials signed after ``since``."""
    found = _versions(user_id, since)
    versions = session.scalars(_page(found, offset, limit)).all()
    return Page(_count(session, found), tuple(one.document for one in versions if one.document is not None))


def assertions_page(
    session: Session, user_id: int, since: datetime | None, offset: int, limit: int, now: datetime
) -> Page:
    """Return a page of Open Badges 2.0 assertions, whose hosted face this makes if need be.

    A badge that cannot have one (its learner has no e-mail address or took it out, its issuer has none) is left out.
    """
    found = _versions(user_id, since)
    documents = []
    for version in session.scalars(_page(found, offset, limit)):
        try:
            second_face.ensure_hosted(session, version.credential, None, now, restores=False)
            hosted = second_face.hosted_document(session, version.credential.public_id)
        except ToolError:
            continue
        documents.append(hosted.text)
    return Page(_count(session, found), tuple(documents))


def _versions(user_id: int, since: datetime | None) -> Select[CredentialVersion]:
    """The newest signed copy of each claimed badge; what was revoked or suspended is given to nobody anew."""
    newest = (
        select(func.max(CredentialVersion.number))
        .where(CredentialVersion.credential_id == Credential.id, CredentialVersion.state == VersionState.ISSUED)
        .correlate(Credential)
        .scalar_subquery()
    )
    found = (
        select(CredentialVersion)
        .join(Credential, Credential.id == CredentialVersion.credential_id)
        .join(Award, Award.id == Credential.award_id)
        .where(Award.user_id == user_id, Award.state == AwardState.CLAIMED)
        .where(CredentialVersion.state == VersionState.ISSUED, CredentialVersion.number == newest)
    )
    return found if since is None else found.where(CredentialVersion.issued_at > since)


def _page(found: Select[CredentialVersion], offset: int, limit: int) -> Select[CredentialVersion]:
    return found.order_by(CredentialVersion.issued_at.desc(), CredentialVersion.id.desc()).offset(offset).limit(limit)


def _count(session: Session, found: Select[CredentialVersion]) -> int:
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0
