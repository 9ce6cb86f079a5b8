"""From what somebody hands over (a file, a text, a document) to the badge in it, of Open Badges 3.0 or 2.0."""

import base64
import binascii
import re
from dataclasses import dataclass

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.baking import MAX_PICTURE_BYTES, PNG_SIGNATURE, V2, V3, unbake_png, unbake_svg
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.json_text import MAX_DOCUMENT_BYTES, check_depth, read_json
from lti_tool.openbadges.shape import texts

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*")
_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,2000}")
V2_CONTEXT = "https://w3id.org/openbadges/v2"


@dataclass(frozen=True, slots=True)
class Handed:
    """A badge as handed over: its ``document``, which for a compact JWS is the payload, not verified, and the ``jws``.

    A hosted assertion of 2.0 may be no more than its address: then the document has only an ``id``.
    """

    document: JsonObject
    header: JsonObject | None = None
    jws: str | None = None

    @property
    def is_second(self) -> bool:
        """Whether this is an assertion of Open Badges 2.0."""
        return "Assertion" in texts(self.document.get("type")) or V2_CONTEXT in texts(self.document.get("@context"))


def read_badge(source: bytes | str | JsonObject) -> Handed:
    """Return the badge in JSON (bytes, text or parsed), in a compact JWS, or baked into a PNG or SVG in either form.

    Raises ``CredentialInvalidError``: ``picture_without_credential``, ``jws_malformed``, and the codes of
    ``read_json``, ``unbake_png`` and ``unbake_svg``. Nothing is verified here.
    """
    if isinstance(source, dict):
        check_depth(source)
        return Handed(source)
    payload = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(payload) > MAX_PICTURE_BYTES:
        raise CredentialInvalidError("The file is too large.", code="document_too_large")
    content = _unbake(payload)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise CredentialInvalidError("The document is too large.", code="document_too_large")
    text = content.decode("utf-8", "replace").strip()
    if content is not payload and _ADDRESS.fullmatch(text):
        return Handed({"@context": V2_CONTEXT, "id": text})
    return _read_jws(text) if _COMPACT_JWS.fullmatch(text) else Handed(read_json(content))


def _read_jws(text: str) -> Handed:
    header, payload, _signature = text.split(".")
    return Handed(read_json(_decoded(payload)), read_json(_decoded(header)), text)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CredentialInvalidError("A part of the JWS is not base64url.", code="jws_malformed") from None


def _unbake(payload: bytes) -> bytes:
    """What is baked in: the form of 3.0 if there is one, else that of 2.0; what is no picture, unchanged."""
    if payload.startswith(PNG_SIGNATURE):
        found = unbake_png(payload, V3) or unbake_png(payload, V2)
    elif payload.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        found = unbake_svg(payload, V3) or unbake_svg(payload, V2)
    else:
        return payload
    if found is None:
        raise CredentialInvalidError("The picture holds no credential.", code="picture_without_credential")
    return found.encode()
