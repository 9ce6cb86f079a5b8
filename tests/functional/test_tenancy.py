"""Schools that share an issuer, and schools that share a client id, in interleaved traffic: nobody sees the other's.

Both schools call everything the same: people (``sub``), courses, columns, resource ids, deployments where they can.
Every request that the platforms receive is recorded, and a token serves only the client it was given to.
"""

import html
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from platforms.names import GROUP_READ, NOTICE_HANDLERS, REMOVED
from platforms.quirks import BLACKBOARD, CANVAS, Quirks
from platforms.strict import StrictPlatform
from sqlalchemy import func, select
from web_world import SAME_ORIGIN
from werkzeug.test import TestResponse

from lti_tool.app import create_app
from lti_tool.jobs.schedule import run_due
from lti_tool.lti.registration import add_registration
from lti_tool.models import (
    Award,
    Checkpoint,
    CheckpointKind,
    Context,
    ContextCopy,
    CourseGroup,
    Deployment,
    DeploymentState,
    EvidenceColumn,
    Fact,
    LaunchSession,
    Membership,
    Observation,
    Organization,
    Registration,
    ResourceLink,
    ServiceToken,
    SyncRun,
    User,
)
from lti_tool.services import checkpoints, deployments, frameworks
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

TOOL = "https://badges.example"
ONWARD = re.compile(r'data-next="([^"]+)"')
SCORES = {"Ada": Decimal(91), "Bea": Decimal(42)}
"""What the one learner of each school got for the same column."""


@dataclass
class OneSchool:
    """A school's platform, and its people's browsers."""

    name: str
    learner: str
    platform: StrictPlatform
    tool: "Tool"

    def login(self) -> "Login":
        """Begin a login."""
        browser = self.tool.app.test_client()
        form = self.platform.login_form("learner", f"{TOOL}/lti/launch")
        response = browser.post("/lti/login", data=form, base_url=TOOL)
        onward = ONWARD.search(response.text)
        address = response.location if response.status_code == 302 else html.unescape(onward[1]) if onward else ""
        asked = parse_qs(urlsplit(address).query)
        assert asked, response.text
        return Login(self, browser, asked["state"][0], asked["nonce"][0])

    def launch(self, persona: str = "learner", **claims: Any) -> FlaskClient:
        """Launch; returns the browser, whose session is open."""
        login = self.login()
        response = login.finish(persona, **claims)
        assert response.status_code == 303, response.text
        return login.browser

    @property
    def served(self) -> list[str]:
        """What the platform was asked after launches, as kinds with status."""
        return [
            f"{one.kind} {one.status}" for one in self.platform.requests if one.kind not in {"jwks", "token", "auth"}
        ]


@dataclass
class Login:
    """A login that waits for its launch."""

    school: OneSchool
    browser: FlaskClient
    state: str
    nonce: str

    def finish(self, persona: str = "learner", **claims: Any) -> TestResponse:
        """Post the launch and step in."""
        form = self.school.platform.launch_form(persona, self.state, self.nonce, **claims)
        response = self.browser.post("/lti/launch", data=form, base_url=TOOL)
        if response.status_code == 303:
            self.browser.get(response.location, base_url=TOOL)
        return response


@dataclass
class Tool:
    """The tool, serving two schools."""

    services: Services
    app: Flask
    now: list[datetime]
    schools: list[OneSchool] = field(default_factory=list)

    def rows(self, table: Any, *conditions: Any) -> list[Any]:
        with self.services.database.read() as session:
            return list(session.scalars(select(table).where(*conditions).order_by(table.id)))

    def count(self, table: Any, *conditions: Any) -> int:
        with self.services.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    def organization_of(self, school: OneSchool) -> int:
        """The tenant whose course has its service addresses at this school."""
        (context,) = self.rows(Context, Context.line_items_url.startswith(school.platform.base_url))
        return int(context.organization_id)

    def context_of(self, school: OneSchool) -> Context:
        (context,) = self.rows(Context, Context.organization_id == self.organization_of(school))
        assert isinstance(context, Context)
        return context

    def work(self) -> int:
        return run_due(self.services)


def fill(platform: StrictPlatform, learner: str) -> None:
    """The same ids everywhere, other people behind them."""
    platform.granted_scopes = platform.granted_scopes | {GROUP_READ, NOTICE_HANDLERS}
    sub = platform.personas["learner"]
    platform.members[sub].name = f"{learner} of her school"
    platform.members[sub].email = f"{learner.lower()}@{learner.lower()}.example"
    platform.add_line_item("Water log", {sub: SCORES[learner]}, resource_id="log-1")
    platform.add_team("team-1", f"Team {learner}", sub)


