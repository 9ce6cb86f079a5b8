"""Checkpoints on pages: choosing content, handing in, assessing, and the pages without a course."""

import html
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, lakeside
from sqlalchemy import delete, select, update
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.rubrics import Rubric
from lti_tool.lti.deep_linking import DeepLinkingSettings
from lti_tool.lti.launch import LaunchResourceLink
from lti_tool.models import (
    Assessment,
    Award,
    AwardRunItem,
    Checkpoint,
    CheckpointKind,
    CheckpointOpening,
    Context,
    LaunchSession,
    LearnerNotice,
    Observation,
    ResourceLink,
    ScorePost,
    ScoreState,
    Submission,
    Trace,
)
from lti_tool.services import checkpoints
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.launching import OpenedLaunch
from lti_tool.services.wakeups import EVALUATE_COURSE, POST_SCORE
from lti_tool.web import deep_linking
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
ASKED = DeepLinkingSettings(
    return_url="https://lms.example/return?a=%22x&sesskey=VdAxPiT65V",
    accept_types=("ltiResourceLink",),
    accept_targets=("iframe",),
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


def make(course: CourseWorld, **values: Any) -> Checkpoint:
    world = course.world
    draft = Draft(**{"kind": CheckpointKind.EVIDENCE, "title": "Water <log>", "maximum": Decimal(10)} | values)
    with world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        return checkpoints.create(session, context, draft, "user:1", world.now[0])


def enter(world: World, opened: OpenedLaunch) -> tuple[FlaskClient, TestResponse]:
    """A browser that goes on after a launch, and the page where it ends."""
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    return client, client.get(f"/lti/enter?ticket={opened.ticket}", follow_redirects=True)


def launch(world: World, *roles: str, checkpoint: Checkpoint | None = None, **more: Any) -> Any:
    custom = {} if checkpoint is None else {"checkpoint": checkpoint.public_id}
    values = {"custom": custom, "resource_link": LaunchResourceLink("link-1", "A link")} | more
    return enter(world, world.open(*roles, **values))


def send(client: FlaskClient, page: str, action: str, **form: Any) -> TestResponse:
    """Send a form that the page has."""
    assert f'action="{action}"' in page, action
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    return client.post(action, data={"csrf_token": token[1], **form}, headers=SAME_ORIGIN)


# -- choosing content -------------------------------------------------------------------------------------------------


def ask(world: World, **settings: Any) -> tuple[FlaskClient, str]:
    """An instructor whom the platform asked to choose."""
    asked = DeepLinkingSettings.from_document(ASKED.to_document() | settings)
    client, page = launch(world, INSTRUCTOR, deep_linking=asked, resource_link=None)
    assert page.status_code == 200
    return client, page.text


def place(client: FlaskClient, page: str, course: CourseWorld, **form: Any) -> TestResponse:
    return send(client, page, f"{course.base}/content", **{"do": "place", "kind": "evidence", "maximum": "10"} | form)


def test_a_first_checkpoint_is_one_step(course: CourseWorld, world: World) -> None:
    client, page = ask(world)
    assert 'value="new" id="choose-new" checked' in page
    assert "VdAxPiT65V" not in page, "what the platform asked for is in no form"
    answer = place(client, page, course, choose="new", title="Log", item_id=str(course.items["water"]), threshold="60")
    assert answer.status_code == 200
    assert 'action="https://lms.example/return?a=%22x&amp;sesskey=VdAxPiT65V"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "form-action 'self' https://lms.example;" in policy
    assert "unsafe-inline" not in policy
    assert re.search(r'<button class="btn btn-primary">', answer.text), "works without a script"
    with world.services.database.read() as session:
        made = session.scalars(select(Checkpoint)).one()
        assert (made.title, made.item_id, made.threshold) == ("Log", course.items["water"], Decimal(60))
        kept = session.scalars(select(LaunchSession.data).order_by(LaunchSession.id.desc())).first()
    assert "sesskey" not in str(kept), "forgotten once it is answered"
    assert client.get(f"{course.base}/content").status_code == 409


def test_an_answer_that_is_sent_twice_at_once_makes_one_checkpoint(
    course: CourseWorld, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, page = ask(world)
    form = {"choose": "new", "title": "Log", "item_id": str(course.items["water"]), "threshold": "60"}
    check, inner = deep_linking._problems, []

    def meanwhile(*asked: Any, **more: Any) -> dict[str, str]:
        """The second request comes while the first has read its session and stored nothing yet."""
        monkeypatch.setattr(deep_linking, "_problems", check)
        inner.append(place(client, page, course, **form).status_code)
        return check(*asked, **more)

    monkeypatch.setattr(deep_linking, "_problems", meanwhile)
    assert [place(client, page, course, **form).status_code, *inner] == [409, 200]
    with world.services.database.read() as session:
        assert [one.title for one in session.scalars(select(Checkpoint))] == ["Log"]


def test_nothing_is_stored_before_the_answer(course: CourseWorld, world: World) -> None:
    client, page = ask(world)
    again = send(client, page, f"{course.base}/content", do="more", kind="check_off", title="Visit", maximum="1")
    assert again.status_code == 303
    page = client.get(f"{course.base}/content").text
    assert 'value="draft-0" id="draft-0" checked' in page
    with world.services.database.read() as session:
        assert session.scalars(select(Checkpoint)).all() == []
    dropped = send(client, page, f"{course.base}/content", do="drop-0")
    assert dropped.status_code == 303
    assert "Visit" not in client.get(f"{course.base}/content").text


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"choose": "new", "title": ""}, "title", "Give the checkpoint a title."),
        ({"choose": "new", "title": "Log", "maximum": "none"}, "maximum", "Enter a number above 0"),
        ({"choose": "new", "title": "Log", "due_at": "soon"}, "due_at", "Enter a date and a time."),
        ({"choose": "new", "title": "Log", "opens_at": "2026-03-02T10:00", "due_at": "2026-03-01T10:00"}, "due_at",
         "Put the dates in order."),
        ({"choose": "new", "title": "Log", "item_id": "1", "threshold": "200"}, "threshold", "from 0 to 100"),
        ({}, "choose", "Choose at least one."),
    ],
)  # fmt: skip
def test_what_was_typed_stays_beside_the_error(
    course: CourseWorld, world: World, form: dict[str, str], field: str, words: str
) -> None:
    client, page = ask(world)
    answer = place(client, page, course, instructions="Typed <before>", **form)
    assert answer.status_code == 200
    text = html.unescape(answer.text)
    assert words in text
    assert f'href="#{field}"' in answer.text
    assert "Typed &lt;before&gt;" in answer.text
    with world.services.database.read() as session:
        assert session.scalars(select(Checkpoint)).all() == []


