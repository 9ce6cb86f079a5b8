"""Registrations as they come about, change and are switched off, and what was last heard of their platforms.

``install`` stores what a platform answered, for an invite: a new registration, or the one the invite renews, brought up
to date. Users, courses and awards hang on the registration's row and stay with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.lti.dynamic_registration import RegistrationAnswer
from lti_tool.lti.platform_configuration import PlatformConfiguration
from lti_tool.lti.registration import add_registration
from lti_tool.lti.tool_config import REPLACED_DEPLOYMENT
from lti_tool.models import (
    Deployment,
    DeploymentState,
    Organization,
    Registration,
    RegistrationHealth,
    ServiceToken,
)
from lti_tool.outbound import origin_of
from lti_tool.services import audit, platform_invites
from lti_tool.services.platform_invites import OpenInvite
from lti_tool.services.upsert import insert_once
from lti_tool.settings import Settings

NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of an invite. ``is_new`` is false when a registration was brought up to date."""

    registration_id: int
    name: str
    is_new: bool
    is_disabled: bool


def install(
    session: Session,
    invite: OpenInvite,
    configuration: PlatformConfiguration,
    answer: RegistrationAnswer,
    *,
    asked_scopes: Iterable[str],
    now: datetime,
    settings: Settings,
) -> Installed:
    """Store the registration and spend the invite.

    Raises ``ConflictError``: ``platform_invite_used``; ``renewal_other_platform`` when the invite renews a registration
    with another platform; ``registration_exists`` or ``registration_name_taken`` when somebody was faster or the
    platform answered the client id of a registration whose addresses are elsewhere. ``InvalidInputError`` when a value
    is longer than this tool keeps.
    """
    found = _find_existing(session, invite, configuration, answer)
    if found is None:
        registration = add_registration(
            session,
            name=invite.name,
            issuer=configuration.issuer,
            client_id=answer.client_id,
            auth_login_url=configuration.authorization_endpoint,
            auth_token_url=configuration.token_endpoint,
            key_set_url=configuration.jwks_uri,
            audience=configuration.authorization_server,
            deployment_ids=() if answer.deployment_id is None else (answer.deployment_id,),
            product=configuration.product or invite.product,
            now=now,
            settings=settings,
        )
    else:
        registration = found
        _bring_up_to_date(session, registration, configuration, answer, now)
    registration.scopes = None if answer.scopes is None else sorted(answer.scopes)
    registration.details = _details(registration, configuration, answer, asked_scopes, now)
    session.flush()
    platform_invites.spend(session, invite.id, registration.id, now)
    audit.record(
        session,
        "registration.renewed" if found else "registration.added",
        actor=f"platform_invite:{invite.id}",
        subject=f"registration:{registration.id}",
        payload={"issuer": registration.issuer, "client_id": registration.client_id, "scopes": registration.scopes},
        now=now,
    )
    return Installed(registration.id, registration.name, found is None, registration.disabled_at is not None)


def _find_existing(
    session: Session, invite: OpenInvite, configuration: PlatformConfiguration, answer: RegistrationAnswer
) -> Registration | None:
    same = (Registration.issuer == configuration.issuer, Registration.client_id == answer.client_id)
    known = session.scalar(select(Registration).where(*same))
    if invite.registration_id is None:
        if known is not None and not _has_same_hosts(known, configuration):
            raise ConflictError(f"{known.name} has this client id at other addresses.", code="registration_exists")
        return known
    renewed = session.get_one(Registration, invite.registration_id)
    if known is not None and known.id != renewed.id:
        raise ConflictError(f"This client id belongs to {known.name}.", code="registration_exists")
    guid = renewed.details.get("account_guid")
    is_other_account = guid is not None and configuration.account_guid not in (None, guid)
    if renewed.issuer != configuration.issuer or is_other_account:
        # Its users are known by what that platform calls them: another one's would be taken for the same people.
        raise ConflictError(f"{renewed.name} is registered with another platform.", code="renewal_other_platform")
    return renewed


def _has_same_hosts(known: Registration, configuration: PlatformConfiguration) -> bool:
    ours = (known.auth_login_url, known.auth_token_url, known.key_set_url)
    theirs = (configuration.authorization_endpoint, configuration.token_endpoint, configuration.jwks_uri)
    return [origin_of(one) for one in ours] == [origin_of(one) for one in theirs]


def _bring_up_to_date(
    session: Session,
    registration: Registration,
    configuration: PlatformConfiguration,
    answer: RegistrationAnswer,
    now: datetime,
) -> None:
    is_new_client = registration.client_id != answer.client_id
    if registration.key_set_url != configuration.jwks_uri:
        registration.key_set, registration.key_set_fetched_at = None, None
    registration.client_id = answer.client_id
    registration.auth_login_url = configuration.authorization_endpoint
    registration.auth_token_url = configuration.token_endpoint
    registration.key_set_url = configuration.jwks_uri
    registration.audience = configuration.authorization_server
    registration.product = configuration.product or registration.product
    session.execute(delete(ServiceToken).where(ServiceToken.registration_id == registration.id))
    deployments = list(session.scalars(select(Deployment).where(Deployment.registration_id == registration.id)))
    if answer.deployment_id is not None:
        _settle_deployment(session, registration, deployments, answer.deployment_id, is_new_client, now)
    elif is_new_client or not deployments:
        registration.accepts_first_deployment = True
        if len(deployments) == 1:  # the first launch says what it is called now; see ``tool_config``
            registration.details = {**registration.details, REPLACED_DEPLOYMENT: deployments[0].id}


