"""What is remembered of backpacks and consents: encrypted, bound to one browser, spent once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from courses import Course, course_on
from sqlalchemy import func, select, text

from lti_tool.backpacks.base import AuthorizationRequest, ClientRegistration, HostDescription, Tokens
from lti_tool.errors import BackpackConsentError, ConflictError, NotFoundError
from lti_tool.models import BackpackConnection, BackpackHost, ConnectionState, ConnectState
from lti_tool.services import backpacks
from lti_tool.services.backpacks import CONNECT_LIFE

HOST = HostDescription(
    api_url="https://bag.example/ims/ob/v3p0",
    name="Bag",
    registration_url="https://bag.example/register",
    authorization_url="https://bag.example/authorize",
    token_url="https://bag.example/token",
    refresh_url="https://bag.example/token",
    scopes=("a", "b"),
)
CLIENT = ClientRegistration("client-7", "client-secret-7", scope="a b")
ASKED = AuthorizationRequest("https://bag.example/authorize?x", "state-7", "verifier-7")


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


@pytest.fixture
def host_id(course: Course) -> int:
    """A backpack that learners may choose."""
    with course.database.write() as session:
        return backpacks.add_host(session, "https://bag.example/", "Bag", course.now).id


def tokens(course: Course, access: str = "access-7") -> Tokens:
    return Tokens(access, "refresh-7", course.now + timedelta(hours=1), "a b")


def connect(course: Course, host_id: int, user_id: int, access: str = "access-7") -> int:
    with course.database.write() as session:
        return backpacks.save_connection(session, user_id, host_id, tokens(course, access), course.vault, course.now).id


def begin(course: Course, host_id: int, user_id: int) -> None:
    with course.database.write() as session:
        backpacks.begin_connection(
            session,
            ASKED,
            user_id=user_id,
            host_id=host_id,
            credential_id=None,
            browser_secret="browser-7",
            vault=course.vault,
            now=course.now,
        )


def consume(course: Course, state: str = "state-7", browser: str | None = "browser-7") -> ConnectState:
    with course.database.write() as session:
        return backpacks.consume_connection(session, state, browser, course.now)


# -- hosts ------------------------------------------------------------------------------------------------------------


def test_the_same_address_is_one_backpack(course: Course, host_id: int) -> None:
    with course.database.write() as session:
        again = backpacks.add_host(session, "https://bag.example", "Better name", course.now)
        assert (again.id, again.name) == (host_id, "Better name")
        assert [one.id for one in backpacks.offered_hosts(session)] == [host_id]
        again.is_offered = False
    with course.database.read() as session:
        assert backpacks.offered_hosts(session) == []
        with pytest.raises(NotFoundError):
            backpacks.get_host(session, host_id)


def test_a_host_comes_back_as_it_was_remembered(course: Course, host_id: int) -> None:
    with course.database.write() as session:
        assert backpacks.known_host(session.get_one(BackpackHost, host_id), course.vault) is None
        backpacks.remember_host(session, host_id, HOST, CLIENT, course.vault)
    with course.database.read() as session:
        assert backpacks.known_host(session.get_one(BackpackHost, host_id), course.vault) == (HOST, CLIENT)


def test_who_registers_second_keeps_the_first_registration(course: Course, host_id: int) -> None:
    for client in (CLIENT, ClientRegistration("client-8", None)):
        with course.database.write() as session:
            backpacks.remember_host(session, host_id, HOST, client, course.vault)
    with course.database.write() as session:
        known = backpacks.known_host(session.get_one(BackpackHost, host_id), course.vault)
        assert known is not None
        assert known[1] == CLIENT


def test_a_registration_the_host_forgot_is_replaced_once(course: Course, host_id: int) -> None:
    for number, instead_of in ((7, None), (8, CLIENT), (9, CLIENT)):
        client = CLIENT if number == 7 else ClientRegistration(f"client-{number}", None)
        with course.database.write() as session:
            kept = backpacks.remember_host(session, host_id, HOST, client, course.vault, instead_of=instead_of)
    assert kept[1].client_id == "client-8"


# -- consents ---------------------------------------------------------------------------------------------------------


def test_a_state_is_spent_once(course: Course, host_id: int) -> None:
    ada = course.person("ada")
    begin(course, host_id, ada)
    state = consume(course)
    assert (state.user_id, state.host_id) == (ada, host_id)
    assert course.vault.open(state.code_verifier) == "verifier-7"
    with pytest.raises(BackpackConsentError) as refused:
        consume(course)
    assert refused.value.code == "backpack_state_mismatch"


@pytest.mark.parametrize("browser", ["another", "", None])
def test_another_browser_is_refused_and_spends_nothing(course: Course, host_id: int, browser: str | None) -> None:
    begin(course, host_id, course.person("ada"))
    with pytest.raises(BackpackConsentError):
        consume(course, browser=browser)
    assert consume(course).consumed_at == course.now


def test_a_state_ends_after_a_quarter_of_an_hour_and_is_forgotten(course: Course, host_id: int) -> None:
    ada = course.person("ada")
    begin(course, host_id, ada)
    course.now += CONNECT_LIFE
    with pytest.raises(BackpackConsentError):
        consume(course)
    course.later(days=1, seconds=1)
    begin(course, host_id, ada)
    with course.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ConnectState)) == 1


def test_secrets_are_never_stored_plain(course: Course, host_id: int) -> None:
    ada = course.person("ada")
    begin(course, host_id, ada)
    connect(course, host_id, ada)
    with course.database.write() as session:
        backpacks.remember_host(session, host_id, HOST, CLIENT, course.vault)
    with course.database.read() as session:
        tables = ("connect_state", "backpack_connection", "backpack_host")
        stored = " ".join(str(row) for name in tables for row in session.execute(text(f"SELECT * FROM {name}")))
    secrets = ("state-7", "browser-7", "verifier-7", "access-7", "refresh-7", "client-secret-7")
    assert [one for one in secrets if one in stored] == []


def test_a_consent_is_renewed_in_its_row(course: Course, host_id: int) -> None:
    ada = course.person("ada")
    first = connect(course, host_id, ada)
    with course.database.write() as session:
        backpacks.need_consent(session, first, course.now)
    assert connect(course, host_id, ada, "access-8") == first
    with course.database.read() as session:
        connection = session.get_one(BackpackConnection, first)
        assert connection.state is ConnectionState.ACTIVE
        assert backpacks.read_tokens(connection, course.vault) == tokens(course, "access-8")


def test_refreshed_tokens_replace_the_spent_ones(course: Course, host_id: int) -> None:
    connection_id = connect(course, host_id, course.person("ada"))
    with course.database.write() as session:
        backpacks.save_tokens(session, connection_id, tokens(course, "access-9"), course.vault, course.now)
    with course.database.read() as session:
        found = backpacks.read_tokens(session.get_one(BackpackConnection, connection_id), course.vault)
    assert found.access_token == "access-9"


def test_disconnected_means_without_tokens(course: Course, host_id: int) -> None:
    ada = course.person("ada")
    connection_id = connect(course, host_id, ada)
    with course.database.write() as session:
        backpacks.disconnect(session, session.get_one(BackpackConnection, connection_id), course.now)
    with course.database.read() as session:
        assert backpacks.connections_of(session, ada) == {}
        with pytest.raises(ConflictError) as refused:
            backpacks.read_tokens(session.get_one(BackpackConnection, connection_id), course.vault)
    assert refused.value.code == "backpack_disconnected"
    actions = [event.action for event in course.events("backpack.")]
    assert actions == ["backpack.connected", "backpack.disconnected"]


def test_connections_are_ones_own(course: Course, host_id: int) -> None:
    ada, ben = course.person("ada"), course.person("ben")
    connection_id = connect(course, host_id, ada)
    with course.database.read() as session:
        assert {host: one.id for host, one in backpacks.connections_of(session, ada).items()} == {
            host_id: connection_id
        }
        assert backpacks.connections_of(session, ben) == {}
