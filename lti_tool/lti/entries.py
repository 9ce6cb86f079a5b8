"""Fields of the entries that platforms send, brought to exact types or refused.

Text is cleaned of what no database stores (NUL, lone surrogates). Identifiers are case-sensitive text; Moodle sends
some as integers. Numbers become exact ``Decimal``s; a boolean, a word or an absurd size is not a number.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from lti_tool.characters import one_line

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST_NUMBER = 60
"""Digits and signs of a number written out, as the tables hold it."""


class MalformedEntryError(ValueError):
    """An entry breaks the standard; it is left out and counted. The message names the field, not its value."""


def identifier(entry: Mapping[str, object], key: str, longest: int) -> str:
    """Return a required identifier unchanged; raises ``MalformedEntryError``."""
    value = entry.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > longest or _UNSTORABLE.search(value):
        raise MalformedEntryError(key)
    return value


def address(entry: Mapping[str, object], key: str, longest: int) -> str:
    """Return a required http(s) address unchanged; raises ``MalformedEntryError``."""
    value = identifier(entry, key, longest)
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise MalformedEntryError(key)
    return value


def text(entry: Mapping[str, object], key: str, longest: int, *, is_cut: bool = True) -> str | None:
    """Return an optional text as one line, or ``None`` when it is absent, empty or of another type.

    Longer than ``longest``: cut, or ``None`` where half a value would be wrong (``is_cut=False``).
    """
    value = entry.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    value = one_line(value)
    if len(value) > longest:
        value = value[:longest] if is_cut else ""
    return value or None


def is_text(value: str, longest: int) -> bool:
    """Whether a text can be kept as it is."""
    return len(value) <= longest and not _UNSTORABLE.search(value)


def flag(entry: Mapping[str, object], key: str) -> bool | None:
    """Return an optional boolean, ``None`` when it is absent or of another type."""
    value = entry.get(key)
    return value if isinstance(value, bool) else None


def text_list(entry: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return a list of texts, empty when absent; raises ``MalformedEntryError`` when it is no list of texts."""
    value = entry.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and not _UNSTORABLE.search(one) for one in value):
        raise MalformedEntryError(key)
    return tuple(value)


def number(entry: Mapping[str, object], key: str, *, minimum: Decimal | None = None) -> Decimal | None:
    """Return a number exactly, ``None`` when absent or null; raises ``MalformedEntryError`` for anything else."""
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not is_storable(value) or (minimum is not None and value < minimum):
        raise MalformedEntryError(key)
    return value


def is_storable(value: Decimal) -> bool:
    """Whether a number is one that tables hold and documents carry: finite, and not absurdly long."""
    return value.is_finite() and abs(value.adjusted()) < LONGEST_NUMBER and len(format(value, "f")) <= LONGEST_NUMBER


def moment(entry: Mapping[str, object], key: str) -> datetime | None:
    """Return an optional moment (ISO 8601 with a zone) in UTC, or ``None`` when it is absent or cannot be read."""
    value = entry.get(key)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
