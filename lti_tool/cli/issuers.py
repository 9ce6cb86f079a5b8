"""Commands about who issues: names, contact, and the keys that sign."""

import click

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.services import compromised_keys, issuers, jws_keys
from lti_tool.wiring import Services


@cli.group("issuers")
def issuers_group() -> None:
    """Who issues the badges. ID is the end of an issuer's address."""


@issuers_group.command("list")
@JSON_OPTION
@refusals
def issuers_list(as_json: bool) -> None:
    """List issuers and what documents say of them."""
    services = open_services()
    with services.database.read() as session:
        documents = [
            {"id": one.public_id, "address": one.url_id, "name": one.name, "url": one.url, "email": one.email}
            for one in issuers.list_issuers(session)
        ]
    lines = [f"{one['id']}  {one['name']}  {one['url'] or 'no url'}  {one['email'] or 'no email'}" for one in documents]
    show(documents, as_json, lines or ["There is no issuer yet; the first badge makes one."])


@issuers_group.command("set")
@click.argument("issuer", metavar="ID")
@click.option("--name", help="As badges show it.")
@click.option("--url", help="The institution's web site.")
@click.option("--email", help="Whom to write to about badges; published.")
@refusals
def issuers_set(issuer: str, name: str | None, url: str | None, email: str | None) -> None:
    """Change what documents say of an issuer from now on. Open Badges 2.0 demands a web and an e-mail address."""
    if name is None and url is None and email is None:
        raise click.UsageError("Say what to change: --name, --url, --email.")
    services = open_services()
    with services.database.write() as session:
        profile = issuers.get_issuer(session, issuer)
        issuers.describe(session, profile, "cli", services.clock(), name=name, url=url, email=email)
        click.echo(f"{profile.name}: {profile.url or 'no url'}, {profile.email or 'no email'}")


def rotate_issuer_keys(services: Services, public_id: str, *, compromised: bool) -> None:
    """Make new keys for an issuer; after a compromise, stop listing the old ones and sign anew what they signed."""
    with services.database.write() as session:
        profile = issuers.get_issuer(session, public_id)
        if compromised:
            compromised_keys.withdraw_keys(session, profile, services.vault, services.clock(), actor="cli")
        else:
            issuers.add_key(session, profile, services.vault, services.clock(), actor="cli")
            jws_keys.rotate_key(session, profile, services.vault, services.clock(), actor="cli")
        added = issuers.active_key(session, profile.id).public_key_multibase
        click.echo(f"{profile.name} now signs with key {added}.")
    if not compromised:
        return
    total = 0
    while True:
        with services.database.write() as session:
            profile = issuers.get_issuer(session, public_id)
            asked = compromised_keys.sign_anew(session, profile, services.clock(), actor="cli")
        if not asked:
            break
        total += asked
        click.echo(f"{total} badges wait for a new signature …")
    click.echo(f"{total} badges get new copies; the worker signs and delivers them.")
