"""From a grant to facts, and from a grant that fails to facts that say so: nobody loses anything meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, make_course
from platforms.canvas_api import CanvasApi
from platforms.canvas_oauth import Grant
from sqlalchemy import select
from web_world import World, make_world

from lti_tool.doctor import examine
from lti_tool.domain.lifecycle import AwardState
from lti_tool.evidence import canvas_scopes
from lti_tool.evidence.grants import GrantTokens
from lti_tool.jobs.course_reading import read_course
from lti_tool.models import (
    INSTITUTION,
    Award,
    Context,
    EvidenceColumn,
    Fact,
    Observation,
    PlatformApi,
    Registration,
    SourceReading,
    SyncRun,
)
from lti_tool.services import api_grants, course_sync, platform_apis, standings
from lti_tool.web.session import STAFF_COOKIE

SCOPES = canvas_scopes.scopes_of(canvas_scopes.PARTS)


@dataclass
class School:
    """A Canvas, a course of this tool on it, and the grant that connects them."""

    world: World
    canvas: CanvasApi
    course: CourseWorld
    given: Grant
    work: int
    students: dict[str, int]

    def read(self) -> SyncRun:
        """Read the course, as the worker does after somebody pressed the button, and judge everybody."""
        self.world.later(hours=1)
        self.canvas.course.now = self.world.now[0]
        services = self.world.services
        with services.database.write() as session:
            context = session.get_one(Context, self.course.context_id)
            course_sync.request_sync(session, context, "button", services.clock())
            due = course_sync.due_runs(session, services.clock())
        for run_id in due:
            read_course(services, run_id)
        self.course.evaluate()
        with services.database.read() as session:
            return session.scalars(select(SyncRun).order_by(SyncRun.id.desc())).first()  # type: ignore[return-value]

    def facts(self) -> dict[tuple[str, str], tuple[str, Decimal | None]]:
        """State and score by column and learner."""
        with self.world.services.database.read() as session:
            rows = session.execute(
                select(EvidenceColumn.external_key, Fact.user_id, Observation.state, Observation.score)
                .join(Fact, Fact.column_id == EvidenceColumn.id)
                .join(Observation, Observation.id == Fact.observation_id)
                .where(EvidenceColumn.source == "canvas")
            )
            names = {number: name for name, number in self.course.users.items()}
            return {(key, names[user_id]): (state.value, score) for key, user_id, state, score in rows}

    def failed_codes(self) -> set[str | None]:
        """Why columns of Canvas are stale; ``None`` for those that are not."""
        with self.world.services.database.read() as session:
            return set(session.scalars(select(EvidenceColumn.failed_code).where(EvidenceColumn.source == "canvas")))

    def awards(self) -> list[tuple[int, AwardState]]:
        """Everybody's awards."""
        with self.world.services.database.read() as session:
            return [(one.user_id, one.state) for one in session.scalars(select(Award).order_by(Award.id))]

    def verdict(self, name: str) -> str:
        """What the badge's rule says of a learner now."""
        with self.world.services.database.read() as session:
            user_id, now = self.course.users[name], self.world.now[0]
            (found,) = standings.standings(session, self.course.context_id, user_id, now)
            return found.judgement.verdict.value


@pytest.fixture
def school(migrated_sqlite_url: str) -> Iterator[School]:
    """Ada has 90 % in Canvas, Ben 60 % and Cho a grade that is not posted; the badge needs 70 %."""
    world = make_world(migrated_sqlite_url, allowed_private_hosts="127.0.0.1")
    with CanvasApi() as canvas:
        canvas.course.now = world.now[0]
        course = make_course(world)
        students = {}
        for name in ("ada", "ben", "cho"):
            course.add_learner(name, name.title())
            students[name] = canvas.course.add_student(name.title(), name)
        canvas.course.add_test_student()
        work = canvas.course.add_assignment("Essay", 40)
        canvas.course.grade(work, students["ada"], 36)
        canvas.course.grade(work, students["ben"], 24)
        canvas.course.grade(work, students["cho"], 40, posted=False)
        given = canvas.grant(SCOPES)
        _connect(world, canvas, given)
        yield School(world, canvas, course, given, work, students)
    world.services.database.engine.dispose()


def _connect(world: World, canvas: CanvasApi, given: Grant) -> None:
    services = world.services
    with services.database.write() as session:
        session.get_one(Registration, world.registration_id).product = "canvas"
        api = platform_apis.save_canvas(
            session,
            world.registration_id,
            world.organization_id,
            address=canvas.address,
            client_id=canvas.client_id,
            client_secret=canvas.client_secret,
            choices=["modules", "outcomes"],
            actor="staff:1",
            vault=services.vault,
            now=services.clock(),
        )
        tokens = GrantTokens(given.access_token, given.refresh_token, given.ends)
        api_grants.save_grant(
            session,
            api,
            INSTITUTION,
            api_grants.Given(tokens, SCOPES, "Badge Service"),
            user_id=None,
            actor="staff:1",
            vault=services.vault,
            now=services.clock(),
        )


