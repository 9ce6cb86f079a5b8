"""Documents of strangers with anything anywhere: the verifier says what is wrong, and never breaks."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openbadges_web import NOW

from lti_tool.errors import CredentialInvalidError, OutboundError
from lti_tool.openbadges import jws
from lti_tool.openbadges.json_text import read_json
from lti_tool.openbadges.jws_keys import read_jwk, read_pem, verify_jws
from lti_tool.openbadges.verify import Verdict, verify_credential

ODD: list[Any] = [
    None,
    [],
    {},
    [[]],
    [{"id": []}],
    {"id": []},
    {"type": {}},
    True,
    0,
    1e308,
    "http://[",
    "\ud800",
    "\0",
]
ODD += ["2020-01-01T00:00:00+99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
ISSUER = "https://i.example/issuer"
KEY = jws.new_rsa_key()
JWK = jws.public_jwk(KEY.public_key())
HOSTED = {
    "@context": "https://w3id.org/openbadges/v2",
    "id": "https://i.example/a",
    "type": "Assertion",
    "uid": "u",
    "recipient": {"type": "email", "hashed": True, "salt": "s", "identity": "sha256$x"},
    "badge": "https://i.example/b",
    "verification": {"type": "hosted"},
    "issuedOn": "2020-01-01T00:00:00Z",
    "expires": "2030-01-01T00:00:00Z",
}
SIGNED = {**HOSTED, "id": "urn:uuid:1", "verification": {"type": "signed", "creator": "https://i.example/k"}}
SECOND: dict[str, Any] = {
    "https://i.example/a": HOSTED,
    "https://i.example/b": {"name": "n", "description": "d", "criteria": {"narrative": "x"}, "issuer": ISSUER},
    ISSUER: {
        "id": ISSUER,
        "name": "N",
        "verification": {"startsWith": ["https://i.example/"], "allowedOrigins": ["i.example"]},
        "publicKey": [{"id": "https://i.example/k"}],
        "revocationList": "https://i.example/r",
    },
    "https://i.example/k": {"id": "https://i.example/k", "owner": ISSUER, "publicKeyPem": jws.public_pem(JWK)},
    "https://i.example/r": {"issuer": ISSUER, "revokedAssertions": [{"id": "x", "uid": "y", "revoked": True}]},
}
CREDENTIAL = {
    "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
    "id": "urn:uuid:2",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": ISSUER, "type": ["Profile"], "name": "N"},
    "validFrom": "2020-01-01T00:00:00Z",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "id": "did:example:1",
        "identifier": [{"hashed": True, "identityHash": "x", "identityType": "emailAddress", "salt": "q"}],
        "achievement": {
            "id": "https://i.example/b",
            "type": ["Achievement"],
            "name": "n",
            "description": "d",
            "criteria": {"narrative": "c"},
        },
    },
    "credentialStatus": {"id": "https://i.example/l", "type": "1EdTechRevocationList"},
    "iss": ISSUER,
    "nbf": 1577836800,
}
THIRD: dict[str, Any] = {
    ISSUER: {
        "id": ISSUER,
        "verificationMethod": [{"id": "https://i.example/k", "controller": ISSUER, "publicKeyJwk": JWK}],
        "assertionMethod": ["https://i.example/k"],
        "publicKey": [{"id": "z", "publicKeyPem": jws.public_pem(JWK)}],
    },
    "https://i.example/l": {"issuer": ISSUER, "revokedCredential": [{"id": "x", "revoked": True}]},
}


def sign(payload: Any, **header: Any) -> str:
    headers = {"kid": "https://i.example/k", **header}
    return jwt.PyJWS().encode(json.dumps(payload).encode(), KEY, "RS256", headers=headers)


def verdict(source: Any, documents: dict[str, Any]) -> Verdict:
    class Answer:
        status = 200

        def __init__(self, document: Any) -> None:
            self.body = json.dumps(document).encode()

    def fetch(url: str, _accept: str) -> Answer:
        if url not in documents:
            raise OutboundError("Nobody there.", code="host_unavailable")
        return Answer(documents[url])

    given = source if isinstance(source, str) else json.dumps(source)
    report = verify_credential(given, fetch=fetch, now=NOW, recipient_email="a@b.example")
    json.dumps(report.to_document(), ensure_ascii=False).encode()  # it can be shown
    return report.outcome


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in inside:
        yield from paths(child, (*path, name))


def variants(document: Any) -> Iterator[Any]:
    for path in paths(document):
        for odd in ODD:
            changed = copy.deepcopy(document)
            place = changed
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = odd
            yield changed


def test_these_documents_are_good_but_for_the_recipient() -> None:
    assert [verdict(HOSTED, SECOND), verdict(sign(SIGNED), SECOND), verdict(sign(CREDENTIAL), THIRD)] == [
        Verdict.INVALID
    ] * 3


@pytest.mark.parametrize(
    ("source", "documents"),
    [(HOSTED, SECOND), (sign(SIGNED), SECOND), (sign(CREDENTIAL), THIRD), (sign(CREDENTIAL, jwk=JWK), THIRD)],
)
def test_nothing_that_a_host_answers_breaks_it(source: Any, documents: dict[str, Any]) -> None:
    for url, document in documents.items():
        for changed in variants(document):
            assert verdict(source, {**documents, url: changed}) is not Verdict.VALID


def test_nothing_that_is_handed_over_breaks_it() -> None:
    for changed in variants(HOSTED):
        verdict(changed, SECOND)
    for changed in variants(SIGNED):
        verdict(sign(changed), SECOND)
    for changed in variants(CREDENTIAL):
        verdict(sign(changed), THIRD)
        verdict(changed, THIRD)


@pytest.mark.parametrize("text", ['{"a": 1e999}', '{"a": -1e999}', '{"a": "\\ud800"}', '{"\\uDFFF": 1}'])
def test_numbers_without_end_and_half_characters_are_no_json(text: str) -> None:
    with pytest.raises(CredentialInvalidError) as caught:
        read_json(text)
    assert caught.value.code == "json_invalid"


def test_a_whole_character_may_be_spelled_in_two_halves() -> None:
    assert read_json('{"a": "\\ud83c\\udf93"}') == {"a": "\U0001f393"}


@pytest.mark.parametrize("kind", [[], {}, None, "oct"])
def test_a_key_of_no_kind_cannot_be_used(kind: Any) -> None:
    with pytest.raises(CredentialInvalidError):
        read_jwk({**JWK, "kty": kind})


def test_a_key_on_an_unknown_curve_cannot_be_used() -> None:
    der = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    unknown = der.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f"))
    pem = f"-----BEGIN PUBLIC KEY-----\n{jwt.utils.base64.b64encode(unknown).decode()}\n-----END PUBLIC KEY-----\n"
    with pytest.raises(CredentialInvalidError) as caught:
        read_pem(pem)
    assert caught.value.code == "key_unsupported"


def test_a_key_larger_than_anybodys_is_not_tried() -> None:
    number = (1 << 16383) | 1
    huge = {"kty": "RSA", "e": "AQAB", "n": jwt.utils.base64url_encode(number.to_bytes(2048, "big")).decode()}
    with pytest.raises(CredentialInvalidError) as caught:
        verify_jws(sign({}), {"alg": "RS256"}, read_jwk(huge))
    assert caught.value.code == "proof_unsupported"
