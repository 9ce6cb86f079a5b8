"""The tool's own keys: one active, made once, published before and after it signs, encrypted at rest."""

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from signed_launches import Clock
from sqlalchemy import Engine, select

from lti_tool.db import Database, make_engine
from lti_tool.errors import SettingsError
from lti_tool.lti.keys import ToolKeys
from lti_tool.models import ToolKey, ToolKeyState
from lti_tool.vault import Vault

KEY = Fernet.generate_key().decode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def keys(database: Database, clock: Clock) -> ToolKeys:
    return ToolKeys(database, Vault([KEY]), clock)


def states(database: Database) -> dict[str, ToolKeyState]:
    with database.read() as session:
        return {row.kid: row.state for row in session.scalars(select(ToolKey))}


def test_the_first_key_is_made_when_it_is_needed(keys: ToolKeys, database: Database) -> None:
    assert states(database) == {}
    active = keys.active()
    assert active.private_key.key_size == 2048
    assert active.private_key.private_numbers().public_numbers.e == 65537
    assert states(database)[active.kid] is ToolKeyState.ACTIVE
    assert sorted(states(database).values()) == ["active", "next"]


def test_a_key_is_parsed_once(keys: ToolKeys) -> None:
    assert keys.active() is keys.active()


def test_another_process_finds_the_same_key(keys: ToolKeys, database: Database, clock: Clock) -> None:
    other = ToolKeys(database, Vault([KEY]), clock)
    assert keys.active().kid == other.active().kid
    assert keys.active().private_key.private_numbers() == other.active().private_key.private_numbers()


