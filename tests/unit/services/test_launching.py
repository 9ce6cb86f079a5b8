"""What a launch leaves behind, and what it must not undo."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from courses import LEARNER, START, Course, course_on
from sqlalchemy import event, func, select

from lti_tool.lti.claims import MEMBERSHIP, TEST_USER
from lti_tool.lti.verified_launch import LaunchContext, LaunchResourceLink, VerifiedLaunch
from lti_tool.models import (
    Context,
    LaunchSession,
    Membership,
    MembershipStatus,
    PlatformIdentity,
    RegistrationHealth,
    ResourceLink,
    SyncRun,
    SyncState,
    Ticket,
    User,
)
from lti_tool.services import observing
from lti_tool.services.launching import ENTER, IDLE, SYNC_AFTER, OpenedLaunch, ensure_membership, receive_launch
from lti_tool.services.secrets import secret_hash
from lti_tool.services.tickets import spend_ticket

INSTRUCTOR = f"{MEMBERSHIP}#Instructor"
SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A tool on SQLite and on PostgreSQL; the launches below are of courses it does not know yet."""
    with course_on(any_database) as course:
        yield course


def verified(course: Course, **changes: Any) -> VerifiedLaunch:
    """A learner's launch as verification would give it."""
    values: dict[str, Any] = {
        "registration_id": course.registration_id,
        "deployment_row_id": course.deployment_id,
        "organization_id": course.organization_id,
        "message_type": "LtiResourceLinkRequest",
        "platform_user_id": "ada",
        "name": "Ada Okafor",
        "email": "ada@example.org",
        "locale": "fr",
        "roles": frozenset({LEARNER}),
        "context": LaunchContext("aqua", "Aquaponics", "AQ1"),
        "resource_link": LaunchResourceLink("link-1", "Badges"),
        "line_items_url": "https://lms.example/items",
        "line_item_url": "https://lms.example/items/1",
        "ags_scopes": (SCOPE,),
        "memberships_url": "https://lms.example/members",
        "custom": {},
        "return_url": None,
        "product": None,
        "frame_ancestors": ("https://lms.example",),
    }
    return VerifiedLaunch(**values | changes)


def launch(course: Course, **changes: Any) -> OpenedLaunch:
    """Receive a launch."""
    with course.database.write() as session:
        return receive_launch(session, verified(course, **changes), course.now)


def rows(course: Course, table: Any) -> list[Any]:
    """Every row of a table but the course that was there before."""
    with course.database.read() as session:
        found = select(table).order_by(table.id)
        return list(session.scalars(found.where(Context.platform_id == "aqua") if table is Context else found))


def test_a_first_launch_makes_everything(course: Course) -> None:
    opened = launch(course)
    (user,), (context,), (link,), (member,) = (rows(course, one) for one in (User, Context, ResourceLink, Membership))
    assert (user.platform_user_id, user.name, user.email) == ("ada", "Ada Okafor", "ada@example.org")
    assert (context.title, context.label, context.launched_at) == ("Aquaponics", "AQ1", START)
    assert (context.line_items_url, context.ags_scopes) == ("https://lms.example/items", [SCOPE])
    assert (context.memberships_url, context.organization_id) == ("https://lms.example/members", course.organization_id)
    assert (link.platform_id, link.title, link.line_item_url) == ("link-1", "Badges", "https://lms.example/items/1")
    assert (member.roles, member.is_learner, member.is_test_user, member.status) == (
        [LEARNER], True, False, MembershipStatus.ACTIVE,
    )  # fmt: skip
    assert (opened.context_id, opened.user_id) == (context.id, user.id)


def test_the_session_is_stored_hashed_and_can_be_entered_once(course: Course) -> None:
    opened = launch(course)
    (row,) = rows(course, LaunchSession)
    assert row.secret_hash == secret_hash(opened.secret)
    assert (row.expires_at, row.locale, row.frame_ancestors) == (START + IDLE, "fr", ["https://lms.example"])
    with course.database.write() as session:
        ticket = spend_ticket(session, opened.ticket, ENTER, START)
        assert (ticket.details, ticket.user_id) == ({"launch_session_id": opened.launch_session_id}, opened.user_id)
    assert opened.secret not in str([vars(one) for one in [row, *rows(course, Ticket)]])


