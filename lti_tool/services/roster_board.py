"""The roster board: a page of learners against the live badges, filtered, without judging more than is shown.

Filters about awards (offered, claimed, in review, held) are answered from the awards alone; those about what cannot be
told, or is close, need everybody judged. A course small enough is judged whole, so that every filter has its count.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.domain.decisions import AwardStanding
from lti_tool.domain.lifecycle import is_expired
from lti_tool.domain.occasions import Occasion, occasion, rule_since
from lti_tool.domain.occasions import Term as OccasionTerm
from lti_tool.domain.rules import Facts, evaluate
from lti_tool.domain.verdict import Verdict
from lti_tool.models import Achievement, Award, Review, ReviewKind, ReviewState
from lti_tool.services.course_rules import Course, Judged, load_course
from lti_tool.services.gathering import gather_facts
from lti_tool.services.overview import Learner, course_learners, is_close
from lti_tool.services.roster import CourseGroupView, groups_of
from lti_tool.services.standings import Pair, term_at

PAGE_SIZE = 50
JUDGED_AT_ONCE = 2_000
"""So many pairs of learner and badge are judged for the counts alone; in larger courses only what is shown is."""


class Show(StrEnum):
    """Which learners: those with a badge that stands so."""

    ALL = "all"
    UNKNOWN = "unknown"
    CLOSE = "close"
    OFFERED = "offered"
    CLAIMED = "claimed"
    IN_REVIEW = "in_review"
    HELD = "held"


NEEDS_JUDGING = frozenset({Show.UNKNOWN, Show.CLOSE})
_OPEN = {"unknown", "not_yet", "lapsed", "met"}
"""States in which today's grades still decide."""


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """What to show. ``achievement_id``: one badge only. ``text``: part of a name. ``page`` counts from 1."""

    show: Show = Show.ALL
    achievement_id: int | None = None
    group_id: int | None = None
    text: str = ""
    page: int = 1


class Cell(NamedTuple):
    """One learner and one badge. ``state``: a key of the looks of states; ``award_id``: of the occasion that counts."""

    state: str
    is_close: bool = False
    award_id: int | None = None


@dataclass(frozen=True, slots=True)
class BoardPage:
    """What a page of the board shows. ``matching``: ids of everybody the query finds, in order.

    ``counts``: how many learners each filter finds, ``None`` where that was not worked out. ``awards``: by badge, how
    many awards are in which state, of everybody.
    """

    query: BoardQuery
    badges: list[Achievement]
    all_badges: list[Achievement]
    groups: list[CourseGroupView]
    learners: list[Learner]
    cells: dict[Pair, Cell]
    matching: list[int]
    counts: dict[Show, int | None]
    awards: dict[int, Counter[str]]
    pages: int
    everybody: int
    people: dict[int, Learner] = field(default_factory=dict)

    @property
    def has_learners(self) -> bool:
        """Whether anybody at all is in the course."""
        return self.everybody > 0


class _Known(NamedTuple):
    """An award as far as the board needs it."""

    id: int
    standing: AwardStanding


def load_page(session: Session, context_id: int, query: BoardQuery, now: datetime, *, whole: bool = False) -> BoardPage:
    """Return the page of the board that a query asks for; ``whole``: everybody it finds on one page, for an export."""
    return _Loader(session, context_id, now).page(query, whole=whole)


