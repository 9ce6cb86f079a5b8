"""This tool as the sweep's contestant: a database as launches and an admin leave it, and readings of whole courses."""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from bench.institution import Course
from bench.institution_host import FUNCTIONS
from bench.sweep_worker import Batch, Watch
from lti_tool.db import make_engine, upgrade
from lti_tool.evidence.canvas_scopes import asked
from lti_tool.evidence.grants import GrantTokens
from lti_tool.jobs.course_reading import read_course
from lti_tool.lti.course_service import AGS, MEMBERSHIP_SCOPE
from lti_tool.models import (
    INSTITUTION,
    ApiGrant,
    Context,
    Deployment,
    DeploymentState,
    GrantState,
    Organization,
    PlatformApi,
    Registration,
    ResourceLink,
    ServiceToken,
    SyncRun,
    SyncState,
)
from lti_tool.services import course_sync
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

PRODUCTS = {"ags": None, "canvas": "canvas", "moodle": "moodle"}
AGS_SCOPES = (f"{AGS}lineitem.readonly", f"{AGS}result.readonly")
CHANGES = 20
"""Grades that changed before each reading of changes only."""
KEY = "KEY_OF_THIS_BENCHMARK"
Request = tuple[str, str, dict[str, str], Any]


# -- the database -----------------------------------------------------------------------------------------------------


def set_up(profile: str, address: str, database_url: str) -> None:
    """Make the database and what an admin leaves there: a platform with tokens that last, its API, a grant."""
    _create(database_url)
    upgrade(database_url)
    services = services_of(database_url)
    now = datetime.now(UTC)
    lock = services.vault.lock
    with services.database.write() as session:
        organization = Organization(name="Lakeside", created_at=now)
        registration = Registration(
            name="Lakeside",
            issuer=address,
            client_id="10000000000042",
            auth_login_url=f"{address}/auth",
            auth_token_url=f"{address}/token",
            key_set_url=f"{address}/jwks",
            product=PRODUCTS[profile],
            created_at=now,
        )
        session.add_all([organization, registration])
        session.flush()
        place = {"registration_id": registration.id, "organization_id": organization.id}
        session.add(Deployment(**place, deployment_id="1", state=DeploymentState.ACTIVE, created_at=now))
        for scope in (MEMBERSHIP_SCOPE, *AGS_SCOPES):
            token, ends = lock("an-lti-token"), now + timedelta(hours=23)
            session.add(
                ServiceToken(registration_id=registration.id, scopes=scope, access_token=token, expires_at=ends)
            )
        if profile != "ags":
            scopes = asked(()) if profile == "canvas" else list(FUNCTIONS)
            api = PlatformApi(**place, source=profile, address=address, scopes=scopes, created_at=now)
            session.add(api)
            session.flush()
            session.add(
                ApiGrant(
                    platform_api_id=api.id,
                    place=INSTITUTION,
                    state=GrantState.ACTIVE,
                    tokens=GrantTokens("an-api-token", "another", now + timedelta(hours=23)).locked(services.vault),
                    scopes=scopes,
                    account="Badge Service",
                    created_at=now,
                    changed_at=now,
                )
            )
    services.database.engine.dispose()


