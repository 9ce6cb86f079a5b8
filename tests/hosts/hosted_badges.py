"""How a Badgr host looks at a hosted Open Badges 2.0 assertion: fetched from its id, checked by code that is not ours.

``openbadgeslib`` does what it does (assertion, scope, recipient, expiry, revocation list); the badge class, the issuer
and the picture are checked here, member by member, against Open Badges 2.0 (required members, dates with a zone).

Ground: the ``Accept`` header, and that the recipient has to match a verified address, are captured from a Badgr host
(2026); the names of errors are its vendor code's (badgr-server, ``BadgeCheckHelper``), descriptions too.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from openbadgeslib.errors import LibOpenBadgesException
from openbadgeslib.ob2.verifier import OB2Verifier

ACCEPT = "application/ld+json, application/json, image/png, image/svg+xml"
LARGEST = 5_000_000
UNREACHABLE = ("FETCH_HTTP_NODE", "Unable to reach URL")
WRONG_RECIPIENT = ("VERIFY_RECIPIENT_IDENTIFIER", "The recipient does not match any of your verified emails")
REVOKED = ("ASSERTION_REVOKED", "This assertion has been revoked")


class BadgeRefused(Exception):
    """The host does not take the badge: a name, and what it tells the user."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(f"{name}: {description}")
        self.name, self.description = name, description


@dataclass(frozen=True, slots=True)
class HostedBadge:
    """What was fetched and found good; ``email`` is the address the badge is for."""

    assertion: dict[str, Any]
    badge_class: dict[str, Any]
    issuer: dict[str, Any]
    email: str


class Fetcher:
    """Fetches documents for one check, each once, with the headers a Badgr host sends."""

    def __init__(self, requires_https: bool) -> None:
        self._requires_https = requires_https
        self._kept: dict[str, bytes] = {}

    def __call__(self, url: str) -> bytes:
        if url not in self._kept:
            self._kept[url] = self._fetch(url)
        return self._kept[url]

    def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        is_here = parts.hostname in {"127.0.0.1", "localhost"} and not self._requires_https
        if parts.scheme != "https" and not is_here:
            raise BadgeRefused(*UNREACHABLE)
        try:
            # A test's tool has a certificate of its own where it has one at all.
            got = requests.get(url, headers={"Accept": ACCEPT}, timeout=20, verify=not is_here)
        except requests.RequestException:
            raise BadgeRefused(*UNREACHABLE) from None
        if got.status_code == 410:
            raise BadgeRefused(*REVOKED)
        if got.status_code != 200 or len(got.content) > LARGEST:
            raise BadgeRefused(*UNREACHABLE)
        return got.content

    def document(self, url: str) -> dict[str, Any]:
        """A JSON object; what is answered as an image or a page is refused, as a real host cannot read it either."""
        try:
            document = json.loads(self(url))
        except ValueError:
            raise BadgeRefused("FETCH_HTTP_NODE", f"{url} is no JSON for Accept: {ACCEPT}") from None
        if not isinstance(document, dict):
            raise BadgeRefused("VALIDATE_PROPERTY", f"{url} is no JSON object")
        return document


def check_hosted(url: str, emails: Iterable[str], *, requires_https: bool = True) -> HostedBadge:
    """Fetch and check the assertion at ``url`` for somebody with these verified addresses; raises ``BadgeRefused``."""
    fetch = Fetcher(requires_https)
    assertion = fetch.document(url)
    if assertion.get("revoked") is True:
        raise BadgeRefused(*REVOKED)
    if assertion.get("id") != url:
        raise BadgeRefused("VALIDATE_PROPERTY", f"the assertion at {url} has the id {assertion.get('id')}")
    _check_assertion(assertion)
    badge_class = _linked(fetch, assertion["badge"], "badge")
    _check_badge_class(fetch, badge_class)
    issuer = _linked(fetch, badge_class["issuer"], "issuer")
    _check_issuer(issuer)
    return HostedBadge(assertion, badge_class, issuer, _recipient(fetch, assertion, emails))


