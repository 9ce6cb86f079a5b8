"""What goes wrong between this tool and a Canvas: throttling, pages of HTML, outages, courses that are gone; people."""

from collections.abc import Iterator

import pytest
from platforms.canvas_api import broken, html_page
from platforms.canvas_reading import CanvasReading, canvas_reading
from sqlalchemy import Engine

from lti_tool.errors import (
    GrantError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    ServiceRefusedError,
)
from lti_tool.evidence import canvas_people
from lti_tool.evidence.base import PersonReading
from lti_tool.models import GrantState, Membership, MembershipStatus, PlatformIdentity, User


@pytest.fixture
def tool(engine: Engine) -> Iterator[CanvasReading]:
    """A Canvas with one course, and a grant for the whole institution."""
    with canvas_reading(engine) as found:
        found.allow()
        found.canvas.course.add_assignment("Work")
        yield found


@pytest.mark.parametrize("status", [403, 429])
def test_throttling_is_waited_out(tool: CanvasReading, status: int) -> None:
    tool.canvas.throttled_status, tool.canvas.quota, tool.canvas.refill = status, 0.0, 0.5
    assert [one.title for one in tool.columns()] == ["Work", "Total"]
    assert tool.slept


def test_a_canvas_that_throttles_for_long_says_so(tool: CanvasReading) -> None:
    tool.canvas.quota, tool.canvas.refill = 0.0, 0.0
    with pytest.raises(PlatformThrottledError):
        tool.columns()
    assert tool.grant_rows()[0].state is GrantState.ACTIVE


def test_a_quota_that_shrinks_slows_the_reading_down_before_it_is_refused(tool: CanvasReading) -> None:
    tool.canvas.cost, tool.canvas.refill = 150.0, 100.0
    tool.columns()
    assert tool.slept
    assert "Rate Limit" not in str(tool.malformed)


def test_a_page_of_html_is_an_error_and_no_empty_course(tool: CanvasReading) -> None:
    tool.canvas.mishaps["submissions"] = [html_page]
    with pytest.raises(PlatformAnswerError):
        list(tool.pages(tool.stream("submissions")))


def test_an_outage_is_tried_again_and_then_reported(tool: CanvasReading) -> None:
    tool.canvas.mishaps["assignments"] = [lambda: broken(503)]
    assert len(tool.columns()) == 2
    tool.canvas.mishaps["assignments"] = [broken] * 10
    with pytest.raises(PlatformServiceError) as caught:
        tool.columns()
    assert caught.value.http_status == 500


def test_a_course_that_is_gone(tool: CanvasReading) -> None:
    tool.canvas.course.is_deleted = True
    with pytest.raises(ServiceRefusedError) as caught:
        tool.columns()
    assert caught.value.code == "platform_not_found"


def test_an_account_that_may_not_see_grades_keeps_its_grant(tool: CanvasReading) -> None:
    tool.canvas.may_see_grades = False
    with pytest.raises(GrantError) as caught:
        tool.columns()
    assert caught.value.code == "grant_not_allowed"
    assert tool.grant_rows()[0].state is GrantState.ACTIVE
    assert tool.canvas.calls["token"] == 0


def test_no_token_ever_stands_in_an_address(tool: CanvasReading) -> None:
    tool.columns()
    token = tool.canvas.grants[0].access_token
    assert tool.canvas.addresses
    assert not any(token in one for one in tool.canvas.addresses)


# -- people -----------------------------------------------------------------------------------------------------------


def enrol(tool: CanvasReading, sub: str, external_id: str | None = None, **fields: bool) -> None:
    """Put somebody on the roster as NRPS told it, with Canvas's number where it did."""
    with tool.database.write() as session:
        organization_id = tool.context.organization_id
        user = User(
            registration_id=tool.registration.id,
            organization_id=organization_id,
            platform_user_id=sub,
            created_at=tool.now(),
        )
        session.add(user)
        session.flush()
        roles = {"is_learner": True, "is_test_user": False} | fields
        session.add(
            Membership(
                context_id=tool.context.id,
                user_id=user.id,
                roles=[],
                status=MembershipStatus.ACTIVE,
                seen_at=tool.now(),
                **roles,
            )
        )
        if external_id is not None:
            session.add(
                PlatformIdentity(
                    registration_id=tool.registration.id,
                    organization_id=organization_id,
                    source="canvas",
                    external_id=external_id,
                    user_id=user.id,
                    seen_at=tool.now(),
                )
            )


def test_test_students_are_told_and_strays_are_looked_up(tool: CanvasReading) -> None:
    course = tool.canvas.course
    test = course.add_test_student()
    ada, ben = course.add_student("Ada", "sub/ada"), course.add_student("Ben", "sub-ben")
    enrol(tool, "sub/ada")
    enrol(tool, "sub-ben", str(ben))
    enrol(tool, "sub-teacher", is_learner=False)
    assert tool.people() == [PersonReading(str(test), None, is_test_user=True), PersonReading(str(ada), "sub/ada")]
    assert tool.canvas.calls["user"] == 1


def test_whom_canvas_does_not_know_is_not_asked_for_every_time(tool: CanvasReading) -> None:
    enrol(tool, "sub-nobody")
    source = tool.source()
    assert tool.people(source) == tool.people(source) == []
    assert tool.canvas.calls["user"] == 1
    tool.canvas.course.later(days=2)
    tool.people(source)
    assert tool.canvas.calls["user"] == 2


def test_a_reading_looks_up_no_more_than_a_few(tool: CanvasReading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas_people, "MOST_LOOKUPS", 3)
    for number in range(5):
        enrol(tool, f"sub-{number}")
    source = tool.source()
    tool.people(source)
    assert tool.canvas.calls["user"] == 3
    tool.people(source)
    assert tool.canvas.calls["user"] == 5
