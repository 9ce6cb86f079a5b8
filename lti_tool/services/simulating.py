"""Dry runs: who would gain or lose a badge, who stays unknown, and the clause that decides. Nothing is written.

The plan is the one a live evaluation makes (``planning``), over the same stored facts, with a rule, a policy or plans
of competencies put in place of the stored ones. Publishing right after a dry run does exactly what it showed, unless a
fact changed in between.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain import simulate
from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.breaker import Hold, ProposedChanges
from lti_tool.domain.competency_plan import CompetencyPlan
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.simulate import Change, Outcome
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, AchievementState, EvidenceColumn, Membership, MembershipStatus, User
from lti_tool.services import run_items
from lti_tool.services.course_rules import Course, Judged, load_course
from lti_tool.services.gathering import evaluated_user_ids, gather
from lti_tool.services.planning import Plan, make_plan
from lti_tool.services.standings import AwardBook, Pair, load_book


@dataclass(frozen=True, slots=True)
class Line:
    """One learner in a dry run. ``name``: ``None`` where the platform shares none."""

    user_id: int
    name: str | None
    has_left: bool
    outcome: Outcome[int]


@dataclass(frozen=True, slots=True)
class SideEffect:
    """What the change does to another badge, which builds on this one: offers and losses more than without it."""

    achievement_id: int
    name: str
    gains: int
    losses: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """A dry run of one badge, by name. ``proposed`` is what a preview vouches for when somebody confirms it.

    ``hold``: why the circuit breaker would hold the run if nobody had seen this preview. ``no_occasion``: how many
    learners are not looked at, since no term is running.
    """

    achievement_id: int
    lines: tuple[Line, ...]
    proposed: ProposedChanges
    hold: Hold | None
    side_effects: tuple[SideEffect, ...]
    no_occasion: int

    @property
    def counts(self) -> dict[Change, int]:
        """How many learners stand where; every kind has a number."""
        return {change: len(self.who(change)) for change in Change}

    def who(self, change: Change) -> list[Line]:
        """The learners of one kind, by name."""
        return [line for line in self.lines if line.outcome.change is change]


def simulate_publish(
    session: Session,
    context_id: int,
    achievement_id: int,
    now: datetime,
    *,
    rule: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
) -> Simulation:
    """Say what publishing a badge would do, or going on with another rule or policy; ``None``: the stored one.

    Raises ``NotFoundError``, ``ConflictError`` (``badge_incomplete``) without a rule, ``RuleError`` and
    ``InvalidInputError`` (``policy_…``) for documents that cannot be used.
    """
    achievement = session.get(Achievement, achievement_id)
    if achievement is None or achievement.context_id != context_id:
        raise NotFoundError("There is no such badge in this course.")
    course = load_course(session, context_id)
    judged = _candidate(achievement, rule, policy)
    others = [one for one in course.judged if one.achievement.id != achievement_id]
    changed = replace(
        course,
        judged=sorted([*others, judged], key=lambda one: one.achievement.id),
        titles=course.titles | _title(achievement),
    )
    return _Dry(session, course, changed, now, [achievement_id]).simulation(judged)


def simulate_mapping(
    session: Session,
    context_id: int,
    plans: Mapping[str, CompetencyPlan],
    now: datetime,
    *,
    columns: Mapping[str, EvidenceColumn] | None = None,
) -> list[Simulation]:
    """Say what other plans of competencies (by identifier) would do to every live badge, one dry run a badge.

    ``columns``, by slot, are those that would fill slots no column fills now.
    """
    course = load_course(session, context_id)
    changed = replace(course, plans=course.plans | dict(plans), columns=course.columns | dict(columns or {}))
    dry = _Dry(session, course, changed, now, [judged.achievement.id for judged in changed.judged])
    return [dry.simulation(judged) for judged in changed.judged]


def vouch(session: Session, achievement_id: int, simulation: Simulation) -> None:
    """Remember what the preview showed to the person who confirmed: the next evaluation may do that much at once."""
    session.get_one(Achievement, achievement_id).previewed_count = simulation.proposed.offers


def _candidate(achievement: Achievement, rule: Mapping[str, Any] | None, policy: Mapping[str, Any] | None) -> Judged:
    stored = achievement.current_rule
    document = rule if rule is not None else stored.document if stored is not None else None
    if document is None or achievement.state is AchievementState.RETIRED or achievement.current_version is None:
        raise ConflictError("The badge has no rule yet.", code="badge_incomplete")
    return Judged(
        achievement,
        parse_rule(document),
        0 if stored is None else stored.id,
        AwardPolicy.from_document(achievement.policy if policy is None else policy),
    )


def _title(achievement: Achievement) -> dict[str, str]:
    version = achievement.current_version
    return {} if version is None else {achievement.public_id: version.name}


class _Dry:
    """Two plans over the same facts: with the change, and without it."""

    def __init__(self, session: Session, course: Course, changed: Course, now: datetime, keep: Collection[int]) -> None:
        self._now, self._changed = now, changed
        user_ids = evaluated_user_ids(session, course.context_id)
        ids = {judged.achievement.id for judged in (*course.judged, *changed.judged)}
        self._book: AwardBook = load_book(session, ids)
        held = run_items.find_held(session, course.context_id)
        waiting: frozenset[Pair] = frozenset() if held is None else run_items.waiting_pairs(session, held)
        after = gather(session, changed, user_ids, now).facts
        before = gather(session, course, user_ids, now).facts
        self._after = make_plan(changed, after, self._book, now, waiting=waiting, keep=keep)
        self._before = make_plan(course, before, self._book, now, waiting=waiting)
        self._people = _people(session, course.context_id)

    def simulation(self, judged: Judged) -> Simulation:
        """Return the dry run of one badge."""
        achievement_id = judged.achievement.id
        looks = {
            user_id: one
            for (badge_id, user_id), (one, _) in self._after.looks.items()
            if badge_id == achievement_id and one.occasion.key is not None
        }
        awards = {user_id: one.award for user_id, one in looks.items() if one.award is not None}
        reviews = {user_id: self._book.open_review(award) for user_id, award in awards.items()}
        compared = simulate.compare(
            {user_id: self._book.standing(award) for user_id, award in awards.items()},
            {user_id: one.judgement for user_id, one in looks.items()},
            judged.policy,
            self._now,
            barred={user_id for badge_id, user_id in self._book.barred if badge_id == achievement_id},
            reviews={user_id: review for user_id, review in reviews.items() if review is not None},
        )
        lines = [self._line(outcome) for outcome in compared.outcomes]
        return Simulation(
            achievement_id=achievement_id,
            lines=tuple(sorted(lines, key=lambda one: (one.name is None, (one.name or "").casefold(), one.user_id))),
            proposed=compared.proposed,
            hold=self._after.holds.get(achievement_id),
            side_effects=tuple(self._side_effects(achievement_id)),
            no_occasion=len(self._after.facts) - len(looks),
        )

    def _line(self, outcome: Outcome[int]) -> Line:
        name, has_left = self._people.get(outcome.user, (None, False))
        return Line(outcome.user, name, has_left, outcome)

    def _side_effects(self, achievement_id: int) -> list[SideEffect]:
        found = []
        for judged in self._changed.judged:
            other = judged.achievement
            if other.id == achievement_id:
                continue
            gains = _pairs(self._after, other.id, gains=True) - _pairs(self._before, other.id, gains=True)
            losses = _pairs(self._after, other.id, gains=False) - _pairs(self._before, other.id, gains=False)
            if gains or losses:
                found.append(SideEffect(other.id, _title(other).get(other.public_id, ""), len(gains), len(losses)))
        return found


def _pairs(plan: Plan, achievement_id: int, *, gains: bool) -> set[Pair]:
    return {
        pair
        for pair, (_, decision) in plan.looks.items()
        if pair[0] == achievement_id and (decision.gains if gains else decision.loses)
    }


def _people(session: Session, context_id: int) -> dict[int, tuple[str | None, bool]]:
    rows = session.execute(
        select(User.id, User.name, Membership.status)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.context_id == context_id)
    )
    return {user_id: (name, status is MembershipStatus.INACTIVE) for user_id, name, status in rows}
