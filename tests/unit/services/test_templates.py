"""An organization's mapping in its courses: inherited, bound to their own columns, and not to be weakened."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import select, update

from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.templates import Template
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.evidence.base import ColumnReading
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    CheckpointKind,
    ColumnKind,
    CompetencyPolicy,
    Context,
    EvidenceMapping,
    Item,
    MappingTemplate,
    Organization,
    SlotBinding,
    TemplateAdoption,
    TemplateState,
)
from lti_tool.services import achievements, checkpoints, mapping, observing, slots, template_adoption, templates
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.frameworks import add_item, course_items

ACTOR = "staff:1"


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course with two badges, one of which builds on the other, on both databases."""
    with course_on(any_database) as course:
        log = course.column("Water log")
        project = course.column("Final project")
        skill = course.skill("Balance the water chemistry", {log: "70"})
        course.skill("Design a system", {project: "60"})
        water = course.badge("Water", {"competency": skill})
        course.badge("Operator", {"all": [{"achievement": course.public_id(water)}, {"competency": skill}]})
        yield course


def template_of(course: Course, *, locked: bool = True, name: str = "Aquaponics") -> int:
    """Draft a template from the course and publish it."""
    with course.database.write() as session:
        content = templates.course_content(session, course.context_id)
        made = templates.create_template(session, course.organization_id, name, content, ACTOR, course.now)
        templates.publish(session, made, is_locked=locked, actor=ACTOR, now=course.now)
        return made.id


def adopting(course: Course, template_id: int, platform_id: str = "course-2") -> Course:
    """Another course, whose work has other titles, that inherits the template."""
    other = Course(
        course.database,
        now=course.now,
        context_id=course.add_course(platform_id),
        organization_id=course.organization_id,
        registration_id=course.registration_id,
        deployment_id=course.deployment_id,
        issuer_id=course.issuer_id,
        vault=course.vault,
    )
    adopt(other, template_id)
    return other


def adopt(course: Course, template_id: int) -> None:
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        template_adoption.adopt(session, context, template_id, course.issuer_id, ACTOR, course.now)


def bind(course: Course, slot: str, column_id: int | None) -> None:
    with course.database.write() as session:
        slots.bind(session, course.context_id, slot, column_id, "user:1", course.now)


def badge_named(course: Course, name: str) -> Achievement:
    with course.database.read() as session:
        found = achievements.course_achievements(session, course.context_id)
        one = next(one for one in found if one.current_version is not None and one.current_version.name == name)
        assert one.current_rule is not None
        return one


def publish(course: Course, *names: str) -> None:
    with course.database.write() as session:
        for name in names:
            one = session.get_one(Achievement, badge_named(course, name).id)
            achievements.publish(session, one, "user:1", course.now)


def rewrite(course: Course, template_id: int, **changes: Any) -> None:
    """Write a new version, and let the jobs bring it to the courses."""
    with course.database.write() as session:
        template = templates.get_template(session, template_id)
        assert template.current_version is not None
        held = templates.read_version(template.current_version)
        content = Template(**{name: changes.get(name, getattr(held, name)) for name in Template.__slots__})
        templates.add_version(session, template, content, ACTOR, course.now)
        for adoption_id in templates.due_adoptions(session):
            adoption = session.get_one(TemplateAdoption, adoption_id)
            template_adoption.apply_version(session, adoption, course.issuer_id, "job", course.now)


def test_two_courses_inherit_one_template_and_bind_their_own_work(course: Course) -> None:
    template_id = template_of(course)
    autumn, spring = adopting(course, template_id, "autumn"), adopting(course, template_id, "spring")
    for other, title in ((autumn, "Journal of the tanks"), (spring, "pH diary")):
        column = other.column(title, key=f"https://lms.example/{title}")
        learner = other.person(f"ada of {title}")
        other.grade(column, learner, "80")
        bind(other, "water-log", column)
        publish(other, "Water", "Operator")
        other.evaluate()
        with other.database.read() as session:
            states = session.scalars(select(Award.state).where(Award.user_id == learner)).all()
        assert states == [AwardState.OFFERED, AwardState.OFFERED]


def test_rules_of_a_course_name_its_own_badges(course: Course) -> None:
    other = adopting(course, template_of(course))
    rule = badge_named(other, "Operator").current_rule
    assert rule is not None
    assert rule.document["all"][0] == {"achievement": badge_named(other, "Water").public_id}
    assert badge_named(other, "Water").public_id != badge_named(course, "Water").public_id


