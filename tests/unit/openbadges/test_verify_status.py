import copy
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lti_tool.errors import OutboundError
from lti_tool.openbadges import v3
from lti_tool.openbadges.issuer_keys import LONGEST, MOST_DOCUMENTS, Documents
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.status_list import compose_status_list, new_bits, set_bit
from lti_tool.openbadges.verify import Verdict, verify_credential

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


def test_revoked(signed, web, signer):
    put_status_list(web, signer, set_bit(new_bits(), INDEX))
    report = verify(signed, web)
    assert report.outcome is Verdict.REVOKED
    assert reason(report, "status") == ("failed", "revoked")


def test_a_neighbours_revocation_does_not_matter(signed, web, signer):
    bits = set_bit(set_bit(new_bits(), INDEX - 1), INDEX + 1)
    put_status_list(web, signer, bits)
    assert verify(signed, web).outcome is Verdict.VALID


def test_the_status_out_of_reach_is_unknown_not_failed(signed, web):
    del web.pages[STATUS_URL]
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "status") == ("unknown", "host_unavailable")


def forged_lists(signer):
    good = compose_status_list(STATUS_URL, ISSUER_ID, new_bits(), WHEN)
    stranger = Signer(OTHER, "https://evil.example/i")
    unsigned = dict(good)
    altered = signer.sign(good, WHEN)
    altered["credentialSubject"]["encodedList"] = compose_status_list("u:u", "u:u", set_bit(new_bits(), 1), WHEN)[
        "credentialSubject"
    ]["encodedList"]
    yield "unsigned", unsigned
    yield "altered", altered
    yield "of another issuer", stranger.sign({**good, "issuer": stranger.controller}, WHEN)
    yield "by a key not listed", Signer(OTHER, ISSUER_ID).sign(good, WHEN)
    yield "out of date", signer.sign({**good, "validUntil": "2026-05-31T00:00:00Z"}, WHEN)
    yield "with a date that is none", signer.sign({**good, "validUntil": "soon"}, WHEN)


@pytest.mark.parametrize("number", range(6))
def test_a_status_list_that_cannot_be_relied_on(signed, web, signer, number):
    _, document = list(forged_lists(signer))[number]
    web.put(STATUS_URL, document)
    report = verify(signed, web)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "status") == ("unknown", "status_list_untrusted")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"statusListIndex": "131072"}, ("unknown", "status_range")),
        ({"statusListIndex": 5}, ("unknown", "status_entry_malformed")),
        ({"statusPurpose": "suspension"}, ("unknown", "status_purpose")),
        ({"statusPurpose": "refresh"}, ("passed", "")),
        ({"statusPurpose": "other"}, ("unknown", "status_entry_malformed")),
        ({"statusListCredential": None}, ("unknown", "status_entry_malformed")),
    ],
)
def test_status_entries_of_all_kinds(compose, signer, web, change, expected):
    document = compose()
    entry = {name: value for name, value in {**document["credentialStatus"], **change}.items() if value is not None}
    document["credentialStatus"] = entry
    assert reason(verify(signer.sign(document, WHEN), web), "status") == expected


def test_a_credential_cannot_send_this_tool_to_any_number_of_hosts(compose, signer, web):
    document = compose()
    entry = document["credentialStatus"]
    document["credentialStatus"] = [
        {
            **entry,
            "id": f"https://host-{number}.example/1#1",
            "statusListCredential": f"https://host-{number}.example/1",
        }
        for number in range(200)
    ]
    asked = []

    def fetch(url, accept):
        asked.append(url)
        return web(url, accept)

    report = verify(signer.sign(document, WHEN), fetch)
    assert reason(report, "status") == ("unknown", "document_unavailable")
    assert len(asked) == MOST_DOCUMENTS


def test_slow_hosts_together_have_one_time(web):
    now = [0.0]
    documents = Documents(web, clock=lambda: now[0])
    assert documents.get(ISSUER_ID)["id"] == ISSUER_ID
    now[0] = LONGEST + 1
    assert documents.get(ISSUER_ID)["id"] == ISSUER_ID
    with pytest.raises(OutboundError, match="too many"):
        documents.get(STATUS_URL)


