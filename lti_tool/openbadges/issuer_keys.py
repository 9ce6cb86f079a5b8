"""Finds the key that a proof names and whether it speaks for the issuer.

Open Badges 3.0, section 8.2: the method is read from the issuer's own document (https, did:web) or from the identifier
itself (did:key); it must be listed under ``assertionMethod`` and its ``controller`` must be the issuer id.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lti_tool.errors import CredentialInvalidError, OutboundError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.json_text import read_json
from lti_tool.openbadges.proof import decode_multikey
from lti_tool.openbadges.report import Check, CheckOutcome

ACCEPT_JSON = "application/ld+json, application/json;q=0.9"
ACCEPT_CREDENTIAL = "application/vc+ld+json, application/ld+json;q=0.9, application/json;q=0.8"

MOST_DOCUMENTS = 8
LONGEST = 60.0
"""Seconds."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Fetched(Protocol):
    """What a fetch answers; ``lti_tool.outbound.Answer`` is one."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


Fetch = Callable[[str, str], Fetched]
"""Gets a URL with an ``Accept`` value; raises ``OutboundError`` when the host cannot be used."""


class Documents:
    """JSON documents of other hosts, each fetched at most once while one credential is verified.

    A stranger's credential may name any number of hosts, and slow ones: after ``MOST_DOCUMENTS`` attempts or
    ``LONGEST`` seconds no further one is asked.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._until = clock() + LONGEST
        self._asked = 0
        self._found: dict[str, JsonObject] = {}

    def get(self, url: str, accept: str = ACCEPT_JSON) -> JsonObject:
        """Return the document at ``url`` without its fragment; raises ``OutboundError`` when there is none."""
        url = url.partition("#")[0]
        if url not in self._found:
            try:
                self._found[url] = read_json(self.content(url, accept))
            except CredentialInvalidError:
                raise OutboundError("The answer is not a JSON document.", code="answer_malformed") from None
        return self._found[url]

    def content(self, url: str, accept: str) -> bytes:
        """Return the bytes at ``url``; raises ``OutboundError`` when it does not answer 200."""
        answer = self.ask(url, accept)
        if answer.status != 200:
            raise OutboundError("The document is not there.", code="document_unavailable")
        return answer.body

    def ask(self, url: str, accept: str = ACCEPT_JSON) -> Fetched:
        """Return what an address answers, whatever its status; raises ``OutboundError`` when it may not be asked."""
        if self._asked == MOST_DOCUMENTS or self._clock() > self._until:
            raise OutboundError("The credential leads to too many documents.", code="document_unavailable")
        self._asked += 1
        return self._fetch(url, accept)


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """The issuer's key for a proof, or ``None``, and the check ``signed_by`` that says why."""

    key: Ed25519PublicKey | None
    signed_by: Check


def find_key(proof: JsonObject, issuer_id: str, documents: Documents) -> KeyFinding:
    """Return the key named by ``proof``, as the issuer's own document gives it.

    Never raises for a bad or absent document: the check says ``failed`` or ``unknown``.
    """
    method_id = proof.get("verificationMethod")
    try:
        if not isinstance(method_id, str):
            raise CredentialInvalidError("The proof names no key.", code="key_not_named")
        key = _key_of_issuer(method_id, issuer_id, proof, documents)
    except OutboundError as error:
        return KeyFinding(None, _finding(CheckOutcome.UNKNOWN, error.code, issuer_id))
    except CredentialInvalidError as error:
        unsure = CheckOutcome.UNKNOWN if error.code == "key_unsupported" else CheckOutcome.FAILED
        return KeyFinding(None, _finding(unsure, error.code, issuer_id))
    return KeyFinding(key, _finding(CheckOutcome.PASSED, "", issuer_id))


def spelled_key(proof: JsonObject) -> Ed25519PublicKey | None:
    """Return the key that the name of the method ends with, if it does.

    Enough to tell altered from intact without any network; whose key it is stays open.
    """
    try:
        return decode_multikey(re.split("[#/]", str(proof.get("verificationMethod")))[-1])
    except CredentialInvalidError:
        return None


def parse_time(value: object) -> datetime | None:
    """Return a dateTimeStamp as an aware time, ``None`` when it is not one."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def document_url_of(identifier: str) -> str:
    """Return where the document of an issuer id is: itself for https, by the rules of did:web for a DID.

    Raises ``CredentialInvalidError`` (``key_unsupported``) for any other kind.
    """
    if identifier.startswith(("https://", "http://")):  # plain http is for the client to refuse
        return identifier
    parts = identifier.split(":")
    if parts[:2] != ["did", "web"] or len(parts) < 3 or not all(parts[2:]):
        raise CredentialInvalidError("Keys of this kind of identifier cannot be found.", code="key_unsupported")
    host, path = unquote(parts[2]), parts[3:]
    if not re.fullmatch(r"[A-Za-z0-9.\-]+(:\d+)?", host):
        raise CredentialInvalidError("The DID names no host.", code="key_unsupported")
    return f"https://{host}/{'/'.join(path) if path else '.well-known'}/did.json"


def _key_of_issuer(method_id: str, issuer_id: str, proof: JsonObject, documents: Documents) -> Ed25519PublicKey:
    """The issuer's own document is the root of trust; a document elsewhere may claim any id, so it is never asked."""
    if issuer_id.startswith("did:key:"):
        multikey = issuer_id.removeprefix("did:key:")
        if method_id != f"{issuer_id}#{multikey}":
            raise CredentialInvalidError("The key is not the issuer's.", code="issuer_mismatch")
        return decode_multikey(multikey)
    document = documents.get(document_url_of(issuer_id))
    if document.get("id") != issuer_id:
        raise CredentialInvalidError("The issuer's document is about somebody else.", code="issuer_mismatch")
    if method_id not in _ids(document.get("assertionMethod")):
        raise CredentialInvalidError("The issuer does not list the key.", code="key_not_listed")
    # A method that is listed by its name alone may have a page of its own.
    method = _method(document, method_id) or documents.get(document_url_of(method_id.partition("#")[0]))
    if method.get("id") != method_id or method.get("controller") != issuer_id:
        raise CredentialInvalidError("The key is not the issuer's.", code="issuer_mismatch")
    _check_period(method, proof)
    return decode_multikey(str(method.get("publicKeyMultibase")))


def _method(document: JsonObject, method_id: str) -> JsonObject | None:
    listed = [*_members(document.get("verificationMethod")), *_members(document.get("assertionMethod"))]
    return next((one for one in listed if isinstance(one, dict) and one.get("id") == method_id), None)


def _check_period(method: JsonObject, proof: JsonObject) -> None:
    """A key that was revoked or had expired when the proof was made does not count (Controlled Identifiers, 2.2)."""
    created = parse_time(proof.get("created"))
    for name in ("revoked", "expires"):
        if name in method:
            end = parse_time(method[name])
            if end is None or created is None or created >= end:
                raise CredentialInvalidError("The key was no longer in use.", code="key_ended")


def _members(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _ids(value: object) -> list[object]:
    return [one.get("id") if isinstance(one, dict) else one for one in _members(value)]


def _finding(outcome: CheckOutcome, reason: str, issuer_id: str) -> Check:
    return Check("signed_by", outcome, reason, {"issuer": issuer_id})
