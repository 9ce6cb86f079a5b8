"""Which addresses from a platform this tool keeps, decided without DNS.

The outbound client checks again, with DNS, before it calls one (``lti_tool/outbound``).
"""

import functools
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from lti_tool.outbound import origin_of

LONGEST = 2048
HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")


def split_address(value: object) -> SplitResult | None:
    """Return the parts of an absolute http or https address, ``None`` for anything that is not a plain one.

    ASCII without spaces, backslashes or a user name, a host name made of letters, digits, dots and hyphens: such an
    address can be shown, called and put into a Content-Security-Policy as it is.
    """
    if not isinstance(value, str) or len(value) > LONGEST or not value.isascii() or not value.isprintable():
        return None
    return None if " " in value or "\\" in value else _split(value)


@functools.lru_cache(maxsize=1024)
def _split(value: str) -> SplitResult | None:
    """A class that launches at once comes with the same few addresses."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or parts.username is not None or not HOST.match(parts.hostname or ""):
        return None
    return parts


def is_under(value: object, base: str) -> bool:
    """Whether ``value`` is the address ``base`` (no final slash) or lies below it."""
    parts = split_address(value)
    if parts is None or origin_of(parts.geturl()) != origin_of(base):
        return False
    path = urlsplit(base).path
    if ".." in parts.path.lower().replace("%2e", ".").split("/"):
        return False
    return parts.path == path or parts.path.startswith(f"{path}/")


class AddressPolicy:
    """Accepts https anywhere, and plain http on the hosts that an admin listed as private.

    ``allowed_private_hosts`` are exact host names or CIDR ranges; a range covers addresses written as numbers.
    """

    def __init__(self, allowed_private_hosts: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in allowed_private_hosts:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._names.add(entry.lower())

    def usable(self, value: object) -> str | None:
        """Return ``value`` when it is an address of an acceptable form, else ``None``."""
        parts = split_address(value)
        if parts is None or (parts.scheme == "http" and not self._is_listed(parts.hostname or "")):
            return None
        return str(value)

    def is_private(self, value: object) -> bool:
        """Whether an address is on a host that the operator listed, and so vouches for."""
        parts = split_address(value)
        return parts is not None and self._is_listed(parts.hostname or "")

    def origin(self, value: object) -> str | None:
        """Return the origin of an acceptable address, else ``None``."""
        address = self.usable(value)
        return None if address is None else origin_of(address)

    def _is_listed(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host in self._names
        return host in self._names or any(address in network for network in self._networks)
