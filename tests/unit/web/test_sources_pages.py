"""Where grades come from, and assessing by a rubric with two people, on pages."""

import re
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, lakeside
from sqlalchemy import update
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World

from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.rubrics import Rubric
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import (
    Checkpoint,
    CheckpointKind,
    ColumnKind,
    ColumnLink,
    Context,
    EvidenceColumn,
    LinkState,
    Registration,
    SourceReading,
)
from lti_tool.services import assessing, checkpoints, column_links, course_sync, observing, submissions
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.web.session import LAUNCH_COOKIE

RUBRIC = Rubric.from_text("Explains <the> cycle: not shown = 0; fully = 6\nKeeps records: no = 0; yes = 4")


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


def other_source(course: CourseWorld, scores: dict[str, str], source: str = "canvas", title: str = "Water log") -> int:
    """A column of another source with results, and the link that is proposed for it."""
    with course.world.services.database.write() as session:
        now = course.world.now[0]
        reading = ColumnReading("7", title, ColumnKind.LINE_ITEM, Decimal(100), None, None, 0)
        column_id = observing.store_column(session, course.context_id, source, reading)
        found = [
            (
                course.users[name],
                ObservationReading("", EvidenceState.GRADED, Decimal(score), Decimal(100), source_updated_at=now),
            )
            for name, score in scores.items()
        ]
        observing.store_observations(session, column_id, found, now)
        observing.mark_column_read(session, column_id, now)
        column_links.propose(session, course.context_id, now)
        return column_id


def link_of(course: CourseWorld) -> ColumnLink:
    with course.world.services.database.read() as session:
        (link,) = column_links.course_links(session, course.context_id)
        return link


# -- sources ----------------------------------------------------------------------------------------------------------


def test_every_source_says_what_it_shows_and_what_is_missing(course: CourseWorld, world: World) -> None:
    page = course.get("/sources")
    assert "We can't see this course's own assignments yet" in page
    assert "Graded activities of this tool" in page
    assert "2 pieces of graded work" in page
    assert "It does not tell whether work is" in page
    assert f'href="{course.base}/gradebook"' in page
    with world.services.database.write() as session:
        session.execute(update(Registration).values(product="moodle"))
    page = course.get("/sources")
    assert "Not with Lakeside: Canvas&#39;s own interface." in page
    assert "through Moodle" in page


def test_a_source_that_failed_says_why_and_what_to_do(course: CourseWorld, world: World) -> None:
    with world.services.database.write() as session:
        session.add(
            SourceReading(
                context_id=course.context_id, source="ags", failed_code="missing_scope", failed_at=world.now[0]
            )
        )
        session.execute(update(EvidenceColumn).values(failed_code="missing_scope"))
        session.execute(
            update(Context).values(
                line_items_url="https://lms.example/items",
                ags_scopes=[
                    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
                    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
                ],
            )
        )
    page = course.get("/sources")
    card = page.split("Graded activities of this tool")[1].split("</li>")[0]
    assert 'data-state="failed"' in card
    assert "It concerns 2 of 2." in card
    assert "nobody loses a badge by that" in card
    assert "1 source of grades could not be read" in course.get("/")


def test_a_reading_under_way_shows_its_bar(course: CourseWorld, world: World) -> None:
    with world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        course_sync.request_sync(session, context, "button", world.now[0])
        (run_id,) = course_sync.due_runs(session, world.now[0])
        run = course_sync.take_run(session, run_id, world.now[0])
        assert run is not None
        run.counts = {"columns": 2, "sources": {"ags": {"done": 1, "total": 2}}}
    page = course.get("/sources")
    assert "Reading now: 1 of 2." in page
    assert re.search(r'<progress class="reading-bar" max="2" value="1"', page)


def test_a_link_is_confirmed_with_a_sample_and_taken_back(course: CourseWorld, world: World) -> None:
    other_source(course, {"ada": "80", "ben": "55"})
    assert "1 pair of columns that may be the same work" in course.get("/")
    page = course.get("/sources")
    assert "They have the same title and the same highest score." in page
    assert "1 learner has the same result in both, 1 a different one, 2 are in one of them only" in page
    assert "Ben Noor" in page.split("<details", 1)[1], "names are behind a click"
    assert "Ben Noor" not in page.split("<details", 1)[0]
    path = f"/sources/links/{link_of(course).id}"
    page = course.post_on(path, state="confirmed")
    assert "counts once now" in page
    assert link_of(course).state is LinkState.CONFIRMED
    assert ("evaluate_course", course.context_id) in world.queue.woken
    assert "It is the same work" not in page
    course.post_on(path, state="proposed")
    course.post_on(path, state="refused")
    assert link_of(course).state is LinkState.REFUSED
    assert course.post(path, state="nonsense").status_code == 422
    assert course.post("/sources/links/999", state="refused").status_code == 404


def test_what_sources_do_not_agree_about_is_shown_with_both_values(course: CourseWorld) -> None:
    other_source(course, {"ada": "80", "ben": "55"})
    course.post_on(f"/sources/links/{link_of(course).id}", state="confirmed")
    course.add_badge("water", "Water Keeper", {"competency": course.identifier("water")}, live=True)
    page = course.get("/sources")
    table = page.split('id="disagreements"')[1]
    assert "Ben Noor" in table
    assert "90 of 100 points (90%)" in table
    assert "55 of 100 points (55%)" in table
    assert "Ada Okafor" not in table
    assert "1 result that two sources show differently" in course.get("/")


def test_links_and_sources_are_for_those_who_teach(course: CourseWorld, world: World) -> None:
    other_source(course, {"ada": "80"})
    opened = world.open(LEARNER, course="course-1", sub="ada")
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    assert client.get(f"{course.base}/sources").status_code == 403


