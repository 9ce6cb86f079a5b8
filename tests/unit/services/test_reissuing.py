"""Issuing again: the same credential with another name, address or wallet; earlier copies."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from claims import Wallets
from reissue_world import again, change, claimed_on, copies, documents, is_revoked
from sqlalchemy import select

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.jobs import signing
from lti_tool.models import (
    Award,
    BackpackConnection,
    ConnectionState,
    Credential,
    Delivery,
    DeliveryState,
    SubjectKind,
    VersionState,
)
from lti_tool.openbadges.v3_model import identity_hash
from lti_tool.services import backpacks, credentials, delivery, publishing, reissuing, revoking
from lti_tool.services.reissuing import SubjectChoice

DID = "did:key:z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada claimed her badge, without her name; a minute passed."""
    with claimed_on(migrated_sqlite_url) as wallets:
        yield wallets


def refused(wallets: Wallets, *arguments: Any, **options: Any) -> str:
    with pytest.raises((ConflictError, InvalidInputError)) as caught:
        again(wallets, *arguments, **options)
    return caught.value.code


# -- name and address -------------------------------------------------------------------------------------------------


def test_a_new_copy_is_the_same_credential_from_later_on(wallets: Wallets) -> None:
    again(wallets, show_name=True)
    first, second = documents(wallets)
    same = ("id", "awardedDate", "issuer", "name")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert second["validFrom"] > first["validFrom"]
    assert second["credentialStatus"]["statusListIndex"] != first["credentialStatus"]["statusListIndex"]
    email, name = second["credentialSubject"]["identifier"]
    assert name["identityHash"] == "Ada Okafor"
    assert email["identityHash"] == identity_hash("ada@lakeside.example", email["salt"])
    assert email["salt"] != first["credentialSubject"]["identifier"][0]["salt"]
    old, new = copies(wallets)
    assert (old.state, new.state, new.reason) == (VersionState.SUPERSEDED, VersionState.ISSUED, "name")
    assert not is_revoked(wallets, old)
    with wallets.services.database.read() as session:
        assert json.loads(publishing.signed_copy(session, wallets.public_id(1)).text) == second
        assert session.get_one(Award, wallets.award_id()).shows_name


def test_earlier_copies_end_when_the_learner_asks_but_not_before_the_new_one_is_signed(wallets: Wallets) -> None:
    version_id = again(wallets, show_name=True, replaces=True, sign=False)
    assert not is_revoked(wallets, copies(wallets)[0])
    with wallets.services.database.read() as session:
        assert publishing.newest_copy(session, wallets.public_id(1)).number == 1
    signing.issue(wallets.services, version_id)
    assert [is_revoked(wallets, one) for one in copies(wallets)] == [True, False]


def test_a_changed_address_is_carried_by_a_new_copy(wallets: Wallets) -> None:
    change(wallets, email="ada.new@lakeside.example")
    with wallets.services.database.read() as session:
        assert reissuing.choices(session.get_one(Credential, 1)).is_outdated
    again(wallets, SubjectChoice.EMAIL)
    assert (copies(wallets)[1].subject, copies(wallets)[1].reason) == ("ada.new@lakeside.example", "email")
    with wallets.services.database.read() as session:
        assert not reissuing.choices(session.get_one(Credential, 1)).is_outdated


def test_a_badge_without_an_address_gets_a_copy_with_one(wallets: Wallets) -> None:
    """What was given without a claim names no address; its learner asks for one, so that backpacks take it."""
    again(wallets, SubjectChoice.NONE)
    opaque = copies(wallets)[1]
    assert (opaque.subject_kind, opaque.subject.partition("-")[0][:9]) == (SubjectKind.OPAQUE, "urn:uuid:")
    again(wallets, SubjectChoice.EMAIL)
    assert copies(wallets)[2].subject_kind is SubjectKind.EMAIL_HASH
    starts = [one.valid_from for one in copies(wallets)]
    assert starts == sorted(set(starts))


