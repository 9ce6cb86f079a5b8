"""Awards: the decision that a person earned an achievement, with the trace that explains it."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from lti_tool.domain.decisions import ReviewKind
from lti_tool.domain.lifecycle import AwardState
from lti_tool.models.achievement import Achievement, AchievementVersion
from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous
from lti_tool.models.course import User


class RunKind(enum.StrEnum):
    """What a run of awards came from."""

    EVALUATION = "evaluation"
    BY_HAND = "by_hand"
    BULK = "bulk"


class RunState(enum.StrEnum):
    """``held`` waits for a person; ``undone`` was taken back."""

    DONE = "done"
    HELD = "held"
    RELEASED = "released"
    DISMISSED = "dismissed"
    UNDONE = "undone"


class ReviewState(enum.StrEnum):
    """How it ended."""

    OPEN = "open"
    KEPT = "kept"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SETTLED = "settled"
    """Earned again, or the award went another way."""
    GRANTED = "granted"
    """An appeal that was right: the badge was given by hand."""
    REFUSED = "refused"


class TraceMoment(enum.StrEnum):
    """When a trace was taken."""

    OFFERED = "offered"
    LAPSED = "lapsed"
    CLAIMED = "claimed"
    HELD = "held"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    REVOKED = "revoked"
    REVIEWED = "reviewed"


class Award(Base):
    """At most one per (achievement, user, occasion), whatever runs at the same time."""

    __tablename__ = "award"
    __table_args__ = (UniqueConstraint("achievement_id", "user_id", "occasion"),)

    id: Mapped[PK]
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    occasion: Mapped[str] = plain(String(64), default="")
    """Empty, a term an admin named, or ``renewal n``."""
    state: Mapped[AwardState] = pseudonymous(choice(AwardState))
    achievement_version_id: Mapped[int] = plain(ForeignKey("achievement_version.id"))
    award_rule_id: Mapped[int] = plain(ForeignKey("award_rule.id"))
    reason_code: Mapped[str | None] = pseudonymous(String(64))
    offered_at: Mapped[datetime] = pseudonymous()
    claimed_at: Mapped[datetime | None] = pseudonymous()
    changed_at: Mapped[datetime] = pseudonymous()
    valid_until: Mapped[datetime | None] = pseudonymous()
    """When the badge ceases to be valid; set at the claim from the badge's policy."""
    is_by_hand: Mapped[bool] = pseudonymous(default=False)
    """A person gave it, with a reason; an evaluation does not take it away."""
    award_run_id: Mapped[int | None] = plain(ForeignKey("award_run.id"), index=True)
    """The run that made the offer, or holds it."""
    note: Mapped[str | None] = personal(String(4096))
    """The reason somebody gave for what was last done by hand; the learner may read it."""
    shows_name: Mapped[bool] = pseudonymous(default=False)
    """The learner chose at the claim to have their name in the signed document."""

    achievement: Mapped[Achievement] = relationship()
    achievement_version: Mapped[AchievementVersion] = relationship()
    user: Mapped[User] = relationship()


class Trace(Base):
    """Why: the observations, rule version and clause verdicts behind one decision."""

    __tablename__ = "trace"

    id: Mapped[PK]
    award_id: Mapped[int] = pseudonymous(ForeignKey("award.id"), index=True)
    moment: Mapped[TraceMoment] = pseudonymous(choice(TraceMoment))
    award_rule_id: Mapped[int] = plain(ForeignKey("award_rule.id"))
    document: Mapped[dict[str, Any]] = personal()
    taken_at: Mapped[datetime] = pseudonymous()


class AwardRun(Base):
    """One batch of decisions: an evaluation that changed something, or what a person gave by hand; can be undone."""

    __tablename__ = "award_run"
    __table_args__ = (
        Index(
            "ix_award_run_one_held",
            "context_id",
            unique=True,
            sqlite_where=text("state = 'held' AND kind = 'evaluation'"),
            postgresql_where=text("state = 'held' AND kind = 'evaluation'"),
        ),
    )

    id: Mapped[PK]
    context_id: Mapped[int] = plain(ForeignKey("context.id"), index=True)
    kind: Mapped[RunKind] = plain(choice(RunKind))
    state: Mapped[RunState] = plain(choice(RunState))
    actor: Mapped[str] = pseudonymous(String(64))
    hold_code: Mapped[str | None] = plain(String(64))
    """Why the circuit breaker held it."""
    figures: Mapped[dict[str, Any]] = plain(default=dict)
    """Counts: learners, offers, losses, and the limits they were held against."""
    reason: Mapped[str | None] = personal(String(4096))
    created_at: Mapped[datetime] = plain()
    decided_by: Mapped[str | None] = pseudonymous(String(64))
    decided_at: Mapped[datetime | None] = plain()


