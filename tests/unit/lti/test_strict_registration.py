"""The strict platform's registration, deep linking and notices: each refuses what a lax platform lets pass."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from platforms.names import CANVAS as CANVAS_KEY
from platforms.names import (
    DEEP_LINKING,
    DEEP_LINKING_SETTINGS,
    ENDPOINT,
    GROUP_READ,
    GROUPS,
    LTI,
    NOTICE_HANDLERS,
    NOTIFICATIONS,
    PLACEMENT,
    PLATFORM_CONFIGURATION,
    REMOVED,
    TOOL_CONFIGURATION,
)
from platforms.quirks import BLACKBOARD, BRIGHTSPACE, CANVAS, CANVAS_OF_ONE_SCHOOL, MOODLE, SAKAI, STANDARD, Quirks
from platforms.reading import FixedKey
from platforms.registration_mishaps import Mishap
from platforms.registration_profiles import PROFILES
from platforms.strict import StrictPlatform, rsa_key
from platforms.strict_tokens import ASSERTION_TYPE, LINE_ITEM, MEMBERSHIP_READ, RESULT_READ

KEY = FixedKey("tool-key-1", rsa_key("tool-key-1"))
NOW = 1_800_000_000


class Tool(BaseHTTPRequestHandler):
    """A tool that publishes its keys and keeps what is posted."""

    got: list[Any] = []

    def do_GET(self) -> None:
        content = json.dumps(KEY.key_set() if self.path == "/jwks" else {"keys": []}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def tool() -> Iterator[str]:
    """The tool's address."""
    server = HTTPServer(("127.0.0.1", 0), Tool)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def strict(quirks: Quirks = STANDARD, tool: str = "https://tool.example") -> StrictPlatform:
    """A platform that stands still in time."""
    return StrictPlatform(quirks, tool_keys=KEY.key_set, redirect_uris=[f"{tool}/launch"], clock=lambda: NOW)


def call(url: str, document: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any]:
    """Status and body of one request: JSON where it is JSON."""
    data = None if document is None else json.dumps(document).encode()
    named = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read()
    try:
        return status, json.loads(content)
    except ValueError:
        return status, content.decode()


# -- registration -----------------------------------------------------------------------------------------------------


def application(tool: str, **changes: Any) -> dict[str, Any]:
    """What a well-behaved tool sends."""
    document = {
        "application_type": "web",
        "grant_types": ["client_credentials", "implicit"],
        "response_types": ["id_token"],
        "redirect_uris": [f"{tool}/launch"],
        "initiate_login_uri": f"{tool}/login",
        "client_name": "Badges",
        "jwks_uri": f"{tool}/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": f"{LINE_ITEM} {RESULT_READ} {MEMBERSHIP_READ}",
        TOOL_CONFIGURATION: {
            "domain": urlsplit(tool).netloc,
            "target_link_uri": f"{tool}/launch",
            "claims": ["iss", "sub", "name", "email"],
            "custom_parameters": {"course": "$Context.id"},
            "messages": [
                {"type": "LtiDeepLinkingRequest", "target_link_uri": f"{tool}/launch", "label": "Add a badge"},
                {"type": "LtiResourceLinkRequest", "placements": ["course_navigation"]},
            ],
        },
    } | changes
    return {key: value for key, value in document.items() if value is not REMOVED}


def apply(platform: StrictPlatform, document: Any, **headers: str) -> tuple[int, Any]:
    """Register, as a tool does that has just read the configuration."""
    query = platform.registration_query()
    bearer = {"Authorization": f"Bearer {query['registration_token']}"} | headers
    configuration = call(query["openid_configuration"], **bearer)[1]
    return call(configuration["registration_endpoint"], document, **bearer)


