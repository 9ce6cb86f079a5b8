"""Skills of a course: written, imported, brought up to date, each course for itself."""

from collections.abc import Iterator

import pytest
from instructor_world import CourseWorld, make_course
from web_world import make_world

from lti_tool.errors import InvalidInputError
from lti_tool.frameworks.csv import Competency
from lti_tool.models import Context, Framework
from lti_tool.services import frameworks


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """An empty course."""
    world = make_world(migrated_sqlite_url)
    yield make_course(world)
    world.services.database.engine.dispose()


def add(course: CourseWorld, statement: str, code: str | None = None) -> int:
    with course.world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        return frameworks.add_item(session, context, statement, code, course.world.now[0]).id


def bring_in(course: CourseWorld, *competencies: Competency) -> int:
    with course.world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        return frameworks.import_items(session, context, competencies, course.world.now[0])


def listed(course: CourseWorld) -> list[tuple[str, str | None]]:
    with course.world.services.database.read() as session:
        return [(one.full_statement, one.human_code) for one in frameworks.course_items(session, course.context_id)]


def test_skills_keep_the_order_in_which_they_were_written(course: CourseWorld) -> None:
    add(course, "Zoology", "Z")
    add(course, "  Keep \n fish ")
    assert listed(course) == [("Zoology", "Z"), ("Keep fish", None)]


def test_the_same_statement_is_one_skill(course: CourseWorld) -> None:
    assert add(course, "Keep fish") == add(course, "Keep  fish", "AQ-1")
    assert len(listed(course)) == 1


@pytest.mark.parametrize(
    ("statement", "code"), [("", "competency_empty"), (" \n", "competency_empty"), ("x" * 1001, "competency_too_long")]
)
def test_what_is_no_skill(course: CourseWorld, statement: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add(course, statement)
    assert (caught.value.code, caught.value.field) == (code, "statement")
    assert listed(course) == []


def test_a_course_has_one_framework_named_after_it(course: CourseWorld) -> None:
    add(course, "Keep fish")
    add(course, "Grow plants")
    with course.world.services.database.read() as session:
        (framework,) = session.query(Framework).all()
    assert (framework.title, framework.context_id) == ("Title of course-1", course.context_id)


def test_an_import_adds_what_is_new_and_counts_it(course: CourseWorld) -> None:
    add(course, "Keep fish")
    added = bring_in(
        course,
        Competency("Keep fish"),
        Competency("Grow plants", "AQ-2"),
        Competency("Grow plants"),
        Competency("Log water"),
    )
    assert added == 2
    assert listed(course) == [("Keep fish", None), ("Grow plants", "AQ-2"), ("Log water", None)]


def test_an_import_brings_what_it_knows_by_identifier_up_to_date(course: CourseWorld) -> None:
    bring_in(course, Competency("Keep fish", "AQ-1", "guid-1", "https://case.example/guid-1"))
    assert bring_in(course, Competency("Keep all fish", None, "guid-1")) == 0
    assert listed(course) == [("Keep all fish", "AQ-1")]


def test_an_identifier_twice_in_a_file_is_one_skill(course: CourseWorld) -> None:
    assert bring_in(course, Competency("Keep fish", None, "guid-1"), Competency("Keep all fish", None, "guid-1")) == 1
    assert listed(course) == [("Keep all fish", None)]


def test_each_course_has_its_own_skills_even_with_the_same_identifier(course: CourseWorld) -> None:
    other = make_course(course.world, "course-2")
    bring_in(course, Competency("Keep fish", None, "guid-1"))
    assert bring_in(other, Competency("Keep fish", None, "guid-1")) == 1
    assert listed(course) == listed(other) == [("Keep fish", None)]
