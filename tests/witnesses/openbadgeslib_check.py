"""A verifier nobody of this project wrote: openbadgeslib's Data Integrity verifier, with the issuer's key pinned.

It refuses https issuers unless told the key, so the key is looked up in the issuer's own document: the Multikey whose
``id`` the proof names, under ``assertionMethod`` (embedded, or listed by id) and with the issuer as its ``controller``.
"""

from collections.abc import Mapping
from typing import Any

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openbadgeslib.ob3.ldp import OB3LdpVerifier

ED25519_MULTICODEC = b"\xed\x01"


class IssuerKeyError(Exception):
    """The issuer's document does not hold the key that the proof names."""


def pinned_key(issuer_document: Mapping[str, Any], method_id: str) -> bytes:
    """Return the PEM of the Multikey ``method_id`` in the issuer's document; raises ``IssuerKeyError``."""
    named = _listed(issuer_document.get("assertionMethod"))
    described = [one for one in _listed(issuer_document.get("verificationMethod")) if one.get("id") in named]
    for method in [*(one for one in named if isinstance(one, dict)), *described]:
        if method.get("id") == method_id:
            break
    else:
        raise IssuerKeyError(f"{method_id} is not under assertionMethod")
    if method.get("type") != "Multikey" or method.get("controller") != issuer_document.get("id"):
        raise IssuerKeyError(f"{method_id} is no Multikey controlled by {issuer_document.get('id')}")
    encoded = str(method["publicKeyMultibase"])
    raw = base58.b58decode(encoded[1:])
    if not encoded.startswith("z") or not raw.startswith(ED25519_MULTICODEC):
        raise IssuerKeyError(f"{method_id} is no Ed25519 key")
    key = Ed25519PublicKey.from_public_bytes(raw[len(ED25519_MULTICODEC) :])
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def check(
    document: dict[str, Any], issuer_document: dict[str, Any], status_lists: Mapping[str, bytes] | None = None
) -> bool:
    """Return ``True`` for a credential that verifies; raises ``OB3VerificationError`` or ``IssuerKeyError`` otherwise.

    ``status_lists``: signed status lists (compact JWT) by address; without them the status is not looked at.
    """
    issuer = document["issuer"]
    issuer_id = issuer if isinstance(issuer, str) else issuer["id"]
    if issuer_id != issuer_document.get("id"):
        raise IssuerKeyError(f"the document of {issuer_document.get('id')} says nothing of {issuer_id}")
    proof = document["proof"]
    proof = proof[0] if isinstance(proof, list) else proof
    verifier = OB3LdpVerifier(pubkey_pem=pinned_key(issuer_document, proof["verificationMethod"]))
    download = status_lists.__getitem__ if status_lists is not None else None
    credential = verifier.verify(document, check_status=status_lists is not None, download=download)
    return credential is not None
