"""What an instructor sees of a course at one look: badges with counts, learners against badges, sources and their age.

Read models only: built in one read transaction, never written. Judging is ``domain.rules.evaluate`` on the facts of
``gathering``, the same as when awards are made.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.clauses import parts_of
from lti_tool.domain.evidence import Freshness as EvidenceFreshness
from lti_tool.domain.judgement import Judgement, Kind
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.rules import AchievementClause, Clause, Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    Award,
    Context,
    Deployment,
    Membership,
    MembershipStatus,
    Registration,
    SyncRun,
    SyncState,
    User,
)
from lti_tool.services.achievements import course_achievements
from lti_tool.services.course_sync import Freshness, freshness
from lti_tool.services.gathering import Course, evaluated_user_ids, gather_facts, load_course

HELD_BY_LEARNER = {AwardState.OFFERED, AwardState.CLAIMED}


@dataclass(frozen=True, slots=True)
class CourseState:
    """Where a course's grades come from and how old they are. ``counts``: how far the reading under way came."""

    platform: str
    freshness: Freshness
    counts: Mapping[str, int]


def course_state(session: Session, context_id: int) -> CourseState:
    """Return the platform's name and the age of what it said; raises ``NotFoundError`` without such a course."""
    found = session.scalar(
        select(Registration.name)
        .join(Deployment, Deployment.registration_id == Registration.id)
        .join(Context, Context.deployment_id == Deployment.id)
        .where(Context.id == context_id)
    )
    if found is None:
        raise NotFoundError("There is no such course.")
    counts = session.scalar(
        select(SyncRun.counts)
        .where(SyncRun.context_id == context_id, SyncRun.state.in_([SyncState.REQUESTED, SyncState.RUNNING]))
        .limit(1)
    )
    return CourseState(found, freshness(session, context_id), counts or {})


def titles_of(course: Course) -> dict[str, str]:
    """Return what rules name, in words: statements of skills, names of badges, titles of work."""
    skills = {identifier: plan.title for identifier, plan in course.plans.items()}
    work = {slot: column.title for slot, column in course.columns.items()}
    return work | course.titles | skills | dict(course.assessment_titles)


