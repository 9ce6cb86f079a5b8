"""What the database knows about platforms, as the launch and PyLTI1p3 need it.

A tenant is found by (issuer, client id, deployment id): issuers are shared by all schools of a hosted platform, and
sometimes client ids as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pylti1p3.deployment import Deployment as LibraryDeployment
from pylti1p3.registration import Registration as LibraryRegistration
from pylti1p3.request import Request
from pylti1p3.tool_config.abstract import ToolConfAbstract
from sqlalchemy import Row, bindparam, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.errors import (
    DeploymentDisabledError,
    DeploymentPendingError,
    LaunchRequestError,
    PlatformDisabledError,
    UnknownPlatformError,
)
from lti_tool.lti.quirks import quirks_of
from lti_tool.models import Deployment, DeploymentState, Organization, Registration

REPLACED_DEPLOYMENT = "replaced_deployment"
"""Key in ``Registration.details``: the row of the deployment that the next accepted one takes the place of, when the
registration was renewed with a new client id and the platform did not say what its deployment is called now."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A registration as a login or launch needs it."""

    registration_id: int
    name: str
    issuer: str
    client_id: str
    auth_login_url: str
    key_set_url: str
    product: str | None
    disabled_at: datetime | None

    def require_enabled(self) -> "Platform":
        """Return itself; raises ``PlatformDisabledError`` when an admin disabled the registration."""
        if self.disabled_at is not None:
            raise PlatformDisabledError(f"The platform {self.name} is disabled.")
        return self


@dataclass(frozen=True, slots=True)
class KnownDeployment:
    """A deployment whose launches are served."""

    row_id: int
    organization_id: int


# The columns of ``Platform`` in order; never the key set, which is long and needed once a day.
_COLUMNS = (
    Registration.id,
    Registration.name,
    Registration.issuer,
    Registration.client_id,
    Registration.auth_login_url,
    Registration.key_set_url,
    Registration.product,
    Registration.disabled_at,
)


# Statements of the hot path are built once: building one costs more than running it.
_BY_ID = select(*_COLUMNS).where(Registration.id == bindparam("id"))
_BY_ISSUER = select(*_COLUMNS).where(Registration.issuer == bindparam("issuer"))
_BY_CLIENT = _BY_ISSUER.where(Registration.client_id == bindparam("client_id"))
_BY_DEPLOYMENT = _BY_ISSUER.where(
    Registration.disabled_at.is_(None),
    exists().where(
        Deployment.registration_id == Registration.id, Deployment.deployment_id == bindparam("deployment_id")
    ),
)
_DEPLOYMENT = select(Deployment.id, Deployment.organization_id, Deployment.state).where(
    Deployment.registration_id == bindparam("registration_id"),
    Deployment.deployment_id == bindparam("deployment_id"),
)


def get_platform(session: Session, registration_id: int) -> Platform:
    """Return the platform of a registration, disabled or not; raises ``UnknownPlatformError``."""
    row = session.execute(_BY_ID, {"id": registration_id}).one_or_none()
    if row is None:
        raise UnknownPlatformError("The registration of this login does not exist.")
    return Platform(*row)


def find_platform(session: Session, issuer: str, client_id: str | None, deployment_id: str | None) -> Platform:
    """Return the enabled platform a login comes from.

    Without a client id the issuer must have one registration, or the deployment must name it. Raises
    ``UnknownPlatformError``, ``PlatformDisabledError``, or ``LaunchRequestError`` (``client_id_needed``).
    """
    asked = {"issuer": issuer, "client_id": client_id, "deployment_id": deployment_id}
    found = [Platform(*row) for row in session.execute(_BY_CLIENT if client_id else _BY_ISSUER, asked)]
    if not found:
        raise UnknownPlatformError("No platform is registered with this issuer and client id.")
    if len(found) == 1:
        return found[0].require_enabled()
    enabled = [platform for platform in found if platform.disabled_at is None] or [found[0].require_enabled()]
    if len(enabled) > 1 and deployment_id:
        enabled = [Platform(*row) for row in session.execute(_BY_DEPLOYMENT, asked)]
    if len(enabled) != 1:
        raise LaunchRequestError(
            "This issuer has several registrations; the login must name its client_id.", code="client_id_needed"
        )
    return enabled[0]


def known_deployment(database: Database, platform: Platform, deployment_id: str, now: datetime) -> KnownDeployment:
    """Return the active deployment of a verified launch.

    An unknown one is stored: active when the registration still accepts its first deployment, else pending for an
    admin. Raises ``DeploymentPendingError`` or ``DeploymentDisabledError``.
    """
    with database.read() as session:
        row = _find_deployment(session, platform, deployment_id)
    if row is None:
        try:
            row = _learn_deployment(database, platform, deployment_id, now)
        except IntegrityError:  # another launch of the same deployment was first
            with database.read() as session:
                row = _find_deployment(session, platform, deployment_id)
    if row is None or row.state is DeploymentState.PENDING:
        raise DeploymentPendingError(f"A deployment of {platform.name} waits for an admin to accept it.")
    if row.state is DeploymentState.DISABLED:
        raise DeploymentDisabledError(f"This deployment of {platform.name} is disabled.")
    return KnownDeployment(row.id, row.organization_id)


_DeploymentRow = Row[int, int, DeploymentState]


