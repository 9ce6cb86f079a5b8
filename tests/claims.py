"""A tool with a course in which Ada has earned a badge: its pages, its jobs, and what is in its database."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app_shop import application
from courses import Course, course_on
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lti_tool.jobs import signing
from lti_tool.models import (
    Achievement,
    Award,
    Credential,
    CredentialVersion,
    IssuerKey,
    IssuerProfile,
    LaunchSession,
    User,
)
from lti_tool.openbadges.picture import default_picture, render_png
from lti_tool.services import blobs, issuing
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.sessions import IDLE
from lti_tool.settings import load_settings
from lti_tool.web.public_verify import limiter
from lti_tool.web.session import LAUNCH_COOKIE
from lti_tool.wiring import Services, build_services

TOOL = "http://localhost:8000"
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class NotedQueue:
    """Remembers who was woken."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, int]] = []

    def wake(self, task: str, row_id: int) -> None:
        self.woken.append((task, row_id))


@dataclass
class Wallets:
    """A tool, its course, and Ada, who has 90 of 100 in the essay that the badge *Writer* needs."""

    course: Course
    services: Services
    queue: NotedQueue
    app: Flask
    ada: int = 0
    essay: int = 0
    achievement_id: int = 0

    # -- people and their browsers ------------------------------------------------------------------------------------

    def browser(self, user_id: int | None, *, is_test_user: bool = False, context_id: int | None = None) -> FlaskClient:
        """The browser of somebody who launched the course as a learner."""
        secret, now = new_secret(), self.course.now
        with self.services.database.write() as session:
            session.add(
                LaunchSession(
                    secret_hash=secret_hash(secret),
                    user_id=user_id,
                    context_id=context_id or self.course.context_id,
                    deployment_id=self.course.deployment_id,
                    roles=[LEARNER],
                    is_test_user=is_test_user,
                    locale="en",
                    frame_ancestors=[],
                    data={},
                    created_at=now,
                    seen_at=now,
                    expires_at=now + IDLE,
                )
            )
        client = self.app.test_client()
        client.set_cookie(LAUNCH_COOKIE, secret)
        return client

    def mine(self, rest: str = "") -> str:
        """A path below a learner's first page."""
        return f"/courses/{self.course.context_id}/mine{rest}"

    def press(self, client: FlaskClient, page: str, action: str, **form: str) -> TestResponse:
        """Open a page below ``mine`` and send its form whose address ends in ``action``."""
        text = client.get(self.mine(page)).text
        assert f'action="{self.mine(page)}/{action}"' in text, text
        data = {"csrf_token": page_token(text), **form}
        return client.post(self.mine(f"{page}/{action}"), data=data, headers=SAME_ORIGIN)

    # -- what is in the database --------------------------------------------------------------------------------------

    def award_id(self, user_id: int | None = None) -> int:
        """The number of a learner's one award."""
        with self.services.database.read() as session:
            return session.scalars(select(Award.id).where(Award.user_id == (user_id or self.ada))).one()

    def claim(self, user_id: int | None = None, *, show_name: bool = False, sign: bool = True) -> int:
        """Claim without a browser; returns the credential's number."""
        user_id = user_id or self.ada
        with self.services.database.write() as session:
            made = issuing.claim(
                session,
                self.course.context_id,
                self.award_id(user_id),
                user_id,
                show_name=show_name,
                now=self.course.now,
            )
        assert made is not None
        if sign:
            signing.issue(self.services, made.version_id)
        return made.credential_id

    def public_id(self, credential_id: int) -> str:
        """The credential's id in its address."""
        with self.services.database.read() as session:
            return session.get_one(Credential, credential_id).public_id

    def document(self, credential_id: int) -> dict[str, Any]:
        """The signed document."""
        with self.services.database.read() as session:
            found = select(CredentialVersion.document).where(CredentialVersion.credential_id == credential_id)
            document: dict[str, Any] = json.loads(session.scalars(found).one() or "null")
            return document

    def count(self, table: Any, *conditions: Any) -> int:
        """How many rows there are."""
        with self.services.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def page_token(page: str) -> str:
    """The CSRF token of a page; empty when it has no form."""
    _, found, rest = page.partition('name="csrf_token" value="')
    return rest.partition('"')[0] if found else ""


@contextmanager
def wallets_on(database_url: str, **settings: Any) -> Iterator[Wallets]:
    """A tool on a migrated, empty database, with the badge offered to Ada."""
    loaded = load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url, **settings)
    with course_on(database_url) as course:
        queue = NotedQueue()
        services = build_services(loaded, clock=lambda: course.now)
        services = dataclasses.replace(services, queue=queue)
        wallets = Wallets(course, services, queue, application(services))
        limiter.reset()
        _fill(wallets)
        course.vault = services.vault
        yield wallets
        services.database.engine.dispose()


def _fill(wallets: Wallets) -> None:
    course = wallets.course
    with wallets.services.database.write() as session:
        session.get_one(IssuerProfile, course.issuer_id).base_url = wallets.services.settings.public_url
        for key in session.scalars(select(IssuerKey)):  # other processes know the key of the settings only
            key.private_key = wallets.services.vault.lock(course.vault.open(key.private_key))
        picture = blobs.keep(session, render_png(default_picture("star", "#1f5f9e", "")), "image/png", course.now)
    wallets.ada = course.person("ada")
    with course.database.write() as session:
        ada = session.get_one(User, wallets.ada)
        ada.name, ada.email = "Ada Okafor", "ada@lakeside.example"
    wallets.essay = course.column("Essay")
    course.grade(wallets.essay, wallets.ada, "90")
    wallets.achievement_id = course.badge_for(wallets.essay)
    with course.database.write() as session:
        version = session.get_one(Achievement, wallets.achievement_id).current_version
        assert version is not None
        version.picture_sha256 = picture
        version.criteria_narrative = "At least *70 %* in the essay.\n\n<script>alert(1)</script>"
    course.evaluate()
