import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lti_tool.errors import IssuingError
from lti_tool.openbadges import v3

OLD = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()


def test_the_issuer_document_is_a_profile_that_lists_its_keys(issuer, key, signer):
    document = v3.compose_issuer_document(issuer, [key.public_key(), OLD])
    assert document["@context"][0] == "https://www.w3.org/ns/did/v1"
    assert document["id"] == issuer.id
    assert document["type"] == ["Profile"]
    assert document["name"] == "Example College"
    newest, oldest = document["verificationMethod"]
    assert newest == {
        "id": signer.verification_method,
        "type": "Multikey",
        "controller": issuer.id,
        "publicKeyMultibase": signer.multikey,
    }
    assert document["assertionMethod"] == [newest["id"], oldest["id"]]
    assert newest["id"] != oldest["id"]


def test_a_key_has_a_page_of_its_own(issuer, key, signer):
    document = v3.compose_key_document(issuer.id, key.public_key())
    method = v3.compose_issuer_document(issuer, [key.public_key()])["verificationMethod"][0]
    assert document == {"@context": "https://w3id.org/security/multikey/v1", **method}
    assert document["id"] == signer.verification_method == f"{issuer.id}/keys/{signer.multikey}"


def test_the_did_document_is_about_the_alias(issuer, key):
    document = v3.compose_did_document(issuer.id, [key.public_key()])
    assert document["id"] == "did:web:badges.example:issuers:4"
    assert document["alsoKnownAs"] == [issuer.id]
    method = document["verificationMethod"][0]
    assert method["controller"] == document["id"]
    assert method["id"] == document["assertionMethod"][0] == f"{document['id']}#{method['publicKeyMultibase']}"


@pytest.mark.parametrize(
    ("url", "did"),
    [
        ("https://badges.example/issuers/4", "did:web:badges.example:issuers:4"),
        ("https://badges.example:8443/issuers/4/", "did:web:badges.example%3A8443:issuers:4"),
        ("https://Badges.Example/a%20b/é", "did:web:badges.example:a%20b:%C3%A9"),
    ],
)
def test_did_web_of_an_address(url, did):
    assert v3.did_web_of(url) == did


@pytest.mark.parametrize(
    "url",
    [
        "http://b.example/i",
        "https://b.example",
        "https://b.example/i?x=1",
        "https://b.example/i#x",
        "https:///i",
        "https://u@b.example/i",
    ],
)
def test_addresses_that_did_web_cannot_name(url):
    with pytest.raises(IssuingError) as refusal:
        v3.did_web_of(url)
    assert refusal.value.code == "did_web_impossible"


def test_an_issuer_without_a_key_has_no_document(issuer):
    with pytest.raises(IssuingError) as refusal:
        v3.compose_issuer_document(issuer, [])
    assert refusal.value.code == "issuer_without_key"