@contextmanager
def two_schools(database_url: str, quirks: Quirks) -> Iterator[Tool]:
    """Two schools of one hosted platform; with a shared client id one registration serves both."""
    now = [datetime(2026, 11, 21, 9, 0, tzinfo=UTC)]
    settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url, public_url=TOOL)
    services = build_services(settings, clock=lambda: now[0])
    shares_client = quirks is BLACKBOARD
    with ExitStack() as stack:
        stack.callback(services.database.engine.dispose)
        first, second = (
            stack.enter_context(
                StrictPlatform(
                    quirks,
                    tool_keys=services.tool_keys.public_jwks,
                    redirect_uris=[f"{TOOL}/lti/launch"],
                    clock=lambda: now[0].timestamp(),
                    client_id="the-tool" if shares_client else f"client-of-{name}",
                    deployment_id=f"deployment-of-{name}" if shares_client else "deployment-1",
                )
            )
            for name in ("A", "B")
        )
        second.keys, second.tokens = first.keys, first.tokens  # one sign-on for the whole hosted platform
        tool = Tool(services, create_app(services), now)
        for name, learner, platform in (("A", "Ada", first), ("B", "Bea", second)):
            fill(platform, learner)
            tool.schools.append(OneSchool(name, learner, platform, tool))
        with services.database.write() as session:
            for platform in (first,) if shares_client else (first, second):
                values = platform.registration()
                deployment_id = values.pop("deployment_id")
                add_registration(session, **values, deployment_ids=(deployment_id,), now=now[0], settings=settings)
        if shares_client:  # the second school comes later, and an admin lets it in
            assert tool.schools[1].login().finish("teacher").status_code == 403
            (waiting,) = tool.rows(Deployment, Deployment.state == DeploymentState.PENDING)
            with services.database.write() as session:
                deployments.accept(session, waiting.id, actor="staff:1", now=now[0])
        yield tool


@pytest.fixture(params=[CANVAS, BLACKBOARD], ids=["one issuer", "one client id"])
def tool(request: pytest.FixtureRequest, migrated_sqlite_url: str) -> Iterator[Tool]:
    """Both kinds of neighbours."""
    with two_schools(migrated_sqlite_url, request.param) as tool:
        yield tool


def interleave(tool: Tool) -> None:
    """Teachers and learners of both schools launch in between each other, and so does the worker."""
    a, b = tool.schools
    first, second = a.login(), b.login()
    assert second.finish("teacher").status_code == 303
    tool.work()
    assert first.finish("teacher").status_code == 303
    learner_of_b = b.login()
    tool.work()
    learner_of_a = a.login()
    assert learner_of_b.finish().status_code == 303
    assert learner_of_a.finish().status_code == 303
    tool.now[0] += timedelta(minutes=5)
    assert a.login().finish("teacher").status_code == 303
    assert b.login().finish("teacher").status_code == 303
    tool.work()


def test_people_courses_and_grades_stay_with_their_school(tool: Tool) -> None:
    interleave(tool)
    a, b = tool.schools
    assert tool.organization_of(a) != tool.organization_of(b)
    for school, other in ((a, b), (b, a)):
        organization = tool.organization_of(school)
        sub = school.platform.personas["learner"]
        (user,) = tool.rows(User, User.organization_id == organization, User.platform_user_id == sub)
        assert (user.name, user.email) == (
            f"{school.learner} of her school",
            f"{school.learner.lower()}@{school.learner.lower()}.example",
        )
        context = tool.context_of(school)
        assert context.platform_id == "course-1"
        for address in (context.line_items_url, context.memberships_url, context.groups_url):
            assert address is not None
            assert address.startswith(school.platform.base_url)
        (column,) = tool.rows(EvidenceColumn, EvidenceColumn.context_id == context.id)
        assert column.external_key.startswith(school.platform.base_url)
        (observation,) = tool.rows(Observation, Observation.column_id == column.id)
        assert (observation.user_id, observation.score) == (user.id, SCORES[school.learner])
        (group,) = tool.rows(CourseGroup, CourseGroup.context_id == context.id)
        assert group.name == f"Team {school.learner}"
        assert tool.count(Membership, Membership.user_id == user.id) == 1
        assert other.learner not in str([vars(one) for one in tool.rows(User, User.organization_id == organization)])
    assert tool.count(User) == 4
    assert tool.count(Fact) == 2
    assert tool.count(ResourceLink) == 2


