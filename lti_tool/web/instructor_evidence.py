"""What counts as evidence: every column the tool can see, and the skills it counts for from which percent on."""

from dataclasses import dataclass
from decimal import Decimal

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import InvalidInputError
from lti_tool.evidence.base import Capability
from lti_tool.models import Context, Item
from lti_tool.services import frameworks, mapping, overview
from lti_tool.services.mapping_changes import Counting, CourseMapping, locked_items, stored_mapping
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web import formats
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.badge_steps import step_badge, steps
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.mapping_preview import save_or_show

blueprint = Blueprint("instructor_evidence", __name__)


@dataclass(frozen=True, slots=True)
class Cell:
    """One column against one skill, as the form shows it: ``threshold`` is what was typed, or what is stored."""

    column_id: int
    item_id: int
    counts: bool
    threshold: str
    error: str | None = None

    @property
    def key(self) -> str:
        """The end of its fields' names: ``counts-KEY`` (checkbox) and ``threshold-KEY`` (percent)."""
        return f"{self.column_id}-{self.item_id}"


@blueprint.get("/courses/<int:context_id>/evidence")
@launch_required(Role.INSTRUCTOR)
def evidence(context_id: int) -> str:
    """Columns with source, age and maximum, and the matrix of what counts for what."""
    with services().database.read() as session:
        columns = mapping.mapped_columns(session, context_id)
        items = frameworks.course_items(session, context_id)
        cells = {(column.column.id, item.id): _stored(column, item) for column in columns for item in items}
        return _page(session, context_id, columns, items, cells)


@blueprint.post("/courses/<int:context_id>/evidence")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save(context_id: int) -> str | Response:
    """Store the whole matrix, or nothing when one entry cannot be used.

    Where badges are live, what the change would do to learners is shown first.
    """
    with services().database.write() as session:
        columns = mapping.mapped_columns(session, context_id)
        items = frameworks.course_items(session, context_id)
        cells, wanted = {}, {}
        for column in columns:
            for item in items:
                place = column.column.id, item.id
                cells[place], wanted[place] = _typed(*place)
        badge = step_badge(session, context_id)
        if any(cell.error for cell in cells.values()) or request.form.get("do") == "show":
            return _page(session, context_id, columns, items, cells)
        action = url_for("instructor_evidence.save", context_id=context_id)
        page = save_or_show(session, context_id, _mapping(session, context_id, wanted), action, "evidence")
        if page is not None:
            return page
    services().queue.wake(EVALUATE_COURSE, context_id)
    if badge is not None:
        address = url_for("instructor_rule.rule", context_id=context_id, achievement_id=badge.id)
    else:
        address = url_for("instructor_evidence.evidence", context_id=context_id)
    return make_response(redirect(address, 303))


def _mapping(session: Session, context_id: int, wanted: dict[tuple[int, int], Decimal | None]) -> CourseMapping:
    """The stored mapping with other thresholds; what a locked template says stays."""
    stored, locked = stored_mapping(session, context_id), locked_items(session, context_id)
    counting = {place: one for place, one in stored.counting.items() if place[1] in locked}
    for place, threshold in wanted.items():
        if threshold is not None and place[1] not in locked:
            before = stored.counting.get(place, Counting())
            counting[place] = Counting(threshold, before.weight)
    return CourseMapping(counting, stored.combining)


def _stored(column: mapping.MappedColumn, item: Item) -> Cell:
    threshold = column.thresholds.get(item.id)
    shown = mapping.DEFAULT_THRESHOLD if threshold is None else threshold
    return Cell(column.column.id, item.id, threshold is not None, formats.number(shown))


def _typed(column_id: int, item_id: int) -> tuple[Cell, Decimal | None]:
    """A cell as sent; a ticked one without a number means the default."""
    key = f"{column_id}-{item_id}"
    counts, text = f"counts-{key}" in request.form, request.form.get(f"threshold-{key}", "")
    if not counts:
        return Cell(column_id, item_id, counts, text), None
    try:
        threshold = mapping.read_threshold(text)
    except InvalidInputError as error:
        return Cell(column_id, item_id, counts, text, field_text(error)), None
    return Cell(column_id, item_id, counts, text), mapping.DEFAULT_THRESHOLD if threshold is None else threshold


def _can_be_read(capability: Capability) -> bool:
    """Whether a source is asked by itself; what people bring needs nobody's leave."""
    return capability.is_available and not capability.is_pushed


def _page(
    session: Session,
    context_id: int,
    columns: list[mapping.MappedColumn],
    items: list[Item],
    cells: dict[tuple[int, int], Cell],
) -> str:
    context, badge = session.get_one(Context, context_id), step_badge(session, context_id)
    return render_template(
        "instructor/evidence.html",
        columns=columns,
        items=items,
        cells=cells,
        locked=locked_items(session, context_id),
        badge=badge,
        steps=steps(badge, context_id) if badge else [],
        errors={f"threshold-{cell.key}": cell.error for cell in cells.values() if cell.error},
        state=overview.course_state(session, context_id),
        is_allowed=any(_can_be_read(one.capability(context)) for one in services().sources),
    )
