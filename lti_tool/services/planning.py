"""What an evaluation would do: every learner judged for every badge, before anything is acted on.

The same plan serves live evaluation and dry run. A badge may count towards another, so judging goes on until nothing
changes any more; what the circuit breaker holds counts as unknown for the badges that build on it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from lti_tool.domain import breaker
from lti_tool.domain.award_states import AwardAction, advance
from lti_tool.domain.breaker import History, Hold, ProposedChanges
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.explain import grades_posted
from lti_tool.domain.lifecycle import decide_award
from lti_tool.domain.occasions import Term as OccasionTerm
from lti_tool.domain.rules import AchievementClause, Facts, iter_clauses
from lti_tool.domain.verdict import Verdict
from lti_tool.services.course_rules import Course, Judged
from lti_tool.services.gathering import counts_as
from lti_tool.services.standings import AwardBook, Look, Pair, look, term_at

NOTHING_TO_LOOK_AT = Decision(None, DecisionReason.CANNOT_TELL)


class Proposal(NamedTuple):
    """One decision that is to be acted on."""

    look: Look
    decision: Decision


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an evaluation came to. ``facts`` are those of the last round of judging.

    ``looks`` are those about which something is to be done, and those that were to be kept; ``unknown`` counts all
    pairs that cannot be told.
    """

    facts: Mapping[int, Facts]
    looks: Mapping[Pair, tuple[Look, Decision]]
    unknown: int
    holds: Mapping[int, Hold]
    """Why the circuit breaker holds a badge, by achievement id."""
    waited: Mapping[Pair, Decision]
    """What would be decided now about pairs that wait in a held run."""

    def proposals(self) -> list[Proposal]:
        """Return what is to be done, badge by badge, learner by learner."""
        return [Proposal(one, decision) for one, decision in self.looks.values() if decision.does_something]

    def is_held(self, proposal: Proposal) -> bool:
        """Whether a proposal waits for a person."""
        return weighs(proposal.decision) and proposal.look.judged.achievement.id in self.holds


def weighs(decision: Decision) -> bool:
    """Whether the circuit breaker counts a decision. An open offer claimed for its learner was let pass as an offer."""
    return decision.loses or (decision.gains and decision.action is not AwardAction.CLAIM)


def make_plan(
    course: Course,
    facts: Mapping[int, Facts],
    book: AwardBook,
    now: datetime,
    *,
    waiting: Collection[Pair] = (),
    keep: Collection[int] = (),
) -> Plan:
    """Judge and decide. ``waiting``: pairs in a run that is held already; nothing is proposed for them.

    ``keep``: ids of achievements of which every look is wanted. The others' are forgotten at once when there is
    nothing to do about them, which is most: keeping ten thousand trees of reasons costs more than judging.
    """
    return _Planner(course, facts, book, now, frozenset(waiting), frozenset(keep)).plan()


def decide_look(one: Look, book: AwardBook, now: datetime) -> Decision:
    """Return what an evaluation does about one pair."""
    if one.occasion.key is None:
        return NOTHING_TO_LOOK_AT
    policy = one.judged.policy
    return decide_award(
        None if one.award is None else book.standing(one.award),
        one.judgement.verdict,
        policy,
        now,
        is_barred=one.pair in book.barred,
        open_review=None if one.award is None else book.open_review(one.award),
        grades_posted=not policy.needs_posted_grades or grades_posted(one.judgement),
    )


