"""Access tokens for a platform's services (1EdTech Security Framework 1.0, section 4.1: client credentials, RFC 7523).

A token is fetched once per registration and scope set and kept until a minute before it ends: in this process and,
encrypted, in ``service_token`` for the other processes. Platforms differ in what they answer; what is tolerated here
was met in the field (Moodle sends JSON as ``text/html`` and errors that are not JSON at all).
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.errors import MissingScopeError, PlatformAnswerError, ServiceRefusedError, SettingsError
from lti_tool.lti.service_requests import ServiceRequest, ServiceRequests
from lti_tool.models import Registration, ServiceToken
from lti_tool.outbound import Answer
from lti_tool.vault import Vault

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEFAULT_LIFETIME = timedelta(hours=1)
LONGEST_LIFETIME = timedelta(days=1)
MARGIN = timedelta(seconds=60)
BACKDATED = timedelta(seconds=60)
"""Moodle allows no clock difference at all, so ``iat`` lies a minute back and the whole still lasts five minutes."""
ASSERTION_LIFETIME = timedelta(minutes=5)
OAUTH_ERRORS = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}


class SigningKey(Protocol):
    """A key that signs: ``kid`` as published, the private key parsed."""

    @property
    def kid(self) -> str: ...
    @property
    def private_key(self) -> RSAPrivateKey: ...


class KeySource(Protocol):
    """Where the active key of this tool comes from (``lti_tool.lti.keys.ToolKeys``)."""

    def active(self) -> SigningKey: ...


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    usable_until: datetime


OnToken = Callable[[int, Iterable[str]], None]
"""Told the registration and the scopes of a token that was fetched, outside any transaction."""


class ServiceTokens:
    """Gives out tokens, fetching as few as possible; one thread fetches while the others wait for the same one."""

    def __init__(
        self,
        requests: ServiceRequests,
        database: Database,
        vault: Vault,
        tool_keys: KeySource,
        clock: Callable[[], datetime],
        on_token: OnToken | None = None,
    ) -> None:
        self._requests = requests
        self._on_token = on_token
        self._database = database
        self._vault = vault
        self._tool_keys = tool_keys
        self._clock = clock
        self._tokens: dict[tuple[int, str], _Token] = {}
        self._locks: dict[tuple[int, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, registration: Registration, scopes: Iterable[str]) -> str:
        """Return a token for ``scopes``; opens a transaction of its own, so never call it inside one.

        Raises ``MissingScopeError``, ``ServiceRefusedError`` (``token_refused``), ``PlatformAnswerError`` and what
        ``ServiceRequests.send`` raises.
        """
        key = (registration.id, _scope_text(scopes))
        with self._lock(key):
            token = self._tokens.get(key)
            if token is None or token.usable_until <= self._clock():
                token = self._load(key) or self._fetch(registration, key)
                self._tokens[key] = token
        return token.text

    def drop(self, registration: Registration, scopes: Iterable[str], token: str) -> None:
        """Forget ``token`` because the platform refused it; a newer one that replaced it stays."""
        key = (registration.id, _scope_text(scopes))
        with self._lock(key):
            held = self._tokens.get(key)
            if held is not None and held.text == token:
                del self._tokens[key]
            with self._database.write() as session:
                row = _find_row(session, key)
                if row is not None and self._opened(row.access_token) == token:
                    session.delete(row)

    def _lock(self, key: tuple[int, str]) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())

    def _load(self, key: tuple[int, str]) -> _Token | None:
        """Return the token that another process stored, if it still serves."""
        with self._database.read() as session:
            row = _find_row(session, key)
        if row is None or row.expires_at <= self._clock():
            return None
        text = self._opened(row.access_token)
        return None if text is None else _Token(text, row.expires_at)

    def _opened(self, locked: str) -> str | None:
        try:
            return self._vault.open(locked)
        except SettingsError:  # locked with a key that is gone: fetching a new token is cheaper than refusing to work
            return None

    def _fetch(self, registration: Registration, key: tuple[int, str]) -> _Token:
        wanted = key[1]
        asked_at = self._clock()
        request = ServiceRequest(
            method="POST",
            url=registration.auth_token_url,
            headers={"Accept": "application/json"},
            form=lambda: {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._assertion(registration),
                "scope": wanted,
            },
        )
        answer = self._requests.send(registration.id, request)
        text, lifetime, granted = _read_token(answer, wanted)
        if self._on_token is not None:
            self._on_token(registration.id, granted)
        token = _Token(text, asked_at + lifetime - min(MARGIN, lifetime / 2))
        self._store(key, token)
        return token

    def _assertion(self, registration: Registration) -> str:
        signer = self._tool_keys.active()
        issued_at = self._clock() - BACKDATED
        claims = {
            "iss": registration.client_id,
            "sub": registration.client_id,
            "aud": registration.audience or registration.auth_token_url,
            "iat": int(issued_at.timestamp()),
            "exp": int((issued_at + ASSERTION_LIFETIME).timestamp()),
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, signer.private_key, algorithm="RS256", headers={"kid": signer.kid})

    def _store(self, key: tuple[int, str], token: _Token) -> None:
        locked = self._vault.lock(token.text)
        try:
            with self._database.write() as session:
                row = _find_row(session, key)
                if row is None:
                    row = ServiceToken(registration_id=key[0], scopes=key[1])
                    session.add(row)
                row.access_token = locked
                row.expires_at = token.usable_until
        except IntegrityError:
            pass  # another process stored its token at the same moment; both are good


def _find_row(session: Session, key: tuple[int, str]) -> ServiceToken | None:
    registration_id, scopes = key
    return session.scalar(
        select(ServiceToken).where(ServiceToken.registration_id == registration_id, ServiceToken.scopes == scopes)
    )


def _scope_text(scopes: Iterable[str]) -> str:
    return " ".join(sorted(set(scopes)))


def _read_token(answer: Answer, wanted: str) -> tuple[str, timedelta, set[str]]:
    """Return the access token, its lifetime and scopes (RFC 6749, section 5.1); raises for none, or too few scopes."""
    host = urlsplit(answer.url).hostname
    try:
        reply: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        reply = None
    document = reply if isinstance(reply, dict) else {}
    if answer.status >= 400:
        raise _refusal(host, answer.status, document.get("error"), wanted)
    text, kind = document.get("access_token"), document.get("token_type", "bearer")
    is_bearer = isinstance(kind, str) and kind.lower() == "bearer"
    if answer.status >= 300 or not isinstance(text, str) or not text.isprintable() or not text or not is_bearer:
        raise PlatformAnswerError(
            f"{host} did not answer the token request with a token ({answer.status}).", http_status=answer.status
        )
    granted = _granted(document, wanted)
    lacking = set(wanted.split()) - granted
    if lacking:
        raise _missing(host, lacking)
    return text, _lifetime(document), granted


def _refusal(host: str | None, status: int, error: object, wanted: str) -> MissingScopeError | ServiceRefusedError:
    if error == "invalid_scope":
        return _missing(host, wanted.split())
    reason = error if isinstance(error, str) and error in OAUTH_ERRORS else "no reason that OAuth knows"
    return ServiceRefusedError(
        f"{host} refused this tool's key or client id ({status}, {reason}). Compare the registration on both sides.",
        code="token_refused",
        http_status=status,
    )


def _missing(host: str | None, scopes: Iterable[str]) -> MissingScopeError:
    names = ", ".join(sorted(scopes))
    return MissingScopeError(f"{host} has not granted {names}. An admin of the platform can allow it for this tool.")


def _granted(document: Mapping[str, object], wanted: str) -> set[str]:
    """Scopes of the token; a platform that does not say granted what was asked (RFC 6749, section 5.1)."""
    scope = document.get("scope")
    if isinstance(scope, list):
        scope = " ".join(one for one in scope if isinstance(one, str))
    return set((scope if isinstance(scope, str) and scope.strip() else wanted).split())


def _lifetime(document: Mapping[str, object]) -> timedelta:
    seconds = document.get("expires_in")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:9])
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        return DEFAULT_LIFETIME
    return timedelta(seconds=min(float(seconds), LONGEST_LIFETIME.total_seconds()))