def test_inherited_badges_are_drafts_until_their_work_is_bound(course: Course) -> None:
    other = adopting(course, template_of(course))
    assert badge_named(other, "Water").state is AchievementState.DRAFT
    with other.database.read() as session:
        assert [one.slot for one in slots.open_slots(session, other.context_id)] == ["water-log", "final-project"]


def test_the_work_that_is_probably_meant_is_suggested(course: Course) -> None:
    other = adopting(course, template_of(course))
    column = other.column("WATER  LOG", key="https://lms.example/a")
    other.column("Final project", key="https://lms.example/b")
    other.column("final-project", key="https://lms.example/c")
    with other.database.read() as session:
        found = {one.slot: one.suggestion for one in slots.open_slots(session, other.context_id)}
    assert found["water-log"] is not None
    assert found["water-log"].id == column
    assert found["final-project"] is None


def test_adopting_twice_changes_nothing(course: Course) -> None:
    template_id = template_of(course)
    other = adopting(course, template_id)
    with other.database.read() as session:
        before = [one.id for one in achievements.course_achievements(session, other.context_id)]
    adopt(other, template_id)
    with other.database.read() as session:
        assert [one.id for one in achievements.course_achievements(session, other.context_id)] == before


# -- locked -----------------------------------------------------------------------------------------------------------


def item_of(course: Course, statement: str) -> int:
    with course.database.read() as session:
        return next(one.id for one in course_items(session, course.context_id) if one.full_statement == statement)


def refused(course: Course, act: Any) -> None:
    with pytest.raises(ConflictError) as error, course.database.write() as session:
        act(session)
    assert error.value.code == "mapping_locked"


WATER = "Balance the water chemistry"


def test_a_locked_threshold_cannot_be_lowered(course: Course) -> None:
    other = adopting(course, template_of(course))
    column = other.column("Diary")
    bind(other, "water-log", column)
    item = item_of(other, WATER)
    refused(other, lambda s: mapping.map_column(s, other.context_id, column, item, Decimal(1)))
    refused(other, lambda s: mapping.map_column(s, other.context_id, column, item, None))
    with other.database.write() as session:  # the same again is no change
        mapping.map_column(session, other.context_id, column, item, Decimal(70))


def test_easier_work_cannot_be_added_to_a_locked_skill(course: Course) -> None:
    other = adopting(course, template_of(course))
    easy, item = other.column("Attendance"), item_of(other, WATER)
    refused(other, lambda s: mapping.map_column(s, other.context_id, easy, item, Decimal(1)))


def checkpoint_for(course: Course, item_id: int) -> str:
    """Make a checkpoint whose column is to count for a skill; returns its public id."""
    draft = Draft(kind=CheckpointKind.CHECK_OFF, title="Was there", maximum=Decimal(1), item_id=item_id)
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        return checkpoints.create(session, context, draft, "user:1", course.now).public_id


def test_a_checkpoint_cannot_count_for_a_locked_skill(course: Course) -> None:
    other = adopting(course, template_of(course))
    with pytest.raises(InvalidInputError) as error:
        checkpoint_for(other, item_of(other, WATER))
    assert (error.value.code, error.value.field) == ("mapping_locked", "item_id")


def test_a_skill_locked_after_its_checkpoint_was_made_stops_no_reading(course: Course) -> None:
    template_id = template_of(course, locked=False)
    other = adopting(course, template_id)
    item_id = item_of(other, WATER)
    public_id = checkpoint_for(other, item_id)
    with course.database.write() as session:
        session.get_one(MappingTemplate, template_id).is_locked = True
    reading = ColumnReading(
        external_key="https://lms.example/items/7",
        title="Was there",
        kind=ColumnKind.LINE_ITEM,
        maximum=Decimal(1),
        resource_id=public_id,
        tag=checkpoints.TAG,
        position=0,
    )
    with other.database.write() as session:
        column_id = observing.store_column(session, other.context_id, "ags", reading)
        slot = session.scalars(select(SlotBinding.slot).where(SlotBinding.column_id == column_id)).one()
        counting = select(EvidenceMapping).where(EvidenceMapping.slot == slot, EvidenceMapping.item_id == item_id)
        assert session.scalars(counting).all() == []


def test_a_locked_calculation_cannot_be_changed(course: Course) -> None:
    other = adopting(course, template_of(course))
    item = item_of(other, WATER)
    refused(other, lambda s: mapping.set_calculation(s, other.context_id, item, Calculation.ANY, Decimal(1)))


