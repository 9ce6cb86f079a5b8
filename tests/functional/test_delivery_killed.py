"""``kill -9`` of the worker at random points while 500 badges go to three hosts: 500 receipts each, nothing twice.

Rows are made directly: what is under test is what a worker does with them. The hosts are processes of their own and
live on; two speak Open Badges 3.0, in either dialect, one Badge Connect, which fetches and checks every badge.
"""

import os
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from claims import Wallets, wallets_on
from conftest import Live
from hosts.processes import RemoteHost, running
from sqlalchemy import func, insert, select

from lti_tool.backpacks.base import authorization_code
from lti_tool.models import (
    Award,
    BackpackConnection,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    IssuerProfile,
    User,
    VersionState,
)
from lti_tool.services import backpacks
from lti_tool.services.delivery_batches import LEASE
from lti_tool.services.introductions import Introducer

ROOT = Path(__file__).resolve().parents[2]
LEARNERS = 50
BADGES = 10
KILLS = 12
SEED = 20_261_122
HOSTS = (
    ("ob3_host", {"token_life": 10**7, "latency": 0.005}, backpacks.OB3_API),
    ("ob3_host", {"token_life": 10**7, "latency": 0.005, "dialect": "badgr-like"}, backpacks.OB3_API),
    ("badgr_host", {"token_life": 10**7, "latency": 0.005}, backpacks.BADGE_CONNECT),
)


def test_a_worker_killed_at_random_points_delivers_everything_once(migrated_sqlite_url: str, live: Live) -> None:
    chance, started = random.Random(SEED), time.monotonic()
    served: list[Any] = []
    url = live(lambda environ, start_response: served[0](environ, start_response))
    with ExitStack() as stack:
        private = ["127.0.0.1", "localhost"]
        wallets = stack.enter_context(wallets_on(migrated_sqlite_url, public_url=url, allowed_private_hosts=private))
        served.append(wallets.app)
        hosts = [stack.enter_context(running(name, **options)) for name, options, _ in HOSTS]
        learners = make_badges(wallets)
        wallets.course.now = datetime.now(UTC).replace(microsecond=0)
        for host, (_, _, protocol) in zip(hosts, HOSTS, strict=True):
            connect(wallets, host, protocol, learners)
        kills, ahead = 0, 0.0
        while True:
            worker = start_worker(migrated_sqlite_url, ahead)
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            try:
                out, _ = worker.communicate(timeout=chance.uniform(0.05, 0.6) if kills < KILLS else 60)
            except subprocess.TimeoutExpired:
                worker.kill()  # SIGKILL: nothing is cleaned up
                worker.communicate()
                kills += 1
                ahead += LEASE.total_seconds() + 1
                continue
            assert worker.returncode == 0
            assert "nothing is due" in out
            break
        assert kills >= 6, "the worker was through before it could be killed"
        assert_everything_once(wallets, hosts)
    assert time.monotonic() - started < 90


def start_worker(database_url: str, ahead: float) -> "subprocess.Popen[str]":
    program = Path(__file__).with_name("delivering_worker.py")
    command = [sys.executable, str(program), database_url, str(ahead)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def assert_everything_once(wallets: Wallets, hosts: list[RemoteHost]) -> None:
    with wallets.services.database.read() as session:
        states = session.execute(
            select(BackpackConnection.host_id, Delivery.state, Delivery.error_code, func.count())
            .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
            .group_by(BackpackConnection.host_id, Delivery.state, Delivery.error_code)
        ).all()
        receipts = list(session.scalars(select(Delivery.receipt)))
    assert sorted(states) == [(number, DeliveryState.DELIVERED, None, LEARNERS * BADGES) for number in (1, 2, 3)]
    assert all(one is not None and one["read_back"] for one in receipts)
    for host in hosts:
        created = Counter(tuple(one) for one in host("created"))
        assert len(created) == LEARNERS * BADGES
        assert set(created.values()) == {1}
        assert all(len(host("stored", email=email_of(number))) == BADGES for number in range(LEARNERS))
    for host in hosts[:2]:
        pushes = [call for call in host("calls") if call["method"] == "POST" and call["path"].endswith("/credentials")]
        assert Counter(call["status"] for call in pushes)[200] == 0, "what was there was looked at, not pushed again"


# -- rows, made directly ----------------------------------------------------------------------------------------------


def email_of(number: int) -> str:
    return f"learner{number}@lakeside.example"


def make_badges(wallets: Wallets) -> list[int]:
    """Fifty learners with ten signed badges each, copied from Ada's; returns the learners."""
    credential_id = wallets.claim()
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        profile.email, profile.url = "badges@lakeside.example", "https://lakeside.example"
        credential = session.get_one(Credential, credential_id)
        award, version, ada = credential.award, credential.versions[0], session.get_one(User, wallets.ada)
        learners: list[int] = []
        for number in range(LEARNERS):
            learners.append(copy(session, User, ada, platform_user_id=f"learner-{number}", email=email_of(number)))
            for badge in range(BADGES):
                award_id = copy(session, Award, award, user_id=learners[-1], occasion=f"term-{badge}")
                public_id = secrets.token_urlsafe(16)
                url_id = credential.url_id.replace(credential.public_id, public_id)
                new_id = copy(session, Credential, credential, public_id=public_id, award_id=award_id, url_id=url_id)
                copy(
                    session,
                    CredentialVersion,
                    version,
                    credential_id=new_id,
                    subject=email_of(number),
                    status_index=1_000 + number * BADGES + badge,
                    document=(version.document or "").replace(credential.public_id, public_id),
                    state=VersionState.ISSUED,
                )
    return learners


def copy(session: Any, table: Any, row: Any, **changes: Any) -> int:
    """Insert a row like another one; returns its number."""
    values = {one.name: getattr(row, one.name) for one in table.__table__.columns if one.name != "id"}
    made: int = session.execute(insert(table).values(**{**values, **changes}).returning(table.id)).scalar_one()
    return made


def connect(wallets: Wallets, host: RemoteHost, protocol: str, learners: list[int]) -> None:
    """Connect every learner to a host, over HTTP, and queue all their badges."""
    parts, now = wallets.services, wallets.course.now
    backpack = parts.backpacks[protocol]
    introducer = Introducer(parts.database, parts.vault, parts.settings)
    with parts.database.write() as session:
        host_id = backpacks.add_host(session, host.base_url, host.base_url, now, protocol=protocol).id
    description, client = introducer.introduce(backpack, host_id, now)
    for number, user_id in enumerate(learners):
        host("add_user", email=email_of(number))
        asked = backpack.authorization_request(description, client, introducer.redirect_uri)
        address = host("approve", url=asked.url, email=email_of(number))
        answer = dict(one.split("=", 1) for one in address.partition("?")[2].split("&"))
        code = authorization_code(answer, asked.state)
        tokens = backpack.exchange_code(description, client, code, introducer.redirect_uri, asked.code_verifier)
        with parts.database.write() as session:
            connection = backpacks.save_connection(session, user_id, host_id, tokens, parts.vault, now)
            own = select(CredentialVersion.id).join(Credential).join(Award).where(Award.user_id == user_id)
            due = {"purpose": DeliveryPurpose.PUT, "state": DeliveryState.QUEUED, "attempts": 0}
            due |= {"due_at": now - timedelta(seconds=1), "created_at": now, "connection_id": connection.id}
            session.execute(insert(Delivery), [due | {"credential_version_id": one} for one in session.scalars(own)])
