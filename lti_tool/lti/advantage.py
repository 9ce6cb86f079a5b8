"""LTI Advantage as this tool reads it: rosters (NRPS 2.0), line items and results (AGS 2.0), page by page.

Platforms show a tool only its own line items. An entry that breaks the standard is left out and counted, never
turned into a zero; a page that is none raises. Only scopes that the context's launches granted are asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from lti_tool.errors import MissingScopeError, PlatformAnswerError
from lti_tool.lti.entries import MalformedEntryError, address, identifier, moment, number, text, text_list
from lti_tool.lti.service_client import ServiceClient
from lti_tool.models import Context, MembershipStatus, Registration
from lti_tool.outbound import origin_of

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LINE_ITEM_SCOPES = (AGS + "lineitem.readonly", AGS + "lineitem")
"""Either lets a tool list line items; the first is the smaller."""
RESULT_SCOPES = (AGS + "result.readonly",)
MEMBERSHIP_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"

LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"

PAGE_SIZES: Mapping[str, int] = {"canvas": 100, "blackboard": 1000, "blackboardlearn": 1000}
"""``limit`` by product. Elsewhere the platform chooses: Moodle 4.5 crashes on results with a limit (seen), Canvas gives
ten a page unless asked, Blackboard's results are asked for in one go by other tools."""

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Member:
    """One person on a roster (NRPS 2.0); names and e-mail only where the platform shares them."""

    platform_user_id: str
    name: str | None
    email: str | None
    roles: tuple[str, ...]
    status: MembershipStatus
    locale: str | None


@dataclass(frozen=True, slots=True)
class LineItem:
    """One column of this tool (AGS 2.0, section 3.2); ``url`` is its id and address, query included."""

    url: str
    label: str
    score_maximum: Decimal | None
    resource_id: str | None
    tag: str | None
    resource_link_id: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """A person's current result in a line item (AGS 2.0, section 3.3).

    ``score`` is ``None`` for work that is not graded. ``updated_at``: when it changed, where a platform says so
    (Moodle does, beyond the standard).
    """

    platform_user_id: str
    score: Decimal | None
    maximum: Decimal | None
    updated_at: datetime | None


class Advantage:
    """The three readings this tool makes; all lazily, a page in memory at a time.

    Each takes ``malformed``, a counter that learns how many entries were left out (keys ``member``, ``line_item``,
    ``result``). Each raises what ``ServiceClient.iter_pages`` raises, and ``MissingScopeError`` before any call when
    the context's launches offered no address (``service_not_offered``) or granted no scope for it.
    """

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def iter_members(
        self, registration: Registration, context: Context, *, malformed: Counter[str] | None = None
    ) -> Iterator[list[Member]]:
        """Yield the roster's pages. Whoever is missing may only be inactive: absence says nothing."""
        url = _offered(context.memberships_url, "names and roles")
        pages = self._pages(registration, context, url, {}, MEMBERSHIP_SCOPE, MEMBERS_TYPE)
        return (_entries(_members_of(page), _member, "member", malformed) for page in pages)

    def iter_line_items(
        self, registration: Registration, context: Context, *, malformed: Counter[str] | None = None
    ) -> Iterator[list[LineItem]]:
        """Yield the pages of this tool's own line items in the context."""
        url = _offered(context.line_items_url, "assignment and grade")
        scope = _granted(context, LINE_ITEM_SCOPES)
        pages = self._pages(registration, context, url, {}, scope, LINE_ITEMS_TYPE)
        return (_entries(_list_of(page), _line_item, "line_item", malformed) for page in pages)

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
        scope = _granted(context, RESULT_SCOPES)
        parts = urlsplit(line_item_url)
        url = parts._replace(path=parts.path.rstrip("/") + "/results").geturl()
        only = {} if platform_user_id is None else {"user_id": platform_user_id}
        for page in self._pages(registration, context, url, only, scope, RESULTS_TYPE):
            results = _entries(_list_of(page), _result, "result", malformed)
            if platform_user_id is not None:  # Blackboard ignores the filter
                results = [result for result in results if result.platform_user_id == platform_user_id]
            yield results

    def _pages(
        self,
        registration: Registration,
        context: Context,
        url: str,
        query: Mapping[str, str],
        scope: str,
        accept: str,
    ) -> Iterator[object]:
        limit = PAGE_SIZES.get((registration.product or "").lower())
        asked = dict(query) if limit is None else {**query, "limit": str(limit)}
        known = (context.line_items_url, context.memberships_url)
        return self._client.iter_pages(
            registration,
            _with_query(url, asked),
            scopes=[scope],
            accept=accept,
            allowed_origins={origin_of(one) for one in known if one},
        )


