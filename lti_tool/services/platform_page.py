"""One platform as its admin sees it: how far installing has come, how it fares, which keys sign towards it.

Each line of the checklist is met, not met, or unknown where the platform never told; what it told last counts: the
newest launch before the registration's answer.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.verdict import Verdict
from lti_tool.lti.tool_configuration import DEEP_LINKING_REQUEST, SCOPES
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    Organization,
    PlatformInvite,
    Registration,
    RegistrationHealth,
    ToolKey,
    ToolKeyState,
)
from lti_tool.services.deployments import DeploymentEntry
from lti_tool.services.registrations import get_by_id


class Step(enum.StrEnum):
    """What has to be true before badges can be earned, in the order in which it comes true."""

    REGISTERED = "registered"
    ACTIVATED = "activated"
    """A deployment is accepted."""
    LAUNCHED = "launched"
    GRADES = "grades"
    ROSTER = "roster"
    DEEP_LINKING = "deep_linking"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the checklist; ``at``: since when it is true. ``lacking``: scopes, as URIs, that are not granted."""

    step: Step
    verdict: Verdict
    at: datetime | None = None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was last heard of a platform; ``None`` for what never happened."""

    launched_at: datetime | None = None
    clock_skew_seconds: int | None = None
    token_at: datetime | None = None
    token_scopes: tuple[str, ...] = ()
    service_at: datetime | None = None
    failed_at: datetime | None = None
    failed_code: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last thing heard is a failure."""
        heard = [one for one in (self.token_at, self.service_at) if one is not None]
        return self.failed_at is not None and all(one < self.failed_at for one in heard)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One of this tool's keys; private halves stay where they are."""

    kid: str
    state: ToolKeyState
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformPage:
    """Everything on a platform's page. ``details`` as in ``Registration.details``."""

    registration: Registration
    details: dict[str, Any]
    deployments: tuple[DeploymentEntry, ...]
    lines: tuple[Line, ...]
    health: Health
    successor: Registration | None
    predecessors: tuple[Registration, ...]
    renewal_until: datetime | None
    """Until when an open renewal link is good."""


def find_page(session: Session, registration_id: int, now: datetime) -> PlatformPage:
    """Return a platform's page; raises ``NotFoundError`` (``platform_not_found``)."""
    registration = get_by_id(session, registration_id)
    health = find_health(session, registration.id)
    deployments = _deployments(session, registration.id)
    before = select(Registration).where(Registration.successor_id == registration.id).order_by(Registration.name)
    renewal = select(PlatformInvite.expires_at).where(
        PlatformInvite.registration_id == registration.id,
        PlatformInvite.used_at.is_(None),
        PlatformInvite.expires_at > now,
    )
    return PlatformPage(
        registration=registration,
        details=registration.details or {},
        deployments=deployments,
        lines=tuple(_lines(session, registration, deployments, health)),
        health=health,
        successor=session.get(Registration, registration.successor_id) if registration.successor_id else None,
        predecessors=tuple(session.scalars(before)),
        renewal_until=session.scalar(renewal.order_by(PlatformInvite.id.desc()).limit(1)),
    )


def find_health(session: Session, registration_id: int) -> Health:
    """Return what was last heard of a registration's platform."""
    row = session.get(RegistrationHealth, registration_id)
    if row is None:
        return Health()
    return Health(
        launched_at=row.launched_at,
        clock_skew_seconds=row.clock_skew_seconds,
        token_at=row.token_at,
        token_scopes=tuple(row.token_scopes),
        service_at=row.service_at,
        failed_at=row.failed_at,
        failed_code=row.failed_code,
    )


def list_tool_keys(session: Session) -> list[KeyEntry]:
    """Return this tool's keys towards platforms, the newest first."""
    found = session.scalars(select(ToolKey).order_by(ToolKey.id.desc()))
    return [KeyEntry(one.kid, one.state, one.created_at, one.retired_at) for one in found]


def _deployments(session: Session, registration_id: int) -> tuple[DeploymentEntry, ...]:
    rows = session.execute(
        select(Deployment, Organization.name)
        .join(Organization, Organization.id == Deployment.organization_id)
        .where(Deployment.registration_id == registration_id)
        .order_by(Deployment.id)
    )
    return tuple(DeploymentEntry(one.id, one.deployment_id, name, one.state, one.created_at) for one, name in rows)


def _lines(
    session: Session, registration: Registration, deployments: Collection[DeploymentEntry], health: Health
) -> list[Line]:
    accepted = [one.created_at for one in deployments if one.state is DeploymentState.ACTIVE]
    launched_at = health.launched_at or _course_launched_at(session, registration.id)
    return [
        Line(Step.REGISTERED, Verdict.MET, registration.created_at),
        Line(Step.ACTIVATED, Verdict.MET if accepted else Verdict.NOT_MET, min(accepted, default=None)),
        Line(Step.LAUNCHED, Verdict.MET if launched_at else Verdict.NOT_MET, launched_at),
        _grades(session, registration),
        _roster(session, registration),
        _deep_linking(registration),
    ]


def _course_launched_at(session: Session, registration_id: int) -> datetime | None:
    newest = select(Context.launched_at).join(Deployment).where(Deployment.registration_id == registration_id)
    return session.scalar(newest.order_by(Context.launched_at.desc()).limit(1))


def _grades(session: Session, registration: Registration) -> Line:
    """Columns and results: what the newest launch with a gradebook granted, else what registering granted."""
    newest = (
        select(Context.ags_scopes)
        .join(Deployment)
        .where(Deployment.registration_id == registration.id, Context.line_items_url.is_not(None))
    )
    learned = session.scalar(newest.order_by(Context.launched_at.desc(), Context.id.desc()).limit(1))
    granted = registration.scopes if learned is None else learned
    if granted is None:
        return Line(Step.GRADES, Verdict.UNKNOWN)
    lacking = [SCOPES["result.readonly"]] if SCOPES["result.readonly"] not in granted else []
    if {SCOPES["lineitem.readonly"], SCOPES["lineitem"]}.isdisjoint(granted):
        lacking.append(SCOPES["lineitem.readonly"])
    return _line(Step.GRADES, lacking)


def _roster(session: Session, registration: Registration) -> Line:
    wanted = SCOPES["contextmembership.readonly"]
    if registration.scopes is not None:
        return _line(Step.ROSTER, [] if wanted in registration.scopes else [wanted])
    named = select(Context.id).join(Deployment).where(Deployment.registration_id == registration.id)
    with_address = named.where(Context.memberships_url.is_not(None))
    if session.scalar(with_address.limit(1)) is not None:
        return _line(Step.ROSTER, [])
    return (
        Line(Step.ROSTER, Verdict.UNKNOWN) if session.scalar(named.limit(1)) is None else _line(Step.ROSTER, [wanted])
    )


def _deep_linking(registration: Registration) -> Line:
    messages = (registration.details or {}).get("messages")
    if messages is None:
        return Line(Step.DEEP_LINKING, Verdict.UNKNOWN)
    return Line(Step.DEEP_LINKING, Verdict.MET if DEEP_LINKING_REQUEST in messages else Verdict.NOT_MET)


def _line(step: Step, lacking: list[str]) -> Line:
    return Line(step, Verdict.NOT_MET if lacking else Verdict.MET, lacking=tuple(lacking))
