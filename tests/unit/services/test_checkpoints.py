"""Checkpoints: described, stored, recognised at a launch, copied with a course, and bound to their column."""

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select

from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.evidence.base import ColumnReading
from lti_tool.models import (
    Checkpoint,
    CheckpointKind,
    ColumnKind,
    Context,
    Deployment,
    DeploymentState,
    EvidenceColumn,
    EvidenceMapping,
    Organization,
    SlotBinding,
)
from lti_tool.services import checkpoints, mapping, observing
from lti_tool.services.checkpoint_drafts import Draft, check, read_points
from lti_tool.services.frameworks import add_item

SOUND = Draft(kind=CheckpointKind.EVIDENCE, title="Water log", maximum=Decimal(10))


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    with course_on(any_database) as course:
        yield course


def make(course: Course, context_id: int | None = None, **values: Any) -> Checkpoint:
    with course.database.write() as session:
        context = session.get_one(Context, context_id or course.context_id)
        return checkpoints.create(session, context, dataclasses.replace(SOUND, **values), "user:1", course.now)


def skill(course: Course, statement: str = "Write", context_id: int | None = None) -> int:
    with course.database.write() as session:
        context = session.get_one(Context, context_id or course.context_id)
        return add_item(session, context, statement, None, course.now).id


def arrive(course: Course, checkpoint: Checkpoint | None, context_id: int | None = None, **values: Any) -> int:
    """A source lists a line item."""
    reading = ColumnReading(
        external_key=values.get("url", "https://lms.example/items/1"),
        title="Water log",
        kind=ColumnKind.LINE_ITEM,
        maximum=Decimal(10),
        resource_id=values.get("resource_id", checkpoint and checkpoint.public_id),
        tag=checkpoints.TAG,
        position=0,
    )
    with course.database.write() as session:
        return observing.store_column(session, context_id or course.context_id, "ags", reading)


def thresholds(course: Course, context_id: int | None = None) -> dict[int, Decimal]:
    with course.database.read() as session:
        found = mapping.mapped_columns(session, context_id or course.context_id)
        return {item: threshold for column in found for item, threshold in column.thresholds.items()}


# -- described --------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"title": " \n "}, "checkpoint_title_empty", "title"),
    ({"title": "x" * 256}, "checkpoint_title_too_long", "title"),
    ({"instructions": "x" * 8001}, "checkpoint_instructions_too_long", "instructions"),
    ({"maximum": None}, "checkpoint_maximum_invalid", "maximum"),
    ({"maximum": Decimal(0)}, "checkpoint_maximum_invalid", "maximum"),
    ({"maximum": Decimal(100_001)}, "checkpoint_maximum_invalid", "maximum"),
    ({"opens_at": START, "due_at": START - DAY}, "checkpoint_dates_order", "due_at"),
    ({"opens_at": START, "closes_at": START - DAY}, "checkpoint_dates_order", "closes_at"),
    ({"due_at": START, "closes_at": START - DAY}, "checkpoint_dates_order", "closes_at"),
]


@pytest.mark.parametrize(("values", "code", "field"), WRONG)
def test_what_cannot_be_used_is_named(course: Course, values: dict[str, Any], code: str, field: str) -> None:
    with course.database.read() as session, pytest.raises(InvalidInputError) as caught:
        check(session, course.context_id, dataclasses.replace(SOUND, **values))
    assert (caught.value.code, caught.value.field) == (code, field)


def test_texts_are_tidied_and_a_skill_counts_from_70(course: Course) -> None:
    item_id = skill(course)
    with course.database.read() as session:
        draft = dataclasses.replace(SOUND, title=" Water \x00 log ", instructions="a\r\nb \x07", item_id=item_id)
        found = check(session, course.context_id, draft)
    assert (found.title, found.instructions, found.threshold) == ("Water log", "a\nb", Decimal(70))


def test_progress_needs_no_points(course: Course) -> None:
    assert make(course, kind=CheckpointKind.PROGRESS, maximum=None).maximum is None


def test_the_skill_and_the_badge_are_the_course_s_own(course: Course) -> None:
    other = course.add_course("course-2")
    foreign = skill(course, context_id=other)
    for values in ({"item_id": foreign}, {"achievement_id": 99}):
        with pytest.raises(NotFoundError):
            make(course, **values)


@pytest.mark.parametrize(
    ("text", "points"),
    [("7", Decimal(7)), (" 7,5 ", Decimal("7.5")), ("1e9", None), ("-1", None), ("", None), ("1.00001", None)],
)
def test_points_as_typed(text: str, points: Decimal | None) -> None:
    assert read_points(text) == points


# -- at a launch ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("custom", "target", "found"),
    [
        ("abc", None, "abc"),
        (None, "https://t.example/checkpoints/abc", "abc"),
        (None, "https://t.example/x/checkpoints/abc?y=1", "abc"),
        ("abc", "https://t.example/checkpoints/other", "abc"),
        (None, "https://t.example/checkpoints/", None),
        (None, "https://t.example/checkpoints/a/b", None),
        (None, "https://t.example/lti/launch", None),
        (None, None, None),
        ("a\0b", None, ""),
        ("x" * 33, None, ""),
    ],
)
def test_which_checkpoint_a_launch_names(custom: str | None, target: str | None, found: str | None) -> None:
    assert checkpoints.named_in(custom, target) == found


def test_a_checkpoint_is_known_in_its_course(course: Course) -> None:
    made = make(course)
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        found = checkpoints.find_for_launch(session, context, made.public_id, course.now)
        assert found is not None
        assert found.id == made.id
        assert checkpoints.find_for_launch(session, context, "unheard-of", course.now) is None


