"""An explanation as a document for programs and as plain lines: codes and figures, each with its sentence.

The form of the document is public (``docs/explain.md``); keys are only ever added.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.evidence import Evidence, percent
from lti_tool.domain.explain import deciding_leaf, iter_places
from lti_tool.domain.figures import shown_percent
from lti_tool.domain.judgement import Judgement, Kind
from lti_tool.domain.occasions import Occasion
from lti_tool.domain.remedies import Remedy
from lti_tool.models import Award, Review
from lti_tool.services.explaining import Explanation, Kept
from lti_tool.services.overview import CourseState
from lti_tool.web.decision_texts import IDLE, REBUILT, decision_text, policy_lines
from lti_tool.web.reason_texts import Voice
from lti_tool.web.remedy_texts import hints_by_path, remedy_text
from lti_tool.web.rule_words import rule_sentence
from lti_tool.web.translated import locale
from lti_tool.web.words import ClauseLine, clause_lines, sentence

FORM = 1


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes explanations in the reader's language, spoken to staff or to the learner."""

    voice: Voice
    course: CourseState
    context_id: int

    def document(self, found: Explanation, learner: Mapping[str, object]) -> dict[str, object]:
        """Return the explanation as JSON. ``learner``: who it is about, as far as the reader may know."""
        judgement = found.judgement
        return {
            "form": FORM,
            "as_of": found.as_of.isoformat(),
            "language": str(locale()),
            "course": {"id": self.context_id, "platform": self.course.platform},
            "freshness": {
                "read_at": _iso(self.course.freshness.read_at),
                "is_reading": self.course.freshness.is_reading,
                "failed": self.course.freshness.failed_code,
            },
            "learner": dict(learner),
            "badge": self._badge(found),
            "state": found.state,
            "verdict": None if judgement is None else judgement.verdict.value,
            "text": self.headline(found),
            "clauses": [] if judgement is None else list(self._clauses(judgement)),
            "remedies": [self._remedy(one) for one in found.remedies],
            "decision": self._decision(found),
            "award": None if found.award is None else _award(found.award),
            "occasion": None if found.occasion is None else _occasion(found.occasion),
            "policy": _policy(found.policy, found.as_of),
            "bar": {"reason": found.bar_reason} if found.is_barred else None,
            "reviews": [_review(one) for one in found.reviews],
            "kept": [self._kept(one) for one in found.kept],
        }

    def headline(self, found: Explanation) -> str:
        """Return the one sentence to say when there is room for one: the clause that decides."""
        if found.judgement is None:
            return "" if found.idle is None else str(IDLE[found.idle])
        return self._sentence(deciding_leaf(found.judgement).judgement)

    def lines(self, found: Explanation) -> list[ClauseLine]:
        """Return the clauses as a checklist, each with what would help."""
        if found.judgement is None:
            return []
        platform = self.course.platform
        hints = hints_by_path(found.remedies, voice=self.voice, platform=platform)
        return clause_lines(found.judgement, voice=self.voice, platform=platform, titles=found.titles, hints=hints)

    def decision(self, found: Explanation) -> str:
        """Return what the next evaluation does and why, or why it does nothing at all."""
        if found.idle is not None:
            return str(IDLE[found.idle])
        return "" if found.decision is None else decision_text(found.decision, voice=self.voice)

    def _badge(self, found: Explanation) -> dict[str, object]:
        version = found.achievement.current_version
        rule = None if found.rule is None else rule_sentence(found.rule, found.titles, voice=self.voice)
        return {
            "id": found.achievement.id,
            "public_id": found.achievement.public_id,
            "name": None if version is None else version.name,
            "version": None if version is None else version.number,
            "state": found.achievement.state.value,
            "rule": found.rule_number,
            "rule_text": rule,
        }

    def _clauses(self, judgement: Judgement) -> Iterator[dict[str, object]]:
        for path, one in iter_places(judgement):
            yield {
                "path": path,
                "kind": one.kind.value,
                "subject": one.subject,
                "verdict": one.verdict.value,
                "decides": one.kind is not Kind.ASIDE,
                "reason": {"code": one.reason.code.value, "params": one.reason.params},
                "text": self._sentence(one),
                "evidence": None if one.evidence is None else _evidence(one.evidence),
            }

    def _remedy(self, remedy: Remedy) -> dict[str, object]:
        text = remedy_text(remedy, voice=self.voice, platform=self.course.platform)
        options = [self._remedy(one) for one in remedy.options]
        return {**remedy.to_document(), "options": options, "text": text}

    def _decision(self, found: Explanation) -> dict[str, object] | None:
        if found.idle is not None:
            return {"reason": found.idle.value, "action": None, "not_before": None, "text": self.decision(found)}
        if found.decision is None:
            return None
        action = found.decision.action
        return {
            "reason": found.decision.reason.value,
            "action": None if action is None else action.value,
            "not_before": _iso(found.decision.not_before),
            "text": self.decision(found),
        }

    def _kept(self, kept: Kept) -> dict[str, object]:
        judgement = kept.judgement
        return {
            "moment": kept.moment.value,
            "at": kept.taken_at.isoformat(),
            "rule": kept.rule_number,
            "verdict": None if judgement is None else judgement.verdict.value,
            "text": "" if judgement is None else self._sentence(deciding_leaf(judgement).judgement),
            "clauses": [] if judgement is None else list(self._clauses(judgement)),
            "again": kept.outcome.value,
            "again_text": str(REBUILT[kept.outcome]),
        }

    def _sentence(self, judgement: Judgement) -> str:
        return sentence(judgement, voice=self.voice, platform=self.course.platform)


def _evidence(evidence: Evidence) -> dict[str, object]:
    """What was seen; ``percent`` is the score's share of the maximum, where there is one to count."""
    share = percent(evidence)
    return evidence.to_document() | {"percent": None if share is None else shown_percent(share, Decimal(0))}


def _award(award: Award) -> dict[str, object]:
    return {
        "id": award.id,
        "state": award.state.value,
        "occasion": award.occasion,
        "offered_at": award.offered_at.isoformat(),
        "claimed_at": _iso(award.claimed_at),
        "changed_at": award.changed_at.isoformat(),
        "valid_until": _iso(award.valid_until),
        "is_by_hand": award.is_by_hand,
    }


def _occasion(occasion: Occasion) -> dict[str, object]:
    return {
        "key": occasion.key,
        "reason": occasion.reason.value,
        "counts_from": _iso(occasion.counts_from),
        "renewal_opens_at": _iso(occasion.opens_at),
    }


def _policy(policy: AwardPolicy, now: datetime) -> dict[str, object]:
    return {**policy.to_document(), "texts": policy_lines(policy, now)}


def _review(review: Review) -> dict[str, object]:
    return {"kind": review.kind.value, "opened_at": review.opened_at.isoformat(), "due_at": _iso(review.due_at)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