@pytest.mark.parametrize(
    "quirks", [STANDARD, CANVAS, MOODLE, BLACKBOARD, BRIGHTSPACE, SAKAI], ids=lambda one: one.product
)
def test_a_tool_registers_and_is_launched(quirks: Quirks, tool: str) -> None:
    with strict(quirks) as platform:
        status, answer = apply(platform, application(tool))
        client = platform.client()
        assert (status, answer["client_id"]) == (200, client.client_id)
        named = answer[TOOL_CONFIGURATION].get("deployment_id")
        assert (named is not None) == platform.profile.gives_deployment
        assert client.is_active != platform.profile.is_pending
        if platform.profile.is_pending:
            with pytest.raises(AssertionError):
                platform.use(client)
            platform.activate(client)
        deployment_id = named or platform.install(client)
        platform.use(client)
        claims = platform.claims("learner", "n")
        assert (claims["aud"], claims[LTI + "deployment_id"]) == (client.client_id, deployment_id)
        assert claims[ENDPOINT]["scope"] == sorted([LINE_ITEM, RESULT_READ])
        assert platform.redirect_uris == [f"{tool}/launch"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"application_type": "native"}, "application_type"), ({"grant_types": ["implicit"]}, "grant_types"),
     ({"response_types": ["code"]}, "response_types"), ({"redirect_uris": []}, "redirect_uris"),
     ({"redirect_uris": ["http://tool.example/launch"]}, "redirect_uris"), ({"jwks_uri": REMOVED}, "jwks_uri"),
     ({"initiate_login_uri": "/login"}, "initiate_login_uri"), ({"client_name": " "}, "client_name"),
     ({"token_endpoint_auth_method": REMOVED}, "token_endpoint_auth_method"), ({"scope": ["a"]}, "scope: is not"),
     ({"scope": f"{LINE_ITEM} more"}, "scope: more"), ({"client_id": "mine"}, "client_id"),
     ({"logo_uri": "javascript:alert(1)"}, "logo_uri"), ({TOOL_CONFIGURATION: REMOVED}, "tool configuration")],
)  # fmt: skip
def test_a_wrong_registration_is_refused_by_name(tool: str, changes: dict[str, Any], problem: str) -> None:
    with strict() as platform:
        status, answer = apply(platform, application(tool, **changes))
        assert (status, answer["error"]) == (400, "invalid_client_metadata")
        assert problem in answer["error_description"]
        assert platform.clients == {}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"domain": "https://tool.example"}, "domain"), ({"target_link_uri": "https://evil.example/"}, "target_link_uri"),
     ({"claims": ["name"]}, "claims"), ({"custom_parameters": {"n": 5}}, "custom_parameters"),
     ({"messages": [{"type": "Other"}]}, "messages: type"), ({"messages": REMOVED}, "messages"),
     ({"messages": [{"type": "LtiDeepLinkingRequest", "placements": "one"}]}, "messages: placements")],
)  # fmt: skip
def test_a_wrong_tool_configuration_is_refused_by_name(tool: str, changes: dict[str, Any], problem: str) -> None:
    document = application(tool)
    configuration = document[TOOL_CONFIGURATION] | changes
    document[TOOL_CONFIGURATION] = {key: value for key, value in configuration.items() if value is not REMOVED}
    with strict() as platform:
        status, answer = apply(platform, document)
        assert status == 400
        assert problem in answer["error_description"]


def test_keys_must_be_there(tool: str) -> None:
    with strict() as platform:
        for wrong in (f"{tool}/empty", "http://127.0.0.1:9/jwks"):
            status, answer = apply(platform, application(tool, jwks_uri=wrong))
            assert (status, "jwks_uri" in answer["error_description"]) == (400, True)


def test_the_content_type_counts(tool: str) -> None:
    with strict() as platform:
        assert apply(platform, application(tool), Content_Type="text/plain")[0] == 400


@pytest.mark.parametrize(("quirks", "error"), [(STANDARD, "invalid_token"), (MOODLE, "token_already_used")])
def test_a_token_serves_once(quirks: Quirks, error: str, tool: str) -> None:
    with strict(quirks) as platform:
        query = platform.registration_query()
        address = platform.base_url + platform.profile.registration_path
        bearer = {"Authorization": f"Bearer {query['registration_token']}"}
        assert call(address, application(tool), **bearer)[0] == 200
        assert call(address, application(tool), **bearer) == (401, {"error": error})
        assert call(address, application(tool), Authorization="Bearer guessed") == (401, {"error": "invalid_token"})
        assert len(platform.clients) == 1


def test_canvas_wants_the_token_for_its_configuration_too(tool: str) -> None:
    with strict(CANVAS_OF_ONE_SCHOOL) as platform:
        assert call(platform.configuration_url)[0] == 401
        token = platform.registration_query()["registration_token"]
        found = call(platform.configuration_url, Authorization=f"Bearer {token}")[1]
        about = found[PLATFORM_CONFIGURATION]
        assert found["issuer"] == platform.base_url
        assert about["product_family_code"] == "canvas"
        assert about[CANVAS_KEY + "account_name"] == "Lakeside College"
        assert "course_navigation" in about["messages_supported"][0]["placements"]
        assert "LtiContextCopyNotice" in about["notice_types_supported"]
        answer = apply(platform, application(tool))[1]
        assert CANVAS_KEY + "registration_config_url" in answer[TOOL_CONFIGURATION]


