import copy
import json
from datetime import UTC, datetime

import jwt
import pytest

from lti_tool.errors import IssuingError, SubjectNotBoundError
from lti_tool.openbadges import jws, vc_jwt

KID = "https://badges.example/issuers/4/keys/k"
DOCUMENT = {
    "id": "https://badges.example/credentials/1",
    "issuer": {"id": "https://badges.example/issuers/4"},
    "validFrom": "2026-03-01T10:00:00+01:00",
    "validUntil": "2029-03-01T00:00:00Z",
    "credentialSubject": {"id": "urn:uuid:1"},
    "proof": {"type": "DataIntegrityProof"},
}


@pytest.fixture(scope="module")
def signer():
    return jws.JwsSigner(jws.new_rsa_key(), KID)


def test_the_claims_repeat_what_the_credential_says(signer):
    text = vc_jwt.sign_vc_jwt(DOCUMENT, signer)
    assert jwt.get_unverified_header(text) == {"alg": "RS256", "kid": KID, "typ": "JWT"}
    claims = json.loads(jwt.PyJWS().decode(text, signer.private_key.public_key(), algorithms=["RS256"]))
    without_proof = {name: value for name, value in DOCUMENT.items() if name != "proof"}
    assert claims == without_proof | {
        "iss": "https://badges.example/issuers/4",
        "jti": DOCUMENT["id"],
        "sub": "urn:uuid:1",
        "nbf": int(datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp()),
        "exp": int(datetime(2029, 3, 1, tzinfo=UTC).timestamp()),
    }


def test_without_an_end_there_is_no_exp(signer):
    endless = {name: value for name, value in DOCUMENT.items() if name != "validUntil"}
    assert "exp" not in vc_jwt.compose_payload(endless, signer)


def test_a_subject_without_an_id_has_no_such_form(signer):
    unnamed = copy.deepcopy(DOCUMENT)
    unnamed["credentialSubject"] = {"identifier": []}
    with pytest.raises(SubjectNotBoundError):
        vc_jwt.sign_vc_jwt(unnamed, signer)


@pytest.mark.parametrize("kid", ["https://badges.example/issuers/44/keys/k", "https://evil.example/issuers/4/keys/k"])
def test_a_key_of_another_issuer_is_refused(signer, kid):
    with pytest.raises(IssuingError) as refusal:
        vc_jwt.sign_vc_jwt(DOCUMENT, jws.JwsSigner(signer.private_key, kid))
    assert refusal.value.code == "issuer_mismatch"


def test_a_time_that_cannot_be_read_is_refused(signer):
    with pytest.raises(IssuingError):
        vc_jwt.compose_payload({**DOCUMENT, "validFrom": "yesterday"}, signer)
