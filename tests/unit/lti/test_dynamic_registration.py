"""What a platform answers to a registration: granted, refused, or unclear; none is ever taken for another."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request

from lti_tool.errors import RegistrationError, RegistrationRejectedError, RegistrationUnansweredError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.dynamic_registration import RegistrationAnswer, register
from lti_tool.lti.platform_configuration import CONFIGURATION_CLAIM, read_configuration
from lti_tool.outbound import HttpClient

CANVAS = "https://canvas.instructure.com/lti/"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
LOOPBACK = ("127.0.0.1", "localhost")


class Platform:
    """Answers a registration with whatever a test wants."""

    def __init__(self, live: Callable[[Any], str]) -> None:
        self.answer: Any = {}
        self.status = 200
        self.asked: list[Any] = []
        app = Flask("platform")
        app.add_url_rule("/register", "register", self._register, methods=["POST"])
        self.url = live(app)

    def _register(self) -> Response:
        self.asked.append((request.get_json(), request.headers.get("Authorization"), request.mimetype))
        answer = jsonify(self.answer) if isinstance(self.answer, dict | list) else Response(self.answer)
        answer.status_code = self.status
        return answer

    def register(self, token: str | None = "reg-token", endpoint: str | None = None) -> RegistrationAnswer:
        document = {
            "issuer": self.url,
            "registration_endpoint": endpoint or f"{self.url}/register",
            "scopes_supported": [],
            CONFIGURATION_CLAIM: {"messages_supported": []},
        } | {name: f"{self.url}/x" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        addresses = AddressPolicy(LOOPBACK)
        configuration = read_configuration(document, f"{self.url}/configuration", addresses)
        http = HttpClient(timeout=(2.0, 2.0), allowed_private_hosts=LOOPBACK)
        return register(http, addresses, configuration, {"client_name": "Badges"}, token)


@pytest.fixture
def platform(live: Callable[[Any], str]) -> Platform:
    """A platform."""
    return Platform(live)


def test_what_moodle_answers(platform: Platform) -> None:
    """The shape of an answer of Moodle 4.5 (captured): the deployment is in the tool's part, placements are dropped."""
    platform.answer = {
        "client_id": "p77xHzSoEu1EzFx",
        "scope": "https://scope.example/b https://scope.example/a https://scope.example/b",
        TOOL: {"version": "1.3.0", "deployment_id": "1", "messages": [{"type": "LtiDeepLinkingRequest"}]},
    }
    assert platform.register() == RegistrationAnswer(
        client_id="p77xHzSoEu1EzFx",
        deployment_id="1",
        scopes=("https://scope.example/b", "https://scope.example/a"),
        messages={"LtiDeepLinkingRequest": ()},
        client_url=None,
    )
    assert platform.asked == [({"client_name": "Badges"}, "Bearer reg-token", "application/json")]


@pytest.mark.parametrize("is_inside", [True, False])
def test_what_canvas_answers(platform: Platform, is_inside: bool) -> None:
    page = {f"{CANVAS}registration_config_url": f"{platform.url}/accounts/1"}
    platform.status = 201
    platform.answer = {"client_id": "10000000000001", TOOL: page if is_inside else {}} | ({} if is_inside else page)
    found = platform.register()
    assert (found.deployment_id, found.scopes, found.messages) == (None, None, None)
    assert found.client_url == f"{platform.url}/accounts/1"


@pytest.mark.parametrize(
    ("given", "kept"), [(7, "7"), ("a:b", "a:b"), ("", None), (True, None), ("x" * 256, None), (["1"], None)]
)
def test_deployment_ids(platform: Platform, given: Any, kept: str | None) -> None:
    platform.answer = {"client_id": "1", TOOL: {"deployment_id": given}}
    assert platform.register().deployment_id == kept


def test_an_address_that_cannot_be_used_is_left_out(platform: Platform) -> None:
    platform.answer = {"client_id": "1", "registration_client_uri": "javascript:alert(1)", TOOL: []}
    assert platform.register().client_url is None


def test_without_a_token_none_is_sent(platform: Platform) -> None:
    platform.answer = {"client_id": "1"}
    platform.register(token=None)
    assert platform.asked[0][1] is None


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code", "platform_error"),
    [
        (
            400,
            {"error": "token_already_used"},
            RegistrationRejectedError,
            "registration_rejected",
            "token_already_used",
        ),
        (401, {"error": "<b>No</b>"}, RegistrationRejectedError, "registration_rejected", None),
        (403, {"error": {"code": "x"}}, RegistrationRejectedError, "registration_rejected", None),
        (404, "<html>", RegistrationRejectedError, "registration_rejected", None),
        (500, "<html>", RegistrationUnansweredError, "registration_unanswered", None),
        (503, {"error": "busy"}, RegistrationUnansweredError, "registration_unanswered", None),
        (200, "<html>", RegistrationUnansweredError, "registration_answer_invalid", None),
        (200, ["client_id"], RegistrationUnansweredError, "registration_answer_invalid", None),
        (200, {"client_id": None}, RegistrationUnansweredError, "registration_answer_invalid", None),
        (200, {"client_id": 5}, RegistrationUnansweredError, "registration_answer_invalid", None),
        (200, {"client_id": "x" * 256}, RegistrationUnansweredError, "registration_answer_invalid", None),
        (200, {"client_id": "a\u202eb"}, RegistrationUnansweredError, "registration_answer_invalid", None),
        (302, {"client_id": "1"}, RegistrationUnansweredError, "registration_answer_invalid", None),
    ],
)
def test_no_grant(
    platform: Platform,
    status: int,
    answer: Any,
    kind: type[RegistrationError],
    code: str,
    platform_error: str | None,
) -> None:
    platform.status, platform.answer = status, answer
    with pytest.raises(kind) as refused:
        platform.register()
    assert refused.value.code == code
    assert getattr(refused.value, "platform_error", None) == platform_error
    assert "reg-token" not in str(refused.value)


def test_nothing_was_sent(platform: Platform) -> None:
    with pytest.raises(RegistrationRejectedError) as refused:
        platform.register(endpoint="http://127.0.0.1:9/register")
    assert refused.value.code == "registration_unreachable"
    with pytest.raises(RegistrationRejectedError) as refused:
        platform.register(endpoint="https://192.168.7.7/register")
    assert refused.value.code == "registration_unreachable"
