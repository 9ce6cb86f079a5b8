"""LTI Advantage as this tool uses it: rosters (NRPS 2.0), line items, scores and results (AGS 2.0), course groups.

One front for the modules that know each service. Platforms show a tool only its own line items. An entry that breaks
the standard is left out and counted, never turned into a zero; a page that is none raises. Only scopes that the
context's launches granted are asked for.
"""

from collections import Counter
from collections.abc import Iterator

from lti_tool.lti.course_groups import CourseGroups, Group, GroupSet, GroupsOffer
from lti_tool.lti.course_service import LINE_ITEM_SCOPES, RESULT_SCOPES, SCORE_SCOPES
from lti_tool.lti.line_item_documents import LineItem, NewLineItem
from lti_tool.lti.line_items import LineItems
from lti_tool.lti.names_and_roles import Member, NamesAndRoles, Roster
from lti_tool.lti.notices import NoticeHandlers
from lti_tool.lti.results import Result, ResultPage, Results
from lti_tool.lti.scores import ActivityProgress, GradingProgress, Score, Scores, next_timestamp, score_step
from lti_tool.lti.service_client import ServiceClient
from lti_tool.lti.service_health import HostHealth, OnOutcome
from lti_tool.models import Context, Registration

__all__ = [
    "LINE_ITEM_SCOPES",
    "RESULT_SCOPES",
    "SCORE_SCOPES",
    "ActivityProgress",
    "Advantage",
    "GradingProgress",
    "Group",
    "GroupSet",
    "GroupsOffer",
    "HostHealth",
    "LineItem",
    "Member",
    "NewLineItem",
    "OnOutcome",
    "Result",
    "ResultPage",
    "Roster",
    "Score",
    "next_timestamp",
    "score_step",
]


class Advantage(LineItems):
    """Everything this tool asks of a platform's services; readings are lazy, a page in memory at a time.

    Readings take ``malformed``, a counter that learns how many entries were left out (keys ``member``, ``line_item``,
    ``result``, ``group``, ``group_set``). Each raises what ``ServiceClient`` raises, and ``MissingScopeError`` before
    any call when the context's launches offered no address (``service_not_offered``) or granted no scope for it. Line
    items are inherited; ``names_and_roles``, ``results``, ``scores`` and ``groups`` have the other services whole.
    """

    def __init__(self, client: ServiceClient) -> None:
        super().__init__(client)
        self.names_and_roles = NamesAndRoles(client)
        self.results = Results(client)
        self.scores = Scores(client, self.results)
        self.groups = CourseGroups(client)
        self.notice_handlers = NoticeHandlers(client)

    def iter_members(
        self, registration: Registration, context: Context, *, malformed: Counter[str] | None = None
    ) -> Iterator[list[Member]]:
        """Yield the roster's pages. Whoever is missing may only be inactive: absence says nothing."""
        return self.names_and_roles.roster(registration, context, malformed=malformed).pages()

    def roster(
        self,
        registration: Registration,
        context: Context,
        *,
        role: str | None = None,
        resource_link_id: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Roster:
        """Return one reading of the roster; see ``NamesAndRoles.roster``."""
        return self.names_and_roles.roster(
            registration, context, role=role, resource_link_id=resource_link_id, malformed=malformed
        )

    def iter_results(
        self,
        registration: Registration,
        context: Context,
        line_item_url: str,
        *,
        platform_user_id: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[list[Result]]:
        """Yield the pages of a line item's results, of one person only when ``platform_user_id`` is given."""
        return self.results.iter_results(
            registration, context, line_item_url, platform_user_id=platform_user_id, malformed=malformed
        )

    def iter_result_pages(
        self,
        registration: Registration,
        context: Context,
        line_item_url: str,
        *,
        page_url: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[ResultPage]:
        """Yield the pages of a line item's results with the address of each next one; from ``page_url`` on."""
        return self.results.iter_result_pages(
            registration, context, line_item_url, page_url=page_url, malformed=malformed
        )

    def post_score(
        self, registration: Registration, context: Context, line_item_url: str, score: Score, *, is_repeat: bool = False
    ) -> None:
        """Send one score; see ``Scores.post_score``."""
        self.scores.post_score(registration, context, line_item_url, score, is_repeat=is_repeat)

    def iter_groups(
        self,
        registration: Registration,
        context: Context,
        offer: GroupsOffer | None,
        *,
        platform_user_id: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[list[Group]]:
        """Yield the pages of the course's groups; see ``CourseGroups.iter_groups``."""
        return self.groups.iter_groups(
            registration, context, offer, platform_user_id=platform_user_id, malformed=malformed
        )

    def service_health(self, registration_id: int) -> tuple[HostHealth, ...]:
        """Return how the hosts of a registration are doing, as this process sees it since it started."""
        return self._client.service_health(registration_id)
