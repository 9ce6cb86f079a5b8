"""The queue, and real worker processes behind it: what is woken is done, and what a kill interrupts is done again."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from platforms.strict import StrictPlatform
from sqlalchemy import select, update
from structlog.testing import capture_logs

from lti_tool.jobs.queue import CeleryQueue, SilentQueue, make_celery, make_queue
from lti_tool.jobs.tasks import READ_COURSE
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    Lease,
    Observation,
    Organization,
    Registration,
    SyncRun,
    SyncState,
)
from lti_tool.services import course_sync
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

SECONDS = 30.0


class SlowPlatform(StrictPlatform):
    """Answers for results only once ``go`` is set; ``reached`` tells that somebody asks."""

    go = threading.Event()
    reached = threading.Event()

    def _results(self, request: Any, context: str, number: int) -> Any:
        self.reached.set()
        assert self.go.wait(SECONDS)
        return super()._results(request, context, number)


class Installation:
    """An installation's environment, its services as this process sees them, and its workers."""

    def __init__(self, folder: Path, database_url: str, broker_url: str) -> None:
        self.environment = {
            "LTI_BADGES_ENV": "test",
            "LTI_BADGES_DATABASE_URL": database_url,
            "LTI_BADGES_BROKER_URL": broker_url,
            "LTI_BADGES_DATA_DIR": str(folder),
            "LTI_BADGES_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "LTI_BADGES_SYNC_EVERY": "0",
        }
        self.log = folder / "worker.log"
        self.services: Services = build_services(load_settings(self.environment))
        self.context_id = 0

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process, asked to end at the end."""
        command = [sys.executable, "-m", "lti_tool", "worker"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env={**os.environ, **self.environment}, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(SECONDS)

    def register(self, platform: StrictPlatform) -> None:
        """The rows that an admin and a launch would have made."""
        now = datetime.now(UTC)
        details = platform.registration()
        deployment_id = details.pop("deployment_id")
        with self.services.database.write() as session:
            organization, registration = Organization(name="O", created_at=now), Registration(**details, created_at=now)
            session.add_all([organization, registration])
            session.flush()
            deployment = Deployment(
                registration_id=registration.id, organization_id=organization.id, deployment_id=deployment_id,
                state=DeploymentState.ACTIVE, created_at=now,
            )  # fmt: skip
            session.add(deployment)
            session.flush()
            context = Context(
                deployment_id=deployment.id, organization_id=organization.id, platform_id=platform.context_id,
                line_items_url=platform.line_items_url, memberships_url=platform.memberships_url,
                ags_scopes=sorted(scope for scope in platform.granted_scopes if "lti-ags" in scope),
                created_at=now, launched_at=now,
            )  # fmt: skip
            session.add(context)
            session.flush()
            self.context_id = context.id

    def ask(self) -> int:
        """Ask for a reading; nobody is woken yet."""
        with self.services.database.write() as session:
            context = session.get_one(Context, self.context_id)
            run_id = course_sync.request_sync(session, context, "button", datetime.now(UTC))
        assert run_id is not None
        return run_id

    def run(self, run_id: int) -> SyncRun:
        """A run as stored."""
        with self.services.database.read() as session:
            return session.get_one(SyncRun, run_id)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something a worker does."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


@pytest.fixture(params=["embedded", "redis"])
def installation(request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Installation]:
    """An installation on each transport."""
    broker = "embedded" if request.param == "embedded" else request.getfixturevalue("redis_url")
    installation = Installation(tmp_path, migrated_sqlite_url, broker)
    yield installation
    installation.services.database.engine.dispose()


@pytest.fixture
def platform(installation: Installation) -> Iterator[SlowPlatform]:
    """A platform with one course and three results."""
    SlowPlatform.go.clear()
    SlowPlatform.reached.clear()
    with SlowPlatform(tool_keys=installation.services.tool_keys.public_jwks) as platform:
        platform.add_line_item("Essay", {"learner": Decimal(80), "a": Decimal(1), "b": None})
        installation.register(platform)
        yield platform
        SlowPlatform.go.set()


def test_a_worker_does_what_it_is_woken_for(installation: Installation, platform: SlowPlatform) -> None:
    SlowPlatform.go.set()
    with installation.worker() as worker:
        run_id = installation.ask()
        installation.services.queue.wake(READ_COURSE, run_id)
        installation.wait(lambda: installation.run(run_id).state is SyncState.DONE)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(SECONDS) == 0
    assert installation.run(run_id).counts["observations"] == 3
    log = installation.log.read_text()
    assert "course.evaluated" in log
    assert "No hostname" not in log
    assert "SecurityWarning" not in log
    assert "Traceback" not in log


def test_a_worker_killed_in_the_middle_loses_nothing(installation: Installation, platform: SlowPlatform) -> None:
    with installation.worker() as worker:
        run_id = installation.ask()
        installation.services.queue.wake(READ_COURSE, run_id)
        assert SlowPlatform.reached.wait(SECONDS), installation.log.read_text()
        worker.kill()
        worker.wait(SECONDS)
    assert installation.run(run_id).state is SyncState.RUNNING
    with installation.services.database.write() as session:  # time passes: the dead worker's leases end
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(SyncRun).values(lease_until=past))
        session.execute(update(Lease).values(until=past))
    SlowPlatform.go.set()
    with installation.worker():
        installation.wait(lambda: installation.run(run_id).state is SyncState.DONE)
    assert installation.run(run_id).attempts == 2
    with installation.services.database.read() as session:
        scores = sorted(str(score) for score in session.scalars(select(Observation.score)))
    assert scores == ["1", "80", "None"]


# -- without a worker -------------------------------------------------------------------------------------------------


def settings(tmp_path: Path, broker_url: str) -> Any:
    """Settings with this broker."""
    return load_settings({"LTI_BADGES_ENV": "test"}, broker_url=broker_url, data_dir=tmp_path / "data")


def test_a_broker_that_is_down_is_noted_and_nobody_waits_for_it(tmp_path: Path) -> None:
    queue = make_queue(settings(tmp_path, "redis://127.0.0.1:9/0"))
    began = time.monotonic()
    with capture_logs() as logged:
        queue.wake(READ_COURSE, 7)
    assert time.monotonic() - began < 2
    (event,) = logged
    assert (event["event"], event["task"], event["row_id"]) == ("queue.unreachable", READ_COURSE, 7)


def test_the_embedded_queue_makes_its_folders_and_keeps_messages_there(tmp_path: Path) -> None:
    queue = make_queue(settings(tmp_path, "embedded"))
    assert isinstance(queue, CeleryQueue)
    with capture_logs() as logged:
        queue.wake(READ_COURSE, 7)
        queue.wake(READ_COURSE, 8)
    assert logged == []
    assert len(list((tmp_path / "data" / "queue").iterdir())) == 2


def test_tests_wake_nobody(tmp_path: Path) -> None:
    queue = make_queue(settings(tmp_path, "memory://"))
    assert isinstance(queue, SilentQueue)
    queue.wake(READ_COURSE, 7)


def test_a_message_outlives_the_worker_that_has_it(tmp_path: Path) -> None:
    conf = make_celery(settings(tmp_path, "redis://127.0.0.1:6379/0")).conf
    assert (conf.task_acks_late, conf.worker_prefetch_multiplier, conf.task_ignore_result) == (True, 1, True)
    assert conf.broker_transport_options["visibility_timeout"] >= 900


def test_who_sends_is_not_told_that_there_is_no_host_name(tmp_path: Path) -> None:
    logging.getLogger("kombu.connection").setLevel(logging.NOTSET)
    make_celery(settings(tmp_path, "embedded"))
    assert not logging.getLogger("kombu.connection").isEnabledFor(logging.WARNING)
