"""The moves behind *adopt*: people, courses and the institution go from one registration to its successor.

Of two rows that are the same person or course, the earlier registration's stays, since badges, claims and evidence hang
on it; what the later one learned moves over to it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, select, update
from sqlalchemy.orm import Session

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import (
    Award,
    AwardRun,
    BackpackConnection,
    Base,
    ConnectionState,
    Context,
    Credential,
    Deployment,
    DeploymentState,
    Fact,
    Membership,
    Observation,
    Review,
    ReviewState,
    RunKind,
    RunState,
    SyncRun,
    SyncState,
    User,
)
from lti_tool.services.merging import BATCH, Choose, Merger

STAYS_WITH_ORGANIZATION = ("audit_event", "audit_head", "issuer_profile")
"""What is sealed under an organization, or proves its seals and signatures, is not moved to another."""
ADOPTED = "adopted"
_OPEN_RUNS = (SyncState.REQUESTED, SyncState.RUNNING)
_LEARNED = (
    "title",
    "label",
    "line_items_url",
    "ags_scopes",
    "memberships_url",
    "differences_url",
    "groups_url",
    "group_sets_url",
    "launched_at",
)
"""Columns of a course that say what launches of the registration in use taught; the successor's hold."""
_FORGOTTEN: Mapping[str, Any] = {
    "line_items_url": None,
    "ags_scopes": [],
    "memberships_url": None,
    "differences_url": None,
    "groups_url": None,
    "group_sets_url": None,
}
"""Addresses of a course that was not opened through the successor yet: they belong to the old client."""
_RANKS = (
    AwardState.CLAIMED,
    AwardState.REVOKED,
    AwardState.SUSPENDED,
    AwardState.OFFERED,
    AwardState.HELD,
    AwardState.DECLINED,
    AwardState.LAPSED,
)
"""Which of two awards for the same stays: the claimed one; what a person decided goes before what is still open."""


def take_people(session: Session, old_id: int, new_id: int, pairs: Mapping[int, int], now: datetime) -> None:
    """Give the old registration's users to the new one; ``pairs``: new user to old user for who is known to both."""
    for gone, kept in pairs.items():
        later, earlier = session.get_one(User, gone), session.get_one(User, kept)
        earlier.name, earlier.email = later.name or earlier.name, later.email or earlier.email
    session.flush()
    _settle_reviews(session, pairs, now)
    Merger(session, _CHOICES).merge(_table(User), pairs)
    session.execute(update(User).where(User.registration_id == old_id).values(registration_id=new_id))
    session.expire_all()


def take_courses(session: Session, old_id: int, new_id: int, pairs: Mapping[int, int], now: datetime) -> None:
    """Give the old registration's courses to the new one's deployments; ``pairs``: new course to old course."""
    learned = {
        kept: {name: getattr(session.get_one(Context, gone), name) for name in (*_LEARNED, "deployment_id")}
        for gone, kept in pairs.items()
    }
    _settle_runs(session, pairs, now)
    Merger(session, _CHOICES).merge(_table(Context), pairs)
    session.expire_all()
    target = _main_deployment(session, new_id, [one["deployment_id"] for one in learned.values()])
    moving = select(Context).join(Deployment).where(Deployment.registration_id == old_id)
    for context in session.scalars(moving).all():
        for name, value in (learned.get(context.id) or {**_FORGOTTEN, "deployment_id": target}).items():
            setattr(context, name, value)
        context.evaluation_wanted += 1
    session.flush()


def take_organization(session: Session, new: int, old: list[int]) -> None:
    """Let the new registration belong to the old one's institution; the institution made for it stays, without work."""
    if old in ([], [new]):
        return
    (kept,) = old
    Merger(session, _CHOICES).move_references(
        Base.metadata.tables["organization"], {new: kept}, except_tables=STAYS_WITH_ORGANIZATION
    )
    session.expire_all()


