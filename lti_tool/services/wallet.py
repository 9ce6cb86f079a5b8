"""What a learner has: what is offered, the badges they claimed, where those went, who may see them.

How they stand in a course is in ``course_wallet``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    AchievementState,
    AchievementVersion,
    Award,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    Item,
    Share,
    VersionState,
)
from lti_tool.services import audit
from lti_tool.services.achievements import aligned_items, course_achievements
from lti_tool.services.awarding import standings, version_to_claim
from lti_tool.services.backpacks import connections_of, offered_hosts
from lti_tool.services.delivery import deliveries_of, is_there
from lti_tool.services.frameworks import course_items
from lti_tool.services.notices import is_withdrawn


def course_titles(session: Session, context_id: int) -> dict[str, str]:
    """Return statements of skills by identifier and names of badges by public id, as rules name them."""
    titles = {item.identifier: item.full_statement for item in course_items(session, context_id)}
    for achievement in course_achievements(session, context_id):
        if achievement.current_version is not None:
            titles[achievement.public_id] = achievement.current_version.name
    return titles


def open_achievements(session: Session, context_id: int) -> list[AchievementVersion]:
    """Return what can be earned in a course, for somebody the platform did not name."""
    return [
        one.current_version
        for one in course_achievements(session, context_id)
        if one.state is AchievementState.LIVE and one.current_version is not None
    ]


# -- one offer --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """An award before it is claimed, with what the claim would put into the badge.

    ``policy``: how the badge is awarded, as it is stored. ``is_known``: false for an offer that was held before its
    learner saw it.
    """

    award: Award
    version: AchievementVersion
    issuer_name: str
    skills: tuple[Item, ...]
    judgement: Judgement | None
    credential_id: int | None
    email: str | None
    name: str | None
    titles: dict[str, str]
    policy: dict[str, Any]
    is_known: bool


def get_offer(session: Session, context_id: int, user_id: int | None, award_id: int, now: datetime) -> Offer:
    """Return a learner's own award; raises ``NotFoundError``, also for somebody else's."""
    award = session.get(Award, award_id)
    if award is None or award.user_id != user_id or award.achievement.context_id != context_id:
        raise NotFoundError("There is no such badge for you here.")
    standing = next(
        (one for one in standings(session, context_id, award.user_id, now) if one.award and one.award.id == award.id),
        None,
    )
    version_id = version_to_claim(award) if award.state is AwardState.OFFERED else award.achievement_version_id
    return Offer(
        award=award,
        version=session.get_one(AchievementVersion, version_id),
        issuer_name=award.achievement.issuer_profile.name,
        skills=tuple(aligned_items(session, version_id)),
        judgement=standing.judgement if standing else None,
        credential_id=session.scalar(select(Credential.id).where(Credential.award_id == award.id)),
        email=award.user.email,
        name=award.user.name,
        titles=course_titles(session, context_id),
        policy=award.achievement.policy or {},
        is_known=award.state is not AwardState.HELD or is_withdrawn(session, award.id),
    )


# -- one badge --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A backpack, whether the learner is connected to it, and how the badge's delivery there stands."""

    host_id: int
    name: str
    connection: ConnectionState | None
    delivery: Delivery | None

    @property
    def is_connected(self) -> bool:
        """Whether a delivery can be queued without asking the learner again."""
        return self.connection is ConnectionState.ACTIVE

    @property
    def is_there(self) -> bool:
        """Whether the badge arrived in the backpack the learner is connected to now."""
        return self.delivery is not None and is_there(self.delivery)


@dataclass(frozen=True, slots=True)
class Badge:
    """A claimed badge as its learner sees it; ``is_signed`` false while the first copy waits for its signature."""

    credential: Credential
    award: Award
    version: AchievementVersion
    copy: CredentialVersion
    issuer_name: str
    is_signed: bool
    is_shared: bool
    places: tuple[Place, ...]


def get_credential(session: Session, context_id: int, user_id: int | None, credential_id: int) -> Credential:
    """Return a learner's own credential of this course; raises ``NotFoundError``, also for somebody else's."""
    credential = session.get(Credential, credential_id)
    if credential is None or credential.award.user_id != user_id or user_id is None:
        raise NotFoundError("There is no such badge of yours here.")
    if credential.award.achievement.context_id != context_id:
        raise NotFoundError("There is no such badge of yours here.")
    return credential


def get_badge(session: Session, context_id: int, user_id: int | None, credential_id: int) -> Badge:
    """Return a learner's own badge; raises ``NotFoundError``, also for somebody else's."""
    credential = get_credential(session, context_id, user_id, credential_id)
    award = credential.award
    return Badge(
        credential=credential,
        award=award,
        version=award.achievement_version,
        copy=credential.versions[-1],
        issuer_name=award.achievement.issuer_profile.name,
        is_signed=any(one.state is not VersionState.PENDING for one in credential.versions),
        is_shared=is_shared(session, credential.id),
        places=_places(session, credential),
    )


def _places(session: Session, credential: Credential) -> tuple[Place, ...]:
    connections = connections_of(session, credential.award.user_id)
    newest: dict[int, Delivery] = {}
    for delivery in deliveries_of(session, credential.id):
        newest.setdefault(delivery.connection.host_id, delivery)
    hosts = {host.id: host for host in offered_hosts(session)}
    hosts |= {delivery.connection.host_id: delivery.connection.host for delivery in newest.values()}
    return tuple(
        Place(host.id, host.name, connections[host.id].state if host.id in connections else None, newest.get(host.id))
        for host in sorted(hosts.values(), key=lambda one: one.name.casefold())
    )


# -- sharing ----------------------------------------------------------------------------------------------------------


def is_shared(session: Session, credential_id: int) -> bool:
    """Whether the learner lets anybody with the address see the badge's page."""
    found = select(Share.id).where(Share.credential_id == credential_id, Share.withdrawn_at.is_(None)).limit(1)
    return session.scalar(found) is not None


def share(session: Session, credential: Credential, actor: str, now: datetime) -> None:
    """Open the badge's page to whoever has its address; sharing again changes nothing."""
    if not is_shared(session, credential.id):
        session.add(Share(credential_id=credential.id, created_at=now))
        _record(session, "credential.shared", credential, actor, now)


def withdraw(session: Session, credential: Credential, actor: str, now: datetime) -> None:
    """Close the badge's page; copies already given away stay verifiable."""
    closed = session.execute(
        update(Share)
        .where(Share.credential_id == credential.id, Share.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(Share.id)
    ).all()
    if closed:
        _record(session, "credential.share_withdrawn", credential, actor, now)


def _record(session: Session, action: str, credential: Credential, actor: str, now: datetime) -> None:
    profile = credential.award.achievement.issuer_profile
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"credential:{credential.id}",
        organization_id=profile.organization_id,
        now=now,
    )
