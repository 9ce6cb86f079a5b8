"""What would satisfy a rule that is not met or cannot be told: data for texts, in the rule's own order.

Everything a list needs is listed. Where only some of several are needed, one remedy stands for them and has them as
``options``: "2 more of these 3".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.explain import Place, child_places
from lti_tool.domain.figures import EXACT, HUNDRED, plain_decimal
from lti_tool.domain.judgement import Judgement, Kind, ReasonCode
from lti_tool.domain.verdict import Verdict


class RemedyCode(StrEnum):
    """What would help, with its params besides those of the reason (``title`` …)."""

    SCORE_MORE = "score_more"  # title, value and needed (percent), missing (points), maximum
    POINTS_MORE = "points_more"  # title, value, needed, missing
    BETTER_LETTER = "better_letter"  # title, value, needed
    RAISE_AVERAGE = "raise_average"  # title, value, needed, missing (percentage points)
    OUT_OF_REACH = "out_of_reach"  # title, value, needed
    MORE_OF_THESE = "more_of_these"  # have, needed, missing, of (how many are left to choose from); options
    NOT_GRADED_YET = "not_graded_yet"  # title: nothing is known to be handed in
    WAIT_FOR_GRADE = "wait_for_grade"  # title: handed in
    WAIT_FOR_RELEASE = "wait_for_release"  # title
    HAND_IN = "hand_in"  # title: missing, or no work behind the grade
    OPEN_WORK = "open_work"  # title
    ASK_ABOUT_EXCUSED = "ask_about_excused"  # title
    DO_AGAIN_SINCE = "do_again_since"  # title, date
    OPENS_AT = "opens_at"  # date: work counts from then on
    TOO_LATE = "too_late"  # title, at, date: only a person can help
    DATE_WORK = "date_work"  # title: the source gives no date
    EARN_BADGE = "earn_badge"  # title
    WAIT_FOR_BADGE = "wait_for_badge"  # title
    WAIT_FOR_ASSESSOR = "wait_for_assessor"  # title
    ASK_ASSESSOR = "ask_assessor"  # title: looked at, not confirmed
    OTHER_SECTION = "other_section"  # title
    READ_SECTIONS = "read_sections"  # title
    WAIT_UNTIL = "wait_until"  # date
    SET_CLOSING_DATE = "set_closing_date"
    RULED_OUT = "ruled_out"  # what the badge excludes did happen
    WAIT_FOR_READING = "wait_for_reading"  # title
    SETTLE_SOURCES = "settle_sources"  # title
    COMPLETE_COLUMN = "complete_column"  # title: no score, letter or maximum on the platform
    REVIEW_SCHEME = "review_scheme"  # title
    BIND_SLOT = "bind_slot"  # title
    MAP_WORK = "map_work"  # title
    UPDATE_RULE = "update_rule"  # title: a competency that is not there


class Helper(StrEnum):
    """Who can do it."""

    LEARNER = "learner"
    INSTRUCTOR = "instructor"
    PLATFORM = "platform"
    TIME = "time"
    NOBODY = "nobody"


_Code = RemedyCode
_OF_REASON: dict[ReasonCode, RemedyCode] = {
    ReasonCode.BELOW_THRESHOLD: _Code.SCORE_MORE,
    ReasonCode.BELOW_POINTS: _Code.POINTS_MORE,
    ReasonCode.OTHER_LETTER: _Code.BETTER_LETTER,
    ReasonCode.OUT_OF_REACH: _Code.OUT_OF_REACH,
    ReasonCode.NOT_GRADED: _Code.NOT_GRADED_YET,
    ReasonCode.NEEDS_GRADES: _Code.NOT_GRADED_YET,
    ReasonCode.SUBMISSION_UNKNOWN: _Code.HAND_IN,
    ReasonCode.EXCUSED: _Code.ASK_ABOUT_EXCUSED,
    ReasonCode.HIDDEN: _Code.WAIT_FOR_RELEASE,
    ReasonCode.MISSING: _Code.HAND_IN,
    ReasonCode.NOT_OPENED: _Code.OPEN_WORK,
    ReasonCode.STALE: _Code.WAIT_FOR_READING,
    ReasonCode.SOURCE_FAILED: _Code.WAIT_FOR_READING,
    ReasonCode.SOURCES_DISAGREE: _Code.SETTLE_SOURCES,
    ReasonCode.NO_SCORE: _Code.COMPLETE_COLUMN,
    ReasonCode.NO_MAXIMUM: _Code.COMPLETE_COLUMN,
    ReasonCode.NO_LETTER: _Code.COMPLETE_COLUMN,
    ReasonCode.SCHEME_CHANGED: _Code.REVIEW_SCHEME,
    ReasonCode.LETTER_UNKNOWN: _Code.REVIEW_SCHEME,
    ReasonCode.TOO_LATE: _Code.TOO_LATE,
    ReasonCode.TOO_EARLY: _Code.DO_AGAIN_SINCE,
    ReasonCode.DATE_UNKNOWN: _Code.DATE_WORK,
    ReasonCode.SECTION_DATE_UNKNOWN: _Code.READ_SECTIONS,
    ReasonCode.SECTIONS_UNKNOWN: _Code.READ_SECTIONS,
    ReasonCode.NOT_IN_SECTION: _Code.OTHER_SECTION,
    ReasonCode.COLUMN_UNKNOWN: _Code.BIND_SLOT,
    ReasonCode.COMPETENCY_UNKNOWN: _Code.UPDATE_RULE,
    ReasonCode.NOTHING_MAPPED: _Code.MAP_WORK,
    ReasonCode.ACHIEVEMENT_NOT_AWARDED: _Code.EARN_BADGE,
    ReasonCode.ACHIEVEMENT_UNKNOWN: _Code.WAIT_FOR_BADGE,
    ReasonCode.ASSESSOR_DECLINED: _Code.ASK_ASSESSOR,
    ReasonCode.NOT_ASSESSED: _Code.WAIT_FOR_ASSESSOR,
    ReasonCode.WAITING_UNTIL: _Code.WAIT_UNTIL,
    ReasonCode.NO_CLOSING_DATE: _Code.SET_CLOSING_DATE,
    ReasonCode.RULED_OUT: _Code.RULED_OUT,
}
"""Reasons with no row here are those of lists and of what is met."""

HELPERS: dict[RemedyCode, Helper] = {
    **dict.fromkeys(RemedyCode, Helper.LEARNER),
    **dict.fromkeys(
        (
            _Code.WAIT_FOR_GRADE,
            _Code.WAIT_FOR_RELEASE,
            _Code.ASK_ABOUT_EXCUSED,
            _Code.TOO_LATE,
            _Code.WAIT_FOR_BADGE,
            _Code.WAIT_FOR_ASSESSOR,
            _Code.ASK_ASSESSOR,
            _Code.OTHER_SECTION,
            _Code.SET_CLOSING_DATE,
            _Code.SETTLE_SOURCES,
            _Code.COMPLETE_COLUMN,
            _Code.REVIEW_SCHEME,
            _Code.BIND_SLOT,
            _Code.MAP_WORK,
            _Code.UPDATE_RULE,
        ),
        Helper.INSTRUCTOR,
    ),
    **dict.fromkeys((_Code.WAIT_FOR_READING, _Code.READ_SECTIONS, _Code.DATE_WORK), Helper.PLATFORM),
    **dict.fromkeys((_Code.WAIT_UNTIL, _Code.OPENS_AT), Helper.TIME),
    **dict.fromkeys((_Code.RULED_OUT, _Code.OUT_OF_REACH), Helper.NOBODY),
}
"""Who can do what a remedy says."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would satisfy one clause. ``path`` as in ``explain.Place``; ``params`` are texts, figures written out."""

    code: RemedyCode
    path: str
    verdict: Verdict
    subject: str | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    options: "tuple[Remedy, ...]" = ()

    @property
    def helper(self) -> Helper:
        """Who can do it."""
        return HELPERS[self.code]

    def to_document(self) -> dict[str, object]:
        """The remedy as JSON."""
        return {
            "code": self.code.value,
            "path": self.path,
            "verdict": self.verdict.value,
            "subject": self.subject,
            "helper": self.helper.value,
            "params": self.params,
            "options": [option.to_document() for option in self.options],
        }


