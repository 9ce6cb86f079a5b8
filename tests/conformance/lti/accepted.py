"""Kinds of launch that must be accepted, as data: on which platform, what is special, and what must come of it.

A case's ground is its platform's (``platform_shapes``) and, for what is special about it, ``ground``; clauses are of
LTI 1.3 core unless they say otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.lti.platform_shapes import (
    INSTRUCTOR,
    LEARNER,
    MEMBER,
    NO_INSTITUTION_ROLE,
    NO_SYSTEM_ROLE,
    STUDENT,
)
from platforms.deep_linking_profiles import PROFILES as DEEP_LINKING
from platforms.names import ENDPOINT, NAMES_AND_ROLES, PLACEMENT, REMOVED, TEST_USER

NAME, EMAIL = "Lea Loach", "lea@school.example"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#"
LONG_ID = "x" * 255
ACCOUNT = {"id": "a1", "title": "Lakeside College", "type": ["Account"]}
CHOOSING = {"message_type": "LtiDeepLinkingRequest", "resource_link": REMOVED, "roles": [INSTRUCTOR]}
EXPERT = ["https://school.example/roles#Sommelier", f"{MEMBER}#Wizard", "not a role"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What must be there afterwards. ``page`` is a key of ``PAGES`` in the test; ``None`` for no name, e-mail …"""

    page: str = "learner"
    name: str | None = NAME
    email: str | None = EMAIL
    is_test_user: bool = False
    title: str | None = "Aquaponics 101"
    """Of the course; ``None`` when the launch has none."""
    has_gradebook: bool = True
    has_roster: bool = True
    user_id: str | None = "whatever was sent"
    locale: str | None = None
    """Checked when given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One kind of launch."""

    what: str
    platform: str
    ground: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    """Seconds from now."""
    login: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of the launch's form."""
    method: str = "POST"
    outcome: Outcome = field(default_factory=Outcome)


def people(what: str, platform: str, ground: str, *roles: str, page: str, **more: Any) -> Accepted:
    """A launch of somebody with these roles."""
    return Accepted(
        what=what, platform=platform, ground=ground, claims={"roles": list(roles)}, outcome=Outcome(page=page, **more)
    )


