"""LTI Deep Linking 2.0: what a platform asks for (section 4.4) and the signed answer (section 4.5).

The library (PyLTI1p3) lays the answer's claims out; the items it cannot express, the key and the times are this tool's.
Its form is not used: it puts the return address into the page unescaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import jwt
from pylti1p3.deep_link import DeepLink, TDeepLinkData
from pylti1p3.deep_link_resource import DeepLinkResource
from pylti1p3.registration import Registration as LibraryRegistration

from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import DEEP_LINKING, DEEP_LINKING_SETTINGS, SignedClaims, claim_error, text, texts
from lti_tool.lti.keys import SigningKey

LINK = "ltiResourceLink"
LIFE = timedelta(minutes=10)
LONGEST_DATA = 16_384
TITLE_LENGTH, TEXT_LENGTH = 1024, 4096
FRAME = {"width": 1000, "height": 800}
"""Pixels: the size asked for where a link opens in a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepLinkingSettings:
    """What the platform asks for; only the return address was checked, nothing else can do harm.

    ``accept_lineitem`` ``None``: the platform did not say, which allows it. ``data`` is echoed as it came, also when it
    is empty; ``None`` when there was none.
    """

    return_url: str
    accept_types: tuple[str, ...]
    accept_targets: tuple[str, ...]
    accept_multiple: bool
    accept_lineitem: bool | None
    auto_create: bool
    title: str | None
    text: str | None
    data: str | None

    @property
    def accepts_links(self) -> bool:
        """Whether LTI links may be put where the platform asked."""
        return LINK in self.accept_types

    @property
    def accepts_line_items(self) -> bool:
        """Whether a link may bring a column of the gradebook with it."""
        return self.accept_lineitem is not False

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "DeepLinkingSettings":
        """Return what ``to_document`` was given."""
        lists = {name: tuple(document[name]) for name in ("accept_types", "accept_targets")}
        return cls(**{**document, **lists})


def read_settings(claims: SignedClaims, addresses: AddressPolicy) -> DeepLinkingSettings:
    """Return the settings of a deep linking request; raises ``TokenClaimError`` (code ``token_claim_…``).

    ``deep_linking_settings``, ``deep_link_return_url``, ``accept_types``, ``accept_presentation_document_targets`` and
    ``data`` are what can be missing or wrong.
    """
    claim = claims.get(DEEP_LINKING_SETTINGS)
    if not isinstance(claim, dict):
        raise claim_error("deep_linking_settings", "is missing or not an object")
    return_url = addresses.usable(claim.get("deep_link_return_url"))
    if return_url is None:
        raise claim_error("deep_link_return_url", "is missing or not an https address")
    for name in ("accept_types", "accept_presentation_document_targets"):
        if not isinstance(claim.get(name), list):
            raise claim_error(name, "is missing or not a list")
    data = claim.get("data")
    if data is not None and (not isinstance(data, str) or len(data) > LONGEST_DATA):
        raise claim_error("data", f"is not a text of at most {LONGEST_DATA} characters")
    accepts_line_items = claim.get("accept_lineitem")
    return DeepLinkingSettings(
        return_url=return_url,
        accept_types=texts(claim["accept_types"]),
        accept_targets=texts(claim["accept_presentation_document_targets"]),
        accept_multiple=_is_true(claim.get("accept_multiple")),
        accept_lineitem=None if accepts_line_items is None else _is_true(accepts_line_items),
        auto_create=_is_true(claim.get("auto_create")),
        title=text(claim.get("title"), TITLE_LENGTH),
        text=text(claim.get("text"), TEXT_LENGTH),
        data=data,
    )


def _is_true(value: object) -> bool:
    """Whether a flag is set; some platforms send it as text."""
    return value is True or value == "true"


# -- the answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItemWish:
    """The column that comes with a link. ``resource_id`` and ``tag`` survive the copy of a course."""

    maximum: Decimal
    label: str
    resource_id: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLink:
    """An LTI link to be put into the course (section 3.2, ``ltiResourceLink``). Moments are aware."""

    url: str
    title: str
    text: str = ""
    icon_url: str | None = None
    custom: Mapping[str, str]
    line_item: LineItemWish | None = None
    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None


class _Item(DeepLinkResource):
    """A content item with all that the library's lacks."""

    def __init__(self, link: ContentLink, accept_targets: Sequence[str]) -> None:
        self._link, self._accept_targets = link, accept_targets

    def to_dict(self) -> dict[str, object]:
        """Return the item as the standard writes it, with nothing that is empty."""
        link = self._link
        item: dict[str, object | None] = {
            "type": LINK,
            "url": link.url,
            "title": link.title,
            "text": link.text or None,
            "icon": {"url": link.icon_url} if link.icon_url else None,
            "custom": dict(link.custom) or None,
            "lineItem": _line_item(link.line_item),
            "available": _period(link.opens_at, link.closes_at),
            "submission": _period(None, link.due_at),
        }
        if "iframe" in self._accept_targets:
            item["iframe"] = dict(FRAME)
        elif "window" in self._accept_targets:
            item["window"] = {"targetName": "_blank"}
        return {name: value for name, value in item.items() if value is not None}


def _line_item(wish: LineItemWish | None) -> dict[str, object] | None:
    if wish is None:
        return None
    maximum = wish.maximum
    return {
        "scoreMaximum": int(maximum) if maximum == maximum.to_integral_value() else float(maximum),
        "label": wish.label,
        "resourceId": wish.resource_id,
        "tag": wish.tag,
    }


def _period(start: datetime | None, end: datetime | None) -> dict[str, str] | None:
    moments = {"startDateTime": start, "endDateTime": end}
    return {name: moment.isoformat() for name, moment in moments.items() if moment is not None} or None


class DeepLinkingAnswer(DeepLink):
    """The answer to one request, signed with this tool's active key."""

    def __init__(
        self,
        settings: DeepLinkingSettings,
        *,
        issuer: str,
        client_id: str,
        deployment_id: str,
        key: SigningKey,
        now: datetime,
    ) -> None:
        registration = LibraryRegistration()
        registration.set_issuer(issuer).set_client_id(client_id)
        super().__init__(registration, deployment_id, cast(TDeepLinkData, {"data": settings.data}))
        self._settings, self._key, self._now = settings, key, now

    def token(self, links: Sequence[ContentLink], *, msg: str | None = None, errormsg: str | None = None) -> str:
        """Return the JWT for the form field ``JWT``; no links, with ``msg`` or ``errormsg``, is a refusal to choose."""
        claims = self.get_message_jwt([_Item(link, self._settings.accept_targets) for link in links])
        claims |= {"aud": self._registration.get_issuer()}
        claims |= {"iat": int(self._now.timestamp()), "exp": int((self._now + LIFE).timestamp())}
        if self._settings.data is None:  # only what was sent comes back
            del claims[DEEP_LINKING + "data"]
        spoken = {"msg": msg, "errormsg": errormsg}
        claims |= {DEEP_LINKING + name: words for name, words in spoken.items() if words is not None}
        return self.encode_jwt(claims)

    def encode_jwt(self, message: dict[str, object]) -> str:
        """Sign; the library would parse the key anew each time."""
        return jwt.encode(message, self._key.private_key, algorithm="RS256", headers={"kid": self._key.kid})
