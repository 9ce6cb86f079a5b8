"""The real tool, and a strict platform that launches it as it is told, also wrongly.

One tool and one platform serve many cases: ``world.attempt()`` is a new browser at the tool's door each time.
"""

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from platforms.names import REMOVED, full_name
from platforms.strict import StrictPlatform
from sqlalchemy import func, select
from werkzeug.test import Client, TestResponse

from lti_tool.app import create_app
from lti_tool.lti.registration import add_registration, disable_registration
from lti_tool.models import Base, Deployment, DeploymentState, LoginState, Organization
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TOOL = "https://badges.example"
TARGET = f"{TOOL}/lti/launch"
OTHER_CLIENT = "tool-client-2"
DISABLED_ISSUER = "https://switched-off.example"
SILENT_ISSUER = "https://silent.example"
DISABLED_DEPLOYMENT = "deployment-off"
ONWARD = re.compile(r'data-next="([^"]+)"')
UNCOUNTED = {LoginState.__tablename__}
"""Tables that a login may fill, whatever comes of it."""


@dataclass
class Attempt:
    """One browser on its way into the tool."""

    world: "LaunchWorld"
    browser: Client
    state: str = ""
    nonce: str = ""
    query: dict[str, str] = field(default_factory=dict)
    """What the tool asked the platform for."""
    sent: list[str] = field(default_factory=list)
    """Everything secret that was sent, to look for on pages."""

    @property
    def platform(self) -> StrictPlatform:
        """The platform."""
        return self.world.platform

    def login(self, *, method: str = "POST", **changes: Any) -> TestResponse:
        """Begin a login; ``changes`` replace parameters or leave them out (``REMOVED``)."""
        form = self.platform.login_form("learner") | changes
        sent = {name: value for name, value in form.items() if value is not REMOVED}
        if method == "GET":
            response = self.browser.get("/lti/login", query_string=sent, base_url=TOOL)
        else:
            response = self.browser.post("/lti/login", data=sent, base_url=TOOL)
        onward = ONWARD.search(response.text)  # with Platform Storage a page goes on, else a redirect
        address = response.location if response.status_code == 302 else onward and html.unescape(onward[1])
        if address:
            asked = parse_qs(urlsplit(address).query, keep_blank_values=True, strict_parsing=True)
            self.query = {name: values[0] for name, values in asked.items()}
            self.state, self.nonce = self.query["state"], self.query["nonce"]
        return response

    def claims(self, persona: str | None = "learner", **changes: Any) -> dict[str, Any]:
        """The claims of a sound launch that answers the login, with changes as in ``StrictPlatform.launch_form``."""
        claims = self.platform.claims(persona, self.nonce)
        claims |= {full_name(name): value for name, value in changes.items()}
        return {name: value for name, value in claims.items() if value is not REMOVED}

    def launch(self, token: str | None = None, **fields: Any) -> TestResponse:
        """Post the platform's answer: a sound one unless ``token`` is another; ``fields`` as ``changes`` of ``login``.

        A value that is a list is sent as several fields of one name.
        """
        form = {"id_token": self.platform.sign(self.claims()) if token is None else token, "state": self.state} | fields
        sent = {name: value for name, value in form.items() if value is not REMOVED}
        self.sent += [self.state, self.nonce, *(one for one in (sent.get("id_token"),) if isinstance(one, str))]
        return self.browser.post("/lti/launch", data=sent, base_url=TOOL)

    def enter(self, response: TestResponse) -> TestResponse:
        """Follow the redirects after an accepted launch to the first page."""
        for _ in range(5):
            if response.status_code not in {302, 303}:
                return response
            response = self.browser.get(response.location, base_url=TOOL)
        raise AssertionError(f"too many redirects, the last to {response.location}")


@dataclass
class LaunchWorld:
    """The tool, the platform, and a clock for both."""

    platform: StrictPlatform
    services: Services
    app: Flask
    now: list[datetime]

    def attempt(self) -> Attempt:
        """A new browser."""
        return Attempt(self, Client(self.app))

    def begun(self, **login: Any) -> Attempt:
        """A new browser, sent to the platform."""
        attempt = self.attempt()
        response = attempt.login(**login)
        assert attempt.state, response.text
        return attempt

    def later(self, **parts: float) -> None:
        """Let time pass."""
        self.now[0] += timedelta(**parts)

    def rows(self) -> dict[str, int]:
        """How many rows each table has, but for ``UNCOUNTED``."""
        with self.services.database.read() as session:
            return {
                name: session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in Base.metadata.tables.items()
                if name not in UNCOUNTED
            }


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Tables that have more or fewer rows than before."""
    return {name for name, count in after.items() if count != before[name]}


@contextmanager
def launch_world(database_url: str) -> Iterator[LaunchWorld]:
    """Serve the tool, registered with the strict platform, and with others that exist on paper."""
    now = [START]
    settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url, public_url=TOOL)
    services = build_services(settings, clock=lambda: now[0])
    try:
        with StrictPlatform(redirect_uris=[TARGET], clock=lambda: now[0].timestamp()) as platform:
            _register(services, platform)
            yield LaunchWorld(platform, services, create_app(services), now)
    finally:
        services.database.engine.dispose()


def _register(services: Services, platform: StrictPlatform) -> None:
    common = platform.registration()
    deployment_id = common.pop("deployment_id")
    registrations = [
        {"deployment_ids": (deployment_id,)},
        {"name": "Another client of the issuer", "client_id": OTHER_CLIENT, "deployment_ids": ("deployment-2",)},
        {"name": "Switched off", "issuer": DISABLED_ISSUER},
        {"name": "Publishes no keys", "issuer": SILENT_ISSUER, "key_set_url": f"{platform.base_url}/nothing-here"},
    ]
    with services.database.write() as session:
        for changes in registrations:
            add_registration(session, **common | changes, now=START, settings=services.settings)
        disable_registration(session, "Switched off", START)
        tenant = session.scalars(select(Organization).order_by(Organization.id)).first()
        known = session.scalars(select(Deployment).where(Deployment.deployment_id == deployment_id)).one()
        session.add(
            Deployment(
                registration_id=known.registration_id,
                organization_id=tenant.id if tenant else known.organization_id,
                deployment_id=DISABLED_DEPLOYMENT,
                state=DeploymentState.DISABLED,
                created_at=START,
            )
        )
