"""``lti-badges demo``: the tool, a demo LMS and a demo backpack, started together and filled with a story.

The tool runs as it does in life (web server and worker, over HTTP, on a fresh SQLite database); the LMS and the
backpack run in this process.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import requests
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.browser import JourneyError
from lti_tool.demo.checks import verified_by
from lti_tool.demo.journey import Journey, wait_for
from lti_tool.demo.lms import create_lms, registration
from lti_tool.demo.seed import seed_badges, seed_platform
from lti_tool.demo.story_people import INSTRUCTOR, find_person
from lti_tool.errors import ToolError
from lti_tool.models import (
    Award,
    Context,
    CredentialVersion,
    Delivery,
    DeliveryState,
    EvidenceColumn,
    Membership,
    Observation,
    SyncRun,
    SyncState,
    VersionState,
)
from lti_tool.services.awarding import count_attained
from lti_tool.services.gathering import evaluated_user_ids, gather_facts, load_course
from lti_tool.settings import PREFIX, load_settings
from lti_tool.wiring import Services, build_services

START_SECONDS = 60.0
CLAIMERS = (("ada-okafor", "Water Keeper"), ("noor-haddad", "Fish Keeper"))
"""Who claims what in the run without a screen: one learner with an e-mail address, one without."""
DELIVERER = "ada-okafor"


def run_demo(*, once: bool, as_json: bool, port: int, lms_port: int, backpack_port: int) -> int:
    """Run the demo until interrupted, or ``once`` through the whole chain; returns the exit code."""
    demo = Demo(port, lms_port, backpack_port, quiet=as_json)
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


class Demo:
    """One demo: three addresses, a folder ``var/demo``, and the tool as a child process."""

    def __init__(self, port: int, lms_port: int, backpack_port: int, *, quiet: bool) -> None:
        self.ports = (port, lms_port, backpack_port)
        # Another host name than the LMS: another site, so frames and cookies behave as in life.
        self.tool_url = f"http://localhost:{port}"
        self.lms_url, self.backpack_url = f"http://127.0.0.1:{lms_port}", f"http://127.0.0.1:{backpack_port}"
        self.folder = Path("var/demo").resolve()
        self.began = time.monotonic()
        self.journey = Journey(self.lms_url, self.tool_url, self.backpack_url)
        self._quiet = quiet
        self._tool: subprocess.Popen[bytes] | None = None
        self._services: Services | None = None

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
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._say("Starting the tool, a demo LMS and a demo backpack ...")
        people = [(person.name, person.email) for key in ("ada-okafor",) if (person := find_person(key))]
        lms = create_lms(base_url=self.lms_url, tool_url=self.tool_url)
        backpack = create_backpack(self.backpack_url, people=[(n, e) for n, e in people if n and e])
        stack.enter_context(served(lms, self.ports[1]))
        stack.enter_context(served(backpack, self.ports[2]))
        stack.enter_context(self._tool_running())
        seed_platform(self.services, registration(self.lms_url, self.tool_url), self.backpack_url)
        self._say("Launching the course as its instructor and reading its grades ...")
        self.journey.launch(INSTRUCTOR.slug)
        wait_for("the first reading of the course", self._is_read)
        seed_badges(self.services)
        wait_for("the first offers", lambda: self._count(select(func.count(Award.id))) > 0)
        wait_for("the evaluation", self._is_evaluated)

    def invite(self) -> None:
        """Say where to look."""
        click.echo(f"Open {self.lms_url} : be the instructor, then Ada Okafor, and claim a badge inside the course.")
        click.echo(f"The tool is {self.tool_url}, the backpack {self.backpack_url}. Ctrl-C stops everything.")

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
                known = find_person(person)
                self.journey.deliver(visitor, page, known.name or "", known.email or "") if known else None
        wait_for("the signatures", lambda: self._unfinished(CredentialVersion, VersionState.PENDING) == 0)
        wait_for("the delivery", self._is_delivered)
        files = self._write_credentials()
        accepted, refused = verified_by({key: Path(one["file"]) for key, one in files.items()}, self.services.http)
        document = {**self._counts(), "credentials": list(files.values()), "deliveries": self._deliveries()}
        document |= {"verified_by": accepted, "seconds": round(time.monotonic() - self.began, 1)}
        failed = refused or len(files) != len(CLAIMERS)
        failed = failed or any(one["state"] != DeliveryState.DELIVERED.value for one in document["deliveries"])
        if refused:
            document["refused_by"] = refused
        click.echo(json.dumps(document, indent=2) if as_json else _summary(document))
        return 1 if failed else 0

    def _counts(self) -> dict[str, Any]:
        with self.services.database.read() as session:
            context_id = session.scalars(select(Context.id)).one()
            course = load_course(session, context_id)
            facts = gather_facts(session, course, evaluated_user_ids(session, context_id), self.services.clock())
            attained = count_attained(course, facts.values())
        return {
            "launches": self.journey.launches,
            "columns": self._count(select(func.count(EvidenceColumn.id))),
            "observations": self._count(select(func.count(Observation.id))),
            "members": self._count(select(func.count(Membership.id))),
            "competencies_attained": attained,
            "awards": self._count(select(func.count(Award.id))),
        }

    def _write_credentials(self) -> dict[str, dict[str, str]]:
        """Fetch each credential from its own address, as anybody would, and write it to a file."""
        with self.services.database.read() as session:
            issued = select(CredentialVersion).where(CredentialVersion.state == VersionState.ISSUED)
            found = [(version.credential.public_id, version.credential.url_id) for version in session.scalars(issued)]
        files = {}
        folder = self.folder / "credentials"
        folder.mkdir(exist_ok=True)
        for public_id, url in found:
            answer = requests.get(url, headers={"Accept": "application/vc+ld+json"}, timeout=30)
            if answer.status_code != 200:
                raise JourneyError(f"a credential's address answers {answer.status_code}")
            file = folder / f"{public_id}.json"
            file.write_bytes(answer.content)
            files[public_id] = {"id": public_id, "url": url, "file": str(file)}
        return files

    def _deliveries(self) -> list[dict[str, str]]:
        with self.services.database.read() as session:
            return [
                {"host": one.connection.host.address, "state": one.state.value}
                for one in session.scalars(select(Delivery).order_by(Delivery.id))
            ]

    # -- what to wait for ---------------------------------------------------------------------------------------------

    def _is_read(self) -> bool:
        with self.services.database.read() as session:
            runs = list(session.scalars(select(SyncRun)))
        failed = [run.error_code for run in runs if run.state is SyncState.FAILED]
        if failed:
            raise JourneyError(f"the course could not be read ({failed[0]})")
        return any(run.state is SyncState.DONE for run in runs)

    def _is_evaluated(self) -> bool:
        due = select(func.count(Context.id)).where(Context.evaluation_wanted > Context.evaluation_done)
        return self._count(due) == 0

    def _is_delivered(self) -> bool:
        with self.services.database.read() as session:
            states = list(session.scalars(select(Delivery.state)))
        return bool(states) and all(state in {DeliveryState.DELIVERED, DeliveryState.FAILED} for state in states)

    def _unfinished(self, table: type[CredentialVersion], state: VersionState) -> int:
        return self._count(select(func.count(table.id)).where(table.state == state))

    def _count(self, query: Any) -> int:
        with self.services.database.read() as session:
            return session.scalar(query) or 0

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
        command = [sys.executable, "-m", "lti_tool", "serve", "--host", "127.0.0.1", "--port", str(self.ports[0])]
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


def _require_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise JourneyError(
                f"port {port} is in use; choose others with --port, --lms-port, --backpack-port"
            ) from None


def _summary(document: Mapping[str, Any]) -> str:
    lines = [
        f"{document['launches']} launches, {document['members']} members, {document['columns']} columns, "
        f"{document['observations']} observations.",
        f"{document['competencies_attained']} skills attained, {document['awards']} badges offered, "
        f"{len(document['credentials'])} claimed and signed.",
        *(f"Credential {one['url']} -> {one['file']}" for one in document["credentials"]),
        *(f"Delivery to {one['host']}: {one['state']}" for one in document["deliveries"]),
        f"Verified by {', '.join(document['verified_by']) or 'nobody'} in {document['seconds']} s.",
        *document.get("refused_by", []),
    ]
    return "\n".join(lines)
