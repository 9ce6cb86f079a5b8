"""Runs: the circuit breaker holds what is unusual; a person releases, dismisses or undoes, safely twice."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from award_world import (
    PERSON,
    WHY,
    award_of,
    crowd,
    grade_all,
    held_run,
    items,
    reviews,
    rows,
    set_policy,
    state_of,
    take,
    told,
)
from courses import Course, course_on

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Achievement, AuditEvent, AuditPayload, Award, AwardRun, ReviewKind, ReviewState, RunState
from lti_tool.services import award_runs, awarding, hand_awards, rebuilding, revoking
from lti_tool.services.award_runs import RunOutcome
from lti_tool.services.planning import Plan

OFFERED, HELD, LAPSED, CLAIMED = AwardState.OFFERED, AwardState.HELD, AwardState.LAPSED, AwardState.CLAIMED
MANY = 20


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        yield course


@pytest.fixture
def either(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


class World:
    """Twenty-five learners; the first five earned the badge yesterday, the others all earn it today."""

    def __init__(self, course: Course) -> None:
        self.course, self.column = course, course.column()
        self.badge = course.badge_for(self.column)
        self.early, self.late = crowd(course, 5, "early"), crowd(course, MANY, "late")
        grade_all(course, self.column, self.early, "90")
        course.evaluate()
        course.later(days=1)
        course.read_again(self.column)

    def rush(self) -> int:
        """Everybody else earns it at once; returns the number of the held run."""
        grade_all(self.course, self.column, self.late, "90")
        counts = self.course.evaluate()
        assert (counts.offered, counts.held) == (0, MANY)
        return held_run(self.course).id

    def fall(self) -> int:
        """Everybody's offer would lapse at once; returns the number of the held run."""
        with self.course.database.write() as session:
            session.get_one(Achievement, self.badge).previewed_count = MANY
        grade_all(self.course, self.column, self.late, "90")
        assert self.course.evaluate().offered == MANY
        self.course.later(days=1)
        self.course.read_again(self.column)
        grade_all(self.course, self.column, self.late, "10")
        counts = self.course.evaluate()
        assert (counts.lapsed, counts.held) == (0, MANY)
        return held_run(self.course).id

    def release(self, run_id: int) -> RunOutcome:
        with self.course.database.write() as session:
            return award_runs.release_run(session, run_id, WHY, PERSON, self.course.now)

    def dismiss(self, run_id: int) -> RunOutcome:
        with self.course.database.write() as session:
            return award_runs.dismiss_run(session, run_id, WHY, PERSON, self.course.now)

    def undo(self, run_id: int) -> RunOutcome:
        with self.course.database.write() as session:
            return award_runs.undo_run(session, run_id, WHY, PERSON, self.course.now)

    def states(self, people: list[int]) -> set[AwardState]:
        return {state_of(self.course, user_id) for user_id in people}

    def run(self, run_id: int) -> AwardRun:
        (found,) = rows(self.course, AwardRun, AwardRun.id == run_id)
        return found


# -- what is kept of an evaluation ------------------------------------------------------------------------------------


def test_an_evaluation_that_changed_something_is_a_run_and_another_is_not(course: Course) -> None:
    world = World(course)
    (run,) = rows(course, AwardRun)
    assert (run.state, run.actor, run.figures) == (RunState.DONE, "job", {"learners": 25, "actions": {"offer": 5}})
    assert {item.user_id for item in items(course, run.id)} == set(world.early)
    assert course.evaluate().run_id is None
    assert len(rows(course, AwardRun)) == 1


# -- held -------------------------------------------------------------------------------------------------------------


def test_a_rush_is_held_and_nobody_hears_of_it(either: Course) -> None:
    world = World(either)
    run = world.run(world.rush())
    assert (run.hold_code, run.figures["badges"][str(world.badge)]["count"]) == ("many_offers", MANY)
    assert world.states(world.late) == {HELD}
    assert world.states(world.early) == {OFFERED}
    assert {code for user_id in world.late for code in told(either, user_id)} == set()
    assert [event.action for event in either.events("award_run.")] == ["award_run.held"]


