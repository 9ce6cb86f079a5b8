"""openbadgeslib, a verifier nobody here wrote, judges what this tool signs and bakes, and the other way round."""

import copy
import io
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from openbadgeslib.ob3 import did as library_did
from openbadgeslib.ob3 import ldp
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier
from PIL import Image

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges import v3
from lti_tool.openbadges.baking import bake_png, bake_svg
from lti_tool.openbadges.picture import default_picture
from lti_tool.openbadges.proof import Signer, verify_proof

WHEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
URL = "https://badges.example/issuers/4"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PRIVATE_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def compose(issuer_id, **changes):
    parts = {
        "credential_id": "https://badges.example/credentials/7b1d",
        "issuer": v3.Issuer(id=issuer_id, name="Example College", url="https://college.example"),
        "achievement": v3.AchievementCard(
            id="https://badges.example/achievements/aq",
            name="Aquaponics Technician – Ñ 水",
            description="Keeps fish and plants alive.",
            criteria_narrative="All units.\n\n* one\n* two",
            achievement_type="MicroCredential",
            image_url="https://badges.example/aq.png",
            language="en",
            alignments=(v3.Alignment(target_name="Water", target_url="https://frameworks.example/1"),),
            result_descriptions=(v3.ResultDescription(id="urn:uuid:1", name="Score", result_type="Percent"),),
            tags=("fish",),
        ),
        "subject": v3.Subject(email=v3.HashedEmail(email="ana@example.com", salt="s4lt"), name="Ana"),
        "valid_from": WHEN,
        "awarded_at": WHEN,
        "results": (v3.Result(result_description_id="urn:uuid:1", value="82.5"),),
        "evidence": (v3.Evidence(id="https://badges.example/e/1", narrative="A pond"),),
        "status": v3.StatusEntry(list_url="https://badges.example/status/3", index=7),
    }
    return v3.compose_credential(**{**parts, **changes})


SIGNERS = {
    "https": Signer(KEY, URL),
    "did:web": Signer(KEY, v3.did_web_of(URL)),
    "did:key": Signer(KEY, f"did:key:{Signer(KEY, URL).multikey}"),
}


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_the_library_accepts_what_we_sign(signer):
    signed = signer.sign(compose(signer.controller), WHEN)
    ldp.verify_data_integrity_proof(signed, PEM)
    credential = ldp.OB3LdpVerifier(pubkey_pem=PEM).verify(json.dumps(signed))
    assert credential.issuer.id == signer.controller


def test_the_library_finds_our_did_web_key():
    signer = SIGNERS["did:web"]
    document = v3.compose_did_document(URL, [KEY.public_key()])

    def download(url, *_args, **_options):
        assert urlsplit(url).path == "/issuers/4/did.json"
        return json.dumps(document).encode()

    signed = signer.sign(compose(signer.controller), WHEN)
    verifier = ldp.OB3LdpVerifier.for_issuer_did(signer.controller)
    assert verifier.verify(signed, download=download).id == signed["id"]
    assert library_did.did_web_from_url(URL) == v3.did_web_of(URL)


def test_the_library_accepts_our_did_key():
    signer = SIGNERS["did:key"]
    signed = signer.sign(compose(signer.controller), WHEN)
    assert ldp.OB3LdpVerifier.for_issuer_did(signer.controller).verify(signed).id == signed["id"]


def test_the_library_refuses_what_was_altered():
    signed = SIGNERS["https"].sign(compose(URL), WHEN)
    for change in (
        lambda document: document.update(name="Other"),
        lambda document: document["credentialStatus"].update(statusListIndex="8"),
        lambda document: document["credentialSubject"]["identifier"][0].update(salt="other"),
    ):
        altered = copy.deepcopy(signed)
        change(altered)
        with pytest.raises(OB3VerificationError):
            ldp.verify_data_integrity_proof(altered, PEM)
        with pytest.raises(CredentialInvalidError):
            verify_proof(altered, KEY.public_key())


def test_both_sign_the_same_document_alike():
    """Ed25519 is deterministic: equal signatures mean equal canonical graphs, from two independent engines."""
    document = compose(URL)
    ours = SIGNERS["https"].sign(document, WHEN)
    theirs = ldp.add_data_integrity_proof(document, PRIVATE_PEM, SIGNERS["https"].verification_method, created=WHEN)
    assert ours["proof"]["proofValue"] == theirs["proof"]["proofValue"]
    verify_proof(theirs, KEY.public_key())


@pytest.mark.parametrize(
    "text",
    [
        'quote " and \\ back',
        "line\nfeed\ttab",
        "🏆 Ñ 水 \u200f",
        "_:c14n0 <https://x/> .",
        "%41",
        "\u0085\u2028",
        "\ufffd",
    ],
)
def test_texts_of_all_kinds_are_written_alike(text):
    document = compose(URL)
    document["name"] = text
    ours = SIGNERS["https"].sign(document, WHEN)
    ldp.verify_data_integrity_proof(ours, PEM)


@pytest.mark.parametrize("number", [0, 3, -2, 36.0, 2.5, 0.125, 2**53 - 1, 123456789.25])
def test_numbers_are_written_alike(number):
    document = compose(URL)
    document["credentialSubject"]["creditsEarned"] = number
    ldp.verify_data_integrity_proof(SIGNERS["https"].sign(document, WHEN), PEM)


def test_the_library_unbakes_what_we_bake():
    text = json.dumps(SIGNERS["https"].sign(compose(URL), WHEN))
    png = io.BytesIO()
    Image.new("RGB", (16, 16)).save(png, "PNG")
    jws = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln"
    assert OB3Verifier.extract_token_from_png(bake_png(png.getvalue(), jws)) == jws
    assert OB3Verifier.extract_token_from_svg(bake_svg(default_picture("A", "#1d4f91", "B"), jws).encode()) == jws
    assert OB3Verifier.extract_token_from_png(bake_png(png.getvalue(), text)) == text
