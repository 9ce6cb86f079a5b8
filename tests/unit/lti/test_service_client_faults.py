"""Platforms that are slow, down, or nearly out of quota: pauses, repetitions, the circuit, what is told about it."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from platforms.quirks import CANVAS
from platforms.reading import START, Reading, reading
from sqlalchemy import Engine

from lti_tool.errors import (
    AddressRefusedError,
    AnswerTooLargeError,
    HostUnreachableError,
    OutboundError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    PlatformUnreachableError,
    ServiceRefusedError,
)
from lti_tool.lti.advantage import Advantage, NewLineItem
from lti_tool.lti.service_client import ServiceClient
from lti_tool.lti.service_health import COOL_DOWN, FAILURES, HostHealth, ServiceHealth
from lti_tool.outbound import HttpClient

Outcome = tuple[int, str, bool, str | None, datetime]


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard, with a token in hand."""
    with reading(engine) as found:
        found.get()
        found.platform.counts.clear()
        yield found


def health(tool: Reading) -> HostHealth:
    """The one host."""
    (found,) = tool.client.service_health(tool.registration.id)
    return found


def fail(tool: Reading, calls: int, status: int = 502) -> None:
    """So many calls that fail, with all their repetitions."""
    for _ in range(calls):
        tool.platform.fail_next(4, status)
        with pytest.raises(PlatformServiceError):
            tool.get()


# -- pace -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "pause"),
    [(600.0, 0), (100.0, 0), (99.5, 1.0), (91.0, 1.0), (80.0, 2.0), (0.0, 10.0), (-500.0, 10.0), (float("-inf"), 10.0),
     (float("nan"), 0), ("many", 0)],
)  # fmt: skip
def test_a_nearly_empty_quota_slows_down_before_the_platform_refuses(engine: Engine, left: Any, pause: float) -> None:
    with reading(engine, CANVAS) as tool:
        tool.platform.quota_left = left
        tool.get()
        assert tool.slept == []  # nothing follows, nothing waits
        tool.get()
        assert tool.slept == ([pause] if pause else [])