def test_a_copied_course_gets_a_checkpoint_of_its_own_once(course: Course) -> None:
    made = make(course, item_id=skill(course), threshold=Decimal(60), due_at=START, instructions="Do it.")
    other = course.add_course("course-2")
    same = skill(course, context_id=other)
    with course.database.write() as session:
        context = session.get_one(Context, other)
        copy = checkpoints.find_for_launch(session, context, made.public_id, course.now)
        again = checkpoints.find_for_launch(session, context, made.public_id, course.now)
    assert copy is not None
    assert again is not None
    assert (copy.id, copy.context_id, copy.origin_id) == (again.id, other, made.id)
    assert copy.public_id != made.public_id
    assert (copy.title, copy.instructions, copy.maximum) == ("Water log", "Do it.", Decimal(10))
    assert (copy.item_id, copy.threshold) == (same, Decimal(60)), "the skill of the same words"
    assert copy.due_at is None, "dates belong to the old course"
    with course.database.read() as session:
        assert session.scalar(select(func.count(Checkpoint.id)).where(Checkpoint.context_id == course.context_id)) == 1


def test_another_organization_s_checkpoint_is_not_there(course: Course) -> None:
    made = make(course)
    with course.database.write() as session:
        organization = Organization(name="Elsewhere", created_at=START)
        session.add(organization)
        session.flush()
        deployment = Deployment(
            registration_id=course.registration_id,
            organization_id=organization.id,
            deployment_id="2",
            state=DeploymentState.ACTIVE,
            created_at=START,
        )
        session.add(deployment)
        session.flush()
        context = Context(
            deployment_id=deployment.id,
            organization_id=organization.id,
            platform_id="course-1",
            created_at=START,
            launched_at=START,
        )
        session.add(context)
        session.flush()
        assert checkpoints.find_for_launch(session, context, made.public_id, course.now) is None
        assert session.scalar(select(func.count(Checkpoint.id))) == 1


# -- its column -------------------------------------------------------------------------------------------------------


def test_its_column_counts_as_soon_as_it_is_listed(course: Course) -> None:
    item_id = skill(course)
    made = make(course, item_id=item_id, threshold=Decimal("62.5"))
    arrive(course, made)
    assert thresholds(course) == {item_id: Decimal("62.5")}
    with course.database.read() as session:
        assert session.get_one(Checkpoint, made.id).line_item_url == "https://lms.example/items/1"


def test_what_an_instructor_took_away_stays_away(course: Course) -> None:
    item_id = skill(course)
    made = make(course, item_id=item_id)
    column_id = arrive(course, made)
    with course.database.write() as session:
        mapping.map_column(session, course.context_id, column_id, item_id, None)
    arrive(course, made)
    with course.database.write() as session:
        checkpoints.learn_line_item(session, session.get_one(Checkpoint, made.id), "https://lms.example/items/1")
    assert thresholds(course) == {}


def test_a_platform_that_forgets_the_resource_id_teaches_the_address_at_a_launch(course: Course) -> None:
    item_id = skill(course)
    made = make(course, item_id=item_id)
    arrive(course, made, resource_id=None)
    assert thresholds(course) == {}
    with course.database.write() as session:
        checkpoints.learn_line_item(session, session.get_one(Checkpoint, made.id), "https://lms.example/items/1")
    assert thresholds(course) == {item_id: Decimal(70)}


def test_the_column_of_a_copy_bears_the_old_name_and_counts_in_the_new_course(course: Course) -> None:
    made = make(course, item_id=skill(course))
    other = course.add_course("course-2")
    item_id = skill(course, context_id=other)
    arrive(course, made, other, url="https://lms.example/items/2")
    assert thresholds(course, other) == {}, "nobody opened the copy yet"
    with course.database.write() as session:
        copy = checkpoints.find_for_launch(session, session.get_one(Context, other), made.public_id, course.now)
        assert copy is not None
        checkpoints.learn_line_item(session, copy, "https://lms.example/items/2")
    assert thresholds(course, other) == {item_id: Decimal(70)}
    assert thresholds(course) == {}
    with course.database.read() as session:
        assert session.scalars(select(EvidenceMapping.context_id)).all() == [other]
        assert session.scalars(select(SlotBinding.context_id)).all() == [other]


def test_columns_of_others_are_left_alone(course: Course) -> None:
    make(course, item_id=skill(course))
    arrive(course, None, resource_id="somebody-else")
    assert thresholds(course) == {}


def test_whether_a_checkpoint_is_in_the_course(course: Course) -> None:
    made = make(course)
    with course.database.read() as session:
        assert [(one.id, placed) for one, placed in checkpoints.course_checkpoints(session, course.context_id)] == [
            (made.id, False)
        ]


def test_first_launches_of_a_copied_checkpoint_at_once_make_one_copy(course: Course) -> None:
    origin, other = make(course), course.add_course("course-2")
    both = threading.Barrier(2)

    def launch(number: int) -> int:
        with course.database.write() as session:
            session.add(EvidenceColumn(**_column(other, number)))  # a row that refers to the course
            session.flush()
            with suppress(threading.BrokenBarrierError):  # on SQLite one writes after the other
                both.wait(timeout=1)
            found = checkpoints.find_for_launch(session, session.get_one(Context, other), origin.public_id, course.now)
            assert found is not None
            return found.id

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(launch, range(2)))) == 1


def _column(context_id: int, number: int) -> dict[str, Any]:
    values = {"source": "ags", "external_key": f"https://lms.example/items/{number}", "title": "Log", "position": 0}
    return {"context_id": context_id, "kind": ColumnKind.LINE_ITEM, "is_gone": False, **values}
