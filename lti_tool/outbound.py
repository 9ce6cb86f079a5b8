"""The one guarded HTTP client: every request this tool makes to another host goes through it.

https only (loopback http when an admin listed the host), no private addresses unless listed, the address that was
checked is the address that is called (no second look-up), time, size and redirect limits, one error type. A failure
names the host, never the whole address, a body or a token.
"""

import ipaddress
import json as jsonlib
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from lti_tool import __version__
from lti_tool.errors import AddressRefusedError, AnswerTooLargeError, OutboundError

USER_AGENT = f"LTI-Badges/{__version__}"
MEGABYTE = 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}


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
        except ValueError:
            host = urlsplit(self.url).hostname
            raise OutboundError(f"{host} did not answer JSON.", code="answer_malformed") from None

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")


class _PinnedAdapter(HTTPAdapter):
    """Connects to the address that was checked while TLS and ``Host`` keep the name."""

    def __init__(self, host: str, address: str) -> None:
        self._host, self._address = host, address
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:  # noqa: ARG002
        host_params, tls_options = self.build_connection_pool_key_attributes(request, verify, cert)
        pool_kwargs: dict[str, Any] = {**tls_options}
        if host_params["scheme"] == "https":
            pool_kwargs |= {"server_hostname": self._host, "assert_hostname": self._host}
        host_params["host"] = self._address
        return self.poolmanager.connection_from_host(**host_params, pool_kwargs=pool_kwargs)

    def add_headers(self, request: Any, **_kwargs: Any) -> None:
        request.headers.setdefault("Host", urlsplit(request.url).netloc.rpartition("@")[2])


class HttpClient:
    """Requests with limits; safe to share between threads.

    ``allowed_private_hosts``: exact names or CIDR ranges that may be private and, on loopback, plain http.
    ``timeout``: seconds to connect and between bytes; a whole call takes at most ``total_seconds``.
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
        self._sessions: dict[tuple[str, str, int, str], requests.Session] = {}

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
        sent = {"User-Agent": USER_AGENT, **(headers or {})}
        for _ in range(max_redirects + 1):
            answer = self._once(method, url, sent, data, json, max_bytes)
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not location or method != "GET" or max_redirects == 0:
                return answer
            target = urljoin(url, location)
            if origin_of(target) != origin_of(url):
                sent = {name: value for name, value in sent.items() if name.lower() != "authorization"}
            url = target
        raise AddressRefusedError(f"{urlsplit(url).hostname} redirects too often.", code="too_many_redirects")

    def _once(self, method: str, url: str, headers: Mapping[str, str], data: Any, json: Any, max_bytes: int) -> Answer:
        session = self._session(url)
        host = urlsplit(url).hostname
        deadline = time.monotonic() + self.total_seconds
        try:
            with session.request(
                method,
                url,
                headers=dict(headers),
                data=data,
                json=json,
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = bytearray()
                for chunk in response.iter_content(65536):
                    body += chunk
                    if len(body) > max_bytes:
                        raise AnswerTooLargeError(f"{host} answered more than {max_bytes} bytes.")
                    if time.monotonic() > deadline:
                        raise OutboundError(f"{host} took longer than {self.total_seconds:g} s.", code="host_slow")
                return Answer(url, response.status_code, response.headers, bytes(body))
        except requests.Timeout:
            raise OutboundError(f"{host} did not answer in time.", code="host_slow") from None
        except requests.RequestException as error:
            raise OutboundError(f"{host} could not be reached ({type(error).__name__}).") from None

    def _session(self, url: str) -> requests.Session:
        address = self.check_address(url)
        parts = urlsplit(url)
        key = (parts.scheme, parts.hostname or "", parts.port or 0, address)
        session = self._sessions.get(key)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.mount(f"{parts.scheme}://", _PinnedAdapter(parts.hostname or "", address))
            self._sessions[key] = session
        return session

    def check_address(self, url: str) -> str:
        """Return the IP address to call for ``url``; raises ``AddressRefusedError`` when it must not be called."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise AddressRefusedError("The address has no usable port.") from None
        if parts.scheme not in {"https", "http"} or not host or parts.username is not None:
            raise AddressRefusedError("Only https addresses without a user name can be called.")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise OutboundError(f"{host} is not known to DNS.") from None
        addresses = sorted({str(entry[4][0]) for entry in found}, key=lambda one: ":" in one)
        listed = host in self._names or all(self._is_listed(one) for one in addresses)
        if parts.scheme == "http" and not listed:
            raise AddressRefusedError(f"{host} must be called over https.")
        if not listed and not all(ipaddress.ip_address(one).is_global for one in addresses):
            raise AddressRefusedError(
                f"{host} is a private address. An admin can list it in LTI_BADGES_ALLOWED_PRIVATE_HOSTS."
            )
        return addresses[0]

    def _is_listed(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self._networks)


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of an address, lower-cased, default ports left out."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{(parts.hostname or '').lower()}{port}"
