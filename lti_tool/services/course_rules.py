"""Everything about a course that does not depend on the learner: competencies, evidence columns, badges with rules."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.award_policy import DEFAULT_AWARD_POLICY, AwardPolicy
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Rule, parse_rule
from lti_tool.models import (
    Achievement,
    AchievementState,
    CompetencyPolicy,
    Context,
    CourseGroup,
    EvidenceColumn,
    EvidenceMapping,
    SlotBinding,
    Term,
)
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import DEFAULT_CALCULATION, DEFAULT_FACTOR, DEFAULT_THRESHOLD


@dataclass(frozen=True, slots=True)
class Judged:
    """An achievement with the rule it is judged by and the policy it is awarded by."""

    achievement: Achievement
    rule: Rule
    award_rule_id: int
    policy: AwardPolicy = DEFAULT_AWARD_POLICY


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
    sections: dict[str, str]
    """Names of the course's sections, by their id."""
    organization_id: int
    closes_at: datetime | None
    """When the course ends, as far as known: until then nothing is *not* done yet."""
    terms: list[Term]
    """The terms of the course's organization."""


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
    context = session.get_one(Context, context_id)
    groups = session.execute(
        select(CourseGroup.platform_id, CourseGroup.name).where(CourseGroup.context_id == context_id)
    )
    terms = select(Term).where(Term.organization_id == context.organization_id).order_by(Term.starts_at)
    return Course(
        context_id=context_id,
        plans=_plans(session, context_id),
        columns={slot: column for slot, column in bindings},
        judged=[
            Judged(
                achievement,
                parse_rule(achievement.current_rule.document),
                achievement.current_rule.id,
                AwardPolicy.from_document(achievement.policy),
            )
            for achievement in found
            if achievement.current_rule is not None
        ],
        titles={one.public_id: one.current_version.name for one in found if one.current_version is not None},
        sections={platform_id: name for platform_id, name in groups},
        organization_id=context.organization_id,
        closes_at=context.ends_at,
        terms=list(session.scalars(terms)),
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
            factor=policy.factor if policy else DEFAULT_FACTOR,
        )
    return plans
