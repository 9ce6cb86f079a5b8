"""Sending and finding one text, as most tests of backpack clients do it."""

from lti_tool.backpacks.base import Backpack, BadgeDocument, Face, HostDescription, Receipt, Tokens


def push(api: Backpack, host: HostDescription, tokens: Tokens, text: str) -> Receipt:
    """Send a text as what it is: JSON or a compact JWS."""
    face = Face.OB3_JSON if text.lstrip().startswith("{") else Face.OB3_JWT
    return api.push(host, tokens, BadgeDocument(face, "", text))


def find(api: Backpack, host: HostDescription, tokens: Tokens, credential_id: str) -> str | None:
    """Look for one badge."""
    return api.find(host, tokens, [credential_id]).get(credential_id)
