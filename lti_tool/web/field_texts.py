"""What stands next to a field whose entry cannot be used: the fact and the remedy in one or two sentences."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.errors import ToolError
from lti_tool.web.messages import message_for
from lti_tool.web.translated import gettext as _

FIELD_TEXTS: Mapping[str, Any] = {
    # skills
    "competency_empty": _l("Write what the learner can do, for example: Keep the fish healthy."),
    "competency_too_long": _l("This is too long. A skill has at most 1,000 characters."),
    "code_too_long": _l("This is too long. A code has at most 255 characters."),
    "csv_missing": _l("Choose a file first."),
    "csv_too_large": _l("The file is larger than 2 MB. Split it and import the parts one after the other."),
    "csv_malformed": _l("This is not a CSV file. In a spreadsheet, choose “Save as” and then CSV."),
    "csv_empty": _l("There is no skill below the first row. Each skill needs a row of its own."),
    "csv_too_many": _l("The file has more than 5,000 skills. Split it and import the parts one after the other."),
    "csv_encoding": _l("The letters of this file cannot be read. Save it as “CSV UTF-8”."),
    "csv_header": _l("The first row must name the columns, and one of them must be called “statement” or “skill”."),
    "csv_row_empty": _l("This row has no statement. Fill it in, or delete the row."),
    "csv_cell_too_long": _l("A cell in this row is too long. Statements have at most 1,000 characters, codes 255."),
    # evidence
    "threshold_invalid": _l("Enter a number from 0 to 100."),
    # badges
    "name_empty": _l("Give the badge a name."),
    "name_too_long": _l("This is too long. A name has at most 255 characters."),
    "description_empty": _l("Say what somebody with this badge can do."),
    "description_too_long": _l("This is too long. It can have at most 4,000 characters."),
    "criteria_narrative_empty": _l("Say how the badge is earned."),
    "criteria_narrative_too_long": _l("This is too long. It can have at most 4,000 characters."),
    "language_unknown": _l("Choose one of the languages."),
    "colour_invalid": _l("Choose one of the colours."),
    "picture_missing": _l("Choose a picture file, or use the designed picture."),
    "picture_too_large": _l("The picture is larger than 2 MB or 25 megapixels. Make it smaller first."),
    "picture_format": _l("Only PNG, JPEG, WebP and GIF pictures can be used."),
    "picture_invalid": _l("The picture is damaged. Save it again, or use another one."),
    "rule_mode_unknown": _l("Choose how many of the skills and badges are needed."),
    "rule_nothing_chosen": _l("Choose at least one skill or badge."),
    "rule_count_invalid": _l("Enter how many are needed: at least 1, at most as many as you chose."),
}


def field_text(error: ToolError) -> str:
    """Return what stands next to the field; for files with the row that is at fault in front."""
    text = FIELD_TEXTS.get(error.code)
    words = str(message_for(error).happened if text is None else text)
    field = getattr(error, "field", None)
    if isinstance(field, str) and field.startswith("row "):
        return _("Row %(number)s: %(text)s", number=field.removeprefix("row "), text=words)
    return words
