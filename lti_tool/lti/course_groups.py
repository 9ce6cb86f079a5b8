"""Groups of a course and the sets they belong to: LTI Course Groups Service 1.0."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import GROUPS_SERVICE, SignedClaims, mapping, texts
from lti_tool.lti.course_service import (
    GROUP_SCOPE,
    granted,
    known_origins,
    limit_of,
    list_in,
    offered,
    read_entries,
    with_query,
)
from lti_tool.lti.entries import identifier, text
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.service_client import Page, ServiceClient
from lti_tool.models import Context, Registration

GROUPS_TYPE = "application/vnd.ims.lti-gs.v1.contextgroupcontainer+json"
GROUP_SETS_TYPE = "application/vnd.ims.lti-gs.v1.contextgroupsetcontainer+json"


@dataclass(frozen=True, slots=True)
class GroupsOffer:
    """What a launch offered of the groups service: addresses and granted scopes."""

    groups_url: str
    group_sets_url: str | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of learners in a course; ``set_id`` names the set it belongs to."""

    group_id: str
    name: str
    tag: str | None
    set_id: str | None


@dataclass(frozen=True, slots=True)
class GroupSet:
    """A set of groups, such as the teams of one assignment."""

    set_id: str
    name: str


def groups_offer(claims: SignedClaims, addresses: AddressPolicy) -> GroupsOffer | None:
    """Return what a launch offers, ``None`` when its groups claim is missing or names no usable address."""
    claim = mapping(claims.get(GROUPS_SERVICE))
    groups_url = addresses.usable(claim.get("context_groups_url"))
    if groups_url is None:
        return None
    return GroupsOffer(groups_url, addresses.usable(claim.get("context_group_sets_url")), texts(claim.get("scope")))


class CourseGroups:
    """Reads groups lazily, a page in memory at a time."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def iter_groups(
        self,
        registration: Registration,
        context: Context,
        offer: GroupsOffer | None,
        *,
        platform_user_id: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[list[Group]]:
        """Yield the pages of a course's groups, of one person only when ``platform_user_id`` is given.

        An entry does not say who is in it, so that filter is the platform's alone; ``Member.group_ids`` does.
        """
        url = offered(None if offer is None else offer.groups_url, "groups")
        asked = with_query(url, {"user_id": platform_user_id})
        for page in self._pages(registration, context, offer, asked, GROUPS_TYPE):
            yield read_entries(list_in(page.body, "groups", "group container"), _group, "group", malformed)

    def iter_group_sets(
        self,
        registration: Registration,
        context: Context,
        offer: GroupsOffer | None,
        *,
        malformed: Counter[str] | None = None,
    ) -> Iterator[list[GroupSet]]:
        """Yield the pages of a course's group sets; none where the platform knows no sets."""
        if offer is not None and offer.group_sets_url is None:
            return
        url = offered(None if offer is None else offer.group_sets_url, "groups")
        for page in self._pages(registration, context, offer, url, GROUP_SETS_TYPE):
            yield read_entries(list_in(page.body, "sets", "group set container"), _group_set, "group_set", malformed)

    def _pages(
        self, registration: Registration, context: Context, offer: GroupsOffer | None, url: str, accept: str
    ) -> Iterator[Page]:
        scopes = () if offer is None else offer.scopes
        more = () if offer is None else (offer.groups_url, offer.group_sets_url)
        return self._client.iter_pages(
            registration,
            with_query(url, limit_of(quirks_of(registration.product).groups_limit)),
            scopes=[granted(scopes, (GROUP_SCOPE,))],
            accept=accept,
            allowed_origins=known_origins(context, *more),
        )


def _group(entry: Mapping[str, object]) -> Group:
    return Group(
        group_id=identifier(entry, "id", 255),
        name=text(entry, "name", 1024) or "",
        tag=text(entry, "tag", 1024, is_cut=False),
        set_id=text(entry, "set_id", 255, is_cut=False),
    )


def _group_set(entry: Mapping[str, object]) -> GroupSet:
    return GroupSet(identifier(entry, "id", 255), text(entry, "name", 1024) or "")
