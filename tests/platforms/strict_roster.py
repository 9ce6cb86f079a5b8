"""The strict platform's people: rosters (NRPS 2.0) and groups (Course Groups 1.0)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from platforms.names import GROUP_READ
from platforms.quirks import Quirks
from platforms.strict_answers import StrictAnswers
from platforms.strict_tokens import MEMBERSHIP_READ
from werkzeug.wrappers import Request, Response

MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
GROUPS_TYPE = "application/vnd.ims.lti-gs.v1.contextgroupcontainer+json"
GROUP_SETS_TYPE = "application/vnd.ims.lti-gs.v1.contextgroupsetcontainer+json"
CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"
MESSAGE_TYPE = "https://purl.imsglobal.org/spec/lti/claim/message_type"


@dataclass(slots=True)
class Team:
    """A group of the course."""

    group_id: str
    name: str
    set_id: str | None = None
    tag: str | None = None
    user_ids: set[str] = field(default_factory=set)


class StrictRoster(StrictAnswers):
    """Lists members and groups."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.member_custom: dict[str, dict[str, Any]] = {}
        """Custom parameters of the resource link for somebody, beside the common ones."""
        self.teams: dict[str, Team] = {}
        self.team_sets: dict[str, str] = {}
        """Names by id."""
        self.changes: list[tuple[str, str]] = []
        """Whom something happened to since the beginning: id and status."""
        self._gone: dict[str, Any] = {}

    # -- members ----------------------------------------------------------------------------------------------------

    def remove_member(self, user_id: str) -> None:
        """Somebody leaves; differences tell, the roster does not."""
        self.changes.append((user_id, "Deleted"))
        self._gone[user_id] = self.members.pop(user_id)

    def _members(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {MEMBERSHIP_READ}, MEMBERS_TYPE)
        if refusal is not None:
            return refusal
        link_id = request.args.get("rlid")
        if link_id is not None and link_id not in self.link_ids():
            return Response("secret detail", self.quirks.wrong_roster_link_status)
        people = [one for one in self.members.values() if self.quirks.lists_inactive_members or one.status == "Active"]
        entries = [
            self._member_document(one) | self._messages(one, link_id) for one in self._with_role(people, request)
        ]
        return self._members_answer(request, context, entries)

    def _differences(self, request: Request, context: str, mark: int) -> Response:
        refusal = self._refusal(request, context, {MEMBERSHIP_READ}, MEMBERS_TYPE)
        if refusal is not None:
            return refusal
        known = {**self._gone, **self.members}
        entries = [self._member_document(known[one]) | {"status": status} for one, status in self.changes[mark:]]
        return self._members_answer(request, context, entries)

    def _members_answer(self, request: Request, context: str, entries: list[Any]) -> Response:
        page, links = self._page(request, entries, self.quirks.members)
        document = {"id": request.url, "context": {"id": context}, "members": page}
        return self._answer(document, MEMBERS_TYPE, self._with_differences(links, context))

    def _with_differences(self, links: dict[str, str], context: str) -> dict[str, str]:
        if links or not self.quirks.offers_differences:
            return links
        base = self.foreign_next_page or self.base_url
        return {"Link": f'<{base}/services/{context}/memberships/since/{len(self.changes)}>; rel="differences"'}

    def _with_role(self, people: list[Any], request: Request) -> list[Any]:
        wanted = request.args.get("role")
        found = [one for one in people if wanted is None or wanted in one.roles]
        return people if not found and self.quirks.ignores_unknown_roles else found

    def _member_document(self, person: Any) -> dict[str, Any]:
        roles = [role.rpartition("#")[2] if self.quirks.has_short_roles else role for role in person.roles]
        document = {"user_id": person.user_id, "roles": roles, "name": person.name, "email": person.email}
        document |= {} if person.status == "Active" else {"status": person.status}
        enrolled = [{"group_id": team.group_id} for team in self.teams.values() if person.user_id in team.user_ids]
        document |= {"group_enrollments": enrolled} if self.teams else {}
        return {key: value for key, value in document.items() if value is not None}

    def _messages(self, person: Any, link_id: str | None) -> dict[str, Any]:
        if link_id is None:
            return {}
        custom = {"unresolved": "$Canvas.user.id", **self.member_custom.get(person.user_id, {})}
        return {"message": [{MESSAGE_TYPE: "LtiResourceLinkRequest", "locale": "en-GB", CUSTOM: custom}]}

    # -- groups -----------------------------------------------------------------------------------------------------

    def add_team(self, group_id: str, name: str, *user_ids: str, set_id: str | None = None) -> Team:
        """Make a group of the course."""
        team = self.teams[group_id] = Team(group_id, name, set_id, None, set(user_ids))
        return team

    def _groups(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {GROUP_READ}, GROUPS_TYPE)
        if refusal is not None:
            return refusal
        user_id = request.args.get("user_id")
        teams = [team for team in self.teams.values() if user_id is None or user_id in team.user_ids]
        found = [{"id": one.group_id, "name": one.name, "set_id": one.set_id, "tag": one.tag} for one in teams]
        entries = [{key: value for key, value in one.items() if value is not None} for one in found]
        page, links = self._page(request, entries, self.quirks.members)
        return self._answer({"id": request.url, "groups": page}, GROUPS_TYPE, links)

    def _group_sets(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {GROUP_READ}, GROUP_SETS_TYPE)
        if refusal is not None:
            return refusal
        entries = [{"id": key, "name": name} for key, name in self.team_sets.items()]
        page, links = self._page(request, entries, self.quirks.members)
        return self._answer({"id": request.url, "sets": page}, GROUP_SETS_TYPE, links)