def _main_deployment(session: Session, registration_id: int, seen: list[int]) -> int:
    """Return where courses go that the new registration does not know: the deployment that has most of the others."""
    active = session.scalars(
        select(Deployment.id)
        .where(Deployment.registration_id == registration_id, Deployment.state == DeploymentState.ACTIVE)
        .order_by(Deployment.id)
    ).all()
    return max(active, key=seen.count)


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]


# -- what partial unique indexes would refuse -------------------------------------------------------------------------


def _settle_reviews(session: Session, pairs: Mapping[int, int], now: datetime) -> None:
    """Of two open reviews of the same, the later registration's is settled."""
    for gone, kept in pairs.items():
        other = (
            select(Review.achievement_id, Review.kind)
            .where(Review.user_id == kept, Review.state == ReviewState.OPEN)
            .subquery()
        )
        session.execute(
            update(Review)
            .where(
                Review.user_id == gone,
                Review.state == ReviewState.OPEN,
                select(other)
                .where(other.c.achievement_id == Review.achievement_id, other.c.kind == Review.kind)
                .exists(),
            )
            .values(state=ReviewState.SETTLED, decided_by=ADOPTED, decided_at=now)
        )


def _settle_runs(session: Session, pairs: Mapping[int, int], now: datetime) -> None:
    """A reading under way in the later registration ends, and a held run there is dismissed: both will come again."""
    ids = list(pairs)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        session.execute(
            update(SyncRun)
            .where(SyncRun.context_id.in_(batch), SyncRun.state.in_(_OPEN_RUNS))
            .values(state=SyncState.FAILED, finished_at=now, lease_until=None, error_code=ADOPTED)
        )
        session.execute(
            update(AwardRun)
            .where(
                AwardRun.context_id.in_(batch),
                AwardRun.state == RunState.HELD,
                AwardRun.kind == RunKind.EVALUATION,
            )
            .values(state=RunState.DISMISSED, decided_by=ADOPTED, decided_at=now)
        )


# -- which of two rows stays ------------------------------------------------------------------------------------------


def _better_award(session: Session, there: int, moving: int) -> int | None:
    """The claimed one stays. One that was signed stays whatever the other is: its status list speaks for its award.
    Two that were signed both stay, since each credential is good for ever; the second gets an occasion of its own."""
    awards = {one.id: one for one in session.scalars(select(Award).where(Award.id.in_([there, moving])))}
    signed = set(session.scalars(select(Credential.award_id).where(Credential.award_id.in_([there, moving]))))
    order = sorted(awards.values(), key=lambda one: (one.id not in signed, _RANKS.index(one.state), one.id != there))
    first, second = order
    if len(signed) != 2:
        return first.id
    second.occasion = f"{ADOPTED} {second.id}"
    session.flush()
    return None


def _newer_fact(session: Session, there: int, moving: int) -> int:
    moment = func.coalesce(Observation.source_updated_at, Observation.fetched_at)
    found = select(Fact.id).join(Observation, Observation.id == Fact.observation_id)
    newest = found.where(Fact.id.in_([there, moving])).order_by(moment.desc(), Fact.id).limit(1)
    return session.scalars(newest).one()


def _later_membership(session: Session, there: int, moving: int) -> int:
    newest = select(Membership.id).where(Membership.id.in_([there, moving]))
    return session.scalars(newest.order_by(Membership.seen_at.desc(), Membership.id).limit(1)).one()


def _working_connection(session: Session, there: int, moving: int) -> int:
    second = session.get_one(BackpackConnection, moving)
    works = session.get_one(BackpackConnection, there).state is ConnectionState.ACTIVE
    return moving if second.state is ConnectionState.ACTIVE and not works else there


_CHOICES: Mapping[str, Choose] = {
    "award": _better_award,
    "fact": _newer_fact,
    "membership": _later_membership,
    "backpack_connection": _working_connection,
}
