"""A learner's backpacks on one page, and every reason a badge did not arrive, in three voices."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from claims import SAME_ORIGIN, Wallets, page_token, wallets_on
from conftest import Live
from delivery_world import DeliveryWorld, delivery_world
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_tool.models import BackpackConnection, ConnectionState, Delivery, DeliveryState
from lti_tool.services import backpacks, connections
from lti_tool.services.wakeups import DELIVER_CREDENTIAL
from lti_tool.web.delivery_words import OTHERWISE, REASONS, SAME_AS, masked, reason_of


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's offered badge, and no backpack yet."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def world(migrated_sqlite_url: str, live: Live) -> Iterator[DeliveryWorld]:
    """Ada's badge and a Badge Connect host she is not connected to yet."""
    with delivery_world(migrated_sqlite_url, live, backpacks.BADGE_CONNECT) as world:
        yield world


@pytest.fixture
def browser(world: DeliveryWorld) -> FlaskClient:
    """Ada's browser in the course."""
    return world.wallets.browser(world.wallets.ada)


def page(world: DeliveryWorld, browser: FlaskClient) -> str:
    answer = browser.get(world.wallets.mine("/backpacks"))
    assert answer.status_code == 200
    return answer.text


def press(world: DeliveryWorld, browser: FlaskClient, action: str, **form: str) -> str:
    data = {"csrf_token": page_token(page(world, browser)), **form}
    answer = browser.post(world.wallets.mine(f"/backpacks/{action}"), data=data, headers=SAME_ORIGIN)
    assert answer.status_code in {200, 303}, answer.text
    return answer.text if answer.status_code == 200 else page(world, browser)


def test_without_a_backpack_the_page_says_what_to_do_instead(wallets: Wallets) -> None:
    text = wallets.browser(wallets.ada).get(wallets.mine("/backpacks")).text
    assert "has not set up a backpack yet" in text
    assert "My badges everywhere" in text


def test_the_way_of_a_learner(world: DeliveryWorld, browser: FlaskClient) -> None:
    assert "Not connected yet" in page(world, browser)
    assert "nothing is sent before you say so here" in press(world, browser, "1/connect")
    world.connect()
    text = page(world, browser)
    assert "You are connected to Satchel." in text
    assert "Not in this backpack yet." in text
    assert "1 badge is on its way" in press(world, browser, "1/deliver")
    assert world.wallets.queue.woken == [(DELIVER_CREDENTIAL, 1)]
    assert 'data-state="queued"' in page(world, browser)
    world.run()
    text = page(world, browser)
    assert 'data-state="delivered"' in text
    assert "Ada L" in text
    assert "There is nothing to send" in press(world, browser, "1/deliver")
    press(world, browser, "1/deliver", credential=str(world.credential_id))
    assert world.row().state is DeliveryState.QUEUED, "named, it is sent again"
    world.run()
    text = press(world, browser, "1/disconnect")
    assert "Satchel is disconnected" in text
    assert world.connection().state is ConnectionState.DISCONNECTED
    world.wallets.course.later(minutes=5)
    world.connect()
    assert "It was put in before you disconnected. You can send it again." in page(world, browser)


def test_somebody_elses_badge_or_backpack_is_not_found(world: DeliveryWorld, browser: FlaskClient) -> None:
    token = page_token(page(world, browser))
    address = world.wallets.mine("/backpacks/1/deliver")
    assert browser.post(address, data={"csrf_token": token}, headers=SAME_ORIGIN).status_code == 404
    world.connect()
    form = {"csrf_token": token, "credential": "999"}
    assert browser.post(address, data=form, headers=SAME_ORIGIN).status_code == 404
    assert world.rows() == []


def test_a_host_that_is_retired_stays_for_who_is_connected(world: DeliveryWorld, browser: FlaskClient) -> None:
    world.connect()
    with world.wallets.services.database.write() as session:
        backpacks.get_host(session, 1).is_offered = False
    assert "Satchel" in page(world, browser)
    press(world, browser, "1/disconnect")
    assert "Satchel</h2>" not in page(world, browser)


def test_everything_of_one_learner_goes_to_several_backpacks(world: DeliveryWorld) -> None:
    world.connect()
    parts, now = world.wallets.services, world.wallets.course.now
    with parts.database.write() as session:
        other = backpacks.add_host(session, "https://other.example", "Other", now)
        tokens = backpacks.read_tokens(session.scalars(select(BackpackConnection)).one(), parts.vault)
        backpacks.save_connection(session, world.wallets.ada, other.id, tokens, parts.vault, now)
        assert [shelf.host.name for shelf in connections.shelves(session, world.wallets.ada)] == ["Other", "Satchel"]
        for host_id in (1, other.id):
            assert len(connections.send_all(session, world.wallets.ada, host_id, now)) == 1
            assert connections.send_all(session, world.wallets.ada, host_id, now) == []


# -- reasons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [*REASONS, *SAME_AS, "never_heard_of"])
def test_every_reason_is_told_to_the_learner_and_the_instructor_with_a_remedy(
    world: DeliveryWorld, browser: FlaskClient, code: str
) -> None:
    world.connect()
    world.ask()
    with world.wallets.services.database.write() as session:
        row = session.scalars(select(Delivery)).one()
        row.state, row.error_code = DeliveryState.FAILED, code
    text = page(world, browser)
    reason = reason_of(code)
    first = str(reason.learner) % {"host": "Satchel"}
    assert first.partition("'")[0] in text
    assert "Download it instead" in text
    assert ("Get a new copy" in text) == (reason.remedy == "new_copy")
    for words in (reason.learner, reason.instructor, reason.admin):
        said = str(words) % {"host": "Satchel"}
        assert said.endswith(".")
        assert "%" not in said
    assert (reason is OTHERWISE) == (code == "never_heard_of")


def test_both_addresses_are_told_and_neither_is_shown_whole(world: DeliveryWorld, browser: FlaskClient) -> None:
    world.connect()
    world.ask()
    with world.wallets.services.database.write() as session:
        row = session.scalars(select(Delivery)).one()
        row.state, row.error_code = DeliveryState.FAILED, "recipient_mismatch"
        row.connection.account_email = "okafor@private.example"
        row.connection.state = ConnectionState.CONSENT_NEEDED
    text = page(world, browser)
    assert "The badge carries a•••@lakeside.example; Satchel knows o•••@private.example." in text
    assert "okafor@private.example" not in text


@pytest.mark.parametrize(
    ("email", "shown"), [("ada@x.example", "a•••@x.example"), ("a@b", "a•••@b"), ("", "•••"), ("nobody", "n•••")]
)
def test_an_address_is_masked(email: str, shown: str) -> None:
    assert masked(email) == shown


def test_a_rest_of_the_host_is_part_of_the_waiting_time(world: DeliveryWorld, browser: FlaskClient) -> None:
    world.connect()
    world.ask()
    with world.wallets.services.database.write() as session:
        row = session.scalars(select(Delivery)).one()
        row.error_code = "backpack_throttled"
        row.connection.host.paused_until = world.wallets.course.now + timedelta(hours=2)
    assert "It is tried again by itself: in 2 hours." in page(world, browser)
