"""Reviews decided by a person, by a date, or by better grades; appeals and their answers; bars and single steps."""

from collections.abc import Iterator
from typing import Any

import pytest
from award_world import PERSON, WHY, award_of, crowd, reviews, rows, set_policy, state_of, take, told
from claims import Wallets, wallets_on
from courses import Course, course_on
from sqlalchemy import select

from lti_tool.domain.award_states import AwardAction
from lti_tool.domain.decisions import ReviewOutcome
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ConflictError, InvalidInputError, NotClaimableError, NotFoundError
from lti_tool.jobs.schedule import iter_due, run_due
from lti_tool.models import (
    AuditEvent,
    AuditPayload,
    Award,
    AwardBar,
    LearnerNotice,
    Review,
    ReviewKind,
    ReviewState,
)
from lti_tool.services import claiming, notices, review_decisions, revoking
from lti_tool.services import reviews as review_rows
from lti_tool.services.wakeups import DECIDE_REVIEWS

OFFERED, CLAIMED, SUSPENDED = AwardState.OFFERED, AwardState.CLAIMED, AwardState.SUSPENDED
REVOKED, LAPSED = AwardState.REVOKED, AwardState.LAPSED


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


class World:
    """Ada claimed a badge, and then her grade fell."""

    def __init__(self, course: Course, **policy: Any) -> None:
        self.course, self.column, self.ada = course, course.column(), course.person("ada")
        self.badge = course.badge_for(self.column)
        set_policy(course, self.badge, **policy)
        self.grade("90")
        take(course, self.ada)
        course.later(days=1)
        self.grade("40")

    def grade(self, score: str | None) -> None:
        self.course.grade(self.column, self.ada, score, graded_at=self.course.now)
        self.course.read_again(self.column)
        self.course.evaluate()

    @property
    def review(self) -> Review:
        return reviews(self.course)[-1]

    def decide(self, outcome: ReviewOutcome, answer: str = WHY) -> bool:
        with self.course.database.write() as session:
            now = self.course.now
            return review_decisions.decide_review(session, self.review.id, outcome, answer, PERSON, now)

    def appeal(self, text: str = "My essay was read by the wrong person.") -> int:
        with self.course.database.write() as session:
            context_id, now = self.course.context_id, self.course.now
            return review_decisions.appeal(session, context_id, self.badge, self.ada, text, now)

    def answer(self, review_id: int, *, granted: bool) -> bool:
        with self.course.database.write() as session:
            now = self.course.now
            return review_decisions.answer_appeal(session, review_id, WHY, PERSON, now, granted=granted)


# -- by a person ------------------------------------------------------------------------------------------------------


def test_an_open_review_is_listed_with_names_and_its_trace(course: Course) -> None:
    world = World(course)
    with course.database.read() as session:
        (entry,) = review_rows.list_reviews(session, course.context_id)
        assert review_rows.count_open(session, course.context_id) == 1
    assert (entry.badge, entry.review.kind, entry.review.due_at) == ("Writer", ReviewKind.NO_LONGER_EARNED, None)
    assert entry.review.trace_id == course.traces()[-1].id
    assert award_of(course, world.ada).reason_code == "no_longer_earned"


@pytest.mark.parametrize(
    ("outcome", "state", "review_state", "notice"),
    [
        (ReviewOutcome.KEPT, CLAIMED, ReviewState.KEPT, "award.review_settled"),
        (ReviewOutcome.SUSPENDED, SUSPENDED, ReviewState.SUSPENDED, "award.suspended"),
        (ReviewOutcome.REVOKED, REVOKED, ReviewState.REVOKED, "award.revoked"),
    ],
)
def test_a_person_decides_once_with_an_answer(
    course: Course, outcome: ReviewOutcome, state: AwardState, review_state: ReviewState, notice: str
) -> None:
    world = World(course)
    assert world.decide(outcome)
    assert not world.decide(ReviewOutcome.KEPT)
    review = world.review
    assert (review.state, review.decided_by, review.answer) == (review_state, PERSON, WHY)
    assert state_of(course, world.ada) is state
    last = rows(course, LearnerNotice)[-1]
    assert (last.code, last.details["note"]) == (notice, WHY)
    assert course.evaluate().reviews == 0


