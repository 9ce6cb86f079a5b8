"""The pages of checkpoints in French: each says so, and nothing English is left in it."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from french import FRENCH, left_in_english, texts_of
from instructor_world import CourseWorld, lakeside
from sqlalchemy import select
from web_world import INSTRUCTOR, LEARNER, World

from lti_tool.lti.deep_linking import DeepLinkingSettings
from lti_tool.models import Checkpoint, CheckpointKind, Context, ScorePost, ScoreState
from lti_tool.services import assessing, checkpoints, submissions
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.web.session import LAUNCH_COOKIE

ASKED = DeepLinkingSettings(
    return_url="https://lms.example/return",
    accept_types=("ltiResourceLink",),
    accept_targets=(),
    accept_multiple=True,
    accept_lineitem=None,
    auto_create=False,
    title=None,
    text=None,
    data=None,
)


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


def make(course: CourseWorld, kind: CheckpointKind) -> Checkpoint:
    with course.world.services.database.write() as session:
        context, now = session.get_one(Context, course.context_id), course.world.now[0]
        draft = Draft(kind=kind, title="Carnet", maximum=Decimal(10), opens_at=now, due_at=now, closes_at=None)
        made = checkpoints.create(session, context, draft, "user:1", now)
        if kind is CheckpointKind.EVIDENCE:
            submissions.hand_in(session, made, course.users["ada"], now, text="Voici", link="https://a.example/")
            assessing.assess(session, made, course.users["ada"], course.users["ben"], Decimal(7), "Bien", now)
            submissions.hand_in(session, made, course.users["ben"], now, text="Voici")
        return made


def browser(world: World, *roles: str, **launch: Any) -> FlaskClient:
    client = world.app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = FRENCH["Accept-Language"]
    client.set_cookie(LAUNCH_COOKIE, world.open(*roles, locale="fr-CA", **launch).secret)
    return client


def check(client: FlaskClient, path: str, status: int = 200) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:400]
    assert '<html lang="fr"' in answer.text
    assert left_in_english(*texts_of(answer.text)) == [], path


@pytest.mark.parametrize("accepts", [True, False])
def test_choosing_content(course: CourseWorld, world: World, accepts: bool) -> None:
    asked = dataclasses.replace(ASKED, accept_lineitem=accepts)
    make(course, CheckpointKind.CHECK_OFF)
    check(browser(world, INSTRUCTOR, deep_linking=asked), f"{course.base}/content")
    check(browser(world, INSTRUCTOR, sub="tara"), f"{course.base}/content", 409)


def test_assessing(course: CourseWorld, world: World) -> None:
    teacher = browser(world, INSTRUCTOR, sub="tara")
    check(teacher, f"{course.base}/checkpoints")
    for kind in CheckpointKind:
        made = make(course, kind)
        with world.services.database.write() as session:
            for post in session.scalars(select(ScorePost)):
                post.state, post.error_code = ScoreState.FAILED, "score_refused"
        here = f"{course.base}/checkpoints/{made.id}/learners"
        for path in (f"{course.base}/checkpoints", here, f"{here}?show=opened", f"{here}/{course.users['ada']}"):
            check(teacher, path)


def test_handing_in(course: CourseWorld, world: World) -> None:
    for kind in CheckpointKind:
        made = make(course, kind)
        for who in ("ada", "ben", "cho"):
            check(browser(world, LEARNER, sub=who, name=None), f"{course.base}/checkpoints/{made.id}")
        world.later(days=1)


def test_pages_without_a_course(course: CourseWorld, world: World) -> None:
    for page, path in (("mine", "/mine"), ("admin", "/for-admins")):
        check(browser(world, LEARNER, sub="ada", custom={"badges_page": page}), path)
    assert course
