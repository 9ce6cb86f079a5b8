"""Status lists as served: signed when asked for after a change, and kept until the next one."""

import json
from collections.abc import Iterator

import jwt
import pytest
from claims import Wallets, wallets_on

from lti_tool.errors import NotFoundError
from lti_tool.models import CredentialVersion, IssuerProfile, StatusList
from lti_tool.openbadges import status_list
from lti_tool.openbadges.proof import decode_multikey, verify_proof
from lti_tool.services import issuers, status


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is signed, so a list exists."""
    with wallets_on(migrated_sqlite_url) as wallets:
        wallets.claim()
        yield wallets


def signed(wallets: Wallets) -> str:
    with wallets.services.database.read() as session:
        return status.sign_list(session, session.get_one(StatusList, 1), wallets.services.vault)


def revoke(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        status.revoke(session, session.get_one(CredentialVersion, 1), wallets.course.now)


def test_the_list_names_its_issuer_and_verifies_with_its_key(wallets: Wallets) -> None:
    document = json.loads(signed(wallets))
    with wallets.services.database.read() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        (multikey,) = issuers.public_keys(session, profile.id)
    assert document["issuer"] == profile.url_id
    verify_proof(document, decode_multikey(multikey))


def test_the_same_bits_are_signed_as_the_same_text(wallets: Wallets) -> None:
    first = signed(wallets)
    wallets.course.later(days=3)
    assert signed(wallets) == first


def test_revoking_sets_exactly_the_bit_the_badge_names(wallets: Wallets) -> None:
    entry = wallets.document(1)["credentialStatus"]
    assert not status_list.read_status(json.loads(signed(wallets)), entry)
    wallets.course.later(minutes=1)
    revoke(wallets)
    assert status_list.read_status(json.loads(signed(wallets)), entry)
    with wallets.services.database.read() as session:
        bits = session.get_one(StatusList, 1).bits
    assert sum(byte.bit_count() for byte in bits) == 1
    revoke(wallets)
    with wallets.services.database.read() as session:
        assert session.get_one(StatusList, 1).bits == bits


def test_a_text_signed_before_a_change_is_not_kept(wallets: Wallets) -> None:
    with wallets.services.database.read() as session:
        listed = session.get_one(StatusList, 1)
        old = status.sign_list(session, listed, wallets.services.vault)
    wallets.course.later(minutes=1)
    revoke(wallets)
    with wallets.services.database.write() as session:
        status.keep_signed(session, listed, old)
    with wallets.services.database.read() as session:
        assert session.get_one(StatusList, 1).document is None


def test_a_change_makes_the_kept_text_go(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        listed = session.get_one(StatusList, 1)
        status.keep_signed(session, listed, "kept")
    with wallets.services.database.read() as session:
        assert session.get_one(StatusList, 1).document == "kept"
    revoke(wallets)
    with wallets.services.database.read() as session:
        assert session.get_one(StatusList, 1).document is None


def test_the_jwt_says_the_same_as_the_document(wallets: Wallets) -> None:
    with wallets.services.database.read() as session:
        listed = session.get_one(StatusList, 1)
        token = status.sign_list_jwt(session, listed, wallets.services.vault)
        (multikey,) = issuers.public_keys(session, wallets.course.issuer_id)
    claims = jwt.decode(token, decode_multikey(multikey), algorithms=["EdDSA"], options={"verify_nbf": False})
    document = json.loads(signed(wallets))
    assert claims["credentialSubject"] == document["credentialSubject"]
    assert claims["iss"] == document["issuer"]


def test_an_unknown_list_is_not_found(wallets: Wallets) -> None:
    with wallets.services.database.read() as session, pytest.raises(NotFoundError):
        status.get_list(session, "unknown")
