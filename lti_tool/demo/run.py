"""``lti-badges demo``: the tool, a demo LMS and two demo backpacks, started together and filled with a story.

The tool runs as it does in life (web server and worker, over HTTP, on a fresh SQLite database); the LMS and the
backpacks run in this process.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import click
import requests
from cryptography.fernet import Fernet
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from lti_tool.demo import reporting
from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.browser import JourneyError, Visitor
from lti_tool.demo.checks import verified_by
from lti_tool.demo.journey import Journey, wait_for
from lti_tool.demo.lms import create_lms, registration
from lti_tool.demo.passport import create_passport
from lti_tool.demo.seed import seed_backpacks, seed_badges, seed_platform
from lti_tool.demo.story_people import INSTRUCTOR, find_person
from lti_tool.errors import ToolError
from lti_tool.models import DeliveryState
from lti_tool.settings import PREFIX, load_settings
from lti_tool.wiring import Services, build_services

START_SECONDS = 60.0
CLAIMERS = (("ada-okafor", "Water Keeper"), ("noor-haddad", "Fish Keeper"))
"""Who claims what in the run without a screen: one learner with an e-mail address, one without."""
DELIVERER = "ada-okafor"


class Ports(NamedTuple):
    """Where the parts of a demo listen."""

    tool: int
    lms: int
    backpack: int
    passport: int


def run_demo(ports: Ports, *, once: bool, as_json: bool) -> int:
    """Run the demo until interrupted, or ``once`` through the whole chain; returns the exit code."""
    demo = Demo(ports, quiet=as_json)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as stack:
            demo.start(stack)
            if once:
                return demo.report(as_json)
            demo.invite()
            return demo.wait()
    except (JourneyError, ToolError) as error:
        click.echo(f"lti-badges: the demo failed: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A polite end must stop the tool's own processes too."""
    raise KeyboardInterrupt


