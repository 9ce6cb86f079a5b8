"""Verifies an Open Badges 3.0 credential of anybody, in the order of the standard (section 8.1): shape, proof and
key, status, dates, recipient. Nothing is fetched for a document whose proof does not hold.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lti_tool.errors import CredentialInvalidError, ToolError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.issuer_keys import (
    ACCEPT_CREDENTIAL,
    Documents,
    Fetch,
    Fetched,
    find_key,
    parse_time,
    spelled_key,
)
from lti_tool.openbadges.json_text import MAX_DOCUMENT_BYTES
from lti_tool.openbadges.proof import select_proof, verify_proof
from lti_tool.openbadges.reading import Handed, read_badge
from lti_tool.openbadges.report import Check, CheckOutcome, Verdict, VerificationReport, verdict_of
from lti_tool.openbadges.shape import check_shape, issuer_id_of, members, texts
from lti_tool.openbadges.status_list import read_status
from lti_tool.openbadges.v3_model import identity_hash, normalise_email
from lti_tool.openbadges.verify_jwt import check_signature, credential_of
from lti_tool.openbadges.verify_v2 import verify_assertion
from lti_tool.outbound import HttpClient

__all__ = ["Check", "CheckOutcome", "Fetch", "HttpFetch", "VerificationReport", "Verdict", "verify_credential"]

CANNOT_TELL = frozenset(
    {"context_unknown", "proof_unsupported", "graph_too_complex", "value_unsupported", "text_unsupported"}
    | {"term_unstable", "document_too_large"}
)
"""Reasons for which the proof could not be judged here; every other one means that it does not hold."""

JWT_TYPES = "application/vc+jwt;q=0.7, application/jwt;q=0.6"
_PURPOSES = {"revocation": "revoked", "suspension": "suspended"}
_HARMLESS_PURPOSES = ("refresh", "message")


@dataclass(frozen=True, slots=True)
class HttpFetch:
    """Fetches documents of issuers with the guarded client: at most 1 MB and three redirects."""

    client: HttpClient

    def __call__(self, url: str, accept: str) -> Fetched:
        return self.client.get(url, headers={"Accept": accept}, max_bytes=MAX_DOCUMENT_BYTES, max_redirects=3)


def verify_credential(
    source: bytes | str | JsonObject, *, fetch: Fetch, now: datetime, recipient_email: str | None = None
) -> VerificationReport:
    """Return what is to be said about ``source``: JSON with an ``eddsa-rdfc-2022`` proof, a VC-JWT, an assertion of
    Open Badges 2.0, hosted or signed, or a PNG or SVG holding one of them.

    ``fetch`` reads issuer documents and status lists; ``recipient_email`` asks whose badge it is. Never raises for
    anything wrong with the credential or the hosts it names: that is what the report says.
    """
    try:
        handed = read_badge(source)
    except CredentialInvalidError as error:
        return _report(None, [Check("readable", CheckOutcome.FAILED, error.code)])
    documents = Documents(fetch)
    if handed.is_second:
        found = verify_assertion(handed, documents, now, recipient_email)
        return _report(found.badge, found.checks)
    credential = handed.document if handed.jws is None else credential_of(handed.document)
    checks = [Check("readable", CheckOutcome.PASSED), check_shape(credential)]
    if checks[-1].outcome is not CheckOutcome.PASSED:
        return _report(credential, checks)
    checks += _proof(handed, credential, documents, now)
    trusted = all(check.outcome is CheckOutcome.PASSED for check in checks)
    checks.append(_status(credential, documents, now) if trusted else Check("status", CheckOutcome.NOT_CHECKED))
    checks += [_dates(credential, now), _recipient(credential, recipient_email)]
    return _report(credential, checks)


def _proof(handed: Handed, credential: JsonObject, documents: Documents, now: datetime) -> list[Check]:
    """The checks ``intact`` and ``signed_by``, by the embedded proof or the signature around it all."""
    if handed.jws is not None and handed.header is not None:
        return check_signature(handed.jws, handed.header, handed.document, documents)
    return _signature(credential, documents, now)


def _report(credential: JsonObject | None, checks: list[Check]) -> VerificationReport:
    return VerificationReport(verdict_of(tuple(checks)), tuple(checks), credential)


def _signature(document: JsonObject, documents: Documents, now: datetime) -> list[Check]:
    """Return the checks ``intact`` and ``signed_by`` of a credential or a status list."""
    try:
        proof = select_proof(document)
        spelled = spelled_key(proof)
        if spelled is not None:  # an altered document is refused before any host it names is asked
            verify_proof(document, spelled)
        finding = find_key(proof, issuer_id_of(document), documents)
        if finding.key is not None:
            verify_proof(document, finding.key)
        elif spelled is None:
            return [Check("intact", CheckOutcome.UNKNOWN, "key_unknown"), finding.signed_by]
    except CredentialInvalidError as error:
        outcome = CheckOutcome.UNKNOWN if error.code in CANNOT_TELL else CheckOutcome.FAILED
        return [Check("intact", outcome, error.code), Check("signed_by", CheckOutcome.NOT_CHECKED)]
    expires = parse_time(proof["expires"]) if "expires" in proof else None
    if "expires" in proof and (expires is None or expires <= now):
        return [Check("intact", CheckOutcome.FAILED, "proof_expired"), finding.signed_by]
    return [Check("intact", CheckOutcome.PASSED), finding.signed_by]


def _status(credential: JsonObject, documents: Documents, now: datetime) -> Check:
    if "credentialStatus" not in credential:
        return Check("status", CheckOutcome.PASSED, "no_status")
    found = Check("status", CheckOutcome.PASSED)
    for entry in members(credential["credentialStatus"]):
        try:
            reason = _status_of(entry, credential, documents, now)
        except ToolError as error:
            found = Check("status", CheckOutcome.UNKNOWN, error.code)
            continue
        if reason:
            return Check("status", CheckOutcome.FAILED, reason)
    return found


def _status_of(entry: JsonObject, credential: JsonObject, documents: Documents, now: datetime) -> str:
    """Return ``revoked``, ``suspended`` or nothing; raises when it cannot be told."""
    kinds = texts(entry.get("type"))
    if "BitstringStatusListEntry" in kinds:
        purpose = str(entry.get("statusPurpose"))
        if purpose in _HARMLESS_PURPOSES:
            return ""
        url = entry.get("statusListCredential")
        if not isinstance(url, str) or purpose not in _PURPOSES:
            raise CredentialInvalidError("The status entry cannot be used.", code="status_entry_malformed")
        status_list = _status_list(url, credential, documents, now)
        return _PURPOSES[purpose] if read_status(status_list, entry) else ""
    if "1EdTechRevocationList" in kinds and isinstance(entry.get("id"), str):
        listed = documents.get(entry["id"])
        if listed.get("issuer") != issuer_id_of(credential):
            raise CredentialInvalidError("The revocation list is another issuer's.", code="status_list_untrusted")
        return "revoked" if credential["id"] in list(_revoked_ids(listed)) else ""
    raise CredentialInvalidError("This kind of status is not known.", code="status_type_unsupported")


def _status_list(url: str, credential: JsonObject, documents: Documents, now: datetime) -> JsonObject:
    """The status list at ``url``, with an embedded proof or as a JWT; raises when it cannot be relied on."""
    handed = read_badge(documents.content(url, f"{ACCEPT_CREDENTIAL}, {JWT_TYPES}"))
    status_list = handed.document if handed.jws is None else credential_of(handed.document)
    same_issuer = issuer_id_of(status_list) == issuer_id_of(credential)
    signed = same_issuer and all(
        check.outcome is CheckOutcome.PASSED for check in _proof(handed, status_list, documents, now)
    )
    until = parse_time(status_list["validUntil"]) if "validUntil" in status_list else None
    if not signed or ("validUntil" in status_list and (until is None or until <= now)):
        raise CredentialInvalidError("The status list cannot be relied on.", code="status_list_untrusted")
    return status_list


def _revoked_ids(listed: JsonObject) -> Iterator[object]:
    # The standard's validator reads the singular; some issuers write the plural.
    for name in ("revokedCredential", "revokedCredentials"):
        for item in members(listed.get(name)):
            if item.get("revoked", True) is not False:
                yield item.get("id")


def _dates(credential: JsonObject, now: datetime) -> Check:
    start, end = parse_time(credential["validFrom"]), parse_time(credential.get("validUntil"))
    if start is not None and start > now:
        return Check("dates", CheckOutcome.FAILED, "not_yet_valid", {"valid_from": credential["validFrom"]})
    if end is not None and end <= now:
        return Check("dates", CheckOutcome.FAILED, "expired", {"valid_until": credential["validUntil"]})
    return Check("dates", CheckOutcome.PASSED)


def _recipient(credential: JsonObject, email: str | None) -> Check:
    if not email:
        return Check("recipient", CheckOutcome.NOT_CHECKED)
    addressed = [
        one
        for one in members(credential["credentialSubject"].get("identifier"))
        if one.get("identityType") in ("emailAddress", "email") and isinstance(one.get("identityHash"), str)
    ]
    if not addressed:
        return Check("recipient", CheckOutcome.UNKNOWN, "recipient_without_email")
    candidates = {email, email.strip(), normalise_email(email)}
    if any(_is_addressed_to(identity, candidate) for identity in addressed for candidate in candidates):
        return Check("recipient", CheckOutcome.PASSED)
    return Check("recipient", CheckOutcome.FAILED, "recipient_other")


def _is_addressed_to(identity: JsonObject, candidate: str) -> bool:
    given = str(identity["identityHash"])
    if identity.get("hashed") is not True:
        return normalise_email(given) == normalise_email(candidate)
    salt = identity.get("salt", "")
    expected = identity_hash(candidate, salt if isinstance(salt, str) else "")
    return hmac.compare_digest(given.lower().encode(), expected.encode())