def test_one_at_a_time_where_the_platform_says_so(course: CourseWorld, world: World) -> None:
    made = make(course)
    client, page = ask(world, accept_multiple=False)
    assert 'type="radio" name="choose"' in page
    assert "describe another" not in page
    answer = place(client, page, course, choose=["home", f"checkpoint-{made.id}"])
    assert "takes one at a time" in answer.text


def test_another_course_s_checkpoint_cannot_be_chosen(course: CourseWorld, world: World) -> None:
    other = world.open(INSTRUCTOR, course="course-2", sub="other")
    assert other.context_id is not None
    made = make(CourseWorld(world, other.context_id, world.app.test_client()))
    client, page = ask(world)
    assert place(client, page, course, choose=f"checkpoint-{made.id}").status_code == 404
    assert place(client, page, course, choose="draft-3").status_code == 404


def test_learners_and_strangers_choose_nothing(course: CourseWorld, world: World) -> None:
    _client, page = launch(world, LEARNER, deep_linking=ASKED, sub="ada")
    assert (page.status_code, "instructor_only" in page.text) == (403, True)
    assert course.get("/content", 409)


@pytest.mark.parametrize(
    ("scopes", "accepts", "words"),
    [
        ((AGS + "lineitem", AGS + "score"), False, "made when the first learner opens"),
        ((AGS + "score",), False, "does not let this tool make columns"),
        ((AGS + "lineitem",), None, "does not let this tool send results"),
        ((AGS + "lineitem", AGS + "score"), None, None),
    ],
)
def test_what_the_platform_will_not_take_is_said_plainly(
    course: CourseWorld, world: World, scopes: tuple[str, ...], accepts: bool | None, words: str | None
) -> None:
    asked = DeepLinkingSettings.from_document(ASKED.to_document() | {"accept_lineitem": accepts})
    more = {"line_items_url": "https://lms.example/items", "ags_scopes": scopes, "resource_link": None}
    _client, page = launch(world, INSTRUCTOR, deep_linking=asked, **more)
    assert course.base in page.text
    assert ("alert" in page.text) == (words is not None)
    if words:
        assert words in page.text