def test_every_service_call_was_granted_to_the_client_that_made_it(tool: Tool) -> None:
    interleave(tool)
    a, b = tool.schools
    for school in (a, b):
        assert {"line_items 200", "members 200", "results 200", "groups 200"} <= set(school.served)
        assert not [one for one in school.served if not one.endswith((" 200", " 204"))], school.served
        for one in school.platform.requests:
            if one.kind in {"jwks", "token", "auth"}:
                continue
            given = school.platform.tokens[one.headers["Authorization"].removeprefix("Bearer ")]
            assert given.client_id == school.platform.client_id
    registrations = tool.count(Registration)
    assert {one.registration_id for one in tool.rows(ServiceToken)} == {one.id for one in tool.rows(Registration)}
    # a token of one registration serves all that it may ask, and no more are fetched than there are scope sets
    assert tool.count(ServiceToken) == registrations * len({one.scopes for one in tool.rows(ServiceToken)})


def test_the_platform_would_have_noticed(migrated_sqlite_url: str) -> None:
    """The proof above can fail: a token of the one school opens nothing at the other."""
    with two_schools(migrated_sqlite_url, CANVAS) as tool:
        interleave(tool)
        a, b = tool.schools
        stolen = next(one for one in a.platform.requests if one.kind == "members")
        answer = tool.services.http.request("GET", f"{b.platform.base_url}{stolen.path}", headers=dict(stolen.headers))
        assert answer.status == 401
        assert (
            tool.services.http.request(
                "GET", f"{a.platform.base_url}{stolen.path}", headers=dict(stolen.headers)
            ).status
            == 200
        )


def test_a_school_that_offers_no_services_is_asked_nothing_nor_is_the_other_in_its_place(tool: Tool) -> None:
    a, b = tool.schools
    a.launch("teacher")
    tool.work()
    asked = len(a.platform.requests)
    offers_nothing = {"endpoint": REMOVED, "namesroleservice": REMOVED, "groupsservice": REMOVED}
    b.launch("teacher", platformnotificationservice=REMOVED, **offers_nothing)
    b.launch("learner", platformnotificationservice=REMOVED, **offers_nothing)
    tool.work()
    assert b.served == []
    assert len(a.platform.requests) == asked
    (context,) = tool.rows(Context, Context.line_items_url.is_(None))
    assert (context.memberships_url, context.groups_url) == (None, None)
    assert tool.count(EvidenceColumn, EvidenceColumn.context_id == context.id) == 0


def test_an_address_that_leads_to_the_other_school_gets_no_token(migrated_sqlite_url: str) -> None:
    """A next link of A that names B's host, which no launch of A ever named."""
    with two_schools(migrated_sqlite_url, CANVAS) as tool:
        a, b = tool.schools
        b.launch("teacher")
        tool.work()
        before = len(b.platform.requests)
        for number in range(120):  # more than a page holds
            a.platform.add_line_item(f"Work {number}")
        a.platform.foreign_next_page = b.platform.base_url
        a.launch("teacher")
        tool.work()
        (run,) = tool.rows(SyncRun, SyncRun.context_id == tool.context_of(a).id)
        assert run.error_code == "address_refused"
        assert len(b.platform.requests) == before


def test_pages_show_nothing_of_the_other_school(tool: Tool) -> None:
    interleave(tool)
    a, b = tool.schools
    for school, other in ((a, b), (b, a)):
        browser = school.launch("teacher")
        own, foreign = tool.context_of(school), tool.context_of(other)
        people = [
            tool.rows(
                User,
                User.organization_id == tool.organization_of(one),
                User.platform_user_id == one.platform.personas["learner"],
            )[0].id
            for one in (school, other)
        ]
        page = browser.get(f"/courses/{own.id}/learners/{people[0]}", base_url=TOOL)
        assert f"{school.learner} of her school" in page.text
        for path in ("/", "/learners", f"/learners/{people[0]}", "/evidence"):
            assert other.learner not in browser.get(f"/courses/{own.id}{path}", base_url=TOOL).text
        for path in ("/", "/learners", f"/learners/{people[1]}", "/evidence", "/skills"):
            assert browser.get(f"/courses/{foreign.id}{path}", base_url=TOOL).status_code == 403
        assert browser.get(f"/courses/{own.id}/learners/{people[1]}", base_url=TOOL).status_code == 404
        answer = browser.post(f"/courses/{foreign.id}/check", base_url=TOOL, headers=SAME_ORIGIN)
        assert answer.status_code in {400, 403}


