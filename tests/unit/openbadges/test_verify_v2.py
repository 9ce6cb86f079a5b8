"""Open Badges 2.0: hosted and signed assertions, from the wild and from attackers."""

import hashlib
import io
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openbadges_web import NOW
from PIL import Image

from lti_tool.openbadges.baking import V2, bake_png, bake_svg
from lti_tool.openbadges.verify import Verdict, verify_credential

SITE = "https://college.example"
ASSERTION, BADGE, ISSUER = f"{SITE}/ob2/a/1", f"{SITE}/ob2/b/1", f"{SITE}/ob2/issuer"
KEY_URL, LIST = f"{SITE}/ob2/key", f"{SITE}/ob2/revoked"
CONTEXT = "https://w3id.org/openbadges/v2"
KEY = generate_private_key(public_exponent=65537, key_size=2048)
OTHER = generate_private_key(public_exponent=65537, key_size=2048)
SALT = "s4lt"
# The value of the test vector: alice@example.org with this salt.
IDENTITY = "sha256$081e07ee2ae2d376eb9cd04d9c4ff9479fbb1e7642ece147afa335408920895c"


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def assertion(**changes):
    document = {
        "@context": CONTEXT,
        "type": "Assertion",
        "id": ASSERTION,
        "recipient": {"type": "email", "hashed": True, "salt": SALT, "identity": IDENTITY},
        "badge": BADGE,
        "verification": {"type": "HostedBadge"},
        "issuedOn": "2026-03-01T09:00:00Z",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def badge_class(**changes):
    return {
        "@context": CONTEXT,
        "type": "BadgeClass",
        "id": BADGE,
        "name": "Data Basics",
        "description": "Charts.",
        "image": f"{SITE}/b.png",
        "criteria": {"narrative": "Score 70."},
        "issuer": ISSUER,
        **changes,
    }


def profile(**changes):
    return {
        "@context": CONTEXT,
        "type": "Issuer",
        "id": ISSUER,
        "name": "College",
        "url": SITE,
        "email": "badges@college.example",
        "publicKey": KEY_URL,
        "revocationList": LIST,
        **changes,
    }


def key_document(**changes):
    return {
        "@context": CONTEXT,
        "type": "CryptographicKey",
        "id": KEY_URL,
        "owner": ISSUER,
        "publicKeyPem": pem(KEY),
        **changes,
    }


@pytest.fixture
def web(web):
    web.put(ASSERTION, assertion())
    web.put(BADGE, badge_class())
    web.put(ISSUER, profile())
    web.put(KEY_URL, key_document())
    web.put(
        LIST, {"@context": CONTEXT, "type": "RevocationList", "id": LIST, "issuer": ISSUER, "revokedAssertions": []}
    )
    return web


def signed(key=KEY, header=None, **changes):
    document = assertion(id="urn:uuid:1", verification={"type": "SignedBadge", "creator": KEY_URL}, **changes)
    return jwt.PyJWS().encode(json.dumps(document).encode(), key, "RS256", headers=header)


def verify(source, web, **options):
    return verify_credential(source, fetch=web, now=NOW, **options)


def outcome(report, code):
    check = report.check(code)
    return check.outcome.value, check.reason


# -- hosted -----------------------------------------------------------------------------------------------------------


def test_a_hosted_one_passes_every_check(web):
    report = verify(json.dumps(assertion()), web, recipient_email=" Alice@example.org")
    assert report.outcome is Verdict.VALID
    assert outcome(report, "intact") == ("passed", "hosted")
    assert report.credential["badge"]["issuer"]["name"] == "College"


def test_what_its_address_answers_is_what_is_checked_and_shown(web):
    forged = assertion(
        recipient={"type": "email", "hashed": False, "identity": "mallory@example.org"},
        badge={"type": "BadgeClass", "name": "Medical Doctor", "description": "x", "criteria": {}, "issuer": ISSUER},
    )
    report = verify(forged, web, recipient_email="mallory@example.org")
    assert outcome(report, "recipient") == ("failed", "recipient_other")
    assert report.credential["badge"]["name"] == "Data Basics"


def test_every_way_to_hand_it_over(web):
    text = json.dumps(assertion())
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    only_address = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="http://openbadges.org">' + (
        f'<openbadges:assertion verify="{ASSERTION}"></openbadges:assertion></svg>'
    )
    for source in (
        assertion(),
        text,
        text.encode(),
        bake_png(png.getvalue(), text, V2),
        bake_png(png.getvalue(), signed(), V2),
        bake_svg(svg, text, V2, verify=ASSERTION),
        bake_svg(svg, signed(), V2),
        only_address,
        {"@context": CONTEXT, "id": ASSERTION},
        signed(),
    ):
        assert verify(source, web).outcome is Verdict.VALID, source


