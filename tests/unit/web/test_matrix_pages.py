"""The matrix: what covers what, the holes, and changes that are shown before they are stored; the skills behind it."""

import html
from decimal import Decimal
from typing import Any

import pytest
from forms import fields_of
from instructor_world import CourseWorld, lakeside, make_course
from web_world import World

from lti_tool.domain.competency_plan import Calculation
from lti_tool.models import Achievement, AuditEvent
from lti_tool.services import mapping
from lti_tool.services.mapping_changes import Combining, Counting, CourseMapping, stored_mapping
from lti_tool.services.wakeups import EVALUATE_COURSE


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


@pytest.fixture
def live(course: CourseWorld) -> CourseWorld:
    """With a live badge for the skill that has work: Ada is offered it."""
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=True)
    course.evaluate()
    return course


def stored(course: CourseWorld) -> CourseMapping:
    with course.world.services.database.read() as session:
        return stored_mapping(session, course.context_id)


def field(course: CourseWorld, name: str, column: str, item: str) -> str:
    return f"{name}-{course.columns[column]}-{course.items[item]}"


def form_of(course: CourseWorld) -> dict[str, Any]:
    return fields_of(course.get("/matrix"), "/matrix")


def said(text: str) -> str:
    return " ".join(html.unescape(text).split())


def test_holes_are_said_in_words(course: CourseWorld) -> None:
    course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    course.add_column("plan", "System plan", {})
    page = said(course.get("/matrix"))
    assert "No work counts for the skill “Keep the fish healthy”, so it can't be told who has it." in page
    assert "“System plan” counts for nothing." in page
    assert "The badge “Fish friend” asks for a skill without work: Keep the fish healthy." in page
    assert "“Water log” counts for nothing." not in page


def test_work_that_a_rule_names_itself_is_no_hole(course: CourseWorld) -> None:
    column = course.add_column("plan", "System plan", {})
    with course.world.services.database.write() as session:
        (row,) = [one for one in mapping.course_columns(session, course.context_id) if one.id == column]
        slot = mapping.bind_slot(session, course.context_id, row)
    course.add_badge("plan", "Planner", {"column": slot, "points": {"at_least": "1"}})
    assert "counts for nothing" not in course.get("/matrix")


def test_each_skill_says_its_work_and_its_badges(live: CourseWorld) -> None:
    page = said(live.get("/matrix"))
    assert "2 pieces of work count: Nitrogen cycle quiz, Water log." in page
    assert "Badges that ask for it:" in page
    assert "No badge asks for it." in page
    assert page.count("checked just now from Lakeside") >= 2


def test_without_live_badges_the_matrix_is_stored_at_once(course: CourseWorld) -> None:
    course.world.queue.woken.clear()
    changed = {
        field(course, "threshold", "quiz", "water"): "69,5 %",
        field(course, "weight", "quiz", "water"): "2",
        field(course, "threshold", "log", "water"): "",
        field(course, "threshold", "log", "fish"): "50",
        f"calculation-{course.items['water']}": "decaying_average",
        f"needed-{course.items['water']}": "60",
        f"factor-{course.items['water']}": "80",
    }
    assert "Saved." in course.post_on("/matrix", **form_of(course) | changed, do="save")
    quiz, log = course.columns["quiz"], course.columns["log"]
    water, fish = course.items["water"], course.items["fish"]
    found = stored(course)
    assert found.counting == {
        (quiz, water): Counting(Decimal("69.5"), Decimal(2)),
        (log, fish): Counting(Decimal(50), Decimal(1)),
    }
    assert found.combining[water] == Combining(Calculation.DECAYING_AVERAGE, Decimal(60), Decimal(80))
    assert course.world.queue.woken == [(EVALUATE_COURSE, course.context_id)]
    with course.world.services.database.read() as session:
        assert session.query(AuditEvent).filter_by(action="mapping.changed").count() == 1


def test_sending_the_page_back_changes_nothing(course: CourseWorld) -> None:
    before = stored(course)
    assert "Nothing was changed." in course.post_on("/matrix", **form_of(course), do="save")
    assert stored(course) == before


@pytest.mark.parametrize("where", ["/matrix", "/evidence"])
def test_with_a_live_badge_the_change_is_shown_first_and_stored_once_confirmed(live: CourseWorld, where: str) -> None:
    before = stored(live)
    form = fields_of(live.get(where), where) | {field(live, "threshold", "quiz", "water"): "69.5"}
    preview = live.post(where, **form, do="save").text
    assert "<strong>1</strong> learner would gain it" in preview
    assert "Ben Noor" in preview
    assert stored(live) == before
    assert "Saved." in live.post_on(where, **fields_of(preview, where), do="confirm")
    assert stored(live).counting[live.columns["quiz"], live.items["water"]].threshold == Decimal("69.5")
    with live.world.services.database.read() as session:
        assert session.get_one(Achievement, live.badges["water"]).previewed_count == 1


