"""Templates: mappings and badges that an organization keeps for its courses, in immutable versions.

A template is drafted from a course or from a document, published, and adopted by courses, which get competencies,
mappings and badges of their own that say where they come from (``services.template_adoption``). A new version reaches
every course that adopted it, by a background job.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.template_documents import parse_template
from lti_tool.domain.templates import (
    Template,
    TemplateBadge,
    TemplateCalculation,
    TemplateCompetency,
    TemplateMapping,
    TemplateSlot,
    check_references,
    with_achievements,
)
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import (
    Achievement,
    Blob,
    CompetencyPolicy,
    Context,
    EvidenceColumn,
    EvidenceMapping,
    MappingTemplate,
    MappingTemplateVersion,
    SlotBinding,
    TemplateAdoption,
    TemplateState,
)
from lti_tool.services import audit
from lti_tool.services.achievements import course_achievements
from lti_tool.services.frameworks import course_items

NAME_LENGTH = 255


def list_templates(session: Session, organization_id: int | None = None) -> list[MappingTemplate]:
    """Return templates by name; of one organization, or of all."""
    found = select(MappingTemplate).order_by(MappingTemplate.name, MappingTemplate.id)
    if organization_id is not None:
        found = found.where(MappingTemplate.organization_id == organization_id)
    return list(session.scalars(found))


def get_template(session: Session, template_id: int) -> MappingTemplate:
    """Return a template; raises ``NotFoundError``."""
    template = session.get(MappingTemplate, template_id)
    if template is None:
        raise NotFoundError("There is no such template.")
    return template


def read_version(version: MappingTemplateVersion) -> Template:
    """Return what a version holds."""
    return parse_template(version.document)


def published_templates(session: Session, organization_id: int) -> list[MappingTemplate]:
    """Return what courses of an organization can adopt."""
    return [one for one in list_templates(session, organization_id) if one.state is TemplateState.PUBLISHED]


def adoptions(session: Session, template_id: int) -> list[tuple[TemplateAdoption, Context]]:
    """Return the courses that inherit a template."""
    rows = session.execute(
        select(TemplateAdoption, Context)
        .join(Context, Context.id == TemplateAdoption.context_id)
        .where(TemplateAdoption.template_id == template_id)
        .order_by(TemplateAdoption.id)
    )
    return [(adoption, context) for adoption, context in rows]


def version_numbers(session: Session, template_id: int) -> dict[int, int]:
    """Return the numbers of a template's versions, by their id."""
    rows = select(MappingTemplateVersion.id, MappingTemplateVersion.number).where(
        MappingTemplateVersion.template_id == template_id
    )
    return {version_id: number for version_id, number in session.execute(rows)}


# -- writing ----------------------------------------------------------------------------------------------------------


def create_template(
    session: Session, organization_id: int, name: str, content: Template, actor: str, now: datetime
) -> MappingTemplate:
    """Make a draft with its first version. Raises ``InvalidInputError`` (``name_empty``, ``name_too_long``,
    ``template_reference`` for a picture that is not stored) or ``ConflictError`` (``template_name_taken``)."""
    name = " ".join(name.split())
    if not name:
        raise InvalidInputError("A template needs a name.", code="name_empty", field="name")
    if len(name) > NAME_LENGTH:
        raise InvalidInputError("The name is too long.", code="name_too_long", field="name")
    taken = MappingTemplate.organization_id == organization_id, MappingTemplate.name == name
    if session.scalar(select(MappingTemplate.id).where(*taken)) is not None:
        raise ConflictError("There is a template of this name already.", code="template_name_taken")
    template = MappingTemplate(
        organization_id=organization_id,
        name=name,
        state=TemplateState.DRAFT,
        is_locked=True,
        created_by=actor,
        created_at=now,
    )
    session.add(template)
    session.flush()
    add_version(session, template, content, actor, now)
    return template


def add_version(
    session: Session, template: MappingTemplate, content: Template, actor: str, now: datetime
) -> MappingTemplateVersion:
    """Make this the template's current content; the same content again changes nothing.

    Courses that inherit a published template are due to get it.
    """
    check_references(content)
    _check_pictures(session, content)
    document = cast("dict[str, Any]", content.to_document())
    current = template.current_version
    if current is not None and current.document == document:
        return current
    last = session.scalar(
        select(func.max(MappingTemplateVersion.number)).where(MappingTemplateVersion.template_id == template.id)
    )
    version = MappingTemplateVersion(
        template_id=template.id, number=(last or 0) + 1, document=document, created_by=actor, created_at=now
    )
    session.add(version)
    session.flush()
    template.current_version = version
    _record(session, "template.written", template, actor, now)
    return version


