"""The evidence source ``canvas`` against a Canvas that is stricter than life."""

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from platforms.canvas_course import START
from platforms.canvas_reading import CanvasReading, canvas_reading
from sqlalchemy import Engine

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import AddressRefusedError, PlatformAnswerError
from lti_tool.evidence import canvas_scopes
from lti_tool.models import ColumnKind


@pytest.fixture
def tool(engine: Engine) -> Iterator[CanvasReading]:
    """A Canvas with one course, and a grant for the whole institution."""
    with canvas_reading(engine) as found:
        found.allow()
        yield found


def key(number: int) -> str:
    """The key of an assignment's column."""
    return f"assignment:{number}"


# -- columns ----------------------------------------------------------------------------------------------------------


def test_everything_the_gradebook_has_is_a_column(tool: CanvasReading) -> None:
    course = tool.canvas.course
    log = course.add_assignment("Water log", 40)
    essay = course.add_assignment("Essay", 100, grading_type="letter_grade", grading_standard_id=12)
    course.add_assignment("Draft", 10, published=False)
    course.add_assignment("Chat", None, grading_type="not_graded")
    course.standards = {12: ["Great", "Good"]}
    module = course.add_module("Week 1")
    course.add_module("Reading list", required=0, others=3)
    outcome = course.add_outcome("Keeps fish", 4, 3, groups=2)
    found = {one.external_key: one for one in tool.columns()}
    assert list(found) == [
        key(log),
        key(essay),
        f"module:{module.number}",
        f"outcome:{outcome.number}",
        "course_total",
    ]
    assert [one.position for one in found.values()] == [0, 1, 2, 3, 4]
    assert {one.kind for one in found.values()} == {
        ColumnKind.LINE_ITEM,
        ColumnKind.MODULE,
        ColumnKind.OUTCOME,
        ColumnKind.COURSE_TOTAL,
    }
    assert found[key(essay)].grading_scheme == ("Great", "Good")
    assert found[key(log)].lti_ids == (course.assignments[log]["lti_context_id"],)
    assert found[f"outcome:{outcome.number}"].maximum == 4
    assert found["course_total"].maximum == 100
    assert found["course_total"].grading_scheme is not None
    assert found["course_total"].grading_scheme[0] == "A"


@pytest.mark.parametrize("allows_includes", [False, True])
def test_a_module_without_requirements_is_no_evidence_whether_or_not_includes_are_allowed(
    tool: CanvasReading, allows_includes: bool
) -> None:
    tool.canvas.allows_includes = allows_includes
    course = tool.canvas.course
    course.add_module("Reading list", required=0, others=2)
    week = course.add_module("Week 1", required=1)
    kinds = {one.external_key for one in tool.columns() if one.kind is ColumnKind.MODULE}
    assert kinds == {f"module:{week.number}"}
    assert tool.canvas.calls["module_items"] == (0 if allows_includes else 2)


def test_what_was_not_granted_is_neither_listed_nor_asked_for(engine: Engine) -> None:
    with canvas_reading(engine) as tool:
        tool.canvas.course.add_module("Week 1")
        tool.canvas.course.add_outcome("Keeps fish")
        tool.allow(canvas_scopes.asked([]))
        assert [one.external_key for one in tool.columns()] == ["course_total"]
        assert tool.canvas.calls["modules"] == tool.canvas.calls["outcome_links"] == 0
        capability = tool.source().capability(tool.context)
        assert capability.is_available
        assert capability.column_kinds == {ColumnKind.LINE_ITEM, ColumnKind.COURSE_TOTAL}


def test_an_assignment_that_cannot_be_read_is_left_out_and_counted(tool: CanvasReading) -> None:
    tool.canvas.course.add_assignment("Broken", -4)
    tool.canvas.course.add_assignment("Whole")
    assert [one.title for one in tool.columns()] == ["Whole", "Total"]
    assert tool.malformed == {"column": 1}


def test_the_course_is_named_by_its_number_where_a_launch_told_it(tool: CanvasReading) -> None:
    tool.columns()
    assert "/courses/lti_context_id:course-1/" in tool.canvas.addresses[0]
    tool.context.service_ids = {"canvas": "4201"}
    tool.columns()
    assert "/courses/4201" in tool.canvas.addresses[-1]


# -- submissions ------------------------------------------------------------------------------------------------------


def test_submissions_over_many_pages(tool: CanvasReading) -> None:
    course = tool.canvas.course
    students = [course.add_student(f"Student {number}") for number in range(7)]
    work = [course.add_assignment(f"Work {number}") for number in range(3)]
    for index, student in enumerate(students):
        course.grade(work[0], student, index)
    tool.canvas.page_size = 4
    found = tool.read("submissions")
    assert len(found) == 21
    assert {found[key(work[0]), str(one)].score for one in students} == {Decimal(number) for number in range(7)}
    assert found[key(work[1]), str(students[0])].state is EvidenceState.UNGRADED
    assert tool.canvas.calls["submissions"] == 6


