"""Keys of JWS signatures: what an algorithm takes, and where an issuer publishes the key that a header names.

RFC 7515, RFC 7517; Open Badges 3.0, section 8.2.1. ``none`` and keys shared between two parties are never taken.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.issuer_keys import Documents, document_url_of
from lti_tool.openbadges.proof import decode_multikey
from lti_tool.openbadges.shape import members

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
ALGORITHMS: Mapping[str, type[PublicKey]] = {
    "RS256": RSAPublicKey,
    "ES256": EllipticCurvePublicKey,
    "EdDSA": Ed25519PublicKey,
    "Ed25519": Ed25519PublicKey,
}
SMALLEST_RSA, LARGEST_RSA = 2048, 8192
"""Bits; what is larger than anybody uses only keeps a verifier busy."""
SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JWK that only its owner may have; a document that shows one is not to be relied on."""


def verify_jws(jws: str, header: JsonObject, key: PublicKey) -> None:
    """Verify a compact JWS; raises ``CredentialInvalidError``: ``proof_unsupported`` for its algorithm, ``crit`` or a
    key that does not fit it, ``proof_invalid`` for a signature that does not hold.
    """
    algorithm = str(header.get("alg"))
    if algorithm not in ALGORITHMS or "crit" in header or not _fits(key, ALGORITHMS[algorithm]):
        raise CredentialInvalidError("The signature is of a kind that is not taken.", code="proof_unsupported")
    name = "EdDSA" if algorithm == "Ed25519" else algorithm
    signing_input, _, signature = jws.rpartition(".")
    used = jwt.get_algorithm_by_name(name)
    try:
        is_good = used.verify(signing_input.encode("ascii"), key, jwt.utils.base64url_decode(signature))
    except (ValueError, jwt.PyJWTError):
        is_good = False
    if not is_good:
        raise CredentialInvalidError("The signature does not fit.", code="proof_invalid")


def _fits(key: PublicKey, kind: type[PublicKey]) -> bool:
    if isinstance(key, RSAPublicKey) and not SMALLEST_RSA <= key.key_size <= LARGEST_RSA:
        return False
    if isinstance(key, EllipticCurvePublicKey) and not isinstance(key.curve, SECP256R1):
        return False
    return isinstance(key, kind)


def read_jwk(jwk: object) -> PublicKey:
    """Return the public key of a JWK; raises ``CredentialInvalidError`` (``key_unsupported``)."""
    unusable = CredentialInvalidError("The key cannot be used.", code="key_unsupported")
    if not isinstance(jwk, dict) or not SECRET_MEMBERS.isdisjoint(jwk) or jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise unusable
    plain = {name: value for name, value in jwk.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    names = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a short key is refused by ``verify_jws``
            key: Any = jwt.PyJWK.from_dict(plain, names[plain["kty"]]).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise unusable from None
    return _checked(key, unusable)


def read_pem(pem: object) -> PublicKey:
    """Return the public key in a PEM text; raises ``CredentialInvalidError`` (``key_unsupported``)."""
    unusable = CredentialInvalidError("The key cannot be used.", code="key_unsupported")
    if not isinstance(pem, str):
        raise unusable
    try:
        return _checked(load_pem_public_key(pem.encode()), unusable)
    except (ValueError, UnsupportedAlgorithm):
        raise unusable from None


def _checked(key: object, unusable: CredentialInvalidError) -> PublicKey:
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        raise unusable
    return key


def issuer_key(header: JsonObject, issuer_id: str, documents: Documents) -> PublicKey:
    """Return the key a header names, as the issuer publishes it.

    The issuer's own document is the root of trust: the key stands in it, or at an address below the issuer's id that
    it lists. A ``jwk`` in the header proves nothing by itself; it has to be one that the issuer lists. Raises
    ``CredentialInvalidError`` (``key_not_named``, ``key_not_listed``, ``issuer_mismatch``, ``key_unsupported``) and
    ``OutboundError``.
    """
    kid, jwk = header.get("kid"), header.get("jwk")
    if issuer_id.startswith("did:key:"):
        if kid is not None and str(kid).partition("#")[0] != issuer_id:
            raise CredentialInvalidError("The key is not the issuer's.", code="issuer_mismatch")
        return decode_multikey(issuer_id.removeprefix("did:key:"))
    if jwk is not None:
        return _listed_jwk(read_jwk(jwk), documents.get(document_url_of(issuer_id)), issuer_id)
    if not isinstance(kid, str) or not kid:
        raise CredentialInvalidError("The signature names no key.", code="key_not_named")
    document = _about(documents.get(document_url_of(issuer_id)), issuer_id)
    for method in _methods(document):
        if _is_named(method, kid, issuer_id):
            _check_method(method, document, issuer_id)
            return _key_in(method)
    if kid not in _listed(document):
        raise CredentialInvalidError("The issuer does not list the key.", code="key_not_listed")
    return _key_in(documents.get(kid))


def _is_named(method: JsonObject, kid: str, issuer_id: str) -> bool:
    """Whether a method is the one a header names; ids in a DID document may leave the DID out."""
    name, jwk = method.get("id", method.get("kid")), method.get("publicKeyJwk")
    relative = f"{issuer_id}{name}" if isinstance(name, str) and name.startswith("#") else name
    return kid in (name, relative) or (isinstance(jwk, dict) and jwk.get("kid") == kid)


def _check_method(method: JsonObject, document: JsonObject, issuer_id: str) -> None:
    if method.get("controller", issuer_id) != issuer_id:
        raise CredentialInvalidError("The key is not the issuer's.", code="issuer_mismatch")
    allowed = document.get("assertionMethod")
    names = [one.get("id") if isinstance(one, dict) else one for one in allowed] if isinstance(allowed, list) else None
    if names is not None and method.get("id") not in names:
        raise CredentialInvalidError("The issuer does not sign with the key.", code="key_not_listed")


def _about(document: JsonObject, issuer_id: str) -> JsonObject:
    if document.get("id") != issuer_id:
        raise CredentialInvalidError("The issuer's document is about somebody else.", code="issuer_mismatch")
    return document


def _methods(document: JsonObject) -> Iterator[JsonObject]:
    """Verification methods in full, keys of a JWK set, and keys that a profile shows (``publicKey``)."""
    for name in ("verificationMethod", "assertionMethod", "keys", "publicKey"):
        yield from members(document.get(name))


def _listed(document: JsonObject) -> set[str]:
    """Addresses of keys that the issuer names."""
    found: set[str] = set()
    for name in ("assertionMethod", "verificationMethod", "publicKey", "jwks_uri"):
        value = document.get(name)
        found |= {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}
    return found


def _key_in(method: JsonObject) -> PublicKey:
    """The key of a verification method, a JWK, or a set of one."""
    if "kty" in method:
        return read_jwk(method)
    if "publicKeyJwk" in method:
        return read_jwk(method["publicKeyJwk"])
    if isinstance(method.get("publicKeyMultibase"), str):
        return decode_multikey(method["publicKeyMultibase"])
    if "publicKeyPem" in method:
        return read_pem(method["publicKeyPem"])
    keys = members(method.get("keys"))
    if len(keys) == 1:
        return read_jwk(keys[0])
    raise CredentialInvalidError("The key cannot be used.", code="key_unsupported")


def _listed_jwk(given: PublicKey, document: JsonObject, issuer_id: str) -> PublicKey:
    for method in _methods(_about(document, issuer_id)):
        try:
            listed = _key_in(method)
        except CredentialInvalidError:
            continue
        if listed == given:
            return listed
    raise CredentialInvalidError("The issuer does not list the key.", code="key_not_listed")
