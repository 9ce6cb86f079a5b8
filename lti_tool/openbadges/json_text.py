"""Reads JSON that a stranger sent: bounded, without the ambiguities that let two readers see two documents.

A duplicated key is the classic one: engines differ in which value counts, so one could be shown and the other signed.
"""

import json
import math
import re
from typing import Any, NoReturn

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.contexts import JsonObject

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 30
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(source: str | bytes, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> JsonObject:
    """Return the one JSON object in ``source`` (UTF-8).

    Raises ``CredentialInvalidError``: ``document_too_large``, ``json_duplicate_key``, ``json_too_deep`` or
    ``json_invalid`` (not JSON, not an object, NaN, an endless number, a lone surrogate).
    """
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise CredentialInvalidError(f"The document is larger than {max_bytes} bytes.", code="document_too_large")
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
        parsed = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise CredentialInvalidError("The document is nested too deeply.", code="json_too_deep") from None
    except ValueError:  # includes UnicodeDecodeError and JSONDecodeError
        raise CredentialInvalidError("The document is not JSON.", code="json_invalid") from None
    if not isinstance(parsed, dict):
        raise CredentialInvalidError("The document is not a JSON object.", code="json_invalid")
    check_depth(parsed)
    if _HALF.search(text):
        _refuse_halves(parsed)
    return parsed


def check_depth(value: object, limit: int = MAX_DEPTH) -> None:
    """Raise ``CredentialInvalidError`` (``json_too_deep``) when objects and lists are nested deeper than ``limit``."""
    if limit < 0:
        raise CredentialInvalidError("The document is nested too deeply.", code="json_too_deep")
    if isinstance(value, dict):
        for child in value.values():
            check_depth(child, limit - 1)
    elif isinstance(value, list):
        for child in value:
            check_depth(child, limit - 1)


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    found: JsonObject = dict(pairs)
    if len(found) != len(pairs):
        raise CredentialInvalidError("The document has an object with the same key twice.", code="json_duplicate_key")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("too many digits")
    return int(text)


def _decimal(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise ValueError("too many digits")
    number = float(text)
    if math.isinf(number):
        raise ValueError("too large a number")
    return number


def _refuse_halves(parsed: JsonObject) -> None:
    """Refuse half of a surrogate pair, which an escape can spell and no page or database can show."""
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise CredentialInvalidError("The document is not JSON.", code="json_invalid") from None


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")
