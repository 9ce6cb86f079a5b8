"""A tool that is served, Ada's signed badge, and a backpack host of either protocol that she is connected to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from claims import Wallets, wallets_on
from hosts.badgr_host import BadgrHost
from hosts.desk import query_of
from hosts.ob3_host import Ob3Host
from sqlalchemy import select

from lti_tool.backpacks.base import authorization_code
from lti_tool.jobs.delivering import deliver
from lti_tool.models import (
    BackpackConnection,
    BackpackHost,
    Credential,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    IssuerProfile,
)
from lti_tool.services import backpacks, connections, delivery
from lti_tool.services.introductions import Introducer

EMAIL = "ada@lakeside.example"
HOSTS: dict[str, Any] = {backpacks.OB3_API: Ob3Host, backpacks.BADGE_CONNECT: BadgrHost}
PUSH = {backpacks.OB3_API: r"POST /ims/ob/v3p0/credentials$", backpacks.BADGE_CONNECT: r"POST /bcv1/assertions$"}
LIST = {backpacks.OB3_API: r"GET /ims/ob/v3p0/credentials$", backpacks.BADGE_CONNECT: r"GET /bcv1/assertions$"}
PROFILE = {backpacks.OB3_API: r"GET /ims/ob/v3p0/profile$", backpacks.BADGE_CONNECT: r"GET /bcv1/profile$"}
TOKEN = {backpacks.OB3_API: r"POST /ims/ob/v3p0/oauth/token$", backpacks.BADGE_CONNECT: r"POST /o/token$"}


@dataclass
class DeliveryWorld:
    """The tool and one host."""

    wallets: Wallets
    protocol: str
    host: Any
    host_id: int
    credential_id: int

    # -- what a learner does ------------------------------------------------------------------------------------------

    def connect(self, email: str = EMAIL) -> int:
        """Consent at the host, as ``email`` there; returns how many deliveries go on because of it."""
        parts, now = self.wallets.services, self.wallets.course.now
        backpack = parts.backpacks[self.protocol]
        introducer = Introducer(parts.database, parts.vault, parts.settings)
        host, client = introducer.introduce(backpack, self.host_id, now)
        asked = backpack.authorization_request(host, client, introducer.redirect_uri)
        code = authorization_code(query_of(self.host.approve(asked.url, email)), asked.state)
        tokens = backpack.exchange_code(host, client, code, introducer.redirect_uri, asked.code_verifier)
        with parts.database.write() as session:
            connection = backpacks.save_connection(session, self.wallets.ada, self.host_id, tokens, parts.vault, now)
            return len(connections.resume(session, connection, now))

    def ask(self, *, again: bool = False) -> int:
        """Want the badge delivered."""
        parts, now = self.wallets.services, self.wallets.course.now
        with parts.database.write() as session:
            credential = session.get_one(Credential, self.credential_id)
            connection = session.scalars(select(BackpackConnection)).one()
            return delivery.queue_delivery(session, credential, connection, now, again=again)

    # -- what the worker does -----------------------------------------------------------------------------------------

    def run(self) -> Delivery:
        """Let a worker do what is due; returns the badge's delivery."""
        for one in self.rows():
            deliver(self.wallets.services, one.id)
        return self.row()

    def later(self) -> None:
        """Let as much time pass as the next attempt, the host's rest and a lost lease need."""
        host, row = self.host_row(), self.row()
        moments = [row.due_at, host.paused_until, row.lease_until, self.wallets.course.now]
        self.wallets.course.now = max(one for one in moments if one is not None)
        self.wallets.course.later(seconds=1)

    def run_until_done(self, most: int = 20) -> Delivery:
        """Let time pass until the delivery ended."""
        for _ in range(most):
            row = self.run()
            if row.state in {DeliveryState.DELIVERED, DeliveryState.FAILED}:
                return row
            self.later()
        raise AssertionError(f"still {row.state} with {row.error_code}")

    # -- what is there ------------------------------------------------------------------------------------------------

    def rows(self, purpose: DeliveryPurpose | None = None) -> list[Delivery]:
        """The deliveries, oldest first."""
        with self.wallets.services.database.read() as session:
            found = session.scalars(select(Delivery).order_by(Delivery.id))
            return [one for one in found if purpose is None or one.purpose is purpose]

    def row(self) -> Delivery:
        """The newest delivery of the badge."""
        return self.rows(DeliveryPurpose.PUT)[-1]

    def host_row(self) -> BackpackHost:
        """The host as the tool knows it."""
        with self.wallets.services.database.read() as session:
            return session.get_one(BackpackHost, self.host_id)

    def connection(self) -> BackpackConnection:
        """Ada's connection."""
        with self.wallets.services.database.read() as session:
            return session.scalars(select(BackpackConnection)).one()

    def pushes(self) -> int:
        """How many times the host was sent the badge."""
        count: int = self.host.count(PUSH[self.protocol])
        return count

    def stored(self, email: str = EMAIL) -> list[str]:
        """What is in somebody's backpack."""
        stored: list[str] = self.host.stored(email)
        return stored

    def foreign_verdict(self) -> str:
        """What foreign code says of the one badge in Ada's backpack: ``good``, or what is wrong."""
        if self.protocol == backpacks.OB3_API:
            (verdict,) = self.host.verdicts(EMAIL).values()
            return "good" if verdict == "intact" else str(verdict)
        (verdict,) = self.host.recheck(EMAIL).values()
        return {"valid": "good", "ASSERTION_REVOKED": "revoked"}.get(verdict, verdict)

    def fail(self, where: dict[str, str], how: str, count: int = 1) -> None:
        """Let the host's next answers go wrong."""
        self.host.fail(where[self.protocol], how, count)


@contextmanager
def delivery_world(database_url: str, live: Any, protocol: str) -> Iterator[DeliveryWorld]:
    """Everything up to the consent; call ``connect`` next."""
    built: list[Any] = []
    url = live(lambda environ, start_response: built[0](environ, start_response))
    with (
        HOSTS[protocol]() as host,
        wallets_on(database_url, public_url=url, allowed_private_hosts=["127.0.0.1", "localhost"]) as wallets,
    ):
        host.add_user(EMAIL)
        host.add_user("somebody@else.example")
        built.append(wallets.app)
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.email, profile.url = "badges@lakeside.example", "https://lakeside.example"
            row = backpacks.add_host(session, host.base_url, "Satchel", wallets.course.now, protocol=protocol)
        yield DeliveryWorld(wallets, protocol, host, row.id, wallets.claim())
