"""Rosters: Names and Role Provisioning Services 2.0.

Platforms list active members only, most of them; absence says nothing. Names and e-mail addresses come only where the
platform shares them; pictures are not read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from lti_tool.errors import AddressRefusedError
from lti_tool.lti.claims import CUSTOM, custom_texts
from lti_tool.lti.course_service import (
    MEMBERSHIP_SCOPE,
    known_origins,
    limit_of,
    list_in,
    offered,
    read_entries,
    with_query,
)
from lti_tool.lti.entries import MalformedEntryError, identifier, is_text, text, text_list
from lti_tool.lti.links import find_link
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.roles import has_role
from lti_tool.lti.service_client import Page, ServiceClient
from lti_tool.models import Context, MembershipStatus, Registration

MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
LONGEST_CUSTOM = 1024
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """One person on a roster (NRPS 2.0).

    ``custom``: what the link's custom parameters say about this person, asked for with a resource link, unresolved
    variables left out. ``group_ids``: of the course groups service. ``is_deleted``: gone from the course, said by
    differences only; such a member is inactive, too.
    """

    platform_user_id: str
    name: str | None
    email: str | None
    roles: tuple[str, ...]
    status: MembershipStatus
    locale: str | None
    person_sourcedid: str | None = None
    group_ids: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    is_deleted: bool = False


class Roster:
    """One reading of a roster: iterate over ``pages()`` once; ``differences_url`` is known after its last page.

    ``differences_url`` answers later what changed since (NRPS 2.0, section 2.6.3), ``None`` where the platform does not
    offer that. ``role`` filters here as well, since platforms ignore it or forget it on later pages.
    """

    def __init__(self, pages: Iterator[Page], role: str | None, malformed: Counter[str] | None) -> None:
        self._pages = pages
        self._role = role
        self._malformed = malformed
        self.differences_url: str | None = None

    def pages(self) -> Iterator[list[Member]]:
        """Yield the members page by page; raises what ``ServiceClient.iter_pages`` raises."""
        for page in self._pages:
            with suppress(AddressRefusedError):  # on another origin: then there is none for this tool
                self.differences_url = find_link(page.headers.get("Link"), page.url, "differences")
            members = read_entries(
                list_in(page.body, "members", "membership container"), read_member, "member", self._malformed
            )
            if self._role is not None:
                members = [member for member in members if has_role(member.roles, self._role)]
            yield members


class NamesAndRoles:
    """Reads rosters lazily, a page in memory at a time."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def roster(
        self,
        registration: Registration,
        context: Context,
        *,
        role: str | None = None,
        resource_link_id: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Roster:
        """Return the roster of a course.

        ``role`` (a whole address): only who has it. ``resource_link_id`` (the platform's): only who can open that link,
        each with its custom parameters; a link that is not this tool's raises ``ServiceRefusedError``.
        """
        url = offered(context.memberships_url, "names and roles")
        limit = limit_of(quirks_of(registration.product).members_limit)
        asked = with_query(url, {"role": role, "rlid": resource_link_id, **limit})
        return self._read(registration, context, asked, role, malformed)

    def differences(
        self,
        registration: Registration,
        context: Context,
        differences_url: str,
        *,
        malformed: Counter[str] | None = None,
    ) -> Roster:
        """Return who changed since the reading that gave ``differences_url``, ``is_deleted`` members among them."""
        offered(context.memberships_url, "names and roles")
        return self._read(registration, context, differences_url, None, malformed)

    def _read(
        self,
        registration: Registration,
        context: Context,
        url: str,
        role: str | None,
        malformed: Counter[str] | None,
    ) -> Roster:
        pages = self._client.iter_pages(
            registration,
            url,
            scopes=[MEMBERSHIP_SCOPE],
            accept=MEMBERS_TYPE,
            allowed_origins=known_origins(context),
        )
        return Roster(pages, role, malformed)


def read_member(entry: Mapping[str, object]) -> Member:
    """Return the member that an entry describes; raises ``MalformedEntryError``."""
    parts = [text(entry, key, 1024) for key in ("given_name", "family_name")]
    status = (text(entry, "status", 32) or "Active").lower()
    return Member(
        platform_user_id=identifier(entry, "user_id", 255),
        name=text(entry, "name", 1024) or " ".join(part for part in parts if part)[:1024] or None,
        email=text(entry, "email", 320, is_cut=False),
        roles=text_list(entry, "roles"),
        status=MembershipStatus.ACTIVE if status == "active" else MembershipStatus.INACTIVE,
        locale=text(entry, "locale", 35, is_cut=False),
        person_sourcedid=text(entry, "lis_person_sourcedid", 255, is_cut=False),
        group_ids=_group_ids(entry),
        custom=_custom(entry),
        is_deleted=status == "deleted",
    )


def _group_ids(entry: Mapping[str, object]) -> tuple[str, ...]:
    """Groups of the member (Course Groups 1.0, ``group_enrollments``); what is none is passed over."""
    found: list[str] = []
    enrolments = entry.get("group_enrollments")
    for one in enrolments if isinstance(enrolments, list) else []:
        with suppress(MalformedEntryError):
            found.append(identifier(one if isinstance(one, dict) else {}, "group_id", 255))
    return tuple(dict.fromkeys(found))


def _custom(entry: Mapping[str, object]) -> Mapping[str, str]:
    """The custom claims of the member's messages (NRPS 2.0, section 2.4), of several the first that names a key."""
    found: dict[str, str] = {}
    messages = entry.get("message")
    for message in messages if isinstance(messages, list) else []:
        for key, value in custom_texts(message.get(CUSTOM) if isinstance(message, dict) else None).items():
            if is_text(key, LONGEST_CUSTOM) and is_text(value, LONGEST_CUSTOM):
                found.setdefault(key, value)
    return MappingProxyType(found) if found else NOTHING
