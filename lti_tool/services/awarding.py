"""Awarding: judge every learner of a course, offer what was earned, at most once, and keep why.

All decisions of an evaluation are made first (``planning``), then the circuit breaker is asked, then what it lets pass
is carried out. What changed anything is kept as a run, which a person can undo; what the breaker holds waits in a held
run (``award_runs``) until a person releases or dismisses it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lifecycle import hold_back
from lti_tool.domain.occasions import ONCE
from lti_tool.domain.rules import CompetencyClause, Facts, evaluate
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, Context
from lti_tool.services import credentials, run_items
from lti_tool.services.award_changes import (
    NO_LONGER_EARNED,
    Ground,
    Subject,
    carry_out,
    version_to_claim,
)
from lti_tool.services.carrying import JOB, Carrier, change_state, look_again
from lti_tool.services.gathering import Course, Gathered, evaluated_user_ids, gather, gather_facts, load_course
from lti_tool.services.planning import Plan, Proposal, make_plan
from lti_tool.services.standings import AwardBook, Standing, load_book, standings

__all__ = [
    "JOB",
    "NO_LONGER_EARNED",
    "ONCE",
    "EvaluationCounts",
    "Standing",
    "change_state",
    "competency_judgement",
    "count_attained",
    "evaluate_course",
    "evaluation_due",
    "is_evaluation_due",
    "look_again",
    "standings",
    "try_out",
    "version_to_claim",
]


@dataclass(slots=True)
class EvaluationCounts:
    """What one evaluation of a course came to. ``run_id``: the run of what changed; ``None`` when nothing did."""

    learners: int = 0
    offered: int = 0
    lapsed: int = 0
    unknown: int = 0
    attained: int = 0
    """Competencies attained, over all learners."""
    award_ids: list[int] = field(default_factory=list)
    """Of the awards that were made."""
    given: int = 0
    """Claimed for the learner, where the badge needs no claim."""
    reviews: int = 0
    """Opened."""
    revoked: int = 0
    held: int = 0
    """Decisions that wait in a held run, of this evaluation."""
    run_id: int | None = None


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

    What was wanted when this began counts as done; a wish that comes in meanwhile stays due. Raises ``NotFoundError``.
    """
    wanted = session.scalar(select(Context.evaluation_wanted).where(Context.id == context_id))
    if wanted is None:
        raise NotFoundError("There is no such course.")
    # First of all: whoever releases the run waits until this is done, or this begins with what came of it.
    held_run = run_items.find_held(session, context_id, lock=True)
    course = load_course(session, context_id)
    user_ids = evaluated_user_ids(session, context_id)
    gathered = gather(session, course, user_ids, now)
    book = load_book(session, [one.achievement.id for one in course.judged])
    waiting = run_items.waiting_pairs(session, held_run) if held_run else frozenset()
    plan = make_plan(course, gathered.facts, book, now, waiting=waiting)
    if held_run is not None:
        run_items.refresh_held(session, held_run, plan, now)
    counts = EvaluationCounts(len(user_ids), unknown=plan.unknown)
    _act_on(session, course, gathered, book, plan, counts, now)
    counts.attained = count_attained(course, plan.facts.values())
    _use_previews(session, course)
    session.execute(
        update(Context).where(Context.id == context_id, Context.evaluation_done < wanted).values(evaluation_done=wanted)
    )
    return counts


def _use_previews(session: Session, course: Course) -> None:
    """What a person saw in a preview vouches for the first evaluation after it, and no other."""
    for judged in course.judged:
        achievement = judged.achievement
        if achievement.previewed_count is not None:
            session.execute(
                update(Achievement)
                .where(Achievement.id == achievement.id, Achievement.current_rule_id == judged.award_rule_id)
                .where(Achievement.previewed_count == achievement.previewed_count)
                .values(previewed_count=None)
            )
            session.refresh(achievement)


