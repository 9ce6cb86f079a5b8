"""The words for what would help: a sentence for every remedy, for instructors and for the learner.

Placeholders: ``title`` (of the work, skill or badge), ``value``, ``needed`` and ``missing`` (with their unit),
``maximum``, ``at`` and ``date``, ``platform``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.remedies import Helper, Remedy, RemedyCode, walk
from lti_tool.web import formats
from lti_tool.web.reason_texts import Voice
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

_Code = RemedyCode

TEXTS: Mapping[RemedyCode, Any] = {
    _Code.SCORE_MORE: _l("%(missing)s more of the %(maximum)s points would be enough."),
    _Code.POINTS_MORE: _l("Points still missing: %(missing)s."),
    _Code.BETTER_LETTER: _l("One of these grades would be enough: %(needed)s."),
    _Code.RAISE_AVERAGE: _l("The average has to rise from %(value)s to %(needed)s."),
    _Code.OUT_OF_REACH: _l("With the work there is, this cannot be reached any more."),
    _Code.MORE_OF_THESE: _l("More of these are needed."),
    _Code.NOT_GRADED_YET: _l("Nothing is known to be handed in yet. A grade decides."),
    _Code.WAIT_FOR_GRADE: _l("The work is there. It has to be graded."),
    _Code.WAIT_FOR_RELEASE: _l("The grade has to be released to learners."),
    _Code.HAND_IN: _l("Work has to be handed in."),
    _Code.OPEN_WORK: _l("The learner has to open it."),
    _Code.ASK_ABOUT_EXCUSED: _l("Nothing can count as long as it is excused. Grade it, or award the badge by hand."),
    _Code.DO_AGAIN_SINCE: _l("Work done since %(date)s would count."),
    _Code.OPENS_AT: _l("Work counts from %(date)s on."),
    _Code.TOO_LATE: _l("The time is over. Only a person can help: award the badge by hand, or change the date."),
    _Code.DATE_WORK: _l("%(platform)s has to say when it was done."),
    _Code.EARN_BADGE: _l("The badge “%(title)s” has to be earned first."),
    _Code.WAIT_FOR_BADGE: _l("A person has to decide about the badge “%(title)s” first."),
    _Code.WAIT_FOR_ASSESSOR: _l("Somebody has to assess it."),
    _Code.ASK_ASSESSOR: _l("Somebody has to assess it again."),
    _Code.OTHER_SECTION: _l("Only membership in that section helps."),
    _Code.READ_SECTIONS: _l("%(platform)s has to say who is in which section."),
    _Code.WAIT_UNTIL: _l("It is decided by itself on %(date)s."),
    _Code.SET_CLOSING_DATE: _l("Give the course an end date on its platform."),
    _Code.RULED_OUT: _l("Nothing can undo this. Only a person can award the badge by hand."),
    _Code.WAIT_FOR_READING: _l("It is decided once %(platform)s can be read again."),
    _Code.SETTLE_SOURCES: _l("Find out which of the two is right, and correct the other one."),
    _Code.COMPLETE_COLUMN: _l("Complete the result on the platform."),
    _Code.REVIEW_SCHEME: _l("Look at the rule, and choose the grades of today's scheme."),
    _Code.BIND_SLOT: _l("Choose on the Evidence page which work it is."),
    _Code.MAP_WORK: _l("Choose on the Evidence page which work counts."),
    _Code.UPDATE_RULE: _l("Choose the badge's skills again."),
}
"""For instructors, and for learners where ``LEARNER`` has no words of its own."""

LEARNER: Mapping[RemedyCode, Any] = {
    _Code.SCORE_MORE: _l("You need %(missing)s more of the %(maximum)s points."),
    _Code.BETTER_LETTER: _l("You need one of these grades: %(needed)s."),
    _Code.NOT_GRADED_YET: _l("Hand it in if you have not yet; then it waits for a grade."),
    _Code.WAIT_FOR_GRADE: _l("You have nothing to do: it waits for a grade."),
    _Code.WAIT_FOR_RELEASE: _l("You have nothing to do: your instructor releases the grade."),
    _Code.HAND_IN: _l("Hand in your work."),
    _Code.OPEN_WORK: _l("Open it."),
    _Code.ASK_ABOUT_EXCUSED: _l("Ask your instructor how you can show this instead."),
    _Code.DO_AGAIN_SINCE: _l("Do it again: work done since %(date)s counts."),
    _Code.TOO_LATE: _l("The time is over. Talk to your instructor."),
    _Code.DATE_WORK: _l("You have nothing to do: %(platform)s does not say when it was done."),
    _Code.EARN_BADGE: _l("Earn the badge “%(title)s” first."),
    _Code.WAIT_FOR_BADGE: _l("You have nothing to do: a person looks at your badge “%(title)s”."),
    _Code.WAIT_FOR_ASSESSOR: _l("If you have done your part, you can only wait: somebody assesses it."),
    _Code.ASK_ASSESSOR: _l("Ask your instructor what is missing."),
    _Code.OTHER_SECTION: _l("If you should be in that section, tell your instructor."),
    _Code.READ_SECTIONS: _l("You have nothing to do: %(platform)s does not say who is in which section."),
    _Code.SET_CLOSING_DATE: _l("You have nothing to do: your instructor sets the date."),
    _Code.RULED_OUT: _l("This cannot be undone. Talk to your instructor if you think it is wrong."),
    _Code.WAIT_FOR_READING: _l("You have nothing to do: it is looked at again by itself."),
    _Code.SETTLE_SOURCES: _l("Your instructor has to find out which of the two is right."),
    _Code.COMPLETE_COLUMN: _l("Your instructor has to complete the result."),
    _Code.REVIEW_SCHEME: _l("Your instructor has to look at the badge."),
    _Code.BIND_SLOT: _l("Your instructor has to choose the work."),
    _Code.MAP_WORK: _l("Your instructor has to choose the work."),
    _Code.UPDATE_RULE: _l("Your instructor has to bring the badge up to date."),
}

_IN_PERCENT = {_Code.SCORE_MORE, _Code.RAISE_AVERAGE, _Code.OUT_OF_REACH}
_AS_TEXT = {_Code.BETTER_LETTER, _Code.REVIEW_SCHEME, _Code.COMPLETE_COLUMN}


def remedy_text(remedy: Remedy, *, voice: Voice, platform: str | None = None) -> str:
    """Return what would help, as a sentence or two."""
    if remedy.code is _Code.MORE_OF_THESE:
        return _more_of_these(remedy)
    has_figures = remedy.code is not _Code.SCORE_MORE or remedy.params.get("missing") is not None
    texts = (LEARNER if voice is Voice.LEARNER else {}, TEXTS)
    text = next(found[remedy.code] for found in texts if remedy.code in found) if has_figures else _MORE
    return str(text) % _params(remedy, platform)


_MORE: Any = _l("%(needed)s would be enough.")
"""Where the points that are missing cannot be said."""


def _more_of_these(remedy: Remedy) -> str:
    missing, of = (int(remedy.params.get(name) or 0) for name in ("missing", "of"))
    if missing >= of:
        return ngettext("This is needed:", "All of these are needed:", missing)
    return ngettext(
        "One of these %(of)s would be enough:",
        "%(num)s of these %(of)s would be enough:",
        missing,
        of=formats.number(of),
    )


def _params(remedy: Remedy, platform: str | None) -> dict[str, str]:
    given = remedy.params
    source = platform or formats.source_name("ags")
    return {
        "title": given.get("title") or _("this work"),
        "value": _figure(remedy.code, given.get("value")),
        "needed": _figure(remedy.code, given.get("needed")),
        "missing": _number(given.get("missing")),
        "maximum": _number(given.get("maximum")),
        "at": _date(given.get("at")),
        "date": _date(given.get("date")),
        "platform": source[:1].upper() + source[1:],
    }


def _figure(code: RemedyCode, text: str | None) -> str:
    if text is None or code in _AS_TEXT:
        return text or ""
    return formats.percent(Decimal(text)) if code in _IN_PERCENT else formats.number(Decimal(text))


def _number(text: str | None) -> str:
    return "" if text is None else formats.number(Decimal(text))


def _date(text: str | None) -> str:
    return "" if text is None else formats.moment(datetime.fromisoformat(text))


# -- at the clauses ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """Where the next step is done."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What would help, as it stands at a clause. ``state``: a key of ``formats.STATES`` that says more than unknown."""

    text: str = ""
    state: str | None = None
    link: Link | None = None


NO_HINT = Hint()
_WAITS = {_Code.WAIT_FOR_GRADE, _Code.WAIT_FOR_RELEASE}


def hints_by_path(
    found: Iterable[Remedy], *, voice: Voice, platform: str | None, links: Mapping[str, Link] | None = None
) -> dict[str, Hint]:
    """Return what would help, by the path of the clause. ``links``: by slot, where a learner can do something."""
    hints: dict[str, Hint] = {}
    for remedy in walk(found):
        does_it = voice is Voice.LEARNER and remedy.helper is Helper.LEARNER
        hint = Hint(
            text=remedy_text(remedy, voice=voice, platform=platform),
            state="waiting" if remedy.code in _WAITS else None,
            link=(links or {}).get(remedy.subject or "") if does_it else None,
        )
        hints.setdefault(remedy.path, hint)
    return hints
