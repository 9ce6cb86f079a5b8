"""A copied course gets the badges of the one it was copied from: as drafts, once, of its own institution only."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import delete, func, select, update

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    Checkpoint,
    CheckpointKind,
    ColumnKind,
    CompetencyPolicy,
    Context,
    ContextCopy,
    CopyGround,
    CopyState,
    Deployment,
    DeploymentState,
    EvidenceMapping,
    Framework,
    Item,
    MappingTemplate,
    Membership,
    Observation,
    Organization,
    Registration,
    ResourceLink,
    SlotBinding,
    TemplateAdoption,
    TemplateState,
    User,
)
from lti_tool.services import (
    achievements,
    checkpoints,
    copied_work,
    copy_page,
    copy_proposals,
    course_copies,
    mapping,
    observing,
    slots,
    template_adoption,
    templates,
)
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.copy_proposals import NoticedCourse
from lti_tool.services.frameworks import add_item, course_items

ACTOR = "user:7"
TABLES = (Achievement, Item, EvidenceMapping, CompetencyPolicy, SlotBinding, Checkpoint, Framework, TemplateAdoption)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A finished course: two badges, one upon the other, two skills, work with and without ids, an award."""
    with course_on(any_database) as course:
        log = work(course, "Water log", "log-1")
        project = work(course, "Final project")
        skill = course.skill("Balance the water chemistry", {log: "70"})
        course.skill("Design a system", {project: "60"})
        with course.database.write() as session:
            items = {one.full_statement: one.id for one in course_items(session, course.context_id)}
            mapping.set_calculation(
                session, course.context_id, items["Design a system"], Calculation.AVERAGE, Decimal(65)
            )
            session.get_one(Context, course.context_id).title = "Aquaponics 101 (Fall 2026)"
        water = course.badge("Water", {"competency": skill})
        rule = [{"achievement": course.public_id(water)}, {"column": "final-project", "percent": {"at_least": "80"}}]
        course.badge("Operator", {"all": rule})
        ada = course.person("ada")
        course.grade(log, ada, "90")
        course.evaluate()
        assert len(course.states()) == 1
        yield course


def work(
    course: Course, title: str, resource_id: str | None = None, tag: str | None = None, *, context_id: int | None = None
) -> int:
    """A column as a source reads it."""
    context_id = context_id or course.context_id
    reading = ColumnReading(
        f"https://lms.example/{context_id}/{title}", title, ColumnKind.LINE_ITEM, Decimal(100), resource_id, tag, 0
    )
    with course.database.write() as session:
        column_id = observing.store_column(session, context_id, "ags", reading)
        observing.mark_column_read(session, column_id, course.now)
        return column_id


def copied(course: Course, platform_id: str = "course-2", title: str | None = None) -> int:
    """Another course of the same deployment."""
    context_id = course.add_course(platform_id)
    with course.database.write() as session:
        session.get_one(Context, context_id).title = title
    return context_id


def told(course: Course, context_id: int, *origins: str) -> int | None:
    """A launch says where the course came from."""
    with course.database.write() as session:
        context = session.get_one(Context, context_id)
        context.history = list(origins)
        return copy_proposals.propose_by_history(session, context, (), course.now)


def noticed(course: Course, platform_id: str, *origins: str) -> list[int]:
    with course.database.write() as session:
        deployment = session.get_one(Deployment, course.deployment_id)
        new = NoticedCourse(platform_id, "A copy", None)
        return copy_proposals.propose_by_notice(session, deployment, new, origins, course.now)


def due(course: Course) -> list[int]:
    with course.database.read() as session:
        return course_copies.due(session)


def take_over(course: Course, copy_id: int, actor: str = ACTOR) -> None:
    with course.database.write() as session:
        course_copies.take_over(session, session.get_one(ContextCopy, copy_id), actor, course.now)


