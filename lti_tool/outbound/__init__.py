"""The one guarded HTTP client: every request this tool makes to another host goes through it.

https only (loopback http when an admin listed the host), no private addresses unless listed, the address that was
checked is the address that is called (no second look-up), time, size and redirect limits, no cookies, one error type.
A failure names the host, never the whole address, a body or a token.
"""

import ipaddress
import json as jsonlib
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.utils import default_headers
from urllib3.exceptions import NewConnectionError

from lti_tool import __version__
from lti_tool.errors import AddressRefusedError, AnswerTooLargeError, HostUnreachableError, OutboundError
from lti_tool.outbound.connections import Deadline, PinnedAdapter

USER_AGENT = f"LTI-Badges/{__version__}"
MEGABYTE = 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}
MOST_HOSTS = 64
"""Hosts whose connections are kept open; strangers may name any number of them."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What another host answered: status, headers (case-insensitive) and the whole body."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; raises ``OutboundError`` (``answer_malformed``) when it is not JSON."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            host = urlsplit(self.url).hostname
            raise OutboundError(f"{host} did not answer JSON.", code="answer_malformed") from None

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")


class HttpClient:
    """Requests with limits; safe to share between threads.

    ``allowed_private_hosts``: exact names or CIDR ranges that may be private and, on loopback, plain http.
    ``timeout``: seconds to connect and between bytes; a whole call, redirects included, takes at most
    ``total_seconds`` after DNS answered.
    """

    def __init__(
        self,
        *,
        timeout: tuple[float, float] = (5.0, 30.0),
        allowed_private_hosts: Iterable[str] = (),
        total_seconds: float = 60.0,
    ) -> None:
        self.timeout = timeout
        self.total_seconds = total_seconds
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in allowed_private_hosts:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._names.add(entry.lower())
        self._adapters: OrderedDict[tuple[str, str, int, str], PinnedAdapter] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, url: str, **options: Any) -> Answer:
        """GET; see ``request``."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Answer:
        """POST; see ``request``."""
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
        json: Any = None,
        max_bytes: int = 10 * MEGABYTE,
        max_redirects: int = 0,
    ) -> Answer:
        """Send one request and read the whole answer, whatever its status.

        Redirects are followed (``max_redirects`` times, GET only) after the new address was checked the same way;
        ``Authorization`` never follows to another origin. Raises ``AddressRefusedError``, ``AnswerTooLargeError`` or
        ``OutboundError``.
        """
        sent = {**default_headers(), "User-Agent": USER_AGENT} | dict(headers or {})
        with Deadline(self.total_seconds) as deadline:
            for _ in range(max_redirects + 1):
                answer = self._once(method, url, sent, data, json, max_bytes, deadline)
                location = answer.headers.get("Location")
                if answer.status not in REDIRECTS or not location or method != "GET" or max_redirects == 0:
                    return answer
                target = _joined(url, location)
                if origin_of(target) != origin_of(url):
                    sent = {name: value for name, value in sent.items() if name.lower() != "authorization"}
                url = target
        raise AddressRefusedError(f"{urlsplit(url).hostname} redirects too often.", code="too_many_redirects")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: Any,
        json: Any,
        max_bytes: int,
        deadline: Deadline,
    ) -> Answer:
        adapter = self._adapter(url)
        host = urlsplit(url).hostname
        slow = OutboundError(f"{host} took longer than {self.total_seconds:g} s.", code="host_slow")
        try:
            request = requests.Request(method, url, headers=headers, data=data, json=json).prepare()
            # Without a session of requests, which reads the whole body of a redirect, keeps cookies and obeys ~/.netrc.
            with adapter.send(request, stream=True, timeout=self.timeout) as response:
                body = bytearray()
                for chunk in response.iter_content(65536):  # urllib3 decompresses no more than it is asked for
                    body += chunk
                    if len(body) > max_bytes:
                        raise AnswerTooLargeError(f"{host} answered more than {max_bytes} bytes.")
                if deadline.is_over:  # a body without a length just ends when the connection does
                    raise slow
                return Answer(url, response.status_code, response.headers, bytes(body))
        except requests.RequestException as error:
            if deadline.is_over:
                raise slow from None
            if isinstance(error, requests.Timeout):
                raise OutboundError(f"{host} did not answer in time.", code="host_slow") from None
            kind = HostUnreachableError if _is_unconnected(error) else OutboundError
            raise kind(f"{host} could not be reached ({type(error).__name__}).") from None

    def _adapter(self, url: str) -> PinnedAdapter:
        """Return the connections to a host at the address just checked; those not used for long are closed."""
        address = self.check_address(url)
        parts = urlsplit(url)
        key = (parts.scheme, parts.hostname or "", parts.port or 0, address)
        with self._lock:
            adapter = self._adapters.pop(key, None) or PinnedAdapter(parts.hostname or "", address)
            self._adapters[key] = adapter
            oldest = self._adapters.popitem(last=False)[1] if len(self._adapters) > MOST_HOSTS else None
        if oldest is not None:
            oldest.close()
        return adapter

    def check_address(self, url: str) -> str:
        """Return the IP address to call for ``url``; raises ``AddressRefusedError`` when it must not be called."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise AddressRefusedError("The address cannot be read.") from None
        host = (parts.hostname or "").lower()
        if parts.scheme not in {"https", "http"} or not host or parts.username is not None:
            raise AddressRefusedError("Only https addresses without a user name can be called.")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise HostUnreachableError(f"{host} is not known to DNS.") from None
        addresses = sorted({str(entry[4][0]) for entry in found}, key=lambda one: ":" in one)
        listed = host in self._names or all(self._is_listed(one) for one in addresses)
        if parts.scheme == "http" and not listed:
            raise AddressRefusedError(f"{host} must be called over https.")
        if not listed and not all(_is_public(ipaddress.ip_address(one)) for one in addresses):
            raise AddressRefusedError(
                f"{host} is a private address. An admin can list it in LTI_BADGES_ALLOWED_PRIVATE_HOSTS."
            )
        return addresses[0]

    def _is_listed(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self._networks)


def _is_unconnected(error: requests.RequestException) -> bool:
    """Whether the call failed before anything was sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise AddressRefusedError(f"{urlsplit(url).hostname} redirects to an address that cannot be read.") from None


def _is_public(address: IpAddress) -> bool:
    """Whether an address is of the public Internet, and so is the IPv4 address it carries for a gateway."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address.sixtofour
    return carried is None or _is_public(carried)


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of an address, lower-cased, default ports left out."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{(parts.hostname or '').lower()}{port}"
