"""Links of paged answers (RFC 8288), read as tolerantly as platforms write them.

``<url>; rel="next"`` with unquoted values, several relation types, parameters before ``rel``, commas and semicolons
inside ``<>`` or quotes; and Moodle's form: typographic quotes (UTF-8 bytes that HTTP libraries show as Latin-1) and
an HTML-escaped ``&amp;`` in the address. The address is opaque: nothing else in it is changed, its case least of all.
"""

import re
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from lti_tool.errors import AddressRefusedError
from lti_tool.outbound import origin_of

_QUOTES = ("\u201c", "\u201d", "\u201e", "\u2033")
_AS_LATIN_1 = tuple(quote.encode().decode("latin-1") for quote in _QUOTES)
_ODD_QUOTE = re.compile("<[^>]*>|" + "|".join(_QUOTES + _AS_LATIN_1))
_LINK = re.compile(r'<([^<>]*)>((?:[^,<"]|"(?:[^"\\]|\\.)*")*)')
_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?')


def next_link(header: str | None, base_url: str) -> str | None:
    """Return the absolute address of the page after ``base_url``, or ``None`` when there is none.

    ``header`` is the whole ``Link`` header as text. Raises ``AddressRefusedError`` when the next page is not on the
    origin of ``base_url``: a token never follows a link to another host.
    """
    return find_link(header, base_url, "next")


def find_link(header: str | None, base_url: str, relation: str) -> str | None:
    """Return the absolute address of the first link of a relation type (lower case); raises what ``next_link`` does."""
    for target, parameters in _iter_links(header or ""):
        if relation not in parameters.get("rel", "").lower().split():
            continue
        try:
            url = urldefrag(urljoin(base_url, target.replace("&amp;", "&"))).url
            is_here = origin_of(url) == origin_of(base_url)
        except ValueError:  # a port or an IPv6 address that is none
            is_here = False
        if not is_here:
            raise AddressRefusedError(
                f"{urlsplit(base_url).hostname} names a {relation} page on another origin; it was not fetched."
            )
        return url
    return None


def _iter_links(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each link's target and its parameters (names in lower case, the first of each name counts)."""
    plain = _ODD_QUOTE.sub(lambda match: match[0] if match[0].startswith("<") else '"', header)
    for target, rest in _LINK.findall(plain):
        parameters: dict[str, str] = {}
        for name, value in _PARAMETER.findall(rest):
            parameters.setdefault(name.lower(), value.strip('"'))
        yield target.strip(), parameters