def test_moodle_keeps_deep_linking_only(tool: str) -> None:
    with strict(MOODLE) as platform:
        answer = apply(platform, application(tool))[1]
        assert answer[TOOL_CONFIGURATION]["messages"] == [
            {"type": "LtiDeepLinkingRequest", "target_link_uri": f"{tool}/launch"}
        ]
        platform.profile = PROFILES["moodle-old"]
        about = call(platform.configuration_url)[1][PLATFORM_CONFIGURATION]
        assert about["messages_supported"] == ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]


def test_an_admin_takes_scopes_away(tool: str) -> None:
    with strict() as platform:
        platform.scopes_removed_by_admin = {LINE_ITEM}
        answer = apply(platform, application(tool))[1]
        assert set(answer["scope"].split()) == {RESULT_READ, MEMBERSHIP_READ}
        platform.remove_scopes(platform.client(), RESULT_READ)
        assert platform.client().scopes == {MEMBERSHIP_READ}


def test_registering_again_keeps_the_client(tool: str) -> None:
    with strict() as platform:
        apply(platform, application(tool))
        client = platform.client()
        address = platform.registration_address("https://tool.example/register?invite=x", client)
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["invite"] == "x"
        bearer = {"Authorization": f"Bearer {query['registration_token']}"}
        answer = call(f"{platform.base_url}/register", application(tool, client_name="New"), **bearer)[1]
        assert answer["client_id"] == client.client_id
        assert list(platform.clients) == [client.client_id]
        assert platform.client().deployment_ids == client.deployment_ids


def assertion(platform: StrictPlatform, client_id: str) -> dict[str, str]:
    """A token request of a client."""
    claims = {"iss": client_id, "sub": client_id, "aud": platform.token_url, "iat": NOW - 60, "exp": NOW + 240,
              "jti": uuid.uuid4().hex}  # fmt: skip
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(claims, KEY.private_key, "RS256", headers={"kid": KEY.kid}),
        "scope": RESULT_READ,
    }


