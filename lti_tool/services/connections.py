"""A learner's backpacks side by side: those they can choose, those they are connected to, and what is in each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    AchievementVersion,
    Award,
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    VersionState,
)
from lti_tool.services import delivery
from lti_tool.services.backpacks import connections_of, offered_hosts

CURED_BY_CONNECTING = frozenset(
    {
        "backpack_consent_needed",
        "backpack_scope_missing",
        "backpack_client_unknown",
        "backpack_disconnected",
        "recipient_mismatch",
    }
)
"""Reasons of failed deliveries that may be gone once the learner connected again, perhaps with another account."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed badge of the learner's, and its newest delivery to one backpack, if there is one."""

    credential: Credential
    name: str
    delivery: Delivery | None

    @property
    def is_there(self) -> bool:
        """Whether it arrived in the backpack the learner is connected to now."""
        return self.delivery is not None and delivery.is_there(self.delivery)

    @property
    def is_under_way(self) -> bool:
        """Whether it waits or is being sent."""
        return self.delivery is not None and self.delivery.state in {DeliveryState.QUEUED, DeliveryState.SENDING}


@dataclass(frozen=True, slots=True)
class Shelf:
    """One backpack with the learner's badges."""

    host: BackpackHost
    connection: BackpackConnection | None
    badges: tuple[Kept, ...]

    @property
    def is_connected(self) -> bool:
        """Whether badges can be sent without asking the learner again."""
        return self.connection is not None and self.connection.state is ConnectionState.ACTIVE

    @property
    def to_send(self) -> tuple[Kept, ...]:
        """What is neither there nor under way."""
        return tuple(one for one in self.badges if not one.is_there and not one.is_under_way)


def shelves(session: Session, user_id: int) -> list[Shelf]:
    """Return every backpack that is offered, and every other one the learner is connected to, by name."""
    connections = connections_of(session, user_id)
    hosts = {host.id: host for host in offered_hosts(session)}
    hosts |= {host_id: one.host for host_id, one in connections.items()}
    badges, sent = _signed_badges(session, user_id), _newest_deliveries(session, user_id)
    return [
        Shelf(
            host=host,
            connection=connections.get(host.id),
            badges=tuple(Kept(one, name, sent.get((host.id, one.id))) for one, name in badges),
        )
        for host in sorted(hosts.values(), key=lambda one: one.name.casefold())
    ]


def send_all(
    session: Session, user_id: int, host_id: int, now: datetime, *, only: Collection[int] | None = None
) -> list[int]:
    """Queue every badge that is not in a backpack yet, or those of ``only``; returns the deliveries.

    Badges named in ``only`` are sent again although they are there: the host is looked at first. Raises
    ``NotFoundError`` for a backpack the learner is not connected to, and for a badge of somebody else's.
    """
    found = next((one for one in shelves(session, user_id) if one.host.id == host_id), None)
    if found is None or found.connection is None:
        raise NotFoundError("You are not connected to this backpack.")
    wanted = found.to_send
    if only is not None:
        wanted = tuple(one for one in found.badges if one.credential.id in only)
        if len(wanted) != len(set(only)):
            raise NotFoundError("There is no such badge of yours.")
    return [
        delivery.queue_delivery(session, one.credential, found.connection, now, again=only is not None)
        for one in wanted
        if not one.is_under_way
    ]


def resume(session: Session, connection: BackpackConnection, now: datetime) -> list[int]:
    """Try anew what a missing consent, or another account, kept back; returns the deliveries."""
    kept_back = session.scalars(
        select(Delivery).where(
            Delivery.connection_id == connection.id,
            Delivery.state == DeliveryState.FAILED,
            Delivery.error_code.in_(CURED_BY_CONNECTING),
        )
    )
    for one in kept_back:
        one.state, one.due_at, one.error_code = DeliveryState.QUEUED, now, None
        one.attempts = 1
    session.flush()
    due = select(Delivery.id).where(Delivery.connection_id == connection.id, Delivery.state == DeliveryState.QUEUED)
    return list(session.scalars(due.order_by(Delivery.id)))


def _signed_badges(session: Session, user_id: int) -> list[tuple[Credential, str]]:
    is_signed = exists().where(
        CredentialVersion.credential_id == Credential.id, CredentialVersion.state == VersionState.ISSUED
    )
    rows = session.execute(
        select(Credential, AchievementVersion.name)
        .join(Award, Award.id == Credential.award_id)
        .join(AchievementVersion, AchievementVersion.id == Award.achievement_version_id)
        .where(Award.user_id == user_id, Award.state == AwardState.CLAIMED, is_signed)
        .order_by(Credential.id.desc())
    )
    return [(credential, name) for credential, name in rows]


def _newest_deliveries(session: Session, user_id: int) -> dict[tuple[int, int], Delivery]:
    """The newest delivery of each badge to each backpack, by (host id, credential id)."""
    own = (
        select(BackpackConnection.host_id, CredentialVersion.credential_id, Delivery)
        .join(CredentialVersion, CredentialVersion.id == Delivery.credential_version_id)
        .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
        .where(BackpackConnection.user_id == user_id, Delivery.purpose == DeliveryPurpose.PUT)
        .order_by(Delivery.id)
    )
    return {(host_id, credential_id): one for host_id, credential_id, one in session.execute(own)}
