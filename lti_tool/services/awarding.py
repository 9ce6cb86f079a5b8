"""Awarding: judge every learner of a course, offer what was earned, at most once, and keep why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lifecycle import AwardAction, AwardState, Decision, DecisionReason, advance, decide
from lti_tool.domain.rules import CompetencyClause, Facts, evaluate
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, Award, Context, Trace, TraceMoment
from lti_tool.services import audit
from lti_tool.services.gathering import Course, Judged, evaluated_user_ids, gather_facts, load_course
from lti_tool.services.upsert import insert_once

ONCE = ""
"""The occasion of an achievement that is earned once."""
NO_LONGER_EARNED = DecisionReason.NO_LONGER_EARNED.value
"""The reason of a claimed award that waits for a person to decide."""


@dataclass(slots=True)
class EvaluationCounts:
    """What one evaluation of a course came to."""

    learners: int = 0
    offered: int = 0
    lapsed: int = 0
    unknown: int = 0
    attained: int = 0
    """Competencies attained, over all learners."""
    award_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one learner stands with one achievement: the award if there is one, and today's judgement."""

    achievement: Achievement
    award: Award | None
    judgement: Judgement


def evaluation_due(session: Session, limit: int = 50) -> list[int]:
    """Return ids of courses with a reason to evaluate that nobody acted on yet."""
    due = select(Context.id).where(Context.evaluation_wanted > Context.evaluation_done).order_by(Context.id)
    return list(session.scalars(due.limit(limit)))


def is_evaluation_due(session: Session, context_id: int) -> bool:
    """Return whether the course has a reason to evaluate that nobody acted on yet."""
    due = select(Context.id).where(Context.id == context_id, Context.evaluation_wanted > Context.evaluation_done)
    return session.scalar(due) is not None


def evaluate_course(session: Session, context_id: int, now: datetime) -> EvaluationCounts:
    """Judge everybody and act on it; run twice, it acts once.

    What was wanted when this began counts as done; a wish that comes in meanwhile stays due.
    """
    wanted = session.scalar(select(Context.evaluation_wanted).where(Context.id == context_id))
    if wanted is None:
        raise NotFoundError("There is no such course.")
    course = load_course(session, context_id)
    user_ids = evaluated_user_ids(session, context_id)
    counts = EvaluationCounts(learners=len(user_ids))
    # A badge may count towards another: judge again until nothing is offered or lapses any more.
    for _ in range(len(course.judged) + 1):
        facts = gather_facts(session, course, user_ids, now)
        counts.unknown = 0
        if not _act_on(session, course, facts, counts, now):
            break
    counts.attained = count_attained(course, facts.values()) if user_ids else 0
    session.execute(
        update(Context).where(Context.id == context_id, Context.evaluation_done < wanted).values(evaluation_done=wanted)
    )
    return counts


def count_attained(course: Course, facts: Iterable[Facts]) -> int:
    """Return how many (learner, competency) pairs are attained."""
    return sum(
        competency_judgement(identifier, one).verdict is Verdict.MET for one in facts for identifier in course.plans
    )


def competency_judgement(identifier: str, facts: Facts) -> Judgement:
    """Judge one competency for one learner."""
    return evaluate(CompetencyClause(identifier), facts)


def _act_on(session: Session, course: Course, facts: dict[int, Facts], counts: EvaluationCounts, now: datetime) -> bool:
    """Act on one round of judgements; returns whether an award came or went."""
    awards = _awards(session, course)
    changed = False
    for judged in course.judged:
        for user_id, known in facts.items():
            judgement = evaluate(judged.rule, known)
            counts.unknown += judgement.verdict is Verdict.UNKNOWN
            award = awards.get((judged.achievement.id, user_id))
            changed |= _decide(session, judged, user_id, award, judgement, counts, now)
    return changed


def _awards(session: Session, course: Course) -> dict[tuple[int, int], Award]:
    ids = [judged.achievement.id for judged in course.judged]
    awards = session.scalars(select(Award).where(Award.achievement_id.in_(ids), Award.occasion == ONCE))
    return {(award.achievement_id, award.user_id): award for award in awards}


def _decide(
    session: Session,
    judged: Judged,
    user_id: int,
    award: Award | None,
    judgement: Judgement,
    counts: EvaluationCounts,
    now: datetime,
) -> bool:
    """Act on one judgement; returns whether an award came or went."""
    decision = decide(award.state if award else None, judgement.verdict)
    if award is None:
        if decision.action is not AwardAction.OFFER:
            return False
        award_id = _offer(session, judged, user_id, judgement, now)
        if award_id is None:
            return False
        counts.offered += 1
        counts.award_ids.append(award_id)
        return True
    _note_review(session, award, decision, judgement, judged.award_rule_id, now)
    action = decision.action
    if action is None or not change_state(session, award, action, judgement, judged.award_rule_id, now):
        return False
    counts.lapsed += action is AwardAction.LAPSE
    counts.offered += action is AwardAction.OFFER_AGAIN
    return True


def _note_review(
    session: Session, award: Award, decision: Decision, judgement: Judgement, award_rule_id: int, now: datetime
) -> None:
    """Say once that a claimed award is no longer earned, for a person to decide; forget it when it is earned again.

    The badge stays as it is. The mark on the award keeps the next evaluations from saying it again.
    """
    marked = award.reason_code == NO_LONGER_EARNED
    if decision.needs_review and not marked:
        if _mark(session, award, NO_LONGER_EARNED):
            payload = {"award_rule_id": award_rule_id, "judgement": judgement.to_document()}
            _record(session, "award.review_needed", award.id, award.achievement, "job", now, payload)
    elif marked and decision.reason is DecisionReason.STILL_EARNED and _mark(session, award, None):
        _record(session, "award.review_settled", award.id, award.achievement, "job", now)


