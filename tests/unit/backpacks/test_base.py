"""The values at the seam: no secrets shown, answers read strictly, copies compared strictly."""

from datetime import UTC, datetime

import pytest

from lti_tool.backpacks.base import (
    AuthorizationRequest,
    Backpack,
    ClientRegistration,
    Tokens,
    authorization_code,
    same_credential,
)
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.errors import BackpackConsentError, BackpackError, BackpackRefusedError
from lti_tool.outbound import HttpClient


def test_the_api_client_fits_the_seam():
    backpack: Backpack = OpenBadgesApi(HttpClient())
    assert callable(backpack.push)


@pytest.mark.parametrize(
    "value",
    [
        ClientRegistration("id", "hush-hush"),
        Tokens("hush-hush", "hush-hush", datetime(2026, 1, 1, tzinfo=UTC), "a b"),
        AuthorizationRequest("https://host.example/?state=hush-hush", "hush-hush", "hush-hush"),
    ],
)
def test_secrets_are_not_shown(value):
    assert "hush-hush" not in repr(value)


def test_the_code_is_taken_from_the_answer_that_carries_our_state():
    assert authorization_code({"code": "c", "state": "s"}, "s") == "c"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"code": "c", "state": "other"}, BackpackConsentError, "backpack_state_mismatch"),
        ({"code": "c"}, BackpackConsentError, "backpack_state_mismatch"),
        ({"code": "c", "state": "é"}, BackpackConsentError, "backpack_state_mismatch"),
        ({"state": "s"}, BackpackConsentError, "backpack_consent_needed"),
        ({"error": "access_denied", "state": "s"}, BackpackConsentError, "backpack_consent_denied"),
        ({"error": "invalid_scope", "state": "s"}, BackpackRefusedError, "backpack_connection_refused"),
        ({"error": "temporarily_unavailable", "state": "s"}, BackpackError, "backpack_unavailable"),
    ],
)
def test_other_answers_say_what_is_wrong(answer, error, code):
    with pytest.raises(error) as caught:
        authorization_code(answer, "s")
    assert caught.value.code == code
    assert caught.value.retryable is (error is BackpackError)


@pytest.mark.parametrize(
    ("sent", "got", "same"),
    [
        ('{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1}', True),
        ('{"a": "é"}', '{"a": "\\u00e9"}', True),
        ('{"a": 1}', '{"a": 1.0}', True),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": ["x"]}', '{"a": "x"}', False),
        ('{"a": 1}', '{"a": 1, "b": null}', False),
        ('{"a": 1, "b": null}', '{"a": 1}', False),
        ('{"a": 1}', "<html>", False),
        ('{"a": 1}', None, False),
        ("e30.e30.x", "e30.e30.x\n", True),
        ("e30.e30.x", "e30.e30.y", False),
    ],
)
def test_a_copy_is_the_same_only_if_no_value_changed(sent, got, same):
    assert same_credential(sent, got) is same
