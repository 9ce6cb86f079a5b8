"""RSA keys of issuers: made on first need, kept encrypted, listed for ever, never another issuer's."""

from collections.abc import Iterator

import pytest
from claims import Wallets, wallets_on
from sqlalchemy import select

from lti_tool.errors import NotFoundError
from lti_tool.models import IssuerJwsKey, IssuerProfile
from lti_tool.openbadges import jws
from lti_tool.services import jws_keys


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """An issuer without an RSA key."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def ensure(wallets: Wallets) -> str:
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        return jws_keys.ensure_key(session, profile, wallets.services.vault, wallets.course.now).kid


def rotate(wallets: Wallets) -> str | None:
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        added = jws_keys.rotate_key(session, profile, wallets.services.vault, wallets.course.now)
        return None if added is None else added.kid


def test_a_key_is_made_when_the_first_one_is_needed(wallets: Wallets) -> None:
    assert rotate(wallets) is None
    assert wallets.count(IssuerJwsKey) == 0
    kid = ensure(wallets)
    assert ensure(wallets) == kid
    assert wallets.count(IssuerJwsKey) == 1


def test_the_key_is_encrypted_and_named_by_its_thumbprint(wallets: Wallets) -> None:
    kid = ensure(wallets)
    with wallets.services.database.read() as session:
        row = session.scalars(select(IssuerJwsKey)).one()
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        signer = jws_keys.signer(row, profile, wallets.services.vault)
    assert "PRIVATE" not in row.private_key
    assert jws.public_jwk(signer.private_key.public_key()) == row.public_jwk
    assert jws.thumbprint(row.public_jwk) == kid
    assert signer.kid == f"{profile.url_id}/keys/{kid}"
    assert not {"d", "p", "q"} & set(row.public_jwk)


def test_the_newest_key_signs_and_all_stay_listed(wallets: Wallets) -> None:
    first = ensure(wallets)
    second = rotate(wallets)
    assert ensure(wallets) == second != first
    with wallets.services.database.read() as session:
        assert [jwk["kid"] for jwk in jws_keys.public_jwks(session, wallets.course.issuer_id)] == [second, first]
        assert jws_keys.get_jwk(session, wallets.course.issuer_id, first)["kid"] == first


def test_a_key_is_its_issuers_alone(wallets: Wallets) -> None:
    kid = ensure(wallets)
    with wallets.services.database.read() as session:
        assert jws_keys.public_jwks(session, wallets.course.issuer_id + 1) == []
        for issuer_id, asked in ((wallets.course.issuer_id + 1, kid), (wallets.course.issuer_id, "unknown")):
            with pytest.raises(NotFoundError):
                jws_keys.get_jwk(session, issuer_id, asked)
