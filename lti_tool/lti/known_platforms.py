"""What a process remembers of platforms for a few seconds, so that a launch asks the database less often.

Remembered are addresses and row ids (``KEPT``: five seconds, so that a changed registration reaches every process that
soon). Never remembered is that something may be used: whether a platform is enabled is asked again by the statements
that store and consume a login (``login_state``), and whether its deployment is served by the one that stores the launch
(``services/launching``). What an admin disables is refused at once, by every process. What was not found, or refused,
is looked up each time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lti_tool.db import Database
from lti_tool.lti.tool_config import KnownDeployment, Platform, find_platform, get_platform, known_deployment

KEPT = timedelta(seconds=5)
MOST = 4096
"""Entries of one kind; strangers cannot add any, since only what is registered is remembered."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Memory(Generic[Key, Value]):
    """Values by key, each for ``KEPT``; threads may share it, since every step on the dictionary is one step."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[datetime, Value]] = {}

    def find(self, key: Key, now: datetime) -> Value | None:
        since, value = self._kept.get(key, (None, None))
        return value if since is not None and since <= now < since + KEPT else None

    def keep(self, key: Key, value: Value, now: datetime) -> None:
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = (now, value)

    def forget(self) -> None:
        self._kept.clear()


class KnownPlatforms:
    """Finds platforms and deployments; one per process."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._by_login: _Memory[tuple[str, str], Platform] = _Memory()
        self._by_id: _Memory[int, Platform] = _Memory()
        self._deployments: _Memory[tuple[int, str], KnownDeployment] = _Memory()

    def of_login(self, issuer: str, client_id: str | None, deployment_id: str | None) -> Platform:
        """Return the platform a login comes from; raises as ``find_platform``."""
        now = self._clock()
        platform = self._by_login.find((issuer, client_id), now) if client_id else None
        if platform is not None:
            return platform
        with self._database.read() as session:
            platform = find_platform(session, issuer, client_id, deployment_id)
        if client_id:  # without one, further registrations of the issuer change what is found
            self._by_login.keep((issuer, client_id), platform, now)
        return platform

    def of_registration(self, registration_id: int) -> Platform:
        """Return the platform of a registration; raises as ``get_platform``."""
        now = self._clock()
        platform = self._by_id.find(registration_id, now)
        if platform is None:
            with self._database.read() as session:
                platform = get_platform(session, registration_id)
            if platform.disabled_at is None:
                self._by_id.keep(registration_id, platform, now)
        return platform

    def deployment(self, platform: Platform, deployment_id: str) -> KnownDeployment:
        """Return the deployment of a verified launch, or learn it; raises as ``known_deployment``."""
        now = self._clock()
        key = (platform.registration_id, deployment_id)
        deployment = self._deployments.find(key, now)
        if deployment is None:
            deployment = known_deployment(self._database, platform, deployment_id, now)
            self._deployments.keep(key, deployment, now)
        return deployment

    def forget(self) -> None:
        """Look everything up again: something turned out to be disabled."""
        for memory in (self._by_login, self._by_id, self._deployments):
            memory.forget()
