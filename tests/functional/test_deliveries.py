"""Deliveries to hosts of both protocols that die, throttle, forget and talk nonsense: nothing lost, nothing twice.

The hosts speak recorded protocols (``tests/hosts``) and check what they get with code that is not ours.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Live
from delivery_world import EMAIL, LIST, PROFILE, PUSH, TOKEN, DeliveryWorld, delivery_world

from lti_tool.jobs.signing import issue
from lti_tool.models import BackpackConnection, ConnectionState, Credential, DeliveryPurpose, DeliveryState
from lti_tool.services import backpacks, delivery, reissuing, revoking
from lti_tool.services.delivery_batches import ATTEMPTS_AT_NONSENSE, LEASE
from lti_tool.services.reissuing import SubjectChoice

DELIVERED, FAILED, QUEUED = DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.QUEUED


@pytest.fixture(params=[backpacks.OB3_API, backpacks.BADGE_CONNECT])
def world(request: pytest.FixtureRequest, migrated_sqlite_url: str, live: Live) -> Iterator[DeliveryWorld]:
    """Ada's badge, and a host of either protocol that she is connected to."""
    with delivery_world(migrated_sqlite_url, live, request.param) as world:
        world.connect()
        world.ask()
        yield world


def assert_there_once(world: DeliveryWorld) -> None:
    row = world.run_until_done()
    assert (row.state, row.error_code) == (DELIVERED, None)
    assert (row.receipt or {})["read_back"] is True
    assert len(world.stored()) == len(world.host.created) == 1
    assert world.host_row().failures == 0


def test_a_badge_arrives_and_foreign_code_finds_it_good(world: DeliveryWorld) -> None:
    assert_there_once(world)
    assert world.pushes() == 1
    assert world.foreign_verdict() == "good"
    assert world.connection().account_email == EMAIL


# -- the host dies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "pushes"), [("die_before", 2), ("die_during", 1), ("die_after", 1), ("status 500", 2), ("status 503", 2)]
)
def test_a_host_that_dies_at_the_push_has_the_badge_once(world: DeliveryWorld, how: str, pushes: int) -> None:
    world.fail(PUSH, how)
    assert (world.run().state, world.row().attempts) == (QUEUED, 1)
    assert_there_once(world)
    assert world.pushes() == pushes, "what was stored is not pushed again"


@pytest.mark.parametrize("where", [LIST, PROFILE], ids=["list", "profile"])
@pytest.mark.parametrize("how", ["die_before", "die_during", "status 502"])
def test_a_host_that_dies_beside_the_push_has_the_badge_once(
    world: DeliveryWorld, where: dict[str, str], how: str
) -> None:
    world.fail(where, how)
    assert world.run().state is QUEUED
    assert_there_once(world)
    assert world.pushes() == 1


def test_a_host_that_is_away_rests_and_one_badge_goes_first(world: DeliveryWorld) -> None:
    world.fail(PROFILE, "die_before", count=5)
    for _ in range(3):
        world.run()
        world.later()
    assert world.host_row().failures == 3
    world.wallets.course.now = world.row().due_at
    asked = len(world.host.calls)
    world.run()  # the host still rests, or was asked by one delivery alone
    assert len(world.host.calls) - asked <= 1
    assert_there_once(world)


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_tokens_the_host_ended_early_are_refreshed(world: DeliveryWorld) -> None:
    world.host.expire_tokens()
    assert_there_once(world)


def test_tokens_that_ended_are_refreshed_before_they_are_used(world: DeliveryWorld) -> None:
    world.wallets.course.later(days=3)
    assert_there_once(world)
    assert world.host.count(TOKEN[world.protocol]) == 2


def test_a_token_call_that_dies_is_made_again(world: DeliveryWorld) -> None:
    world.host.expire_tokens()
    world.fail(TOKEN, "die_before")
    assert world.run().state is QUEUED
    assert_there_once(world)


def test_a_refused_refresh_asks_the_learner_and_connecting_again_goes_on(world: DeliveryWorld) -> None:
    world.host.end_consents()
    row = world.run_until_done()
    assert (row.state, row.error_code) == (FAILED, "backpack_consent_needed")
    assert world.connection().state is ConnectionState.CONSENT_NEEDED
    assert world.pushes() <= 1
    assert world.connect() == 1
    assert_there_once(world)


def test_a_host_that_forgot_this_tool_is_told_of_it_again(world: DeliveryWorld) -> None:
    registrations = world.host.count("POST .*/register")
    world.host.forget_clients()
    world.host.expire_tokens()
    row = world.run_until_done()
    assert (row.state, row.error_code) == (FAILED, "backpack_consent_needed")
    assert 1 <= world.host.count("POST .*/register") - registrations <= 2, "one registration, perhaps in two forms"
    assert world.connect() == 1
    assert_there_once(world)


# -- pace, duplicates, nonsense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [PUSH, LIST], ids=["push", "list"])
def test_a_host_that_throttles_is_left_alone_and_gets_it_later(world: DeliveryWorld, where: dict[str, str]) -> None:
    world.fail(where, "throttle")
    assert (world.run().state, world.row().error_code) == (QUEUED, "backpack_throttled")
    assert world.host_row().paused_until is not None
    asked = len(world.host.calls)
    world.run()
    assert len(world.host.calls) == asked
    assert_there_once(world)


