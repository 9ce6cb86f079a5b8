"""How platforms register a tool that registers itself (LTI Dynamic Registration 1.0), each with its ground.

Grounds as in ``quirks``. Brightspace, Blackboard and Sakai are *constructed*: the standard's way; nobody
looked at a running one.
"""

from dataclasses import dataclass, field

from platforms.names import DEEP_LINKING_REQUEST, RESOURCE_LINK_REQUEST, SUBMISSION_REVIEW_REQUEST

COURSE = ("Context.id", "Context.title", "Context.id.history", "ResourceLink.id", "User.id", "Person.email.primary")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationProfile:
    """One platform's ways. The defaults are the standard to the letter."""

    configuration_path: str = "/.well-known/openid-configuration"
    registration_path: str = "/register"
    messages: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {RESOURCE_LINK_REQUEST: (), DEEP_LINKING_REQUEST: ("ContentArea",)}
    )
    """Message types, each with its placements."""
    messages_are_texts: bool = False
    """``messages_supported`` holds names instead of objects."""
    variables: tuple[str, ...] = COURSE
    notice_types: tuple[str, ...] = ()
    extra_scopes: tuple[str, ...] = ()
    """Announced and dropped when asked for."""
    configuration_needs_token: bool = False
    only_deep_linking_kept: bool = False
    """Other messages of the tool are left out of the answer."""
    gives_deployment: bool = True
    """The answer names the deployment; else there is one after ``install``."""
    is_pending: bool = False
    """No launch and no token before an admin's ``activate``."""
    version: str = "1"
    names_account: bool = False
    has_configuration_page: bool = False
    used_token_error: str = "invalid_token"
    accepts_without_token: bool = False


CANVAS_PLACEMENTS = (
    "account_navigation",
    "assignment_selection",
    "course_navigation",
    "editor_button",
    "link_selection",
    "user_navigation",
)
DEEP_LINKED = ("assignment_selection", "editor_button", "link_selection")

PROFILES = {
    "standard": RegistrationProfile(
        messages={RESOURCE_LINK_REQUEST: (), DEEP_LINKING_REQUEST: (), SUBMISSION_REVIEW_REQUEST: ()}
    ),
    "canvas": RegistrationProfile(  # vendor document (doc/api/registration.md, 2026) and vendor code
        configuration_path="/api/lti/security/openid-configuration",
        registration_path="/api/lti/registrations",
        messages={
            RESOURCE_LINK_REQUEST: tuple(one for one in CANVAS_PLACEMENTS if one != "editor_button"),
            DEEP_LINKING_REQUEST: DEEP_LINKED,
        },
        variables=(*COURSE, "ResourceLink.id.history", "Canvas.user.id", "Canvas.course.id", "Canvas.api.domain"),
        notice_types=("LtiHelloWorldNotice", "LtiContextCopyNotice"),
        configuration_needs_token=True,
        gives_deployment=False,
        version="OSS",
        names_account=True,
        has_configuration_page=True,
    ),
    "moodle": RegistrationProfile(  # captured (Moodle 4.5)
        configuration_path="/mod/lti/openid-configuration.php",
        registration_path="/mod/lti/openid-registration.php",
        variables=("basic-lti-launch-request", "Context.id", "Context.id.history", "User.id", "Person.email.primary"),
        extra_scopes=("https://purl.imsglobal.org/spec/lti-bo/scope/basicoutcome", "openid"),
        only_deep_linking_kept=True,
        is_pending=True,
        version="4.5 (Build: 20250811)",
        used_token_error="token_already_used",
    ),
    "moodle-old": RegistrationProfile(  # as older releases are said to do (not checked): names instead of objects
        configuration_path="/mod/lti/openid-configuration.php",
        registration_path="/mod/lti/openid-registration.php",
        messages_are_texts=True,
        extra_scopes=("https://purl.imsglobal.org/spec/lti-bo/scope/basicoutcome", "openid"),
        only_deep_linking_kept=True,
        is_pending=True,
        version="3.10",
        used_token_error="token_already_used",
    ),
    "blackboard": RegistrationProfile(gives_deployment=False, is_pending=True),  # constructed
    "desire2learn": RegistrationProfile(gives_deployment=False, version="20.26"),  # constructed
    "sakai": RegistrationProfile(version="23", accepts_without_token=True),  # constructed: the token is optional
}
