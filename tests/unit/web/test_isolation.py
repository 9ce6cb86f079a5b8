"""Whatever page there is or will be: nobody reaches another course, and no learner another learner's things."""

import io
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World
from werkzeug.routing import Rule

from lti_tool.evidence.base import ColumnReading
from lti_tool.models import (
    Award,
    AwardRun,
    CheckpointKind,
    ColumnKind,
    Context,
    ContextCopy,
    CopyGround,
    CopyState,
    Deployment,
    DeploymentState,
    Organization,
    Registration,
    ReviewKind,
    User,
)
from lti_tool.services import (
    backpacks,
    blobs,
    checkpoints,
    column_links,
    gradebook_uploads,
    issuing,
    observing,
    reviews,
    submissions,
    templates,
)
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.uploads import Upload
from lti_tool.web.access import Kind, access_of
from lti_tool.web.session import LAUNCH_COOKIE

OWN_PROGRESS = {f"learner_progress.{name}" for name in ("progress", "appeal", "seen")} | {"explain.own"}
"""About a badge, and about whoever asks: their own standing with it, which everybody in the course has."""
OWN_BACKPACKS = {f"learner_backpacks.{name}" for name in ("shelves", "begin", "back")}
"""About whoever asks, too: backpacks are offered to every learner of every course."""
SHARED = ("issuer", "auth_login_url", "auth_token_url", "key_set_url")


@dataclass(frozen=True)
class Things:
    """Ids of one course's things, by the names that paths use."""

    course: CourseWorld
    ids: dict[str, Any]


def things_of(course: CourseWorld, learner: str) -> Things:
    """A course with a badge that a learner claimed, and another one that waits for the claim."""
    world, now = course.world, course.world.now[0]
    user_id = course.add_learner(learner, learner.title())
    course.add_column("quiz", "Quiz", {learner: "90"})
    course.add_item("water", "Keep water", quiz=70)
    rule = {"competency": course.identifier("water")}
    kept, waiting = (course.add_badge(name, name, rule, live=True) for name in ("kept", "waiting"))
    course.evaluate()
    with world.services.database.write() as session:
        awards = {one.achievement_id: one.id for one in session.scalars(select(Award).where(Award.user_id == user_id))}
        claimed = issuing.claim(session, course.context_id, awards[kept], user_id, show_name=False, now=now)
        host = backpacks.add_host(session, "https://backpack.example", "Backpack", now)
        digest = blobs.keep(session, learner.encode(), "image/png", now)  # stored, and no picture of this course
    with world.services.database.write() as session:
        draft = Draft(kind=CheckpointKind.EVIDENCE, title="Log", maximum=Decimal(10))
        checkpoint = checkpoints.create(session, session.get_one(Context, course.context_id), draft, "user:1", now)
        work = Upload("log.txt", "text/plain", learner.encode())
        submission, _ = submissions.hand_in(session, checkpoint, user_id, now, file=work)
        in_question = reviews.open_review(
            session, ReviewKind.UNDONE, achievement_id=kept, user_id=user_id, award_id=awards[kept], now=now
        )
        run_id = session.scalars(select(AwardRun.id).where(AwardRun.context_id == course.context_id)).first()
    assert claimed is not None
    ids = {"context_id": course.context_id, "user_id": user_id, "achievement_id": kept, "award_id": awards[waiting]}
    ids |= {"item_id": course.items["water"], "template_id": make_template(course)}
    ids |= {"checkpoint_id": checkpoint.id, "submission_id": submission.id}
    ids |= {"run_id": run_id, "run_step": "undo", "review_id": in_question, "step": "suspend"}
    ids |= {"copy_id": make_copy(course), "decision": "decline"}
    ids |= {"link_id": make_link(course), "upload_id": make_upload(course), "source": "canvas"}
    return Things(course, ids | {"credential_id": claimed.credential_id, "host_id": host.id, "sha256": digest})


def make_template(course: CourseWorld) -> int:
    """A template of the course's organization that is not published, so that it is nothing for any course."""
    with course.world.services.database.write() as session:
        content = templates.course_content(session, course.context_id)
        organization_id = session.get_one(Context, course.context_id).organization_id
        name, now = f"Template of {course.context_id}", course.world.now[0]
        return templates.create_template(session, organization_id, name, content, "staff:1", now).id


