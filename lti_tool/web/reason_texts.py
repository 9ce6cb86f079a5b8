"""The words for every reason a judgement can have; ``words.py`` fills them in.

Placeholders: ``title`` (of the work, skill or badge), ``value`` and ``needed`` (with their unit), ``platform`` and
``Platform`` (the same at the beginning of a sentence), ``when`` (" (graded Nov 3, 2026)" or nothing), ``checked``,
``at`` and ``date``.
"""

import enum
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.judgement import ReasonCode


class Voice(enum.StrEnum):
    """Who is spoken to."""

    LEARNER = "learner"
    INSTRUCTOR = "instructor"


TEXTS: Mapping[ReasonCode, Any] = {
    ReasonCode.THRESHOLD_MET: _l("%(Platform)s shows %(value)s in %(title)s%(when)s. %(needed)s is enough."),
    ReasonCode.BELOW_THRESHOLD: _l("Needs %(needed)s in %(title)s. %(Platform)s shows %(value)s%(when)s."),
    ReasonCode.OUT_OF_REACH: _l(
        "Needs an average of %(needed)s in “%(title)s”. Even with full marks from now on it would be %(value)s."
    ),
    ReasonCode.POINTS_MET: _l("%(Platform)s shows %(value)s points in %(title)s%(when)s. %(needed)s are enough."),
    ReasonCode.BELOW_POINTS: _l("Needs %(needed)s points in %(title)s. %(Platform)s shows %(value)s%(when)s."),
    ReasonCode.LETTER_MET: _l("%(Platform)s shows the grade %(value)s in %(title)s%(when)s. Accepted: %(needed)s."),
    ReasonCode.OTHER_LETTER: _l(
        "Needs one of these grades in %(title)s: %(needed)s. %(Platform)s shows %(value)s%(when)s."
    ),
    ReasonCode.SCHEME_CHANGED: _l(
        "%(Platform)s now grades %(title)s by another scheme than the badge was written for. Its grades don't count "
        "until somebody has looked at the badge."
    ),
    ReasonCode.LETTER_UNKNOWN: _l(
        "%(Platform)s shows the grade %(value)s in %(title)s, which is not one of its grading scheme."
    ),
    ReasonCode.COMPLETED: _l("%(title)s is done."),
    ReasonCode.SUBMITTED: _l("%(title)s was handed in."),
    ReasonCode.NOT_GRADED: _l("%(title)s is not graded yet."),
    ReasonCode.SUBMISSION_UNKNOWN: _l("%(title)s has a grade, but nothing shows that work was handed in."),
    ReasonCode.EXCUSED: _l("%(title)s is excused, so it does not count."),
    ReasonCode.HIDDEN: _l("The grade in %(title)s is still hidden from learners, so it does not count yet."),
    ReasonCode.MISSING: _l("%(Platform)s marks %(title)s as missing."),
    ReasonCode.NOT_OPENED: _l("%(title)s has not been opened yet."),
    ReasonCode.STALE: _l("%(title)s could not be read again lately. It was last checked on %(checked)s."),
    ReasonCode.SOURCE_FAILED: _l("The last reading of %(title)s from %(platform)s failed. It will be tried again."),
    ReasonCode.SOURCES_DISAGREE: _l("Two sources show different results for %(title)s."),
    ReasonCode.NO_SCORE: _l("%(Platform)s shows no score for %(title)s."),
    ReasonCode.NO_MAXIMUM: _l("%(title)s has no highest score, so no percentage can be worked out."),
    ReasonCode.NO_LETTER: _l("%(Platform)s shows no letter grade for %(title)s."),
    ReasonCode.TOO_LATE: _l("%(title)s was done on %(at)s. It had to be before %(date)s."),
    ReasonCode.TOO_EARLY: _l("%(title)s was done on %(at)s. It had to be after %(date)s."),
    ReasonCode.DATE_UNKNOWN: _l("Nothing shows when %(title)s was done."),
    ReasonCode.SECTION_DATE_UNKNOWN: _l(
        "%(title)s was done on %(at)s. Whether that was in time depends on the section, which is not known."
    ),
    ReasonCode.COLUMN_UNKNOWN: _l("No work of this course stands for “%(title)s” yet."),
    ReasonCode.COMPETENCY_UNKNOWN: _l("The badge names a skill that this course does not have."),
    ReasonCode.NOTHING_MAPPED: _l("No work counts for “%(title)s” yet. Choose some on the Evidence page."),
    ReasonCode.NEEDS_GRADES: _l("Needs an average of %(needed)s in “%(title)s”. Grades are still missing."),
    ReasonCode.ENOUGH: _l("There is enough."),
    ReasonCode.NEEDS_MORE: _l("There is not enough yet."),
    ReasonCode.ACHIEVEMENT_AWARDED: _l("Has the badge “%(title)s”."),
    ReasonCode.ACHIEVEMENT_NOT_AWARDED: _l("Needs the badge “%(title)s” first."),
    ReasonCode.ACHIEVEMENT_UNKNOWN: _l("Whether the badge “%(title)s” is held can't be told yet."),
    ReasonCode.ASSESSOR_CONFIRMED: _l("An assessor confirmed %(title)s."),
    ReasonCode.ASSESSOR_DECLINED: _l("An assessor looked at %(title)s and did not confirm it."),
    ReasonCode.NOT_ASSESSED: _l("%(title)s has not been assessed yet."),
    ReasonCode.IN_SECTION: _l("In the section that this is for."),
    ReasonCode.NOT_IN_SECTION: _l("Not in the section that this is for."),
    ReasonCode.SECTIONS_UNKNOWN: _l("%(Platform)s does not show which sections the learner is in."),
    ReasonCode.WAITING_UNTIL: _l("This is decided when the course closes, on %(date)s."),
    ReasonCode.NO_CLOSING_DATE: _l("This can't be told as long as the course has no closing date."),
    ReasonCode.RULED_OUT: _l("What the badge excludes did happen."),
    ReasonCode.NOT_RULED_OUT: _l("What the badge excludes did not happen."),
    ReasonCode.EXCEPTION_UNKNOWN: _l("Whether what the badge excludes happened can't be told yet."),
}
"""For instructors, and for learners where ``LEARNER`` has no words of its own."""

