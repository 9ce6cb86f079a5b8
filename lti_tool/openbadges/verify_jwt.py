"""Verifies the signature of a VC-JWT and that its claims say what its credential says (Open Badges 3.0, section 8.2.1).

Nothing is fetched but the issuer's own documents, and those only for a credential of the right shape.
"""

from collections.abc import Iterator
from datetime import datetime

from lti_tool.errors import CredentialInvalidError, OutboundError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.issuer_keys import Documents, parse_time
from lti_tool.openbadges.jws_keys import issuer_key, verify_jws
from lti_tool.openbadges.report import Check, CheckOutcome
from lti_tool.openbadges.shape import issuer_id_of

CLAIMS = ("iss", "sub", "jti", "nbf", "exp", "iat", "aud")
CANNOT_TELL = frozenset({"proof_unsupported", "key_unsupported", "key_not_named"})


def credential_of(payload: JsonObject) -> JsonObject:
    """Return the credential in the claims: what is left of them, or the claim ``vc`` of the older form."""
    older = payload.get("vc")
    if isinstance(older, dict):
        return older
    return {name: value for name, value in payload.items() if name not in CLAIMS}


def check_signature(jws: str, header: JsonObject, payload: JsonObject, documents: Documents) -> list[Check]:
    """Return the checks ``intact`` and ``signed_by``; never raises for a bad credential or document."""
    credential = credential_of(payload)
    issuer_id = issuer_id_of(credential)
    said = {"issuer": issuer_id}
    if differing := ", ".join(_differing(payload, credential, issuer_id)):
        return [Check("intact", CheckOutcome.FAILED, "claims_differ", {"members": differing}), _not_asked()]
    try:
        key = issuer_key(header, issuer_id, documents)
    except OutboundError as error:
        return [_unknown("key_unknown"), Check("signed_by", CheckOutcome.UNKNOWN, error.code, said)]
    except CredentialInvalidError as error:
        outcome = CheckOutcome.UNKNOWN if error.code in CANNOT_TELL else CheckOutcome.FAILED
        return [_unknown("key_unknown"), Check("signed_by", outcome, error.code, said)]
    try:
        verify_jws(jws, header, key)
    except CredentialInvalidError as error:
        outcome = CheckOutcome.UNKNOWN if error.code in CANNOT_TELL else CheckOutcome.FAILED
        return [Check("intact", outcome, error.code), _not_asked()]
    return [Check("intact", CheckOutcome.PASSED), Check("signed_by", CheckOutcome.PASSED, "", said)]


def _differing(payload: JsonObject, credential: JsonObject, issuer_id: str) -> Iterator[str]:
    """Claims that say something else than the credential; a claim that is absent says nothing."""
    subject = credential.get("credentialSubject")
    named = {
        "iss": issuer_id,
        "jti": credential.get("id"),
        "sub": subject.get("id") if isinstance(subject, dict) else None,
    }
    yield from (name for name, value in named.items() if name in payload and payload[name] != value)
    for name, member in (("nbf", "validFrom"), ("exp", "validUntil")):
        if name in payload and not _is_moment(payload[name], parse_time(credential.get(member))):
            yield name


def _is_moment(claim: object, moment: datetime | None) -> bool:
    """Whether a NumericDate is that moment, to the second."""
    if isinstance(claim, bool) or not isinstance(claim, int | float) or moment is None:
        return False
    return int(claim) == int(moment.timestamp())


def _unknown(reason: str) -> Check:
    return Check("intact", CheckOutcome.UNKNOWN, reason)


def _not_asked() -> Check:
    return Check("signed_by", CheckOutcome.NOT_CHECKED)
