"""What the demo backpack remembers, in memory, and the faults a test can ask it for.

Secrets are kept as SHA-256 only, the way a real host would. One lock guards everything: the demo server is threaded.
"""

import hashlib
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CODE_LIFETIME = timedelta(seconds=600)
TOKEN_LIFETIME = timedelta(seconds=3600)


@dataclass(slots=True)
class Account:
    """A learner's account at the backpack; ``email`` is its key, ``profile`` the document the API shows."""

    email: str
    name: str
    profile: dict[str, object]


@dataclass(frozen=True, slots=True)
class Client:
    """A tool that registered (RFC 7591)."""

    client_id: str
    secret_hash: str = field(repr=False)
    name: str
    uri: str
    redirect_uris: tuple[str, ...]
    scope: tuple[str, ...]


@dataclass(slots=True)
class Consent:
    """What a learner allowed a client; ending it ends every token that came of it."""

    id: str
    email: str
    client_id: str
    scope: tuple[str, ...]
    given_at: datetime
    ended: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code: good once, for ten minutes."""

    consent: Consent
    redirect_uri: str
    challenge: str
    expires_at: datetime
    used: bool = False


@dataclass(slots=True)
class Token:
    """An access or refresh token; a refresh token has no end of its own and is spent once."""

    consent: Consent
    expires_at: datetime | None
    used: bool = False


@dataclass(slots=True)
class StoredCredential:
    """A credential exactly as it was received."""

    key: str
    email: str
    issuer_id: str
    credential_id: str
    text: str
    content_type: str
    received_at: datetime
    changed_at: datetime
    shown: dict[str, Any] | None = None
    """What pages show of it, where the text itself names its parts by address only."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer the API gives instead of doing its work."""

    status: int
    where: str
    retry_after: str | None = None
    html: bool = False


