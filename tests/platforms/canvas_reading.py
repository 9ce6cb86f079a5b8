"""The tool's side of the table with Canvas: an API that is set up, a grant, and the source, on a moved clock."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet
from platforms.canvas_api import CanvasApi
from platforms.canvas_oauth import Grant
from sqlalchemy import Engine

from lti_tool.db import Database
from lti_tool.evidence import canvas_scopes
from lti_tool.evidence.base import ColumnReading, EvidencePage, EvidenceStream, ObservationReading, PersonReading
from lti_tool.evidence.canvas import CanvasSource
from lti_tool.evidence.canvas_client import CanvasClient
from lti_tool.evidence.canvas_oauth import CanvasOAuth
from lti_tool.evidence.canvas_people import CanvasPeople
from lti_tool.evidence.grants import Grants, GrantTokens
from lti_tool.lti.links import next_link
from lti_tool.lti.service_health import ServiceHealth
from lti_tool.lti.service_requests import ServiceRequests
from lti_tool.models import (
    INSTITUTION,
    ApiGrant,
    AuditEvent,
    Context,
    Deployment,
    DeploymentState,
    GrantState,
    Organization,
    PlatformApi,
    Registration,
)
from lti_tool.outbound import HttpClient
from lti_tool.services.platform_calls import PlatformCalls
from lti_tool.vault import Vault

ALL_SCOPES = canvas_scopes.scopes_of(canvas_scopes.PARTS)


@dataclass(slots=True)
class CanvasReading:
    """Everything a test of the source needs; time is the Canvas's own."""

    canvas: CanvasApi
    database: Database
    vault: Vault
    slept: list[float] = field(default_factory=list)
    registration: Registration = field(init=False)
    context: Context = field(init=False)
    api_id: int = 0
    malformed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        now = self.now()
        with self.database.write() as session:
            organization = Organization(name="Lakeside College", created_at=now)
            self.registration = Registration(
                name="Lakeside Canvas",
                issuer="https://canvas.instructure.com",
                client_id="1",
                auth_login_url="https://sso.example/auth",
                auth_token_url="https://sso.example/token",
                key_set_url="https://sso.example/jwks",
                product="canvas",
                created_at=now,
            )
            session.add_all([organization, self.registration])
            session.flush()
            deployment = Deployment(
                registration_id=self.registration.id,
                organization_id=organization.id,
                deployment_id="1",
                state=DeploymentState.ACTIVE,
                created_at=now,
            )
            api = PlatformApi(
                registration_id=self.registration.id,
                organization_id=organization.id,
                source="canvas",
                address=self.canvas.address,
                client_id=self.canvas.client_id,
                client_secret=self.vault.lock(self.canvas.client_secret),
                scopes=ALL_SCOPES,
                created_at=now,
            )
            session.add_all([deployment, api])
            session.flush()
            self.api_id = api.id
            self.context = Context(
                deployment_id=deployment.id,
                organization_id=organization.id,
                platform_id=self.canvas.course.lti_context_id,
                created_at=now,
                launched_at=now,
            )
            session.add(self.context)

    def now(self) -> datetime:
        """The Canvas's time."""
        return self.canvas.course.now

    def sleep(self, seconds: float) -> None:
        """Let time pass instead of waiting."""
        self.slept.append(seconds)
        self.canvas.course.later(seconds=seconds)

    def allow(self, scopes: list[str] | None = ALL_SCOPES, place: str = INSTITUTION, **options: Any) -> Grant:
        """Grant, on both sides; ``scopes`` ``None``: of a key that enforces none."""
        given = self.canvas.grant(scopes, **options)
        with self.database.write() as session:
            session.add(
                ApiGrant(
                    platform_api_id=self.api_id,
                    place=place,
                    state=GrantState.ACTIVE,
                    tokens=GrantTokens(given.access_token, given.refresh_token, given.ends).locked(self.vault),
                    scopes=scopes,
                    account="Badge Service",
                    created_at=self.now(),
                    changed_at=self.now(),
                )
            )
        return given

    def grants(self) -> Grants:
        """The grants, as another process would see them."""
        return Grants(self.database, self.vault, self._http(), self.now)

    def source(self) -> CanvasSource:
        """The source, as another process would have it."""
        requests = ServiceRequests(
            self._http(), ServiceHealth(self.now), clock=self.now, sleep=self.sleep, jitter=lambda: 0.0
        )
        calls = PlatformCalls(requests)
        client = CanvasClient(self.grants(), CanvasOAuth(calls, self.now), calls, next_link, sleep=self.sleep)
        return CanvasSource(client, CanvasPeople(self.database), self.now)

    def _http(self) -> HttpClient:
        return HttpClient(timeout=(2.0, 5.0), allowed_private_hosts=("127.0.0.1",))

    # -- readings -----------------------------------------------------------------------------------------------------

    def columns(self, source: CanvasSource | None = None) -> list[ColumnReading]:
        """Every column."""
        pages = (source or self.source()).iter_columns(self.registration, self.context, malformed=self.malformed)
        return [one for page in pages for one in page]

    def people(self, source: CanvasSource | None = None) -> list[PersonReading]:
        """Everybody the source tells of."""
        pages = (source or self.source()).iter_people(self.registration, self.context, malformed=self.malformed)
        return [one for page in pages for one in page]

    def stream(self, key: str, source: CanvasSource | None = None) -> EvidenceStream:
        """One of the streams, of all columns there are."""
        source = source or self.source()
        return next(one for one in source.streams(self.context, self.columns(source)) if one.key == key)

    def pages(
        self, stream: EvidenceStream, *, since: datetime | None = None, place: str | None = None
    ) -> Iterator[EvidencePage]:
        """The pages of a stream."""
        return self.source().iter_pages(
            self.registration, self.context, stream, since=since, place=place, malformed=self.malformed
        )

    def read(self, key: str, *, since: datetime | None = None) -> dict[tuple[str, str | None], ObservationReading]:
        """What a whole stream says, by column and person; what is said last holds."""
        found = {}
        for page in self.pages(self.stream(key), since=since):
            for column, reading in page.observations:
                found[column, reading.external_id] = reading
        return found

    def grant_rows(self) -> list[ApiGrant]:
        """The grants as stored."""
        with self.database.read() as session:
            return list(session.query(ApiGrant).order_by(ApiGrant.id))

    def audited(self) -> list[str]:
        """What was written down."""
        with self.database.read() as session:
            return [one.action for one in session.query(AuditEvent).order_by(AuditEvent.id)]


@contextmanager
def canvas_reading(engine: Engine) -> Iterator[CanvasReading]:
    """A served Canvas, and a tool that is set up for it."""
    with CanvasApi() as canvas:
        yield CanvasReading(canvas, Database(engine), Vault([Fernet.generate_key().decode()]))
