"""``serve``'s two children, played by small processes that write down that they live."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lti_tool.supervisor import MAX_DEATHS, web_command, worker_command

SECONDS = 15.0
SLEEPER = "import os, sys, time\nopen(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\ntime.sleep(60)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
WITH_CHILD = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[3]])\n" + SLEEPER
DYING = "import os, sys\nopen(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\nsys.exit(3)"
RUN = """
import json, sys
from lti_tool import supervisor
supervisor.GRACE_SECONDS = float(sys.argv[3])
sys.exit(supervisor.Supervisor(json.loads(sys.argv[1]), json.loads(sys.argv[2])).run())
"""


class Stage:
    """Where the children write their process ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, name: str, code: str, *more: str) -> list[str]:
        """A child that runs ``code``."""
        return [sys.executable, "-c", code, str(self.folder / name), *more]

    def pids(self, name: str) -> list[int]:
        """Process ids of all children called so, oldest first."""
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    @contextmanager
    def supervising(self, web: list[str], worker: list[str], grace: float = 5.0) -> Iterator[subprocess.Popen[bytes]]:
        """A supervisor in a process of its own."""
        import json

        command = [sys.executable, "-c", RUN, json.dumps(web), json.dumps(worker), str(grace)]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(SECONDS)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something the supervisor does."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A folder for the children."""
    return Stage(tmp_path)


def test_a_killed_worker_is_started_again_and_the_web_server_left_alone(stage: Stage) -> None:
    with stage.supervising(stage.command("web", SLEEPER), stage.command("worker", SLEEPER)) as supervisor:
        stage.wait(lambda: len(stage.pids("worker")) == 1)
        os.kill(stage.pids("worker")[0], signal.SIGKILL)
        stage.wait(lambda: len(stage.pids("worker")) == 2)
        assert supervisor.poll() is None
        assert len(stage.pids("web")) == 1
        assert is_alive(stage.pids("web")[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_quickly(stage: Stage, number: signal.Signals) -> None:
    with stage.supervising(stage.command("web", SLEEPER), stage.command("worker", SLEEPER)) as supervisor:
        stage.wait(lambda: bool(stage.pids("web") and stage.pids("worker")))
        began = time.monotonic()
        supervisor.send_signal(number)
        assert supervisor.wait(SECONDS) == 0
        assert time.monotonic() - began < 3
    assert not any(is_alive(pid) for pid in stage.pids("web") + stage.pids("worker"))
    assert len(stage.pids("worker")) == 1


def test_five_deaths_are_enough(stage: Stage) -> None:
    with stage.supervising(stage.command("web", SLEEPER), stage.command("worker", DYING)) as supervisor:
        assert supervisor.wait(SECONDS) == 1
    assert len(stage.pids("worker")) == MAX_DEATHS == 5
    assert not any(is_alive(pid) for pid in stage.pids("web"))
    log = (stage.folder / "log").read_text()
    assert "worker.given_up" in log
    assert log.count("exit_code=3") == 5


def test_without_the_web_server_it_is_over(stage: Stage) -> None:
    with stage.supervising(stage.command("web", DYING), stage.command("worker", SLEEPER)) as supervisor:
        assert supervisor.wait(SECONDS) == 1
    assert not any(is_alive(pid) for pid in stage.pids("worker"))


def test_who_does_not_leave_in_time_is_killed(stage: Stage) -> None:
    with stage.supervising(stage.command("web", SLEEPER), stage.command("worker", STUBBORN), 0.3) as supervisor:
        stage.wait(lambda: bool(stage.pids("web") and stage.pids("worker")))
        supervisor.terminate()
        assert supervisor.wait(SECONDS) == 0
    assert not is_alive(stage.pids("worker")[0])


def test_what_a_killed_web_server_left_behind_ends_too(stage: Stage) -> None:
    """gunicorn's own workers would hold the port, so that the next start fails."""
    web = stage.command("web", WITH_CHILD, STUBBORN, str(stage.folder / "web-worker"))
    with stage.supervising(web, stage.command("worker", SLEEPER)) as supervisor:
        stage.wait(lambda: bool(stage.pids("web-worker") and stage.pids("web") and stage.pids("worker")))
        os.kill(stage.pids("web")[0], signal.SIGKILL)
        assert supervisor.wait(SECONDS) == 1
    stage.wait(lambda: not is_alive(stage.pids("web-worker")[0]))


def test_the_commands_name_this_python_and_where_to_listen() -> None:
    web = web_command("0.0.0.0", 8080)
    assert web[:3] == [sys.executable, "-m", "gunicorn"]
    assert web[web.index("--bind") + 1] == "0.0.0.0:8080"
    assert worker_command() == [sys.executable, "-m", "lti_tool", "worker"]
