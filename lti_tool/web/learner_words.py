"""What a learner reads about claims and deliveries: what happened, and what they can do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l

from lti_tool.models import ConnectionState, DeliveryPurpose, DeliveryState
from lti_tool.services.wallet import Badge, Place
from lti_tool.web.delivery_words import delivery_words, reason_of
from lti_tool.web.translated import gettext as _

LINKEDIN = "https://www.linkedin.com/profile/add"

REFUSALS: Mapping[str, Any] = {
    "evidence_unknown": _l("Whether you still meet this badge can't be told just now, so it stays offered to you."),
    "award_barred": _l("A person decided that this badge is not awarded to you."),
    "award_lapsed": _l("This badge is not offered any more: what it needs has changed since. The reason is below."),
    "award_declined": _l("You declined this badge."),
    "award_suspended": _l("This badge is suspended. Ask your instructor."),
    "award_revoked": _l("This badge was revoked. Ask your instructor."),
    "achievement_retired": _l("This badge is not given any more."),
}


def refusal_words(code: str) -> str:
    """Return why a badge cannot be claimed now."""
    return str(REFUSALS.get(code) or _l("This badge cannot be claimed now."))


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A backpack as the badge's page shows it: what to press (``connect``, ``deliver`` or nothing) and how it stands.

    ``state`` is a key of ``formats.STATES``; ``None`` while the badge was never sent there.
    """

    host_id: int
    name: str
    action: str | None
    can_disconnect: bool
    state: str | None
    words: str


def place_lines(places: Iterable[Place], now: datetime) -> list[PlaceLine]:
    """Return how the badge stands with each backpack."""
    return [_place_line(place, now) for place in places]


def _place_line(place: Place, now: datetime) -> PlaceLine:
    delivery = place.delivery
    is_open = delivery is not None and delivery.state in {DeliveryState.QUEUED, DeliveryState.SENDING}
    is_there = delivery is not None and delivery.purpose is DeliveryPurpose.PUT and place.is_there
    action = "deliver" if place.is_connected else "connect"
    return PlaceLine(
        host_id=place.host_id,
        name=place.name,
        action=None if is_there or (is_open and place.is_connected) else action,
        can_disconnect=place.connection is not None,
        state=delivery.state.value if delivery else None,
        words=delivery_words(delivery, place.name, now) if delivery else _connection_words(place),
    )


def _connection_words(place: Place) -> str:
    if place.is_connected:
        return _("You are connected to %(host)s.", host=place.name)
    if place.connection is ConnectionState.CONSENT_NEEDED:
        return str(reason_of("backpack_consent_needed").learner) % {"host": place.name}
    return _("Not connected yet. You sign in there and allow this tool to put badges in.")


def linkedin_address(badge: Badge, page_url: str) -> str:
    """Return the address that fills LinkedIn's form for a certificate; months count from 1."""
    awarded = badge.award.offered_at
    return f"{LINKEDIN}?" + urlencode(
        {
            "startTask": "CERTIFICATION_NAME",
            "name": badge.version.name,
            "organizationName": badge.issuer_name,
            "issueYear": awarded.year,
            "issueMonth": awarded.month,
            "certUrl": page_url,
            "certId": badge.credential.public_id,
        }
    )
