"""What this tool announces about itself: scopes, messages, placements, custom variables, as data.

LTI Dynamic Registration 1.0 (``registration_document``), and Canvas' developer-key JSON
(``canvas_document``; vendor documents and code, 2026). Both are made of the same tables, so they cannot disagree.
Labels go to the platform in English with their French beside them, since the platform picks the language.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lti_tool.lti.claims import RESOURCE_LINK_REQUEST
from lti_tool.lti.platform_configuration import CANVAS, PlatformConfiguration
from lti_tool.settings import Settings

TOOL_CLAIM = "https://purl.imsglobal.org/spec/lti-tool-configuration"
DEEP_LINKING_REQUEST = "LtiDeepLinkingRequest"
TOOL_ID = "lti-badges"
PAGE_PARAMETER = "badges_page"
"""Custom parameter that says which first page a placement opens."""

_AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
SCOPES: Mapping[str, str] = {
    "lineitem.readonly": f"{_AGS}lineitem.readonly",
    "result.readonly": f"{_AGS}result.readonly",
    "lineitem": f"{_AGS}lineitem",
    "score": f"{_AGS}score",
    "contextmembership.readonly": "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
    "contextgroup.readonly": "https://purl.imsglobal.org/spec/lti-gs/scope/contextgroup.readonly",
    "noticehandlers": "https://purl.imsglobal.org/spec/lti/scope/noticehandlers",
}
"""Every service scope this tool has a use for, by its short name. Reading has a scope of its own beside ``lineitem``,
so that the token that reads can do nothing else."""
NEEDED_SCOPES = ("lineitem.readonly", "result.readonly")
"""Without these no badge can be earned by grades; the others may be left out."""

CUSTOM: Mapping[str, str] = {
    "canvas_user_id": "Canvas.user.id",
    "canvas_course_id": "Canvas.course.id",
    "canvas_api_domain": "Canvas.api.domain",
    "canvas_section_ids": "Canvas.course.sectionIds",
    "context_history": "Context.id.history",
    "resource_link_history": "ResourceLink.id.history",
    "course_starts_at": "CourseSection.timeFrame.begin",
    "course_ends_at": "CourseSection.timeFrame.end",
}
"""Custom parameters and the platform variables they ask for; those that a platform does not list are left out."""
IDENTITY_CLAIMS = ("iss", "sub")
NAME_CLAIMS = ("name", "given_name", "family_name")
EMAIL_CLAIMS = ("email",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One place where a platform shows this tool.

    ``page``: the first page it opens (``PAGE_PARAMETER``). ``visibility``: to whom Canvas shows it.
    """

    name: str
    message_type: str
    label: str
    label_fr: str
    page: str | None = None
    visibility: str | None = None