def _recipient(fetch: Fetcher, assertion: dict[str, Any], emails: Iterable[str]) -> str:
    """openbadgeslib's verdict for each address; the first one the badge is for."""
    verifier = OB2Verifier(download=_downloader(fetch))
    try:
        verifier.verify_hosted(assertion, check_revocation=True)
    except LibOpenBadgesException as error:
        name = REVOKED[0] if "has been revoked" in str(error) else "VERIFY_HOSTED"
        raise BadgeRefused(name, str(error)) from None
    for email in emails:
        try:
            verifier.verify_hosted(assertion, expected_recipient=email)
        except LibOpenBadgesException:
            continue
        return email
    raise BadgeRefused(*WRONG_RECIPIENT)


def _downloader(fetch: Fetcher) -> Callable[[str], bytes]:
    return lambda url: fetch(url)


def _linked(fetch: Fetcher, value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, str):
        document = fetch.document(value)
        if document.get("id") != value:
            raise BadgeRefused("VALIDATE_PROPERTY", f"{name}: {value} has the id {document.get('id')}")
        return document
    if isinstance(value, dict):
        return value
    raise BadgeRefused("VALIDATE_PROPERTY", f"{name} is neither an address nor an object")


# -- Open Badges 2.0, member by member --------------------------------------------------------------------------------


def _require(document: dict[str, Any], kind: str, *names: str) -> None:
    types = document.get("type")
    if kind not in (types if isinstance(types, list) else [types]):
        raise BadgeRefused("VALIDATE_TYPE", f"type {types!r} is not {kind}")
    for name in names:
        if document.get(name) in (None, "", [], {}):
            raise BadgeRefused("VALIDATE_PROPERTY", f"{kind} has no {name}")


def _check_assertion(assertion: dict[str, Any]) -> None:
    _require(assertion, "Assertion", "id", "recipient", "badge", "verification", "issuedOn")
    if assertion.get("@context") not in ("https://w3id.org/openbadges/v2", ["https://w3id.org/openbadges/v2"]):
        raise BadgeRefused("VALIDATE_PROPERTY", f"@context {assertion.get('@context')!r}")
    for name in ("issuedOn", "expires"):
        if name in assertion:
            _check_moment(name, assertion[name])
    recipient = assertion["recipient"]
    if not isinstance(recipient, dict) or recipient.get("type") != "email" or "identity" not in recipient:
        raise BadgeRefused("VALIDATE_PROPERTY", "recipient is no identity of type email")
    if recipient.get("hashed") is not True or not str(recipient["identity"]).startswith("sha256$"):
        raise BadgeRefused("VALIDATE_PROPERTY", "a public assertion shows its recipient as sha256")
    if assertion["verification"].get("type") not in ("HostedBadge", "hosted"):
        raise BadgeRefused("VALIDATE_PROPERTY", "verification is not HostedBadge")
    for one in assertion.get("evidence") or []:
        if isinstance(one, dict) and not (one.get("id") or one.get("narrative")):
            raise BadgeRefused("VALIDATE_PROPERTY", "evidence with neither id nor narrative")


def _check_moment(name: str, value: Any) -> None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadgeRefused("VALIDATE_PROPERTY", f"{name} {value!r} is no date-time") from None
    if moment.tzinfo is None:
        raise BadgeRefused("VALIDATE_PROPERTY", f"{name} {value!r} has no zone")


def _check_badge_class(fetch: Fetcher, badge_class: dict[str, Any]) -> None:
    _require(badge_class, "BadgeClass", "id", "name", "description", "image", "criteria", "issuer")
    criteria = badge_class["criteria"]
    if isinstance(criteria, dict) and not (criteria.get("id") or criteria.get("narrative")):
        raise BadgeRefused("VALIDATE_PROPERTY", "criteria with neither id nor narrative")
    for one in badge_class.get("alignment") or []:
        if not one.get("targetName") or not str(one.get("targetUrl", "")).startswith(("http://", "https://")):
            raise BadgeRefused("VALIDATE_PROPERTY", "alignment without targetName or targetUrl")
    image = badge_class["image"]
    image = image.get("id") if isinstance(image, dict) else image
    if not str(image).startswith(("data:image/png", "data:image/svg+xml")):
        content = fetch(str(image))
        if not content.startswith(b"\x89PNG") and b"<svg" not in content[:1000]:
            raise BadgeRefused("IMAGE_VALIDATION", f"{image} is neither PNG nor SVG")


def _check_issuer(issuer: dict[str, Any]) -> None:
    types = issuer.get("type")
    kind = "Issuer" if "Issuer" in (types if isinstance(types, list) else [types]) else "Profile"
    _require(issuer, kind, "id", "name", "url", "email")