def test_a_locked_badge_keeps_its_rule_and_its_words(course: Course) -> None:
    other = adopting(course, template_of(course))
    water = badge_named(other, "Water").id
    content = achievements.Content(
        name="Water, easy",
        description="x",
        criteria_narrative="x",
        picture_sha256=badge_named(other, "Water").current_version.picture_sha256,  # type: ignore[union-attr]
        language="en",
    )
    easier = {"column": "anything", "submitted": True}
    refused(other, lambda s: achievements.write_rule(s, s.get_one(Achievement, water), easier, other.now))
    refused(other, lambda s: achievements.write_content(s, s.get_one(Achievement, water), content, other.now))


def test_a_course_may_add_skills_and_badges_of_its_own(course: Course) -> None:
    other = adopting(course, template_of(course))
    own = other.badge_for(other.column("Essay"), name="Writer")
    with other.database.read() as session:
        assert session.get_one(Achievement, own).template_version_id is None
        statements = [one.full_statement for one in course_items(session, other.context_id)]
    assert statements.count("Skill of Writer") == 1


def test_what_the_course_had_counting_for_a_locked_skill_counts_no_more(course: Course) -> None:
    template_id = template_of(course)
    other = Course(course.database, course.now, course.add_course("c3"), course.organization_id,
                   course.registration_id, course.deployment_id, course.issuer_id, course.vault)  # fmt: skip
    easy = other.column("Attendance")
    with course.database.read() as session:
        identifier = session.get_one(Item, item_of(course, WATER)).identifier
    with other.database.write() as session:
        own = add_item(session, session.get_one(Context, other.context_id), "Water, my way", None, other.now)
        own.identifier = identifier
        session.flush()
        mapping.map_column(session, other.context_id, easy, own.id, Decimal(1))
    adopt(other, template_id)
    with other.database.read() as session:
        rows = session.scalars(select(EvidenceMapping).where(EvidenceMapping.context_id == other.context_id)).all()
        assert {one.slot for one in rows} == {"water-log", "final-project"}


# -- not locked -------------------------------------------------------------------------------------------------------


def test_an_unlocked_template_is_a_beginning(course: Course) -> None:
    other = adopting(course, template_of(course, locked=False))
    column, item = other.column("Diary"), item_of(other, WATER)
    bind(other, "water-log", column)
    with other.database.write() as session:
        mapping.map_column(session, other.context_id, column, item, Decimal(55))
        mapping.set_calculation(session, other.context_id, item, Calculation.ANY, Decimal(55))
        water = session.get_one(Achievement, badge_named(other, "Water").id)
        achievements.write_rule(session, water, {"column": "water-log", "submitted": True}, other.now)


def test_what_a_course_made_its_own_stays_its_own(course: Course) -> None:
    template_id = template_of(course, locked=False)
    other = adopting(course, template_id)
    column, item = other.column("Diary"), item_of(other, WATER)
    bind(other, "water-log", column)
    with other.database.write() as session:
        mapping.map_column(session, other.context_id, column, item, Decimal(55))
    rewrite(course, template_id, calculations=())
    with other.database.read() as session:
        kept = session.scalars(
            select(EvidenceMapping.threshold).where(
                EvidenceMapping.context_id == other.context_id, EvidenceMapping.item_id == item
            )
        ).one()
    assert kept == Decimal(55)


def test_a_badge_that_a_course_made_its_own_stays_as_it_is_and_is_not_made_twice(course: Course) -> None:
    template_id = template_of(course, locked=False)
    other = adopting(course, template_id)
    own = {"column": "water-log", "submitted": True}
    with other.database.write() as session:
        water = session.get_one(Achievement, badge_named(other, "Water").id)
        achievements.write_rule(session, water, own, other.now)
    rewrite(course, template_id, calculations=())
    with other.database.read() as session:
        found = achievements.course_achievements(session, other.context_id)
        names = [one.current_version.name for one in found if one.current_version]
        assert sorted(names) == ["Operator", "Water"]
        rules = {
            one.current_version.name: one.current_rule.document
            for one in found
            if one.current_version and one.current_rule
        }
        public_id = next(one.public_id for one in found if one.current_version and one.current_version.name == "Water")
    assert rules["Water"] == own
    assert public_id in str(rules["Operator"])


# -- new versions -----------------------------------------------------------------------------------------------------


def test_a_new_version_reaches_every_course_that_inherits(course: Course) -> None:
    template_id = template_of(course)
    other = adopting(course, template_id)
    with course.database.read() as session:
        held = templates.get_template(session, template_id).current_version
        assert held is not None
        stricter = tuple(
            one.__class__(one.slot, one.competency, Decimal(85), one.weight)
            for one in templates.read_version(held).mappings
        )
    rewrite(course, template_id, mappings=stricter)
    with other.database.read() as session:
        rows = session.scalars(select(EvidenceMapping).where(EvidenceMapping.context_id == other.context_id)).all()
        assert {one.threshold for one in rows} == {Decimal(85)}
        assert templates.due_adoptions(session) == []


