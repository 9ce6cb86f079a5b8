"""A dry run: what a rule would do if it counted now. Decided by the same functions as live, acted on by nobody."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.award_states import AwardState
from lti_tool.domain.breaker import ProposedChanges
from lti_tool.domain.decisions import AwardStanding, Decision, OpenReview
from lti_tool.domain.evidence import Evidence
from lti_tool.domain.explain import Place, deciding_leaf, grades_posted
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.lifecycle import decide_award
from lti_tool.domain.rules import Facts, Rule, evaluate
from lti_tool.domain.verdict import Verdict

_User = TypeVar("_User", bound=Hashable)
_HAS = {AwardState.OFFERED, AwardState.CLAIMED, AwardState.SUSPENDED}


class Change(StrEnum):
    """What the dry run means for one learner."""

    GAINS = "gains"
    """Would be offered the badge (or given it)."""
    LOSES = "loses"
    """An offer would lapse, or a badge would be reviewed or revoked."""
    KEEPS = "keeps"
    """Has it, and nothing would change."""
    UNKNOWN = "unknown"
    """Can't be told; whoever has it keeps it."""
    NOT_YET = "not_yet"
    """Has it not, and does not meet the rule."""
    WAITS = "waits"
    """Meets the rule; a date, a person's decision or the learner's own stands before it (the decision's reason)."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_User]):
    """One learner in a dry run, with the clause that decides."""

    user: _User
    change: Change
    standing: AwardStanding | None
    decision: Decision
    judgement: Judgement
    deciding: Place

    @property
    def evidence(self) -> Evidence | None:
        """What was seen where it was decided."""
        return self.deciding.judgement.evidence


@dataclass(frozen=True, slots=True)
class Simulation(Generic[_User]):
    """A whole dry run, in the order of the learners."""

    outcomes: tuple[Outcome[_User], ...]

    @property
    def counts(self) -> dict[Change, int]:
        """How many learners stand where; every kind has a number."""
        counted = Counter(outcome.change for outcome in self.outcomes)
        return {change: counted[change] for change in Change}

    def who(self, change: Change) -> list[Outcome[_User]]:
        """The learners of one kind."""
        return [outcome for outcome in self.outcomes if outcome.change is change]

    @property
    def proposed(self) -> ProposedChanges:
        """The same in numbers, for the circuit breaker, and to be kept as what the preview showed."""
        changes = ProposedChanges(len(self.outcomes))
        for outcome in self.outcomes:
            changes = changes.adding(outcome.decision)
        return changes


def judge_all(rule: Rule, facts: Mapping[_User, Facts]) -> dict[_User, Judgement]:
    """Judge every learner by one rule."""
    return {user: evaluate(rule, known) for user, known in facts.items()}


def compare(
    before: Mapping[_User, AwardStanding],
    after: Mapping[_User, Judgement],
    policy: AwardPolicy,
    now: datetime,
    *,
    barred: Collection[_User] = (),
    reviews: Mapping[_User, OpenReview] | None = None,
) -> Simulation[_User]:
    """What would come of the judgements ``after``, given the awards there are ``before`` (absent: none)."""
    return Simulation(tuple(_outcomes(before, after, policy, now, barred, reviews or {})))


def _outcomes(
    before: Mapping[_User, AwardStanding],
    after: Mapping[_User, Judgement],
    policy: AwardPolicy,
    now: datetime,
    barred: Collection[_User],
    reviews: Mapping[_User, OpenReview],
) -> Iterable[Outcome[_User]]:
    for user, judgement in after.items():
        standing = before.get(user)
        decision = decide_award(
            standing,
            judgement.verdict,
            policy,
            now,
            is_barred=user in barred,
            open_review=reviews.get(user),
            grades_posted=not policy.needs_posted_grades or grades_posted(judgement),
        )
        change = _change(standing, judgement.verdict, decision)
        yield Outcome(user, change, standing, decision, judgement, deciding_leaf(judgement))


def _change(standing: AwardStanding | None, verdict: Verdict, decision: Decision) -> Change:
    has_it = standing is not None and standing.state in _HAS
    if verdict is Verdict.UNKNOWN:
        return Change.UNKNOWN
    if decision.loses:
        return Change.LOSES
    if has_it:
        return Change.KEEPS
    if decision.gains:
        return Change.GAINS
    return Change.WAITS if verdict is Verdict.MET else Change.NOT_YET