def test_suspended_after_a_review_and_given_back(course: Course) -> None:
    world = World(course)
    world.decide(ReviewOutcome.SUSPENDED)
    for expected in (True, False):
        with course.database.write() as session:
            done = review_decisions.restore_after_review(session, world.review.id, WHY, PERSON, course.now)
        assert done is expected
    assert state_of(course, world.ada) is CLAIMED


def test_what_is_missing_is_refused(course: Course) -> None:
    world = World(course)
    with pytest.raises(InvalidInputError) as refusal:
        world.decide(ReviewOutcome.KEPT, answer="")
    assert refusal.value.code == "reason_missing"
    with pytest.raises(ConflictError) as conflict:
        world.decide(ReviewOutcome.SETTLED)
    assert conflict.value.code == "review_outcome_refused"
    with course.database.read() as session, pytest.raises(NotFoundError):
        review_rows.get_review(session, 404, world.review.id)


# -- by a date --------------------------------------------------------------------------------------------------------


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def fall(wallets: Wallets) -> Course:
    """Ada's claimed badge is no longer earned, and will be revoked in two weeks."""
    course = wallets.course
    set_policy(course, wallets.achievement_id, grade_change="revoke_after_grace", grace_days=14)
    wallets.claim()
    course.grade(wallets.essay, wallets.ada, "20")
    course.evaluate()
    course.later(days=13)
    course.read_again(wallets.essay)
    run_due(wallets.services)
    assert state_of(course, wallets.ada) is CLAIMED
    return course


def due_reviews(wallets: Wallets) -> list[int]:
    return [row_id for task, row_id in iter_due(wallets.services) if task == DECIDE_REVIEWS]


def test_the_job_revokes_when_the_date_has_come(wallets: Wallets) -> None:
    course = fall(wallets)
    assert due_reviews(wallets) == []
    course.later(days=1)
    course.read_again(wallets.essay)
    assert due_reviews(wallets) == [course.context_id]
    run_due(wallets.services)
    assert state_of(course, wallets.ada) is REVOKED
    assert told(course, wallets.ada)[-2:] == ["award.will_be_revoked", "award.revoked"]
    assert due_reviews(wallets) == []
    page = wallets.app.test_client().post("/verify", json=wallets.document(1), headers={"Accept": "application/json"})
    assert page.json is not None
    assert page.json["outcome"] == "revoked"


def test_a_date_that_comes_while_nobody_can_tell_is_moved_and_noted(wallets: Wallets) -> None:
    course = fall(wallets)
    course.later(days=1)
    course.set_column(wallets.essay, failed_code="platform_not_found")
    run_due(wallets.services)
    assert state_of(course, wallets.ada) is CLAIMED
    (review,) = reviews(course)
    assert (review.state, review.due_at) == (ReviewState.OPEN, course.now + review_rows.PUT_OFF)
    assert course.events("award.review_due_set")[-1].actor == "job"
    assert due_reviews(wallets) == []


def test_an_appeal_stops_the_date_until_it_is_answered(wallets: Wallets) -> None:
    course = fall(wallets)
    with course.database.write() as session:
        badge = wallets.achievement_id
        appeal_id = review_decisions.appeal(session, course.context_id, badge, wallets.ada, "I did it.", course.now)
    course.later(days=5)
    course.read_again(wallets.essay)
    run_due(wallets.services)
    assert state_of(course, wallets.ada) is CLAIMED
    with course.database.write() as session:
        review_decisions.answer_appeal(session, appeal_id, "It was not.", PERSON, course.now, granted=False)
    course.later(days=2)
    course.read_again(wallets.essay)
    run_due(wallets.services)
    assert state_of(course, wallets.ada) is REVOKED


# -- appeals ----------------------------------------------------------------------------------------------------------


def test_an_appeal_against_a_review_is_granted(course: Course) -> None:
    world = World(course)
    appeal_id = world.appeal()
    assert world.appeal() == appeal_id
    assert world.answer(appeal_id, granted=True)
    assert not world.answer(appeal_id, granted=False)
    states = {one.kind: one.state for one in reviews(course)}
    assert states == {ReviewKind.NO_LONGER_EARNED: ReviewState.KEPT, ReviewKind.APPEAL: ReviewState.GRANTED}
    assert told(course, world.ada)[-1] == "appeal.granted"
    assert state_of(course, world.ada) is CLAIMED


