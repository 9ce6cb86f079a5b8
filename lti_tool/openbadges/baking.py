"""Bakes a badge into a picture, and takes it out again (Open Badges 3.0, section 5.3; Open Badges 2.0, Baking).

PNG: one uncompressed ``iTXt`` chunk. SVG: one element as the first child of ``svg``. The two standards differ in names
alone (``Form``), so that a picture can carry both badges. Everything here works on bytes; pixels and drawing are never
touched. A picture from outside may be hostile: sizes are bounded, check sums are verified, document types are refused.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import NoReturn
from xml.parsers import expat

from lti_tool.errors import CredentialInvalidError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG_ROOT = "http://www.w3.org/2000/svg"
MAX_PICTURE_BYTES = 10 * 1024 * 1024
MAX_TEXT_BYTES = 1024 * 1024
MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class Form:
    """How one standard bakes: the keyword of the PNG chunk, the namespace and name of the SVG element."""

    keyword: bytes
    namespace: str
    element: str


V3 = Form(b"openbadgecredential", "https://purl.imsglobal.org/ob/v3p0", "credential")
V2 = Form(b"openbadges", "http://openbadges.org", "assertion")
PREFIX = "openbadges"
_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


def bake_png(png: bytes, text: str, form: Form = V3) -> bytes:
    """Return ``png`` carrying ``text`` (a JSON document or a compact JWS); a badge of this form baked before is gone.

    Raises ``CredentialInvalidError`` (``picture_unreadable``) for anything that is not a sound PNG.
    """
    payload = text.encode()
    if len(payload) > MAX_TEXT_BYTES:
        raise _unreadable("The credential is too large to be baked.")
    # Keyword, then five zero bytes: its end, not compressed, method 0, no language, no translated keyword.
    baked = _chunk(b"iTXt", form.keyword + b"\0\0\0\0\0" + payload)
    parts = [PNG_SIGNATURE]
    for kind, content in _chunks(png):
        if _is_badge(kind, content, form):
            continue
        if kind == b"IEND":
            parts.append(baked)
        parts.append(_chunk(kind, content))
    return b"".join(parts)


def unbake_png(png: bytes, form: Form = V3) -> str | None:
    """Return the credential baked into ``png`` or ``None``; raises ``CredentialInvalidError``.

    ``picture_unreadable``: not a sound PNG; ``picture_ambiguous``: more than one credential.
    """
    found = [content for kind, content in _chunks(png) if _is_badge(kind, content, form)]
    if not found:
        return None
    if len(found) > 1:
        raise CredentialInvalidError("The picture holds more than one credential.", code="picture_ambiguous")
    compressed, method = found[0][len(form.keyword) + 1 : len(form.keyword) + 3].ljust(2, b"\xff")
    _language, _, rest = found[0][len(form.keyword) + 3 :].partition(b"\0")
    _translated, end, payload = rest.partition(b"\0")
    if compressed or method or not end:
        raise _unreadable("The credential in the picture is compressed or cut off.")
    return _decode(payload)


def bake_svg(svg: str, text: str, form: Form = V3, *, verify: str | None = None) -> str:
    """Return ``svg`` carrying ``text``; a badge of this form baked before is replaced.

    ``verify``: the address that a hosted assertion of 2.0 is checked at, which stands beside its text. Raises
    ``CredentialInvalidError`` (``picture_unreadable``) when it is not a sound SVG without document type.
    """
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise _unreadable("The credential is too large to be baked.")
    payload = svg.encode()
    scan = _scan(payload, form)
    for start, end in reversed(scan.badges):
        payload = payload[:start] + payload[end:]
    # The prefix is declared on the root, as the standard has it, unless an earlier baking did so, for either standard.
    naming = f' xmlns:{PREFIX}="{form.namespace}"'
    on_root = "" if scan.declared else naming
    on_element = naming if scan.declared not in (None, form.namespace) else ""
    head, tail = payload[: scan.name_end], payload[scan.name_end : scan.tag_end]
    if scan.self_closing:
        tail, rest = tail[:-2] + b">", b"</" + scan.name + b">" + payload[scan.tag_end :]
    else:
        rest = payload[scan.tag_end :]
    element = _svg_element(text, form, verify, on_element)
    return b"".join([head, on_root.encode(), tail, element.encode(), rest]).decode()


def unbake_svg(svg: str | bytes, form: Form = V3) -> str | None:
    """Return the badge baked into ``svg`` or ``None``; raises ``CredentialInvalidError`` as ``unbake_png``.

    Of a hosted assertion of 2.0, which has an address and a text, the text; the address alone where there is no text.
    """
    scan = _scan(svg.encode() if isinstance(svg, str) else svg, form)
    if len(scan.badges) > 1:
        raise CredentialInvalidError("The picture holds more than one credential.", code="picture_ambiguous")
    if not scan.badges:
        return None
    text, verify = "".join(scan.text).strip(), scan.verify or ""
    return (text or verify if verify.startswith(("https:", "http:")) else verify or text) or None


def _svg_element(text: str, form: Form, verify: str | None, naming: str) -> str:
    name = f"{PREFIX}:{form.element}"
    if not text.lstrip().startswith("{"):
        return f'<{name}{naming} verify="{escape(text)}"></{name}>'
    quoted = text.replace("]]>", "]]]]><![CDATA[>")
    address = f' verify="{escape(verify)}"' if verify else ""
    return f"<{name}{naming}{address}><![CDATA[{quoted}]]></{name}>"


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return len(content).to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of each chunk from IHDR to IEND; what follows IEND is left out."""
    if len(png) > MAX_PICTURE_BYTES or not png.startswith(PNG_SIGNATURE):
        raise _unreadable("The picture is not a PNG, or too large.")
    position, first = len(PNG_SIGNATURE), True
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(png[position : position + 4], "big")
        kind = png[position + 4 : position + 8]
        content = png[position + 8 : position + 8 + length]
        checksum = png[position + 8 + length : position + 12 + length]
        if len(checksum) != 4 or zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
            raise _unreadable("The picture is damaged.")
        if first and kind != b"IHDR":
            raise _unreadable("The picture does not begin as a PNG.")
        yield kind, content
        if kind == b"IEND":
            return
        position, first = position + 12 + length, False
    raise _unreadable("The picture has too many parts.")


