"""Taking a course's skills, mappings, badges and checkpoints over into its copy, as drafts, and undoing that.

Never awards, people, observations or submissions. Badges get public ids of their own and are drafts, whatever they are
in the origin. What the origin has from its organization's templates comes from the templates again, so that what is
locked stays locked; what comes from a template that is offered no more stays behind.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.templates import with_names
from lti_tool.errors import ConflictError
from lti_tool.models import (
    Achievement,
    AchievementState,
    AchievementVersion,
    Alignment,
    AwardRule,
    Base,
    Checkpoint,
    CompetencyPolicy,
    Context,
    EvidenceMapping,
    Framework,
    Item,
    MappingTemplate,
    SlotBinding,
    TemplateAdoption,
    TemplateState,
)
from lti_tool.services import achievements, checkpoints, copied_work, template_adoption
from lti_tool.services.achievements import Content, course_achievements
from lti_tool.services.frameworks import course_framework, course_items

_IN_CONTEXT: tuple[type[Base], ...] = (
    SlotBinding,
    EvidenceMapping,
    CompetencyPolicy,
    Checkpoint,
    Achievement,
    TemplateAdoption,
    Framework,
)
"""What a course has of its own that copying makes, in the order in which undoing removes it; items go before theirs."""


def copy_course(
    session: Session, origin: Context, context: Context, actor: str, now: datetime, *, with_all_checkpoints: bool
) -> dict[str, Any]:
    """Make drafts in ``context`` of what ``origin`` has; returns what was made, for ``ContextCopy.brought``.

    ``with_all_checkpoints``: also those whose line item is not in the course (yet).
    """
    before = _rows(session, context.id)
    step = _Copying(session, origin, context, actor, now)
    step.adopt_templates()
    items = step.copy_items()
    step.name_slots()
    step.copy_mappings(items)
    step.copy_badges()
    copied_work.bind_slots(session, origin.id, context.id, step.slots)
    step.copy_checkpoints(everything=with_all_checkpoints)
    session.flush()
    after = _rows(session, context.id)
    return {copied_work.SLOTS: step.slots, **{name: sorted(after[name] - before[name]) for name in after}}


def remove(session: Session, context_id: int, brought: Mapping[str, Any]) -> None:
    """Remove what copying made. Raises ``ConflictError`` (``copy_in_use``) once a person built upon it."""
    made = {name: list(ids) for name, ids in brought.items() if name != copied_work.SLOTS}
    published = select(Achievement.id).where(
        Achievement.id.in_(made.get("achievement", [])), Achievement.state != AchievementState.DRAFT
    )
    if session.scalar(published.limit(1)) is not None:
        raise ConflictError("A badge that came with the course is in use.", code="copy_in_use")
    try:
        with session.begin_nested():
            _delete(session, context_id, made)
    except IntegrityError:
        raise ConflictError("Something was built upon what came with the course.", code="copy_in_use") from None
    session.expire_all()
    unused = set(brought.get(copied_work.SLOTS, {}).values()) - copied_work.used_slots(session, context_id)
    here = SlotBinding.context_id == context_id
    session.execute(delete(SlotBinding).where(here, SlotBinding.slot.in_(unused)))  # bound after the copy was made


def _rows(session: Session, context_id: int) -> dict[str, set[int]]:
    """Ids of what a course has, by table."""
    found: dict[str, set[int]] = {}
    for table in _IN_CONTEXT:
        key, course = Base.metadata.tables[table.__tablename__].c["id"], table.__table__.c["context_id"]
        found[table.__tablename__] = set(session.scalars(select(key).where(course == context_id)))
    found["item"] = {one.id for one in course_items(session, context_id)}
    return found


def _delete(session: Session, context_id: int, made: Mapping[str, list[int]]) -> None:
    badges = made.get("achievement", [])
    session.execute(
        update(Achievement).where(Achievement.id.in_(badges)).values(current_version_id=None, current_rule_id=None)
    )
    versions = select(AchievementVersion.id).where(AchievementVersion.achievement_id.in_(badges))
    session.execute(delete(Alignment).where(Alignment.achievement_version_id.in_(versions)))
    for part in (AwardRule, AchievementVersion):
        session.execute(delete(part).where(part.achievement_id.in_(badges)))
    for table in _IN_CONTEXT:
        if table is Framework:
            _remove(session, Item, Item.id.in_(made.get("item", [])))
            in_use = select(Item.id).where(Item.framework_id == Framework.id).exists()
            _remove(session, Framework, Framework.id.in_(made.get("framework", [])) & ~in_use)
            continue
        ids = made.get(table.__tablename__, [])
        rows = table.__table__.c
        _remove(session, table, rows["id"].in_(ids) & (rows["context_id"] == context_id))


def _remove(session: Session, table: type[Base], condition: ColumnElement[bool]) -> None:
    session.execute(delete(table).where(condition), execution_options={"synchronize_session": False})


class _Copying:
    """One course's content on its way into its copy; ``slots``: the origin's slots and their names here."""

    def __init__(self, session: Session, origin: Context, context: Context, actor: str, now: datetime) -> None:
        self._session, self._origin, self._context = session, origin, context
        self._actor, self._now = actor, now
        self.slots: dict[str, str] = {}

    def adopt_templates(self) -> None:
        """Let the copy inherit what the origin inherits and the organization still offers."""
        inherited = self._session.execute(
            select(TemplateAdoption.template_id, Achievement.issuer_profile_id)
            .join(MappingTemplate, MappingTemplate.id == TemplateAdoption.template_id)
            .join(Achievement, Achievement.context_id == TemplateAdoption.context_id)
            .where(TemplateAdoption.context_id == self._origin.id, Achievement.template_version_id.is_not(None))
            .where(MappingTemplate.state == TemplateState.PUBLISHED)
            .order_by(TemplateAdoption.id, Achievement.id)
        )
        issuers: dict[int, int] = {}
        for template_id, issuer_profile_id in inherited:
            issuers.setdefault(template_id, issuer_profile_id)
        for template_id, issuer_profile_id in issuers.items():
            template_adoption.adopt(
                self._session, self._context, template_id, issuer_profile_id, self._actor, self._now
            )

    def copy_items(self) -> dict[int, Item]:
        """Write the skills down; returns them by the origin's ids. Rules name identifiers, so these stay the same."""
        known = {one.identifier: one for one in course_items(self._session, self._context.id)}
        position = max((one.position for one in known.values()), default=-1)
        found: dict[int, Item] = {}
        for item in course_items(self._session, self._origin.id):
            if item.identifier not in known:
                position += 1
                copied = known[item.identifier] = Item(
                    framework_id=course_framework(self._session, self._context, self._now).id,
                    identifier=item.identifier,
                    human_code=item.human_code,
                    full_statement=item.full_statement,
                    uri=item.uri,
                    position=position,
                )
                self._session.add(copied)
            found[item.id] = known[item.identifier]
        self._session.flush()
        return found

    def name_slots(self) -> None:
        """Settle what the origin's slots are called here: as there, unless the name or the column is taken."""
        there = copied_work.bindings(self._session, self._origin.id)
        here = copied_work.bindings(self._session, self._context.id)
        filled = {column_id: slot for slot, column_id in here.items()}
        used = copied_work.used_slots(self._session, self._context.id)
        columns = copied_work.matched_columns(self._session, self._origin.id, self._context.id)
        wanted = [*there, *sorted(copied_work.used_slots(self._session, self._origin.id) - set(there))]
        taken = set(here)
        for slot in wanted:
            column_id = columns.get(there.get(slot, 0))
            if column_id is not None and filled.get(column_id) in used:
                self.slots[slot] = filled[column_id]
                continue
            is_same = column_id is not None and here.get(slot) == column_id
            name, number = slot, 1
            while name in taken and not is_same and not self._is_inherited(name, used, here):
                number += 1
                name = f"{slot[:240]}-{number}"
            taken.add(name)
            self.slots[slot] = name

    def _is_inherited(self, name: str, used: set[str], here: Mapping[str, int]) -> bool:
        """A template's slot, brought by ``adopt_templates`` and not filled yet, is the same one in both courses."""
        return name in used and name not in here

    def copy_mappings(self, items: Mapping[int, Item]) -> None:
        """Write down what counts for what, and how it is combined; rows of templates came with these."""
        there = EvidenceMapping.context_id == self._origin.id, EvidenceMapping.template_version_id.is_(None)
        here = EvidenceMapping.context_id == self._context.id
        mapped = self._session.execute(select(EvidenceMapping.slot, EvidenceMapping.item_id).where(here))
        have = {(slot, item_id) for slot, item_id in mapped}
        for one in self._session.scalars(select(EvidenceMapping).where(*there).order_by(EvidenceMapping.id)).all():
            slot, item = self.slots[one.slot], items.get(one.item_id)
            if item is None or (slot, item.id) in have:
                continue
            self._session.add(
                EvidenceMapping(
                    context_id=self._context.id,
                    slot=slot,
                    item_id=item.id,
                    threshold=one.threshold,
                    weight=one.weight,
                )
            )
        self._copy_policies(items)
        self._session.flush()

    def _copy_policies(self, items: Mapping[int, Item]) -> None:
        there = CompetencyPolicy.context_id == self._origin.id, CompetencyPolicy.template_version_id.is_(None)
        here = CompetencyPolicy.context_id == self._context.id
        have = set(self._session.scalars(select(CompetencyPolicy.item_id).where(here)))
        for one in self._session.scalars(select(CompetencyPolicy).where(*there).order_by(CompetencyPolicy.id)).all():
            item = items.get(one.item_id)
            if item is not None and item.id not in have:
                self._session.add(
                    CompetencyPolicy(
                        context_id=self._context.id,
                        item_id=item.id,
                        calculation=one.calculation,
                        threshold=one.threshold,
                    )
                )

    def copy_badges(self) -> None:
        """Make a draft of each badge of the origin's own, then write the rules, which may name the other badges."""
        names = self._template_names()
        pairs: list[tuple[Achievement, Achievement]] = []
        for badge in course_achievements(self._session, self._origin.id):
            version = badge.current_version
            if badge.template_version_id is not None or version is None:
                continue
            content = Content(**{name: getattr(version, name) for name in achievements.CONTENT})
            copied = achievements.create_achievement(
                self._session, self._context, badge.issuer_profile_id, content, self._now
            )
            policy = AwardPolicy.from_document(badge.policy)
            # a date of the last term: in this one it would hold nothing back
            copied.policy = dict(replace(policy, hold_until=None).to_document()) if badge.policy else {}
            names[badge.public_id] = copied.public_id
            pairs.append((badge, copied))
        for badge, copied in pairs:
            if badge.current_rule is not None:
                document = with_names(badge.current_rule.document, "achievement", names)
                document = with_names(document, "column", self.slots)
                achievements.write_rule(self._session, copied, document, self._now)

    def _template_names(self) -> dict[str, str]:
        """Public ids of the origin's inherited badges and those of the same badges here."""
        here = {
            one.template_key: one.public_id
            for one in course_achievements(self._session, self._context.id)
            if one.template_version_id is not None
        }
        return {
            one.public_id: here[one.template_key]
            for one in course_achievements(self._session, self._origin.id)
            if one.template_version_id is not None and one.template_key in here
        }

    def copy_checkpoints(self, *, everything: bool) -> None:
        """Make the origin's checkpoints here, before anybody opens them; what counts for what was copied with them."""
        have = set(self._session.scalars(select(Checkpoint.origin_id).where(Checkpoint.context_id == self._context.id)))
        placed = set(copied_work.matched_columns(self._session, self._origin.id, self._context.id))
        there = {one.external_key: one.id for one in copied_work.all_columns(self._session, self._origin.id)}
        for checkpoint, _ in checkpoints.course_checkpoints(self._session, self._origin.id):
            # A link keeps the id of the course it was made in, however often its course was copied.
            root_id = checkpoint.origin_id or checkpoint.id
            if root_id in have:
                continue
            if everything or there.get(checkpoint.line_item_url or "") in placed:
                copied = checkpoints.copy(self._session, self._context, checkpoint, self._actor, self._now)
                copied.origin_id, copied.item_id, copied.threshold = root_id, None, None