def remedies(judgement: Judgement, now: datetime | None = None) -> tuple[Remedy, ...]:
    """What is needed for the judgement to be met; nothing exactly when it is. With ``now``, work that cannot count
    yet says when it will.
    """
    return tuple(_remedies(Place("$", judgement), now))


def _remedies(place: Place, now: datetime | None) -> Iterator[Remedy]:
    judgement = place.judgement
    if judgement.verdict is Verdict.MET:
        return
    kind, code = judgement.kind, judgement.reason.code
    if kind is Kind.AFTER and now is not None and _opens_later(judgement, now):
        yield _remedy(_Code.OPENS_AT, place)
    elif kind is Kind.NOT and code is not ReasonCode.EXCEPTION_UNKNOWN:
        yield _remedy(_OF_REASON[code], place)
    elif kind is Kind.NOT:
        yield from _unknown_within(child_places(place)[0], now)
    elif code is ReasonCode.NEEDS_MORE:
        yield from _of_list(place, now)
    elif kind is Kind.COMPETENCY and judgement.children:
        yield from _of_calculation(place, now)
    else:
        yield _of_leaf(place)


def _unknown_within(place: Place, now: datetime | None) -> Iterator[Remedy]:
    """Behind a *not*: what is unknown has to be known; what is not met is as it should be."""
    children = [child for child in child_places(place) if child.judgement.verdict is Verdict.UNKNOWN]
    if place.judgement.kind is Kind.COMPETENCY or not children:
        yield from _remedies(place, now)
    for child in children if place.judgement.kind is not Kind.COMPETENCY else ():
        yield from _unknown_within(child, now)