ACCEPTED = [
    # -- each platform's plain launch -------------------------------------------------------------------------------
    Accepted(what="Canvas, course navigation", platform="canvas", ground="shape", outcome=Outcome(locale="en")),
    Accepted(what="Moodle", platform="moodle", ground="shape", outcome=Outcome(locale="en")),
    Accepted(what="Blackboard Learn", platform="blackboard", ground="shape", outcome=Outcome(locale="en-US")),
    Accepted(what="Brightspace", platform="brightspace", ground="shape"),
    Accepted(what="Sakai", platform="sakai", ground="shape", outcome=Outcome(locale="en_US")),
    Accepted(what="Schoology", platform="schoology", ground="shape",
             outcome=Outcome(email=None, has_gradebook=False)),
    Accepted(what="Open edX", platform="openedx", ground="shape"),
    # -- the login (5.1.1.1) ----------------------------------------------------------------------------------------
    Accepted(what="login by GET", platform="canvas", ground="security framework 5.1.1.1: GET and POST", method="GET"),
    Accepted(what="lti_deployment_id on Canvas", platform="canvas", ground="5.1.1.1; Canvas has another name",
             login={"deployment_id": REMOVED, "lti_deployment_id": "106:8865aa05b4b79b64a91a86042e43af5ea8ae79eb"}),
    Accepted(what="login without client_id", platform="moodle", ground="5.1.1.1: optional",
             login={"client_id": REMOVED}),
    Accepted(what="login without lti_message_hint", platform="sakai", ground="5.1.1.1: optional",
             login={"lti_message_hint": REMOVED}),
    Accepted(what="login with odd and unknown parameters", platform="blackboard", ground="constructed",
             login={"lti_message_hint": "é &=+%2B\"<>", "utm_source": "mail"}),
    Accepted(what="Platform Storage named at login and launch", platform="canvas", ground="vendor document, 2026",
             fields={"lti_storage_target": "post_message_forwarding"}),
    Accepted(what="Platform Storage in the parent", platform="schoology", ground="lti-cs-oidc 0.1: _parent",
             fields={"session_state": "x"}, outcome=Outcome(email=None, has_gradebook=False)),
    # -- parties and times (security framework 5.1.3) -----------------------------------------------------------------
    Accepted(what="audience in a list", platform="moodle", ground="security framework 5.1.3",
             claims={"aud": ["p77xHzSoEu1EzFx"]}),
    Accepted(what="azp present", platform="moodle", ground="security framework 5.1.3",
             claims={"azp": "p77xHzSoEu1EzFx"}),
    Accepted(what="other audiences, azp ours", platform="moodle", ground="security framework 5.1.3",
             claims={"aud": ["another-tool", "p77xHzSoEu1EzFx"], "azp": "p77xHzSoEu1EzFx"}),
    Accepted(what="the platform's clock is 50 s ahead", platform="canvas", ground="leeway of a minute",
             times={"iat": 50, "exp": 3650}),
    Accepted(what="the platform's clock is 50 s behind", platform="moodle", ground="leeway of a minute",
             times={"iat": -110, "exp": -50}),
    Accepted(what="times with fractions", platform="sakai", ground="RFC 7519, NumericDate",
             times={"iat": -0.5, "exp": 59.5}),
    # -- people (5.3.6, 5.3.7) ----------------------------------------------------------------------------------------
    Accepted(what="anonymous", platform="moodle", ground="5.3.6.1",
             claims={"sub": REMOVED, "name": REMOVED, "given_name": REMOVED, "family_name": REMOVED, "email": REMOVED},
             outcome=Outcome(page="anonymous", user_id=None, name=None, email=None)),
    Accepted(what="no name, no e-mail", platform="moodle", ground="captured: privacy \"never\"",
             claims={"name": REMOVED, "given_name": REMOVED, "family_name": REMOVED, "email": REMOVED},
             outcome=Outcome(name=None, email=None)),
    Accepted(what="name in two parts only", platform="canvas", ground="5.3.6", claims={"name": REMOVED}),
    Accepted(what="names of all kinds", platform="openedx", ground="constructed",
             claims={"name": "王小明 O’Ñiguez-Łukasz 🦑 مريم"},
             outcome=Outcome(name="王小明 O’Ñiguez-Łukasz 🦑 مريم")),
    Accepted(what="name and e-mail that are none", platform="brightspace", ground="constructed",
             claims={"name": {"first": "Lea"}, "email": "not an address"}, outcome=Outcome(name=None, email=None)),
    Accepted(what="preview user", platform="canvas", ground="core A.2.3; vendor document, 2026",
             claims={"roles": [TEST_USER, LEARNER], "name": "Test Student"},
             outcome=Outcome(name="Test Student", is_test_user=True)),
    people("instructor", "moodle", "captured", INSTRUCTOR, page="instructor"),
    people("administrator of the site who teaches", "moodle", "captured: three roles at once",
           f"{INSTITUTION}Administrator", INSTRUCTOR, f"{SYSTEM}Administrator", page="instructor"),
    people("administrator of the site, no role here", "canvas", "A.2: institution roles grant nothing in a course",
           f"{INSTITUTION}Administrator", f"{SYSTEM}SysAdmin", page="visitor"),
    people("instructor by sub-role only", "brightspace", "A.2.3.2", f"{MEMBER}/Instructor#Lecturer", page="instructor"),
    people("learner by sub-role only", "brightspace", "A.2.3.2", f"{MEMBER}/Learner#NonCreditLearner", page="learner"),
    people("teaching assistant", "canvas", "vendor document, 2026: both roles", INSTRUCTOR,
           f"{MEMBER}/Instructor#TeachingAssistant", page="visitor"),
    people("unknown roles and learner", "sakai", "A.2: unknown roles are ignored", *EXPERT, LEARNER, page="learner"),
    people("unknown roles only", "sakai", "A.2: unknown roles are ignored", *EXPERT, page="visitor"),
    people("no roles", "openedx", "5.3.7: may be empty", page="visitor"),
    people("administrator of the course who teaches", "openedx", "captured", NO_SYSTEM_ROLE, f"{MEMBER}#Administrator",
           NO_INSTITUTION_ROLE, INSTRUCTOR, page="instructor"),
    people("learner who assists", "openedx", "vendor code (11.4.4): Community TA", NO_SYSTEM_ROLE, NO_INSTITUTION_ROLE,
           LEARNER, f"{MEMBER}/Instructor#TeachingAssistant", page="visitor"),
    people("bare role names", "blackboard", "A.2.3.1: deprecated", "Learner", page="learner"),
    people("learner and instructor at once", "moodle", "5.3.7: several roles", LEARNER, INSTRUCTOR, page="instructor"),
    people("student of the institution only", "canvas", "A.2: institution roles grant nothing in a course", STUDENT,
           page="visitor"),
    Accepted(what="mentor with role_scope_mentor", platform="canvas", ground="5.4.8",
             claims={"roles": [f"{MEMBER}#Mentor"], "role_scope_mentor": ["a445ca99", "b5"]},
             outcome=Outcome(page="visitor")),
    # -- courses, links and services (5.3.5, 5.4) ---------------------------------------------------------------------
    Accepted(what="no context", platform="blackboard", ground="5.4.1: optional", claims={"context": REMOVED},
             outcome=Outcome(page="no course", title=None)),
    Accepted(what="account navigation", platform="canvas", ground="constructed: without a context",
             claims={PLACEMENT: "account_navigation", "context": REMOVED, "endpoint": REMOVED,
                     "namesroleservice": REMOVED, "roles": [f"{INSTITUTION}Administrator"]},
             outcome=Outcome(page="no course", title=None)),
    Accepted(what="user navigation", platform="canvas", ground="vendor code, 2026: the account in the course's place",
             claims={PLACEMENT: "user_navigation", "custom": {"badges_page": "mine"}, "context": ACCOUNT,
                     "resource_link": {"id": "a1"}, "endpoint": REMOVED, "namesroleservice": REMOVED},
             outcome=Outcome(page="mine", title=None)),
    Accepted(what="account navigation of an administrator", platform="canvas", ground="vendor code, 2026, as above",
             claims={PLACEMENT: "account_navigation", "custom": {"badges_page": "admin"}, "context": ACCOUNT,
                     "resource_link": {"id": "a1"}, "endpoint": REMOVED, "namesroleservice": REMOVED,
                     "roles": [f"{INSTITUTION}Administrator"]},
             outcome=Outcome(page="admins", title=None)),
    # -- deep linking -------------------------------------------------------------------------------------------------
    Accepted(what="deep linking on Moodle", platform="moodle", ground="captured: no data, no roster",
             claims=CHOOSING | {"deep_linking_settings": {"deep_link_return_url": "https://moodle.school.example/c?id=1",
                                                          **DEEP_LINKING["moodle"].settings},
                                "namesroleservice": REMOVED},
             outcome=Outcome(page="content", has_roster=False)),
    Accepted(what="deep linking on Canvas, one item", platform="canvas", ground="vendor code, 2026",
             claims=CHOOSING | {"deep_linking_settings": {"deep_link_return_url": "https://school.instructure.com/r?data=x",
                                                          **DEEP_LINKING["canvas/assignment_selection"].settings}},
             outcome=Outcome(page="content")),
    Accepted(what="deep linking without document targets", platform="blackboard", ground="deep linking 4.4.1",
             claims=CHOOSING | {"deep_linking_settings": {"deep_link_return_url": "https://school.blackboard.com/r",
                                                          **DEEP_LINKING["blackboard"].settings}},
             outcome=Outcome(page="content")),
    Accepted(what="deep linking on Open edX", platform="openedx", ground="captured (11.4.4): no services at all",
             claims=CHOOSING | {"endpoint": REMOVED, "namesroleservice": REMOVED, "deep_linking_settings": {
                 "accept_types": ["ltiResourceLink", "link", "html", "image"],
                 "accept_presentation_document_targets": ["iframe", "window", "embed"],
                 "accept_multiple": True, "auto_create": True, "title": "", "text": "",
                 "deep_link_return_url": "https://courses.school.example/api/lti_consumer/v1/lti/1/lti-dl/response"}},
             outcome=Outcome(page="content", has_gradebook=False, has_roster=False)),
    Accepted(what="submission review of a link without a checkpoint", platform="canvas", ground="submission review 1.0",
             claims={"message_type": "LtiSubmissionReviewRequest", "for_user": {"user_id": "a445ca99"},
                     "roles": [INSTRUCTOR], "resource_link": REMOVED,
                     "endpoint": {"scope": [], "lineitems": "https://school.instructure.com/items",
                                  "lineitem": "https://school.instructure.com/items/9"}},
             outcome=Outcome(page="instructor")),
    Accepted(what="deprecated context types", platform="moodle", ground="5.4.1; urn of LTI 1.1",
             claims={"context": {"id": "2", "title": "Aquaponics 101",
                                 "type": ["urn:lti:context-type:ims/lis/CourseOffering", "Group"]}}),
    Accepted(what="context with an id only", platform="sakai", ground="5.4.1", claims={"context": {"id": "bare"}},
             outcome=Outcome(title="")),
    Accepted(what="ids of 255 characters", platform="openedx", ground="5.3: at most 255",
             claims={"sub": LONG_ID, "context": {"id": LONG_ID, "title": "Long"}, "resource_link": {"id": LONG_ID}},
             outcome=Outcome(title="Long")),
    Accepted(what="unresolved variables and numbers in custom", platform="canvas", ground="vendor document, 2026",
             claims={"custom": {"a": "$Canvas.user.id", "b": 5, "c": None, "d": ["e"], "f": ""}}),
    Accepted(what="titles with markup", platform="canvas", ground="constructed",
             claims={"context": {"id": "c", "title": "<script>alert(1)</script>"}},
             outcome=Outcome(title="<script>alert(1)</script>")),
    Accepted(what="no services", platform="moodle", ground="captured: by hand with defaults",
             claims={"endpoint": REMOVED, "namesroleservice": REMOVED},
             outcome=Outcome(has_gradebook=False, has_roster=False)),
    Accepted(what="services of a wrong form", platform="moodle", ground="constructed",
             claims={ENDPOINT: "none", NAMES_AND_ROLES: {"context_memberships_url": 5}},
             outcome=Outcome(has_gradebook=False, has_roster=False)),
    Accepted(what="gradebook over http", platform="sakai", ground="constructed: not to be called",
             claims={ENDPOINT: {"scope": [], "lineitems": "http://sakai.school.example/items"}},
             outcome=Outcome(has_gradebook=False)),
    Accepted(what="presentation without anything", platform="canvas", ground="5.4.3: optional",
             claims={"launch_presentation": {}, "locale": REMOVED}),
    Accepted(what="claims nobody knows", platform="openedx", ground="5.2: ignored",
             claims={"https://school.example/claim": {"deep": [1, {"er": None}]}}),
]  # fmt: skip
