"""What is due is found in the database, whatever became of the messages."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import select, update
from structlog.testing import capture_logs

from lti_tool.jobs import schedule
from lti_tool.jobs.schedule import (
    ACTIVE_FOR,
    SWEEP,
    WAKE_AGAIN_SECONDS,
    Patience,
    Ticker,
    iter_due,
    request_regular_syncs,
    run_due,
    sweep,
)
from lti_tool.jobs.tasks import EVALUATE_COURSE, ISSUE_CREDENTIAL, READ_COURSE, TASKS
from lti_tool.lti.notices import OLDEST
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    IssuerProfile,
    LoginState,
    PlatformNotice,
    Registration,
    SyncRun,
    SyncState,
    Ticket,
)
from lti_tool.services import achievements, blobs, course_sync, frameworks, issuers, mapping, tickets
from lti_tool.services.leases import SHORT, take_lease

SECOND = timedelta(seconds=1)
EVERY = timedelta(minutes=10)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def lease(course: Course, holder: str) -> bool:
    """Try to take the sweep's lease."""
    with course.database.write() as session:
        return take_lease(session, SWEEP, holder, course.now)


# -- leases -----------------------------------------------------------------------------------------------------------


def test_one_holder_at_a_time_and_the_next_when_the_first_is_gone(course: Course) -> None:
    assert (lease(course, "a"), lease(course, "b")) == (True, False)
    course.now += SHORT
    assert (lease(course, "b"), lease(course, "a")) == (False, True)
    course.now += SHORT + SECOND
    assert (lease(course, "b"), lease(course, "a")) == (True, False)


def test_leases_of_other_names_are_free(course: Course) -> None:
    assert lease(course, "a")
    with course.database.write() as session:
        assert take_lease(session, "another", "b", course.now)


def test_of_many_at_once_one_gets_the_lease(course: Course) -> None:
    for _ in range(2):  # nobody had it yet, and: its holder is gone
        ready = threading.Barrier(4)
        got: list[bool] = []

        def run(holder: str, ready: threading.Barrier = ready, got: list[bool] = got) -> None:
            ready.wait()
            got.append(lease(course, holder))

        threads = [threading.Thread(target=run, args=(f"{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False, False, False, True]
        course.later(minutes=1)


# -- regular readings -------------------------------------------------------------------------------------------------


def regular(course: Course) -> int:
    """Ask for what is due by schedule; returns how many."""
    with course.database.write() as session:
        return request_regular_syncs(session, EVERY, course.now)


def end(course: Course, state: SyncState) -> None:
    """End the open run."""
    with course.database.write() as session:
        session.execute(update(SyncRun).values(state=state, finished_at=course.now))


def test_a_course_is_read_regularly(course: Course) -> None:
    assert (regular(course), regular(course)) == (1, 0)
    for state in (SyncState.DONE, SyncState.FAILED):
        end(course, state)
        course.now += EVERY - SECOND
        assert regular(course) == 0
        course.now += SECOND
        assert regular(course) == 1


def test_every_course_has_its_own_time(course: Course) -> None:
    course.add_course("course-2")
    assert regular(course) == 2


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Context, {"launched_at": "long ago"}),
        (Registration, {"disabled_at": "now"}),
        (Deployment, {"state": DeploymentState.DISABLED}),
    ],
    ids=["nobody comes", "platform disabled", "deployment disabled"],
)
def test_courses_that_are_left_alone(course: Course, table: Any, values: dict[str, Any]) -> None:
    moments = {"now": course.now, "long ago": course.now - ACTIVE_FOR - SECOND}
    with course.database.write() as session:
        session.execute(update(table).values({name: moments.get(one, one) for name, one in values.items()}))
    assert regular(course) == 0


# -- sweeping ---------------------------------------------------------------------------------------------------------


def test_a_sweep_wakes_for_everything_due_and_only_the_holders(tool: Any) -> None:
    woken: list[tuple[str, int]] = []

    def wake(task: str, row_id: int) -> None:
        woken.append((task, row_id))

    assert sweep(tool.services, "a", wake) == 1  # the regular reading it has just asked for
    (run_task,) = woken
    assert run_task[0] == READ_COURSE
    assert sweep(tool.services, "b", wake) == 0
    with tool.services.database.write() as session:
        course_sync.want_evaluation(session, tool.context_id)
    woken.clear()
    assert sweep(tool.services, "a", wake) == 2
    assert woken == [run_task, (EVALUATE_COURSE, tool.context_id)]


