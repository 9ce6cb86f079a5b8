"""What a learner's launch looks like on each platform: written here in the shape seen, never copied; with its ground.

A shape has everything but what the launch itself settles (``iss``, ``aud``, times, nonce, deployment, target).
"""

from dataclasses import dataclass, field
from typing import Any

from platforms.names import ENDPOINT, GROUPS, LTI, NAMES_AND_ROLES, PLACEMENT

MEMBER = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LEARNER = f"{MEMBER}#Learner"
INSTRUCTOR = f"{MEMBER}#Instructor"
STUDENT = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Student"
NO_SYSTEM_ROLE = "http://purl.imsglobal.org/vocab/lis/v2/system/person#None"
NO_INSTITUTION_ROLE = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#None"
OFFERING = "http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"
AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One platform as the tool's registration and its launches know it."""

    ground: str
    issuer: str
    client_id: str
    deployment_id: str
    login: dict[str, str] = field(default_factory=dict)
    """Login parameters beside the required ones."""
    claims: dict[str, Any]


def _gradebook(base: str, *, line_item: str | None = None, query: str = "") -> dict[str, Any]:
    scopes = [AGS + name for name in ("lineitem", "lineitem.readonly", "result.readonly", "score")]
    endpoint = {"scope": scopes, "lineitems": f"{base}/line_items{query}"}
    return endpoint | ({"lineitem": f"{base}/line_items/{line_item}{query}"} if line_item else {})


def _roster(url: str, *versions: str) -> dict[str, Any]:
    return {"context_memberships_url": url, "service_versions": list(versions or ("2.0",))}


CANVAS = Shape(
    ground="vendor code (jwt_message.rb, resource_link_request.rb), 2026; values and empty members constructed",
    issuer="https://canvas.instructure.com",
    client_id="10000000000042",
    deployment_id="106:8865aa05b4b79b64a91a86042e43af5ea8ae79eb",
    login={
        "client_id": "10000000000042",
        "deployment_id": "106:8865aa05b4b79b64a91a86042e43af5ea8ae79eb",
        "lti_message_hint": "eyJ0eXAiOiJKV1QifQ.eyJ2ZXJpZmllciI6ImEifQ.c2ln",
        "canvas_region": "us-east-1",
        "canvas_environment": "prod",
        "lti_storage_target": "post_message_forwarding",
    },
    claims={
        "azp": "10000000000042",
        "sub": "a445ca99-1a64-4697-9bfa-508a118245ea",
        "name": "Lea Loach",
        "given_name": "Lea",
        "family_name": "Loach",
        "email": "lea@school.example",
        "picture": "https://school.instructure.com/images/avatar.png",
        "locale": "en",
        "errors": {"errors": {}},
        PLACEMENT: "course_navigation",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "resource_link": {
            "id": "5606ccce28d1eb29e70a3ea3a45cbcd1e9e2c1aa",
            "description": None,
            "title": "Aquaponics 101",
            "validation_context": None,
            "errors": {"errors": {}},
        },
        LTI + "context": {
            "id": "5606ccce28d1eb29e70a3ea3a45cbcd1e9e2c1aa",
            "label": "AQUA101",
            "title": "Aquaponics 101",
            "type": [OFFERING],
            "validation_context": None,
            "errors": {"errors": {}},
        },
        LTI + "tool_platform": {
            "guid": "QTVqR4b1hhf6uTYvZ7Xn:canvas-lms",
            "name": "Lakeside College",
            "version": "cloud",
            "product_family_code": "canvas",
            "validation_context": None,
        },
        LTI + "launch_presentation": {
            "document_target": "iframe",
            "return_url": "https://school.instructure.com/courses/1/external_content/success/external_tool_redirect",
            "locale": "en",
            "height": None,
            "width": None,
        },
        LTI + "roles": [
            STUDENT,
            LEARNER,
            "http://purl.imsglobal.org/vocab/lis/v2/system/person#User",
        ],
        LTI + "custom": {
            "canvas_course_id": 1,
            "canvas_user_id": 42,
            "canvas_api_domain": "school.instructure.com",
            "canvas_assignment_id": "$Canvas.assignment.id",
        },
        LTI + "lis": {"person_sourcedid": "$Person.sourcedId", "course_offering_sourcedid": None},
        LTI + "lti11_legacy_user_id": "1d8a7e1f",
        ENDPOINT: _gradebook("https://school.instructure.com/api/lti/courses/1") | {"validation_context": None},
        NAMES_AND_ROLES: _roster("https://school.instructure.com/api/lti/courses/1/names_and_roles"),
        GROUPS: {
            "scope": ["https://purl.imsglobal.org/spec/lti-gs/scope/contextgroup.readonly"],
            "context_groups_url": "https://school.instructure.com/api/lti/courses/1/groups",
            "service_versions": ["1.0"],
        },
    },
)