def undo(course: Course, copy_id: int) -> None:
    with course.database.write() as session:
        course_copies.undo(session, session.get_one(ContextCopy, copy_id), ACTOR, course.now)


def taken(course: Course, platform_id: str = "course-2", works: Iterable[tuple[str, str | None]] = ()) -> int:
    """A copy that was taken over; returns the course."""
    context_id = copied(course, platform_id)
    for title, resource_id in works:
        work(course, title, resource_id, context_id=context_id)
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    take_over(course, copy_id)
    return context_id


def rows(course: Course, table: Any, *conditions: Any) -> list[Any]:
    with course.database.read() as session:
        return list(session.scalars(select(table).where(*conditions).order_by(table.id)))


def counts(course: Course, context_id: int) -> dict[str, int]:
    with course.database.read() as session:
        found = {
            table.__tablename__: session.scalar(
                select(func.count()).select_from(table).where(table.context_id == context_id)
            )
            or 0
            for table in TABLES
            if table is not Item
        }
        return found | {"item": len(course_items(session, context_id))}


def bindings(course: Course, context_id: int) -> dict[str, str]:
    with course.database.read() as session:
        titles = {one.id: one.title for one in mapping.course_columns(session, context_id)}
        return {slot: titles[column] for slot, column in copied_work.bindings(session, context_id).items()}


# -- noticing ---------------------------------------------------------------------------------------------------------


def test_a_history_names_the_nearest_course_that_has_anything(course: Course) -> None:
    copied(course, "empty")
    context_id = copied(course)
    copy_id = told(course, context_id, "never-seen", "empty", "course-1")
    (copy,) = rows(course, ContextCopy)
    assert (copy.id, copy.context_id, copy.origin_context_id) == (copy_id, context_id, course.context_id)
    assert (copy.ground, copy.state) == (CopyGround.HISTORY, CopyState.PROPOSED)
    assert told(course, context_id, "course-1") is None
    assert len(rows(course, ContextCopy)) == 1


def test_a_link_that_was_copied_tells_of_its_course(course: Course) -> None:
    with course.database.write() as session:
        session.add(ResourceLink(context_id=course.context_id, platform_id="link-1"))
        context = session.get_one(Context, course.context_id)
        assert copy_proposals.propose_by_history(session, context, ["link-1"], course.now) is None  # its own link
    context_id = copied(course)
    with course.database.write() as session:
        context = session.get_one(Context, context_id)
        assert copy_proposals.propose_by_history(session, context, ["link-0", "link-1"], course.now) is not None
    (copy,) = rows(course, ContextCopy)
    assert copy.origin_context_id == course.context_id


def test_a_notice_comes_before_the_first_launch(course: Course) -> None:
    (copy_id,) = noticed(course, "course-2", "course-1", "unknown")
    (copy,) = rows(course, ContextCopy)
    (context,) = rows(course, Context, Context.platform_id == "course-2")
    assert (copy.id, copy.context_id, copy.ground) == (copy_id, context.id, CopyGround.NOTICE)
    assert (context.title, context.launched_at, context.history) == ("A copy", course.now, [])
    assert context.organization_id == course.organization_id
    assert noticed(course, "course-2", "course-1") == []
    assert due(course) == [copy_id]


def test_a_notice_about_courses_without_anything_makes_no_course(course: Course) -> None:
    copied(course, "empty")
    assert noticed(course, "course-2", "empty", "unknown", "course-2") == []
    assert not rows(course, Context, Context.platform_id == "course-2")


