"""Accepting and refusing deployments, and which origins a platform has."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from lti_tool.db import Database, make_engine
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import AuditEvent, Deployment, DeploymentState, LoginState, Organization, Registration
from lti_tool.services import deployments
from lti_tool.services.secrets import secret_hash

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(any_database: str) -> Iterator[Database]:
    """Two platforms of one issuer; the first has three deployments (1 pending, 2 active, 3 disabled)."""
    database = Database(make_engine(any_database))
    with database.write() as session:
        organization = Organization(name="Lakeside", created_at=NOW)
        platforms = [
            Registration(
                name=name,
                issuer="https://canvas.example",
                client_id=client_id,
                auth_login_url=f"https://sso-{client_id}.example:8443/auth",
                auth_token_url="https://x.example",
                key_set_url="https://x.example",
                created_at=NOW,
            )
            for name, client_id in (("Beta", "b"), ("Alpha", "a"))
        ]
        session.add_all([organization, *platforms])
        session.flush()
        for state in (DeploymentState.PENDING, DeploymentState.ACTIVE, DeploymentState.DISABLED):
            session.add(
                Deployment(
                    registration_id=platforms[0].id,
                    organization_id=organization.id,
                    deployment_id=state.value,
                    state=state,
                    created_at=NOW,
                )
            )
            session.flush()
    yield database
    database.engine.dispose()


def row_id(database: Database, deployment_id: str) -> int:
    with database.read() as session:
        return session.scalars(select(Deployment.id).where(Deployment.deployment_id == deployment_id)).one()


def test_platforms_are_listed_with_their_deployments(database: Database) -> None:
    with database.read() as session:
        alpha, beta = deployments.list_platforms(session)
    assert (alpha.name, alpha.deployments) == ("Alpha", ())
    assert [one.deployment_id for one in beta.deployments] == ["pending", "active", "disabled"]
    assert {one.organization_name for one in beta.deployments} == {"Lakeside"}


@pytest.mark.parametrize(
    ("before", "decide", "after"),
    [
        ("pending", deployments.accept, "active"),
        ("pending", deployments.refuse, "disabled"),
        ("disabled", deployments.accept, "active"),
    ],
)
def test_a_decision_changes_the_state_and_is_audited(database, before, decide, after) -> None:
    with database.write() as session:
        changed = decide(session, row_id(database, before), actor="staff:1", now=NOW)
        assert changed.state.value == after
    with database.read() as session:
        event = session.scalars(select(AuditEvent)).one()
        assert session.get_one(Deployment, changed.id).state.value == after
    assert (event.actor, event.subject) == ("staff:1", f"deployment:{changed.id}")
    assert event.organization_id == changed.organization_id


@pytest.mark.parametrize(
    ("before", "decide"),
    [("active", deployments.accept), ("active", deployments.refuse), ("disabled", deployments.refuse)],
)
def test_what_was_decided_stays(database, before, decide) -> None:
    with pytest.raises(ConflictError) as refused, database.write() as session:
        decide(session, row_id(database, before), actor="staff:1", now=NOW)
    assert refused.value.code == "deployment_decided"
    with database.read() as session:
        assert session.scalars(select(AuditEvent)).all() == []


def test_an_unknown_deployment_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError), database.write() as session:
        deployments.accept(session, 999, actor="staff:1", now=NOW)


def test_origins_of_the_platform_that_was_asked(database: Database) -> None:
    with database.write() as session:
        beta = session.scalars(select(Registration.id).where(Registration.client_id == "b")).one()
        session.add(
            LoginState(
                state_hash=secret_hash("s"),
                nonce_hash="n",
                registration_id=beta,
                login_parameters={},
                created_at=NOW,
                expires_at=NOW,
            )
        )
    with database.read() as session:
        find = deployments.find_platform_origins
        of_beta = ["https://canvas.example", "https://sso-b.example:8443"]
        assert find(session, state="s") == of_beta
        assert find(session, issuer="https://canvas.example", client_id="b") == of_beta
        assert find(session, issuer="https://canvas.example", client_id="a")[1] == "https://sso-a.example:8443"
        assert find(session, issuer="https://canvas.example") == of_beta
        for nothing in ({"state": "t"}, {"issuer": "https://evil.example"}, {}):
            assert find(session, **nothing) == []


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://lms.example/path?x#y", "https://lms.example"),
        ("https://user:pw@lms.example:8443/", "https://lms.example:8443"),
        ("http://localhost:8001", "http://localhost:8001"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]"),
        ("https://lms.example; script-src */", None),
        ("https://a b/", None),
        ("https://lms.example:99999/", None),
        ("javascript:alert(1)", None),
        ("urn:lms", None),
        ("*", None),
        ("", None),
    ],
)
def test_an_origin_is_an_origin_or_nothing(url: str, origin: str | None) -> None:
    assert deployments.origin_of(url) == origin
