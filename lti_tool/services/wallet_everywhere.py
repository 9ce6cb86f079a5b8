"""A learner's badges in all courses of one platform, and where they went."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementVersion,
    Award,
    BackpackConnection,
    Context,
    Credential,
    CredentialVersion,
    Delivery,
    IssuerProfile,
    Review,
    ReviewState,
    Share,
    VersionState,
)
from lti_tool.services.explaining import award_state
from lti_tool.services.notices import is_withdrawn


@dataclass(frozen=True, slots=True)
class HeldBadge:
    """One award as its learner sees it outside a course. ``state``: a key of the looks of states.

    ``deliveries``: the newest to each backpack. ``credential``: once it was claimed; its page is open to others while
    ``is_shared``, its document can be downloaded once ``is_signed``.
    """

    award: Award
    name: str
    issuer_name: str
    course: str | None
    context_id: int | None
    state: str
    credential: Credential | None
    is_shared: bool
    is_signed: bool
    deliveries: tuple[Delivery, ...]


def all_badges(session: Session, user_id: int, now: datetime) -> list[HeldBadge]:
    """Return everything offered to or claimed by a user, newest first. Reading only."""
    rows = session.execute(
        select(Award, AchievementVersion.name, IssuerProfile.name, Context.id, Context.title, Credential)
        .join(AchievementVersion, AchievementVersion.id == Award.achievement_version_id)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .join(IssuerProfile, IssuerProfile.id == Achievement.issuer_profile_id)
        .outerjoin(Context, Context.id == Achievement.context_id)
        .outerjoin(Credential, Credential.award_id == Award.id)
        .where(Award.user_id == user_id)
        .order_by(Award.changed_at.desc(), Award.id.desc())
    ).all()
    shared, signed = _shared(session, user_id), _signed(session, user_id)
    deliveries, reviews = _deliveries(session, user_id), _open_reviews(session, user_id)
    return [
        HeldBadge(
            award=award,
            name=name,
            issuer_name=issuer,
            course=title,
            context_id=context_id,
            state=award_state(award, tuple(reviews.get(award.id, ())), now),
            credential=credential,
            is_shared=credential is not None and credential.id in shared,
            is_signed=credential is not None and credential.id in signed,
            deliveries=() if credential is None else tuple(deliveries.get(credential.id, {}).values()),
        )
        for award, name, issuer, context_id, title, credential in rows
        if award.state is not AwardState.HELD or is_withdrawn(session, award.id)
    ]


def get_own_credential(session: Session, user_id: int, credential_id: int) -> Credential:
    """Return a user's own credential, of whatever course; raises ``NotFoundError``, also for somebody else's."""
    credential = session.get(Credential, credential_id)
    if credential is None or credential.award.user_id != user_id:
        raise NotFoundError("There is no such badge of yours.")
    return credential


def _shared(session: Session, user_id: int) -> set[int]:
    own = select(Share.credential_id).join(Credential, Credential.id == Share.credential_id)
    own = own.join(Award, Award.id == Credential.award_id)
    return set(session.scalars(own.where(Award.user_id == user_id, Share.withdrawn_at.is_(None))))


def _signed(session: Session, user_id: int) -> set[int]:
    own = select(CredentialVersion.credential_id).join(Credential).join(Award, Award.id == Credential.award_id)
    return set(session.scalars(own.where(Award.user_id == user_id, CredentialVersion.state == VersionState.ISSUED)))


def _deliveries(session: Session, user_id: int) -> dict[int, dict[int, Delivery]]:
    """The newest delivery of each credential to each backpack."""
    own = (
        select(CredentialVersion.credential_id, Delivery)
        .join(CredentialVersion, CredentialVersion.id == Delivery.credential_version_id)
        .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
        .where(BackpackConnection.user_id == user_id)
        .options(joinedload(Delivery.connection).joinedload(BackpackConnection.host))
        .order_by(Delivery.id)
    )
    found: dict[int, dict[int, Delivery]] = {}
    for credential_id, delivery in session.execute(own):
        found.setdefault(credential_id, {})[delivery.connection.host_id] = delivery
    return found


def _open_reviews(session: Session, user_id: int) -> dict[int | None, list[Review]]:
    found: dict[int | None, list[Review]] = {}
    for review in session.scalars(
        select(Review).where(Review.user_id == user_id, Review.state == ReviewState.OPEN).order_by(Review.id)
    ):
        found.setdefault(review.award_id, []).append(review)
    return found