@pytest.mark.parametrize("other", ["institution", "registration"])
def test_another_institution_or_platform_is_never_an_origin(course: Course, other: str) -> None:
    with course.database.write() as session:
        organization_id, registration_id = course.organization_id, course.registration_id
        if other == "institution":
            organization = Organization(name="Elsewhere", created_at=course.now)
            session.add(organization)
            session.flush()
            organization_id = organization.id
        else:
            known = session.get_one(Registration, registration_id)
            values = {name: getattr(known, name) for name in ("auth_login_url", "auth_token_url", "key_set_url")}
            registration = Registration(
                name="Second", issuer=known.issuer, client_id="client-2", created_at=course.now, **values
            )
            session.add(registration)
            session.flush()
            registration_id = registration.id
        deployment = Deployment(
            registration_id=registration_id,
            organization_id=organization_id,
            deployment_id="elsewhere",
            state=DeploymentState.ACTIVE,
            created_at=course.now,
        )
        session.add(deployment)
        session.flush()
        context = Context(
            deployment_id=deployment.id,
            organization_id=organization_id,
            platform_id="course-9",
            title="Aquaponics 101",
            history=["course-1"],
            created_at=course.now,
            launched_at=course.now,
        )
        session.add(context)
        session.add(ResourceLink(context_id=course.context_id, platform_id="link-1"))
        session.flush()
        new = NoticedCourse("course-10", None, None)
        assert copy_proposals.propose_by_history(session, context, ["link-1"], course.now) is None
        assert copy_proposals.propose_by_notice(session, deployment, new, ["course-1"], course.now) == []
        assert copy_proposals.propose_by_likeness(session, context.id, course.now) is None
        forged = ContextCopy(
            context_id=context.id,
            origin_context_id=course.context_id,
            ground=CopyGround.NOTICE,
            state=CopyState.PROPOSED,
            created_at=course.now,
        )
        session.add(forged)
        session.flush()
        with pytest.raises(NotFoundError):
            course_copies.take_over(session, forged, ACTOR, course.now)
        assert not session.scalars(select(Achievement).where(Achievement.context_id == context.id)).all()


def test_a_course_that_only_looks_alike_is_asked_about(course: Course) -> None:
    context_id = copied(course, title="Aquaponics 101 – Spring 2027")
    with course.database.write() as session:
        assert copy_proposals.propose_by_likeness(session, context_id, course.now) is not None
        assert copy_proposals.propose_by_likeness(session, context_id, course.now) is None
    (copy,) = rows(course, ContextCopy)
    assert copy.ground is CopyGround.LIKENESS
    assert due(course) == []
    assert told(course, context_id, "course-1") is None  # now the platform says so, too
    assert due(course) == [copy.id]


def test_the_same_work_makes_a_course_look_alike(course: Course) -> None:
    work(course, "Fish diary")
    context_id = copied(course, title="Something else")
    for title in ("Water log", "Final project", "Fish diary"):
        work(course, title, context_id=context_id)
    with course.database.write() as session:
        assert copy_proposals.propose_by_likeness(session, context_id, course.now) is not None


def test_a_course_with_something_of_its_own_is_left_alone(course: Course) -> None:
    context_id = copied(course, title="Aquaponics 101")
    with course.database.write() as session:
        add_item(session, session.get_one(Context, context_id), "My own skill", None, course.now)
        assert copy_proposals.propose_by_likeness(session, context_id, course.now) is None


# -- taking over ------------------------------------------------------------------------------------------------------


def test_badges_come_as_drafts_with_ids_of_their_own_and_nothing_of_people(course: Course) -> None:
    before = [len(rows(course, table)) for table in (Award, Observation, Membership, User)]
    context_id = taken(course, works=[("Log of the water", "log-1"), ("Final project", None)])
    here = rows(course, Achievement, Achievement.context_id == context_id)
    there = rows(course, Achievement, Achievement.context_id == course.context_id)
    assert {one.state for one in there} == {AchievementState.LIVE}
    assert {one.state for one in here} == {AchievementState.DRAFT}
    assert not {one.public_id for one in here} & {one.public_id for one in there}
    assert [len(rows(course, table)) for table in (Award, Observation, Membership, User)] == before
    with course.database.read() as session:
        water, operator = (session.get_one(Achievement, one.id) for one in here)
        assert water.current_version is not None
        assert operator.current_rule is not None
        assert water.current_version.name == "Water"
        rule = operator.current_rule.document["all"]
        assert rule[0] == {"achievement": water.public_id}  # the badge of this course, not the other's
        assert rule[1]["column"] == "final-project"
        identifiers = [
            [one.identifier for one in course_items(session, one_course)]
            for one_course in (course.context_id, context_id)
        ]
        assert identifiers[0] == identifiers[1]
        (policy,) = session.scalars(
            select(CompetencyPolicy).where(
                CompetencyPolicy.context_id == context_id, CompetencyPolicy.calculation == "average"
            )
        )
        assert policy.threshold == Decimal(65)


