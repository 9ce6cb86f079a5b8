"""The npm verifiers, which nobody here wrote, judge credentials of each kind of issuer id that this tool can have."""

import copy
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from witnesses import npm

from lti_tool.openbadges import v3
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.status_list import compose_status_list, new_bits, set_bit

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://badges.example.org/issuers/4"
STATUS_URL = "https://badges.example.org/status/3"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
PROFILE = v3.Issuer(id=URL, name="Example College", url="https://college.example", email="badges@college.example")
PAGES = {
    URL: v3.compose_issuer_document(PROFILE, [PUBLIC]),
    Signer(KEY, URL).verification_method: v3.compose_key_document(URL, PUBLIC),
    f"{URL}/did.json": v3.compose_did_document(URL, [PUBLIC]),
}
ISSUERS = {"https": URL, "did:web": v3.did_web_of(URL), "did:key": f"did:key:{Signer(KEY, URL).multikey}"}


def compose(issuer_id, index):
    return v3.compose_credential(
        credential_id="https://badges.example.org/credentials/7b1d",
        issuer=v3.Issuer(id=issuer_id, name="Example College"),
        achievement=v3.AchievementCard(
            id="https://badges.example.org/achievements/aq",
            name="Aquaponics Technician \u2013 \u00d1 \u6c34",
            description="Keeps fish and plants alive.",
            criteria_narrative="All units:\n\n* water\n* fish",
            achievement_type="MicroCredential",
            image_url="https://badges.example.org/aq.png",
            language="en",
            alignments=(v3.Alignment(target_name="Water", target_url="https://f.example/1", target_type="CFItem"),),
            result_descriptions=(v3.ResultDescription(id="urn:uuid:1", name="Score", result_type="Percent"),),
            tags=("fish", "plants"),
        ),
        subject=v3.Subject(email=v3.HashedEmail(email="ana@example.com", salt="s4lt"), name="Ana"),
        valid_from=WHEN,
        awarded_at=WHEN,
        status=v3.StatusEntry(list_url=STATUS_URL, index=index),
        results=(v3.Result(result_description_id="urn:uuid:1", value="82.5"),),
        evidence=(v3.Evidence(id="https://badges.example.org/evidence/1", narrative="A pond"),),
    )


@pytest.mark.parametrize("issuer_id", ISSUERS.values(), ids=ISSUERS)
def test_good_altered_and_revoked_are_told_apart(issuer_id):
    signer = Signer(KEY, issuer_id)
    good, revoked = (signer.sign(compose(issuer_id, index), WHEN) for index in (7, 8))
    altered = copy.deepcopy(good)
    altered["credentialSubject"]["achievement"]["name"] = "Doctor"
    status_list = signer.sign(compose_status_list(STATUS_URL, issuer_id, set_bit(new_bits(), 8), WHEN), WHEN)
    verdicts = npm.verify([good, altered, revoked], {**PAGES, STATUS_URL: status_list})
    for library in npm.LIBRARIES:
        yes, changed, withdrawn = (verdict[library] for verdict in verdicts)
        assert yes == {"verified": True, "errors": [], "status": {"revocation": False}}
        assert not changed["verified"]
        assert changed["errors"]
        assert withdrawn == {"verified": False, "errors": [], "status": {"revocation": True}}
