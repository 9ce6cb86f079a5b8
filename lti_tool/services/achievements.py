"""Badges an instructor makes: content in immutable versions, rules in immutable versions, draft until published."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.domain.rules import competencies_of, parse_rule, rule_document
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    AchievementVersion,
    Alignment,
    AwardRule,
    Context,
    Item,
)
from lti_tool.services import audit, inheritance
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.frameworks import course_items

NAME_LENGTH, TEXT_LENGTH = 255, 4000
CONTENT = ("name", "description", "criteria_narrative", "picture_sha256", "language", "achievement_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a badge says. ``picture_sha256`` names a stored PNG; ``achievement_type`` is a term of Open Badges 3.0."""

    name: str
    description: str
    criteria_narrative: str
    picture_sha256: str
    language: str
    achievement_type: str = "MicroCredential"


def course_achievements(session: Session, context_id: int) -> list[Achievement]:
    """Return the badges of a course, drafts too, in the order they were made."""
    return list(
        session.scalars(
            select(Achievement)
            .where(Achievement.context_id == context_id, Achievement.state != AchievementState.RETIRED)
            .order_by(Achievement.id)
        )
    )


def get_achievement(session: Session, context_id: int, achievement_id: int) -> Achievement:
    """Return a badge of this course; raises ``NotFoundError``."""
    achievement = session.get(Achievement, achievement_id)
    if achievement is None or achievement.context_id != context_id:
        raise NotFoundError("There is no such badge in this course.")
    return achievement


def find_public(session: Session, public_id: str) -> Achievement:
    """Return a published badge by its public id; raises ``NotFoundError``."""
    achievement = session.scalar(
        select(Achievement).where(Achievement.public_id == public_id, Achievement.state != AchievementState.DRAFT)
    )
    if achievement is None:
        raise NotFoundError("There is no such badge.")
    return achievement


def create_achievement(
    session: Session, context: Context, issuer_profile_id: int, content: Content, now: datetime
) -> Achievement:
    """Make a draft; raises ``InvalidInputError`` for content that cannot be used."""
    achievement = Achievement(
        issuer_profile_id=issuer_profile_id, context_id=context.id, state=AchievementState.DRAFT, created_at=now
    )
    session.add(achievement)
    session.flush()
    write_content(session, achievement, content, now)
    return achievement


def write_content(
    session: Session,
    achievement: Achievement,
    content: Content,
    now: datetime,
    *,
    by_template: bool = False,
    actor: str = "job",
) -> AchievementVersion:
    """Make a version with this content the current one; the same content again changes nothing.

    A change of what is live is on record; a draft is once it is published.

    Raises ``InvalidInputError``, or ``ConflictError`` (``mapping_locked``) for a badge of a locked template.
    """
    _check(content)
    current = achievement.current_version
    if current is not None and all(getattr(current, name) == getattr(content, name) for name in CONTENT):
        return current
    if not by_template:
        inheritance.allow_change(session, achievement.context_id, achievement)
    version = AchievementVersion(
        achievement_id=achievement.id,
        number=_next_number(session, AchievementVersion, achievement.id),
        created_at=now,
        **{name: getattr(content, name) for name in CONTENT},
    )
    session.add(version)
    session.flush()
    achievement.current_version = version
    _align(session, achievement)
    if achievement.state is AchievementState.LIVE:
        _record(session, "achievement.content_changed", achievement, actor, now)
    return version


def write_rule(
    session: Session,
    achievement: Achievement,
    document: dict[str, Any],
    now: datetime,
    *,
    by_template: bool = False,
    actor: str = "job",
) -> AwardRule:
    """Make this rule the current one; the same rule again changes nothing. A change of what is live is on record.

    Raises ``RuleError`` for a rule that cannot be read, ``InvalidInputError`` (``rule_competency_unknown``) for one
    that names a competency this course does not have, ``ConflictError`` (``mapping_locked``) for a badge of a locked
    template.
    """
    rule = parse_rule(document)
    known = {item.identifier for item in course_items(session, achievement.context_id)}
    for identifier in competencies_of(rule):
        if identifier not in known:
            raise InvalidInputError("The rule names a skill this course does not have.", code="rule_competency_unknown")
    normal: dict[str, Any] = dict(rule_document(rule))
    if achievement.current_rule is not None and achievement.current_rule.document == normal:
        return achievement.current_rule
    if not by_template:
        inheritance.allow_change(session, achievement.context_id, achievement)
    written = AwardRule(
        achievement_id=achievement.id,
        number=_next_number(session, AwardRule, achievement.id),
        document=normal,
        created_at=now,
    )
    session.add(written)
    session.flush()
    achievement.current_rule = written
    _align(session, achievement)
    if achievement.state is AchievementState.LIVE:
        _record(session, "achievement.rule_changed", achievement, actor, now)
        want_evaluation(session, achievement.context_id)
    return written