def test_regular_readings_can_be_switched_off(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(tool.services.settings, "sync_every", 0)
    assert sweep(tool.services, "a", lambda *_: None) == 0
    assert tool.count(SyncRun) == 0


def test_a_sweep_forgets_what_ended(tool: Any) -> None:
    with tool.services.database.write() as session:
        tickets.make_ticket(session, "enter", None, {}, tool.services.clock())
        session.add(
            LoginState(
                state_hash="s", nonce_hash="n", registration_id=tool.world.registration.id, login_parameters={},
                created_at=tool.services.clock(), expires_at=tool.services.clock(),
            )
        )  # fmt: skip
    tool.world.clock.forward(days=3)
    sweep(tool.services, "a", lambda *_: None)
    with tool.services.database.read() as session:
        assert (session.query(Ticket).count(), session.query(LoginState).count()) == (0, 0)


def test_the_ids_of_notices_are_remembered_for_longer_than_they_can_be_sent_again(tool: Any) -> None:
    with tool.services.database.write() as session:
        deployment_id = session.scalars(select(Deployment.id)).first()
        for days, notice_id in ((0, "old"), (5, "late")):
            received_at = tool.services.clock() + timedelta(days=days)
            session.add(
                PlatformNotice(
                    deployment_id=deployment_id, notice_id=notice_id, notice_type="x", received_at=received_at
                )
            )
    tool.world.clock.forward(days=5 + OLDEST.days + 2)
    sweep(tool.services, "a", lambda *_: None)
    with tool.services.database.read() as session:
        assert session.scalars(select(PlatformNotice.notice_id)).all() == ["late"]


def test_a_lost_message_is_made_up_for(tool: Any) -> None:
    """Nobody was woken, or the worker died with the message: the next sweep finds the row."""
    run_id = tool.ask()
    with tool.services.database.write() as session:
        assert course_sync.take_run(session, run_id, tool.services.clock()) is not None
    assert list(iter_due(tool.services)) == []
    tool.world.clock.forward(seconds=course_sync.LEASE.total_seconds() + 1)
    assert list(iter_due(tool.services)) == [(READ_COURSE, run_id)]


# -- doing it here ----------------------------------------------------------------------------------------------------


def test_run_due_reads_evaluates_and_ends(tool: Any) -> None:
    tool.platform.add_line_item("Essay", {"learner": Decimal(80)})
    run_id = tool.ask()
    assert run_due(tool.services) == 1
    assert tool.run(run_id).state is SyncState.DONE
    assert not tool.is_due()
    assert (run_due(tool.services), list(iter_due(tool.services))) == (0, [])


def test_a_reading_leads_to_offers(tool: Any) -> None:
    tool.platform.add_line_item("Essay", {"learner": Decimal(80)})
    tool.ask()
    run_due(tool.services)
    with tool.services.database.write() as session:
        now, context = tool.services.clock(), session.get_one(Context, tool.context_id)
        profile: IssuerProfile = issuers.ensure_issuer(
            session, context.organization_id, "https://badges.example", tool.services.vault, now
        )
        item = frameworks.add_item(session, context, "Write", None, now)
        mapping.map_column(session, context.id, tool.columns()["Essay"].id, item.id, Decimal(70))
        content = achievements.Content(
            name="Writer", description="d", criteria_narrative="c", language="en",
            picture_sha256=blobs.keep(session, b"p", "image/png", now),
        )  # fmt: skip
        badge = achievements.create_achievement(session, context, profile.id, content, now)
        achievements.write_rule(session, badge, {"competency": item.identifier}, now)
        achievements.publish(session, badge, "cli", now)
    with capture_logs() as logged:
        assert run_due(tool.services) == 1
    (event,) = [one for one in logged if one["event"] == "course.evaluated"]
    assert (event["learners"], event["offered"], event["context_id"]) == (1, 1, tool.context_id)


def test_an_evaluation_that_was_done_meanwhile_is_not_repeated(tool: Any) -> None:
    with tool.services.database.write() as session:
        course_sync.want_evaluation(session, tool.context_id)
    with capture_logs() as logged:
        for _ in range(3):  # the same wish, sent three times
            TASKS[EVALUATE_COURSE](tool.services, tool.context_id)
    assert [one["event"] for one in logged] == ["course.evaluated"]


@pytest.mark.parametrize("task", [READ_COURSE, EVALUATE_COURSE])
def test_a_message_about_a_row_that_is_gone_changes_nothing(tool: Any, task: str) -> None:
    TASKS[task](tool.services, 404)
    assert tool.count(SyncRun) == 0


def test_every_task_has_its_name(tool: Any) -> None:
    assert {READ_COURSE, EVALUATE_COURSE, ISSUE_CREDENTIAL} < set(TASKS)


# -- patience and the ticker ------------------------------------------------------------------------------------------


def test_patience_passes_a_wish_on_once_in_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, woken = [1.0], []
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    patience = Patience(lambda task, row_id: woken.append((task, row_id)))
    patience("read", 1)
    patience("read", 1)
    patience("read", 2)
    patience("evaluate", 1)
    assert woken == [("read", 1), ("read", 2), ("evaluate", 1)]
    now[0] += WAKE_AGAIN_SECONDS - 0.1
    patience("read", 1)
    assert len(woken) == 3
    now[0] += 0.1
    patience("read", 1)
    assert woken[3:] == [("read", 1)]


def test_patience_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    patience = Patience(lambda *_: None)
    for row_id in range(100):
        patience("read", row_id)
        now[0] += 10
    assert len(patience._woken) <= 4


def test_the_ticker_sweeps_until_stopped_and_survives_a_failing_sweep(
    tool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept, third = [], threading.Event()

    def failing_sweep(services: Any, holder: str, wake: Any) -> int:
        swept.append(holder)
        if len(swept) == 3:
            third.set()
        raise ZeroDivisionError

    monkeypatch.setattr(schedule, "sweep", failing_sweep)
    with capture_logs() as logged:
        ticker = Ticker(tool.services, lambda *_: None, seconds=0.01)
        ticker.start()
        assert third.wait(5)
        ticker.stop()
        ticker.join(5)
    assert not ticker.is_alive()
    assert len(set(swept)) == 1
    assert {(one["event"], one["error"]) for one in logged} == {("sweep.failed", "ZeroDivisionError")}
