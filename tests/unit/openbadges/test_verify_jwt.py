"""VC-JWT: what its signature, its key and its claims are held to."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from openbadges_web import NOW, WHEN

from lti_tool.openbadges import v3
from lti_tool.openbadges.jws import JwsSigner, public_jwk
from lti_tool.openbadges.status_list import compose_status_list, new_bits, set_bit
from lti_tool.openbadges.vc_jwt import sign_vc_jwt
from lti_tool.openbadges.verify import Verdict, verify_credential

ISSUER_ID = "https://badges.example/issuers/4"
STATUS_URL = "https://badges.example/status/3"
WALLET = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
RSA = generate_rsa(public_exponent=65537, key_size=2048)
OTHER_RSA = generate_rsa(public_exponent=65537, key_size=2048)


def signer_of(key=RSA):
    return JwsSigner(key, f"{ISSUER_ID}/keys/{public_jwk(key.public_key())['kid']}")


def bare_jwk(key):
    return {name: value for name, value in public_jwk(key.public_key()).items() if name in {"kty", "n", "e"}}


def part(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def reason(report, code):
    check = report.check(code)
    return check.outcome.value, check.reason


@pytest.fixture
def wallet_credential(compose):
    return compose(subject=v3.Subject(id=WALLET, email=v3.HashedEmail(email="ana@example.com", salt="s")))


@pytest.fixture
def token(wallet_credential):
    return sign_vc_jwt(wallet_credential, signer_of())


@pytest.fixture
def web(web, issuer, key):
    web.put(ISSUER_ID, v3.compose_issuer_document(issuer, [key.public_key()], [public_jwk(RSA.public_key())]))
    return web


def verify(source, web, **options):
    return verify_credential(source, fetch=web, now=options.pop("now", NOW), **options)


def resigned(token, header=None, key=RSA, **claims):
    """The same claims but for some, signed again."""
    payload = jwt.decode(token, options={"verify_signature": False}) | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    headers = {"kid": signer_of().kid, "typ": "JWT"} | (header or {})
    headers = {name: value for name, value in headers.items() if value is not None}
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, headers.pop("alg", "RS256"), headers=headers)


def test_a_good_one_passes_every_check(token, web):
    report = verify(token, web, recipient_email="ana@example.com")
    assert report.outcome is Verdict.VALID
    assert {check.outcome.value for check in report.checks} == {"passed"}
    assert report.credential["name"] == "Data Basics"
    assert "iss" not in report.credential


def test_a_revoked_one_is_revoked(token, web, signer):
    document = compose_status_list(STATUS_URL, ISSUER_ID, set_bit(new_bits(), 94567), WHEN)
    web.put(STATUS_URL, signer.sign(document, WHEN))
    assert verify(token, web).outcome is Verdict.REVOKED


def test_its_status_list_may_be_a_jwt_too(token, web):
    document = compose_status_list(STATUS_URL, ISSUER_ID, set_bit(new_bits(), 94567), WHEN)
    web.put(STATUS_URL, signer_of().sign(document, typ="JWT").encode())
    assert verify(token, web).outcome is Verdict.REVOKED
    web.put(STATUS_URL, signer_of(OTHER_RSA).sign(document, typ="JWT").encode())
    assert reason(verify(token, web), "status") == ("unknown", "status_list_untrusted")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_changed_letter_is_found(token, web, place):
    parts = token.split(".")
    if place == 1:
        payload = jwt.decode(token, options={"verify_signature": False})
        payload["name"] = "Another"
        parts[1] = part(payload)
    elif place == 0:
        parts[0] = part({"alg": "RS256", "kid": signer_of().kid, "typ": "jwt"})
    else:
        parts[2] = ("A" if parts[2][0] != "A" else "B") + parts[2][1:]
    report = verify(".".join(parts), web)
    assert report.outcome is Verdict.TAMPERED
    assert reason(report, "intact") == ("failed", "proof_invalid")


@pytest.mark.parametrize(
    ("claims", "member"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"jti": "https://badges.example/credentials/other"}, "jti"),
        ({"sub": "did:key:zOther"}, "sub"),
        ({"nbf": 1}, "nbf"),
        ({"nbf": True}, "nbf"),
        ({"exp": 4102444800}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
    ],
)
def test_claims_must_say_what_the_credential_says(token, web, claims, member):
    report = verify(resigned(token, **claims), web)
    assert report.outcome is Verdict.TAMPERED
    assert reason(report, "intact") == ("failed", "claims_differ")
    assert report.check("intact").params["members"] == member


def test_a_key_the_issuer_does_not_list_is_not_theirs(token, web):
    stranger = resigned(token, header={"kid": "https://evil.example/key"}, key=OTHER_RSA)
    report = verify(stranger, web)
    assert report.outcome is Verdict.INVALID
    assert reason(report, "signed_by") == ("failed", "key_not_listed")
    assert "https://evil.example/key" not in [url for url, _ in web.asked]


def test_a_key_in_the_header_has_to_be_listed(token, web):
    mine, theirs = ({"kid": None, "jwk": bare_jwk(key)} for key in (RSA, OTHER_RSA))
    assert verify(resigned(token, header=mine), web).outcome is Verdict.VALID
    report = verify(resigned(token, header=theirs, key=OTHER_RSA), web)
    assert reason(report, "signed_by") == ("failed", "key_not_listed")


def test_no_algorithm_and_shared_keys_are_never_taken(token, web):
    _, payload, _ = token.split(".")
    unsigned = f"{part({'alg': 'none', 'kid': signer_of().kid})}.{payload}."
    assert reason(verify(unsigned, web), "intact") == ("unknown", "proof_unsupported")
    confused = resigned(token, header={"alg": "HS256"}, key=b"k" * 32)
    assert reason(verify(confused, web), "intact") == ("unknown", "proof_unsupported")
    critical = resigned(token, header={"crit": ["b64"], "b64": True})
    assert reason(verify(critical, web), "intact") == ("unknown", "proof_unsupported")


def test_a_host_that_is_down_proves_nothing(token, web):
    del web.pages[ISSUER_ID]
    report = verify(token, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "signed_by")[0] == "unknown"


def test_another_issuers_document_is_not_taken(token, web, issuer, key):
    document = v3.compose_issuer_document(issuer, [key.public_key()], [public_jwk(RSA.public_key())])
    web.put(ISSUER_ID, document | {"id": "https://evil.example"})
    assert reason(verify(token, web), "signed_by") == ("failed", "issuer_mismatch")


def test_a_key_that_does_not_sign_is_not_taken(token, web, issuer, key):
    document = v3.compose_issuer_document(issuer, [key.public_key()], [public_jwk(RSA.public_key())])
    document["assertionMethod"] = document["assertionMethod"][:1]
    web.put(ISSUER_ID, document)
    assert reason(verify(token, web), "signed_by") == ("failed", "key_not_listed")


@pytest.mark.parametrize(
    ("private", "algorithm", "verdict"),
    [
        (generate_private_key(SECP256R1()), "ES256", Verdict.VALID),
        (Ed25519PrivateKey.from_private_bytes(bytes(range(32))), "EdDSA", Verdict.VALID),
        (generate_private_key(SECP384R1()), "ES384", Verdict.CANNOT_CHECK),
    ],
)
def test_other_kinds_of_keys(token, web, private, algorithm, verdict):
    kid = f"{ISSUER_ID}#other"
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key()))
    method = {"id": kid, "type": "JsonWebKey", "controller": ISSUER_ID, "publicKeyJwk": jwk}
    web.put(ISSUER_ID, {"id": ISSUER_ID, "verificationMethod": [method], "assertionMethod": [kid]})
    # The status list keeps the issuer's first key, which is gone here; only the signature is of interest.
    report = verify(resigned(token, header={"kid": kid, "alg": algorithm}, key=private), web)
    expected = {"passed"} if verdict is Verdict.VALID else {"unknown", "not_checked"}
    assert {report.check("intact").outcome.value, report.check("signed_by").outcome.value} <= expected


def test_short_rsa_keys_are_not_taken(token, web):
    short = generate_rsa(public_exponent=65537, key_size=1024)
    kid = f"{ISSUER_ID}#short"
    jwk = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(short.public_key()))
    method = {"id": kid, "type": "JsonWebKey", "controller": ISSUER_ID, "publicKeyJwk": jwk}
    web.put(ISSUER_ID, {"id": ISSUER_ID, "verificationMethod": [method], "assertionMethod": [kid]})
    _, payload, signature = token.split(".")
    changed = f"{part({'alg': 'RS256', 'kid': kid})}.{payload}.{signature}"
    assert reason(verify(changed, web), "intact") == ("unknown", "proof_unsupported")


def test_a_private_key_that_is_published_is_not_relied_on(token, web):
    kid = f"{ISSUER_ID}#leaked"
    jwk = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(RSA))
    method = {"id": kid, "type": "JsonWebKey", "controller": ISSUER_ID, "publicKeyJwk": jwk}
    web.put(ISSUER_ID, {"id": ISSUER_ID, "verificationMethod": [method], "assertionMethod": [kid]})
    assert reason(verify(resigned(token, header={"kid": kid}), web), "signed_by") == ("unknown", "key_unsupported")


def test_did_key_needs_no_network(compose, web):
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    from lti_tool.openbadges.proof import encode_multikey

    did = f"did:key:{encode_multikey(private.public_key())}"
    document = compose(subject=v3.Subject(id=WALLET), issuer=v3.Issuer(id=did, name="A"), status=None)
    payload = document | {"iss": did, "jti": document["id"], "sub": WALLET}
    token = jwt.PyJWS().encode(json.dumps(payload).encode(), private, "EdDSA", headers={"kid": f"{did}#x"})
    asked = len(web.asked)
    assert verify(token, web).outcome is Verdict.VALID
    assert len(web.asked) == asked
    elsewhere = jwt.PyJWS().encode(json.dumps(payload).encode(), private, "EdDSA", headers={"kid": "did:key:zOther#x"})
    assert reason(verify(elsewhere, web), "signed_by") == ("failed", "issuer_mismatch")


def test_the_older_form_says_what_it_is(token, web):
    older = {"vc": {"@context": ["https://www.w3.org/2018/credentials/v1"]}, "iss": ISSUER_ID}
    text = jwt.PyJWS().encode(json.dumps(older).encode(), RSA, "RS256", headers={"kid": signer_of().kid})
    assert reason(verify(text, web), "shape") == ("unknown", "version_unsupported")


def test_damaged_parts_are_refused_before_any_host_is_asked(web):
    for text in ("eyJhIjoxfQ.!!.c2ln", "e30.e30", f"{part({'alg': 'RS256'})}.{part([1])}.c2ln"):
        report = verify(text, web)
        assert report.outcome is Verdict.INVALID
        assert report.check("readable").outcome.value == "failed"
    assert web.asked == []
