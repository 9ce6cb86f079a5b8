"""How a badge is awarded, in words: for the person who decides it, with what it means for the learner."""

from collections.abc import Iterator

from lti_tool.domain.assessments import MOST_ASSESSORS
from lti_tool.domain.award_policy import AwardPolicy, ClaimMode, Duplicates, GradeChange
from lti_tool.web import formats
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext


def policy_sentences(policy: AwardPolicy) -> list[str]:
    """Return the policy as plain sentences, the most important first; what has no effect is left out."""
    return list(_sentences(policy))


def _sentences(policy: AwardPolicy) -> Iterator[str]:
    yield (
        _("Learners are offered the badge and decide themselves whether to claim it.")
        if policy.claim_mode is ClaimMode.LEARNER
        else _("Learners get the badge without doing anything. It stays private until they share it.")
    )
    if policy.hold_until is not None:
        yield _("Nobody gets it before %(date)s.", date=formats.moment(policy.hold_until))
    if policy.needs_posted_grades:
        yield _("It waits until every grade it looks at is visible to the learner.")
    if policy.assessors == MOST_ASSESSORS:
        yield _("Work that is handed in for it here is assessed by two people, independently.")
    yield _after_grade_change(policy)
    yield from _how_often(policy)


def _after_grade_change(policy: AwardPolicy) -> str:
    match policy.grade_change:
        case GradeChange.IGNORE:
            return _("A claimed badge stays, whatever happens to the grades.")
        case GradeChange.FLAG:
            return _("If a grade is corrected later, a person decides what becomes of a claimed badge.")
        case _:
            return ngettext(
                "If a grade is corrected later, the learner is told and a claimed badge is revoked after %(num)s day, "
                "unless it is earned again or the learner objects.",
                "If a grade is corrected later, the learner is told and a claimed badge is revoked after %(num)s days, "
                "unless it is earned again or the learner objects.",
                policy.grace_days,
            )


def _how_often(policy: AwardPolicy) -> Iterator[str]:
    if policy.validity_days is None:
        yield _("It is valid for ever.")
    else:
        yield ngettext(
            "It is valid for %(num)s day from the claim.",
            "It is valid for %(num)s days from the claim.",
            policy.validity_days,
        )
    match policy.duplicates:
        case Duplicates.ONCE:
            yield _("Each learner can have it once.")
        case Duplicates.PER_TERM:
            yield _("Each learner can have it once in every term.")
        case _:
            yield (
                ngettext(
                    "It can be earned anew from %(num)s day before it ends.",
                    "It can be earned anew from %(num)s days before it ends.",
                    policy.renewal_window_days,
                )
                if policy.renewal_window_days
                else _("It can be earned anew once it has ended.")
            )
