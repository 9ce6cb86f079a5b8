"""States are given out once, used once, by one browser, for ten minutes."""

from datetime import timedelta

import pytest
from signed_launches import NOW, register
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.errors import (
    CookiesBlockedError,
    ForeignBrowserError,
    LoginStateConsumedError,
    LoginStateExpiredError,
    LoginStateUnknownError,
)
from lti_tool.lti import login_state
from lti_tool.models import LoginState

PARAMETERS = {"iss": "https://lms.example", "login_hint": "7"}


@pytest.fixture
def registration_id(engine: Engine) -> int:
    return register(Database(engine))


def test_consuming_returns_what_was_begun(session: Session, registration_id: int) -> None:
    login = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    consumed = login_state.consume(session, login.state, NOW)
    assert consumed.registration_id == registration_id
    assert consumed.login_parameters == PARAMETERS
    assert consumed.nonce_hash == login_state.hash_of(login.nonce)
    login_state.check_browser(consumed, login.browser_secret)


def test_only_hashes_are_stored(session: Session, registration_id: int) -> None:
    login = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    row = session.scalars(select(LoginState)).one()
    stored = {row.state_hash, row.nonce_hash, row.browser_hash}
    assert len(stored) == 3
    assert not stored & {login.state, login.nonce, login.browser_secret}
    assert all(len(str(one)) == 64 for one in stored)


def test_a_state_is_usable_once(session: Session, registration_id: int) -> None:
    login = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    login_state.consume(session, login.state, NOW)
    with pytest.raises(LoginStateConsumedError):
        login_state.consume(session, login.state, NOW + timedelta(minutes=20))


def test_a_state_lasts_ten_minutes(session: Session, registration_id: int) -> None:
    soon, late = (login_state.begin(session, registration_id, PARAMETERS, now=NOW) for _ in range(2))
    login_state.consume(session, soon.state, NOW + timedelta(seconds=599))
    with pytest.raises(LoginStateExpiredError):
        login_state.consume(session, late.state, NOW + timedelta(seconds=600))


def test_an_unknown_state(session: Session, registration_id: int) -> None:
    login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    with pytest.raises(LoginStateUnknownError):
        login_state.consume(session, "guessed", NOW)


def test_the_browser_is_checked(session: Session, registration_id: int) -> None:
    login = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    consumed = login_state.consume(session, login.state, NOW)
    with pytest.raises(ForeignBrowserError):
        login_state.check_browser(consumed, login.state)
    for absent in (None, ""):
        with pytest.raises(CookiesBlockedError) as caught:
            login_state.check_browser(consumed, absent)
        assert caught.value.login_parameters == PARAMETERS


def test_each_login_has_a_cookie_of_its_own(session: Session, registration_id: int) -> None:
    one, two = (login_state.begin(session, registration_id, PARAMETERS, now=NOW) for _ in range(2))
    assert login_state.cookie_name(one.state).startswith("__Host-lti_login_")
    assert len(login_state.cookie_name(one.state)) == len("__Host-lti_login_") + 16
    assert login_state.cookie_name(one.state) != login_state.cookie_name(two.state)


def test_old_rows_are_swept(session: Session, registration_id: int) -> None:
    old = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
    new = login_state.begin(session, registration_id, PARAMETERS, now=NOW + timedelta(minutes=1))
    assert login_state.sweep(session, NOW + timedelta(days=1, minutes=10)) == 0
    assert login_state.sweep(session, NOW + timedelta(days=1, minutes=10, seconds=1)) == 1
    assert session.scalars(select(LoginState.state_hash)).all() == [login_state.hash_of(new.state)]
    assert login_state.hash_of(old.state) != login_state.hash_of(new.state)


def test_beginning_sweeps_now_and_then(session: Session, registration_id: int) -> None:
    login_state.begin(session, registration_id, PARAMETERS, now=NOW - timedelta(days=3))
    for _ in range(5000):
        begun = login_state.begin(session, registration_id, PARAMETERS, now=NOW)
        if login_state.hash_of(begun.state).startswith("00"):
            break
    assert session.scalar(select(func.min(LoginState.created_at))) == NOW
