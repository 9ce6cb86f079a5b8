"""What happened to a learner, in words: a heading, a sentence, and a look for every entry of the history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.evidence import EvidenceState
from lti_tool.models import DeliveryState, ReviewKind, ReviewState, TraceMoment
from lti_tool.services.learner_history import Entry, Happening
from lti_tool.web.delivery_words import instructor_reason
from lti_tool.web.formats import number
from lti_tool.web.translated import gettext as _

_MOMENTS: Mapping[str, tuple[Any, str]] = {
    TraceMoment.OFFERED: (_l("“%(badge)s” was offered."), "offered"),
    TraceMoment.LAPSED: (_l("The offer of “%(badge)s” ended."), "lapsed"),
    TraceMoment.CLAIMED: (_l("“%(badge)s” was claimed."), "claimed"),
    TraceMoment.HELD: (_l("The offer of “%(badge)s” was put on hold."), "held"),
    TraceMoment.SUSPENDED: (_l("“%(badge)s” was suspended."), "suspended"),
    TraceMoment.RESTORED: (_l("“%(badge)s” was given back."), "claimed"),
    TraceMoment.REVOKED: (_l("“%(badge)s” was revoked."), "revoked"),
    TraceMoment.REVIEWED: (_l("“%(badge)s” was looked at."), "in_review"),
}
_EVIDENCE: Mapping[str, Any] = {
    EvidenceState.UNGRADED: _l("“%(work)s”: not graded."),
    EvidenceState.EXCUSED: _l("“%(work)s”: excused."),
    EvidenceState.HIDDEN: _l("“%(work)s”: the grade is hidden."),
    EvidenceState.MISSING: _l("“%(work)s”: missing, says the learning platform."),
    EvidenceState.COMPLETED: _l("“%(work)s”: completed."),
    EvidenceState.SUBMITTED: _l("“%(work)s”: handed in."),
    EvidenceState.NOT_OPENED: _l("“%(work)s”: not opened."),
}
_OPENED: Mapping[str, Any] = {
    ReviewKind.NO_LONGER_EARNED: _l("“%(badge)s” was no longer earned: somebody is to decide."),
    ReviewKind.APPEAL: _l("The learner wrote about “%(badge)s”."),
    ReviewKind.UNDONE: _l("The run in which “%(badge)s” came was undone: somebody is to decide."),
}
_DECIDED: Mapping[str, Any] = {
    ReviewState.KEPT: _l("Decided: “%(badge)s” stays."),
    ReviewState.SUSPENDED: _l("Decided: “%(badge)s” is suspended."),
    ReviewState.REVOKED: _l("Decided: “%(badge)s” is revoked."),
    ReviewState.SETTLED: _l("Settled by itself: “%(badge)s”."),
    ReviewState.GRANTED: _l("The message about “%(badge)s” was answered: granted."),
    ReviewState.REFUSED: _l("The message about “%(badge)s” was answered: refused."),
}
_DELIVERIES: Mapping[str, Any] = {
    "queued": _l("“%(badge)s” waits to be sent to %(host)s."),
    "sending": _l("“%(badge)s” is being sent to %(host)s."),
    "delivered": _l("“%(badge)s” was delivered to %(host)s."),
    "failed": _l("“%(badge)s” could not be delivered to %(host)s."),
}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """An entry in words. ``look``: a key of ``formats.STATES``; ``more``: what a person wrote; ``review_id``: link."""

    at: datetime
    look: str
    text: str
    more: str | None = None
    review_id: int | None = None


def history_line(entry: Entry) -> HistoryLine:
    """Put an entry into words."""
    return _LINES[entry.kind](entry)


def _evidence(entry: Entry) -> HistoryLine:
    score, maximum = entry.details["score"], entry.details["maximum"]
    if entry.code in _EVIDENCE and not (entry.code == EvidenceState.COMPLETED and score is not None):
        return HistoryLine(entry.at, "unknown", str(_EVIDENCE[entry.code]) % {"work": entry.subject})
    if entry.details["letter"]:
        value = str(entry.details["letter"])
    elif score is None:
        value = _("no points")
    elif maximum is None:
        value = _("%(score)s points", score=number(score))
    else:
        value = _("%(score)s of %(maximum)s points", score=number(score), maximum=number(maximum))
    return HistoryLine(entry.at, "assessed", _("“%(work)s”: %(value)s.", work=entry.subject, value=value))


def _decision(entry: Entry) -> HistoryLine:
    text, look = _MOMENTS[TraceMoment(entry.code)]
    reason = entry.details["reason"]
    return HistoryLine(
        entry.at,
        look,
        str(text) % {"badge": entry.subject},
        _("By a person: “%(reason)s”", reason=reason) if reason else None,
    )


def _review_opened(entry: Entry) -> HistoryLine:
    return HistoryLine(
        entry.at, "in_review", str(_OPENED[entry.code]) % {"badge": entry.subject}, _quoted(entry, "text"), _id(entry)
    )


def _review_decided(entry: Entry) -> HistoryLine:
    return HistoryLine(
        entry.at, "done", str(_DECIDED[entry.code]) % {"badge": entry.subject}, _quoted(entry, "answer"), _id(entry)
    )


def _barred(entry: Entry) -> HistoryLine:
    text = _("Somebody decided not to award “%(badge)s” to this learner.", badge=entry.subject)
    return HistoryLine(entry.at, "held", text, _quoted(entry, "reason"))


def _delivery(entry: Entry) -> HistoryLine:
    host = str(entry.details["host"])
    text = str(_DELIVERIES[entry.code]) % {"badge": entry.subject, "host": host}
    if entry.code == DeliveryState.FAILED.value:
        text = f"{text} {instructor_reason(entry.details.get('error_code'), host)}"
    return HistoryLine(entry.at, entry.code, text)


def _quoted(entry: Entry, name: str) -> str | None:
    text = entry.details.get(name)
    return _("“%(text)s”", text=text) if isinstance(text, str) and text else None


def _id(entry: Entry) -> int:
    return int(entry.details["id"])


_LINES: Mapping[Happening, Callable[[Entry], HistoryLine]] = {
    Happening.EVIDENCE: _evidence,
    Happening.DECISION: _decision,
    Happening.REVIEW_OPENED: _review_opened,
    Happening.REVIEW_DECIDED: _review_decided,
    Happening.BARRED: _barred,
    Happening.DELIVERY: _delivery,
}
