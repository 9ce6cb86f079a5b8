"""Launches that wait: for one right proof, within two minutes and five attempts, once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from signed_launches import ISSUER, TOOL, Begun, Bench, login_parameters
from sqlalchemy import Engine, func, select

from lti_tool.db import Database, make_engine
from lti_tool.errors import CookiesBlockedError, LaunchError, NonceError
from lti_tool.lti import login_state, pending_launch
from lti_tool.lti.pending_launch import PendingTicket
from lti_tool.lti.platform_storage import AGAIN, PlatformStorage, begin_again
from lti_tool.lti.verified_launch import VerifiedLaunch
from lti_tool.models import LoginState, PendingLaunch


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(Database(engine))


@pytest.fixture
def any_bench(any_database: str) -> Iterator[Bench]:
    engine = make_engine(any_database)
    yield Bench(Database(engine))
    engine.dispose()


def blocked(bench: Bench, begun: Begun, **changes: Any) -> CookiesBlockedError:
    with pytest.raises(CookiesBlockedError) as caught:
        bench.launches.finish(bench.form(begun, changes), {})
    return caught.value


def waiting(bench: Bench, begun: Begun) -> PendingTicket:
    text = blocked(bench, begun).waiting
    assert text is not None
    with bench.database.write() as session:
        return pending_launch.begin(session, begun.query["state"], text, bench.clock())


def prove(bench: Bench, ticket: str, *, cookies: dict[str, str] | None = None, value: str | None = None) -> Any:
    """Return the launch, or the code of the refusal."""
    with bench.database.write() as session:
        found = pending_launch.prove(session, ticket, bench.clock(), cookies=cookies or {}, value=value)
    return found.code if isinstance(found, LaunchError) else found


# -- before it waits --------------------------------------------------------------------------------------------------


def test_every_other_check_comes_first(bench: Bench) -> None:
    begun = bench.begin()
    with pytest.raises(NonceError):
        bench.launches.finish(bench.form(begun, {"nonce": "another"}), {})


def test_the_launch_that_waits_is_the_one_that_was_checked(bench: Bench) -> None:
    with_cookie = bench.begin()
    expected = bench.launches.finish(bench.form(with_cookie), with_cookie.cookies)
    begun = bench.begin()
    proven = prove(bench, waiting(bench, begun).ticket, cookies=begun.cookies)
    assert isinstance(proven, VerifiedLaunch)
    assert proven == expected


def test_a_wrong_cookie_at_the_post_does_not_wait(bench: Bench) -> None:
    begun = bench.begin()
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(bench.form(begun), {begun.started.cookie_name: "another"})
    assert caught.value.code == "browser_mismatch"


def test_the_second_cookie_is_no_proof_at_the_post(bench: Bench) -> None:
    begun = bench.begin()
    with pytest.raises(CookiesBlockedError):
        bench.launches.finish(bench.form(begun), {begun.started.window_cookie_name: begun.started.cookie_value})


# -- proofs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cookie_name", "window_cookie_name"])
def test_either_cookie_is_a_proof(bench: Bench, name: str) -> None:
    begun = bench.begin()
    ticket = waiting(bench, begun).ticket
    cookies = {getattr(begun.started, name): begun.started.cookie_value}
    assert prove(bench, ticket, cookies=cookies).platform_user_id == "5"


def test_what_the_platform_kept_is_a_proof(bench: Bench) -> None:
    begun = bench.begin()
    assert prove(bench, waiting(bench, begun).ticket, value=begun.started.cookie_value).platform_user_id == "5"


def test_without_proof_a_ticket_is_worth_nothing(bench: Bench) -> None:
    begun = bench.begin()
    ticket = waiting(bench, begun).ticket
    other = bench.begin()
    for cookies in ({}, other.cookies, {begun.started.cookie_name: ""}):
        assert prove(bench, ticket, cookies=cookies, value="") == "proof_missing"
    assert prove(bench, ticket, value=begun.started.cookie_value).platform_user_id == "5"  # and none of it counted


@pytest.mark.parametrize("wrong", ["state", "nonce", "ticket", "hash", "other", "half"])
def test_a_wrong_value(bench: Bench, wrong: str) -> None:
    begun, other = bench.begin(), bench.begin()
    ticket = waiting(bench, begun).ticket
    secret = begun.started.cookie_value
    values = {
        "state": begun.query["state"],
        "nonce": begun.query["nonce"],
        "ticket": ticket,
        "hash": login_state.hash_of(secret),
        "other": other.started.cookie_value,
        "half": "\ud800",
    }
    assert prove(bench, ticket, value=values[wrong]) == "proof_wrong"
    assert prove(bench, ticket, value=secret).platform_user_id == "5"


def test_all_that_is_shown_must_be_right(bench: Bench) -> None:
    begun = bench.begin()
    ticket, secret = waiting(bench, begun).ticket, begun.started.cookie_value
    assert prove(bench, ticket, cookies=begun.cookies, value="guessed") == "proof_wrong"
    assert prove(bench, ticket, cookies={begun.started.cookie_name: "guessed"}, value=secret) == "proof_wrong"


def test_five_wrong_proofs_close_it(bench: Bench) -> None:
    begun = bench.begin()
    ticket = waiting(bench, begun).ticket
    assert [prove(bench, ticket, value=f"guess {n}") for n in range(5)] == ["proof_wrong"] * 4 + ["proof_attempts"]
    assert prove(bench, ticket, value=begun.started.cookie_value) == "proof_attempts"


def test_a_ticket_works_once_and_its_values_are_gone(bench: Bench) -> None:
    begun = bench.begin()
    ticket = waiting(bench, begun).ticket
    assert prove(bench, ticket, cookies=begun.cookies).platform_user_id == "5"
    assert prove(bench, ticket, cookies=begun.cookies) == "ticket_spent"
    with bench.database.read() as session:
        assert session.scalars(select(PendingLaunch.launch)).one() == {}


def test_it_waits_two_minutes(bench: Bench) -> None:
    soon, late = bench.begin(), bench.begin()
    tickets = [waiting(bench, one).ticket for one in (soon, late)]
    bench.clock.turn(seconds=119)
    assert prove(bench, tickets[0], cookies=soon.cookies).platform_user_id == "5"
    bench.clock.turn(seconds=1)
    assert prove(bench, tickets[1], cookies=late.cookies) == "ticket_expired"
    assert prove(bench, "never given", cookies=late.cookies) == "ticket_expired"


def test_only_hashes_are_stored(bench: Bench) -> None:
    begun = bench.begin()
    ticket = waiting(bench, begun).ticket
    with bench.database.read() as session:
        row = session.scalars(select(PendingLaunch)).one()
    assert row.ticket_hash == login_state.hash_of(ticket)
    assert not any(one in str(row.launch) for one in (ticket, begun.started.cookie_value, begun.query["state"]))


# -- what its page needs ----------------------------------------------------------------------------------------------


def test_the_storage_a_platform_offered(bench: Bench) -> None:
    begun = bench.begin(lti_storage_target="post_message_forwarding")
    storage = PlatformStorage("post_message_forwarding", ISSUER, f"lti_state_{begun.query['state']}")
    assert begun.started.storage == storage
    assert waiting(bench, begun).storage == storage


@pytest.mark.parametrize("target", ["", "x" * 256])
def test_no_storage_that_can_be_used(bench: Bench, target: str) -> None:
    begun = bench.begin(lti_storage_target=target)
    assert begun.started.storage is None
    assert waiting(bench, begun).storage is None


def test_a_second_try_is_known_as_one(bench: Bench) -> None:
    assert not waiting(bench, bench.begin()).is_second_try
    assert waiting(bench, bench.begin(**{AGAIN: "1"})).is_second_try


def test_what_begins_a_login_again() -> None:
    parameters = login_parameters(lti_storage_target="_parent", **{AGAIN: "1"})
    assert begin_again(parameters) == login_parameters()
    assert parameters["target_link_uri"].startswith(TOOL)


# -- many at once, and afterwards -------------------------------------------------------------------------------------


def at_once(bench: Bench, ticket: str, values: list[str]) -> list[str]:
    together = threading.Barrier(len(values))

    def one(value: str) -> str:
        together.wait()
        found = prove(bench, ticket, value=value)
        return found if isinstance(found, str) else "opened"

    with ThreadPoolExecutor(len(values)) as pool:
        return sorted(pool.map(one, values))


def test_of_ten_equal_proofs_one_opens(any_bench: Bench) -> None:
    begun = any_bench.begin()
    ticket = waiting(any_bench, begun).ticket
    assert at_once(any_bench, ticket, [begun.started.cookie_value] * 10) == ["opened"] + ["ticket_spent"] * 9


def test_guesses_at_once_are_counted_one_by_one(any_bench: Bench) -> None:
    begun = any_bench.begin()
    ticket = waiting(any_bench, begun).ticket
    assert at_once(any_bench, ticket, [f"guess {n}" for n in range(10)]) == ["proof_attempts"] * 6 + ["proof_wrong"] * 4
    with any_bench.database.read() as session:
        assert session.scalars(select(PendingLaunch.attempts)).one() == 5


def test_a_state_waits_once(bench: Bench) -> None:
    begun = bench.begin()
    waiting(bench, begun)
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(bench.form(begun), {})
    assert caught.value.code == "launch_replayed"


def test_what_waited_too_long_is_swept_with_the_logins(any_bench: Bench) -> None:
    bench = any_bench
    waiting(bench, bench.begin())
    bench.clock.turn(seconds=60)
    waiting(bench, bench.begin())
    with bench.database.write() as session:
        bench.clock.turn(seconds=60)
        assert login_state.sweep(session, bench.clock()) == 0
        assert session.scalar(select(func.count()).select_from(PendingLaunch)) == 1
        bench.clock.turn(days=2)
        assert login_state.sweep(session, bench.clock()) == 2
        assert session.scalar(select(func.count()).select_from(LoginState)) == 0
