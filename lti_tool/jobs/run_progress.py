"""What the parts of one reading share: how far it came, whether its run is still theirs, who is who.

Nothing here grows with a course: who was met is remembered for the last ten thousand people only.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from lti_tool.services import course_sync, identities
from lti_tool.services.identities import School

TELL_EVERY = timedelta(seconds=1)
"""How often the run's row is written while pages come."""
MOST_REMEMBERED = 10_000


class RunLostError(Exception):
    """The run's lease passed and another worker has it now; whoever had it stops without a word."""


class RunProgress:
    """How far one attempt at a run came; ``counts`` tells members, columns, observations added, entries left out.

    ``sources``: for each source, columns read and columns there are. ``has_changes``: whether anything was read that
    can change a verdict.
    """

    def __init__(self, run_id: int, attempt: int) -> None:
        self._run_id, self._attempt = run_id, attempt
        self._told_at: datetime | None = None
        self.counts: Counter[str] = Counter(members=0, columns=0, observations=0)
        self.sources: dict[str, dict[str, int]] = {}
        self.has_changes = False

    @property
    def run_id(self) -> int:
        """The run's row."""
        return self._run_id

    def keep_alive(self, session: Session, now: datetime) -> None:
        """Say in a transaction that the run is alive; raises ``RunLostError`` when it is another's now."""
        if self._told_at is not None and timedelta(0) <= now - self._told_at < TELL_EVERY:
            return
        if not course_sync.renew_lease(session, self._run_id, now, self.document(), attempt=self._attempt):
            raise RunLostError
        self._told_at = now

    def document(self) -> dict[str, Any]:
        """What ``SyncRun.counts`` holds."""
        return {**self.counts, **({"sources": self.sources} if self.sources else {})}


class People:
    """Who is who in a course, as far as it was met lately."""

    def __init__(self, school: School) -> None:
        self._school = school
        self._users: dict[str, int] = {}
        self._identities: dict[str, dict[str, int]] = {}

    def note(self, users: Mapping[str, int]) -> None:
        """Remember users by ``sub``."""
        if len(self._users) + len(users) > MOST_REMEMBERED:
            self._users.clear()
        self._users.update(users)

    def users(self, session: Session, platform_user_ids: Collection[str], now: datetime) -> Mapping[str, int]:
        """Return users by ``sub``; a person the roster does not show (any more) is kept without a membership."""
        missing = [one for one in platform_user_ids if one not in self._users]
        if not missing:
            return self._users
        found = identities.ensure_users(session, self._school, missing, now)
        known = {one: self._users[one] for one in platform_user_ids if one in self._users}
        self.note(found)
        return known | found

    def note_identities(self, source: str, users: Mapping[str, int]) -> None:
        """Remember users by what a source's API calls them."""
        remembered = self._identities.setdefault(source, {})
        if len(remembered) + len(users) > MOST_REMEMBERED:
            remembered.clear()
        remembered.update(users)

    def forget_identities(self, source: str) -> None:
        """Ask again who is who: the source itself said something new."""
        self._identities.pop(source, None)

    def known(self, session: Session, source: str, external_ids: Collection[str]) -> Mapping[str, int]:
        """Return the users of a platform's own ids, as far as anybody explained them."""
        remembered = self._identities.setdefault(source, {})
        missing = [one for one in external_ids if one not in remembered]
        if not missing:
            return remembered
        known = {one: remembered[one] for one in external_ids if one in remembered}
        found = identities.find_users(session, self._school, source, missing)
        self.note_identities(source, found)
        return known | found
