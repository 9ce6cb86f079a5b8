"""Calls to a backpack host: the guarded client with a host's failures turned into the backpack errors.

Messages name the host and the HTTP status; never a body, a token or a learner's data.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from lti_tool.errors import (
    AddressRefusedError,
    AnswerTooLargeError,
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
    OutboundError,
)
from lti_tool.outbound import MEGABYTE, Answer, HttpClient, origin_of

LONGEST_WAIT: Final = 86_400.0
"""Seconds; a host that asks for more than a day is asked again after a day."""
TEMPORARY: Final = frozenset({408, 425, *range(500, 600)})


class HostHttp:
    """Requests to backpack hosts over the one guarded client.

    Raises ``BackpackRefusedError`` for an address that must not be called or an answer that is too large (with the
    guarded client's own code), ``BackpackError`` when the host cannot be reached.
    """

    def __init__(self, http: HttpClient, *, max_bytes: int = 10 * MEGABYTE) -> None:
        self._http = http
        self._max_bytes = max_bytes

    def get(self, url: str, *, token: str | None = None, max_redirects: int = 0) -> Answer:
        """GET JSON; with a ``token`` never follow a redirect."""
        headers = {"Accept": "application/json"}
        if token is not None:
            return self._call("GET", url, headers=headers | bearer(token))
        return self._call("GET", url, headers=headers, max_redirects=max_redirects)

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """POST a form."""
        return self._call("POST", url, headers={"Accept": "application/json", **headers}, data=dict(form))

    def post_json(self, url: str, document: Mapping[str, object], *, token: str | None = None) -> Answer:
        """POST a JSON document."""
        headers = {"Accept": "application/json"} | (bearer(token) if token is not None else {})
        return self._call("POST", url, headers=headers, json=dict(document))

    def send_json(self, method: str, url: str, document: Mapping[str, object], *, token: str) -> Answer:
        """PUT, or DELETE with, a JSON document."""
        return self._call(method, url, headers={"Accept": "application/json"} | bearer(token), json=dict(document))

    def post_bytes(self, url: str, body: bytes, content_type: str, *, token: str) -> Answer:
        """POST exactly these bytes."""
        headers = {"Accept": "application/json, text/plain;q=0.9", "Content-Type": content_type}
        return self._call("POST", url, headers=headers | bearer(token), data=body)

    def named_address(self, value: object, answer: Answer) -> str | None:
        """Return an address that a host's description names, made absolute and checked; ``None`` for none."""
        if not isinstance(value, str) or not value.strip():
            return None
        if split_url(value.strip()) is None:
            raise BackpackAnswerError(f"{host_of(answer.url)} names an address that cannot be read.")
        url: str = urljoin(answer.url, value.strip())
        self.check_address(url)
        return url

    def required_address(self, value: object, answer: Answer, what: str) -> str:
        """Return the same; raises ``BackpackAnswerError`` for none. ``what`` completes "names no … address"."""
        url = self.named_address(value, answer)
        if url is None:
            raise BackpackAnswerError(f"{host_of(answer.url)} names no {what} address.", http_status=answer.status)
        return url

    def check_address(self, url: str) -> None:
        """Refuse an address that neither this tool nor a learner's browser should be sent to."""
        if any(character <= " " or character in '\\"<>^`{|}' for character in url) or "#" in url:
            raise BackpackRefusedError("The backpack names an address that cannot be used.", code="address_refused")
        try:
            self._http.check_address(url)
        except OutboundError as error:
            raise _as_backpack_error(error) from None

    def _call(self, method: str, url: str, **options: Any) -> Answer:
        try:
            return self._http.request(method, url, max_bytes=self._max_bytes, **options)
        except OutboundError as error:
            raise _as_backpack_error(error) from None


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries an access token."""
    return {"Authorization": f"Bearer {token}"}


def host_of(url: str) -> str:
    """Return the host name of an address, for messages."""
    return urlsplit(url).hostname or "the backpack"


def raise_for_failure(answer: Answer, doing: str) -> None:
    """Raise the error a status below 200 or from 300 on means; ``doing`` completes "… refused"."""
    status, host = answer.status, host_of(answer.url)
    if 200 <= status < 300:
        return
    if status == 429:
        raise BackpackThrottledError(
            f"{host} asks to slow down.", http_status=status, retry_after=retry_after(answer.headers)
        )
    if status in TEMPORARY:
        raise BackpackError(
            f"{host} could not {doing} (HTTP {status}).", http_status=status, retry_after=retry_after(answer.headers)
        )
    if status == 401:
        raise BackpackConsentError(f"{host} no longer accepts the consent. Connect again.", http_status=status)
    if status == 403 and "insufficient_scope" in answer.headers.get("WWW-Authenticate", ""):
        raise BackpackConsentError(
            f"{host} was not allowed to {doing}. Connect again and allow it.",
            code="backpack_scope_missing",
            http_status=status,
        )
    raise BackpackRefusedError(f"{host} refused to {doing} (HTTP {status}).", http_status=status)


def json_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object a host answered; raises ``BackpackAnswerError`` for anything else."""
    host = host_of(answer.url)
    if "html" in answer.headers.get("Content-Type", "").lower():
        raise BackpackAnswerError(f"{host} answered a web page instead of JSON.", http_status=answer.status)
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise BackpackAnswerError(f"{host} did not answer JSON.", http_status=answer.status) from None
    if not isinstance(document, dict):
        raise BackpackAnswerError(f"{host} did not answer a JSON object.", http_status=answer.status)
    return document


def https_page(*values: object) -> str | None:
    """Return the first https address, to show as a link; anything else is left out."""
    return next((one for one in values if isinstance(one, str) and one.startswith("https://")), None)


def first_text(*values: object) -> str | None:
    """Return the first text that says something."""
    return next((one.strip() for one in values if isinstance(one, str) and one.strip()), None)


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an address; ``None`` when it cannot be read as one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def next_link(answer: Answer, api_url: str) -> str | None:
    """Return the page that ``Link`` names as the next (RFC 8288); ``None`` when it names none.

    Raises ``BackpackAnswerError`` for a page on another origin: it would receive the learner's token.
    """
    for target, parameters in re.findall(r"<([^>]*)>([^<]*)", answer.headers.get("Link") or ""):
        if not re.search(r';\s*rel\s*=\s*"?[^";]*\bnext\b', parameters, re.IGNORECASE):
            continue
        if split_url(target) is None:
            raise BackpackAnswerError(f"{host_of(api_url)} names a page that cannot be read.")
        url: str = urljoin(answer.url, target)
        if urlsplit(api_url).scheme == "https" and url.startswith("http://"):
            # Hosts behind a proxy that ends TLS often write their own pages with http.
            url = "https://" + url.removeprefix("http://")
        if origin_of(url) != origin_of(api_url):
            raise BackpackAnswerError(f"{host_of(api_url)} sends this tool to another host for more badges.")
        return url
    return None


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds ``Retry-After`` asks for (RFC 9110, section 10.2.3: seconds or a date), at most a day."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _as_backpack_error(error: OutboundError) -> BackpackError:
    if isinstance(error, AddressRefusedError | AnswerTooLargeError):
        return BackpackRefusedError(str(error), code=error.code)
    return BackpackError(str(error), code=error.code)
