"""An issuing platform in words: how it is, and why badges did not get there, with what helps; by code, for admins."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.models import IssuingState
from lti_tool.services.issuing_platforms import PlatformEntry
from lti_tool.web.formats import StateLook

STATES: Mapping[IssuingState, StateLook] = {
    IssuingState.ACTIVE: StateLook(_l("In use"), "check", "success"),
    IssuingState.REFUSED: StateLook(_l("Account refused"), "exclamation", "danger"),
    IssuingState.DISABLED: StateLook(_l("Switched off"), "pause", "secondary"),
}
PAUSED = StateLook(_l("Resting"), "clock", "info")

TEXTS: Mapping[str, Any] = {
    "issuing_account_refused": _l(
        "The platform no longer accepts the institution's account. Sign in again below; badges wait until then, and "
        "none is lost."
    ),
    "issuing_recipient_refused": _l(
        "The platform does not take these e-mail addresses. Have them corrected in the learning platform, issue the "
        "badges again, then try again here."
    ),
    "issuing_award_refused": _l(
        "The platform refused these badges without saying why in a way the tool understands. Look at the badge there, "
        "then try again."
    ),
    "issuing_revoked_there": _l(
        "Somebody revoked these badges on the platform. They still hold here. Revoke them here too, or issue them "
        "there by hand."
    ),
    "subject_without_email": _l("These badges name no e-mail address any more, and the platform knows nothing else."),
    "backpack_throttled": _l("The platform asked to slow down. It is tried again by itself."),
    "backpack_unavailable": _l("The platform could not do it just now. It is tried again by itself."),
    "host_unavailable": _l("The platform could not be reached. It is tried again by itself."),
    "host_slow": _l("The platform did not answer in time. It is tried again by itself."),
    "address_refused": _l(
        "The address may not be called: it is not https, or it is internal and not listed in "
        "LTI_BADGES_ALLOWED_PRIVATE_HOSTS."
    ),
    "backpack_answer_malformed": _l(
        "The platform answered something that is not its API, perhaps a page about maintenance. It is tried again by "
        "itself; if it stays so, check the address."
    ),
    "backpack_altered": _l("The platform did not show what it was sent. It is looked for again by itself."),
    "backpack_refused": _l(
        "The platform refuses this account's requests. Look there whether the account may still issue badges."
    ),
}
OTHERWISE = _l("Something went wrong on the way. It is tried again by itself; after several times, try again here.")


def platform_look(entry: PlatformEntry, is_resting: bool) -> StateLook:
    """Return how a platform's state shows."""
    return PAUSED if is_resting and entry.state is IssuingState.ACTIVE else STATES[entry.state]


def issuing_failure(code: str | None) -> str:
    """Return why and what to do, in a sentence or two."""
    return str(TEXTS.get(code or "", OTHERWISE))
