"""Platform keys: fetched rarely, parsed once, refused when they are not for RS256."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm
from signed_launches import KEY_SET_URL, Clock, KeyHost, private_key, public_jwk, register
from sqlalchemy import Engine, event, select

from lti_tool.db import Database
from lti_tool.errors import AnswerTooLargeError, LaunchError, TokenKeyError
from lti_tool.lti.platform_keys import LARGEST, PlatformKeys, read_key, read_key_set
from lti_tool.models import Registration
from lti_tool.outbound import Answer


@pytest.fixture
def database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def registration_id(database: Database) -> int:
    return register(database)


@pytest.fixture
def host() -> KeyHost:
    return KeyHost({"keys": [public_jwk("k-1", private_key())]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(database: Database, host: KeyHost, clock: Clock) -> PlatformKeys:
    return PlatformKeys(database, host, clock)  # type: ignore[arg-type]


def refused(keys: PlatformKeys, registration_id: int, kid: str) -> str:
    with pytest.raises(TokenKeyError) as caught:
        keys.find(registration_id, kid)
    return caught.value.code


def test_the_key_is_fetched_once_and_parsed_once(
    keys: PlatformKeys, registration_id: int, host: KeyHost, engine: Engine
) -> None:
    key = keys.find(registration_id, "k-1")
    assert key.public_numbers() == private_key().public_key().public_numbers()
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert all(keys.find(registration_id, "k-1") is key for _ in range(5))
    assert host.fetched == [KEY_SET_URL]
    assert statements == []


def test_another_process_reads_the_stored_set(
    keys: PlatformKeys, registration_id: int, host: KeyHost, database: Database, clock: Clock
) -> None:
    keys.find(registration_id, "k-1")
    PlatformKeys(database, host, clock).find(registration_id, "k-1")  # type: ignore[arg-type]
    assert len(host.fetched) == 1


def test_only_what_is_used_is_stored(
    keys: PlatformKeys, registration_id: int, host: KeyHost, database: Database
) -> None:
    host.document["keys"][0] |= {"x5c": ["abc"], "note": "\0"}
    host.document["keys"].append({"kty": "oct", "k": "c2VjcmV0", "kid": "s"})
    keys.find(registration_id, "k-1")
    with database.read() as session:
        document = session.scalars(select(Registration.key_set)).one()
    assert document is not None
    assert [set(jwk) for jwk in document["keys"]] == [{"kty", "kid", "n", "e"}]


def test_a_rotated_key_costs_one_fetch(keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock) -> None:
    keys.find(registration_id, "k-1")
    clock.turn(hours=1)
    host.document = {"keys": [public_jwk("k-2", private_key("second"))]}
    assert keys.find(registration_id, "k-2").public_numbers() == private_key("second").public_key().public_numbers()
    assert len(host.fetched) == 2
    assert refused(keys, registration_id, "k-1") == "token_key_unknown"


def test_unknown_kids_cannot_hammer_the_platform(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock
) -> None:
    keys.find(registration_id, "k-1")
    for number in range(10):
        assert refused(keys, registration_id, f"guess-{number}") == "token_key_unknown"
    assert len(host.fetched) == 3, "two to spare"
    for turn in range(1, 5):
        clock.turn(seconds=30)
        for number in range(10):
            assert refused(keys, registration_id, f"guess-{number}") == "token_key_unknown"
        assert len(host.fetched) == 3 + turn
    keys.find(registration_id, "k-1")
    assert len(host.fetched) == 7


def test_all_processes_together_cannot_hammer_the_platform(
    database: Database, registration_id: int, host: KeyHost, clock: Clock
) -> None:
    processes = [PlatformKeys(database, host, clock) for _ in range(4)]  # type: ignore[arg-type]
    for number in range(40):
        assert refused(processes[number % 4], registration_id, f"guess-{number}") == "token_key_unknown"
    assert len(host.fetched) == 1 + 2 * len(processes)
    clock.turn(seconds=30)
    for number in range(40):
        assert refused(processes[number % 4], registration_id, f"guess-{number}") == "token_key_unknown"
    assert len(host.fetched) == 2 + 2 * len(processes)


def test_two_rotations_in_a_row_are_followed(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock
) -> None:
    keys.find(registration_id, "k-1")
    for kid in ("k-2", "k-3"):
        clock.turn(seconds=1)
        host.document = {"keys": [public_jwk(kid, private_key(kid))]}
        assert keys.find(registration_id, kid).public_numbers() == private_key(kid).public_key().public_numbers()
    assert len(host.fetched) == 3
    clock.turn(minutes=5)
    for kid in ("k-4", "k-5"):
        host.document = {"keys": [public_jwk(kid, private_key(kid))]}
        keys.find(registration_id, kid)
    assert len(host.fetched) == 5


SERVES = [
    ("", 60),
    ("public, max-age=1800", 30),
    ("Max-Age=1800, must-revalidate", 30),
    ('private, max-age="1800"', 30),
    ("s-maxage=5, max-age=1800", 30),
    ("max-age=0", 10),
    ("no-cache", 10),
    ("no-store, max-age=86400", 10),
    ("max-age=86400", 360),
    ("max-age=999999999", 360),
    ("max-age=-1", 60),
    ("immutable", 60),
]


@pytest.mark.parametrize(("cache_control", "minutes"), SERVES, ids=[case[0] or "nothing said" for case in SERVES])
def test_a_set_serves_as_long_as_its_platform_says_within_limits(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock, database: Database, cache_control: str,
    minutes: int,
) -> None:  # fmt: skip
    host.headers = {"Cache-Control": cache_control} if cache_control else {}
    keys.find(registration_id, "k-1")
    clock.turn(minutes=minutes, seconds=-1)
    keys.find(registration_id, "k-1")
    PlatformKeys(database, host, clock).find(registration_id, "k-1")  # type: ignore[arg-type]
    assert len(host.fetched) == 1, "neither here nor in another process"
    clock.turn(seconds=1)
    host.document = {"keys": []}
    assert refused(keys, registration_id, "k-1") == "token_key_unknown"
    assert len(host.fetched) == 2


def test_a_set_of_an_older_version_serves_an_hour(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock, database: Database
) -> None:
    stored = {"keys": [public_jwk("k-0", private_key("older"))]}
    with database.write() as session:
        row = session.get_one(Registration, registration_id)
        row.key_set, row.key_set_fetched_at = stored, clock()
    clock.turn(minutes=59)
    keys.find(registration_id, "k-0")
    assert host.fetched == []
    clock.turn(minutes=1)
    assert refused(keys, registration_id, "k-0") == "token_key_unknown"


def test_a_platform_that_is_down_for_days_is_not_waited_for(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock
) -> None:
    keys.find(registration_id, "k-1")
    host.is_down = True
    clock.turn(days=3, minutes=59)
    keys.find(registration_id, "k-1")
    clock.turn(minutes=1)
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"
    clock.turn(seconds=30)
    host.is_down = False
    keys.find(registration_id, "k-1")


def test_an_old_set_serves_while_the_platform_is_down(
    keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock
) -> None:
    key = keys.find(registration_id, "k-1")
    clock.turn(hours=25)
    host.is_down = True
    assert keys.find(registration_id, "k-1") == key
    assert keys.find(registration_id, "k-1") == key
    assert len(host.fetched) == 2
    assert refused(keys, registration_id, "k-2") == "key_set_unavailable"
    clock.turn(seconds=30)
    host.is_down = False
    keys.find(registration_id, "k-1")
    assert len(host.fetched) == 3


def test_a_platform_that_never_answered(keys: PlatformKeys, registration_id: int, host: KeyHost, clock: Clock) -> None:
    host.is_down = True
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"
    assert len(host.fetched) == 1
    clock.turn(seconds=30)
    host.is_down = False
    keys.find(registration_id, "k-1")


@pytest.mark.parametrize("document", [None, [], "keys", {}, {"keys": {}}, {"keys": None}], ids=str)
def test_what_is_no_key_set_is_not_stored(
    keys: PlatformKeys, registration_id: int, host: KeyHost, database: Database, document: Any
) -> None:
    host.document = document
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"
    with database.read() as session:
        assert session.scalars(select(Registration.key_set_fetched_at)).one() is None


def test_a_failing_status_is_no_key_set(keys: PlatformKeys, registration_id: int, host: KeyHost) -> None:
    host.status = 500
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"


def test_the_size_of_a_key_set_is_limited(database: Database, registration_id: int, clock: Clock) -> None:
    limits = []

    class LargeHost:
        def get(self, url: str, *, headers: Any, max_bytes: int) -> Answer:
            limits.append(max_bytes)
            raise AnswerTooLargeError("too large")

    keys = PlatformKeys(database, LargeHost(), clock)  # type: ignore[arg-type]
    assert refused(keys, registration_id, "k-1") == "key_set_unavailable"
    assert limits == [LARGEST]


def test_many_launches_at_once_fetch_once(
    database: Database, registration_id: int, clock: Clock, host: KeyHost, keys: PlatformKeys
) -> None:
    together = threading.Barrier(8)

    def find(_number: int) -> int:
        together.wait()
        return keys.find(registration_id, "k-1").key_size

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(find, range(8))) == [2048] * 8
    assert len(host.fetched) == 1


def test_no_transaction_is_open_during_the_fetch(
    database: Database, registration_id: int, clock: Clock, engine: Engine
) -> None:
    class WatchingHost(KeyHost):
        def get(self, url: str, **options: Any) -> Answer:
            assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
            return super().get(url, **options)

    host = WatchingHost({"keys": [public_jwk("k-1", private_key())]})
    PlatformKeys(database, host, clock).find(registration_id, "k-1")  # type: ignore[arg-type]
    assert host.fetched


def test_while_one_fetches_a_known_old_key_serves(
    database: Database, registration_id: int, clock: Clock, host: KeyHost
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    class SlowHost(KeyHost):
        def get(self, url: str, **options: Any) -> Answer:
            if self.fetched:
                asked.set()
                assert go_on.wait(10)
            return super().get(url, **options)

    slow = SlowHost(host.document)
    keys = PlatformKeys(database, slow, clock)  # type: ignore[arg-type]
    key = keys.find(registration_id, "k-1")
    clock.turn(hours=25)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(keys.find, registration_id, "k-1")
        assert asked.wait(10)
        assert keys.find(registration_id, "k-1") is key
        go_on.set()
        assert fetching.result(10) == key


def weak() -> rsa.RSAPrivateKey:
    return private_key("weak", 1024)


def elliptic() -> dict[str, Any]:
    return ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True) | {"kid": "k"}


def huge() -> dict[str, Any]:
    n = base64.urlsafe_b64encode(((1 << 16384) | 1).to_bytes(2049, "big")).decode().rstrip("=")
    return public_jwk("k", private_key(), n=n)


REFUSED = {
    "another algorithm": lambda: public_jwk("k", private_key(), alg="RS512"),
    "alg null": lambda: public_jwk("k", private_key(), alg=None),
    "for encryption": lambda: public_jwk("k", private_key(), use="enc"),
    "too short": lambda: public_jwk("k", weak()),
    "too long": huge,
    "elliptic": elliptic,
    "shared secret": lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "k"},
    "no kid": lambda: {name: one for name, one in public_jwk("k", private_key()).items() if name != "kid"},
    "empty kid": lambda: public_jwk("", private_key()),
    "kid is a number": lambda: public_jwk("k", private_key()) | {"kid": 5},
    "kid with a NUL": lambda: public_jwk("k\0", private_key()),
    "no modulus": lambda: {"kty": "RSA", "kid": "k", "e": "AQAB"},
    "modulus is a number": lambda: public_jwk("k", private_key(), n=5),
    "modulus is not base64": lambda: public_jwk("k", private_key(), n="é"),
    "even exponent": lambda: public_jwk("k", private_key(), e="Ag"),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_keys_that_are_not_for_rs256_are_refused(make: Any) -> None:
    assert read_key(make()) is None


def test_alg_and_use_may_be_absent() -> None:
    jwk = public_jwk("k", private_key())
    del jwk["alg"], jwk["use"]
    assert read_key(jwk) is not None


def test_the_public_half_of_a_leaked_private_key_is_still_only_public() -> None:
    key = read_key(public_jwk("k", private_key(), d="AQAB", p="AQAB"))
    assert isinstance(key, rsa.RSAPublicKey)


def test_the_first_key_of_a_name_wins() -> None:
    keys = read_key_set({"keys": [public_jwk("k", private_key()), public_jwk("k", private_key("second")), 5]})
    assert keys["k"].public_numbers() == private_key().public_key().public_numbers()
    assert read_key_set("none") == {}


def test_the_error_is_a_launch_error() -> None:
    assert issubclass(TokenKeyError, LaunchError)
