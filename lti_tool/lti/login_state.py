"""Logins this tool began: ``state`` and ``nonce``, tied to each other, to a registration and to a browser.

1EdTech Security Framework 1.0, section 5.1.1. A state is usable once, for ten minutes. It is consumed by one
conditional UPDATE, and the caller commits that before it looks at anything else of the launch, so that a refused
launch cannot be tried again. Only SHA-256 hashes are stored.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import (
    CookiesBlockedError,
    ForeignBrowserError,
    LoginStateConsumedError,
    LoginStateExpiredError,
    LoginStateUnknownError,
)
from lti_tool.models import LoginState

LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=1)
"""How long an expired state is still told from an unknown one."""
COOKIE_PREFIX = "__Host-lti_login_"


_CONSUME = (  # built once: building a statement costs more than running it
    update(LoginState)
    .where(
        LoginState.state_hash == bindparam("hash"),
        LoginState.consumed_at.is_(None),
        LoginState.expires_at > bindparam("now"),
    )
    .values(consumed_at=bindparam("now"))
    .returning(LoginState.registration_id, LoginState.nonce_hash, LoginState.browser_hash, LoginState.login_parameters)
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class NewLogin:
    """The secrets of a login just begun; nothing but their hashes is stored."""

    state: str
    nonce: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class ConsumedLogin:
    """A login whose state was just used up."""

    registration_id: int
    nonce_hash: str
    browser_hash: str | None
    login_parameters: Mapping[str, str]


def hash_of(text: str) -> str:
    """Return the SHA-256 of ``text`` in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def cookie_name(state: str) -> str:
    """Return the name of the cookie that ties ``state`` to a browser; each login has its own, so tabs do not clash."""
    return COOKIE_PREFIX + hash_of(state)[:16]


def begin(session: Session, registration_id: int, parameters: Mapping[str, str], *, now: datetime) -> NewLogin:
    """Store a new login; one in 256 also sweeps out old rows."""
    login = NewLogin(*(secrets.token_urlsafe(32) for _ in range(3)))
    state_hash = hash_of(login.state)
    session.execute(
        insert(LoginState),
        {
            "state_hash": state_hash,
            "nonce_hash": hash_of(login.nonce),
            "browser_hash": hash_of(login.browser_secret),
            "registration_id": registration_id,
            "login_parameters": dict(parameters),
            "created_at": now,
            "expires_at": now + LIFETIME,
        },
    )
    if state_hash.startswith("00"):
        sweep(session, now)
    return login


def consume(session: Session, state: str, now: datetime) -> ConsumedLogin:
    """Use a state up and return its login; commit before anything else can fail.

    Raises ``LoginStateUnknownError``, ``LoginStateExpiredError`` or ``LoginStateConsumedError``.
    """
    state_hash = hash_of(state)
    consumed = session.execute(_CONSUME, {"hash": state_hash, "now": now}).one_or_none()
    if consumed is not None:
        return ConsumedLogin(*consumed)
    left = session.execute(select(LoginState.consumed_at).where(LoginState.state_hash == state_hash)).one_or_none()
    if left is None:
        raise LoginStateUnknownError("The state was not given out by this tool, or more than a day ago.")
    if left.consumed_at is not None:
        raise LoginStateConsumedError("The state was used before. Open the tool from the course again.")
    raise LoginStateExpiredError("The login took longer than ten minutes. Open the tool from the course again.")


def check_browser(login: ConsumedLogin, browser_secret: str | None) -> None:
    """Check that the browser that began ``login`` is the one that ends it.

    Raises ``CookiesBlockedError`` when no cookie came back, ``ForeignBrowserError`` when it is another browser's.
    """
    if not browser_secret:
        raise CookiesBlockedError(
            "The browser did not send the cookie of this login back. A window of its own can help.",
            login_parameters=login.login_parameters,
        )
    if login.browser_hash is None or not hmac.compare_digest(hash_of(browser_secret), login.browser_hash):
        raise ForeignBrowserError("The state was given to another browser.")


def sweep(session: Session, now: datetime) -> int:
    """Delete logins that expired more than a day ago; returns how many."""
    old = delete(LoginState).where(LoginState.expires_at < now - KEPT).returning(LoginState.state_hash)
    return len(session.execute(old, execution_options={"synchronize_session": False}).all())