MOODLE = Shape(
    ground="captured (Moodle 4.5.6); values are other ones",
    issuer="https://moodle.school.example",
    client_id="p77xHzSoEu1EzFx",
    deployment_id="1",
    login={
        "client_id": "p77xHzSoEu1EzFx",
        "lti_deployment_id": "1",
        "lti_message_hint": '{"cmid":6,"launchid":"ltilaunch1_276672685"}',
    },
    claims={
        "sub": "4",
        "given_name": "Lea",
        "family_name": "Loach",
        "name": "Lea Loach",
        "email": "lea@school.example",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "lis": {"person_sourcedid": "S4", "course_section_sourcedid": "SIS-AQUA-1"},
        LTI + "roles": [LEARNER],
        LTI + "context": {"id": "2", "label": "AQUA101", "title": "Aquaponics 101", "type": ["CourseSection"]},
        LTI + "resource_link": {"title": "Badges in this course", "description": "", "id": "1"},
        "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome": {
            "lis_result_sourcedid": '{"data":{"instanceid":"1","userid":"4","typeid":"1","launchid":7},"hash":"e5"}',
            "lis_outcome_service_url": "https://moodle.school.example/mod/lti/service.php",
        },
        LTI + "ext": {"user_username": "lea", "lms": "moodle-2"},
        LTI + "launch_presentation": {
            "locale": "en",
            "document_target": "iframe",
            "return_url": "https://moodle.school.example/mod/lti/return.php?course=2&sesskey=VdAxPiT65V",
        },
        LTI + "tool_platform": {
            "product_family_code": "moodle",
            "version": "2024100706",
            "guid": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "name": "school",
            "description": "School's Moodle",
        },
        LTI + "custom": {
            "course_id": "2",
            "start": "",
            "foo": "$Canvas.course.id",
            "link_setting_url": "https://moodle.school.example/mod/lti/services.php/links/{link_id}/custom",
        },
        ENDPOINT: _gradebook("https://moodle.school.example/mod/lti/services.php/2", query="?type_id=1"),
        NAMES_AND_ROLES: _roster(
            "https://moodle.school.example/mod/lti/services.php/CourseSection/2/bindings/1/memberships", "1.0", "2.0"
        ),
    },
)

BLACKBOARD = Shape(
    ground="constructed; issuer from a vendor document, 2026",
    issuer="https://blackboard.com",
    client_id="2f8a3d4e-0c1b-4a5d-9e6f-7a8b9c0d1e2f",
    deployment_id="ef2e8d3a-9a7c-4f61-8d5e-1b2c3d4e5f60",
    login={"client_id": "2f8a3d4e-0c1b-4a5d-9e6f-7a8b9c0d1e2f", "lti_message_hint": "a:b,c=d|e/f+g=="},
    claims={
        "sub": "16f2d3b87c6e4ca6a8c7a2e6f6ff1a2b",
        "given_name": "Lea",
        "family_name": "Loach",
        "name": "Lea Loach",
        "email": "lea@school.example",
        "locale": "en-US",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "roles": [LEARNER, STUDENT],
        LTI + "resource_link": {"id": "_42_1", "title": "Badges", "description": "<p>Collect badges</p>"},
        LTI + "context": {"id": "d6b1c3a0", "label": "AQUA101", "title": "Aquaponics 101", "type": [OFFERING]},
        LTI + "tool_platform": {
            "guid": "60f1b6c2",
            "name": "School",
            "product_family_code": "BlackboardLearn",
            "version": "3900.98.0",
        },
        LTI + "launch_presentation": {
            "locale": "en-US",
            "document_target": "window",
            "return_url": "https://school.blackboard.com/webapps/blackboard/execute/blti/launchReturn?course_id=_5_1",
        },
        LTI + "custom": {},
        LTI + "lti1p1": {"user_id": "16f2d3b87c6e4ca6a8c7a2e6f6ff1a2b"},
        ENDPOINT: _gradebook("https://school.blackboard.com/learn/api/v1/lti/courses/_5_1", line_item="_9_1"),
        NAMES_AND_ROLES: _roster("https://school.blackboard.com/learn/api/v1/lti/external/namesandroles/_5_1"),
    },
)

BRIGHTSPACE = Shape(
    ground="constructed",
    issuer="https://school.brightspace.com",
    client_id="b1c2d3e4-f5a6-4708-99aa-bbccddeeff00",
    deployment_id="6d0e3c4b-1111-4e0f-8f8f-000000000001",
    login={
        "client_id": "b1c2d3e4-f5a6-4708-99aa-bbccddeeff00",
        "lti_deployment_id": "6d0e3c4b-1111-4e0f-8f8f-000000000001",
        "lti_message_hint": "0e1f",
    },
    claims={
        "sub": "5e2a1b0c-9d8e-4f70-8a6b-123456789abc_317",
        "name": "Lea Loach",
        "email": "lea@school.example",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "roles": [
            LEARNER,
            STUDENT,
            "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Learner",
        ],
        LTI + "resource_link": {"id": "1234567", "title": "Badges"},
        LTI + "context": {"id": "6606", "label": "AQUA101", "title": "Aquaponics 101", "type": [OFFERING]},
        LTI + "tool_platform": {"guid": "a0b1", "name": "School", "product_family_code": "desire2learn"},
        LTI + "launch_presentation": {"locale": "en-CA__"},
        "http://www.brightspace.com": {"tenant_id": "5e2a1b0c", "user_id": 317, "org_unit_id": 6606},
        ENDPOINT: _gradebook("https://school.brightspace.com/d2l/api/lti/ags/2.0/deployment/6d0e/orgunit/6606"),
        NAMES_AND_ROLES: _roster("https://school.brightspace.com/d2l/api/lti/nrps/2.0/deployment/6d0e/orgunit/6606"),
    },
)

