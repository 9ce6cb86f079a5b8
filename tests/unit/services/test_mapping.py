"""What counts as evidence: thresholds as typed, columns in slots, mappings that ask for an evaluation."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from instructor_world import CourseWorld, lakeside, make_course
from web_world import make_world

from lti_tool.domain.competency_plan import Calculation
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import CompetencyPolicy, Context, EvidenceMapping, SlotBinding
from lti_tool.services import mapping, observing


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Two columns, two skills; both columns count for the first skill."""
    world = make_world(migrated_sqlite_url)
    yield lakeside(world)
    world.services.database.engine.dispose()


def wanted(course: CourseWorld) -> int:
    """How many reasons to evaluate the course has had."""
    with course.world.services.database.read() as session:
        return session.get_one(Context, course.context_id).evaluation_wanted


def change(course: CourseWorld, column: str, item: str, threshold: int | None) -> None:
    with course.world.services.database.write() as session:
        mapping.map_column(
            session,
            course.context_id,
            course.columns[column],
            course.items[item],
            None if threshold is None else Decimal(threshold),
        )


def thresholds(course: CourseWorld) -> dict[str, dict[int, Decimal]]:
    with course.world.services.database.read() as session:
        return {one.column.title: one.thresholds for one in mapping.mapped_columns(session, course.context_id)}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("70", "70"),
        (" 70 % ", "70"),
        ("69,5", "69.5"),
        ("69.5%", "69.5"),
        ("70\N{NO-BREAK SPACE}%", "70"),
        ("70\N{NARROW NO-BREAK SPACE}%", "70"),
        ("0", "0"),
        ("100", "100"),
        ("", None),
        ("   ", None),
        ("%", None),
    ],
)
def test_thresholds_as_people_type_them(typed: str, value: str | None) -> None:
    assert mapping.read_threshold(typed) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    "typed",
    ["seventy", "100.1", "-0.1", "NaN", "Infinity", "1e999", "1e-999999", "1_0", "7 0", "70%%x", ".", "69." + "9" * 11],
)
def test_what_is_no_threshold(typed: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        mapping.read_threshold(typed)
    assert caught.value.code == "threshold_invalid"


def test_a_mapping_is_made_changed_and_ended_and_each_asks_for_an_evaluation(course: CourseWorld) -> None:
    fish = course.items["fish"]
    for threshold in (60, 65, None):
        before = wanted(course)
        change(course, "quiz", "fish", threshold)
        found = thresholds(course)["Nitrogen cycle quiz"].get(fish)
        assert found == (None if threshold is None else Decimal(threshold))
        assert wanted(course) == before + 1


@pytest.mark.parametrize(("item", "threshold"), [("water", 70), ("fish", None)])
def test_nothing_new_asks_for_nothing(course: CourseWorld, item: str, threshold: int | None) -> None:
    before = wanted(course)
    change(course, "quiz", item, threshold)
    assert wanted(course) == before


def test_several_pieces_of_work_must_all_reach_their_threshold_unless_said_otherwise(course: CourseWorld) -> None:
    with course.world.services.database.read() as session:
        (policy,) = session.query(CompetencyPolicy).all()
    assert (policy.item_id, policy.calculation, policy.threshold) == (course.items["water"], "all", Decimal(70))
    before = wanted(course)
    with course.world.services.database.write() as session:
        mapping.set_calculation(session, course.context_id, course.items["water"], Calculation.AVERAGE, Decimal("72.5"))
    with course.world.services.database.read() as session:
        (policy,) = session.query(CompetencyPolicy).all()
    assert (policy.calculation, policy.threshold) == ("average", Decimal("72.5"))
    assert wanted(course) == before + 1


def test_a_slot_is_named_once_after_the_resource_id_or_the_title(course: CourseWorld) -> None:
    with course.world.services.database.read() as session:
        assert sorted(session.scalars(session.query(SlotBinding.slot).statement)) == ["log", "quiz"]


def test_two_columns_of_one_name_fill_two_slots(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        column = mapping.course_columns(session, course.context_id)[0]
        other = course.columns["log"]
        session.query(SlotBinding).filter_by(column_id=other).delete()
        session.query(EvidenceMapping).filter_by(slot="log").delete()
        second = next(one for one in mapping.course_columns(session, course.context_id) if one.id == other)
        second.resource_id = column.resource_id
        assert mapping.bind_slot(session, course.context_id, second) == "quiz-2"
        assert mapping.bind_slot(session, course.context_id, second) == "quiz-2"


@pytest.mark.parametrize(
    ("title", "slot"), [("Élevage: étape 2", "elevage-etape-2"), ("水質", "work"), ("a" * 400, "a" * 200)]
)
def test_slots_are_plain_words(course: CourseWorld, title: str, slot: str) -> None:
    column_id = course.add_column("", title, {})
    with course.world.services.database.write() as session:
        column = next(one for one in mapping.course_columns(session, course.context_id) if one.id == column_id)
        assert mapping.bind_slot(session, course.context_id, column) == slot


def test_columns_that_are_gone_are_not_offered(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        observing.mark_gone(session, course.context_id, "ags", [course.columns["quiz"]])
    assert list(thresholds(course)) == ["Nitrogen cycle quiz"]


def test_another_courses_column_or_skill_is_not_there(course: CourseWorld) -> None:
    other = make_course(course.world, "course-2")
    other.add_column("essay", "Essay", {})
    other.add_item("write", "Write well")
    with course.world.services.database.write() as session:
        for column, item in (
            (other.columns["essay"], course.items["fish"]),
            (course.columns["quiz"], other.items["write"]),
            (9999, course.items["fish"]),
        ):
            with pytest.raises(NotFoundError):
                mapping.map_column(session, course.context_id, column, item, Decimal(70))
        with pytest.raises(NotFoundError):
            mapping.set_calculation(session, course.context_id, other.items["write"], Calculation.ANY, Decimal(70))
    assert "Essay" not in thresholds(course)