def test_a_held_run_stops_nobody_else_and_is_not_held_twice(course: Course) -> None:
    world = World(course)
    run_id = world.rush()
    course.read_again(world.column)
    new = course.person("new")
    course.grade(world.column, new, "95")
    counts = course.evaluate()
    assert (counts.offered, counts.held) == (1, 0)
    assert state_of(course, new) is OFFERED
    assert len(items(course, run_id)) == MANY
    assert held_run(course).id == run_id


def test_what_a_person_saw_in_the_preview_passes_once(course: Course) -> None:
    world = World(course)
    with course.database.write() as session:
        session.get_one(Achievement, world.badge).previewed_count = MANY
    grade_all(course, world.column, world.late, "90")
    assert course.evaluate().offered == MANY
    assert rows(course, Achievement)[0].previewed_count is None


def test_many_losses_are_held_and_nothing_is_taken(course: Course) -> None:
    world = World(course)
    run_id = world.fall()
    assert world.states(world.late) == {OFFERED}
    assert {item.action for item in items(course, run_id)} == {"lapse"}
    assert course.evaluate().held == 0
    assert len(items(course, run_id)) == MANY


def test_a_held_loss_that_is_earned_again_leaves_the_run(course: Course) -> None:
    world = World(course)
    run_id = world.fall()
    course.later(hours=1)
    course.grade(world.column, world.late[0], "99", graded_at=course.now)
    course.evaluate()
    assert {item.user_id for item in items(course, run_id)} == set(world.late[1:])
    grade_all(course, world.column, world.late, "98")
    course.evaluate()
    assert items(course, run_id) == []
    assert world.run(run_id).state is RunState.DISMISSED


def test_a_badge_on_a_held_badge_waits(course: Course) -> None:
    world = World(course)
    top = course.badge("Top", {"achievement": course.public_id(world.badge)})
    assert course.evaluate().offered == 5
    grade_all(course, world.column, world.late, "90")
    assert course.evaluate().unknown == MANY
    assert {award.user_id for award in rows(course, Award, Award.achievement_id == top)} == set(world.early)


def test_evaluations_in_parallel_hold_once(either: Course) -> None:
    from concurrent.futures import ThreadPoolExecutor

    world = World(either)
    grade_all(either, world.column, world.late, "90")
    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda _: either.evaluate().held, range(50)))
    assert sum(held) == MANY
    assert len(items(either, held_run(either).id)) == MANY
    assert len(rows(either, Award)) == MANY + 5


# -- released ---------------------------------------------------------------------------------------------------------


def test_released_is_offered_as_far_as_it_is_still_earned(either: Course) -> None:
    world = World(either)
    run_id = world.rush()
    fallen, unknown, barred = world.late[:3]
    either.later(hours=1)
    either.grade(world.column, fallen, "10", graded_at=either.now)
    either.grade(world.column, unknown, None)
    with either.database.write() as session:
        revoking.bar(session, world.badge, barred, WHY, PERSON, either.now)
    outcome = world.release(run_id)
    assert len(outcome.acted) == MANY - 3
    assert sorted(outcome.left.values()) == ["barred", "not_met", "unknown"]
    assert world.states(world.late[3:]) == {OFFERED}
    assert [state_of(either, one) for one in (fallen, unknown, barred)] == [LAPSED, HELD, HELD]
    assert told(either, world.late[5]) == ["award.offered"]
    assert told(either, fallen) == []
    event = either.events("award_run.released")[-1]
    with either.database.read() as session:
        payload = session.get_one(AuditPayload, event.id).payload
    assert (event.actor, payload["reason"], payload["acted"]) == (PERSON, WHY, MANY - 3)


