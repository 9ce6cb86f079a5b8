"""What is wrong with a tool's registration (LTI Dynamic Registration 1.0, section 3.5)."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from platforms.names import TOOL_CONFIGURATION

FIXED = {
    "application_type": "web",
    "token_endpoint_auth_method": "private_key_jwt",
}
CONTAINED = {"grant_types": {"client_credentials", "implicit"}, "response_types": {"id_token"}}
ADDRESSES = ("initiate_login_uri", "jwks_uri")
OPTIONAL_ADDRESSES = ("logo_uri", "client_uri", "policy_uri", "tos_uri")
MESSAGE_TYPES = {
    "LtiResourceLinkRequest", "LtiDeepLinkingRequest", "LtiSubmissionReviewRequest", "DataPrivacyLaunchRequest",
}  # fmt: skip
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def registration_problems(document: Mapping[str, Any], scopes: set[str]) -> list[str]:
    """Every problem, each beginning with the member it is about."""
    problems = [name for name, value in FIXED.items() if document.get(name) != value]
    problems += [name for name, wanted in CONTAINED.items() if not wanted <= set(_texts(document.get(name)))]
    problems += [name for name in ADDRESSES if not is_address(document.get(name))]
    problems += [name for name in OPTIONAL_ADDRESSES if name in document and not is_address(document[name])]
    redirects = _texts(document.get("redirect_uris"))
    if not redirects or not all(is_address(one) for one in redirects):
        problems.append("redirect_uris")
    if not isinstance(document.get("client_name"), str) or not document["client_name"].strip():
        problems.append("client_name")
    asked = document.get("scope")
    if not isinstance(asked, str):
        problems.append("scope: is not a text")
    else:
        problems += [f"scope: {one}" for one in asked.split() if one not in scopes]
    if "client_id" in document:
        problems.append("client_id: is the platform's to give")
    return problems + _configuration_problems(document.get(TOOL_CONFIGURATION))


def _configuration_problems(configuration: Any) -> list[str]:
    if not isinstance(configuration, Mapping):
        return ["tool configuration"]
    problems = []
    domain, target = configuration.get("domain"), configuration.get("target_link_uri")
    if not isinstance(domain, str) or not domain or "/" in domain:
        problems.append("domain: is not a bare host")
    # Captured (Moodle 4.5): the domain must fit the target; the port stays in.
    elif not is_address(target) or urlsplit(target).netloc != domain:
        problems.append("target_link_uri: is not on the domain")
    custom = configuration.get("custom_parameters", {})
    if not isinstance(custom, Mapping) or not all(isinstance(one, str) for one in custom.values()):
        problems.append("custom_parameters")
    if not {"iss", "sub"} <= set(_texts(configuration.get("claims"))):
        problems.append("claims: iss and sub are needed")
    messages = configuration.get("messages")
    if not isinstance(messages, list):
        return [*problems, "messages"]
    for message in messages:
        problems += _message_problems(message, domain)
    return problems


def _message_problems(message: Any, domain: Any) -> Iterable[str]:
    if not isinstance(message, Mapping) or message.get("type") not in MESSAGE_TYPES:
        return ["messages: type"]
    problems = []
    target = message.get("target_link_uri")
    if target is not None and (not is_address(target) or urlsplit(target).netloc != domain):
        problems.append("messages: target_link_uri is not on the domain")
    if "placements" in message and not _texts(message["placements"]):
        problems.append("messages: placements")
    if "label" in message and not isinstance(message["label"], str):
        problems.append("messages: label")
    if "icon_uri" in message and not is_address(message["icon_uri"]):
        problems.append("messages: icon_uri")
    return problems


def is_address(value: Any) -> bool:
    """An absolute https address without a fragment; http is for loopback only."""
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_safe and bool(parts.hostname) and not parts.fragment and not parts.username


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else []
