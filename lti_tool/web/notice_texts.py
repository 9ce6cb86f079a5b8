"""The words for what a learner is told: a sentence for every notice, with the reason and what a person wrote.

Placeholders: ``badge`` (its name) and ``date`` (when something will happen).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.award_states import NoticeCode
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.verdict import Verdict
from lti_tool.models import LearnerNotice
from lti_tool.services.review_decisions import APPEAL_GRANTED, APPEAL_REFUSED
from lti_tool.web import formats
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import Voice, sentence

TEXTS: Mapping[str, Any] = {
    NoticeCode.OFFERED.value: _l("You have earned the badge “%(badge)s”. You can claim it."),
    NoticeCode.OFFERED_AGAIN.value: _l("The badge “%(badge)s” is offered to you again. You can claim it."),
    NoticeCode.GIVEN.value: _l(
        "You have been given the badge “%(badge)s”. Nobody but you can see it until you share it."
    ),
    NoticeCode.LAPSED.value: _l("The badge “%(badge)s” is not offered to you any more: what it needs has changed."),
    NoticeCode.WITHDRAWN.value: _l(
        "The offer of the badge “%(badge)s” was taken back for the moment. A person looks at it."
    ),
    NoticeCode.REVIEW_OPENED.value: _l("A person will look at your badge “%(badge)s” again. It stays until then."),
    NoticeCode.WILL_BE_REVOKED.value: _l(
        "Your grade changed. Your badge “%(badge)s” will be revoked on %(date)s, unless you earn it again by then."
    ),
    NoticeCode.REVIEW_SETTLED.value: _l("Your badge “%(badge)s” stays yours."),
    NoticeCode.SUSPENDED.value: _l(
        "Your badge “%(badge)s” is suspended. Whoever checks it is told that it does not hold for now."
    ),
    NoticeCode.RESTORED.value: _l("Your badge “%(badge)s” holds again."),
    NoticeCode.REVOKED.value: _l("The badge “%(badge)s” was revoked. It does not hold any more."),
    NoticeCode.EXPIRED.value: _l("Your badge “%(badge)s” has expired."),
    NoticeCode.RENEWABLE.value: _l(
        "You can earn the badge “%(badge)s” anew. What you have done since you claimed it counts."
    ),
    APPEAL_GRANTED: _l("Your message about the badge “%(badge)s” was answered: it is yours."),
    APPEAL_REFUSED: _l("Your message about the badge “%(badge)s” was answered: it stays as it is."),
}

GRADE_CHANGED: Any = _l("Your grade changed. A person will look at it; your badge “%(badge)s” stays until then.")
"""A review that was opened because of a grade."""
UNKNOWN: Any = _l("Something changed about the badge “%(badge)s”.")
"""A notice of a later version of this tool."""

GOOD = {
    NoticeCode.OFFERED.value,
    NoticeCode.OFFERED_AGAIN.value,
    NoticeCode.GIVEN.value,
    NoticeCode.REVIEW_SETTLED.value,
    NoticeCode.RESTORED.value,
    NoticeCode.RENEWABLE.value,
    APPEAL_GRANTED,
}
ANSWERS = {APPEAL_GRANTED, APPEAL_REFUSED}
"""About what the learner wrote; they change nothing by themselves."""
SAID_BY_THE_PAGE = {NoticeCode.OFFERED.value, NoticeCode.OFFERED_AGAIN.value}
"""What stands under *Ready to claim* needs no notice above it."""


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice in words. ``more``: the reason, and what a person wrote. ``tone``: one of Bootstrap's."""

    notice_id: int
    achievement_id: int
    text: str
    more: tuple[str, ...]
    tone: str
    at: datetime


def notice_line(notice: LearnerNotice, badge: str, platform: str) -> NoticeLine:
    """Put a notice into words; the platform's name stands in the reason."""
    details = notice.details
    text = TEXTS.get(notice.code, UNKNOWN)
    reason = _reason(details.get("reason"), platform)
    if notice.code == NoticeCode.REVIEW_OPENED and reason:
        text = GRADE_CHANGED
    more = [reason] if reason else []
    if isinstance(details.get("note"), str):
        more.append(_("The reason that was given: “%(text)s”", text=details["note"]))
    if isinstance(details.get("answer"), str):
        more.append(_("The answer: “%(text)s”", text=details["answer"]))
    return NoticeLine(
        notice_id=notice.id,
        achievement_id=notice.achievement_id,
        text=str(text) % {"badge": badge, "date": _date(details.get("due_at"))},
        more=tuple(more),
        tone="success" if notice.code in GOOD else "warning",
        at=notice.created_at,
    )


def _reason(document: object, platform: str) -> str:
    """The clause that decided, as it was kept with the notice; nothing where it cannot be read."""
    if not isinstance(document, Mapping):
        return ""
    try:
        code, params = ReasonCode(document["code"]), dict(document["params"])
        judgement = Judgement(Verdict.NOT_MET, Kind.COLUMN, Reason(code, params))
        return sentence(judgement, voice=Voice.LEARNER, platform=platform)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return ""


def _date(text: object) -> str:
    return formats.day(datetime.fromisoformat(text)) if isinstance(text, str) else ""
