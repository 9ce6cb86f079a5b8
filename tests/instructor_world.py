"""A course with graded work and learners, and a browser of its instructor, for tests of the instructor's pages."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask.testing import FlaskClient
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import ColumnKind, Context, MembershipStatus
from lti_tool.services import achievements, blobs, course_sync, frameworks, issuers, launching, mapping, observing
from lti_tool.services.awarding import evaluate_course
from lti_tool.web.session import LAUNCH_COOKIE

PNG_1X1 = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


@dataclass
class CourseWorld:
    """One course of a world: ids by short names, and the instructor's browser."""

    world: World
    context_id: int
    client: FlaskClient
    columns: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    badges: dict[str, int] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Where the course's pages begin."""
        return f"/courses/{self.context_id}"

    # -- what is in the course ----------------------------------------------------------------------------------------

    def add_column(self, name: str, title: str, scores: dict[str, str | EvidenceState], maximum: str = "100") -> int:
        """Add graded work; a score is points, or the state of somebody without any."""
        with self.world.services.database.write() as session:
            now = self.world.now[0]
            reading = ColumnReading(
                f"https://lms.example/items/{self.context_id}/{name}",
                title,
                ColumnKind.LINE_ITEM,
                Decimal(maximum),
                name,
                None,
                len(self.columns),
            )
            column_id = observing.store_column(session, self.context_id, "ags", reading)
            readings = []
            for user, score in scores.items():
                graded = isinstance(score, str) and not isinstance(score, EvidenceState)
                readings.append(
                    (
                        self.users[user],
                        ObservationReading(
                            user,
                            EvidenceState.GRADED if graded else EvidenceState(score),
                            Decimal(score) if graded else None,
                            Decimal(maximum),
                            graded_at=now - timedelta(days=1) if graded else None,
                        ),
                    )
                )
            observing.store_observations(session, column_id, readings, now)
            observing.mark_column_read(session, column_id, now)
        self.columns[name] = column_id
        return column_id

    def add_learner(
        self,
        name: str,
        full_name: str | None,
        *,
        is_test_user: bool = False,
        status: MembershipStatus = MembershipStatus.ACTIVE,
    ) -> int:
        """Add a learner, as a roster does."""
        with self.world.services.database.write() as session:
            now = self.world.now[0]
            user = launching.ensure_user(
                session,
                self.world.registration_id,
                self.world.organization_id,
                name,
                now,
                name=full_name,
                email=f"{name}@example.org",
            )
            launching.ensure_membership(
                session,
                self.context_id,
                user.id,
                now,
                roles=[LEARNER],
                is_learner=True,
                is_test_user=is_test_user,
                status=status,
            )
            self.users[name] = user.id
        return self.users[name]

    def add_item(self, name: str, statement: str, **thresholds: int) -> int:
        """Add a skill for which columns count from so many percent on."""
        with self.world.services.database.write() as session:
            context = session.get_one(Context, self.context_id)
            self.items[name] = frameworks.add_item(session, context, statement, None, self.world.now[0]).id
            for column, threshold in thresholds.items():
                mapping.map_column(session, self.context_id, self.columns[column], self.items[name], Decimal(threshold))
        return self.items[name]

    def add_badge(self, name: str, title: str, rule: dict[str, Any] | None = None, *, live: bool = False) -> int:
        """Add a badge, with a rule and published where asked for."""
        services, now = self.world.services, self.world.now[0]
        with services.database.write() as session:
            context = session.get_one(Context, self.context_id)
            issuer = issuers.ensure_issuer(
                session, context.organization_id, services.settings.public_url, services.vault, now
            )
            content = achievements.Content(
                name=title,
                description=f"Can do {title}.",
                criteria_narrative="By work.",
                picture_sha256=blobs.keep(session, PNG_1X1, "image/png", now),
                language="en",
            )
            achievement = achievements.create_achievement(session, context, issuer.id, content, now)
            if rule is not None:
                achievements.write_rule(session, achievement, rule, now)
            if live:
                achievements.publish(session, achievement, "cli", now)
            self.badges[name] = achievement.id
        return self.badges[name]

    def identifier(self, name: str) -> str:
        """The CFItem identifier of a skill, for rules."""
        with self.world.services.database.read() as session:
            items = frameworks.course_items(session, self.context_id)
            return next(item.identifier for item in items if item.id == self.items[name])

    def evaluate(self) -> None:
        """Judge everybody, as the worker does."""
        with self.world.services.database.write() as session:
            evaluate_course(session, self.context_id, self.world.now[0])

    def finish_reading(self) -> None:
        """Bring the open reading to its end."""
        with self.world.services.database.write() as session:
            now = self.world.now[0]
            for run_id in course_sync.due_runs(session, now):
                course_sync.take_run(session, run_id, now)
                course_sync.finish_run(session, run_id, now, {})

    # -- the instructor's browser -------------------------------------------------------------------------------------

    def get(self, path: str, status: int = 200) -> str:
        """Load a page."""
        answer = self.client.get(self.base + path)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.text

    def token(self) -> str:
        """The CSRF token of the session."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/skills"))
        assert found
        return found[1]

    def post(self, path: str, *, token: str | None = None, **form: Any) -> TestResponse:
        """Send a form as a browser does."""
        form["csrf_token"] = self.token() if token is None else token
        return self.client.post(self.base + path, data=form, headers=SAME_ORIGIN)

    def post_on(self, path: str, **form: Any) -> str:
        """Send a form that is taken, and return the page it leads to."""
        answer = self.post(path, **form)
        assert answer.status_code == 303, (answer.status_code, answer.text[:500])
        return self.client.get(answer.headers["Location"]).text


def make_course(world: World, course: str = "course-1", roles: tuple[str, ...] = (INSTRUCTOR,)) -> CourseWorld:
    """An empty course, opened by somebody with these roles."""
    opened = world.open(*roles, course=course, sub=f"{course}-opener")
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    assert opened.context_id is not None
    return CourseWorld(world, opened.context_id, client)


def lakeside(world: World) -> CourseWorld:
    """Two pieces of work, two skills, four learners: Ada has both, Ben lacks 0.5 %, Cho is not graded, Dee left."""
    course = make_course(world)
    for name, full_name in (("ada", "Ada Okafor"), ("ben", "Ben Noor"), ("cho", None)):
        course.add_learner(name, full_name)
    course.add_learner("dee", "Dee Park", status=MembershipStatus.INACTIVE)
    course.add_learner("tess", "Test Student", is_test_user=True)
    course.add_column("quiz", "Nitrogen cycle quiz", {"ada": "88", "ben": "69.5", "dee": "90", "tess": "100"})
    course.add_column("log", "Water log", {"ada": "80", "ben": "90", "cho": "75", "dee": "20"})
    course.add_item("water", "Balance the water chemistry", quiz=70, log=70)
    course.add_item("fish", "Keep the fish healthy")
    return course
