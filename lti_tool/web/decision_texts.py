"""The words for what is decided about an award and why, for why nothing is decided, and for what a badge's policy says.

Placeholder of decisions: ``date`` (from when on something happens).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.award_policy import AwardPolicy, ClaimMode, Duplicates, GradeChange
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.models import TraceMoment
from lti_tool.services.explaining import Idle
from lti_tool.services.rebuilding import RebuildOutcome
from lti_tool.web import formats
from lti_tool.web.reason_texts import Voice
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

_Reason = DecisionReason

TEXTS: Mapping[DecisionReason, Any] = {
    _Reason.EARNED: _l("Everything is there. It is offered at the next check of the grades."),
    _Reason.NOT_EARNED: _l("It is not earned yet."),
    _Reason.STILL_EARNED: _l("It is still earned, so nothing changes."),
    _Reason.EARNED_AGAIN: _l("It is earned again. It is offered again at the next check of the grades."),
    _Reason.NO_LONGER_EARNED: _l("By today's grades it would not be earned any more."),
    _Reason.CANNOT_TELL: _l("It can't be told yet, so nothing is done."),
    _Reason.WAITS_FOR_PERSON: _l("It waits for a person to decide."),
    _Reason.FINAL: _l("Grades do not bring it back. A person can award it by hand."),
    _Reason.WAITS_FOR_DATE: _l("Everything is there. It is offered from %(date)s on, not before."),
    _Reason.WAITS_FOR_POSTED_GRADES: _l("Everything is there. It is offered once all grades it looks at are released."),
    _Reason.BARRED: _l("A person decided that this learner is not awarded this badge."),
    _Reason.BY_HAND: _l("A person decided this, and grades do not change it."),
    _Reason.BY_LEARNER: _l("The learner decided this."),
    _Reason.CHANGE_IGNORED: _l("By today's grades it would not be earned any more. It was claimed, so it stays."),
    _Reason.IN_GRACE: _l(
        "By today's grades it would not be earned any more. It is revoked on %(date)s, unless it is earned again by "
        "then."
    ),
    _Reason.GRACE_ENDED: _l("The time to earn it again is over. It is revoked at the next check of the grades."),
    _Reason.APPEALED: _l("The learner wrote about it. No date decides until a person has answered."),
    _Reason.KEPT: _l("A person looked at the changed grade and kept the badge."),
    _Reason.EXPIRED: _l("It has expired."),
    _Reason.UNDONE: _l("The run it came in was taken back."),
    _Reason.HELD_BACK: _l("Unusually many badges were to change at once. It waits until a person releases them."),
}
"""For instructors, and for learners where ``LEARNER`` has no words of its own."""

LEARNER: Mapping[DecisionReason, Any] = {
    _Reason.EARNED: _l("You have done everything. It is offered to you at the next check of the grades."),
    _Reason.NOT_EARNED: _l("You have not earned it yet."),
    _Reason.EARNED_AGAIN: _l("You have earned it again. It is offered to you at the next check of the grades."),
    _Reason.NO_LONGER_EARNED: _l("By today's grades you would not earn it any more."),
    _Reason.WAITS_FOR_PERSON: _l("A person looks at it. You have nothing to do."),
    _Reason.FINAL: _l("If you think it should be yours, talk to your instructor."),
    _Reason.WAITS_FOR_DATE: _l("You have done everything. It is offered to you from %(date)s on, not before."),
    _Reason.WAITS_FOR_POSTED_GRADES: _l(
        "You have done everything. It is offered to you once all grades it looks at are released."
    ),
    _Reason.BARRED: _l("A person decided that this badge is not awarded to you."),
    _Reason.BY_LEARNER: _l("You decided this."),
    _Reason.CHANGE_IGNORED: _l("By today's grades you would not earn it any more. You claimed it, so it stays yours."),
    _Reason.IN_GRACE: _l(
        "By today's grades you would not earn it any more. It is revoked on %(date)s, unless you earn it again by then."
    ),
    _Reason.APPEALED: _l("You wrote about it. No date decides until a person has answered you."),
    _Reason.KEPT: _l("A person looked at your changed grade and decided that the badge stays yours."),
}

IDLE: Mapping[Idle, Any] = {
    Idle.NOT_LIVE: _l("The badge is not published, so nobody is awarded it."),
    Idle.RETIRED: _l("This badge is not given any more."),
    Idle.NOT_A_LEARNER: _l("Only learners of the course are awarded badges; staff and test users are not."),
    Idle.NO_TERM: _l("This badge is earned once a term, and no term is running now."),
}


MOMENTS: Mapping[TraceMoment, Any] = {
    TraceMoment.OFFERED: _l("When it was offered"),
    TraceMoment.LAPSED: _l("When the offer ended"),
    TraceMoment.CLAIMED: _l("When it was claimed"),
    TraceMoment.HELD: _l("When the offer was held"),
    TraceMoment.SUSPENDED: _l("When it was suspended"),
    TraceMoment.RESTORED: _l("When it was restored"),
    TraceMoment.REVOKED: _l("When it was revoked"),
    TraceMoment.REVIEWED: _l("When it was looked at"),
}
"""Headings of what was decided once."""

REBUILT: Mapping[RebuildOutcome, Any] = {
    RebuildOutcome.SAME: _l("The grades that were kept give the same decision again."),
    RebuildOutcome.DIFFERENT: _l("The grades that were kept do not give this decision. Something was altered."),
    RebuildOutcome.BY_HAND: _l("A person decided this."),
    RebuildOutcome.ERASED: _l("A grade behind it was erased, so it cannot be worked out again."),
    RebuildOutcome.NO_BASIS: _l("What it rests on was not kept, so it cannot be worked out again."),
}
"""Whether what was decided once can be worked out again."""


def decision_text(decision: Decision, *, voice: Voice) -> str:
    """Return what the next evaluation does and why."""
    text = (LEARNER.get(decision.reason) if voice is Voice.LEARNER else None) or TEXTS[decision.reason]
    at = decision.not_before
    return str(text) % {"date": "" if at is None else formats.moment(at)}


def policy_lines(policy: AwardPolicy, now: datetime) -> list[str]:
    """Return how the badge is awarded, one fact a line."""
    lines = []
    if policy.hold_until is not None and now < policy.hold_until:
        lines.append(_("It is offered from %(date)s on, not before.", date=formats.moment(policy.hold_until)))
    if policy.needs_posted_grades:
        lines.append(_("It is offered once all grades it looks at are released."))
    if policy.claim_mode is ClaimMode.AUTO:
        lines.append(_("It is given without a claim, and stays private until its holder shares it."))
    if policy.duplicates is Duplicates.PER_TERM:
        lines.append(_("It can be earned once a term."))
    return [*lines, *_validity(policy), _grade_change(policy)]


def _validity(policy: AwardPolicy) -> list[str]:
    days = policy.validity_days
    if days is None:
        return []
    lines = [
        ngettext("It is valid for %(num)s day from its claim.", "It is valid for %(num)s days from its claim.", days)
    ]
    if policy.duplicates is Duplicates.RENEW and policy.renewal_window_days:
        window = ngettext(
            "It can be earned anew from %(num)s day before that ends.",
            "It can be earned anew from %(num)s days before that ends.",
            policy.renewal_window_days,
        )
        lines.append(window)
    elif policy.duplicates is Duplicates.RENEW:
        lines.append(_("It can be earned anew after that."))
    return lines


def _grade_change(policy: AwardPolicy) -> str:
    match policy.grade_change:
        case GradeChange.IGNORE:
            return _("Once claimed it stays, whatever happens to the grades.")
        case GradeChange.FLAG:
            return _("If the grades change after the claim, a person looks at it before anything happens.")
        case GradeChange.REVOKE_AFTER_GRACE:
            return ngettext(
                "If it is not earned any more after the claim, its holder is told, and %(num)s day later it is "
                "revoked.",
                "If it is not earned any more after the claim, its holder is told, and %(num)s days later it is "
                "revoked.",
                policy.grace_days,
            )
