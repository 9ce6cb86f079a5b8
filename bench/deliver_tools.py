"""Who delivers: this tool as its worker does it, and a bare client that makes the same calls with ``requests``.

A crew is told which learners' badges are next (``prepare``, which does not count), delivers them (``carry_out``), and
says what did not arrive (``missing``, which does not count either).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

import requests

from bench.deliver_hosts import Remote
from bench.deliver_world import BADGE_CONNECT, OB3_API, V2, Learner, World

JSON = {"Content-Type": "application/json"}
RESET: dict[str, Any] = {"attempts": 0, "lease_until": None, "error_code": None, "receipt": None, "remote_id": None}


class Crew(Protocol):
    """See the module."""

    def prepare(self, learners: Sequence[Learner]) -> None: ...

    def carry_out(self, learners: Sequence[Learner]) -> None: ...

    def missing(self, learners: Sequence[Learner]) -> list[str]: ...


def host_of(world: World, protocol: str) -> Remote:
    """Return the host that a protocol leads to."""
    return Remote(world.passport if protocol == OB3_API else world.badgr)


# -- this tool --------------------------------------------------------------------------------------------------------


class Tool:
    """Rows that are due, and what the worker's threads do when they are woken for them."""

    def __init__(self, world: World, protocol: str) -> None:
        from lti_tool.logs import configure_logging
        from lti_tool.settings import load_settings
        from lti_tool.wiring import build_services

        configure_logging("INFO", as_json=True)
        private = ["127.0.0.1", "localhost"]
        settings = load_settings({"LTI_BADGES_ENV": "test"}, **world.settings, allowed_private_hosts=private)
        self._services, self._world, self._protocol = build_services(settings), world, protocol

    def prepare(self, learners: Sequence[Learner]) -> None:
        """Let the badges be wanted just now; the 2.0 face is one that nobody asked for yet."""
        from sqlalchemy import delete, update

        from lti_tool.models import Delivery, DeliveryState, HostedAssertion, MirroredAward, MirrorState

        with self._services.database.write() as session:
            now = self._services.clock()
            credentials = [one.credential_id for one in learners]
            if self._protocol == V2:
                own = update(MirroredAward).where(MirroredAward.credential_id.in_(credentials))
                session.execute(own.values(state=MirrorState.QUEUED, due_at=now, settled_at=None, **RESET))
                return
            ids = [one.deliveries[self._protocol] for one in learners]
            wanted = update(Delivery).where(Delivery.id.in_(ids))
            session.execute(wanted.values(state=DeliveryState.QUEUED, due_at=now, delivered_at=None, **RESET))
            if self._protocol == BADGE_CONNECT:
                session.execute(delete(HostedAssertion).where(HostedAssertion.credential_id.in_(credentials)))

    def carry_out(self, learners: Sequence[Learner]) -> None:  # noqa: ARG002 (it finds out by itself)
        """Do what is due at the host, with as many threads as the worker has."""
        from lti_tool.jobs.celery_app import WORKER_THREADS
        from lti_tool.jobs.delivering import deliver
        from lti_tool.jobs.mirroring import mirror_awards
        from lti_tool.services import delivery, mirrored_awards

        services = self._services
        with services.database.read() as session:
            now = services.clock()
            due = (mirrored_awards.due if self._protocol == V2 else delivery.due_deliveries)(session, now)
        task = mirror_awards if self._protocol == V2 else deliver
        _in_threads(lambda row_id: task(services, row_id), due, WORKER_THREADS)

    def missing(self, learners: Sequence[Learner]) -> list[str]:
        from sqlalchemy import select

        from lti_tool.models import Delivery, DeliveryState, MirroredAward, MirrorState

        with self._services.database.read() as session:
            if self._protocol == V2:
                ids = [one.credential_id for one in learners]
                awards = session.scalars(select(MirroredAward).where(MirroredAward.credential_id.in_(ids)))
                return [f"{one.state}: {one.error_code}" for one in awards if one.state is not MirrorState.ISSUED]
            ids = [one.deliveries[self._protocol] for one in learners]
            rows = session.scalars(select(Delivery).where(Delivery.id.in_(ids))).all()
            return [
                f"{one.state}: {one.error_code}"
                for one in rows
                if one.state is not DeliveryState.DELIVERED or not (one.receipt or {}).get("read_back")
            ]


