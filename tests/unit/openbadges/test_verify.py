import io
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from lti_tool.errors import AnswerTooLargeError
from lti_tool.openbadges import v3
from lti_tool.openbadges.baking import bake_png, bake_svg
from lti_tool.openbadges.proof import Signer, sign_document
from lti_tool.openbadges.status_list import compose_status_list
from lti_tool.openbadges.verify import CheckOutcome, HttpFetch, Verdict, verify_credential
from lti_tool.outbound import Answer

ISSUER_ID = "https://badges.example/issuers/4"
STATUS_URL = "https://badges.example/status/3"
WHEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
INDEX = 94567
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def verify(source, web, **options):
    return verify_credential(source, fetch=web, now=options.pop("now", NOW), **options)


def outcomes(report):
    return {check.code: check.outcome.value for check in report.checks}


def reason(report, code):
    check = report.check(code)
    return check.outcome.value, check.reason


def put_status_list(web, signer, bits, **changes):
    document = {**compose_status_list(STATUS_URL, signer.controller, bits, WHEN), **changes}
    web.put(STATUS_URL, signer.sign(document, WHEN))


def test_a_good_credential_passes_every_check(signed, web):
    report = verify(signed, web, recipient_email="ANA@example.com")
    assert report.outcome is Verdict.VALID
    assert set(outcomes(report).values()) == {"passed"}
    assert list(outcomes(report)) == ["readable", "shape", "intact", "signed_by", "status", "dates", "recipient"]
    assert report.credential == signed
    assert [url for url, _ in web.asked] == [ISSUER_ID, STATUS_URL]
    assert "html" not in "".join(accept for _, accept in web.asked)


def test_every_way_to_hand_it_over(signed, web):
    text = json.dumps(signed)
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    svg = bake_svg('<svg xmlns="http://www.w3.org/2000/svg"/>', text)
    for source in (signed, text, text.encode(), bake_png(png.getvalue(), text), svg, "\ufeff" + svg, svg.encode()):
        assert verify(source, web).outcome is Verdict.VALID


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "json_invalid"),
        (b"\xff\xfe", "json_invalid"),
        ("[]", "json_invalid"),
        ('{"a":1,"a":2}', "json_duplicate_key"),
        (b"\x89PNG\r\n\x1a\n", "picture_unreadable"),
        ("<html/>", "picture_unreadable"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "picture_without_credential"),
        (b" " * (1024 * 1024 + 1), "document_too_large"),
        (b" " * (10 * 1024 * 1024 + 1), "document_too_large"),
    ],
)
def test_what_cannot_be_read(source, code, web):
    report = verify(source, web)
    assert report.outcome is Verdict.INVALID
    assert reason(report, "readable") == ("failed", code)
    assert report.credential is None
    assert web.asked == []


def test_too_deep_a_document_is_not_walked(web):
    deep = {}
    for _ in range(50):
        deep = {"a": deep}
    assert reason(verify(deep, web), "readable") == ("failed", "json_too_deep")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("@context",), "https://www.w3.org/ns/credentials/v2", "@context"),
        (("@context",), ["https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"], "@context"),
        (("type",), ["VerifiableCredential"], "type"),
        (("type",), "OpenBadgeCredential", "type"),
        (("id",), None, "id"),
        (("issuer",), {"name": "x"}, "issuer"),
        (("validFrom",), None, "validFrom"),
        (("validFrom",), "2026-03-01", "validFrom"),
        (("validFrom",), "2026-03-01T09:00:00", "validFrom"),
        (("validFrom",), "2026-13-01T09:00:00Z", "validFrom"),
        (("validFrom",), ["2026-03-01T09:00:00Z"], "validFrom"),
        (("validUntil",), ["2026-03-01T09:00:00Z"], "validUntil"),
        (("validUntil",), None, "validUntil"),
        (("credentialStatus",), "https://badges.example/status/3#1", "credentialStatus"),
        (("credentialStatus",), [], "credentialStatus"),
        (("credentialStatus",), [["x"]], "credentialStatus"),
        (("credentialSubject",), [], "credentialSubject"),
        (("credentialSubject", "type"), ["Person"], "credentialSubject"),
        (("credentialSubject", "identifier"), [], "credentialSubject.id"),
        (("credentialSubject", "achievement"), "https://x.example/", "achievement"),
        (("credentialSubject", "achievement", "id"), "", "achievement.id"),
        (("credentialSubject", "achievement", "name"), None, "achievement.name"),
        (("credentialSubject", "achievement", "description"), ["x"], "achievement.description"),
        (("credentialSubject", "achievement", "criteria"), "x", "achievement.criteria"),
    ],
)
def test_a_member_of_the_wrong_shape_is_named_and_nothing_is_fetched(signed, web, path, value, named):
    target = signed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    report = verify(signed, web)
    assert report.outcome is Verdict.INVALID
    assert report.check("shape").params == {"members": named}
    assert web.asked == []