LEARNER: Mapping[ReasonCode, Any] = {
    ReasonCode.SUBMITTED: _l("You handed in %(title)s."),
    ReasonCode.SUBMISSION_UNKNOWN: _l("You have a grade in %(title)s, but nothing shows that you handed in work."),
    ReasonCode.EXCUSED: _l("You are excused from %(title)s, so it does not count."),
    ReasonCode.HIDDEN: _l("Your grade in %(title)s has not been released yet."),
    ReasonCode.NOT_OPENED: _l("You have not opened %(title)s yet."),
    ReasonCode.SOURCES_DISAGREE: _l("Two sources show different results for %(title)s. Your instructor can settle it."),
    ReasonCode.IN_SECTION: _l("You are in the section that this is for."),
    ReasonCode.NOT_IN_SECTION: _l("You are not in the section that this is for."),
    ReasonCode.SECTIONS_UNKNOWN: _l("%(Platform)s does not show which sections you are in."),
    ReasonCode.COLUMN_UNKNOWN: _l("Your instructor has not chosen the work for “%(title)s” yet."),
    ReasonCode.COMPETENCY_UNKNOWN: _l("Your instructor has to bring the skills of this badge up to date."),
    ReasonCode.NOTHING_MAPPED: _l("Your instructor has not chosen yet which work counts for “%(title)s”."),
    ReasonCode.ACHIEVEMENT_AWARDED: _l("You have the badge “%(title)s”."),
    ReasonCode.ACHIEVEMENT_NOT_AWARDED: _l("You need the badge “%(title)s” first."),
    ReasonCode.ACHIEVEMENT_UNKNOWN: _l("Whether you have the badge “%(title)s” can't be told yet."),
}

AVERAGES: Mapping[ReasonCode, tuple[Any, Any]] = {
    ReasonCode.THRESHOLD_MET: (
        _l("The average in “%(title)s” is %(value)s. %(needed)s is enough."),
        _l("The average in “%(title)s” is at least %(value)s, whatever is still to come. %(needed)s is enough."),
    ),
    ReasonCode.BELOW_THRESHOLD: (
        _l("Needs an average of %(needed)s in “%(title)s”. It is %(value)s."),
        _l("Needs an average of %(needed)s in “%(title)s”. It is %(value)s."),
    ),
    ReasonCode.OUT_OF_REACH: (TEXTS[ReasonCode.OUT_OF_REACH], TEXTS[ReasonCode.OUT_OF_REACH]),
}
"""Where the value is an average: with every grade there, and with grades still missing."""

COMPETENCIES: Mapping[ReasonCode, Any] = {
    ReasonCode.EXCUSED: _l("All work for “%(title)s” is excused, so there is nothing to judge by."),
    ReasonCode.NOT_OPENED: _l("No work for “%(title)s” has been opened yet."),
}
"""Where a reason is about a whole skill."""

HANDED_IN: Any = _l("%(title)s is handed in and waits for a grade.")
NEVER_READ: Any = _l("%(title)s has not been read from %(platform)s yet.")
