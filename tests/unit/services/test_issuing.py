"""Claiming and issuing: judged once more, composed, signed, verified by ourselves, stored once."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from claims import Wallets, wallets_on
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import IssuingError, NotClaimableError, NotFoundError
from lti_tool.jobs import schedule, signing
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    Credential,
    CredentialVersion,
    IssuerKey,
    IssuerProfile,
    Item,
    StatusList,
    TraceMoment,
    User,
    VersionState,
)
from lti_tool.openbadges import proof, status_list
from lti_tool.openbadges.proof import Signer, decode_multikey, verify_proof
from lti_tool.openbadges.v3_model import identity_hash
from lti_tool.services import achievements, issuers, issuing, wallet
from lti_tool.services.issuing import Claim


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def claim(wallets: Wallets, *, user_id: int | None = None, context_id: int | None = None) -> Claim | None:
    with wallets.services.database.write() as session:
        return issuing.claim(
            session,
            context_id or wallets.course.context_id,
            wallets.award_id(),
            user_id or wallets.ada,
            show_name=False,
            now=wallets.course.now,
        )


def refusal(wallets: Wallets) -> str:
    with pytest.raises(NotClaimableError) as caught:
        claim(wallets)
    return caught.value.code


# -- the claim --------------------------------------------------------------------------------------------------------


def test_a_claim_leaves_a_pending_copy_and_the_reason(wallets: Wallets) -> None:
    made = claim(wallets)
    assert made == Claim(1, 1)
    with wallets.services.database.read() as session:
        version = session.get_one(CredentialVersion, 1)
    assert (version.state, version.document, version.number) == (VersionState.PENDING, None, 1)
    assert wallets.course.award().state is AwardState.CLAIMED
    assert [trace.moment for trace in wallets.course.traces()] == [TraceMoment.OFFERED, TraceMoment.CLAIMED]


def test_claiming_again_returns_the_same_credential(wallets: Wallets) -> None:
    assert claim(wallets) == claim(wallets)
    assert wallets.count(Credential) == 1


def test_not_met_any_more_lapses_and_may_be_offered_again(wallets: Wallets) -> None:
    wallets.course.grade(wallets.essay, wallets.ada, "69.5")
    assert claim(wallets) is None
    award = wallets.course.award()
    assert (award.state, award.reason_code) == (AwardState.LAPSED, "needs_more")
    assert refusal(wallets) == "award_lapsed"
    wallets.course.later(hours=1)
    wallets.course.read_again(wallets.essay)
    wallets.course.grade(wallets.essay, wallets.ada, "70")
    wallets.course.evaluate()
    assert claim(wallets) is not None


def test_what_cannot_be_told_leaves_the_offer(wallets: Wallets) -> None:
    wallets.course.later(days=8)
    assert refusal(wallets) == "evidence_unknown"
    assert wallets.course.award().state is AwardState.OFFERED
    assert wallets.count(Credential) == 0


@pytest.mark.parametrize("state", [AwardState.HELD, AwardState.REVOKED, AwardState.SUSPENDED, AwardState.DECLINED])
def test_only_offers_can_be_claimed(wallets: Wallets, state: AwardState) -> None:
    with wallets.services.database.write() as session:
        session.scalars(select(Award)).one().state = state
    assert refusal(wallets) == f"award_{state.value}"


def test_a_retired_badge_is_not_given_any_more(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.get_one(Achievement, wallets.achievement_id).state = AchievementState.RETIRED
    assert refusal(wallets) == "achievement_retired"


def test_nobody_claims_for_somebody_else_or_in_another_course(wallets: Wallets) -> None:
    ben, other = wallets.course.person("ben"), wallets.course.add_course("course-2")
    with pytest.raises(NotFoundError):
        claim(wallets, user_id=ben)
    with pytest.raises(NotFoundError):
        claim(wallets, context_id=other)


def test_somebody_who_is_no_member_does_not_claim(wallets: Wallets) -> None:
    eve = wallets.course.person("eve", enrolled=False)
    with wallets.services.database.write() as session:
        session.scalars(select(Award)).one().user_id = eve
    with pytest.raises(NotClaimableError) as caught, wallets.services.database.write() as session:
        issuing.claim(session, wallets.course.context_id, 1, eve, show_name=False, now=wallets.course.now)
    assert caught.value.code == "test_user"


# -- the document -----------------------------------------------------------------------------------------------------


def test_the_document_says_what_was_earned_and_hides_who(wallets: Wallets) -> None:
    wallets.claim()
    document = wallets.document(1)
    subject = document["credentialSubject"]
    (identity,) = subject["identifier"]
    assert identity["identityHash"] == identity_hash("ada@lakeside.example", identity["salt"])
    assert "Ada" not in json.dumps(document)
    assert "lakeside.example" not in json.dumps(document)
    assert [one["targetName"] for one in subject["achievement"]["alignment"]] == ["Skill of Writer"]
    assert document["awardedDate"] == document["validFrom"] == "2026-03-02T09:00:00Z"
    with wallets.services.database.read() as session:
        credential = session.get_one(Credential, 1)
    assert document["id"] == credential.url_id
    assert document["issuer"]["id"] == credential.issuer_url_id


def test_a_skill_with_any_identifier_has_an_address(wallets: Wallets) -> None:
    """Identifiers come from files that people write; the signed document needs a URL."""
    made = claim(wallets)
    assert made is not None
    with wallets.services.database.write() as session:
        (item,) = [one for one in session.scalars(select(Item)) if one.full_statement == "Skill of Writer"]
        item.identifier, item.uri = "AQ 1#b?/é", None
    signing.issue(wallets.services, made.version_id)
    (alignment,) = wallets.document(made.credential_id)["credentialSubject"]["achievement"]["alignment"]
    assert alignment["targetUrl"].endswith("/competencies/AQ%201%23b%3F/%C3%A9")
    assert alignment["targetCode"] == "AQ 1#b?/é"


def test_after_the_rule_changed_the_badge_names_the_skill_that_was_judged(wallets: Wallets) -> None:
    """An offer made for the essay must not become a badge for the essay when the talk is what counted."""
    course, award_id = wallets.course, wallets.award_id()
    talk = course.column("Talk")
    course.grade(talk, wallets.ada, "95")
    other = course.skill("Speak freely", {talk: "70"})
    course.grade(wallets.essay, wallets.ada, "10")
    with wallets.services.database.write() as session:
        achievement = session.get_one(Achievement, wallets.achievement_id)
        achievements.write_rule(session, achievement, {"competency": other}, course.now)
    with wallets.services.database.read() as session:
        offer = wallet.get_offer(session, course.context_id, wallets.ada, award_id, course.now)
    assert [item.full_statement for item in offer.skills] == ["Speak freely"]
    document = wallets.document(wallets.claim())
    named = document["credentialSubject"]["achievement"]["alignment"]
    assert [one["targetName"] for one in named] == ["Speak freely"]


def test_two_badges_of_one_person_cannot_be_linked(wallets: Wallets) -> None:
    second = wallets.course.badge_for(wallets.essay, name="Reader")
    wallets.course.evaluate()
    with wallets.services.database.read() as session:
        awards = list(session.scalars(select(Award.id).where(Award.user_id == wallets.ada)))
    assert (len(awards), second) == (2, 2)
    for award_id in awards:
        with wallets.services.database.write() as session:
            made = issuing.claim(
                session, wallets.course.context_id, award_id, wallets.ada, show_name=False, now=wallets.course.now
            )
        assert made is not None
        signing.issue(wallets.services, made.version_id)
    hashes = {wallets.document(one)["credentialSubject"]["identifier"][0]["identityHash"] for one in (1, 2)}
    assert len(hashes) == 2


def test_without_an_email_address_the_subject_is_a_number_of_ours(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.get_one(User, wallets.ada).email = None
    wallets.claim()
    subject = wallets.document(1)["credentialSubject"]
    assert subject["id"].startswith("urn:uuid:")
    assert "identifier" not in subject


def test_the_awarded_version_is_in_the_document_whatever_was_written_since(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        written = session.get_one(Achievement, wallets.achievement_id)
        version = written.current_version
        assert version is not None
        values = {name: getattr(version, name) for name in achievements.CONTENT}
        content = achievements.Content(**{**values, "name": "Author"})
        achievements.write_content(session, written, content, wallets.course.now)
    wallets.claim()
    assert wallets.document(1)["credentialSubject"]["achievement"]["name"] == "Writer"


# -- signing ----------------------------------------------------------------------------------------------------------


def test_the_stored_text_verifies_with_the_issuers_key(wallets: Wallets) -> None:
    wallets.claim()
    with wallets.services.database.read() as session:
        (multikey,) = issuers.public_keys(session, wallets.course.issuer_id)
    verify_proof(wallets.document(1), decode_multikey(multikey))


def test_a_copy_is_signed_with_the_key_it_was_claimed_under(wallets: Wallets) -> None:
    credential_id = wallets.claim(sign=False)
    with wallets.services.database.write() as session:
        before = session.scalars(select(IssuerKey)).one().public_key_multibase
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        issuers.add_key(session, profile, wallets.services.vault, wallets.course.now)
    schedule.run_due(wallets.services)
    verify_proof(wallets.document(credential_id), decode_multikey(before))


def test_what_our_own_check_refuses_is_never_stored(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    wallets.claim(sign=False)
    other = Ed25519PrivateKey.generate()

    def wrong(self: Signer, document: dict[str, object], created: object) -> dict[str, object]:
        signed = proof.sign_document(
            document, other, verification_method=self.verification_method, created=wallets.course.now
        )
        return dict(signed)

    with monkeypatch.context() as patch:
        patch.setattr(Signer, "sign", wrong)
        signing.issue(wallets.services, 1)
    with wallets.services.database.read() as session:
        version = session.get_one(CredentialVersion, 1)
    assert (version.state, version.document, version.error_code) == (VersionState.PENDING, None, "self_check_failed")
    assert version.due_at == wallets.course.now + timedelta(seconds=30)
    assert schedule.run_due(wallets.services) == 0
    wallets.course.later(seconds=31)
    schedule.run_due(wallets.services)
    with wallets.services.database.read() as session:
        version = session.get_one(CredentialVersion, 1)
    assert (version.state, version.error_code) == (VersionState.ISSUED, None)


def test_signing_twice_keeps_the_first_text(wallets: Wallets) -> None:
    wallets.claim()
    text = wallets.document(1)
    wallets.course.later(days=1)
    signing.issue(wallets.services, 1)
    assert wallets.document(1) == text
    assert [event.action for event in wallets.course.events("credential.")] == ["credential.issued"]


def test_a_failure_is_tried_later_and_later_but_not_for_ever_later(wallets: Wallets) -> None:
    wallets.claim(sign=False)
    waits = []
    for _ in range(25):
        with wallets.services.database.write() as session:
            issuing.record_failure(session, 1, IssuingError.code, wallets.course.now)
            waits.append(session.get_one(CredentialVersion, 1).due_at - wallets.course.now)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=30), timedelta(minutes=10))


# -- places in the status list ----------------------------------------------------------------------------------------


def test_a_half_full_list_is_followed_by_another(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_list, "MIN_SIZE", 8)
    monkeypatch.setattr(status_list, "new_bits", lambda: bytes(1))
    people = [wallets.course.person(f"learner-{number}") for number in range(7)]
    for user_id in people:
        wallets.course.grade(wallets.essay, user_id, "80")
    wallets.course.evaluate()
    for user_id in people:
        wallets.claim(user_id, sign=False)
    with wallets.services.database.read() as session:
        places = list(session.execute(select(CredentialVersion.status_list_id, CredentialVersion.status_index)))
    assert len(set(places)) == 7
    assert wallets.count(StatusList) == 2
    assert sum(place[0] == 1 for place in places) == 5
