"""Judgements and rules in words: why a badge is earned, not yet earned, or cannot be told.

``sentence`` says one judgement, ``clause_lines`` a whole one as a checklist, ``rule_sentence`` a rule. Everything is
gettext, with dates and numbers by locale; the texts for single reasons are in ``reason_texts.py``.

``platform`` is the name of the learning platform as people know it ("Lakeside shows 64%"); without it the source of
the evidence stands there ("Your learning platform shows 64%").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lti_tool.domain.evidence import Evidence, EvidenceState, percent
from lti_tool.domain.explain import Place, child_places
from lti_tool.domain.figures import shown_percent
from lti_tool.domain.judgement import Judgement, Kind, ReasonCode
from lti_tool.domain.verdict import Verdict
from lti_tool.web import formats
from lti_tool.web.reason_texts import AVERAGES, COMPETENCIES, HANDED_IN, LEARNER, NEVER_READ, TEXTS, Voice
from lti_tool.web.remedy_texts import NO_HINT, Hint
from lti_tool.web.rule_words import rule_sentence
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

__all__ = ["ClauseLine", "Voice", "clause_lines", "rule_sentence", "seen_value", "sentence", "skill_title"]

_LISTS = {Kind.ALL, Kind.ANY, Kind.AT_LEAST}
_WINDOWS = {Kind.BEFORE, Kind.AFTER}
_IN_PERCENT = {ReasonCode.THRESHOLD_MET, ReasonCode.BELOW_THRESHOLD, ReasonCode.OUT_OF_REACH, ReasonCode.NEEDS_GRADES}
_IN_POINTS = {ReasonCode.POINTS_MET, ReasonCode.BELOW_POINTS}


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """One line of a checklist, with the lines below it; ``why_list`` of ``macros.html`` shows it.

    ``verdict`` is also a key of ``formats.STATES``. ``heading``: the skill or badge it is about, empty where the text
    says it all. ``seen``: the value that was seen ("16 of 25 points (64%)"); ``source``, ``submitted_at``,
    ``graded_at`` and ``checked_at``: where and when. ``decides``: false for what is shown beside (excused work, a
    single grade of an average). ``hint``: what would help. ``path``: where it stands in the judgement
    (``explain.Place``).
    """

    verdict: Verdict
    heading: str
    text: str
    parts: "tuple[ClauseLine, ...]" = ()
    decides: bool = True
    seen: str | None = None
    source: str | None = None
    graded_at: datetime | None = None
    checked_at: datetime | None = None
    submitted_at: datetime | None = None
    hint: Hint = NO_HINT
    path: str = "$"

    @property
    def look(self) -> str:
        """The key of ``formats.STATES`` by which it shows."""
        return self.hint.state or self.verdict.value


def sentence(judgement: Judgement, *, voice: Voice, platform: str | None = None) -> str:
    """Return the reason of one judgement as a sentence or two, spoken to an instructor or to the learner."""
    reason = judgement.reason
    evidence = _evidence_behind(judgement)
    if reason.code in {ReasonCode.ENOUGH, ReasonCode.NEEDS_MORE}:
        return _count_sentence(judgement, with_title=True)
    params = _params(judgement, evidence, platform)
    if reason.code is ReasonCode.NEEDS_GRADES:
        return ngettext(
            "Needs an average of %(needed)s in “%(title)s”. %(num)s grade is still missing.",
            "Needs an average of %(needed)s in “%(title)s”. %(num)s grades are still missing.",
            int(reason.params.get("unknown") or 0),
            **{name: params[name] for name in ("needed", "title")},
        )
    return str(_text(judgement, evidence, voice)) % params


def _text(judgement: Judgement, evidence: Evidence | None, voice: Voice) -> object:
    code = judgement.reason.code
    if "unknown" in judgement.reason.figures and code in AVERAGES:
        has_gaps = str(judgement.reason.params["unknown"]) != "0" and code is ReasonCode.THRESHOLD_MET
        return AVERAGES[code][has_gaps]
    if judgement.kind is Kind.COMPETENCY and evidence is None and code in COMPETENCIES:
        return COMPETENCIES[code]
    if code is ReasonCode.NOT_GRADED and evidence is not None and evidence.state is EvidenceState.SUBMITTED:
        return HANDED_IN
    if code is ReasonCode.STALE and (evidence is None or evidence.checked_at is None):
        return NEVER_READ
    return (LEARNER.get(code) if voice is Voice.LEARNER else None) or TEXTS[code]


def _params(judgement: Judgement, evidence: Evidence | None, platform: str | None) -> dict[str, str]:
    """Everything a text may name, by locale."""
    code, given = judgement.reason.code, judgement.reason.params
    source = formats.seen_at(evidence.source if evidence else "ags", platform)
    graded_at = evidence.graded_at if evidence else None
    checked_at = evidence.checked_at if evidence else None
    return {
        "title": given.get("title") or _("this work"),
        "value": _figure(code, given.get("value")),
        "needed": _figure(code, given.get("needed")),
        "at": _day(given.get("at")),
        "date": _moment(given.get("date")),
        "platform": source,
        "Platform": source[:1].upper() + source[1:],
        "when": "" if graded_at is None else " " + _("(graded %(date)s)", date=formats.day(graded_at)),
        "checked": _("never") if checked_at is None else formats.day(checked_at),
    }


def _figure(code: ReasonCode, text: str | None) -> str:
    if text is None:
        return ""
    if code in _IN_PERCENT:
        return formats.percent(Decimal(text))
    return formats.number(Decimal(text)) if code in _IN_POINTS else text


def _day(text: str | None) -> str:
    return "" if text is None else formats.day(datetime.fromisoformat(text))


def _moment(text: str | None) -> str:
    return "" if text is None else formats.moment(datetime.fromisoformat(text))


def _count_sentence(judgement: Judgement, *, with_title: bool) -> str:
    """So many of so many, for lists, for windows of time, and for the work behind a skill."""
    given = judgement.reason.params
    have, needed, unknown = (int(given.get(name) or 0) for name in ("have", "needed", "unknown"))
    is_enough, have = judgement.reason.code is ReasonCode.ENOUGH, min(have, needed)
    if judgement.kind in _WINDOWS:
        return _window_sentence(judgement.kind, judgement.verdict, _moment(given.get("date")))
    if judgement.kind is Kind.COMPETENCY:
        text = ngettext(
            "%(have)s of the %(num)s piece of work needed is good enough.",
            "%(have)s of the %(num)s pieces of work needed are good enough.",
            needed,
            have=have,
        )
        title = given.get("title") or _("this skill")
        if with_title and is_enough:
            return _("“%(title)s” is shown.", title=title)
        if with_title:
            text = _("“%(title)s” is not shown yet.", title=title) + " " + text
    else:
        text = ngettext(
            "%(have)s of the %(num)s needed is there.", "%(have)s of the %(num)s needed are there.", needed, have=have
        )
    if is_enough or not unknown:
        return text
    return text + " " + ngettext("%(num)s is not known yet.", "%(num)s are not known yet.", unknown)


def _window_sentence(kind: Kind, verdict: Verdict, date: str) -> str:
    if verdict is Verdict.UNKNOWN:
        return (
            _("Whether this was done before %(date)s can't be told yet.", date=date)
            if kind is Kind.BEFORE
            else _("Whether this was done after %(date)s can't be told yet.", date=date)
        )
    if kind is Kind.BEFORE:
        is_met = verdict is Verdict.MET
        return _("Done before %(date)s.", date=date) if is_met else _("Not done before %(date)s.", date=date)
    return (
        _("Done after %(date)s.", date=date) if verdict is Verdict.MET else _("Not done after %(date)s yet.", date=date)
    )


def _evidence_behind(judgement: Judgement) -> Evidence | None:
    """Its own evidence, or that of the part whose reason it took over (the latest grade)."""
    if judgement.evidence is not None:
        return judgement.evidence
    return next(
        (child.evidence for child in judgement.children if child.evidence and child.reason == judgement.reason), None
    )


# -- checklists -------------------------------------------------------------------------------------------------------


def clause_lines(
    judgement: Judgement,
    *,
    voice: Voice,
    platform: str | None = None,
    titles: Mapping[str, str] | None = None,
    hints: Mapping[str, Hint] | None = None,
) -> list[ClauseLine]:
    """Return a whole judgement as a checklist, in reading order.

    ``titles``: names by identifier of skills and badges, where known; the outermost "all of" is left out. ``hints``:
    what would help, by path (``remedy_texts.hints_by_path``).
    """
    writer, place = _Lines(voice, platform, titles or {}, hints or {}), Place("$", judgement)
    if judgement.kind is Kind.ALL and judgement.children:
        return [writer.line(child) for child in child_places(place)]
    return [writer.line(place)]


@dataclass(frozen=True, slots=True)
class _Lines:
    voice: Voice
    platform: str | None
    titles: Mapping[str, str]
    hints: Mapping[str, Hint]

    def line(self, place: Place) -> ClauseLine:
        """One judgement and what is below it; a skill with one piece of work takes one line."""
        judgement, children, said = place.judgement, child_places(place), place
        heading = self.heading(judgement)
        if judgement.kind is Kind.COMPETENCY and len(children) == 1:
            (child,) = children
            if child.judgement.verdict is judgement.verdict:
                said, children = child, []
        evidence = said.judgement.evidence
        return ClauseLine(
            verdict=said.judgement.verdict,
            heading=heading,
            text=self.text(said.judgement, heading),
            parts=tuple(self.line(child) for child in children),
            decides=judgement.kind is not Kind.ASIDE,
            seen=None if evidence is None else seen_value(evidence),
            source=None if evidence is None else formats.seen_at(evidence.source, self.platform),
            graded_at=None if evidence is None else evidence.graded_at,
            checked_at=None if evidence is None else evidence.checked_at,
            submitted_at=None if evidence is None else evidence.submitted_at,
            hint=self.hints.get(said.path) or self.hints.get(place.path) or NO_HINT,
            path=place.path,
        )

    def text(self, judgement: Judgement, heading: str) -> str:
        """The sentence; what a heading says already is not said again."""
        if heading and judgement.reason.code in {ReasonCode.ENOUGH, ReasonCode.NEEDS_MORE}:
            return _count_sentence(judgement, with_title=False)
        return sentence(judgement, voice=self.voice, platform=self.platform)

    def heading(self, judgement: Judgement) -> str:
        """What the line is about."""
        needed = int(judgement.reason.params.get("needed") or 0) if judgement.kind in _LISTS else 0
        match judgement.kind:
            case Kind.COMPETENCY:
                return skill_title(judgement, self.titles)
            case Kind.ALL:
                return _("All of these")
            case Kind.ANY:
                return _("One of these")
            case Kind.AT_LEAST:
                return ngettext("At least %(num)s of these", "At least %(num)s of these", needed)
            case _:
                return ""


def skill_title(judgement: Judgement, titles: Mapping[str, str]) -> str:
    """Return the statement of the skill a judgement is about.

    ``titles`` knows best: some reasons name the deciding piece of work instead.
    """
    return titles.get(judgement.subject or "") or judgement.reason.params.get("title") or _("A skill")


def seen_value(evidence: Evidence) -> str | None:
    """Return what the source shows: "16 of 25 points (64%)", a letter, or ``None`` when it shows no result."""
    if evidence.letter:
        return evidence.letter
    if evidence.score is None or evidence.state not in {EvidenceState.GRADED, EvidenceState.COMPLETED}:
        return None
    score = formats.number(evidence.score)
    if evidence.maximum is None:
        return _("%(score)s points", score=score)
    share = percent(evidence)
    points = _("%(score)s of %(maximum)s points", score=score, maximum=formats.number(evidence.maximum))
    if share is None:
        return points
    return f"{points} ({formats.percent(Decimal(shown_percent(share, Decimal(0))))})"
