"""What a roster says about people, sections and groups, beside what launches said."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from courses import LEARNER, Course, course_on
from sqlalchemy import event, select, update

from lti_tool.lti.advantage import Group, GroupSet, Member
from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import (
    Context,
    CourseGroup,
    GroupMember,
    Membership,
    MembershipStatus,
    PlatformIdentity,
    Registration,
    ResourceLink,
    User,
)
from lti_tool.services import roster
from lti_tool.services.launching import ensure_membership, ensure_user
from lti_tool.services.members import StoredMembers, store_members

INSTRUCTOR = f"{MEMBERSHIP}#Instructor"


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    with course_on(any_database) as course:
        yield course


def member(sub: str = "ada", *roles: str, **more: Any) -> Member:
    values = {"name": None, "email": None, "status": MembershipStatus.ACTIVE, "locale": None} | more
    return Member(platform_user_id=sub, roles=roles or (LEARNER,), **values)


def store(course: Course, one: Member) -> int:
    with course.database.write() as session:
        registration = session.get_one(Registration, course.registration_id)
        return roster.store_member(session, registration, session.get_one(Context, course.context_id), one, course.now)


def launched(course: Course, sub: str, *roles: str, sections: list[str] | None = None) -> None:
    with course.database.write() as session:
        user = ensure_user(
            session, course.registration_id, course.organization_id, sub, course.now, name=None, email=None
        )
        ensure_membership(
            session,
            course.context_id,
            user.id,
            course.now,
            roles=list(roles),
            is_learner=False,
            is_test_user=False,
            status=MembershipStatus.ACTIVE,
            launch_roles=list(roles),
            sections=sections,
        )


def membership(course: Course) -> Membership:
    with course.database.read() as session:
        return session.scalars(select(Membership)).one()


def test_moodles_non_editing_teacher_keeps_the_role_of_the_launch(course: Course) -> None:
    with course.database.write() as session:
        session.execute(update(Registration).values(product="moodle"))
    launched(course, "ada", INSTRUCTOR)
    store(course, member("ada", "Learner"))
    kept = membership(course)
    assert (kept.roles, kept.launch_roles, kept.is_learner) == ([INSTRUCTOR], [INSTRUCTOR], False)


def test_elsewhere_the_roster_is_newer_and_holds(course: Course) -> None:
    launched(course, "ada", INSTRUCTOR)
    store(course, member("ada", LEARNER))
    kept = membership(course)
    assert (kept.roles, kept.launch_roles, kept.is_learner) == ([LEARNER], [INSTRUCTOR], True)


def test_sections_are_kept_until_somebody_says_otherwise(course: Course) -> None:
    store(course, member())
    assert membership(course).sections is None
    store(course, member(custom={"canvas_section_ids": "12,34"}))
    store(course, member())
    assert membership(course).sections == ["12", "34"]
    launched(course, "ada", LEARNER, sections=[])
    assert membership(course).sections == []


def test_sections_nobody_told_are_null_in_the_database(course: Course) -> None:
    store(course, member())
    launched(course, "ben", LEARNER)
    with course.database.read() as session:
        assert len(session.scalars(select(Membership).where(Membership.sections.is_(None))).all()) == 2
        assert session.scalars(select(Membership).where(Membership.launch_roles.is_(None))).one()


def test_the_whole_roster_is_due_once_a_day(course: Course) -> None:
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        assert roster.is_whole_due(context, course.now)
        roster.note_reading(session, context.id, None, course.now, whole=True)
        assert roster.is_whole_due(context, course.now)  # nothing else is offered
        roster.note_reading(session, context.id, "https://lms.example/since/1", course.now, whole=True)
        assert not roster.is_whole_due(context, course.now + timedelta(hours=23))
        roster.note_reading(session, context.id, "https://lms.example/since/2", course.now, whole=False)
        assert roster.is_whole_due(context, course.now + timedelta(days=1))


@pytest.mark.parametrize(("product", "link", "found"), [
    ("canvas", "course-1", "course-1"),
    ("canvas", "link-1", None),  # who cannot open it would be missing
    ("moodle", "course-1", None),
])  # fmt: skip
def test_only_the_courses_own_link_is_asked_with(course: Course, product: str, link: str, found: str | None) -> None:
    with course.database.write() as session:
        session.add(ResourceLink(context_id=course.context_id, platform_id=link))
        session.flush()
        context = session.get_one(Context, course.context_id)
        assert roster.course_link(session, context, product) == found


def groups(course: Course, *listed: Group, sets: tuple[GroupSet, ...] = (), **enrolled: set[int]) -> int:
    with course.database.write() as session:
        return roster.store_groups(session, course.context_id, listed, sets, enrolled)


def test_groups_come_with_their_sets_and_members(course: Course) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    one, two = Group("g1", "Zander", None, "s1"), Group("g2", "", None, None)
    assert groups(course, one, two, sets=(GroupSet("s1", "Teams"),), g1={ada, ben}) == 2
    with course.database.read() as session:
        found = roster.groups_of(session, course.context_id)
    assert [(found_.platform_id, found_.name, found_.set_name, found_.user_ids) for found_ in found] == [
        ("g2", "g2", None, frozenset()),
        ("g1", "Zander", "Teams", frozenset({ada, ben})),
    ]


def test_what_is_listed_no_more_is_gone_and_may_come_back(course: Course) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    groups(course, Group("g1", "A", None, None), g1={ada, ben})
    groups(course, Group("g2", "B", None, None), g2={ada}, g1={ben})
    with course.database.read() as session:
        assert [one.platform_id for one in roster.groups_of(session, course.context_id)] == ["g2"]
        gone = session.scalars(select(CourseGroup).where(CourseGroup.is_gone)).one()
        assert gone.platform_id == "g1"
        assert session.scalars(select(GroupMember.user_id)).all() == [ada]
    groups(course, Group("g1", "A again", None, None), g1={ben})
    with course.database.read() as session:
        (back,) = roster.groups_of(session, course.context_id)
        assert (back.id, back.name, back.user_ids) == (gone.id, "A again", frozenset({ben}))


# -- a page at a time -------------------------------------------------------------------------------------------------


def store_page(course: Course, *members: Member) -> StoredMembers:
    with course.database.write() as session:
        registration = session.get_one(Registration, course.registration_id)
        context = session.get_one(Context, course.context_id)
        return store_members(session, registration, context, members, course.now)


def asked(course: Course, *members: Member) -> list[str]:
    """What storing a page asks of the database."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement.split()[0])

    event.listen(course.database.engine, "before_cursor_execute", note)
    store_page(course, *members)
    event.remove(course.database.engine, "before_cursor_execute", note)
    return found[2:]  # the registration and the course