def test_prior_learning_is_described_with_a_rubric_and_two_assessors(course: CourseWorld, world: World) -> None:
    client, page = ask(world)
    rubric = "Depth: none = 0; full = 6\nRecords: no = 0; yes = 4"
    described = {"kind": "recognition", "title": "Earlier work", "maximum": "3", "assessors_needed": "2"}
    wrong = place(client, page, course, choose="new", rubric="Depth", **described)
    assert "Write each line as" in wrong.text
    assert ">Depth</textarea>" in wrong.text, "what was typed stays"
    answer = place(client, page, course, choose="new", rubric=rubric, **described)
    assert answer.status_code == 200
    with world.services.database.read() as session:
        made = session.scalars(select(Checkpoint)).one()
        assert (made.kind, made.maximum, made.assessors_needed) == (CheckpointKind.RECOGNITION, Decimal(10), 2)
        assert made.rubric == Rubric.from_text(rubric).to_document()


# -- handing in -------------------------------------------------------------------------------------------------------


def test_a_learner_hands_in_and_sees_it(course: CourseWorld, world: World) -> None:
    made = make(course, instructions="Measure <pH>\ntwice.")
    world.queue.woken.clear()
    client, page = launch(world, LEARNER, checkpoint=made, sub="ada", line_item_url="https://lms.example/items/9")
    assert "Measure &lt;pH&gt;\ntwice." in page.text
    with world.services.database.read() as session:
        assert session.scalars(select(ResourceLink.checkpoint_id)).all() == [made.id]
        assert session.get_one(Checkpoint, made.id).line_item_url == "https://lms.example/items/9"
        opening = session.scalars(select(ScorePost)).one()
        assert (opening.activity_progress, opening.score_given) == ("Initialized", None)
    path = f"{course.base}/checkpoints/{made.id}"
    file = (io.BytesIO(b"%PDF-1.7 work"), "my work.pdf")
    answer = send(client, page.text, path, text="<b>mine</b>", link="https://a.example/?x=1&y=2", file=file)
    assert answer.status_code == 303
    page = client.get(path)
    assert "Handed in. Your instructor can see it now." in page.text
    assert "&lt;b&gt;mine&lt;/b&gt;" in page.text
    assert 'rel="noreferrer noopener nofollow"' in page.text
    assert 'data-state="handed_in"' in page.text
    found = client.get(re.search(rf'href="({path}/files/\d+)"', page.text)[1])  # type: ignore[index]
    assert found.data == b"%PDF-1.7 work"
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in found.headers["Content-Security-Policy"]
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert POST_SCORE in {task for task, _ in world.queue.woken}


def test_what_cannot_be_handed_in_is_said_and_stays_typed(course: CourseWorld, world: World) -> None:
    made = make(course)
    client, page = launch(world, LEARNER, checkpoint=made, sub="ada")
    path = f"{course.base}/checkpoints/{made.id}"
    file = (io.BytesIO(b"MZ"), "virus.exe")
    answer = send(client, page.text, path, text="Kept", link="x", file=file)
    assert "Files of this kind cannot be handed in" in answer.text
    assert ">Kept</textarea>" in answer.text
    with world.services.database.read() as session:
        assert session.scalars(select(Submission)).all() == []


def test_a_test_user_looks_and_nothing_is_kept(course: CourseWorld, world: World) -> None:
    made = make(course)
    test_user = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
    client, page = launch(world, LEARNER, test_user, checkpoint=made, sub="preview")
    assert "Test users can look at this page, but hand nothing in." in page.text
    token = client.get(f"{course.base}/probe/page").text.split('value="')[1].split('"')[0]
    form = {"csrf_token": token, "text": "x"}
    answer = client.post(f"{course.base}/checkpoints/{made.id}", data=form, headers=SAME_ORIGIN)
    assert (answer.status_code, "test_user_hands_in" in answer.text) == (409, True)
    with world.services.database.read() as session:
        for table in (ScorePost, Submission, CheckpointOpening):
            assert session.scalars(select(table)).all() == []