def _create(database_url: str) -> None:
    """Make the database of that name, where it is not a file."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return
    engine = make_engine(url.set(database="postgres").render_as_string(hide_password=False))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{url.database}"'))
    engine.dispose()


def services_of(database_url: str) -> Services:
    os.environ.setdefault(KEY, Fernet.generate_key().decode("ascii"))
    folder = make_url(database_url).database if database_url.startswith("sqlite") else None
    settings = load_settings(
        {
            "LTI_BADGES_ENV": "production",
            "LTI_BADGES_DATABASE_URL": database_url,
            "LTI_BADGES_DATA_DIR": str(Path(folder).parent if folder else Path.cwd()),
            "LTI_BADGES_PUBLIC_URL": "https://badges.example.org",
            "LTI_BADGES_SECRET_KEY": "a-key-for-one-benchmark-and-nothing-else",
            "LTI_BADGES_KEY_ENCRYPTION_KEY": os.environ[KEY],
            "LTI_BADGES_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        }
    )
    return build_services(settings)


class Reader:
    """Reads courses of one institution; ``observed`` is what a reading of a whole course should add."""

    def __init__(self, profile: str, address: str, services: Services) -> None:
        self._profile, self._address, self.services = profile, address, services

    def add_course(self, course: Course) -> int:
        """Make a course as its first launch leaves it."""
        now = datetime.now(UTC)
        at = f"{self._address}/lti/{course.name}"
        is_ags = self._profile == "ags"
        with self.services.database.write() as session:
            deployment = session.scalars(select(Deployment)).one()
            context = Context(
                deployment_id=deployment.id,
                organization_id=deployment.organization_id,
                platform_id=course.name,
                title=f"Aquaponics {course.number}",
                memberships_url=f"{at}/memberships",
                line_items_url=f"{at}/lineitems?type_id=3" if is_ags else None,
                ags_scopes=list(AGS_SCOPES) if is_ags else [],
                service_ids={"canvas": course.name} if self._profile == "canvas" else {},
                created_at=now,
                launched_at=now,
            )
            session.add(context)
            session.flush()
            session.add(ResourceLink(context_id=context.id, platform_id=course.name, title="Badges"))
            return context.id

    def want(self, context_id: int, reason: str) -> int:
        """Ask for a reading; returns its run."""
        with self.services.database.write() as session:
            context = session.get_one(Context, context_id)
            run_id = course_sync.request_sync(session, context, reason, datetime.now(UTC))
        assert run_id is not None
        return run_id

    def read(self, run_id: int) -> None:
        """Bring a reading to its end: what is measured."""
        read_course(self.services, run_id)

    def require(self, run_id: int, observations: int) -> None:
        """Raise unless the reading was done and added so many observations."""
        with self.services.database.read() as session:
            run = session.get_one(SyncRun, run_id)
        if run.state is not SyncState.DONE or run.counts["observations"] != observations:
            raise RuntimeError(f"the reading ended as {run.state} ({run.error_code}): {run.counts}")

    def recorded(self, read: Callable[[], None]) -> list[Request]:
        """Run ``read`` and return what it asked the platform for."""
        asked_for: list[Request] = []
        send = self.services.http.request

        def request(method: str, url: str, **options: Any) -> Any:
            asked_for.append((method, url, dict(options["headers"] or {}), options.get("data")))
            return send(method, url, **options)

        self.services.http.request = request  # type: ignore[method-assign]
        read()
        del self.services.http.request
        return asked_for


def results_of(profile: str, course: Course) -> int:
    """How many observations a whole reading of a course makes; Canvas has a total, too."""
    return course.learners * (course.columns + (profile == "canvas"))


# -- contestants ------------------------------------------------------------------------------------------------------


def reading(
    profile: str, case: str, address: str, database_url: str, learners: str, columns: str, note: str = ""
) -> Batch:
    """Whole courses. ``case``: ``cold`` (never read before), ``unchanged`` (somebody asks for the same again), or
    ``changes`` (the schedule asks, a few grades changed). What was asked for is written to the file ``note``."""
    set_up(profile, address, database_url)
    reader = Reader(profile, address, services_of(database_url))
    number = 5000 if case == "changes" else 0  # whose grades change, while others read theirs

    def add() -> tuple[Course, int]:
        nonlocal number
        number += 1
        course = Course(number, int(learners), int(columns))
        return course, reader.add_course(course)

    course, context_id = add()
    first = reader.want(context_id, "launch")
    pages = reader.recorded(lambda: reader.read(first))
    results = results_of(profile, course)
    reader.require(first, results)

    def cold(watch: Watch) -> int:
        course, context_id = add()
        run_id = reader.want(context_id, "launch")
        with watch:
            reader.read(run_id)
        reader.require(run_id, results_of(profile, course))
        return results

    def unchanged(watch: Watch) -> int:
        run_id = reader.want(context_id, "button")
        with watch:
            reader.read(run_id)
        reader.require(run_id, 0)
        return results

    def changes(watch: Watch) -> int:
        run_id = _changed(reader, address, course, context_id)
        with watch:
            reader.read(run_id)
        reader.require(run_id, CHANGES)
        return results

    if case == "changes":
        run_id = _changed(reader, address, course, context_id)
        pages = reader.recorded(lambda: reader.read(run_id))
    if note:
        Path(note).write_text(json.dumps({"pages": pages, "results": results}), encoding="utf-8")
    return {"cold": cold, "unchanged": unchanged, "changes": changes}[case]


def _changed(reader: Reader, address: str, course: Course, context_id: int) -> int:
    """Let a few grades change, and ask for a reading."""
    score = 1 + time.time() % 90
    grades = [(course.name, one, one % course.columns, round(score, 4)) for one in range(CHANGES)]
    control(address, {"change": grades})
    return reader.want(context_id, "schedule")


def control(address: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Set something at the institution's server; returns what it counted so far."""
    request = urllib.request.Request(f"{address}/control", json.dumps(wanted).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