def _offered(url: str | None, service: str) -> str:
    if url is None:
        raise MissingScopeError(
            f"The platform offers this course no {service} service. An admin can switch it on for this tool.",
            code="service_not_offered",
        )
    return url


def _granted(context: Context, scopes: tuple[str, ...]) -> str:
    """The first of ``scopes`` that the context's launches granted."""
    for scope in scopes:
        if scope in context.ags_scopes:
            return scope
    raise MissingScopeError(f"The platform has not granted {scopes[0]} to this tool. An admin of the platform can.")


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    parts = urlsplit(url)
    added = urlencode(query)
    return parts._replace(query=f"{parts.query}&{added}" if parts.query else added).geturl()


def _list_of(page: object) -> list[object]:
    if not isinstance(page, list):
        raise PlatformAnswerError("The platform answered no list of line items or results.")
    return page


def _members_of(page: object) -> list[object]:
    members = page.get("members") if isinstance(page, dict) else None
    if not isinstance(members, list):
        raise PlatformAnswerError("The platform answered no membership container.")
    return members


def _entries(
    entries: list[object],
    read: Callable[[Mapping[str, object]], Entry],
    kind: str,
    malformed: Counter[str] | None,
) -> list[Entry]:
    found = []
    for entry in entries:
        try:
            if not isinstance(entry, dict):
                raise MalformedEntryError(kind)
            found.append(read(entry))
        except MalformedEntryError:
            if malformed is not None:
                malformed[kind] += 1
    return found


def _member(entry: Mapping[str, object]) -> Member:
    parts = [text(entry, key, 1024) for key in ("given_name", "family_name")]
    status = text(entry, "status", 32) or "Active"
    return Member(
        platform_user_id=identifier(entry, "user_id", 255),
        name=text(entry, "name", 1024) or " ".join(part for part in parts if part)[:1024] or None,
        email=text(entry, "email", 320, is_cut=False),
        roles=text_list(entry, "roles"),
        status=MembershipStatus.ACTIVE if status.lower() == "active" else MembershipStatus.INACTIVE,
        locale=text(entry, "locale", 35, is_cut=False),
    )


def _line_item(entry: Mapping[str, object]) -> LineItem:
    return LineItem(
        url=address(entry, "id", 2048),
        label=text(entry, "label", 1024) or "",
        score_maximum=number(entry, "scoreMaximum", minimum=Decimal(0)),
        resource_id=text(entry, "resourceId", 1024, is_cut=False),
        tag=text(entry, "tag", 1024, is_cut=False),
        resource_link_id=text(entry, "resourceLinkId", 255, is_cut=False),
    )


def _result(entry: Mapping[str, object]) -> Result:
    score = number(entry, "resultScore")
    maximum = number(entry, "resultMaximum", minimum=Decimal(0))
    if score is not None and maximum is None:
        maximum = Decimal(1)  # the default of AGS 2.0, section 3.3
    return Result(
        platform_user_id=identifier(entry, "userId", 255),
        score=score,
        maximum=maximum,
        updated_at=moment(entry, "timestamp"),
    )
