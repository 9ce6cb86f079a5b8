"""Evidence from people: outcomes of work that was assessed at a checkpoint of this tool.

Nothing is polled: an outcome becomes an observation in the transaction that settles it (``services.outcomes``). So
nothing here is ever read, and nothing can be stale or fail.
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

SOURCE = "assessor"


class AssessorSource:
    """The evidence source ``assessor``; ``external_key`` is the public id of a checkpoint."""

    name = SOURCE

    def capability(self, context: Context) -> Capability:  # noqa: ARG002
        """Everything an outcome says, in every course; it needs nobody's leave."""
        return Capability(
            source=self.name,
            needs=(),
            decides=frozenset({ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.COMPLETED, ClauseKind.SUBMITTED}),
            unseen=frozenset(EvidenceState) - {EvidenceState.GRADED, EvidenceState.UNGRADED},
            own_columns_only=True,
            column_kinds=frozenset({ColumnKind.ASSESSOR}),
            is_pushed=True,
        )

    def iter_columns(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[ColumnReading]]:
        """Nothing: columns come with their first outcome."""
        return iter(())

    def iter_people(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[PersonReading]]:
        """Nothing: outcomes are about users of this tool."""
        return iter(())

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:  # noqa: ARG002
        """Nothing is read."""
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
        """Nothing is read."""
        return iter(())
