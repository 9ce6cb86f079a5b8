"""Rows of Moodle's answers, brought to columns and observations.

Shapes: vendor code, Moodle 4.5 (grade/report/user/classes/external/user.php and classes/report/user.php,
completion/classes/external.php, course/externallib.php).
"""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from lti_tool.characters import one_line
from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import ColumnKind

COURSE_KEY = "course_completion"
"""``external_key`` of the column that tells who completed the course."""

_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_DIGIT = re.compile(r"\d")
_RANGE = re.compile(r"[-\u2012-\u2015\u2212\s\d.,\u066b'%]*")
_BOTH = re.compile(r"(?P<outer>[^()]+) \((?P<inner>[^()]+)\)")
_LAST_MOMENT = 253402300799
"""9999-12-31; a time stamp after it is none."""


class RowError(ValueError):
    """A row of another shape than its function's; it is left out and counted."""


def item_key(row: Mapping[str, object]) -> str:
    """Return the ``external_key`` of a grade item; raises ``RowError``."""
    return f"item:{whole(row, 'id')}"


def module_key(row: Mapping[str, object], name: str) -> str:
    """Return the ``external_key`` of an activity's completion; raises ``RowError``."""
    return f"module:{whole(row, name)}"


def whole(row: Mapping[str, object], name: str) -> int:
    """Return a whole number of a row; raises ``RowError``."""
    value = row.get(name)
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RowError(name)
    return value


def item_column(row: Mapping[str, object], position: int, line_items_url: str | None) -> ColumnReading:
    """Return the column of a grade item; raises ``RowError``."""
    key = item_key(row)
    return ColumnReading(
        external_key=key,
        title=_item_title(row),
        kind=_item_kind(row),
        maximum=_maximum(row),
        resource_id=None,
        tag=None,
        position=position,
        lti_ids=_lti_ids(row, line_items_url),
    )


def module_column(row: Mapping[str, object], position: int) -> ColumnReading:
    """Return the column of an activity's completion; raises ``RowError``."""
    title = _plain(row.get("name"))
    return ColumnReading(module_key(row, "id"), title or "-", ColumnKind.MODULE, None, None, None, position)


def course_column(position: int) -> ColumnReading:
    """Return the column of completing the course."""
    return ColumnReading(COURSE_KEY, "Course completion", ColumnKind.MODULE, None, None, None, position)


def item_reading(user_id: str, row: Mapping[str, object]) -> ObservationReading:
    """Return what a grade item says about one person; raises ``RowError``.

    The score of hidden work is not taken over. ``source_updated_at`` stays empty: what Moodle calls the date of
    grading goes back when an override is taken back, and every reading shows the present anyway.
    """
    if _is_set(row, "gradeishidden") or _is_set(row, "gradehiddenbydate"):
        return ObservationReading(user_id, EvidenceState.HIDDEN)
    if row.get("status") == "excluded":  # Moodle 4.5 says "dropped" of excluded work, which low grades are, too
        return ObservationReading(user_id, EvidenceState.EXCUSED)
    score = _number(row, "graderaw")
    if score is None:  # also of what Moodle could not reckon (``gradeneedsupdate``)
        return ObservationReading(user_id, EvidenceState.UNGRADED, maximum=_maximum(row))
    is_scale = _is_scale(row)
    return ObservationReading(
        user_id,
        EvidenceState.GRADED,
        score=None if is_scale else score,
        maximum=_maximum(row),
        letter=_letter(row, is_scale=is_scale),
        submitted_at=moment(row, "gradedatesubmitted"),
        graded_at=moment(row, "gradedategraded"),
    )


def withheld_reading(user_id: str) -> ObservationReading:
    """Return what it means that Moodle leaves an item out of one person's list: it is hidden, or not for them."""
    return ObservationReading(user_id, EvidenceState.HIDDEN)


def completion_reading(user_id: str, row: Mapping[str, object]) -> ObservationReading:
    """Return what an activity's completion says: 1 complete, 2 passed; 0 incomplete and 3 failed are not complete."""
    if whole(row, "state") in {1, 2}:
        return ObservationReading(user_id, EvidenceState.COMPLETED, graded_at=moment(row, "timecompleted"))
    return ObservationReading(user_id, EvidenceState.UNGRADED)