def test_what_would_say_the_same_is_not_made(wallets: Wallets) -> None:
    assert refused(wallets) == refused(wallets, SubjectChoice.EMAIL) == "copy_unchanged"
    change(wallets, email="Ada@Lakeside.example")
    assert refused(wallets, SubjectChoice.EMAIL) == "copy_unchanged"
    change(wallets, email=None)
    assert refused(wallets, SubjectChoice.EMAIL) == "subject_without_email"
    assert len(copies(wallets)) == 1


def test_one_copy_at_a_time(wallets: Wallets) -> None:
    again(wallets, show_name=True, sign=False)
    assert refused(wallets, SubjectChoice.NONE) == "credential_pending"


@pytest.mark.parametrize("state", [AwardState.SUSPENDED, AwardState.REVOKED])
def test_only_a_badge_that_is_held_gets_one(wallets: Wallets, state: AwardState) -> None:
    with wallets.services.database.write() as session:
        session.get_one(Award, wallets.award_id()).state = state
    assert refused(wallets, show_name=True) == f"award_{state.value}"


def test_an_expired_badge_gets_none(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.get_one(Award, wallets.award_id()).valid_until = wallets.course.now
    assert refused(wallets, show_name=True) == "award_expired"


def test_revoking_the_award_revokes_every_copy(wallets: Wallets) -> None:
    again(wallets, show_name=True)
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    assert [is_revoked(wallets, one) for one in copies(wallets)] == [True, True]


def test_a_copy_asked_for_before_the_award_was_revoked_is_born_revoked(wallets: Wallets) -> None:
    version_id = again(wallets, show_name=True, sign=False)
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    signing.issue(wallets.services, version_id)
    assert [is_revoked(wallets, one) for one in copies(wallets)] == [True, True]


def test_backpacks_that_have_an_earlier_copy_get_the_new_one(wallets: Wallets) -> None:
    now = wallets.course.now
    with wallets.services.database.write() as session:
        host = backpacks.add_host(session, "https://backpack.example", "Backpack", now)
        connection = BackpackConnection(
            user_id=wallets.ada, host_id=host.id, state=ConnectionState.ACTIVE, created_at=now, changed_at=now
        )
        session.add(connection)
        session.flush()
        queued = delivery.queue_delivery(session, session.get_one(Credential, 1), connection, now)
        session.get_one(Delivery, queued).state = DeliveryState.DELIVERED
    again(wallets, show_name=True)
    with wallets.services.database.read() as session:
        sent = [
            (one.credential_version_id, one.state) for one in session.scalars(select(Delivery).order_by(Delivery.id))
        ]
    assert sent == [(1, DeliveryState.DELIVERED), (2, DeliveryState.QUEUED)]


# -- a wallet ---------------------------------------------------------------------------------------------------------


def test_a_wallet_is_bound_and_kept_by_later_copies(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, 1)
        version = reissuing.bind_wallet(session, credential, DID, "user:1", wallets.course.now)
        version_id = version.id
    signing.issue(wallets.services, version_id)
    assert documents(wallets)[1]["credentialSubject"]["id"] == DID
    again(wallets, SubjectChoice.KEEP, show_name=True)
    assert documents(wallets)[2]["credentialSubject"]["id"] == DID
    for code, did in (("copy_unchanged", DID), ("did_invalid", "https://x"), ("did_invalid", "did:key"), (
        "did_invalid", "did:key:a b")):  # fmt: skip
        with wallets.services.database.write() as session, pytest.raises((ConflictError, InvalidInputError)) as caught:
            reissuing.bind_wallet(session, session.get_one(Credential, 1), did, "user:1", wallets.course.now)
        assert caught.value.code == code


def test_a_copy_has_a_place_of_its_own_in_the_status_list(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, 1)
        subject = credentials.subject_of("ada@lakeside.example")
        added = credentials.add_copy(session, credential, subject, None, wallets.course.now - timedelta(days=1))
        first = credential.versions[0]
        assert added.number == 2
        assert added.valid_from == first.valid_from + timedelta(seconds=1)
        assert (added.status_list_id, added.status_index) != (first.status_list_id, first.status_index)
