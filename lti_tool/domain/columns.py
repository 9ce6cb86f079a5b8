"""Judging one learner's work in one column.

Freshness comes first: what cannot be trusted says nothing, whatever it shows. Then the state: only a released result
counts, and *missing* only where the policy makes it a zero.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lti_tool.domain.clauses import canonical_scheme
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness, Policy
from lti_tool.domain.figures import NOTHING, Ratio, reaches
from lti_tool.domain.judgement import Figures, Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.verdict import Verdict

_MET, _NOT_MET, _UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
_FRESH, _GRADED, _COMPLETED = Freshness.FRESH, EvidenceState.GRADED, EvidenceState.COMPLETED
_NOT_OPENED, _MISSING = EvidenceState.NOT_OPENED, EvidenceState.MISSING
_THRESHOLD_MET, _BELOW_THRESHOLD = ReasonCode.THRESHOLD_MET, ReasonCode.BELOW_THRESHOLD

# Sweeps judge by the hundred thousand, and the constructor a named tuple has costs more than the tuple.
_new = tuple.__new__

_UNTRUSTED = {
    Freshness.STALE: ReasonCode.STALE,
    Freshness.FAILED: ReasonCode.SOURCE_FAILED,
    Freshness.DISAGREEING: ReasonCode.SOURCES_DISAGREE,
}
_WITHOUT_RESULT = {
    EvidenceState.UNGRADED: ReasonCode.NOT_GRADED,
    EvidenceState.SUBMITTED: ReasonCode.NOT_GRADED,
    EvidenceState.EXCUSED: ReasonCode.EXCUSED,
    EvidenceState.HIDDEN: ReasonCode.HIDDEN,
    EvidenceState.NOT_OPENED: ReasonCode.NOT_OPENED,
    EvidenceState.MISSING: ReasonCode.MISSING,
}


class Window(NamedTuple):
    """A time the work must fall into: from ``after`` (included) until ``before`` (excluded).

    Where the dates differ by section and the learner's sections are not known, ``after`` is the earliest and
    ``before`` the latest they can be, and what is not at ``surely_after`` or later and before ``surely_before`` can't
    be told.
    """

    after: datetime | None = None
    before: datetime | None = None
    surely_after: datetime | None = None
    surely_before: datetime | None = None

    def until(self, before: datetime, surely_before: datetime | None = None) -> "Window":
        """This window, ending at ``before`` at the latest (and perhaps as early as ``surely_before``)."""
        return Window(
            self.after,
            _earlier(before, self.before),
            self.surely_after,
            _earlier(surely_before, self.surely_before),
        )

    def since(self, after: datetime, surely_after: datetime | None = None) -> "Window":
        """This window, beginning at ``after`` at the earliest (and perhaps as late as ``surely_after``)."""
        return Window(
            _later(after, self.after),
            self.before,
            _later(surely_after, self.surely_after),
            self.surely_before,
        )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def obstacle(evidence: Evidence, policy: Policy) -> ReasonCode | None:
    """Why no result can be read from the evidence; None if there is one (or a *missing* that counts as zero)."""
    if evidence.freshness is not _FRESH:
        return _UNTRUSTED[evidence.freshness]
    state = evidence.state
    if state is _GRADED or state is _COMPLETED or (state is _MISSING and policy.missing_counts_as_zero):
        return None
    return _WITHOUT_RESULT[state]


def measure(evidence: Evidence, needed: Decimal, policy: Policy) -> Ratio | ReasonCode:
    """The share of the maximum that was reached, or why it is unknown.

    Completion without a score says only that the work was done: it is worth 0 % where 0 % is all that is needed, and
    unknown elsewhere.
    """
    code = obstacle(evidence, policy)
    if code is not None:
        return code
    if evidence.state is _MISSING:
        return NOTHING
    if evidence.score is None:
        return NOTHING if evidence.state is _COMPLETED and not needed else ReasonCode.NO_SCORE
    if evidence.maximum is None or evidence.maximum <= 0:
        return ReasonCode.NO_MAXIMUM
    return evidence.score, evidence.maximum


def judge_percent(
    slot: str,
    evidence: Evidence | None,
    needed: Decimal,
    policy: Policy,
    window: Window | None,
    kind: Kind = Kind.COLUMN,
) -> Judgement:
    """Whether the work reached ``needed`` percent of its maximum (in the window)."""
    if evidence is None:
        return unbound(slot, kind)
    score, maximum = evidence.score, evidence.maximum
    is_plain = evidence.freshness is _FRESH and evidence.state is _GRADED
    if is_plain and score is not None and maximum is not None and maximum > 0:
        measured: Ratio | ReasonCode = (score, maximum)
    else:
        measured = measure(evidence, needed, policy)
    if not isinstance(measured, tuple):
        judgement = _unknown(measured, evidence, kind)
    else:
        figures: Figures = {"title": evidence.title, "value": measured, "needed": needed}
        if reaches(measured, needed):
            judgement = _new(Judgement, (_MET, kind, _new(Reason, (_THRESHOLD_MET, figures)), slot, (), evidence))
        else:
            judgement = _new(Judgement, (_NOT_MET, kind, _new(Reason, (_BELOW_THRESHOLD, figures)), slot, (), evidence))
    return judgement if window is None else within(judgement, window)


def judge_points(evidence: Evidence, needed: Decimal, policy: Policy) -> Judgement:
    """Whether the score is at least ``needed`` points; the maximum does not matter."""
    code = obstacle(evidence, policy)
    if code is not None:
        return _unknown(code, evidence)
    score = evidence.score
    if score is None and (evidence.state is _MISSING or (evidence.state is _COMPLETED and not needed)):
        score = Decimal(0)
    if score is None:
        return _unknown(ReasonCode.NO_SCORE, evidence)
    figures: Figures = {"title": evidence.title, "value": score, "needed": needed}
    if score >= needed:
        return _judged(_MET, Reason(ReasonCode.POINTS_MET, figures), evidence)
    return _judged(_NOT_MET, Reason(ReasonCode.BELOW_POINTS, figures), evidence)


def judge_letter(
    evidence: Evidence, letters: tuple[str, ...], policy: Policy, scheme: tuple[str, ...] = ()
) -> Judgement:
    """Whether the letter grade is one of ``letters``, whatever their case. A zero for missing work is no letter.

    With the ``scheme`` the letters were chosen from: unknown where the source uses another one, or where the letter is
    none of it. A source that tells no scheme is believed.
    """
    code = obstacle(evidence, policy)
    if code is not None:
        return _unknown(code, evidence)
    known = evidence.scheme if evidence.scheme is not None else scheme
    if scheme and known is not scheme and canonical_scheme(known) != canonical_scheme(scheme):
        figures: Figures = {"title": evidence.title, "needed": ", ".join(letters)}
        return _judged(_UNKNOWN, Reason(ReasonCode.SCHEME_CHANGED, figures), evidence)
    if evidence.state is _MISSING:
        return _judged(_NOT_MET, _about(ReasonCode.MISSING, evidence), evidence)
    letter = (evidence.letter or "").strip()
    if not letter:
        return _unknown(ReasonCode.NO_LETTER, evidence)
    figures = {"title": evidence.title, "value": letter, "needed": ", ".join(letters)}
    if known and letter.casefold() not in canonical_scheme(known):
        return _judged(_UNKNOWN, Reason(ReasonCode.LETTER_UNKNOWN, figures), evidence)
    if letter.casefold() in canonical_scheme(letters):
        return _judged(_MET, Reason(ReasonCode.LETTER_MET, figures), evidence)
    return _judged(_NOT_MET, Reason(ReasonCode.OTHER_LETTER, figures), evidence)


def judge_completed(evidence: Evidence, policy: Policy) -> Judgement:
    """Whether the work was done: completed, or graded with a sign that it was handed in."""
    return _judge_done(evidence, policy, {_COMPLETED}, ReasonCode.COMPLETED)


def judge_submitted(evidence: Evidence, policy: Policy) -> Judgement:
    """Whether the work was handed in, graded or not."""
    done = {_COMPLETED, EvidenceState.SUBMITTED}
    if evidence.submitted_at is not None:
        done |= {EvidenceState.UNGRADED}
    return _judge_done(evidence, policy, done, ReasonCode.SUBMITTED)


def _judge_done(evidence: Evidence, policy: Policy, done: Iterable[EvidenceState], code: ReasonCode) -> Judgement:
    if evidence.freshness is _FRESH:
        if evidence.state in done or _graded_on_work(evidence):
            return _judged(_MET, _about(code, evidence), evidence)
        if evidence.state is _NOT_OPENED or (evidence.state is _MISSING and policy.missing_counts_as_zero):
            return _judged(_NOT_MET, _about(_WITHOUT_RESULT[evidence.state], evidence), evidence)
    return _unknown(obstacle(evidence, policy) or ReasonCode.SUBMISSION_UNKNOWN, evidence)


def _graded_on_work(evidence: Evidence) -> bool:
    """A zero without a submission may be the platform's own zero for nothing handed in, so it proves no work."""
    has_sign = evidence.submitted_at is not None or bool(evidence.score)
    return evidence.state is _GRADED and has_sign


