"""What the suites stand on does what it says: separate databases, a Redis that answers, a web server that ends."""

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from lti_tool.db import Database, make_engine
from lti_tool.outbound import HttpClient


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_belongs_to_one_test(any_database: str, turn: int) -> None:
    engine = make_engine(any_database)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE mine (turn INTEGER)"))  # fails when the first turn's is still there
        assert Database(engine).is_ready()
    finally:
        engine.dispose()


def test_session_and_engine_are_one_database(engine: Engine, session: Session) -> None:
    assert session.get_bind() is engine
    assert session.scalar(text("SELECT version_num FROM alembic_version"))


def test_redis_answers(redis_url: str) -> None:
    with redis.Redis(unix_socket_path=urlsplit(redis_url).path) as client:
        assert client.set("key", "value") is True
        assert client.get("key") == b"value"


def test_two_applications_are_served_at_once(live: Callable[[Any], str]) -> None:
    client = HttpClient(allowed_private_hosts=("127.0.0.1",))
    bases = []
    for name in ("one", "two"):
        app = Flask(name)
        app.get("/")(lambda name=name: name)
        bases.append(live(app))
    assert [client.get(f"{base}/").text for base in bases] == ["one", "two"]


def test_a_served_application_ends(request: pytest.FixtureRequest) -> None:
    from conftest import served

    with served(Flask("short")) as base:
        address = (urlsplit(base).hostname, urlsplit(base).port)
        socket.create_connection(address, timeout=2).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=2)
