"""Reading Canvas's API with a grant: page by page, as the links say, and with a new token where the old one ended.

What an answer means (vendor code: canvas-lms, lib/authentication_methods.rb and the documents on developer keys and
throttling, read in November 2026): 401 with ``WWW-Authenticate``, or the words "Invalid access token", is a token that
ended; 401 "Insufficient scopes on access token" a scope that was not granted; 401 or 403 otherwise an account that may
not see this. Throttling and 5xx are waited out below (``Calls``). ``include[]`` is dropped by Canvas for scoped keys
unless an admin allowed it, so nothing here depends on it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode, urlsplit

from lti_tool.errors import (
    AddressRefusedError,
    GrantError,
    PlatformAnswerError,
    PlatformServiceError,
    ServiceRefusedError,
)
from lti_tool.evidence.canvas_oauth import CLIENT_REFUSED, Calls, CanvasOAuth
from lti_tool.evidence.grants import GRANT_MISSING, GRANT_NARROWED, GRANT_REFUSED, Access, Grants
from lti_tool.models import Context, Registration
from lti_tool.outbound import Answer, origin_of

SOURCE = "canvas"
PER_PAGE = 100
PAGE_LIMIT = 100_000
MARGIN = timedelta(seconds=60)
WAIT_FOR_OTHERS = 40
"""How often a reading looks, half a second apart, whether another one has renewed the grant."""

NextLink = Callable[[str | None, str], str | None]
"""Finds the next page in a ``Link`` header, on the same origin (``lti_tool.lti.links.next_link``)."""


@dataclass(frozen=True, slots=True)
class CanvasPage:
    """One page: its decoded body, its own address and the next page's as Canvas gave it, ``None`` on the last."""

    body: object
    url: str
    following: str | None


