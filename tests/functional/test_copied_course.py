"""A course is copied on Canvas: the notice arrives, the badges come as drafts, the instructor publishes or undoes."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from platforms.journeys import Browser, School, add_skill, let_count, make_badge, publish, school_on
from platforms.names import NOTICE_HANDLERS
from platforms.quirks import CANVAS, CANVAS_OF_ONE_SCHOOL, STANDARD, Quirks
from sqlalchemy import func, select

from lti_tool.lti.notices import HANDLED
from lti_tool.models import Achievement, AchievementState, AuditEvent, Context, ContextCopy, Deployment, PlatformNotice

CRITERIA = "Seventy percent in the water log."


@pytest.fixture
def school(live: Any, migrated_sqlite_url: str) -> Iterator[School]:
    with opened(live, migrated_sqlite_url, CANVAS_OF_ONE_SCHOOL) as school:
        yield school


def opened(live: Any, url: str, quirks: Quirks) -> Any:
    return school_on(live, url, quirks)


def grant_notices(school: School) -> None:
    school.platform.granted_scopes = school.platform.granted_scopes | {NOTICE_HANDLERS}


def finished_course(school: School) -> Browser:
    """A course with one published badge."""
    sub = school.platform.personas["learner"]
    school.platform.add_line_item("Water log", {sub: Decimal(88)}, resource_id="log-1")
    teacher = school.launch("teacher")
    school.work()
    add_skill(teacher, "Balance the water chemistry")
    let_count(teacher, school.column_id("Water log"), "70")
    make_badge(teacher, "Water keeper", "Keeps water.", CRITERIA)
    publish(teacher)
    school.work()
    return teacher


def deployment(school: School) -> Deployment:
    with school.services.database.read() as session:
        return session.scalars(select(Deployment)).one()


def badges(school: School, platform_id: str) -> list[Achievement]:
    with school.services.database.read() as session:
        found = select(Achievement).join(Context).where(Context.platform_id == platform_id).order_by(Achievement.id)
        return list(session.scalars(found))


# -- asking for notices -----------------------------------------------------------------------------------------------


def test_a_launch_that_names_the_service_makes_the_tool_ask_for_notices_once(school: School) -> None:
    grant_notices(school)
    school.launch("teacher")
    assert deployment(school).notice_service_url == school.platform.notices_url
    school.work()
    assert school.platform.notice_handlers == dict.fromkeys(HANDLED, f"{school.url}/lti/notices")
    assert set(deployment(school).notice_types) == set(HANDLED)
    asked = school.platform.counts["notices"]
    assert asked == len(HANDLED)
    school.launch("learner")
    school.work()
    school.watch.forward(days=2)
    school.work()
    assert school.platform.counts["notices"] == asked
    assert school.platform.send_notice(school.platform.notice_claims()) == 200
    assert school.count(PlatformNotice) == [1]


def test_without_the_scope_nothing_is_asked(school: School) -> None:
    school.launch("teacher")
    school.work()
    assert deployment(school).notice_service_url is None
    assert school.platform.counts["notices"] == 0


def test_a_platform_that_refuses_is_asked_again_a_day_later(school: School) -> None:
    grant_notices(school)
    school.launch("teacher")
    school.platform.granted_scopes = school.platform.granted_scopes - {NOTICE_HANDLERS}
    school.work()
    tokens = school.platform.counts["token"]
    assert deployment(school).notice_types == []
    school.watch.forward(hours=23)
    school.work()
    assert school.platform.counts["token"] - tokens <= 2  # none for notices; those of the course ended
    assert school.platform.counts["notices"] == 0
    grant_notices(school)
    school.watch.forward(hours=2)
    school.work()
    assert set(deployment(school).notice_types) == set(HANDLED)


def test_another_address_is_asked_at_once(school: School) -> None:
    grant_notices(school)
    school.launch("teacher")
    school.work()
    form = school.platform.launch_form
    browser = school.knock("teacher")
    state, nonce = school.asked()
    moved = f"{school.platform.base_url}/api/lti/notice-handlers/2"
    claim = {"service_versions": ["1.0"], "platform_notification_service_url": moved, "scope": [NOTICE_HANDLERS]}
    school.answer(browser, form("teacher", state, nonce, platformnotificationservice=claim))
    assert deployment(school).notice_service_url == moved
    assert deployment(school).notice_types == []
    before = len(school.platform.requests)
    school.work()
    assert f"PUT {moved.removeprefix(school.platform.base_url)}" in {
        f"{one.method} {one.path}" for one in school.platform.requests[before:]
    }


# -- a copied course --------------------------------------------------------------------------------------------------


def copy_by_notice(school: School) -> None:
    claims = school.platform.copy_claims("course-2", "course-1", title="Aquaponics, next term")
    assert school.platform.send_notice(claims) == 200
    assert school.platform.send_notice(claims) == 200  # sent again: nothing happens
    school.platform.context_id = "course-2"


def copy_by_history(school: School) -> None:
    school.platform.context_id = "course-2"


@pytest.mark.parametrize("copy", [copy_by_notice, copy_by_history], ids=["notice", "history"])
def test_badges_come_along_as_drafts_and_can_be_published(school: School, copy: Any) -> None:
    grant_notices(school)
    finished_course(school)
    copy(school)
    history = {"context_history": "course-1"} if copy is copy_by_history else {}
    form = school.platform.launch_form
    if history:
        school.platform.launch_form = lambda *sent, **more: form(*sent, **more, custom=history)  # type: ignore[method-assign]
        school.launch("teacher")
    school.work()
    teacher = school.launch("teacher")
    assert "Taken over from “Aquaponics 101”" in teacher.text
    (draft,) = badges(school, "course-2")
    (origin,) = badges(school, "course-1")
    assert draft.state is AchievementState.DRAFT
    assert draft.public_id != origin.public_id
    school.work()
    teacher.open(teacher.link("/copies/"))
    assert "All work that the rules count was found in this course." in teacher.text
    teacher.send(teacher.form("/keep"))
    assert "Taken over from" not in teacher.text
    publish(teacher)
    school.work()
    learner = school.launch("learner")
    assert "Water keeper" in learner.text
    with school.services.database.read() as session:
        assert session.scalar(select(func.count(ContextCopy.id))) == 1
        events = session.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("course_copy."))).all()
    assert events == ["course_copy.proposed", "course_copy.taken_over", "course_copy.kept"]


def test_undone_is_gone(school: School) -> None:
    grant_notices(school)
    finished_course(school)
    copy_by_notice(school)
    school.work()
    teacher = school.launch("teacher")
    teacher.send(teacher.form("/undo"))
    assert "What came with the course was removed again." in teacher.text
    assert badges(school, "course-2") == []
    school.work()
    assert badges(school, "course-2") == []


def test_a_course_that_only_looks_alike_is_asked_about(live: Any, migrated_sqlite_url: str) -> None:
    with opened(live, migrated_sqlite_url, STANDARD) as school:
        finished_course(school)
        school.platform.context_id = "course-2"
        school.launch("teacher")
        school.work()
        assert badges(school, "course-2") == []
        teacher = school.launch("teacher")
        assert "This looks like a copy of “Aquaponics 101”" in teacher.text
        teacher.open(teacher.link("/copies/"))
        assert "Water keeper" in teacher.text
        teacher.send(teacher.form("/take-over"))
        assert "1 badge was taken over as a draft." in teacher.text
        assert len(badges(school, "course-2")) == 1


def test_hosted_canvas_knows_its_notices_by_client(live: Any, migrated_sqlite_url: str) -> None:
    with opened(live, migrated_sqlite_url, CANVAS) as school:
        grant_notices(school)
        finished_course(school)
        copy_by_notice(school)
        school.work()
        assert len(badges(school, "course-2")) == 1