def test_nobody_sees_the_work_of_others(course: CourseWorld, world: World) -> None:
    made = make(course)
    client, page = launch(world, LEARNER, checkpoint=made, sub="ada")
    path = f"{course.base}/checkpoints/{made.id}"
    send(client, page.text, path, text="Secret of Ada", file=(io.BytesIO(b"%PDF-x"), "a.pdf"))
    file = re.search(rf"{path}/files/\d+", client.get(path).text)
    assert file
    other, page = launch(world, LEARNER, checkpoint=made, sub="ben")
    assert "Secret of Ada" not in page.text
    assert other.get(file[0]).status_code == 404
    for place_of_teachers in ("/checkpoints", f"/checkpoints/{made.id}/learners",
                              f"/checkpoints/{made.id}/learners/{course.users['ada']}"):  # fmt: skip
        assert other.get(course.base + place_of_teachers).status_code == 403
    assert other.get(f"{path}/reviews/{course.users['ada']}").status_code == 403


def test_progress_shows_the_badge_s_checklist(course: CourseWorld, world: World) -> None:
    badge = course.add_badge("water", "Water Keeper", {"competency": course.identifier("water")}, live=True)
    made = make(course, kind=CheckpointKind.PROGRESS, maximum=None, achievement_id=badge)
    _client, page = launch(world, LEARNER, checkpoint=made, sub="ben")
    assert "Water Keeper" in page.text
    assert "69.5%" in page.text
    assert "Hand in" not in page.text


def progress_page(course: CourseWorld, world: World, *statements: Any) -> str:
    """What Ben sees of a badge he earned, after something happened to the rows."""
    badge = course.add_badge("water", "Water Keeper", {"competency": course.identifier("water")}, live=True)
    made = make(course, kind=CheckpointKind.PROGRESS, maximum=None, achievement_id=badge)
    with world.services.database.write() as session:
        session.execute(update(Observation).where(Observation.score.is_not(None)).values(score=Decimal("93.5")))
    course.evaluate()
    with world.services.database.write() as session:
        for statement in statements:
            session.execute(statement)
    return launch(world, LEARNER, checkpoint=made, sub="ben")[1].text


def test_an_offer_leads_to_the_claim(course: CourseWorld, world: World) -> None:
    page = progress_page(course, world)
    assert "93.5%" in page
    assert "Look at it and claim it" in page


def test_nobody_sees_an_offer_that_was_held_before_it_was_made(course: CourseWorld, world: World) -> None:
    page = progress_page(course, world, update(Award).values(state=AwardState.HELD), delete(LearnerNotice))
    assert "Water Keeper" in page
    assert "On hold" not in page
    assert "Look at it and claim it" not in page


def test_a_hidden_grade_stays_hidden(course: CourseWorld, world: World) -> None:
    page = progress_page(course, world, delete(LearnerNotice), delete(AwardRunItem), delete(Trace), delete(Award),
                         update(Observation).values(state=EvidenceState.HIDDEN))  # fmt: skip
    assert "Water Keeper" in page
    assert "93.5" not in page


def test_a_link_to_a_checkpoint_of_elsewhere_leads_home_with_a_word(course: CourseWorld, world: World) -> None:
    _client, page = launch(world, INSTRUCTOR, custom={"checkpoint": "unheard-of"})
    assert "belongs to a checkpoint that is not in this course" in page.text
    assert "Badges in this course" in page.text
    assert course.base


def test_a_copied_course_works_on(course: CourseWorld, world: World) -> None:
    made = make(course)
    client, page = launch(world, LEARNER, checkpoint=made, sub="ada", course="course-copied")
    assert "Water &lt;log&gt;" in page.text
    action = re.search(r'action="(/courses/\d+/checkpoints/\d+)"', page.text)
    assert action
    send(client, page.text, action[1], text="In the copy")
    with world.services.database.read() as session:
        copy = session.scalars(select(Checkpoint).where(Checkpoint.origin_id == made.id)).one()
        assert copy.context_id != course.context_id
        assert session.scalars(select(Submission.checkpoint_id)).all() == [copy.id]


