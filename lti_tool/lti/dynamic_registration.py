"""Registering this tool with a platform that offers it (LTI Dynamic Registration 1.0).

``register`` makes the one call; nothing is stored here. A call that got no clear answer may have created an entry on
the platform, and the errors keep that apart from a refusal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_tool.errors import (
    AddressRefusedError,
    ConfigurationError,
    HostUnreachableError,
    OutboundError,
    RegistrationRejectedError,
    RegistrationUnansweredError,
)
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import mapping
from lti_tool.lti.platform_configuration import CANVAS, LARGEST, LONGEST_TEXT, PlatformConfiguration, read_messages
from lti_tool.lti.tool_configuration import TOOL_CLAIM
from lti_tool.outbound import Answer, HttpClient, origin_of

_ERROR_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationAnswer:
    """What the platform granted.

    ``scopes`` and ``messages`` are ``None`` where it did not say. ``client_url``: a page or address of the platform
    about this registration.
    """

    client_id: str
    deployment_id: str | None
    scopes: tuple[str, ...] | None
    messages: Mapping[str, tuple[str, ...]] | None
    client_url: str | None


def register(
    http: HttpClient,
    addresses: AddressPolicy,
    configuration: PlatformConfiguration,
    document: Mapping[str, Any],
    registration_token: str | None,
) -> RegistrationAnswer:
    """Post ``document`` to the platform's registration endpoint and return what it granted.

    Raises ``RegistrationRejectedError`` (``registration_rejected``, ``registration_unreachable``: nothing was created)
    or ``RegistrationUnansweredError`` (``registration_unanswered``, ``registration_answer_invalid``: something may have
    been created).
    """
    headers = {"Accept": "application/json"}
    if registration_token:
        headers["Authorization"] = f"Bearer {registration_token}"
    url = configuration.registration_endpoint
    try:
        answer = http.post(url, json=dict(document), headers=headers, max_bytes=LARGEST)
    except (HostUnreachableError, AddressRefusedError) as error:
        raise RegistrationRejectedError(str(error), code="registration_unreachable") from None
    except OutboundError as error:
        raise RegistrationUnansweredError(str(error)) from None
    return _read_answer(answer, addresses)


def _read_answer(answer: Answer, addresses: AddressPolicy) -> RegistrationAnswer:
    host = origin_of(answer.url)
    if 400 <= answer.status < 500:
        found = _error_code(answer)
        named = f", {found}" if found else ""
        raise RegistrationRejectedError(f"{host} refused ({answer.status}{named}).", platform_error=found)
    if answer.status >= 500:
        raise RegistrationUnansweredError(f"{host} failed ({answer.status}).")
    document = _json(answer)
    client_id = document.get("client_id")
    if answer.status >= 300 or not isinstance(client_id, str) or not _is_identifier(client_id):
        raise RegistrationUnansweredError(
            f"{host} answered without a client id ({answer.status}).", code="registration_answer_invalid"
        )
    tool = mapping(document.get(TOOL_CLAIM))
    deployment_id = tool.get("deployment_id", document.get("deployment_id"))
    scope = document.get("scope")
    return RegistrationAnswer(
        client_id=client_id,
        deployment_id=str(deployment_id) if _is_identifier(deployment_id) else None,
        scopes=tuple(dict.fromkeys(scope.split())) if isinstance(scope, str) else None,
        messages=_messages(tool),
        client_url=_client_url(document, tool, addresses),
    )


def _json(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(answer.json())
    except OutboundError:
        return {}


def _error_code(answer: Answer) -> str | None:
    """The platform's own code (RFC 7591, section 3.2.2), if it is one; never its description, which is prose."""
    found = _json(answer).get("error")
    return found if isinstance(found, str) and _ERROR_CODE.fullmatch(found) else None


def _is_identifier(value: object) -> bool:
    shown = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return isinstance(shown, str) and 0 < len(shown) <= LONGEST_TEXT and shown.isprintable() and shown == shown.strip()


def _messages(tool: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]] | None:
    try:
        return read_messages(tool, "messages")
    except ConfigurationError:
        return None


def _client_url(document: Mapping[str, Any], tool: Mapping[str, Any], addresses: AddressPolicy) -> str | None:
    page = f"{CANVAS}registration_config_url"  # Canvas; seen in documents at either place
    found = (tool.get(page), document.get(page), document.get("registration_client_uri"))
    return next((one for one in map(addresses.usable, found) if one is not None), None)