def publish(session: Session, achievement: Achievement, actor: str, now: datetime) -> None:
    """Let the badge be earned. Raises ``ConflictError`` (``badge_incomplete``) without content or rule."""
    _require_complete(achievement)
    if achievement.state is AchievementState.LIVE:
        return
    achievement.state, achievement.review_note = AchievementState.LIVE, None
    want_evaluation(session, achievement.context_id)
    _record(session, "achievement.published", achievement, actor, now)


def ask_to_publish(session: Session, achievement: Achievement, actor: str, now: datetime) -> None:
    """Put a draft before the people who approve. Raises ``ConflictError`` (``badge_incomplete``)."""
    _require_complete(achievement)
    if achievement.state is AchievementState.DRAFT:
        achievement.state, achievement.review_note = AchievementState.REVIEW, None
        _record(session, "achievement.approval_asked", achievement, actor, now)


def send_back(session: Session, achievement: Achievement, actor: str, now: datetime, *, note: str = "") -> None:
    """Return a badge that waits for approval to its instructor, with a ``note`` that says why.

    Raises ``InvalidInputError`` (``review_note_too_long``).
    """
    if len(note) > TEXT_LENGTH:
        raise InvalidInputError("The comment is too long.", code="review_note_too_long", field="note")
    if achievement.state is AchievementState.REVIEW:
        achievement.state, achievement.review_note = AchievementState.DRAFT, note or None
        _record(session, "achievement.sent_back", achievement, actor, now)


def retire(session: Session, achievement: Achievement, actor: str, now: datetime) -> None:
    """End a badge: nobody is offered it any more, open offers cannot be claimed, claimed badges stay as they are.

    Raises ``ConflictError`` (``mapping_locked``) for a badge of a locked template.
    """
    if achievement.state is AchievementState.RETIRED:
        return
    inheritance.allow_change(session, achievement.context_id, achievement)
    achievement.state = AchievementState.RETIRED
    want_evaluation(session, achievement.context_id)
    _record(session, "achievement.retired", achievement, actor, now)


def waiting_for_approval(session: Session) -> list[Achievement]:
    """Return the badges that wait for a reviewer or registrar, oldest first."""
    waiting = select(Achievement).where(Achievement.state == AchievementState.REVIEW).order_by(Achievement.id)
    return list(session.scalars(waiting))


def aligned_items(session: Session, version_id: int) -> list[Item]:
    """Return the competencies a version is aligned to."""
    return list(
        session.scalars(
            select(Item)
            .join(Alignment, Alignment.item_id == Item.id)
            .where(Alignment.achievement_version_id == version_id)
            .order_by(Item.position, Item.id)
        )
    )


def _align(session: Session, achievement: Achievement) -> None:
    """Align the current version to the competencies its rule names; a version already aligned otherwise is frozen."""
    version, rule = achievement.current_version, achievement.current_rule
    if version is None or rule is None:
        return
    named = competencies_of(parse_rule(rule.document))
    wanted = {item.id for item in course_items(session, achievement.context_id) if item.identifier in named}
    have = {item.id for item in aligned_items(session, version.id)}
    if have == wanted:
        return
    if have:
        version = _copy(session, achievement, version)
    session.add_all(Alignment(achievement_version_id=version.id, item_id=item_id) for item_id in sorted(wanted))
    session.flush()


def _copy(session: Session, achievement: Achievement, version: AchievementVersion) -> AchievementVersion:
    copied = AchievementVersion(
        achievement_id=achievement.id,
        number=_next_number(session, AchievementVersion, achievement.id),
        created_at=version.created_at,
        **{name: getattr(version, name) for name in CONTENT},
    )
    session.add(copied)
    session.flush()
    achievement.current_version = copied
    return copied


def _require_complete(achievement: Achievement) -> None:
    if achievement.current_version is None or achievement.current_rule is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")


def _record(session: Session, action: str, achievement: Achievement, actor: str, now: datetime) -> None:
    version, rule = achievement.current_version, achievement.current_rule
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"achievement:{achievement.id}",
        organization_id=session.get_one(Context, achievement.context_id).organization_id,
        payload={"version": version.number if version else None, "rule": rule.number if rule else None},
        now=now,
    )


def _check(content: Content) -> None:
    for field, limit in (
        ("name", NAME_LENGTH),
        ("description", TEXT_LENGTH),
        ("criteria_narrative", TEXT_LENGTH),
    ):
        value = getattr(content, field)
        if not value.strip():
            raise InvalidInputError(f"The badge needs a {field}.", code=f"{field}_empty", field=field)
        if len(value) > limit:
            raise InvalidInputError(f"The {field} is too long.", code=f"{field}_too_long", field=field)


def _next_number(session: Session, table: type[AchievementVersion] | type[AwardRule], achievement_id: int) -> int:
    last = session.scalar(select(func.max(table.number)).where(table.achievement_id == achievement_id))
    return 1 if last is None else last + 1