SAKAI = Shape(
    ground="constructed",
    issuer="https://sakai.school.example",
    client_id="9a8b7c6d",
    deployment_id="1",
    login={"lti_message_hint": "/access/lti/site/aqua/content:7", "lti_deployment_id": "1", "client_id": "9a8b7c6d"},
    claims={
        "sub": "https://sakai.school.example/user/0f7b",
        "given_name": "Lea",
        "family_name": "Loach",
        "name": "Lea Loach",
        "email": "lea@school.example",
        "locale": "en_US",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "roles": [LEARNER],
        LTI + "resource_link": {"id": "content:7", "title": "Badges"},
        LTI + "context": {"id": "aqua", "label": "AQUA101", "title": "Aquaponics 101", "type": [OFFERING]},
        LTI + "tool_platform": {"guid": "sakai.school.example", "product_family_code": "sakai", "version": "23.3"},
        LTI + "launch_presentation": {
            "css_url": "https://sakai.school.example/library/skin/tool.css",
            "return_url": "https://sakai.school.example/imsblis/service/return-url/site/aqua",
        },
        LTI + "custom": {"context_id_history": ""},
        ENDPOINT: _gradebook("https://sakai.school.example/imsblis/lti13/signed", line_item="7"),
        NAMES_AND_ROLES: _roster("https://sakai.school.example/imsblis/lti13/namesandroles/signed"),
    },
)

SCHOOLOGY = Shape(
    ground="constructed; issuer and Platform Storage from a vendor document, 2026",
    issuer="https://schoology.schoology.com",
    client_id="6543210987",
    deployment_id="6543210987-111",
    login={"client_id": "6543210987", "lti_message_hint": "c2Nob29sb2d5", "lti_storage_target": "_parent"},
    claims={
        "sub": "98765432::a1b2c3",
        "name": "Lea Loach",
        "given_name": "Lea",
        "family_name": "Loach",
        "email": "",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "roles": [LEARNER],
        LTI + "resource_link": {"id": "5550001", "title": "Badges"},
        LTI + "context": {"id": "7770001", "title": "Aquaponics 101", "label": "AQUA101", "type": ["CourseSection"]},
        LTI + "tool_platform": {"guid": "schoology", "name": "Schoology", "product_family_code": "schoology"},
        LTI + "launch_presentation": {"document_target": "iframe", "locale": "en"},
        LTI + "custom": {"domain": "school.schoology.com"},
        NAMES_AND_ROLES: _roster("https://lti-service.svc.schoology.com/lti-service/tool/1/services/names-roles/v2p0"),
    },
)

OPEN_EDX = Shape(
    ground="captured (lti-consumer-xblock 11.4.4 outside Open edX); values are other ones",
    issuer="https://courses.school.example",
    client_id="3b2f0a51-7d0c-4b8e-8f0d-5a0b3c1d2e3f",
    deployment_id="1",
    login={
        "client_id": "3b2f0a51-7d0c-4b8e-8f0d-5a0b3c1d2e3f",
        "lti_deployment_id": "1",
        "lti_message_hint": "59d4a7f617e4c7a432c0eaba922a5677",
    },
    claims={
        "azp": "3b2f0a51-7d0c-4b8e-8f0d-5a0b3c1d2e3f",
        "sub": "f0b1a2c3-1111-4222-8333-444455556666",
        "preferred_username": "lea",
        "name": "Lea Loach",
        "email": "lea@school.example",
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "version": "1.3.0",
        LTI + "roles": [NO_SYSTEM_ROLE, LEARNER, NO_INSTITUTION_ROLE],
        LTI + "resource_link": {"id": "block-v1:School+AQUA101+2026+type@lti_consumer+block@a1"},
        LTI + "context": {
            "id": "course-v1:School+AQUA101+2026",
            "type": [OFFERING],
            "title": "Aquaponics 101",
            "label": "AQUA101",
        },
        LTI + "launch_presentation": {"document_target": "iframe"},
        LTI + "tool_platform": {"guid": "9e2e6a6d-0000-552c-86bf-16c863aba486", "name": "Open edX"},
        ENDPOINT: {
            "scope": [AGS + name for name in ("lineitem", "result.readonly", "score")],
            "lineitems": "https://courses.school.example/api/lti_consumer/v1/lti/1/lti-ags",
        },
        NAMES_AND_ROLES: _roster("https://courses.school.example/api/lti_consumer/v1/lti/1/memberships"),
    },
)

SHAPES = {
    "canvas": CANVAS,
    "moodle": MOODLE,
    "blackboard": BLACKBOARD,
    "brightspace": BRIGHTSPACE,
    "sakai": SAKAI,
    "schoology": SCHOOLOGY,
    "openedx": OPEN_EDX,
}
