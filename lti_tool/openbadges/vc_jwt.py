"""A credential as VC-JWT: the same document as a signed text, for readers that know no embedded proof.

Open Badges 3.0, section 8.2.1 (JSON Web Token Proof Format). The header has ``alg``, ``kid`` and ``typ`` alone; the
payload is the credential, with ``iss``, ``jti``, ``nbf``, ``sub`` and ``exp`` repeating what it says.
"""

from lti_tool.errors import IssuingError, SubjectNotBoundError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.issuer_keys import parse_time
from lti_tool.openbadges.jws import JwsSigner

TYP = "JWT"


def sign_vc_jwt(credential: JsonObject, signer: JwsSigner) -> str:
    """Return ``credential`` as a compact JWS; an embedded proof it has is left out.

    Raises ``SubjectNotBoundError`` when its subject has no id, which ``sub`` needs; ``IssuingError``
    (``issuer_mismatch``) when the key is not its issuer's.
    """
    return signer.sign(compose_payload(credential, signer), typ=TYP)


def compose_payload(credential: JsonObject, signer: JwsSigner) -> JsonObject:
    """Return the claims of ``credential``; raises as ``sign_vc_jwt`` does."""
    issuer, subject = credential["issuer"]["id"], credential["credentialSubject"].get("id")
    if not subject:
        raise SubjectNotBoundError("The credential names no subject that a wallet could prove.")
    if not signer.kid.startswith((f"{issuer}/keys/", f"{issuer}#")):
        raise IssuingError("The key belongs to another issuer.", code="issuer_mismatch")
    payload = {name: value for name, value in credential.items() if name != "proof"}
    payload |= {"iss": issuer, "jti": credential["id"], "nbf": _seconds(credential["validFrom"]), "sub": subject}
    if "validUntil" in credential:
        payload["exp"] = _seconds(credential["validUntil"])
    return payload


def _seconds(text: str) -> int:
    moment = parse_time(text)
    if moment is None:
        raise IssuingError("The credential has a time that cannot be read.", code="credential_incomplete")
    return int(moment.timestamp())
