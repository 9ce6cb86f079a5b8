"""A key in wrong hands: it is not listed any more, and what it signed is signed anew."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from claims import Wallets
from reissue_world import again, claimed_on, copies, documents, ensure_hosted, is_revoked, revoked_ids, signed_claims

from lti_tool.errors import NotFoundError
from lti_tool.jobs import signing
from lti_tool.models import Credential, IssuerProfile
from lti_tool.openbadges import proof
from lti_tool.services import compromised_keys, issuers, revoking, second_face_parts


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada claimed her badge, without her name; a minute passed."""
    with claimed_on(migrated_sqlite_url) as wallets:
        yield wallets


def test_what_a_compromised_key_signed_is_signed_anew(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    claims = signed_claims(wallets)
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        compromised_keys.withdraw_keys(session, profile, wallets.services.vault, wallets.course.now, actor="cli")
        asked = compromised_keys.sign_anew(session, profile, wallets.course.now, actor="cli")
        again_asked = compromised_keys.sign_anew(session, profile, wallets.course.now, actor="cli")
        version_id = session.get_one(Credential, 1).versions[-1].id
    assert (asked, again_asked) == (1, 0)
    signing.issue(wallets.services, version_id)
    with wallets.services.database.write() as session:
        assert compromised_keys.sign_anew(session, profile, wallets.course.now, actor="cli") == 0
        (key,) = issuers.public_keys(session, wallets.course.issuer_id)
    old, new = documents(wallets)
    proof.verify_proof(new, proof.decode_multikey(key))
    assert old["proof"]["verificationMethod"].endswith(new["proof"]["verificationMethod"].rpartition("/")[2]) is False
    assert new["credentialSubject"]["identifier"][0]["identityType"] == "emailAddress"
    assert [is_revoked(wallets, one) for one in copies(wallets)] == [True, False]
    assert copies(wallets)[1].reason == "key"
    assert revoked_ids(wallets) == [claims["id"]]
    kid = claims["verification"]["creator"].rpartition("/")[2].partition(".")[0]
    with wallets.services.database.read() as session:
        public_id = session.get_one(IssuerProfile, wallets.course.issuer_id).public_id
        with pytest.raises(NotFoundError):
            second_face_parts.key(session, public_id, kid)
    assert signed_claims(wallets)["verification"]["creator"] != claims["verification"]["creator"]


def test_what_waits_for_its_signature_gets_the_new_key(wallets: Wallets) -> None:
    version_id = again(wallets, show_name=True, sign=False)
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        compromised_keys.withdraw_keys(session, profile, wallets.services.vault, wallets.course.now, actor="cli")
        (key,) = issuers.public_keys(session, profile.id)
    signing.issue(wallets.services, version_id)
    proof.verify_proof(documents(wallets)[1], proof.decode_multikey(key))


def test_a_badge_that_does_not_hold_is_not_signed_anew(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        compromised_keys.withdraw_keys(
            session, profile, wallets.services.vault, wallets.course.now + timedelta(hours=1), actor="cli"
        )
        assert compromised_keys.sign_anew(session, profile, wallets.course.now, actor="cli") == 0