def test_suspended_and_several_entries(compose, signer, web):
    document = compose()
    revocation = document["credentialStatus"]
    url = "https://badges.example/status/4"
    suspension = {**revocation, "id": f"{url}#7", "statusPurpose": "suspension", "statusListCredential": url}
    document["credentialStatus"] = [revocation, {**suspension, "statusListIndex": "7"}]
    credential = signer.sign(document, WHEN)
    listed = compose_status_list(url, ISSUER_ID, set_bit(new_bits(), 7), WHEN)
    listed["credentialSubject"]["statusPurpose"] = "suspension"
    web.put(url, signer.sign(listed, WHEN))
    assert verify(credential, web).outcome is Verdict.SUSPENDED
    del web.pages[STATUS_URL]  # what is known to be wrong counts more than what could not be asked
    assert verify(credential, web).outcome is Verdict.SUSPENDED


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"issuer": ISSUER_ID, "revokedCredential": []}, ("passed", "")),
        (
            {"issuer": ISSUER_ID, "revokedCredential": [{"id": "https://badges.example/credentials/7b1d"}]},
            ("failed", "revoked"),
        ),
        (
            {"issuer": ISSUER_ID, "revokedCredentials": [{"id": "https://badges.example/credentials/7b1d"}]},
            ("failed", "revoked"),
        ),
        (
            {
                "issuer": ISSUER_ID,
                "revokedCredential": [{"id": "https://badges.example/credentials/7b1d", "revoked": False}],
            },
            ("passed", ""),
        ),
        ({"issuer": "https://evil.example/", "revokedCredential": []}, ("unknown", "status_list_untrusted")),
    ],
)
def test_the_revocation_list_of_1edtech(compose, signer, web, listed, expected):
    document = compose()
    document["credentialStatus"] = {"id": "https://badges.example/revoked", "type": "1EdTechRevocationList"}
    web.put("https://badges.example/revoked", listed)
    assert reason(verify(signer.sign(document, WHEN), web), "status") == expected


def test_a_status_of_a_known_type_that_is_no_status(compose, signer, web):
    document = compose()
    document["credentialStatus"] = {"id": "https://badges.example/x", "type": "Evidence"}
    assert reason(verify(signer.sign(document, WHEN), web), "status") == ("unknown", "status_type_unsupported")


@pytest.mark.parametrize(
    ("now", "verdict", "params"),
    [
        (WHEN - timedelta(seconds=1), "not_yet_valid", {"valid_from": "2026-03-01T09:00:00Z"}),
        (WHEN, "valid", {}),
        (datetime(2029, 2, 28, 23, 59, 59, tzinfo=UTC), "valid", {}),
        (datetime(2029, 3, 1, tzinfo=UTC), "expired", {"valid_until": "2029-03-01T00:00:00Z"}),
    ],
)
def test_dates(signed, web, now, verdict, params):
    report = verify(signed, web, now=now)
    assert report.outcome.value == verdict
    assert report.check("dates").params == params


def test_revoked_counts_more_than_expired_and_expired_more_than_not_known(signed, web, signer):
    later = datetime(2030, 1, 1, tzinfo=UTC)
    put_status_list(web, signer, set_bit(new_bits(), INDEX))
    assert verify(signed, web, now=later).outcome is Verdict.REVOKED
    del web.pages[STATUS_URL]
    assert verify(signed, web, now=later).outcome is Verdict.EXPIRED


@pytest.mark.parametrize("email", ["ana@example.com", " Ana@EXAMPLE.com "])
def test_the_recipient_is_found_in_any_spelling(signed, web, email):
    assert reason(verify(signed, web, recipient_email=email), "recipient") == ("passed", "")


def test_somebody_else_s_badge_is_not_valid_for_the_one_who_asks(signed, web):
    report = verify(signed, web, recipient_email="ben@example.com")
    assert report.outcome is Verdict.INVALID
    assert reason(report, "recipient") == ("failed", "recipient_other")
    assert "ben@" not in json.dumps(report.to_document())


def test_nobody_asked_for_the_recipient(signed, web):
    assert outcomes(verify(signed, web))["recipient"] == "not_checked"


def test_a_badge_without_an_address_cannot_say_whose_it_is(compose, signer, web):
    credential = signer.sign(compose(subject=v3.Subject(id="did:example:ana")), WHEN)
    report = verify(credential, web, recipient_email="ana@example.com")
    assert report.outcome is Verdict.CANNOT_CHECK
    assert reason(report, "recipient") == ("unknown", "recipient_without_email")


@pytest.mark.parametrize(
    "identity",
    [
        {"hashed": False, "identityHash": "Ana@Example.com", "identityType": "emailAddress"},
        {"hashed": True, "identityHash": v3.identity_hash("ana@example.com").upper(), "identityType": "email"},
        {
            "hashed": True,
            "identityHash": v3.identity_hash("Ana@example.com", "x"),
            "identityType": "emailAddress",
            "salt": "x",
        },
    ],
)
def test_identities_as_other_issuers_write_them(compose, signer, web, identity):
    document = compose()
    document["credentialSubject"]["identifier"] = {"type": "IdentityObject", **identity}
    credential = signer.sign(document, WHEN)
    assert verify(credential, web, recipient_email="Ana@example.com").outcome is Verdict.VALID
    assert verify(credential, web, recipient_email="eva@example.com").outcome is Verdict.INVALID


def test_the_report_as_a_document(signed, web):
    document = json.loads(json.dumps(verify(signed, web).to_document()))
    assert document["outcome"] == "valid"
    assert document["checks"][3] == {
        "code": "signed_by",
        "outcome": "passed",
        "reason": "",
        "params": {"issuer": ISSUER_ID},
    }
    with pytest.raises(KeyError):
        verify(signed, web).check("smell")


def test_the_source_is_not_changed(signed, web):
    before = copy.deepcopy(signed)
    verify(signed, web)
    assert signed == before
