"""One-time links from the command line: for platforms, renewals and staff."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from lti_tool.db import Database
from lti_tool.models import AuditEvent, PlatformInvite
from lti_tool.services import platform_invites, registrations

PREFIX = "https://badges.example/lti/register?invite="
ADD = [
    "platforms", "add", "--name", "Lakeside", "--issuer", "https://moodle.example", "--client-id", "abc",
    "--auth-login-url", "https://moodle.example/auth", "--auth-token-url", "https://moodle.example/token",
    "--key-set-url", "https://moodle.example/jwks",
]  # fmt: skip


@pytest.fixture
def database(engine: Engine) -> Database:
    """The command's database."""
    return Database(engine)


def test_a_platforms_link_is_the_whole_output_and_works(command: Any, database: Database) -> None:
    link = command("invite", "--platform", "Lakeside", "--product", "Moodle").strip()
    assert link.startswith(PREFIX)
    token = link.removeprefix(PREFIX)
    with database.read() as session:
        found = platform_invites.get_open(session, token, datetime.now(UTC))
        assert (found.name, found.product, found.registration_id) == ("Lakeside", "moodle", None)
        stored = session.scalars(select(PlatformInvite)).one()
        assert token not in {stored.token_hash, stored.name}
        assert stored.created_by == "cli"
        assert session.scalars(select(AuditEvent.action)).all() == ["platform.invited"]
    assert "works once" in command.results[-1].stderr


def test_as_json_it_says_until_when(command: Any) -> None:
    document = command.json("invite", "--platform", "Lakeside")
    assert document["link"].startswith(PREFIX)
    assert (document["platform"], document["product"], document["renews"]) == ("Lakeside", None, False)
    left = datetime.fromisoformat(document["expires_at"]) - datetime.now(UTC)
    assert 6.9 < left.total_seconds() / 86400 <= 7
    assert command.json("invite", "--role", "admin", "a@example.org")["role"] == "admin"


def test_a_renewal_is_for_a_registration_that_is_there(command: Any, database: Database) -> None:
    assert command.refused("invite", "--platform", "Lakeside", "--renew").endswith("[platform_not_found]")
    command(*ADD, "--product", "moodle")
    assert command.refused("invite", "--platform", "Lakeside").endswith("[registration_name_taken]")
    link = command("invite", "--platform", "Lakeside", "--renew").strip()
    with database.read() as session:
        found = platform_invites.get_open(session, link.removeprefix(PREFIX), datetime.now(UTC))
        assert (found.registration_id, found.product) == (1, "moodle")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--platform", "x", "--role", "admin"],
        ["--platform", "x", "a@example.org"],
        ["--role", "admin"],
        ["a@example.org"],
        ["--role", "admin", "a@example.org", "--renew"],
        ["--role", "admin", "a@example.org", "--product", "moodle"],
    ],
    ids=" ".join,
)
def test_one_kind_at_a_time(command: Any, arguments: list[str]) -> None:
    assert "--platform NAME" in command.misused("invite", *arguments)


def test_a_name_that_cannot_be_one(command: Any) -> None:
    assert command.refused("invite", "--platform", " ").endswith("[text_invalid]")


def test_the_list_shows_how_a_platform_fares(command: Any, database: Database) -> None:
    command(*ADD)
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with database.write() as session:
        registrations.note_launch(session, 1, -3, moment)
        registrations.note_token(session, 1, ["b", "a"], moment)
        registrations.note_failure(session, 1, "token_refused", moment)
    (found,) = command.json("platforms", "list")
    assert found["health"] == {
        "launched_at": moment.isoformat(),
        "token_at": moment.isoformat(),
        "service_at": None,
        "failed_at": moment.isoformat(),
        "token_scopes": ["a", "b"],
        "failed_code": "token_refused",
        "clock_skew_seconds": -3,
    }