def test_the_event_names_ids_only(course: Course) -> None:
    opened = launch(course)
    (event,) = course.events("launch.")
    assert (event.action, event.actor, event.subject) == (
        "launch.accepted", f"user:{opened.user_id}", f"context:{opened.context_id}",
    )  # fmt: skip
    assert (event.organization_id, event.at) == (course.organization_id, START)


def test_launching_again_makes_nothing_twice(course: Course) -> None:
    first = launch(course)
    course.later(minutes=5)
    second = launch(course)
    assert (second.context_id, second.user_id) == (first.context_id, first.user_id)
    assert second.launch_session_id != first.launch_session_id
    assert [len(rows(course, one)) for one in (User, Context, ResourceLink, Membership)] == [1, 1, 1, 1]
    assert rows(course, Context)[0].launched_at == START + timedelta(minutes=5)


def test_what_a_launch_leaves_out_is_kept(course: Course) -> None:
    launch(course)
    launch(
        course,
        name=None,
        email=None,
        context=LaunchContext("aqua", None, None),
        resource_link=LaunchResourceLink("link-1", None),
        line_items_url=None,
        line_item_url=None,
        ags_scopes=(),
        memberships_url=None,
    )
    (user,), (context,), (link,) = (rows(course, one) for one in (User, Context, ResourceLink))
    assert (user.name, user.email, context.title) == ("Ada Okafor", "ada@example.org", "Aquaponics")
    assert (context.line_items_url, context.ags_scopes) == ("https://lms.example/items", [SCOPE])
    assert (context.memberships_url, link.title) == ("https://lms.example/members", "Badges")


def test_what_a_launch_changes_is_changed(course: Course) -> None:
    launch(course)
    launch(course, name="Ada Haddad", context=LaunchContext("aqua", "Aquaponics 2", None), ags_scopes=())
    assert rows(course, User)[0].name == "Ada Haddad"
    context = rows(course, Context)[0]
    assert (context.title, context.label, context.ags_scopes) == ("Aquaponics 2", "AQ1", [])


def test_an_anonymous_launch_opens_a_session_for_nobody(course: Course) -> None:
    opened = launch(course, platform_user_id=None, name=None, email=None)
    assert (opened.user_id, rows(course, User), rows(course, Membership)) == (None, [], [])
    assert course.events("launch.")[0].actor == "anonymous"


def test_a_launch_without_a_course_reads_nothing(course: Course) -> None:
    opened = launch(course, context=None, resource_link=None)
    assert (opened.context_id, opened.sync_run_id, rows(course, SyncRun)) == (None, None, [])
    assert course.events("launch.")[0].subject == f"deployment:{course.deployment_id}"


def test_the_same_course_id_in_another_deployment_is_another_course(course: Course) -> None:
    first = launch(course)
    with course.database.write() as session:
        other = session.get_one(Context, first.context_id or 0).deployment
        clone = type(other)(
            registration_id=other.registration_id,
            organization_id=other.organization_id,
            deployment_id="2",
            state=other.state,
            created_at=START,
        )
        session.add(clone)
        session.flush()
        deployment_id = clone.id
    assert launch(course, deployment_row_id=deployment_id).context_id != first.context_id


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_launch_asks_for_a_reading_unless_one_is_open_or_recent(course: Course) -> None:
    run_id = launch(course).sync_run_id
    assert run_id is not None
    assert launch(course).sync_run_id is None
    with course.database.write() as session:
        run = session.get_one(SyncRun, run_id)
        run.state, run.finished_at = SyncState.DONE, START
    course.now += SYNC_AFTER - timedelta(seconds=1)
    assert launch(course).sync_run_id is None
    course.now += timedelta(seconds=2)
    assert launch(course).sync_run_id not in {None, run_id}


# -- membership -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roles", "is_learner", "is_test_user"),
    [
        ({LEARNER}, True, False),
        ({INSTRUCTOR}, False, False),
        ({LEARNER, INSTRUCTOR}, False, False),
        ({LEARNER, TEST_USER}, True, True),
        (set(), False, False),
    ],
    ids=["learner", "instructor", "both", "preview", "none"],
)
def test_roles(course: Course, roles: set[str], is_learner: bool, is_test_user: bool) -> None:
    launch(course, roles=frozenset(roles))
    (member,) = rows(course, Membership)
    assert (member.is_learner, member.is_test_user, member.roles) == (is_learner, is_test_user, sorted(roles))
    assert rows(course, LaunchSession)[0].is_test_user is is_test_user


