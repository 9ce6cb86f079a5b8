import copy
from dataclasses import replace

import pytest

from lti_tool.errors import IssuingError
from lti_tool.openbadges import v2, v2_model
from lti_tool.openbadges.v3_model import AchievementCard, Alignment, Evidence, HashedEmail, Issuer

BASE = "https://badges.example"
ISSUER = Issuer(
    id=f"{BASE}/issuers/4", name="Example College", url="https://college.example", email="b@college.example"
)
CARD = AchievementCard(
    id=f"{BASE}/achievements/aq",
    name="Aquaponics",
    description="Keeps fish alive.",
    criteria_narrative="All units.",
    image_url=f"{BASE}/pictures/1.png",
    image_caption="A fish",
    language="en",
    alignments=(Alignment(target_name="Water", target_url="https://f.example/1", target_type="CFItem"),),
    tags=("fish", " "),
    achievement_type="MicroCredential",
)
AWARD = v2_model.Award(
    hosted_url=v2_model.assertion_url(BASE, "7b1d"),
    issuer=ISSUER,
    achievement=CARD,
    version=2,
    recipient=HashedEmail(email=" Alice@Example.org", salt="s4lt"),
    issued_on="2026-03-01T09:00:00Z",
    expires="2029-03-01T00:00:00Z",
    image_url=f"{BASE}/credentials/7b1d.ob2.png",
    evidence=(Evidence(id=f"{BASE}/e/91", narrative="Final project"),),
    narrative="Did well.",
)
HASH = "sha256$081e07ee2ae2d376eb9cd04d9c4ff9479fbb1e7642ece147afa335408920895c"


def code_of(function, *arguments):
    with pytest.raises(IssuingError) as refusal:
        function(*arguments)
    return refusal.value.code


def test_a_hosted_assertion():
    """The recipient is hashed as 2.0 has it: the salt behind the address in lower case, without blanks."""
    assert v2.compose_hosted_assertion(AWARD) == {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": f"{BASE}/credentials/7b1d.ob2.json",
        "recipient": {"type": "email", "hashed": True, "salt": "s4lt", "identity": HASH},
        "badge": f"{BASE}/achievements/aq/versions/2.ob2.json",
        "verification": {"type": "HostedBadge"},
        "issuedOn": "2026-03-01T09:00:00Z",
        "expires": "2029-03-01T00:00:00Z",
        "image": f"{BASE}/credentials/7b1d.ob2.png",
        "evidence": [{"id": f"{BASE}/e/91", "narrative": "Final project"}],
        "narrative": "Did well.",
    }


def test_a_signed_assertion_names_its_key_and_nobodys_address():
    hosted, signed = v2.compose_hosted_assertion(AWARD), v2.compose_signed_assertion(AWARD, "k")
    assert signed["id"].startswith("urn:uuid:")
    assert signed["verification"] == {"type": "SignedBadge", "creator": f"{BASE}/issuers/4/keys/k.ob2.json"}
    assert signed["badge"] == f"{BASE}/achievements/aq/versions/2/keys/k.ob2.json"
    same = set(hosted) - {"id", "verification", "badge"}
    assert {name: hosted[name] for name in same} == {name: signed[name] for name in same}
    other = replace(AWARD, recipient=HashedEmail(email="alice@example.org", salt="other"))
    assert v2.compose_signed_assertion(AWARD, "other")["id"] == signed["id"]
    assert v2.compose_signed_assertion(other, "k")["id"] != signed["id"]


def test_what_is_not_there_is_left_out():
    bare = replace(AWARD, expires=None, image_url=None, evidence=(), narrative=None)
    assert set(v2.compose_hosted_assertion(bare)) == {
        "@context", "type", "id", "recipient", "badge", "verification", "issuedOn",
    }  # fmt: skip


def test_a_badge_class():
    document = v2.compose_badge_class(CARD, 2, ISSUER)
    assert document == {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "BadgeClass",
        "id": f"{BASE}/achievements/aq/versions/2.ob2.json",
        "name": "Aquaponics",
        "description": "Keeps fish alive.",
        "image": {"id": f"{BASE}/pictures/1.png", "caption": "A fish"},
        "criteria": {"narrative": "All units."},
        "issuer": f"{BASE}/issuers/4.ob2.json",
        "alignment": [{"targetName": "Water", "targetUrl": "https://f.example/1"}],
        "tags": ["fish"],
        "@language": "en",
        "version": "2",
    }
    own = copy.deepcopy(document)
    own |= {
        "id": f"{BASE}/achievements/aq/versions/2/keys/k.ob2.json",
        "issuer": f"{BASE}/issuers/4/keys/k/profile.ob2.json",
    }
    assert v2.compose_badge_class(CARD, 2, ISSUER, "k") == own
    plain = v2.compose_badge_class(replace(CARD, image_caption=None, alignments=(), tags=()), 2, ISSUER)
    assert plain["image"] == f"{BASE}/pictures/1.png"
    assert not {"alignment", "tags"} & set(plain)


@pytest.mark.parametrize("missing", [{"image_url": None}, {"name": " "}, {"criteria_narrative": ""}])
def test_a_badge_class_needs_its_parts(missing):
    assert code_of(v2.compose_badge_class, replace(CARD, **missing), 1, ISSUER) == "credential_incomplete"


def test_key_and_profile_point_at_each_other():
    profile, key = v2.compose_profile(ISSUER, "k"), v2.compose_key(ISSUER.id, "k", "PEM")
    assert (profile["publicKey"], key["owner"]) == (key["id"], profile["id"])
    assert key["publicKeyPem"] == "PEM"
    hosted = v2.compose_profile(ISSUER)
    assert hosted["id"] == f"{BASE}/issuers/4.ob2.json"
    assert "publicKey" not in hosted
    for one in (profile, hosted):
        assert one["revocationList"] == v2.compose_revocation_list(ISSUER.id, [])["id"]
        assert AWARD.hosted_url.startswith(one["verification"]["startsWith"])


@pytest.mark.parametrize("missing", [{"email": None}, {"url": None}, {"email": ""}])
def test_an_issuer_needs_an_email_and_a_web_address(missing):
    assert code_of(v2.compose_profile, replace(ISSUER, **missing)) == "issuer_incomplete"


def test_a_revocation_list():
    assert v2.compose_revocation_list(ISSUER.id, []) == {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "RevocationList",
        "id": f"{BASE}/issuers/4/revocations.ob2.json",
        "issuer": f"{BASE}/issuers/4.ob2.json",
        "revokedAssertions": [],
    }
    listed = v2.compose_revocation_list(ISSUER.id, iter(["urn:uuid:1"]))["revokedAssertions"]
    assert listed[0] == {"id": "urn:uuid:1", "revoked": True}
    assert len(listed) == 2


@pytest.mark.parametrize("recipient", [HashedEmail(email=" ", salt="s"), HashedEmail(email="a@b.example", salt="")])
def test_a_recipient_is_never_named_in_the_clear(recipient):
    assert code_of(v2.compose_hosted_assertion, replace(AWARD, recipient=recipient)) == "credential_incomplete"
