"""Where a platform's page keeps a login's secret for tools whose cookies do not come back.

LTI Client-side postMessages 1.0 and LTI Platform Storage 1.0 (with the OIDC login of LTI 1.3): the tool's page sends
``lti.put_data`` and ``lti.get_data`` to the frame that ``lti_storage_target`` names, ``_parent`` being the parent
itself. The messages are only for the origin of the registered authentication address.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lti_tool.outbound import origin_of

TARGET = "lti_storage_target"
LONGEST_TARGET = 255
AGAIN = "lti_badges_again"
"""Our own login parameter: this login was begun again inside the frame, after storage access was granted."""


@dataclass(frozen=True, slots=True)
class PlatformStorage:
    """The frame to ask (a name, or ``_parent``), the only origin that may answer, and the key of one login."""

    target: str
    origin: str
    key: str


def storage_of(login_parameters: Mapping[str, str], auth_login_url: str, state: str) -> PlatformStorage | None:
    """Return the storage that a platform offered with a login; ``None`` when it offered none."""
    target = login_parameters.get(TARGET, "")
    if not target or len(target) > LONGEST_TARGET:
        return None
    return PlatformStorage(target, origin_of(auth_login_url), f"lti_state_{state}")


def begin_again(login_parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that begin the same login once more: elsewhere, so without this page's storage."""
    return {name: value for name, value in login_parameters.items() if name not in {TARGET, AGAIN}}
