"""Making this tool known to a backpack host: discovery and registration, kept for all learners.

A host that forgot this tool is told of it again, once for all who notice at the same time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lti_tool.backpacks.base import Backpack, ClientRegistration, HostDescription
from lti_tool.db import Database
from lti_tool.errors import BackpackError, BackpackRefusedError, InvalidInputError
from lti_tool.models import BackpackHost
from lti_tool.services.backpacks import BADGE_CONNECT, OB3_API, known_host, remember_host
from lti_tool.settings import Settings
from lti_tool.vault import Vault

DISCOVERED = (OB3_API, BADGE_CONNECT)
"""Protocols whose hosts describe themselves, the better one first: many hosts speak both."""
ADDRESS_CODES = frozenset({"address_refused", "backpack_address_invalid"})
CALLBACK_PATH = "/connect/callback"
LOGO_PATH = "/static/logo.png"
TERMS_PATH = "/about/terms"
PRIVACY_PATH = "/about/privacy"


@dataclass(frozen=True, slots=True)
class Introducer:
    """What introducing needs."""

    database: Database
    vault: Vault
    settings: Settings

    @property
    def redirect_uri(self) -> str:
        """Where hosts send the learner's browser back to."""
        return self.settings.public_url + CALLBACK_PATH

    def introduce(
        self, backpack: Backpack, host_id: int, now: datetime, *, instead_of: ClientRegistration | None = None
    ) -> tuple[HostDescription, ClientRegistration]:
        """Return how to talk to the host; discovered and registered now when that is not known, or has ended.

        ``instead_of``: a registration that the host does not know any more. No transaction is open meanwhile. Raises
        what ``Backpack.discover`` and ``Backpack.register`` raise.
        """
        with self.database.read() as session:
            host = session.get_one(BackpackHost, host_id)
            known, address = known_host(host, self.vault), host.address
        if known is not None and not _is_spent(known[1], instead_of, now):
            return known
        site = self.settings.public_url
        description = backpack.discover(address)
        client = backpack.register(
            description,
            self.redirect_uri,
            self.settings.tool_name,
            site,
            site + LOGO_PATH,
            site + TERMS_PATH,
            site + PRIVACY_PATH,
        )
        ended = instead_of or (known[1] if known is not None else None)
        with self.database.write() as session:
            return remember_host(session, host_id, description, client, self.vault, instead_of=ended)


def find_protocol(
    backpacks: Mapping[str, Backpack], address: str, wanted: str | None = None
) -> tuple[str, HostDescription]:
    """Ask an address which protocol it speaks; returns the protocol's name and the host's description of itself.

    ``wanted``: the one protocol to try. Raises what ``discover`` raised, the failure that may pass before the others;
    ``BackpackRefusedError`` (``backpack_not_recognised``) when there is something else at the address;
    ``InvalidInputError`` (``protocol_unknown``).
    """
    if wanted is not None and wanted not in backpacks:
        known = ", ".join(sorted(backpacks))
        raise InvalidInputError(f"There is no protocol {wanted}; there are {known}.", code="protocol_unknown")
    failures: list[BackpackError] = []
    for name in DISCOVERED if wanted is None else (wanted,):
        try:
            return name, backpacks[name].discover(address)
        except BackpackError as error:
            failures.append(error)
    for failure in failures:
        if failure.retryable or failure.code in ADDRESS_CODES or wanted is not None:
            raise failure
    raise BackpackRefusedError(
        "This address answers neither as an Open Badges 3.0 host nor as a Badge Connect host.",
        code="backpack_not_recognised",
    )


def _is_spent(client: ClientRegistration, instead_of: ClientRegistration | None, now: datetime) -> bool:
    has_ended = client.secret_expires_at is not None and client.secret_expires_at <= now
    return has_ended or (instead_of is not None and client.client_id == instead_of.client_id)
