"""Revoking: the award ends for good, every copy is marked, the reason is kept, twice is once."""

from collections.abc import Iterator

import pytest
from claims import Wallets, wallets_on
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.jobs.schedule import run_due
from lti_tool.models import AuditEvent, AuditPayload, Award, Credential, CredentialVersion, StatusList
from lti_tool.openbadges.status_list import get_bit
from lti_tool.services import revoking
from lti_tool.services.course_sync import want_evaluation


@pytest.fixture
def wallets(any_database: str) -> Iterator[Wallets]:
    with wallets_on(any_database) as wallets:
        yield wallets


def revoke(wallets: Wallets, reason: str = "The essay was not Ada's.") -> bool:
    with wallets.services.database.write() as session:
        credential = session.scalars(select(Credential)).one()
        return revoking.revoke(session, credential, reason, "cli", wallets.course.now)


def is_marked(wallets: Wallets) -> bool:
    with wallets.services.database.read() as session:
        version = session.scalars(select(CredentialVersion)).one()
        return get_bit(session.get_one(StatusList, version.status_list_id).bits, version.status_index)


def state(wallets: Wallets) -> AwardState:
    with wallets.services.database.read() as session:
        return session.scalars(select(Award.state).where(Award.user_id == wallets.ada)).one()


def test_revoking_ends_the_award_marks_the_copy_and_keeps_the_reason(wallets: Wallets) -> None:
    wallets.claim()
    assert not is_marked(wallets)
    assert revoke(wallets)
    assert is_marked(wallets)
    assert state(wallets) is AwardState.REVOKED
    with wallets.services.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "award.revoked")).one()
        payload = session.get_one(AuditPayload, event.id).payload
        assert (payload["reason"], payload["state"]) == ("The essay was not Ada's.", "revoked")
        assert event.actor == "cli"


def test_revoking_twice_is_once(wallets: Wallets) -> None:
    wallets.claim()
    assert revoke(wallets)
    assert not revoke(wallets)
    assert wallets.count(AuditEvent, AuditEvent.action == "award.revoked") == 1


def test_a_copy_that_waits_for_its_signature_is_revoked_too(wallets: Wallets) -> None:
    wallets.claim(sign=False)
    assert revoke(wallets)
    run_due(wallets.services)
    assert is_marked(wallets)


def test_no_evaluation_brings_it_back(wallets: Wallets) -> None:
    wallets.claim()
    revoke(wallets)
    with wallets.services.database.write() as session:
        want_evaluation(session, wallets.course.context_id)
    run_due(wallets.services)
    assert state(wallets) is AwardState.REVOKED
    assert wallets.count(Credential) == 1


@pytest.mark.parametrize(("reason", "code"), [("  ", "reason_missing"), ("x" * 1001, "reason_too_long")])
def test_a_reason_is_needed(wallets: Wallets, reason: str, code: str) -> None:
    wallets.claim()
    with pytest.raises(InvalidInputError) as refusal:
        revoke(wallets, reason)
    assert refusal.value.code == code
    assert state(wallets) is AwardState.CLAIMED
    assert not is_marked(wallets)


def test_a_credential_is_found_by_its_address_or_the_end_of_it(wallets: Wallets) -> None:
    wallets.claim()
    with wallets.services.database.read() as session:
        credential = session.scalars(select(Credential)).one()
        for name in (credential.public_id, credential.url_id, f"{credential.url_id}.json", f"{credential.url_id}/"):
            assert revoking.find_credential(session, name).id == credential.id
        with pytest.raises(NotFoundError):
            revoking.find_credential(session, "nothing")


def test_the_learner_sees_it_and_the_public_document_stays(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    public_id = wallets.public_id(credential_id)
    revoke(wallets)
    page = wallets.browser(wallets.ada).get(wallets.mine(f"/badges/{credential_id}"))
    assert page.status_code == 200
    assert "Revoked" in page.get_data(as_text=True)
    assert wallets.app.test_client().get(f"/credentials/{public_id}.json").status_code == 200