class AwardRunItem(Base):
    """One decision of a run: what is to be done, or was done, to one learner's award."""

    __tablename__ = "award_run_item"
    __table_args__ = (UniqueConstraint("award_run_id", "achievement_id", "user_id"),)

    id: Mapped[PK]
    award_run_id: Mapped[int] = plain(ForeignKey("award_run.id"))
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    award_id: Mapped[int | None] = pseudonymous(ForeignKey("award.id"), index=True)
    action: Mapped[str] = pseudonymous(String(32))
    """An ``AwardAction``, or ``review``."""
    state_before: Mapped[str | None] = pseudonymous(String(32))
    applied_at: Mapped[datetime | None] = plain()
    undone_at: Mapped[datetime | None] = plain()


class Review(Base):
    """An award about which a person has to decide; one open row per award and kind."""

    __tablename__ = "review"
    __table_args__ = (
        Index(
            "ix_review_one_open",
            "achievement_id",
            "user_id",
            "kind",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_review_due_at", "due_at"),
        Index("ix_review_achievement_id_user_id", "achievement_id", "user_id"),
    )

    id: Mapped[PK]
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    award_id: Mapped[int | None] = pseudonymous(ForeignKey("award.id"), index=True)
    """``None`` for an appeal against not having got it."""
    kind: Mapped[ReviewKind] = pseudonymous(choice(ReviewKind))
    state: Mapped[ReviewState] = pseudonymous(choice(ReviewState))
    text: Mapped[str | None] = personal(String(4096))
    """What the learner wrote."""
    trace_id: Mapped[int | None] = pseudonymous(ForeignKey("trace.id"))
    opened_at: Mapped[datetime] = pseudonymous()
    due_at: Mapped[datetime | None] = pseudonymous()
    """When the policy decides, unless a person does first."""
    decided_by: Mapped[str | None] = pseudonymous(String(64))
    decided_at: Mapped[datetime | None] = pseudonymous()
    answer: Mapped[str | None] = personal(String(4096))
    """What the person who decided wrote; the learner reads it."""

    achievement: Mapped[Achievement] = relationship()
    award: Mapped[Award | None] = relationship()
    user: Mapped[User] = relationship()


class AwardBar(Base):
    """*Do not award again*: remembered whatever the grades say, until a person lifts it."""

    __tablename__ = "award_bar"
    __table_args__ = (UniqueConstraint("achievement_id", "user_id"),)

    id: Mapped[PK]
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"))
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    reason: Mapped[str] = personal(String(4096))
    created_by: Mapped[str] = pseudonymous(String(64))
    created_at: Mapped[datetime] = plain()


class LearnerNotice(Base):
    """Something a learner is told in the tool, in plain words: what happened to a badge and why."""

    __tablename__ = "learner_notice"

    id: Mapped[PK]
    user_id: Mapped[int] = pseudonymous(ForeignKey("user.id"), index=True)
    achievement_id: Mapped[int] = plain(ForeignKey("achievement.id"), index=True)
    award_id: Mapped[int | None] = pseudonymous(ForeignKey("award.id"), index=True)
    code: Mapped[str] = pseudonymous(String(64))
    details: Mapped[dict[str, Any]] = personal(default=dict)
    """What the sentence needs: a date, a reason code, what a person wrote."""
    created_at: Mapped[datetime] = pseudonymous()
    seen_at: Mapped[datetime | None] = pseudonymous()


class Term(Base):
    """A stretch of time that an admin named; the occasion of badges that are earned once a term."""

    __tablename__ = "term"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[PK]
    organization_id: Mapped[int] = plain(ForeignKey("organization.id"))
    name: Mapped[str] = plain(String(64))
    starts_at: Mapped[datetime] = plain()
    ends_at: Mapped[datetime] = plain()
