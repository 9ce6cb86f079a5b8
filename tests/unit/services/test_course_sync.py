"""Runs: asked for once, held by one, ended visibly."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from lti_tool.models import Context, SyncRun, SyncState
from lti_tool.services import course_sync
from lti_tool.services.course_sync import LEASE, RETRY_AFTER

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def ask(course: Course, reason: str = "launch", **options: object) -> int | None:
    """Ask for a reading."""
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        return course_sync.request_sync(session, context, reason, course.now, **options)  # type: ignore[arg-type]


def take(course: Course, run_id: int) -> bool:
    """Try to take a run."""
    with course.database.write() as session:
        return course_sync.take_run(session, run_id, course.now) is not None


def asked_and_taken(course: Course) -> int:
    """A run that is under way."""
    run_id = ask(course)
    assert run_id is not None
    assert take(course, run_id)
    return run_id


def finish(course: Course, run_id: int, **counts: int) -> None:
    """Bring a run to its good end."""
    with course.database.write() as session:
        course_sync.finish_run(session, run_id, course.now, counts)


def fail(course: Course, run_id: int, code: str = "platform_unavailable", **options: object) -> None:
    """Bring a run to a bad end."""
    with course.database.write() as session:
        course_sync.fail_run(session, run_id, course.now, code, **{"retryable": True, **options})  # type: ignore[arg-type]


def run_row(course: Course, run_id: int) -> SyncRun:
    """A run as stored."""
    with course.database.read() as session:
        return session.get_one(SyncRun, run_id)


def due(course: Course) -> list[int]:
    """Runs that somebody should take."""
    with course.database.read() as session:
        return course_sync.due_runs(session, course.now)


# -- asking -----------------------------------------------------------------------------------------------------------


def test_one_run_is_open_at_a_time(course: Course) -> None:
    run_id = ask(course)
    assert due(course) == [run_id]
    assert ask(course, "button") is None
    assert take(course, run_id or 0)
    assert ask(course, "button") is None
    finish(course, run_id or 0)
    assert ask(course, "button") not in {None, run_id}


def test_the_database_itself_allows_one_open_run(course: Course) -> None:
    ask(course)
    second = SyncRun(context_id=course.context_id, state=SyncState.REQUESTED, reason="x", due_at=START, counts={})
    with pytest.raises(IntegrityError), course.database.write() as session:
        session.add(second)


def test_who_asks_at_the_same_moment_shares_one_run(course: Course) -> None:
    ready = threading.Barrier(4)
    asked: list[int | None] = []

    def run() -> None:
        ready.wait()
        asked.append(ask(course))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in asked) == [False, True, True, True]
    with course.database.read() as session:
        assert session.scalar(select(func.count(SyncRun.id))) == 1


def test_who_asks_while_another_has_not_committed_yet_shares_its_run(pg_url: str) -> None:
    with course_on(pg_url) as course:
        second: list[int | None] = []
        with course.database.write() as session:
            context = session.get_one(Context, course.context_id)
            first = course_sync.request_sync(session, context, "button", course.now)
            thread = threading.Thread(target=lambda: second.append(ask(course, "button")))
            thread.start()
            wait_for_lock(course)
        thread.join()
        assert first is not None
        assert second == [None]


def wait_for_lock(course: Course) -> None:
    """Wait until somebody waits for a row of an open transaction."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    deadline = time.monotonic() + 10
    with course.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_launch_asks_again_only_when_the_last_good_reading_is_old(course: Course) -> None:
    finish(course, asked_and_taken(course))
    course.later(minutes=1)
    assert ask(course, unless_read_since=course.now - 2 * MINUTE) is None
    course.later(minutes=2)
    assert ask(course, unless_read_since=course.now - 2 * MINUTE) is not None


def test_a_failed_reading_is_no_reading(course: Course) -> None:
    fail(course, asked_and_taken(course), retryable=False)
    assert ask(course, unless_read_since=course.now - 2 * MINUTE) is not None


def test_a_person_who_asks_brings_a_put_off_attempt_forward(course: Course) -> None:
    run_id = asked_and_taken(course)
    fail(course, run_id)
    assert (ask(course, "launch"), ask(course, "schedule"), due(course)) == (None, None, [])
    assert (ask(course, "button"), due(course)) == (run_id, [run_id])
    assert ask(course, "button") is None


# -- holding ----------------------------------------------------------------------------------------------------------


def test_of_many_workers_one_takes_a_run(course: Course) -> None:
    run_id = ask(course) or 0
    ready = threading.Barrier(4)
    took: list[bool] = []

    def run() -> None:
        ready.wait()
        took.append(take(course, run_id))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took) == [False, False, False, True]
    assert run_row(course, run_id).attempts == 1


