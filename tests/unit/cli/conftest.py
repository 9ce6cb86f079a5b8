"""The command in this process, on a database of its own; the log is put back afterwards."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from lti_tool.cli import cli


@dataclass
class Command:
    """``lti-badges`` with an environment."""

    environment: dict[str, str]
    results: list[Result] = field(default_factory=list)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run; returns standard output. Fails the test on another exit code."""
        result = CliRunner().invoke(cli, arguments, env=self.environment, prog_name="lti-badges")
        self.results.append(result)
        assert result.exit_code == code, (result.exit_code, result.output, result.exc_info)
        return result.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run with ``--json``; standard output must be one document."""
        return json.loads(self(*arguments, "--json", code=code))

    def refused(self, *arguments: str) -> str:
        """Run what must be refused: exit code 1, one line on standard error, nothing else; returns the line."""
        assert self(*arguments, code=1) == ""
        (line,) = self.results[-1].stderr.splitlines()
        assert line.startswith("lti-badges: ")
        return line.removeprefix("lti-badges: ")

    def misused(self, *arguments: str) -> str:
        """Run with arguments that make no sense: exit code 2; returns what it says."""
        assert self(*arguments, code=2) == ""
        return self.results[-1].stderr


@pytest.fixture
def _log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def command_on(_log: None, tmp_path: Path) -> Callable[[str], Command]:
    """``command_on(database_url)``: the command on any database."""

    def make(database_url: str) -> Command:
        return Command(
            {
                "LTI_BADGES_ENV": "test",
                "LTI_BADGES_DATABASE_URL": database_url,
                "LTI_BADGES_PUBLIC_URL": "https://badges.example",
                "LTI_BADGES_DATA_DIR": str(tmp_path),
            }
        )

    return make


@pytest.fixture
def command(command_on: Callable[[str], Command], migrated_sqlite_url: str) -> Command:
    """The command on a migrated database."""
    return command_on(migrated_sqlite_url)