def test_how_a_badge_is_awarded_comes_along_but_for_the_last_terms_date(course: Course) -> None:
    policy = AwardPolicy(hold_until=course.now, validity_days=365)
    with course.database.write() as session:
        for badge in session.scalars(select(Achievement)):
            badge.policy = dict(policy.to_document())
    context_id = taken(course)
    for badge in rows(course, Achievement, Achievement.context_id == context_id):
        found = AwardPolicy.from_document(badge.policy)
        assert (found.hold_until, found.validity_days) == (None, 365)


def test_work_that_the_platform_names_alike_is_bound_and_a_title_is_a_suggestion(course: Course) -> None:
    context_id = taken(course, works=[("Log of the water", "log-1"), ("Final project", None)])
    assert bindings(course, context_id) == {"log-1": "Log of the water"}
    with course.database.write() as session:
        (slot,) = slots.open_slots(session, context_id)
        assert (slot.slot, slot.title) == ("final-project", "Final project")
        assert slot.suggestion is not None
        assert slot.suggestion.title == "Final project"
        slots.bind(session, context_id, slot.slot, slot.suggestion.id, ACTOR, course.now)
        assert slots.open_slots(session, context_id) == []
    assert bindings(course, context_id) == {"log-1": "Log of the water", "final-project": "Final project"}


def test_the_copy_judges_like_its_origin_once_it_is_published(course: Course) -> None:
    context_id = taken(course, works=[("Log of the water", "log-1")])
    other = Course(
        course.database,
        now=course.now,
        context_id=context_id,
        organization_id=course.organization_id,
        registration_id=course.registration_id,
        deployment_id=course.deployment_id,
    )
    ben = other.person("ben")
    (column,) = [one.column_id for one in rows(course, SlotBinding, SlotBinding.context_id == context_id)]
    with course.database.write() as session:
        reading = ObservationReading("", EvidenceState.GRADED, Decimal(75), Decimal(100))
        observing.store_observations(session, column, [(ben, reading)], course.now)
        water = session.scalars(select(Achievement).where(Achievement.context_id == context_id)).first()
        assert water is not None
        achievements.publish(session, water, ACTOR, course.now)
    other.evaluate()
    assert (water.id, ben) in other.states()


def test_columns_that_are_read_later_are_bound_then(course: Course) -> None:
    context_id = taken(course)
    assert bindings(course, context_id) == {}
    work(course, "Log of the water", "log-1", context_id=context_id)
    with course.database.write() as session:
        before = session.get_one(Context, context_id).evaluation_wanted
        assert copied_work.bind_arrived(session, context_id, course.now) == 1
        assert copied_work.bind_arrived(session, context_id, course.now) == 0
        assert session.get_one(Context, context_id).evaluation_wanted > before
    assert bindings(course, context_id) == {"log-1": "Log of the water"}
    assert [one.action for one in course.events("slot.")] == ["slot.bound"]


