"""JSON documents as they travel to and from a platform's services."""

import json
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlsplit

from lti_tool.errors import PlatformAnswerError
from lti_tool.lti.entries import is_storable
from lti_tool.outbound import Answer


def decoded(answer: Answer) -> object:
    """Return the body as JSON, whatever its declared type, numbers with a fraction as exact ``Decimal``s.

    Raises ``PlatformAnswerError`` when it is no JSON: a login page in HTML never is.
    """
    try:
        found: object = json.loads(answer.body, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        host = urlsplit(answer.url).hostname
        message = f"{host} did not answer JSON ({answer.status})."
        raise PlatformAnswerError(message, http_status=answer.status) from None
    return found


def encoded(document: Mapping[str, object]) -> bytes:
    """Return a document as JSON; ``Decimal``s are written as numbers, to the 15 digits that all readers share.

    Raises ``PlatformAnswerError`` for what cannot be written: parts of a document that a platform gave and that goes
    back to it (a line item) may hold numbers that are none.
    """
    try:
        return json.dumps(document, default=_number, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise PlatformAnswerError("The platform's own values cannot be sent back to it.") from None


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal) or not is_storable(value):
        raise TypeError
    return int(value) if value == value.to_integral_value() else float(value)
