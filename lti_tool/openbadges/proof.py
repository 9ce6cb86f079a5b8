"""Signs and verifies embedded proofs: Data Integrity with the cryptosuite ``eddsa-rdfc-2022``.

Data Integrity EdDSA Cryptosuites 1.0, section 3.2: the signature covers the hash of the proof options, then the hash
of the document. Keys are Ed25519, written as Multikey (Controlled Identifiers 1.0, section 2.2.2).
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import base58
import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.canonical import canonical_hash
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.json_text import read_json
from lti_tool.openbadges.safe_mode import Terms

__all__ = [
    "CRYPTOSUITE",
    "Signer",
    "decode_multikey",
    "encode_multikey",
    "format_time",
    "method_id_of",
    "read_json",
    "select_proof",
    "sign_document",
    "verify_proof",
]

CRYPTOSUITE = "eddsa-rdfc-2022"
ED25519_PUBLIC = b"\xed\x01"
MULTIKEY_LENGTH = 48


def encode_multikey(key: Ed25519PublicKey) -> str:
    """Return the Multikey text of a public key: ``z6Mk…``, 48 characters."""
    return "z" + str(base58.b58encode(ED25519_PUBLIC + key.public_bytes_raw()), "ascii")


def decode_multikey(text: str) -> Ed25519PublicKey:
    """Return the public key of a Multikey text; raises ``CredentialInvalidError`` (``key_unsupported``)."""
    try:
        if not text.startswith("z6Mk") or len(text) != MULTIKEY_LENGTH:
            raise ValueError("not an Ed25519 Multikey")
        raw = bytes(base58.b58decode(text[1:]))
        return Ed25519PublicKey.from_public_bytes(raw.removeprefix(ED25519_PUBLIC))
    except ValueError:
        raise CredentialInvalidError("The key is not an Ed25519 Multikey.", code="key_unsupported") from None


def method_id_of(controller: str, multikey: str) -> str:
    """Return the id of a key: ``{did}#{multikey}``, for an https controller ``{url}/keys/{multikey}``.

    A key of an https controller has a page of its own, because some verifiers take what the address answers for the
    key and never look for a fragment in it.
    """
    return f"{controller}#{multikey}" if controller.startswith("did:") else f"{controller}/keys/{multikey}"


def format_time(moment: datetime) -> str:
    """Return an aware time as UTC with ``Z`` and whole seconds, the form every reader of credentials accepts."""
    if moment.tzinfo is None:
        raise ValueError("a time in a credential needs a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign_document(
    document: JsonObject,
    key: Ed25519PrivateKey,
    *,
    verification_method: str,
    created: datetime,
    contexts: Mapping[str, Terms] | None = None,
) -> JsonObject:
    """Return a copy of ``document`` with a ``proof``; nothing in it stays unsigned.

    Raises ``CredentialInvalidError`` with the codes of ``canonical_hash``, or ``proof_present`` for a document that
    has a proof already.
    """
    if "proof" in document:
        raise CredentialInvalidError("The document has a proof already.", code="proof_present")
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": format_time(created),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    signature = key.sign(_signed_bytes(document, proof, contexts))
    signed = copy.deepcopy(document)
    signed["proof"] = {**proof, "proofValue": "z" + str(base58.b58encode(signature), "ascii")}
    return signed


def verify_proof(
    document: JsonObject, public_key: Ed25519PublicKey, *, contexts: Mapping[str, Terms] | None = None
) -> None:
    """Raise ``CredentialInvalidError`` unless the proof in ``document`` was made with ``public_key`` over all of it.

    Codes: ``proof_missing``, ``proof_unsupported`` (another suite or purpose), ``proof_invalid`` (the signature does
    not fit: altered, or another key), and those of ``canonical_hash``. Who owns the key is for the caller to check.
    """
    proof = select_proof(document)
    options = {name: value for name, value in proof.items() if name not in {"proofValue", "@context"}}
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    signature = _decode_signature(proof.get("proofValue"))
    try:
        public_key.verify(signature, _signed_bytes(unsecured, options, contexts))
    except InvalidSignature:
        raise CredentialInvalidError(
            "The signature does not fit: the document was altered after it was signed.", code="proof_invalid"
        ) from None


def select_proof(document: JsonObject) -> JsonObject:
    """Return the one ``eddsa-rdfc-2022`` proof of a document (it may carry proofs of other suites beside it)."""
    given = document.get("proof")
    proofs = [proof for proof in (given if isinstance(given, list) else [given]) if isinstance(proof, dict)]
    if not proofs:
        raise CredentialInvalidError("The document has no proof.", code="proof_missing")
    usable = [
        proof
        for proof in proofs
        if proof.get("type") == "DataIntegrityProof" and proof.get("cryptosuite") == CRYPTOSUITE
    ]
    if len(usable) != 1 or usable[0].get("proofPurpose") != "assertionMethod" or "previousProof" in usable[0]:
        raise CredentialInvalidError(f"The document has no single {CRYPTOSUITE} proof.", code="proof_unsupported")
    return usable[0]


def _decode_signature(value: object) -> bytes:
    try:
        if not isinstance(value, str) or not value.startswith("z") or len(value) > 100:
            raise ValueError("not multibase")
        return bytes(base58.b58decode(value[1:]))
    except ValueError:
        raise CredentialInvalidError("The proof value is not base58btc.", code="proof_invalid") from None


def _signed_bytes(document: JsonObject, options: JsonObject, contexts: Mapping[str, Terms] | None) -> bytes:
    in_context = {"@context": document.get("@context"), **options}
    return canonical_hash(in_context, contexts=contexts) + canonical_hash(document, contexts=contexts)


@dataclass(frozen=True, slots=True)
class Signer:
    """An issuer's key and whose it is; ``controller`` must be the ``issuer.id`` of what it signs.

    ``str`` and ``repr`` never show the key (cryptography's key objects print no secret).
    """

    private_key: Ed25519PrivateKey
    controller: str

    @property
    def multikey(self) -> str:
        """The public key as Multikey text."""
        return encode_multikey(self.private_key.public_key())

    @property
    def verification_method(self) -> str:
        """The id of the key, see ``method_id_of``."""
        return method_id_of(self.controller, self.multikey)

    def sign(self, document: JsonObject, created: datetime) -> JsonObject:
        """Return a signed copy of ``document``; see ``sign_document``. Its issuer must be the controller."""
        issuer = document.get("issuer")
        if (issuer.get("id") if isinstance(issuer, dict) else issuer) != self.controller:
            raise CredentialInvalidError("The key belongs to another issuer.", code="issuer_mismatch")
        return sign_document(document, self.private_key, verification_method=self.verification_method, created=created)

    def sign_jwt(self, document: JsonObject, issued: datetime) -> str:
        """Return ``document`` as a compact JWS (VC-JOSE-COSE, ``vc+jwt``), for readers that know no embedded proof."""
        headers = {"typ": "vc+jwt", "cty": "vc", "kid": self.verification_method}
        payload = {**document, "iss": self.controller, "nbf": int(issued.timestamp())}
        return jwt.encode(payload, self.private_key, algorithm="EdDSA", headers=headers)
