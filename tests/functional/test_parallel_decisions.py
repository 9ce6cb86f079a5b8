"""Many at once: decisions about awards are carried out once, whoever presses at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from award_world import PERSON, WHY, award_of, crowd, held_run, items, reviews, rows, set_policy, state_of, take, told
from claims import Wallets, wallets_on
from courses import Course, course_on

from lti_tool.domain.decisions import ReviewOutcome
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import NotClaimableError
from lti_tool.models import AwardRun, Credential, CredentialVersion
from lti_tool.services import award_runs, issuing, review_decisions, revoking

TIMES, WORKERS = 50, 8


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


@pytest.fixture
def wallets(any_database: str) -> Iterator[Wallets]:
    """Ada's badge is offered; on SQLite and on PostgreSQL."""
    with wallets_on(any_database) as wallets:
        yield wallets


def at_once(task: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(task) for _ in range(TIMES)]]


def test_evaluations_open_one_review_and_tell_it_once(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    take(course, ada)
    course.grade(column, ada, "20")
    at_once(course.evaluate)
    assert len(reviews(course)) == 1
    assert told(course, ada) == ["award.offered", "award.review_opened"]
    assert [event.action for event in course.events()].count("award.review_needed") == 1
    assert len(rows(course, AwardRun)) == 2


def test_evaluations_that_claim_make_one_credential_each(course: Course) -> None:
    column, people = course.column(), crowd(course, 5)
    badge = course.badge_for(column)
    set_policy(course, badge, claim_mode="auto")
    for user_id in people:
        course.grade(column, user_id, "90")
    given = at_once(lambda: course.evaluate().given)
    assert sum(int(str(one)) for one in given) == len(people)
    assert len(rows(course, Credential)) == len(rows(course, CredentialVersion)) == len(people)
    assert {tuple(told(course, one)) for one in people} == {("award.given",)}


def test_expiry_is_told_once(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    set_policy(course, badge, validity_days=10)
    course.grade(column, ada, "90")
    course.evaluate()
    take(course, ada)
    course.later(days=11)
    course.read_again(column)
    at_once(course.evaluate)
    assert told(course, ada) == ["award.offered", "award.expired"]


def test_people_decide_release_and_undo_once(course: Course) -> None:
    column, people = course.column(), crowd(course, 25)
    course.badge_for(column)
    course.grade(column, people[0], "90")
    course.evaluate()
    for user_id in people:
        course.grade(column, user_id, "91")
    course.evaluate()
    run_id = held_run(course).id

    def press(act: Callable[..., award_runs.RunOutcome]) -> int:
        with course.database.write() as session:
            return len(act(session, run_id, WHY, PERSON, course.now).acted)

    assert sum(int(str(one)) for one in at_once(lambda: press(award_runs.release_run))) == 24
    assert sum(int(str(one)) for one in at_once(lambda: press(award_runs.undo_run))) == 24
    assert {told(course, one)[-1] for one in people[1:]} == {"award.withdrawn"}
    assert {len(told(course, one)) for one in people[1:]} == {2}
    assert all(item.undone_at for item in items(course, run_id))


def test_a_review_is_decided_once(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    take(course, ada)
    course.grade(column, ada, "20")
    course.evaluate()
    review_id = reviews(course)[0].id

    def decide() -> bool:
        with course.database.write() as session:
            now = course.now
            return review_decisions.decide_review(session, review_id, ReviewOutcome.REVOKED, WHY, PERSON, now)

    assert at_once(decide).count(True) == 1
    assert told(course, ada).count("award.revoked") == 1


def test_claims_evaluations_and_revocations_at_once_end_revoked(wallets: Wallets) -> None:
    """Everything that locks awards and issuers, together: nobody waits for ever, and what was revoked stays so."""
    course, award_id = wallets.course, wallets.award_id()
    set_policy(course, wallets.achievement_id, claim_mode="auto")

    def claim() -> object:
        with wallets.services.database.write() as session:
            try:
                return issuing.claim(session, course.context_id, award_id, wallets.ada, show_name=False, now=course.now)
            except NotClaimableError as refusal:
                return refusal.code

    def revoke() -> object:
        with wallets.services.database.write() as session:
            return revoking.revoke_award(session, award_id, WHY, PERSON, course.now)

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(task) for _ in range(15) for task in (claim, course.evaluate, revoke)]
        results = [future.result() for future in futures]
    assert {result for result in results if isinstance(result, str)} <= {"award_revoked"}
    assert results.count(True) == 1
    assert state_of(course, wallets.ada) is AwardState.REVOKED
    assert award_of(course, wallets.ada).note == WHY
    assert wallets.count(Credential) <= 1