# -- assessing --------------------------------------------------------------------------------------------------------


def handed_in(course: CourseWorld, **values: Any) -> Checkpoint:
    made = make(course, **values)
    client, page = launch(course.world, LEARNER, checkpoint=made, sub="ada", name=None)
    send(client, page.text, f"{course.base}/checkpoints/{made.id}", text="Ada's <i>work</i>")
    return made


def test_the_list_says_who_waits(course: CourseWorld) -> None:
    made = handed_in(course)
    page = course.get("/checkpoints")
    assert 'data-state="placed"' in page
    page = course.get(f"/checkpoints/{made.id}/learners")
    assert page.count('data-state="not_opened"') == 3, "Ben, Cho and Dee; never the test user"
    assert page.count('data-state="handed_in"') == 1
    only = course.get(f"/checkpoints/{made.id}/learners?show=handed_in")
    assert "Ada Okafor" in only
    assert "Ben Noor" not in only


def test_a_score_with_a_comment_reaches_the_learner_and_the_queue(course: CourseWorld, world: World) -> None:
    made = handed_in(course)
    path = f"/checkpoints/{made.id}/learners/{course.users['ada']}"
    page = course.get(path)
    assert "Ada&#39;s &lt;i&gt;work&lt;/i&gt;" in page
    assert 'accesskey="n"' in page
    wrong = send(course.client, page, course.base + path, score="11", comment="Kept <words>", do="save")
    assert "Enter a number from 0 to the maximum" in wrong.text
    assert "Kept &lt;words&gt;" in wrong.text
    world.queue.woken.clear()
    send(course.client, page, course.base + path, score="7,5", comment="Well <done>", do="save")
    assert [task for task, _ in world.queue.woken] == [POST_SCORE, EVALUATE_COURSE]
    assert "Now: 7.5 of 10 points" in course.get(path)
    _client, mine = launch(world, LEARNER, checkpoint=made, sub="ada")
    assert "7.5 of 10 points" in mine.text
    assert "Well &lt;done&gt;" in mine.text
    send(course.client, course.get(path), course.base + path, do="clear")
    with world.services.database.read() as session:
        assert session.scalars(select(Assessment.score).order_by(Assessment.id)).all() == [Decimal("7.5"), None]


def test_nobody_assesses_work_that_came_after_the_page_was_shown(course: CourseWorld, world: World) -> None:
    """A mark is about the newest work: about one that the assessor did not look at it would be a wrong badge."""
    made = handed_in(course)
    path = f"/checkpoints/{made.id}/learners/{course.users['ada']}"
    page = course.get(path)
    seen = re.search(r'name="work" value="(\d+)"', page)
    assert seen
    client, mine = launch(world, LEARNER, checkpoint=made, sub="ada", name=None)
    send(client, mine.text, f"{course.base}/checkpoints/{made.id}", text="Something else")
    form = {"score": "9", "comment": "Kept", "do": "save"}
    again = send(course.client, page, course.base + path, work=seen[1], **form)
    assert "Something new was handed in while you were assessing" in again.text
    assert "Something else" in again.text
    assert "Kept" in again.text
    with world.services.database.read() as session:
        assert session.scalars(select(Assessment)).all() == []
    now = re.search(r'name="work" value="(\d+)"', again.text)
    assert now
    send(course.client, again.text, course.base + path, work=now[1], **form)
    with world.services.database.read() as session:
        assert session.scalars(select(Assessment.submission_id)).all() == [int(now[1])]


def test_ticking_many_off_is_shown_before_it_is_done(course: CourseWorld, world: World) -> None:
    made = make(course, kind=CheckpointKind.CHECK_OFF, maximum=Decimal(1))
    path = f"{course.base}/checkpoints/{made.id}/ticks"
    page = course.get(f"/checkpoints/{made.id}/learners")
    none = send(course.client, page, path, do="preview")
    assert "Choose at least one learner." in none.text
    chosen = [str(course.users["ada"]), str(course.users["ben"])]
    preview = send(course.client, page, path, do="preview", learner=chosen)
    assert "Tick 2 learners off" in preview.text
    with world.services.database.read() as session:
        assert session.scalars(select(Assessment)).all() == []
    done = send(course.client, preview.text, path, do="save", learner=chosen)
    assert done.status_code == 303
    assert course.get(f"/checkpoints/{made.id}/learners").count('data-state="assessed"') == 2


