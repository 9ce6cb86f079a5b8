"""Where the folders beside the package are found."""

from pathlib import Path

import pytest

from lti_tool import files


@pytest.mark.parametrize("name", ["config", "migrations", "templates"])
def test_a_checkout_has_its_folders_beside_the_package(name: str) -> None:
    assert files.folder(name) == Path(__file__).resolve().parents[2] / name
    assert files.folder(name).is_dir()


def test_an_installed_wheel_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lti_tool"
    (package / "_files" / "config").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(files, "_PACKAGE", package)
    assert files.folder("config") == package / "_files" / "config"
    assert files.folder("templates") == tmp_path / "templates"