def test_a_badge_that_left_the_template_is_retired_and_what_was_mapped_is_gone(course: Course) -> None:
    template_id = template_of(course)
    other = adopting(course, template_id)
    water = badge_named(other, "Water")
    operator = badge_named(other, "Operator").id
    with course.database.read() as session:
        held = templates.read_version(templates.get_template(session, template_id).current_version)  # type: ignore[arg-type]
    rewrite(course, template_id, badges=tuple(one for one in held.badges if one.key == "water"), mappings=())
    with other.database.read() as session:
        assert session.get_one(Achievement, operator).state is AchievementState.RETIRED
        assert session.get_one(Achievement, water.id).state is AchievementState.DRAFT
        here = EvidenceMapping.context_id == other.context_id
        assert session.scalars(select(EvidenceMapping).where(here)).all() == []


def test_the_same_content_is_no_new_version(course: Course) -> None:
    template_id = template_of(course)
    rewrite(course, template_id)
    with course.database.read() as session:
        version = templates.get_template(session, template_id).current_version
        assert version is not None
        assert version.number == 1


def test_a_calculation_that_left_the_template_is_gone(course: Course) -> None:
    template_id = template_of(course)
    other = adopting(course, template_id)
    rewrite(course, template_id, calculations=())
    with other.database.read() as session:
        here = CompetencyPolicy.context_id == other.context_id
        assert session.scalars(select(CompetencyPolicy).where(here)).all() == []


# -- who may, and what is refused --------------------------------------------------------------------------------------


def test_another_organizations_template_does_not_exist(course: Course) -> None:
    template_id = template_of(course)
    with course.database.write() as session:
        stranger = Organization(name="Elsewhere", created_at=course.now)
        session.add(stranger)
        session.flush()
        session.execute(update(MappingTemplate).values(organization_id=stranger.id))
    with pytest.raises(NotFoundError):
        adopting(course, template_id)


@pytest.mark.parametrize("state", [TemplateState.DRAFT, TemplateState.RETIRED])
def test_only_published_templates_can_be_adopted(course: Course, state: TemplateState) -> None:
    template_id = template_of(course)
    with course.database.write() as session:
        session.get_one(MappingTemplate, template_id).state = state
    with pytest.raises(NotFoundError):
        adopting(course, template_id)


def test_a_course_that_has_a_retired_template_keeps_it(course: Course) -> None:
    template_id = template_of(course)
    other = adopting(course, template_id)
    with course.database.write() as session:
        templates.retire(session, templates.get_template(session, template_id), ACTOR, course.now)
    refused(
        other, lambda s: mapping.map_column(s, other.context_id, other.column("x"), item_of(other, WATER), Decimal(1))
    )
    with course.database.read() as session:
        assert templates.published_templates(session, course.organization_id) == []


def test_names_are_one_to_an_organization(course: Course) -> None:
    template_of(course)
    with pytest.raises(ConflictError) as error:
        template_of(course, name=" Aquaponics ")
    assert error.value.code == "template_name_taken"
    with pytest.raises(InvalidInputError):
        template_of(course, name="  ")


def test_a_slot_takes_only_work_of_its_course_that_is_free(course: Course) -> None:
    other = adopting(course, template_of(course))
    foreign = course.column("Elsewhere", key="https://lms.example/elsewhere")
    column = other.column("Diary")
    with pytest.raises(NotFoundError):
        bind(other, "water-log", foreign)
    with pytest.raises(NotFoundError):
        bind(other, "no-such-slot", column)
    bind(other, "water-log", column)
    with pytest.raises(ConflictError) as error:
        bind(other, "final-project", column)
    assert error.value.code == "column_bound"
    used = other.column("Essay", key="https://lms.example/essay")
    other.badge_for(used, name="Writer")
    with pytest.raises(ConflictError):
        bind(other, "final-project", used)


def test_binding_is_on_record_and_can_be_taken_back(course: Course) -> None:
    other = adopting(course, template_of(course))
    column = other.column("Diary")
    bind(other, "water-log", column)
    bind(other, "water-log", column)
    bind(other, "water-log", None)
    assert [one.action for one in other.events("slot.")] == ["slot.bound", "slot.bound"]
    with other.database.read() as session:
        here = SlotBinding.context_id == other.context_id
        assert session.scalars(select(SlotBinding).where(here)).all() == []


def test_a_course_without_badges_is_no_template(course: Course) -> None:
    with pytest.raises(ConflictError) as error, course.database.write() as session:
        templates.course_content(session, course.add_course("empty"))
    assert error.value.code == "course_empty"
