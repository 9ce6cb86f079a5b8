"""Commands that do the tool's work: keys, courses, competencies, backpacks, verification."""

import os
import sys
from pathlib import Path

import click

from lti_tool.backpacks import badgr
from lti_tool.backpacks.base import ClientRegistration
from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.cli.issuers import rotate_issuer_keys
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.frameworks.csv import read_competencies
from lti_tool.lti import registration as registrations
from lti_tool.models import Context
from lti_tool.openbadges.report import Verdict
from lti_tool.outbound import HttpClient
from lti_tool.services import backpack_health, backpacks, frameworks, introductions, revoking, verifying
from lti_tool.wiring import utc_now


@cli.group()
def keys() -> None:
    """Signing keys."""


@keys.command("rotate")
@click.option(
    "--lti",
    "platform",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="The key that signs towards platforms; one key serves them all, so NAME only says why it is rotated.",
)
@click.option(
    "--issuer", metavar="ID", help="The key that signs an issuer's badges; ID is the end of the issuer's address."
)
@click.option(
    "--compromised",
    is_flag=True,
    help="The issuer's keys are in wrong hands: they are not listed any more, and what they signed is signed anew.",
)
@refusals
def keys_rotate(platform: str | None, issuer: str | None, compromised: bool) -> None:
    """Make a new key. An old LTI key stays published for a month, an old issuer key for ever."""
    if (platform is None) is (issuer is None):
        raise click.UsageError("Say which key: --lti, or --issuer ID.")
    if compromised and issuer is None:
        raise click.UsageError("--compromised is about an issuer's keys: --issuer ID.")
    services = open_services()
    if issuer is not None:
        rotate_issuer_keys(services, issuer, compromised=compromised)
        return
    if platform:
        with services.database.read() as session:
            registrations.get_registration(session, platform)
    key = services.tool_keys.rotate()
    click.echo(f"The tool now signs with key {key.kid}.")


@cli.group("frameworks")
def frameworks_group() -> None:
    """Competency frameworks."""


@frameworks_group.command("import")
@click.option("--context", "context_id", type=int, required=True, help="The course, by its number.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@refusals
def frameworks_import(context_id: int, file: Path) -> None:
    """Import competencies from a CSV file into a course."""
    services = open_services()
    competencies = read_competencies(file.read_bytes())
    with services.database.write() as session:
        context = session.get(Context, context_id)
        if context is None:
            raise NotFoundError("There is no such course.")
        added = frameworks.import_items(session, context, competencies, services.clock())
    click.echo(f"{added} competencies added, {len(competencies) - added} were there.")


@cli.group("backpacks")
def backpacks_group() -> None:
    """The backpacks learners can choose."""


@backpacks_group.command("add")
@click.option("--name", required=True)
@click.option("--protocol", help="ob3_api, badge_connect or badgr; without it, the host is asked.")
@click.option("--client-id", help="As the host's operators gave it (badgr needs one); asks for the secret.")
@click.argument("address")
@refusals
def backpacks_add(name: str, protocol: str | None, client_id: str | None, address: str) -> None:
    """Offer a backpack at ADDRESS (Open Badges 3.0 or Badge Connect) to learners, once it answered."""
    services = open_services()
    if protocol == backpacks.BADGR and client_id is None:
        raise InvalidInputError("This protocol needs --client-id, from the host's operators.", code="client_id_missing")
    secret = click.prompt("Client secret", hide_input=True) if client_id else None
    found, description = introductions.find_protocol(services.backpacks, address, protocol)
    with services.database.write() as session:
        now, checked = services.clock(), backpack_health.checked_name(name)
        host = backpacks.add_host(session, address, checked, now, protocol=found)
        if client_id is not None:
            client = ClientRegistration(client_id, secret, scope=badgr.SCOPE if found == backpacks.BADGR else "")
            backpacks.remember_host(session, host.id, description, client, services.vault)
    click.echo(f"Learners can now choose {name}. It speaks {backpacks.PROTOCOLS[found]}.")


@backpacks_group.command("list")
@JSON_OPTION
@refusals
def backpacks_list(as_json: bool) -> None:
    """Show the backpacks, what waits for each, and what did not arrive."""
    services = open_services()
    with services.database.read() as session:
        found = backpack_health.list_hosts(session, services.clock())
    documents = [
        {
            "name": one.host.name,
            "address": one.host.address,
            "protocol": one.host.protocol,
            "offered": one.host.is_offered,
            "waiting": one.waiting,
            "delivered": one.delivered,
            "failed": one.failed,
            "resting_until": one.host.paused_until.isoformat() if one.is_resting and one.host.paused_until else None,
        }
        for one in found
    ]
    lines = [
        f"{one.host.name} ({one.host.protocol}, {one.host.address}): {one.waiting} waiting, {one.delivered} delivered, "
        f"{sum(one.failed.values())} failed" + (", resting" if one.is_resting else "")
        for one in found
    ]
    show(documents, as_json, lines or ["No backpack yet: lti-badges backpacks add --help"])


@cli.group("credentials")
def credentials_group() -> None:
    """Badges that learners hold."""


@credentials_group.command("revoke")
@click.argument("credential")
@click.option("--reason", required=True, help="Why; kept in the audit trail, and told to the learner.")
@refusals
def credentials_revoke(credential: str, reason: str) -> None:
    """Take a badge back for good; CREDENTIAL is its address, or the end of it."""
    services = open_services()
    with services.database.write() as session:
        found = revoking.find_credential(session, credential)
        is_new = revoking.revoke(session, found, reason, "cli", services.clock())
        address = found.url_id
    click.echo(f"{address} is revoked." if is_new else f"{address} was revoked before.")


@cli.command()
@click.argument("source")
@click.option("--recipient", help="E-mail address of the person who shows the badge.")
@JSON_OPTION
@refusals
def verify(source: str, recipient: str | None, as_json: bool) -> None:
    """Check a badge in a FILE or at a URL; exit code 0 only if it is valid. Needs no installation, only the network."""
    private = os.environ.get("LTI_BADGES_ALLOWED_PRIVATE_HOSTS", "")
    http = HttpClient(allowed_private_hosts=[host.strip() for host in private.split(",") if host.strip()])
    content: bytes | str = source if "://" in source else _content(Path(source))
    report = verifying.verify(content, http, utc_now(), recipient_email=recipient)
    show(report.to_document(), as_json, verifying.lines(report))
    sys.exit(0 if report.outcome is Verdict.VALID else 1)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read ({error.strerror}).", code="file_unreadable") from None
