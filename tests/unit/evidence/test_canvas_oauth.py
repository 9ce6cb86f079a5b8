"""The code flow as Canvas does it: where the browser goes, what comes back, and answers that hold no tokens."""

from collections.abc import Iterator
from typing import Any

import pytest
from platforms.canvas_reading import CanvasReading, canvas_reading
from sqlalchemy import Engine

from lti_tool.errors import ConsentError, GrantError, PlatformAnswerError
from lti_tool.evidence.canvas_oauth import CanvasOAuth, ClientKey, authorization_address, code_of
from lti_tool.outbound import Answer


@pytest.fixture
def tool(engine: Engine) -> Iterator[CanvasReading]:
    """A Canvas that is set up, with nobody's grant."""
    with canvas_reading(engine) as found:
        yield found


KEY = ClientKey("https://school.example/canvas", "42", "a-secret")


def test_consent_asks_for_all_scopes_at_once() -> None:
    address = authorization_address(KEY, "https://tool.example/grants/callback", ["a b", "url:GET|/x"], "s/1")
    assert address == (
        "https://school.example/canvas/login/oauth2/auth?client_id=42&response_type=code"
        "&redirect_uri=https%3A%2F%2Ftool.example%2Fgrants%2Fcallback&state=s%2F1&scope=a%20b%20url%3AGET%7C%2Fx"
    )
    assert "a-secret" not in address + repr(KEY)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"error": "access_denied"}, "consent_denied"),
        ({"error": "invalid_scope"}, "consent_scopes_refused"),
        ({"error": "unauthorized_client", "code": "x"}, "consent_failed"),
        ({}, "consent_failed"),
    ],
)
def test_a_redirect_without_a_code_says_why(parameters: dict[str, str], code: str) -> None:
    with pytest.raises(ConsentError) as caught:
        code_of(parameters)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "body", "headers", "code"),
    [
        (400, b'{"error":"invalid_grant"}', {}, "consent_failed"),
        (401, b'{"error":"invalid_client"}', {}, "client_refused"),
        (302, b"", {"Location": "https://tool.example/grants/callback?error=invalid_client"}, "client_refused"),
        (200, b'{"access_token":null}', {}, "platform_answer_malformed"),
        (200, b'{"access_token":"a"}', {}, "platform_answer_malformed"),
        (200, b"<html>", {}, "platform_answer_malformed"),
    ],
)
def test_answers_that_hold_no_tokens(tool: CanvasReading, status: int, body: bytes, headers: Any, code: str) -> None:
    oauth = CanvasOAuth(lambda *_args, **_options: Answer("https://school.example/x", status, headers, body), tool.now)
    with pytest.raises((ConsentError, GrantError, PlatformAnswerError)) as caught:
        oauth.exchange_code(1, KEY, "code", "https://tool.example/grants/callback")
    assert caught.value.code == code
