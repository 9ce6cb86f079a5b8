"""Awards: the decision that a person earned an achievement, with the trace that explains it."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models.achievement import Achievement, AchievementVersion
from lti_tool.models.base import PK, Base, choice, personal, plain, pseudonymous
from lti_tool.models.course import User


class TraceMoment(enum.StrEnum):
    """When a trace was taken."""

    OFFERED = "offered"
    LAPSED = "lapsed"
    CLAIMED = "claimed"


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