def _act_on(
    session: Session,
    course: Course,
    gathered: Gathered,
    book: AwardBook,
    plan: Plan,
    counts: EvaluationCounts,
    now: datetime,
) -> None:
    proposals = plan.proposals()
    _tell_of_renewals(session, plan, book, now)
    if not proposals:
        return
    _take_turns(session, course, proposals)
    carrier = Carrier(session, course, gathered, plan.facts, now)
    run = run_items.Recorder(session, course.context_id, JOB, now)
    held = run_items.HeldRecorder(session, course.context_id, plan, now)
    for proposal in proposals:
        if plan.is_held(proposal):
            counts.held += _hold(proposal, book, carrier, held)
            continue
        award_id = carrier.carry_out(proposal.look, proposal.decision, run_id=run.id_for(proposal.decision))
        if award_id is not None:
            run.add(proposal, award_id)
            _count(counts, proposal, award_id)
    counts.run_id = run.finish(len(gathered.facts))


def _take_turns(session: Session, course: Course, proposals: Iterable[Proposal]) -> None:
    """Lock the issuers of badges that will be claimed or revoked, before any award is."""
    steps = {action for one in proposals for action in (one.decision.action, one.decision.then)}
    if steps & {AwardAction.CLAIM, AwardAction.REVOKE}:
        credentials.take_turn(session, {judged.achievement.issuer_profile_id for judged in course.judged})


def _hold(proposal: Proposal, book: AwardBook, carrier: Carrier, held: run_items.HeldRecorder) -> bool:
    """Put a proposal into the held run: an offer as an award that is held, a loss as a wish alone."""
    one, award = proposal.look, proposal.look.award
    decision = hold_back(None if award is None else book.standing(award), proposal.decision)
    award_id = None if award is None else award.id
    if decision.action is not None:
        award_id = carrier.carry_out(one, decision, run_id=held.run_id, reason_code=DecisionReason.HELD_BACK.value)
        if award_id is None:
            return False
    return held.add(proposal, award_id)


def _tell_of_renewals(session: Session, plan: Plan, book: AwardBook, now: datetime) -> None:
    """Say once that a badge can be earned anew."""
    for one, _ in plan.looks.values():
        if one.occasion.notice is not None:
            newest = max(book.awards[one.pair], key=lambda award: award.id)
            decision = Decision(None, DecisionReason.EXPIRED, notice=one.occasion.notice)
            subject = Subject(achievement=one.judged.achievement, user_id=one.user_id, award=newest)
            ground = Ground(actor=JOB, now=now, award_rule_id=newest.award_rule_id, document={})
            carry_out(session, subject, decision, ground)


def _count(counts: EvaluationCounts, proposal: Proposal, award_id: int) -> None:
    decision = proposal.decision
    if decision.action is AwardAction.OFFER:
        counts.award_ids.append(award_id)
    counts.offered += decision.action in (AwardAction.OFFER, AwardAction.OFFER_AGAIN)
    counts.lapsed += decision.action is AwardAction.LAPSE
    counts.revoked += decision.action is AwardAction.REVOKE
    counts.given += AwardAction.CLAIM in (decision.action, decision.then)
    counts.reviews += decision.needs_review


# -- looking ----------------------------------------------------------------------------------------------------------


def count_attained(course: Course, facts: Iterable[Facts]) -> int:
    """Return how many (learner, competency) pairs are attained."""
    return sum(
        competency_judgement(identifier, one).verdict is Verdict.MET for one in facts for identifier in course.plans
    )


def competency_judgement(identifier: str, facts: Facts) -> Judgement:
    """Judge one competency for one learner."""
    return evaluate(CompetencyClause(identifier), facts)


def try_out(session: Session, context_id: int, achievement_id: int, now: datetime) -> dict[int, Judgement]:
    """Judge every learner for one badge, draft or live, without acting; by user id. The function is the live one."""
    course = load_course(session, context_id, drafts=True)
    judged = next((one for one in course.judged if one.achievement.id == achievement_id), None)
    if judged is None:
        raise NotFoundError("The badge has no rule to try.")
    facts = gather_facts(session, course, evaluated_user_ids(session, context_id), now)
    return {user_id: evaluate(judged.rule, known) for user_id, known in facts.items()}