def test_releasing_again_tries_what_could_not_be_told(course: Course) -> None:
    world = World(course)
    run_id = world.rush()
    course.grade(world.column, world.late[0], None)
    assert len(world.release(run_id).left) == 1
    events = len(rows(course, AuditEvent))
    course.later(hours=1)
    course.grade(world.column, world.late[0], "88", graded_at=course.now)
    assert len(world.release(run_id).acted) == 1
    assert world.states(world.late) == {OFFERED}
    assert world.release(run_id) == RunOutcome()
    assert len(rows(course, AuditEvent)) > events


def test_released_losses_lapse_with_the_reason(course: Course) -> None:
    world = World(course)
    outcome = world.release(world.fall())
    assert len(outcome.acted) == MANY
    assert world.states(world.late) == {LAPSED}
    assert told(course, world.late[0])[-1] == "award.lapsed"
    with course.database.read() as session:
        traces = rebuilding.rebuild(session, award_of(course, world.late[0]).id)
    assert [one.outcome.value for one in traces] == ["same", "same"]


def test_releasing_while_an_evaluation_looks_at_the_run_loses_nothing(
    either: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(either)
    run_id = world.rush()
    plan, pool = awarding.make_plan, ThreadPoolExecutor(1)
    releases: list[Future[RunOutcome]] = []

    def slowly(*args: Any, **options: Any) -> Plan:
        if not releases:
            releases.append(pool.submit(world.release, run_id))
            wait(releases, timeout=1)  # as far as it comes
        return plan(*args, **options)

    monkeypatch.setattr(awarding, "make_plan", slowly)
    either.evaluate()
    assert len(releases[0].result(timeout=20).acted) == MANY
    pool.shutdown()
    assert world.states(world.late) == {OFFERED}
    assert world.run(run_id).state is RunState.RELEASED
    assert len(items(either, run_id)) == MANY, "or it could not be undone"


# -- dismissed --------------------------------------------------------------------------------------------------------


def test_dismissed_offers_stay_held_and_are_not_proposed_again(course: Course) -> None:
    world = World(course)
    run_id = world.rush()
    assert len(world.dismiss(run_id).acted) == MANY
    assert world.dismiss(run_id) == RunOutcome()
    assert course.evaluate().held == 0
    assert world.states(world.late) == {HELD}
    with course.database.write() as session:
        assert len(award_runs.reconsider_run(session, run_id, WHY, PERSON, course.now).acted) == MANY
        session.get_one(Achievement, world.badge).previewed_count = MANY
    assert course.evaluate().offered == MANY


def test_dismissing_leaves_alone_what_was_released_alone(course: Course) -> None:
    world = World(course)
    run_id = world.rush()
    first, second = world.late[:2]
    with course.database.write() as session:
        revoking.release(session, award_of(course, first).id, "Seen in class.", PERSON, course.now)
    take(course, first)
    with course.database.write() as session:
        revoking.release(session, award_of(course, second).id, "Seen in class.", PERSON, course.now)
    outcome = world.dismiss(run_id)
    assert sorted(outcome.left.values()) == ["gone", "gone"]
    for user_id in (first, second):
        assert (award_of(course, user_id).reason_code, award_of(course, user_id).note) == (None, "Seen in class.")


def test_dismissed_losses_are_kept_whatever_the_grades_say(course: Course) -> None:
    world = World(course)
    take_some = world.late[:2]
    run_id = 0
    with course.database.write() as session:
        session.get_one(Achievement, world.badge).previewed_count = MANY
    grade_all(course, world.column, world.late, "90")
    course.evaluate()
    for user_id in take_some:
        take(course, user_id)
    course.later(hours=1)
    grade_all(course, world.column, world.late, "10")
    course.evaluate()
    run_id = held_run(course).id
    assert {item.action for item in items(course, run_id)} == {"lapse", "review"}
    world.dismiss(run_id)
    counts = course.evaluate()
    assert (counts.held, counts.lapsed, counts.reviews) == (0, 0, 0)
    assert world.states(world.late[2:]) == {OFFERED}
    assert {one.state for one in reviews(course)} == {ReviewState.KEPT}
    on_record = [event.subject for event in course.events("award.kept")]
    assert sorted(on_record) == sorted(f"award:{award_of(course, user_id).id}" for user_id in world.late)


# -- undone -----------------------------------------------------------------------------------------------------------


def test_a_held_run_is_released_and_then_undone(either: Course) -> None:
    world = World(either)
    run_id = world.rush()
    world.release(run_id)
    claimed, fallen = world.late[0], world.late[1]
    take(either, claimed)
    either.later(hours=1)
    either.grade(world.column, fallen, "10", graded_at=either.now)
    either.evaluate()
    outcome = world.undo(run_id)
    assert len(outcome.acted) == MANY - 1
    assert world.run(run_id).state is RunState.UNDONE
    assert world.states(world.late[2:]) == {HELD}
    assert (state_of(either, claimed), state_of(either, fallen)) == (CLAIMED, LAPSED)
    (review,) = reviews(either)
    assert (review.kind, review.state, review.user_id) == (ReviewKind.UNDONE, ReviewState.OPEN, claimed)
    assert told(either, world.late[2])[-1] == "award.withdrawn"
    assert award_of(either, world.late[2]).reason_code == "undone"
    assert world.undo(run_id) == RunOutcome()
    assert either.evaluate().offered == 0


def test_undoing_a_fall_offers_again_what_is_earned_now(course: Course) -> None:
    world = World(course)
    course.grade(world.column, world.early[0], "10", graded_at=course.now)
    run_id = course.evaluate().run_id
    assert run_id is not None
    course.later(hours=1)
    assert list(world.undo(run_id).left.values()) == ["not_met"]
    course.grade(world.column, world.early[1], "11", graded_at=course.now)
    run_id = course.evaluate().run_id
    assert run_id is not None
    course.grade(world.column, world.early[1], "91", graded_at=course.now)
    assert len(world.undo(run_id).acted) == 1
    assert state_of(course, world.early[1]) is OFFERED


def test_undoing_a_review_keeps_the_badge(course: Course) -> None:
    world = World(course)
    take(course, world.early[0])
    course.grade(world.column, world.early[0], "10", graded_at=course.now)
    run_id = course.evaluate().run_id
    assert run_id is not None
    world.undo(run_id)
    assert reviews(course)[0].state is ReviewState.KEPT
    assert course.evaluate().reviews == 0


def test_given_by_hand_and_undone(course: Course) -> None:
    world = World(course)
    with course.database.write() as session:
        run = hand_awards.award_by_hand(session, world.badge, world.late[:2], WHY, None, PERSON, course.now)
    take(course, world.late[0])
    assert run.run_id is not None
    world.undo(run.run_id)
    assert [state_of(course, one) for one in world.late[:2]] == [CLAIMED, HELD]


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_refused(course: Course) -> None:
    world = World(course)
    (done,) = rows(course, AwardRun)
    with pytest.raises(ConflictError) as refusal:
        world.release(done.id)
    assert refusal.value.code == "run_not_held"
    held = world.rush()
    with pytest.raises(ConflictError) as refusal:
        world.undo(held)
    assert refusal.value.code == "run_held"
    with course.database.write() as session:
        with pytest.raises(InvalidInputError):
            award_runs.release_run(session, held, " ", PERSON, course.now)
        with pytest.raises(NotFoundError):
            award_runs.get_run(session, 404, held)
        with pytest.raises(ConflictError):
            award_runs.reconsider_run(session, held, WHY, PERSON, course.now)
        entries = award_runs.list_runs(session, course.context_id)
    assert [(entry.run.id, entry.actions) for entry in entries] == [(held, {"offer": MANY}), (done.id, {"offer": 5})]
    world.dismiss(held)
    for act in (world.release, world.undo):
        with pytest.raises(ConflictError) as refusal:
            act(held)
        assert refusal.value.code == "run_dismissed"


def test_a_badge_that_needs_no_claim_is_given_after_the_release(course: Course) -> None:
    world = World(course)
    run_id = world.rush()
    set_policy(course, world.badge, claim_mode="auto")
    world.release(run_id)
    assert course.evaluate().given == MANY + 5
    assert world.states(world.late) == {CLAIMED}
