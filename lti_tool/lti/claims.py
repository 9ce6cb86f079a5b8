"""The claims of LTI 1.3 messages by name, the role vocabulary, and careful reading of both.

LTI 1.3 core, sections 5.3 and 5.4 (claims) and appendix A (roles); the service claims of AGS 2.0 and NRPS 2.0. What a
platform signs is authentic, not well-formed: nothing here trusts a type, a length or an address.
"""

from collections.abc import Iterable, Mapping
from typing import NewType

from lti_tool.characters import one_line
from lti_tool.errors import TokenClaimError

SignedClaims = NewType("SignedClaims", Mapping[str, object])
"""Claims whose signature was verified with the platform's key; unverified ones are plain mappings."""

PREFIX = "https://purl.imsglobal.org/spec/lti/claim/"
MESSAGE_TYPE = f"{PREFIX}message_type"
VERSION = f"{PREFIX}version"
DEPLOYMENT_ID = f"{PREFIX}deployment_id"
TARGET_LINK_URI = f"{PREFIX}target_link_uri"
RESOURCE_LINK = f"{PREFIX}resource_link"
ROLES = f"{PREFIX}roles"
CONTEXT = f"{PREFIX}context"
TOOL_PLATFORM = f"{PREFIX}tool_platform"
LAUNCH_PRESENTATION = f"{PREFIX}launch_presentation"
CUSTOM = f"{PREFIX}custom"
AGS_ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NAMES_ROLE_SERVICE = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"

RESOURCE_LINK_REQUEST = "LtiResourceLinkRequest"

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
CORE_ROLES = frozenset({"Administrator", "ContentDeveloper", "Instructor", "Learner", "Mentor"})
TEACHING_ASSISTANT = f"{MEMBERSHIP}/Instructor#TeachingAssistant"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"

LONGEST_ID = 255


def core_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return the core context roles among ``roles``, by simple name.

    A sub-role counts for the role it belongs to (``membership/Learner#Instructor`` is a Learner); bare simple names
    are deprecated and accepted; institution and system roles grant nothing in a course.
    """
    found = set()
    for role in roles:
        name = role
        if role.startswith(f"{MEMBERSHIP}#"):
            name = role.removeprefix(f"{MEMBERSHIP}#")
        elif role.startswith(f"{MEMBERSHIP}/"):
            name, _, _ = role.removeprefix(f"{MEMBERSHIP}/").partition("#")
        found.add(name)
    return CORE_ROLES & found


def is_teaching_assistant_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name a teaching assistant, of the course, a group, a section …"""
    return any(role.startswith(TEACHING_ASSISTANT) for role in roles)


def is_instructor_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name an instructor; platforms send teaching assistants as both, and those are none."""
    roles = frozenset(roles)
    return "Instructor" in core_roles(roles) and not is_teaching_assistant_role(roles)


def is_learner_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name somebody who can earn badges: a Learner who is not on the course's teaching side."""
    core = core_roles(roles)
    return "Learner" in core and "Instructor" not in core


def is_test_user(roles: Iterable[str]) -> bool:
    """Whether ``roles`` carry the marker of a platform's preview user, who comes with a real role as well.

    Rosters that send simple names send this one bare, too; whoever is taken for a test user only looks.
    """
    return not {TEST_USER, "TestUser"}.isdisjoint(roles)


def claim_error(name: str, fact: str) -> TokenClaimError:
    """Return the error for the claim ``name`` (its last part); its code is ``token_claim_<name>``."""
    return TokenClaimError(f"The claim {name} of the id_token {fact}.", code=f"token_claim_{name}")


def identifier(value: object, name: str) -> str:
    """Return an identifier a platform gave (1 to 255 printable characters); raises ``TokenClaimError``."""
    if value is None:
        raise claim_error(name, "is missing")
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise claim_error(name, "is not a text of 1 to 255 printable characters")
    return value


def mapping(value: object) -> Mapping[str, object]:
    """Return a claim that should be an object, an empty one when it is not."""
    return value if isinstance(value, dict) else {}


def texts(value: object) -> tuple[str, ...]:
    """Return the printable texts of a claim that should be a list of texts."""
    return tuple(one for one in value if isinstance(one, str) and one.isprintable()) if isinstance(value, list) else ()


def text(value: object, longest: int) -> str | None:
    """Return a text for people: one line, unwanted characters left out, cut at ``longest``."""
    return one_line(value[: longest * 2])[:longest] or None if isinstance(value, str) else None