def make_copy(course: CourseWorld) -> int:
    """A course that this one is said to be a copy of; returns that saying's number."""
    with course.world.services.database.write() as session:
        here, now = session.get_one(Context, course.context_id), course.world.now[0]
        origin = Context(
            deployment_id=here.deployment_id,
            organization_id=here.organization_id,
            platform_id=f"origin of {here.platform_id}",
            created_at=now,
            launched_at=now,
        )
        session.add(origin)
        session.flush()
        ground, state = CopyGround.LIKENESS, CopyState.PROPOSED
        copy = ContextCopy(context_id=here.id, origin_context_id=origin.id, ground=ground, state=state, created_at=now)
        session.add(copy)
        session.flush()
        return copy.id


def make_link(course: CourseWorld) -> int:
    """Two columns that may be the same work; returns the number of that question."""
    with course.world.services.database.write() as session:
        now, reading = course.world.now[0], ("7", "Quiz", ColumnKind.LINE_ITEM, Decimal(100), None, None, 0)
        observing.store_column(session, course.context_id, "csv_upload", ColumnReading(*reading))
        column_links.propose(session, course.context_id, now)
        return column_links.course_links(session, course.context_id)[0].id


def make_upload(course: CourseWorld) -> int:
    """A gradebook file that nobody decided about yet."""
    now, file = course.world.now[0], io.BytesIO(b"Student,ID,SIS Login ID,Section,Quiz (7)\nAda,1,ada,A,9\n")
    previewed = gradebook_uploads.look_through(course.world.services.database.read, course.context_id, file, None, now)
    with course.world.services.database.write() as session:
        context, user_id = session.get_one(Context, course.context_id), session.scalars(select(User.id)).first()
        assert user_id is not None
        return gradebook_uploads.store(session, context, user_id, "grades.csv", previewed, now).id


def pages(world: World) -> list[tuple[str, Rule]]:
    """Every method and address that needs a launch of its course."""
    with world.app.app_context():
        launched = [
            rule
            for rule in world.app.url_map.iter_rules()
            if (access := access_of(rule.endpoint))
            and access.kind is Kind.LAUNCH
            and access.in_course
            and "probe" not in rule.endpoint
        ]
    return [(method, rule) for rule in launched for method in ("GET", "POST") if method in (rule.methods or ())]


def ask(world: World, client: FlaskClient, method: str, rule: Rule, ids: dict[str, Any], token: str) -> int:
    """Ask for a page with these ids; returns the status."""
    unknown = rule.arguments - ids.keys()
    assert not unknown, f"{rule.rule}: say in things_of what {unknown} are"
    with world.app.test_request_context():
        path = world.app.url_for(rule.endpoint, **{name: ids[name] for name in rule.arguments})
    sent: dict[str, Any] = {"data": {"csrf_token": token}, "headers": SAME_ORIGIN} if method == "POST" else {}
    return client.open(path, method=method, **sent).status_code


def browser(world: World, *roles: str, course: str, sub: str, **more: Any) -> tuple[FlaskClient, str]:
    """A browser with a launch, and its CSRF token."""
    opened = world.open(*roles, course=course, sub=sub, **more)
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    page = client.get(f"/courses/{opened.context_id}/probe/page").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return client, found[1]


@pytest.fixture
def here(world: World) -> Things:
    """The course that everybody in these tests comes from."""
    return things_of(make_course(world, "course-1"), "ada")


@pytest.fixture
def there(world: World) -> Things:
    """Another course of the same school."""
    return things_of(make_course(world, "course-2"), "ben")


