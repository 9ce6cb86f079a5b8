"""Evidence: columns seen by a source, append-only observations, current facts, and the runs that read them."""

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models.base import PK, Base, choice, plain, pseudonymous


class ColumnKind(enum.StrEnum):
    """What a column is on the platform."""

    LINE_ITEM = "line_item"
    MODULE = "module"
    OUTCOME = "outcome"
    COURSE_TOTAL = "course_total"
    ASSESSOR = "assessor"


class SyncState(enum.StrEnum):
    """Life of one reading of a course."""

    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class EvidenceColumn(Base):
    """One graded or completable thing in a course, as one source sees it."""

    __tablename__ = "evidence_column"
    __table_args__ = (
        UniqueConstraint("context_id", "source", "external_key"),
        CheckConstraint("maximum IS NULL OR CAST(maximum AS NUMERIC) >= 0", name="maximum_not_negative"),
    )

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    source: Mapped[str] = plain(String(32))
    kind: Mapped[ColumnKind] = plain(choice(ColumnKind))
    external_key: Mapped[str] = plain(String(2048))
    """The source's own name for it; for AGS the line item's URL."""
    title: Mapped[str] = plain(String(1024))
    maximum: Mapped[Decimal | None] = plain()
    resource_id: Mapped[str | None] = plain(String(1024))
    tag: Mapped[str | None] = plain(String(1024))
    lti_ids: Mapped[list[str] | None] = plain()
    """Ids of LTI by which another source may tell the same work."""
    grading_scheme: Mapped[list[str] | None] = plain()
    """Letters from best to worst, where the source tells them."""
    position: Mapped[int] = plain(default=0)
    is_gone: Mapped[bool] = plain(default=False)
    """The source no longer lists it; its facts are kept."""
    checked_at: Mapped[datetime | None] = plain()
    """When every page of its results was last read."""
    failed_code: Mapped[str | None] = plain(String(64))
    """Why the last reading failed; facts are stale while it is set."""


class Observation(Base):
    """What a source said about one person in one column at one time. Rows are added, never changed."""

    __tablename__ = "observation"
    __table_args__ = (Index("ix_observation_column_user", "column_id", "user_id"),)

    id: Mapped[PK]
    column_id: Mapped[int] = plain(ForeignKey("evidence_column.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    state: Mapped[EvidenceState] = pseudonymous(choice(EvidenceState))
    score: Mapped[Decimal | None] = pseudonymous()
    """``None`` means not graded, which is not zero."""
    maximum: Mapped[Decimal | None] = pseudonymous()
    letter: Mapped[str | None] = pseudonymous(String(32))
    submitted_at: Mapped[datetime | None] = pseudonymous()
    graded_at: Mapped[datetime | None] = pseudonymous()
    source_updated_at: Mapped[datetime | None] = pseudonymous()
    attempt: Mapped[int | None] = pseudonymous()
    """Which try at the work it is about, from 1, where the source says."""
    fetched_at: Mapped[datetime] = plain()


class Fact(Base):
    """The observation that holds now for a person in a column: the newest by the source's time, else by fetch time."""

    __tablename__ = "fact"
    __table_args__ = (UniqueConstraint("column_id", "user_id"),)

    id: Mapped[PK]
    column_id: Mapped[int] = plain(ForeignKey("evidence_column.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    observation_id: Mapped[int] = pseudonymous(ForeignKey("observation.id"))
    source_updated_at: Mapped[datetime | None] = pseudonymous()
    """The source's own time of its latest word, which may only have said the same again."""

    observation: Mapped[Observation] = relationship()
    column: Mapped[EvidenceColumn] = relationship()


class SyncRun(Base):
    """One reading of a course's roster and evidence; at most one open per context."""

    __tablename__ = "sync_run"
    __table_args__ = (
        Index(
            "ix_sync_run_one_open",
            "context_id",
            unique=True,
            sqlite_where=text("state IN ('requested', 'running')"),
            postgresql_where=text("state IN ('requested', 'running')"),
        ),
        Index("ix_sync_run_context_id_finished_at", "context_id", "finished_at"),
        Index("ix_sync_run_state_due_at", "state", "due_at"),
    )

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"))
    state: Mapped[SyncState] = plain(choice(SyncState))
    reason: Mapped[str] = plain(String(32))
    """launch, button, schedule, command or event."""
    priority: Mapped[int] = plain(default=0)
    """Higher goes first; somebody who waits for it goes before a schedule."""
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    lease_until: Mapped[datetime | None] = plain()
    started_at: Mapped[datetime | None] = plain()
    finished_at: Mapped[datetime | None] = plain()
    counts: Mapped[dict[str, Any]] = plain(default=dict)
    error_code: Mapped[str | None] = plain(String(64))
