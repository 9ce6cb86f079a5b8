"""Processes that die at the worst moment: between signing and storing, between pushing and noting the receipt.

A child process is killed (SIGKILL, nothing is cleaned up); the sweep of another process must leave exactly one
credential and one delivery.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from claims import Wallets, wallets_on
from conftest import Live
from flask import Flask
from sqlalchemy import select

from lti_tool.backpacks.base import authorization_code
from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_store import BackpackStore
from lti_tool.jobs import schedule
from lti_tool.models import Credential, CredentialVersion, Delivery, DeliveryState, VersionState
from lti_tool.services import backpacks, delivery, issuing
from lti_tool.services.delivery_batches import LEASE
from lti_tool.services.wakeups import SEAL_AUDIT

ROOT = Path(__file__).resolve().parents[2]
REDIRECT_URI = "http://localhost:8000/connect/callback"

CHILD = """
import os, signal, sys
from datetime import datetime
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.jobs import schedule
from lti_tool.services import delivery_batches, issuing
from lti_tool.settings import load_settings
from lti_tool.wiring import build_services


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

url, now, where = sys.argv[1:]
if where == "between_sign_and_store":
    issuing.store_signed = die
if where == "between_push_and_receipt":
    push = OpenBadgesApi.push
    OpenBadgesApi.push = lambda *given: (push(*given), die())
if where == "before_the_receipt_is_stored":
    delivery_batches.settle = die
settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=url)
services = build_services(settings, clock=lambda: datetime.fromisoformat(now))
schedule.run_due(services)
print("nobody died")
"""


def run_child(wallets: Wallets, database_url: str, where: str) -> int:
    """Do what is due in a process that dies; returns its exit code."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), database_url]
    done = subprocess.run(
        [*command, wallets.course.now.isoformat(), where],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "nobody died" not in done.stdout
    return done.returncode


@pytest.fixture
def wallets(any_database: str) -> Iterator[Wallets]:
    """Ada's badge is offered; on SQLite and on PostgreSQL."""
    with wallets_on(any_database) as wallets:
        yield wallets


def ran(wallets: Wallets) -> int:
    """Do what is due; returns how many tasks that were, sealing the audit trail not counted."""
    sealings = sum(task == SEAL_AUDIT for task, _ in schedule.iter_due(wallets.services))
    return schedule.run_due(wallets.services) - sealings


# -- signing ----------------------------------------------------------------------------------------------------------


def test_a_death_between_signing_and_storing_leaves_one_credential(wallets: Wallets, any_database: str) -> None:
    wallets.claim(sign=False)
    for _ in range(2):
        assert run_child(wallets, any_database, "between_sign_and_store") == -signal.SIGKILL
    assert wallets.count(CredentialVersion, CredentialVersion.state == VersionState.PENDING) == 1
    assert ran(wallets) == 1
    assert wallets.count(Credential) == 1
    assert wallets.count(CredentialVersion) == 1
    assert wallets.count(CredentialVersion, CredentialVersion.state == VersionState.ISSUED) == 1
    assert wallets.document(1)["id"].endswith(wallets.public_id(1))
    assert [event.action for event in wallets.course.events("credential.")] == ["credential.issued"]
    assert ran(wallets) == 0


def test_who_stores_second_changes_nothing(wallets: Wallets) -> None:
    wallets.claim(sign=False)
    with wallets.services.database.read() as session:
        unsigned = issuing.compose(session, 1, wallets.services.vault)
    assert unsigned is not None
    texts = [issuing.sign(unsigned), "another text"]
    stored = []
    for text in texts:
        with wallets.services.database.write() as session:
            stored.append(issuing.store_signed(session, 1, text, wallets.course.now))
    assert stored == [True, False]
    with wallets.services.database.read() as session:
        assert session.get_one(CredentialVersion, 1).document == texts[0]


# -- delivering -------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(live: Live, wallets: Wallets) -> BackpackStore:
    """A backpack that Ada is connected to, with her signed badge queued for it."""
    built: list[Flask] = []
    url = live(lambda environ, start_response: built[0](environ, start_response))
    built.append(create_backpack(url))
    queue_delivery(wallets, url)
    found: BackpackStore = built[0].extensions["backpack"]
    return found


def queue_delivery(wallets: Wallets, url: str) -> None:
    parts, site = wallets.services, wallets.services.settings.public_url
    backpack = parts.backpacks["ob3_api"]
    host = backpack.discover(url)
    client = backpack.register(host, REDIRECT_URI, "LTI Badges", site, f"{site}/l", f"{site}/t", f"{site}/p")
    asked = backpack.authorization_request(host, client, REDIRECT_URI)
    answer = consent(asked.url)
    code = authorization_code(answer, asked.state)
    tokens = backpack.exchange_code(host, client, code, REDIRECT_URI, asked.code_verifier)
    credential_id = wallets.claim()
    with parts.database.write() as session:
        now = wallets.course.now
        row = backpacks.add_host(session, url, "Backpack", now)
        backpacks.remember_host(session, row.id, host, client, parts.vault)
        connection = backpacks.save_connection(session, wallets.ada, row.id, tokens, parts.vault, now)
        delivery.queue_delivery(session, session.get_one(Credential, credential_id), connection, now)


def consent(address: str) -> dict[str, str]:
    """Sign in and allow; returns the query of the callback."""
    with requests.Session() as browser:
        page = browser.get(address)
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        page = browser.post(page.url, data={"csrf_token": token, "name": "Ada", "email": "ada@lakeside.example"})
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = browser.post(page.url, data={"csrf_token": token, "decision": "allow"}, allow_redirects=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@pytest.mark.parametrize("where", ["between_push_and_receipt", "before_the_receipt_is_stored"])
def test_a_death_after_the_push_leaves_one_badge_and_one_delivery(
    wallets: Wallets, store: BackpackStore, any_database: str, where: str
) -> None:
    assert run_child(wallets, any_database, where) == -signal.SIGKILL
    assert len(store.credentials) == 1
    (stored,) = store.credentials.values()
    received_at = stored.changed_at
    assert ran(wallets) == 0  # the lease still holds: nobody else takes it
    wallets.course.now += LEASE
    wallets.course.later(seconds=1)
    assert ran(wallets) == 1
    with wallets.services.database.read() as session:
        (row,) = session.scalars(select(Delivery))
    assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 2)
    assert row.receipt is not None
    assert (row.receipt["outcome"], row.receipt["read_back"]) == ("unchanged", True)
    (stored,) = store.credentials.values()
    assert stored.changed_at == received_at  # looked first, and did not push again
