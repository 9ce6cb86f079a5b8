"""Leave to read a platform's own API: which grant serves a course, and what becomes of it.

An institution's grant (a service account) serves every course and goes first; a course may have one of its own, from
an instructor. Tokens are stored encrypted. Whatever is written here is written in a transaction of its own, so nothing
in this module may be called inside one that writes.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.models import (
    INSTITUTION,
    ApiGrant,
    AuditEvent,
    Context,
    Deployment,
    GrantState,
    Lease,
    PlatformApi,
)
from lti_tool.outbound import HttpClient
from lti_tool.vault import Vault

API_NOT_SET_UP = "api_not_set_up"
"""No admin set up this platform's API for the institution."""
API_DISABLED = "api_disabled"
GRANT_MISSING = "grant_missing"
"""Nobody granted anything yet, or it was given up."""
GRANT_REFUSED = "grant_refused"
"""The platform no longer accepts the grant: withdrawn, its account disabled, its key switched off."""
GRANT_NARROWED = "grant_narrowed"
"""The platform allows less than what was granted."""

RENEWAL_LIFE = timedelta(seconds=90)
"""A call to the platform takes at most a minute; who renews longer than this is taken to have died."""


@dataclass(frozen=True, slots=True)
class GrantTokens:
    """What a platform gave for a grant. ``refresh_token``, ``expires_at``: ``None`` where a token is for good."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def locked(self, vault: Vault) -> str:
        """Return them as encrypted text, as ``ApiGrant.tokens`` keeps them."""
        return vault.lock(json.dumps(asdict(self), default=datetime.isoformat))

    @classmethod
    def opened(cls, text: str, vault: Vault) -> "GrantTokens":
        """Return what ``locked`` made text of; raises ``SettingsError`` when no key fits."""
        values: dict[str, Any] = json.loads(vault.open(text))
        ends = values.get("expires_at")
        return cls(values["access_token"], values.get("refresh_token"), datetime.fromisoformat(ends) if ends else None)


@dataclass(frozen=True, slots=True)
class Access:
    """A grant that can be used now. ``address``: origin and path of the platform, without a final slash.

    ``scopes``: what was granted, ``None`` where the platform does not say. ``place``: ``institution`` or
    ``context:ID``. ``account``: whose account it is there, as the platform names it.
    """

    api_id: int
    grant_id: int
    address: str
    token: str = field(repr=False)
    scopes: frozenset[str] | None
    place: str
    account: str | None
    expires_at: datetime | None = None
    """When the token ends, where the platform says."""


@dataclass(frozen=True, slots=True)
class GrantClient:
    """What renewing a grant takes: the OAuth 2.0 client and the tokens as stored now."""

    address: str
    client_id: str | None
    client_secret: str | None = field(repr=False)
    tokens: GrantTokens


class Grants:
    """Finds and keeps grants; one per process, safe to share between threads.

    ``http`` is for who renews a grant; nothing in this class uses the network.
    """

    def __init__(self, database: Database, vault: Vault, http: HttpClient, clock: Callable[[], datetime]) -> None:
        self.http = http
        self.clock = clock
        self._database = database
        self._vault = vault
        self._holder = uuid.uuid4().hex

    def access(self, context: Context, source: str) -> Access | None:
        """Return the grant that serves a course now, the institution's first; ``None`` as ``needs`` says."""
        with self._database.read() as session:
            api = _api_of(session, context, source)
            if api is None or api.disabled_at is not None:
                return None
            usable = [grant for grant in _grants_of(session, api, context) if _is_usable(grant)]
            return self._access(api, usable[0]) if usable else None

    def needs(self, context: Context, source: str) -> tuple[str, ...]:
        """Return codes of what has to be done before the source can be read in a course, none when it can.

        ``api_not_set_up``, ``api_disabled``, ``grant_missing``, or why the grant there is cannot be used
        (``grant_refused``, ``grant_narrowed`` and what else ``refused`` was given).
        """
        with self._database.read() as session:
            api = _api_of(session, context, source)
            if api is None:
                return (API_NOT_SET_UP,)
            if api.disabled_at is not None:
                return (API_DISABLED,)
            grants = _grants_of(session, api, context)
            if any(_is_usable(grant) for grant in grants):
                return ()
            refused = [grant.error_code or GRANT_REFUSED for grant in grants if grant.state is GrantState.NEEDED]
            return (refused[0],) if refused else (GRANT_MISSING,)

    def again(self, grant_id: int) -> Access | None:
        """Return the same grant as it is stored now, for a reading that found its token ended."""
        with self._database.read() as session:
            grant = session.get(ApiGrant, grant_id)
            if grant is None or not _is_usable(grant) or grant.platform_api.disabled_at is not None:
                return None
            return self._access(grant.platform_api, grant)

    def client(self, grant_id: int) -> GrantClient | None:
        """Return what renewing a grant takes; ``None`` when it cannot be used any more."""
        with self._database.read() as session:
            grant = session.get(ApiGrant, grant_id)
            if grant is None or not _is_usable(grant):
                return None
            api = grant.platform_api
            secret = None if api.client_secret is None else self._vault.open(api.client_secret)
            return GrantClient(api.address, api.client_id, secret, GrantTokens.opened(str(grant.tokens), self._vault))

    def begin_renewal(self, grant_id: int) -> bool:
        """Take the turn to renew a grant; ``False`` while another process has it.

        A platform may end the access token it gave last when it gives a new one (Canvas does), so two who renew at
        once would leave one of them, or the row, with a dead token.
        """
        name, now = _lease_name(grant_id), self.clock()
        values = {"holder": self._holder, "until": now + RENEWAL_LIFE}
        with self._database.write() as session:
            taken = session.execute(
                update(Lease).where(Lease.name == name, Lease.until < now).values(values).returning(Lease.name)
            ).scalar()
            if taken is not None:
                return True
            if session.get(Lease, name) is not None:
                return False
        try:
            with self._database.write() as session:
                session.add(Lease(name=name, **values))
        except IntegrityError:  # another process was faster
            return False
        return True

    def end_renewal(self, grant_id: int) -> None:
        """Let others have the turn."""
        with self._database.write() as session:
            session.execute(
                update(Lease)
                .where(Lease.name == _lease_name(grant_id), Lease.holder == self._holder)
                .values(until=self.clock() - timedelta(seconds=1))
            )

    def renewed(self, grant_id: int, tokens: GrantTokens) -> None:
        """Keep the tokens a platform gave in place of the old ones, unless the grant was given up meanwhile."""
        with self._database.write() as session:
            session.execute(
                update(ApiGrant)
                .where(ApiGrant.id == grant_id, ApiGrant.state != GrantState.ENDED)
                .values(tokens=tokens.locked(self._vault), changed_at=self.clock())
            )

    def scopes(self, context: Context, source: str) -> frozenset[str] | None:
        """Return what the grant of a course allows, or allowed when it was last heard of; ``None``: nobody said."""
        with self._database.read() as session:
            api = _api_of(session, context, source)
            grants = [] if api is None else _grants_of(session, api, context)
            known = [grant for grant in grants if grant.state is not GrantState.ENDED]
            best = next(filter(_is_usable, known), known[0] if known else None)
            return None if best is None or best.scopes is None else frozenset(best.scopes)

    def refused(self, grant_id: int, error_code: str, *, token: str | None = None, lost: str | None = None) -> bool:
        """Say that somebody has to grant anew, and why; audited. Returns whether that was news.

        ``token``: the one that was refused; when another is stored by now, what was refused is no longer what there is.
        ``lost``: a scope that the platform no longer allows.
        """
        with self._database.write() as session:
            grant = session.get(ApiGrant, grant_id, with_for_update=True)
            if grant is None or not _is_usable(grant):
                return False
            if token is not None and GrantTokens.opened(str(grant.tokens), self._vault).access_token != token:
                return False
            grant.state, grant.error_code, grant.changed_at = GrantState.NEEDED, error_code, self.clock()
            if grant.scopes is not None and lost in grant.scopes:
                grant.scopes = [scope for scope in grant.scopes if scope != lost]
            session.add(
                AuditEvent(
                    organization_id=grant.platform_api.organization_id,
                    at=self.clock(),
                    action="api_grant.refused",
                    actor="job",
                    subject=f"api_grant:{grant_id}",
                )
            )
        return True

    def _access(self, api: PlatformApi, grant: ApiGrant) -> Access:
        tokens = GrantTokens.opened(str(grant.tokens), self._vault)
        return Access(
            api_id=api.id,
            grant_id=grant.id,
            address=api.address,
            token=tokens.access_token,
            scopes=None if grant.scopes is None else frozenset(grant.scopes),
            place=grant.place,
            account=grant.account,
            expires_at=tokens.expires_at,
        )


def _api_of(session: Session, context: Context, source: str) -> PlatformApi | None:
    registration = select(Deployment.registration_id).where(Deployment.id == context.deployment_id).scalar_subquery()
    return session.scalar(
        select(PlatformApi).where(
            PlatformApi.registration_id == registration,
            PlatformApi.organization_id == context.organization_id,
            PlatformApi.source == source,
        )
    )


def _grants_of(session: Session, api: PlatformApi, context: Context) -> list[ApiGrant]:
    """The grants that may serve a course, the institution's first."""
    places = (INSTITUTION, place_of(context.id))
    found = session.scalars(select(ApiGrant).where(ApiGrant.platform_api_id == api.id, ApiGrant.place.in_(places)))
    return sorted(found, key=lambda grant: places.index(grant.place))


def place_of(context_id: int) -> str:
    """Return the ``ApiGrant.place`` of a course's own grant."""
    return f"context:{context_id}"


def _is_usable(grant: ApiGrant) -> bool:
    return grant.state is GrantState.ACTIVE and grant.tokens is not None


def _lease_name(grant_id: int) -> str:
    return f"api_grant:{grant_id}"
