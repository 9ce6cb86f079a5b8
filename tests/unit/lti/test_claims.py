"""Roles, and the values a launch is read into."""

import json
from typing import Any

import pytest
from signed_launches import AGS, CLAIM, NRPS, TOOL

from lti_tool.errors import TokenClaimError
from lti_tool.lti import claims
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import SignedClaims
from lti_tool.lti.tool_config import KnownDeployment, Platform
from lti_tool.lti.verified_launch import LaunchContext, VerifiedLaunch, read_launch

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"

ROLES = [
    ([f"{MEMBERSHIP}#Instructor"], "instructor"),
    ([f"{MEMBERSHIP}#Learner"], "learner"),
    (["Instructor"], "instructor"),
    (["Learner"], "learner"),
    ([f"{MEMBERSHIP}/Instructor#PrimaryInstructor"], "instructor"),
    ([f"{MEMBERSHIP}/Learner#NonCreditLearner"], "learner"),
    ([f"{MEMBERSHIP}/Learner#Instructor"], "learner"),
    ([f"{MEMBERSHIP}/Instructor#TeachingAssistant"], "assistant"),
    ([f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}/Instructor#TeachingAssistantSection"], "assistant"),
    ([f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor"], "instructor"),
    ([f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}/Instructor#TeachingAssistant"], "assistant"),
    ([f"{INSTITUTION}#Administrator", f"{INSTITUTION}#Instructor", f"{INSTITUTION}#Faculty"], ""),
    ([f"{SYSTEM}#Administrator", f"{SYSTEM}#SysAdmin"], ""),
    ([f"{INSTITUTION}#Student", f"{INSTITUTION}#Learner"], ""),
    ([f"{INSTITUTION}#Administrator", f"{MEMBERSHIP}#Learner"], "learner"),
    ([f"{MEMBERSHIP}#Administrator"], ""),
    ([f"{MEMBERSHIP}#Mentor"], ""),
    ([f"{MEMBERSHIP}#instructor"], ""),
    ([f"{MEMBERSHIP}s#Instructor"], ""),
    (["https://evil.example#Instructor"], ""),
    ([], ""),
    ([f"{MEMBERSHIP}#Learner", TEST_USER], "learner test"),
]


@pytest.mark.parametrize(("roles", "expected"), ROLES)
def test_roles(roles: list[str], expected: str) -> None:
    launch = read({f"{CLAIM}roles": roles})
    found = {
        "instructor": launch.is_instructor,
        "assistant": launch.is_teaching_assistant,
        "learner": launch.is_learner,
        "test": launch.is_test_user,
    }
    assert [name for name, held in found.items() if held] == expected.split()
    assert claims.is_learner_role(roles) == ("learner" in expected)
    assert claims.is_test_user(roles) == ("test" in expected)


def read(
    changes: dict[str, Any], allowed: tuple[str, ...] = ("127.0.0.1",), product: str | None = None
) -> VerifiedLaunch:
    sound = {
        f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}target_link_uri": f"{TOOL}/x",
        f"{CLAIM}roles": [],
        f"{CLAIM}resource_link": {"id": "1"},
    }
    platform = Platform(3, "Lakeside", "https://lms.example", "c", "https://sso.lms.example/auth", "", product, None)
    return read_launch(SignedClaims(sound | changes), platform, KnownDeployment(4, 5), AddressPolicy(allowed))


# What a Moodle 4.5 sent, cut down; addresses are its own.
MOODLE = json.loads("""{
 "sub": "5",
 "https://purl.imsglobal.org/spec/lti/claim/roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
 "https://purl.imsglobal.org/spec/lti/claim/context": {"id": "2", "label": "AQUA101", "title": "Aquaponics 101",
  "type": ["CourseSection"]},
 "https://purl.imsglobal.org/spec/lti/claim/resource_link": {"title": "DL badge activity", "id": "1"},
 "given_name": "Ana", "family_name": "Carp", "name": "Ana Carp", "email": "student1@example.edu",
 "https://purl.imsglobal.org/spec/lti/claim/launch_presentation": {"locale": "en", "document_target": "iframe",
  "return_url": "http://127.0.0.1:8081/mod/lti/return.php?course=2&launch_container=3&instanceid=1&sesskey=2CPBCjEZ13"},
 "https://purl.imsglobal.org/spec/lti/claim/tool_platform": {"product_family_code": "moodle", "version": "2024100706"},
 "https://purl.imsglobal.org/spec/lti/claim/custom": {"badge": "b1", "start": "", "foo": "$Canvas.course.id"},
 "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
  "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/lineitem", "https://purl.imsglobal.org/spec/lti-ags/scope/score"],
  "lineitems": "http://127.0.0.1:8081/mod/lti/services.php/2/lineitems?type_id=1",
  "lineitem": "http://127.0.0.1:8081/mod/lti/services.php/2/lineitems/6/lineitem?type_id=1"},
 "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
  "context_memberships_url": "http://127.0.0.1:8081/mod/lti/services.php/CourseSection/2/bindings/1/memberships",
  "service_versions": ["1.0", "2.0"]}
}""")


def test_a_launch_from_moodle() -> None:
    launch = read(MOODLE)
    base = "http://127.0.0.1:8081/mod/lti"
    assert (launch.registration_id, launch.deployment_row_id, launch.organization_id) == (3, 4, 5)
    assert (launch.platform_user_id, launch.name, launch.email, launch.locale) == (
        "5",
        "Ana Carp",
        "student1@example.edu",
        "en",
    )
    assert launch.context == LaunchContext("2", "Aquaponics 101", "AQUA101")
    assert launch.resource_link == ("1", "DL badge activity")
    assert launch.line_items_url == f"{base}/services.php/2/lineitems?type_id=1"
    assert launch.line_item_url == f"{base}/services.php/2/lineitems/6/lineitem?type_id=1"
    assert launch.memberships_url == f"{base}/services.php/CourseSection/2/bindings/1/memberships"
    assert launch.ags_scopes == tuple(MOODLE[AGS]["scope"])
    assert launch.custom == {"badge": "b1", "start": ""}
    assert launch.return_url == MOODLE[f"{CLAIM}launch_presentation"]["return_url"]
    assert launch.product == "moodle"
    assert launch.frame_ancestors == ("https://sso.lms.example", "http://127.0.0.1:8081")
    assert launch.is_learner


def test_private_http_addresses_are_dropped_unless_listed() -> None:
    launch = read(MOODLE, allowed=())
    assert (launch.line_items_url, launch.line_item_url, launch.memberships_url, launch.return_url) == (None,) * 4
    assert launch.frame_ancestors == ("https://sso.lms.example",)


@pytest.mark.parametrize(
    "broken",
    [
        5,
        None,
        [],
        "lineitems",
        {},
        {"lineitems": 5, "lineitem": [], "scope": "all", "context_memberships_url": {}},
        {"lineitems": "ftp://lms.example/a", "lineitem": "//lms.example", "context_memberships_url": "/memberships"},
        {"lineitems": "https://[", "lineitem": "https://a:b", "context_memberships_url": "https://a b.example/"},
        {"lineitems": "https://lms.example;script-src/", "context_memberships_url": "https://é.example/"},
        {"lineitems": "https://user@lms.example/", "context_memberships_url": "https://lms.example/" + "x" * 2048},
    ],
    ids=str,
)
def test_malformed_services_are_dropped(broken: object) -> None:
    launch = read({AGS: broken, NRPS: broken, f"{CLAIM}launch_presentation": broken, f"{CLAIM}tool_platform": broken})
    assert (launch.line_items_url, launch.line_item_url, launch.memberships_url) == (None, None, None)
    assert launch.ags_scopes == ()
    assert launch.frame_ancestors == ("https://sso.lms.example",)


def test_custom_values() -> None:
    sent = {"id": 12, "on": True, "none": None, "list": [], "unresolved": "$Canvas.user.id", "text": "a", "empty": ""}
    launch = read({f"{CLAIM}custom": sent})
    assert launch.custom == {"id": "12", "text": "a", "empty": ""}
    with pytest.raises(TypeError):
        launch.custom["id"] = "13"  # type: ignore[index]


@pytest.mark.parametrize("custom", [None, [], "x", 5])
def test_custom_that_is_none(custom: object) -> None:
    assert read({f"{CLAIM}custom": custom}).custom == {}


def test_the_api_domain_of_canvas_may_frame() -> None:
    assert read({f"{CLAIM}custom": {"canvas_api_domain": "school.instructure.com"}}).frame_ancestors == (
        "https://sso.lms.example",
        "https://school.instructure.com",
    )
    hostile = read({f"{CLAIM}custom": {"canvas_api_domain": "x; script-src *"}})
    assert hostile.frame_ancestors == ("https://sso.lms.example",)


NAMES = [
    ({"name": "Ana Carp"}, "Ana Carp"),
    ({"given_name": "Ana", "family_name": "Carp"}, "Ana Carp"),
    ({"name": "", "given_name": "Ana"}, "Ana"),
    ({"name": "  Ana\n\0Carp\ud800 "}, "Ana Carp"),
    ({"name": "نازنین\u200cزهرا"}, "نازنین\u200cزهرا"),
    ({"name": 5}, None),
    ({}, None),
    ({"name": "x" * 5000}, "x" * 1024),
]


@pytest.mark.parametrize(("changes", "name"), NAMES)
def test_names(changes: dict[str, Any], name: str | None) -> None:
    assert read(changes).name == name


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("a@b.example", "a@b.example"),
        (" a@b.example ", "a@b.example"),
        ("none", None),
        ("@b", None),
        ("a@", None),
        (5, None),
        ("a b@c.example", None),
        ("a\0@c.example", None),
        ("x" * 320 + "@c.example", None),
    ],
)
def test_email(email: object, kept: str | None) -> None:
    assert read({"email": email}).email == kept


@pytest.mark.parametrize(
    ("changes", "locale"),
    [
        ({"locale": "fr-CA"}, "fr-CA"),
        ({"locale": "fr", f"{CLAIM}launch_presentation": {"locale": "en_US"}}, "en_US"),
        ({"locale": "fr;q=1"}, None),
        ({"locale": "x" * 36}, None),
        ({"locale": 5}, None),
    ],
)
def test_locale(changes: dict[str, Any], locale: str | None) -> None:
    assert read(changes).locale == locale


def test_the_admins_product_wins() -> None:
    platform_says = {f"{CLAIM}tool_platform": {"product_family_code": "Canvas"}}
    assert read(platform_says).product == "canvas"
    assert read(platform_says, product="moodle").product == "moodle"
    assert read({}).product is None


@pytest.mark.parametrize("context", [{"title": "x"}, {"id": 5}, {"id": ""}, "c-1", []], ids=str)
def test_a_context_needs_an_id(context: object) -> None:
    with pytest.raises(TokenClaimError) as caught:
        read({f"{CLAIM}context": context})
    assert caught.value.code == "token_claim_context"
