"""The Open Badges 2.0 face of a credential: when it can be, whom it names, and how it follows new copies."""

from collections.abc import Iterator

import pytest
from claims import Wallets
from reissue_world import (
    again,
    change,
    claimed_on,
    ensure_hosted,
    hosted_document,
    revoked_ids,
    signed_claims,
    signed_form,
)

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Credential, IssuerProfile
from lti_tool.openbadges.v3_model import identity_hash
from lti_tool.services import hosted_badges, revoking, second_face
from lti_tool.services.reissuing import SubjectChoice


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada claimed her badge, without her name; a minute passed."""
    with claimed_on(migrated_sqlite_url) as wallets:
        yield wallets


def test_the_second_face_needs_an_address_an_issuer_and_a_signature(wallets: Wallets) -> None:
    url = ensure_hosted(wallets)
    assert ensure_hosted(wallets, "ADA@lakeside.example ") == url
    with pytest.raises(ConflictError) as caught:
        ensure_hosted(wallets, "ben@lakeside.example")
    assert caught.value.code == "recipient_other"
    again(wallets, SubjectChoice.NONE)
    change(wallets, email=None)
    with pytest.raises(ConflictError) as caught:
        ensure_hosted(wallets)
    assert caught.value.code == "subject_without_email"
    with wallets.services.database.write() as session:
        session.get_one(IssuerProfile, wallets.course.issuer_id).email = None
    with pytest.raises(Exception, match="no e-mail or web address") as incomplete:
        ensure_hosted(wallets)
    assert getattr(incomplete.value, "code", "") == "issuer_incomplete"


def test_the_second_face_follows_to_another_address(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    before, text = hosted_document(wallets), signed_form(wallets)
    change(wallets, email="ada.new@lakeside.example")
    again(wallets, SubjectChoice.EMAIL)
    after = hosted_document(wallets)
    assert before["id"] == after["id"]
    recipient = after["recipient"]
    assert recipient["identity"] == identity_hash("ada.new@lakeside.example", recipient["salt"])
    assert recipient["salt"] != before["recipient"]["salt"]
    assert signed_form(wallets) != text
    assert revoked_ids(wallets) == []


def test_signed_forms_are_taken_back_with_the_earlier_copies(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    claims = signed_claims(wallets)
    again(wallets, show_name=True, replaces=True)
    assert revoked_ids(wallets) == [claims["id"]]
    assert "revoked" not in hosted_document(wallets)
    assert signed_claims(wallets)["id"] not in revoked_ids(wallets)


def test_a_signed_form_to_an_earlier_address_ends_with_the_award(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    claims = signed_claims(wallets)
    change(wallets, email="ada.new@lakeside.example")
    again(wallets, SubjectChoice.EMAIL)
    later = signed_claims(wallets)
    assert revoked_ids(wallets) == []
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    assert revoked_ids(wallets) == [claims["id"], later["id"]]


def test_a_signed_form_to_an_earlier_address_is_taken_back_with_the_others(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    claims = signed_claims(wallets)
    change(wallets, email="ada.new@lakeside.example")
    again(wallets, SubjectChoice.EMAIL)
    later = signed_claims(wallets)
    again(wallets, show_name=True, replaces=True)
    assert revoked_ids(wallets) == [claims["id"], later["id"]]


def test_an_address_that_was_taken_back_comes_back_only_when_its_learner_asks(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    again(wallets, SubjectChoice.NONE, replaces=True)
    with wallets.services.database.write() as session:
        credential, now = session.get_one(Credential, 1), wallets.course.now
        with pytest.raises(ConflictError) as caught:
            second_face.ensure_hosted(session, credential, None, now, restores=False)
        assert caught.value.code == "address_taken_back"
        page = hosted_badges.assertions_page(session, wallets.ada, None, 0, 10, now)
    assert (page.total, page.documents) == (1, ())
    assert hosted_document(wallets)["revoked"] is True
    again(wallets, SubjectChoice.EMAIL)
    with wallets.services.database.write() as session:
        second_face.ensure_hosted(session, session.get_one(Credential, 1), None, now, restores=False)
    assert "revoked" not in hosted_document(wallets)


def test_without_an_address_the_second_face_is_taken_back_or_stays(wallets: Wallets) -> None:
    ensure_hosted(wallets)
    again(wallets, SubjectChoice.NONE)
    assert "revoked" not in hosted_document(wallets)
    again(wallets, SubjectChoice.KEEP, show_name=True, replaces=True)
    assert hosted_document(wallets)["revoked"] is True
    with wallets.services.database.write() as session, pytest.raises(NotFoundError):
        second_face.signed_form(session, wallets.public_id(1), wallets.services.vault, wallets.course.now)
    ensure_hosted(wallets)
    assert "revoked" not in hosted_document(wallets)
