"""A checkpoint as an instructor describes it, before it is stored."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from lti_tool.characters import many_lines, one_line
from lti_tool.domain.assessments import MOST_ASSESSORS
from lti_tool.domain.rubrics import Rubric
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import CheckpointKind
from lti_tool.services.achievements import get_achievement
from lti_tool.services.frameworks import course_items
from lti_tool.services.inheritance import is_kept
from lti_tool.services.mapping import DEFAULT_THRESHOLD

TITLE_LENGTH, INSTRUCTIONS_LENGTH = 255, 8000
TAKES_WORK = frozenset({CheckpointKind.EVIDENCE, CheckpointKind.RECOGNITION})
"""Kinds at which learners hand something in."""
LONGEST_MAXIMUM = Decimal(100_000)
_POINTS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a checkpoint will say; ``threshold`` (percent) goes with ``item_id``, the row of a skill.

    ``rubric``: a document of ``domain.rubrics``; the best score is then what its best levels add up to.
    """

    kind: CheckpointKind
    title: str
    instructions: str = ""
    maximum: Decimal | None = None
    achievement_id: int | None = None
    item_id: int | None = None
    threshold: Decimal | None = None
    rubric: list[dict[str, Any]] | None = None
    assessors_needed: int = 1
    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None


def check(session: Session, context_id: int, draft: Draft) -> Draft:
    """Return the draft with its texts tidied.

    Raises ``InvalidInputError`` whose ``field`` is one of the draft's (codes ``checkpoint_title_empty``,
    ``checkpoint_title_too_long``, ``checkpoint_instructions_too_long``, ``checkpoint_maximum_invalid``,
    ``checkpoint_dates_order``, ``checkpoint_assessors_invalid``, ``mapping_locked``, and ``rubric_…``), or
    ``NotFoundError`` for a badge or skill of another course.
    """
    title, instructions = one_line(draft.title), many_lines(draft.instructions)
    if not title:
        raise _invalid("title_empty", "title")
    if len(title) > TITLE_LENGTH:
        raise _invalid("title_too_long", "title")
    if len(instructions) > INSTRUCTIONS_LENGTH:
        raise _invalid("instructions_too_long", "instructions")
    draft = _with_rubric(draft)
    _check_maximum(draft)
    _check_dates(draft)
    if draft.achievement_id is not None:
        get_achievement(session, context_id, draft.achievement_id)
    threshold = None
    if draft.item_id is not None:
        item = next((one for one in course_items(session, context_id) if one.id == draft.item_id), None)
        if item is None:
            raise NotFoundError("There is no such competency in this course.")
        if is_kept(session, context_id, item):
            raise InvalidInputError("What counts for it is locked.", code="mapping_locked", field="item_id")
        threshold = DEFAULT_THRESHOLD if draft.threshold is None else draft.threshold
    return replace(draft, title=title, instructions=instructions, threshold=threshold)


def read_points(text: str) -> Decimal | None:
    """Return points as typed (``7``, ``7,5``), at most four decimals; ``None`` for anything that is no such number."""
    cleaned = text.replace("\u202f", "").replace("\u00a0", "").strip().replace(",", ".")
    return Decimal(cleaned) if _POINTS.fullmatch(cleaned) else None


def _with_rubric(draft: Draft) -> Draft:
    """The draft with the points of its rubric; only what is handed in is assessed by one."""
    needed = draft.assessors_needed if draft.kind is not CheckpointKind.PROGRESS else 1
    if needed not in (1, MOST_ASSESSORS):
        raise _invalid("assessors_invalid", "assessors_needed")
    if draft.rubric is None or draft.kind not in TAKES_WORK:
        return replace(draft, rubric=None, assessors_needed=needed)
    rubric = Rubric.from_document(draft.rubric)
    return replace(draft, rubric=rubric.to_document(), maximum=rubric.maximum, assessors_needed=needed)


def _check_maximum(draft: Draft) -> None:
    if draft.maximum is None:
        if draft.kind is not CheckpointKind.PROGRESS:
            raise _invalid("maximum_invalid", "maximum")
    elif not 0 < draft.maximum <= LONGEST_MAXIMUM:
        raise _invalid("maximum_invalid", "maximum")


def _check_dates(draft: Draft) -> None:
    earlier = draft.opens_at
    for field, moment in (("due_at", draft.due_at), ("closes_at", draft.closes_at)):
        if moment is None:
            continue
        if earlier is not None and moment < earlier:
            raise _invalid("dates_order", field)
        earlier = moment


def _invalid(code: str, field: str) -> InvalidInputError:
    return InvalidInputError(f"A checkpoint's {field} cannot be used.", code=f"checkpoint_{code}", field=field)
