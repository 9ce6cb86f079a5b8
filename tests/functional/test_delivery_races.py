"""A delivery that a worker takes in the same moment in which something else wants it: nobody's word is overwritten."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from claims import Wallets, wallets_on
from sqlalchemy.orm import Session

from lti_tool.backpacks.base import Tokens
from lti_tool.models import BackpackConnection, Credential, CredentialVersion, Delivery, DeliveryState, VersionState
from lti_tool.services import backpacks, delivery


def connect_and_queue(wallets: Wallets, state: DeliveryState) -> None:
    with wallets.services.database.write() as session:
        now = wallets.course.now
        host = backpacks.add_host(session, "https://bag.example", "Bag", now)
        tokens = Tokens("access-1", "refresh-1", now + timedelta(days=1), "a")
        connection = backpacks.save_connection(session, wallets.ada, host.id, tokens, wallets.services.vault, now)
        delivery.queue_delivery(session, session.get_one(Credential, 1), connection, now)
        session.get_one(Delivery, 1).state = state


def sign_another(session: Session) -> None:
    first = session.get_one(CredentialVersion, 1)
    values = {c.name: getattr(first, c.name) for c in CredentialVersion.__table__.columns if c.name != "id"}
    session.add(CredentialVersion(**{**values, "number": 2, "status_index": 7}))
    first.state = VersionState.SUPERSEDED


def follow(session: Session, wallets: Wallets) -> None:
    delivery.follow_reissue(session, session.get_one(Credential, 1), wallets.course.now)


def send_again(session: Session, wallets: Wallets) -> None:
    connection = session.get_one(BackpackConnection, 1)
    delivery.queue_delivery(session, session.get_one(Credential, 1), connection, wallets.course.now)


@pytest.mark.parametrize(
    ("before", "ask", "has_new_copy"),
    [(DeliveryState.QUEUED, follow, True), (DeliveryState.FAILED, send_again, False)],
)
def test_what_is_being_taken_is_not_queued_once_more(
    any_database: str, before: DeliveryState, ask: Callable[[Session, Wallets], None], has_new_copy: bool
) -> None:
    with wallets_on(any_database) as wallets:
        wallets.claim()
        connect_and_queue(wallets, before)
        if has_new_copy:
            with wallets.services.database.write() as session:
                sign_another(session)
        begun = threading.Event()

        def ask_meanwhile() -> None:
            begun.set()
            with wallets.services.database.write() as session:
                ask(session, wallets)

        other = threading.Thread(target=ask_meanwhile)
        with wallets.services.database.write() as session:
            session.get_one(Delivery, 1).state = DeliveryState.SENDING
            session.flush()
            other.start()
            begun.wait(10)
            other.join(0.5)  # it waits for this transaction, unless it overlooks it
        other.join(30)
        with wallets.services.database.read() as session:
            taken = session.get_one(Delivery, 1)
            assert (taken.state, taken.credential_version_id) == (DeliveryState.SENDING, 1)
            assert (session.get(Delivery, 2) is not None) is has_new_copy
