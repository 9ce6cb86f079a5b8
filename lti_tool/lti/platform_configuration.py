"""A platform's OpenID configuration, fetched and read before anything in it is believed.

LTI Dynamic Registration 1.0. The address comes from whoever opened the link, so the fetch is guarded
(``lti_tool/outbound``), follows no redirect and is small; the document may only speak for the issuer it came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_tool.errors import ConfigurationError, OutboundError, ToolError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import mapping, text, texts
from lti_tool.outbound import Answer, HttpClient, origin_of

CONFIGURATION_CLAIM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
CANVAS = "https://canvas.instructure.com/lti/"
LARGEST = 128 * 1024
LONGEST_TEXT = 255
MOST_ENTRIES = 1000

SHARED_ISSUERS: Mapping[str, tuple[str, ...]] = {
    # Vendor documents and code (2026): one issuer for all schools, and its single sign-on host.
    "https://canvas.instructure.com": ("https://sso.canvaslms.com",),
    "https://canvas.beta.instructure.com": ("https://sso.beta.canvaslms.com",),
    "https://canvas.test.instructure.com": ("https://sso.test.canvaslms.com",),
    # Issuer: vendor document (2026). That its configuration would be on the developer portal: not checked.
    "https://blackboard.com": ("https://developer.blackboard.com",),
    # Other tool's documents (2026): one issuer, services on a host of their own. That it registers tools: not checked.
    "https://schoology.schoology.com": ("https://lti-service.svc.schoology.com",),
}
"""Issuers that many schools share, and the other origins on which their configuration may be. Everywhere else (Moodle,
Brightspace, Sakai, Open edX) the issuer is the school's own address. An installation of one school may call itself by
the shared issuer (Canvas' default), which only a host that the operator listed as private may do here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformConfiguration:
    """What a platform says about itself, checked.

    ``messages``: placements by message type, none where the platform names none. ``variables`` are without ``$``.
    ``url``: where the configuration was. ``authorization_server``: ``aud`` of token requests where it is not the token
    URL.
    """

    url: str
    issuer: str
    authorization_endpoint: str
    registration_endpoint: str
    jwks_uri: str
    token_endpoint: str
    authorization_server: str | None
    scopes: tuple[str, ...]
    claims: tuple[str, ...]
    product: str | None
    version: str | None
    messages: Mapping[str, tuple[str, ...]]
    variables: tuple[str, ...]
    notice_types: tuple[str, ...]
    account_name: str | None
    account_guid: str | None

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins of the platform's own pages, which may frame the registration."""
        return tuple(dict.fromkeys(origin_of(one) for one in (self.url, self.issuer, self.registration_endpoint)))


def fetch_configuration(
    http: HttpClient, addresses: AddressPolicy, url: str, registration_token: str | None
) -> dict[str, Any]:
    """Return the document at ``url``, not read yet; Canvas wants the registration token for it already.

    Raises ``ConfigurationError``: ``configuration_address_invalid``, ``configuration_unavailable``,
    ``configuration_redirected``, ``configuration_refused`` (the token, most likely) or ``configuration_malformed``.
    """
    if addresses.usable(url) is None or "#" in url:
        raise ConfigurationError("The address of the configuration is no https address.", code=_code("address_invalid"))
    headers = {"Accept": "application/json"}
    if registration_token:
        headers["Authorization"] = f"Bearer {registration_token}"
    try:
        answer = http.get(url, headers=headers, max_bytes=LARGEST)
        _require_success(answer)
        document = answer.json()
    except OutboundError as error:
        code = "malformed" if error.code in {"answer_malformed", "answer_too_large"} else "unavailable"
        raise ConfigurationError(str(error), code=_code(code)) from None
    if not isinstance(document, dict):
        raise ConfigurationError("The configuration is not a JSON object.", code=_code("malformed"))
    return document


def _require_success(answer: Answer) -> None:
    if answer.status == 200:
        return
    code = "unavailable"
    if 300 <= answer.status < 400:
        code = "redirected"
    elif answer.status in {401, 403}:
        code = "refused"
    raise ConfigurationError(f"The configuration answered {answer.status}.", code=_code(code))


def _code(fact: str) -> str:
    return f"configuration_{fact}"


def read_configuration(document: Mapping[str, Any], url: str, addresses: AddressPolicy) -> PlatformConfiguration:
    """Return what the document fetched from ``url`` says.

    Lists that the standard demands but that change nothing here may be missing (``subject_types_supported``,
    ``claims_supported`` …); what is there must fit. Raises ``ConfigurationError``: ``configuration_invalid``,
    ``configuration_unsupported`` (no way to sign or prove that both sides know), ``configuration_foreign``.
    """
    issuer = _address(document, "issuer", addresses)
    if not _may_speak_for(url, issuer, addresses):
        raise ConfigurationError(
            f"The configuration at {origin_of(url)} names the issuer {issuer}.", code=_code("foreign"), field="issuer"
        )
    _require_entry(document, "token_endpoint_auth_methods_supported", "private_key_jwt")
    _require_entry(document, "token_endpoint_auth_signing_alg_values_supported", "RS256")
    _require_entry(document, "id_token_signing_alg_values_supported", "RS256")
    _require_entry(document, "response_types_supported", "id_token")
    _entries(document, "subject_types_supported")
    platform = document.get(CONFIGURATION_CLAIM)
    if not isinstance(platform, dict):
        raise _invalid(CONFIGURATION_CLAIM, "is missing")
    server = document.get("authorization_server")
    product = text(platform.get("product_family_code"), 64)
    return PlatformConfiguration(
        url=url,
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint", addresses),
        registration_endpoint=_address(document, "registration_endpoint", addresses),
        jwks_uri=_address(document, "jwks_uri", addresses),
        token_endpoint=_address(document, "token_endpoint", addresses),
        authorization_server=None if server in (None, "") else _line(server, "authorization_server"),
        scopes=_entries(document, "scopes_supported", is_needed=True),
        claims=_entries(document, "claims_supported"),
        product=None if product is None else product.lower(),
        version=text(platform.get("version"), LONGEST_TEXT),
        messages=read_messages(platform, "messages_supported"),
        variables=tuple(one.removeprefix("$") for one in _entries(platform, "variables")),
        notice_types=_entries(platform, "notice_types_supported"),
        account_name=text(platform.get(f"{CANVAS}account_name"), LONGEST_TEXT),
        account_guid=text(platform.get(f"{CANVAS}account_lti_guid"), LONGEST_TEXT),
    )


def read_messages(document: Mapping[str, Any], field: str) -> dict[str, tuple[str, ...]]:
    """Return placements by message type; types may be texts (Moodle before 4) or objects, several of one type too.

    Raises ``ConfigurationError`` when it is no list.
    """
    listed = document.get(field)
    if not isinstance(listed, list) or len(listed) > MOST_ENTRIES:
        raise _invalid(field, "is not a list")
    found: dict[str, dict[str, None]] = {}
    for one in listed:
        kind = one if isinstance(one, str) else mapping(one).get("type")
        if isinstance(kind, str) and kind.isprintable():
            found.setdefault(kind[:LONGEST_TEXT], {}).update(dict.fromkeys(texts(mapping(one).get("placements"))))
    return {kind: tuple(placements) for kind, placements in found.items()}


def _may_speak_for(url: str, issuer: str, addresses: AddressPolicy) -> bool:
    origin = origin_of(url)
    if origin == origin_of(issuer):
        return True
    cloud = SHARED_ISSUERS.get(issuer)
    return cloud is not None and (origin in cloud or addresses.is_private(url))


def _address(document: Mapping[str, Any], field: str, addresses: AddressPolicy) -> str:
    value = addresses.usable(document.get(field))
    if value is None or "#" in value:
        raise _invalid(field, "is not an https address")
    return value


def _line(value: object, field: str) -> str:
    if not isinstance(value, str) or len(value) > 2048 or not value.isprintable():
        raise _invalid(field, "is not a text")
    return value


def _entries(document: Mapping[str, Any], field: str, *, is_needed: bool = False) -> tuple[str, ...]:
    value = document.get(field)
    if value is None and not is_needed:
        return ()
    if not isinstance(value, list) or len(value) > MOST_ENTRIES:
        raise _invalid(field, "is not a list")
    return texts(value)


def _require_entry(document: Mapping[str, Any], field: str, wanted: str) -> None:
    listed = _entries(document, field)
    if field in document and wanted not in listed:
        raise ConfigurationError(f"{field} has no {wanted}.", code=_code("unsupported"), field=field)


def _invalid(field: str, fact: str) -> ToolError:
    return ConfigurationError(f"{field} of the configuration {fact}.", field=field)
