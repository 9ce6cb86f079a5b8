"""Adding, listing and disabling registrations."""

from typing import Any

import pytest
from signed_launches import NOW, tool_settings
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.lti.registration import add_registration, disable_registration, list_registrations
from lti_tool.models import Deployment, DeploymentState, Organization, Registration

VALUES: dict[str, Any] = {
    "name": "Lakeside",
    "issuer": "https://lms.example",
    "client_id": "client-1",
    "auth_login_url": "https://lms.example/auth?tenant=1",
    "auth_token_url": "https://lms.example/token",
    "key_set_url": "https://lms.example/jwks",
}


def add(session: Session, **changes: Any) -> Registration:
    return add_registration(session, **VALUES | {"now": NOW, "settings": tool_settings()} | changes)


def test_without_a_deployment_the_first_one_is_accepted(session: Session) -> None:
    registration = add(session, audience="https://api.brightspace.com/auth/token", product="Brightspace")
    assert registration.accepts_first_deployment
    assert (registration.audience, registration.product) == ("https://api.brightspace.com/auth/token", "brightspace")
    assert session.scalars(select(Organization.name)).all() == ["Lakeside"]
    assert session.scalars(select(Deployment)).all() == []


def test_named_deployments_are_active(session: Session) -> None:
    registration = add(session, deployment_ids=["d-1", "d-2", "d-1"])
    assert not registration.accepts_first_deployment
    rows = session.scalars(select(Deployment).order_by(Deployment.id)).all()
    assert [(row.deployment_id, row.state) for row in rows] == [
        ("d-1", DeploymentState.ACTIVE),
        ("d-2", DeploymentState.ACTIVE),
    ]
    assert {row.organization.name for row in rows} == {"Lakeside"}
    assert {row.registration_id for row in rows} == {registration.id}


@pytest.mark.parametrize("field", ["auth_login_url", "auth_token_url", "key_set_url"])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "lms.example",
        "http://lms.example/x",
        "https://u:p@lms.example/",
        "https://lms.example/#x",
        "file:///etc/passwd",
    ],
)
def test_addresses_are_https(session: Session, field: str, address: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add(session, **{field: address})
    assert (caught.value.code, caught.value.field) == ("address_invalid", field)
    assert session.scalars(select(Registration)).all() == []


def test_listed_hosts_may_use_http(session: Session) -> None:
    settings = tool_settings(allowed_private_hosts=("moodle.internal", "10.0.0.0/8"))
    add(
        session,
        settings=settings,
        auth_login_url="http://moodle.internal/auth.php",
        key_set_url="http://10.1.2.3:8080/certs.php",
    )
    with pytest.raises(InvalidInputError):
        add(session, settings=settings, name="Other", client_id="c-2", key_set_url="http://192.168.0.1/certs.php")


@pytest.mark.parametrize("field", ["name", "issuer", "client_id"])
@pytest.mark.parametrize("value", ["", " x", "x\n", "x" * 256, "\0"])
def test_texts_are_checked(session: Session, field: str, value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add(session, **{field: value})
    assert (caught.value.code, caught.value.field) == ("text_invalid", field)


def test_deployment_ids_are_checked(session: Session) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add(session, deployment_ids=["d-1", ""])
    assert caught.value.field == "deployment_ids"


def test_names_are_taken_once(session: Session) -> None:
    add(session)
    with pytest.raises(ConflictError) as caught:
        add(session, client_id="client-2")
    assert caught.value.code == "registration_name_taken"


def test_a_client_id_is_registered_once_per_issuer(session: Session) -> None:
    add(session)
    with pytest.raises(ConflictError) as caught:
        add(session, name="Hillside")
    assert caught.value.code == "registration_exists"
    add(session, name="Hillside", client_id="client-2")
    add(session, name="Seaside", issuer="https://other.example")


def test_listing_is_by_name(session: Session) -> None:
    add(session)
    add(session, name="Hillside", client_id="client-2")
    assert [one.name for one in list_registrations(session)] == ["Hillside", "Lakeside"]


def test_disabling_keeps_the_first_moment(session: Session) -> None:
    add(session)
    disable_registration(session, "Lakeside", NOW)
    session.flush()
    assert disable_registration(session, "Lakeside", NOW.replace(year=2030)).disabled_at == NOW
    with pytest.raises(NotFoundError) as caught:
        disable_registration(session, "Nowhere", NOW)
    assert caught.value.code == "platform_not_found"
