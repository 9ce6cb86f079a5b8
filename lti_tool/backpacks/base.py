"""The seam between delivery and the places credentials go: one ``Backpack`` a protocol, the same values for all.

Open Badges 2.1 (Badge Connect) and Open Badges 3.0 hosts share OAuth 2.0 with dynamic registration (RFC 7591), PKCE
(RFC 7636) and revocation (RFC 7009); these are the values that travel between a host, the learner's browser and the
database. Values that hold a secret leave it out of their ``repr``.
"""

import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lti_tool.errors import BackpackConsentError, BackpackError, BackpackRefusedError


class Face(StrEnum):
    """The form in which a badge travels. One decision and one status stand behind all of them."""

    OB3_JSON = "ob3_json"
    """Open Badges 3.0 with an embedded proof: the signed JSON, byte for byte."""
    OB3_JWT = "ob3_jwt"
    """Open Badges 3.0 as a VC-JWT, a compact JWS."""
    OB2_HOSTED = "ob2_hosted"
    """Open Badges 2.0, hosted: the host is told the address of the assertion and fetches it there."""


class Outcome(StrEnum):
    """What a host did with a credential that was pushed, or is to be gone."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    """It was there already (Badge Connect: ``DUPLICATE_BADGE``)."""
    WITHDRAWN = "withdrawn"
    STATUS_SAYS = "status_says"
    """The protocol has no way to withdraw; the status that the document names says that it is revoked."""


@dataclass(frozen=True, slots=True)
class HostDescription:
    """What a host says about itself; every address is absolute and was checked.

    ``api_url`` has no final slash. ``revocation_url`` and the last three are ``None`` when the host names none.
    """

    api_url: str
    name: str
    registration_url: str
    authorization_url: str
    token_url: str
    refresh_url: str
    scopes: tuple[str, ...] = ()
    revocation_url: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """This tool as one host knows it (RFC 7591); ``scope`` is what it may ask for, space-separated."""

    client_id: str
    client_secret: str | None = field(repr=False)
    auth_method: str = "client_secret_basic"
    scope: str = ""
    secret_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where to send the learner's browser, and what to remember until it comes back (all of it secret)."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A learner's consent in use; ``scope`` is what was granted, space-separated."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scope: str


@dataclass(frozen=True, slots=True)
class BadgeDocument:
    """One face of a badge, as it is sent.

    ``id``: what the host lists it by: the credential's id, or the address of the hosted assertion. ``text``: what is
    sent (3.0), or what the host finds at the address (2.0).
    """

    face: Face
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A host's answer to a push. It proves transport only, until ``read_back`` is true.

    ``remote_id`` is the credential's id as the host echoed it. ``read_back``: the credential was fetched again
    (``Backpack.find``) and is the same (``shows``); a push itself never sets it.
    """

    outcome: Outcome
    http_status: int
    remote_id: str | None
    received_at: datetime
    read_back: bool = False


@dataclass(frozen=True, slots=True)
class HostProfile:
    """The learner's account at the host; ``email`` when the host tells it, then also its ``id`` if it has no other."""

    id: str
    name: str | None
    email: str | None