def judge_timing(evidence: Evidence | None, window: Window, kind: Kind = Kind.COLUMN) -> Judgement | None:
    """What the window says against the work: out of it, or (without a date) unknown. None when it fits."""
    if evidence is None or evidence.moment is None or evidence.freshness is not _FRESH:
        title = None if evidence is None else evidence.title
        slot = None if evidence is None else evidence.slot
        return Judgement(_UNKNOWN, kind, Reason(ReasonCode.DATE_UNKNOWN, {"title": title}), slot, (), evidence)
    moment = evidence.moment
    figures: Figures = {"title": evidence.title, "at": moment}
    if window.before is not None and moment >= window.before:
        reason = Reason(ReasonCode.TOO_LATE, {**figures, "date": window.before})
    elif window.after is not None and moment < window.after:
        reason = Reason(ReasonCode.TOO_EARLY, {**figures, "date": window.after})
    elif (window.surely_before is not None and moment >= window.surely_before) or (
        window.surely_after is not None and moment < window.surely_after
    ):
        reason = Reason(ReasonCode.SECTION_DATE_UNKNOWN, figures)
        return Judgement(_UNKNOWN, kind, reason, evidence.slot, (), evidence)
    else:
        return None
    return Judgement(_NOT_MET, kind, reason, evidence.slot, (), evidence)


