"""The wheel, built and installed into a fresh environment, needs nothing of the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from lti_tool import __version__

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command away from the checkout; returns what it printed, fails with what it complained about."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LTI_BADGES_", "PYTHON", "PIP_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | OFFLINE | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of a fresh environment with this wheel; the dependencies are borrowed from the running one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, cwd=folder)
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # A plain path line: unlike the environment's own .pth files, it does not bring the editable install along.
    Path(purelib, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_what_lies_beside_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "migrations", "config"):
        tracked = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert tracked
        assert {f"lti_tool/_files/{path.relative_to(ROOT)}" for path in tracked} <= names
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]


def test_the_wheel_holds_compiled_translations(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = sorted((ROOT / "lti_tool/translations").glob("*/LC_MESSAGES/*.po"))
    assert sources
    assert {str(path.relative_to(ROOT).with_suffix(".mo")) for path in sources} <= names


def test_the_command_starts(installed: Path, tmp_path: Path) -> None:
    assert "usage" in run(installed / "lti-badges", "--help", cwd=tmp_path).lower()


def test_the_application_starts_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    program = tmp_path / "start.py"
    program.write_text(
        "import lti_tool\n"
        "from lti_tool.app import create_app_from_environment\n"
        "from lti_tool.db import upgrade\n"
        "from lti_tool.files import folder\n"
        "from lti_tool.settings import load_settings\n"
        "settings = load_settings()\n"
        "upgrade(settings.database_url)\n"
        "client = create_app_from_environment().test_client()\n"
        "print(lti_tool.__version__)\n"
        "print(folder('templates'), folder('migrations'), folder('config'))\n"
        "print(client.get('/healthz').status_code)\n",
        encoding="utf-8",
    )
    environ = {"LTI_BADGES_ENV": "test", "LTI_BADGES_DATABASE_URL": f"sqlite:///{tmp_path / 'wheel.db'}"}
    version, folders, status = run(installed / "python", program, cwd=tmp_path, **environ).splitlines()
    assert version == __version__
    assert all(str(ROOT) not in one and "/lti_tool/_files/" in one for one in folders.split())
    assert status == "200"
