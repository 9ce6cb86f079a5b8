"""Reads one course's people: roster and groups, a page and a short transaction at a time."""

from collections import Counter

import structlog

from lti_tool.errors import (
    MissingScopeError,
    OutboundError,
    PlatformThrottledError,
    PlatformUnreachableError,
    ServiceRefusedError,
)
from lti_tool.jobs.run_progress import People, RunProgress
from lti_tool.lti.advantage import GroupsOffer, Member
from lti_tool.lti.advantage import Roster as RosterPages
from lti_tool.lti.course_service import GROUP_SCOPE
from lti_tool.models import Context, Registration
from lti_tool.services import members, observing, roster
from lti_tool.services.identities import STUDENT_SYSTEM
from lti_tool.services.seen_users import SeenUsers
from lti_tool.wiring import Services

log = structlog.get_logger()


def stops_all(error: OutboundError) -> bool:
    """Whether whatever is asked next would fail the same way, and asking would be worse than useless."""
    return isinstance(error, PlatformThrottledError | PlatformUnreachableError) or error.code == OutboundError.code


class RosterReading:
    """One reading of a roster; ``failures`` are what can be tried again later.

    ``is_wanted``: somebody asked for it, so that the whole roster is read. ``progress`` is told of members, departed,
    groups and malformed entries, ``people`` who was listed.
    """

    def __init__(
        self,
        services: Services,
        registration: Registration,
        context: Context,
        progress: RunProgress,
        people: People,
        *,
        is_wanted: bool,
    ) -> None:
        self._services, self._registration, self._context = services, registration, context
        self._progress, self._people = progress, people
        self._is_wanted = is_wanted
        self._enrolled: dict[str, set[int]] = {}
        self._listed = SeenUsers()
        self.failures: list[OutboundError] = []

    def read(self) -> None:
        """Read what the platform offers; raises ``OutboundError`` when nothing else can be asked of it either."""
        if self._context.memberships_url is None:
            return
        try:
            if self._is_whole():
                self._read_whole()
                self._read_groups()
            else:
                self._read_differences()
        except MissingScopeError as error:  # launches still bring members; evidence can be read all the same
            log.warning("roster.refused", context_id=self._context.id, error_code=error.code)
        except OutboundError as error:
            if stops_all(error):
                raise
            self.failures.append(error)

    def _is_whole(self) -> bool:
        return self._is_wanted or roster.is_whole_due(self._context, self._services.clock())

    # -- members ------------------------------------------------------------------------------------------------------

    def _read_whole(self) -> None:
        with self._services.database.read() as session:
            link_id = roster.course_link(session, self._context, self._registration.product)
        malformed: Counter[str] = Counter()
        try:
            pages = self._ask(link_id, malformed)
            self._store_pages(pages)
        except ServiceRefusedError:
            if link_id is None:
                raise
            malformed.clear()  # the platform does not know the link any more: without it, then
            pages = self._ask(None, malformed)
            self._store_pages(pages)
        self._progress.counts["malformed"] += malformed.total()
        with self._services.database.write() as session:
            now = self._services.clock()
            if not malformed:  # who could not be read is not departed
                departed = observing.mark_departed(session, self._context.id, self._listed)
                self._progress.counts["departed"] = departed
                self._progress.has_changes |= departed > 0
            roster.note_reading(session, self._context.id, pages.differences_url, now, whole=not malformed)

    def _ask(self, link_id: str | None, malformed: Counter[str]) -> RosterPages:
        return self._services.advantage.roster(
            self._registration, self._context, resource_link_id=link_id, malformed=malformed
        )

    def _read_differences(self) -> None:
        """Read what changed since the last reading; whoever is deleted becomes inactive, like the departed."""
        malformed: Counter[str] = Counter()
        service = self._services.advantage.names_and_roles
        url = self._context.differences_url or ""
        try:
            pages = service.differences(self._registration, self._context, url, malformed=malformed)
            self._store_pages(pages)
        except ServiceRefusedError:  # too long ago, or withdrawn
            self._listed = SeenUsers()
            self._read_whole()
            return
        self._progress.counts["malformed"] += malformed.total()
        # Without a new address, or with an entry that could not be read, the next reading is a whole one.
        following = None if malformed else pages.differences_url
        with self._services.database.write() as session:
            roster.note_reading(session, self._context.id, following, self._services.clock(), whole=False)

    def _store_pages(self, pages: RosterPages) -> None:
        for page in pages.pages():
            self._store(page)

    def _store(self, page: list[Member]) -> None:
        with self._services.database.write() as session:
            now = self._services.clock()
            self._progress.keep_alive(session, now)
            stored = members.store_members(session, self._registration, self._context, page, now)
        self._people.note(stored.user_ids)
        for source, ids in stored.identities.items():
            if source != STUDENT_SYSTEM:  # no evidence source
                self._people.note_identities(source, ids)
        for member in page:
            user_id = stored.user_ids[member.platform_user_id]
            self._listed.add(user_id)
            for group_id in member.group_ids:
                self._enrolled.setdefault(group_id, set()).add(user_id)
        self._progress.counts["members"] += len(page)
        self._progress.has_changes |= stored.changed > 0

    # -- groups -------------------------------------------------------------------------------------------------------

    def _read_groups(self) -> None:
        """Read the groups that the members of a whole reading belong to, where launches granted that."""
        if self._context.groups_url is None:
            return
        offer = GroupsOffer(self._context.groups_url, self._context.group_sets_url, (GROUP_SCOPE,))
        malformed: Counter[str] = Counter()
        service, place = self._services.advantage.groups, (self._registration, self._context, offer)
        groups = [one for page in service.iter_groups(*place, malformed=malformed) for one in page]
        sets = [one for page in service.iter_group_sets(*place, malformed=malformed) for one in page]
        self._progress.counts["malformed"] += malformed.total()
        if malformed:  # a group that could not be read is not gone
            return
        with self._services.database.write() as session:
            stored = roster.store_groups(session, self._context.id, groups, sets, self._enrolled)
            self._progress.counts["groups"] = stored
            self._progress.has_changes = True
