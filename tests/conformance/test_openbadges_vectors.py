"""Test vectors of the standards: W3C Data Integrity EdDSA Cryptosuites 1.0 (appendix B) and 1EdTech Open Badges 3.0."""

import copy
import hashlib
from datetime import UTC, datetime

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.canonical import canonical_hash
from lti_tool.openbadges.proof import decode_multikey, encode_multikey, sign_document, verify_proof
from lti_tool.openbadges.status_list import decode_bits, encode_bits
from lti_tool.openbadges.v3 import identity_hash

EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
EXAMPLES_CONTEXT = {
    # The two terms of the W3C examples context that the vector uses (the context itself is not published for use).
    EXAMPLES: {
        "AlumniCredential": "https://www.w3.org/ns/credentials/examples#AlumniCredential",
        "alumniOf": "https://www.w3.org/ns/credentials/examples#alumniOf",
    }
}
W3C_KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("c96ef9ea10c5e414c471723aff9de72c35fa5b70fae97e8832ecac7d2e2b8ed6")
)
W3C_MULTIKEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
W3C_METHOD = f"did:key:{W3C_MULTIKEY}#{W3C_MULTIKEY}"
ALUMNI = {
    "@context": ["https://www.w3.org/ns/credentials/v2", EXAMPLES],
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
ALUMNI_OPTIONS = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-rdfc-2022",
    "created": "2023-02-24T23:36:38Z",
    "verificationMethod": W3C_METHOD,
    "proofPurpose": "assertionMethod",
}
ALUMNI_SIGNATURE = "z2YwC8z3ap7yx1nZYCg4L3j3ApHsF8kgPdSb5xoS1VR7vPG3F561B52hYnQF9iseabecm3ijx4K1FBTQsCZahKZme"

ED_KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("6241a409e6707bb640a0140a8a32bc3d193c33a661747284d6adfa4ed4180be4")
)


def test_w3c_key():
    public = W3C_KEY.public_key()
    assert public.public_bytes_raw().hex() == "b00d8d938e7f773d51565aad36a623f5344f7f5d1960f9cf3e8e12620ea2810f"
    assert encode_multikey(public) == W3C_MULTIKEY
    assert decode_multikey(W3C_MULTIKEY).public_bytes_raw() == public.public_bytes_raw()


def test_w3c_hash_of_the_document():
    found = canonical_hash(ALUMNI, contexts=EXAMPLES_CONTEXT)
    assert found.hex() == "517744132ae165a5349155bef0bb0cf2258fff99dfe1dbd914b938d775a36017"


def test_w3c_hash_of_the_proof_options():
    found = canonical_hash({"@context": ALUMNI["@context"], **ALUMNI_OPTIONS}, contexts=EXAMPLES_CONTEXT)
    assert found.hex() == "bea7b7acfbad0126b135104024a5f1733e705108f42d59668b05c0c50004c6b0"


def test_w3c_signed_document():
    signed = sign_document(
        ALUMNI,
        W3C_KEY,
        verification_method=W3C_METHOD,
        created=datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC),
        contexts=EXAMPLES_CONTEXT,
    )
    assert signed == {**ALUMNI, "proof": {**ALUMNI_OPTIONS, "proofValue": ALUMNI_SIGNATURE}}
    verify_proof(signed, W3C_KEY.public_key(), contexts=EXAMPLES_CONTEXT)


@pytest.mark.parametrize("member", ["id", "name", "description", "issuer", "validFrom", "credentialSubject", "type"])
def test_w3c_signed_document_without_one_member_does_not_verify(member):
    signed = copy.deepcopy({**ALUMNI, "proof": {**ALUMNI_OPTIONS, "proofValue": ALUMNI_SIGNATURE}})
    del signed[member]
    with pytest.raises(CredentialInvalidError):
        verify_proof(signed, W3C_KEY.public_key(), contexts=EXAMPLES_CONTEXT)


def test_1edtech_multikey_and_signature():
    """The hashes are given, so this checks the key's text form, the order of the hashes, Ed25519 and multibase."""
    document = bytes.fromhex("87f65a76d40146205e3b3e06cb0fbd153f97f9ce70372390f52566bb7f9e0773")
    options = bytes.fromhex("d34009cea0dbc1ca941e09dc01c8c9d3e3ce3c5b853f67ee44698dcea10f5d19")
    assert encode_multikey(ED_KEY.public_key()) == "z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"
    signature = base58.b58encode(ED_KEY.sign(options + document)).decode()
    assert signature == "5x9aCBYovW3CQCbKdNyhEm7ffYSw1YpEdPywQJoNbzDD2gkzQDKJ1sYKJaWvqZtkMtSbz35HcbgXVEDYHxCzgkCr"


def test_1edtech_identity_hash():
    found = identity_hash("a@example.com", "Kosher")
    assert found == "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"


def test_w3c_empty_status_list():
    text = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
    assert decode_bits(text) == bytes(16384)
    assert decode_bits(encode_bits(bytes(16384))) == bytes(16384)


def test_credentials_context_is_the_one_w3c_fixed():
    from lti_tool.openbadges import contexts

    name, _ = contexts.PINNED[contexts.VC_V2]
    payload = (contexts._directory() / name).read_bytes()
    assert hashlib.sha256(payload).hexdigest() == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"
