"""The card on a copied course's first page, the page behind it, and its buttons."""

from typing import Any

import pytest
from instructor_world import CourseWorld, lakeside, make_course
from sqlalchemy import select
from web_world import LEARNER, World

from lti_tool.models import Achievement, Context, ContextCopy, CopyGround, CopyState, EvidenceMapping
from lti_tool.services import achievements, copy_proposals, course_copies
from lti_tool.services.copy_proposals import JOB
from lti_tool.web.session import LAUNCH_COOKIE


@pytest.fixture
def origin(world: World) -> CourseWorld:
    """A course with a badge."""
    course = lakeside(world)
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=True)
    return course


@pytest.fixture
def course(origin: CourseWorld) -> CourseWorld:
    """Its copy, which has the same log under the same id, and a quiz that only has the same title."""
    course = make_course(origin.world, "course-2")
    course.add_column("log", "Log of the water", {})
    course.add_column("quiz-2", "Nitrogen cycle quiz", {})
    return course


def told(course: CourseWorld, ground: CopyGround = CopyGround.HISTORY) -> int:
    with course.world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        context.history = ["course-1"]
        copy_id = copy_proposals.propose_by_history(session, context, (), course.world.now[0])
        assert copy_id is not None
        session.get_one(ContextCopy, copy_id).ground = ground
        return copy_id


def taken(course: CourseWorld) -> int:
    copy_id = told(course)
    with course.world.services.database.write() as session:
        course_copies.take_over_if_due(session, copy_id, course.world.now[0])
    return copy_id


def copy_of(course: CourseWorld) -> ContextCopy:
    with course.world.services.database.read() as session:
        return session.scalars(select(ContextCopy)).one()


def own(course: CourseWorld, table: Any) -> list[Any]:
    with course.world.services.database.read() as session:
        return list(session.scalars(select(table).where(table.context_id == course.context_id)))


def test_a_course_without_a_copy_has_no_card(origin: CourseWorld) -> None:
    assert "copy of" not in origin.get("/")


@pytest.mark.parametrize(
    ("ground", "words"),
    [
        (CopyGround.LIKENESS, "This looks like a copy of “Title of course-1”"),
        (CopyGround.NOTICE, "This is a copy of “Title of course-1”"),
    ],
)
def test_the_card_asks_and_the_page_shows_what_would_come(course: CourseWorld, ground: CopyGround, words: str) -> None:
    copy_id = told(course, ground)
    assert words in course.get("/")
    page = course.get(f"/copies/{copy_id}")
    assert "Water keeper" in page
    assert "Balance the water chemistry" in page
    found, _, to_find = page.partition("To be found by you")
    assert "Water log → Log of the water" in " ".join(found.split())
    assert "Nitrogen cycle quiz" in to_find
    assert "there is work of the same title here" in to_find


def test_taking_over_leads_to_the_work_that_is_still_to_be_found(course: CourseWorld) -> None:
    copy_id = told(course, CopyGround.LIKENESS)
    page = course.post_on(f"/copies/{copy_id}/take-over")
    assert "1 badge was taken over as a draft." in page
    assert "Suggested because it has the same name." in page
    assert copy_of(course).state is CopyState.ACCEPTED
    assert len(own(course, Achievement)) == 1
    assert "copy of" not in course.get("/")
    work = course.columns["quiz-2"]
    page = course.post_on(f"/copies/{copy_id}/work", **{"slot-0": "quiz", "work-0": str(work)})
    assert "Kept. All work is found." in page
    assert "All work that the rules count was found in this course." in page


def test_work_may_stay_open_and_is_never_bound_to_what_the_form_does_not_show(course: CourseWorld) -> None:
    copy_id = taken(course)
    assert "1 piece of work is still to be found" in course.post_on(f"/copies/{copy_id}/work", **{"slot-0": "quiz"})
    page = course.post_on(f"/copies/{copy_id}/work", **{"slot-0": "other", "work-0": str(course.columns["quiz-2"])})
    assert "still to be found" in page
    page = course.post_on(f"/copies/{copy_id}/work", **{"slot-0": "quiz", "work-0": str(course.columns["log"])})
    assert "Nothing was changed." in page
    foreign = 1  # a column of the origin
    assert course.post(f"/copies/{copy_id}/work", **{"slot-0": "quiz", "work-0": str(foreign)}).status_code == 404


def test_what_came_by_itself_can_be_kept(course: CourseWorld) -> None:
    copy_id = taken(course)
    page = course.get("/")
    assert "Taken over from “Title of course-1”" in page
    assert copy_of(course).decided_by == JOB
    assert "Taken over from" not in course.post_on(f"/copies/{copy_id}/keep")
    assert copy_of(course).decided_by != JOB


def test_or_undone(course: CourseWorld) -> None:
    copy_id = taken(course)
    page = course.post_on(f"/copies/{copy_id}/undo")
    assert "What came with the course was removed again." in page
    assert own(course, Achievement) == own(course, EvidenceMapping) == []
    assert copy_of(course).state is CopyState.DECLINED


def test_undoing_after_publishing_says_why_not(course: CourseWorld) -> None:
    copy_id = taken(course)
    with course.world.services.database.write() as session:
        badge = session.scalars(select(Achievement).where(Achievement.context_id == course.context_id)).one()
        achievements.publish(session, badge, "user:1", course.world.now[0])
    assert "can only be removed piece by piece" in course.post_on(f"/copies/{copy_id}/undo")
    assert len(own(course, Achievement)) == 1


def test_declined(course: CourseWorld) -> None:
    copy_id = told(course, CopyGround.LIKENESS)
    assert "Nothing was taken over." in course.post_on(f"/copies/{copy_id}/decline")
    assert "copy of" not in course.get("/")
    assert course.post(f"/copies/{copy_id}/take-over").status_code == 409


def test_only_the_instructor_of_the_new_course_decides(course: CourseWorld) -> None:
    copy_id = told(course)
    opened = course.world.open(LEARNER, course="course-2", sub="ada")
    client = course.world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    assert client.get(f"{course.base}/copies/{copy_id}").status_code == 403
    elsewhere = make_course(course.world, "course-3")
    elsewhere.get(f"/copies/{copy_id}", 404)
    assert elsewhere.post(f"/copies/{copy_id}/take-over").status_code == 404