def test_a_checkpoint_of_the_other_school_is_unknown(tool: Tool) -> None:
    interleave(tool)
    a, b = tool.schools
    with tool.services.database.write() as session:
        context = session.get_one(Context, tool.context_of(a).id)
        draft = Draft(kind=CheckpointKind.EVIDENCE, title="Secret task", maximum=Decimal(10))
        public_id = checkpoints.create(session, context, draft, "user:1", tool.now[0]).public_id
    for school, is_known in ((a, True), (b, False)):
        login = school.login()
        response = login.finish("learner", custom={"checkpoint": public_id})
        page = login.browser.get("/lti/enter", base_url=TOOL) if response.status_code != 303 else None
        assert page is None
        newest = tool.rows(LaunchSession)[-1]
        landed = newest.data["landing"]["page"]
        assert landed == ("checkpoint" if is_known else "unknown_checkpoint")
    assert [one.context_id for one in tool.rows(Checkpoint)] == [tool.context_of(a).id]


def test_a_history_that_names_a_course_of_the_other_school_brings_nothing(tool: Tool) -> None:
    interleave(tool)
    a, b = tool.schools
    with tool.services.database.write() as session:
        frameworks.add_item(session, session.get_one(Context, tool.context_of(a).id), "A secret", None, tool.now[0])
    b.platform.context_id = "course-2"
    b.launch("teacher", custom={"context_history": "course-1", "resource_link_history": "link-1"})
    tool.work()
    assert tool.count(ContextCopy) == 0
    b.platform.context_id = "course-1"
    a.platform.context_id = "course-3"
    a.launch("teacher", custom={"context_history": "course-1"})
    (copy,) = tool.rows(ContextCopy)
    with tool.services.database.read() as session:
        here, there = (session.get_one(Context, one) for one in (copy.context_id, copy.origin_context_id))
        assert (here.platform_id, there.platform_id) == ("course-3", "course-1")
        assert here.organization_id == there.organization_id


# -- deployments ------------------------------------------------------------------------------------------------------


def test_an_unknown_deployment_of_a_shared_client_is_held_as_a_school_of_its_own(migrated_sqlite_url: str) -> None:
    with two_schools(migrated_sqlite_url, BLACKBOARD) as tool:
        interleave(tool)
        a, _ = tool.schools
        before = [tool.count(table) for table in (User, Context, Membership, LaunchSession, Award)]
        response = a.login().finish("teacher", deployment_id="deployment-of-C")
        assert response.status_code == 403
        assert "deployment_pending" in response.text
        assert [tool.count(table) for table in (User, Context, Membership, LaunchSession, Award)] == before
        (held,) = tool.rows(Deployment, Deployment.deployment_id == "deployment-of-C")
        assert held.state is DeploymentState.PENDING
        assert held.organization_id not in {tool.organization_of(one) for one in tool.schools}
        with tool.services.database.write() as session:
            (listed,) = deployments.list_platforms(session)
            assert [one.deployment_id for one in listed.deployments if one.state is DeploymentState.PENDING] == [
                "deployment-of-C"
            ]
            deployments.accept(session, held.id, actor="staff:1", now=tool.now[0])
        tool.now[0] += timedelta(seconds=10)
        assert a.login().finish("teacher", deployment_id="deployment-of-C").status_code == 303
        assert tool.count(Organization) == 3
        (teacher,) = tool.rows(User, User.organization_id == held.organization_id)
        assert tool.count(Membership, Membership.user_id == teacher.id) == 1


def test_of_deployments_that_race_for_an_invited_registration_one_is_accepted(any_database: str) -> None:
    with two_schools(any_database, CANVAS) as tool:
        a, _ = tool.schools
        with tool.services.database.write() as session:
            values = a.platform.registration() | {"client_id": "invited", "name": "Invited"}
            values.pop("deployment_id")
            invited = add_registration(session, **values, now=tool.now[0], settings=tool.services.settings).id
        a.platform.client_id = "invited"
        logins = [a.login() for _ in range(6)]
        answers: dict[str, int] = {}
        start = threading.Barrier(len(logins))

        def go(number: int, login: Login) -> None:
            start.wait()
            name = f"race-{number % 3}"
            answers[f"{name}-{number}"] = login.finish("teacher", deployment_id=name).status_code

        threads = [threading.Thread(target=go, args=one) for one in enumerate(logins)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = tool.rows(Deployment, Deployment.registration_id == invited)
        assert sorted(one.deployment_id for one in rows) == ["race-0", "race-1", "race-2"]
        (winner,) = [one for one in rows if one.state is DeploymentState.ACTIVE]
        for name, status in answers.items():
            assert status == (303 if name.startswith(winner.deployment_id) else 403), answers