def test_a_change_that_takes_an_offer_away_names_who_loses_it_and_why(live: CourseWorld) -> None:
    form = form_of(live) | {field(live, "threshold", "log", "water"): "85"}
    preview = said(live.post("/matrix", **form, do="save").text)
    assert "learner would lose the offer, which is not claimed yet" in preview
    assert "Needs 85% in Water log. Lakeside shows 80%" in preview


def test_work_without_a_slot_is_tried_out_too(live: CourseWorld) -> None:
    column = live.add_column("plan", "System plan", {"ada": "10"})
    form = form_of(live) | {f"threshold-{column}-{live.items['water']}": "50"}
    preview = said(live.post("/matrix", **form, do="save").text)
    assert "Needs 50% in System plan. Lakeside shows 10%" in preview
    with live.world.services.database.read() as session:
        columns = mapping.mapped_columns(session, live.context_id)
        assert [one.slot for one in columns if one.column.id == column] == [None]


def test_a_confirmation_of_something_else_is_shown_again(live: CourseWorld) -> None:
    form = form_of(live) | {field(live, "threshold", "quiz", "water"): "69.5"}
    kept = fields_of(live.post("/matrix", **form, do="save").text, "/matrix")
    before = stored(live)
    again = live.post("/matrix", **kept | {field(live, "threshold", "quiz", "water"): "99"}, do="confirm")
    assert "Something has changed since you looked." in again.text
    assert stored(live) == before


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("threshold", "seventy", "Enter a number from 0 to 100."),
        ("weight", "0", "Enter a number above 0, at most 1,000."),
        ("weight", "1e9", "Enter a number above 0, at most 1,000."),
        ("needed", "101", "Enter a number from 0 to 100."),
        ("factor", "0", "Enter a number above 0, at most 100."),
        ("calculation", "guess", "Choose one of the ways."),
    ],
)
def test_a_wrong_entry_stores_nothing_and_stays(course: CourseWorld, name: str, typed: str, words: str) -> None:
    item = course.items["water"]
    is_cell = name in {"threshold", "weight"}
    wrong = field(course, name, "quiz", "water") if is_cell else f"{name}-{item}"
    before = stored(course)
    entries = {f"calculation-{item}": "decaying_average", field(course, "threshold", "log", "fish"): "55", wrong: typed}
    answer = course.post("/matrix", **form_of(course) | entries, do="save")
    assert words in answer.text.split(f'id="{wrong}-error"')[1][:300]
    assert name == "calculation" or f'name="{wrong}" value="{typed}"' in answer.text
    assert f'name="{field(course, "threshold", "log", "fish")}" value="55"' in answer.text
    assert stored(course) == before


def test_cells_of_another_course_are_not_there(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    before = stored(course)
    other.post_on("/matrix", **{field(course, "threshold", "quiz", "fish"): "10"}, do="save")
    assert stored(course) == before


# -- skills -----------------------------------------------------------------------------------------------------------


def test_a_skill_gets_other_words_and_stays_the_same(course: CourseWorld) -> None:
    identifier, item = course.identifier("water"), course.items["water"]
    page = course.get(f"/skills/{item}")
    assert "Nitrogen cycle quiz, Water log" in page
    assert "Remove this skill" not in page
    assert "is saved" in course.post_on(f"/skills/{item}", statement="Balance water", code="AQ-1")
    assert course.identifier("water") == identifier
    assert "Balance water" in course.get("/skills")


def test_words_that_cannot_be_used_stay_in_the_form(course: CourseWorld) -> None:
    answer = course.post(f"/skills/{course.items['water']}", statement=" ", code="AQ")
    assert "Write what the learner can do" in answer.text
    assert 'value="AQ"' in answer.text


def test_only_an_unused_skill_is_removed(course: CourseWorld) -> None:
    course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    for name in ("water", "fish"):
        answer = course.post(f"/skills/{course.items[name]}/remove")
        assert (answer.status_code, "competency_used" in answer.text) == (409, True)
    assert "Fish friend" in course.get(f"/skills/{course.items['fish']}")
    spare = course.add_item("spare", "Paint the shed")
    assert "is removed" in course.post_on(f"/skills/{spare}/remove")
    course.get(f"/skills/{spare}", 404)


def test_a_skill_of_another_course_is_not_there(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    other.get(f"/skills/{course.items['fish']}", 404)
    for way in ("", "/remove"):
        assert other.post(f"/skills/{course.items['fish']}{way}", statement="x").status_code == 404
    assert "Keep the fish healthy" in course.get("/skills")
