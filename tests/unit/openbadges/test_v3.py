import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.errors import IssuingError
from lti_tool.openbadges import v3
from lti_tool.openbadges.safe_mode import check_safe

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OPAQUE = "urn:uuid:0c8f2b1e-7a33-4c1a-9b7e-2f1d4f9f3a55"


def identifiers(document):
    return document["credentialSubject"]["identifier"]


def empties(value):
    if isinstance(value, dict):
        return any(child in (None, "", []) or empties(child) for child in value.values())
    return isinstance(value, list) and any(map(empties, value))


def test_the_members_and_forms_of_the_standard(compose):
    document = compose()
    assert document["@context"] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
    ]
    assert document["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert document["validFrom"] == document["awardedDate"] == "2026-03-01T09:00:00Z"
    assert document["validUntil"] == "2029-03-01T00:00:00Z"
    assert document["issuer"]["type"] == ["Profile"]
    assert document["credentialStatus"] == {
        "id": "https://badges.example/status/3#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": "https://badges.example/status/3",
    }
    assert document["credentialSchema"][0]["type"] == "1EdTechJsonSchemaValidator2019"
    achievement = document["credentialSubject"]["achievement"]
    assert achievement["criteria"]["narrative"] == "Score 70 or more\nin the final project."
    assert "type" not in achievement["criteria"]
    assert achievement["image"]["type"] == "Image"
    assert document["credentialSubject"]["result"][0]["resultDescription"] == achievement["resultDescription"][0]["id"]
    assert not empties(document)


def test_a_hashed_email_tells_the_hash_and_the_salt_only(compose):
    email = identifiers(compose())[0]
    expected = hashlib.sha256(b"ana@example.comKosher").hexdigest()
    assert email == {
        "type": "IdentityObject",
        "hashed": True,
        "identityHash": f"sha256${expected}",
        "identityType": "emailAddress",
        "salt": "Kosher",
    }
    assert "example.com" not in json.dumps(identifiers(compose())).lower()


def test_the_hash_is_the_one_of_the_standard():
    assert (
        v3.identity_hash("a@example.com", "Kosher")
        == "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"
    )


def test_spellings_of_one_address_give_one_hash():
    assert v3.normalise_email(" A\u0301na@Example.COM\n") == v3.normalise_email("Ána@example.com") == "ána@example.com"


def test_a_name_is_in_the_document_only_when_given(compose):
    named = identifiers(compose())[1]
    assert named == {"type": "IdentityObject", "hashed": False, "identityHash": "Ana Ñandú", "identityType": "name"}
    nameless = compose(subject=v3.Subject(email=v3.HashedEmail(email="ana@example.com", salt="s")))
    assert [one["identityType"] for one in identifiers(nameless)] == ["emailAddress"]


@pytest.mark.parametrize("subject_id", [OPAQUE, "https://badges.example/subjects/1", "did:key:z6MkExample"])
def test_a_subject_with_an_id_needs_no_email(compose, subject_id):
    subject = compose(subject=v3.Subject(id=subject_id))["credentialSubject"]
    assert subject["id"] == subject_id
    assert "identifier" not in subject


def test_the_least_credential_is_complete_and_safe(compose):
    card = v3.AchievementCard(id="https://b.example/a", name="A", description="D", criteria_narrative="C")
    document = compose(
        achievement=card,
        issuer=v3.Issuer(id="https://b.example/i", name="I"),
        subject=v3.Subject(id=OPAQUE),
        valid_until=None,
        status=None,
        results=(),
        evidence=(),
        narrative=None,
    )
    assert set(document) == {
        "@context", "id", "type", "name", "description", "issuer",
        "validFrom", "awardedDate", "credentialSubject", "credentialSchema",
    }  # fmt: skip
    assert set(document["credentialSubject"]["achievement"]) == {"id", "type", "name", "description", "criteria"}
    check_safe(document)


def test_what_a_paste_brings_along_is_left_out(compose, achievement):
    card = replace(achievement, name="Data\x0b Basics\ufffe\x7f", criteria_narrative=" one\r\ntwo\rthree\x00\t ")
    document = compose(achievement=card)
    assert document["name"] == "Data Basics"
    assert document["credentialSubject"]["achievement"]["criteria"]["narrative"] == "one\ntwo\nthree"
    check_safe(document)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("achievement", {"name": " "}),
        ("achievement", {"description": ""}),
        ("achievement", {"criteria_narrative": "\x00"}),
        ("achievement", {"id": ""}),
        ("achievement", {"achievement_type": "Micro-Credential"}),
        ("achievement", {"achievement_type": "ext:"}),
        ("achievement", {"alignments": (v3.Alignment(target_name="", target_url="https://x.example/"),)}),
        ("achievement", {"alignments": (v3.Alignment(target_name="x", target_url=""),)}),
        (
            "achievement",
            {"alignments": (v3.Alignment(target_name="x", target_url="https://x.example/", target_type="Item"),)},
        ),
        ("issuer", {"name": ""}),
        ("issuer", {"id": ""}),
    ],
)
def test_an_incomplete_part_is_refused(compose, request, part, change):
    with pytest.raises(IssuingError) as refusal:
        compose(**{part: replace(request.getfixturevalue(part), **change)})
    assert refusal.value.code == "credential_incomplete"


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_id": ""},
        {"subject": v3.Subject(name="Ana")},
        {"subject": v3.Subject(email=v3.HashedEmail(email=" ", salt="s"))},
        {"subject": v3.Subject(email=v3.HashedEmail(email="a@b.example", salt=""))},
        {"valid_from": START, "valid_until": START},
        {"valid_from": START, "valid_until": START - timedelta(days=1)},
    ],
)
def test_an_incomplete_credential_is_refused(compose, changes):
    with pytest.raises(IssuingError) as refusal:
        compose(**changes)
    assert refusal.value.code == "credential_incomplete"


def test_own_kinds_are_extensions(compose, achievement):
    card = replace(
        achievement,
        achievement_type="ext:LabLicence",
        alignments=(v3.Alignment(target_name="x", target_url="https://x.example/", target_type="ext:Skill"),),
    )
    found = compose(achievement=card)["credentialSubject"]["achievement"]
    assert (found["achievementType"], found["alignment"][0]["targetType"]) == ("ext:LabLicence", "ext:Skill")


def test_the_achievement_document_names_its_creator(achievement, issuer):
    document = v3.compose_achievement_document(achievement, issuer)
    assert document["id"] == achievement.id
    assert document["creator"]["id"] == issuer.id
    check_safe(document)


def test_a_reissue_keeps_the_id_and_the_first_award(compose):
    later = compose(valid_from=START + timedelta(days=9))
    assert later["id"] == compose()["id"]
    assert later["awardedDate"] == "2026-03-01T09:00:00Z"
    assert later["validFrom"] == "2026-03-10T09:00:00Z"
