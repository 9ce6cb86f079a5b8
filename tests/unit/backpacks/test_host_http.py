"""A host's failures become the backpack errors, by status, without what the host said."""

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from lti_tool.backpacks.host_http import HostHttp, json_object, raise_for_failure, retry_after
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
)
from lti_tool.outbound import Answer, HttpClient


def answer(status: int, body: bytes = b"hush-hush", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("https://host.example/x", status, CaseInsensitiveDict(named), body)


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (301, BackpackRefusedError, False),
        (400, BackpackRefusedError, False),
        (401, BackpackConsentError, False),
        (403, BackpackRefusedError, False),
        (404, BackpackRefusedError, False),
        (408, BackpackError, True),
        (415, BackpackRefusedError, False),
        (429, BackpackThrottledError, True),
        (500, BackpackError, True),
        (503, BackpackError, True),
    ],
)
def test_each_status_has_its_error(status, error, retryable):
    with pytest.raises(error) as caught:
        raise_for_failure(answer(status), "take the badge")
    assert type(caught.value) is error
    assert (caught.value.retryable, caught.value.http_status) == (retryable, status)
    assert "host.example" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_failure(status):
    assert raise_for_failure(answer(status), "take the badge") is None


def test_a_scope_the_learner_did_not_give_asks_to_connect_again():
    refusal = answer(403, WWW_Authenticate='Bearer realm="x", error="insufficient_scope"')
    with pytest.raises(BackpackConsentError) as caught:
        raise_for_failure(refusal, "take the badge")
    assert caught.value.code == "backpack_scope_missing"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Wed, 01 Apr 2026 10:00:30 GMT", 30.0),
        ("Wed, 01 Apr 2026 09:00:00 GMT", 0.0),
        ("99999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_how_long_to_wait(value, seconds):
    now = datetime(2026, 4, 1, 10, 0, 0, tzinfo=UTC)
    assert retry_after({"Retry-After": value}, now=now) == seconds


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!doctype html>", "text/html; charset=utf-8"),
        (b"{}", "text/html"),
        (b"[1]", "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_only_a_json_object_is_read(body, kind):
    with pytest.raises(BackpackAnswerError):
        json_object(answer(200, body, Content_Type=kind))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://8.8.8.8/authorize",
        "https://user:word@8.8.8.8/authorize",
        "https://10.0.0.1/authorize",
        "https://8.8.8.8/a#b",
        "https://8.8.8.8\\@evil.example/",
        "https://8.8.8.8/a b",
    ],
)
def test_addresses_no_browser_should_be_sent_to(url):
    with pytest.raises(BackpackRefusedError) as caught:
        HostHttp(HttpClient()).check_address(url)
    assert caught.value.code == "address_refused"


def test_a_public_https_address_is_usable():
    assert HostHttp(HttpClient()).check_address("https://8.8.8.8/authorize?tenant=1") is None
