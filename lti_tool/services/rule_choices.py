"""What a rule of one badge can be made of in its course, and what linting it looks at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_tool.domain.clauses import Measure
from lti_tool.domain.lint import ColumnTraits, CourseOutline
from lti_tool.domain.rules import iter_clauses, parse_rule
from lti_tool.evidence.base import EvidenceSource
from lti_tool.models import (
    Achievement,
    AchievementState,
    Checkpoint,
    CheckpointKind,
    Context,
    EvidenceColumn,
    Fact,
    Item,
    Membership,
    Observation,
)
from lti_tool.services.achievements import course_achievements
from lti_tool.services.frameworks import course_items
from lti_tool.services.gathering import load_course
from lti_tool.services.mapping import course_columns
from lti_tool.services.overview import choosable_badges, titles_of


@dataclass(frozen=True, slots=True)
class Work:
    """A column a rule can look at; ``slot`` once it has one. ``measures``: what its source can decide."""

    column: EvidenceColumn
    slot: str | None
    measures: frozenset[Measure]


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that can be chosen for a rule.

    ``measures`` are those that some granted source can decide in this course; ``titles`` names what rules name, by
    identifier and slot; ``tells_dates``: some work has a date.
    """

    items: list[Item]
    badges: list[Achievement]
    work: list[Work]
    sections: Mapping[str, str]
    measures: frozenset[Measure]
    tells_dates: bool
    titles: Mapping[str, str]
    outline: CourseOutline
    assessments: Mapping[str, str]
    """Titles of what people assess in the tool, by the public id of its checkpoint."""
    kept: frozenset[str] = frozenset()
    """Identifiers and slots that the stored rule names: it may go on naming what is no longer here."""


def provisional_slot(column_id: int) -> str:
    """The name under which a column without a slot stands in a rule nobody has stored yet; no slot has a colon."""
    return f"column:{column_id}"


def load_choices(session: Session, achievement: Achievement, sources: Iterable[EvidenceSource]) -> Choices:
    """Return what a badge's rule can be made of, by what the granted sources can observe in its course."""
    context = session.get_one(Context, achievement.context_id)
    course = load_course(session, context.id, drafts=True)
    decided = _decided(context, sources)
    slots = {column.id: slot for slot, column in course.columns.items()}
    work = [
        Work(column, slots.get(column.id), decided.get(column.source, frozenset(Measure)))
        for column in course_columns(session, context.id)
    ]
    dated = _dated(session, [one.column for one in work])
    sections = course.sections if _tells_sections(session, context.id) else {}
    assessments = _assessments(session, context.id)
    live = [one for one in course_achievements(session, context.id) if one.state is AchievementState.LIVE]
    outline = CourseOutline(
        plans=course.plans,
        columns={
            one.slot or provisional_slot(one.column.id): ColumnTraits(
                title=one.column.title,
                maximum=one.column.maximum,
                observable=frozenset(measure.value for measure in one.measures),
                has_dates=one.column.id in dated,
                scheme=tuple(one.column.grading_scheme) if one.column.grading_scheme else None,
            )
            for one in work
        },
        achievements={one.public_id: one.current_version.name for one in live if one.current_version is not None},
        assessments=assessments,
        sections=course.sections,
        tells_sections=bool(sections),
        own_achievement=achievement.public_id,
        starts_at=context.starts_at,
        closes_at=context.ends_at,
    )
    return Choices(
        items=course_items(session, context.id),
        badges=choosable_badges(session, context.id, achievement.id),
        work=work,
        sections=sections,
        measures=frozenset().union(*(one.measures for one in work)),
        tells_dates=bool(dated),
        titles=titles_of(course)
        | dict(course.sections)
        | {provisional_slot(one.column.id): one.column.title for one in work},
        outline=outline,
        assessments=assessments,
        kept=_kept(achievement),
    )


def _assessments(session: Session, context_id: int) -> dict[str, str]:
    """What is assessed in the course now, in the order in which it was made."""
    rows = session.execute(
        select(Checkpoint.public_id, Checkpoint.title)
        .where(Checkpoint.context_id == context_id, Checkpoint.kind != CheckpointKind.PROGRESS)
        .where(Checkpoint.retired_at.is_(None))
        .order_by(Checkpoint.id)
    )
    return {public_id: title for public_id, title in rows}


def _kept(achievement: Achievement) -> frozenset[str]:
    if achievement.current_rule is None:
        return frozenset()
    clauses = iter_clauses(parse_rule(achievement.current_rule.document))
    named = (getattr(one, "identifier", None) or getattr(one, "slot", None) for one in clauses)
    return frozenset(one for one in named if isinstance(one, str))


def _decided(context: Context, sources: Iterable[EvidenceSource]) -> dict[str, frozenset[Measure]]:
    """What each source can decide here, by its name; of the others nothing is known."""
    capabilities = [source.capability(context) for source in sources]
    return {one.source: frozenset(Measure(kind.value) for kind in one.decides) for one in capabilities}


def _dated(session: Session, columns: Iterable[EvidenceColumn]) -> set[int]:
    """The columns of which some result has a date, or that have no result yet, so that it cannot be said."""
    ids = [one.id for one in columns]
    dated = or_(Observation.submitted_at.is_not(None), Observation.graded_at.is_not(None))
    told = select(Fact.column_id).join(Observation, Observation.id == Fact.observation_id).where(dated)
    silent = set(session.scalars(select(Fact.column_id).where(Fact.column_id.in_(ids)).distinct()))
    return set(session.scalars(told.where(Fact.column_id.in_(ids)).distinct())) | (set(ids) - silent)


def _tells_sections(session: Session, context_id: int) -> bool:
    """Whether the platform told of anybody here which sections they are in."""
    rows = session.scalars(
        select(Membership.sections).where(Membership.context_id == context_id, Membership.sections.is_not(None))
    )
    return any(one for one in rows)