# -- two assessors ----------------------------------------------------------------------------------------------------


def prior_learning(course: CourseWorld, **more: Any) -> int:
    """A checkpoint with a rubric that two people assess, and Ada's proof."""
    with course.world.services.database.write() as session:
        context, now = session.get_one(Context, course.context_id), course.world.now[0]
        draft = Draft(
            kind=CheckpointKind.RECOGNITION,
            title="Earlier work",
            maximum=Decimal(1),
            rubric=RUBRIC.to_document(),
            **{"assessors_needed": 2} | more,
        )
        made = checkpoints.create(session, context, draft, "user:1", now)
        submissions.hand_in(session, made, course.users["ada"], now, text="Ten years with trout.")
        return made.id


def second_teacher(course: CourseWorld) -> FlaskClient:
    opened = course.world.open(INSTRUCTOR, course="course-1", sub="second", name="Noa Lind")
    client = course.world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    return client


def mark(client: FlaskClient, course: CourseWorld, path: str, **form: str) -> str:
    page = client.get(course.base + path).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    answer = client.post(course.base + path, data={"csrf_token": token[1], "do": "save", **form}, headers=SAME_ORIGIN)
    return client.get(answer.headers["Location"]).text if answer.status_code == 303 else answer.text


def test_the_rubric_is_filled_in_and_kept_apart_until_both_are_done(course: CourseWorld, world: World) -> None:
    number = prior_learning(course)
    path = f"/checkpoints/{number}/learners/{course.users['ada']}"
    page = course.get(path)
    assert "Explains &lt;the&gt; cycle" in page
    assert "Ten years with trout." in page
    assert "What shows the prior learning" in page
    page = mark(course.client, course, path, **{"mark-0": "1", "comment": "Convincing"})
    assert "Choose a level." in page
    assert re.search(r'id="mark-0-1" value="1"[^>]*checked', page), "what was chosen stays"
    page = mark(course.client, course, path, **{"mark-0": "1", "mark-1": "1", "comment": "Convincing"})
    assert "It counts once somebody else has assessed it, too." in page
    other = second_teacher(course)
    page = other.get(course.base + path).text
    assert "you see their marks once yours are in" in page
    assert "Convincing" not in page
    assert "10 of 10 points" not in page
    page = mark(other, course, path, **{"mark-0": "0", "mark-1": "1", "comment": "Not enough"})
    assert "do not agree whether it is enough" in page
    assert "Convincing" in page, "now both may see both"
    assert "1 piece of work that its assessors do not agree about" in course.get("/")
    assert "1 to settle" in course.get("/checkpoints")
    page = mark(other, course, path, **{"mark-0": "1", "mark-1": "0", "comment": "Enough"})
    assert 'data-state="disagreeing"' in page, "six of ten is still less than seventy percent"
    page = mark(other, course, path, **{"mark-0": "1", "mark-1": "1", "comment": "Enough"})
    assert 'data-state="assessed"' in page
    assert ("evaluate_course", course.context_id) in world.queue.woken


def test_the_learner_reads_the_rubric_and_nothing_before_it_is_settled(course: CourseWorld, world: World) -> None:
    number = prior_learning(course)
    path = f"/checkpoints/{number}/learners/{course.users['ada']}"
    opened = world.open(LEARNER, course="course-1", sub="ada")
    ada = world.app.test_client()
    ada.set_cookie(LAUNCH_COOKIE, opened.secret)
    mark(course.client, course, path, **{"mark-0": "1", "mark-1": "1", "comment": "Convincing"})
    page = ada.get(f"{course.base}/checkpoints/{number}").text
    assert "How it is assessed" in page
    assert "Show here what you have learned elsewhere" in page
    assert "Convincing" not in page
    assert "10 of 10" not in page
    mark(second_teacher(course), course, path, **{"mark-0": "1", "mark-1": "1", "comment": "I agree"})
    page = ada.get(f"{course.base}/checkpoints/{number}").text
    assert "10 of 10 points" in page
    assert "Convincing" in page
    assert "I agree" in page


def test_save_and_go_on_leads_to_the_next_that_waits(course: CourseWorld, world: World) -> None:
    number = prior_learning(course, assessors_needed=1)
    with world.services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, number)
        submissions.hand_in(session, checkpoint, course.users["ben"], world.now[0], text="I kept koi.")
    path = f"/checkpoints/{number}/learners/{course.users['ada']}"
    page = course.get(path)
    assert 'accesskey="s"' in page
    assert 'accesskey="w"' in page
    page = mark(course.client, course, path, **{"mark-0": "1", "mark-1": "1", "do": "next"})
    assert "I kept koi." in page
    with world.services.database.read() as session:
        rows = assessing.rows(session, session.get_one(Checkpoint, number))
        assert assessing.next_waiting(rows, course.users["ben"], None) is None


def test_the_rule_builder_offers_what_people_assess(course: CourseWorld, world: World) -> None:
    number = prior_learning(course)
    badge = course.add_badge("keeper", "Fish Keeper")
    page = course.get(f"/badges/{badge}/rule")
    assert '<option value="assessor">' in page
    with world.services.database.read() as session:
        public_id = session.get_one(Checkpoint, number).public_id
    fields = {"mode": "all", "count": "", "node": "1:0", "n1-kind": "assessor", "n1-subject": public_id, "do": "save"}
    course.post_on(f"/badges/{badge}/rule", **fields)
    page = course.get(f"/badges/{badge}/rule")
    assert "confirmation of “Earlier work”" in page, re.findall('class="said".*', page)
    foreign = course.post(f"/badges/{badge}/rule", **fields | {"n1-subject": "somebody-elses"})
    assert "Choose one from the list." in foreign.text
