"""A Moodle course, and rows of its user report as the web service gives them.

Ground: vendor code (Moodle 4.5: grade/report/user/classes/report/user.php).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Item:
    """A grade item. ``scale``: words instead of points, worst first. ``only_for``: others may not see the activity."""

    item_id: int
    name: str | None = "Essay"
    maximum: float = 100.0
    minimum: float = 0.0
    itemtype: str = "mod"
    module: str | None = "assign"
    instance: int = 1
    cmid: int | None = None
    scale: tuple[str, ...] = ()
    is_hidden: bool = False
    only_for: frozenset[int] | None = None
    outcome_id: int | None = None
    display: str = "real"
    """``real``, ``percentage``, ``letter`` or ``letter_real``."""
    decimal_point: str = "."


@dataclass(slots=True)
class Grade:
    """A person's grade in an item; moments in seconds since 1970. ``status`` is the aggregation's."""

    value: float | None
    is_hidden: bool = False
    needs_update: bool = False
    status: str | None = None
    submitted: int | None = None
    graded: int | None = None
    maximum: float | None = None
    """A total's own, where hidden or ungraded work leaves it smaller."""


LETTERS = ((93, "A"), (90, "A-"), (87, "B+"), (83, "B"), (80, "B-"), (60, "D"))


def report_leaves_out(item: Item, grade: Grade, user_id: int, *, sees_hidden: bool) -> bool:
    """Whether somebody's report does not list the item at all."""
    if (item.is_hidden or grade.is_hidden) and not sees_hidden:
        return True
    return item.only_for is not None and user_id not in item.only_for


def item_row(item: Item, grade: Grade, *, sees_hidden: bool, shows_range: bool = True) -> dict[str, Any]:
    """One grade item of one person."""
    is_hidden = item.is_hidden or grade.is_hidden
    raw = None if grade.needs_update or (is_hidden and not sees_hidden) else grade.value
    minimum, maximum = (1.0, float(len(item.scale))) if item.scale else (item.minimum, item.maximum)
    maximum = grade.maximum if grade.maximum is not None else maximum
    row: dict[str, Any] = {
        "id": item.item_id, "itemname": item.name, "itemtype": item.itemtype, "itemmodule": item.module,
        "iteminstance": item.instance, "itemnumber": 0, "idnumber": "", "categoryid": 1,
        "outcomeid": item.outcome_id, "scaleid": item.outcome_id, "locked": False,
    }  # fmt: skip
    if item.cmid is not None:
        row["cmid"] = item.cmid
    if grade.status is not None:
        row["status"] = grade.status
    row |= {
        "weightraw": 0.25, "weightformatted": "25.00 %", "graderaw": raw, "gradehiddenbydate": False,
        "gradeneedsupdate": grade.needs_update, "gradeishidden": is_hidden,
        "gradedatesubmitted": grade.submitted, "gradedategraded": grade.graded, "gradeislocked": False,
        "gradeisoverridden": False, "gradeformatted": "Error" if grade.needs_update else _shown(item, raw, maximum),
    }  # fmt: skip
    if shows_range:
        row |= {"grademin": minimum, "grademax": maximum, "rangeformatted": _range(item, minimum, maximum)}
    row |= {"percentageformatted": "-", "feedback": "<p>Well done, secret detail</p>", "feedbackformat": 1}
    return row


def _shown(item: Item, value: float | None, maximum: float) -> str:
    if value is None:
        return "-"
    icon = '<i class="icon fa fa-check text-success fa-fw " title="Pass" role="img" aria-label="Pass"></i>'
    if item.scale:
        return icon + item.scale[int(value) - 1]
    real = f"{value:.2f}".replace(".", item.decimal_point)
    percent = 100 * (value - item.minimum) / (maximum - item.minimum) if maximum != item.minimum else 0.0
    letter = next((one for least, one in LETTERS if percent >= least), "F")
    forms = {"real": real, "percentage": f"{percent:.2f} %", "letter": letter, "letter_real": f"{letter} ({real})"}
    return icon + forms[item.display]


def _range(item: Item, minimum: float, maximum: float) -> str:
    if item.scale:
        return f"{item.scale[0]}&ndash;{item.scale[-1]}"
    return f"{minimum:g}&ndash;{maximum:g}".replace(".", item.decimal_point)


@dataclass(slots=True)
class Module:
    """An activity. ``tracking``: 0 none, 1 by hand, 2 by conditions."""

    cmid: int
    name: str
    modname: str = "page"
    tracking: int = 2


@dataclass(slots=True)
class Account:
    """Somebody on the site; ``is_learner``: completion of theirs is tracked, and the grader lists them."""

    user_id: int
    name: str
    is_learner: bool = True
    has_left: bool = False
    """The enrolment is suspended."""
    is_suspended: bool = False
    """The account is."""


@dataclass(slots=True)
class MoodleCourse:
    """One course: who is in it, what is graded and what can be completed. Keys are ids of people."""

    people: dict[int, Account] = field(default_factory=dict)
    items: dict[int, Item] = field(default_factory=dict)
    grades: dict[tuple[int, int], Grade] = field(default_factory=dict)
    """By item and person."""
    modules: dict[int, Module] = field(default_factory=dict)
    completions: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """State and moment, by module and person."""
    has_criteria: bool = False
    completed: dict[int, int] = field(default_factory=dict)
    """When a person completed the course."""
