"""Backpacks that register themselves to collect here (RFC 7591; Open Badges 2.1, section 5.1; Open Badges 3.0, 7.2)."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from lti_tool.characters import one_line
from lti_tool.models import HostedClient
from lti_tool.services.hosting import ClientMetadata
from lti_tool.web.host_oauth import BADGE_CONNECT, OB3_SCOPES, SCOPES

NAME_LENGTH, ADDRESS_LENGTH, TEXT_LENGTH = 100, 2048, 255
_HOST = re.compile(r"[a-z0-9._\-]+|[0-9a-f:.]+")
"""Browsers read some other characters as the end of the host, so people would be shown another one."""
MOST_REDIRECTS = 10
GRANTS = {"authorization_code", "refresh_token"}
ADDRESSES = ("client_uri", "logo_uri", "tos_uri", "policy_uri")


class RegistrationRefusal(Exception):
    """A registration that is refused; ``error`` is a code of RFC 7591, section 3.2.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


def read_metadata(document: object, *, allows_http: bool, tool_name: str) -> ClientMetadata:
    """Return what a backpack says about itself; raises ``RegistrationRefusal``.

    Every address is https and on the host of ``client_uri``, so that the host a learner reads is the host that gets
    the badges. ``allows_http``: this tool itself runs on plain http, on somebody's own machine. Who calls itself by
    ``tool_name`` is known by its host instead.
    """
    if not isinstance(document, Mapping):
        raise RegistrationRefusal("invalid_client_metadata", "The body must be a JSON object")
    redirects = document.get("redirect_uris")
    if not isinstance(redirects, list) or not 0 < len(redirects) <= MOST_REDIRECTS:
        raise RegistrationRefusal("invalid_redirect_uri", "redirect_uris is required")
    home = _address(document.get("client_uri"), "client_uri", allows_http)
    known = {name: _address(document[name], name, allows_http) for name in ADDRESSES if document.get(name)}
    uris = tuple(_address(uri, "redirect_uris", allows_http) for uri in redirects)
    for uri in (*known.values(), *uris):
        if urlsplit(uri).hostname != urlsplit(home).hostname:
            error = "invalid_redirect_uri" if uri in uris else "invalid_client_metadata"
            raise RegistrationRefusal(error, "Every address must be on the host of client_uri")
    _check_choices(document)
    scope = _scope(document.get("scope"))
    return ClientMetadata(
        protocol="badge_connect" if scope.startswith(BADGE_CONNECT) else "ob3_api",
        name=_name(document, tool_name) or str(urlsplit(home).hostname),
        client_uri=home,
        redirect_uris=uris,
        scope=scope,
        logo_uri=known.get("logo_uri"),
        tos_uri=known.get("tos_uri"),
        policy_uri=known.get("policy_uri"),
        software_id=_text(document, "software_id", TEXT_LENGTH),
        software_version=_text(document, "software_version", TEXT_LENGTH),
    )


def _check_choices(document: Mapping[str, Any]) -> None:
    method = document.get("token_endpoint_auth_method", "client_secret_basic")
    if method != "client_secret_basic":
        raise RegistrationRefusal("invalid_client_metadata", "Only client_secret_basic is supported")
    asked = document.get("grant_types", ["authorization_code"])
    if not isinstance(asked, list) or "authorization_code" not in asked or not set(map(str, asked)) <= GRANTS:
        raise RegistrationRefusal("invalid_client_metadata", "Only authorization_code and refresh_token are supported")
    if document.get("response_types", ["code"]) != ["code"]:
        raise RegistrationRefusal("invalid_client_metadata", "Only the code response type is supported")


def _scope(asked: object) -> str:
    """What of the scopes asked for exists here; who names none can read Open Badges 3.0."""
    if asked is None or asked == "":
        return " ".join(OB3_SCOPES)
    words = asked.split() if isinstance(asked, str) else []
    granted = [one for one in dict.fromkeys(words) if one in SCOPES]
    if not any(one.startswith("https://") for one in granted):
        raise RegistrationRefusal("invalid_client_metadata", "None of the requested scopes is offered")
    return " ".join(granted)


def _address(value: object, name: str, allows_http: bool) -> str:
    error = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
    refusal = RegistrationRefusal(error, f"{name} must be an https address without a fragment")
    if not isinstance(value, str) or not 0 < len(value) <= ADDRESS_LENGTH or not value.isascii():
        raise refusal
    if not value.isprintable() or " " in value:
        raise refusal
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise refusal from None
    schemes = {"https", "http"} if allows_http else {"https"}
    if parts.scheme not in schemes or not host or not _HOST.fullmatch(host):
        raise refusal
    if parts.fragment or parts.username is not None:
        raise refusal
    return value


def _name(document: Mapping[str, Any], tool_name: str) -> str | None:
    """The name without characters that nobody sees; ``None`` where it would pass for this tool's own."""
    name = _text(document, "client_name", TEXT_LENGTH) or ""
    name = one_line("".join(one for one in name if one.isprintable()))[:NAME_LENGTH].strip()
    return None if _letters(tool_name) in _letters(name) else name or None


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _text(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = document.get(name)
    return (one_line(value)[:longest] or None) if isinstance(value, str) else None


def answer_document(client: HostedClient, secret: str) -> dict[str, Any]:
    """Return the answer of RFC 7591, section 3.2.1."""
    named = {
        "logo_uri": client.logo_uri,
        "tos_uri": client.tos_uri,
        "policy_uri": client.policy_uri,
        "software_id": client.software_id,
        "software_version": client.software_version,
    }
    return {
        "client_id": client.client_id,
        "client_secret": secret,
        "client_id_issued_at": int(client.created_at.timestamp()),
        "client_secret_expires_at": 0,
        "client_name": client.name,
        "client_uri": client.client_uri,
        "redirect_uris": client.redirect_uris,
        "grant_types": sorted(GRANTS),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "scope": client.scope,
        **{name: value for name, value in named.items() if value},
    }
