"""Open edX's LTI consumer as a running platform: the process, its addresses, and what it kept."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import requests

SERVER = Path(__file__).with_name("openedx_server.py")
ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = Path(sys.prefix, "openedx")
"""Its own virtual environment, inside ours, where ``make`` puts it: the two could not share one."""


class OpenEdx:
    """``with OpenEdx(tool_url) as platform:`` serves it on loopback until the block ends."""

    name = "lti-consumer-xblock"

    def __init__(self, tool_url: str) -> None:
        self._tool_url = tool_url
        self.about: dict[str, Any] = {}

    def __enter__(self) -> Self:
        python = ENVIRONMENT / "bin" / "python"
        if not python.exists():
            pytest.fail("Open edX's consumer is not set up: make openedx")
        self._folder = tempfile.TemporaryDirectory(prefix="lb-openedx-")
        with Path(self._folder.name, "errors").open("w") as errors:
            self._process = subprocess.Popen(
                [str(python), "-I", str(SERVER), self._tool_url, self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"Open edX's consumer did not start: {self.errors()[-2000:]}")
        self.about = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()
        self._folder.cleanup()

    def errors(self) -> str:
        """What it complained about."""
        return Path(self._folder.name, "errors").read_text()

    def registration(self) -> dict[str, Any]:
        """What an admin enters to register it: as the package itself shows it to authors."""
        return {
            "name": "Open edX",
            "issuer": self.about["base_url"],
            "client_id": self.about["client_id"],
            "auth_login_url": self.about["oidc_callback"],
            "auth_token_url": self.about["token_url"],
            "key_set_url": self.about["keyset_url"],
            "deployment_id": self.about["deployment_id"],
            "product": "openedx",
        }

    def start(self, persona: str, kind: str = "") -> str:
        """Where a launch of ``teacher`` or ``learner`` begins; ``kind`` ``deep-linking`` to choose content."""
        return f"{self.about['base_url']}/start/{persona}" + (f"/{kind}" if kind else "")

    def kept(self) -> dict[str, Any]:
        """What it stored: ``line_items``, ``scores``, ``content``, and the course's ``grades``."""
        answer = requests.get(f"{self.about['base_url']}/kept", timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