def within(judgement: Judgement, window: Window) -> Judgement:
    """The judgement on one piece of evidence *and* its time. Excused work has no time to keep."""
    if judgement.verdict is _NOT_MET or judgement.reason.code is ReasonCode.EXCUSED:
        return judgement
    timing = judge_timing(judgement.evidence, window, judgement.kind)
    if timing is None or timing.verdict is judgement.verdict:
        return judgement
    return timing


def unbound(slot: str, kind: Kind = Kind.COLUMN) -> Judgement:
    """Nothing is bound to the slot, or nothing was ever observed there."""
    return Judgement(_UNKNOWN, kind, Reason(ReasonCode.COLUMN_UNKNOWN, {"title": slot}), slot)


def _about(code: ReasonCode, evidence: Evidence) -> Reason:
    return Reason(code, {"title": evidence.title})


def _judged(verdict: Verdict, reason: Reason, evidence: Evidence, kind: Kind = Kind.COLUMN) -> Judgement:
    return Judgement(verdict, kind, reason, evidence.slot, (), evidence)


def _unknown(code: ReasonCode, evidence: Evidence, kind: Kind = Kind.COLUMN) -> Judgement:
    return _new(
        Judgement, (_UNKNOWN, kind, _new(Reason, (code, {"title": evidence.title})), evidence.slot, (), evidence)
    )