@pytest.mark.parametrize("role", [INSTRUCTOR, LEARNER])
def test_nobody_reaches_another_course(world: World, here: Things, there: Things, role: str) -> None:
    client, token = browser(world, role, course="course-1", sub="ada")
    asked = pages(world)
    assert len(asked) > 25
    foreign = {(method, rule.rule): ask(world, client, method, rule, there.ids, token) for method, rule in asked}
    assert set(foreign.values()) == {403}
    mixed = {
        (method, rule.rule): ask(world, client, method, rule, there.ids | {"context_id": here.ids["context_id"]}, token)
        for method, rule in asked
        if rule.arguments - {"context_id", "source"}  # a source has the same name everywhere, and is nobody's
    }
    # One address brings back to the badge's own page, whatever it names, and that page refuses; and a backpack that
    # is offered is nobody's own.
    open_to_learners = {
        (method, rule.rule)
        for method, rule in asked
        if rule.endpoint in {"connect.back", "learner_backpacks.begin", "learner_backpacks.back"} and role == LEARNER
    }
    assert {key for key, status in mixed.items() if status not in {403, 404}} == open_to_learners


def test_no_learner_reaches_another_learners_things(world: World, here: Things) -> None:
    client, token = browser(world, LEARNER, course="course-1", sub="eve")
    own = {"learner.home", "course.home", "connect.back", *OWN_PROGRESS, *OWN_BACKPACKS}
    own |= {"checkpoint.open_checkpoint", "checkpoint.hand_in", "checkpoint.unknown"}
    found = {
        (method, rule.rule): ask(world, client, method, rule, here.ids, token)
        for method, rule in pages(world)
        if rule.endpoint not in own
    }
    assert set(found.values()) <= {403, 404}
    assert "kept" not in client.get(f"/courses/{here.ids['context_id']}/mine").text.partition("coming")[0]


def test_a_learners_progress_is_their_own(world: World, here: Things) -> None:
    """The same addresses show everybody their own: nothing that is Ada's is in what Eve reads."""
    client, token = browser(world, LEARNER, course="course-1", sub="eve")
    base, badge = f"/courses/{here.ids['context_id']}", here.ids["achievement_id"]
    why = client.get(f"{base}/badges/{badge}/why.json").get_json()
    assert why["learner"]["id"] != here.ids["user_id"]
    assert (why["award"], why["kept"], why["verdict"]) == (None, [], "unknown")
    page = client.get(f"{base}/mine/progress/{badge}").text
    assert "90 of" not in page.partition('id="why"')[2].partition("</section>")[0]
    ada, _token = browser(world, LEARNER, course="course-1", sub="ada")
    assert ada.get(f"{base}/badges/{badge}/why.json").get_json()["award"]["state"] == "claimed"
    assert "kept" not in client.get("/mine").text
    assert client.get("/mine/badges.zip").status_code == 404
    credential = here.ids["credential_id"]
    for action in ("share", "withdraw"):
        answer = client.post(f"/mine/badges/{credential}/{action}", data={"csrf_token": token}, headers=SAME_ORIGIN)
        assert answer.status_code == 404


def test_the_same_id_at_another_registration_is_another_person(world: World, here: Things) -> None:
    """Two registrations may share an issuer; ``sub`` and course ids are unique within one only."""
    with world.services.database.write() as session:
        organization = Organization(name="Other school", created_at=world.now[0])
        values = {name: getattr(session.get_one(Registration, world.registration_id), name) for name in SHARED}
        other = Registration(name="Other", client_id="client-2", created_at=world.now[0], **values)
        session.add_all([organization, other])
        session.flush()
        deployment = Deployment(
            registration_id=other.id,
            organization_id=organization.id,
            deployment_id="1",
            state=DeploymentState.ACTIVE,
            created_at=world.now[0],
        )
        session.add(deployment)
    same = {
        "registration_id": other.id,
        "deployment_row_id": deployment.id,
        "organization_id": organization.id,
        "name": None,
    }
    opened = world.open(LEARNER, course="course-1", sub="ada", **same)
    assert opened.user_id != here.ids["user_id"]
    assert opened.context_id != here.ids["context_id"]
    client, token = browser(world, LEARNER, course="course-1", sub="ada", **same)
    mine = here.ids | {"context_id": opened.context_id or 0}
    asked = [one for one in pages(world) if one[1].endpoint.startswith(("learner.", "learner_progress.", "connect."))]
    found = [
        ask(world, client, method, rule, mine, token)
        for method, rule in asked
        if rule.endpoint not in {"learner.home", "learner_progress.seen", "connect.back"}
    ]
    assert set(found) == {404}
