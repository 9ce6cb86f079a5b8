"""The service client against a platform that checks everything."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import jwt
import pytest
from platforms.quirks import BRIGHTSPACE, CANVAS, MOODLE, PROFILES
from platforms.reading import Reading, reading
from sqlalchemy import Engine, select, update

from lti_tool.db import make_engine
from lti_tool.errors import (
    AddressRefusedError,
    MissingScopeError,
    OutboundError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    ServiceRefusedError,
    ToolError,
)
from lti_tool.lti.keys import ToolKeys
from lti_tool.models import ServiceToken

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
READ_ITEMS = AGS + "lineitem.readonly"
READ_RESULTS = AGS + "result.readonly"


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard, with one line item."""
    with reading(engine) as found:
        found.platform.add_line_item("Essay")
        yield found


def refusal(tool: Reading, kind: type[ToolError], **changes: Any) -> Any:
    """The error that reading the line items raises, after checking that it tells no secrets."""
    with pytest.raises(kind) as caught:
        tool.get(**changes)
    text = str(caught.value)
    assert "secret detail" not in text
    assert "/services/" not in text
    assert not any(token in text for token in tool.platform.tokens)
    return caught.value


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_one_token_a_scope_set_serves_its_whole_lifetime(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        for _ in range(5):
            assert tool.get() == []
            tool.clock.forward(minutes=11)
        assert tool.platform.counts["token"] == 1
        assert tool.new_client() is not tool.client
        tool.client = tool.new_client()  # another process finds the token in the database
        tool.get()
        assert tool.platform.counts["token"] == 1
        tool.clock.forward(minutes=4)  # 59 minutes and more: the margin is reached
        tool.get()
        assert tool.platform.counts["token"] == 2
        assert tool.platform.counts["line_items"] == 7
        assert {asked.status for asked in tool.platform.requests} == {200}


def test_scopes_in_another_order_share_a_token_and_other_scopes_do_not(tool: Reading) -> None:
    tool.get(scopes=[READ_ITEMS, READ_RESULTS])
    tool.get(scopes=[READ_RESULTS, READ_ITEMS, READ_ITEMS])
    tool.get(scopes=[READ_ITEMS])
    assert tool.platform.token_scopes == {f"{READ_ITEMS} {READ_RESULTS}": 1, READ_ITEMS: 1}


def test_two_registrations_with_one_issuer_never_share_a_token(engine: Engine) -> None:
    with reading(engine, CANVAS, client_id="school-a") as a, reading(engine, CANVAS, client_id="school-b") as b:
        assert a.registration.issuer == b.registration.issuer
        client = a.new_client()
        client.get_json(a.registration, a.platform.line_items_url, **a.asking())
        client.get_json(b.registration, b.platform.line_items_url, **b.asking())
        for platform in (a.platform, b.platform):
            assert [asked.status for asked in platform.requests] == [200, 200]


def test_threads_that_need_the_same_token_wait_for_one_request(tool: Reading) -> None:
    barrier = threading.Barrier(8)
    bodies: list[Any] = []

    def read() -> None:
        barrier.wait()
        bodies.append(tool.get())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 8
    assert tool.platform.counts["token"] == 1


def test_processes_that_fetch_at_the_same_moment_do_not_disturb_each_other(any_database: str) -> None:
    engine = make_engine(any_database)
    with reading(engine) as tool:
        barrier = threading.Barrier(4)
        bodies: list[Any] = []

        def read() -> None:
            client = tool.new_client()
            barrier.wait()
            bodies.append(client.get_json(tool.registration, tool.platform.line_items_url, **tool.asking())[0])

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bodies == [[]] * 4
        with tool.database.read() as session:
            row = session.scalars(select(ServiceToken)).one()
        assert tool.vault.open(row.access_token) in tool.platform.tokens
    engine.dispose()


def test_a_token_is_encrypted_at_rest(tool: Reading) -> None:
    tool.get()
    with tool.database.read() as session:
        row = session.scalars(select(ServiceToken)).one()
    assert row.scopes == READ_ITEMS
    assert tool.vault.open(row.access_token) in tool.platform.tokens
    assert row.access_token not in tool.platform.tokens
    assert row.expires_at == tool.clock.now + timedelta(seconds=3540)


def test_a_token_locked_with_a_lost_key_is_replaced(tool: Reading) -> None:
    tool.get()
    with tool.database.write() as session:
        session.execute(update(ServiceToken).values(access_token="locked with another key"))
    tool.client = tool.new_client()
    tool.get()
    assert tool.platform.counts["token"] == 2


def test_the_platform_takes_the_tools_own_stored_keys(tool: Reading) -> None:
    keys = ToolKeys(tool.database, tool.vault, tool.clock)
    tool.key = keys  # type: ignore[assignment]
    tool.platform.tool_keys = keys.public_jwks
    tool.client = tool.new_client()
    assert [item["label"] for item in tool.get()] == ["Essay"]


@pytest.mark.parametrize("expires_in", [None, "soon", True, 0, -5, {}, "3600", 3600.0])
def test_a_missing_or_odd_lifetime_is_an_hour(tool: Reading, expires_in: Any) -> None:
    tool.platform.token_reply = {"expires_in": expires_in}
    tool.get()
    tool.clock.forward(minutes=58)
    tool.get()
    assert tool.platform.counts["token"] == 1
    tool.clock.forward(minutes=1)
    tool.get()
    assert tool.platform.counts["token"] == 2


@pytest.mark.parametrize(("seconds", "serves"), [(40, 19), (7200, 7100), (10**15, 86000)])
def test_short_and_endless_lifetimes_are_used_with_care(tool: Reading, seconds: int, serves: int) -> None:
    tool.platform.token_lifetime = seconds
    tool.get()
    tool.clock.forward(seconds=serves)
    tool.get()
    assert tool.platform.counts["token"] == 1


def test_a_token_refused_early_is_replaced_once(tool: Reading) -> None:
    tool.get()
    tool.platform.end_tokens()
    assert len(tool.get()) == 1
    assert tool.platform.counts["token"] == 2
    assert [asked.status for asked in tool.platform.requests] == [200, 200, 401, 200, 200]


def test_a_platform_that_refuses_every_token_is_not_asked_for_ever(tool: Reading) -> None:
    tool.platform.fail_next(2, 401)
    error = refusal(tool, ServiceRefusedError)
    assert (error.code, error.http_status, error.retryable) == ("token_refused", 401, False)
    assert tool.platform.counts["token"] == 2


def test_dropping_an_old_token_leaves_the_newer_one_of_another_process(tool: Reading) -> None:
    tool.get()
    tool.platform.end_tokens()
    other = tool.new_client()
    other.get_json(tool.registration, tool.platform.line_items_url, **tool.asking())
    assert tool.platform.counts["token"] == 2
    tool.get()  # this process still holds the first one
    assert tool.platform.counts["token"] == 2


def test_a_token_for_fewer_scopes_names_what_lacks(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        tool.platform.granted_scopes = {READ_ITEMS}
        error = refusal(tool, MissingScopeError, scopes=[READ_ITEMS, READ_RESULTS])
        assert READ_RESULTS in str(error)
        assert READ_ITEMS not in str(error)
        assert error.code == "missing_scope"
        assert tool.platform.counts["line_items"] == 0


def test_a_platform_that_grants_nothing_says_invalid_scope(tool: Reading) -> None:
    tool.platform.granted_scopes = set()
    assert READ_ITEMS in str(refusal(tool, MissingScopeError))


@pytest.mark.parametrize("scope", [None, "", [READ_ITEMS], f"{READ_ITEMS} {READ_RESULTS}"])
def test_scopes_may_be_unsaid_listed_or_more_than_asked(tool: Reading, scope: Any) -> None:
    tool.platform.token_reply = {"scope": scope}
    assert len(tool.get()) == 1


@pytest.mark.parametrize(
    "reply",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\nb"},
        {"token_type": "mac"},
    ],
)
def test_an_answer_without_a_usable_token_is_malformed(tool: Reading, reply: dict[str, Any]) -> None:
    tool.platform.token_reply = reply
    refusal(tool, PlatformAnswerError)


def test_the_token_type_is_compared_without_case(tool: Reading) -> None:
    tool.platform.token_reply = {"token_type": "bEaReR"}
    assert len(tool.get()) == 1


def test_a_key_the_platform_does_not_know_is_refused_for_good(tool: Reading) -> None:
    tool.platform.tool_keys = lambda: {"keys": []}
    error = refusal(tool, ServiceRefusedError)
    assert (error.code, error.retryable) == ("token_refused", False)
    assert "invalid_client" in str(error)
    assert tool.slept == []


def test_the_assertion_is_what_the_strictest_platform_wants(tool: Reading) -> None:
    seen: list[str] = []
    check = tool.platform._proven
    tool.platform._proven = lambda text: seen.append(text) or check(text)  # type: ignore[method-assign,func-returns-value]
    tool.get(scopes=[READ_ITEMS])
    tool.get(scopes=[READ_RESULTS, READ_ITEMS])
    first, second = (jwt.decode(text, options={"verify_signature": False}) for text in seen)
    now = tool.clock.now.timestamp()
    assert first["iss"] == first["sub"] == "tool-client-1"
    assert first["aud"] == tool.platform.token_url
    assert first["iat"] <= now - 30  # Moodle has no leeway
    assert now + 60 <= first["exp"] <= first["iat"] + 300
    assert first["jti"] != second["jti"]
    assert jwt.get_unverified_header(seen[0]) == {"alg": "RS256", "kid": "tool-key-1", "typ": "JWT"}


def test_brightspace_wants_an_audience_of_its_own(engine: Engine) -> None:
    with reading(engine, BRIGHTSPACE) as tool:
        tool.get()
        tool.registration.audience = None
        tool.clock.forward(hours=2)
        assert refusal(tool, ServiceRefusedError).code == "token_refused"


def test_moodles_answer_as_html_and_errors_that_are_not_json_are_read(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        assert tool.get() == []
        tool.clock.forward(hours=2)
        tool.platform._error = lambda error: _text('{"error" : ""kid" invalid, unable to lookup correct key"}')  # type: ignore[method-assign]
        tool.platform.tool_keys = lambda: {"keys": []}
        assert refusal(tool, ServiceRefusedError).code == "token_refused"


def _text(body: str) -> Any:
    from werkzeug.wrappers import Response

    return Response(body, 400, mimetype="text/html")


# -- answers ----------------------------------------------------------------------------------------------------------


def test_numbers_arrive_exactly(tool: Reading) -> None:
    tool.platform.answer_next('[{"scoreMaximum": 0.1, "other": 69.500000000000000001, "whole": 3}]')
    assert tool.get() == [{"scoreMaximum": Decimal("0.1"), "other": Decimal("69.500000000000000001"), "whole": 3}]


def test_a_login_page_is_not_an_answer(tool: Reading) -> None:
    tool.platform.answer_html_next()
    error = refusal(tool, PlatformAnswerError)
    assert (error.code, error.retryable) == ("platform_answer_malformed", False)


@pytest.mark.parametrize("body", ["", "[" * 100_000, '[{"a": 1}', "\x00"])
def test_what_is_not_json_is_refused(tool: Reading, body: str) -> None:
    tool.platform.answer_next(body)
    refusal(tool, PlatformAnswerError)


def test_a_redirect_is_not_followed(tool: Reading) -> None:
    tool.platform.fail_next(1, 302, {"Location": "https://elsewhere.example/login"})
    assert refusal(tool, PlatformAnswerError).http_status == 302


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code"),
    [
        (404, None, ServiceRefusedError, "platform_not_found"),
        (400, None, ServiceRefusedError, "platform_refused"),
        (403, None, ServiceRefusedError, "platform_refused"),
        (403, {"WWW-Authenticate": 'Bearer realm="x", error="insufficient_scope"'}, MissingScopeError, "missing_scope"),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(
    tool: Reading, status: int, headers: Any, kind: type[PlatformServiceError], code: str
) -> None:
    tool.platform.fail_next(1, status, headers)
    error = refusal(tool, kind)
    assert (error.code, error.http_status, error.retryable) == (code, status, False)
    assert tool.platform.counts["line_items"] == 1


def test_a_scope_that_does_not_serve_the_call_is_missing(tool: Reading) -> None:
    assert READ_RESULTS in str(refusal(tool, MissingScopeError, scopes=[READ_RESULTS]))


def test_a_wrong_media_type_is_refused_by_the_platform(tool: Reading) -> None:
    assert refusal(tool, ServiceRefusedError, accept="application/json").http_status == 406


@pytest.mark.parametrize("url", ["https://elsewhere.example/items", "http://127.0.0.1:1/items", "http://h:port/", ""])
def test_a_token_never_goes_to_an_origin_no_launch_named(tool: Reading, url: str) -> None:
    with pytest.raises(AddressRefusedError):
        tool.client.get_json(tool.registration, url, **tool.asking())
    assert tool.platform.requests == []


# -- patience ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_throttling_is_waited_out(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.throttle_next(3)
        assert tool.get() == []
        assert tool.slept == [1.0, 2.0, 4.0]
        assert tool.platform.counts["line_items"] == 4


def test_the_platform_says_how_long(tool: Reading) -> None:
    tool.platform.throttle_next(1, retry_after="17")
    later = tool.clock.now + timedelta(seconds=17 + 23)
    tool.platform.throttle_next(1, retry_after=format_datetime(later, usegmt=True))
    tool.get()
    assert tool.slept == [17.0, 23.0]


@pytest.mark.parametrize("retry_after", ["gibberish", "-5", ""])
def test_an_unreadable_wait_is_no_wait_that_was_asked(tool: Reading, retry_after: str) -> None:
    tool.platform.throttle_next(1, retry_after=retry_after)
    tool.get()
    assert tool.slept == [1.0]


def test_a_long_wait_is_handed_to_the_job(tool: Reading) -> None:
    tool.platform.throttle_next(1, retry_after="600")
    error = refusal(tool, PlatformThrottledError)
    assert (error.retry_after, error.retryable, tool.slept) == (600.0, True, [])


def test_patience_ends(tool: Reading) -> None:
    tool.platform.throttle_next(9)
    error = refusal(tool, PlatformThrottledError)
    assert (error.code, error.http_status, error.retry_after) == ("platform_throttled", 429, None)
    assert tool.platform.counts["line_items"] == 4


def test_an_outage_is_waited_out_and_then_reported(tool: Reading) -> None:
    tool.platform.fail_next(3, 502)
    assert len(tool.get()) == 1
    tool.platform.fail_next(4, 503)
    error = refusal(tool, PlatformServiceError)
    assert (error.code, error.http_status, error.retryable) == ("platform_unavailable", 503, True)


def test_a_platform_that_is_gone_is_tried_and_reported(tool: Reading) -> None:
    tool.get()
    tool.platform.__exit__()
    try:
        with pytest.raises(OutboundError) as caught:
            tool.get()
        assert caught.value.code == "host_unavailable"
        assert tool.slept == [1.0, 2.0, 4.0]
    finally:
        tool.platform.__enter__()


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_every_page_is_read_in_order(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        labels = [f"Work {number}" for number in range(205)]
        for label in labels:
            tool.platform.add_line_item(label)
        tool.platform.add_line_item("Not ours", mine=False)
        url = tool.platform.line_items_url
        url += ("&" if "?" in url else "?") + "limit=50"
        pages = list(tool.pages(url))
        assert [item["label"] for page in pages for item in page] == labels
        assert len(pages) == 5
        assert tool.platform.counts["token"] == 1


def test_pages_are_fetched_only_when_wanted(tool: Reading) -> None:
    for number in range(6):
        tool.platform.add_line_item(f"Work {number}")
    pages = tool.pages()
    assert tool.platform.counts["line_items"] == 0
    next(pages)
    assert tool.platform.counts["line_items"] == 1


def test_a_token_that_ends_between_two_pages_is_replaced(tool: Reading) -> None:
    for number in range(6):
        tool.platform.add_line_item(f"Work {number}")
    count = 0
    for page in tool.pages():
        count += len(page)
        tool.platform.end_tokens()
    assert count == 7


def test_pages_that_go_round_in_a_circle_are_noticed(tool: Reading) -> None:
    for number in range(5):
        tool.platform.add_line_item(f"Work {number}")
    tool.platform.endless_pages = True
    with pytest.raises(PlatformAnswerError) as caught:
        list(tool.pages())
    assert caught.value.code == "pages_endless"
    assert tool.platform.counts["line_items"] <= 5


def test_the_same_page_under_ever_new_addresses_is_noticed(tool: Reading) -> None:
    tool.platform._link = lambda request, paging, query: f'<?from={tool.platform.counts["line_items"]}>; rel="next"'  # type: ignore[method-assign]
    tool.platform._start = lambda *_: 0  # type: ignore[method-assign]
    tool.platform.endless_pages = True
    with pytest.raises(PlatformAnswerError) as caught:
        list(tool.pages())
    assert caught.value.code == "pages_endless"
    assert tool.platform.counts["line_items"] == 2


def test_there_is_a_limit_to_pages(tool: Reading) -> None:
    for number in range(30):
        tool.platform.add_line_item(f"Work {number}")
    tool.client = tool.new_client(page_limit=3)
    with pytest.raises(PlatformAnswerError) as caught:
        list(tool.pages())
    assert caught.value.code == "pages_endless"
    assert tool.platform.counts["line_items"] == 3


def test_a_hundred_thousand_learners_are_read_on_small_pages(tool: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    last = 100_000 // 10 - 1

    def get_json(_registration: object, url: str, **_more: object) -> tuple[object, dict[str, str]]:
        number = int(url.partition("=")[2])
        return [number], {"Link": f'<{url.partition("=")[0]}={number + 1}>; rel="next"'} if number < last else {}

    monkeypatch.setattr(tool.client, "get_json", get_json)
    start = "https://platform.example/members?page=0"
    nothing: dict[str, Any] = {"scopes": (), "accept": "", "allowed_origins": ()}
    assert sum(1 for _ in tool.client.iter_pages(tool.registration, start, **nothing)) == last + 1


def test_a_next_page_elsewhere_is_not_fetched(tool: Reading) -> None:
    for number in range(6):
        tool.platform.add_line_item(f"Work {number}")
    tool.platform.foreign_next_page = "https://elsewhere.example"
    pages = tool.pages()
    with pytest.raises(AddressRefusedError):
        list(pages)