# -- its peer ---------------------------------------------------------------------------------------------------------


class BareClient:
    """The same calls, in as many threads as the tool lets talk to one host; nothing is stored, nothing compared."""

    def __init__(self, world: World, protocol: str) -> None:
        self._world, self._threads = world, 1 if protocol == V2 else world.conversations
        self._send = {OB3_API: self._push_document, BADGE_CONNECT: self._push_address, V2: self._issue}[protocol]
        self._is_batch, self._here = protocol == V2, threading.local()
        self._shown: set[str] = set()

    def prepare(self, learners: Sequence[Learner]) -> None:  # noqa: ARG002
        self._shown = set()

    def carry_out(self, learners: Sequence[Learner]) -> None:
        batches: Iterator[Sequence[Learner]] = (learners[place : place + 50] for place in range(0, len(learners), 50))
        _in_threads(self._send, batches if self._is_batch else ([one] for one in learners), self._threads)

    def missing(self, learners: Sequence[Learner]) -> list[str]:
        return [one.email for one in learners if not {one.url_id, one.assertion_url} & self._shown]

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._here, "session"):
            self._here.session = requests.Session()
        session: requests.Session = self._here.session
        return session

    def _push_document(self, learners: Sequence[Learner]) -> None:
        (learner,) = learners
        url, bearer = f"{self._world.api_urls[OB3_API]}/credentials", _bearer(learner.tokens[OB3_API])
        sent = self._session.post(url, data=learner.document.encode(), headers=JSON | bearer)
        sent.raise_for_status()
        shown = self._session.get(f"{url}?limit=100&offset=0", headers=bearer)
        shown.raise_for_status()
        self._shown |= {one["id"] for one in shown.json()["credential"]}

    def _push_address(self, learners: Sequence[Learner]) -> None:
        (learner,) = learners
        url, bearer = f"{self._world.api_urls[BADGE_CONNECT]}/assertions", _bearer(learner.tokens[BADGE_CONNECT])
        sent = self._session.post(url, json={"assertion": {"id": learner.assertion_url}}, headers=bearer)
        sent.raise_for_status()
        shown = self._session.get(f"{url}?limit=100&offset=0", headers=bearer)
        shown.raise_for_status()
        self._shown |= {one["id"] for one in shown.json()["results"]}

    def _issue(self, learners: Sequence[Learner]) -> None:
        url, bearer = (
            f"{self._world.badgr}/v2/badgeclasses/{self._world.badge_class_id}",
            _bearer(self._world.badgr_token),
        )
        assertions = [_assertion(one) for one in learners]
        document = {"create_notification": False, "assertions": assertions}
        self._session.post(f"{url}/issue", json=document, headers=bearer).raise_for_status()
        query = [("recipient", one.email) for one in learners] + [("include_revoked", "1"), ("include_expired", "1")]
        shown = self._session.get(f"{url}/assertions?{urlencode(query)}", headers=bearer)
        shown.raise_for_status()
        self._shown |= {item["url"] for one in shown.json()["result"] for item in one["evidence"]}


def _assertion(learner: Learner) -> dict[str, object]:
    return {
        "recipient": {"identity": learner.email, "type": "email", "hashed": True},
        "issuedOn": "2026-03-02T09:00:00Z",
        "evidence": [{"url": learner.url_id}],
        "notify": False,
        "allowDuplicateAwards": False,
    }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _in_threads(work: Callable[[Any], None], items: Any, number: int) -> None:
    """Let threads take items in turn; raises what one of them raised first."""
    waiting, lock = iter(items), threading.Lock()
    failed: list[BaseException] = []

    def take() -> None:
        try:
            while not failed:
                with lock:
                    item = next(waiting, None)
                if item is None:
                    return
                work(item)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=take) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