def test_a_badge_that_is_there_already_counts_as_delivered(world: DeliveryWorld) -> None:
    assert_there_once(world)
    parts, now = world.wallets.services, world.wallets.course.now
    with parts.database.write() as session:
        backpacks.disconnect(session, session.get_one(BackpackConnection, 1), now)
    world.wallets.course.later(minutes=1)
    world.connect()
    world.ask()
    assert_there_once(world)
    world.ask(again=True)
    assert_there_once(world)


@pytest.mark.parametrize("how", ["html", "not_json", "wrong_shape"])
@pytest.mark.parametrize("where", [PUSH, LIST], ids=["push", "list"])
def test_nonsense_that_passes_loses_nothing(world: DeliveryWorld, where: dict[str, str], how: str) -> None:
    world.fail(where, how, count=2)
    assert (world.run().state, world.row().error_code) == (QUEUED, "backpack_answer_malformed")
    assert_there_once(world)


def test_nonsense_for_ever_ends_with_a_reason(world: DeliveryWorld) -> None:
    world.fail(PUSH, "html", count=ATTEMPTS_AT_NONSENSE)
    row = world.run_until_done()
    assert (row.state, row.error_code) == (FAILED, "backpack_answer_malformed")
    world.ask()
    assert_there_once(world)


# -- to whom ----------------------------------------------------------------------------------------------------------


def test_a_badge_is_never_pushed_to_somebody_else(world: DeliveryWorld) -> None:
    world.connect("somebody@else.example")
    row = world.run_until_done()
    assert (row.state, row.error_code) == (FAILED, "recipient_mismatch")
    assert (world.pushes(), world.stored("somebody@else.example")) == (0, [])
    page = world.wallets.browser(world.wallets.ada).get(world.wallets.mine("/backpacks")).text
    assert "The badge carries a•••@lakeside.example; Satchel knows s•••@else.example." in page
    assert "Get a new copy" in page
    assert world.connect() == 1, "with the right account it goes on by itself"
    assert_there_once(world)


# -- what follows -----------------------------------------------------------------------------------------------------


def test_a_revoked_badge_is_seen_as_revoked_there(world: DeliveryWorld) -> None:
    assert_there_once(world)
    parts, now = world.wallets.services, world.wallets.course.now
    with parts.database.write() as session:
        credential = session.get_one(Credential, world.credential_id)
        revoking.revoke(session, credential, "A mistake.", "staff:1", now)
    world.run()
    (row,) = world.rows(DeliveryPurpose.WITHDRAW)
    assert (row.state, (row.receipt or {})["outcome"]) == (DELIVERED, "status_says")
    assert world.foreign_verdict() == "revoked"


def test_a_badge_revoked_while_it_waits_is_not_sent(world: DeliveryWorld) -> None:
    parts, now = world.wallets.services, world.wallets.course.now
    with parts.database.write() as session:
        credential = session.get_one(Credential, world.credential_id)
        revoking.revoke(session, credential, "A mistake.", "staff:1", now)
    row = world.run_until_done()
    assert (row.state, row.error_code, world.stored()) == (FAILED, "award_revoked", [])


def test_a_new_copy_follows_the_earlier_one(world: DeliveryWorld) -> None:
    assert_there_once(world)
    parts = world.wallets.services
    world.wallets.course.later(hours=1)
    with parts.database.write() as session:
        credential = session.get_one(Credential, world.credential_id)
        version = reissuing.reissue(
            session,
            credential,
            SubjectChoice.KEEP,
            show_name=True,
            replaces=False,
            actor=f"user:{world.wallets.ada}",
            now=world.wallets.course.now,
        )
    issue(parts, version.id)
    assert len(world.rows(DeliveryPurpose.PUT)) == 2
    assert_there_once(world)
    assert world.row().credential_version_id == version.id
    assert world.foreign_verdict() == "good"
    if world.protocol == backpacks.OB3_API:
        assert "Ada Okafor" in world.host.text_of(EMAIL, world.stored()[0])


# -- processes that die -----------------------------------------------------------------------------------------------


def test_a_worker_that_died_after_the_push_leaves_one_badge(world: DeliveryWorld, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lti_tool.jobs.delivering._Visit._settle", dies)
        with pytest.raises(SystemExit):
            world.run()
    assert (world.row().state, world.pushes()) == (DeliveryState.SENDING, 1)
    asked = len(world.host.calls)
    world.run()
    assert len(world.host.calls) == asked, "the lease still holds"
    world.wallets.course.now += LEASE
    assert_there_once(world)
    assert world.pushes() == 1


def dies(*_: object) -> None:
    raise SystemExit


def test_what_is_due_is_found_unless_its_host_rests(world: DeliveryWorld) -> None:
    parts = world.wallets.services

    def due() -> list[int]:
        with parts.database.read() as session:
            return delivery.due_deliveries(session, world.wallets.course.now)

    assert due() == [1]
    world.fail(PUSH, "throttle")
    world.run()
    assert due() == []
    world.later()
    assert due() == [1]
