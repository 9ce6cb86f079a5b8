"""Line items: this tool's columns in the platform's gradebook (AGS 2.0, section 3.2).

Platforms show a tool only its own. ``resource_id`` and ``tag`` survive the copy of a course, addresses do not: an item
is found again by them. A PUT replaces the whole item, so changing one reads it first and keeps what it does not know.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Unpack
from urllib.parse import urlsplit

from lti_tool.errors import (
    HostUnreachableError,
    OutboundError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    PlatformUnreachableError,
    ServiceRefusedError,
)
from lti_tool.lti.course_service import (
    LINE_ITEM_SCOPE,
    LINE_ITEM_SCOPES,
    granted,
    known_origins,
    limit_of,
    list_in,
    offered,
    read_entries,
    with_query,
)
from lti_tool.lti.entries import MalformedEntryError
from lti_tool.lti.line_item_documents import (
    LineItem,
    LineItemChanges,
    LineItemFilter,
    NewLineItem,
    changed,
    read_line_item,
)
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.service_client import ServiceCall, ServiceClient
from lti_tool.models import Context, Registration
from lti_tool.outbound import Answer

LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"


class LineItems:
    """Reads and writes line items. Every method raises ``MissingScopeError`` before any call when no launch granted it.

    Errors of the platform are those of ``ServiceClient.send``, and ``ServiceRefusedError`` with the codes
    ``line_item_refused`` (422: the item breaks the platform's rules), ``line_item_precondition`` (412: its resource
    link or the item itself is not this tool's) and ``line_item_kept`` (an item that may not be deleted).
    """

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def iter_line_items(
        self,
        registration: Registration,
        context: Context,
        *,
        malformed: Counter[str] | None = None,
        **wanted: Unpack[LineItemFilter],
    ) -> Iterator[list[LineItem]]:
        """Yield the pages of this tool's line items that fit; platforms filter, and what they let pass is dropped."""
        url = offered(context.line_items_url, "assignment and grade")
        scope = granted(context.ags_scopes, LINE_ITEM_SCOPES)
        query = {key: value for key, value in wanted.items() if isinstance(value, str)}
        pages = self._client.iter_pages(
            registration,
            with_query(url, {**query, **limit_of(quirks_of(registration.product).line_items_limit)}),
            scopes=[scope],
            accept=LINE_ITEMS_TYPE,
            allowed_origins=known_origins(context),
        )
        for page in pages:
            items = read_entries(list_in(page.body, None, "list of line items"), read_line_item, "line_item", malformed)
            yield [item for item in items if all(getattr(item, key) == value for key, value in query.items())]

    def find_line_item(
        self, registration: Registration, context: Context, **wanted: Unpack[LineItemFilter]
    ) -> LineItem | None:
        """Return the first line item that fits, in the platform's order, or ``None``."""
        pages = self.iter_line_items(registration, context, **_something(wanted))
        return next((item for page in pages for item in page), None)

    def get_line_item(self, registration: Registration, context: Context, line_item_url: str) -> LineItem:
        """Return one line item as it is now; raises ``ServiceRefusedError`` (``platform_not_found``)."""
        scope = granted(context.ags_scopes, LINE_ITEM_SCOPES)
        return _one(self._document(registration, context, line_item_url, scope))

    def create_line_item(self, registration: Registration, context: Context, new: NewLineItem) -> LineItem:
        """Make a line item; not sent again when its answer was lost (``find_or_create_line_item`` looks first)."""
        url = offered(context.line_items_url, "assignment and grade")
        given = {one.name: getattr(new, one.name) for one in fields(new)}
        return _one(self._write(registration, context, "POST", url, changed({}, given)))

    def find_or_create_line_item(self, registration: Registration, context: Context, new: NewLineItem) -> LineItem:
        """Return the item with the resource id, tag and resource link of ``new``, made if there is none.

        Looks once more when the answer to making it was lost, so that trying again makes no second one. What is found
        stays as it is: ``update_line_item`` changes it.
        """
        key = LineItemFilter(resource_id=new.resource_id, tag=new.tag, resource_link_id=new.resource_link_id)
        found = self.find_line_item(registration, context, **key)
        if found is not None:
            return found
        try:
            return self.create_line_item(registration, context, new)
        except OutboundError as error:
            made = self.find_line_item(registration, context, **key) if _may_have_worked(error) else None
            if made is None:
                raise
            return made

    def update_line_item(
        self, registration: Registration, context: Context, line_item_url: str, **changes: Unpack[LineItemChanges]
    ) -> LineItem:
        """Change fields of a line item and keep the others, those this tool does not know included."""
        scope = granted(context.ags_scopes, (LINE_ITEM_SCOPE,))
        document = changed(self._document(registration, context, line_item_url, scope), changes)
        return _one(self._write(registration, context, "PUT", line_item_url, document))

    def delete_line_item(self, registration: Registration, context: Context, line_item_url: str) -> None:
        """Delete a line item and, with it, its scores; one that is gone already is no error."""
        call = ServiceCall(
            method="DELETE",
            url=line_item_url,
            scopes=[granted(context.ags_scopes, (LINE_ITEM_SCOPE,))],
            accept=LINE_ITEM_TYPE,
            allowed_origins=known_origins(context),
            refusal=_delete_refusal,
        )
        try:
            self._client.send(registration, call)
        except ServiceRefusedError as error:
            if error.code != "platform_not_found":
                raise

    def _document(self, registration: Registration, context: Context, url: str, scope: str) -> Mapping[str, object]:
        found, _ = self._client.get_json(
            registration, url, scopes=[scope], accept=LINE_ITEM_TYPE, allowed_origins=known_origins(context)
        )
        return _object(found)

    def _write(
        self, registration: Registration, context: Context, method: str, url: str, document: Mapping[str, object]
    ) -> Mapping[str, object]:
        call = ServiceCall(
            method=method,
            url=url,
            scopes=[granted(context.ags_scopes, (LINE_ITEM_SCOPE,))],
            accept=LINE_ITEM_TYPE,
            content_type=LINE_ITEM_TYPE,
            allowed_origins=known_origins(context),
            document=document,
            is_repeatable=method == "PUT",
            refusal=_write_refusal,
        )
        return _object(self._client.send_for_json(registration, call)[0])


def _may_have_worked(error: OutboundError) -> bool:
    """Whether the request may have been carried out although no answer said so."""
    if isinstance(error, PlatformThrottledError | PlatformUnreachableError | HostUnreachableError):
        return False
    return error.retryable or isinstance(error, PlatformAnswerError)


def _something(wanted: LineItemFilter) -> LineItemFilter:
    if not any(wanted.values()):
        raise ValueError("A line item is found by resource id, tag or resource link.")
    return wanted


def _object(found: object) -> Mapping[str, object]:
    if not isinstance(found, dict):
        raise PlatformAnswerError("The platform answered no line item.")
    return found


def _one(document: Mapping[str, object]) -> LineItem:
    try:
        return read_line_item(document)
    except MalformedEntryError as error:
        raise PlatformAnswerError(f"The platform answered a line item whose {error} cannot be used.") from None


def _write_refusal(answer: Answer) -> PlatformServiceError | None:
    host, status = urlsplit(answer.url).hostname, answer.status
    codes = {412: "line_item_precondition", 422: "line_item_refused"}
    if status not in codes:
        return None
    return ServiceRefusedError(f"{host} refused the line item ({status}).", code=codes[status], http_status=status)


def _delete_refusal(answer: Answer) -> PlatformServiceError | None:
    """Canvas refuses with 401 to delete a column that came with its assignment (vendor document, 2026)."""
    if answer.status not in {401, 409} or "insufficient_scope" in answer.headers.get("WWW-Authenticate", ""):
        return _write_refusal(answer)
    host = urlsplit(answer.url).hostname
    message = f"{host} keeps the line item ({answer.status}); an instructor can delete it there."
    return ServiceRefusedError(message, code="line_item_kept", http_status=answer.status)