def test_gone_is_revoked_with_and_without_a_body(web):
    web.put(ASSERTION, {"@context": CONTEXT, "type": "Assertion", "id": ASSERTION, "revoked": True}, 410)
    assert verify(assertion(), web).outcome is Verdict.REVOKED
    web.put(ASSERTION, b"<html>gone</html>", 410)
    assert verify(assertion(), web).outcome is Verdict.REVOKED
    web.put(ASSERTION, {"@context": CONTEXT, "type": "Assertion", "id": ASSERTION, "revoked": True})
    assert verify(assertion(), web).outcome is Verdict.REVOKED


@pytest.mark.parametrize("status", [404, 500, 302])
def test_an_address_that_does_not_answer_proves_nothing(web, status):
    web.put(ASSERTION, assertion(), status)
    assert verify(assertion(), web).outcome is Verdict.CANNOT_CHECK
    web.put(ASSERTION, b"<html></html>")
    assert outcome(verify(assertion(), web), "shape") == ("unknown", "answer_malformed")


def test_an_address_that_answers_another_badge_is_refused(web):
    web.put(ASSERTION, assertion(id=f"{SITE}/ob2/a/2"))
    report = verify(assertion(), web)
    assert (report.outcome, report.check("shape").reason) == (Verdict.INVALID, "assertion_other")


def test_an_assertion_of_another_host_is_not_the_issuers(web):
    evil = "https://evil.example/a"
    web.put(evil, assertion(id=evil))
    report = verify(assertion(id=evil), web)
    assert (report.outcome, report.check("signed_by").reason) == (Verdict.INVALID, "issuer_mismatch")
    # An issuer that is embedded could allow any host; its own address is asked.
    allowing = profile(verification={"type": "VerificationObject", "allowedOrigins": ["evil.example"]})
    web.put(evil, assertion(id=evil, badge=badge_class(issuer=allowing)))
    assert verify(assertion(id=evil), web).outcome is Verdict.INVALID


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ({"startsWith": "https://hosting.example/college/"}, Verdict.VALID),
        ({"startsWith": ["https://x.example/", "https://hosting.example/"]}, Verdict.VALID),
        ({"allowedOrigins": "hosting.example"}, Verdict.VALID),
        ({"startsWith": "https://hosting.example.evil/"}, Verdict.INVALID),
        ({"startsWith": "https://hosting"}, Verdict.INVALID),
        ({"allowedOrigins": "college.example"}, Verdict.INVALID),
    ],
)
def test_an_issuer_may_name_other_hosts(web, rules, verdict):
    url = "https://hosting.example/college/a/1"
    web.put(url, assertion(id=url))
    web.put(ISSUER, profile(verification={"type": "VerificationObject", **rules}))
    assert verify(assertion(id=url), web).outcome is verdict


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        ({"recipient": None}, "recipient"),
        ({"recipient": "a"}, "recipient"),
        ({"badge": 3}, "badge"),
        ({"verification": None}, "verification"),
        ({"issuedOn": 1772355600}, "issuedOn"),
        ({"expires": "never"}, "expires"),
        ({"type": "Badge"}, "type"),
    ],
)
def test_members_that_are_missing_are_named(web, changes, members):
    web.put(ASSERTION, assertion(**changes))
    report = verify(assertion(), web)
    assert outcome(report, "shape") == ("failed", "members_missing")
    assert report.check("shape").params["members"] == members


def test_what_the_wild_writes_is_read(web):
    plain = {"type": "email", "hashed": False, "identity": "Alice@Example.org"}
    web.put(
        ASSERTION, assertion(type=["Assertion"], issuedOn="2026-03-01T09:00:00", evidence="https://e", recipient=plain)
    )
    assert verify(assertion(), web, recipient_email="alice@example.org").outcome is Verdict.VALID
    old = f"md5${hashlib.md5(b'alice@example.orgs4lt').hexdigest()}"
    web.put(ASSERTION, assertion(recipient={"type": "email", "hashed": True, "salt": SALT, "identity": old}))
    assert verify(assertion(), web, recipient_email="alice@example.org").outcome is Verdict.VALID
    web.put(ASSERTION, assertion(badge=badge_class(id="data:x", image="data:image/png;base64,")))
    assert verify(assertion(), web).outcome is Verdict.VALID


def test_dates(web):
    web.put(ASSERTION, assertion(expires="2026-05-01T00:00:00Z"))
    assert verify(assertion(), web).outcome is Verdict.EXPIRED
    web.put(ASSERTION, assertion(issuedOn="2027-05-01T00:00:00Z"))
    assert verify(assertion(), web).outcome is Verdict.NOT_YET_VALID


