"""Grants on both databases: two that renew at once, a refusal, a consent spent once, events that find courses."""

import threading
from collections.abc import Iterator

import pytest
from platforms.canvas_reading import CanvasReading, canvas_reading

from lti_tool.db import make_engine
from lti_tool.errors import ConsentError
from lti_tool.evidence.canvas_events import LiveEvent
from lti_tool.models import INSTITUTION, Context, PlatformApi
from lti_tool.services import api_grants, live_events, platform_apis


@pytest.fixture
def tool(any_database: str) -> Iterator[CanvasReading]:
    """A Canvas that is set up."""
    engine = make_engine(any_database)
    with canvas_reading(engine) as found:
        found.canvas.course.add_assignment("Work")
        yield found
    engine.dispose()


def test_readings_that_find_the_token_ended_at_once_end_with_one_good_token(tool: CanvasReading) -> None:
    given = tool.allow()
    tool.canvas.course.later(hours=2)
    failures: list[Exception] = []

    def read() -> None:
        try:
            assert len(tool.columns(tool.source())) == 2
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    access = tool.grants().access(tool.context, "canvas")
    assert access is not None
    assert access.token == given.access_token


def test_a_refusal_is_written_down_once(tool: CanvasReading) -> None:
    tool.allow()
    assert [tool.grants().refused(1, "grant_refused") for _ in range(2)] == [True, False]
    assert tool.audited() == ["api_grant.refused"]
    with tool.database.read() as session:
        (one,) = platform_apis.list_institutions(session, tool.registration.id, "canvas")
        assert one.own_grant is not None
        assert one.own_grant.error_code == "grant_refused"


def test_a_consent_is_spent_by_one_of_two(tool: CanvasReading) -> None:
    with tool.database.write() as session:
        api_grants.begin_consent(
            session,
            session.get_one(PlatformApi, tool.api_id),
            INSTITUTION,
            state="state",
            browser_secret="browser",
            user_id=None,
            staff_user_id=None,
            now=tool.now(),
        )
    with tool.database.write() as session:
        assert api_grants.consume_consent(session, "state", "browser", tool.now()).place == INSTITUTION
    with tool.database.write() as session, pytest.raises(ConsentError):
        api_grants.consume_consent(session, "state", "browser", tool.now())


def test_an_event_finds_its_course_by_the_number_a_launch_told(tool: CanvasReading) -> None:
    with tool.database.write() as session:
        session.get_one(Context, tool.context.id).service_ids = {"canvas": "4201"}
    with tool.database.write() as session:
        api = session.get_one(PlatformApi, tool.api_id)
        other = LiveEvent("grade_change", frozenset({"4202"}))
        assert live_events.wake(session, api, other, tool.now()) == []
        event = LiveEvent("grade_change", frozenset({"21070000000004201", "4201"}))
        assert len(live_events.wake(session, api, event, tool.now())) == 1
