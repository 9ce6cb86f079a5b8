"""The tool's side of the table: a registration, a context and the service client, set up against a strict platform."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from platforms.quirks import STANDARD, Quirks
from platforms.strict import StrictPlatform, rsa_key
from sqlalchemy import Engine

from lti_tool.db import Database
from lti_tool.lti.service_client import ServiceClient
from lti_tool.models import Context, Deployment, DeploymentState, Organization, Registration
from lti_tool.outbound import HttpClient, origin_of
from lti_tool.vault import Vault

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Hand:
    """A clock that stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        """Move on, ``timedelta``'s way."""
        self.now += timedelta(**parts)


@dataclass(frozen=True, slots=True)
class FixedKey:
    """The tool's key, not stored anywhere."""

    kid: str
    private_key: RSAPrivateKey

    def active(self) -> "FixedKey":
        """The key that signs: this one."""
        return self

    def key_set(self) -> Mapping[str, Any]:
        """What the tool publishes."""
        document: dict[str, Any] = RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {"keys": [{"kty": "RSA", "n": document["n"], "e": document["e"], "kid": self.kid, "alg": "RS256"}]}


@dataclass(slots=True)
class Reading:
    """Everything a test of the services needs."""

    platform: StrictPlatform
    registration: Registration
    context: Context
    database: Database
    vault: Vault
    clock: Hand
    slept: list[float]
    key: FixedKey
    client: ServiceClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.new_client()

    def new_client(self, **options: Any) -> ServiceClient:
        """Another process' client on the same database."""
        http = HttpClient(timeout=(2.0, 5.0), allowed_private_hosts=("127.0.0.1",))
        options = {"jitter": lambda: 0.0} | options
        return ServiceClient(http, self.database, self.vault, self.key, self.clock, sleep=self._sleep, **options)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.forward(seconds=seconds)

    def get(self, url: str | None = None, **changes: Any) -> Any:
        """One ``get_json`` on the line items, changed as asked; returns the body."""
        return self.client.get_json(self.registration, url or self.platform.line_items_url, **self.asking(**changes))[0]

    def pages(self, url: str | None = None, **changes: Any) -> Iterator[Any]:
        """The bodies that ``iter_pages`` finds on the line items, changed as asked."""
        url = url or self.platform.line_items_url
        return (page.body for page in self.client.iter_pages(self.registration, url, **self.asking(**changes)))

    def asking(self, **changes: Any) -> dict[str, Any]:
        """Options that fit the line items service."""
        return {
            "scopes": ["https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"],
            "accept": "application/vnd.ims.lis.v2.lineitemcontainer+json",
            "allowed_origins": {origin_of(self.platform.base_url)},
        } | changes


@contextmanager
def reading(engine: Engine, quirks: Quirks = STANDARD, **options: Any) -> Iterator[Reading]:
    """A served platform and a client that is registered with it; ``options`` are the platform's."""
    clock = Hand()
    key = FixedKey("tool-key-1", rsa_key("tool-key-1"))
    database = Database(engine)
    with StrictPlatform(quirks, tool_keys=key.key_set, clock=lambda: clock().timestamp(), **options) as platform:
        registration, context = _registered(database, platform, clock)
        vault = Vault([Fernet.generate_key().decode()])
        yield Reading(platform, registration, context, database, vault, clock, [], key)


def _registered(
    database: Database, platform: StrictPlatform, clock: Callable[[], datetime]
) -> tuple[Registration, Context]:
    """The rows that an admin and a launch would have made."""
    details = platform.registration()
    deployment_id = details.pop("deployment_id")
    with database.write() as session:
        organization = Organization(name=details["name"], created_at=clock())
        registration = Registration(**details, created_at=clock())
        session.add_all([organization, registration])
        session.flush()
        deployment = Deployment(
            registration_id=registration.id,
            organization_id=organization.id,
            deployment_id=deployment_id,
            state=DeploymentState.ACTIVE,
            created_at=clock(),
        )
        session.add(deployment)
        session.flush()
        context = Context(
            deployment_id=deployment.id,
            organization_id=organization.id,
            platform_id=platform.context_id,
            line_items_url=platform.line_items_url,
            ags_scopes=sorted(scope for scope in platform.granted_scopes if "lti-ags" in scope),
            memberships_url=platform.memberships_url,
            created_at=clock(),
            launched_at=clock(),
        )
        session.add(context)
    return registration, context
