"""Canvas's own API and its OAuth 2.0, stricter than life: what a tool that works here asks is right to the letter.

``with CanvasApi() as canvas:`` serves it on loopback. Grounds of its ways, each named where it is: *vendor document*
(developerdocs.instructure.com, read in November 2026), *vendor code* (canvas-lms), *constructed*.
"""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

from platforms.canvas_answers import ROUTES, CourseAnswers
from platforms.canvas_course import CanvasCourse
from platforms.canvas_oauth import CanvasOAuthServer, Grant
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

MAX_PER_PAGE = 100
BOOKMARKED = {"submissions"}
"""Vendor code (canvas-lms, submissions_api_controller.rb): these pages are named by bookmarks."""


class CanvasApi(CanvasOAuthServer, CourseAnswers):
    """The server; a WSGI application and a context manager. ``calls`` counts requests by endpoint."""

    def __init__(self, course: CanvasCourse | None = None) -> None:
        self.course = course or CanvasCourse()
        CanvasOAuthServer.__init__(self, lambda: self.course.now)
        self.calls: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.allows_includes = False
        """Vendor document (developer keys): scoped tokens get no ``include[]`` unless the key allows it."""
        self.may_see_grades = True
        self.quota, self.refill, self.cost = 700.0, 10.0, 1.0
        """Vendor document (throttling): a bucket that is refilled over time; the sizes are made up."""
        self._filled_at = self.course.now
        self.throttled_status = 403
        """Vendor document (throttling): 403 in the older text, 429 in the newer."""
        self.page_size = MAX_PER_PAGE
        self.shrinks = False
        """Vendor code: entries are left out after paging, so pages are shorter than asked, or empty in the middle."""
        self.repeats = False
        """Constructed: the next link leads to the same page for ever."""
        self.mishaps: dict[str, list[Callable[[], Response | None]]] = {}
        """What happens to the next requests of an endpoint, one each; ``None`` is nothing."""

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_QuietHandler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.addresses.append(request.url)
        try:
            answer = self._answer(request)
        except HTTPException as error:
            answer = Response(f"<h1>{error.code}</h1>", error.code or 500, content_type="text/html")
        return answer(environ, start_response)

    # -- who asks -----------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        if not request.headers.get("User-Agent"):  # issue threads (ucfopen/canvasapi#706, 2026)
            return Response("<h1>403</h1>", 403, content_type="text/html")
        endpoint, values = ROUTES.bind("127.0.0.1").match(request.path, request.method)
        self.calls[endpoint] += 1
        if endpoint in {"authorize", "token", "forget"}:
            return self.oauth(endpoint, request)
        if self.mishaps.get(endpoint):
            mishap = self.mishaps[endpoint].pop(0)()
            if mishap is not None:
                return mishap
        refused = self._refused(endpoint, request)
        if refused is not None:
            return refused
        answer = self._page(endpoint, request, values)
        answer.headers["X-Request-Cost"] = f"{self.cost:.4f}"
        answer.headers["X-Rate-Limit-Remaining"] = f"{self.quota:.4f}"
        return answer

    def _refused(self, endpoint: str, request: Request) -> Response | None:
        grant = self.grant_of(request)
        if grant is None:
            return self.invalid_token()
        self.quota = min(
            700.0, self.quota + max(0.0, (self.course.now - self._filled_at).total_seconds()) * self.refill
        )
        self._filled_at = self.course.now
        if self.quota < self.cost:
            headers = {"X-Rate-Limit-Remaining": "0.0", "X-Request-Cost": "0.0"}
            words = f"{self.throttled_status} Forbidden (Rate Limit Exceeded)\n"
            return Response(words, self.throttled_status, headers=headers, content_type="text/html; charset=utf-8")
        self.quota -= self.cost
        if grant.scopes is not None and self.scope_of(endpoint) not in grant.scopes:
            # Vendor code: no WWW-Authenticate, since the token itself is good.
            return _json({"errors": [{"message": "Insufficient scopes on access token."}]}, 401)
        if (
            int(request.args.get("per_page", 10)) > MAX_PER_PAGE
        ):  # Canvas lowers it silently; who asks for more is wrong
            return _json({"errors": [{"message": "per_page is too large"}]}, 400)
        if endpoint != "user" and not self.may_see_grades:
            return _json(
                {
                    "status": "unauthorized",
                    "errors": [{"message": "user not authorized to perform that action"}],
                },
                401,
            )
        return None

    # -- pages --------------------------------------------------------------------------------------------------------

    def _page(self, endpoint: str, request: Request, values: Mapping[str, Any]) -> Response:
        name = values.get("course")
        is_known = name is None or name in {str(self.course.number), f"lti_context_id:{self.course.lti_context_id}"}
        if not is_known or self.course.is_deleted:
            return _json({"errors": [{"message": "The specified resource does not exist."}]}, 404)
        includes = request.args.getlist("include[]") if self.allows_includes or self._is_unscoped(request) else []
        found = self.entries(endpoint, request, values, includes)
        if isinstance(found, Response):
            return found
        if not isinstance(found, list):
            return _json(found)
        return self._one_page(endpoint, request, found)

    def _is_unscoped(self, request: Request) -> bool:
        grant = self.grant_of(request)
        return grant is not None and grant.scopes is None

    def _one_page(self, endpoint: str, request: Request, entries: list[Any]) -> Response:
        size = min(int(request.args.get("per_page", 10)), self.page_size)
        asked = request.args.get("page", "")
        is_marked = endpoint in BOOKMARKED
        start = _unmarked(asked) if is_marked else (int(asked or 1) - 1) * size
        if start is None:
            return _json({"errors": [{"message": "bookmark is not a valid bookmark"}]}, 400)
        page, end = entries[start : start + size], start + size
        if self.shrinks:
            page = [] if start == size else page[: max(1, size // 2)]
        body: Any = {"rollups": page, "meta": {}} if endpoint == "outcome_rollups" else page
        answer = _json(body)
        links = {"current": asked or "1", "first": "1"}
        if end < len(entries):
            following = start if self.repeats else end
            links["next"] = _marked(following) if is_marked else str(following // size + 1)
        answer.headers["Link"] = ",".join(
            f'<{self._address(request, page_name)}>; rel="{relation}"' for relation, page_name in links.items()
        )
        return answer

    def _address(self, request: Request, page: str) -> str:
        kept = "&".join(one for one in request.query_string.decode().split("&") if one and not one.startswith("page="))
        return f"{self.address}{request.path}?{kept}&page={page}"

    def grant(self, scopes: list[str] | None = None, **options: Any) -> Grant:
        """A grant as a consent would have made it, without the browser."""
        return self.new_grant(scopes, **options)


def _marked(start: int) -> str:
    """An opaque bookmark: base64 with both cases in it, wrong in any other."""
    text = json.dumps({"aZ": start, "bY": "Qq" * 3})
    return "bookmark:" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unmarked(page: str) -> int | None:
    if page in {"", "1"}:
        return 0
    text = page.removeprefix("bookmark:")
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(found["aZ"]) if found["bY"] == "QqQqQq" else None
    except (ValueError, KeyError, TypeError):
        return None


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json; charset=utf-8")


def html_page() -> Response:
    """Constructed: a page to sign in, or of a proxy, where JSON was asked for."""
    return Response("<!doctype html><title>Log in to Canvas</title>", 200, content_type="text/html")


def broken(status: int = 500) -> Response:
    """Vendor code: errors of the server are pages or JSON; what counts is the status."""
    return Response("<h1>Page Error</h1>", status, content_type="text/html")


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass
