"""What platforms ask for in deep linking (LTI Deep Linking 2.0, section 4.4.1), each with its ground."""

from dataclasses import dataclass
from typing import Any

ODD_DATA = "csrf \u00e9\n\"'<&>\u2028 ="
"""Constructed: whatever it is, it has to come back unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepLinkingProfile:
    """One platform's settings; ``return_query`` belongs to its return address."""

    settings: dict[str, Any]
    return_query: str = ""
    has_services_before_first_link: bool = True
    """Whether the launch has the roster's claim although no link exists yet."""


LTI_LINKS = ["ltiResourceLink"]

PROFILES: dict[str, DeepLinkingProfile] = {
    "standard": DeepLinkingProfile(  # constructed
        settings={
            "accept_types": ["ltiResourceLink", "link", "html"],
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": True,
            "accept_lineitem": True,
            "auto_create": True,
            "title": "Pick <something>",
            "text": "",
            "data": ODD_DATA,
        },
        return_query="a=1&b=%2F",
    ),
    "canvas/link_selection": DeepLinkingProfile(  # vendor code (deep_linking_request.rb, 2026)
        settings={
            "accept_types": LTI_LINKS,
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_media_types": "application/vnd.ims.lti.v1.ltilink",
            "accept_multiple": True,
            "auto_create": False,
        },
        return_query="data=eyJhbGciOiJIUzI1NiJ9.eyJwbGFjZW1lbnQiOiJsaW5rX3NlbGVjdGlvbiJ9.c2ln",
    ),
    "canvas/assignment_selection": DeepLinkingProfile(  # vendor code (deep_linking_request.rb, 2026): one at a time
        settings={
            "accept_types": LTI_LINKS,
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_media_types": "application/vnd.ims.lti.v1.ltilink",
            "accept_multiple": False,
            "auto_create": False,
        },
        return_query="data=eyJhbGciOiJIUzI1NiJ9.eyJwbGFjZW1lbnQiOiJhc3NpZ25tZW50In0.c2ln",
    ),
    "canvas/editor_button": DeepLinkingProfile(  # vendor code (2026), no line items: constructed
        settings={
            "accept_types": ["link", "file", "html", "ltiResourceLink", "image"],
            "accept_presentation_document_targets": ["embed", "iframe", "window"],
            "accept_media_types": "image/*,text/html,application/vnd.ims.lti.v1.ltilink,*/*",
            "accept_multiple": True,
            "accept_lineitem": False,
            "auto_create": False,
        },
        return_query="data=eyJhbGciOiJIUzI1NiJ9.eyJwbGFjZW1lbnQiOiJlZGl0b3IifQ.c2ln",
    ),
    "moodle": DeepLinkingProfile(  # captured (Moodle 4.5): no data, nothing about line items, no roster yet
        settings={
            "accept_types": LTI_LINKS,
            "accept_presentation_document_targets": ["frame", "iframe", "window"],
            "accept_copy_advice": False,
            "accept_multiple": True,
            "accept_unsigned": False,
            "auto_create": False,
            "can_confirm": False,
            "title": "LTI Badges",
            "text": "",
        },
        return_query="course=2&id=1&sesskey=VdAxPiT65V",
        has_services_before_first_link=False,
    ),
    "blackboard": DeepLinkingProfile(  # constructed
        settings={
            "accept_types": ["link", "html", "image", "file", "ltiResourceLink"],
            "accept_presentation_document_targets": [],
            "accept_multiple": True,
            "auto_create": True,
            "data": "a1b2c3",
        },
    ),
    "desire2learn": DeepLinkingProfile(  # constructed: no line items unless the admin allowed them; data is empty
        settings={
            "accept_types": ["ltiResourceLink", "link"],
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": False,
            "accept_lineitem": False,
            "data": "",
        },
    ),
    "sakai": DeepLinkingProfile(  # constructed
        settings={
            "accept_types": LTI_LINKS,
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": True,
            "accept_lineitem": True,
            "data": "2b7e",
        },
        return_query="panel=Main",
    ),
}
PROFILES["canvas"] = PROFILES["canvas/link_selection"]
