"""Checks a credential the backpack was given, with openbadgeslib: code that shares nothing with this tool's own.

openbadgeslib refuses an https issuer unless its key is pinned, so the issuer's own document is fetched from the
issuer id and the key that the proof names is taken from it, if it stands under ``assertionMethod`` and is controlled
by the issuer (W3C Controlled Identifiers, section 2.2).
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from openbadgeslib.errors import LibOpenBadgesException
from openbadgeslib.ob3 import OB3GuardUnavailable, OB3LdpVerifier, OB3Verifier, check_credential_status
from openbadgeslib.ob3.did import pem_for_kid

from lti_tool.demo.backpack_api import ApiRefusal, payload_of
from lti_tool.errors import OutboundError
from lti_tool.outbound import HttpClient

OUT_OF_DATE = ("Credential has expired", "Credential is not yet valid", "The token is not yet valid")
"""How openbadgeslib begins when the signature held but the time is over, or has not come."""
STATUS_SET = ("Credential status 'revocation' is set", "Credential status 'suspension' is set")


class State(StrEnum):
    """What a check found."""

    INTACT = "intact"
    ALTERED = "altered"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, and the library's own words when something was wrong.

    ``status_checked``: whether the issuer's status list could be read; ``None`` when the badge names none.
    """

    state: State
    reason: str = ""
    status_checked: bool | None = False


class Check(Protocol):
    """Checks what a backpack was given."""

    def verdict(self, text: str) -> Verdict:
        """Check one badge as it was received."""
        ...


class _KeyMissing(Exception):
    """The issuer's key cannot be had; the text says why."""


class CredentialCheck:
    """Checks credentials; one instance fetches each issuer's document once."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._issuers: dict[str, dict[str, Any]] = {}

    def verdict(self, text: str) -> Verdict:
        """Check one credential as it was received, JSON with an embedded proof or a compact JWS."""
        is_json = text.lstrip().startswith("{")
        try:
            document = json.loads(text) if is_json else payload_of(text)
            method_id = _proof_method(document) if is_json else _header_key(text)
            key = self._key(_issuer_id(document), method_id)
        except (_KeyMissing, OutboundError, ApiRefusal, ValueError) as error:
            return Verdict(State.UNCHECKED, str(error))
        verifier = (OB3LdpVerifier if is_json else OB3Verifier)(pubkey_pem=key)
        try:
            credential = verifier.verify(text)
        except OB3GuardUnavailable as error:
            return Verdict(State.UNCHECKED, str(error))
        except LibOpenBadgesException as error:
            reason = str(error)
            return Verdict(State.EXPIRED if reason.startswith(OUT_OF_DATE) else State.ALTERED, reason)
        return self._with_status(credential, key)

    def _with_status(self, credential: Any, key: bytes) -> Verdict:
        if not credential.credential_status:
            return Verdict(State.INTACT, status_checked=None)
        try:
            check_credential_status(credential, download=self._status_list, verify_list=True, list_pubkey_pem=key)
        except LibOpenBadgesException as error:
            reason = str(error)
            return (
                Verdict(State.REVOKED, reason, True)
                if reason.startswith(STATUS_SET)
                else (Verdict(State.INTACT, reason))
            )
        return Verdict(State.INTACT, status_checked=True)

    def _status_list(self, url: str) -> bytes:
        # openbadgeslib reads a signed list as a JWT only.
        answer = self._http.get(url, headers={"Accept": "application/vc+jwt, application/jwt"}, max_redirects=2)
        if answer.status != 200:
            raise OutboundError(f"The status list answered HTTP {answer.status}.")
        return answer.body

    def _key(self, issuer_id: str, method_id: str) -> bytes:
        document = self._issuer(issuer_id)
        for method in _assertion_methods(document):
            # A key that another party controls would let that party speak for the issuer.
            if method.get("id") == method_id and method.get("controller", issuer_id) == issuer_id:
                try:
                    pem: bytes = pem_for_kid({"verificationMethod": [method]}, issuer_id)
                except LibOpenBadgesException as error:
                    raise _KeyMissing(str(error)) from None
                return pem
        raise _KeyMissing("The issuer does not publish the key this badge was signed with.")

    def _issuer(self, issuer_id: str) -> dict[str, Any]:
        if issuer_id not in self._issuers:
            headers = {"Accept": "application/ld+json, application/json"}
            answer = self._http.get(issuer_id, headers=headers, max_redirects=2)
            document = answer.json() if answer.status == 200 else None
            if not isinstance(document, dict) or document.get("id") != issuer_id:
                raise _KeyMissing("The issuer's page does not describe the issuer.")
            self._issuers[issuer_id] = document
        return self._issuers[issuer_id]


def _issuer_id(document: Any) -> str:
    issuer = document.get("issuer") if isinstance(document, dict) else None
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(issuer_id, str) or not issuer_id.startswith(("https://", "http://")):
        raise _KeyMissing("The issuer has no web address to fetch its key from.")
    return issuer_id


def _proof_method(document: Any) -> str:
    proof = document.get("proof") if isinstance(document, dict) else None
    first = proof[0] if isinstance(proof, list) and proof else proof
    method = first.get("verificationMethod") if isinstance(first, dict) else None
    if not isinstance(method, str):
        raise _KeyMissing("The badge carries no signature.")
    return method


def _header_key(token: str) -> str:
    kid = payload_of(token, part=0).get("kid")
    if not isinstance(kid, str):
        raise _KeyMissing("The badge does not name the key it was signed with.")
    return kid


def _assertion_methods(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys for signing credentials: embedded under ``assertionMethod``, or listed there by id."""
    named = document.get("assertionMethod") or []
    named = named if isinstance(named, list) else [named]
    known = document.get("verificationMethod") or []
    known = known if isinstance(known, list) else [known]
    embedded = [one for one in named if isinstance(one, dict)]
    return embedded + [one for one in known if isinstance(one, dict) and one.get("id") in named]
