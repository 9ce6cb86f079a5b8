"""What a learner may not read of an explanation, taken out; staff read all of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.judgement import Judgement
from lti_tool.models import TraceMoment
from lti_tool.services.explaining import HELD_BACK, Explanation, Kept


def for_learner(found: Explanation) -> Explanation:
    """Return what the learner themselves may read.

    Left out: an offer that is held before they ever saw it, what waits in a held run, why somebody barred them, and
    the value of a grade that is still hidden from them.
    """
    hides_award = found.award is not None and found.award.state is AwardState.HELD and not found.is_withdrawn
    hides_decision = hides_award or found.decision == HELD_BACK
    return replace(
        found,
        award=None if hides_award else found.award,
        decision=None if hides_decision else found.decision,
        bar_reason=None,
        judgement=None if found.judgement is None else _without_hidden_grades(found.judgement),
        kept=() if hides_award else tuple(_kept_for_learner(found.kept)),
    )


def _kept_for_learner(kept: Iterable[Kept]) -> Iterator[Kept]:
    for one in kept:
        if one.moment is not TraceMoment.HELD:
            judgement = None if one.judgement is None else _without_hidden_grades(one.judgement)
            yield replace(one, judgement=judgement)


def _without_hidden_grades(judgement: Judgement) -> Judgement:
    evidence = judgement.evidence
    if evidence is not None and evidence.state is EvidenceState.HIDDEN:
        evidence = replace(evidence, score=None, letter=None, graded_at=None)
    children = tuple(_without_hidden_grades(child) for child in judgement.children)
    return judgement._replace(evidence=evidence, children=children)