def _of_list(place: Place, now: datetime | None) -> Iterator[Remedy]:
    judgement = place.judgement
    open_places = [
        child
        for child in child_places(place)
        if child.judgement.verdict is not Verdict.MET and child.judgement.kind is not Kind.ASIDE
    ]
    each = [tuple(_remedies(child, now)) for child in open_places]
    given = judgement.reason.params
    lacking = int(given["needed"] or 0) - int(given["have"] or 0)
    if lacking >= len(each):
        for found in each:
            yield from found
        return
    params = {**given, "missing": str(lacking), "of": str(len(each))}
    options = tuple(_one(child, found) for child, found in zip(open_places, each, strict=True))
    yield Remedy(_Code.MORE_OF_THESE, place.path, judgement.verdict, judgement.subject, params, options)


def _one(place: Place, found: tuple[Remedy, ...]) -> Remedy:
    """An option is one remedy: several that all are needed stand under one."""
    if len(found) == 1:
        return found[0]
    count = str(len(found))
    params: dict[str, str | None] = {"have": "0", "needed": count, "missing": count, "of": count}
    judgement = place.judgement
    return Remedy(_Code.MORE_OF_THESE, place.path, judgement.verdict, judgement.subject, params, found)


def _of_calculation(place: Place, now: datetime | None) -> Iterator[Remedy]:
    """An average is raised as a whole; what is unknown, late or the newest is named itself."""
    judgement = place.judgement
    if judgement.reason.code in (ReasonCode.BELOW_THRESHOLD, ReasonCode.OUT_OF_REACH) and _is_average(judgement):
        yield _average(place)
        return
    children = [
        child
        for child in child_places(place)
        if child.judgement.kind is not Kind.ASIDE and child.judgement.verdict is judgement.verdict
    ]
    if not children:
        yield _of_leaf(place)
    for child in children:
        yield from _remedies(child, now)


def _is_average(judgement: Judgement) -> bool:
    return "unknown" in judgement.reason.figures


def _average(place: Place) -> Remedy:
    given = place.judgement.reason.params
    if place.judgement.reason.code is ReasonCode.OUT_OF_REACH:
        return _remedy(_Code.OUT_OF_REACH, place)
    missing = Decimal(given["needed"] or 0) - Decimal(given["value"] or 0)
    return _remedy(_Code.RAISE_AVERAGE, place, missing=plain_decimal(missing))


def _of_leaf(place: Place) -> Remedy:
    judgement = place.judgement
    code, evidence = _OF_REASON[judgement.reason.code], judgement.evidence
    if code is _Code.NOT_GRADED_YET and evidence is not None and _is_handed_in(evidence):
        code = _Code.WAIT_FOR_GRADE
    return _remedy(code, place, **_shortfall(code, judgement, evidence))


def _shortfall(code: RemedyCode, judgement: Judgement, evidence: Evidence | None) -> dict[str, str]:
    """How many points are missing, exactly."""
    if evidence is None or code not in (_Code.SCORE_MORE, _Code.POINTS_MORE):
        return {}
    needed, score = Decimal(judgement.reason.params["needed"] or 0), evidence.score or Decimal(0)
    if code is _Code.POINTS_MORE:
        return {"missing": plain_decimal(EXACT.subtract(needed, score))}
    maximum = evidence.maximum
    if maximum is None:
        return {}
    enough = EXACT.divide(EXACT.multiply(needed, maximum), HUNDRED)
    return {"missing": plain_decimal(EXACT.subtract(enough, score)), "maximum": plain_decimal(maximum)}


def _is_handed_in(evidence: Evidence) -> bool:
    return evidence.state is EvidenceState.SUBMITTED or evidence.submitted_at is not None


def _opens_later(judgement: Judgement, now: datetime) -> bool:
    date = judgement.reason.params.get("date")
    return date is not None and now < datetime.fromisoformat(date)


def _remedy(code: RemedyCode, place: Place, **more: str) -> Remedy:
    judgement = place.judgement
    params = {**judgement.reason.params, **more}
    return Remedy(code, place.path, judgement.verdict, judgement.subject, params)


def walk(found: Iterable[Remedy]) -> Iterator[Remedy]:
    """Every remedy and every option in it, outermost first."""
    for remedy in found:
        yield remedy
        yield from walk(remedy.options)
