"""The RSA keys this tool signs with towards platforms (1EdTech Security Framework 1.0, sections 4.1 and 6.3).

A key is ``next`` (published, so that platforms know it before it signs), ``active`` (signs; a partial unique index
allows one), then ``retired`` (published until nobody can need it). Private keys are encrypted at rest. Whenever a key
becomes active the one after it is made, so the age of ``next`` tells how long ``active`` has signed.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.errors import ConflictError
from lti_tool.models import ToolKey, ToolKeyState
from lti_tool.vault import Vault

BITS = 2048
PUBLISHED_AFTER = timedelta(days=30)
"""How long a retired key stays published; what it signed is valid for minutes."""
PUBLISHED_BEFORE = timedelta(days=1)
"""How long a key is published at least before it signs by schedule; platforms keep key sets for hours."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A parsed private key and what platforms know about it; ``kid`` is the RFC 7638 thumbprint."""

    kid: str
    private_key: RSAPrivateKey
    public_jwk: Mapping[str, Any]


class ToolKeys:
    """This tool's keys; one per process, each private key parsed once."""

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._parsed: dict[str, SigningKey] = {}

    def active(self) -> SigningKey:
        """Return the key that signs; the first call ever makes it, and the one after it."""
        kid = self._active_kid()
        if kid is None:
            self._make_first()
            kid = self._active_kid()
        if kid is None:
            raise AssertionError("no key is active although one was made")
        return self._parsed.get(kid) or self._parse(kid)

    def public_jwks(self) -> dict[str, Any]:
        """Return the JWKS (RFC 7517) this tool publishes: active, next and retired keys."""
        self.active()
        with self._database.read() as session:
            return {"keys": list(session.scalars(select(ToolKey.public_jwk).order_by(ToolKey.id)))}

    def rotate(self) -> SigningKey:
        """Retire the active key, let the next one sign, publish a new next one; drop what retired a month ago.

        Raises ``ConflictError`` when somebody else rotates at the same moment.
        """
        self.active()
        made = _new_row(self._vault, ToolKeyState.NEXT, self._clock())
        try:
            with self._database.write() as session:
                self._advance(session)
                session.add(made)
        except IntegrityError:
            raise ConflictError("The keys are being rotated already.", code="key_rotation_conflict") from None
        return self.active()

    def keep_fresh(self, rotate_every: timedelta) -> SigningKey | None:
        """Rotate when the active key has signed for ``rotate_every`` (zero: never); returns the new active key if so.

        Also stops publishing keys that retired a month ago. Safe to call often and from several processes: whoever
        is second finds that nothing is due. Before the first key there is nothing to do.
        """
        before = self._clock() - max(rotate_every, PUBLISHED_BEFORE) if rotate_every else None
        with self._database.read() as session:
            is_due = before is not None and _find_next(session, before) is not None
            is_full = session.scalar(select(ToolKey.id).where(*self._is_over()).limit(1)) is not None
        if before is None or not is_due:
            if is_full:
                with self._database.write() as session:
                    session.execute(delete(ToolKey).where(*self._is_over()))
            return None
        made = _new_row(self._vault, ToolKeyState.NEXT, self._clock())
        try:
            with self._database.write() as session:
                if _find_next(session, before, lock=True) is None:  # another process was first
                    return None
                self._advance(session)
                session.add(made)
        except IntegrityError:  # and another one at the same moment
            return None
        return self.active()

    def _is_over(self) -> tuple[ColumnElement[bool], ...]:
        return ToolKey.state == ToolKeyState.RETIRED, ToolKey.retired_at < self._clock() - PUBLISHED_AFTER

    def _advance(self, session: Session) -> None:
        now = self._clock()
        session.execute(delete(ToolKey).where(*self._is_over()))
        retire = update(ToolKey).where(ToolKey.state == ToolKeyState.ACTIVE)
        session.execute(retire.values(state=ToolKeyState.RETIRED, retired_at=now))
        promote = update(ToolKey).where(ToolKey.state == ToolKeyState.NEXT)
        session.execute(promote.values(state=ToolKeyState.ACTIVE))

    def _active_kid(self) -> str | None:
        with self._database.read() as session:
            return session.scalar(select(ToolKey.kid).where(ToolKey.state == ToolKeyState.ACTIVE))

    def _make_first(self) -> None:
        """Make the first two keys, outside any transaction; whoever is first wins, by the unique index."""
        now = self._clock()
        rows = [_new_row(self._vault, state, now) for state in (ToolKeyState.ACTIVE, ToolKeyState.NEXT)]
        try:
            with self._database.write() as session:
                if session.scalar(select(ToolKey.id).where(ToolKey.state == ToolKeyState.ACTIVE)) is None:
                    session.add_all(rows)
        except IntegrityError:
            return

    def _parse(self, kid: str) -> SigningKey:
        with self._database.read() as session:
            row = session.scalars(select(ToolKey).where(ToolKey.kid == kid)).one()
        # The check takes 40 ms and finds nothing: this tool made the key, and the vault proves it is unaltered.
        private_key = serialization.load_pem_private_key(
            self._vault.open(row.private_key).encode("ascii"), password=None, unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(private_key, RSAPrivateKey):
            raise AssertionError("a tool key is not RSA")
        return self._parsed.setdefault(kid, SigningKey(kid, private_key, row.public_jwk))


def _find_next(session: Session, before: datetime, *, lock: bool = False) -> ToolKey | None:
    """Return the key to come if it was made before that moment."""
    found = select(ToolKey).where(ToolKey.state == ToolKeyState.NEXT, ToolKey.created_at <= before)
    return session.scalar(found.limit(1).with_for_update() if lock else found.limit(1))


def _new_row(vault: Vault, state: ToolKeyState, now: datetime) -> ToolKey:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    jwk = public_jwk_of(private_key.public_key())
    return ToolKey(
        kid=jwk["kid"], state=state, private_key=vault.lock(pem.decode("ascii")), public_jwk=jwk, created_at=now
    )


def public_jwk_of(key: RSAPublicKey) -> dict[str, str]:
    """Return the JWK of a public key, named by its thumbprint (RFC 7638)."""
    numbers = key.public_numbers()
    required = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode("ascii")
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode("ascii")
    return required | {"kid": thumbprint, "alg": "RS256", "use": "sig"}


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