def _find_deployment(session: Session, platform: Platform, deployment_id: str) -> _DeploymentRow | None:
    asked = {"registration_id": platform.registration_id, "deployment_id": deployment_id}
    return session.execute(_DEPLOYMENT, asked).one_or_none()


def _learn_deployment(
    database: Database, platform: Platform, deployment_id: str, now: datetime
) -> _DeploymentRow | None:
    with database.write() as session:
        known = _find_deployment(session, platform, deployment_id)
        if known is not None:
            return known
        accepted = session.scalar(  # one statement, so that exactly one deployment is the first
            update(Registration)
            .where(Registration.id == platform.registration_id, Registration.accepts_first_deployment)
            .values(accepts_first_deployment=False)
            .returning(Registration.id),
            execution_options={"synchronize_session": False},
        )
        if accepted is not None and _take_place(session, platform.registration_id, deployment_id):
            return _find_deployment(session, platform, deployment_id)
        session.add(
            Deployment(
                registration_id=platform.registration_id,
                organization_id=_organization_id(session, platform, deployment_id, now),
                deployment_id=deployment_id,
                state=DeploymentState.PENDING if accepted is None else DeploymentState.ACTIVE,
                created_at=now,
            )
        )
        session.flush()
        return _find_deployment(session, platform, deployment_id)


def _take_place(session: Session, registration_id: int, deployment_id: str) -> bool:
    """Give the replaced deployment its new name, so that its courses stay; ``False`` when none is replaced.

    One that an admin refused stays so.
    """
    registration = session.get_one(Registration, registration_id)
    row_id = registration.details.get(REPLACED_DEPLOYMENT)
    if row_id is None:
        return False
    registration.details = {key: one for key, one in registration.details.items() if key != REPLACED_DEPLOYMENT}
    replaced = session.get(Deployment, row_id)
    if replaced is None:
        return False
    replaced.deployment_id = deployment_id
    if replaced.state is DeploymentState.PENDING:
        replaced.state = DeploymentState.ACTIVE
    session.flush()
    return True


def _organization_id(session: Session, platform: Platform, deployment_id: str, now: datetime) -> int:
    """Return the tenant of a new deployment: the registration's only one, or one named after the registration.

    Where one client id serves many institutions, each further deployment is another one.
    """
    deployed = select(Deployment.organization_id).where(Deployment.registration_id == platform.registration_id)
    tenants = session.scalars(deployed.distinct().limit(2)).all()
    is_another = bool(tenants) and quirks_of(platform.product, platform.issuer).deployments_are_schools
    if len(tenants) == 1 and not is_another:
        return tenants[0]
    waiting = select(Organization.id).where(  # made together with the registration, before any deployment was known
        Organization.name == platform.name, ~exists().where(Deployment.organization_id == Organization.id)
    )
    found = session.scalar(waiting.order_by(Organization.id).limit(1)) if not tenants else None
    if found is not None:
        return found
    name = f"{platform.name} ({deployment_id})"[:255] if is_another else platform.name
    organization = Organization(name=name, created_at=now)
    session.add(organization)
    session.flush()
    return organization.id


class ToolConfig(ToolConfAbstract[Request]):
    """PyLTI1p3's view of one platform; it never sees another, so that no launch can wander to another tenant."""

    def __init__(self, find_deployment: Callable[[Platform, str], KnownDeployment]) -> None:
        self._find_deployment = find_deployment
        self._platform: Platform | None = None
        self.deployment: KnownDeployment | None = None

    @property
    def platform(self) -> Platform:
        """The platform the login began with; there is none before its state was checked."""
        if self._platform is None:
            raise UnknownPlatformError("The state of this launch was not checked.")
        return self._platform

    def choose(self, platform: Platform) -> None:
        """Settle the platform of this launch; raises ``PlatformDisabledError``."""
        self._platform = platform.require_enabled()

    def check_iss_has_one_client(self, iss: str) -> bool:  # noqa: ARG002
        """Return ``False``: registrations are always found by issuer and client id."""
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:  # noqa: ARG002
        """Return ``True``, see above."""
        return True

    def find_registration_by_issuer(self, iss: str, *_args: Any, **_kwargs: Any) -> LibraryRegistration:
        """Refuse: an issuer alone is no tenant."""
        raise NotImplementedError

    def find_deployment(self, iss: str, deployment_id: str) -> LibraryDeployment | None:
        """Refuse, see above."""
        raise NotImplementedError

    def find_registration_by_params(self, iss: str, client_id: str, *_args: Any, **_kwargs: Any) -> LibraryRegistration:
        """Return the platform for the library; raises ``UnknownPlatformError`` when another one is asked for."""
        platform = self.platform
        if (iss, client_id) != (platform.issuer, platform.client_id):
            raise UnknownPlatformError("The launch belongs to another registration than its login.")
        registration = LibraryRegistration()
        registration.set_issuer(platform.issuer).set_client_id(platform.client_id)
        registration.set_auth_login_url(platform.auth_login_url).set_key_set_url(platform.key_set_url)
        return registration

    def find_deployment_by_params(
        self, iss: str, deployment_id: str, client_id: str, *_args: Any, **_kwargs: Any
    ) -> LibraryDeployment:
        """Return the deployment for the library and keep its row; raises as ``known_deployment``."""
        self.find_registration_by_params(iss, client_id)
        self.deployment = self._find_deployment(self.platform, deployment_id)
        return LibraryDeployment().set_deployment_id(deployment_id)
