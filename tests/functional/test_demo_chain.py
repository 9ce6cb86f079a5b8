"""The demo without a screen, as the README promises it: the whole chain, and witnesses that nobody here wrote."""

import json
import subprocess
import sys
from pathlib import Path

from demo_world import port_options
from witnesses import npm

LIBRARIES = {"lti-badges", "openbadgeslib", *npm.LIBRARIES}


def test_demo_once_reports_the_whole_chain(tmp_path: Path) -> None:
    ports = port_options()
    command = [sys.executable, "-m", "lti_tool", "demo", "--once", "--json", *ports]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["launches"] == 3
    assert report["columns"] == 4, "the course's own two assignments are not readable over LTI"
    assert report["members"] == 26
    assert report["awards"] > 0
    assert len(report["credentials"]) == 2
    assert [one["state"] for one in report["deliveries"]] == ["delivered", "delivered"]
    assert len({one["host"] for one in report["deliveries"]}) == 2, "one by Open Badges 3.0, one by Badge Connect"
    assert set(report["verified_by"]) == LIBRARIES
    for credential in report["credentials"]:
        document = json.loads(Path(credential["file"]).read_text(encoding="utf-8"))
        assert document["id"] == credential["url"]
        assert document["proof"]["cryptosuite"] == "eddsa-rdfc-2022"


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "lti_tool", "demo", "--once", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "in use" in done.stderr


def test_a_second_demo_leaves_the_first_ones_folder_alone(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "var" / "demo").mkdir(parents=True)
    kept = tmp_path / "var" / "demo" / "kept"
    kept.touch()
    ports = port_options()
    with (tmp_path / "var" / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "lti_tool", "demo", "--once", *ports]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "another demo uses" in done.stderr
    assert kept.exists()