def test_the_kid_is_the_thumbprint(keys: ToolKeys) -> None:
    """RFC 7638, section 3: the required members in order, without white space."""
    active = keys.active()
    members = {name: active.public_jwk[name] for name in ("e", "kty", "n")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    assert active.kid == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert active.public_jwk["kid"] == active.kid


def test_what_is_published_verifies_what_is_signed(keys: ToolKeys) -> None:
    active = keys.active()
    published = jwt.PyJWKSet.from_dict(keys.public_jwks())
    token = jwt.encode({"iss": "tool"}, active.private_key, algorithm="RS256", headers={"kid": active.kid})
    assert jwt.decode(token, published[active.kid], algorithms=["RS256"]) == {"iss": "tool"}


def test_nothing_private_is_published_or_readable_at_rest(keys: ToolKeys, database: Database) -> None:
    for jwk in keys.public_jwks()["keys"]:
        assert set(jwk) == {"kty", "n", "e", "kid", "alg", "use"}
        assert (jwk["kty"], jwk["alg"], jwk["use"]) == ("RSA", "RS256", "sig")
    with database.read() as session:
        for locked in session.scalars(select(ToolKey.private_key)):
            assert "PRIVATE" not in locked
            assert Vault([KEY]).open(locked).startswith("-----BEGIN PRIVATE KEY-----")


def test_the_published_set_makes_the_first_key(keys: ToolKeys) -> None:
    assert keys.active().kid in [jwk["kid"] for jwk in keys.public_jwks()["keys"]]


def test_a_lost_encryption_key_is_said_plainly(keys: ToolKeys, database: Database, clock: Clock) -> None:
    keys.active()
    with pytest.raises(SettingsError) as caught:
        ToolKeys(database, Vault([Fernet.generate_key().decode()]), clock).active()
    assert caught.value.code == "vault_key_missing"


def test_rotation(keys: ToolKeys, database: Database, clock: Clock) -> None:
    first = keys.active()
    (coming,) = (kid for kid, state in states(database).items() if state is ToolKeyState.NEXT)
    second = keys.rotate()
    assert second.kid == coming == keys.active().kid
    assert states(database)[first.kid] is ToolKeyState.RETIRED
    assert sorted(states(database).values()) == ["active", "next", "retired"]
    assert first.kid in [jwk["kid"] for jwk in keys.public_jwks()["keys"]]
    clock.turn(days=31)
    keys.rotate()
    assert first.kid not in states(database)
    assert states(database)[second.kid] is ToolKeyState.RETIRED


def test_a_rotation_elsewhere_is_noticed(keys: ToolKeys, database: Database, clock: Clock) -> None:
    keys.active()
    rotated = ToolKeys(database, Vault([KEY]), clock).rotate()
    assert keys.active().kid == rotated.kid


QUARTER = timedelta(days=90)


def test_rotation_by_schedule(keys: ToolKeys, database: Database, clock: Clock) -> None:
    assert keys.keep_fresh(QUARTER) is None
    assert states(database) == {}, "no key is needed yet"
    first = keys.active().kid
    for _ in range(2):
        (coming,) = (kid for kid, state in states(database).items() if state is ToolKeyState.NEXT)
        clock.turn(days=90, seconds=-1)
        assert keys.keep_fresh(QUARTER) is None
        clock.turn(seconds=1)
        rotated = keys.keep_fresh(QUARTER)
        assert rotated is not None
        assert rotated.kid == keys.active().kid == coming, "what was published all the time signs now"
        assert keys.keep_fresh(QUARTER) is None
    assert first not in states(database)


def test_a_retired_key_is_published_for_a_month(keys: ToolKeys, database: Database, clock: Clock) -> None:
    first = keys.active().kid
    keys.rotate()
    clock.turn(days=30)
    keys.keep_fresh(QUARTER)
    assert first in [jwk["kid"] for jwk in keys.public_jwks()["keys"]]
    clock.turn(seconds=1)
    keys.keep_fresh(timedelta(0))
    assert sorted(states(database).values()) == ["active", "next"]
    assert first not in states(database)


def test_rotation_can_be_turned_off(keys: ToolKeys, clock: Clock) -> None:
    first = keys.active().kid
    clock.turn(days=4000)
    assert keys.keep_fresh(timedelta(0)) is None
    assert keys.active().kid == first


def test_a_rotation_by_hand_starts_the_time_anew(keys: ToolKeys, clock: Clock) -> None:
    keys.active()
    clock.turn(days=89)
    keys.rotate()
    clock.turn(days=89)
    assert keys.keep_fresh(QUARTER) is None
    clock.turn(days=1)
    assert keys.keep_fresh(QUARTER) is not None


def test_the_next_key_is_known_for_a_day_before_it_signs(keys: ToolKeys, clock: Clock) -> None:
    keys.active()
    clock.turn(hours=23)
    assert keys.keep_fresh(timedelta(seconds=1)) is None
    clock.turn(hours=1)
    assert keys.keep_fresh(timedelta(seconds=1)) is not None


def test_many_processes_rotate_once(any_database: str, clock: Clock) -> None:
    engine = make_engine(any_database)
    database = Database(engine)
    first = ToolKeys(database, Vault([KEY]), clock).active().kid
    clock.turn(days=90)
    together = threading.Barrier(4)

    def rotate(_number: int) -> bool:
        keys = ToolKeys(database, Vault([KEY]), clock)
        together.wait()
        return keys.keep_fresh(QUARTER) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(rotate, range(4))) == [False, False, False, True]
    assert sorted(states(database).values()) == ["active", "next", "retired"]
    assert states(database)[first] is ToolKeyState.RETIRED
    engine.dispose()


def test_many_processes_make_one_key(any_database: str, clock: Clock) -> None:
    engine = make_engine(any_database)
    together = threading.Barrier(4)

    def first(_number: int) -> str:
        keys = ToolKeys(Database(engine), Vault([KEY]), clock)
        together.wait()
        return keys.active().kid

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(first, range(4)))
    assert len(found) == 1
    assert sorted(states(Database(engine)).values()) == ["active", "next"]
    engine.dispose()


def test_the_stored_key_is_pkcs8(keys: ToolKeys, database: Database) -> None:
    active = keys.active()
    with database.read() as session:
        locked = session.scalars(select(ToolKey.private_key).where(ToolKey.kid == active.kid)).one()
    # parsed again with the whole RSA check, which the tool leaves out
    whole = serialization.load_pem_private_key(Vault([KEY]).open(locked).encode(), password=None)
    assert whole.public_key() == active.private_key.public_key()
