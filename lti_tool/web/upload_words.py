"""What uploading a gradebook says: the platforms' steps, what a row or a grade comes to, why a file cannot be used."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.errors import GradebookRefusedError, InvalidInputError
from lti_tool.web.field_texts import field_text
from lti_tool.web.translated import gettext as _

DIALECTS: Mapping[str, str] = {
    "canvas": "Canvas",
    "moodle": "Moodle",
    "brightspace": "Brightspace",
    "blackboard": "Blackboard",
    "oneroster": "OneRoster",
}

STEPS: Mapping[str, tuple[Any, ...]] = {
    "canvas": (
        _l("Open Grades in your course."),
        _l("Choose Export, then Export Entire Gradebook. Columns of all grading periods are in it."),
        _l("Canvas saves a CSV file. Upload it as it is: opened and saved by a spreadsheet, it can lose digits."),
    ),
    "moodle": (
        _l("Open Grades in your course, then Export, then Plain text file."),
        _l("Choose the grade items. Under Export format options, tick Percentage too: without it the file does not say "
           "out of how many points a grade is."),
        _l("Choose Download. The file knows itself when it was made."),
    ),
    "brightspace": (
        _l("Open Grades, then Enter Grades, then Export."),
        _l("Key Field: Both. Grade Values: Points Grade. User Details: Last Name, First Name and Email."),
        _l("Choose the grade items, then Export to CSV, then Download."),
    ),
    "blackboard": (
        _l("Open the Gradebook and choose the download symbol (Original courses: Full Grade Center, Work Offline, "
           "Download)."),
        _l("Choose the full gradebook. Either file type will do, comma or tab delimited."),
        _l("Download it to your device."),
    ),
    "oneroster": (
        _l("Ask for the OneRoster CSV export of this course: a zip with results.csv and lineItems.csv."),
        _l("Upload the zip. results.csv alone works too, but then nothing says what the columns are called and out of "
           "how many points they are."),
    ),
}  # fmt: skip

CHANGES: Mapping[str, tuple[Any, str]] = {
    "new": (_l("new grades"), "plus"),
    "raised": (_l("higher than before"), "arrow-up"),
    "lowered": (_l("lower than before"), "arrow-down"),
    "cleared": (_l("not graded any more"), "x"),
    "changed": (_l("changed in another way"), "arrow-repeat"),
    "same": (_l("as before"), "check"),
    "older": (_l("older than what is known, left alone"), "clock"),
    "nothing": (_l("not graded"), "circle"),
}
"""By change: words and a symbol."""

OUTCOMES: Mapping[str, Any] = {
    "match": _l("found in this course"),
    "near": _l("found by name only, for you to decide"),
    "unknown": _l("not found in this course"),
    "conflict": _l("could be several people, left out"),
    "test": _l("test users, left out"),
    "not_a_learner": _l("not learners of this course, left out"),
    "nameless": _l("without a name or an id, left out"),
}

NOTES: Mapping[str, Any] = {
    "manual_posting": _l("Canvas posts these grades by hand. The file does not say which learners can see theirs yet."),
    "no_maximum": _l("The file does not say out of how many points: rules in percent cannot use it."),
    "total": _l("A total that your learning platform computes."),
    "repeated": _l("Two columns have the same name, so nobody could tell them apart. Rename one and export again."),
}

SCALES: Mapping[str, Any] = {"percent": _l("in percent"), "letter": _l("in letters")}

CELLS: Mapping[str, Any] = {
    "not_a_grade": _l("not a grade"),
    "number_unclear": _l("a number that can be read in two ways: is the comma a decimal sign?"),
}

WHY: Mapping[str, Any] = {
    "conflict": _l("its ids belong to several people"),
    "repeated": _l("several rows are the same person"),
    "not_a_learner": _l("not a learner here"),
}

STATES: Mapping[str, tuple[Any, str, str]] = {
    "previewed": (_l("waits for a decision"), "eye", "warning"),
    "importing": (_l("being imported"), "arrow-repeat", "info"),
    "done": (_l("imported"), "check", "success"),
    "failed": (_l("stopped"), "exclamation", "danger"),
    "discarded": (_l("thrown away"), "x", "secondary"),
}
"""By state: words, symbol, tone."""

_PROBLEMS: Mapping[str, Any] = {
    "gradebook_missing": _l("Choose a file first."),
    "gradebook_empty": _l("The file is empty."),
    "gradebook_spreadsheet": _l("This is a spreadsheet. Upload the CSV file itself, as your platform made it."),
    "gradebook_binary": _l("This is not a CSV file."),
    "gradebook_encoding": _l("The letters of this file cannot be read. Export it again, or save it as “CSV UTF-8”."),
    "gradebook_too_large": _l("The file is larger than 20 MB. Export fewer columns at a time."),
    "gradebook_malformed": _l("The file is damaged: its lines and quotation marks do not fit. Export it again."),
    "gradebook_too_long": _l("The file has more than 100,000 rows. Export one course at a time."),
    "gradebook_too_wide": _l("The file has more than 500 columns. Export fewer columns at a time."),
    "gradebook_unknown": _l(
        "This is not a gradebook of Canvas, Moodle, Brightspace or Blackboard, nor OneRoster results. Export it as "
        "described below, and upload it unchanged."
    ),
    "gradebook_no_columns": _l("There is no column with grades in this file."),
    "gradebook_no_rows": _l("There is nobody in this file."),
    "gradebook_repeated": _l("Two columns have the same title, which names people. Export the file again, unchanged."),
    "gradebook_repeated_people": _l("Very many people have several rows in this file. Export one course at a time."),
    "exported_in_future": _l("This day has not come yet."),
    "exported_invalid": _l("Enter a day like 2026-03-31, or leave this empty."),
    "no_column_chosen": _l("Choose at least one column."),
}


def problem(error: InvalidInputError) -> str:
    """Return why a file or an entry cannot be used, with the line where that is one place."""
    text = _PROBLEMS.get(error.code)
    words = field_text(error) if text is None else str(text)
    line = error.line if isinstance(error, GradebookRefusedError) else None
    if line is None or error.code == "gradebook_unknown":
        return words
    return _("%(problem)s (line %(line)s)", problem=words, line=line)
