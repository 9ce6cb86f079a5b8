"""Competencies of a course: written by an instructor or imported."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.frameworks.csv import Competency
from lti_tool.models import (
    Alignment,
    Checkpoint,
    CompetencyPolicy,
    Context,
    EvidenceMapping,
    Framework,
    Item,
)


def course_framework(session: Session, context: Context, now: datetime) -> Framework:
    """Return the course's own framework, made when there is none."""
    own = Framework.context_id == context.id, Framework.template_id.is_(None)
    framework = session.scalar(select(Framework).where(*own).order_by(Framework.id))
    if framework is None:
        framework = Framework(
            organization_id=context.organization_id,
            context_id=context.id,
            title=context.title or context.label or context.platform_id,
            created_at=now,
        )
        session.add(framework)
        session.flush()
    return framework


def course_items(session: Session, context_id: int) -> list[Item]:
    """Return the competencies a course can map to, in their order."""
    return list(
        session.scalars(
            select(Item)
            .join(Framework, Framework.id == Item.framework_id)
            .where(Framework.context_id == context_id)
            .order_by(Item.position, Item.id)
        )
    )


def add_item(session: Session, context: Context, statement: str, code: str | None, now: datetime) -> Item:
    """Add a competency to the course; the same statement again returns the one that is there.

    Raises ``InvalidInputError`` (``competency_empty``, ``competency_too_long``).
    """
    statement = _checked(statement)
    framework = course_framework(session, context, now)
    same = select(Item).where(Item.framework_id == framework.id, Item.full_statement == statement)
    item = session.scalar(same)
    if item is None:
        last = session.scalar(select(func.max(Item.position)).where(Item.framework_id == framework.id))
        item = Item(
            framework_id=framework.id,
            full_statement=statement,
            human_code=code or None,
            position=0 if last is None else last + 1,
        )
        session.add(item)
        session.flush()
    return item


def _checked(statement: str) -> str:
    statement = " ".join(statement.split())
    if not statement:
        raise InvalidInputError("A competency needs a statement.", code="competency_empty", field="statement")
    if len(statement) > 1000:
        raise InvalidInputError(
            "A competency has at most 1,000 characters.", code="competency_too_long", field="statement"
        )
    return statement


def get_item(session: Session, context_id: int, item_id: int) -> Item:
    """Return a competency of this course; raises ``NotFoundError``."""
    item = session.get(Item, item_id)
    if item is None or item.framework.context_id != context_id:
        raise NotFoundError("There is no such competency in this course.")
    return item


def update_item(item: Item, statement: str, code: str | None) -> None:
    """Change the words of a competency; it stays the same competency, with everything that names it.

    Raises ``InvalidInputError`` (``competency_empty``, ``competency_too_long``), ``ConflictError``
    (``mapping_locked``) for one that comes from the organization's template.
    """
    _refuse_inherited(item)
    item.full_statement, item.human_code = _checked(statement), code or None


def remove_item(session: Session, item: Item) -> None:
    """Remove a competency that nothing uses (``services.coverage.uses_of`` says what does).

    Raises ``ConflictError``: ``mapping_locked`` for one of the organization's template, ``competency_used``.
    """
    _refuse_inherited(item)
    tables = (Alignment.item_id, EvidenceMapping.item_id, Checkpoint.item_id)
    if any(session.scalar(select(column).where(column == item.id).limit(1)) is not None for column in tables):
        raise ConflictError("Work or a badge uses this competency.", code="competency_used")
    session.execute(delete(CompetencyPolicy).where(CompetencyPolicy.item_id == item.id))
    session.delete(item)
    session.flush()


def _refuse_inherited(item: Item) -> None:
    if item.framework.template_id is not None:
        raise ConflictError("The competency comes from a template.", code="mapping_locked")


def import_items(session: Session, context: Context, competencies: Iterable[Competency], now: datetime) -> int:
    """Add imported competencies; those with a known identifier are brought up to date. Returns how many are new."""
    framework = course_framework(session, context, now)
    known = {item.identifier: item for item in course_items(session, context.id)}
    statements = {item.full_statement for item in known.values()}
    position = max((item.position for item in known.values()), default=-1)
    added = 0
    for competency in competencies:
        item = known.get(competency.identifier) if competency.identifier else None
        if item is not None:
            item.full_statement = competency.statement
            item.human_code = competency.code or item.human_code
            continue
        if competency.identifier is None and competency.statement in statements:
            continue
        position, added = position + 1, added + 1
        statements.add(competency.statement)
        values = {"identifier": competency.identifier} if competency.identifier else {}
        item = Item(
            framework_id=framework.id,
            full_statement=competency.statement,
            human_code=competency.code,
            uri=competency.uri,
            position=position,
            **values,
        )
        session.add(item)
        if competency.identifier:
            known[competency.identifier] = item
    session.flush()
    return added
