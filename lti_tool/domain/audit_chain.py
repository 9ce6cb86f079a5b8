"""The hash chain of audit events: what is hashed, and what checking it can find.

An entry's digest is the SHA-256, in hex, of its canonical text: JSON with sorted keys, no spaces, UTF-8, of the entry's
values, its chain and number, and the digest before it (64 zeros before the first). A head is the end of a chain at
one time, signed. ``docs/audit.md`` says the same for whoever writes a verifier.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

BEFORE_THE_FIRST = "0" * 64
INSTALLATION = "installation"
"""The chain of events that belong to no organization."""


class FindingCode(StrEnum):
    """What can be wrong with a chain."""

    EVENT_ALTERED = "event_altered"
    EVENT_MOVED = "event_moved"
    EVENT_MISSING = "event_missing"
    PAYLOAD_ALTERED = "payload_altered"
    TRUNCATED = "truncated"
    """A head was signed for more events than there are."""
    REWRITTEN = "rewritten"
    """The chain agrees with itself, but not with a head that was signed."""
    HEAD_INVALID = "head_invalid"
    """A head's signature is not its key's."""
    HEAD_KEY_UNKNOWN = "head_key_unknown"
    HEAD_MISSING = "head_missing"
    """Events are sealed but no head signs for them."""
    TRACE_ALTERED = "trace_altered"
    """The trace of an award is not the one that its event recorded."""
    TRACE_MISSING = "trace_missing"
    TRACE_UNKNOWN = "trace_unknown"
    """No event recorded it."""
    AWARD_ALTERED = "award_altered"
    """An award is not in the state that its newest event led to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its place. ``at`` is aware; ``digest`` is what was stored when it was sealed."""

    number: int
    event_id: int
    at: datetime
    action: str
    actor: str
    subject: str
    commitment: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """The signed end of a chain. ``signature``: Ed25519 over :func:`head_text`, base64url without padding."""

    chain: str
    number: int
    digest: str
    signed_at: datetime
    verification_method: str
    public_key_multibase: str
    signature: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and at which number of the chain; 0 for a ``row`` beside it (``trace:ID``)."""

    code: FindingCode
    chain: str
    number: int
    event_id: int | None = None
    row: str | None = None


def chain_of(organization_id: int | None) -> str:
    """The name of the chain that an organization's events are in."""
    return INSTALLATION if organization_id is None else f"organization:{organization_id}"


def time_text(moment: datetime) -> str:
    """A moment as it is hashed: UTC, always six decimals, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(values: Mapping[str, object]) -> str:
    """The canonical text of a flat object."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(chain: str, entry: Entry, previous: str) -> str:
    """The digest that the entry must have after ``previous``."""
    values = {
        "action": entry.action,
        "actor": entry.actor,
        "at": time_text(entry.at),
        "chain": chain,
        "commitment": entry.commitment,
        "event": entry.event_id,
        "number": entry.number,
        "previous": previous,
        "subject": entry.subject,
    }
    return hashlib.sha256(canonical(values).encode()).hexdigest()


def head_text(chain: str, number: int, digest: str, signed_at: datetime) -> str:
    """What is signed."""
    return canonical({"chain": chain, "digest": digest, "number": number, "signed_at": time_text(signed_at)})


def check_entries(chain: str, entries: Iterable[Entry]) -> tuple[list[Finding], list[str]]:
    """Check that each entry follows the one before. Returns what is wrong, and the stored digest of each number
    (index 0 is number 1; empty text where an event is missing).

    ``entries`` come in the order of their numbers. After a break, checking goes on from the digest that was stored, so
    that one altered event is one finding.
    """
    found: list[Finding] = []
    digests: list[str] = []
    broken: list[tuple[Entry, str]] = []
    previous = BEFORE_THE_FIRST
    for entry in entries:
        while len(digests) + 1 < entry.number:
            found.append(Finding(FindingCode.EVENT_MISSING, chain, len(digests) + 1))
            digests.append("")
            previous = ""
        if previous and digest_of(chain, entry, previous) != entry.digest:
            broken.append((entry, previous))
        digests.append(entry.digest)
        previous = entry.digest
    found += [_named(chain, entry, before, broken) for entry, before in broken]
    return sorted(found, key=lambda one: one.number), digests


def _named(chain: str, entry: Entry, previous: str, broken: Sequence[tuple[Entry, str]]) -> Finding:
    """Moved, when another event that is out of place is the one that was sealed here; else altered."""
    for other, _ in broken:
        moved = replace(other, number=entry.number)
        if other.number != entry.number and digest_of(chain, moved, previous) == entry.digest:
            return Finding(FindingCode.EVENT_MOVED, chain, entry.number, entry.event_id)
    return Finding(FindingCode.EVENT_ALTERED, chain, entry.number, entry.event_id)


def check_heads(
    chain: str,
    digests: Sequence[str],
    heads: Iterable[Head],
    is_signed: Callable[[Head], bool],
    known_keys: frozenset[str],
) -> list[Finding]:
    """Check signed heads against the chain's digests. ``is_signed`` verifies a head's signature with its own key;
    ``known_keys`` are the keys that may sign for this chain, as multibase."""
    found, newest = [], 0
    for head in heads:
        newest = max(newest, head.number)
        if head.public_key_multibase not in known_keys:
            found.append(Finding(FindingCode.HEAD_KEY_UNKNOWN, chain, head.number))
        elif not is_signed(head):
            found.append(Finding(FindingCode.HEAD_INVALID, chain, head.number))
        elif head.number > len(digests):
            found.append(Finding(FindingCode.TRUNCATED, chain, head.number))
        elif digests[head.number - 1] not in {head.digest, ""}:
            found.append(Finding(FindingCode.REWRITTEN, chain, head.number))
    if len(digests) > newest:
        found.append(Finding(FindingCode.HEAD_MISSING, chain, len(digests)))
    return found
