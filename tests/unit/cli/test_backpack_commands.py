"""``backpacks add`` asks the address what it speaks; ``backpacks list`` says how each fares."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hosts.badgr_host import BadgrHost
from sqlalchemy import select

from lti_tool.cli import cli
from lti_tool.db import Database, make_engine
from lti_tool.models import BackpackHost
from lti_tool.services.host_pace import RESTS_AFTER


@pytest.fixture(autouse=True)
def environment(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that may call loopback."""
    monkeypatch.setenv("LTI_BADGES_ENV", "test")
    monkeypatch.setenv("LTI_BADGES_DATABASE_URL", migrated_sqlite_url)
    monkeypatch.setenv("LTI_BADGES_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LTI_BADGES_ALLOWED_PRIVATE_HOSTS", "127.0.0.1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["backpacks", *arguments])


def test_the_host_is_asked_what_it_speaks() -> None:
    with BadgrHost() as host:
        added = run("add", "--name", "Badgr", host.base_url)
        refused = run("add", "--name", "Badgr", "--protocol", "ob3_api", host.base_url)
        unknown = run("add", "--name", "Badgr", "--protocol", "oauth1", host.base_url)
    assert added.stdout == "Learners can now choose Badgr. It speaks Badge Connect.\n"
    assert (refused.exit_code, unknown.exit_code) == (1, 1)
    assert "[protocol_unknown]" in unknown.stderr


def test_the_list_says_how_each_fares() -> None:
    assert "No backpack yet" in run("list").stdout
    with BadgrHost() as host:
        run("add", "--name", "Badgr", host.base_url)
        assert run("list").stdout == f"Badgr (badge_connect, {host.base_url}): 0 waiting, 0 delivered, 0 failed\n"
        (one,) = json.loads(run("list", "--json").stdout)
    assert (one["name"], one["protocol"], one["offered"], one["failed"]) == ("Badgr", "badge_connect", True, {})


def test_the_doctor_says_which_backpack_does_not_answer(migrated_sqlite_url: str) -> None:
    with BadgrHost() as host:
        run("add", "--name", "Badgr", host.base_url)
    assert "ok  backpack: Badgr takes badges" in CliRunner().invoke(cli, ["doctor"]).stdout
    database = Database(make_engine(migrated_sqlite_url))
    with database.write() as session:
        row = session.scalars(select(BackpackHost)).one()
        row.failures, row.error_code = RESTS_AFTER, "backpack_unavailable"
    database.engine.dispose()
    told = CliRunner().invoke(cli, ["doctor"]).stdout
    assert "NOT backpack: Badgr does not answer (backpack_unavailable) -> look at /admin/backpacks" in told
