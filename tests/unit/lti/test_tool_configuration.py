"""What this tool announces: to platforms that register it, and as Canvas' developer-key JSON."""

from typing import Any

import pytest
from platforms.registration_rules import registration_problems

from lti_tool.lti.platform_configuration import PlatformConfiguration
from lti_tool.lti.tool_configuration import (
    CANVAS_PRIVACY_LEVELS,
    PLACEMENTS,
    SCOPES,
    TOOL_CLAIM,
    Choices,
    asked_scopes,
    canvas_document,
    offered_placements,
    registration_document,
)
from lti_tool.settings import Settings, load_settings

CANVAS = "https://canvas.instructure.com/lti/"
BASE = "https://badges.example/tools"


@pytest.fixture
def settings() -> Settings:
    """A tool below a path of its host."""
    return load_settings({"LTI_BADGES_ENV": "test"}, public_url=BASE, tool_name="Badges of Lakeside")


def platform(**changes: Any) -> PlatformConfiguration:
    """A platform that offers everything and names no places."""
    values: dict[str, Any] = {
        "url": "https://lms.example/configuration",
        "issuer": "https://lms.example",
        "authorization_endpoint": "https://lms.example/auth",
        "registration_endpoint": "https://lms.example/register",
        "jwks_uri": "https://lms.example/jwks",
        "token_endpoint": "https://lms.example/token",
        "authorization_server": None,
        "scopes": tuple(SCOPES.values()),
        "claims": ("sub", "iss", "name", "email"),
        "product": "lms",
        "version": None,
        "messages": {"LtiResourceLinkRequest": (), "LtiDeepLinkingRequest": ()},
        "variables": (),
        "notice_types": (),
        "account_name": None,
        "account_guid": None,
    }
    return PlatformConfiguration(**values | changes)


def everywhere() -> dict[str, tuple[str, ...]]:
    """Messages of a platform that has all named places."""
    found: dict[str, tuple[str, ...]] = {}
    for one in PLACEMENTS.values():
        found[one.message_type] = (*found.get(one.message_type, ()), one.name)
    return found


def claim(settings: Settings, configuration: PlatformConfiguration, **choices: Any) -> dict[str, Any]:
    """The tool's part of a registration."""
    document = registration_document(settings, configuration, Choices(**choices))
    assert registration_problems(document, set(configuration.scopes)) == []
    found: dict[str, Any] = document[TOOL_CLAIM]
    return found


def test_every_address_is_below_the_public_one(settings: Settings) -> None:
    document = registration_document(settings, platform(), Choices())
    assert document["redirect_uris"] == [f"{BASE}/lti/launch"]
    assert document["initiate_login_uri"] == f"{BASE}/lti/login"
    assert document["jwks_uri"] == f"{BASE}/lti/jwks"
    assert all(document[name].startswith(BASE) for name in ("logo_uri", "client_uri", "policy_uri", "tos_uri"))
    assert document[TOOL_CLAIM]["domain"] == "badges.example"
    assert document["client_name"] == document["client_name#fr"] == "Badges of Lakeside"


def test_only_offered_and_wanted_scopes_are_asked_for() -> None:
    some = platform(scopes=(SCOPES["score"], SCOPES["result.readonly"], "https://other.example/scope"))
    assert asked_scopes(some, Choices()) == [SCOPES["result.readonly"], SCOPES["score"]]
    assert asked_scopes(some, Choices(scopes=frozenset())) == [SCOPES["result.readonly"]], "what is needed stays"


def test_a_platform_without_names_for_places_gets_the_two_messages(settings: Settings) -> None:
    found = claim(settings, platform())["messages"]
    assert [one["type"] for one in found] == ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
    assert all("placements" not in one for one in found)
    moodle = platform(messages={"LtiResourceLinkRequest": (), "LtiDeepLinkingRequest": ("ContentArea",)})
    assert claim(settings, moodle)["messages"][1]["placements"] == ["ContentArea"]
    deaf = platform(messages={"LtiResourceLinkRequest": ()})
    assert [one["type"] for one in claim(settings, deaf)["messages"]] == ["LtiResourceLinkRequest"]


