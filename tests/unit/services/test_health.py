"""Counts and lists for the admin's first page."""

from datetime import timedelta

import pytest
from web_world import START, World, make_world

from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    ConnectionState,
    DeploymentState,
    SyncRun,
    SyncState,
)
from lti_tool.services import health


@pytest.fixture
def world(any_database: str):
    """A tool with one platform."""
    world = make_world(any_database)
    yield world
    world.services.database.engine.dispose()


def test_counts_name_every_state(world: World) -> None:
    for deployment_id, state in (("2", DeploymentState.PENDING), ("3", DeploymentState.DISABLED)):
        world.add_deployment(deployment_id, state)
    with world.services.database.read() as session:
        counts = health.count(session)
    assert counts.pending_deployments == 1
    assert counts.sync_runs == {"requested": 0, "running": 0, "done": 0, "failed": 0}
    assert set(counts.deliveries.values()) == {0}


def test_the_newest_readings_come_first_and_not_all_of_them(world: World) -> None:
    opened = world.open()
    with world.services.database.write() as session:
        for minute in range(12):
            at = START + timedelta(minutes=minute)
            session.add(
                SyncRun(
                    context_id=opened.context_id,
                    state=SyncState.DONE,
                    reason="schedule",
                    due_at=at,
                    finished_at=at,
                    counts={},
                )
            )
            session.flush()
    with world.services.database.read() as session:
        runs = health.list_sync_runs(session)
        counts = health.count(session)
    assert len(runs) == health.SHOWN
    assert runs[0].finished_at == START + timedelta(minutes=11)
    assert runs[0].context_title == "Title of course-1"
    assert counts.sync_runs["done"] == 12


def test_a_connection_without_a_failure_is_not_listed(world: World) -> None:
    opened = world.open()
    with world.services.database.write() as session:
        host = BackpackHost(address="https://b.example", name="B", protocol="ob3_api", created_at=START)
        session.add(host)
        session.flush()
        session.add(
            BackpackConnection(
                user_id=opened.user_id,
                host_id=host.id,
                state=ConnectionState.ACTIVE,
                created_at=START,
                changed_at=START,
            )
        )
    with world.services.database.read() as session:
        assert health.list_failed_deliveries(session) == []
