"""From what somebody hands over (a file, a text, a document) to the credential in it."""

import re

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.baking import MAX_PICTURE_BYTES, PNG_SIGNATURE, unbake_png, unbake_svg
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.json_text import MAX_DOCUMENT_BYTES, check_depth, read_json

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*")


def read_credential(source: bytes | str | JsonObject) -> JsonObject:
    """Return the credential in JSON (bytes, text or parsed), or baked into a PNG or SVG.

    Raises ``CredentialInvalidError``: ``picture_without_credential``, ``jwt_unsupported`` (the compact JWS form), and
    the codes of ``read_json``, ``unbake_png`` and ``unbake_svg``. Nothing is verified here.
    """
    if isinstance(source, dict):
        check_depth(source)
        return source
    payload = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(payload) > MAX_PICTURE_BYTES:
        raise CredentialInvalidError("The file is too large.", code="document_too_large")
    text = _unbake(payload)
    if len(text) <= MAX_DOCUMENT_BYTES and _COMPACT_JWS.fullmatch(text.decode("utf-8", "replace").strip()):
        raise CredentialInvalidError("The credential is a JWT, which is not checked here.", code="jwt_unsupported")
    return read_json(text)


def _unbake(payload: bytes) -> bytes:
    if payload.startswith(PNG_SIGNATURE):
        found = unbake_png(payload)
    elif payload.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        found = unbake_svg(payload)
    else:
        return payload
    if found is None:
        raise CredentialInvalidError("The picture holds no credential.", code="picture_without_credential")
    return found.encode()
