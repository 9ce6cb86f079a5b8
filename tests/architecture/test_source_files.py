"""What every file of the repository keeps to."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.source_tree import MODULES, ROOT, name_of

LONGEST_MODULE = 300
LEFT_OUT = {".git", ".venv", ".tools", "node_modules", "__pycache__", "var", "dist", "build"}
# Put together here, so that this file does not hold what it looks for.
FOREIGN_HOSTS = [
    "".join(parts)
    for parts in (
        ("py", "pi.org"),
        ("files.python", "hosted.org"),
        ("registry.npm", "js.org"),
        ("deb.deb", "ian.org"),
        ("/simple", "/ "),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|root|home/\w+|opt/(?:pypi|wheels)|Users/\w+)/")
INDEX_OPTION = re.compile(r"--(?:extra-)?index-url[ =]|--find-links[ =]|--registry[ =]")


def committed_files() -> Iterator[Path]:
    """Files that are or would be committed: Git's list, or the tree where there is no Git."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        yield from (path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file())
        return
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.endswith("_cache")]
        yield from (Path(folder, name) for name in files)


def lines_of(path: Path) -> list[str]:
    """The file's lines; none for pictures and fonts."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_readable_in_one_sitting(path: Path) -> None:
    assert len(lines_of(path)) <= LONGEST_MODULE


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    found = []
    files = sorted(committed_files())
    for path in files:
        for number, line in enumerate(lines_of(path), start=1):
            if MACHINE_PATH.search(line) or INDEX_OPTION.search(line) or any(host in line for host in FOREIGN_HOSTS):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert ROOT / "pyproject.toml" in files
    assert found == []


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-demo.lock", "requirements-test.lock", "requirements-openedx.lock"]
)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:", line), line[:80]


def test_every_dependency_is_locked() -> None:
    """``make lock`` was run after the last change to ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = {
        "requirements.lock": project["dependencies"],
        "requirements-demo.lock": [*project["dependencies"], *extras["demo"], *extras["build"]],
        "requirements-test.lock": [*project["dependencies"], *extras["demo"], *extras["build"], *extras["test"]],
    }
    for name, requirements in needed.items():
        pinned = re.findall(r"^([\w.-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        wanted = {re.match(r"[\w.-]+", one).group().lower() for one in requirements} - {project["name"]}
        assert wanted - set(pinned) == set(), name


def test_npm_locks_have_integrity_and_no_address() -> None:
    locks = [path for path in committed_files() if path.name == "package-lock.json"]
    assert locks
    for path in locks:
        text = path.read_text(encoding="utf-8")
        assert '"integrity"' in text
        assert '"resolved"' not in text
