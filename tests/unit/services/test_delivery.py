"""Deliveries: one row per copy and connection, taken under a lease by one process, tried again, ended with a reason."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from claims import Wallets, wallets_on
from courses import START
from sqlalchemy import select

from lti_tool.backpacks.base import ClientRegistration, HostDescription, Outcome, Receipt, Tokens
from lti_tool.errors import BackpackAlteredError, BackpackError, BackpackRefusedError, ConflictError
from lti_tool.jobs.delivering import deliver
from lti_tool.models import (
    BackpackConnection,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryState,
    VersionState,
)
from lti_tool.services import backpacks, delivery
from lti_tool.services.delivery import ATTEMPTS, LEASE, LONGEST_WAIT, Parcel

HOST = HostDescription("https://bag.example/api", "Bag", "https://r", "https://a", "https://t", "https://t")
CLIENT = ClientRegistration("client-1", None)


class Bag:
    """A host in memory; ``fails`` is raised by the next pushes."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.pushes = 0
        self.refreshes = 0
        self.fails: list[Exception] = []
        self.alters = False

    def push(self, _host: HostDescription, _tokens: Tokens, text: str) -> Receipt:
        self.pushes += 1
        if self.fails:
            raise self.fails.pop(0)
        self.held["there"] = text
        return Receipt(Outcome.CREATED, 201, None, START)

    def find(self, _host: HostDescription, _tokens: Tokens, _credential_id: str) -> str | None:
        text = self.held.get("there")
        return text.replace("Writer", "Author") if text and self.alters else text

    def refresh(self, _host: HostDescription, _client: ClientRegistration, tokens: Tokens) -> Tokens:
        self.refreshes += 1
        return Tokens(f"fresh-{self.refreshes}", "refresh-2", tokens.expires_at + timedelta(days=30), tokens.scope)


@pytest.fixture
def bag() -> Bag:
    """A host that takes badges."""
    return Bag()


@pytest.fixture
def wallets(migrated_sqlite_url: str, bag: Bag) -> Iterator[Wallets]:
    """Ada's signed badge, and a backpack she is connected to for a day."""
    with wallets_on(migrated_sqlite_url) as wallets:
        wallets.services.backpacks["ob3_api"] = bag  # type: ignore[index]
        wallets.claim()
        with wallets.services.database.write() as session:
            now = wallets.course.now
            host = backpacks.add_host(session, "https://bag.example", "Bag", now)
            backpacks.remember_host(session, host.id, HOST, CLIENT, wallets.services.vault)
            tokens = Tokens("access-1", "refresh-1", now + timedelta(days=1), "a")
            backpacks.save_connection(session, wallets.ada, host.id, tokens, wallets.services.vault, now)
        yield wallets


def queue(wallets: Wallets) -> int:
    with wallets.services.database.write() as session:
        credential, connection = session.get_one(Credential, 1), session.get_one(BackpackConnection, 1)
        return delivery.queue_delivery(session, credential, connection, wallets.course.now)


def take(wallets: Wallets, delivery_id: int = 1) -> Parcel | None:
    with wallets.services.database.write() as session:
        return delivery.take_delivery(session, delivery_id, wallets.services.vault, wallets.course.now)


def row(wallets: Wallets) -> Delivery:
    with wallets.services.database.read() as session:
        return session.scalars(select(Delivery)).one()


# -- asking -----------------------------------------------------------------------------------------------------------


def test_asking_again_is_the_same_delivery(wallets: Wallets) -> None:
    assert queue(wallets) == queue(wallets) == 1
    assert wallets.count(Delivery) == 1