def test_a_score_that_did_not_arrive_is_shown_with_the_remedy(course: CourseWorld, world: World) -> None:
    made = handed_in(course)
    with world.services.database.write() as session:
        for post in session.scalars(select(ScorePost)):
            post.state, post.error_code = ScoreState.FAILED, "missing_scope"
    path = f"/checkpoints/{made.id}"
    page = course.get(f"{path}/learners")
    assert "does not allow this tool to send results" in page
    assert "missing_scope" in page
    assert "did not arrive" in course.get("/checkpoints")
    send(course.client, page, f"{course.base}{path}/scores")
    with world.services.database.read() as session:
        assert {post.state for post in session.scalars(select(ScorePost))} == {ScoreState.PENDING}
    assert "did not arrive" not in course.get("/checkpoints")


def test_kinds_are_not_mixed_up(course: CourseWorld) -> None:
    progress = make(course, kind=CheckpointKind.PROGRESS, maximum=None)
    course.post(f"/checkpoints/{progress.id}/learners/{course.users['ada']}", score="1", do="save")
    answer = course.post(f"/checkpoints/{progress.id}/ticks", do="save", learner=str(course.users["ada"]))
    assert (answer.status_code, "checkpoint_not_assessed" in answer.text) == (409, True)
    with course.world.services.database.read() as session:
        assert session.scalars(select(Assessment)).all() == []


def test_an_empty_list_teaches(course: CourseWorld) -> None:
    assert "No checkpoint yet" in course.get("/checkpoints")


# -- pages without a course -------------------------------------------------------------------------------------------


def test_my_badges_everywhere(course: CourseWorld, world: World) -> None:
    course.add_badge("water", "Water Keeper", {"competency": course.identifier("water")}, live=True)
    course.evaluate()
    for place_of in ({"course": "account-1"}, {"course": None}):
        client, page = launch(world, LEARNER, sub="ada", custom={"badges_page": "mine"}, **place_of)
        assert page.status_code == 200
        assert "Water Keeper" in page.text
        assert "Title of course-1" in page.text
        assert 'data-state="ready"' in page.text
        assert client.get(f"{course.base}/mine").status_code == 403, "this session is of no course"
    with world.services.database.read() as session:
        assert session.scalars(select(Context.platform_id)).all() == ["course-1"], "an account is no course"
    _client, page = launch(world, LEARNER, sub="ben", custom={"badges_page": "mine"}, course=None)
    assert "Water Keeper" not in page.text


def test_a_platform_s_admin_is_sent_to_the_sign_in(world: World) -> None:
    admin = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
    client, page = launch(world, admin, custom={"badges_page": "admin"}, course="account-1")
    assert "need a sign-in of their own" in page.text
    assert re.search(r'href="/staff/" target="_blank" rel="noopener"', page.text)
    assert client.get("/admin/").status_code == 401


def test_my_badges_need_a_name_and_a_launch(world: World, client: FlaskClient) -> None:
    _client, page = launch(world, LEARNER, sub=None, custom={"badges_page": "mine"}, course=None)
    assert "did not say who you are, so your badges cannot be shown" in page.text
    assert client.get("/mine").status_code == 401


def test_the_admin_sees_how_many_scores_did_not_arrive(course: CourseWorld, world: World) -> None:
    handed_in(course)
    with world.services.database.write() as session:
        for post in session.scalars(select(ScorePost).where(ScorePost.state == ScoreState.PENDING)):
            post.state, post.error_code = ScoreState.FAILED, "score_refused"
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    page = client.get("/admin/").text
    assert "takes no result for this person here" in page
    assert "score_refused" in page
    assert 'lti_badges_scores{state="failed"} 1.0' in client.get("/metrics").text


def test_a_described_checkpoint_is_meant_even_when_it_is_not_ticked(course: CourseWorld, world: World) -> None:
    made = make(course)
    client, page = ask(world)
    answer = place(client, page, course, choose=f"checkpoint-{made.id}", title="A second one")
    assert "A second one" in answer.text
    with world.services.database.read() as session:
        assert len(session.scalars(select(Checkpoint)).all()) == 2
