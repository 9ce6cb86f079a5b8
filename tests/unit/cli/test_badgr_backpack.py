"""``backpacks add --protocol badgr``: a backpack whose operators registered this tool by hand."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hosts.badgr_host import BadgrHost
from sqlalchemy import select

from lti_tool.cli import cli
from lti_tool.db import Database, make_engine
from lti_tool.models import BackpackHost
from lti_tool.services import backpacks
from lti_tool.settings import load_settings
from lti_tool.vault import Vault


@pytest.fixture
def environment(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    values = {
        "LTI_BADGES_ENV": "test",
        "LTI_BADGES_DATABASE_URL": migrated_sqlite_url,
        "LTI_BADGES_DATA_DIR": str(tmp_path),
        "LTI_BADGES_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return migrated_sqlite_url


def test_the_client_that_operators_gave_is_kept_encrypted(environment: str) -> None:
    with BadgrHost() as host:
        command = ["backpacks", "add", "--name", "Badgr", "--protocol", "badgr", "--client-id", "id1", host.base_url]
        done = CliRunner().invoke(cli, command, input="s3cret\n")
    assert done.exit_code == 0, done.output
    assert "It speaks Badgr." in done.output
    assert "s3cret" not in done.output
    database = Database(make_engine(environment))
    with database.read() as session:
        row = session.scalars(select(BackpackHost)).one()
        known = backpacks.known_host(row, Vault(load_settings().key_encryption_key))
    database.engine.dispose()
    assert known is not None
    assert (known[1].client_id, known[1].client_secret, known[1].scope) == ("id1", "s3cret", "rw:backpack")
    assert "s3cret" not in str(row.client)


def test_without_a_client_id_it_is_refused(environment: str) -> None:
    done = CliRunner().invoke(cli, ["backpacks", "add", "--name", "Badgr", "--protocol", "badgr", "https://x.example"])
    assert done.exit_code == 1
    assert "--client-id" in done.output