class CanvasClient:
    """Gives out sessions; one per process, safe to share between threads."""

    def __init__(
        self,
        grants: Grants,
        oauth: CanvasOAuth,
        calls: Calls,
        next_link: NextLink,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.grants = grants
        self.oauth = oauth
        self.calls = calls
        self.next_link = next_link
        self.sleep = sleep

    def session(self, registration: Registration, context: Context) -> "CanvasSession":
        """Return a session in one course; raises ``GrantError`` when nobody granted one."""
        access = self.grants.access(context, SOURCE)
        if access is None:
            needs = self.grants.needs(context, SOURCE) or (GRANT_MISSING,)
            raise GrantError("Canvas may not be read for this course.", code=needs[0])
        return CanvasSession(self, registration.id, access, course_name(context))


class CanvasSession:
    """Reads one course with one grant; for one thread."""

    def __init__(self, client: CanvasClient, registration_id: int, access: Access, course: str) -> None:
        self._client = client
        self._registration_id = registration_id
        self._access = access
        self._course = quote(course, safe=":")

    @property
    def scopes(self) -> frozenset[str] | None:
        """What was granted."""
        return self._access.scopes

    @property
    def place(self) -> tuple[int, str]:
        """The registration and the course, as Canvas's API names it."""
        return self._registration_id, self._course

    def course_url(self, path: str = "", **parameters: object) -> str:
        """Return an address below the course; lists become ``name[]`` once for each entry."""
        return self.url(f"/courses/{self._course}{path}", **parameters)

    def url(self, path: str, **parameters: object) -> str:
        """Return an address of the API."""
        pairs = [
            (f"{name}[]" if isinstance(value, list) else name, str(one))
            for name, value in parameters.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        query = f"?{urlencode(pairs)}" if pairs else ""
        return f"{self._access.address}/api/v1{path}{query}"

    def iter_pages(self, url: str, scope: str) -> Iterator[CanvasPage]:
        """Yield a page and those after it. Raises what ``get`` raises, and ``PlatformAnswerError`` for endless pages.

        The next address is followed exactly as given: bookmarks in it are case-sensitive.
        """
        host = urlsplit(url).hostname
        seen: set[int] = set()
        previous: object = None
        following: str | None = url
        while following is not None:
            if hash(following) in seen or len(seen) == PAGE_LIMIT:
                raise PlatformAnswerError(f"{host} never comes to a last page.", code="pages_endless")
            seen.add(hash(following))
            page = self.get(following, scope)
            if page.body == previous and page.body:
                raise PlatformAnswerError(f"{host} repeats the same page.", code="pages_endless")
            previous, following = page.body, page.following
            yield page

    def get(self, url: str, scope: str) -> CanvasPage:
        """Return one page.

        Raises ``GrantError``, ``ServiceRefusedError`` (``platform_not_found``), ``PlatformAnswerError``,
        ``PlatformThrottledError`` and ``OutboundError``; ``AddressRefusedError`` for another host's address.
        """
        if origin_of(url) != origin_of(self._access.address):
            raise AddressRefusedError("A page is not on the platform's own host; it was not fetched.")
        if self._access.expires_at is not None and self._access.expires_at - MARGIN <= self._client.grants.clock():
            self._renew()
        answer = self._asked(url)
        if answer.status == 401 and _is_token_refused(answer):
            self._renew()
            answer = self._asked(url)
            if answer.status == 401 and _is_token_refused(answer):
                raise self._refused(GRANT_REFUSED, answer, "no longer accepts the grant")
        self._require_success(answer, scope)
        return CanvasPage(_decoded(answer), url, self._client.next_link(answer.headers.get("Link"), url))

    def _asked(self, url: str) -> Answer:
        headers = {"Authorization": f"Bearer {self._access.token}", "Accept": "application/json"}
        return self._client.calls(self._registration_id, "GET", url, headers=headers)

    def _require_success(self, answer: Answer, scope: str) -> None:
        host, status = urlsplit(answer.url).hostname, answer.status
        if status < 300:
            return
        if status < 400:
            raise PlatformAnswerError(f"{host} redirects instead of answering ({status}).", http_status=status)
        if status in {401, 403} and "insufficient scopes" in answer.text[:2000].lower():
            raise self._refused(GRANT_NARROWED, answer, f"does not allow {scope} any more", lost=scope)
        if status in {401, 403}:
            message = f"{host} does not let the account see this course's grades ({status})."
            raise GrantError(message, code="grant_not_allowed", http_status=status)
        if status == 404:
            message = f"{host} does not know the course any more (404)."
            raise ServiceRefusedError(message, code="platform_not_found", http_status=status)
        raise ServiceRefusedError(f"{host} refused the request ({status}).", http_status=status)

    def _refused(self, code: str, answer: Answer, what: str, *, lost: str | None = None) -> GrantError:
        self._client.grants.refused(self._access.grant_id, code, token=self._access.token, lost=lost)
        host = urlsplit(answer.url).hostname
        return GrantError(f"{host} {what} ({answer.status}).", code=code, http_status=answer.status)

    # -- tokens that end ----------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Take the token that another reading stored meanwhile, or fetch a new one; one reading at a time fetches.

        Canvas ends the old access token when it gives a new one, so who fetches behind another's back breaks it.
        """
        grants, grant_id = self._client.grants, self._access.grant_id
        for _ in range(WAIT_FOR_OTHERS):
            if self._took_newer():
                return
            if grants.begin_renewal(grant_id):
                break
            self._client.sleep(0.5)
        else:
            raise PlatformServiceError("Another reading did not bring a new token in time.", code="grant_busy")
        try:
            if not self._took_newer():
                self._fetch()
        finally:
            grants.end_renewal(grant_id)

    def _took_newer(self) -> bool:
        """Whether the stored token is another than the one in use; a grant given up meanwhile ends the reading."""
        stored = self._client.grants.again(self._access.grant_id)
        if stored is None:
            raise GrantError("The grant ended while the course was read.", code=GRANT_REFUSED)
        is_newer = stored.token != self._access.token
        self._access = stored
        return is_newer

    def _fetch(self) -> None:
        grants, grant_id = self._client.grants, self._access.grant_id
        client = grants.client(grant_id)
        if client is None:
            raise GrantError("The grant ended while the course was read.", code=GRANT_REFUSED)
        try:
            tokens = self._client.oauth.refresh(self._registration_id, client)
        except GrantError as error:
            if error.code in {GRANT_REFUSED, CLIENT_REFUSED}:
                grants.refused(grant_id, error.code, token=self._access.token)
            raise
        grants.renewed(grant_id, tokens)
        self._took_newer()


def course_name(context: Context) -> str:
    """Return what Canvas's API calls a course: its number where a launch told it, else by the id that LTI sends."""
    named = context.service_ids.get(SOURCE) if context.service_ids else None
    return str(named) if named else f"lti_context_id:{context.platform_id}"


def _is_token_refused(answer: Answer) -> bool:
    """Whether the token itself is refused, and not what its owner may see (which comes without the header)."""
    words = answer.text[:2000].lower()
    if "insufficient scopes" in words:
        return False
    return "WWW-Authenticate" in answer.headers or "invalid access token" in words


def _decoded(answer: Answer) -> object:
    """Return the body as JSON, numbers with a fraction as exact ``Decimal``s; a login page in HTML never is."""
    try:
        found: object = json.loads(answer.body, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        host = urlsplit(answer.url).hostname
        message = f"{host} did not answer JSON ({answer.status})."
        raise PlatformAnswerError(message, http_status=answer.status) from None
    return found


def rows_of(body: object, key: str | None = None) -> list[Mapping[str, object]]:
    """Return the entries of a page; raises ``PlatformAnswerError`` when it is no list of them."""
    found = body.get(key) if key is not None and isinstance(body, dict) else body
    if not isinstance(found, list):
        raise PlatformAnswerError("Canvas did not answer a list.")
    return [one if isinstance(one, dict) else {} for one in found]
