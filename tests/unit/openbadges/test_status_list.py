import base64
import gzip
import random
from datetime import UTC, datetime

import pytest

from lti_tool.errors import CredentialInvalidError, IssuingError
from lti_tool.openbadges import status_list
from lti_tool.openbadges.safe_mode import check_safe

URL = "https://badges.example/status/3"
ISSUER = "https://badges.example/issuers/4"


def composed(bits):
    return status_list.compose_status_list(URL, ISSUER, bits, datetime(2026, 3, 1, tzinfo=UTC))


def entry(index="5", purpose="revocation"):
    return {"type": "BitstringStatusListEntry", "statusPurpose": purpose, "statusListIndex": index}


def code_of(function, *arguments):
    with pytest.raises(CredentialInvalidError) as refusal:
        function(*arguments)
    return refusal.value.code


def packed(bits):
    return "u" + base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).decode().rstrip("=")


def test_index_0_is_the_most_significant_bit_of_the_first_byte():
    bits = status_list.set_bit(status_list.new_bits(), 0)
    assert bits[:2] == b"\x80\x00"
    assert status_list.set_bit(bits, 15)[:2] == b"\x80\x01"


@pytest.mark.parametrize("index", [0, 7, 8, 94567, 131_071])
def test_one_bit_changes_and_changes_back(index):
    empty = status_list.new_bits()
    bits = status_list.set_bit(empty, index)
    assert [at for at in (0, 7, 8, 94567, 131_071) if status_list.get_bit(bits, at)] == [index]
    assert sum(byte.bit_count() for byte in bits) == 1
    assert status_list.set_bit(bits, index, value=False) == empty


def test_setting_never_disturbs_a_neighbour():
    bits = bytes([0xFF]) * 16384
    assert status_list.set_bit(bits, 3) == bits
    assert status_list.set_bit(bits, 3, value=False)[0] == 0b11101111


@pytest.mark.parametrize("index", [-1, 131_072, 10**9])
def test_an_index_outside_the_list_is_refused(index):
    bits = status_list.new_bits()
    assert code_of(status_list.get_bit, bits, index) == "status_range"
    assert code_of(status_list.set_bit, bits, index) == "status_range"


@pytest.mark.parametrize("size", [0, 8, 131_071, 131_076])
def test_a_list_is_large_enough_to_hide_in(size):
    with pytest.raises(ValueError, match="131072"):
        status_list.new_bits(size)


def test_encoding_is_repeatable_and_reversible():
    bits = random.Random(7).randbytes(16384)
    text = status_list.encode_bits(bits)
    assert text == status_list.encode_bits(bits)
    assert text.startswith("u")
    assert not set(text) & set("=+/")
    assert status_list.decode_bits(text) == bits


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "status_list_malformed"),
        ("z123", "status_list_malformed"),
        ("u!!!", "status_list_malformed"),
        ("uAAAA", "status_list_malformed"),
        (packed(bytes(16384))[:-8], "status_list_malformed"),
        (packed(bytes(16384)) + "AAAA", "status_list_malformed"),
        (packed(bytes(16383)), "status_list_length"),
        ("u" + "é" * 40, "status_list_malformed"),
    ],
)
def test_lists_that_cannot_be_read(text, code):
    assert code_of(status_list.decode_bits, text) == code


def test_a_zip_bomb_is_not_expanded():
    bomb = packed(bytes(64 * 1024 * 1024))
    assert len(bomb) < 100_000
    assert code_of(status_list.decode_bits, bomb) == "status_list_malformed"


def test_the_list_credential_has_the_form_of_the_standard():
    document = composed(status_list.new_bits())
    assert document["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert (document["id"], document["issuer"]) == (URL, ISSUER)
    assert document["credentialSubject"]["type"] == "BitstringStatusList"
    assert document["credentialSubject"]["statusPurpose"] == "revocation"
    check_safe(document)


def test_reading_the_status_of_an_entry():
    document = composed(status_list.set_bit(status_list.new_bits(), 5))
    assert status_list.read_status(document, entry("5")) is True
    assert status_list.read_status(document, entry("6")) is False
    document["credentialSubject"]["statusPurpose"] = ["suspension", "revocation"]
    assert status_list.read_status(document, entry("5")) is True


@pytest.mark.parametrize("index", [5, None, "", "-1", "1.0", "0x5", " 5", "٥", "5" * 13, ["5"]])
def test_an_index_is_a_text_of_digits(index):
    document = composed(status_list.new_bits())
    assert code_of(status_list.read_status, document, entry(index)) == "status_entry_malformed"


def test_a_list_of_another_purpose_or_kind_says_nothing():
    document = composed(status_list.new_bits())
    assert code_of(status_list.read_status, document, entry("5", "suspension")) == "status_purpose"
    assert code_of(status_list.read_status, document, entry("131072")) == "status_range"
    assert (
        code_of(status_list.read_status, {**document, "type": ["VerifiableCredential"]}, entry())
        == "status_list_malformed"
    )
    assert code_of(status_list.read_status, {**document, "credentialSubject": []}, entry()) == "status_list_malformed"
    document["credentialSubject"]["encodedList"] = ["u"]
    assert code_of(status_list.read_status, document, entry()) == "status_list_malformed"


def test_a_free_index_is_chosen_at_random_and_never_a_taken_one():
    taken = set(range(0, 100, 2))
    found = {status_list.random_free_index(taken, 100, random.Random(seed)) for seed in range(200)}
    assert not found & taken
    assert len(found) > 30


def test_a_full_list_says_so():
    with pytest.raises(IssuingError) as refusal:
        status_list.random_free_index(set(range(50)), 50, random.Random(1))
    assert refusal.value.code == "status_list_full"
