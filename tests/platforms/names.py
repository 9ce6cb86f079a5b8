"""Long names of the LTI vocabulary, as the strict platform writes them."""

from typing import Any

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NAMES_AND_ROLES = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
GROUPS = "https://purl.imsglobal.org/spec/lti-gs/claim/groupsservice"
NOTIFICATIONS = LTI + "platformnotificationservice"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
DEEP_LINKING_SETTINGS = DEEP_LINKING + "deep_linking_settings"
PLACEMENT = "https://www.instructure.com/placement"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
CANVAS = "https://canvas.instructure.com/lti/"

GROUP_READ = "https://purl.imsglobal.org/spec/lti-gs/scope/contextgroup.readonly"
NOTICE_HANDLERS = "https://purl.imsglobal.org/spec/lti/scope/noticehandlers"

ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"


class _Removed:
    def __repr__(self) -> str:
        return "REMOVED"  # the same in every process, for it is part of the names of tests


REMOVED: Any = _Removed()
"""As a claim's or header's value: leave it out."""

RESOURCE_LINK_REQUEST = "LtiResourceLinkRequest"
DEEP_LINKING_REQUEST = "LtiDeepLinkingRequest"
SUBMISSION_REVIEW_REQUEST = "LtiSubmissionReviewRequest"

_SHORT = {
    "endpoint": ENDPOINT,
    "namesroleservice": NAMES_AND_ROLES,
    "groupsservice": GROUPS,
    "deep_linking_settings": DEEP_LINKING_SETTINGS,
    "placement": PLACEMENT,
}
_LTI_CLAIMS = {
    "message_type", "version", "deployment_id", "target_link_uri", "resource_link", "roles", "context",
    "tool_platform", "role_scope_mentor", "launch_presentation", "lis", "custom", "lti1p1", "for_user",
    "platformnotificationservice", "notice", "origin_contexts",
}  # fmt: skip


def full_name(claim: str) -> str:
    """A claim's whole name from its short one."""
    return _SHORT.get(claim) or (LTI + claim if claim in _LTI_CLAIMS else claim)
