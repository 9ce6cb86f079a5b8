"""Deliveries: one row per copy and connection, taken under a lease by one process, tried again, ended with a reason."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from claims import Wallets, wallets_on
from courses import START
from sqlalchemy import select

from lti_tool.backpacks.base import (
    BadgeDocument,
    ClientRegistration,
    Face,
    HostDescription,
    HostProfile,
    Outcome,
    Receipt,
    Tokens,
)
from lti_tool.domain.award_states import AwardState
from lti_tool.errors import (
    BackpackAlteredError,
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
    ConflictError,
)
from lti_tool.jobs.delivering import deliver
from lti_tool.models import (
    Award,
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    VersionState,
)
from lti_tool.services import backpacks, connections, delivery, delivery_batches, host_pace, revoking
from lti_tool.services.delivery_batches import ATTEMPTS, ATTEMPTS_AT_NONSENSE, LEASE, LONGEST_WAIT, Parcel

HOST = HostDescription("https://bag.example/api", "Bag", "https://r", "https://a", "https://t", "https://t")
CLIENT = ClientRegistration("client-1", None)


class Bag:
    """A host in memory; ``fails`` is raised by the next pushes, ``refuses`` by the next refreshes."""

    faces = (Face.OB3_JSON, Face.OB3_JWT)
    can_withdraw = False

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.pushes = 0
        self.refreshes = 0
        self.looks = 0
        self.fails: list[Exception] = []
        self.refuses: list[Exception] = []
        self.alters = self.hides = False
        self.reads = True
        self.email: str | None = "Ada@Lakeside.example"
        self.profile_fails: Exception | None = None
        self.profile_takes: Callable[[], object] | None = None
        self.push_begins: Callable[[], object] | None = None
        self.registered = 0
        self.withdrawn: list[str] = []

    def discover(self, _address: str) -> HostDescription:
        return HOST

    def register(self, _host: HostDescription, *_: str) -> ClientRegistration:
        self.registered += 1
        return ClientRegistration(f"client-{self.registered + 1}", None)

    def push(self, _host: HostDescription, tokens: Tokens, document: BadgeDocument) -> Receipt:
        self.pushes += 1
        if self.push_begins is not None:
            self.push_begins()
        self.token = tokens.access_token
        if self.fails:
            raise self.fails.pop(0)
        outcome = Outcome.REPLACED if document.id in self.held else Outcome.CREATED
        self.held[document.id] = document.text
        return Receipt(outcome, 201, document.id, START)

    def can_read(self, _tokens: Tokens) -> bool:
        return self.reads

    def find(self, _host: HostDescription, _tokens: Tokens, ids: list[str]) -> dict[str, str]:
        self.looks += 1
        found = {} if self.hides else {one: self.held[one] for one in ids if one in self.held}
        return {one: text.replace("Writer", "Author") if self.alters else text for one, text in found.items()}

    def withdraw(self, _host: HostDescription, _tokens: Tokens, document_id: str, _reason: str) -> bool:
        self.withdrawn.append(document_id)
        return True

    def profile(self, _host: HostDescription, _tokens: Tokens) -> HostProfile:
        if self.profile_takes is not None:
            self.profile_takes()
        if self.profile_fails is not None:
            raise self.profile_fails
        return HostProfile("account-1", "Ada", self.email)

    def refresh(self, _host: HostDescription, _client: ClientRegistration, tokens: Tokens) -> Tokens:
        self.refreshes += 1
        if self.refuses:
            raise self.refuses.pop(0)
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


def take(wallets: Wallets) -> Parcel | None:
    parts = wallets.services
    with parts.database.write() as session:
        batch = delivery_batches.take_batch(session, 1, parts.backpacks, parts.vault, wallets.course.now)
        return batch.bundles[0].parcels[0] if batch is not None else None


def row(wallets: Wallets) -> Delivery:
    with wallets.services.database.read() as session:
        return session.scalars(select(Delivery)).one()


def host_row(wallets: Wallets) -> BackpackHost:
    with wallets.services.database.read() as session:
        return session.scalars(select(BackpackHost)).one()


def connection_row(wallets: Wallets) -> BackpackConnection:
    with wallets.services.database.read() as session:
        return session.scalars(select(BackpackConnection)).one()


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
    assert (row(wallets).state, row(wallets).attempts) == (DeliveryState.QUEUED, 1)
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
        assert list(bag.held.values()) == [session.get_one(CredentialVersion, 1).document]
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
        wallets.course.now = max(row(wallets).due_at, host_row(wallets).paused_until or row(wallets).due_at)
    assert waits[:6] == sorted(waits[:6])
    assert max(waits) <= LONGEST_WAIT * 1.2
    assert sum(waits, timedelta()) > timedelta(days=1)
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
    bag.held[parcel.document.id] = parcel.document.text  # pushed by a process that died
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
    now = wallets.course.now
    with wallets.services.database.write() as session:
        delivery_batches.record_failure(session, 1, now + LEASE, BackpackError(), now)
    assert row(wallets).state is DeliveryState.DELIVERED


def test_who_lost_the_lease_changes_nothing(wallets: Wallets) -> None:
    queue(wallets)
    take(wallets)
    lost = wallets.course.now + LEASE
    wallets.course.now = lost + timedelta(seconds=1)
    take(wallets)
    with wallets.services.database.write() as session:
        delivery_batches.record_failure(session, 1, lost, BackpackRefusedError(), wallets.course.now)
        delivery_batches.release(session, [1], lost)
    assert (row(wallets).state, row(wallets).attempts) == (DeliveryState.SENDING, 2)


# -- to whom ----------------------------------------------------------------------------------------------------------


def test_a_badge_for_somebody_else_is_never_pushed(wallets: Wallets, bag: Bag) -> None:
    bag.email = "ada@private.example"
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "recipient_mismatch")
    assert bag.pushes == 0
    assert connection_row(wallets).account_email == "ada@private.example"


def test_a_host_that_tells_no_address_gets_the_badge(wallets: Wallets, bag: Bag) -> None:
    bag.email = None
    deliver(wallets.services, queue(wallets))
    assert row(wallets).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "error",
    [BackpackRefusedError("404"), BackpackAnswerError("?"), BackpackConsentError(code="backpack_scope_missing")],
)
def test_a_host_without_profiles_gets_the_badge(wallets: Wallets, bag: Bag, error: Exception) -> None:
    bag.profile_fails = error
    deliver(wallets.services, queue(wallets))
    assert row(wallets).state is DeliveryState.DELIVERED


def test_a_profile_that_cannot_be_read_now_is_waited_for(wallets: Wallets, bag: Bag) -> None:
    bag.profile_fails = BackpackError("Away.")
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, bag.pushes) == (DeliveryState.QUEUED, 0)


def test_a_revoked_badge_is_not_sent(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    with wallets.services.database.write() as session:
        session.get_one(Award, wallets.award_id()).state = AwardState.REVOKED
    deliver(wallets.services, 1)
    assert (row(wallets).state, row(wallets).error_code, bag.pushes) == (DeliveryState.FAILED, "award_revoked", 0)


# -- reading back -----------------------------------------------------------------------------------------------------


def test_a_badge_the_host_does_not_show_is_tried_again(wallets: Wallets, bag: Bag) -> None:
    bag.hides = True
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.QUEUED, "backpack_not_shown")
    assert host_row(wallets).failures == 0
    bag.hides = False
    wallets.course.now = row(wallets).due_at
    deliver(wallets.services, 1)
    assert (row(wallets).state, bag.pushes) == (DeliveryState.DELIVERED, 1)


def test_without_the_right_to_read_the_receipt_says_so(wallets: Wallets, bag: Bag) -> None:
    bag.reads = False
    deliver(wallets.services, queue(wallets))
    assert row(wallets).state is DeliveryState.DELIVERED
    assert (row(wallets).receipt or {})["read_back"] is False
    assert bag.looks == 0


def test_an_answer_that_is_none_is_tried_a_few_times(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.fails = [BackpackAnswerError("A web page.") for _ in range(ATTEMPTS_AT_NONSENSE)]
    for _ in range(ATTEMPTS_AT_NONSENSE):
        assert row(wallets).state is DeliveryState.QUEUED
        wallets.course.now = row(wallets).due_at
        deliver(wallets.services, 1)
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_answer_malformed")


def test_a_host_that_takes_no_json_gets_the_jwt(wallets: Wallets, bag: Bag) -> None:
    with wallets.services.database.write() as session:
        session.get_one(CredentialVersion, 1).jwt = "a.b.c"
    bag.fails = [BackpackRefusedError("No.", code="backpack_form_refused")]
    deliver(wallets.services, queue(wallets))
    assert row(wallets).state is DeliveryState.DELIVERED
    assert list(bag.held.values()) == ["a.b.c"]


# -- consent ----------------------------------------------------------------------------------------------------------


def test_a_token_the_host_ended_early_is_refreshed_once(wallets: Wallets, bag: Bag) -> None:
    bag.fails = [BackpackConsentError("401")]
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, bag.refreshes, bag.token) == (DeliveryState.DELIVERED, 1, "fresh-1")


def test_a_refused_refresh_asks_the_learner_to_connect_again(wallets: Wallets, bag: Bag) -> None:
    bag.fails, bag.refuses = [BackpackConsentError("401")], [BackpackConsentError("invalid_grant")]
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_consent_needed")
    assert connection_row(wallets).state is ConnectionState.CONSENT_NEEDED


def test_a_consent_given_meanwhile_stands(wallets: Wallets, bag: Bag) -> None:
    def reconnect(*_: object) -> Tokens:
        with wallets.services.database.write() as session:
            tokens = Tokens("access-9", "refresh-9", wallets.course.now + timedelta(days=1), "a")
            backpacks.save_connection(session, wallets.ada, 1, tokens, wallets.services.vault, wallets.course.now)
        raise BackpackConsentError("invalid_grant")

    bag.fails = [BackpackConsentError("401")]
    bag.refresh = reconnect  # type: ignore[method-assign]
    deliver(wallets.services, queue(wallets))
    assert connection_row(wallets).state is ConnectionState.ACTIVE


def test_a_host_that_forgot_us_is_registered_anew_once(wallets: Wallets, bag: Bag) -> None:
    wallets.course.later(days=2)
    unknown = BackpackRefusedError("Who?", code="backpack_client_unknown")
    bag.refuses = [unknown]
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, bag.registered, bag.refreshes) == (DeliveryState.DELIVERED, 1, 2)
    with wallets.services.database.read() as session:
        known = backpacks.known_host(session.get_one(BackpackHost, 1), wallets.services.vault)
    assert known is not None
    assert known[1].client_id == "client-2"


def test_a_host_that_forgot_the_consent_too_asks_for_it_again(wallets: Wallets, bag: Bag) -> None:
    wallets.course.later(days=2)
    bag.refuses = [BackpackRefusedError("Who?", code="backpack_client_unknown") for _ in range(2)]
    deliver(wallets.services, queue(wallets))
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_consent_needed")
    assert bag.registered == 1


# -- pace -------------------------------------------------------------------------------------------------------------


def test_a_host_that_throttles_rests_for_as_long_as_it_says(wallets: Wallets, bag: Bag) -> None:
    bag.fails = [BackpackThrottledError("Slow.", retry_after=600.0)]
    deliver(wallets.services, queue(wallets))
    assert host_row(wallets).paused_until == wallets.course.now + timedelta(minutes=10)
    wallets.course.later(minutes=9)
    deliver(wallets.services, 1)
    assert bag.pushes == 1
    wallets.course.later(minutes=2)
    deliver(wallets.services, 1)
    assert row(wallets).state is DeliveryState.DELIVERED
    assert (host_row(wallets).failures, host_row(wallets).paused_until) == (0, None)
    assert host_row(wallets).last_success_at == wallets.course.now


def test_after_a_rest_one_delivery_goes_first(wallets: Wallets) -> None:
    queue(wallets)
    with wallets.services.database.write() as session:
        host = session.get_one(BackpackHost, 1)
        host.failures, host.paused_until = host_pace.RESTS_AFTER, wallets.course.now
    assert take(wallets) is not None
    assert host_row(wallets).paused_until == wallets.course.now + host_pace.PROBE
    assert take(wallets) is None


def test_three_failures_without_a_success_let_a_host_rest(wallets: Wallets) -> None:
    for number in range(1, 5):
        with wallets.services.database.write() as session:
            rests = host_pace.note_failure(session, 1, BackpackError("Away."), wallets.course.now)
        assert rests is (number >= host_pace.RESTS_AFTER)
    pause = (host_row(wallets).paused_until or wallets.course.now) - wallets.course.now
    assert host_pace.FIRST_REST * 1.6 <= pause <= host_pace.FIRST_REST * 2.4


# -- what follows a badge ---------------------------------------------------------------------------------------------


def reissue(wallets: Wallets) -> None:
    """A second signed copy."""
    with wallets.services.database.write() as session:
        first = session.get_one(CredentialVersion, 1)
        values = {c.name: getattr(first, c.name) for c in CredentialVersion.__table__.columns if c.name != "id"}
        text = (first.document or "").replace("Writer", "Writer ")
        session.add(CredentialVersion(**{**values, "number": 2, "status_index": 7, "document": text}))
        first.state = VersionState.SUPERSEDED


def follow(wallets: Wallets) -> list[int]:
    with wallets.services.database.write() as session:
        return delivery.follow_reissue(session, session.get_one(Credential, 1), wallets.course.now)


def test_a_new_copy_goes_where_the_earlier_one_went(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    reissue(wallets)
    assert follow(wallets) == [2]
    assert follow(wallets) == []
    deliver(wallets.services, 2)
    assert bag.pushes == 2
    assert ["Writer " in text for text in bag.held.values()] == [True]


@pytest.mark.parametrize("state", [DeliveryState.QUEUED, DeliveryState.FAILED])
def test_what_did_not_arrive_goes_out_as_the_new_copy(wallets: Wallets, bag: Bag, state: DeliveryState) -> None:
    queue(wallets)
    with wallets.services.database.write() as session:
        delivery_row = session.get_one(Delivery, 1)
        delivery_row.state, delivery_row.error_code = state, "recipient_mismatch"
    reissue(wallets)
    assert follow(wallets) == [1]
    deliver(wallets.services, 1)
    assert (row(wallets).credential_version_id, row(wallets).state) == (2, DeliveryState.DELIVERED)


def test_an_earlier_copy_that_comes_late_does_not_take_the_newer_ones_place(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    assert take(wallets) is not None  # somebody is sending the first copy
    reissue(wallets)
    assert follow(wallets) == [2]
    with wallets.services.database.write() as session:
        leased = session.get_one(Delivery, 1).lease_until
        assert leased is not None
        away = BackpackError("Away.", code="backpack_cannot_fetch")
        delivery_batches.record_failure(session, 1, leased, away, wallets.course.now)
    deliver(wallets.services, 2)
    wallets.course.later(minutes=1)
    deliver(wallets.services, 1)
    assert ["Writer " in text for text in bag.held.values()] == [True]
    with wallets.services.database.read() as session:
        late = session.get_one(Delivery, 1)
    assert (late.state, late.error_code) == (DeliveryState.FAILED, "copy_overtaken")


def test_what_ends_with_the_lease_is_left_to_whoever_is_next(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.profile_takes = lambda: wallets.course.later(minutes=2)
    left: list[timedelta] = []
    bag.push_begins = lambda: left.append((row(wallets).lease_until or START) - wallets.course.now)
    deliver(wallets.services, 1)
    assert left == [LEASE], "it was taken anew, with a lease that lasts"
    assert (row(wallets).state, row(wallets).attempts) == (DeliveryState.DELIVERED, 1)


def test_nothing_follows_to_a_backpack_that_was_disconnected(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    with wallets.services.database.write() as session:
        backpacks.disconnect(session, session.get_one(BackpackConnection, 1), wallets.course.now)
    reissue(wallets)
    assert follow(wallets) == []


def revoke(wallets: Wallets) -> Delivery:
    with wallets.services.database.write() as session:
        revoking.revoke(session, session.get_one(Credential, 1), "A mistake.", "staff:1", wallets.course.now)
    with wallets.services.database.read() as session:
        wanted = session.scalars(select(Delivery).where(Delivery.purpose == DeliveryPurpose.WITHDRAW)).one()
    deliver(wallets.services, wanted.id)
    with wallets.services.database.read() as session:
        return session.get_one(Delivery, wanted.id)


def test_a_revoked_badge_is_left_to_its_status_where_the_protocol_ends(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    done = revoke(wallets)
    assert (done.state, (done.receipt or {})["outcome"]) == (DeliveryState.DELIVERED, "status_says")
    assert bag.withdrawn == []


def test_a_revoked_badge_is_withdrawn_where_the_host_can(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    bag.can_withdraw = True
    done = revoke(wallets)
    assert (done.state, (done.receipt or {})["outcome"]) == (DeliveryState.DELIVERED, "withdrawn")
    assert bag.withdrawn == list(bag.held)


def test_a_bug_ends_with_a_reason_and_holds_up_nobody_else(wallets: Wallets, bag: Bag) -> None:
    queue(wallets)
    bag.fails = [KeyError("bug")] * ATTEMPTS_AT_NONSENSE
    for _ in range(ATTEMPTS_AT_NONSENSE):
        assert row(wallets).state is DeliveryState.QUEUED
        deliver(wallets.services, 1)
        wallets.course.later(minutes=30)
    assert (row(wallets).state, row(wallets).error_code) == (DeliveryState.FAILED, "backpack_answer_malformed")
    assert (bag.pushes, row(wallets).lease_until) == (ATTEMPTS_AT_NONSENSE, None)


@pytest.mark.parametrize(("code", "is_told"), [("backpack_altered", True), ("recipient_mismatch", False)])
def test_what_failed_and_may_be_there_is_withdrawn_too(wallets: Wallets, bag: Bag, code: str, is_told: bool) -> None:
    queue(wallets)
    with wallets.services.database.write() as session:
        sent = session.get_one(Delivery, 1)
        sent.state, sent.error_code = DeliveryState.FAILED, code
        revoking.revoke(session, session.get_one(Credential, 1), "A mistake.", "staff:1", wallets.course.now)
    with wallets.services.database.read() as session:
        wanted = session.scalars(select(Delivery.purpose).where(Delivery.id != 1)).all()
    assert wanted == ([DeliveryPurpose.WITHDRAW] if is_told else [])


def test_a_withdrawal_that_waited_for_a_consent_is_made_when_it_is_given(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    bag.can_withdraw = True
    with wallets.services.database.write() as session:
        backpacks.need_consent(session, 1, wallets.course.now)
    assert revoke(wallets).error_code == "backpack_consent_needed"
    with wallets.services.database.write() as session:
        now = wallets.course.now
        tokens = Tokens("access-2", "refresh-2", now + timedelta(days=1), "a")
        connection = backpacks.save_connection(session, wallets.ada, 1, tokens, wallets.services.vault, now)
        waiting = connections.resume(session, connection, now)
    for one in waiting:
        deliver(wallets.services, one)
    assert bag.withdrawn == list(bag.held)


def test_after_connecting_again_a_badge_can_be_sent_again(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    with wallets.services.database.write() as session:
        backpacks.disconnect(session, session.get_one(BackpackConnection, 1), wallets.course.now)
    wallets.course.later(minutes=5)
    bag.held.clear()  # another account, or emptied
    with wallets.services.database.write() as session:
        now = wallets.course.now
        tokens = Tokens("access-2", "refresh-2", now + timedelta(days=1), "a")
        connection = backpacks.save_connection(session, wallets.ada, 1, tokens, wallets.services.vault, now)
        assert not delivery.is_there(session.get_one(Delivery, 1))
        assert delivery.queue_delivery(session, session.get_one(Credential, 1), connection, now) == 1
    deliver(wallets.services, 1)
    assert (row(wallets).state, bag.pushes) == (DeliveryState.DELIVERED, 2)
    queue(wallets)
    assert row(wallets).state is DeliveryState.DELIVERED, "what is there now is not sent once more"


def test_sending_again_on_purpose_looks_first(wallets: Wallets, bag: Bag) -> None:
    deliver(wallets.services, queue(wallets))
    with wallets.services.database.write() as session:
        credential, connection = session.get_one(Credential, 1), session.get_one(BackpackConnection, 1)
        delivery.queue_delivery(session, credential, connection, wallets.course.now, again=True)
    deliver(wallets.services, 1)
    assert (row(wallets).state, bag.pushes) == (DeliveryState.DELIVERED, 1)
