"""What a course has from its organization's templates, and what it may still change itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError
from lti_tool.models import (
    Achievement,
    CompetencyPolicy,
    EvidenceMapping,
    Framework,
    Item,
    MappingTemplate,
    MappingTemplateVersion,
    TemplateAdoption,
    TemplateState,
)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The templates of one course: which are locked, by version and by framework."""

    locked_versions: frozenset[int]
    locked_frameworks: frozenset[int]

    def is_locked(self, row: EvidenceMapping | CompetencyPolicy | Achievement) -> bool:
        """Whether the course may not change this row."""
        return row.template_version_id in self.locked_versions


def inherited(session: Session, context_id: int) -> Inherited:
    """Return what is locked in a course."""
    locked = list(
        session.scalars(
            select(MappingTemplate.id)
            .join(TemplateAdoption, TemplateAdoption.template_id == MappingTemplate.id)
            .where(TemplateAdoption.context_id == context_id, MappingTemplate.is_locked)
        )
    )
    if not locked:
        return Inherited(frozenset(), frozenset())
    versions = select(MappingTemplateVersion.id).where(MappingTemplateVersion.template_id.in_(locked))
    frameworks = select(Framework.id).where(Framework.context_id == context_id, Framework.template_id.in_(locked))
    return Inherited(frozenset(session.scalars(versions)), frozenset(session.scalars(frameworks)))


def allow_change(session: Session, context_id: int, *rows: EvidenceMapping | CompetencyPolicy | Achievement) -> None:
    """Let a course change rows: those of an unlocked template become its own.

    Raises ``ConflictError`` (``mapping_locked``) when one comes from a locked template.
    """
    if all(row.template_version_id is None for row in rows):
        return
    rules = inherited(session, context_id)
    if any(rules.is_locked(row) for row in rows):
        raise locked_error()
    for row in rows:
        row.template_version_id = None


def allow_counting(session: Session, context_id: int, item: Item) -> None:
    """Let more work count for a competency. Raises ``ConflictError`` (``mapping_locked``) for one of a locked template:
    what counts for it, and how, is the organization's word."""
    if is_kept(session, context_id, item):
        raise locked_error()


def is_kept(session: Session, context_id: int, item: Item) -> bool:
    """Whether a locked template says what counts for a competency."""
    return item.framework_id in inherited(session, context_id).locked_frameworks


def is_approved(session: Session, achievement: Achievement) -> bool:
    """Whether the organization approved the badge with its template: an instructor may publish it as it is."""
    if achievement.template_version_id is None:
        return False
    state = session.scalar(
        select(MappingTemplate.state)
        .join(MappingTemplateVersion, MappingTemplateVersion.template_id == MappingTemplate.id)
        .where(MappingTemplateVersion.id == achievement.template_version_id)
    )
    return state is TemplateState.PUBLISHED


def adopted_templates(session: Session, context_id: int) -> Sequence[tuple[TemplateAdoption, MappingTemplate]]:
    """Return the templates a course inherits."""
    return [
        (adoption, template)
        for adoption, template in session.execute(
            select(TemplateAdoption, MappingTemplate)
            .join(MappingTemplate, MappingTemplate.id == TemplateAdoption.template_id)
            .where(TemplateAdoption.context_id == context_id)
            .order_by(MappingTemplate.name)
        )
    ]


def locked_error() -> ConflictError:
    """The refusal to change what a locked template says."""
    return ConflictError("This comes from a template that your organization keeps locked.", code="mapping_locked")
