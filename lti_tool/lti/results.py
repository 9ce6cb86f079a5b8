"""Results: what the platform's gradebook says about this tool's line items (AGS 2.0, section 3.3)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lti_tool.lti.course_service import (
    RESULT_SCOPES,
    below,
    granted,
    known_origins,
    limit_of,
    list_in,
    read_entries,
    with_query,
)
from lti_tool.lti.entries import identifier, moment, number
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.service_client import ServiceClient
from lti_tool.models import Context, Registration

RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"


@dataclass(frozen=True, slots=True)
class Result:
    """A person's current result in a line item.

    ``score`` is ``None`` for work that is not graded. ``updated_at``: when it changed, where a platform says so
    (Moodle does, beyond the standard).
    """

    platform_user_id: str
    score: Decimal | None
    maximum: Decimal | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One page of results; ``next_url`` is the address of the next one, ``None`` on the last."""

    results: list[Result]
    next_url: str | None


class Results:
    """Reads results lazily, a page in memory at a time."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

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
        limit = limit_of(quirks_of(registration.product).results_limit)
        url = with_query(below(line_item_url, "results"), {"user_id": platform_user_id, **limit})
        for page in self._pages(registration, context, url, malformed):
            results = page.results
            if platform_user_id is not None:  # Blackboard ignores the filter
                results = [result for result in results if result.platform_user_id == platform_user_id]
            yield results

    def iter_result_pages(
        self,
        registration: Registration,
        context: Context,
        line_item_url: str,
        *,
        page_url: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[ResultPage]:
        """Yield everybody's results with the address of each next page; ``page_url``: begin there, as a page said."""
        limit = limit_of(quirks_of(registration.product).results_limit)
        url = page_url or with_query(below(line_item_url, "results"), limit)
        yield from self._pages(registration, context, url, malformed)

    def _pages(
        self, registration: Registration, context: Context, url: str, malformed: Counter[str] | None
    ) -> Iterator[ResultPage]:
        pages = self._client.iter_pages(
            registration,
            url,
            scopes=[granted(context.ags_scopes, RESULT_SCOPES)],
            accept=RESULTS_TYPE,
            allowed_origins=known_origins(context),
        )
        for page in pages:
            entries = list_in(page.body, None, "list of results")
            yield ResultPage(read_entries(entries, read_result, "result", malformed), page.following)


def read_result(entry: Mapping[str, object]) -> Result:
    """Return the result that an entry describes; raises ``MalformedEntryError``."""
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
