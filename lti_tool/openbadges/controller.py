"""The documents that say which keys speak for an issuer: the issuer document at its https id, and its did:web alias.

Controlled Identifiers 1.0, section 2; DID Core 1.0; did:web. A verifier accepts a proof only if the key is listed
under ``assertionMethod`` and its ``controller`` is the issuer id of the credential, so keys stay listed as long as
badges signed with them should verify.
"""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lti_tool.errors import IssuingError
from lti_tool.openbadges.contexts import DID_V1, JWK_V1, MULTIKEY_V1, OB_V3, JsonObject
from lti_tool.openbadges.proof import encode_multikey, method_id_of
from lti_tool.openbadges.v3_model import Issuer, clean_text, image, present, required


def compose_profile(issuer: Issuer) -> JsonObject:
    """Return the Profile of an issuer as it stands inside a credential."""
    return present(
        {
            "id": required(issuer.id, "issuer.id"),
            "type": ["Profile"],
            "name": required(issuer.name, "issuer.name"),
            "url": issuer.url,
            "email": issuer.email,
            "description": clean_text(issuer.description),
            "image": image(issuer.image_url, None),
        }
    )


def compose_issuer_document(
    issuer: Issuer, keys: Sequence[Ed25519PublicKey], jwks: Sequence[JsonObject] = ()
) -> JsonObject:
    """Return the document served at ``issuer.id``: an Open Badges Profile and a controller document in one.

    ``keys``: every key whose badges should verify, the newest first; ``jwks``: the RSA keys likewise. The DID context
    comes first because readers recognise a controller document by it; the Profile terms come from the Open Badges
    context.
    """
    return {
        "@context": [DID_V1, MULTIKEY_V1, *_jwk_context(jwks), OB_V3],
        **compose_profile(issuer),
        **_key_members(issuer.id, keys, jwks),
    }


def compose_did_document(
    issuer_url: str, keys: Sequence[Ed25519PublicKey], jwks: Sequence[JsonObject] = ()
) -> JsonObject:
    """Return the DID document of the did:web alias of ``issuer_url`` (served at ``{issuer_url}/did.json``)."""
    did = did_web_of(issuer_url)
    return {
        "@context": [DID_V1, MULTIKEY_V1, *_jwk_context(jwks)],
        "id": did,
        "alsoKnownAs": [issuer_url],
        **_key_members(did, keys, jwks),
    }


def compose_key_document(issuer_id: str, key: Ed25519PublicKey) -> JsonObject:
    """Return the document of one key, served at ``{issuer_id}/keys/{multikey}`` (its own ``id``)."""
    return {"@context": MULTIKEY_V1, **_method(issuer_id, encode_multikey(key))}


def compose_jwk_document(issuer_id: str, jwk: JsonObject) -> JsonObject:
    """Return the document of one RSA key, served at ``{issuer_id}/keys/{kid}``.

    A ``kid`` answers a JWK (Open Badges 3.0, section 8.2.1), a verification method's ``id`` the method: members of
    either that the other does not know are ignored (RFC 7517, section 4), so one address is both.
    """
    return {"@context": JWK_V1, **_jwk_method(issuer_id, jwk), **jwk}


def did_web_of(url: str) -> str:
    """Return the did:web of an https URL with a path: ``https://h:1/a/b`` is ``did:web:h%3A1:a:b``.

    Raises ``IssuingError`` (``did_web_impossible``) for addresses did:web cannot name (query, fragment, no host).
    """
    parts = urlsplit(url)
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username or not path:
        raise IssuingError("did:web names only https addresses with a path.", code="did_web_impossible")
    host = parts.hostname if parts.port is None else f"{parts.hostname}%3A{parts.port}"
    return ":".join(["did", "web", host, *(quote(part, safe="%") for part in path)])


def _key_members(controller: str, keys: Sequence[Ed25519PublicKey], jwks: Sequence[JsonObject]) -> JsonObject:
    methods = [_method(controller, encode_multikey(key)) for key in keys]
    if not methods:
        raise IssuingError("An issuer document needs a key.", code="issuer_without_key")
    methods += [_jwk_method(controller, jwk) for jwk in jwks]
    return {"verificationMethod": methods, "assertionMethod": [method["id"] for method in methods]}


def _method(controller: str, multikey: str) -> JsonObject:
    return {
        "id": method_id_of(controller, multikey),
        "type": "Multikey",
        "controller": controller,
        "publicKeyMultibase": multikey,
    }


def _jwk_method(controller: str, jwk: JsonObject) -> JsonObject:
    return {
        "id": method_id_of(controller, jwk["kid"]),
        "type": "JsonWebKey",
        "controller": controller,
        "publicKeyJwk": jwk,
    }


def _jwk_context(jwks: Sequence[JsonObject]) -> list[str]:
    return [JWK_V1] if jwks else []
