"""A tool with one platform, one course and one clock, for tests of pages."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app_shop import application
from flask import Blueprint, Flask, flash, g, render_template_string, request
from flask import session as flask_session

from lti_tool.errors import LaunchError
from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.lti.launch import StartedLogin, VerifiedLaunch
from lti_tool.lti.verified_launch import LaunchContext
from lti_tool.models import Deployment, DeploymentState, Organization, Registration, StaffRole
from lti_tool.services import staff
from lti_tool.services.launching import OpenedLaunch, receive_launch
from lti_tool.settings import load_settings
from lti_tool.web.access import Action, Role, launch_required, public, staff_required
from lti_tool.wiring import Services, build_services

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLATFORM = "https://lms.example"
INSTRUCTOR = f"{MEMBERSHIP}#Instructor"
LEARNER = f"{MEMBERSHIP}#Learner"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class StandInLaunches:
    """Answers what a test wants instead of verifying: a launch to accept or an error to raise."""

    def __init__(self) -> None:
        self.error: LaunchError | None = None
        self.verified: VerifiedLaunch | None = None
        self.started_with: dict[str, str] = {}

    def start(self, parameters: Mapping[str, str]) -> StartedLogin:
        self.started_with = dict(parameters)
        if self.error:
            raise self.error
        return StartedLogin(f"{PLATFORM}/auth?state=x", "__Host-lti_login_x", "browser-secret")

    def finish(self, form: Mapping[str, str], cookies: Mapping[str, str]) -> VerifiedLaunch:
        if self.error:
            raise self.error
        assert self.verified is not None
        return self.verified


class NotedQueue:
    """Remembers who was woken."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, int]] = []

    def wake(self, task: str, row_id: int) -> None:
        self.woken.append((task, row_id))


@dataclass
class World:
    """The tool's parts, and what is in its database."""

    services: Services
    launches: StandInLaunches
    queue: NotedQueue
    now: list[datetime]
    registration_id: int = 0
    deployment_row_id: int = 0
    organization_id: int = 0
    app: Flask = field(init=False)

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now[0] += timedelta(**delta)

    def launch(
        self, *roles: str, course: str | None = "course-1", sub: str | None = "ada", **more: Any
    ) -> VerifiedLaunch:
        """A launch as verification would give it."""
        values: dict[str, Any] = {
            "registration_id": self.registration_id,
            "deployment_row_id": self.deployment_row_id,
            "organization_id": self.organization_id,
            "message_type": "LtiResourceLinkRequest",
            "platform_user_id": sub,
            "name": "Ada",
            "email": None,
            "locale": None,
            "roles": frozenset(roles or (INSTRUCTOR,)),
            "context": LaunchContext(course, f"Title of {course}", None) if course else None,
            "resource_link": None,
            "line_items_url": None,
            "line_item_url": None,
            "ags_scopes": (),
            "memberships_url": None,
            "custom": {},
            "return_url": None,
            "product": None,
            "frame_ancestors": (PLATFORM,),
        }
        return VerifiedLaunch(**values | more)

    def open(self, *roles: str, **more: Any) -> OpenedLaunch:
        """Open a launch session, as ``/lti/launch`` does."""
        with self.services.database.write() as session:
            return receive_launch(session, self.launch(*roles, **more), self.now[0])

    def invite(self, role: StaffRole = StaffRole.ADMIN, email: str = "admin@example.org") -> str:
        """Return the token of an invite."""
        with self.services.database.write() as session:
            return staff.invite(session, email, role, self.now[0])

    def staff_secret(self, role: StaffRole = StaffRole.ADMIN, email: str = "admin@example.org") -> str:
        """Return the secret of an open staff session."""
        token = self.invite(role, email)
        with self.services.database.write() as session:
            return staff.open_staff_session(session, staff.spend_invite(session, token, self.now[0]), self.now[0])

    def add_deployment(self, deployment_id: str, state: DeploymentState = DeploymentState.PENDING) -> int:
        """Add a deployment and return its row's id."""
        with self.services.database.write() as session:
            row = Deployment(
                registration_id=self.registration_id,
                organization_id=self.organization_id,
                deployment_id=deployment_id,
                state=state,
                created_at=self.now[0],
            )
            session.add(row)
            session.flush()
            return row.id


def make_world(database_url: str, **settings: Any) -> World:
    """Return a world on a migrated, empty database."""
    now = [START]
    launches, queue = StandInLaunches(), NotedQueue()
    services = build_services(
        load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url, **settings), clock=lambda: now[0]
    )
    services = dataclasses.replace(services, launches=launches, queue=queue)  # type: ignore[arg-type]
    world = World(services, launches, queue, now)
    with services.database.write() as session:
        organization = Organization(name="Lakeside College", created_at=START)
        registration = Registration(
            name="Lakeside",
            issuer=PLATFORM,
            client_id="client-1",
            auth_login_url="https://sso.lms.example/auth?x=1",
            auth_token_url=f"{PLATFORM}/token",
            key_set_url=f"{PLATFORM}/jwks",
            created_at=START,
        )
        session.add_all([organization, registration])
        session.flush()
        world.organization_id, world.registration_id = organization.id, registration.id
    world.deployment_row_id = world.add_deployment("1", DeploymentState.ACTIVE)
    world.app = application(services, probe_blueprint())
    return world


def probe_blueprint() -> Blueprint:
    """Views that show what the frame gives to a view."""
    blueprint = Blueprint("probe", __name__)

    @blueprint.get("/courses/<int:context_id>/probe")
    @launch_required()
    def course(context_id: int) -> dict[str, Any]:
        return {"user_id": g.launch.user_id, "context_id": g.launch.context_id, "note": flask_session.get("note")}

    @blueprint.get("/courses/<int:context_id>/probe/page")
    @launch_required()
    def page(context_id: int) -> str:
        return render_template_string(
            '{% extends "course.html" %}{% block main %}<h1>Probe</h1>'
            '<form method="post" action="{{ url_for("probe.write", context_id=g.launch.context_id) }}">'
            '<input name="csrf_token" value="{{ csrf_token() }}"></form>'
            '<a href="{{ url_for("probe.anyone") }}">anyone</a>{% endblock %}'
        )

    @blueprint.post("/courses/<int:context_id>/probe")
    @launch_required()
    def write(context_id: int) -> dict[str, Any]:
        flask_session["note"] = request.form.get("note")
        flash("Kept.")
        return {"done": True}

    @blueprint.get("/courses/<int:context_id>/probe/instructor")
    @launch_required(Role.INSTRUCTOR)
    def for_instructors(context_id: int) -> str:
        return "instructor"

    @blueprint.get("/courses/<int:context_id>/probe/learner")
    @launch_required(Role.LEARNER)
    def for_learners(context_id: int) -> str:
        return "learner"

    @blueprint.get("/courses/<int:context_id>/probe/publish")
    @launch_required(Role.INSTRUCTOR, action=Action.PUBLISH)
    def publish(context_id: int) -> str:
        return "published"

    _add_other_probes(blueprint)
    return blueprint


def _add_other_probes(blueprint: Blueprint) -> None:
    """Views without a launch."""

    @blueprint.route("/probe/anyone", methods=["GET", "POST"])
    @public
    def anyone() -> str:
        return "<p>anyone</p>"

    @blueprint.get("/admin/probe/registrar")
    @staff_required(Role.REGISTRAR)
    def for_registrars() -> str:
        return "registrar"

    @blueprint.get("/probe/undecided")
    def undecided() -> str:
        return "nobody said who may come in"

    @blueprint.get("/probe/broken")
    @public
    def broken() -> str:
        raise ValueError("inner details")
