"""Logins this tool began: ``state`` and ``nonce``, tied to each other, to a registration and to a browser.

1EdTech Security Framework 1.0, section 5.1.1. A state is usable once, for ten minutes. It is consumed by one
conditional UPDATE, and the caller commits that before it looks at anything else of the launch, so that a refused
launch cannot be tried again. Only SHA-256 hashes are stored.

Both statements also look at the registration: a login of a disabled platform is not stored, and a consumed one says
whether its platform was disabled meanwhile. So callers may remember platforms for a while (``known_platforms``).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import (
    CookiesBlockedError,
    ForeignBrowserError,
    LoginStateConsumedError,
    LoginStateExpiredError,
    LoginStateUnknownError,
    PlatformDisabledError,
)
from lti_tool.models import LoginState, PendingLaunch, Registration

LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=1)
"""How long an expired state is still told from an unknown one."""
COOKIE_PREFIX = "__Host-lti_login_"
WINDOW_COOKIE_PREFIX = "__Host-lti_window_"


# Statements of the hot path are built once, on tables: building one, or the ORM, costs more than running it.
_LOGINS, _REGISTRATIONS = cast("Table", LoginState.__table__), cast("Table", Registration.__table__)
_STORED = ("state_hash", "nonce_hash", "browser_hash", "login_parameters", "created_at", "expires_at")
_BEGIN = (
    insert(_LOGINS)
    .from_select(
        ["registration_id", *_STORED],
        select(_REGISTRATIONS.c.id, *(bindparam(name, type_=_LOGINS.c[name].type) for name in _STORED)).where(
            _REGISTRATIONS.c.id == bindparam("registration"), _REGISTRATIONS.c.disabled_at.is_(None)
        ),
        include_defaults=False,
    )
    .returning(_LOGINS.c.registration_id)
)
_CONSUME = (
    update(_LOGINS)
    .where(
        _LOGINS.c.state_hash == bindparam("hash"),
        _LOGINS.c.consumed_at.is_(None),
        _LOGINS.c.expires_at > bindparam("now"),
    )
    .values(consumed_at=bindparam("now"))
    .returning(
        _LOGINS.c.registration_id,
        _LOGINS.c.nonce_hash,
        _LOGINS.c.browser_hash,
        _LOGINS.c.login_parameters,
        select(_REGISTRATIONS.c.disabled_at.is_not(None))
        .where(_REGISTRATIONS.c.id == _LOGINS.c.registration_id)
        .scalar_subquery(),
    )
)


_WAITING = cast("Table", PendingLaunch.__table__)
_FORGET_WAITING = delete(_WAITING).where(_WAITING.c.expires_at <= bindparam("now"))


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
    is_disabled: bool
    """Whether the platform was disabled since the login began."""


def hash_of(text: str) -> str:
    """Return the SHA-256 of ``text`` in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def cookie_name(state: str) -> str:
    """Return the name of the cookie that ties ``state`` to a browser; each login has its own, so tabs do not clash."""
    return COOKIE_PREFIX + hash_of(state)[:16]


def window_cookie_name(state: str) -> str:
    """Return the name of the second cookie, for browsers that do not send the first with the POST (ADR 0008)."""
    return WINDOW_COOKIE_PREFIX + hash_of(state)[:16]


def proofs_among(cookies: Mapping[str, str], state_hash: str) -> list[str]:
    """Return what a same-origin request's cookies say about a login: the values of its two cookies, if they came."""
    names = (prefix + state_hash[:16] for prefix in (COOKIE_PREFIX, WINDOW_COOKIE_PREFIX))
    return [cookies[name] for name in names if cookies.get(name)]


def begin(
    session: Session | Connection, registration_id: int, parameters: Mapping[str, str], *, now: datetime
) -> NewLogin:
    """Store a new login; one in 256 also sweeps out old rows.

    Raises ``PlatformDisabledError`` when the registration is disabled.
    """
    login = NewLogin(*(secrets.token_urlsafe(32) for _ in range(3)))
    state_hash = hash_of(login.state)
    stored = session.execute(
        _BEGIN,
        {
            "registration": registration_id,
            "state_hash": state_hash,
            "nonce_hash": hash_of(login.nonce),
            "browser_hash": hash_of(login.browser_secret),
            "login_parameters": dict(parameters),
            "created_at": now,
            "expires_at": now + LIFETIME,
        },
    ).one_or_none()
    if stored is None:
        raise PlatformDisabledError("The platform of this login is disabled.")
    if state_hash.startswith("00"):
        sweep(session, now)
    return login


def consume(session: Session | Connection, state: str, now: datetime) -> ConsumedLogin:
    """Use a state up and return its login; commit before anything else can fail.

    Raises ``LoginStateUnknownError``, ``LoginStateExpiredError`` or ``LoginStateConsumedError``.
    """
    state_hash = hash_of(state)
    consumed = session.execute(_CONSUME, {"hash": state_hash, "now": now}).one_or_none()
    if consumed is not None:
        return ConsumedLogin(*consumed)
    left = session.execute(select(_LOGINS.c.consumed_at).where(_LOGINS.c.state_hash == state_hash)).one_or_none()
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


def sweep(session: Session | Connection, now: datetime) -> int:
    """Delete logins that expired more than a day ago, and at once what waited too long for proof of one.

    Returns how many logins were deleted.
    """
    session.execute(_FORGET_WAITING, {"now": now})
    old = delete(_LOGINS).where(_LOGINS.c.expires_at < now - KEPT).returning(_LOGINS.c.state_hash)
    return len(session.execute(old).all())
