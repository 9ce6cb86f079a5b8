"""Where the parts of an Open Badges 2.0 award are, and the values they are composed of.

Every part has an address of its own below the issuer's, so that the 3.0 documents keep theirs.
"""

import uuid
from dataclasses import dataclass

from lti_tool.openbadges.v3_model import AchievementCard, Evidence, HashedEmail, Issuer

CONTEXT = "https://w3id.org/openbadges/v2"
ENDING = ".ob2.json"


def assertion_url(base_url: str, public_id: str) -> str:
    """Return where the hosted assertion of a credential is; it is the assertion's ``id``."""
    return f"{base_url}/credentials/{public_id}{ENDING}"


def badge_class_url(achievement_url: str, number: int, kid: str | None = None) -> str:
    """Return where one version of a badge is; what was awarded stays there for ever. ``kid``: see ``profile_url``."""
    version = f"{achievement_url}/versions/{number}"
    return f"{version}/keys/{kid}{ENDING}" if kid else f"{version}{ENDING}"


def profile_url(issuer_url: str, kid: str | None = None) -> str:
    """Return where the issuer's 2.0 profile is; ``kid``: the one that names this key, for what was signed with it.

    The official validator, which hosts run too, takes an issuer with one key at most. So each key has a profile, and
    a badge class that leads to it, for ever; what is hosted leads to the one without a key.
    """
    return f"{issuer_url}/keys/{kid}/profile{ENDING}" if kid else f"{issuer_url}{ENDING}"


def key_url(issuer_url: str, kid: str) -> str:
    """Return where one of the issuer's RSA keys is, as 2.0 names it."""
    return f"{issuer_url}/keys/{kid}{ENDING}"


def revocation_list_url(issuer_url: str) -> str:
    """Return where the issuer lists revoked signed assertions."""
    return f"{issuer_url}/revocations{ENDING}"


def signed_id(hosted_url: str, salt: str) -> str:
    """Return the ``id`` of the signed form: a ``urn:uuid:`` (2.0 recommends one), always the same for one recipient.

    It does not tell the hosted address, so a list of revoked ids names nobody's badge.
    """
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{hosted_url}#{salt}')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What an assertion says; ``issuer`` and ``achievement`` carry their 3.0 ids. Times are ISO 8601 with a zone."""

    hosted_url: str
    issuer: Issuer
    achievement: AchievementCard
    version: int
    recipient: HashedEmail
    issued_on: str
    expires: str | None = None
    image_url: str | None = None
    """Where the baked picture is."""
    evidence: tuple[Evidence, ...] = ()
    narrative: str | None = None