# -- learners against badges ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody who is evaluated. ``name`` is ``None`` where the platform shares none."""

    user_id: int
    name: str | None
    has_left: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One learner and one badge. ``state`` is a key of the looks of states: an award's, else the judgement's."""

    state: str
    is_close: bool
    judgement: Judgement
    award: Award | None


@dataclass(frozen=True, slots=True)
class Board:
    """Every learner against every badge that has a rule; ``cells`` by (user id, achievement id)."""

    course: Course
    badges: list[Achievement]
    learners: list[Learner]
    cells: dict[tuple[int, int], Cell]
    disagreements: int = 0
    """Results of learners that sources show differently."""


def load_board(session: Session, context_id: int, now: datetime, *, drafts: bool = False) -> Board:
    """Judge everybody for every live badge (``drafts``: for unpublished ones too); nothing is acted upon."""
    course = load_course(session, context_id, drafts=drafts)
    learners = course_learners(session, context_id)
    facts = gather_facts(session, course, [one.user_id for one in learners], now)
    awards = _awards(session, course)
    cells = {}
    for judged in course.judged:
        for user_id, known in facts.items():
            award = awards.get((user_id, judged.achievement.id))
            cells[user_id, judged.achievement.id] = _cell(evaluate(judged.rule, known), award)
    badges = [judged.achievement for judged in course.judged]
    return Board(course, badges, learners, cells, _disagreements(facts) if course.same_work else 0)


def _disagreements(facts: Mapping[int, Facts]) -> int:
    found = (one.freshness for known in facts.values() for one in known.evidence.values())
    return sum(one is EvidenceFreshness.DISAGREEING for one in found)


def course_learners(session: Session, context_id: int) -> list[Learner]:
    """Return who is evaluated, by name; who has none comes last."""
    rows = session.execute(
        select(User.id, User.name, Membership.status)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.context_id == context_id, User.id.in_(evaluated_user_ids(session, context_id)))
    )
    learners = [Learner(user_id, name, status is MembershipStatus.INACTIVE) for user_id, name, status in rows]
    return sorted(learners, key=lambda one: (one.name is None, (one.name or "").casefold(), one.user_id))


def get_learner(session: Session, context_id: int, user_id: int) -> Learner:
    """Return a learner of this course; raises ``NotFoundError``."""
    found = next((one for one in course_learners(session, context_id) if one.user_id == user_id), None)
    if found is None:
        raise NotFoundError("There is no such learner in this course.")
    return found


def _awards(session: Session, course: Course) -> dict[tuple[int, int], Award]:
    ids = [judged.achievement.id for judged in course.judged]
    awards = session.scalars(select(Award).where(Award.achievement_id.in_(ids)).order_by(Award.id))
    return {(award.user_id, award.achievement_id): award for award in awards}


def _cell(judgement: Judgement, award: Award | None) -> Cell:
    return Cell(standing_state(judgement, award), is_close(judgement), judgement, award)


_STATE_OF_VERDICT = {Verdict.MET: "met", Verdict.NOT_MET: "not_yet", Verdict.UNKNOWN: "unknown"}


def standing_state(judgement: Judgement, award: Award | None) -> str:
    """Return how a learner stands in one word: the award's state, unless it lapsed and can't be told now."""
    if award is None or (award.state is AwardState.LAPSED and judgement.verdict is not Verdict.NOT_MET):
        return _STATE_OF_VERDICT[judgement.verdict]
    return award.state.value


_COUNTED = {Kind.ALL, Kind.AT_LEAST, Kind.COMPETENCY}


def is_close(judgement: Judgement) -> bool:
    """Whether exactly one more clause (or piece of work) is needed and at least one is there already."""
    if judgement.verdict is Verdict.MET:
        return False
    if judgement.kind in {Kind.ALL, Kind.ANY} and len(judgement.children) == 1:
        return is_close(judgement.children[0])
    params = judgement.reason.params
    if judgement.kind not in _COUNTED or params.get("have") is None:
        return False
    have, needed = int(params["have"] or 0), int(params["needed"] or 0)
    return have >= 1 and needed - have == 1


# -- badges -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadgeCard:
    """A badge with how many learners stand where; every count 0 for a badge without a rule.

    ``earned``: by today's grades or by an award that stands; ``offered`` and ``claimed`` are awards. ``unknown`` can't
    be told; ``learners`` is everybody who is judged.
    """

    achievement: Achievement
    learners: int
    earned: int = 0
    offered: int = 0
    claimed: int = 0
    unknown: int = 0
    not_yet: int = 0


def badge_cards(session: Session, context_id: int, now: datetime) -> list[BadgeCard]:
    """Return every badge of the course, drafts too, with its counts."""
    return cards_of(session, load_board(session, context_id, now, drafts=True))


def cards_of(session: Session, board: Board) -> list[BadgeCard]:
    """Return every badge of a board with drafts, those without a rule too, with its counts."""
    states: dict[int, Counter[str]] = {}
    for (_user_id, achievement_id), cell in board.cells.items():
        states.setdefault(achievement_id, Counter())[cell.state] += 1
    return [
        _card(one, states.get(one.id, Counter()), len(board.learners))
        for one in course_achievements(session, board.course.context_id)
    ]


def _card(achievement: Achievement, states: Counter[str], learners: int) -> BadgeCard:
    offered, claimed = states[AwardState.OFFERED], states[AwardState.CLAIMED]
    earned = offered + claimed + states["met"]
    counted = states.total()
    return BadgeCard(
        achievement,
        learners,
        earned=earned,
        offered=offered,
        claimed=claimed,
        unknown=states["unknown"],
        not_yet=counted - earned - states["unknown"],
    )


def choosable_badges(session: Session, context_id: int, achievement_id: int) -> list[Achievement]:
    """Return the badges a badge may ask for: all with content but itself and those that ask for it in turn."""
    badges = course_achievements(session, context_id)
    needs = {one.public_id: badges_needed(one) for one in badges}
    own = {one.public_id for one in badges if one.id == achievement_id}
    excluded: set[str] = set()
    found = own
    while found - excluded:
        excluded |= found
        found = {public_id for public_id, needed in needs.items() if needed & excluded}
    return [one for one in badges if one.public_id not in excluded and one.current_version is not None]


def badges_needed(achievement: Achievement) -> set[str]:
    """Return the public ids of the badges that a badge's rule asks for."""
    if achievement.current_rule is None:
        return set()
    return _named(parse_rule(achievement.current_rule.document))


def _named(clause: Clause) -> set[str]:
    if isinstance(clause, AchievementClause):
        return {clause.identifier}
    return {name for part in parts_of(clause) for name in _named(part)}


def is_editable(achievement: Achievement, *, can_publish: bool) -> bool:
    """Whether its content and rule may be changed here: what is live or under review only by who may publish."""
    return can_publish or achievement.state is AchievementState.DRAFT