@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_pages_that_shrink_lose_nobody_who_is_listed(tool: CanvasReading, page_size: int) -> None:
    course = tool.canvas.course
    work = course.add_assignment("Work")
    for number in range(9):
        course.grade(work, course.add_student(f"Student {number}"), number)
    tool.canvas.page_size, tool.canvas.shrinks = page_size, True
    pages = list(tool.pages(tool.stream("submissions")))
    assert pages[-1].place is None
    assert all(reading.state is EvidenceState.GRADED for page in pages for _, reading in page.observations)


def test_pages_that_repeat_end_in_an_error(tool: CanvasReading) -> None:
    course = tool.canvas.course
    work = course.add_assignment("Work")
    for number in range(5):
        course.grade(work, course.add_student(f"Student {number}"), number)
    stream = tool.stream("submissions")
    tool.canvas.page_size, tool.canvas.repeats = 2, True
    with pytest.raises(PlatformAnswerError) as caught:
        list(tool.pages(stream))
    assert caught.value.code == "pages_endless"


def test_what_people_wrote_is_not_fetched(tool: CanvasReading) -> None:
    tool.canvas.course.add_assignment("Work")
    list(tool.pages(tool.stream("submissions")))
    asked = parse_qs(urlsplit(tool.canvas.addresses[-1]).query)
    assert {"body", "attachments", "url"} <= set(asked["exclude_response_fields[]"])


def test_only_changes_are_asked_for(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada, ben, cho = (course.add_student(name) for name in ("Ada", "Ben", "Cho"))
    work = course.add_assignment("Work")
    course.grade(work, ada, 5)
    (page,) = tool.pages(tool.stream("submissions"))
    assert page.newest == START
    course.later(hours=1)
    course.grade(work, ben, 6)
    course.hand_in(work, cho)
    pages = list(tool.pages(tool.stream("submissions"), since=page.newest))
    found = [(one.external_id, one.state.value) for page in pages for _, one in page.observations]
    assert found == [(str(ada), "graded"), (str(ben), "graded"), (str(cho), "submitted")]  # Ada: asked with an overlap
    course.later(hours=1)
    later = list(tool.pages(tool.stream("submissions"), since=pages[-1].newest))
    assert {one.external_id for page in later for _, one in page.observations} == {str(ben), str(cho)}


def test_a_grade_hidden_again_is_seen_by_a_whole_reading_only(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada = course.add_student("Ada")
    work = course.add_assignment("Work")
    course.grade(work, ada, 5)
    course.later(days=1)
    course.change(work, ada, posted_at=None)
    assert tool.read("submissions", since=tool.now()) == {}
    assert tool.read("submissions")[key(work), str(ada)].state is EvidenceState.HIDDEN


def test_a_broken_off_reading_goes_on_where_it_was(tool: CanvasReading) -> None:
    course = tool.canvas.course
    work = [course.add_assignment(f"Work {number}") for number in range(2)]
    for number in range(6):
        student = course.add_student(f"Student {number}")
        course.grade(work[0], student, number)
        course.hand_in(work[1], student)
    tool.canvas.page_size = 4
    stream = tool.stream("submissions")
    for since in (None, START.replace(year=2025)):
        whole = list(tool.pages(stream, since=since))
        for index, page in enumerate(whole[:-1]):
            assert page.place is not None
            rest = list(tool.pages(stream, since=since, place=page.place))
            assert [one.observations for one in rest] == [one.observations for one in whole[index + 1 :]]
        assert whole[-1].place is None


def test_a_place_on_another_host_is_not_fetched(tool: CanvasReading) -> None:
    tool.canvas.course.add_assignment("Work")
    with pytest.raises(AddressRefusedError):
        list(tool.pages(tool.stream("submissions"), place="all https://elsewhere.example/x"))


def test_an_entry_that_cannot_be_read_never_becomes_a_zero(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada, ben = course.add_student("Ada"), course.add_student("Ben")
    work = course.add_assignment("Work")
    course.grade(work, ada, 5)
    course.change(work, ben, score="lots", workflow_state="graded")
    assert {user: one.score for (_, user), one in tool.read("submissions").items()} == {str(ada): 5}
    assert tool.malformed == {"observation": 1}


def test_anonymous_work_is_passed_over_until_it_names_people(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada = course.add_student("Ada")
    work = course.add_assignment("Work", anonymize_students=True)
    course.grade(work, ada, 5)
    assert tool.read("submissions") == {}
    course.assignments[work]["anonymize_students"] = False
    assert tool.read("submissions")[key(work), str(ada)].score == 5
    assert not tool.malformed
