"""Calls to a platform's LTI Advantage services: authorised, bounded, page by page.

One guarded HTTP client below, one token per scope set (``service_tokens``), patience with throttling
(``service_requests``), a circuit for platforms that are down (``service_health``). Numbers arrive as exact
``Decimal``s. Errors name the host and the status; never an address with its query, a body or a token.
"""

import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from lti_tool.db import Database
from lti_tool.errors import (
    AddressRefusedError,
    MissingScopeError,
    OutboundError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformUnreachableError,
    ServiceRefusedError,
)
from lti_tool.lti.links import next_link
from lti_tool.lti.service_documents import decoded, encoded
from lti_tool.lti.service_health import HostHealth, OnOutcome, ServiceHealth
from lti_tool.lti.service_requests import ServiceRequest, ServiceRequests
from lti_tool.lti.service_tokens import KeySource, OnToken, ServiceTokens
from lti_tool.models import Registration
from lti_tool.outbound import Answer, HttpClient, origin_of
from lti_tool.vault import Vault

PAGE_LIMIT = 10_000
"""100,000 learners on pages of ten. Pages that come again are found long before; this ends those that never do."""
_INSUFFICIENT = re.compile(r'\berror\s*=\s*"?insufficient_scope\b')


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """What to ask of a service.

    ``scopes``: the smallest set that allows the call. ``accept``, ``content_type``: exact media types.
    ``allowed_origins``: origins (``outbound.origin_of``) learned from launches; the token goes nowhere else.
    ``document`` is sent as JSON. ``is_repeatable`` as in ``ServiceRequest``. ``refusal`` may name the error of a status
    from 300 to 499 that means something of its own here; ``None`` leaves it to the rules for all services.
    """

    url: str
    scopes: Collection[str]
    accept: str
    allowed_origins: Collection[str]
    method: str = "GET"
    document: Mapping[str, object] | None = None
    content_type: str | None = None
    is_repeatable: bool = True
    refusal: Callable[[Answer], PlatformServiceError | None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer: its decoded body, its headers, its own address and that of the next page, if any."""

    body: object
    headers: Mapping[str, str]
    url: str
    following: str | None = None


class ServiceClient:
    """Calls services of any platform this tool is registered with; one per process, safe to share between threads.

    Never call it inside a database transaction: tokens are stored in transactions of their own. ``on_outcome`` is told
    how each call went (``service_health.OnOutcome``), ``on_token`` which scopes a fetched token has.
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
        jitter: Callable[[], float] = random.random,
        page_limit: int = PAGE_LIMIT,
        on_outcome: OnOutcome | None = None,
        on_token: OnToken | None = None,
    ) -> None:
        self._health = ServiceHealth(clock, on_outcome=on_outcome)
        self._requests = ServiceRequests(http, self._health, clock=clock, sleep=sleep, jitter=jitter)
        self._tokens = ServiceTokens(self._requests, database, vault, tool_keys, clock, on_token)
        self._page_limit = page_limit

    def service_health(self, registration_id: int) -> tuple[HostHealth, ...]:
        """Return how the hosts of a registration are doing, as this process sees it since it started."""
        return self._health.of(registration_id)

    def send(self, registration: Registration, call: ServiceCall) -> Answer:
        """Make one call and return the platform's answer, whose status is 2xx.

        Raises ``AddressRefusedError`` (foreign origin), ``MissingScopeError``, ``ServiceRefusedError``
        (``platform_not_found``, ``platform_refused``, ``token_refused``) or what ``call.refusal`` made of it,
        ``PlatformThrottledError``, ``PlatformServiceError`` (5xx), ``PlatformUnreachableError``,
        ``PlatformAnswerError`` (a redirect) or ``OutboundError``.
        """
        with self._outcome_of(registration, call):
            return self._sent(registration, call)

    def send_for_json(self, registration: Registration, call: ServiceCall) -> tuple[object, Mapping[str, str]]:
        """Make one call and return the decoded body (numbers with a fraction as ``Decimal``) and the headers.

        Raises what ``send`` raises, and ``PlatformAnswerError`` for a body that is not JSON.
        """
        with self._outcome_of(registration, call):
            answer = self._sent(registration, call)
            return decoded(answer), answer.headers

    def get_json(
        self,
        registration: Registration,
        url: str,
        *,
        scopes: Collection[str],
        accept: str,
        allowed_origins: Collection[str],
    ) -> tuple[object, Mapping[str, str]]:
        """Return what ``send_for_json`` does for a GET of one page."""
        call = ServiceCall(url=url, scopes=scopes, accept=accept, allowed_origins=allowed_origins)
        return self.send_for_json(registration, call)

    def iter_pages(
        self,
        registration: Registration,
        url: str,
        *,
        scopes: Collection[str],
        accept: str,
        allowed_origins: Collection[str],
    ) -> Iterator[Page]:
        """Yield each page, fetching the next when asked for; the platform's next link is opaque.

        Raises what ``get_json`` raises; ``PlatformAnswerError`` (``pages_endless``) when an address or a page comes
        a second time or there are more pages than the limit.
        """
        host = urlsplit(url).hostname
        seen: set[int] = set()  # of many pages with long addresses, what tells them apart is enough
        previous: object = None
        following: str | None = url
        while following is not None:
            if hash(following) in seen or len(seen) == self._page_limit:
                raise PlatformAnswerError(f"{host} never comes to a last page.", code="pages_endless")
            seen.add(hash(following))
            body, headers = self.get_json(
                registration, following, scopes=scopes, accept=accept, allowed_origins=allowed_origins
            )
            if body == previous and _has_entries(body):
                raise PlatformAnswerError(f"{host} repeats the same page.", code="pages_endless")
            previous = body
            page_url, following = following, next_link(headers.get("Link"), following)
            yield Page(body, headers, page_url, following)

    @contextmanager
    def _outcome_of(self, registration: Registration, call: ServiceCall) -> Iterator[None]:
        """Record how a call ended, unless it never began: a foreign origin, a platform that is left alone."""
        _require_origin(call.url, call.allowed_origins)
        key = (registration.id, urlsplit(call.url).hostname or "")
        try:
            yield
        except PlatformUnreachableError:
            raise
        except OutboundError as error:
            self._health.record(key, error.code)
            raise
        self._health.record(key, None)

    def _sent(self, registration: Registration, call: ServiceCall) -> Answer:
        answer = self._authorised(registration, call)
        _require_success(answer, call)
        return answer

    def _authorised(self, registration: Registration, call: ServiceCall) -> Answer:
        """The answer to the call; a token that is refused is replaced once, since the platform then did nothing."""
        token = self._tokens.get(registration, call.scopes)
        answer = self._send(registration, call, token)
        if answer.status == 401:  # ended early or revoked
            self._tokens.drop(registration, call.scopes, token)
            token = self._tokens.get(registration, call.scopes)
            answer = self._send(registration, call, token)
            if answer.status == 401:
                self._tokens.drop(registration, call.scopes, token)
        return answer

    def _send(self, registration: Registration, call: ServiceCall, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Accept": call.accept}
        if call.content_type is not None:
            headers["Content-Type"] = call.content_type
        request = ServiceRequest(
            method=call.method,
            url=call.url,
            headers=headers,
            body=None if call.document is None else encoded(call.document),
            is_repeatable=call.is_repeatable,
        )
        return self._requests.send(registration.id, request)


def _require_origin(url: str, allowed_origins: Collection[str]) -> None:
    try:
        is_allowed = origin_of(url) in allowed_origins
    except ValueError:  # a port or an IPv6 address that is none
        is_allowed = False
    if not is_allowed:
        raise AddressRefusedError("A service address is not on the origin that the platform's launches named.")


def _require_success(answer: Answer, call: ServiceCall) -> None:
    """Raise unless the status is 2xx; throttling and 5xx were dealt with before."""
    host, status = urlsplit(answer.url).hostname, answer.status
    if status < 300:
        return
    special = None if call.refusal is None else call.refusal(answer)
    if special is not None:
        raise special
    if status < 400:
        raise PlatformAnswerError(f"{host} redirects instead of answering ({status}).", http_status=status)
    if status in {401, 403} and _INSUFFICIENT.search(answer.headers.get("WWW-Authenticate", "")):
        names = ", ".join(sorted(call.scopes))
        raise MissingScopeError(f"{host} has not granted {names} for this course.", http_status=status)
    if status == 404:
        message = f"{host} does not know the course or column any more (404)."
        raise ServiceRefusedError(message, code="platform_not_found", http_status=status)
    code = "token_refused" if status == 401 else "platform_refused"
    raise ServiceRefusedError(f"{host} refused the request ({status}).", code=code, http_status=status)


def _has_entries(page: object) -> bool:
    if isinstance(page, dict):
        return any(isinstance(value, list) and value for value in page.values())
    return bool(page)
