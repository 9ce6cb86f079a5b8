"""The public keys of platforms: fetched rarely, parsed once, never trusted beyond RS256.

1EdTech Security Framework 1.0, section 6.3. Steady state makes no request and no query. An unknown ``kid`` fetches
the key set again, at most once in ``COOL_DOWN`` per registration whatever the number of processes, and ``SPARES`` more
times in ``SPARE`` per process, for platforms that change keys several times in a row. So forged tokens cannot make this
tool hammer a platform.

A set serves as long as its ``Cache-Control`` says (RFC 9111), but no shorter than ``SHORTEST`` (Brightspace changes
keys hourly and says no-cache: vendor's issue tracker) and no longer than ``LONGEST``: so late a withdrawn key is still
accepted. Then the next launch fetches it again; while that fails the old keys serve for ``STALE``.
"""

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from sqlalchemy import select, update

from lti_tool.db import Database
from lti_tool.errors import OutboundError, TokenKeyError
from lti_tool.models import Registration
from lti_tool.outbound import HttpClient

COOL_DOWN = timedelta(seconds=30)
SPARE, SPARES = timedelta(minutes=5), 2
SHORTEST = timedelta(minutes=10)
USUAL = timedelta(hours=1)
"""For platforms that say nothing."""
LONGEST = timedelta(hours=6)
STALE = timedelta(days=3)
"""A weekend: a platform that signs launches but cannot show its keys for longer is not waited for."""
LARGEST = 256 * 1024
MOST_KEYS = 100
SMALLEST_KEY = 2048
LARGEST_KEY = 8192
NEVER = datetime.min.replace(tzinfo=UTC)
KEEP_SECONDS = "keep_seconds"
"""Key in the stored document, beside ``keys``: how long the set serves, for the other processes."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,])no-(?:cache|store)(?:$|[\s,=])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: Mapping[str, RSAPublicKey] = field(default_factory=dict)
    fetched_at: datetime = NEVER
    tried_at: datetime = NEVER
    spared: tuple[datetime, ...] = ()
    """When requests were made that the cool-down would not have allowed."""
    keep: timedelta = USUAL


class PlatformKeys:
    """Finds the key that signed a platform's token; one per process, safe to share between threads."""

    def __init__(self, database: Database, http: HttpClient, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._http = http
        self._clock = clock
        self._sets: dict[int, _KeySet] = {}
        self._locks: dict[int, threading.Lock] = {}

    def find(self, registration_id: int, kid: str) -> RSAPublicKey:
        """Return the key ``kid`` of a registration's platform.

        Raises ``TokenKeyError``: ``token_key_unknown`` when the platform does not publish it, ``key_set_unavailable``
        when the key set could not be fetched.
        """
        known = self._sets.get(registration_id, _KeySet())
        key = known.keys.get(kid)
        if key is not None and self._is_fresh(known):
            return key
        lock = self._locks.setdefault(registration_id, threading.Lock())
        if not lock.acquire(blocking=key is None):
            return self._found(known, kid)  # somebody fetches already; the key at hand serves meanwhile
        try:
            return self._found(self._renewed(registration_id, kid), kid)
        finally:
            lock.release()

    def _is_fresh(self, known: _KeySet) -> bool:
        return self._clock() < known.fetched_at + known.keep

    def _found(self, known: _KeySet, kid: str) -> RSAPublicKey:
        key = known.keys.get(kid)
        if key is not None and self._clock() < known.fetched_at + known.keep + STALE:
            return key
        if known.tried_at > known.fetched_at:
            raise TokenKeyError("The platform's keys could not be fetched.", code="key_set_unavailable")
        raise TokenKeyError("The id_token names a key that the platform does not publish.")

    def _renewed(self, registration_id: int, kid: str) -> _KeySet:
        """Return the key set after whatever is needed to know ``kid``: nothing, a query, or a fetch."""
        address, known = self._stored(registration_id)
        self._sets[registration_id] = known
        if kid in known.keys and self._is_fresh(known):
            return known
        now = self._clock()
        spared = tuple(at for at in known.spared if now < at + SPARE)
        if now < max(known.fetched_at, known.tried_at) + COOL_DOWN:
            is_down = known.tried_at > known.fetched_at
            if kid in known.keys or is_down or len(spared) >= SPARES:
                return known
            spared = (*spared, now)
        try:
            document = self._fetched(address)
            renewed = _KeySet(read_key_set(document), now, known.tried_at, spared, _keep_of(document))
        except OutboundError:
            renewed = replace(known, tried_at=now, spared=spared)
        else:
            with self._database.write() as session:
                session.execute(
                    update(Registration)
                    .where(Registration.id == registration_id)
                    .values(key_set=document, key_set_fetched_at=now),
                    execution_options={"synchronize_session": False},
                )
        self._sets[registration_id] = renewed
        return renewed

    def _stored(self, registration_id: int) -> tuple[str, _KeySet]:
        """Return the address of the key set and the newest known one; another process may have fetched it."""
        known = self._sets.get(registration_id, _KeySet())
        with self._database.read() as session:
            address, fetched_at = session.execute(
                select(Registration.key_set_url, Registration.key_set_fetched_at).where(
                    Registration.id == registration_id
                )
            ).one()
            if fetched_at is not None and fetched_at > known.fetched_at:
                document = session.scalar(select(Registration.key_set).where(Registration.id == registration_id))
                keys = read_key_set(document)
                known = _KeySet(keys, fetched_at, known.tried_at, known.spared, _keep_of(document))
        return address, known

    def _fetched(self, address: str) -> dict[str, Any]:
        """Fetch a key set and keep what this tool can use of it; raises ``OutboundError``."""
        answer = self._http.get(address, headers={"Accept": "application/json"}, max_bytes=LARGEST)
        if answer.status != 200:
            raise OutboundError("The platform's key set is not to be had.", code="key_set_unavailable")
        document = answer.json()
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise OutboundError("The platform's key set is not a JWKS.", code="key_set_unavailable")
        usable = [jwk for jwk in listed[:MOST_KEYS] if isinstance(jwk, dict) and read_key(jwk) is not None]
        keep = keep_for(answer.headers.get("Cache-Control", ""))
        return {
            "keys": [{name: jwk[name] for name in ("kty", "kid", "n", "e")} for jwk in usable],
            KEEP_SECONDS: int(keep.total_seconds()),
        }


def keep_for(cache_control: str) -> timedelta:
    """Return how long a key set with this ``Cache-Control`` serves."""
    if _NO_CACHE.search(cache_control):
        return SHORTEST
    found = _MAX_AGE.search(cache_control)
    return USUAL if found is None else min(max(timedelta(seconds=int(found[1])), SHORTEST), LONGEST)


def _keep_of(document: object) -> timedelta:
    """Return how long a stored set serves; one that an older version stored does not say."""
    seconds = document.get(KEEP_SECONDS) if isinstance(document, dict) else None
    return timedelta(seconds=seconds) if isinstance(seconds, int) else USUAL


def read_key_set(document: object) -> dict[str, RSAPublicKey]:
    """Return the keys of a JWKS that may sign an id_token, by ``kid``; the first of a name wins."""
    listed = document.get("keys") if isinstance(document, dict) else None
    found: dict[str, RSAPublicKey] = {}
    for jwk in listed if isinstance(listed, list) else ():
        key = read_key(jwk) if isinstance(jwk, dict) else None
        if key is not None:
            found.setdefault(jwk["kid"], key)
    return found


def read_key(jwk: Mapping[str, Any]) -> RSAPublicKey | None:
    """Return the public key of a JWK (RFC 7517): RSA for RS256 signatures, 2048 to 8192 bits, else ``None``."""
    kid = jwk.get("kid")
    if jwk.get("kty") != "RSA" or not isinstance(kid, str) or not kid or not kid.isprintable():
        return None
    if jwk.get("alg", "RS256") != "RS256" or jwk.get("use", "sig") != "sig":
        return None
    try:
        modulus, exponent = _number(jwk["n"]), _number(jwk["e"])
        if not SMALLEST_KEY <= modulus.bit_length() <= LARGEST_KEY:
            return None
        return RSAPublicNumbers(exponent, modulus).public_key()
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        return None


def _number(text: str) -> int:
    """Return the number of a Base64urlUInt (RFC 7518, section 2)."""
    return int.from_bytes(base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)), "big")
