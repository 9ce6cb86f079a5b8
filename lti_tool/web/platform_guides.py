"""What to click in which LMS: with the link, after registering, and where a permission or a place is switched on.

Data, each entry with its ground. Menu names are written only where a ground names them; ``is_tried`` says whether the
whole way was gone on a running platform. ``docs/install/`` has the same, longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How one family of platforms is set up; ``link_steps`` is empty where tools cannot register themselves.

    ``allow`` and ``place`` say where a missing permission or place is switched on, ``deep_link`` the same for deep
    linking where that is elsewhere, ``open`` how the first launch is made. ``document`` is its file in
    ``docs/install``.
    """

    name: str
    document: str
    link_steps: tuple[Any, ...]
    after_steps: tuple[Any, ...]
    allow: Any
    place: Any
    open: Any
    deep_link: Any = None
    is_tried: bool = False


_PASTE = _l("Paste the link where your platform asks for the tool's registration address.")
_RENEW = _l("If nothing there helps, register the platform again with a renewal link.")

GENERIC = Guide(
    name="",
    document="README.md",
    link_steps=(_PASTE, _l("This tool's page opens there. Check what it asks for and press Register.")),
    after_steps=(
        _l("If your platform keeps new tools switched off, switch this one on."),
        _l("Open the tool once from a course."),
    ),
    allow=_l("In your platform's settings of this tool, allow it, or register the platform again."),
    place=_l("In your platform's settings of this tool, switch the place on, or register the platform again."),
    open=_l("Add the tool to a course and open it once."),
)