def course_reading(user_id: str, body: Mapping[str, object]) -> ObservationReading:
    """Return what a course completion says; raises ``RowError``. Its moment is that of the last criterion met."""
    status = body.get("completionstatus")
    if not isinstance(status, dict) or not isinstance(status.get("completed"), int):
        raise RowError("completionstatus")
    if not _is_set(status, "completed"):
        return ObservationReading(user_id, EvidenceState.UNGRADED)
    rows = status.get("completions")
    moments = [moment(row, "timecompleted") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return ObservationReading(
        user_id, EvidenceState.COMPLETED, graded_at=max((one for one in moments if one is not None), default=None)
    )


def moment(row: Mapping[str, object], name: str) -> datetime | None:
    """Return a moment given in seconds since 1970, ``None`` for none or 0."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(value, UTC)


def _item_title(row: Mapping[str, object]) -> str:
    title = _plain(row.get("itemname"))
    if title:
        return title
    kind = row.get("itemtype")
    if kind == "course":
        return "Course total"
    # Moodle tells no name of a category whose total was not given one.
    return f"Category total {row.get('iteminstance')}" if kind == "category" else str(item_key(row))


def _item_kind(row: Mapping[str, object]) -> ColumnKind:
    if row.get("itemtype") == "course":
        return ColumnKind.COURSE_TOTAL
    return ColumnKind.LINE_ITEM if row.get("outcomeid") in (None, 0) else ColumnKind.OUTCOME


def _lti_ids(row: Mapping[str, object], line_items_url: str | None) -> tuple[str, ...]:
    """Ids of LTI for a grade item of an external tool: its line item's address, and its resource link's id.

    Captured (Moodle 4.5): a line item's address ends in the grade item's id and carries the query of the container; a
    resource link's id is the number of the activity's instance.
    """
    found: list[str] = []
    if line_items_url is not None and row.get("itemtype") in ("mod", "manual"):
        container, _, query = line_items_url.partition("?")
        found.append(f"{container}/{whole(row, 'id')}/lineitem" + (f"?{query}" if query else ""))
    if row.get("itemmodule") == "lti":
        found.append(str(whole(row, "iteminstance")))
    return tuple(found)


def _maximum(row: Mapping[str, object]) -> Decimal | None:
    """The maximum where score and maximum make Moodle's percentage, else ``None``.

    Moodle reckons (grade - minimum) / (maximum - minimum), which no pair of score and maximum can say where the
    minimum is not 0; then points can be judged, and percent stays unknown rather than wrong. A scale's maximum counts
    its entries.
    """
    if _is_scale(row) or _number(row, "grademin"):
        return None
    found = _number(row, "grademax")
    return None if found is None or found < 0 else found


def _is_scale(row: Mapping[str, object]) -> bool:
    """Whether the item is graded by a scale of words: its range is then told in them.

    ``scaleid`` would say so, but Moodle fills it from another field (vendor code, Moodle 4.5). A scale of bare figures
    looks like points; its minimum is 1, so its percent stays unknown.
    """
    return not _RANGE.fullmatch(_plain(row.get("rangeformatted")))


def _letter(row: Mapping[str, object], *, is_scale: bool) -> str | None:
    """The letter shown: on its own, in front of a figure or behind it in brackets; else none."""
    shown = _plain(row.get("gradeformatted"))
    if is_scale:
        return shown[:32] or None
    own = _plain(row.get("lettergradeformatted"))
    both = _BOTH.fullmatch(shown)
    candidates: tuple[str, ...] = (both["outer"], both["inner"]) if both else (shown,)
    for letter in (own, *candidates):
        if letter and letter != "-" and not _DIGIT.search(letter):
            return letter[:32]
    return None


def _is_set(row: Mapping[str, object], name: str) -> bool:
    """Whether a flag is set; Moodle writes some as 1."""
    return row.get(name) in (True, "1")


def _plain(value: object) -> str:
    """A text of Moodle's, which may hold icons and entities, as one line."""
    return one_line(html.unescape(_TAG.sub(" ", value)))[:1024] if isinstance(value, str) else ""


def _number(row: Mapping[str, object], name: str) -> Decimal | None:
    """An optional number; raises ``RowError`` for what is none."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise RowError(name)
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if not _NUMBER.fullmatch(text):
        raise RowError(name)
    return Decimal(text)
