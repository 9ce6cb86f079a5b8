"""The strict platform's HTTP side: login answers, keys, line items and results, rosters."""

import base64
import binascii
import html
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from platforms.quirks import LINKS, Paging, Quirks
from platforms.strict_tokens import LINE_ITEM, LINE_ITEM_READ, MEMBERSHIP_READ, RESULT_READ, TokenEndpoint
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
LOGIN_FORM = '<form method="post" action="{action}">{fields}</form><script>document.forms[0].submit()</script>'

_RULES = Map(
    [
        Rule("/auth", endpoint="auth", methods=["GET", "POST"]),
        Rule("/jwks", endpoint="jwks", methods=["GET"]),
        Rule("/token", endpoint="token", methods=["POST"]),
        Rule("/services/<context>/lineitems", endpoint="line_items", methods=["GET"]),
        Rule("/services/<context>/lineitems/<int:number>/results", endpoint="results", methods=["GET"]),
        Rule("/services/<context>/lineitems/<int:number>/lineitem/results", endpoint="results", methods=["GET"]),
        Rule("/services/<context>/memberships", endpoint="members", methods=["GET"]),
    ]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what it was for (``token``, ``jwks``, ``auth``, ``line_items``, ``results``, ``members``)."""

    kind: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int


class StrictServices(TokenEndpoint):
    """Answers what a tool asks; ``StrictPlatform`` adds launches and life."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, clock)
        self.context_id = context_id
        self.members: dict[str, Any] = {}
        self.columns: dict[int, Any] = {}
        self.keys: list[Any] = []
        self.redirect_uris: list[str] = []
        self.endless_pages = False
        self.foreign_next_page: str | None = None
        """Origin that next links name instead of this one."""
        self.counts: Counter[str] = Counter()
        self.requests: list[Asked] = []
        self._mishaps: list[Response] = []
        self._lock = threading.RLock()

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

    # -- WSGI -------------------------------------------------------------------------------------------------------

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        kind = "other"
        with self._lock:
            try:
                kind, arguments = _RULES.bind_to_environ(environ).match()
                response = getattr(self, f"_{kind}")(request, **arguments)
            except HTTPException as error:
                response = error.get_response(environ)
            query, headers = request.args.to_dict(), dict(request.headers)
            self.requests.append(Asked(kind, request.method, request.path, query, headers, response.status_code))
            self.counts[kind] += 1
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _auth(self, request: Request) -> Response:
        """The authorisation endpoint (1EdTech Security Framework 1.0, section 5.1.1.2)."""
        asked = request.values
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") not in self.redirect_uris:
            return Response("Unknown client or redirect_uri", 400)
        fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        wrong = [name for name, value in fixed.items() if asked.get(name) != value]
        wrong += [name for name in ("nonce", "state", "lti_message_hint") if not asked.get(name)]
        if wrong:
            form = {"error": "invalid_request", "error_description": " ".join(wrong), "state": asked.get("state", "")}
        elif asked.get("login_hint") not in self.members:
            form = {"error": "access_denied", "state": asked["state"]}
        else:
            form = self.launch_form(asked["login_hint"], asked["state"], asked["nonce"])
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in form.items()
        )
        page = LOGIN_FORM.format(action=html.escape(asked["redirect_uri"]), fields=fields)
        return Response(page, mimetype="text/html")

    def launch_form(self, persona: str | None, state: str, nonce: str, **claim_overrides: Any) -> dict[str, str]:
        """The form that the browser posts to the tool."""
        raise NotImplementedError

    def _jwks(self, request: Request) -> Response:
        cache = self.quirks.key_set_cache_control
        return _json({"keys": [key.public_jwk() for key in self.keys]}, {"Cache-Control": cache} if cache else {})

    def _token(self, request: Request) -> Response:
        return self.answer_token(request)

    # -- services ---------------------------------------------------------------------------------------------------

    def _line_items(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {LINE_ITEM, LINE_ITEM_READ}, LINE_ITEMS_TYPE)
        if refusal is not None:
            return refusal
        asked = {"resourceId": request.args.get("resource_id"), "tag": request.args.get("tag")}
        items = [self._item_document(one) for one in self.columns.values() if one.is_mine or self._sees_all]
        items = [one for one in items if all(value in (None, one.get(key)) for key, value in asked.items())]
        page, links = self._page(request, items, self.quirks.line_items)
        return self._answer(page, LINE_ITEMS_TYPE, links)

    @property
    def _sees_all(self) -> bool:
        return self.quirks.lists_foreign_items

    def _item_document(self, column: Any) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": self.line_item_url(column),
            "label": column.label,
            "scoreMaximum": column.maximum,
            "resourceId": column.resource_id,
            "tag": column.tag,
        }
        raw: dict[str, Any] = column.raw
        return {key: value for key, value in document.items() if value is not None} | raw

    def _results(self, request: Request, context: str, number: int) -> Response:
        refusal = self._refusal(request, context, {RESULT_READ}, RESULTS_TYPE)
        if refusal is not None:
            return refusal
        column = self.columns.get(number)
        if column is None or not (column.is_mine or self._sees_all):
            return Response("Tool does not have permission to view line_item", 404)
        user = None if self.quirks.ignores_user_filter else request.args.get("user_id")
        scores = {one: score for one, score in column.scores.items() if user in (None, one)}
        entries = [self._result_document(column, one, score) for one, score in scores.items()] + column.raw_results
        page, links = self._page(request, entries, self.quirks.results)
        return self._answer(page, RESULTS_TYPE, links)

    def _result_document(self, column: Any, user_id: str, score: Decimal | None) -> dict[str, Any]:
        url = self.line_item_url(column)
        document: dict[str, Any] = {
            "id": f"{url.partition('?')[0]}/results/{user_id}",
            "scoreOf": url,
            "userId": int(user_id) if self.quirks.has_integer_user_ids else user_id,
            "resultMaximum": column.maximum,
            "comment": self.quirks.comment,
        }
        document |= {} if score is None else {"resultScore": score}
        return document | ({"timestamp": "2026-11-02T09:30:00+00:00"} if self.quirks.has_result_timestamps else {})

    def _members(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {MEMBERSHIP_READ}, MEMBERS_TYPE)
        if refusal is not None:
            return refusal
        people = [one for one in self.members.values() if self.quirks.lists_inactive_members or one.status == "Active"]
        page, links = self._page(request, [self._member_document(one) for one in people], self.quirks.members)
        return self._answer({"id": request.url, "context": {"id": context}, "members": page}, MEMBERS_TYPE, links)

    def _member_document(self, person: Any) -> dict[str, Any]:
        roles = [role.rpartition("#")[2] if self.quirks.has_short_roles else role for role in person.roles]
        document = {"user_id": person.user_id, "roles": roles, "name": person.name, "email": person.email}
        document |= {} if person.status == "Active" else {"status": person.status}
        return {key: value for key, value in document.items() if value is not None}

    # -- what all services share ------------------------------------------------------------------------------------

    def _refusal(self, request: Request, context: str, scopes: set[str], media_type: str) -> Response | None:
        """Why this call is not served, if so."""
        if self._mishaps:
            return self._mishaps.pop(0)
        if self.quirks.requires_user_agent and not request.headers.get("User-Agent"):
            return Response("User-Agent required", 403)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        token = self.tokens.get(text) if kind == "Bearer" else None
        if token is None or token.ends_at <= self.clock():
            return Response("secret detail", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        if not token.scopes & scopes:
            return Response("secret detail", 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
        if request.headers.get("Accept") != media_type:
            return Response("Wrong media type", self.quirks.wrong_accept_status)
        is_ags = media_type != MEMBERS_TYPE
        if context != self.context_id or (is_ags and not _carries(request, self.quirks.service_query)):
            return Response("No such course", 404)
        return None

    def _page(self, request: Request, entries: list[Any], paging: Paging) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for and the link header to the next one."""
        asked = request.args.get("limit", type=int)
        if asked is not None and paging.limit_crashes:
            raise _HtmlError("Call to a member function out() on null")
        size = asked or paging.default
        size = min(size, paging.cap) if size and paging.cap else size
        if self.endless_pages:
            size = size or 1
        start = self._start(request, paging)
        if size is None or (start + size >= len(entries) and not self.endless_pages):
            return entries[start:], {}
        following = (start + size) % max(len(entries), 1) if self.endless_pages else start + size
        mark = f"bookmark:{_bookmark(following)}" if paging.is_bookmarked else str(following)
        query = {key: value for key, value in request.args.items() if key not in {"page", "from"}}
        query["page" if paging.is_bookmarked else "from"] = mark
        return entries[start : start + size], {"Link": self._link(request, paging, query)}

    def _start(self, request: Request, paging: Paging) -> int:
        if not paging.is_bookmarked:
            return request.args.get("from", 0, type=int)
        mark = request.args.get("page", "")
        return _bookmarked(mark.removeprefix("bookmark:")) if mark else 0

    def _link(self, request: Request, paging: Paging, query: Mapping[str, str]) -> str:
        parts = "&".join(f"{key}={value}" for key, value in query.items())
        relative = f"{request.path}?{parts}"
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
        response = _json(document, headers, media_type)
        if self.quirks.reports_quota:
            response.headers |= {"X-Request-Cost": "0.21", "X-Rate-Limit-Remaining": "598.7"}
        return response


class _HtmlError(HTTPException):
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
        raise _HtmlError("bad bookmark") from None


def _json(document: Any, headers: Mapping[str, str], media_type: str = "application/json") -> Response:
    return Response(exact_json(document), headers=dict(headers), content_type=media_type)


def exact_json(document: Any) -> str:
    """JSON whose decimals are written digit for digit."""
    marked = json.dumps(document, default=lambda value: f"\x00{value}\x00" if isinstance(value, Decimal) else None)
    return marked.replace('"\\u0000', "").replace('\\u0000"', "")
