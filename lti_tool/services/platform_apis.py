"""A platform's own API (Canvas REST, Moodle web services), as an admin sets it up for one institution."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.characters import one_line
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.evidence import canvas_scopes
from lti_tool.models import (
    INSTITUTION,
    ApiGrant,
    Deployment,
    GrantState,
    Organization,
    PlatformApi,
    Registration,
)
from lti_tool.services import audit
from lti_tool.services.upsert import insert_once
from lti_tool.vault import Vault

CANVAS: Final = "canvas"
MOODLE: Final = "moodle"
SOURCES: Final = (CANVAS, MOODLE)
LONGEST_ADDRESS = 2048
LONGEST_ID = 255
API_CHANGED: Final = "api_changed"
"""Why a grant has to be made anew: it belongs to another address or key than the one there is now."""


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution on a platform, and the API set up for it. ``grants``: of the institution first, then courses'."""

    organization_id: int
    name: str
    api: PlatformApi | None
    grants: Sequence[ApiGrant]

    @property
    def own_grant(self) -> ApiGrant | None:
        """The institution's grant, also one that has to be made anew; ``None`` when there is none."""
        return next((one for one in self.grants if one.place == INSTITUTION), None)


def list_institutions(session: Session, registration_id: int, source: str) -> list[Institution]:
    """Return the institutions that have deployments on a platform, by name."""
    here = select(Deployment.organization_id).where(Deployment.registration_id == registration_id)
    rows = session.execute(
        select(Organization, PlatformApi)
        .outerjoin(
            PlatformApi,
            (PlatformApi.organization_id == Organization.id)
            & (PlatformApi.registration_id == registration_id)
            & (PlatformApi.source == source),
        )
        .where(Organization.id.in_(here))
        .order_by(Organization.name, Organization.id)
    ).all()
    return [Institution(one.id, one.name, api, _grants(session, api)) for one, api in rows]


def get_institution(session: Session, registration_id: int, organization_id: int, source: str) -> Institution:
    """Return one of them; raises ``NotFoundError``."""
    for one in list_institutions(session, registration_id, source):
        if one.organization_id == organization_id:
            return one
    raise NotFoundError("This institution has no deployment on this platform.")


def get_api(session: Session, api_id: int) -> PlatformApi:
    """Return an API that is set up; raises ``NotFoundError``."""
    found = session.get(PlatformApi, api_id)
    if found is None:
        raise NotFoundError("There is no such API.")
    return found


def api_of_course(session: Session, deployment_id: int, organization_id: int, source: str) -> PlatformApi | None:
    """Return the API that serves the courses of a deployment, if one is set up and not switched off."""
    return session.scalar(
        select(PlatformApi)
        .join(Deployment, Deployment.registration_id == PlatformApi.registration_id)
        .where(
            Deployment.id == deployment_id,
            PlatformApi.organization_id == organization_id,
            PlatformApi.source == source,
            PlatformApi.disabled_at.is_(None),
        )
    )


def read_address(text: str) -> str:
    """Return a platform's address as typed, without a final slash.

    Raises ``InvalidInputError`` (``entry_missing``, ``address_invalid``; field ``address``). Whether it may be called
    is for ``HttpClient.check_address`` to say, which asks DNS.
    """
    address = one_line(text).rstrip("/")
    if not address:
        raise InvalidInputError("The address is missing.", code="entry_missing", field="address")
    try:
        parts = urlsplit(address)
        is_plain = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or parts.query or parts.fragment or parts.username or len(address) > LONGEST_ADDRESS:
        raise InvalidInputError("The address cannot be used.", code="address_invalid", field="address")
    return address


def save_canvas(
    session: Session,
    registration_id: int,
    organization_id: int,
    *,
    address: str,
    client_id: str,
    client_secret: str,
    choices: Collection[str],
    actor: str,
    vault: Vault,
    now: datetime,
) -> PlatformApi:
    """Add or change a Canvas's API developer key; an empty ``client_secret`` keeps the one that is stored.

    Grants made for another address or key have to be made anew. Raises ``InvalidInputError`` (``entry_missing``,
    ``address_invalid``, ``text_invalid``) and ``NotFoundError``.
    """
    address, client_id = read_address(address), one_line(client_id)
    api = get_institution(session, registration_id, organization_id, CANVAS).api
    if not client_id:
        raise InvalidInputError("The key's number is missing.", code="entry_missing", field="client_id")
    if len(client_id) > LONGEST_ID:
        raise InvalidInputError("The key's number is too long.", code="text_invalid", field="client_id")
    if not client_secret and (api is None or api.client_secret is None or api.client_id != client_id):
        raise InvalidInputError("The key itself is missing.", code="entry_missing", field="client_secret")
    is_other = api is not None and (api.address, api.client_id) != (address, client_id)
    api = api or _add(session, registration_id, organization_id, CANVAS, address, now)
    api.address, api.client_id, api.scopes = address, client_id, canvas_scopes.asked(choices)
    api.disabled_at = None
    if client_secret:
        api.client_secret = vault.lock(client_secret)
    if is_other:
        _end_grants(session, api, now)
    _note(session, api, "platform_api.saved", actor, now)
    return api


