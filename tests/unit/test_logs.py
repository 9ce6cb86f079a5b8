"""The log says what happened, and never a secret or a person."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from lti_tool.logs import configure_logging, mask_path, mask_text, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """The log as it was before the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name",
    ["access_token", "id_token", "client_secret", "password", "Authorization", "cookie", "nonce", "ticket", "state",
     "code", "private_key", "csrf_token", "client_assertion", "email", "name", "sub", "score"],
)  # fmt: skip
def test_a_secret_or_personal_value_is_hidden_by_its_name(name: str) -> None:
    event = redact(None, "info", {"event": "x", name: "value-1", "inner": {name: ["value-1"]}})
    assert "value-1" not in repr(event)
    assert event["event"] == "x"


def test_addresses_the_client_calls_stay_out_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG", as_json=True)
    logging.getLogger("urllib3.connectionpool").debug('https://lms.example "GET /results?user_id=ada HTTP/1.1" 200 12')
    logging.getLogger("urllib3.connectionpool").warning("pool is full")
    written = capsys.readouterr().err
    assert "pool is full" in written
    assert "user_id" not in written


def test_what_is_harmless_stays() -> None:
    event = {"event": "request", "error_code": "token_expired", "status": 403, "row_id": 7, "path": "/courses/7/"}
    assert redact(None, "info", dict(event)) == event


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"token {JWT} refused", JWT),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("postgresql://user:pa55word@db/x", "pa55word"),
        ("sent to ada@example.org today", "ada@example.org"),
        (f"GET /s/{'a1_-' * 10}xyz/courses/1/", "a1_-"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
    ],
)
def test_secrets_inside_a_text_are_hidden(text: str, hidden: str) -> None:
    assert hidden in text
    assert hidden not in mask_text(text)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/courses/12/learners", "/courses/12/learners"),
        (f"/s/{'Ab3-' * 10}xyz/courses/1/", "/s/Ab3-***/courses/1/"),
        (f"/staff/join/{'Q' * 43}", "/staff/join/QQQQ***"),
        ("/credentials/abcdefghijklmnopqrstuv.json", "/credentials/abcd***.json"),
        ("/lti/enter?ticket=secret", "/lti/enter"),
    ],
)
def test_paths_lose_their_secrets(path: str, shown: str) -> None:
    assert mask_path(path) == shown


def test_lines_are_json_on_standard_error_also_from_libraries(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", as_json=True)
    structlog.get_logger("lti_tool.test").info("launch.accepted", row_id=7, id_token=JWT)
    logging.getLogger("library").warning("failed for %s", "ada@example.org")
    logging.getLogger("library").debug("not at this level")
    try:
        raise ValueError(f"with {JWT}")
    except ValueError:
        structlog.get_logger("lti_tool.test").exception("job.failed")
    out, err = capfd.readouterr()
    assert out == ""
    first, second, third = (json.loads(line) for line in err.splitlines())
    assert first["event"] == "launch.accepted"
    assert (first["row_id"], first["level"], first["logger"]) == (7, "info", "lti_tool.test")
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "failed for ***"
    assert "ValueError" in third["exception"]
    assert JWT not in err


def test_setting_up_again_does_not_double_the_lines(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        configure_logging("INFO", as_json=False)
    structlog.get_logger("lti_tool.test").info("once")
    assert capfd.readouterr().err.count("once") == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_traces_do_not_show_local_variables(capfd: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("INFO", as_json=as_json)
    hidden_value = "only-in-a-" + "local-variable"
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("lti_tool.test").exception("job.failed", size=len(hidden_value))
    err = capfd.readouterr().err
    assert "ValueError: broken" in err
    assert hidden_value not in err
