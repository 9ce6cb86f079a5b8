"""Reading from a platform's LTI Advantage services: authorised, bounded, page by page.

One guarded HTTP client below, one token per scope set (``service_tokens``), patience with throttling
(``service_requests``). Numbers arrive as exact ``Decimal``s. Errors name the host and the status; never an address
with its query, a body or a token.
"""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from lti_tool.db import Database
from lti_tool.errors import AddressRefusedError, MissingScopeError, PlatformAnswerError, ServiceRefusedError
from lti_tool.lti.links import next_link
from lti_tool.lti.service_requests import ServiceRequests
from lti_tool.lti.service_tokens import KeySource, ServiceTokens
from lti_tool.models import Registration
from lti_tool.outbound import Answer, HttpClient, origin_of
from lti_tool.vault import Vault

PAGE_LIMIT = 1000
_INSUFFICIENT = re.compile(r'\berror\s*=\s*"?insufficient_scope\b')


class ServiceClient:
    """Calls services of any platform this tool is registered with; one per process, safe to share between threads.

    Never call it inside a database transaction: tokens are stored in transactions of their own.
    """

    def __init__(
        self,
        http: HttpClient,
        database: Database,
        vault: Vault,
        tool_keys: KeySource,
        clock: Callable[[], datetime],
        *,
        sleep: Callable[[float], None] = time.sleep,
        page_limit: int = PAGE_LIMIT,
    ) -> None:
        self._requests = ServiceRequests(http, clock=clock, sleep=sleep)
        self._tokens = ServiceTokens(self._requests, database, vault, tool_keys, clock)
        self._page_limit = page_limit

    def get_json(
        self,
        registration: Registration,
        url: str,
        *,
        scopes: Collection[str],
        accept: str,
        allowed_origins: Collection[str],
    ) -> tuple[object, Mapping[str, str]]:
        """Return the decoded body (numbers with a fraction as ``Decimal``) and the headers of one page.

        ``scopes``: the smallest set that allows the call. ``accept``: the exact media type. ``allowed_origins``:
        origins (``outbound.origin_of``) learned from launches; the token goes nowhere else.

        Raises ``AddressRefusedError`` (foreign origin), ``MissingScopeError``, ``ServiceRefusedError``
        (``platform_not_found``, ``platform_refused``, ``token_refused``), ``PlatformThrottledError``,
        ``PlatformServiceError`` (5xx), ``PlatformAnswerError`` (HTML, a redirect, not JSON) or ``OutboundError``.
        """
        _require_origin(url, allowed_origins)
        token = self._tokens.get(registration, scopes)
        answer = self._get(url, token, accept)
        if answer.status == 401:  # ended early or revoked: once more with a new one
            self._tokens.drop(registration, scopes, token)
            token = self._tokens.get(registration, scopes)
            answer = self._get(url, token, accept)
            if answer.status == 401:
                self._tokens.drop(registration, scopes, token)
        _require_success(answer, scopes)
        return _decoded(answer), answer.headers

    def iter_pages(
        self,
        registration: Registration,
        url: str,
        *,
        scopes: Collection[str],
        accept: str,
        allowed_origins: Collection[str],
    ) -> Iterator[object]:
        """Yield each page's decoded body, fetching the next when asked for; the platform's next link is opaque.

        Raises what ``get_json`` raises; ``PlatformAnswerError`` (``pages_endless``) when an address or a page comes
        a second time or there are more pages than the limit.
        """
        host = urlsplit(url).hostname
        seen: set[str] = set()
        previous: object = None
        following: str | None = url
        while following is not None:
            if following in seen or len(seen) == self._page_limit:
                raise PlatformAnswerError(f"{host} never comes to a last page.", code="pages_endless")
            seen.add(following)
            page, headers = self.get_json(
                registration, following, scopes=scopes, accept=accept, allowed_origins=allowed_origins
            )
            if page == previous and _has_entries(page):
                raise PlatformAnswerError(f"{host} repeats the same page.", code="pages_endless")
            previous = page
            following = next_link(headers.get("Link"), following)
            yield page

    def _get(self, url: str, token: str, accept: str) -> Answer:
        return self._requests.send("GET", url, headers={"Authorization": f"Bearer {token}", "Accept": accept})


def _require_origin(url: str, allowed_origins: Collection[str]) -> None:
    try:
        is_allowed = origin_of(url) in allowed_origins
    except ValueError:  # a port or an IPv6 address that is none
        is_allowed = False
    if not is_allowed:
        raise AddressRefusedError("A service address is not on the origin that the platform's launches named.")


def _require_success(answer: Answer, scopes: Collection[str]) -> None:
    """Raise unless the status is 2xx; throttling and 5xx were dealt with before."""
    host, status = urlsplit(answer.url).hostname, answer.status
    if status < 300:
        return
    if status < 400:
        raise PlatformAnswerError(f"{host} redirects instead of answering ({status}).", http_status=status)
    if status in {401, 403} and _INSUFFICIENT.search(answer.headers.get("WWW-Authenticate", "")):
        names = ", ".join(sorted(scopes))
        raise MissingScopeError(f"{host} has not granted {names} for this course.", http_status=status)
    if status == 404:
        message = f"{host} does not know the course or column any more (404)."
        raise ServiceRefusedError(message, code="platform_not_found", http_status=status)
    code = "token_refused" if status == 401 else "platform_refused"
    raise ServiceRefusedError(f"{host} refused the request ({status}).", code=code, http_status=status)


def _decoded(answer: Answer) -> object:
    """The body as JSON, whatever its declared type: a login page in HTML never is."""
    try:
        decoded: object = json.loads(answer.body, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        host = urlsplit(answer.url).hostname
        message = f"{host} did not answer JSON ({answer.status})."
        raise PlatformAnswerError(message, http_status=answer.status) from None
    return decoded


def _has_entries(page: object) -> bool:
    if isinstance(page, dict):
        return any(isinstance(value, list) and value for value in page.values())
    return bool(page)