def test_a_recipient_without_an_address_cannot_be_compared(web):
    web.put(ASSERTION, assertion(recipient={"type": "url", "hashed": False, "identity": "https://ada.example"}))
    report = verify(assertion(), web, recipient_email="ada@example.org")
    assert outcome(report, "recipient") == ("unknown", "recipient_without_email")


def test_one_without_address_or_signature_is_no_badge(web):
    report = verify(assertion(id="urn:uuid:1"), web)
    assert (report.outcome, report.check("shape").reason) == (Verdict.INVALID, "assertion_without_address")


def test_the_first_standard_is_named(web):
    report = verify({"uid": "1", "verify": {"type": "hosted", "url": ASSERTION}, "@context": CONTEXT}, web)
    assert outcome(report, "shape") == ("unknown", "version_unsupported")


# -- signed -----------------------------------------------------------------------------------------------------------


def test_a_signed_one_passes_every_check(web):
    report = verify(signed(), web, recipient_email="alice@example.org")
    assert report.outcome is Verdict.VALID
    assert outcome(report, "intact") == ("passed", "")
    assert ASSERTION not in [url for url, _ in web.asked]


def test_one_changed_letter_is_found(web):
    header, payload, signature = signed().split(".")
    other = signed(issuedOn="2026-03-02T09:00:00Z").split(".")[1]
    assert verify(f"{header}.{other}.{signature}", web).outcome is Verdict.TAMPERED
    assert verify(f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", web).outcome is (
        Verdict.TAMPERED
    )


def test_another_key_is_not_the_issuers(web):
    assert verify(signed(OTHER), web).outcome is Verdict.TAMPERED
    elsewhere = "https://evil.example/key"
    web.put(elsewhere, key_document(id=elsewhere, publicKeyPem=pem(OTHER)))
    text = signed(OTHER)
    document = json.loads(
        json.dumps(assertion(id="urn:uuid:1", verification={"type": "SignedBadge", "creator": elsewhere}))
    )
    text = jwt.PyJWS().encode(json.dumps(document).encode(), OTHER, "RS256")
    report = verify(text, web)
    assert (report.outcome, report.check("signed_by").reason) == (Verdict.INVALID, "key_not_listed")


@pytest.mark.parametrize("changes", [{"owner": "https://evil.example"}, {"id": f"{SITE}/other"}, {"owner": None}])
def test_the_key_has_to_name_its_owner(web, changes):
    web.put(KEY_URL, key_document(**changes))
    report = verify(signed(), web)
    assert (report.outcome, report.check("signed_by").reason) == (Verdict.INVALID, "issuer_mismatch")


def test_keys_and_algorithms_that_are_not_taken(web):
    web.put(KEY_URL, key_document(publicKeyPem="not a key"))
    assert outcome(verify(signed(), web), "signed_by") == ("unknown", "key_unsupported")
    web.put(KEY_URL, key_document())
    document = assertion(id="urn:uuid:1", verification={"type": "SignedBadge", "creator": KEY_URL})
    confused = jwt.PyJWS().encode(json.dumps(document).encode(), b"k" * 32, "HS256")
    assert outcome(verify(confused, web), "intact") == ("unknown", "proof_unsupported")


@pytest.mark.parametrize("entry", ["urn:uuid:1", {"id": "urn:uuid:1"}, {"id": "urn:uuid:1", "revoked": True}])
def test_the_list_of_the_issuer_is_read(web, entry):
    listed = {"@context": CONTEXT, "type": "RevocationList", "id": LIST, "issuer": ISSUER}
    web.put(LIST, listed | {"revokedAssertions": ["urn:uuid:0", entry]})
    assert verify(signed(), web).outcome is Verdict.REVOKED
    web.put(LIST, listed | {"revokedAssertions": [{"id": "urn:uuid:1", "revoked": False}]})
    assert verify(signed(), web).outcome is Verdict.VALID
    web.put(LIST, listed | {"issuer": "https://evil.example", "revokedAssertions": [entry]})
    assert outcome(verify(signed(), web), "status") == ("unknown", "status_list_untrusted")
    del web.pages[LIST]
    assert verify(signed(), web).outcome is Verdict.CANNOT_CHECK


def test_without_a_list_it_cannot_be_revoked(web):
    web.put(ISSUER, {name: value for name, value in profile().items() if name != "revocationList"})
    assert outcome(verify(signed(), web), "status") == ("passed", "no_status")


def test_a_badge_that_leads_to_many_documents_is_not_followed_for_ever(web):
    for number in range(20):
        web.put(f"{SITE}/{number}", badge_class(issuer=f"{SITE}/{number + 1}"))
    web.put(ASSERTION, assertion(badge=f"{SITE}/0"))
    before = len(web.asked)
    assert verify(assertion(), web).outcome in {Verdict.INVALID, Verdict.CANNOT_CHECK}
    assert len(web.asked) - before <= 8