def test_the_older_data_model_is_not_called_invalid(signed, web):
    signed["@context"][0] = "https://www.w3.org/2018/credentials/v1"
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "shape") == ("unknown", "version_unsupported")


def test_an_altered_credential_is_tampered_and_no_host_is_asked(signed, web):
    signed["credentialSubject"]["achievement"]["name"] = "Doctor of Medicine"
    report = verify(signed, web)
    assert report.outcome is Verdict.TAMPERED
    assert reason(report, "intact") == ("failed", "proof_invalid")
    assert outcomes(report)["status"] == "not_checked"
    assert web.asked == []


def test_something_added_that_no_context_defines_is_tampered(signed, web):
    signed["credentialSubject"]["grade"] = "A"
    report = verify(signed, web)
    assert report.outcome is Verdict.TAMPERED
    assert reason(report, "intact") == ("failed", "term_undefined")


def test_without_a_proof_it_is_invalid(signed, web):
    del signed["proof"]
    report = verify(signed, web)
    assert report.outcome is Verdict.INVALID
    assert reason(report, "intact") == ("failed", "proof_missing")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda document: document["proof"].update(cryptosuite="ecdsa-sd-2023"), "proof_unsupported"),
        (lambda document: document["@context"].append("https://own.example/context.json"), "context_unknown"),
        (lambda document: document.update(endorsementJwt=["a.b.c"]), "term_unstable"),
    ],
)
def test_what_this_tool_cannot_judge_is_not_called_tampered(signed, web, change, code):
    change(signed)
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "intact") == ("unknown", code)


def test_issuer_out_of_reach_the_signature_still_says_unaltered(signed, web):
    del web.pages[ISSUER_ID]
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "intact") == ("passed", "")
    assert reason(report, "signed_by") == ("unknown", "host_unavailable")


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((b"<html>", 200), "answer_malformed"),
        ((b"{}", 404), "document_unavailable"),
        ((b"[]", 200), "answer_malformed"),
    ],
)
def test_an_issuer_page_that_is_no_document(signed, web, page, code):
    web.put(ISSUER_ID, *page)
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "signed_by") == ("unknown", code)


def edit_issuer(web, edit):
    document = json.loads(web.pages[ISSUER_ID].body)
    edit(document)
    web.put(ISSUER_ID, document)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda document: document.update(assertionMethod=[]), "key_not_listed"),
        (lambda document: document.pop("assertionMethod"), "key_not_listed"),
        (lambda document: document.update(assertionMethod=[[document["assertionMethod"][0]]]), "key_not_listed"),
        (
            lambda document: document["verificationMethod"][0].update(controller="https://evil.example/"),
            "issuer_mismatch",
        ),
        (lambda document: document["verificationMethod"][0].pop("controller"), "issuer_mismatch"),
        (lambda document: document.update(id="https://evil.example/"), "issuer_mismatch"),
        (lambda document: document["verificationMethod"][0].update(revoked="2026-02-01T00:00:00Z"), "key_ended"),
        (lambda document: document["verificationMethod"][0].update(expires="2026-03-01T09:00:00Z"), "key_ended"),
        (lambda document: document["verificationMethod"][0].update(expires="soon"), "key_ended"),
    ],
)
def test_a_key_that_does_not_speak_for_the_issuer(signed, web, edit, code):
    edit_issuer(web, edit)
    report = verify(signed, web)
    assert report.outcome is Verdict.INVALID
    assert reason(report, "signed_by") == ("failed", code)
    assert STATUS_URL not in [url for url, _ in web.asked]