def hashed(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


class BackpackStore:
    """Accounts, clients, consents and credentials.

    ``credentials`` maps (e-mail, issuer id, credential id) to what is kept. ``clock`` may be replaced by tests.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.clients: dict[str, Client] = {}
        self.consents: dict[str, Consent] = {}
        self.codes: dict[str, Code] = {}
        self.access_tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, Token] = {}
        self.credentials: dict[tuple[str, str, str], StoredCredential] = {}
        self._faults: deque[Fault] = deque()
        self._dropped = 0
        self._lock = threading.RLock()

    # -- faults ------------------------------------------------------------------------------------------------------

    def fail_next(
        self,
        count: int,
        status: int,
        *,
        where: str = "/credentials",
        retry_after: str | None = None,
        html: bool = False,
    ) -> None:
        """Answer the next ``count`` requests whose path ends in ``where`` with ``status``, doing nothing."""
        with self._lock:
            self._faults.extend([Fault(status, where, retry_after, html)] * count)

    def drop_answer_next(self) -> None:
        """Do the work of the next upsert, but let the connection die in the middle of the answer."""
        with self._lock:
            self._dropped += 1

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault due for a request, which then is over."""
        with self._lock:
            if self._faults and path.endswith(self._faults[0].where):
                return self._faults.popleft()
            return None

    def take_drop(self) -> bool:
        """Whether this answer has to die."""
        with self._lock:
            due = self._dropped > 0
            self._dropped -= int(due)
            return due

    # -- accounts and clients ----------------------------------------------------------------------------------------

    def ensure_account(self, name: str, email: str) -> Account:
        """Return the account of an e-mail, opening it when it is new."""
        email = email.strip().lower()
        with self._lock:
            account = self.accounts.get(email)
            if account is None:
                profile: dict[str, object] = {
                    "id": f"urn:uuid:{uuid.uuid4()}",
                    "type": ["Profile"],
                    "name": name.strip(),
                    "email": email,
                }
                account = self.accounts[email] = Account(email, name.strip(), profile)
            return account

    def add_client(
        self, name: str, uri: str, redirect_uris: tuple[str, ...], scope: tuple[str, ...]
    ) -> tuple[Client, str]:
        """Register a client; returns it with its secret, which is not kept."""
        secret = secrets.token_urlsafe(32)
        client = Client(f"oc_{secrets.token_urlsafe(24)}", hashed(secret), name, uri, redirect_uris, scope)
        with self._lock:
            self.clients[client.client_id] = client
        return client, secret

    # -- consents, codes, tokens -------------------------------------------------------------------------------------

    def give_code(self, email: str, client: Client, redirect_uri: str, scope: tuple[str, ...], challenge: str) -> str:
        """Record a consent and return the code for it."""
        now, code = self.clock(), secrets.token_urlsafe(32)
        consent = Consent(secrets.token_urlsafe(12), email, client.client_id, scope, now)
        with self._lock:
            self.codes[hashed(code)] = Code(consent, redirect_uri, challenge, now + CODE_LIFETIME)
        return code

    def spend_code(self, code: str, client: Client) -> Code | None:
        """Return the code if it is good, and spend it; a second use ends the consent (RFC 6749, section 4.1.2)."""
        with self._lock:
            found = self.codes.get(hashed(code))
            if found is None or found.consent.client_id != client.client_id:
                return None
            if found.used:
                found.consent.ended = True
                return None
            found.used = True
            return found if found.expires_at > self.clock() else None

    def give_tokens(self, consent: Consent) -> tuple[str, str]:
        """Return a new access token and a new refresh token."""
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        with self._lock:
            self.consents[consent.id] = consent
            self.access_tokens[hashed(access)] = Token(consent, self.clock() + TOKEN_LIFETIME)
            self.refresh_tokens[hashed(refresh)] = Token(consent, None)
        return access, refresh

    def spend_refresh_token(self, refresh: str, client: Client) -> Consent | None:
        """Return the consent of a refresh token and spend it; a second use ends the consent (RFC 9700, 4.14.2)."""
        with self._lock:
            token = self.refresh_tokens.get(hashed(refresh))
            if token is None or token.consent.client_id != client.client_id or token.consent.ended:
                return None
            if token.used:
                token.consent.ended = True
                return None
            token.used = True
            return token.consent

    def find_consent(self, access: str) -> Consent | None:
        """Return the consent behind an access token that is good now."""
        with self._lock:
            token = self.access_tokens.get(hashed(access))
            if token is None or token.consent.ended or token.expires_at is None or token.expires_at <= self.clock():
                return None
            return token.consent

    def revoke_token(self, token: str, client: Client) -> None:
        """End a token (RFC 7009): a refresh token takes the whole consent with it. Unknown tokens are no error."""
        with self._lock:
            refresh = self.refresh_tokens.get(hashed(token))
            if refresh is not None and refresh.consent.client_id == client.client_id:
                refresh.consent.ended = True
            access = self.access_tokens.get(hashed(token))
            if access is not None and access.consent.client_id == client.client_id:
                del self.access_tokens[hashed(token)]

    def connections(self, email: str) -> list[tuple[Consent, Client]]:
        """Return the consents of an account that stand, newest first."""
        with self._lock:
            standing = [one for one in self.consents.values() if one.email == email and not one.ended]
            return [(one, self.clients[one.client_id]) for one in reversed(standing)]

    def end_consent(self, email: str, consent_id: str) -> None:
        """End one of an account's own consents."""
        with self._lock:
            consent = self.consents.get(consent_id)
            if consent is not None and consent.email == email:
                consent.ended = True

    # -- credentials -------------------------------------------------------------------------------------------------

    def upsert(
        self,
        email: str,
        issuer_id: str,
        credential_id: str,
        text: str,
        content_type: str,
        shown: dict[str, Any] | None = None,
    ) -> bool:
        """Keep a credential exactly as received; returns whether it is new to the account."""
        now, key = self.clock(), (email, issuer_id, credential_id)
        with self._lock:
            known = self.credentials.pop(key, None)
            self.credentials[key] = StoredCredential(
                key=known.key if known else secrets.token_urlsafe(12),
                email=email,
                issuer_id=issuer_id,
                credential_id=credential_id,
                text=text,
                content_type=content_type,
                received_at=known.received_at if known else now,
                changed_at=now,
                shown=shown,
            )
            return known is None

    def credentials_of(self, email: str, since: datetime | None = None) -> list[StoredCredential]:
        """Return an account's credentials, last changed first."""
        with self._lock:
            own = [one for one in self.credentials.values() if one.email == email]
        return [one for one in reversed(own) if since is None or one.changed_at > since]