class Backpack(Protocol):
    """One protocol of delivery.

    Raises ``BackpackError`` (worth trying again), ``BackpackThrottledError``, ``BackpackAnswerError``,
    ``BackpackRefusedError`` and ``BackpackConsentError`` (the learner has to connect again).
    """

    @property
    def faces(self) -> tuple[Face, ...]:
        """The faces hosts of this protocol take, the best first."""
        ...

    @property
    def can_withdraw(self) -> bool:
        """Whether ``withdraw`` can do anything; where not, a badge's own status has to say that it is revoked."""
        ...

    def discover(self, address: str) -> HostDescription:
        """Read the description of the host at an address a person typed."""
        ...

    def register(
        self,
        host: HostDescription,
        redirect_uri: str,
        client_name: str,
        client_uri: str,
        logo_uri: str,
        tos_uri: str,
        policy_uri: str,
    ) -> ClientRegistration:
        """Make this tool known to the host; the addresses are this tool's own, all on one origin."""
        ...

    def authorization_request(
        self, host: HostDescription, client: ClientRegistration, redirect_uri: str
    ) -> AuthorizationRequest:
        """Begin a connection: a fresh state and PKCE verifier."""
        ...

    def exchange_code(
        self, host: HostDescription, client: ClientRegistration, code: str, redirect_uri: str, code_verifier: str
    ) -> Tokens:
        """Turn the code the browser brought back into tokens."""
        ...

    def refresh(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> Tokens:
        """Get new tokens; the old refresh token is spent whatever happens next, so store the answer at once."""
        ...

    def revoke(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> bool:
        """End the consent at the host; ``False`` when the host offers no way to."""
        ...

    def push(self, host: HostDescription, tokens: Tokens, document: BadgeDocument) -> Receipt:
        """Send exactly this document; sending it twice leaves one badge.

        Raises ``BackpackRefusedError`` with ``backpack_form_refused`` when the host takes no such face.
        """
        ...

    def can_read(self, tokens: Tokens) -> bool:
        """Whether the consent allows to read back what is there."""
        ...

    def find(self, host: HostDescription, tokens: Tokens, ids: Collection[str]) -> dict[str, str]:
        """Read badges back: the texts the host lists for these ids; one that it does not list is left out."""
        ...

    def withdraw(self, host: HostDescription, tokens: Tokens, document_id: str, reason: str) -> bool:
        """Take a badge out of the backpack again; ``False`` where the protocol has no way to.

        A badge that is not there counts as withdrawn.
        """
        ...

    def profile(self, host: HostDescription, tokens: Tokens) -> HostProfile:
        """Read whose account this is."""
        ...


def authorization_code(answer: Mapping[str, str], state: str) -> str:
    """Return the code from the query the browser came back with (RFC 6749, section 4.1.2).

    Raises ``BackpackConsentError`` when the learner said no (``backpack_consent_denied``) or the ``state`` is not
    ours (``backpack_state_mismatch``), ``BackpackError`` when the host asks to try later.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise BackpackConsentError(
            "The answer of the backpack does not belong to this connection. Connect again.",
            code="backpack_state_mismatch",
        )
    error = answer.get("error")
    if error == "access_denied":
        raise BackpackConsentError("The backpack was not allowed to connect.", code="backpack_consent_denied")
    if error in {"temporarily_unavailable", "server_error"}:
        raise BackpackError("The backpack could not connect just now. Try again later.")
    if error is not None:
        raise BackpackRefusedError("The backpack refused the connection.", code="backpack_connection_refused")
    code = answer.get("code", "")
    if not code:
        raise BackpackConsentError("The backpack gave no code. Connect again.")
    return code


def shows(document: BadgeDocument, got: str | None) -> bool:
    """Whether what a host lists is the document that was sent.

    A 2.0 host keeps its own copy of the assertion (with a picture and a recipient of its own), so that one is the
    same when it has the address and (where it is told) the badge class, and is not marked as revoked.
    """
    if document.face is not Face.OB2_HOSTED:
        return same_credential(document.text, got)
    try:
        sent, listed = json.loads(document.text), json.loads(got or "null")
    except (ValueError, RecursionError):
        return False
    if not isinstance(sent, dict) or not isinstance(listed, dict) or listed.get("revoked") is True:
        return False
    is_badge = "badge" not in listed or _reference(sent.get("badge")) == _reference(listed["badge"])
    return listed.get("id") == document.id and is_badge


def _reference(value: object) -> object:
    """A thing named by its id, or given whole."""
    return value.get("id") if isinstance(value, dict) else value


def same_credential(sent_text: str, got: str | None) -> bool:
    """Whether what a host shows is what was sent: equal as JSON, or letter by letter for a compact JWS.

    The host may write the JSON anew (order, white space); any other difference counts. Whether the proof still
    holds is for the verifier to say.
    """
    if got is None:
        return False
    sent_text, got = sent_text.strip(), got.strip()
    if not sent_text.startswith("{"):
        return sent_text == got
    try:
        return _equal(json.loads(sent_text), json.loads(got))
    except (ValueError, RecursionError):
        return False


def _equal(one: object, other: object) -> bool:
    """Equality of JSON values; unlike Python's, ``true`` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other