def make_badge(school: School) -> None:
    """A live badge for 70 % in the essay."""
    with school.world.services.database.read() as session:
        column = session.scalars(select(EvidenceColumn).where(EvidenceColumn.title == "Essay")).one()
    school.course.columns["essay"] = column.id
    school.course.add_item("essay", "Write about fish", essay=70)
    school.course.add_badge("fish", "Fish Writer", {"competency": school.course.identifier("essay")}, live=True)
    school.course.evaluate()


def test_a_grant_leads_to_facts_of_everybody_and_to_an_offer(school: School) -> None:
    run = school.read()
    assert (run.state, run.error_code) == ("done", None)
    key = f"assignment:{school.work}"
    assert {name: school.facts()[key, name] for name in ("ada", "ben", "cho")} == {
        "ada": ("graded", Decimal(36)),
        "ben": ("graded", Decimal(24)),
        "cho": ("hidden", None),
    }
    assert school.failed_codes() == {None}
    make_badge(school)
    assert school.awards() == [(school.course.users["ada"], AwardState.OFFERED)]
    assert {name: school.verdict(name) for name in ("ada", "ben", "cho")} == {
        "ada": "met",
        "ben": "not_met",
        "cho": "unknown",
    }


def test_a_grade_that_is_posted_and_one_that_is_raised_reach_their_learners(school: School) -> None:
    school.read()
    make_badge(school)
    school.world.later(hours=2)
    school.canvas.course.now = school.world.now[0]
    school.canvas.course.change(school.work, school.students["cho"], posted_at="2026-03-02T10:00:00Z")
    school.canvas.course.grade(school.work, school.students["ben"], 28)
    school.world.later(days=1)
    school.read()
    assert {school.verdict(name) for name in ("ada", "ben", "cho")} == {"met"}
    assert len(school.awards()) == 3


def test_the_test_student_never_counts(school: School) -> None:
    school.canvas.course.grade(school.work, max(school.canvas.course.names), 40)
    school.read()
    assert {name for _, name in school.facts()} == {"ada", "ben", "cho"}


def revoked(school: School) -> None:
    school.given.is_revoked = True


def disabled(school: School) -> None:
    school.canvas.is_account_disabled = True


def key_off(school: School) -> None:
    school.canvas.is_key_on = False


def narrowed(school: School) -> None:
    school.given.scopes = frozenset(SCOPES) - {canvas_scopes.SUBMISSIONS}


def not_allowed(school: School) -> None:
    school.canvas.may_see_grades = False


def gone(school: School) -> None:
    school.canvas.course.is_deleted = True


def switched_off(school: School) -> None:
    with school.world.services.database.write() as session:
        api = session.scalars(select(PlatformApi)).one()
        platform_apis.set_disabled(session, api.id, True, actor="staff:1", now=school.world.now[0])


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (revoked, "grant_refused"),
        (disabled, "grant_refused"),
        (key_off, "client_refused"),
        (narrowed, "grant_narrowed"),
        (not_allowed, "grant_not_allowed"),
        (gone, "platform_not_found"),
        (switched_off, "api_disabled"),
    ],
)
def test_a_grant_that_fails_makes_facts_stale_with_the_reason_and_takes_nothing_away(
    school: School, happens: Callable[[School], None], code: str
) -> None:
    school.read()
    make_badge(school)
    facts, awards = school.facts(), school.awards()
    happens(school)
    for _ in range(2):
        school.world.later(days=1)
        school.read()
        assert school.facts() == facts
        assert school.awards() == awards
        assert school.failed_codes() == {code}
        assert {school.verdict(name) for name in ("ada", "ben", "cho")} == {"unknown"}
    with school.world.services.database.read() as session:
        assert session.scalars(select(SourceReading.failed_code)).all() == [code]
    findings = [str(one) for one in examine(school.world.services.settings)]
    assert any(code in one for one in findings), findings
    admin: FlaskClient = school.world.app.test_client()
    admin.set_cookie(STAFF_COOKIE, school.world.staff_secret())
    assert code in admin.get(f"/admin/platforms/{school.world.registration_id}/sources").text


def test_a_grant_given_again_makes_everything_fresh(school: School) -> None:
    school.read()
    make_badge(school)
    school.given.is_revoked = True
    school.world.later(days=1)
    school.read()
    assert school.failed_codes() == {"grant_refused"}
    _connect(school.world, school.canvas, school.canvas.grant(SCOPES))
    school.world.later(days=1)
    school.read()
    assert school.failed_codes() == {None}
    assert school.verdict("ada") == "met"
    assert school.awards() == [(school.course.users["ada"], AwardState.OFFERED)]