def test_a_key_listed_by_name_whose_page_is_down(signed, web):
    edit_issuer(web, lambda document: document.pop("verificationMethod"))
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "intact") == ("passed", "")
    assert reason(report, "signed_by") == ("unknown", "host_unavailable")


def test_a_key_revoked_later_still_counts_for_what_it_signed_before(signed, web):
    edit_issuer(web, lambda document: document["verificationMethod"][0].update(revoked="2026-05-01T00:00:00Z"))
    assert verify(signed, web).outcome is Verdict.VALID


def test_an_issuer_that_publishes_another_key_under_the_name(signed, web):
    other = Signer(OTHER, ISSUER_ID).multikey
    edit_issuer(web, lambda document: document["verificationMethod"][0].update(publicKeyMultibase=other))
    assert verify(signed, web).outcome is Verdict.TAMPERED


def test_a_method_written_into_assertion_method_is_found(signed, web):
    edit_issuer(web, lambda document: document.update(assertionMethod=document.pop("verificationMethod")))
    assert verify(signed, web).outcome is Verdict.VALID


def test_a_document_elsewhere_that_claims_to_be_the_issuer_is_never_asked(compose, web, issuer):
    """The proof names the attacker's page, which says everything right about the honest issuer's id."""
    page = "https://evil.example/keys"
    method = f"{page}#{Signer(OTHER, page).multikey}"
    forged = sign_document(compose(), OTHER, verification_method=method, created=WHEN)
    document = v3.compose_issuer_document(issuer, [OTHER.public_key()])
    document["verificationMethod"][0]["id"] = document["assertionMethod"][0] = method
    web.put(page, document)
    report = verify(forged, web)
    assert report.outcome is Verdict.INVALID
    assert reason(report, "signed_by") == ("failed", "key_not_listed")
    assert page not in [url for url, _ in web.asked]


def test_a_key_with_a_page_of_its_own(compose, web, key, signer):
    page = f"{ISSUER_ID}/keys/1"
    method = {"id": page, "type": "Multikey", "controller": ISSUER_ID, "publicKeyMultibase": signer.multikey}
    web.put(ISSUER_ID, {"id": ISSUER_ID, "assertionMethod": [page]})
    credential = sign_document(compose(status=None), key, verification_method=page, created=WHEN)
    report = verify(credential, web)
    assert reason(report, "intact") == ("unknown", "key_unknown")  # the page is not there yet
    web.put(page, method)
    assert verify(credential, web).outcome is Verdict.VALID
    credential["name"] = "altered"
    assert verify(credential, web).outcome is Verdict.TAMPERED
    web.put(page, {**method, "controller": "https://evil.example/"})
    assert reason(verify(credential, web), "signed_by") == ("failed", "issuer_mismatch")


def test_did_key_needs_no_network(compose, key, web):
    multikey = Signer(key, "x").multikey
    signer = Signer(key, f"did:key:{multikey}")
    credential = signer.sign(compose(issuer=v3.Issuer(id=signer.controller, name="Wallet"), status=None), WHEN)
    assert credential["proof"]["verificationMethod"] == f"did:key:{multikey}#{multikey}"
    report = verify(credential, web)
    assert report.outcome is Verdict.VALID
    assert reason(report, "status") == ("passed", "no_status")
    assert web.asked == []


