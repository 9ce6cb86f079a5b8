"""One tool per test, and its client."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from web_world import World, make_world

from lti_tool.services.launching import OpenedLaunch
from lti_tool.web.session import LAUNCH_COOKIE


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """A tool with one platform."""
    world = make_world(migrated_sqlite_url)
    yield world
    world.services.database.engine.dispose()


@pytest.fixture
def client(world: World) -> FlaskClient:
    """A browser without cookies."""
    return world.app.test_client()


@pytest.fixture
def opened(world: World, client: FlaskClient) -> OpenedLaunch:
    """An instructor's launch whose cookie the client has."""
    opened = world.open()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    return opened