def ask_token(platform: StrictPlatform, client_id: str) -> Any:
    """The JSON of the token's answer."""
    form = urllib.parse.urlencode(assertion(platform, client_id)).encode()
    try:
        with urllib.request.urlopen(platform.token_url, form, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def test_tokens_are_for_clients_that_registered_and_are_active(tool: str) -> None:
    with strict(MOODLE) as platform:
        apply(platform, application(tool))
        client = platform.client()
        assert ask_token(platform, client.client_id)["error"] == "invalid_client"
        platform.activate(client)
        assert ask_token(platform, client.client_id)["access_token"] in platform.tokens
        platform.use(client)
        assert ask_token(platform, client.client_id)["access_token"] in platform.tokens
        assert ask_token(platform, "nobody")["error"] == "invalid_client"


def test_mishaps(tool: str) -> None:
    with strict() as platform:
        for mishap, expected in ((Mishap.HTML, "<title>"), (Mishap.NO_JSON, '{"issuer"')):
            platform.configuration_mishap = mishap
            assert expected in call(platform.configuration_url)[1]
        platform.configuration_mishap = Mishap.OTHER_ISSUER
        assert call(platform.configuration_url)[1]["issuer"] == "https://somebody-else.example"
        platform.configuration_mishap = None
        platform.configuration_changes = {"jwks_uri": None}
        assert "jwks_uri" not in call(platform.configuration_url)[1]
        platform.registration_mishap = Mishap.FAILS_AFTER_CREATING
        assert apply(platform, application(tool))[0] == 500
        assert len(platform.clients) == 1
        platform.registration_mishap = Mishap.NO_CLIENT_ID
        assert "client_id" not in apply(platform, application(tool))[1]
        platform.registration_mishap, platform.slowness = Mishap.SLOW, 0.2
        begun = time.monotonic()
        assert apply(platform, application(tool))[0] == 200
        assert time.monotonic() - begun > 0.2


# -- deep linking -----------------------------------------------------------------------------------------------------

ITEM = {
    "type": "ltiResourceLink",
    "title": "Safe Lab",
    "url": "https://tool.example/launch",
    "custom": {"checkpoint": "7"},
    "lineItem": {"scoreMaximum": 10, "label": "Safe Lab", "resourceId": "c-7", "tag": "checkpoint"},
    "available": {"startDateTime": "2026-11-01T08:00:00Z", "endDateTime": "2026-12-01T08:00:00+01:00"},
}


def respond(platform: StrictPlatform, message: dict[str, Any], items: Any, **changes: Any) -> tuple[int, str]:
    """Answer a request for content; ``changes`` are claims, or ``signer`` and ``url``."""
    asked = message["deep_linking_settings"]
    signer, url = changes.pop("signer", KEY), changes.pop("url", asked["deep_link_return_url"])
    claims = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": NOW,
        "exp": NOW + 300,
        "nonce": uuid.uuid4().hex,
        LTI + "deployment_id": platform.deployment_id,
        LTI + "message_type": "LtiDeepLinkingResponse",
        LTI + "version": "1.3.0",
        DEEP_LINKING + "content_items": items,
    } | ({DEEP_LINKING + "data": asked["data"]} if "data" in asked else {})
    claims = {key: value for key, value in (claims | changes).items() if value is not REMOVED}
    token = jwt.encode(claims, signer.private_key, "RS256", headers={"kid": signer.kid})
    form = urllib.parse.urlencode({"JWT": token}).encode()
    try:
        with urllib.request.urlopen(url, form, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("quirks", [STANDARD, CANVAS, MOODLE, BLACKBOARD, SAKAI], ids=lambda one: one.product)
def test_content_becomes_links_that_launch(quirks: Quirks) -> None:
    with strict(quirks) as platform:
        message = platform.deep_linking()
        assert message["deep_linking_settings"].get("accept_lineitem") is not False
        items = [ITEM, {**ITEM, "title": "Other", "lineItem": REMOVED}]
        items[1].pop("lineItem")
        assert respond(platform, message, items)[0] == 200, platform.answers[-1].problems
        first, second = platform.links
        launched = platform.resource_link(first)
        assert launched["endpoint"]["lineitem"] == platform.line_item_url(first.column)
        assert launched["custom"]["checkpoint"] == "7"
        assert (first.column.resource_id, first.column.tag, first.column.is_mine) == ("c-7", "checkpoint", True)
        assert "lineitem" not in platform.resource_link(second)["endpoint"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"iss": "other"}, "Issuer"), ({"aud": "https://tool.example"}, "Audience"), ({"nonce": REMOVED}, "nonce"),
     ({"exp": NOW}, "iat or exp"), ({"iat": NOW + 5}, "iat or exp"), ({"exp": NOW + 7200}, "iat or exp"),
     ({LTI + "deployment_id": "2"}, "deployment_id"), ({LTI + "message_type": "LtiDeepLinkingRequest"}, "message_type"),
     ({LTI + "version": REMOVED}, "version"), ({DEEP_LINKING + "data": REMOVED}, "data"),
     ({DEEP_LINKING + "data": "csrf"}, "data"), ({"azp": "other"}, "azp"), ({DEEP_LINKING + "msg": 5}, "msg"),
     ({DEEP_LINKING + "content_items": None}, "not a list"),
     ({"signer": FixedKey("tool-key-1", rsa_key("other"))}, "Signature"),
     ({"signer": FixedKey("unknown", rsa_key("tool-key-1"))}, "StopIteration")],
)  # fmt: skip
def test_a_wrong_response_is_refused(changes: dict[str, Any], problem: str) -> None:
    with strict() as platform:
        status, _ = respond(platform, platform.deep_linking(), [ITEM], **changes)
        assert status == 400
        assert problem in " ".join(platform.answers[-1].problems)
        assert platform.links == []


@pytest.mark.parametrize(
    ("item", "problem"),
    [({"type": "file", "url": "https://tool.example/f"}, "type file"), ({**ITEM, "colour": "red"}, "colour"),
     ({**ITEM, "url": "https://evil.example/"}, "not the tool's"), ({**ITEM, "custom": {"n": 7}}, "custom"),
     ({**ITEM, "lineItem": {"label": "x"}}, "lineItem"), ({**ITEM, "lineItem": {"scoreMaximum": 0}}, "lineItem"),
     ({**ITEM, "lineItem": {"scoreMaximum": 1, "tag": "t" * 256}}, "lineItem"), ({**ITEM, "title": None}, "title"),
     ({**ITEM, "available": {"startDateTime": "2026-11-01T08:00:00"}}, "available"),
     ({**ITEM, "submission": {"startDateTime": "2026-11-02T08:00:00Z", "endDateTime": "2026-11-01T08:00:00Z"}},
      "submission"),
     ({**ITEM, "iframe": {"width": "900"}}, "iframe"), ({**ITEM, "icon": {"width": 5}}, "icon"),
     ({"type": "link", "title": "No address"}, "no url"), ("text", "not an object")],
)  # fmt: skip
def test_a_wrong_item_is_refused(item: Any, problem: str) -> None:
    with strict() as platform:
        assert respond(platform, platform.deep_linking(), [item])[0] == 400
        assert problem in " ".join(platform.answers[-1].problems)


