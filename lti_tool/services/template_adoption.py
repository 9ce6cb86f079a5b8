"""Courses that inherit a template: they get rows of their own, and follow new versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.domain.rules import rule_document
from lti_tool.domain.templates import Template, TemplateBadge, badge_order, with_achievements
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    CompetencyPolicy,
    Context,
    EvidenceMapping,
    Framework,
    Item,
    MappingTemplate,
    MappingTemplateVersion,
    TemplateAdoption,
    TemplateState,
)
from lti_tool.services import achievements, audit
from lti_tool.services.achievements import Content
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.templates import get_template, read_version


def adopt(
    session: Session, context: Context, template_id: int, issuer_profile_id: int, actor: str, now: datetime
) -> TemplateAdoption:
    """Let a course inherit a published template of its organization; again changes nothing.

    Raises ``NotFoundError`` for a template that is not offered to this course.
    """
    template = get_template(session, template_id)
    is_offered = template.state is TemplateState.PUBLISHED and template.organization_id == context.organization_id
    if not is_offered or template.current_version_id is None:
        raise NotFoundError("There is no such template.")
    adoption = session.scalar(
        select(TemplateAdoption).where(
            TemplateAdoption.context_id == context.id, TemplateAdoption.template_id == template_id
        )
    )
    if adoption is None:
        adoption = TemplateAdoption(
            context_id=context.id,
            template_id=template_id,
            template_version_id=template.current_version_id,
            adopted_by=actor,
            adopted_at=now,
            updated_at=now,
        )
        session.add(adoption)
        session.flush()
        apply_version(session, adoption, issuer_profile_id, actor, now, is_first=True)
    return adoption


def apply_version(
    session: Session,
    adoption: TemplateAdoption,
    issuer_profile_id: int,
    actor: str,
    now: datetime,
    *,
    is_first: bool = False,
) -> None:
    """Bring a course to its template's current version; safe to run twice.

    What the course made its own (only possible while the template is not locked) stays as the course wants it.
    """
    template = get_template(session, adoption.template_id)
    version = template.current_version
    if version is None:
        return
    content = read_version(version)
    context = session.get_one(Context, adoption.context_id)
    step = _Application(session, context, template, version, issuer_profile_id, actor, now, is_first=is_first)
    items = step.write_competencies(content)
    step.write_mappings(content, items)
    step.write_calculations(content, items)
    step.write_badges(content)
    adoption.template_version_id, adoption.updated_at = version.id, now
    session.flush()
    want_evaluation(session, context.id)
    audit.record(
        session,
        "template.applied",
        actor=actor,
        subject=f"context:{context.id}",
        organization_id=context.organization_id,
        payload={"template": template.id, "version": version.number},
        now=now,
    )


class _Application:
    """One template's version on its way into one course."""

    def __init__(
        self,
        session: Session,
        context: Context,
        template: MappingTemplate,
        version: MappingTemplateVersion,
        issuer_profile_id: int,
        actor: str,
        now: datetime,
        *,
        is_first: bool,
    ) -> None:
        self._session, self._context, self._now, self._is_first = session, context, now, is_first
        self._actor = actor
        self._template, self._version, self._issuer_profile_id = template, version, issuer_profile_id
        self._versions = list(
            session.scalars(select(MappingTemplateVersion.id).where(MappingTemplateVersion.template_id == template.id))
        )

    def write_competencies(self, content: Template) -> dict[str, Item]:
        """Write the competencies; the course's own of the same identifier become the template's."""
        framework = self._framework()
        known = {
            item.identifier: item
            for item in self._session.scalars(
                select(Item).join(Framework).where(Framework.context_id == self._context.id)
            )
        }
        for position, wanted in enumerate(content.competencies):
            item = known.get(wanted.identifier)
            if item is None:
                item = known[wanted.identifier] = Item(identifier=wanted.identifier, full_statement=wanted.statement)
                self._session.add(item)
            item.framework_id = framework.id
            item.full_statement, item.human_code, item.uri = wanted.statement, wanted.code, wanted.uri
            item.position = position
        self._session.flush()
        return {one.identifier: known[one.identifier] for one in content.competencies}

    def _framework(self) -> Framework:
        framework = self._session.scalar(
            select(Framework).where(
                Framework.context_id == self._context.id, Framework.template_id == self._template.id
            )
        )
        if framework is None:
            framework = Framework(
                organization_id=self._context.organization_id,
                context_id=self._context.id,
                template_id=self._template.id,
                title=self._template.name,
                created_at=self._now,
            )
            self._session.add(framework)
            self._session.flush()
        return framework

    def write_mappings(self, content: Template, items: dict[str, Item]) -> None:
        """Write what counts; in a locked template nothing else counts for its competencies."""
        here = EvidenceMapping.context_id == self._context.id
        rows = {(one.slot, one.item_id): one for one in self._session.scalars(select(EvidenceMapping).where(here))}
        wanted = {(one.slot, items[one.competency].id): one for one in content.mappings}
        for key, mapping in wanted.items():
            row = rows.get(key)
            if row is None:
                row = EvidenceMapping(context_id=self._context.id, slot=mapping.slot, item_id=key[1])
                row.template_version_id = self._version.id
                self._session.add(row)
            if self._is_ours(row):
                row.threshold, row.weight = mapping.threshold, mapping.weight
                row.template_version_id = self._version.id
        inherited_items = {item.id for item in items.values()}
        for key, row in rows.items():
            is_foreign = self._template.is_locked and key[1] in inherited_items
            if key not in wanted and (row.template_version_id in self._versions or is_foreign):
                self._session.delete(row)
        self._session.flush()

    def write_calculations(self, content: Template, items: dict[str, Item]) -> None:
        """Write how work is combined."""
        here = CompetencyPolicy.context_id == self._context.id
        rows = {one.item_id: one for one in self._session.scalars(select(CompetencyPolicy).where(here))}
        wanted = {items[one.competency].id: one for one in content.calculations}
        for item_id, calculation in wanted.items():
            row = rows.get(item_id)
            if row is None:
                row = CompetencyPolicy(context_id=self._context.id, item_id=item_id)
                row.template_version_id = self._version.id
                self._session.add(row)
            if self._is_ours(row):
                row.calculation, row.threshold = calculation.calculation.value, calculation.threshold
                row.factor = calculation.factor
                row.template_version_id = self._version.id
        gone = [row.id for item_id, row in rows.items() if item_id not in wanted and self._from_template(row)]
        self._session.execute(delete(CompetencyPolicy).where(CompetencyPolicy.id.in_(gone)))
        self._session.flush()

    def write_badges(self, content: Template) -> None:
        """Write the badges: new ones as drafts, since their slots have to be bound first; those gone are retired.

        One that the course made its own is left as it is, and stays what other badges of the template build on.
        """
        here = Achievement.context_id == self._context.id, Achievement.template_key.is_not(None)
        found = list(self._session.scalars(select(Achievement).where(*here)))
        own = {one.template_key: one for one in found if one.template_version_id is None and not self._is_first}
        rows = {one.template_key: one for one in found if self._from_template(one)}
        names = {key: row.public_id for key, row in (own | rows).items() if key is not None}
        for badge in badge_order(content):
            row = rows.get(badge.key) or own.get(badge.key)
            if row is not None and row.template_version_id is None and not self._template.is_locked:
                continue
            if row is None:
                row = achievements.create_achievement(
                    self._session, self._context, self._issuer_profile_id, _content(badge), self._now
                )
            names[badge.key] = row.public_id
            row.template_key, row.template_version_id = badge.key, self._version.id
            row.policy = dict(badge.policy.to_document())
            rule: dict[str, Any] = with_achievements(rule_document(badge.rule), names)
            by_template: dict[str, Any] = {"by_template": True, "actor": self._actor}
            achievements.write_content(self._session, row, _content(badge), self._now, **by_template)
            achievements.write_rule(self._session, row, rule, self._now, **by_template)
        kept = {badge.key for badge in content.badges}
        for key, row in rows.items():
            if key not in kept:
                row.state = AchievementState.RETIRED
        self._session.flush()

    def _from_template(self, row: CompetencyPolicy | Achievement) -> bool:
        return row.template_version_id in self._versions

    def _is_ours(self, row: EvidenceMapping | CompetencyPolicy) -> bool:
        """Whether the template's word goes: always when locked, else while the course did not change the row."""
        return self._template.is_locked or row.template_version_id in self._versions


def _content(badge: TemplateBadge) -> Content:
    return Content(
        name=badge.name,
        description=badge.description,
        criteria_narrative=badge.criteria,
        picture_sha256=badge.picture,
        language=badge.language,
        achievement_type=badge.type,
    )