GUIDES: Mapping[str, Guide] = {
    # Captured on a running Moodle 4.5, from pasting the link to the first launch.
    "moodle": Guide(
        name="Moodle",
        document="moodle.md",
        link_steps=(
            _l("In Moodle's site administration, open “Manage tools”."),
            _l("Paste the link into the field for a tool's address and press “Add LTI Advantage”."),
            _l("This tool's page opens there. Check what it asks for and press Register."),
        ),
        after_steps=(
            _l("On “Manage tools”, the new tool is pending: press “Activate”."),
            _l("In a course, open More, then LTI External tools, and switch on “Show in activity chooser”."),
            _l(
                "Add it to the course as an activity: that activity is the home of badges there, since Moodle has no "
                "place for tools in the course's menu."
            ),
        ),
        allow=_l("In Moodle, open “Manage tools”, edit this tool, and allow it under its services and privacy."),
        place=_l("Moodle keeps deep linking only. Add the tool to the course as an activity."),
        deep_link=_l("In Moodle, open “Manage tools”, edit this tool, and let it support deep linking."),
        open=_l(
            "In Moodle, open “Manage tools” and check that this tool is active; then open its activity in a course."
        ),
        is_tried=True,
    ),
    # Vendor guides (guides.instructure.com 1954062 and Canvas' LTI registration document, read in November 2026).
    # That the same dialog offers dynamic registration, under which words: not checked.
    "canvas": Guide(
        name="Canvas",
        document="canvas.md",
        link_steps=(
            _l("In Canvas, open Admin, then your account, then Apps in the account's menu, and add a new app."),
            _l("Choose LTI version 1.3 and dynamic registration, and paste the link."),
            _l("This tool's page opens there. Check what it asks for and press Register."),
        ),
        after_steps=(
            _l("Back in Canvas, confirm and enable the app: that turns its key on and installs it for the account."),
            _l("Open the tool once from a course; Canvas only names its deployment in a launch."),
        ),
        allow=_l("In Canvas, open Admin, then your account, then Apps, choose this app and switch its permission on."),
        place=_l("In Canvas, open Admin, then your account, then Apps, choose this app and switch the placement on."),
        open=_l("In a Canvas course, switch Badges on in the course's navigation, and open it once."),
    ),
    # Vendor documents (documentation.brightspace.com, "Register an external learning tool", "Dynamic Registration",
    # "Tool deployment", read in November 2026).
    "brightspace": Guide(
        name="Brightspace",
        document="brightspace.md",
        link_steps=(
            _l("In Brightspace, open Admin Tools, then Manage Extensibility, then the tab LTI Advantage."),
            _l("Press “Register Tool”, choose Dynamic, and paste the link."),
            _l("This tool's page opens in a new tab. Check what it asks for and press Register."),
        ),
        after_steps=(
            _l("Brightspace keeps the new registration disabled: enable it under Manage Extensibility."),
            _l("Open External Learning Tools, then the tab LTI Advantage, and make a deployment with its extensions."),
            _l("Open the tool once from a course."),
        ),
        allow=_l(
            "In Brightspace, switch the extension on twice: in the registration under Manage Extensibility, and in the "
            "deployment under External Learning Tools."
        ),
        place=_l("In Brightspace, switch the extension Deep Linking on, and make a link in the deployment."),
        open=_l("In Brightspace, check that registration and deployment are enabled, and open a link of the tool."),
    ),
    # Vendor documents (docs.anthology.com, "Registering a new LTI application"; read in November 2026) and two
    # vendors' guides for their own tools.
    "blackboard": Guide(
        name="Blackboard",
        document="blackboard.md",
        link_steps=(),
        after_steps=(
            _l("Register the tool once at developer.anthology.com, with the addresses shown by this tool."),
            _l("In Blackboard's administration, open LTI Tool Providers and register an LTI 1.3/Advantage tool."),
            _l("Enter the client id, approve the tool, and accept its deployment here after the first launch."),
        ),
        allow=_l(
            "In Blackboard, open LTI Tool Providers, edit this tool, and allow it under its institution policies."
        ),
        place=_l("In Blackboard, open LTI Tool Providers, then Manage Placements of this tool."),
        open=_l("In Blackboard, check that the tool is approved, and open one of its placements from a course."),
    ),
    # Two vendors' guides for their own tools; that "Install LTI 1.3 Tool" is the page that takes the link: not checked.
    "sakai": Guide(
        name="Sakai",
        document="sakai.md",
        link_steps=(
            _l("In Sakai's Administration Workspace, open External Tools."),
            _PASTE,
            _l("This tool's page opens there. Check what it asks for and press Register."),
        ),
        after_steps=(_l("Add the tool to a site, and open it once."),),
        allow=_l("In Sakai, open External Tools, edit this tool, and switch the service or the privacy setting on."),
        place=_l("In Sakai, open External Tools, edit this tool, and allow the place."),
        open=_l("In Sakai, add the tool to a site, and open it once."),
    ),
    # Open edX documentation ("Enabling LTI Components", read in November 2026) and lti-consumer-xblock's code.
    "openedx": Guide(
        name="Open edX",
        document="open-edx.md",
        link_steps=(),
        after_steps=(
            _l("In Studio, add “lti_consumer” to the Advanced Module List on the Advanced Settings page."),
            _l("Add an LTI component with this tool's addresses, and enter here what the component shows."),
        ),
        allow=_l("In Studio, edit the LTI component and allow it there."),
        place=_l("In Studio, edit the LTI component and switch deep linking on there."),
        open=_l("Publish the LTI component in Studio, and open it in the course."),
    ),
}

_FAMILIES: Mapping[str, str] = {
    "desire2learn": "brightspace",
    "d2l": "brightspace",
    "blackboardlearn": "blackboard",
    "open edx": "openedx",
    "open-edx": "openedx",
    "edx": "openedx",
}
"""What platforms call themselves, where that is not the family's name."""


def family_of(product: str | None) -> str:
    """Return the family of a product family code, empty for one that has no guide."""
    name = (product or "").lower()
    family = _FAMILIES.get(name, name)
    return family if family in GUIDES else ""


def guide_of(product: str | None) -> Guide:
    """Return the guide for a product family code; ``GENERIC`` for one that has none of its own."""
    return GUIDES.get(family_of(product), GENERIC)


def renewal_hint() -> Any:
    """Return the last resort where a permission or a place is missing."""
    return _RENEW