def test_limits_that_were_named_count() -> None:
    with strict() as platform:
        one = platform.deep_linking(accept_multiple=False)
        assert respond(platform, one, [ITEM, ITEM])[0] == 400
        assert respond(platform, platform.deep_linking(accept_lineitem=False), [ITEM])[0] == 400
        assert respond(platform, platform.deep_linking(accept_lineitem=REMOVED), [ITEM])[0] == 200


def test_a_nonce_and_a_return_address_serve_as_given() -> None:
    with strict(MOODLE) as platform:
        message = platform.deep_linking()
        assert respond(platform, message, [ITEM], nonce="n")[0] == 200
        assert respond(platform, message, [ITEM], nonce="n")[0] == 400
        url = message["deep_linking_settings"]["deep_link_return_url"]
        assert respond(platform, message, [ITEM], url=url.partition("?")[0])[0] == 404


def test_where_results_need_scores_a_grade_by_hand_makes_none() -> None:
    for quirks, expected in ((CANVAS, {}), (MOODLE, {"4": 7})):
        with strict(quirks) as platform:
            column = platform.add_line_item("Work")
            platform.grade_by_hand(column, "4", 7)
            assert column.scores == expected
            column.scores["4"] = None
            platform.grade_by_hand(column, "4", 8)
            assert column.scores == {"4": 8}


def test_a_login_leads_to_its_message_once() -> None:
    with strict(CANVAS) as platform:
        form = platform.login_form("teacher", message=platform.deep_linking("assignment_selection"))
        message = platform.message_for(form["lti_message_hint"])
        assert message[PLACEMENT] == "assignment_selection"
        assert platform.message_for(form["lti_message_hint"]) == {}
        token = platform.launch_form("teacher", "s", "n", **message)["id_token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims[LTI + "message_type"] == "LtiDeepLinkingRequest"
        assert claims[DEEP_LINKING_SETTINGS]["accept_multiple"] is False
        assert LTI + "resource_link" not in claims


# -- other messages and services --------------------------------------------------------------------------------------


def test_messages_beside_the_plain_launch() -> None:
    with strict(CANVAS) as platform:
        menu = platform.navigation("account_navigation")
        assert (menu[PLACEMENT], menu["context"]["type"]) == ("account_navigation", ["Account"])
        assert platform.navigation("user_navigation", has_context=False)["context"] is REMOVED
        respond(platform, platform.deep_linking(), [ITEM])
        review = platform.submission_review("learner", platform.links[0])
        assert (review["message_type"], review["for_user"]["user_id"]) == ("LtiSubmissionReviewRequest", "learner")
        assert review["endpoint"]["lineitem"] == platform.line_item_url(platform.links[0].column)


def test_services_are_named_to_who_may_use_them() -> None:
    with strict() as platform:
        assert GROUPS not in platform.claims("teacher", "n")
        platform.granted_scopes |= {GROUP_READ, NOTICE_HANDLERS}
        claims = platform.claims("teacher", "n")
        assert claims[GROUPS]["context_groups_url"].startswith(platform.base_url)
        assert claims[NOTIFICATIONS]["platform_notification_service_url"] == platform.notices_url


def test_handlers_and_notices(tool: str) -> None:
    with strict(CANVAS, tool) as platform:
        assert call(platform.notices_url)[0] == 401
        platform.granted_scopes |= {NOTICE_HANDLERS}
        form = assertion(platform, platform.client_id) | {"scope": NOTICE_HANDLERS}
        with urllib.request.urlopen(platform.token_url, urllib.parse.urlencode(form).encode(), timeout=5) as answer:
            bearer = {"Authorization": f"Bearer {json.load(answer)['access_token']}"}
        wanted = {"notice_type": "LtiContextCopyNotice", "handler": f"{tool}/notices"}
        for wrong in ({"handler": "https://evil.example/"}, {"notice_type": "Other"}, {"handler": None}):
            assert call(platform.notices_url, wanted | wrong, "PUT", **bearer)[0] == 400
        listed = call(platform.notices_url, wanted, "PUT", **bearer)[1]["notice_handlers"]
        assert wanted in listed
        assert platform.send_notice(platform.copy_claims("course-2", "course-1")) == 204
        token = Tool.got[-1]["notices"][0]["jwt"]
        key = platform.keys[0].private_key.public_key()
        claims = jwt.decode(token, key, ["RS256"], audience=platform.client_id, options={"verify_iat": False})
        assert claims[LTI + "origin_contexts"] == ["course-1"]
        assert "sub" not in claims
        call(platform.notices_url, wanted | {"handler": ""}, "PUT", **bearer)
        assert platform.notice_handlers == {}
