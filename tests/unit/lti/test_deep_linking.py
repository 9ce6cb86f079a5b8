"""Deep linking: what a request must say, and the answer as the platform reads it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import jwt
import pytest
from pylti1p3.deep_link import DeepLink
from signed_launches import ABSENT, AGS, CLAIM, NOW, TOOL, Bench, private_key, public_jwk
from sqlalchemy import Engine

from lti_tool.db import Database
from lti_tool.errors import LaunchError
from lti_tool.lti.deep_linking import ContentLink, DeepLinkingAnswer, DeepLinkingSettings, LineItemWish
from lti_tool.lti.keys import SigningKey
from lti_tool.lti.launch import VerifiedLaunch

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
RETURN = "https://lms.example/return?course=2&sesskey=VdAxPiT65V"
ASKED = {
    "deep_link_return_url": RETURN,
    "accept_types": ["ltiResourceLink", "link"],
    "accept_presentation_document_targets": ["iframe", "window"],
    "accept_multiple": True,
}
SOUND = DeepLinkingSettings(
    return_url=RETURN,
    accept_types=("ltiResourceLink",),
    accept_targets=("iframe",),
    accept_multiple=True,
    accept_lineitem=None,
    auto_create=False,
    title=None,
    text=None,
    data=None,
)


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(Database(engine))


def launch(bench: Bench, settings: Any = ASKED, **changes: Any) -> VerifiedLaunch:
    """Verify a deep linking request that asks for ``settings``."""
    begun = bench.begin()
    claims = {
        f"{CLAIM}message_type": "LtiDeepLinkingRequest",
        f"{CLAIM}resource_link": ABSENT,
        f"{DL}deep_linking_settings": settings,
    } | changes
    return bench.launches.finish(bench.form(begun, claims), begun.cookies)


def refusal(bench: Bench, settings: Any, **changes: Any) -> str:
    with pytest.raises(LaunchError) as caught:
        launch(bench, settings, **changes)
    return caught.value.code


# -- the request ------------------------------------------------------------------------------------------------------


def test_what_was_asked_is_read(bench: Bench) -> None:
    found = launch(bench, ASKED | {"accept_lineitem": False, "auto_create": "true", "title": " Pick\n", "data": ""})
    assert found.resource_link is None
    assert found.deep_linking == DeepLinkingSettings(
        return_url=RETURN,
        accept_types=("ltiResourceLink", "link"),
        accept_targets=("iframe", "window"),
        accept_multiple=True,
        accept_lineitem=False,
        auto_create=True,
        title="Pick",
        text=None,
        data="",
    )
    assert "https://lms.example" in found.frame_ancestors


def test_an_empty_list_of_targets_is_valid(bench: Bench) -> None:
    found = launch(bench, ASKED | {"accept_presentation_document_targets": []}).deep_linking
    assert found is not None
    assert found.accept_targets == ()
    assert found.accepts_line_items, "who does not speak of line items allows them"


def test_one_item_unless_several_are_allowed(bench: Bench) -> None:
    settings = {key: value for key, value in ASKED.items() if key != "accept_multiple"}
    found = launch(bench, settings).deep_linking
    assert found is not None
    assert not found.accept_multiple


WRONG = [
    (ABSENT, "token_claim_deep_linking_settings"),
    ([], "token_claim_deep_linking_settings"),
    ({}, "token_claim_deep_link_return_url"),
    (ASKED | {"deep_link_return_url": "http://lms.example/return"}, "token_claim_deep_link_return_url"),
    (ASKED | {"deep_link_return_url": "javascript:alert(1)"}, "token_claim_deep_link_return_url"),
    (ASKED | {"deep_link_return_url": "https://u@lms.example/"}, "token_claim_deep_link_return_url"),
    (ASKED | {"deep_link_return_url": 7}, "token_claim_deep_link_return_url"),
    (ASKED | {"accept_types": "ltiResourceLink"}, "token_claim_accept_types"),
    (ASKED | {"accept_presentation_document_targets": None}, "token_claim_accept_presentation_document_targets"),
    (ASKED | {"data": {"a": 1}}, "token_claim_data"),
    (ASKED | {"data": "x" * 16_385}, "token_claim_data"),
    (ASKED | {"accept_types": ["image", "html"]}, "content_unsupported"),
]


@pytest.mark.parametrize(("settings", "code"), WRONG)
def test_a_request_that_cannot_be_answered_is_refused(bench: Bench, settings: Any, code: str) -> None:
    assert refusal(bench, settings) == code


def test_the_session_keeps_any_data_exactly() -> None:
    odd = DeepLinkingSettings.from_document(
        json.loads(json.dumps(SOUND.to_document() | {"data": "\0\ud800 é\u2028\"'<&>"}))
    )
    assert odd.data == "\0\ud800 é\u2028\"'<&>"
    assert DeepLinkingSettings.from_document(SOUND.to_document()) == SOUND


# -- submission review ------------------------------------------------------------------------------------------------


def review(**changes: Any) -> dict[str, Any]:
    return {
        f"{CLAIM}message_type": "LtiSubmissionReviewRequest",
        f"{CLAIM}resource_link": ABSENT,
        f"{CLAIM}for_user": {"user_id": "9"},
        AGS: {"scope": [], "lineitem": "https://lms.example/items/3"},
    } | changes


def test_a_review_says_whose_submission(bench: Bench) -> None:
    begun = bench.begin()
    found = bench.launches.finish(bench.form(begun, review()), begun.cookies)
    assert (found.for_user_id, found.line_item_url) == ("9", "https://lms.example/items/3")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({f"{CLAIM}for_user": ABSENT}, "token_claim_for_user"),
        ({f"{CLAIM}for_user": {"user_id": 9}}, "token_claim_for_user"),
        ({AGS: ABSENT}, "token_claim_lineitem"),
        ({AGS: {"lineitem": "http://lms.example/items/3"}}, "token_claim_lineitem"),
    ],
)
def test_a_review_needs_a_person_and_a_line_item(bench: Bench, changes: dict[str, Any], code: str) -> None:
    begun = bench.begin()
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(bench.form(begun, review(**changes)), begun.cookies)
    assert caught.value.code == code


# -- the answer -------------------------------------------------------------------------------------------------------


def answer(settings: DeepLinkingSettings = SOUND) -> DeepLinkingAnswer:
    key = SigningKey("tool-key-1", private_key("tool"), public_jwk("tool-key-1", private_key("tool")))
    return DeepLinkingAnswer(
        settings, issuer="https://lms.example", client_id="client-1", deployment_id="d-1", key=key, now=NOW
    )


def claims_of(token: str) -> dict[str, Any]:
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "tool-key-1"}
    found: dict[str, Any] = jwt.decode(
        token,
        private_key("tool").public_key(),
        algorithms=["RS256"],
        audience="https://lms.example",
        issuer="client-1",
        options={"verify_exp": False, "verify_iat": False},
    )
    return found


LINK = ContentLink(
    url=f"{TOOL}/checkpoints/abc",
    title="Water log",
    custom={"checkpoint": "abc"},
    line_item=LineItemWish(maximum=Decimal("12.5"), label="Water log", resource_id="abc", tag="t"),
    due_at=datetime(2026, 12, 1, tzinfo=UTC),
)


def test_the_answer_has_every_claim_of_the_standard() -> None:
    claims = claims_of(answer().token([LINK]))
    assert claims.pop("nonce")
    assert claims == {
        "iss": "client-1",
        "aud": "https://lms.example",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(minutes=10)).timestamp()),
        f"{CLAIM}deployment_id": "d-1",
        f"{CLAIM}message_type": "LtiDeepLinkingResponse",
        f"{CLAIM}version": "1.3.0",
        f"{DL}content_items": [
            {
                "type": "ltiResourceLink",
                "url": f"{TOOL}/checkpoints/abc",
                "title": "Water log",
                "custom": {"checkpoint": "abc"},
                "lineItem": {"scoreMaximum": 12.5, "label": "Water log", "resourceId": "abc", "tag": "t"},
                "submission": {"endDateTime": "2026-12-01T00:00:00+00:00"},
                "iframe": {"width": 1000, "height": 800},
            }
        ],
    }


def test_each_answer_has_a_nonce_of_its_own() -> None:
    assert claims_of(answer().token([]))["nonce"] != claims_of(answer().token([]))["nonce"]


@pytest.mark.parametrize("data", ["", "csrf é\n\"'<&>\u2028 ="])
def test_data_comes_back_unchanged(data: str) -> None:
    settings = DeepLinkingSettings.from_document(SOUND.to_document() | {"data": data})
    assert claims_of(answer(settings).token([]))[f"{DL}data"] == data


def test_nothing_chosen_is_an_empty_list_with_a_word() -> None:
    claims = claims_of(answer().token([], msg="Nothing was added."))
    assert (claims[f"{DL}content_items"], claims[f"{DL}msg"]) == ([], "Nothing was added.")
    assert f"{DL}data" not in claims
    assert claims_of(answer().token([], errormsg="No."))[f"{DL}errormsg"] == "No."


@pytest.mark.parametrize(
    ("targets", "extra"),
    [
        (("window",), {"window": {"targetName": "_blank"}}),
        (("frame", "iframe", "window"), {"iframe": {"width": 1000, "height": 800}}),
        ((), {}),
    ],
)
def test_hints_are_only_given_for_targets_the_platform_has(targets: tuple[str, ...], extra: dict[str, Any]) -> None:
    settings = DeepLinkingSettings.from_document(SOUND.to_document() | {"accept_targets": targets})
    (item,) = claims_of(answer(settings).token([ContentLink(url=TOOL, title="T", custom={})]))[f"{DL}content_items"]
    assert item == {"type": "ltiResourceLink", "url": TOOL, "title": "T", **extra}


def test_a_whole_number_of_points_is_sent_as_one() -> None:
    wish = LineItemWish(maximum=Decimal("10.0"), label="L", resource_id="r", tag="t")
    token = answer().token([ContentLink(url=TOOL, title="T", custom={}, line_item=wish)])
    (item,) = claims_of(token)[f"{DL}content_items"]
    assert json.dumps(item["lineItem"]["scoreMaximum"]) == "10"


def test_the_library_lays_the_answer_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    lay_out = DeepLink.get_message_jwt
    monkeypatch.setattr(DeepLink, "get_message_jwt", lambda self, items: asked.append(items) or lay_out(self, items))
    answer().token([LINK])
    assert len(asked) == 1
