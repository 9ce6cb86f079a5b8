"""From a judgement to a change: what an evaluation decides is carried out with what it rests on as its trace."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardAction, find_step
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.explain import deciding_leaf
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.occasions import ONCE, rule_since
from lti_tool.domain.rules import Facts
from lti_tool.models import Award
from lti_tool.services.award_changes import Ground, Subject, carry_out
from lti_tool.services.course_rules import Course, load_course
from lti_tool.services.gathering import Gathered, gather
from lti_tool.services.rebuilding import basis_document
from lti_tool.services.standings import Look, load_book, look, term_at

JOB = "job"


class Carrier:
    """Carries decisions about a course out, each with what it rests on as its trace."""

    def __init__(
        self, session: Session, course: Course, gathered: Gathered, facts: Mapping[int, Facts], now: datetime
    ) -> None:
        self._session, self._gathered, self._facts, self._now = session, gathered, facts, now
        self._columns = {slot: column.id for slot, column in course.columns.items()}

    def carry_out(
        self,
        one: Look,
        decision: Decision,
        *,
        actor: str = JOB,
        run_id: int | None = None,
        reason_code: str | None = None,
        reason: str | None = None,
    ) -> int | None:
        """Do what was decided about one pair; returns the award's id, ``None`` when somebody acted first.

        ``reason``: what a person said who let it happen, for the audit trail.
        """
        code = one.judgement.reason.code.value if decision.action is AwardAction.LAPSE else reason_code
        document = self.document(one, decision)
        payload: dict[str, Any] | None = None
        if decision.needs_review:
            payload = {"award_rule_id": one.judged.award_rule_id, "judgement": one.judgement.to_document()}
        if actor != JOB:
            payload = {**(payload or {}), "reason": reason, "run": run_id}
        ground = Ground(
            actor=actor,
            now=self._now,
            award_rule_id=one.judged.award_rule_id,
            document=document,
            reason_code=code,
            run_id=run_id if decision.gains or decision.action is AwardAction.HOLD else None,
            payload=payload,
            details=why(one.judgement) if decision.loses else {},
        )
        return carry_out(self._session, subject_of(one), decision, ground)

    def document(self, one: Look, decision: Decision) -> dict[str, Any]:
        """Return the trace: the judgement, what it rests on, and what was decided from it."""
        rule = rule_since(one.judged.rule, one.occasion.counts_from)
        seen = self._gathered.observation_ids.get(one.user_id, {})
        columns = self._columns | self._gathered.column_ids.get(one.user_id, {})
        basis = basis_document(rule, one.judged.award_rule_id, self._facts[one.user_id], seen, columns)
        return {
            **one.judgement.to_document(),
            "basis": basis,
            "decision": {"reason": decision.reason.value, "policy": one.judged.policy.to_document()},
        }


def subject_of(one: Look) -> Subject:
    """Return whose award of which badge it is about."""
    return Subject(
        achievement=one.judged.achievement,
        user_id=one.user_id,
        award=one.award,
        policy=one.judged.policy,
        occasion=one.occasion.key or ONCE,
    )


def why(judgement: Judgement) -> dict[str, Any]:
    """Return the clause that decides, for the learner's notice."""
    reason = deciding_leaf(judgement).judgement.reason
    return {"reason": {"code": reason.code.value, "params": reason.params}}


@dataclass(frozen=True, slots=True)
class LookAgain:
    """One award, judged once more, with what that rests on."""

    look: Look
    carrier: Carrier

    def document(self, decision: Decision) -> dict[str, Any]:
        """Return the trace of a decision that is made from it."""
        return self.carrier.document(self.look, decision)

    def why(self) -> dict[str, Any]:
        """Return the clause that decides."""
        return why(self.look.judgement)


def look_again(session: Session, context_id: int, award: Award, now: datetime) -> LookAgain | None:
    """Judge one award by today's evidence; ``None`` for a badge that has no rule or is not awarded any more."""
    course = load_course(session, context_id)
    judged = next((one for one in course.judged if one.achievement.id == award.achievement_id), None)
    if judged is None:
        return None
    gathered = gather(session, course, [award.user_id], now)
    book = load_book(session, [award.achievement_id], award.user_id)
    one = look(judged, award.user_id, gathered.facts[award.user_id], book, term_at(course, now))
    carrier = Carrier(session, course, gathered, gathered.facts, now)
    return LookAgain(one._replace(award=award), carrier)


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
    """Take one step on a judgement, with its event and notice; ``False`` when somebody moved the award first.

    Raises ``ConflictError`` (``transition_refused``) when the table does not allow the action.
    """
    step = find_step(award.state, action)
    code = judgement.reason.code.value if action is AwardAction.LAPSE else None
    ground = Ground(
        actor=actor, now=now, award_rule_id=award_rule_id, document=judgement.to_document(), reason_code=code
    )
    subject = Subject(
        achievement=award.achievement,
        user_id=award.user_id,
        award=award,
        policy=AwardPolicy.from_document(award.achievement.policy),
        occasion=award.occasion,
    )
    reason = DecisionReason.BY_LEARNER if actor.startswith("user:") else DecisionReason.EARNED
    decision = Decision(action, reason, notice=step.notice, events=(step.event,))
    return carry_out(session, subject, decision, ground) is not None
