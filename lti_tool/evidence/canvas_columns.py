"""The columns of a Canvas course: assignments, modules with requirements, outcomes, and the total."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from lti_tool.errors import PlatformAnswerError
from lti_tool.evidence import canvas_rows
from lti_tool.evidence.base import ColumnReading
from lti_tool.evidence.canvas_client import PER_PAGE, CanvasSession, rows_of
from lti_tool.evidence.canvas_rows import MalformedRowError, Row
from lti_tool.evidence.canvas_scopes import (
    ASSIGNMENTS,
    COURSE,
    GRADING_STANDARDS,
    MODULE_ITEMS,
    MODULE_PART,
    MODULES,
    OUTCOME_LINKS,
    OUTCOME_PART,
    TOTAL,
    parts_of,
)


def iter_columns(session: CanvasSession, malformed: Counter[str]) -> Iterator[list[ColumnReading]]:
    """Yield pages of columns, in the order of the gradebook: work first, the total last."""
    parts = parts_of(session.scopes)
    schemes = _schemes(session)
    position = 0
    for page in _assignments(session, schemes, malformed):
        yield page
        position = page[-1].position + 1 if page else position
    if MODULE_PART in parts:
        modules = list(_modules(session, position, malformed))
        yield modules
        position += len(modules)
    if OUTCOME_PART in parts:
        outcomes = list(_outcomes(session, position, malformed))
        yield outcomes
        position += len(outcomes)
    if TOTAL in parts:
        yield [canvas_rows.total_column(position, schemes.get(""))]


def _schemes(session: CanvasSession) -> Mapping[str, tuple[str, ...]]:
    """Letters by grading standard; under ``""`` the course's, which is Canvas's own where it chose none."""
    found: dict[str, tuple[str, ...]] = {}
    url = session.course_url("/grading_standards", per_page=PER_PAGE)
    for page in session.iter_pages(url, GRADING_STANDARDS):
        for row in rows_of(page.body):
            letters = canvas_rows.scheme_letters(row)
            if letters is not None:
                found[str(row.get("id"))] = letters
    course = session.get(session.course_url(), COURSE).body
    if not isinstance(course, dict):
        raise PlatformAnswerError("Canvas did not describe the course.")
    chosen = course.get("grading_standard_id")
    if chosen in (None, 0):
        return found | {"": canvas_rows.CANVAS_SCHEME}
    return found | {"": found[str(chosen)]} if str(chosen) in found else found


def _assignments(
    session: CanvasSession, schemes: Mapping[str, tuple[str, ...]], malformed: Counter[str]
) -> Iterator[list[ColumnReading]]:
    position = 0
    url = session.course_url("/assignments", per_page=PER_PAGE, order_by="position")
    for page in session.iter_pages(url, ASSIGNMENTS):
        found: list[ColumnReading] = []
        for row in rows_of(page.body):
            column = _read(malformed, canvas_rows.assignment_column, row, position + len(found), schemes)
            if column is not None:
                found.append(column)
        position += len(found)
        yield found


def _modules(session: CanvasSession, position: int, malformed: Counter[str]) -> Iterator[ColumnReading]:
    url = session.course_url("/modules", per_page=PER_PAGE, include=["items"])
    for page in session.iter_pages(url, MODULES):
        for row in rows_of(page.body):
            column = _read(malformed, canvas_rows.module_column, row, position)
            if column is None or row.get("published") is False:
                continue
            if _has_requirements(session, row):
                yield column
                position += 1


def _has_requirements(session: CanvasSession, row: Row) -> bool:
    """Ask for the items where Canvas did not send them along: too many, or not allowed for this key."""
    if isinstance(row.get("items"), list):
        return canvas_rows.has_requirements(row["items"])
    url = session.course_url(f"/modules/{canvas_rows.number_name(row, 'id')}/items", per_page=PER_PAGE)
    pages = session.iter_pages(url, MODULE_ITEMS)
    return any(canvas_rows.has_requirements(page.body) for page in pages)


def _outcomes(session: CanvasSession, position: int, malformed: Counter[str]) -> Iterator[ColumnReading]:
    for row in iter_outcomes(session, malformed):
        column = _read(malformed, canvas_rows.outcome_column, row, position)
        if column is not None:
            yield column
            position += 1


def iter_outcomes(session: CanvasSession, malformed: Counter[str]) -> Iterator[Row]:
    """Yield the outcomes of a course, each once, whatever number of groups it is in."""
    seen: set[str] = set()
    url = session.course_url("/outcome_group_links", per_page=PER_PAGE, outcome_style="full")
    for page in session.iter_pages(url, OUTCOME_LINKS):
        for link in rows_of(page.body):
            outcome = link.get("outcome")
            if not isinstance(outcome, dict):
                malformed["column"] += 1
            elif str(outcome.get("id")) not in seen:
                seen.add(str(outcome.get("id")))
                yield outcome


def _read(
    malformed: Counter[str], reading: Callable[..., ColumnReading | None], *entry: object
) -> ColumnReading | None:
    try:
        return reading(*entry)
    except MalformedRowError:
        malformed["column"] += 1
        return None
