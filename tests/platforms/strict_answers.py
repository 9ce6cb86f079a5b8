"""What all services of the strict platform share: addresses, mishaps, tokens and media types, pages."""

import base64
import binascii
import html
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from platforms.quirks import LINKS, Paging, Quirks
from platforms.strict_tokens import TokenEndpoint
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response


class StrictAnswers(TokenEndpoint):
    """Checks who asks, and answers in pages."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, clock)
        self.context_id = context_id
        self.members: dict[str, Any] = {}
        self.columns: dict[int, Any] = {}
        self.endless_pages = False
        self.foreign_next_page: str | None = None
        """Origin that next links name instead of this one."""
        self.quota_left = 598.7
        """What platforms that report a quota say is left of it."""
        self.answers_to_lose = 0
        """How many of the next service calls are carried out and then answered with 504."""
        self._mishaps: list[Response] = []

    # -- addresses --------------------------------------------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """The issuer of the id_tokens."""
        return self.quirks.issuer or self.base_url

    @property
    def line_items_url(self) -> str:
        """The AGS container of the one context."""
        return self._with_service_query(f"{self.base_url}/services/{self.context_id}/lineitems")

    @property
    def memberships_url(self) -> str:
        """The roster of the one context."""
        return f"{self.base_url}/services/{self.context_id}/memberships"

    def line_item_url(self, column: Any) -> str:
        """A column's id."""
        path = f"/services/{self.context_id}/lineitems/{column.number}{self.quirks.item_suffix}"
        return self._with_service_query(self.base_url + path)

    def _with_service_query(self, url: str) -> str:
        return f"{url}?{self.quirks.service_query}" if self.quirks.service_query else url

    # -- mishaps ----------------------------------------------------------------------------------------------------

    def throttle_next(self, count: int = 1, retry_after: str | None = None) -> None:
        """Refuse the next service calls because there were too many."""
        for _ in range(count):
            response = Response(self.quirks.throttle_body, self.quirks.throttle_status, mimetype="text/plain")
            response.headers |= {"Retry-After": retry_after} if retry_after is not None else {}
            self._mishaps.append(response)

    def fail_next(self, count: int = 1, status: int = 503, headers: Mapping[str, str] | None = None) -> None:
        """Answer the next service calls with ``status`` and nothing useful."""
        self._mishaps += [Response("secret detail", status, headers) for _ in range(count)]

    def answer_html_next(self) -> None:
        """Answer the next service call with a login page and status 200."""
        self._mishaps.append(Response("<!doctype html><title>Log in</title>", mimetype="text/html"))

    def answer_next(self, body: str) -> None:
        """Answer the next service call with ``body`` as JSON, as it is."""
        self._mishaps.append(Response(body, mimetype="application/json"))

    # -- what all services share ------------------------------------------------------------------------------------

    def link_ids(self) -> set[str]:
        """The platform's ids of this tool's resource links."""
        course = {self.context_id} if self.quirks.course_is_a_link else set()
        return {"link-1"} | course | {link.link_id for link in getattr(self, "links", [])}

    def _refusal(self, request: Request, context: str, scopes: set[str], media_type: str) -> Response | None:
        """Why this call is not served, if so; ``media_type`` is what ``Accept`` has to name, or what is sent."""
        if self._mishaps:
            return self._mishaps.pop(0)
        if self.quirks.requires_user_agent and not request.headers.get("User-Agent"):
            return Response("User-Agent required", 403)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        token = self.tokens.get(text) if kind == "Bearer" else None
        if token is None or token.ends_at <= self.clock() or token.client_id != self.client_id:
            return Response("secret detail", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        if not token.scopes & scopes:
            return Response("secret detail", 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
        stated = "Content-Type" if request.method in {"POST", "PUT"} else "Accept"
        if request.headers.get(stated) != media_type:
            return Response("Wrong media type", self.quirks.wrong_accept_status if stated == "Accept" else 415)
        is_ags = "/lineitems" in request.path
        if context != self.context_id or (is_ags and not _carries(request, self.quirks.service_query)):
            return Response("No such course", 404)
        return None

    def _page(self, request: Request, entries: list[Any], paging: Paging) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for and the link header to the next one."""
        asked = request.args.get("limit", type=int)
        if asked is not None and paging.limit_crashes:
            raise HtmlError("Call to a member function out() on null")
        size = asked or paging.default
        size = min(size, paging.cap) if size and paging.cap else size
        if self.endless_pages:
            size = size or 1
        start = self._start(request, paging)
        if size is None or (start + size >= len(entries) and not self.endless_pages):
            return entries[start:], {}
        following = (start + size) % max(len(entries), 1) if self.endless_pages else start + size
        mark = f"bookmark:{_bookmark(following)}" if paging.is_bookmarked else str(following)
        forgotten = {"role"} if self.quirks.forgets_filters else set()
        query = {key: value for key, value in request.args.items() if key not in {"page", "from"} | forgotten}
        query["page" if paging.is_bookmarked else "from"] = mark
        return entries[start : start + size], {"Link": self._link(request, paging, query)}

    def _start(self, request: Request, paging: Paging) -> int:
        if not paging.is_bookmarked:
            return request.args.get("from", 0, type=int)
        mark = request.args.get("page", "")
        return _bookmarked(mark.removeprefix("bookmark:")) if mark else 0

    def _link(self, request: Request, paging: Paging, query: Mapping[str, str]) -> str:
        relative = f"{request.path}?{urlencode(query, safe=':')}"
        following = (self.foreign_next_page or self.base_url) + relative
        first = self.base_url + request.path
        text = LINKS[paging.link].format(
            next=following,
            relative=following if self.foreign_next_page else relative,
            escaped=html.escape(following, quote=False),
            first=first,
            current=request.url,
        )
        return text.encode().decode("latin-1")

    def _answer(self, document: Any, media_type: str, headers: Mapping[str, str]) -> Response:
        response = json_answer(document, headers, media_type)
        if self.quirks.reports_quota:
            response.headers |= {"X-Request-Cost": "0.21", "X-Rate-Limit-Remaining": str(self.quota_left)}
        return response


class HtmlError(HTTPException):
    code = 404


def _carries(request: Request, query: str) -> bool:
    return not query or query in request.query_string.decode().split("&")


def _bookmark(offset: int) -> str:
    """Opaque, and useless once its case is changed."""
    return base64.urlsafe_b64encode(f'["Zz{offset}"]'.encode()).rstrip(b"=").decode()


def _bookmarked(mark: str) -> int:
    try:
        text = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)).decode()
        return int(text.removeprefix('["Zz').removesuffix('"]'))
    except (binascii.Error, ValueError):
        raise HtmlError("bad bookmark") from None


def json_answer(document: Any, headers: Mapping[str, str], media_type: str = "application/json") -> Response:
    return Response(exact_json(document), headers=dict(headers), content_type=media_type)


def exact_json(document: Any) -> str:
    """JSON whose decimals are written digit for digit."""
    marked = json.dumps(document, default=lambda value: f"\x00{value}\x00" if isinstance(value, Decimal) else None)
    return marked.replace('"\\u0000', "").replace('\\u0000"', "")