class Demo:
    """One demo: four addresses, a folder ``var/demo``, and the tool as a child process."""

    def __init__(self, ports: Ports, *, quiet: bool, folder: Path = Path("var/demo")) -> None:
        self.ports = ports
        # Another host name than the LMS: another site, so frames and cookies behave as in life.
        self.tool_url = f"http://localhost:{ports.tool}"
        self.lms_url = f"http://127.0.0.1:{ports.lms}"
        self.backpack_url, self.passport_url = (
            f"http://127.0.0.1:{ports.backpack}",
            f"http://127.0.0.1:{ports.passport}",
        )
        self.folder = folder.resolve()
        self.began = time.monotonic()
        self.journey = Journey(self.lms_url, self.tool_url)
        self._quiet = quiet
        self._tool: subprocess.Popen[bytes] | None = None
        self._services: Services | None = None
        self.hosts: tuple[int, ...] = ()
        """The backpacks' ids in the tool."""

    @property
    def services(self) -> Services:
        """The tool's database and parts, as this process sees them."""
        if self._services is None:
            self._services = build_services(load_settings(self._environment()))
        return self._services

    def start(self, stack: ExitStack) -> None:
        """Start everything and fill it; whatever was started is stopped with ``stack``."""
        for port in self.ports:
            _require_free(port)
        stack.enter_context(_kept_to_oneself(self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._say("Starting the tool, a demo LMS and two demo backpacks ...")
        people = [(person.name, person.email) for key in ("ada-okafor",) if (person := find_person(key))]
        lms = create_lms(base_url=self.lms_url, tool_url=self.tool_url)
        owners = [(name, email) for name, email in people if name and email]
        stack.enter_context(served(lms, self.ports.lms))
        stack.enter_context(served(create_backpack(self.backpack_url, people=owners), self.ports.backpack))
        stack.enter_context(served(create_passport(self.passport_url, people=owners), self.ports.passport))
        stack.enter_context(self._tool_running())
        seed_platform(self.services, registration(self.lms_url, self.tool_url))
        self.hosts = seed_backpacks(self.services, self.backpack_url, self.passport_url)
        self._say("Launching the course as its instructor and reading its grades ...")
        self.journey.launch(INSTRUCTOR.slug)
        wait_for("the first reading of the course", lambda: reporting.is_read(self.services))
        seed_badges(self.services)
        wait_for("the first offers", lambda: reporting.has_offers(self.services))
        wait_for("the evaluation", lambda: reporting.is_evaluated(self.services))

    def invite(self) -> None:
        """Say where to look."""
        click.echo(f"Open {self.lms_url} : be the instructor, then Ada Okafor, and claim a badge inside the course.")
        click.echo(f"The tool is {self.tool_url}, the backpacks {self.backpack_url} and {self.passport_url}.")
        click.echo("Ctrl-C stops everything.")

    def wait(self) -> int:
        """Stay until interrupted or until the tool gives up."""
        if self._tool is None:
            return 1
        return self._tool.wait()

    # -- the run without a screen -------------------------------------------------------------------------------------

    def report(self, as_json: bool) -> int:
        """Walk the whole chain and print what came of it; non-zero when anything failed."""
        for person, badge in CLAIMERS:
            self._say(f"{person} claims {badge} ...")
            visitor = self.journey.launch(person)
            page = self.journey.claim(visitor, badge)
            if person == DELIVERER:
                self._deliver(visitor, page, person)
        wait_for("the signatures", lambda: reporting.is_signed(self.services))
        wait_for("the delivery", lambda: reporting.is_delivered(self.services))
        files = reporting.write_credentials(self.services, self.folder / "credentials")
        accepted, refused = verified_by({key: Path(one["file"]) for key, one in files.items()}, self.services.http)
        document: dict[str, Any] = {
            "launches": self.journey.launches,
            **reporting.counts(self.services),
            "credentials": list(files.values()),
            "deliveries": reporting.deliveries(self.services),
            "verified_by": accepted,
            "seconds": round(time.monotonic() - self.began, 1),
        }
        failed = refused or len(files) != len(CLAIMERS)
        failed = failed or any(one["state"] != DeliveryState.DELIVERED.value for one in document["deliveries"])
        if refused:
            document["refused_by"] = refused
        click.echo(json.dumps(document, indent=2) if as_json else reporting.summary(document))
        return 1 if failed else 0

    def _deliver(self, visitor: Visitor, page: str, person: str) -> None:
        """Send the badge to both backpacks, one after the other."""
        known = find_person(person)
        if known is None:
            raise JourneyError(f"nobody in the story is {person}")
        for host_id in self.hosts:
            self.journey.deliver(visitor, page, host_id, known.name or "", known.email or "")

    # -- processes ----------------------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        values = {
            "ENV": "development",
            "DATABASE_URL": f"sqlite:///{self.folder / 'lti-badges.db'}",
            "PUBLIC_URL": self.tool_url,
            "BROKER_URL": "embedded",
            "DATA_DIR": str(self.folder),
            "SECRET_KEY": self._secret_key,
            "KEY_ENCRYPTION_KEY": self._key_encryption_key,
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
            "INSTRUCTORS_PUBLISH": "true",
            "SYNC_EVERY": "30",
            "LOG_LEVEL": "WARNING",
        }
        return {PREFIX + name: value for name, value in values.items()}

    _secret_key = secrets.token_hex(32)
    _key_encryption_key = Fernet.generate_key().decode()

    @contextmanager
    def _tool_running(self) -> Iterator[None]:
        command = [sys.executable, "-m", "lti_tool", "serve", "--host", "127.0.0.1", "--port", str(self.ports.tool)]
        output = None if not self._quiet else subprocess.DEVNULL
        self._tool = subprocess.Popen(command, env={**os.environ, **self._environment()}, stdout=output)  # noqa: S603
        try:
            wait_for("the tool to answer", self._answers, START_SECONDS)
            yield
        finally:
            self._tool.terminate()
            self._tool.wait(30)

    def _answers(self) -> bool:
        if self._tool is not None and self._tool.poll() is not None:
            raise JourneyError(f"the tool ended with code {self._tool.returncode}")
        try:
            return requests.get(f"{self.tool_url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def _say(self, line: str) -> None:
        if not self._quiet:
            click.echo(line)


class _SilentHandler(WSGIRequestHandler):
    """The terminal belongs to the two lines that say where to look; launches also carry tokens in their addresses."""

    def log_request(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    """Serve an application on 127.0.0.1 from a thread of this process."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_SilentHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # a threaded server has it
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _kept_to_oneself(folder: Path) -> Iterator[None]:
    """Hold ``folder`` while the demo runs: a second demo on other ports would empty it under the first one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JourneyError(f"another demo uses {folder}; stop it, or start this one in another folder") from None
        yield


def _require_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise JourneyError(
                f"port {port} is in use; choose others with --port, --lms-port, --backpack-port, --passport-port"
            ) from None
