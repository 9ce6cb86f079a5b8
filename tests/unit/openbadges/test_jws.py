import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lti_tool.openbadges import jws

# RFC 7638, section 3.1.
N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
    "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
    "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
    "nqDKgw"
)
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.fixture(scope="module")
def key():
    return jws.new_rsa_key()


def test_the_thumbprint_of_the_standard():
    number = int.from_bytes(base64.urlsafe_b64decode(N + "=="), "big")
    jwk = jws.public_jwk(RSAPublicNumbers(65537, number).public_key())
    assert jwk == {"e": "AQAB", "kty": "RSA", "n": N, "alg": "RS256", "use": "sig", "kid": THUMBPRINT}
    assert jws.thumbprint({"n": N, "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}) == THUMBPRINT


def test_a_key_and_its_jwk_are_the_same_in_pem(key):
    pem = jws.public_pem(jws.public_jwk(key.public_key()))
    assert load_pem_public_key(pem.encode()).public_numbers() == key.public_key().public_numbers()
    assert key.key_size == 2048


@pytest.mark.parametrize(("typ", "expected"), [(None, {}), ("JWT", {"typ": "JWT"})])
def test_the_header_says_what_is_needed_and_no_more(key, typ, expected):
    text = jws.JwsSigner(key, "https://badges.example/issuers/4/keys/k").sign({"a": "é"}, typ=typ)
    header = {"alg": "RS256", "kid": "https://badges.example/issuers/4/keys/k"}
    assert jwt.get_unverified_header(text) == header | expected
    assert json.loads(jwt.PyJWS().decode(text, key.public_key(), algorithms=["RS256"])) == {"a": "é"}
    other = jws.new_rsa_key().public_key()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.PyJWS().decode(text, other, algorithms=["RS256"])