def test_once_a_test_user_always_one(course: Course) -> None:
    opened = launch(course, roles=frozenset({LEARNER, TEST_USER}))
    with course.database.write() as session:
        ensure_membership(
            session,
            opened.context_id or 0,
            opened.user_id or 0,
            START,
            roles=[LEARNER],
            is_learner=True,
            is_test_user=False,
            status=MembershipStatus.ACTIVE,
        )
    launch(course)
    assert rows(course, Membership)[0].is_test_user


def test_who_departed_is_active_again_by_a_launch(course: Course) -> None:
    opened = launch(course)
    with course.database.write() as session:
        assert observing.mark_departed(session, opened.context_id or 0, set()) == 1
    launch(course)
    assert rows(course, Membership)[0].status is MembershipStatus.ACTIVE


def test_first_launches_at_the_same_moment_share_user_course_and_reading(course: Course) -> None:
    ready = threading.Barrier(4)
    opened: list[OpenedLaunch] = []

    def run() -> None:
        ready.wait()
        opened.append(launch(course))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == len({one.launch_session_id for one in opened}) == 4
    assert len({(one.user_id, one.context_id) for one in opened}) == 1
    assert sorted(one.sync_run_id is None for one in opened) == [False, True, True, True]
    with course.database.read() as session:
        assert session.scalar(select(func.count(Membership.id))) == 1


def health_of(course: Course) -> RegistrationHealth:
    with course.database.read() as session:
        return session.get_one(RegistrationHealth, course.registration_id)


def test_the_platform_was_heard_of_and_its_clock_compared(course: Course) -> None:
    launch(course, clock_skew_seconds=-3)
    course.later(seconds=90)
    launch(course, clock_skew_seconds=42)
    health = health_of(course)
    assert (health.launched_at, health.clock_skew_seconds) == (course.now, 42)
    course.later(seconds=20)
    launch(course, clock_skew_seconds=7)
    health = health_of(course)
    assert health.clock_skew_seconds == 42


# -- what the platform's own API calls people and courses -------------------------------------------------------------

CANVAS = {"canvas_user_id": "17", "canvas_course_id": "4711"}
COURSE_LINK = LaunchResourceLink("aqua", "Badges")


def canvas_names(course: Course) -> tuple[dict[str, Any], dict[str, int]]:
    """What the course and people are called by now."""
    with course.database.read() as session:
        context = session.scalars(select(Context).where(Context.platform_id == "aqua")).one()
        named = session.scalars(select(PlatformIdentity)).all()
        return context.service_ids, {one.external_id: one.user_id for one in named}


def test_a_launch_from_the_courses_own_link_says_what_canvas_calls_both(course: Course) -> None:
    opened = launch(course, resource_link=COURSE_LINK, custom=CANVAS)
    assert canvas_names(course) == ({"canvas": "4711"}, {"17": opened.user_id})


def test_parameters_of_other_links_may_be_an_instructors_and_say_nothing(course: Course) -> None:
    launch(course, custom=CANVAS)
    assert canvas_names(course) == ({}, {})


def test_a_launch_does_not_say_that_somebody_is_another_than_was_known(course: Course) -> None:
    ada = launch(course, resource_link=COURSE_LINK, custom=CANVAS).user_id
    launch(course, platform_user_id="ben", resource_link=COURSE_LINK, custom=CANVAS)
    assert canvas_names(course) == ({"canvas": "4711"}, {"17": ada})


def test_a_course_that_canvas_numbers_anew_is_stored_anew_and_others_keep_their_names(course: Course) -> None:
    launch(course, resource_link=COURSE_LINK, custom=CANVAS)
    with course.database.write() as session:
        context = session.scalars(select(Context).where(Context.platform_id == "aqua")).one()
        context.service_ids = {**context.service_ids, "moodle": "5"}
    launch(course, resource_link=COURSE_LINK, custom={**CANVAS, "canvas_course_id": "4712"})
    assert canvas_names(course)[0] == {"canvas": "4712", "moodle": "5"}


def test_a_known_launch_asks_nothing_about_names(course: Course) -> None:
    launch(course, resource_link=COURSE_LINK, custom=CANVAS)
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(course.database.engine, "before_cursor_execute", note)
    launch(course, resource_link=COURSE_LINK, custom=CANVAS)
    event.remove(course.database.engine, "before_cursor_execute", note)
    assert not [one for one in asked if "platform_identity" in one]