PLACEMENTS: Mapping[str, Placement] = {
    one.name: one
    for one in (
        Placement(
            name="course_navigation",
            message_type=RESOURCE_LINK_REQUEST,
            label="Badges",
            label_fr="Badges",
            page="course",
            visibility="members",
        ),
        Placement(
            name="assignment_selection",
            message_type=DEEP_LINKING_REQUEST,
            label="Badge checkpoint",
            label_fr="Étape de badge",
        ),
        Placement(
            name="link_selection",
            message_type=DEEP_LINKING_REQUEST,
            label="Badge checkpoint",
            label_fr="Étape de badge",
        ),
        Placement(
            name="account_navigation",
            message_type=RESOURCE_LINK_REQUEST,
            label="Badges",
            label_fr="Badges",
            page="admin",
            visibility="admins",
        ),
        Placement(
            name="user_navigation",
            message_type=RESOURCE_LINK_REQUEST,
            label="My badges",
            label_fr="Mes badges",
            page="mine",
        ),
    )
}
"""The named placements (Canvas'). A platform without names for places is told the two message types alone."""
CONTENT_AREA = "ContentArea"
"""The standard's name for where deep-linked activities go; Moodle has it."""
_PLAIN_LABELS = {
    RESOURCE_LINK_REQUEST: ("Badges", "Badges"),
    DEEP_LINKING_REQUEST: ("Add badges", "Ajouter des badges"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the admin of a platform left ticked: short names of scopes, placements, and what is shared about people."""

    scopes: frozenset[str] = frozenset(SCOPES)
    placements: frozenset[str] = frozenset(PLACEMENTS)
    shares_name: bool = True
    shares_email: bool = True
    in_every_course: bool = False
    """Canvas: course navigation is switched on in all courses at once."""

    @property
    def privacy_level(self) -> str:
        """Canvas' word for what is shared."""
        if self.shares_name:
            return "public" if self.shares_email else "name_only"
        return "email_only" if self.shares_email else "anonymous"


def offered_scopes(configuration: PlatformConfiguration) -> list[str]:
    """Return the short names of scopes this tool has a use for and the platform offers."""
    return [name for name, uri in SCOPES.items() if uri in configuration.scopes]


def offered_placements(configuration: PlatformConfiguration) -> list[str]:
    """Return the named placements that the platform has for the message this tool wants there."""
    return [one.name for one in PLACEMENTS.values() if one.name in configuration.messages.get(one.message_type, ())]


def asked_scopes(configuration: PlatformConfiguration, choices: Choices) -> list[str]:
    """Return the scopes to ask for, as URIs: never one that the platform does not offer."""
    wanted = choices.scopes | frozenset(NEEDED_SCOPES)
    return [SCOPES[name] for name in offered_scopes(configuration) if name in wanted]


def registration_document(settings: Settings, configuration: PlatformConfiguration, choices: Choices) -> dict[str, Any]:
    """Return what is posted to the platform's registration endpoint."""
    base = settings.public_url
    return {
        "application_type": "web",
        "grant_types": ["client_credentials", "implicit"],
        "response_types": ["id_token"],
        "redirect_uris": [launch_url(base)],
        "initiate_login_uri": f"{base}/lti/login",
        "client_name": settings.tool_name,
        "client_name#fr": settings.tool_name,
        "jwks_uri": f"{base}/lti/jwks",
        "logo_uri": logo_url(base),
        "client_uri": f"{base}/",
        "policy_uri": f"{base}/about/privacy",
        "tos_uri": f"{base}/about/terms",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(asked_scopes(configuration, choices)),
        TOOL_CLAIM: _tool_claim(base, configuration, choices),
    }


def launch_url(base: str) -> str:
    """Return where every message of this tool goes; what it is about is in the message."""
    return f"{base}/lti/launch"


def logo_url(base: str) -> str:
    """Return the address of this tool's picture."""
    return f"{base}/static/logo.png"


DESCRIPTION = ("Course work becomes badges that learners keep.", "Le travail du cours devient des badges à conserver.")


def _tool_claim(base: str, configuration: PlatformConfiguration, choices: Choices) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "domain": urlsplit(base).netloc,
        "target_link_uri": launch_url(base),
        "description": DESCRIPTION[0],
        "description#fr": DESCRIPTION[1],
        "custom_parameters": custom_parameters(configuration.variables),
        "claims": _claims(configuration, choices),
        "messages": list(_messages(base, configuration, choices)),
    }
    if configuration.product == "canvas":
        claim |= {f"{CANVAS}privacy_level": choices.privacy_level, f"{CANVAS}tool_id": TOOL_ID}
    return claim


def custom_parameters(variables: Iterable[str]) -> dict[str, str]:
    """Return the custom parameters whose variables the platform knows."""
    known = frozenset(variables)
    return {name: f"${variable}" for name, variable in CUSTOM.items() if variable in known}


def _claims(configuration: PlatformConfiguration, choices: Choices) -> list[str]:
    wanted = (NAME_CLAIMS if choices.shares_name else ()) + (EMAIL_CLAIMS if choices.shares_email else ())
    known = configuration.claims or wanted
    return [*IDENTITY_CLAIMS, *(one for one in wanted if one in known)]


def _messages(base: str, configuration: PlatformConfiguration, choices: Choices) -> Iterable[dict[str, Any]]:
    named = [PLACEMENTS[name] for name in offered_placements(configuration)]
    for placement in named:
        if placement.name in choices.placements:
            yield _placed_message(base, placement, choices, is_canvas=configuration.product == "canvas")
    for kind, (label, label_fr) in _PLAIN_LABELS.items():
        if kind not in configuration.messages or any(one.message_type == kind for one in named):
            continue
        message = _message(base, kind, label, label_fr)
        if CONTENT_AREA in configuration.messages[kind]:
            message["placements"] = [CONTENT_AREA]
        yield message


def _message(base: str, kind: str, label: str, label_fr: str) -> dict[str, Any]:
    return {
        "type": kind,
        "target_link_uri": launch_url(base),
        "label": label,
        "label#fr": label_fr,
        "icon_uri": logo_url(base),
    }


def _placed_message(base: str, placement: Placement, choices: Choices, *, is_canvas: bool) -> dict[str, Any]:
    message = _message(base, placement.message_type, placement.label, placement.label_fr)
    message["placements"] = [placement.name]
    if placement.page:
        message["custom_parameters"] = {PAGE_PARAMETER: placement.page}
    if is_canvas and placement.visibility:
        message[f"{CANVAS}visibility"] = placement.visibility
    if is_canvas and placement.name == "course_navigation":
        message[f"{CANVAS}course_navigation/default_enabled"] = choices.in_every_course
    return message


CANVAS_SCOPES = tuple(name for name in SCOPES if name != "contextgroup.readonly")
"""The scopes that Canvas' documents name (2026). Whether it takes a key with one it does not know: not checked."""
CANVAS_PRIVACY_LEVELS = ("public", "name_only", "email_only", "anonymous")


def canvas_document(settings: Settings, privacy_level: str = "public") -> dict[str, Any]:
    """Return the developer-key JSON for Canvas; ``privacy_level`` is one of ``CANVAS_PRIVACY_LEVELS``."""
    base = settings.public_url
    return {
        "title": settings.tool_name,
        "description": DESCRIPTION[0],
        "oidc_initiation_url": f"{base}/lti/login",
        "target_link_uri": launch_url(base),
        "public_jwk_url": f"{base}/lti/jwks",
        "scopes": [SCOPES[name] for name in CANVAS_SCOPES],
        "custom_fields": {name: f"${variable}" for name, variable in CUSTOM.items()},
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "domain": urlsplit(base).netloc,
                "tool_id": TOOL_ID,
                "privacy_level": privacy_level,
                "settings": {
                    "text": settings.tool_name,
                    "icon_url": logo_url(base),
                    "placements": [_canvas_placement(base, one) for one in PLACEMENTS.values()],
                },
            }
        ],
    }


def _canvas_placement(base: str, placement: Placement) -> dict[str, Any]:
    document: dict[str, Any] = {
        "placement": placement.name,
        "text": placement.label,
        "enabled": True,
        "message_type": placement.message_type,
        "target_link_uri": launch_url(base),
        "icon_url": logo_url(base),
    }
    if placement.page:
        document["custom_fields"] = {PAGE_PARAMETER: placement.page}
    if placement.visibility:
        document["visibility"] = placement.visibility
    if placement.name == "course_navigation":
        document["default"] = "disabled"
    return document