def _settle_deployment(
    session: Session,
    registration: Registration,
    deployments: list[Deployment],
    deployment_id: str,
    is_new_client: bool,
    now: datetime,
) -> None:
    """Serve the deployment that the answer named, unless an admin refused it.

    A new client's is the only old one under a new name.
    """
    known = next((one for one in deployments if one.deployment_id == deployment_id), None)
    if known is None and is_new_client and len(deployments) == 1:
        known = deployments[0]
        known.deployment_id = deployment_id
    if known is not None:
        if known.state is DeploymentState.PENDING:
            known.state = DeploymentState.ACTIVE
        return
    session.add(
        Deployment(
            registration_id=registration.id,
            organization_id=_organization_id(session, registration, deployments, now),
            deployment_id=deployment_id,
            state=DeploymentState.ACTIVE,
            created_at=now,
        )
    )


def _organization_id(session: Session, registration: Registration, deployments: list[Deployment], now: datetime) -> int:
    tenants = {one.organization_id for one in deployments}
    if len(tenants) == 1:
        return tenants.pop()
    waiting = select(Organization.id).where(
        Organization.name == registration.name,
        ~select(Deployment.id).where(Deployment.organization_id == Organization.id).exists(),
    )
    found = session.scalar(waiting.order_by(Organization.id).limit(1)) if not tenants else None
    if found is not None:
        return found
    organization = Organization(name=registration.name, created_at=now)
    session.add(organization)
    session.flush()
    return organization.id


def _details(
    registration: Registration,
    configuration: PlatformConfiguration,
    answer: RegistrationAnswer,
    asked_scopes: Iterable[str],
    now: datetime,
) -> dict[str, Any]:
    messages = None if answer.messages is None else {kind: list(found) for kind, found in answer.messages.items()}
    details = {
        "registered_at": now.isoformat(),
        "version": configuration.version,
        "account_name": configuration.account_name,
        "account_guid": configuration.account_guid,
        "asked_scopes": sorted(asked_scopes),
        "messages": messages,
        "client_url": answer.client_url,
        REPLACED_DEPLOYMENT: (registration.details or {}).get(REPLACED_DEPLOYMENT),
    }
    return {name: value for name, value in details.items() if value is not None}


# -- by hand ----------------------------------------------------------------------------------------------------------


def add_by_hand(session: Session, *, actor: str, now: datetime, settings: Settings, **values: Any) -> Registration:
    """Add a registration that an admin typed in; takes and raises what ``lti.registration.add_registration`` does."""
    added = add_registration(session, now=now, settings=settings, **values)
    audit.record(session, "registration.added", actor=actor, subject=f"registration:{added.id}", now=now)
    return added


def get_by_id(session: Session, registration_id: int) -> Registration:
    """Return a registration; raises ``NotFoundError`` (``platform_not_found``)."""
    found = session.get(Registration, registration_id)
    if found is None:
        raise NotFoundError("There is no such platform.", code="platform_not_found")
    return found


def set_disabled(
    session: Session, registration_id: int, is_disabled: bool, *, actor: str, now: datetime
) -> Registration:
    """Refuse a registration's launches, or serve them again; its data stays.

    Raises ``NotFoundError``, or ``ConflictError`` (``registration_adopted``) for one that another took over from.
    """
    found = get_by_id(session, registration_id)
    if found.successor_id is not None and not is_disabled:
        raise ConflictError(f"Another registration took over from {found.name}.", code="registration_adopted")
    if (found.disabled_at is not None) is is_disabled:
        return found
    found.disabled_at = now if is_disabled else None
    action = "registration.disabled" if is_disabled else "registration.enabled"
    audit.record(session, action, actor=actor, subject=f"registration:{found.id}", now=now)
    return found


# -- what was last heard ----------------------------------------------------------------------------------------------

_LAUNCHED_AT = select(RegistrationHealth.launched_at)


def note_launch(session: Session, registration_id: int, skew: int | None, now: datetime) -> None:
    """Note a verified launch: when, and the platform's clock less ours in seconds; at most once a minute."""
    noted = session.scalar(_LAUNCHED_AT.where(RegistrationHealth.registration_id == registration_id))
    if noted is None or noted <= now - NOTED_EVERY:
        _note(session, registration_id, launched_at=now, clock_skew_seconds=skew)


def note_token(session: Session, registration_id: int, scopes: Iterable[str], now: datetime) -> None:
    """Note an access token that was given out, with the scopes it has."""
    _note(session, registration_id, token_at=now, token_scopes=sorted(scopes))


def note_service(session: Session, registration_id: int, now: datetime) -> None:
    """Note a service call that worked; at most once a minute."""
    asked = select(RegistrationHealth.service_at).where(RegistrationHealth.registration_id == registration_id)
    noted = session.scalar(asked)
    if noted is None or noted <= now - NOTED_EVERY:
        _note(session, registration_id, service_at=now)


def note_failure(session: Session, registration_id: int, code: str, now: datetime) -> None:
    """Note a token request or service call that failed; the same failure at most once a minute."""
    asked = select(RegistrationHealth.failed_at, RegistrationHealth.failed_code).where(
        RegistrationHealth.registration_id == registration_id
    )
    noted = session.execute(asked).one_or_none()
    if noted is None or noted.failed_at is None or noted.failed_code != code or noted.failed_at <= now - NOTED_EVERY:
        _note(session, registration_id, failed_at=now, failed_code=code)


def _note(session: Session, registration_id: int, **values: Any) -> None:
    changed = update(RegistrationHealth).where(RegistrationHealth.registration_id == registration_id).values(**values)
    done = session.execute(changed.returning(RegistrationHealth.registration_id)).one_or_none()
    if done is None:
        whole: dict[str, Any] = {"token_scopes": [], "registration_id": registration_id} | values
        if insert_once(session, RegistrationHealth, ["registration_id"], **whole) is None:
            session.execute(changed)  # somebody else was first to write the row
