"""Login and launch: from a platform's first request to a ``VerifiedLaunch``.

LTI 1.3 core, section 5.1.1; 1EdTech Security Framework 1.0, section 5.1. The web edge calls ``start`` for
``/lti/login`` and ``finish`` for ``/lti/launch`` and translates nothing: every refusal is a ``LaunchError`` with a
code.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from lti_tool.db import Database
from lti_tool.errors import LaunchRequestError, PlatformDisabledError, PlatformRefusedError, TargetLinkError
from lti_tool.lti import login_state
from lti_tool.lti.addresses import AddressPolicy, is_under
from lti_tool.lti.known_platforms import KnownPlatforms
from lti_tool.lti.login_state import NewLogin
from lti_tool.lti.message_launch import LaunchSurroundings, ToolMessageLaunch
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.platform_storage import AGAIN, PlatformStorage, storage_of
from lti_tool.lti.tool_config import Platform
from lti_tool.lti.verified_launch import LaunchContext, LaunchResourceLink, VerifiedLaunch
from lti_tool.settings import Settings

__all__ = ["LaunchContext", "LaunchResourceLink", "Launches", "StartedLogin", "VerifiedLaunch"]

REQUIRED = ("iss", "login_hint", "target_link_uri")
KEPT = (
    *REQUIRED,
    "client_id",
    "lti_message_hint",
    "lti_deployment_id",
    "deployment_id",
    "lti_storage_target",
    "canvas_region",
    "canvas_environment",
    AGAIN,
)
"""The login parameters this tool knows; others are not stored."""
LONGEST_PARAMETER = 8192
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
ERROR_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """Where to send the browser, and the cookie it must bring back (Secure, HttpOnly, SameSite=None, Partitioned).

    ``window_cookie_name`` is for the same value where that cookie may not come back, ``storage`` where the platform
    offers to keep it, too (ADR 0008).
    """

    redirect_url: str
    cookie_name: str
    cookie_value: str
    window_cookie_name: str = ""
    storage: PlatformStorage | None = None


class Launches:
    """Begins logins and finishes launches; one per process, safe to share between threads."""

    def __init__(
        self, database: Database, platform_keys: PlatformKeys, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._public_url = settings.public_url
        self._clock = clock
        self._platforms = KnownPlatforms(database, clock)
        self._surroundings = LaunchSurroundings(
            database=database,
            platforms=self._platforms,
            platform_keys=platform_keys,
            public_url=settings.public_url,
            addresses=AddressPolicy(settings.allowed_private_hosts),
        )

    def start(self, parameters: Mapping[str, str]) -> StartedLogin:
        """Answer a login initiation (GET or POST).

        Raises ``LaunchRequestError``, ``TargetLinkError``, ``UnknownPlatformError`` or ``PlatformDisabledError``.
        """
        kept = _login_parameters(parameters)
        if not is_under(kept["target_link_uri"], self._public_url):
            raise TargetLinkError("The login leads to an address that is not this tool's.")
        try:
            platform, login = self._begin(kept)
        except PlatformDisabledError:  # perhaps of a registration as remembered: look again
            self._platforms.forget()
            platform, login = self._begin(kept)
        return StartedLogin(
            redirect_url=self._authentication_url(platform, kept, login.state, login.nonce),
            cookie_name=login_state.cookie_name(login.state),
            cookie_value=login.browser_secret,
            window_cookie_name=login_state.window_cookie_name(login.state),
            storage=storage_of(kept, platform.auth_login_url, login.state),
        )

    def finish(self, form: Mapping[str, str], cookies: Mapping[str, str]) -> VerifiedLaunch:
        """Verify the platform's answer; the state is used up whatever comes after. Raises ``LaunchError``."""
        launch = ToolMessageLaunch(self._surroundings, form, cookies, self._clock())
        if form.get("error"):
            launch.validate_state()
            refusal = form["error"] if ERROR_CODE.match(form["error"]) else None
            raise PlatformRefusedError(
                f"The platform {launch.platform.name} refused the login ({refusal or 'no readable reason'}).",
                platform_error=refusal,
            )
        return launch.verified()

    def _begin(self, kept: Mapping[str, str]) -> tuple[Platform, NewLogin]:
        deployment_id = kept.get("lti_deployment_id") or kept.get("deployment_id")
        platform = self._platforms.of_login(kept["iss"], kept.get("client_id"), deployment_id)
        with self._database.write_singly() as connection:
            return platform, login_state.begin(connection, platform.registration_id, kept, now=self._clock())

    def _authentication_url(self, platform: Platform, kept: Mapping[str, str], state: str, nonce: str) -> str:
        """Build the authentication request, keeping the query the platform's own address may have."""
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": f"{self._public_url}/lti/launch",
            "state": state,
            "nonce": nonce,
        } | {name: kept[name] for name in ("login_hint", "lti_message_hint") if name in kept}
        address = urlsplit(platform.auth_login_url)
        query = "&".join(part for part in (address.query, urlencode(asked)) if part)
        return address._replace(query=query, fragment="").geturl()


def _login_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    for name in REQUIRED:
        if not parameters.get(name):
            raise LaunchRequestError(f"The login has no {name}.", code=f"{name}_missing")
    kept = {name: parameters[name] for name in KEPT if name in parameters}
    for name, value in kept.items():
        # a NUL or half a character can be stored by no database; hints are opaque otherwise
        if len(value) > LONGEST_PARAMETER or UNSTORABLE.search(value):
            raise LaunchRequestError(f"The login's {name} cannot be read.")
    return kept
