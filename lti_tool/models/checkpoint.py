"""Badge checkpoints: graded activities of this tool, put into courses by deep linking, and the scores sent back."""

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from lti_tool.models.base import PK, Base, choice, new_public_id, personal, plain, pseudonymous
from lti_tool.models.course import User


class CheckpointKind(enum.StrEnum):
    """What a learner does there."""

    EVIDENCE = "evidence"
    """Hands in text, a link or a file; an instructor assesses it."""
    CHECK_OFF = "check_off"
    """Nothing in the tool; an instructor ticks off what was seen."""
    RECOGNITION = "recognition"
    """Hands in proof of something learned elsewhere; assessed like evidence (recognition of prior learning)."""
    PROGRESS = "progress"
    """Looks at the progress towards a badge; opening it is all."""


class ScoreState(enum.StrEnum):
    """Life of one score on its way to the platform."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    """A later score of the same learner went first."""


class Checkpoint(Base):
    """An activity of this tool in one course. ``public_id`` is its ``resourceId`` on the platform (AGS 2.0)."""

    __tablename__ = "checkpoint"

    id: Mapped[PK]
    public_id: Mapped[str] = plain(String(32), unique=True, default=new_public_id)
    context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    kind: Mapped[CheckpointKind] = plain(choice(CheckpointKind))
    title: Mapped[str] = plain(String(1024))
    instructions: Mapped[str] = plain(String(8192), default="")
    maximum: Mapped[Decimal | None] = plain()
    """Points of its line item; ``None`` for one without a line item."""
    achievement_id: Mapped[int | None] = plain(ForeignKey("achievement.id"))
    """The badge whose progress it shows, or that it is meant for."""
    item_id: Mapped[int | None] = plain(ForeignKey("item.id"))
    """The skill its column counts for, once there is a column."""
    threshold: Mapped[Decimal | None] = plain()
    """Percent from which on it counts for the skill."""
    rubric: Mapped[list[dict[str, Any]] | None] = plain()
    """Criteria with their levels and points; ``None``: one score for the whole."""
    assessors_needed: Mapped[int] = plain(default=1)
    """How many people have to assess before the outcome counts: 1 or 2."""
    opens_at: Mapped[datetime | None] = plain()
    due_at: Mapped[datetime | None] = plain()
    closes_at: Mapped[datetime | None] = plain()
    line_item_url: Mapped[str | None] = plain(String(2048))
    """Learned from a launch, or found by resource id."""
    origin_id: Mapped[int | None] = plain(ForeignKey("checkpoint.id"))
    """The checkpoint it was copied from, with its course."""
    created_by: Mapped[str] = pseudonymous(String(64))
    created_at: Mapped[datetime] = plain()
    retired_at: Mapped[datetime | None] = plain()


class CheckpointOpening(Base):
    """A learner's first launch of a checkpoint."""

    __tablename__ = "checkpoint_opening"
    __table_args__ = (UniqueConstraint("checkpoint_id", "user_id"),)

    id: Mapped[PK]
    checkpoint_id: Mapped[int] = plain(ForeignKey("checkpoint.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    opened_at: Mapped[datetime] = pseudonymous()


class Submission(Base):
    """What a learner handed in at a checkpoint; handing in again is a new row."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("checkpoint_id", "user_id", "number"),)

    id: Mapped[PK]
    checkpoint_id: Mapped[int] = plain(ForeignKey("checkpoint.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    number: Mapped[int] = plain()
    text: Mapped[str | None] = personal()
    link: Mapped[str | None] = personal(String(2048))
    file_sha256: Mapped[str | None] = personal(ForeignKey("blob.sha256"))
    file_name: Mapped[str | None] = personal(String(255))
    submitted_at: Mapped[datetime] = pseudonymous()

    user: Mapped[User] = relationship()


class Assessment(Base):
    """What an instructor said about a learner at a checkpoint; a later one replaces it, none is changed."""

    __tablename__ = "assessment"
    __table_args__ = (Index("ix_assessment_checkpoint_user", "checkpoint_id", "user_id"),)

    id: Mapped[PK]
    checkpoint_id: Mapped[int] = plain(ForeignKey("checkpoint.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    submission_id: Mapped[int | None] = pseudonymous(ForeignKey("submission.id"))
    assessor_id: Mapped[int] = pseudonymous(ForeignKey("user.id"))
    score: Mapped[Decimal | None] = personal()
    """Points; ``None`` takes an earlier score back."""
    marks: Mapped[dict[str, Any] | None] = personal()
    """The level reached in each criterion of the rubric."""
    comment: Mapped[str] = personal(String(4096), default="")
    assessed_at: Mapped[datetime] = pseudonymous()


class ScorePost(Base):
    """A score to be sent to the platform (AGS 2.0, score service): a row first, sent by a task, safe to run twice."""

    __tablename__ = "score_post"
    __table_args__ = (
        UniqueConstraint("checkpoint_id", "user_id", "timestamp"),
        Index(
            "ix_score_post_pending",
            "due_at",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[PK]
    checkpoint_id: Mapped[int] = plain(ForeignKey("checkpoint.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    state: Mapped[ScoreState] = plain(choice(ScoreState))
    activity_progress: Mapped[str] = pseudonymous(String(32))
    grading_progress: Mapped[str] = pseudonymous(String(32))
    score_given: Mapped[Decimal | None] = personal()
    score_maximum: Mapped[Decimal | None] = plain()
    comment: Mapped[str | None] = personal(String(4096))
    timestamp: Mapped[datetime] = pseudonymous()
    """Strictly later than that of the score before, per checkpoint and learner."""
    submitted_at: Mapped[datetime | None] = pseudonymous()
    attempts: Mapped[int] = plain(default=0)
    due_at: Mapped[datetime] = plain()
    lease_until: Mapped[datetime | None] = plain()
    sent_at: Mapped[datetime | None] = plain()
    error_code: Mapped[str | None] = plain(String(64))
