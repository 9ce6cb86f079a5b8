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
    # platforms
    "entry_missing": _l("Fill this in."),
    "text_invalid": _l("Enter one line without spaces around it, at most 255 characters."),
    "address_invalid": _l(
        "Enter an https address. Plain http works only for hosts listed in LTI_BADGES_ALLOWED_PRIVATE_HOSTS."
    ),
    "key_set_invalid": _l("This is no key set with an RSA key. Copy the whole JSON, with the member “keys”."),
    "address_unreachable": _l("Nothing answers at this address. Check it, and this server's network."),
    "grant_refused": _l("The platform does not accept this token. Copy it again, or make a new one there."),
    "moodle_services_off": _l("Web services or their REST protocol are switched off in this Moodle."),
    "moodle_not_answering": _l("Moodle did not answer as expected. Check the address, and that the service is on."),
    "moodle_other_site": _l(
        "This is not the Moodle that launches come from. The same numbers mean other people there, so that grades "
        "would go to the wrong learners. Enter the address of that Moodle."
    ),
    "moodle_functions_missing": _l("The token's service lacks functions that are needed. Add them in Moodle:"),
    "registration_name_taken": _l("A platform has this name already. Choose another one."),
    "registration_exists": _l("This issuer and client id are registered already."),
    # evidence
    "threshold_invalid": _l("Enter a number from 0 to 100."),
    # checkpoints
    "checkpoint_title_empty": _l("Give the checkpoint a title."),
    "checkpoint_title_too_long": _l("This is too long. A title has at most 255 characters."),
    "checkpoint_instructions_too_long": _l("This is too long. It can have at most 8,000 characters."),
    "checkpoint_maximum_invalid": _l("Enter a number above 0, with at most four decimals."),
    "checkpoint_dates_order": _l("This comes before the date above. Put the dates in order."),
    "checkpoint_date_invalid": _l("Enter a date and a time."),
    # handing in
    "submission_empty": _l("Write something, give a link or choose a file."),
    "submission_text_too_long": _l("This is too long. It can have at most 20,000 characters."),
    "submission_link_invalid": _l("Enter a whole web address, beginning with https://."),
    "upload_empty": _l("The file is empty. Choose another one."),
    "upload_too_large": _l("The file is larger than 10 MB or 25 megapixels. Make it smaller first."),
    "upload_format": _l(
        "Files of this kind cannot be handed in. Use PDF, a picture, a text or office document, or MP3 or MP4."
    ),
    "upload_damaged": _l("The picture is damaged. Save it again, or use another one."),
    # assessing
    "score_invalid": _l("Enter a number from 0 to the maximum, with at most four decimals."),
    "comment_too_long": _l("This is too long. A comment has at most 4,000 characters."),
    "rubric_empty": _l("Write at least one criterion, or leave the rubric out."),
    "rubric_too_long": _l("This is too long. A rubric has at most 20 criteria."),
    "rubric_line_invalid": _l(
        "Write each line as “Criterion: level = points; level = points”, with points from 0 and at most four decimals."
    ),
    "rubric_levels": _l("Each criterion needs at least two levels, and has at most ten."),
    "rubric_repeated": _l("Two criteria, or two levels of one criterion, are called the same."),
    "rubric_worthless": _l("Every level is worth 0. Give at least one of them points."),
    "work_changed": _l("Something new was handed in while you were assessing. Look at it, then save."),
    "rubric_mark_missing": _l("Choose a level."),
    "checkpoint_assessors_invalid": _l("One person assesses, or two."),
    # deciding about somebody's badge
    "nobody_chosen": _l("Choose at least one learner."),
    "reason_missing": _l("Say why. The learner may read it."),
    "reason_too_long": _l("This is too long. It can have at most 1,000 characters."),
    "evidence_too_long": _l("This is too long. It can have at most 4,000 characters."),
    "outcome_missing": _l("Choose what is to happen."),
    # terms
    "term_name_empty": _l("Give the term a name."),
    "term_name_too_long": _l("This is too long. A name has at most 64 characters."),
    "term_name_reserved": _l("A term cannot be called so. Choose another name."),
    "term_name_taken": _l("There is a term of this name already. Choose another name."),
    "term_date_invalid": _l("Enter a date."),
    "term_dates_invalid": _l("The last day comes before the first one."),
    "term_overlaps": _l("Another term is running at that time. Terms must not overlap."),
    "term_in_use": _l("Badges were awarded for this term, so it keeps its name."),
    # a learner's message about a badge
    "appeal_empty": _l("Write what you think is wrong."),
    "appeal_too_long": _l("This is too long. It can have at most 2,000 characters."),
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
    "rule_clause_repeated": _l("The same condition stands there twice. Remove one of them."),
    "rule_group_empty": _l("This group is empty. Add a condition to it, or remove it."),
    "rule_subject_missing": _l("Choose one from the list."),
    "rule_measure_unseen": _l("This can't be read for this work. Choose something else."),
    "rule_points_invalid": _l("Enter a number of points, 0 or more."),
    "rule_letters_missing": _l("Enter at least one grade, for example: A, B+."),
    "rule_letters_foreign": _l("One of these is not in the grading scheme of this work."),
    "rule_date_invalid": _l("Enter a date and a time."),
    "rule_date_general": _l("Give the date for everybody first; sections can then have another one."),
    # how a badge is awarded
    "policy_value_invalid": _l("Choose one of the possibilities, and enter days as whole numbers."),
    "policy_days_invalid": _l("Enter a whole number of days, at least 1."),
    "policy_date_invalid": _l("Enter a date and a time."),
    "policy_renewal_without_validity": _l("A badge can be renewed only if it ends. Say how many days it is valid."),
    "policy_window_too_long": _l("This is longer than the badge is valid."),
    "review_note_too_long": _l("This is too long. A comment has at most 4,000 characters."),
    # what counts
    "weight_invalid": _l("Enter a number above 0, at most 1,000."),
    "factor_invalid": _l("Enter a number above 0, at most 100."),
    "calculation_unknown": _l("Choose one of the ways."),
    # templates
    "template_name_empty": _l("Give the template a name."),
    "template_name_taken": _l("There is a template of this name already. Choose another name."),
    "template_course_unknown": _l("Choose a course."),
    "template_organization_unknown": _l("Choose an institution."),
    "template_file_missing": _l("Choose a file first."),
    "template_not_json": _l("This is not a JSON file. Use a file that this page gave you, or one like it."),
    "template_invalid": _l("Something here is not what it must be."),
    "template_repeated": _l("Something in this list comes twice."),
    "template_reference": _l("This names something that is not there, or badges that wait for each other."),
    "template_too_long": _l("This is too long."),
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
