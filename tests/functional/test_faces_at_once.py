"""Many at once: a badge has one face of each kind, one RSA key, and one new copy at a time, whoever asks together."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from claims import Wallets
from reissue_world import again, claimed_on, copies, is_revoked

from lti_tool.errors import ConflictError
from lti_tool.models import Credential, HostedAssertion, IssuerJwsKey, VersionState
from lti_tool.services import credential_forms, revoking, second_face
from lti_tool.services.reissuing import SubjectChoice

TIMES, WORKERS = 24, 8


@pytest.fixture
def wallets(any_database: str) -> Iterator[Wallets]:
    """Ada claimed her badge; on SQLite and on PostgreSQL."""
    with claimed_on(any_database) as wallets:
        yield wallets


def at_once(*tasks: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(task) for _ in range(TIMES) for task in tasks]]


def test_forms_asked_for_together_are_made_once(wallets: Wallets) -> None:
    again(wallets, SubjectChoice.NONE)
    public_id, now = wallets.public_id(1), wallets.course.now

    def hosted() -> object:
        with wallets.services.database.write() as session:
            return second_face.ensure_hosted(session, session.get_one(Credential, 1), None, now)

    def signed() -> object:
        with wallets.services.database.write() as session:
            second_face.ensure_hosted(session, session.get_one(Credential, 1), None, now)
            return second_face.signed_form(session, public_id, wallets.services.vault, now)

    def as_jwt() -> object:
        with wallets.services.database.write() as session:
            return credential_forms.keep_jwt(session, public_id, wallets.services.vault, now)

    answers = at_once(hosted, signed, as_jwt)
    assert [len(set(answers[kind::3])) for kind in range(3)] == [1, 1, 1]
    assert (wallets.count(HostedAssertion), wallets.count(IssuerJwsKey)) == (1, 1)


def test_new_copies_asked_for_together_are_one(wallets: Wallets) -> None:
    def ask() -> object:
        try:
            return again(wallets, show_name=True)
        except ConflictError as error:
            return error.code

    answers = at_once(ask)
    assert sum(isinstance(one, int) for one in answers) == 1
    assert {one for one in answers if isinstance(one, str)} <= {"credential_pending", "copy_unchanged"}
    assert [one.state for one in copies(wallets)] == [VersionState.SUPERSEDED, VersionState.ISSUED]


def test_a_new_copy_never_outlives_the_award(wallets: Wallets) -> None:
    def ask() -> object:
        try:
            return again(wallets, SubjectChoice.NONE, replaces=True)
        except ConflictError as error:
            return error.code

    def revoke() -> object:
        with wallets.services.database.write() as session:
            return revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)

    at_once(ask, revoke)
    assert all(is_revoked(wallets, one) for one in copies(wallets))
