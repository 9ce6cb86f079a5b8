"""A platform's page in words: each line of the checklist, what to do about it, and what the last failure means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.verdict import Verdict
from lti_tool.lti.tool_configuration import SCOPES
from lti_tool.services.platform_page import Health, Line, PlatformPage, Step
from lti_tool.web.messages import MESSAGES
from lti_tool.web.platform_guides import Guide, renewal_hint
from lti_tool.web.registration_words import SCOPE_WISHES
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

SKEW_ALLOWED = 30
"""Seconds of difference between clocks that are nobody's trouble; platforms' tokens live 60 seconds and more."""

STEPS: Mapping[Step, Any] = {
    Step.REGISTERED: _l("Registered"),
    Step.ACTIVATED: _l("Deployment accepted"),
    Step.LAUNCHED: _l("First launch seen"),
    Step.GRADES: _l("Grades readable"),
    Step.ROSTER: _l("Roster readable"),
    Step.DEEP_LINKING: _l("Checkpoints can be chosen (deep linking)"),
}

FAILURES: Mapping[str, Any] = {
    "host_unavailable": _l("The platform's server could not be reached. Check its address and this server's network."),
    "host_slow": _l("The platform's server did not answer in time."),
    "address_refused": _l(
        "The address may not be called: it is not https, or it is internal and not listed in "
        "LTI_BADGES_ALLOWED_PRIVATE_HOSTS."
    ),
    "answer_malformed": _l("Something that is no key set came back, perhaps a page to sign in. Check the address."),
    "answer_too_large": _l("Far too much came back. Check the address."),
    "key_set_unavailable": _l("There is no key set at the address. Compare it with what the platform shows."),
    "key_set_empty": _l("The key set has no key that can be used (RSA, at least 2048 bits, RS256)."),
    "token_refused": _l(
        "The platform refused this tool's key or client id. Check that the client id is right, that the tool is "
        "switched on there, and that the platform can reach this tool's key set."
    ),
    "missing_scope": _l("The platform gives no token for this. Allow it there, or register again."),
    "platform_answer_malformed": _l("What came back is no token. Check the address for tokens."),
    "platform_unavailable": _l("The platform failed. It may be a passing fault there."),
    "platform_throttled": _l("The platform asks to slow down. The tool waits and tries again by itself."),
    "platform_unreachable": _l("The platform failed several times and is left alone for a minute."),
    "platform_not_found": _l("The platform does not know the course or column any more."),
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line as the page shows it; ``details`` and ``remedy`` are empty when there is nothing to do."""

    verdict: Verdict
    label: str
    at: datetime | None
    details: tuple[str, ...]
    remedy: str


def shown_lines(page: PlatformPage, guide: Guide) -> list[ShownLine]:
    """Return the checklist in words."""
    return [
        ShownLine(line.verdict, str(STEPS[line.step]), line.at, _details(line), _remedy(line, guide))
        for line in page.lines
    ]


def _details(line: Line) -> tuple[str, ...]:
    if line.verdict is Verdict.UNKNOWN:
        return (_("The platform has not told yet; a launch or the test will show it."),)
    names = {uri: name for name, uri in SCOPES.items()}
    return tuple(str(SCOPE_WISHES[names[uri]].loss) for uri in line.lacking)


def _remedy(line: Line, guide: Guide) -> str:
    if line.verdict is Verdict.MET:
        return ""
    if line.step in {Step.ACTIVATED, Step.LAUNCHED}:
        return str(guide.open)
    if line.verdict is Verdict.UNKNOWN:
        return ""
    where = (guide.deep_link or guide.place) if line.step is Step.DEEP_LINKING else guide.allow
    return f"{where} {renewal_hint()}"


def failure_words(code: str) -> str:
    """Return what a failure of a service call or a test means to an admin."""
    text = FAILURES.get(code)
    if text is None and code in MESSAGES:
        text = MESSAGES[code].happened
    return str(text) if text is not None else _("It failed for a reason that has no words yet.")


def skew_words(health: Health) -> str:
    """Return what the difference between the clocks means; empty before the first launch."""
    seconds = health.clock_skew_seconds
    if seconds is None:
        return ""
    if abs(seconds) <= SKEW_ALLOWED:
        return _("The clocks agree.")
    if seconds > 0:
        return ngettext(
            "The platform's clock is %(num)s second ahead of this server's. Set both by a time server.",
            "The platform's clock is %(num)s seconds ahead of this server's. Set both by a time server.",
            seconds,
        )
    return ngettext(
        "The platform's clock is %(num)s second behind this server's. Set both by a time server.",
        "The platform's clock is %(num)s seconds behind this server's. Set both by a time server.",
        -seconds,
    )
