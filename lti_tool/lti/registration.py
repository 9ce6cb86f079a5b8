"""Registrations with platforms, as an admin adds, lists and disables them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.models import Deployment, DeploymentState, Organization, Registration
from lti_tool.settings import Settings

LONGEST_TEXT = 255


def add_registration(
    session: Session,
    *,
    name: str,
    issuer: str,
    client_id: str,
    auth_login_url: str,
    auth_token_url: str,
    key_set_url: str,
    audience: str | None = None,
    deployment_ids: Iterable[str] = (),
    product: str | None = None,
    now: datetime,
    settings: Settings,
) -> Registration:
    """Add a registration, and the organization of its name.

    Deployments that are named are active at once; when none is named the first one that launches is accepted. Raises
    ``InvalidInputError`` (``field`` says where; codes ``text_invalid``, ``address_invalid``) or ``ConflictError``
    (``registration_name_taken``, ``registration_exists``).
    """
    addresses = AddressPolicy(settings.allowed_private_hosts)
    registration = Registration(
        name=require_text(name, "name"),
        issuer=require_text(issuer, "issuer"),
        client_id=require_text(client_id, "client_id"),
        auth_login_url=require_address(auth_login_url, "auth_login_url", addresses),
        auth_token_url=require_address(auth_token_url, "auth_token_url", addresses),
        key_set_url=require_address(key_set_url, "key_set_url", addresses),
        audience=None if not audience else require_text(audience, "audience", 2048),
        product=None if not product else require_text(product, "product", 64).lower(),
        created_at=now,
    )
    named = [require_text(one, "deployment_ids") for one in dict.fromkeys(deployment_ids)]
    registration.accepts_first_deployment = not named
    _check_new(session, registration)
    organization = Organization(name=registration.name, created_at=now)
    session.add_all([registration, organization])
    try:
        session.flush()
    except IntegrityError:  # somebody else added it at the same moment
        raise ConflictError(
            "A platform with this name or client id exists already.", code="registration_exists"
        ) from None
    for deployment_id in named:
        session.add(
            Deployment(
                registration_id=registration.id,
                organization_id=organization.id,
                deployment_id=deployment_id,
                state=DeploymentState.ACTIVE,
                created_at=now,
            )
        )
    session.flush()
    return registration


def list_registrations(session: Session) -> list[Registration]:
    """Return all registrations by name, disabled ones too."""
    return list(session.scalars(select(Registration).order_by(Registration.name)))


def get_registration(session: Session, name: str) -> Registration:
    """Return the registration called ``name``; raises ``NotFoundError``."""
    found = session.scalars(select(Registration).where(Registration.name == name)).one_or_none()
    if found is None:
        raise NotFoundError(f"No platform is called {name}.", code="platform_not_found")
    return found


def disable_registration(session: Session, name: str, now: datetime) -> Registration:
    """Refuse launches of a registration from now on; its data stays. Raises ``NotFoundError``."""
    registration = get_registration(session, name)
    registration.disabled_at = registration.disabled_at or now
    return registration


def _check_new(session: Session, registration: Registration) -> None:
    if session.scalar(select(Registration.id).where(Registration.name == registration.name)) is not None:
        raise ConflictError(f"A platform called {registration.name} exists already.", code="registration_name_taken")
    same = (Registration.issuer == registration.issuer, Registration.client_id == registration.client_id)
    other = session.scalar(select(Registration.name).where(*same))
    if other is not None:
        raise ConflictError(
            f"This issuer and client id are registered already, as {other}.", code="registration_exists"
        )


def require_text(value: str, field: str, longest: int = LONGEST_TEXT) -> str:
    """Return ``value`` when it is a plain line; raises ``InvalidInputError`` (``text_invalid``)."""
    if not 0 < len(value) <= longest or not value.isprintable() or value != value.strip():
        raise InvalidInputError(
            f"{field} must be 1 to {longest} printable characters without spaces around.",
            code="text_invalid",
            field=field,
        )
    return value


def require_address(value: str, field: str, addresses: AddressPolicy) -> str:
    """Return ``value`` when it is an address to call; raises ``InvalidInputError`` (``address_invalid``)."""
    if addresses.usable(value) is None or "#" in value:
        raise InvalidInputError(
            f"{field} must be an https address. Plain http needs its host in LTI_BADGES_ALLOWED_PRIVATE_HOSTS.",
            code="address_invalid",
            field=field,
        )
    return value
