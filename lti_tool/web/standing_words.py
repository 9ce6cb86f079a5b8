"""How a learner stands with a badge, in the learner's words: what happened, what follows, what they can do."""

from datetime import datetime

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.decisions import DecisionReason, ReviewKind
from lti_tool.domain.occasions import OccasionReason
from lti_tool.models import Award, Review
from lti_tool.services.course_wallet import BadgeProgress
from lti_tool.services.explaining import Explanation, Idle, in_question
from lti_tool.web import formats
from lti_tool.web.decision_texts import IDLE, LEARNER, decision_text
from lti_tool.web.reason_texts import Voice
from lti_tool.web.translated import gettext as _

_SAID = {
    DecisionReason.EARNED,
    DecisionReason.EARNED_AGAIN,
    DecisionReason.WAITS_FOR_DATE,
    DecisionReason.WAITS_FOR_POSTED_GRADES,
}


def standing_lines(one: BadgeProgress, *, now: datetime, is_test_user: bool = False) -> list[str]:
    """Return a few sentences; none for a badge that is merely not earned yet, of which the clauses say all."""
    lines = []
    if one.award is not None:
        lines += _award_lines(one.award, one.state, one.reviews, now)
    if one.explanation is not None:
        lines += _decision_lines(one.explanation, one.state, is_test_user=is_test_user)
    return lines


def _award_lines(award: Award, state: str, reviews: tuple[Review, ...], now: datetime) -> list[str]:
    match award.state:
        case AwardState.CLAIMED:
            return _claimed_lines(award, reviews, now)
        case AwardState.LAPSED if state != AwardState.LAPSED:
            return [_("It was offered to you before.")]
        case AwardState.LAPSED:
            return [
                _("It was offered to you, but what it needs has changed since."),
                _("When you earn it again, it is offered to you again by itself."),
            ]
        case AwardState.SUSPENDED:
            return [_("Whoever checks it is told that it does not hold for now. A person decides what becomes of it.")]
        case AwardState.REVOKED:
            return [_("It was revoked on %(date)s. It does not hold any more.", date=formats.day(award.changed_at))]
        case AwardState.DECLINED:
            return [_("You let this offer go. If you want the badge after all, ask your instructor.")]
        case AwardState.HELD:
            return [_("The offer was taken back for the moment. A person looks at it.")]
        case _:
            return []


def _claimed_lines(award: Award, reviews: tuple[Review, ...], now: datetime) -> list[str]:
    until = award.valid_until
    if until is not None and until <= now:
        return [_("It was valid until %(date)s. Whoever checks it is told that it has expired.", date=_day(until))]
    lines = []
    review = in_question(award, reviews)
    if review is not None:
        is_appealed = any(one.kind is ReviewKind.APPEAL and one.award_id == award.id for one in reviews)
        lines.append(_review_line(review, is_appealed=is_appealed))
    if until is not None:
        lines.append(_("It is valid until %(date)s.", date=_day(until)))
    return lines


def _review_line(review: Review, *, is_appealed: bool) -> str:
    if is_appealed:
        return str(LEARNER[DecisionReason.APPEALED])
    if review.kind is not ReviewKind.NO_LONGER_EARNED:
        return _("A person will look at this badge again. It stays until then.")
    if review.due_at is None:
        return _("Your grade changed. A person will look at it; your badge stays until then.")
    return _(
        "Your grade changed. Your badge will be revoked on %(date)s, unless you earn it again by then.",
        date=_day(review.due_at),
    )


def _decision_lines(found: Explanation, state: str, *, is_test_user: bool) -> list[str]:
    if found.is_barred and (found.award is None or found.award.state in {AwardState.LAPSED, AwardState.OFFERED}):
        return [str(LEARNER[DecisionReason.BARRED])]
    lines = []
    occasion = found.occasion
    if occasion is not None and found.award is None and occasion.counts_from is not None:
        lines.append(_counts_from(occasion.reason, occasion.counts_from))
    elif occasion is not None and occasion.opens_at is not None and found.as_of < occasion.opens_at:
        lines.append(_("You can earn it anew from %(date)s on.", date=_day(occasion.opens_at)))
    if found.idle is Idle.NO_TERM:
        lines.append(str(IDLE[Idle.NO_TERM]))
    elif state == "met" and is_test_user:
        lines.append(
            _(
                "Everything is done. A learner is offered the badge at the next check of the grades; "
                "a test user never is."
            )
        )
    elif found.decision is not None and found.decision.reason in _SAID:
        lines.append(decision_text(found.decision, voice=Voice.LEARNER))
    elif state == "met":
        lines.append(_("You have done everything. As soon as it is offered to you, you see it here."))
    return lines


def _counts_from(reason: OccasionReason, since: datetime) -> str:
    if reason is OccasionReason.TERM:
        return _("You can earn it again this term. Work counts that you do from %(date)s on.", date=_day(since))
    return _("You can earn it anew. Work counts that you did after %(date)s.", date=_day(since))


def _day(at: datetime) -> str:
    return formats.day(at)
