"""Many at once: fifty claims and fifty evaluations at the same moment leave one award and one credential."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from claims import Wallets, wallets_on
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.jobs import signing
from lti_tool.models import Achievement, Award, Credential, CredentialVersion, Delivery, Trace, VersionState
from lti_tool.services import awarding, issuing

TIMES = 50
WORKERS = 10
"""Fewer than connections in the pool, as in a web server."""


@pytest.fixture
def wallets(any_database: str) -> Iterator[Wallets]:
    """Ada's badge is offered; on SQLite and on PostgreSQL."""
    with wallets_on(any_database) as wallets:
        yield wallets


def at_once(*tasks: Callable[[], object]) -> list[object]:
    """Run every task ``TIMES`` times, begun together; returns what they returned, and raises what they raised."""
    gate = threading.Event()

    def begin(task: Callable[[], object]) -> object:
        gate.wait()
        return task()

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(begin, task) for _ in range(TIMES) for task in tasks]
        gate.set()
        return [future.result() for future in futures]


def test_fifty_claims_make_one_credential(wallets: Wallets) -> None:
    award_id = wallets.award_id()

    def claim() -> int:
        with wallets.services.database.write() as session:
            made = issuing.claim(
                session, wallets.course.context_id, award_id, wallets.ada, show_name=False, now=wallets.course.now
            )
        assert made is not None
        signing.issue(wallets.services, made.version_id)
        return made.credential_id

    assert set(at_once(claim)) == {1}
    assert wallets.count(Award, Award.state == AwardState.CLAIMED) == 1
    assert wallets.count(Credential) == 1
    assert wallets.count(CredentialVersion) == 1
    assert wallets.count(CredentialVersion, CredentialVersion.state == VersionState.ISSUED) == 1
    actions = [event.action for event in wallets.course.events()]
    assert actions.count("award.claimed") == 1
    assert [event.action for event in wallets.course.events("credential.")] == ["credential.issued"]


def test_fifty_evaluations_offer_each_badge_once(wallets: Wallets) -> None:
    people = [wallets.course.person(f"learner-{number}") for number in range(5)]
    for user_id in people:
        wallets.course.grade(wallets.essay, user_id, "80")
    wallets.course.want()

    def evaluate() -> int:
        with wallets.services.database.write() as session:
            return awarding.evaluate_course(session, wallets.course.context_id, wallets.course.now).offered

    assert sum(int(str(offered)) for offered in at_once(evaluate)) == len(people)
    assert wallets.count(Award) == len(people) + 1
    assert wallets.count(Trace) == len(people) + 1


def test_claims_and_evaluations_at_once_leave_one_of_each(wallets: Wallets) -> None:
    award_id = wallets.award_id()

    def claim() -> object:
        with wallets.services.database.write() as session:
            return issuing.claim(
                session, wallets.course.context_id, award_id, wallets.ada, show_name=False, now=wallets.course.now
            )

    def evaluate() -> object:
        with wallets.services.database.write() as session:
            return awarding.evaluate_course(session, wallets.course.context_id, wallets.course.now)

    at_once(claim, evaluate)
    with wallets.services.database.read() as session:
        (award,) = session.scalars(select(Award))
    assert award.state is AwardState.CLAIMED
    assert wallets.count(Credential) == 1
    assert wallets.count(CredentialVersion) == 1


def test_claims_of_many_learners_get_places_of_their_own(wallets: Wallets) -> None:
    people = [wallets.course.person(f"learner-{number}") for number in range(TIMES)]
    for user_id in people:
        wallets.course.grade(wallets.essay, user_id, "80")
    with wallets.services.database.write() as session:  # somebody saw in a preview that so many will be offered it
        session.get_one(Achievement, wallets.achievement_id).previewed_count = TIMES
    wallets.course.evaluate()
    waiting = list(people)
    lock = threading.Lock()

    def claim() -> int:
        with lock:
            user_id = waiting.pop()
        return wallets.claim(user_id)

    assert len(set(at_once(claim))) == TIMES
    with wallets.services.database.read() as session:
        places = list(session.execute(select(CredentialVersion.status_list_id, CredentialVersion.status_index)))
    assert len(places) == len(set(places)) == TIMES
    assert len({place[0] for place in places}) == 1
    assert wallets.count(Delivery) == 0
