"""Rebuilding a decision from its trace: the same rule over the same observations has to give the same verdicts.

A trace keeps, beside the judgement, what it rests on (``basis``): the rule, the plans of its competencies, what was
held, and for each slot the observation that was seen with how far it could be trusted. Observations are rows that
never change; mappings, columns and rules may be something else by now, and do not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.rules import (
    AchievementClause,
    AssessorClause,
    CompetencyClause,
    Facts,
    Rule,
    SectionClause,
    evaluate,
    iter_clauses,
    parse_rule,
    rule_document,
    slots_of,
)
from lti_tool.domain.traces import judgement_from_document
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import Achievement, Award, Observation, Trace
from lti_tool.services.gathering import Seen

NAMED = CompetencyClause | AchievementClause | AssessorClause | SectionClause
SAYS_YES = {
    AwardAction.OFFER,
    AwardAction.OFFER_AGAIN,
    AwardAction.RELEASE,
    AwardAction.CLAIM,
    AwardAction.RESTORE,
}
FORM = 1
"""The form of ``basis`` that is written; a later one gets the next number."""


class RebuildOutcome(StrEnum):
    """What came of rebuilding one trace."""

    SAME = "same"
    DIFFERENT = "different"
    """The observations do not give what was decided: the trace or a row was altered."""
    BY_HAND = "by_hand"
    """A person decided; there is nothing to evaluate."""
    ERASED = "erased"
    """An observation it names is gone."""
    NO_BASIS = "no_basis"
    """A trace from before what it rests on was kept, or one that cannot be read."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One trace, rebuilt. ``stored`` is what was decided then, ``again`` what its observations give."""

    trace: Trace
    outcome: RebuildOutcome
    stored: Judgement | None = None
    again: Judgement | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing speaks against it."""
        return self.outcome in (RebuildOutcome.SAME, RebuildOutcome.BY_HAND)


def rebuild(session: Session, award_id: int) -> list[Rebuilt]:
    """Rebuild every trace of an award, oldest first; raises ``NotFoundError`` without such an award."""
    if session.get(Award, award_id) is None:
        raise NotFoundError("There is no such award.")
    traces = session.scalars(select(Trace).where(Trace.award_id == award_id).order_by(Trace.id))
    return [rebuild_trace(session, trace) for trace in traces]


def rebuild_trace(session: Session, trace: Trace) -> Rebuilt:
    """Rebuild one trace from the rows it names."""
    try:
        stored = judgement_from_document(trace.document)
    except InvalidInputError:
        return Rebuilt(trace, RebuildOutcome.NO_BASIS)
    if "by_hand" in trace.document:
        return Rebuilt(trace, RebuildOutcome.BY_HAND, stored)
    basis = trace.document.get("basis")
    if not isinstance(basis, Mapping) or basis.get("form") != FORM:
        return Rebuilt(trace, RebuildOutcome.NO_BASIS, stored)
    seen = _observations(session, basis)
    if seen is None:
        return Rebuilt(trace, RebuildOutcome.ERASED, stored)
    try:
        again = judge_basis(basis, seen)
    except (InvalidInputError, KeyError, ValueError, TypeError, ArithmeticError):
        return Rebuilt(trace, RebuildOutcome.DIFFERENT, stored)
    is_same = again.to_document() == {key: trace.document[key] for key in again.to_document() if key in trace.document}
    return Rebuilt(trace, RebuildOutcome.SAME if is_same else RebuildOutcome.DIFFERENT, stored, again)


def _observations(session: Session, basis: Mapping[str, Any]) -> dict[int, Seen] | None:
    ids = {slot["observation"] for slot in basis["slots"].values() if slot["observation"] is not None}
    rows = session.scalars(select(Observation).where(Observation.id.in_(ids)))
    seen = {
        one.id: Seen(one.id, one.state, one.score, one.maximum, one.letter, one.submitted_at, one.graded_at)
        for one in rows
    }
    return seen if seen.keys() == ids else None


# -- the basis --------------------------------------------------------------------------------------------------------


def basis_document(
    rule: Rule, award_rule_id: int, facts: Facts, observation_ids: Mapping[str, int], column_ids: Mapping[str, int]
) -> dict[str, Any]:
    """Return what a judgement rests on, as JSON: only what the rule can look at."""
    named = {clause.identifier for clause in iter_clauses(rule) if isinstance(clause, NAMED)}
    slots = sorted(slots_of(rule, facts.competencies))
    return {
        "form": FORM,
        "award_rule_id": award_rule_id,
        "rule": rule_document(rule),
        "now": facts.now.isoformat(),
        "closes_at": _iso(facts.closes_at),
        "missing_counts_as_zero": facts.policy.missing_counts_as_zero,
        "sections": None if facts.sections is None else sorted(facts.sections),
        "achievements": {name: one.value for name, one in facts.achievements.items() if name in named},
        "assessments": {name: one.value for name, one in facts.assessments.items() if name in named},
        "titles": {name: title for name, title in facts.titles.items() if name in named},
        "plans": {name: _plan_document(plan) for name, plan in facts.competencies.items() if name in named},
        "slots": {
            slot: _slot_document(facts.evidence[slot], observation_ids.get(slot), column_ids.get(slot))
            for slot in slots
            if slot in facts.evidence
        },
    }


def by_hand_document(
    achievement: Achievement, action: AwardAction, actor: str, *, reason: str, evidence: str | None = None
) -> dict[str, Any]:
    """Return the trace of what a person did: a judgement of one clause, their own, and who, what and why."""
    title = achievement.current_version.name if achievement.current_version else None
    is_yes = action in SAYS_YES
    judgement = Judgement(
        Verdict.MET if is_yes else Verdict.NOT_MET,
        Kind.ASSESSOR,
        Reason(ReasonCode.ASSESSOR_CONFIRMED if is_yes else ReasonCode.ASSESSOR_DECLINED, {"title": title}),
        achievement.public_id,
    )
    words = {"actor": actor, "action": action.value, "reason": reason, "evidence": evidence}
    return {**judgement.to_document(), "by_hand": words}


def judge_basis(basis: Mapping[str, Any], seen: Mapping[int, Seen]) -> Judgement:
    """Evaluate a basis again over the observations it names."""
    facts = Facts(
        evidence={slot: _evidence(slot, entry, seen) for slot, entry in basis["slots"].items()},
        competencies={name: _plan(name, entry) for name, entry in basis["plans"].items()},
        now=datetime.fromisoformat(basis["now"]),
        achievements={name: Verdict(value) for name, value in basis["achievements"].items()},
        assessments={name: Verdict(value) for name, value in basis["assessments"].items()},
        closes_at=_moment(basis["closes_at"]),
        policy=Policy(missing_counts_as_zero=basis["missing_counts_as_zero"]),
        titles=basis["titles"],
        sections=None if basis["sections"] is None else frozenset(basis["sections"]),
    )
    return evaluate(parse_rule(basis["rule"]), facts)


def _slot_document(evidence: Evidence, observation_id: int | None, column_id: int | None) -> dict[str, Any]:
    """How the column was seen. The maximum is the evidence's: of the observation, else the column's at that time."""
    return {
        "observation": observation_id,
        "column": column_id,
        "title": evidence.title,
        "source": evidence.source,
        "freshness": evidence.freshness.value,
        "maximum": None if evidence.maximum is None else str(evidence.maximum),
        "checked_at": _iso(evidence.checked_at),
        "position": evidence.position,
        "scheme": None if evidence.scheme is None else list(evidence.scheme),
    }


def _evidence(slot: str, entry: Mapping[str, Any], seen: Mapping[int, Seen]) -> Evidence:
    evidence = Evidence(
        slot=slot,
        title=entry["title"],
        source=entry["source"],
        state=EvidenceState.UNGRADED,
        freshness=Freshness(entry["freshness"]),
        maximum=None if entry["maximum"] is None else Decimal(entry["maximum"]),
        checked_at=_moment(entry["checked_at"]),
        position=entry["position"],
        scheme=None if entry["scheme"] is None else tuple(entry["scheme"]),
    )
    if entry["observation"] is None:
        return evidence
    found = seen[entry["observation"]]
    return replace(
        evidence,
        state=found.state,
        score=found.score,
        maximum=evidence.maximum if found.maximum is None else found.maximum,
        letter=found.letter,
        submitted_at=found.submitted_at,
        graded_at=found.graded_at,
    )


def _plan_document(plan: CompetencyPlan) -> dict[str, Any]:
    return {
        "title": plan.title,
        "calculation": plan.calculation.value,
        "threshold": str(plan.threshold),
        "factor": str(plan.factor),
        "parts": [[part.slot, str(part.threshold), str(part.weight)] for part in plan.parts],
    }


def _plan(name: str, entry: Mapping[str, Any]) -> CompetencyPlan:
    return CompetencyPlan(
        identifier=name,
        title=entry["title"],
        calculation=Calculation(entry["calculation"]),
        threshold=Decimal(entry["threshold"]),
        parts=tuple(Part(slot, Decimal(threshold), Decimal(weight)) for slot, threshold, weight in entry["parts"]),
        factor=Decimal(entry["factor"]),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
