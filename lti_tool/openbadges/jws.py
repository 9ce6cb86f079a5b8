"""RSA keys and compact JWS: for the forms that are signed as a text, VC-JWT and the signed form of Open Badges 2.0.

RFC 7515 (JWS), RFC 7517 (JWK), RFC 7638 (thumbprint). ``RS256`` is the algorithm every reader of Open Badges has to
know (Open Badges 3.0, section 8.2.1; Open Badges 2.0, signed badges).
"""

import base64
import hashlib
import json
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from lti_tool.openbadges.contexts import JsonObject

ALGORITHM = "RS256"
KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class JwsSigner:
    """An issuer's RSA key and its address ``kid``, which answers a JWK."""

    private_key: RSAPrivateKey
    kid: str

    def sign(self, document: JsonObject, *, typ: str | None = None) -> str:
        """Return ``document`` as a compact JWS; its header has ``alg``, ``kid`` and, if given, ``typ``."""
        headers = {"kid": self.kid, "typ": typ}  # PyJWT writes "JWT" unless told, and leaves out what is None
        payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return jwt.PyJWS().encode(payload, self.private_key, algorithm=ALGORITHM, headers=headers)


def new_rsa_key() -> RSAPrivateKey:
    """Return a new key; takes some tenths of a second."""
    return generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def public_jwk(key: RSAPublicKey) -> JsonObject:
    """Return the public JWK of a key, with its thumbprint as ``kid``."""
    numbers = key.public_numbers()
    members = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
    return {**members, "alg": ALGORITHM, "use": "sig", "kid": thumbprint(members)}


def thumbprint(jwk: JsonObject) -> str:
    """Return the thumbprint of an RSA JWK (RFC 7638, section 3): base64url of the SHA-256, 43 characters."""
    required = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode("ascii")


def public_pem(jwk: JsonObject) -> str:
    """Return the public key of an RSA JWK as PEM (``SubjectPublicKeyInfo``)."""
    key = jwt.PyJWK.from_dict(jwk, ALGORITHM).key
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def _base64url(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
