"""The claims of LTI 1.3 messages by name, and careful reading of them; roles are read in ``lti_tool.lti.roles``.

LTI 1.3 core, sections 5.3 and 5.4; the service claims of AGS 2.0, NRPS 2.0 and Course Groups 1.0. What a platform signs
is authentic, not well-formed: nothing here trusts a type, a length or an address.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NewType

from lti_tool.characters import one_line
from lti_tool.errors import TokenClaimError
from lti_tool.lti.roles import CORE_ROLES as CORE_ROLES
from lti_tool.lti.roles import MEMBERSHIP as MEMBERSHIP
from lti_tool.lti.roles import TEST_USER as TEST_USER
from lti_tool.lti.roles import core_roles as core_roles
from lti_tool.lti.roles import is_instructor_role as is_instructor_role
from lti_tool.lti.roles import is_learner_role as is_learner_role
from lti_tool.lti.roles import is_teaching_assistant_role as is_teaching_assistant_role
from lti_tool.lti.roles import is_test_user as is_test_user

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
GROUPS_SERVICE = "https://purl.imsglobal.org/spec/lti-gs/claim/groupsservice"

NOTICE = f"{PREFIX}notice"
ORIGIN_CONTEXTS = f"{PREFIX}origin_contexts"
NOTIFICATION_SERVICE = f"{PREFIX}platformnotificationservice"

FOR_USER = f"{PREFIX}for_user"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
DEEP_LINKING_SETTINGS = f"{DEEP_LINKING}deep_linking_settings"

RESOURCE_LINK_REQUEST = "LtiResourceLinkRequest"
DEEP_LINKING_REQUEST = "LtiDeepLinkingRequest"
SUBMISSION_REVIEW_REQUEST = "LtiSubmissionReviewRequest"

LONGEST_ID = 255


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


def custom_texts(value: object) -> Mapping[str, str]:
    """Return a custom claim: texts as sent, numbers as text (Canvas sends ids as numbers), nothing unresolved.

    A variable that the platform does not know comes back as it was asked for (``$Canvas.course.id``) and is left out.
    """
    sent = {
        key: str(one)
        for key, one in mapping(value).items()
        if isinstance(one, str) or (isinstance(one, int) and not isinstance(one, bool))
    }
    return MappingProxyType({key: one for key, one in sent.items() if not one.startswith("$")})