def test_named_places_have_a_message_each_with_the_page_it_opens(settings: Settings) -> None:
    configuration = platform(messages=everywhere())
    assert offered_placements(configuration) == list(PLACEMENTS)
    found = {one["placements"][0]: one for one in claim(settings, configuration)["messages"]}
    pages = {name: one.get("custom_parameters") for name, one in found.items()}
    assert pages == {
        "course_navigation": {"badges_page": "course"},
        "assignment_selection": None,
        "link_selection": None,
        "account_navigation": {"badges_page": "admin"},
        "user_navigation": {"badges_page": "mine"},
    }
    assert not any(key.startswith(CANVAS) for one in found.values() for key in one), (
        "another LMS is told nothing of Canvas"
    )
    chosen = claim(settings, configuration, placements=frozenset({"user_navigation"}))["messages"]
    assert [one["placements"] for one in chosen] == [["user_navigation"]]


def test_canvas_is_told_what_only_canvas_asks(settings: Settings) -> None:
    configuration = platform(product="canvas", messages=everywhere())
    found = claim(settings, configuration, shares_name=False)
    assert found[f"{CANVAS}privacy_level"] == "email_only"
    assert found[f"{CANVAS}tool_id"] == "lti-badges"
    by_place = {one["placements"][0]: one for one in found["messages"]}
    assert by_place["course_navigation"][f"{CANVAS}visibility"] == "members"
    assert by_place["account_navigation"][f"{CANVAS}visibility"] == "admins"
    assert by_place["course_navigation"][f"{CANVAS}course_navigation/default_enabled"] is False
    assert f"{CANVAS}course_navigation/default_enabled" not in by_place["user_navigation"]


@pytest.mark.parametrize(
    ("name", "email", "claims", "level"),
    [
        (True, True, ["iss", "sub", "name", "email"], "public"),
        (True, False, ["iss", "sub", "name"], "name_only"),
        (False, True, ["iss", "sub", "email"], "email_only"),
        (False, False, ["iss", "sub"], "anonymous"),
    ],
)
def test_claims_are_the_least(settings: Settings, name: bool, email: bool, claims: list[str], level: str) -> None:
    assert claim(settings, platform(), shares_name=name, shares_email=email)["claims"] == claims
    assert Choices(shares_name=name, shares_email=email).privacy_level == level


def test_a_platform_that_lists_no_claims_is_asked_by_name(settings: Settings) -> None:
    found = claim(settings, platform(claims=()), shares_email=False)["claims"]
    assert found == ["iss", "sub", "name", "given_name", "family_name"]


def test_only_variables_the_platform_knows(settings: Settings) -> None:
    found = claim(settings, platform(variables=("Context.id.history", "Person.email.primary")))
    assert found["custom_parameters"] == {"context_history": "$Context.id.history"}


def test_canvas_developer_key(settings: Settings) -> None:
    """The shape that Canvas reads (vendor documents and code, 2026)."""
    document = canvas_document(settings)
    assert set(document) == {
        "title", "description", "oidc_initiation_url", "target_link_uri", "public_jwk_url", "scopes", "custom_fields",
        "extensions",
    }  # fmt: skip
    assert document["oidc_initiation_url"] == f"{BASE}/lti/login"
    assert SCOPES["contextgroup.readonly"] not in document["scopes"]
    assert set(document["scopes"]) < set(SCOPES.values())
    assert document["custom_fields"]["canvas_course_id"] == "$Canvas.course.id"
    (extension,) = document["extensions"]
    assert (extension["platform"], extension["domain"]) == ("canvas.instructure.com", "badges.example")
    assert (extension["tool_id"], extension["privacy_level"]) == ("lti-badges", "public")
    placements = {one["placement"]: one for one in extension["settings"]["placements"]}
    assert list(placements) == list(PLACEMENTS)
    for name, one in placements.items():
        assert one["message_type"] == PLACEMENTS[name].message_type
        assert one["target_link_uri"] == f"{BASE}/lti/launch"
        assert one["enabled"] is True
    assert placements["course_navigation"]["default"] == "disabled"
    assert placements["course_navigation"]["custom_fields"] == {"badges_page": "course"}
    assert placements["account_navigation"]["visibility"] == "admins"
    assert CANVAS_PRIVACY_LEVELS[0] == "public"
