"""Commands about the LMSs this tool is registered with."""

from typing import Any

import click
from sqlalchemy import select

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.lti import registration as registrations
from lti_tool.models import Deployment
from lti_tool.services import registrations as installed
from lti_tool.services.platform_page import Health, find_health


@cli.group()
def platforms() -> None:
    """The LMSs this tool is registered with."""


@platforms.command("add")
@click.option("--name", required=True)
@click.option("--issuer", required=True)
@click.option("--client-id", required=True)
@click.option("--auth-login-url", required=True)
@click.option("--auth-token-url", required=True)
@click.option("--key-set-url", required=True)
@click.option("--audience", help="Where the platform wants another 'aud' in token requests than its token URL.")
@click.option(
    "--deployment-id", "deployment_ids", multiple=True, help="Repeat for several. None: the first is accepted."
)
@click.option("--product", help="canvas, moodle, brightspace, blackboard, sakai, openedx")
@refusals
def platforms_add(**options: Any) -> None:
    """Register a platform."""
    services = open_services()
    with services.database.write() as session:
        added = installed.add_by_hand(session, **options, actor="cli", now=services.clock(), settings=services.settings)
        name, registration_id = added.name, added.id
    click.echo(f"Added {name} (registration {registration_id}).")
    base = services.settings.public_url
    click.echo(f"Give the platform: login {base}/lti/login, redirect {base}/lti/launch, keys {base}/lti/jwks")


@platforms.command("list")
@JSON_OPTION
@refusals
def platforms_list(as_json: bool) -> None:
    """List platforms and their deployments."""
    services = open_services()
    documents, lines = [], []
    with services.database.read() as session:
        for one in registrations.list_registrations(session):
            found = session.scalars(select(Deployment).where(Deployment.registration_id == one.id))
            deployments = {each.deployment_id: each.state.value for each in found}
            shown = ", ".join(f"{key} {state}" for key, state in deployments.items()) or "none yet"
            disabled = " (disabled)" if one.disabled_at else ""
            lines.append(f"{one.name}{disabled}: {one.issuer} client {one.client_id} deployments {shown}")
            documents.append(
                {
                    "name": one.name,
                    "issuer": one.issuer,
                    "client_id": one.client_id,
                    "product": one.product,
                    "disabled": one.disabled_at is not None,
                    "deployments": deployments,
                    "scopes": one.scopes,
                    "health": _health_document(find_health(session, one.id)),
                }
            )
    show(documents, as_json, lines or ["No platform is registered. Add one: lti-badges platforms add --help"])


@platforms.command("disable")
@click.argument("name")
@refusals
def platforms_disable(name: str) -> None:
    """Refuse launches from a platform from now on."""
    services = open_services()
    with services.database.write() as session:
        found = registrations.get_registration(session, name)
        installed.set_disabled(session, found.id, True, actor="cli", now=services.clock())
    click.echo(f"{name} is disabled; its awards and credentials are kept.")


def _health_document(health: Health) -> dict[str, Any]:
    moments = {name: getattr(health, name) for name in ("launched_at", "token_at", "service_at", "failed_at")}
    return {name: one and one.isoformat() for name, one in moments.items()} | {
        "token_scopes": list(health.token_scopes),
        "failed_code": health.failed_code,
        "clock_skew_seconds": health.clock_skew_seconds,
    }