def publish(session: Session, template: MappingTemplate, *, is_locked: bool, actor: str, now: datetime) -> None:
    """Offer the template to courses; publishing again only changes whether it is locked."""
    if template.state is TemplateState.PUBLISHED and template.is_locked == is_locked:
        return
    template.state, template.is_locked = TemplateState.PUBLISHED, is_locked
    session.flush()
    _record(session, "template.published", template, actor, now)


def retire(session: Session, template: MappingTemplate, actor: str, now: datetime) -> None:
    """Offer it to no further course; those that have it keep it as it is."""
    if template.state is not TemplateState.RETIRED:
        template.state = TemplateState.RETIRED
        _record(session, "template.retired", template, actor, now)


def due_adoptions(session: Session, limit: int = 50) -> list[int]:
    """Return ids of adoptions that do not have their template's current version yet."""
    due = (
        select(TemplateAdoption.id)
        .join(MappingTemplate, MappingTemplate.id == TemplateAdoption.template_id)
        .where(MappingTemplate.state == TemplateState.PUBLISHED)
        .where(TemplateAdoption.template_version_id != MappingTemplate.current_version_id)
        .order_by(TemplateAdoption.id)
    )
    return list(session.scalars(due.limit(limit)))


# -- from a course ----------------------------------------------------------------------------------------------------


def course_content(session: Session, context_id: int) -> Template:
    """Return a course's competencies, mappings and badges as a template's content.

    Badges without a rule are left out, and so is work nothing counts. Raises ``ConflictError`` (``course_empty``)
    for a course without any badge that has a rule.
    """
    achievements = [one for one in course_achievements(session, context_id) if _is_complete(one)]
    if not achievements:
        raise ConflictError("The course has no badge with a rule yet.", code="course_empty")
    names = {one.public_id: key for one, key in zip(achievements, _keys(achievements), strict=True)}
    items = {one.id: one for one in course_items(session, context_id)}
    mappings = [
        TemplateMapping(one.slot, items[one.item_id].identifier, one.threshold, one.weight)
        for one in session.scalars(
            select(EvidenceMapping).where(EvidenceMapping.context_id == context_id).order_by(EvidenceMapping.id)
        )
        if one.item_id in items
    ]
    calculations = [
        TemplateCalculation(items[one.item_id].identifier, Calculation(one.calculation), one.threshold, one.factor)
        for one in session.scalars(
            select(CompetencyPolicy).where(CompetencyPolicy.context_id == context_id).order_by(CompetencyPolicy.id)
        )
        if one.item_id in items
    ]
    return Template(
        competencies=tuple(
            TemplateCompetency(one.identifier, one.full_statement, one.human_code, one.uri) for one in items.values()
        ),
        slots=tuple(_slots(session, context_id)),
        mappings=tuple(mappings),
        calculations=tuple(calculations),
        badges=tuple(_badge(one, names) for one in achievements),
    )


def _slots(session: Session, context_id: int) -> Iterable[TemplateSlot]:
    rows = session.execute(
        select(SlotBinding.slot, EvidenceColumn.title)
        .join(EvidenceColumn, EvidenceColumn.id == SlotBinding.column_id)
        .where(SlotBinding.context_id == context_id)
        .order_by(EvidenceColumn.position, SlotBinding.id)
    )
    return [TemplateSlot(slot, title) for slot, title in rows]


def _is_complete(achievement: Achievement) -> bool:
    return achievement.current_rule is not None and achievement.current_version is not None


def _badge(achievement: Achievement, names: Mapping[str, str]) -> TemplateBadge:
    version, rule = achievement.current_version, achievement.current_rule
    if version is None or rule is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")
    return TemplateBadge(
        key=names[achievement.public_id],
        name=version.name,
        description=version.description,
        criteria=version.criteria_narrative,
        type=version.achievement_type,
        language=version.language,
        picture=version.picture_sha256,
        rule=parse_rule(with_achievements(rule.document, names)),
        policy=AwardPolicy.from_document(achievement.policy),
    )


def _keys(achievements: Iterable[Achievement]) -> list[str]:
    """A key for each badge from its name, numbered where two are the same."""
    keys: list[str] = []
    for achievement in achievements:
        name = achievement.current_version.name if achievement.current_version else ""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "badge"
        key, number = achievement.template_key or wanted, 1
        while key in keys:
            number += 1
            key = f"{wanted}-{number}"
        keys.append(key)
    return keys


def _check_pictures(session: Session, content: Template) -> None:
    for number, badge in enumerate(content.badges):
        if session.get(Blob, badge.picture) is None:
            raise InvalidInputError(
                f"The picture of {badge.name} is not stored here.",
                code="template_reference",
                field=f"$.badges[{number}].picture",
            )


def _record(session: Session, action: str, template: MappingTemplate, actor: str, now: datetime) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"template:{template.id}",
        organization_id=template.organization_id,
        payload={
            "version": template.current_version.number if template.current_version else None,
            "is_locked": template.is_locked,
        },
        now=now,
    )