def _mark(session: Session, award: Award, reason_code: str | None) -> bool:
    """Change a claimed award's reason by one statement; ``False`` when somebody did it, or moved the award, first."""
    same = Award.reason_code.is_(None) if award.reason_code is None else Award.reason_code == award.reason_code
    marked = session.execute(
        update(Award)
        .where(Award.id == award.id, Award.state == AwardState.CLAIMED, same)
        .values(reason_code=reason_code)
        .returning(Award.id)
    ).scalar()
    session.refresh(award)
    return marked is not None


def _offer(session: Session, judged: Judged, user_id: int, judgement: Judgement, now: datetime) -> int | None:
    """Offer at most once: the unique key settles races; returns ``None`` when somebody else offered first."""
    award_id = insert_once(
        session,
        Award,
        ["achievement_id", "user_id", "occasion"],
        achievement_id=judged.achievement.id,
        user_id=user_id,
        occasion=ONCE,
        state=AwardState.OFFERED,
        achievement_version_id=judged.achievement.current_version_id,
        award_rule_id=judged.award_rule_id,
        offered_at=now,
        changed_at=now,
        shows_name=False,
    )
    if award_id is None:
        return None
    _keep_trace(session, award_id, TraceMoment.OFFERED, judgement, judged.award_rule_id, now)
    _record(session, "award.offered", award_id, judged.achievement, "job", now)
    return award_id


def version_to_claim(award: Award) -> int:
    """Return the id of the version that claiming an offer gives.

    The one it was offered as, whatever was written since; but once the rule changed, the current one: the earlier one
    names competencies that are not what is judged any more.
    """
    current = award.achievement.current_version_id
    has_same_rule = award.award_rule_id == award.achievement.current_rule_id
    return award.achievement_version_id if has_same_rule or current is None else current


def change_state(
    session: Session,
    award: Award,
    action: AwardAction,
    judgement: Judgement,
    award_rule_id: int,
    now: datetime,
    *,
    actor: str = "job",
) -> bool:
    """Move an award along the transition table, by one statement; ``False`` when somebody moved it first.

    Raises ``ConflictError`` (``transition_refused``) when the table does not allow the action.
    """
    target = advance(award.state, action)
    values: dict[str, Any] = {"state": target, "changed_at": now, "award_rule_id": award_rule_id}
    values["reason_code"] = judgement.reason.code.value if action is AwardAction.LAPSE else None
    if action is AwardAction.CLAIM:
        values |= {"claimed_at": now, "achievement_version_id": version_to_claim(award)}
    if action is AwardAction.OFFER_AGAIN:
        values |= {"offered_at": now, "achievement_version_id": award.achievement.current_version_id}
    moved = session.execute(
        update(Award).where(Award.id == award.id, Award.state == award.state).values(**values).returning(Award.id)
    ).scalar()
    if moved is None:
        session.refresh(award)
        return False
    session.refresh(award)
    moment = {AwardState.LAPSED: TraceMoment.LAPSED, AwardState.CLAIMED: TraceMoment.CLAIMED}.get(
        target, TraceMoment.OFFERED
    )
    _keep_trace(session, award.id, moment, judgement, award_rule_id, now)
    _record(session, f"award.{target.value}", award.id, award.achievement, actor, now)
    return True


def _keep_trace(
    session: Session, award_id: int, moment: TraceMoment, judgement: Judgement, award_rule_id: int, now: datetime
) -> None:
    session.add(
        Trace(
            award_id=award_id,
            moment=moment,
            award_rule_id=award_rule_id,
            document=judgement.to_document(),
            taken_at=now,
        )
    )


def _record(
    session: Session,
    action: str,
    award_id: int,
    achievement: Achievement,
    actor: str,
    now: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    organization_id = session.scalar(select(Context.organization_id).where(Context.id == achievement.context_id))
    subject = f"award:{award_id}"
    audit.record(
        session, action, actor=actor, subject=subject, organization_id=organization_id, payload=payload, now=now
    )


# -- looking ----------------------------------------------------------------------------------------------------------


def standings(session: Session, context_id: int, user_id: int, now: datetime) -> list[Standing]:
    """Return how one learner stands with every live badge of the course."""
    course = load_course(session, context_id)
    facts = gather_facts(session, course, [user_id], now)[user_id]
    awards = _awards(session, course)
    return [
        Standing(one.achievement, awards.get((one.achievement.id, user_id)), evaluate(one.rule, facts))
        for one in course.judged
    ]


def try_out(session: Session, context_id: int, achievement_id: int, now: datetime) -> dict[int, Judgement]:
    """Judge every learner for one badge, draft or live, without acting; by user id. The function is the live one."""
    course = load_course(session, context_id, drafts=True)
    judged = next((one for one in course.judged if one.achievement.id == achievement_id), None)
    if judged is None:
        raise NotFoundError("The badge has no rule to try.")
    facts = gather_facts(session, course, evaluated_user_ids(session, context_id), now)
    return {user_id: evaluate(judged.rule, known) for user_id, known in facts.items()}
