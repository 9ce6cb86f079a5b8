"""What linting a rule found, in words for the instructor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.lint import Detail, Finding, FindingCode, Severity
from lti_tool.web import formats
from lti_tool.web.translated import gettext as _

_Code = FindingCode

_TEXTS: Mapping[tuple[FindingCode, Detail | None], Any] = {
    (_Code.UNREACHABLE, Detail.WHOLE_RULE): _l("As it stands, nobody can earn this badge."),
    (_Code.UNREACHABLE, Detail.ABOVE_MAXIMUM): _l(
        "Asks for %(needed)s in “%(title)s”, where %(maximum)s is the most there is."
    ),
    (_Code.UNREACHABLE, Detail.NO_MAXIMUM): _l(
        "“%(title)s” has no highest score, so no percentage can be worked out. Ask for points instead."
    ),
    (_Code.UNREACHABLE, Detail.NOTHING_MAPPED): _l(
        "No work counts for the skill “%(title)s” yet, so it can't be told who has it."
    ),
    (_Code.UNREACHABLE, Detail.BEFORE_COURSE_START): _l(
        "The date %(date)s is before the course begins, so nothing can be done in time."
    ),
    (_Code.UNREACHABLE, Detail.AFTER_COURSE_END): _l(
        "The date %(date)s is after the course ends, so nothing can be done late enough."
    ),
    (_Code.UNREACHABLE, Detail.EMPTY_WINDOW): _l(
        "Work has to be done after %(after)s and before %(before)s: no time is left between the two."
    ),
    (_Code.UNREACHABLE, Detail.CONTRADICTION): _l("Something is asked for and excluded at the same time."),
    (_Code.UNREACHABLE, Detail.NO_CLOSING_DATE): _l(
        "What is excluded is decided when the course ends, but this course has no end date. Set one in your learning "
        "platform."
    ),
    (_Code.UNREACHABLE, Detail.NEEDS_ITSELF): _l("The badge asks for itself."),
    (_Code.UNREACHABLE, Detail.EXCEPTION_CERTAIN): _l("What is excluded happens for everybody."),
    (_Code.VACUOUS, Detail.WHOLE_RULE): _l("As it stands, everybody earns this badge."),
    (_Code.VACUOUS, Detail.EXCEPTION_IMPOSSIBLE): _l("What is excluded can't happen, so this excludes nobody."),
    (_Code.VACUOUS, Detail.ZERO_THRESHOLD): _l("0 is enough in “%(title)s”, so every grade will do."),
    (_Code.VACUOUS, Detail.EVERY_LETTER): _l("Every grade of the scheme is accepted in “%(title)s”."),
    (_Code.ONE_COLUMN_SEVERAL_COMPETENCIES, None): _l(
        "“%(title)s” counts for several skills (%(competencies)s), so it says little about each of them."
    ),
    (_Code.PARTICIPATION_ONLY, None): _l("Taking part is all this badge asks for. It does not show a skill."),
    (_Code.NOT_OBSERVABLE, Detail.KIND): _l(
        "The source of “%(title)s” can't tell this (%(kind)s), so it will never be known."
    ),
    (_Code.NOT_OBSERVABLE, Detail.NO_DATES): _l(
        "Nothing tells when “%(title)s” is done, so whether it is in time will never be known."
    ),
    (_Code.NOT_OBSERVABLE, Detail.NO_SECTIONS): _l(
        "Your learning platform does not tell who is in which section, so this will never be known."
    ),
    (_Code.SCHEME_CHANGED, None): _l(
        "“%(title)s” is graded by another scheme now (%(scheme_now)s) than the rule was written for (%(scheme)s). Its "
        "grades don't count until you choose the accepted ones again and save."
    ),
    (_Code.SCHEME_MISSING, None): _l(
        "The grades accepted in “%(title)s” belong to no scheme. It is graded by %(scheme_now)s: save the rule to bind "
        "them to it."
    ),
    (_Code.REFERENCES_RETIRED, Detail.COMPETENCY_GONE): _l("The rule names a skill that is no longer here."),
    (_Code.REFERENCES_RETIRED, Detail.ACHIEVEMENT_GONE): _l(
        "The rule asks for a badge that is not live, so nobody gets it."
    ),
    (_Code.REFERENCES_RETIRED, Detail.ASSESSMENT_GONE): _l("The rule asks for an assessment that is no longer here."),
    (_Code.REFERENCES_RETIRED, Detail.SECTION_GONE): _l("The section “%(title)s” is no longer here."),
    (_Code.REFERENCES_RETIRED, Detail.SLOT_UNBOUND): _l("No work of this course stands for “%(title)s” yet."),
}
KINDS: Mapping[str, Any] = {
    "percent": _l("a percentage"),
    "points": _l("points"),
    "letter": _l("a letter grade"),
    "completed": _l("whether it is completed"),
    "submitted": _l("whether it was handed in"),
}
_MOMENTS = {"date", "starts_at", "closes_at", "after", "before"}
_NUMBERS = {"needed", "maximum"}


@dataclass(frozen=True, slots=True)
class LintLine:
    """One finding in words; ``is_error``: publishing like this can only be a mistake."""

    text: str
    is_error: bool


def lint_lines(findings: tuple[Finding, ...], titles: Mapping[str, str]) -> list[LintLine]:
    """Return the findings in words, each once; ``titles`` as in ``rule_sentence``."""
    lines = [LintLine(_said(one, titles), one.severity is Severity.ERROR) for one in findings]
    return list({line.text: line for line in lines}.values())


def _said(finding: Finding, titles: Mapping[str, str]) -> str:
    params = {name: _shown(name, value or "") for name, value in finding.params.items()}
    if finding.subject is not None and params.get("title") == finding.subject:
        params["title"] = titles.get(finding.subject, finding.subject)
    text = str(_TEXTS[finding.code, finding.detail]) % params
    if "section" in params:
        return _("In section “%(section)s”: %(text)s", section=params["section"], text=text)
    return text


def _shown(name: str, value: str) -> str:
    if name in _MOMENTS and value:
        return formats.moment(datetime.fromisoformat(value))
    if name in _NUMBERS and value:
        return formats.number(Decimal(value))
    return str(KINDS.get(value, value)) if name == "kind" else value