def test_an_appeal_against_not_having_it_is_granted_by_hand(course: Course) -> None:
    world = World(course)
    (ben,) = crowd(course, 1, "ben")
    world.ada = ben
    appeal_id = world.appeal()
    assert reviews(course)[-1].award_id is None
    world.answer(appeal_id, granted=True)
    award = award_of(course, ben)
    assert (award.state, award.is_by_hand, award.note) == (OFFERED, True, WHY)
    assert told(course, ben) == ["award.offered", "appeal.granted"]


def test_an_appeal_against_a_revocation_is_granted_as_a_new_award(course: Course) -> None:
    world = World(course)
    world.decide(ReviewOutcome.REVOKED)
    world.answer(world.appeal(), granted=True)
    assert [(one.state, one.occasion) for one in rows(course, Award)] == [(REVOKED, ""), (OFFERED, "renewal 1")]


def test_an_appeal_refused_says_why_and_changes_nothing(course: Course) -> None:
    world = World(course)
    world.answer(world.appeal(), granted=False)
    notice = rows(course, LearnerNotice)[-1]
    assert (notice.code, notice.details) == ("appeal.refused", {"answer": WHY})
    assert world.review.state is ReviewState.REFUSED
    assert state_of(course, world.ada) is CLAIMED
    assert [one.kind for one in reviews(course, Review.state == ReviewState.OPEN)] == [ReviewKind.NO_LONGER_EARNED]


def test_whoever_decides_the_review_answers_the_appeal(course: Course) -> None:
    world = World(course)
    appeal_id = world.appeal()
    with course.database.write() as session:
        (opened, _) = reviews(course)
        with pytest.raises(ConflictError) as refusal:
            review_decisions.decide_review(session, appeal_id, ReviewOutcome.KEPT, WHY, PERSON, course.now)
        with pytest.raises(ConflictError) as other:
            review_decisions.answer_appeal(session, opened.id, WHY, PERSON, course.now, granted=True)
        review_decisions.decide_review(session, opened.id, ReviewOutcome.REVOKED, WHY, PERSON, course.now)
    assert (refusal.value.code, other.value.code) == ("review_is_appeal", "review_not_appeal")
    assert {one.state for one in reviews(course)} == {ReviewState.REVOKED, ReviewState.REFUSED}
    with course.database.read() as session:
        about = select(AuditEvent).where(AuditEvent.subject == f"review:{appeal_id}").order_by(AuditEvent.id)
        events = session.scalars(about).all()
        assert [(one.action, one.actor) for one in events][1:] == [("appeal.refused", PERSON)]
        assert session.get_one(AuditPayload, events[-1].id).payload["answer"] == WHY


def test_there_is_nothing_to_appeal_about_a_badge_one_has(course: Course) -> None:
    world = World(course)
    world.grade("95")
    with pytest.raises(ConflictError) as refusal:
        world.appeal()
    assert refusal.value.code == "appeal_not_possible"
    for text, code in ((" ", "appeal_empty"), ("x" * 4001, "appeal_too_long")):
        with pytest.raises(InvalidInputError) as invalid:
            world.appeal(text)
        assert invalid.value.code == code
    world.ada = course.person("teacher", is_learner=False)
    with pytest.raises(NotFoundError):
        world.appeal()


# -- single steps, bars -----------------------------------------------------------------------------------------------


def test_revoked_and_never_again(course: Course) -> None:
    world = World(course)
    with course.database.write() as session:
        assert revoking.revoke_award(session, award_of(course, world.ada).id, WHY, PERSON, course.now, never_again=True)
    (barred,) = rows(course, AwardBar)
    assert (barred.reason, barred.created_by) == (WHY, PERSON)
    assert reviews(course)[0].state is ReviewState.REVOKED
    with course.database.write() as session:
        assert revoking.lift_bar(session, world.badge, world.ada, WHY, PERSON, course.now)
        assert not revoking.lift_bar(session, world.badge, world.ada, WHY, PERSON, course.now)
        assert revoking.find_bar(session, world.badge, world.ada) is None
    assert [event.action for event in course.events("award.bar")] == ["award.barred", "award.bar_lifted"]
    assert course.is_due()


