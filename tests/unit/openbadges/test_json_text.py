import pytest

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.json_text import read_json


def code_of(source, **options):
    with pytest.raises(CredentialInvalidError) as refusal:
        read_json(source, **options)
    return refusal.value.code


def test_text_and_bytes_read_alike():
    assert read_json('{"a": [1, 2.5, "é"]}') == read_json('\ufeff{"a": [1, 2.5, "é"]}'.encode()) == {"a": [1, 2.5, "é"]}


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '{"x": {"a": 1, "b": 2, "a": 3}}', '{"x": [{"\\u0061": 1, "a": 2}]}']
)
def test_a_key_given_twice_is_refused_at_any_depth(text):
    assert code_of(text) == "json_duplicate_key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"a"',
        "{",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": ' + "9" * 31 + "}",
        '{"a": 0.' + "1" * 31 + "}",
        "null",
    ],
)
def test_what_is_not_one_plain_object_is_refused(text):
    assert code_of(text) == "json_invalid"


def test_bytes_that_are_not_utf8_are_refused():
    assert code_of(b'{"a": "\xff"}') == "json_invalid"


@pytest.mark.parametrize("depth", [40, 100_000])
def test_deep_nesting_is_refused(depth):
    assert code_of('{"a":' * depth + "1" + "}" * depth) == "json_too_deep"
    assert code_of('{"a":' + "[" * depth + "]" * depth + "}") == "json_too_deep"


def test_size_is_limited_in_bytes():
    assert read_json('{"a":"é"}', max_bytes=10) == {"a": "é"}
    assert code_of('{"a":"é"}', max_bytes=9) == "document_too_large"
