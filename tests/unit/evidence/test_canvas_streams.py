"""Modules, outcomes and totals of a Canvas course, and the streams there are."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from platforms.canvas_reading import CanvasReading, canvas_reading
from sqlalchemy import Engine

from lti_tool.domain.evidence import EvidenceState


@pytest.fixture
def tool(engine: Engine) -> Iterator[CanvasReading]:
    """A Canvas with one course, and a grant for the whole institution."""
    with canvas_reading(engine) as found:
        found.allow()
        yield found


def test_modules_cost_a_call_only_for_who_is_in_the_middle(tool: CanvasReading) -> None:
    course = tool.canvas.course
    first, second = course.add_module("Week 1"), course.add_module("Week 2")
    course.add_module("Reading list", required=0)
    ada, ben, cho, dee = (course.add_student(name) for name in ("Ada", "Ben", "Cho", "Dee"))
    for module in (first, second):
        course.complete(ada, module)
    course.complete(ben, first)
    course.complete(cho, second, 1)
    stream = tool.stream("modules")
    before = tool.canvas.calls["modules"]
    (page,) = tool.pages(stream)
    assert tool.canvas.calls["modules"] - before == 2
    done = {(one.external_id, column) for column, one in page.observations if one.state is EvidenceState.COMPLETED}
    keys = [f"module:{module.number}" for module in (first, second)]
    assert done == {(str(ada), keys[0]), (str(ada), keys[1]), (str(ben), keys[0])}
    assert {one.external_id for _, one in page.observations} == {str(one) for one in (ada, ben, cho, dee)}
    assert {column for column, _ in page.observations} == set(keys)


def test_who_did_not_move_on_costs_no_call_for_a_day(tool: CanvasReading) -> None:
    course = tool.canvas.course
    first, second = course.add_module("Week 1"), course.add_module("Week 2")
    ada, ben = course.add_student("Ada"), course.add_student("Ben")
    course.complete(ada, first)
    course.complete(ben, second, 1)
    source, stream = tool.source(), tool.stream("modules")

    def read() -> tuple[set[tuple[str | None, str]], int]:
        before = tool.canvas.calls["modules"]
        pages = source.iter_pages(
            tool.registration, tool.context, stream, since=None, place=None, malformed=tool.malformed
        )
        seen = [one for page in pages for one in page.observations]
        assert len(seen) == 4
        done = {(one.external_id, key) for key, one in seen if one.state is EvidenceState.COMPLETED}
        return done, tool.canvas.calls["modules"] - before

    hers = (str(ada), f"module:{first.number}")
    assert read() == ({hers}, 2)
    assert read() == ({hers}, 0)
    course.complete(ben, second)
    assert read() == ({hers, (str(ben), f"module:{second.number}")}, 1)
    course.later(days=1)
    assert read()[1] == 2


def test_outcomes_are_rolled_up(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada, ben = course.add_student("Ada"), course.add_student("Ben")
    outcome = course.add_outcome("Keeps fish", 4, 3)
    outcome.scores = {ada: 3.5, ben: 1}
    found = tool.read("outcomes")
    assert {(user, one.state.value, one.score, one.maximum) for (_, user), one in found.items()} == {
        (str(ada), "completed", Decimal("3.5"), 4),
        (str(ben), "graded", Decimal(1), 4),
    }


def test_totals_that_a_course_hides_from_its_learners_are_hidden(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada = course.add_student("Ada")
    course.set_total(ada, 80.5, current_grade="B")
    course.hides_totals = True
    (one,) = tool.read("totals").values()
    assert (one.external_id, one.state) == (str(ada), EvidenceState.HIDDEN)
    assert (one.score, one.letter) == (None, None)


def test_somebody_in_two_sections_has_one_total_and_who_left_keeps_theirs(tool: CanvasReading) -> None:
    course = tool.canvas.course
    ada, ben = course.add_student("Ada", sections=2), course.add_student("Ben")
    course.set_total(ada, 80.5)
    course.set_total(ben, 60, current_grade="D")
    course.enrollments[-1].state = "completed"
    (page,) = tool.pages(tool.stream("totals"))
    assert [(one.external_id, one.score, one.letter) for _, one in page.observations] == [
        (str(ada), Decimal("80.5"), None),
        (str(ben), Decimal(60), "D"),
    ]


def test_streams_exist_where_there_are_columns(tool: CanvasReading) -> None:
    source = tool.source()
    assert [one.key for one in source.streams(tool.context, tool.columns())] == ["totals"]
    tool.canvas.course.add_assignment("Work")
    tool.canvas.course.add_module("Week 1")
    streams = source.streams(tool.context, tool.columns())
    assert [(one.key, one.tells_changes) for one in streams] == [
        ("submissions", True),
        ("modules", False),
        ("totals", False),
    ]
