"""The evidence source ``csv_upload``, as the rule editor and the capability matrix know it.

It is not read: its observations come when a person uploads a file (``services.gradebook_uploads``).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import (
    Capability,
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceStream,
    PersonReading,
)
from lti_tool.models import ColumnKind, Context, Registration

CSV_UPLOAD = "csv_upload"
"""The value of ``EvidenceColumn.source``."""


class CsvSource:
    """Gradebook files; it needs nobody's leave, and lists nothing by itself."""

    name = CSV_UPLOAD

    def capability(self, context: Context) -> Capability:  # noqa: ARG002
        """Percent, points and letters of any column of the gradebook, as of the moment of the export."""
        seen = {
            EvidenceState.GRADED,
            EvidenceState.UNGRADED,
            EvidenceState.EXCUSED,
            EvidenceState.SUBMITTED,
            EvidenceState.COMPLETED,
        }
        return Capability(
            source=self.name,
            needs=(),
            decides=frozenset({ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.LETTER}),
            unseen=frozenset(EvidenceState) - seen,
            own_columns_only=False,
            column_kinds=frozenset({ColumnKind.LINE_ITEM, ColumnKind.COURSE_TOTAL}),
            is_pushed=True,
        )

    def iter_columns(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[ColumnReading]]:
        """Yield nothing: columns are stored when a file is imported."""
        yield from ()

    def iter_people(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[PersonReading]]:
        """Yield nobody."""
        yield from ()

    def streams(
        self,
        context: Context,  # noqa: ARG002
        columns: Sequence[ColumnReading],  # noqa: ARG002
    ) -> tuple[EvidenceStream, ...]:
        """There is nothing to ask for."""
        return ()

    def iter_pages(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        stream: EvidenceStream,  # noqa: ARG002
        *,
        since: datetime | None,  # noqa: ARG002
        place: str | None,  # noqa: ARG002
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[EvidencePage]:
        """Yield nothing."""
        yield from ()
