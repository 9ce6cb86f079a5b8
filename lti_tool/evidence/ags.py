"""Evidence from the tool's own line items (AGS 2.0, result service).

The platform reports a score or none. It does not say whether work was excused, is hidden, was handed in or is
missing, and it lists nobody who was never graded; so "ungraded" here may be any of these, and unknown either way.
Each line item is a stream of its own, always read whole: AGS 2.0 has no way to ask for changes. Whatever columns the
container lists are read; on platforms that can show a tool the columns of others, those too.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy import inspect

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import (
    AGS,
    Capability,
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceStream,
    ObservationReading,
    PersonReading,
)
from lti_tool.models import ColumnKind, Context, Registration

_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"


class LineItemRow(Protocol):
    """A line item as the Advantage client reads it."""

    @property
    def url(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def score_maximum(self) -> Decimal | None: ...
    @property
    def resource_id(self) -> str | None: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def resource_link_id(self) -> str | None: ...


class ResultRow(Protocol):
    """A result as the Advantage client reads it."""

    @property
    def platform_user_id(self) -> str: ...
    @property
    def score(self) -> Decimal | None: ...
    @property
    def maximum(self) -> Decimal | None: ...
    @property
    def updated_at(self) -> datetime | None: ...


class ResultRows(Protocol):
    """A page of results as the Advantage client reads it."""

    @property
    def results(self) -> Sequence[ResultRow]: ...
    @property
    def next_url(self) -> str | None: ...


class GradeService(Protocol):
    """The part of ``lti_tool.lti.advantage.Advantage`` that this source reads."""

    def iter_line_items(
        self, registration: Registration, context: Context, *, malformed: Counter[str] | None = None
    ) -> Iterator[Sequence[LineItemRow]]: ...

    def iter_result_pages(
        self,
        registration: Registration,
        context: Context,
        line_item_url: str,
        *,
        page_url: str | None = None,
        malformed: Counter[str] | None = None,
    ) -> Iterator[ResultRows]: ...


def _only_own(_product: str | None) -> bool:
    return False


class AgsSource:
    """The evidence source ``ags``; ``external_key`` is the line item's URL, a stream's ``key`` too.

    ``lists_foreign``: tells of a product family whether a tool can be shown the columns of others.
    """

    name = AGS

    def __init__(self, service: GradeService, lists_foreign: Callable[[str | None], bool] = _only_own) -> None:
        self._service = service
        self._lists_foreign = lists_foreign

    def capability(self, context: Context) -> Capability:
        """Own columns, by percent or points; on some products those of others, too.

        ``needs``: ``ags_not_offered``, ``scope_line_item``, ``scope_result`` (what the platform's admin must allow).
        """
        granted = set(context.ags_scopes)
        lacking = {
            "ags_not_offered": context.line_items_url is None,
            "scope_line_item": granted.isdisjoint({_SCOPE + "lineitem.readonly", _SCOPE + "lineitem"}),
            "scope_result": _SCOPE + "result.readonly" not in granted,
        }
        return Capability(
            source=self.name,
            needs=tuple(code for code, is_lacking in lacking.items() if is_lacking),
            decides=frozenset({ClauseKind.PERCENT, ClauseKind.POINTS}),
            unseen=frozenset(EvidenceState) - {EvidenceState.GRADED, EvidenceState.UNGRADED},
            own_columns_only=not self._lists_foreign(_product(context)),
        )

    def iter_columns(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[ColumnReading]]:
        """Yield pages of the tool's line items, in the platform's order."""
        position = 0
        for page in self._service.iter_line_items(registration, context, malformed=malformed):
            yield [_column(item, position + index) for index, item in enumerate(page)]
            position += len(page)

    def iter_people(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[PersonReading]]:
        """Yield nothing: results name people by ``sub``."""
        return iter(())

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:  # noqa: ARG002
        """Return a stream for each line item."""
        return tuple(EvidenceStream(one.external_key, (one.external_key,)) for one in columns)

    def iter_pages(
        self,
        registration: Registration,
        context: Context,
        stream: EvidenceStream,
        *,
        since: datetime | None,  # noqa: ARG002 - AGS cannot be asked for changes
        place: str | None,
        malformed: Counter[str],
    ) -> Iterator[EvidencePage]:
        """Yield pages of results, the platform's next link as ``place``; who has no result is not listed."""
        (key,) = stream.column_keys
        pages = self._service.iter_result_pages(registration, context, key, page_url=place, malformed=malformed)
        for page in pages:
            yield EvidencePage(tuple((key, _observation(result)) for result in page.results), page.next_url)


def _product(context: Context) -> str | None:
    """What product the course is on, ``None`` for a course that was taken out of its session without saying."""
    seen = inspect(context)
    if seen.session is None and ("deployment" in seen.unloaded or context.deployment is None):
        return None
    deployment = context.deployment
    if seen.session is None and "registration" in inspect(deployment).unloaded:
        return None
    return deployment.registration.product


def _column(item: LineItemRow, position: int) -> ColumnReading:
    return ColumnReading(
        external_key=item.url,
        title=item.label,
        kind=ColumnKind.LINE_ITEM,
        maximum=item.score_maximum,
        resource_id=item.resource_id,
        tag=item.tag,
        position=position,
        lti_ids=tuple(one for one in (item.url, item.resource_id, item.resource_link_id) if one is not None),
    )


def _observation(result: ResultRow) -> ObservationReading:
    return ObservationReading(
        platform_user_id=result.platform_user_id,
        state=EvidenceState.UNGRADED if result.score is None else EvidenceState.GRADED,
        score=result.score,
        maximum=result.maximum,
        source_updated_at=result.updated_at,
    )
