"""Brings what the tables hold into the values that ``domain`` decides on, one query a table for a whole course."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.rules import Facts, Rule, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    CompetencyPolicy,
    EvidenceColumn,
    EvidenceMapping,
    Fact,
    Membership,
    Observation,
    SlotBinding,
)
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import DEFAULT_CALCULATION, DEFAULT_THRESHOLD

STALE_AFTER = timedelta(days=7)
"""Evidence nobody could read again for this long decides nothing."""
COUNTS_AS = {
    AwardState.OFFERED: Verdict.MET,
    AwardState.CLAIMED: Verdict.MET,
    AwardState.HELD: Verdict.UNKNOWN,
    AwardState.SUSPENDED: Verdict.UNKNOWN,
}
"""What an award means for badges that build on it; a person decides about those held and suspended. Else: not met."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An achievement with the rule it is judged by."""

    achievement: Achievement
    rule: Rule
    award_rule_id: int


@dataclass(frozen=True, slots=True)
class Course:
    """Everything about a course that does not depend on the learner."""

    context_id: int
    plans: dict[str, CompetencyPlan]
    columns: dict[str, EvidenceColumn]
    """By slot."""
    judged: list[Judged]
    titles: dict[str, str]
    """Names of the course's badges, by public id."""


def load_course(session: Session, context_id: int, *, drafts: bool = False) -> Course:
    """Load competencies, bindings and achievements with a rule (live ones; ``drafts`` too for trying out)."""
    states = set(AchievementState) - {AchievementState.RETIRED} if drafts else {AchievementState.LIVE}
    achievements = session.scalars(
        select(Achievement)
        .where(Achievement.context_id == context_id, Achievement.state.in_(states))
        .where(Achievement.current_rule_id.is_not(None), Achievement.current_version_id.is_not(None))
        .options(joinedload(Achievement.current_rule), joinedload(Achievement.current_version))
        .order_by(Achievement.id)
    )
    bindings = session.execute(
        select(SlotBinding.slot, EvidenceColumn)
        .join(EvidenceColumn, EvidenceColumn.id == SlotBinding.column_id)
        .where(SlotBinding.context_id == context_id)
    )
    found = list(achievements)
    return Course(
        context_id=context_id,
        plans=_plans(session, context_id),
        columns={slot: column for slot, column in bindings},
        judged=[
            Judged(achievement, parse_rule(achievement.current_rule.document), achievement.current_rule.id)
            for achievement in found
            if achievement.current_rule is not None
        ],
        titles={one.public_id: one.current_version.name for one in found if one.current_version is not None},
    )


def _plans(session: Session, context_id: int) -> dict[str, CompetencyPlan]:
    policies = {
        policy.item_id: policy
        for policy in session.scalars(select(CompetencyPolicy).where(CompetencyPolicy.context_id == context_id))
    }
    parts: dict[int, list[Part]] = {}
    mappings = select(EvidenceMapping).where(EvidenceMapping.context_id == context_id).order_by(EvidenceMapping.id)
    for mapping in session.scalars(mappings):
        parts.setdefault(mapping.item_id, []).append(Part(mapping.slot, mapping.threshold, mapping.weight))
    plans = {}
    for item in course_items(session, context_id):
        policy = policies.get(item.id)
        plans[item.identifier] = CompetencyPlan(
            identifier=item.identifier,
            title=item.full_statement,
            calculation=Calculation(policy.calculation) if policy else DEFAULT_CALCULATION,
            threshold=policy.threshold if policy else DEFAULT_THRESHOLD,
            parts=tuple(parts.get(item.id, ())),
        )
    return plans


def evaluated_user_ids(session: Session, context_id: int) -> list[int]:
    """Return who is evaluated: learners, departed ones too (absence is no evidence); staff and test users never."""
    return list(
        session.scalars(
            select(Membership.user_id)
            .where(Membership.context_id == context_id, Membership.is_learner, ~Membership.is_test_user)
            .order_by(Membership.user_id)
        )
    )


def gather_facts(session: Session, course: Course, user_ids: Collection[int], now: datetime) -> dict[int, Facts]:
    """Return what is known about each of the users, by user id."""
    slots_of_column: dict[int, list[str]] = {}
    for slot, column in course.columns.items():
        slots_of_column.setdefault(column.id, []).append(slot)
    evidence = {user_id: _unobserved(course, now) for user_id in user_ids}
    for user_id, column_id, observation in _observations(session, slots_of_column, user_ids):
        for slot in slots_of_column[column_id]:
            evidence[user_id][slot] = _evidence(slot, course.columns[slot], observation, now)
    awarded = _awarded(session, course, user_ids)
    return {
        user_id: Facts(
            evidence=evidence[user_id],
            competencies=course.plans,
            now=now,
            achievements=awarded.get(user_id, {}),
            titles=course.titles,
        )
        for user_id in user_ids
    }


def _observations(
    session: Session, column_ids: Iterable[int], user_ids: Collection[int]
) -> Iterable[tuple[int, int, Observation]]:
    """The held observations. Users are filtered here, not in SQL, where a long list would not fit a statement."""
    wanted = set(user_ids)
    rows = session.execute(
        select(Fact.user_id, Fact.column_id, Observation)
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id.in_(list(column_ids)))
        .where(Fact.user_id == next(iter(wanted)) if len(wanted) == 1 else Fact.user_id.is_not(None))
    )
    return ((user_id, column_id, observation) for user_id, column_id, observation in rows if user_id in wanted)


def _unobserved(course: Course, now: datetime) -> dict[str, Evidence]:
    """Evidence before anything was observed: the column is there, no result is."""
    return {slot: _evidence(slot, column, None, now) for slot, column in course.columns.items()}


def _evidence(slot: str, column: EvidenceColumn, observation: Observation | None, now: datetime) -> Evidence:
    return Evidence(
        slot=slot,
        title=column.title,
        source=column.source,
        state=observation.state if observation else EvidenceState.UNGRADED,
        freshness=_freshness(column, now),
        score=observation.score if observation else None,
        maximum=(observation.maximum if observation and observation.maximum is not None else column.maximum),
        letter=observation.letter if observation else None,
        submitted_at=observation.submitted_at if observation else None,
        graded_at=observation.graded_at if observation else None,
        checked_at=column.checked_at,
        position=column.position,
    )


def _freshness(column: EvidenceColumn, now: datetime) -> Freshness:
    if column.failed_code is not None:
        return Freshness.FAILED
    if column.is_gone or column.checked_at is None or now - column.checked_at > STALE_AFTER:
        return Freshness.STALE
    return Freshness.FRESH


def _awarded(session: Session, course: Course, user_ids: Collection[int]) -> dict[int, dict[str, Verdict]]:
    """Verdicts of the course's own achievements, by user id and public id."""
    rows = session.execute(
        select(Award.user_id, Achievement.public_id, Award.state)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .where(Achievement.context_id == course.context_id)
    )
    wanted = set(user_ids)
    awarded: dict[int, dict[str, Verdict]] = {}
    for user_id, public_id, state in rows:
        if user_id in wanted and state in COUNTS_AS:
            awarded.setdefault(user_id, {})[public_id] = COUNTS_AS[state]
    return awarded