def test_a_did_key_does_not_speak_for_an_https_issuer_nor_another_did_key(compose, key, web):
    multikey = Signer(OTHER, "x").multikey
    method = f"did:key:{multikey}#{multikey}"
    forged = sign_document(compose(), OTHER, verification_method=method, created=WHEN)
    assert reason(verify(forged, web), "signed_by") == ("failed", "key_not_listed")
    issuer = v3.Issuer(id=f"did:key:{Signer(key, 'x').multikey}", name="Wallet")
    forged = sign_document(compose(issuer=issuer), OTHER, verification_method=method, created=WHEN)
    assert reason(verify(forged, web), "signed_by") == ("failed", "issuer_mismatch")


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:badges.example:issuers:4", "https://badges.example/issuers/4/did.json"),
        ("did:web:badges.example", "https://badges.example/.well-known/did.json"),
        ("did:web:badges.example%3A8443:i", "https://badges.example:8443/i/did.json"),
    ],
)
def test_did_web_is_read_where_the_method_says(compose, key, web, did, url):
    signer = Signer(key, did)
    credential = signer.sign(compose(issuer=v3.Issuer(id=did, name="College"), status=None), WHEN)
    method = {"id": signer.verification_method, "controller": did, "publicKeyMultibase": signer.multikey}
    web.put(url, {"id": did, "verificationMethod": [method], "assertionMethod": [signer.verification_method]})
    assert verify(credential, web).outcome is Verdict.VALID
    assert [asked for asked, _ in web.asked] == [url]


@pytest.mark.parametrize(
    "did", ["did:example:1", "did:web:", "did:web:evil%2Fhost", "did:web:a%40b", "urn:uuid:1", "did:web:a::b"]
)
def test_other_identifiers_cannot_be_checked(compose, key, web, did):
    credential = Signer(key, did).sign(compose(issuer=v3.Issuer(id=did, name="College"), status=None), WHEN)
    report = verify(credential, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "signed_by") == ("unknown", "key_unsupported")
    assert web.asked == []


def test_a_proof_that_names_no_key(signed, web):
    signed["proof"]["verificationMethod"] = 5
    assert reason(verify(signed, web), "signed_by") == ("failed", "key_not_named")


@pytest.mark.parametrize(
    ("expires", "verdict"), [("2026-05-31T00:00:00Z", "invalid"), ("2026-07-01T00:00:00Z", "valid")]
)
def test_a_proof_may_expire(compose, key, signer, web, expires, verdict):
    from lti_tool.openbadges import proof as module

    document = compose()
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-03-01T09:00:00Z",
        "expires": expires,
        "verificationMethod": signer.verification_method,
        "proofPurpose": "assertionMethod",
    }
    signature = key.sign(module._signed_bytes(document, options, None))
    document["proof"] = {**options, "proofValue": "z" + module.base58.b58encode(signature).decode()}
    assert verify(document, web).outcome.value == verdict


class Client:
    def __init__(self, answer):
        self.answer, self.calls = answer, []

    def get(self, url, **options):
        self.calls.append((url, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_http_fetch_sets_the_limits_and_says_what_it_accepts():
    client = Client(Answer("https://a.example/", 200, {}, b"{}"))
    assert HttpFetch(client)("https://a.example/", "application/json").body == b"{}"
    assert client.calls == [
        (
            "https://a.example/",
            {"headers": {"Accept": "application/json"}, "max_bytes": 1024 * 1024, "max_redirects": 3},
        )
    ]


def test_an_answer_too_large_is_a_host_that_cannot_be_used(signed):
    fetch = HttpFetch(Client(AnswerTooLargeError("big")))
    report = verify_credential(signed, fetch=fetch, now=NOW)
    assert report.check("signed_by").outcome is CheckOutcome.UNKNOWN
    assert report.check("signed_by").reason == "answer_too_large"
