"""What every service of a course needs: its address, a scope the launches granted, the origins they named, its entries.

A service is called only where a launch of the course said it is. Addresses keep their query (Moodle's carry
``?type_id=…``). An entry that breaks the standard is left out and counted, never guessed at.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from lti_tool.errors import AddressRefusedError, MissingScopeError, PlatformAnswerError
from lti_tool.lti.entries import MalformedEntryError
from lti_tool.models import Context
from lti_tool.outbound import origin_of

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LINE_ITEM_SCOPE = AGS + "lineitem"
LINE_ITEM_SCOPES = (AGS + "lineitem.readonly", LINE_ITEM_SCOPE)
"""Either lets a tool list line items; the first is the smaller."""
RESULT_SCOPES = (AGS + "result.readonly",)
SCORE_SCOPES = (AGS + "score",)
MEMBERSHIP_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
GROUP_SCOPE = "https://purl.imsglobal.org/spec/lti-gs/scope/contextgroup.readonly"
NOTICE_SCOPE = "https://purl.imsglobal.org/spec/lti/scope/noticehandlers"

Entry = TypeVar("Entry")


def offered(url: str | None, service: str) -> str:
    """Return the address of a service; raises ``MissingScopeError`` (``service_not_offered``) when there is none."""
    if url is None:
        raise MissingScopeError(
            f"The platform offers this course no {service} service. An admin can switch it on for this tool.",
            code="service_not_offered",
        )
    return url


def granted(scopes: Collection[str], wanted: tuple[str, ...]) -> str:
    """Return the first of ``wanted`` among the granted ``scopes``; raises ``MissingScopeError``."""
    for scope in wanted:
        if scope in scopes:
            return scope
    raise MissingScopeError(f"The platform has not granted {wanted[0]} to this tool. An admin of the platform can.")


def known_origins(context: Context, *more: str | None) -> set[str]:
    """Return the origins that the course's launches named; ``more`` are further addresses that launches gave."""
    return {origin_of(one) for one in (context.line_items_url, context.memberships_url, *more) if one}


def with_query(url: str, query: Mapping[str, str | None]) -> str:
    """Return ``url`` with fields added to its query; ``None`` leaves a field out."""
    added = urlencode({key: value for key, value in query.items() if value is not None})
    if not added:
        return url
    parts = urlsplit(url)
    return parts._replace(query=f"{parts.query}&{added}" if parts.query else added).geturl()


def below(url: str, part: str) -> str:
    """Return the address of a part of a resource: added to the path, the query kept; raises ``AddressRefusedError``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressRefusedError("The address of a line item cannot be read.") from None
    return parts._replace(path=f"{parts.path.rstrip('/')}/{part}").geturl()


def limit_of(limit: int | None) -> dict[str, str]:
    """Return the query that asks for pages of this size."""
    return {} if limit is None else {"limit": str(limit)}


def list_in(page: object, key: str | None, what: str) -> list[object]:
    """Return the list that a page is, or holds under ``key``; raises ``PlatformAnswerError`` when there is none."""
    found = page if key is None else page.get(key) if isinstance(page, dict) else None
    if not isinstance(found, list):
        raise PlatformAnswerError(f"The platform answered no {what}.")
    return found


def read_entries(
    entries: list[object],
    read: Callable[[Mapping[str, object]], Entry],
    kind: str,
    malformed: Counter[str] | None,
) -> list[Entry]:
    """Return what ``read`` makes of each entry; those it refuses are counted in ``malformed`` under ``kind``."""
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