def test_a_run_whose_holder_died_is_due_once_its_lease_passed(course: Course) -> None:
    run_id = asked_and_taken(course)
    course.now += LEASE
    assert (due(course), take(course, run_id)) == ([], False)
    course.now += SECOND
    assert due(course) == [run_id]
    assert take(course, run_id)
    assert run_row(course, run_id).attempts == 2


def test_a_living_holder_keeps_the_run(course: Course) -> None:
    run_id = asked_and_taken(course)
    course.now += LEASE - SECOND
    with course.database.write() as session:
        course_sync.renew_lease(session, run_id, course.now, {"members": 3})
    course.now += LEASE - SECOND
    assert due(course) == []
    assert run_row(course, run_id).counts == {"members": 3}


def test_a_run_that_is_over_is_not_taken(course: Course) -> None:
    run_id = asked_and_taken(course)
    finish(course, run_id, members=2)
    course.later(days=1)
    assert (due(course), take(course, run_id)) == ([], False)


# -- ending -----------------------------------------------------------------------------------------------------------


def test_a_good_end_asks_for_an_evaluation(course: Course) -> None:
    run_id = asked_and_taken(course)
    assert not course.is_due()
    finish(course, run_id, members=2)
    run = run_row(course, run_id)
    assert (run.state, run.finished_at, run.lease_until, run.counts) == (SyncState.DONE, START, None, {"members": 2})
    assert course.is_due()


def test_a_failure_is_tried_again_further_and_further_apart_then_ends(course: Course) -> None:
    run_id = asked_and_taken(course)
    for wait in RETRY_AFTER:
        fail(course, run_id)
        run = run_row(course, run_id)
        assert (run.state, run.error_code, run.finished_at) == (SyncState.REQUESTED, "platform_unavailable", None)
        course.now += wait - SECOND
        assert not take(course, run_id)
        course.now += SECOND
        assert take(course, run_id)
    fail(course, run_id)
    run = run_row(course, run_id)
    assert (run.state, run.finished_at, run.attempts) == (SyncState.FAILED, course.now, len(RETRY_AFTER) + 1)
    assert due(course) == []


def test_what_trying_again_cannot_cure_ends_at_once(course: Course) -> None:
    run_id = asked_and_taken(course)
    fail(course, run_id, "missing_scope", retryable=False)
    assert run_row(course, run_id).state is SyncState.FAILED


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, 10), (3.0, 10), (90.0, 90), (1e9, 24 * 3600)], ids=["no", "less", "more", "absurd"]
)
def test_the_platform_may_ask_for_a_longer_wait(course: Course, asked: float | None, expected: int) -> None:
    run_id = asked_and_taken(course)
    fail(course, run_id, "platform_throttled", retry_after=asked)
    assert run_row(course, run_id).due_at == START + timedelta(seconds=expected)


@pytest.mark.parametrize("retryable", [True, False])
def test_what_was_read_before_a_failure_is_evaluated(course: Course, retryable: bool) -> None:
    fail(course, asked_and_taken(course), retryable=retryable)
    assert course.is_due()


def test_a_late_holder_does_not_reopen_what_another_brought_to_its_end(course: Course) -> None:
    run_id = asked_and_taken(course)
    course.now += LEASE + SECOND
    assert take(course, run_id)
    finish(course, run_id, members=2)
    following = ask(course, "button")
    fail(course, run_id)
    finish(course, run_id, members=1)
    run = run_row(course, run_id)
    assert (run.state, run.counts, run.error_code) == (SyncState.DONE, {"members": 2}, None)
    assert due(course) == [following]


def test_a_late_holder_does_not_prolong_a_run_that_waits(course: Course) -> None:
    run_id = asked_and_taken(course)
    fail(course, run_id)
    with course.database.write() as session:
        course_sync.renew_lease(session, run_id, course.now, {"members": 9})
    assert (run_row(course, run_id).lease_until, run_row(course, run_id).counts) == (None, {})


# -- freshness --------------------------------------------------------------------------------------------------------


def test_freshness_tells_the_last_good_reading_what_runs_and_what_failed(course: Course) -> None:
    def seen() -> tuple[object, ...]:
        with course.database.read() as session:
            found = course_sync.freshness(session, course.context_id)
        return found.read_at, found.is_reading, found.failed_code, found.failed_at

    assert seen() == (None, False, None, None)
    run_id = asked_and_taken(course)
    assert seen() == (None, True, None, None)
    finish(course, run_id)
    assert seen() == (START, False, None, None)
    course.later(hours=1)
    run_id = asked_and_taken(course)
    fail(course, run_id, "missing_scope", retryable=False)
    assert seen() == (START, False, "missing_scope", START + timedelta(hours=1))
    finish(course, asked_and_taken(course))
    assert seen() == (START + timedelta(hours=1), False, None, None)
