"""One-time links: for a platform that registers itself, and for a staff member who signs in."""

import click

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.models import StaffRole
from lti_tool.services import platform_invites, staff
from lti_tool.wiring import Services

PRODUCTS = "canvas, moodle, brightspace, blackboard, sakai, openedx"


@cli.command()
@click.option("--platform", "name", help="A link with which this platform registers the tool by itself.")
@click.option("--product", help=f"What it is: {PRODUCTS}.")
@click.option("--renew", is_flag=True, help="Bring the registration of that name up to date instead.")
@click.option(
    "--role", type=click.Choice(["admin", "registrar", "reviewer"]), help="A link that signs EMAIL in with this role."
)
@click.argument("email", required=False)
@JSON_OPTION
@refusals
def invite(
    name: str | None, product: str | None, renew: bool, role: str | None, email: str | None, as_json: bool
) -> None:
    """Make a one-time link, for a platform (--platform NAME) or for a staff member (--role ROLE EMAIL)."""
    if name is not None and role is None and email is None:
        _invite_platform(open_services(), name, product, renew, as_json)
    elif name is None and role is not None and email is not None and not product and not renew:
        _invite_staff(open_services(), email, StaffRole(role), as_json)
    else:
        raise click.UsageError("Say --platform NAME (with --product or --renew), or --role ROLE and an e-mail address.")


def _invite_staff(services: Services, email: str, role: StaffRole, as_json: bool) -> None:
    now = services.clock()
    with services.database.write() as session:
        token = staff.invite(session, email, role, now)
    link = f"{services.settings.public_url}/staff/join/{token}"
    ends_at = now + staff.INVITE_LIFE
    show({"link": link, "email": email, "role": role.value, "expires_at": ends_at.isoformat()}, as_json, [link])


def _invite_platform(services: Services, name: str, product: str | None, renews: bool, as_json: bool) -> None:
    now = services.clock()
    with services.database.write() as session:
        token = platform_invites.invite_platform(session, name, product=product, renews=renews, actor="cli", now=now)
    link = f"{services.settings.public_url}/lti/register?invite={token}"
    ends_at = now + platform_invites.INVITE_LIFE
    document = {"link": link, "platform": name, "product": product, "renews": renews, "expires_at": ends_at.isoformat()}
    show(document, as_json, [link])
    if not as_json:
        click.echo(
            f"Paste it where the platform asks for a tool's address. It works once, until {ends_at:%Y-%m-%d}.",
            err=True,
        )
