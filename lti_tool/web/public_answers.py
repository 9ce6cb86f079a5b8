"""How public addresses answer: a page or a document by ``Accept``, with validators, open to readers on any site."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from flask import Response, make_response, request

CREDENTIAL = ("application/vc+ld+json", "application/ld+json", "application/json", "application/vc")
"""Media types a credential can be asked in; the first is what it is sent as when nobody says (OB 3.0, section 6)."""
JWT = ("application/vc+jwt", "application/jwt")
LINKED_DATA = ("application/ld+json", "application/json")
SHORT, HOUR, YEAR = 300, 3600, 365 * 24 * 3600


def wants_page(*, when_equal: bool) -> bool:
    """Whether ``Accept`` prefers a page to a document; without the header it is a program that asks.

    ``when_equal`` decides for ``*/*``, which names neither.
    """
    accepted = request.accept_mimetypes
    if not accepted:
        return False
    page, document = accepted["text/html"], max(accepted[one] for one in (*CREDENTIAL, *JWT))
    return when_equal if page == document else page > document


def asked_type(offered: Sequence[str]) -> str:
    """Return the media type of ``offered`` that ``Accept`` likes best; the first when it says nothing of use."""
    return request.accept_mimetypes.best_match(list(offered)) or offered[0] if request.accept_mimetypes else offered[0]


def answer_json(document: Mapping[str, object], offered: Sequence[str] = LINKED_DATA, *, seconds: int = 0) -> Response:
    """Return a document as JSON in the media type that was asked for."""
    return answer(json.dumps(document, ensure_ascii=False), asked_type(offered), seconds=seconds)


def answer(
    body: str | bytes, media_type: str, *, seconds: int = 0, is_immutable: bool = False, status: int = 200
) -> Response:
    """Return ``body`` with an ETag, or 304 to one who has it; ``seconds`` is how long it may be kept unasked."""
    payload = body.encode() if isinstance(body, str) else body
    response = Response(payload, status, content_type=media_type)
    response.set_etag(hashlib.sha256(media_type.encode() + b"\0" + payload).hexdigest()[:32])
    keep = f"max-age={seconds}" if seconds else "no-cache"
    response.headers["Cache-Control"] = f"public, {keep}{', immutable' if is_immutable else ''}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.vary.add("Accept")
    if status == 200:  # what is gone is said in full every time
        response.make_conditional(request)
    return response


def answer_svg(svg: str) -> Response:
    """Return a picture that shows a PNG inside it, also to a browser that opens its address."""
    response = answer(svg, "image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'; img-src data:; frame-ancestors 'none'"
    return response


def unlisted(response: Response) -> Response:
    """Whoever has the address may read it; search engines may not spread it."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def page(html: str) -> Response:
    """Return a page of an address that also answers documents. It holds what can be withdrawn: ask every time."""
    response = make_response(html)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    return response
