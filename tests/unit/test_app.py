"""The frame as a whole: languages, access log, favicon, the factory."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from web_world import World, make_world

from lti_tool.app import STATIC_FOLDER, create_app, create_app_from_environment
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """A tool with one platform."""
    world = make_world(migrated_sqlite_url)
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def client(world: World) -> FlaskClient:
    """A browser without cookies."""
    return world.app.test_client()


def language(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("launched", "accepted", "expected"),
    [
        ("fr-CA", "en", "fr"),
        ("fr_FR", "en", "fr"),
        ("en-GB", "fr", "en"),
        ("de", "fr;q=0.9, en;q=0.1", "fr"),
        (None, "fr-CH, fr;q=0.9", "fr"),
        (None, "de", "en"),
        (None, "", "en"),
    ],
)
def test_the_language_is_the_launchs_else_the_browsers(
    world: World, client: FlaskClient, launched: str | None, accepted: str, expected: str
) -> None:
    opened = world.open(locale=launched)
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    answer = client.get(f"/courses/{opened.context_id}/probe/page", headers={"Accept-Language": accepted})
    assert language(answer.text) == expected
    assert "Accept-Language" in answer.headers["Vary"]


def test_the_access_log_keeps_secrets_out(world: World, client: FlaskClient) -> None:
    opened = world.open()
    invite = world.invite()
    with capture_logs() as lines:
        client.get(f"/s/{opened.secret}/courses/{opened.context_id}/probe?note=private")
        client.get(f"/staff/join/{invite}")
        client.get(f"/lti/enter?ticket={opened.ticket}")
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [200, 200, 303]
    assert requests[2]["path"] == "/lti/enter"
    for secret in (opened.secret, opened.ticket, invite, "private"):
        assert secret not in repr(lines)
    assert all(line["request_id"] and line["milliseconds"] >= 0 for line in requests)


def test_the_favicon_is_served_and_needs_no_session(client: FlaskClient) -> None:
    with client.get("/favicon.ico") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "image/svg+xml"


def test_the_script_stays_small() -> None:
    assert len((STATIC_FOLDER / "tool.js").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_view_of_the_tool_says_who_may_come_in(world: World) -> None:
    app = create_app(world.services)
    views = {name: view for name, view in app.view_functions.items() if not name.endswith("static")}
    assert len(views) > 10
    assert [name for name, view in views.items() if getattr(view, "access", None) is None] == []


def test_the_factory_for_gunicorn_reads_the_environment(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, restored_logging: None
) -> None:
    monkeypatch.setenv("LTI_BADGES_ENV", "test")
    monkeypatch.setenv("LTI_BADGES_DATABASE_URL", migrated_sqlite_url)
    app = create_app_from_environment()
    client = app.test_client()
    assert client.get("/readyz").json == {"status": "ok"}
    client.set_cookie(STAFF_COOKIE, "x" * 43)
    assert client.get("/admin/").status_code == 401
    services: Any = app.extensions["lti_tool"]
    services.database.engine.dispose()


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """The log as it was before the test."""
    import logging

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
