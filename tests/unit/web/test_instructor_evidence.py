"""The evidence page: what can be seen, the matrix of what counts, and what is typed wrongly."""

from decimal import Decimal

import pytest
from instructor_world import CourseWorld, lakeside, make_course
from web_world import World

from lti_tool.models import EvidenceColumn
from lti_tool.services import mapping
from lti_tool.services.wakeups import EVALUATE_COURSE


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


def thresholds(course: CourseWorld) -> dict[tuple[str, str], Decimal]:
    """What is stored, by short names."""
    columns, items = ({number: name for name, number in one.items()} for one in (course.columns, course.items))
    with course.world.services.database.read() as session:
        return {
            (columns[column.column.id], items[item]): threshold
            for column in mapping.mapped_columns(session, course.context_id)
            for item, threshold in column.thresholds.items()
        }


def key(course: CourseWorld, column: str, item: str) -> str:
    return f"{course.columns[column]}-{course.items[item]}"


def test_each_piece_of_work_has_maximum_source_and_age(world: World, course: CourseWorld) -> None:
    world.later(minutes=20)
    page = course.get("/evidence")
    assert "Nitrogen cycle quiz" in page
    assert "out of 100 points" in page
    assert page.count("checked 20 minutes ago from Lakeside") == 2


def test_work_whose_reading_failed_says_why(world: World, course: CourseWorld) -> None:
    with world.services.database.write() as session:
        session.get_one(EvidenceColumn, course.columns["log"]).failed_code = "missing_scope"
    assert "The last reading failed: Your learning platform has not allowed this tool" in course.get("/evidence")


def test_the_page_says_where_more_work_comes_from_and_offers_no_dead_button(course: CourseWorld) -> None:
    page = course.get("/evidence")
    section = page.split('id="unseen"')[1].split("</section>")[0]
    assert "it is only invisible here" in section
    assert "<button" not in section
    assert section.count("<a ") == section.count(f'href="{course.base}/sources"') == 1


def test_a_course_without_grade_access_says_what_to_ask_for(world: World) -> None:
    course = make_course(world)
    assert "Assignment and Grade Services" in course.get("/evidence")


def test_without_skills_the_page_leads_to_them(world: World) -> None:
    assert "There is no skill yet" in make_course(world).get("/evidence")


def test_the_matrix_shows_what_counts_and_70_elsewhere(course: CourseWorld) -> None:
    page = course.get("/evidence")
    assert f'name="counts-{key(course, "quiz", "water")}" value="yes" checked' in page
    assert f'name="counts-{key(course, "quiz", "fish")}" value="yes" >' in page
    assert f'name="threshold-{key(course, "quiz", "fish")}" value="70"' in page


def test_saving_stores_the_matrix_and_wakes_the_evaluation(world: World, course: CourseWorld) -> None:
    world.queue.woken.clear()
    form = {
        f"counts-{key(course, 'quiz', 'water')}": "yes",
        f"threshold-{key(course, 'quiz', 'water')}": "69,5 %",
        f"counts-{key(course, 'log', 'fish')}": "yes",
        f"threshold-{key(course, 'log', 'fish')}": "",
        f"threshold-{key(course, 'quiz', 'fish')}": "rubbish in a cell that is not ticked",
    }
    assert "Saved." in course.post_on("/evidence", **form)
    assert thresholds(course) == {("quiz", "water"): Decimal("69.5"), ("log", "fish"): Decimal(70)}
    assert world.queue.woken == [(EVALUATE_COURSE, course.context_id)]


@pytest.mark.parametrize("typed", ["seventy", "101", "-1", "NaN", "1e999"])
def test_a_wrong_threshold_stores_nothing_and_keeps_what_was_typed(course: CourseWorld, typed: str) -> None:
    before = thresholds(course)
    wrong, right = key(course, "quiz", "fish"), key(course, "log", "fish")
    answer = course.post(
        "/evidence",
        **{f"counts-{wrong}": "y", f"threshold-{wrong}": typed, f"counts-{right}": "y", f"threshold-{right}": "55"},
    )
    assert answer.status_code == 200
    assert f'href="#threshold-{wrong}">Nitrogen cycle quiz, Keep the fish healthy: Enter a number' in answer.text
    assert f'value="{typed}" autocomplete="off" aria-invalid="true"' in answer.text
    assert f'id="threshold-{right}" name="threshold-{right}" value="55"' in answer.text
    assert f'name="counts-{key(course, "quiz", "water")}" value="yes" >' in answer.text
    assert thresholds(course) == before


def test_cells_of_another_course_are_not_there(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    place = key(course, "quiz", "fish")
    before = thresholds(course)
    other.post_on("/evidence", **{f"counts-{place}": "yes", f"threshold-{place}": "10"})
    assert thresholds(course) == before