def test_work_that_counts_here_already_keeps_its_slot(course: Course) -> None:
    context_id = copied(course)
    column_id = work(course, "My log", "log-1", context_id=context_id)
    with course.database.write() as session:
        context = session.get_one(Context, context_id)
        column = mapping.course_columns(session, context_id)[0]
        session.add(SlotBinding(context_id=context_id, slot="mine", column_id=column.id))
        session.flush()
        item = add_item(session, context, "My own skill", None, course.now)
        mapping.map_column(session, context_id, column_id, item.id, Decimal(50))
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    take_over(course, copy_id)
    assert bindings(course, context_id) == {"mine": "My log"}
    mapped = rows(course, EvidenceMapping, EvidenceMapping.context_id == context_id)
    assert [(one.slot, one.threshold) for one in mapped] == [
        ("mine", Decimal(50)),
        ("mine", Decimal(70)),
        ("final-project", Decimal(60)),
    ]


def test_a_name_that_means_other_work_here_is_not_taken(course: Course) -> None:
    context_id = copied(course)
    column_id = work(course, "Another project", context_id=context_id)
    with course.database.write() as session:
        session.add(SlotBinding(context_id=context_id, slot="final-project", column_id=column_id))
        session.flush()
        item = add_item(session, session.get_one(Context, context_id), "My own skill", None, course.now)
        mapping.map_column(session, context_id, column_id, item.id, Decimal(50))
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    take_over(course, copy_id)
    with course.database.read() as session:
        operator = session.scalars(
            select(Achievement).where(Achievement.context_id == context_id).order_by(Achievement.id.desc())
        ).first()
        assert operator is not None
        assert operator.current_rule is not None
        assert operator.current_rule.document["all"][1]["column"] == "final-project-2"
        assert {one.slot for one in slots.open_slots(session, context_id)} == {"final-project-2", "log-1"}


def test_twice_is_once(course: Course) -> None:
    context_id = copied(course)
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    take_over(course, copy_id)
    before = counts(course, context_id)
    take_over(course, copy_id)
    assert counts(course, context_id) == before
    assert [one.action for one in course.events("course_copy.")] == ["course_copy.proposed", "course_copy.taken_over"]


def test_checkpoints_come_along_and_know_their_column_before_anybody_opened_them(course: Course) -> None:
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        items = course_items(session, course.context_id)
        draft = Draft(kind=CheckpointKind.EVIDENCE, title="Diary", maximum=Decimal(10), item_id=items[0].id)
        checkpoint = checkpoints.create(session, context, draft, ACTOR, course.now)
        public_id, checkpoint_id = checkpoint.public_id, checkpoint.id
    work(course, "Diary", public_id)
    with course.database.write() as session:  # the instructor changed what the checkpoint began with
        binding = session.scalars(select(SlotBinding).order_by(SlotBinding.id.desc())).first()
        assert binding is not None
        session.execute(
            update(EvidenceMapping).where(EvidenceMapping.slot == binding.slot).values(threshold=Decimal(55))
        )
    context_id = taken(course)
    (copy,) = rows(course, Checkpoint, Checkpoint.context_id == context_id)
    assert (copy.title, copy.origin_id, copy.kind) == ("Diary", checkpoint_id, CheckpointKind.EVIDENCE)
    work(course, "Diary", public_id, context_id=context_id)
    with course.database.write() as session:
        copied_work.bind_arrived(session, context_id, course.now)
        found = checkpoints.find_for_launch(session, session.get_one(Context, context_id), public_id, course.now)
        assert found is not None
        assert found.id == copy.id
    mapped = rows(course, EvidenceMapping, EvidenceMapping.context_id == context_id)
    assert [one.threshold for one in mapped if one.slot == binding.slot] == [Decimal(55)]
    assert bindings(course, context_id)[binding.slot] == "Diary"
    # and the copy of the copy still knows the link, which has the id of the first course
    third = copied(course, "course-3")
    copy_id = told(course, third, "course-2", "course-1")
    assert copy_id is not None
    take_over(course, copy_id)
    (again,) = rows(course, Checkpoint, Checkpoint.context_id == third)
    assert again.origin_id == checkpoint_id