def test_who_is_barred_cannot_claim_an_open_offer(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    with course.database.write() as session:
        revoking.bar(session, badge, ada, WHY, PERSON, course.now)
        assert not revoking.bar(session, badge, ada, WHY, PERSON, course.now)
        with pytest.raises(NotFoundError):
            revoking.bar(session, badge, 404, WHY, PERSON, course.now)
        assert [one.user_id for one in revoking.list_bars(session, course.context_id)] == [ada]
    with pytest.raises(NotClaimableError) as refusal:
        take(course, ada)
    assert refusal.value.code == "award_barred"


def test_a_batch_does_what_can_be_done_and_says_what_cannot(course: Course) -> None:
    column, people = course.column(), crowd(course, 3)
    course.badge_for(column)
    for user_id in people:
        course.grade(column, user_id, "90")
    course.evaluate()
    take(course, people[0])
    ids = [award_of(course, one).id for one in people]

    def step(action: AwardAction, **options: bool) -> revoking.BatchOutcome:
        with course.database.write() as session:
            context_id = course.context_id
            return revoking.act_on_many(session, context_id, action, ids, WHY, PERSON, course.now, **options)

    held = step(AwardAction.HOLD)
    assert (held.done, held.refused) == ((ids[1], ids[2]), (ids[0],))
    assert step(AwardAction.SUSPEND).done == (ids[0],)
    assert step(AwardAction.RELEASE).done == (ids[1], ids[2])
    assert step(AwardAction.RESTORE).done == (ids[0],)
    assert step(AwardAction.REVOKE, never_again=True).done == tuple(ids)
    assert step(AwardAction.REVOKE).unchanged == tuple(ids)
    assert {one.user_id for one in rows(course, AwardBar)} == set(people)
    with course.database.write() as session, pytest.raises(NotFoundError):
        revoking.act_on_many(session, 404, AwardAction.REVOKE, ids, WHY, PERSON, course.now)


def test_a_suspended_badge_says_so_on_its_page_and_to_whoever_checks_it_here(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    anybody = wallets.app.test_client()
    with wallets.services.database.write() as session:
        revoking.suspend(session, wallets.award_id(), WHY, PERSON, wallets.course.now)

    def check() -> Any:
        document, accept = wallets.document(credential_id), {"Accept": "application/json"}
        return anybody.post("/verify", json=document, headers=accept).json

    assert check()["outcome"] == "suspended"
    with wallets.services.database.write() as session:
        revoking.restore(session, wallets.award_id(), WHY, PERSON, wallets.course.now)
    assert check()["outcome"] == "valid"


def test_declining_is_once_and_final_for_evaluations(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    for _ in range(2):
        with course.database.write() as session:
            claiming.decline(session, course.context_id, award_of(course, ada).id, ada, course.now)
    assert course.evaluate().offered == 0
    assert [event.action for event in course.events()] == ["award.offered", "award.declined"]


# -- what a learner is told -------------------------------------------------------------------------------------------


def test_notices_are_seen_once_and_only_ones_own(course: Course) -> None:
    world = World(course)
    (other,) = crowd(course, 1)
    with course.database.write() as session:
        found = notices.unseen(session, world.ada, course.context_id)
        assert [one.code for one in found] == ["award.offered", "award.review_opened"]
        why = found[-1].details["reason"]
        assert (why["code"], why["params"]["needed"]) == ("below_threshold", "70")
        assert notices.unseen(session, world.ada, 404) == []
        ids = [one.id for one in found]
        assert notices.mark_seen(session, other, course.context_id, ids, course.now) == 0
        assert notices.mark_seen(session, world.ada, course.context_id, ids[:1], course.now) == 1
        assert notices.mark_seen(session, world.ada, course.context_id, ids, course.now) == 1
        assert notices.unseen(session, world.ada, course.context_id) == []
        assert len(notices.history(session, world.ada, course.context_id)) == 2
