"""Who checked the demo's credentials: only who really accepted every file is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from badge_site import BadgeSite

from lti_tool.demo import checks
from lti_tool.outbound import HttpClient

HTTP = HttpClient(timeout=(2.0, 5.0), allowed_private_hosts=("127.0.0.1",))


@pytest.fixture
def files(live: Callable[[Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two good credentials; Node.js has tests of its own (tests/witnesses)."""
    monkeypatch.setattr(checks, "_npm", lambda _: {})
    badge = BadgeSite.on(live).badge()
    found = {"first": tmp_path / "1.json", "second": tmp_path / "2.json"}
    for file in found.values():
        file.write_bytes(badge)
    return found


def test_who_accepts_every_file_is_named(files: dict[str, Path]) -> None:
    accepted, refused = checks.verified_by(files, HTTP)
    assert "lti-badges" in accepted
    assert not [line for line in refused if line.startswith("lti-badges")]


def test_one_altered_file_is_enough_to_be_refused(files: dict[str, Path]) -> None:
    files["second"].write_text(files["second"].read_text().replace("Writes.", "Sings."))
    accepted, refused = checks.verified_by(files, HTTP)
    assert "lti-badges" not in accepted
    assert "lti-badges: second is tampered" in refused


def test_without_node_its_verifiers_are_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "which", lambda _: None)
    assert checks._npm({"first": tmp_path}) == {}
