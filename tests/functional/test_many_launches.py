"""A thousand launches at the same moment, against the web server as ``serve`` starts it: none lost, none doubled."""

import asyncio
import json
import os
import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from jwt import PyJWS
from signed_launches import CLAIM, CLIENT_ID, ISSUER, TOOL, login_parameters, private_key, public_jwk, register
from sqlalchemy import func, select, update

from lti_tool.db import Database, make_engine
from lti_tool.models import (
    AuditEvent,
    Context,
    LaunchSession,
    LoginState,
    Membership,
    Registration,
    ResourceLink,
    SyncRun,
    Ticket,
    User,
)
from lti_tool.supervisor import web_command
from lti_tool.wiring import utc_now

LAUNCHES = 1000
LEARNERS = 250
"""Each launches four times, so that first launches of one person meet as well."""
COURSES = 5
POSTED_TWICE = 100
PORT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was answered; ``cookies`` as a browser sends them back."""

    status: int
    location: str
    cookies: str
    body: str


@dataclass(frozen=True, slots=True)
class Tool:
    """The served tool and its database."""

    port: int
    database: Database

    def count(self, table: Any, *where: Any) -> int:
        """How many rows there are."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def post_at_once(self, path: str, forms: Sequence[tuple[dict[str, str], str]]) -> list[Answer]:
        """Post all forms, each with its cookies, over a connection of its own; all are open before any answer."""

        async def everything() -> list[Answer]:
            together = asyncio.Event()
            tasks = [asyncio.create_task(self._post(path, form, cookie, together)) for form, cookie in forms]
            await asyncio.sleep(0)
            together.set()
            return await asyncio.gather(*tasks)

        return asyncio.run(everything())

    async def _post(self, path: str, form: dict[str, str], cookie: str, together: asyncio.Event) -> Answer:
        body = urlencode(form).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: badges.example", "Connection: close", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/x-www-form-urlencoded", *([f"Cookie: {cookie}"] if cookie else [])]
        await together.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        sent = (await reader.read()).decode()
        writer.close()
        head, _, text = sent.partition("\r\n\r\n")
        status, *fields = head.split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (field.partition(": ") for field in fields)]
        location = next((value for name, value in headers if name == "location"), "")
        cookies = "; ".join(value.partition(";")[0] for name, value in headers if name == "set-cookie")
        return Answer(int(status.split()[1]), location, cookies, text)


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(database_url: str, folder: Path) -> Iterator[int]:
    """The web server, two processes of eight threads; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        "LTI_BADGES_ENV": "test",
        "LTI_BADGES_DATABASE_URL": database_url,
        "LTI_BADGES_PUBLIC_URL": TOOL,
        "LTI_BADGES_DATA_DIR": str(folder / "data"),
        "LTI_BADGES_LOG_LEVEL": "WARNING",
    }
    log = folder / "web.log"
    with log.open("wb") as errors:
        web = subprocess.Popen(
            web_command("127.0.0.1", port), env=os.environ | environment, stderr=errors, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PORT_SECONDS
        while not is_open(port):
            alive = web.poll() is None and time.monotonic() < deadline
            assert alive, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.05)
        yield port
    finally:
        web.terminate()
        assert web.wait(30) == 0, log.read_text(encoding="utf-8")[-2000:]


@pytest.fixture
def tool(any_database: str, tmp_path: Path) -> Iterator[Tool]:
    """The tool with one platform whose keys it knows, on SQLite and on PostgreSQL."""
    database = Database(make_engine(any_database))
    registration_id = register(database, now=utc_now())
    known = {"key_set": {"keys": [public_jwk("k-1", private_key())]}, "key_set_fetched_at": utc_now()}
    with database.write() as session:
        session.execute(update(Registration).where(Registration.id == registration_id).values(**known))
    with served(any_database, tmp_path) as port:
        yield Tool(port, database)
    database.engine.dispose()


def id_token(nonce: str, number: int) -> str:
    """The token of one launch: a learner in one of the courses."""
    now, learner, course = int(time.time()), number % LEARNERS, number % COURSES
    claims = {
        "iss": ISSUER, "aud": CLIENT_ID, "sub": f"learner-{learner}", "name": f"Learner {learner}",
        "iat": now, "exp": now + 300, "nonce": nonce,
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}deployment_id": "d-1",
        f"{CLAIM}target_link_uri": f"{TOOL}/lti/launch",
        f"{CLAIM}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
        f"{CLAIM}context": {"id": f"course-{course}", "title": f"Course {course}"},
        f"{CLAIM}resource_link": {"id": f"link-{course}", "title": "Badges"},
    }  # fmt: skip
    return PyJWS().encode(json.dumps(claims).encode(), private_key(), "RS256", {"kid": "k-1"})


def test_a_thousand_launches_at_once(tool: Tool) -> None:
    begun = tool.post_at_once("/lti/login", [(login_parameters(), "")] * LAUNCHES)
    assert Counter(answer.status for answer in begun) == {302: LAUNCHES}
    assert tool.count(LoginState, LoginState.consumed_at.is_(None)) == LAUNCHES

    launches = []
    for number, answer in enumerate(begun):
        query = parse_qs(urlsplit(answer.location).query)
        form = {"state": query["state"][0], "id_token": id_token(query["nonce"][0], number)}
        launches.append((form, answer.cookies))
    answers = tool.post_at_once("/lti/launch", [*launches, *launches[:POSTED_TWICE]])

    accepted = [answer for answer in answers if answer.status == 303]
    refused = [answer for answer in answers if answer.status != 303]
    assert len(accepted) == LAUNCHES
    assert len({answer.location for answer in accepted}) == LAUNCHES
    assert {re.search(r"launch_replayed", answer.body) is not None for answer in refused} == {True}
    assert len(refused) == POSTED_TWICE

    assert tool.count(LoginState) == tool.count(LoginState, LoginState.consumed_at.is_not(None)) == LAUNCHES
    assert tool.count(AuditEvent, AuditEvent.action == "launch.accepted") == LAUNCHES
    assert tool.count(LaunchSession) == tool.count(Ticket) == LAUNCHES
    assert (tool.count(User), tool.count(Membership)) == (LEARNERS, LEARNERS)
    assert (tool.count(Context), tool.count(ResourceLink), tool.count(SyncRun)) == (COURSES, COURSES, COURSES)
    with tool.database.read() as session:
        actors = session.execute(select(AuditEvent.actor, func.count()).group_by(AuditEvent.actor)).all()
    assert {times for actor, times in actors if actor.startswith("user:")} == {LAUNCHES // LEARNERS}