def test_nothing_is_sent_before_it_is_signed(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.get_one(CredentialVersion, 1).state = VersionState.PENDING
    with pytest.raises(ConflictError) as refused:
        queue(wallets)
    assert refused.value.code == "credential_pending"


def test_a_failed_delivery_is_tried_anew_when_asked(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.fails = [BackpackRefusedError("No.")]
    deliver(wallets.services, 1)
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_refused")
    assert queue(wallets) == 1
    assert (row(wallets).state, row(wallets).attempts) == (DeliveryState.QUEUED, 0)
    deliver(wallets.services, 1)
    assert row(wallets).state is DeliveryState.DELIVERED


# -- the lease --------------------------------------------------------------------------------------------------------


def test_one_process_has_it_until_the_lease_passes(wallets: Wallets) -> None:
    queue(wallets)
    first = take(wallets)
    assert first is not None
    assert not first.is_repeat
    wallets.course.now += LEASE
    assert take(wallets) is None
    wallets.course.later(seconds=1)
    second = take(wallets)
    assert second is not None
    assert second.is_repeat


def test_what_is_due_is_found_and_what_is_not_is_left(wallets: Wallets) -> None:
    def due() -> list[int]:
        with wallets.services.database.read() as session:
            return delivery.due_deliveries(session, wallets.course.now)

    assert due() == []
    queue(wallets)
    assert due() == [1]
    take(wallets)
    assert due() == []
    wallets.course.now += LEASE + timedelta(seconds=1)
    assert due() == [1]


# -- the way there ----------------------------------------------------------------------------------------------------


def test_a_delivery_is_read_back_and_keeps_its_receipt(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    done = row(wallets)
    assert (done.state, done.attempts, done.delivered_at) == (DeliveryState.DELIVERED, 1, wallets.course.now)
    assert done.receipt is not None
    assert (done.receipt["outcome"], done.receipt["read_back"]) == ("created", True)
    with wallets.services.database.read() as session:
        assert bag.held["there"] == session.get_one(CredentialVersion, 1).document
    deliver(wallets.services, 1)
    assert bag.pushes == 1
    assert [event.action for event in wallets.course.events("delivery.")] == ["delivery.delivered"]


def test_what_the_host_altered_is_not_delivered(wallets: Wallets, bag: Bag) -> None:
    bag.alters = True
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, BackpackAlteredError.code)


def test_a_host_that_is_away_is_asked_again_further_and_further_apart(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.fails = [BackpackError("Away.") for _ in range(ATTEMPTS)]
    waits = []
    for _ in range(ATTEMPTS - 1):
        deliver(wallets.services, 1)
        assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.QUEUED, "backpack_unavailable")
        waits.append(row(wallets).due_at - wallets.course.now)
        deliver(wallets.services, 1)  # not due: nothing happens
        wallets.course.now = row(wallets).due_at
    assert waits == sorted(waits)
    assert waits[-1] <= LONGEST_WAIT
    assert bag.pushes == ATTEMPTS - 1
    deliver(wallets.services, 1)
    assert (row(wallets).state, bag.pushes) == (DeliveryState.FAILED, ATTEMPTS)


def test_it_arrives_when_the_host_is_back(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.fails = [BackpackError("Away.")]
    deliver(wallets.services, 1)
    wallets.course.now = row(wallets).due_at
    deliver(wallets.services, 1)
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.DELIVERED, None)


def test_a_repeat_looks_first_and_does_not_push_what_is_there(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    parcel = take(wallets)
    assert parcel is not None
    bag.held["there"] = parcel.document  # pushed by a process that died
    wallets.course.now += LEASE + timedelta(seconds=1)
    deliver(wallets.services, 1)
    assert (row(wallets).state, bag.pushes) == (DeliveryState.DELIVERED, 0)


def test_old_tokens_are_refreshed_and_stored_before_use(wallets: Wallets, bag: Bag) -> None:
    wallets.course.later(days=2)
    deliver(wallets.services, queue(wallets))
    assert bag.refreshes == 1
    with wallets.services.database.read() as session:
        tokens = backpacks.read_tokens(session.get_one(BackpackConnection, 1), wallets.services.vault)
    assert (tokens.access_token, tokens.refresh_token) == ("fresh-1", "refresh-2")
    assert row(wallets).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("state", [ConnectionState.CONSENT_NEEDED, ConnectionState.DISCONNECTED])
def test_without_consent_the_delivery_ends_with_that_reason(wallets: Wallets, bag: Bag, state: ConnectionState) -> None:
    queue(wallets)
    with wallets.services.database.write() as session:
        session.get_one(BackpackConnection, 1).state = state
    deliver(wallets.services, 1)
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_consent_needed")
    assert bag.pushes == 0


def test_a_late_failure_does_not_undo_a_delivery(wallets: Wallets) -> None:
    deliver(wallets.services, queue(wallets))
    with wallets.services.database.write() as session:
        delivery.record_failure(session, 1, "backpack_unavailable", wallets.course.now, retryable=True)
    assert row(wallets).state is DeliveryState.DELIVERED