def test_time_that_passed_anyway_counts(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        tool.platform.quota_left = 50.0
        tool.get()
        tool.clock.forward(seconds=3.5)
        tool.get()
        assert tool.slept == [1.5]
        tool.clock.forward(seconds=6)
        tool.platform.quota_left = 500.0
        tool.get()
        tool.get()
        assert tool.slept == [1.5]


def test_each_registration_has_its_own_quota(engine: Engine) -> None:
    with reading(engine, CANVAS, client_id="a") as a, reading(engine, CANVAS, client_id="b") as b:
        client = a.new_client()
        a.platform.quota_left = 10.0
        for tool in (a, b, b):
            client.get_json(tool.registration, tool.platform.line_items_url, **tool.asking())
        assert a.slept == b.slept == []
        client.get_json(a.registration, a.platform.line_items_url, **a.asking())
        assert a.slept == [9.0]


# -- repetitions ------------------------------------------------------------------------------------------------------


def test_repetitions_spread_out(tool: Reading) -> None:
    tool.client = tool.new_client(jitter=lambda: 0.5)
    tool.platform.fail_next(3, 502)
    tool.get()
    tool.platform.throttle_next(1, retry_after="4")
    tool.get()
    assert tool.slept == [1.25, 2.5, 5.0, 4.5]


def test_the_wait_is_never_the_same_for_all(tool: Reading) -> None:
    http = tool.client._requests._http
    client = ServiceClient(http, tool.database, tool.vault, tool.key, tool.clock, sleep=tool._sleep)
    for _ in range(3):
        tool.platform.fail_next(1, 502)
        client.get_json(tool.registration, tool.platform.line_items_url, **tool.asking())
    assert len(set(tool.slept)) == 3
    assert all(1.0 <= seconds < 1.5 for seconds in tool.slept)


def test_an_outage_may_say_how_long_it_lasts(tool: Reading) -> None:
    tool.platform.fail_next(1, 503, {"Retry-After": "12"})
    tool.get()
    assert tool.slept == [12.0]
    tool.platform.fail_next(1, 503, {"Retry-After": "300"})
    with pytest.raises(PlatformServiceError) as caught:
        tool.get()
    assert (caught.value.retry_after, caught.value.retryable) == (300.0, True)


@pytest.mark.parametrize(
    "asked", ["999999999999999999", "86400", format_datetime(START + timedelta(days=4000), usegmt=True)]
)
def test_nobody_is_put_off_for_ever(tool: Reading, asked: str) -> None:
    tool.platform.throttle_next(1, retry_after=asked)
    with pytest.raises(PlatformThrottledError) as caught:
        tool.get()
    assert caught.value.retry_after == 3600.0


def test_a_moment_that_is_over_is_no_wait(tool: Reading) -> None:
    tool.platform.throttle_next(1, retry_after=format_datetime(START - timedelta(hours=1), usegmt=True))
    tool.get()
    assert tool.slept == [0.1]


def test_a_date_without_a_zone_is_utc(tool: Reading) -> None:
    tool.platform.throttle_next(1, retry_after=START.strftime("%a, %d %b %Y 09:00:20 -0000"))
    tool.get()
    assert tool.slept == [20.0]


@pytest.mark.parametrize(
    ("error", "failures"),
    [(OutboundError("slow", code="host_slow"), 1), (AnswerTooLargeError("large"), 0), (AddressRefusedError("odd"), 0)],
    ids=lambda one: getattr(one, "code", None),
)
def test_what_took_long_or_cannot_change_is_not_tried_again(
    tool: Reading, monkeypatch: pytest.MonkeyPatch, error: OutboundError, failures: int
) -> None:
    tries: list[str] = []

    def broken(_http: HttpClient, method: str, *_: object, **__: object) -> None:
        tries.append(method)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(HttpClient, "request", broken)
        with pytest.raises(type(error)):
            tool.get()
    assert tries == ["GET"]
    assert tool.slept == []
    assert health(tool).failures == failures


def test_canvas_throttles_writers_too(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        tool.platform.throttle_next(2)
        new = NewLineItem(label="Badge", score_maximum=Decimal(1), resource_id="b")
        Advantage(tool.client).create_line_item(tool.registration, tool.context, new)
        assert [one.status for one in tool.platform.requests if one.kind == "line_items"] == [403, 403, 201]
        assert len(tool.platform.columns) == 1


def test_403_without_the_words_is_a_refusal(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        tool.platform.fail_next(1, 403)
        with pytest.raises(ServiceRefusedError):
            tool.get()
        assert tool.slept == []


def test_what_was_never_sent_is_sent_again(tool: Reading) -> None:
    """Making an item is not repeated, unless no connection could be made."""
    new = NewLineItem(label="Badge", score_maximum=Decimal(1), resource_id="b")
    service = Advantage(tool.client)
    service.create_line_item(tool.registration, tool.context, new)  # the token for it
    tool.platform.__exit__()
    try:
        with pytest.raises(HostUnreachableError) as caught:
            service.create_line_item(tool.registration, tool.context, new)
        assert (caught.value.code, caught.value.retryable) == ("host_unavailable", True)
        assert tool.slept == [1.0, 2.0, 4.0]
    finally:
        tool.platform.__enter__()


# -- the circuit ------------------------------------------------------------------------------------------------------


def test_a_platform_that_is_down_is_left_alone_and_then_tried_once(tool: Reading) -> None:
    fail(tool, FAILURES)
    asked = tool.platform.counts["line_items"]
    assert asked == 4 * FAILURES
    with pytest.raises(PlatformUnreachableError) as caught:
        tool.get()
    error = caught.value
    assert (error.code, error.retryable, error.http_status) == ("platform_unreachable", True, None)
    assert error.retry_after == COOL_DOWN.total_seconds()
    assert "/services/" not in str(error)
    tool.clock.forward(seconds=59)
    with pytest.raises(PlatformUnreachableError) as caught:
        tool.get()
    assert caught.value.retry_after == 1.0
    assert tool.platform.counts["line_items"] == asked
    tool.clock.forward(seconds=1)
    tool.platform.fail_next(1, 503)
    with pytest.raises(PlatformServiceError) as failed:
        tool.get()
    assert failed.value.code == "platform_unavailable"
    assert tool.platform.counts["line_items"] == asked + 1  # the probe, once
    with pytest.raises(PlatformUnreachableError):
        tool.get()
    tool.clock.forward(seconds=60)
    assert tool.get() == []
    assert health(tool).failures == 0
    fail(tool, FAILURES - 1)
    assert tool.get() == []


def test_failures_must_be_in_a_row(tool: Reading) -> None:
    for _ in range(3):
        fail(tool, FAILURES - 1)
        tool.get()
    assert health(tool).left_alone_until is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refusals_are_answers(tool: Reading, status: int) -> None:
    fail(tool, FAILURES - 1)
    tool.platform.fail_next(2 if status == 401 else 1, status)
    with pytest.raises(PlatformServiceError):
        tool.get()
    assert health(tool).failures == 0


def test_throttling_and_pages_that_are_none_are_answers(tool: Reading) -> None:
    fail(tool, FAILURES - 1)
    tool.platform.throttle_next(1, retry_after="100")
    with pytest.raises(PlatformThrottledError):
        tool.get()
    fail(tool, FAILURES - 1)
    tool.platform.answer_html_next()
    with pytest.raises(PlatformAnswerError):
        tool.get()
    assert health(tool).failures == 0


def test_no_connection_opens_it_too(tool: Reading) -> None:
    tool.platform.__exit__()
    try:
        for _ in range(FAILURES):
            with pytest.raises(OutboundError):
                tool.get()
        with pytest.raises(PlatformUnreachableError):
            tool.get()
    finally:
        tool.platform.__enter__()


def test_one_platform_does_not_stop_another(engine: Engine) -> None:
    with reading(engine, client_id="a") as a, reading(engine, client_id="b") as b:
        a.client = b.client
        fail(a, FAILURES)
        with pytest.raises(PlatformUnreachableError):
            a.get()
        assert b.get() == []


def test_another_process_learns_by_itself(tool: Reading) -> None:
    fail(tool, FAILURES)
    tool.client = tool.new_client()
    assert tool.get() == []


def test_only_one_thread_is_the_probe() -> None:
    now = [START]
    watcher = ServiceHealth(lambda: now[0], failures=1, cool_down=timedelta(seconds=10))
    key = (1, "lms.example")
    with pytest.raises(OutboundError), watcher.watch(key):
        raise OutboundError
    now[0] += timedelta(seconds=10)
    seen: list[str] = []
    entered, finish = threading.Event(), threading.Event()

    def probe() -> None:
        with watcher.watch(key) as is_probe:
            seen.append(f"probe {is_probe}")
            entered.set()
            finish.wait(5)

    thread = threading.Thread(target=probe)
    thread.start()
    assert entered.wait(5)
    with pytest.raises(PlatformUnreachableError) as caught, watcher.watch(key):
        seen.append("a second one")
    assert caught.value.retry_after == 1.0
    finish.set()
    thread.join()
    with watcher.watch(key) as is_probe:
        seen.append(f"probe {is_probe}")
    assert seen == ["probe True", "probe False"]


@pytest.mark.parametrize("error", [RuntimeError, AddressRefusedError])
def test_a_probe_that_tells_nothing_leaves_room_for_the_next(error: type[Exception]) -> None:
    now = [START]
    watcher = ServiceHealth(lambda: now[0], failures=1)
    key = (1, "lms.example")
    with pytest.raises(OutboundError), watcher.watch(key):
        raise OutboundError
    now[0] += COOL_DOWN
    with pytest.raises(error), watcher.watch(key):
        raise error
    with watcher.watch(key) as is_probe:
        assert is_probe


# -- what is told -----------------------------------------------------------------------------------------------------


def test_every_outcome_is_told(tool: Reading) -> None:
    told: list[Outcome] = []
    tool.client = tool.new_client(on_outcome=lambda *outcome: told.append(outcome))
    tool.get()
    tool.platform.fail_next(1, 404)
    with pytest.raises(ServiceRefusedError):
        tool.get()
    tool.platform.answer_html_next()
    with pytest.raises(PlatformAnswerError):
        tool.get()
    tool.platform.fail_next(3, 502)
    tool.get()
    fail(tool, FAILURES)
    with pytest.raises(PlatformUnreachableError):
        tool.get()
    with pytest.raises(AddressRefusedError):
        tool.get("https://elsewhere.example/")
    assert {outcome[:2] for outcome in told} == {(tool.registration.id, "127.0.0.1")}
    assert [outcome[2:4] for outcome in told] == [
        (True, None),
        (False, "platform_not_found"),
        (False, "platform_answer_malformed"),
        (True, None),
        *[(False, "platform_unavailable")] * FAILURES,  # nothing for what was never asked
    ]
    assert told[0][4] == START
    assert told[-1][4] == tool.clock.now


def test_a_token_that_is_refused_is_told(tool: Reading) -> None:
    told: list[Any] = []
    tool.platform.tool_keys = lambda: {"keys": []}
    tool.client = tool.new_client(on_outcome=lambda *outcome: told.append(outcome[3]))
    with pytest.raises(ServiceRefusedError):
        tool.get(scopes=["https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"])
    assert told == ["token_refused"]


def test_a_listener_that_fails_disturbs_nothing(tool: Reading) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no database")

    tool.client = tool.new_client(on_outcome=broken)
    assert tool.get() == []
    assert health(tool).last_success_at == START


def test_health_remembers_the_last_success_and_the_last_error(tool: Reading) -> None:
    assert Advantage(tool.client).service_health(tool.registration.id + 1) == ()
    tool.clock.forward(minutes=1)
    tool.platform.fail_next(1, 403)
    with pytest.raises(ServiceRefusedError):
        tool.get()
    assert health(tool) == HostHealth(
        host="127.0.0.1",
        last_success_at=START,
        last_error_at=START + timedelta(minutes=1),
        last_error_code="platform_refused",
    )
    fail(tool, FAILURES)
    assert health(tool).failures == FAILURES
    assert health(tool).left_alone_until == tool.clock.now + COOL_DOWN
