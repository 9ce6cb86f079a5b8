"""Evidence from the tool's own line items (AGS 2.0, result service).

The platform reports a score or none. It does not say whether work was excused, is hidden, was handed in or is
missing, and it lists nobody who was never graded; so "ungraded" here may be any of these, and unknown either way.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import Capability, ClauseKind, ColumnReading, ObservationReading
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


class GradeService(Protocol):
    """The part of ``lti_tool.lti.advantage.Advantage`` that this source reads."""

    def iter_line_items(
        self, registration: Registration, context: Context, *, malformed: Counter[str] | None = None
    ) -> Iterator[Sequence[LineItemRow]]: ...

    def iter_results(
        self,
        registration: Registration,
        context: Context,
        line_item_url: str,
        *,
        malformed: Counter[str] | None = None,
    ) -> Iterator[Sequence[ResultRow]]: ...


class AgsSource:
    """The evidence source ``ags``; ``external_key`` is the line item's URL."""

    name = "ags"

    def __init__(self, service: GradeService) -> None:
        self._service = service

    def capability(self, context: Context) -> Capability:
        """Own columns, by percent or points.

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
            own_columns_only=True,
        )

    def iter_columns(
        self, registration: Registration, context: Context, *, malformed: Counter[str]
    ) -> Iterator[list[ColumnReading]]:
        """Yield pages of the tool's line items, in the platform's order."""
        position = 0
        for page in self._service.iter_line_items(registration, context, malformed=malformed):
            yield [_column(item, position + index) for index, item in enumerate(page)]
            position += len(page)

    def iter_observations(
        self, registration: Registration, context: Context, column_key: str, *, malformed: Counter[str]
    ) -> Iterator[list[ObservationReading]]:
        """Yield pages of results; a person without a result is not listed, which says nothing."""
        for page in self._service.iter_results(registration, context, column_key, malformed=malformed):
            yield [_observation(result) for result in page]


def _column(item: LineItemRow, position: int) -> ColumnReading:
    return ColumnReading(
        external_key=item.url,
        title=item.label,
        kind=ColumnKind.LINE_ITEM,
        maximum=item.score_maximum,
        resource_id=item.resource_id,
        tag=item.tag,
        position=position,
    )


def _observation(result: ResultRow) -> ObservationReading:
    return ObservationReading(
        platform_user_id=result.platform_user_id,
        state=EvidenceState.UNGRADED if result.score is None else EvidenceState.GRADED,
        score=result.score,
        maximum=result.maximum,
        source_updated_at=result.updated_at,
    )
