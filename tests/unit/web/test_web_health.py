"""Alive, ready, and figures."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from web_world import START, World

from lti_tool.models import SyncRun, SyncState


def test_alive_needs_no_database(world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.services.database), "read", None)
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}


def test_ready_with_the_newest_schema(world: World, client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200
    with world.services.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "error": "schema_outdated"}
    with world.services.database.write() as session:
        session.execute(text("DROP TABLE alembic_version"))
    assert client.get("/readyz").json == {"status": "unavailable", "error": "database_unreachable"}


def test_figures_count_requests_and_rows(world: World, client: FlaskClient) -> None:
    world.add_deployment("waiting")
    opened = world.open()
    with world.services.database.write() as session:
        session.add(
            SyncRun(context_id=opened.context_id, state=SyncState.FAILED, reason="button", due_at=START, counts={})
        )
    client.get("/healthz")
    client.get("/no/such/page")
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    figures = answer.text
    assert 'lti_badges_requests_total{endpoint="health.alive",method="GET",status="200"} 1.0' in figures
    assert 'lti_badges_requests_total{endpoint="none",method="GET",status="404"} 1.0' in figures
    assert re.search(r'lti_badges_request_seconds_count\{endpoint="health.alive"\} 1\.0', figures)
    assert "lti_badges_pending_deployments 1.0" in figures
    assert 'lti_badges_sync_runs{state="failed"} 1.0' in figures
    assert 'lti_badges_sync_runs{state="requested"} 1.0' in figures  # the launch asked for a reading
    assert 'lti_badges_deliveries{state="failed"} 0.0' in figures