def save_moodle(
    session: Session, registration_id: int, organization_id: int, *, address: str, actor: str, now: datetime
) -> PlatformApi:
    """Add or change the address of a Moodle; its token is a grant. Raises what ``save_canvas`` raises."""
    address = read_address(address)
    api = get_institution(session, registration_id, organization_id, MOODLE).api
    is_other = api is not None and api.address != address
    api = api or _add(session, registration_id, organization_id, MOODLE, address, now)
    api.address, api.disabled_at = address, None
    if is_other:
        _end_grants(session, api, now)
    _note(session, api, "platform_api.saved", actor, now)
    return api


def set_disabled(session: Session, api_id: int, is_off: bool, *, actor: str, now: datetime) -> PlatformApi:
    """Switch the readings of an institution's platform off or on; grants stay."""
    api = get_api(session, api_id)
    api.disabled_at = now if is_off else None
    _note(session, api, "platform_api.disabled" if is_off else "platform_api.enabled", actor, now)
    return api


def chosen(api: PlatformApi) -> set[str]:
    """Return which optional parts of Canvas are asked for, by key (``canvas_scopes.CHOICES``)."""
    return {part.key for part in canvas_scopes.CHOICES if set(part.scopes) <= set(api.scopes)}


def redirect_uri(public_url: str) -> str:
    """Return where Canvas sends browsers back to; an admin enters it with the developer key."""
    return f"{public_url}/grants/callback"


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """A grant in all of this installation, for the doctor: which platform's, for whom, and whether it works."""

    platform: str
    organization: str
    source: str
    place: str
    state: GrantState
    error_code: str | None
    scopes: frozenset[str] | None
    """What was granted, ``None`` where the platform does not say."""


def list_grants(session: Session) -> list[GrantEntry]:
    """Return the grants of every API that is switched on, but for those that were given up."""
    rows = session.execute(
        select(ApiGrant, PlatformApi, Registration.name, Organization.name)
        .join(PlatformApi, PlatformApi.id == ApiGrant.platform_api_id)
        .join(Registration, Registration.id == PlatformApi.registration_id)
        .join(Organization, Organization.id == PlatformApi.organization_id)
        .where(PlatformApi.disabled_at.is_(None), ApiGrant.state != GrantState.ENDED)
        .order_by(Registration.name, ApiGrant.id)
    )
    return [
        GrantEntry(
            platform,
            organization,
            api.source,
            grant.place,
            grant.state,
            grant.error_code,
            None if grant.scopes is None else frozenset(grant.scopes),
        )
        for grant, api, platform, organization in rows
    ]


def _add(
    session: Session, registration_id: int, organization_id: int, source: str, address: str, now: datetime
) -> PlatformApi:
    insert_once(
        session,
        PlatformApi,
        ["registration_id", "organization_id", "source"],
        registration_id=registration_id,
        organization_id=organization_id,
        source=source,
        address=address,
        created_at=now,
    )
    return session.scalars(
        select(PlatformApi).where(
            PlatformApi.registration_id == registration_id,
            PlatformApi.organization_id == organization_id,
            PlatformApi.source == source,
        )
    ).one()


def _grants(session: Session, api: PlatformApi | None) -> list[ApiGrant]:
    if api is None:
        return []
    found = session.scalars(
        select(ApiGrant)
        .where(ApiGrant.platform_api_id == api.id, ApiGrant.state != GrantState.ENDED)
        .order_by(ApiGrant.place != INSTITUTION, ApiGrant.id)
    )
    return list(found)


def _end_grants(session: Session, api: PlatformApi, now: datetime) -> None:
    session.execute(
        update(ApiGrant)
        .where(ApiGrant.platform_api_id == api.id, ApiGrant.state != GrantState.ENDED)
        .values(state=GrantState.NEEDED, error_code=API_CHANGED, tokens=None, changed_at=now)
    )


def _note(session: Session, api: PlatformApi, action: str, actor: str, now: datetime) -> None:
    session.flush()
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"platform_api:{api.id}",
        organization_id=api.organization_id,
        payload={"source": api.source, "address": api.address, "scopes": list(api.scopes)},
        now=now,
    )