class _Planner:
    """Rounds of judging; each repeats only what badges that just came or went can change."""

    def __init__(
        self,
        course: Course,
        facts: Mapping[int, Facts],
        book: AwardBook,
        now: datetime,
        waiting: frozenset[Pair],
        keep: frozenset[int],
    ) -> None:
        self._course, self._book, self._now = course, book, now
        self._waiting, self._keep = waiting, keep
        self._term: OccasionTerm | None = term_at(course, now)
        self._facts = dict(facts)
        self._looks: dict[Pair, tuple[Look, Decision]] = {}
        self._holds: dict[int, Hold] = {}
        self._waited: dict[Pair, Decision] = {}
        self._unknown: set[Pair] = set()
        self._dependents = [judged for judged in course.judged if _builds_on_badges(judged)]

    def plan(self) -> Plan:
        for judged in self._course.judged:
            self._judge(judged, self._facts)
        self._settle()
        for _ in self._course.judged:  # each round holds at least one badge more, or ends
            if not self._hold():
                break
            self._settle()
        ordered = {
            pair: self._looks[pair]
            for judged in self._course.judged
            for user_id in self._facts
            if (pair := (judged.achievement.id, user_id)) in self._looks
        }
        return Plan(self._facts, ordered, len(self._unknown), self._holds, self._waited)

    def _judge(self, judged: Judged, user_ids: Iterable[int]) -> None:
        keeps_all = judged.achievement.id in self._keep
        for user_id in user_ids:
            one = look(judged, user_id, self._facts[user_id], self._book, self._term)
            pair, decision = one.pair, decide_look(one, self._book, self._now)
            if one.judgement.verdict is Verdict.UNKNOWN:
                self._unknown.add(pair)
            else:
                self._unknown.discard(pair)
            if pair in self._waiting:
                self._waited[pair] = decision
                decision = NOTHING_TO_LOOK_AT
            if keeps_all or decision.does_something or one.occasion.notice is not None:
                self._looks[pair] = one, decision
            else:
                self._looks.pop(pair, None)

    def _settle(self) -> None:
        """Judge the badges that build on others again until nothing comes or goes."""
        if not self._dependents:
            return
        for _ in range(len(self._course.judged) + 1):
            changed = self._follow()
            if not changed:
                return
            for judged in self._dependents:
                self._judge(judged, changed)

    def _follow(self) -> list[int]:
        """Let the facts say what the decisions make of the badges; returns whose facts changed."""
        names = {judged.achievement.id: judged.achievement.public_id for judged in self._course.judged}
        held: dict[int, dict[str, Verdict]] = {user_id: {} for user_id in self._facts}
        for pair in {*self._looks, *self._book.awards}:
            achievement_id, user_id = pair
            verdict = self._counts_as(pair)
            if verdict is not Verdict.NOT_MET and achievement_id in names and user_id in held:
                held[user_id][names[achievement_id]] = verdict
        known = set(names.values())
        changed = []
        for user_id, facts in self._facts.items():
            others = {name: verdict for name, verdict in facts.achievements.items() if name not in known}
            now_held = others | held[user_id]
            if now_held != facts.achievements:
                self._facts[user_id] = replace(facts, achievements=now_held)
                changed.append(user_id)
        return changed

    def _counts_as(self, pair: Pair) -> Verdict:
        """What the badge is worth to others once the decision is carried out; of several occasions the best one."""
        one, decision = self._looks.get(pair, (None, NOTHING_TO_LOOK_AT))
        changed = one is not None and decision.action is not None
        verdicts = {
            counts_as(award.state, award.valid_until, self._now)
            for award in self._book.awards.get(pair, ())
            if one is None or not changed or award is not one.award
        }
        if pair in self._waiting or (pair[0] in self._holds and weighs(decision)):
            verdicts = (verdicts - {Verdict.MET}) | {Verdict.UNKNOWN}
        elif one is not None and decision.action is not None:
            state = advance(None if one.award is None else one.award.state, decision.action)
            verdicts.add(counts_as(state, None, self._now))
        return next((value for value in (Verdict.MET, Verdict.UNKNOWN) if value in verdicts), Verdict.NOT_MET)

    def _hold(self) -> bool:
        """Ask the circuit breaker about every badge; returns whether it holds one more."""
        changes: dict[int, ProposedChanges] = {}
        for (achievement_id, _), (_, decision) in self._looks.items():
            so_far = changes.get(achievement_id) or ProposedChanges(len(self._facts))
            changes[achievement_id] = so_far.adding(decision) if weighs(decision) else so_far
        before = len(self._holds)
        awarded = {achievement_id for achievement_id, _ in self._book.awards}
        for judged in self._course.judged:
            achievement = judged.achievement
            if achievement.id in changes and achievement.id not in self._holds:
                history = History(achievement.id in awarded, achievement.previewed_count)
                hold = breaker.check(changes[achievement.id], history)
                if hold is not None:
                    self._holds[achievement.id] = hold
        return len(self._holds) > before


def _builds_on_badges(judged: Judged) -> bool:
    return any(isinstance(clause, AchievementClause) for clause in iter_clauses(judged.rule))