def test_a_page_that_says_nothing_new_costs_one_question(course: Course) -> None:
    page = [member(f"person-{number}", name=f"Person {number}") for number in range(50)]
    assert store_page(course, *page).changed == 100  # who it is, and that they are members
    assert store_page(course, *page).changed == 0
    assert asked(course, *page) == ["SELECT"]


def test_that_somebody_is_still_listed_is_written_down_once_a_day(course: Course) -> None:
    store_page(course, member())
    course.later(hours=23)
    assert asked(course, member()) == ["SELECT"]
    course.later(hours=2)
    assert asked(course, member()) == ["SELECT", "UPDATE"]
    assert membership(course).seen_at == course.now
    assert store_page(course, member()).changed == 0


def test_a_page_of_old_and_new_changed_and_unchanged_members(course: Course) -> None:
    first = store_page(course, member("ada", name="Ada"), member("ben", custom={"section_ids": "1"}))
    second = store_page(
        course,
        member("ada", name="Ada O."),
        member("ben", custom={"section_ids": "2"}),
        member("cleo"),
        member("cleo", INSTRUCTOR),
    )
    assert second.user_ids["ada"] == first.user_ids["ada"]
    with course.database.read() as session:
        rows = session.execute(
            select(User.platform_user_id, User.name, Membership.sections, Membership.is_learner).join(
                Membership, Membership.user_id == User.id
            )
        )
        found = {sub: (name, sections, is_learner) for sub, name, sections, is_learner in rows}
    assert found == {"ada": ("Ada O.", None, True), "ben": (None, ["2"], True), "cleo": (None, None, False)}


def test_what_canvas_calls_a_member_is_remembered_and_corrected(course: Course) -> None:
    page = [member("ada", custom={"canvas_user_id": "17"}), member("ben", custom={"canvas_user_id": "18"})]
    users = store_page(course, *page).user_ids
    assert store_page(course, *page).changed == 0
    store_page(course, member("ada", custom={"canvas_user_id": "18"}))
    with course.database.read() as session:
        found = {one.external_id: one.user_id for one in session.scalars(select(PlatformIdentity))}
    assert found == {"17": users["ada"], "18": users["ada"]}