def test_what_a_template_locks_stays_locked(course: Course) -> None:
    with course.database.write() as session:
        content = templates.course_content(session, course.context_id)
        template = templates.create_template(
            session, course.organization_id, "Aquaponics", content, "staff:1", course.now
        )
        templates.publish(session, template, is_locked=True, actor="staff:1", now=course.now)
        template_id = template.id
    origin_id = copied(course, "inheriting")
    with course.database.write() as session:
        context = session.get_one(Context, origin_id)
        template_adoption.adopt(session, context, template_id, course.issuer_id, ACTOR, course.now)
        add_item(session, context, "A skill of its own", None, course.now)
    context_id = copied(course, "course-5")
    copy_id = told(course, context_id, "inheriting")
    assert copy_id is not None
    take_over(course, copy_id)
    assert [one.template_id for one in rows(course, TemplateAdoption, TemplateAdoption.context_id == context_id)] == [
        template_id
    ]
    badges = rows(course, Achievement, Achievement.context_id == context_id)
    assert len(badges) == 2
    assert all(one.template_version_id is not None and one.state is AchievementState.DRAFT for one in badges)
    with course.database.write() as session:
        with pytest.raises(ConflictError, match="locked"):
            achievements.write_rule(
                session, session.get_one(Achievement, badges[0].id), {"column": "x", "submitted": True}, course.now
            )
        assert {one.full_statement for one in course_items(session, context_id)} == {
            "Balance the water chemistry",
            "Design a system",
            "A skill of its own",
        }
        assert {one.slot for one in slots.open_slots(session, context_id)} == {"log-1", "final-project"}
    undo(course, copy_id)
    assert set(counts(course, context_id).values()) == {0}


def test_a_template_that_is_offered_no_more_stays_behind(course: Course) -> None:
    with course.database.write() as session:
        content = templates.course_content(session, course.context_id)
        template = templates.create_template(
            session, course.organization_id, "Aquaponics", content, "staff:1", course.now
        )
        templates.publish(session, template, is_locked=True, actor="staff:1", now=course.now)
    origin_id = copied(course, "inheriting")
    with course.database.write() as session:
        context = session.get_one(Context, origin_id)
        template_adoption.adopt(session, context, template.id, course.issuer_id, ACTOR, course.now)
        session.get_one(MappingTemplate, template.id).state = TemplateState.RETIRED
    copy_id = told(course, copied(course, "course-5"), "inheriting")
    assert copy_id is not None
    take_over(course, copy_id)
    (copy,) = rows(course, ContextCopy)
    found = counts(course, copy.context_id)
    assert (found["achievement"], found["evidence_mapping"], found["template_adoption"]) == (0, 0, 0)


# -- deciding ---------------------------------------------------------------------------------------------------------


def test_only_a_course_without_badges_is_taken_over_without_asking(course: Course) -> None:
    context_id = copied(course)
    copy_id = told(course, context_id, "course-1")
    assert due(course) == [copy_id]
    other = Course(
        course.database, now=course.now, context_id=context_id, organization_id=course.organization_id,
        registration_id=course.registration_id, deployment_id=course.deployment_id, issuer_id=course.issuer_id,
    )  # fmt: skip
    other.badge("Own", {"column": "x", "submitted": True})
    assert due(course) == []
    with course.database.write() as session:
        assert copy_id is not None
        course_copies.take_over_if_due(session, copy_id, course.now)
    (copy,) = rows(course, ContextCopy)
    assert copy.state is CopyState.PROPOSED


def test_declined_is_declined(course: Course) -> None:
    copy_id = told(course, copied(course), "course-1")
    assert copy_id is not None
    with course.database.write() as session:
        copy = session.get_one(ContextCopy, copy_id)
        course_copies.decline(session, copy, ACTOR, course.now)
        course_copies.decline(session, copy, ACTOR, course.now)
        with pytest.raises(ConflictError) as caught:
            course_copies.take_over(session, copy, ACTOR, course.now)
    assert caught.value.code == "copy_decided"
    assert due(course) == []
    assert course.events("course_copy.")[-1].action == "course_copy.declined"