def _is_badge(kind: bytes, content: bytes, form: Form) -> bool:
    return kind == b"iTXt" and content.startswith(form.keyword + b"\0")


@dataclass
class _Scan:
    """Where things stand in an SVG, in bytes."""

    name: bytes = b""
    name_end: int = 0
    tag_end: int = 0
    self_closing: bool = False
    declared: str | None = None
    """What the root calls by our prefix."""
    badges: list[tuple[int, int]] = field(default_factory=list)
    verify: str | None = None
    text: list[str] = field(default_factory=list)


def _scan(svg: bytes, form: Form) -> _Scan:
    if len(svg) > MAX_PICTURE_BYTES:
        raise _unreadable("The picture is too large.")
    scanner = _Scanner(svg, form)
    try:
        scanner.parser.Parse(svg, True)
        svg.decode("utf-8")
    except (expat.ExpatError, UnicodeDecodeError):
        raise _unreadable("The picture is not well-formed SVG.") from None
    return scanner.found


class _Scanner:
    """Finds the root tag and badge elements with expat; entities cannot occur as document types are refused."""

    def __init__(self, svg: bytes, form: Form) -> None:
        self.svg = svg
        self.wanted = f"{form.namespace} {form.element}"
        self.found = _Scan()
        self.depth = 0
        self.inside = False
        self.started = 0
        self.badge_depth = 0
        self.parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartNamespaceDeclHandler = self._namespace
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse_doctype(self, *_arguments: object) -> NoReturn:
        raise _unreadable("The picture has a document type.")

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if prefix == PREFIX and self.depth == 0:
            self.found.declared = uri

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            self._root(name)
        elif name == self.wanted and not self.inside:
            self.inside, self.started = True, self.parser.CurrentByteIndex
            self.badge_depth = self.depth
            self.found.verify = attributes.get("verify")

    def _root(self, name: str) -> None:
        if name != f"{SVG_ROOT} svg":
            raise _unreadable("The picture is not SVG.")
        start = self.parser.CurrentByteIndex
        end = _tag_end(self.svg, start)
        tag = self.svg[start:end]
        self.found.name = tag[1:].rstrip(b"/>").split(maxsplit=1)[0]
        self.found.name_end = start + 1 + len(self.found.name)
        self.found.tag_end = end
        self.found.self_closing = tag.endswith(b"/>")

    def _end(self, _name: str) -> None:
        if self.inside and self.depth == self.badge_depth:
            self.inside = False
            end = _tag_end(self.svg, self.started)
            if self.svg[end - 2 : end] != b"/>":  # not an empty element, so an end tag is being read
                end = _tag_end(self.svg, self.parser.CurrentByteIndex)
            self.found.badges.append((self.started, end))
        self.depth -= 1

    def _characters(self, text: str) -> None:
        if self.inside:
            self.found.text.append(text)


def _tag_end(svg: bytes, start: int) -> int:
    """Return the place after the ``>`` that ends the tag at ``start``; ``>`` inside quotes does not count.

    expat has read the tag as sound, so there is one.
    """
    tag = _TAG.match(svg, start)
    return tag.end() if tag else len(svg)


def _decode(payload: bytes) -> str:
    if len(payload) > MAX_TEXT_BYTES:
        raise _unreadable("The credential in the picture is too large.")
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _unreadable("The credential in the picture is not text.") from None


def _unreadable(message: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code="picture_unreadable")
