"""The steps of making a badge: where each is, which can be taken, and what keeps a badge as it is."""

from flask import request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import ConflictError
from lti_tool.models import Achievement, AchievementState, Award
from lti_tool.services import achievements, frameworks, inheritance, overview
from lti_tool.services.mapping import mapped_columns
from lti_tool.web.access import Action, can
from lti_tool.web.translated import gettext as _


def lock_of(session: Session, achievement: Achievement) -> str | None:
    """Return why a badge cannot be changed here: ``template``, ``retired``, ``review``, ``live``; else ``None``."""
    if achievement.state is AchievementState.RETIRED:
        return "retired"
    if inheritance.inherited(session, achievement.context_id).is_locked(achievement):
        return "template"
    is_editable = overview.is_editable(achievement, can_publish=can(Action.PUBLISH))
    return None if is_editable else achievement.state.value


def require_editable(session: Session, achievement: Achievement) -> None:
    """Refuse changes to what others approve or approved, or what is over.

    Raises ``ConflictError`` (``badge_locked``, ``mapping_locked``).
    """
    lock = lock_of(session, achievement)
    if lock == "template":
        raise inheritance.locked_error()
    if lock is not None:
        raise ConflictError("The badge is live, over, or waits for approval.", code="badge_locked")


def steps(achievement: Achievement | None, context_id: int) -> list[tuple[str, str, str | None]]:
    """Return the stepper of a badge; a step without an address cannot be taken yet."""

    def url(endpoint: str) -> str | None:
        if achievement is None:
            return None
        return url_for(endpoint, context_id=context_id, achievement_id=achievement.id)

    def course_url(endpoint: str) -> str | None:
        return None if achievement is None else url_for(endpoint, context_id=context_id, badge=achievement.id)

    has_rule = achievement is not None and achievement.current_rule_id is not None
    return [
        ("content", _("What it says"), url("instructor_badge.content")),
        ("skills", _("Skills"), course_url("instructor_skills.skills")),
        ("evidence", _("Evidence"), course_url("instructor_evidence.evidence")),
        ("rule", _("How it is earned"), url("instructor_rule.rule")),
        ("policy", _("How it is awarded"), url("instructor_policy.policy")),
        ("try", _("Try it"), url("instructor_publish.try_it") if has_rule else None),
        ("publish", _("Publish"), url("instructor_publish.publishing") if has_rule else None),
    ]


def step_badge(session: Session, context_id: int) -> Achievement | None:
    """Return the badge that is being made while a page of the course is looked at (``badge`` in address or form).

    Raises ``NotFoundError`` for one that is not this course's.
    """
    number = request.form.get("badge") or request.args.get("badge") or ""
    if not number:
        return None
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return achievements.get_achievement(session, context_id, int(number) if is_number else 0)


def next_step(session: Session, achievement: Achievement) -> str:
    """The first step that is not there yet: skills, evidence, else the rule."""
    context_id = achievement.context_id
    if not frameworks.course_items(session, context_id):
        return url_for("instructor_skills.skills", context_id=context_id, badge=achievement.id)
    columns = mapped_columns(session, context_id)
    if columns and not any(one.thresholds for one in columns):
        return url_for("instructor_evidence.evidence", context_id=context_id, badge=achievement.id)
    return url_for("instructor_rule.rule", context_id=context_id, achievement_id=achievement.id)


def award_counts(session: Session, achievement_id: int) -> dict[AwardState, int]:
    """How many awards of a badge are in which state."""
    rows = select(Award.state, func.count()).where(Award.achievement_id == achievement_id).group_by(Award.state)
    return {state: number for state, number in session.execute(rows)}
