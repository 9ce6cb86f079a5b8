"""What a Badgr host is told of issuers, badges and awards (v2 API), and how that is written."""

import base64
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IssuerCard:
    """An issuer as the host keeps it; ``email`` is replaced by the account's own where the host knows it not."""

    name: str
    url: str
    email: str | None
    description: str


@dataclass(frozen=True, slots=True)
class BadgeClassCard:
    """An achievement as the host keeps it; ``criteria_url`` is the achievement's id, ``picture`` a PNG."""

    name: str
    description: str
    criteria_url: str
    criteria_narrative: str
    picture: bytes
    alignments: tuple[tuple[str, str, str | None, str | None], ...] = ()
    """(target name, target URL, code, framework)."""


@dataclass(frozen=True, slots=True)
class NewAward:
    """One award to issue; ``evidence_url`` is the credential's id. ``may_repeat``: the person may hold it twice."""

    evidence_url: str
    email: str
    issued_on: datetime
    expires: datetime | None = None
    may_repeat: bool = False


def compose_badge_class(card: BadgeClassCard) -> dict[str, object]:
    """Return a badge class as the API takes it; the picture as a data URI."""
    alignments = [
        {"targetName": name, "targetUrl": url}
        | ({"targetCode": code} if code else {})
        | ({"targetFramework": framework} if framework else {})
        for name, url, code, framework in card.alignments
    ]
    return {
        "name": card.name,
        "description": card.description,
        "criteriaUrl": card.criteria_url,
        "criteriaNarrative": card.criteria_narrative,
        "image": "data:image/png;base64," + base64.b64encode(card.picture).decode("ascii"),
        "alignments": alignments,
        "tags": [],
    }


def compose_assertion(award: NewAward) -> dict[str, object]:
    """Return an assertion as the API takes it; the host hashes the address in public."""
    document: dict[str, object] = {
        "recipient": {"identity": award.email, "type": "email", "hashed": True},
        "issuedOn": _time(award.issued_on),
        "evidence": [{"url": award.evidence_url}],
        "notify": False,
        "allowDuplicateAwards": award.may_repeat,
    }
    return document if award.expires is None else document | {"expires": _time(award.expires)}


def _time(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
