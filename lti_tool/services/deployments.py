"""Platforms as an admin sees them: registrations with their deployments, and which deployments are served."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Deployment, DeploymentState, LaunchSession, LoginState, Organization, Registration
from lti_tool.services import audit
from lti_tool.services.secrets import secret_hash

_HOST = re.compile(r"[a-z0-9.:_-]+")
"""A host as a header can name it: ASCII, lower case; with colons an IPv6 address."""


@dataclass(frozen=True, slots=True)
class DeploymentEntry:
    """One deployment of a platform; ``id`` is ours, ``deployment_id`` the platform's."""

    id: int
    deployment_id: str
    organization_name: str
    state: DeploymentState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """One registration with its deployments, the oldest first."""

    id: int
    name: str
    issuer: str
    client_id: str
    product: str | None
    is_disabled: bool
    deployments: tuple[DeploymentEntry, ...]


def list_platforms(session: Session) -> list[PlatformEntry]:
    """Return every registration, by name."""
    by_registration: dict[int, list[DeploymentEntry]] = {}
    rows = session.execute(
        select(Deployment, Organization.name)
        .join(Organization, Organization.id == Deployment.organization_id)
        .order_by(Deployment.id)
    )
    for one, organization_name in rows:
        entry = DeploymentEntry(one.id, one.deployment_id, organization_name, one.state, one.created_at)
        by_registration.setdefault(one.registration_id, []).append(entry)
    return [
        PlatformEntry(
            id=one.id,
            name=one.name,
            issuer=one.issuer,
            client_id=one.client_id,
            product=one.product,
            is_disabled=one.disabled_at is not None,
            deployments=tuple(by_registration.get(one.id, ())),
        )
        for one in session.scalars(select(Registration).order_by(Registration.name))
    ]


def accept(session: Session, deployment_row_id: int, *, actor: str, now: datetime) -> Deployment:
    """Serve the launches of a deployment from now on; one that was refused can be accepted later.

    Raises ``NotFoundError``, or ``ConflictError`` (``deployment_decided``) when it is served already.
    """
    before = (DeploymentState.PENDING, DeploymentState.DISABLED)
    return _decide(session, deployment_row_id, before, DeploymentState.ACTIVE, "deployment.accepted", actor, now)


def refuse(session: Session, deployment_row_id: int, *, actor: str, now: datetime) -> Deployment:
    """Refuse the launches of a deployment that waits for a decision.

    Raises ``NotFoundError``, or ``ConflictError`` (``deployment_decided``) when somebody decided before.
    """
    before = (DeploymentState.PENDING,)
    return _decide(session, deployment_row_id, before, DeploymentState.DISABLED, "deployment.refused", actor, now)


def _decide(
    session: Session,
    deployment_row_id: int,
    before: Iterable[DeploymentState],
    after: DeploymentState,
    action: str,
    actor: str,
    now: datetime,
) -> Deployment:
    """Change the state in one statement, so that of two admins at the same time one decides."""
    changed = session.execute(
        update(Deployment)
        .where(Deployment.id == deployment_row_id, Deployment.state.in_(before))
        .values(state=after)
        .returning(Deployment.id)
    ).one_or_none()
    deployment = session.get(Deployment, deployment_row_id, populate_existing=True)
    if deployment is None:
        raise NotFoundError("There is no such deployment.")
    if changed is None:
        raise ConflictError(f"The deployment is {deployment.state} already.", code="deployment_decided")
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"deployment:{deployment.id}",
        organization_id=deployment.organization_id,
        now=now,
    )
    return deployment


def find_platform_origins(session: Session, *, state: str = "", issuer: str = "", client_id: str = "") -> list[str]:
    """Return the origins from which a platform may show a refused launch: of its issuer, its login address, and
    those its last launch taught us.

    The platform is found by the login's ``state``, else by ``issuer`` and ``client_id`` (empty: any of the issuer).
    All three may come from an unverified request: only registered platforms are ever returned.
    """
    wanted = select(Registration)
    if state:
        wanted = wanted.join(LoginState, LoginState.registration_id == Registration.id)
        wanted = wanted.where(LoginState.state_hash == secret_hash(state))
    else:
        wanted = wanted.where(Registration.issuer == issuer)
        if client_id:
            wanted = wanted.where(Registration.client_id == client_id)
    registration = session.scalars(wanted.order_by(Registration.id).limit(1)).one_or_none()
    if registration is None:
        return []
    learned = session.scalars(
        select(LaunchSession.frame_ancestors)
        .join(Deployment, Deployment.id == LaunchSession.deployment_id)
        .where(Deployment.registration_id == registration.id)
        .order_by(LaunchSession.id.desc())
        .limit(1)
    ).one_or_none()
    known = [origin_of(registration.issuer), origin_of(registration.auth_login_url), *(learned or [])]
    return sorted({origin for origin in known if origin})


def origin_of(url: str) -> str | None:
    """Return ``scheme://host[:port]`` of an http(s) address, ``None`` for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or not _HOST.fullmatch(host):
        return None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
