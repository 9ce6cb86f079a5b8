"""Bitstring Status List 1.0: which credentials are revoked, as one bit each in a list that tells nobody who asks.

Section 2.2 (list credential), 3.1 (bit order: index 0 is the most significant bit of the first byte) and 3.2 (check).
Which index a credential gets, and storing the bits, is the caller's.
"""

import base64
import gzip
import random
import zlib
from collections.abc import Container
from datetime import datetime

from lti_tool.errors import CredentialInvalidError, IssuingError
from lti_tool.openbadges.contexts import VC_V2, JsonObject
from lti_tool.openbadges.proof import format_time

MIN_SIZE = 131_072
"""Entries a list has at least, so that one entry hides in the crowd (section 2.2)."""

MAX_BYTES = 16 * 1024 * 1024
"""How far a list of somebody else is expanded."""

ATTEMPTS = 1_000


def new_bits(size: int = MIN_SIZE) -> bytes:
    """Return ``size`` unset entries (a multiple of 8, at least 131 072)."""
    if size < MIN_SIZE or size % 8:
        raise ValueError(f"a status list has at least {MIN_SIZE} entries, in whole bytes")
    return bytes(size // 8)


def get_bit(bits: bytes, index: int) -> bool:
    """Return whether the status at ``index`` is set; raises ``CredentialInvalidError`` (``status_range``)."""
    _check_range(bits, index)
    return bool(bits[index // 8] & (0x80 >> index % 8))


def set_bit(bits: bytes, index: int, *, value: bool = True) -> bytes:
    """Return a copy of ``bits`` with one status changed; raises ``CredentialInvalidError`` (``status_range``)."""
    _check_range(bits, index)
    changed = bytearray(bits)
    mask = 0x80 >> index % 8
    changed[index // 8] = changed[index // 8] | mask if value else changed[index // 8] & ~mask
    return bytes(changed)


def encode_bits(bits: bytes) -> str:
    """Return ``encodedList``: multibase base64url of the gzipped bits; the same bits give the same text."""
    return "u" + base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).decode("ascii").rstrip("=")


def decode_bits(encoded: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bits of an ``encodedList``.

    Raises ``CredentialInvalidError``: ``status_list_malformed`` (not multibase, not gzip, larger than ``max_bytes``)
    or ``status_list_length`` (fewer entries than the standard asks for).
    """
    try:
        if not encoded.startswith("u"):
            raise ValueError("not base64url")
        packed = base64.b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4), altchars=b"-_", validate=True)
        expander = zlib.decompressobj(wbits=31)
        bits = expander.decompress(packed, max_bytes)
    except (ValueError, zlib.error):
        raise _malformed() from None
    if not expander.eof or expander.unused_data:
        raise _malformed()
    if len(bits) * 8 < MIN_SIZE:
        raise CredentialInvalidError("The status list is shorter than the standard allows.", code="status_list_length")
    return bits


def compose_status_list(url: str, issuer: str, bits: bytes, valid_from: datetime) -> JsonObject:
    """Return the unsigned ``BitstringStatusListCredential`` served at ``url``; ``issuer`` is the badges' issuer id."""
    return {
        "@context": [VC_V2],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": format_time(valid_from),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode_bits(bits),
        },
    }


def read_status(list_document: JsonObject, entry: JsonObject) -> bool:
    """Return whether the status of ``entry`` (a ``BitstringStatusListEntry``) is set in its list credential.

    The proof and the issuer of the list are for the caller to check first. Raises ``CredentialInvalidError``:
    ``status_list_malformed``, ``status_list_length``, ``status_purpose`` or ``status_range``.
    """
    subject = list_document.get("credentialSubject")
    if not isinstance(subject, dict) or "BitstringStatusListCredential" not in _texts(list_document.get("type")):
        raise _malformed()
    encoded = subject.get("encodedList")
    if not isinstance(encoded, str):
        raise _malformed()
    if entry.get("statusPurpose") not in _texts(subject.get("statusPurpose")):
        raise CredentialInvalidError("The status list has another purpose.", code="status_purpose")
    return get_bit(decode_bits(encoded), entry_index(entry))


def entry_index(entry: JsonObject) -> int:
    """Return ``statusListIndex``; raises ``CredentialInvalidError`` (``status_entry_malformed``)."""
    given = entry.get("statusListIndex")
    if not isinstance(given, str) or not given.isascii() or not given.isdigit() or len(given) > 12:
        raise CredentialInvalidError("The status entry has no usable index.", code="status_entry_malformed")
    return int(given)


def random_free_index(taken: Container[int], size: int, rng: random.Random) -> int:
    """Return an index below ``size`` that is not in ``taken``, chosen at random so that it tells nothing.

    Pass ``random.SystemRandom()``. Raises ``IssuingError`` (``status_list_full``): time for the next list. A list
    is full for this purpose before it is quite full, which also keeps the crowd large.
    """
    for _ in range(ATTEMPTS):
        index = rng.randrange(size)
        if index not in taken:
            return index
    raise IssuingError("The status list is full; a new list is needed.", code="status_list_full")


def _check_range(bits: bytes, index: int) -> None:
    if not 0 <= index < len(bits) * 8:
        raise CredentialInvalidError("The status index is outside the list.", code="status_range")


def _texts(value: object) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _malformed() -> CredentialInvalidError:
    return CredentialInvalidError("The status list cannot be read.", code="status_list_malformed")
