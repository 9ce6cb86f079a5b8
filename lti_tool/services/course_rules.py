"""Everything about a course that does not depend on the learner: competencies, evidence columns, badges with rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_tool.domain.award_policy import DEFAULT_AWARD_POLICY, AwardPolicy
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.rules import Rule, parse_rule
from lti_tool.evidence.assessor import SOURCE as ASSESSOR
from lti_tool.models import (
    Achievement,
    AchievementState,
    Checkpoint,
    CheckpointKind,
    ColumnLink,
    CompetencyPolicy,
    Context,
    CourseGroup,
    EvidenceColumn,
    EvidenceMapping,
    LinkState,
    SlotBinding,
    Term,
)
from lti_tool.services.column_links import groups_of
from lti_tool.services.frameworks import course_items
from lti_tool.services.mapping import DEFAULT_CALCULATION, DEFAULT_FACTOR, DEFAULT_THRESHOLD


@dataclass(frozen=True, slots=True)
class Judged:
    """An achievement with the rule it is judged by and the policy it is awarded by."""

    achievement: Achievement
    rule: Rule
    award_rule_id: int
    policy: AwardPolicy = DEFAULT_AWARD_POLICY


class Assessed(NamedTuple):
    """A checkpoint as rules name it, with the percent from which on an outcome says yes."""

    identifier: str
    threshold: Decimal


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
    same_work: Mapping[int, tuple[EvidenceColumn, ...]] = field(default_factory=dict)
    """By column: every column of the same work, itself included, where several sources see it."""
    assessed: Mapping[int, Assessed] = field(default_factory=dict)
    """By column: the checkpoint whose outcomes it has."""
    assessment_titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of everything that can be assessed in the tool, by public id."""


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
    assessed, assessment_titles = _assessed(session, context_id)
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
        same_work=_same_work(session, context_id),
        assessed=assessed,
        assessment_titles=assessment_titles,
    )


def _same_work(session: Session, context_id: int) -> dict[int, tuple[EvidenceColumn, ...]]:
    """One query; nothing where no two columns are linked."""
    rows = session.execute(
        select(ColumnLink.column_id, ColumnLink.other_id, EvidenceColumn)
        .join(EvidenceColumn, EvidenceColumn.id.in_([ColumnLink.column_id, ColumnLink.other_id]))
        .where(ColumnLink.context_id == context_id, ColumnLink.state == LinkState.CONFIRMED)
    ).all()
    columns = {column.id: column for _, _, column in rows}
    groups = groups_of({(one, other) for one, other, _ in rows})
    return {one: tuple(columns[each] for each in sorted(group)) for one, group in groups.items()}


def _assessed(session: Session, context_id: int) -> tuple[dict[int, Assessed], dict[str, str]]:
    rows = session.execute(
        select(Checkpoint.public_id, Checkpoint.title, Checkpoint.threshold, EvidenceColumn.id)
        .outerjoin(
            EvidenceColumn,
            (EvidenceColumn.context_id == Checkpoint.context_id)
            & (EvidenceColumn.source == ASSESSOR)
            & (EvidenceColumn.external_key == Checkpoint.public_id),
        )
        .where(Checkpoint.context_id == context_id, Checkpoint.kind != CheckpointKind.PROGRESS)
    ).all()
    assessed = {
        column_id: Assessed(public_id, DEFAULT_THRESHOLD if threshold is None else threshold)
        for public_id, _, threshold, column_id in rows
        if column_id is not None
    }
    return assessed, {public_id: title for public_id, title, _, _ in rows}


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
