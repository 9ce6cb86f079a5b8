"""The OAuth desk of a host: clients, codes, tokens. Routes, and what a host is particular about, are the host's."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

CODE_LIFE = 600.0


@dataclass(frozen=True, slots=True)
class Client:
    """A tool that registered."""

    client_id: str
    client_secret: str
    name: str
    redirect_uris: tuple[str, ...]
    scope: tuple[str, ...]


@dataclass(slots=True)
class Grant:
    """What somebody allowed a client; ``client_id`` ``None``: their own session."""

    email: str
    client_id: str | None
    scope: tuple[str, ...]
    has_ended: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code."""

    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: float


@dataclass(slots=True)
class Desk:
    """Clients, codes and tokens of one host; guarded by the host's lock. ``token_life`` in seconds."""

    token_life: float = 86_400
    clock: Callable[[], float] = time.time
    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)

    def add_client(self, name: str, redirect_uris: tuple[str, ...], scope: tuple[str, ...]) -> Client:
        """Make a client known."""
        client = Client(secrets.token_hex(20), secrets.token_hex(40), name, redirect_uris, scope)
        self.clients[client.client_id] = client
        return client

    def give_code(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """Return a code for a consent."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(grant, redirect_uri, challenge, self.clock() + CODE_LIFE)
        return code

    def spend_code(self, code: str, client: Client, redirect_uri: str, verifier: str) -> Grant | None:
        """Return what a code stands for; it is gone whether or not it was good."""
        found = self.codes.pop(code, None)
        if found is None or found.grant.client_id != client.client_id or found.expires_at < self.clock():
            return None
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return found.grant if challenge == found.challenge and redirect_uri == found.redirect_uri else None

    def give_tokens(self, grant: Grant) -> tuple[str, str]:
        """Return a new access and a new refresh token."""
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access[access] = grant, self.clock() + self.token_life
        self.refresh[refresh] = grant
        return access, refresh

    def spend_refresh(self, refresh: str, client_id: str | None) -> Grant | None:
        """Return the consent of a refresh token, which is spent; its access tokens end with it."""
        grant = self.refresh.get(refresh)
        if grant is None or grant.has_ended or grant.client_id != client_id:
            return None
        del self.refresh[refresh]
        self.access = {token: kept for token, kept in self.access.items() if kept[0] is not grant}
        return grant

    def find(self, access: str) -> Grant | None:
        """Return the consent an access token stands for, if it is good now."""
        grant, expires_at = self.access.get(access, (None, 0.0))
        return None if grant is None or grant.has_ended or expires_at <= self.clock() else grant

    def revoke(self, token: str, client_id: str) -> None:
        """End a token (RFC 7009); a refresh token takes its consent with it."""
        grant = self.refresh.get(token)
        if grant is not None and grant.client_id == client_id:
            grant.has_ended = True
        kept = self.access.get(token)
        if kept is not None and kept[0].client_id == client_id:
            del self.access[token]

    def expire_access(self) -> None:
        """Let every access token be too old."""
        self.access = {token: (grant, 0.0) for token, (grant, _) in self.access.items()}

    def end_grants(self) -> None:
        """Let everybody have withdrawn what they allowed."""
        for grant in [*self.refresh.values(), *(one for one, _ in self.access.values())]:
            grant.has_ended = True


def basic_credentials(header: str | None) -> tuple[str, str]:
    """The two halves of a Basic header; empty without one."""
    kind, _, encoded = (header or "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password


def with_query(address: str, values: dict[str, str]) -> str:
    """An address with more in its query."""
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(values)}"


def query_of(address: str) -> dict[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