def test_undo_removes_what_came_and_only_that(course: Course) -> None:
    context_id = copied(course)
    before = counts(course, context_id)
    origin = counts(course, course.context_id)
    work(course, "Log of the water", "log-1", context_id=context_id)
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    take_over(course, copy_id, "job")
    assert counts(course, context_id) != before
    undo(course, copy_id)
    assert counts(course, context_id) == before
    assert counts(course, course.context_id) == origin
    (copy,) = rows(course, ContextCopy)
    assert (copy.state, copy.brought, copy.decided_by) == (CopyState.DECLINED, {}, ACTOR)
    assert due(course) == []
    undo(course, copy_id)
    assert course.events("course_copy.")[-1].action == "course_copy.undone"


def test_undo_leaves_what_somebody_built_upon_it(course: Course) -> None:
    context_id = taken(course)
    (copy,) = rows(course, ContextCopy)
    before = counts(course, context_id)
    with course.database.write() as session:
        badge = session.scalars(select(Achievement).where(Achievement.context_id == context_id)).first()
        assert badge is not None
        achievements.publish(session, badge, ACTOR, course.now)
    with pytest.raises(ConflictError) as caught:
        undo(course, copy.id)
    assert caught.value.code == "copy_in_use"
    with course.database.write() as session:
        session.execute(update(Achievement).values(state=AchievementState.DRAFT))
        column_id = work_in(session, course, context_id)
        item = course_items(session, context_id)[0]
        mapping.map_column(session, context_id, column_id, item.id, Decimal(10))
    after = counts(course, context_id)
    with pytest.raises(ConflictError):
        undo(course, copy.id)
    assert counts(course, context_id) == after != before
    with course.database.write() as session:
        session.execute(delete(EvidenceMapping).where(EvidenceMapping.threshold == Decimal(10)))
    undo(course, copy.id)
    assert counts(course, context_id)["achievement"] == 0


def work_in(session: Any, course: Course, context_id: int) -> int:
    reading = ColumnReading("https://lms.example/new", "New work", ColumnKind.LINE_ITEM, Decimal(1), None, None, 0)
    return observing.store_column(session, context_id, "ags", reading)


def test_keeping_ends_the_card(course: Course) -> None:
    context_id = copied(course)
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    with course.database.write() as session:
        card = copy_page.find_card(session, context_id)
        assert card is not None
        assert (card.is_taken, card.is_told, card.badges) == (False, True, 2)
        course_copies.take_over_if_due(session, copy_id, course.now + timedelta(minutes=1))
        card = copy_page.find_card(session, context_id)
        assert card is not None
        assert (card.is_taken, card.badges, card.origin_title) == (True, 2, "Aquaponics 101 (Fall 2026)")
        copy = session.get_one(ContextCopy, copy_id)
        course_copies.keep(session, copy, ACTOR, course.now)
        assert copy_page.find_card(session, context_id) is None
        assert copy.state is CopyState.ACCEPTED
    assert course.events("course_copy.")[-1].action == "course_copy.kept"


def test_the_preview_says_what_comes_and_what_is_found(course: Course) -> None:
    context_id = copied(course)
    work(course, "Log of the water", "log-1", context_id=context_id)
    work(course, "Final project", context_id=context_id)
    copy_id = told(course, context_id, "course-1")
    assert copy_id is not None
    with course.database.read() as session:
        preview = copy_page.preview(session, session.get_one(ContextCopy, copy_id))
    assert preview.badges == ("Water", "Operator")
    assert preview.skills == ("Balance the water chemistry", "Design a system")
    assert (preview.mappings, preview.checkpoints) == (2, 0)
    assert preview.bound == (("Water log", "Log of the water"),)
    assert preview.unbound == (("Final project", "Final project"),)
