"""Failures as pages and as JSON, without inner details."""

import io

import pytest
from flask.testing import FlaskClient
from web_world import World


def test_a_defect_shows_its_id_and_nothing_else(world: World, client: FlaskClient) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client.get("/probe/broken", headers={"X-Request-Id": "trace-12345678"})
    assert answer.status_code == 500
    assert "trace-12345678" in answer.text
    assert answer.headers["X-Request-Id"] == "trace-12345678"
    assert "inner details" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("given", ["short", "a" * 65, "<script>alert</script>", 'x" onload="y12345'])
def test_a_strange_request_id_is_not_repeated(client: FlaskClient, given: str) -> None:
    answer = client.get("/no/such/page", headers={"X-Request-Id": given})
    assert given not in answer.text
    assert answer.headers["X-Request-Id"] != given


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.get("/lti/launch")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "method_not_allowed" in answer.text


def test_a_program_gets_json_and_a_person_a_page(client: FlaskClient) -> None:
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", ""):
        assert client.get("/no/such/page", headers={"Accept": accept}).mimetype == "text/html"
    answer = client.get("/no/such/page", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json["error"] == "not_found"
    assert set(answer.json) == {"error", "title", "message", "remedies", "request_id"}


def test_too_much_is_refused(world: World, client: FlaskClient) -> None:
    world.app.config["MAX_CONTENT_LENGTH"] = 100
    answer = client.post("/lti/launch", data={"file": (io.BytesIO(b"x" * 200), "x.bin")})
    assert answer.status_code == 413
    assert "too_large" in answer.text