class _Loader:
    """Loads awards once; judges on demand, each pair at most once."""

    def __init__(self, session: Session, context_id: int, now: datetime) -> None:
        self._session, self._now = session, now
        self._course: Course = load_course(session, context_id)
        self._learners = course_learners(session, context_id)
        self._groups = groups_of(session, context_id)
        self._term: OccasionTerm | None = term_at(self._course, now)
        self._awards = _load_awards(session, [one.achievement.id for one in self._course.judged])
        self._in_review = _load_reviews(session, context_id)
        self._facts: dict[int, Facts] = {}
        self._cells: dict[Pair, Cell] = {}

    def page(self, query: BoardQuery, *, whole: bool) -> BoardPage:
        judged = [one for one in self._course.judged if query.achievement_id in (None, one.achievement.id)]
        judged = judged or self._course.judged
        people = self._who(query)
        counts = self._counts(judged, people, query)
        found = [one for one in people if query.show is Show.ALL or self._has(one.user_id, judged, query.show)]
        pages = max(1, -(-len(found) // PAGE_SIZE))
        number = min(max(1, query.page), pages)
        shown = found if whole else found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        self._judge(judged, [one.user_id for one in shown])
        return BoardPage(
            query=BoardQuery(query.show, query.achievement_id, query.group_id, query.text, number),
            badges=[one.achievement for one in judged],
            all_badges=[one.achievement for one in self._course.judged],
            groups=self._groups,
            learners=shown,
            cells={
                (one.achievement.id, learner.user_id): self._cells[one.achievement.id, learner.user_id]
                for one in judged
                for learner in shown
            },
            matching=[one.user_id for one in found],
            counts=counts,
            awards=self._award_counts(judged),
            pages=pages,
            everybody=len(self._learners),
            people={one.user_id: one for one in self._learners},
        )

    def _who(self, query: BoardQuery) -> list[Learner]:
        wanted = next((one.user_ids for one in self._groups if one.id == query.group_id), None)
        part = query.text.casefold()
        return [
            one
            for one in self._learners
            if (wanted is None or one.user_id in wanted) and (not part or part in (one.name or "").casefold())
        ]

    def _counts(self, judged: list[Judged], people: list[Learner], query: BoardQuery) -> dict[Show, int | None]:
        is_small = len(judged) * len(people) <= JUDGED_AT_ONCE
        if is_small or query.show in NEEDS_JUDGING:
            self._judge(judged, [one.user_id for one in people])
            counted = frozenset(Show)
        else:
            counted = frozenset(Show) - NEEDS_JUDGING
        return {
            show: sum(show is Show.ALL or self._has(one.user_id, judged, show) for one in people)
            if show in counted
            else None
            for show in Show
        }

    def _has(self, user_id: int, judged: list[Judged], show: Show) -> bool:
        return any(_is(self._look(one, user_id), show) for one in judged)

    def _look(self, judged: Judged, user_id: int) -> Cell:
        """The cell as far as it is known without judging."""
        pair = (judged.achievement.id, user_id)
        found = self._cells.get(pair)
        return found if found is not None else self._without_judging(judged, user_id)[0]

    def _without_judging(self, judged: Judged, user_id: int) -> tuple[Cell, Occasion]:
        pair = (judged.achievement.id, user_id)
        awards = self._awards.get(pair, [])
        which = occasion(judged.policy, self._term, [one.standing for one in awards], self._now)
        current = next((one for one in awards if one.standing.occasion == which.key), None)
        if current is None and which.key is None and awards:
            current = awards[-1]
        if current is None:
            return Cell("not_yet"), which
        return Cell(self._award_state(current), award_id=current.id), which

    def _award_state(self, award: _Known) -> str:
        state = award.standing.state
        if state is AwardState.CLAIMED and is_expired(award.standing.valid_until, self._now):
            return "expired"
        return "in_review" if state is AwardState.CLAIMED and award.id in self._in_review else state.value

    def _judge(self, judged: list[Judged], user_ids: Collection[int]) -> None:
        """Judge the pairs that are not known yet, where today's grades still decide."""
        fresh = [user_id for user_id in user_ids if user_id not in self._facts]
        if fresh:
            self._facts |= gather_facts(self._session, self._course, fresh, self._now)
        for one in judged:
            for user_id in user_ids:
                pair = (one.achievement.id, user_id)
                if pair not in self._cells:
                    self._cells[pair] = self._cell(one, user_id)

    def _cell(self, judged: Judged, user_id: int) -> Cell:
        cell, which = self._without_judging(judged, user_id)
        if cell.state not in _OPEN:
            return cell
        rule = judged.rule if which.counts_from is None else rule_since(judged.rule, which.counts_from)
        judgement = evaluate(rule, self._facts[user_id])
        state = _STATES[judgement.verdict]
        if cell.state == "lapsed" and judgement.verdict is Verdict.NOT_MET:
            state = "lapsed"
        return Cell(state, is_close(judgement), cell.award_id)

    def _award_counts(self, judged: Iterable[Judged]) -> dict[int, Counter[str]]:
        return {
            one.achievement.id: Counter(self._look(one, learner.user_id).state for learner in self._learners)
            for one in judged
        }


_STATES = {Verdict.MET: "met", Verdict.NOT_MET: "not_yet", Verdict.UNKNOWN: "unknown"}


def _is(cell: Cell, show: Show) -> bool:
    return cell.is_close if show is Show.CLOSE else cell.state == show.value


def _load_awards(session: Session, achievement_ids: Collection[int]) -> dict[Pair, list[_Known]]:
    """Every award, as plain values: of a large course there are ten thousand."""
    rows = session.execute(
        select(
            Award.id,
            Award.achievement_id,
            Award.user_id,
            Award.state,
            Award.occasion,
            Award.offered_at,
            Award.claimed_at,
            Award.valid_until,
        )
        .where(Award.achievement_id.in_(achievement_ids))
        .order_by(Award.id)
    )
    found: dict[Pair, list[_Known]] = {}
    for award_id, achievement_id, user_id, state, which, offered_at, claimed_at, valid_until in rows:
        standing = AwardStanding(state, which, offered_at, claimed_at, valid_until)
        found.setdefault((achievement_id, user_id), []).append(_Known(award_id, standing))
    return found


def _load_reviews(session: Session, context_id: int) -> frozenset[int]:
    """The awards that are in question, appeals apart."""
    rows = session.scalars(
        select(Review.award_id)
        .join(Achievement, Achievement.id == Review.achievement_id)
        .where(Achievement.context_id == context_id, Review.state == ReviewState.OPEN)
        .where(Review.kind != ReviewKind.APPEAL)
    )
    return frozenset(one for one in rows if one is not None)
