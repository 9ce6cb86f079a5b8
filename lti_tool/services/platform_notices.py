"""Notices of platforms (Platform Notification Service 1.0): asking for them, and doing what they are about, once.

A launch teaches where handlers are set; a job sets them. A platform that refuses is asked again a day later. The id of
a notice, unique in its deployment, is what guards against acting twice: platforms may deliver again, and whoever saw a
notice might send it again while it is fresh.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.lti.notices import HANDLED, OLDEST, VerifiedNotice
from lti_tool.models import Deployment, DeploymentState, Lease, PlatformNotice, Registration
from lti_tool.services import audit, copy_proposals
from lti_tool.services.copy_proposals import NoticedCourse
from lti_tool.services.leases import take_lease
from lti_tool.services.upsert import insert_once

AGAIN_AFTER = timedelta(days=1)
LEASES = "notices:"
KEPT = 7 * OLDEST
"""How long the id of a notice is remembered: well beyond the time in which it would be taken again."""


@dataclass(frozen=True, slots=True)
class WantedHandlers:
    """Where to set which handlers: of a deployment, detached from any transaction."""

    registration: Registration
    service_url: str
    notice_types: tuple[str, ...]


def receive(session: Session, notices: Iterable[VerifiedNotice], now: datetime) -> int:
    """Store notices and do what they are about; those known already change nothing. Returns how many were new."""
    new = 0
    for notice in notices:
        deployment = session.get_one(Deployment, notice.deployment_row_id)
        stored = insert_once(
            session,
            PlatformNotice,
            ["deployment_id", "notice_id"],
            deployment_id=deployment.id,
            notice_id=notice.notice_id,
            notice_type=notice.notice_type,
            received_at=now,
        )
        if stored is None:
            continue
        new += 1
        if notice.copy is not None:
            course = NoticedCourse(notice.copy.platform_id, notice.copy.title, notice.copy.label)
            copy_proposals.propose_by_notice(session, deployment, course, notice.copy.origin_ids, now)
        audit.record(
            session,
            "notice.received",
            actor="platform",
            subject=f"deployment:{deployment.id}",
            organization_id=deployment.organization_id,
            payload={"type": notice.notice_type},
            now=now,
        )
    return new


def sweep(session: Session, now: datetime) -> None:
    """Forget notices that are too old to be taken again, whoever would send them (``lti.notices.OLDEST``)."""
    session.execute(delete(PlatformNotice).where(PlatformNotice.received_at < now - KEPT))


def due(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Return the deployments for which notices are still to be asked for."""
    held = set(session.scalars(select(Lease.name).where(Lease.name.startswith(LEASES), Lease.until >= now)))
    offered = (
        select(Deployment)
        .join(Registration, Registration.id == Deployment.registration_id)
        .where(Deployment.notice_service_url.is_not(None), Deployment.state == DeploymentState.ACTIVE)
        .where(Registration.disabled_at.is_(None))
        .order_by(Deployment.id)
    )
    found = (one.id for one in session.scalars(offered) if _missing(one) and _lease(one) not in held)
    return list(found)[:limit]


def begin_asking(session: Session, deployment_row_id: int, now: datetime) -> WantedHandlers | None:
    """Return what to ask for; ``None`` when nothing is, or somebody asks or asked a short while ago."""
    deployment = session.get(Deployment, deployment_row_id)
    if deployment is None or deployment.notice_service_url is None or not _missing(deployment):
        return None
    if not take_lease(session, _lease(deployment), secrets.token_hex(8), now, AGAIN_AFTER):
        return None
    return WantedHandlers(deployment.registration, deployment.notice_service_url, _missing(deployment))


def handlers_set(
    session: Session, deployment_row_id: int, wanted: WantedHandlers, done: Iterable[str], now: datetime
) -> None:
    """Remember which notices will come, unless the deployment learned another address meanwhile."""
    deployment = session.get_one(Deployment, deployment_row_id)
    done = sorted(done)
    if deployment.notice_service_url != wanted.service_url or not done:
        return
    deployment.notice_types = sorted({*deployment.notice_types, *done})
    audit.record(
        session,
        "notice_handlers.set",
        actor="job",
        subject=f"deployment:{deployment.id}",
        organization_id=deployment.organization_id,
        payload={"types": done},
        now=now,
    )


def _missing(deployment: Deployment) -> tuple[str, ...]:
    return tuple(one for one in HANDLED if one not in deployment.notice_types)


def _lease(deployment: Deployment) -> str:
    """The name under which asking at one address is done once a day at most."""
    address = hashlib.sha256((deployment.notice_service_url or "").encode()).hexdigest()
    return f"{LEASES}{deployment.id}:{address[:16]}"
