"""What a run holds, or did, looked at as it is today: for each item the clause that decides and what a step would do.

Reading only. The steps themselves are ``run_steps``'; they look again before they act.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.judgement import Judgement
from lti_tool.domain.verdict import Verdict
from lti_tool.models import Achievement, Award, AwardRun, AwardRunItem, RunState
from lti_tool.services.award_runs import run_items
from lti_tool.services.course_rules import load_course
from lti_tool.services.gathering import gather_facts
from lti_tool.services.overview import Learner, course_learners, titles_of
from lti_tool.services.planning import decide_look
from lti_tool.services.run_items import OFFERS, REVIEW, action_of
from lti_tool.services.standings import AwardBook, Look, Pair, load_book, look, term_at

DOES = frozenset({"offers", "lapses", "revokes", "reviews", "withdraws", "asks", "offers_again", "keeps"})
"""Outcomes with which something happens; the others (``stays``, ``barred``, ``gone``, ``dropped``) leave all as is."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item. ``judgement``: by today's evidence, ``None`` where nothing is judged.

    ``release`` and ``undo``: what the step would do about it today (see ``DOES``); ``None`` where it does not apply.
    """

    item: AwardRunItem
    learner: Learner
    badge: str
    award: Award | None
    judgement: Judgement | None
    release: str | None
    undo: str | None


@dataclass(frozen=True, slots=True)
class RunPreview:
    """A run with its items, badge by badge, learners by name."""

    run: AwardRun
    lines: tuple[ItemLine, ...]
    titles: dict[str, str]

    def count(self, step: str) -> Counter[str]:
        """How many items a step (``release``, ``undo``) would treat how."""
        return Counter(outcome for one in self.lines if (outcome := getattr(one, step)) is not None)

    def digest(self, step: str) -> str:
        """A short text that is another one as soon as a step would treat other items, or one of them otherwise."""
        parts = sorted(f"{one.item.id}:{getattr(one, step, None)}" for one in self.lines)
        shown = f"{self.run.id}|{self.run.state.value}|{step}|{','.join(parts)}"
        return hashlib.sha256(shown.encode()).hexdigest()[:32]


def preview_run(session: Session, run: AwardRun, now: datetime) -> RunPreview:
    """Look at a run's items as they are today."""
    items = run_items(session, run.id)
    course = load_course(session, run.context_id)
    user_ids = sorted({item.user_id for item in items})
    facts = gather_facts(session, course, user_ids, now)
    book = load_book(session, {item.achievement_id for item in items})
    judged = {one.achievement.id: one for one in course.judged}
    term = term_at(course, now)
    people = {one.user_id: one for one in course_learners(session, run.context_id)}
    awards = _awards(session, items)
    names = _names(session, items)
    lines = []
    for item in items:
        badge = judged.get(item.achievement_id)
        one = None if badge is None else look(badge, item.user_id, facts[item.user_id], book, term)
        award = None if item.award_id is None else awards.get(item.award_id)
        lines.append(
            ItemLine(
                item,
                people.get(item.user_id, Learner(item.user_id, None, has_left=True)),
                names[item.achievement_id],
                award,
                None if one is None else one.judgement,
                _release(item, one, award, book, now) if run.state in (RunState.HELD, RunState.RELEASED) else None,
                _undo(item, one, award, book.barred),
            )
        )
    lines.sort(key=lambda one: (one.badge, one.learner.name is None, (one.learner.name or "").casefold()))
    return RunPreview(run, tuple(lines), titles_of(course))


def _release(item: AwardRunItem, one: Look | None, award: Award | None, book: AwardBook, now: datetime) -> str | None:
    if item.applied_at is not None:
        return None
    if one is None:
        return "gone"
    if item.action not in OFFERS:
        decision = decide_look(one, book, now)
        return _LOSSES.get(item.action, "dropped") if action_of(decision) == item.action else "dropped"
    if award is None or award.state is not AwardState.HELD:
        return "gone"
    if one.pair in book.barred:
        return "barred"
    return {Verdict.MET: "offers", Verdict.NOT_MET: "lapses"}.get(one.judgement.verdict, "stays")


_LOSSES = {AwardAction.LAPSE.value: "lapses", AwardAction.REVOKE.value: "revokes", REVIEW: "reviews"}


def _undo(item: AwardRunItem, one: Look | None, award: Award | None, barred: set[Pair]) -> str | None:
    if item.applied_at is None or item.undone_at is not None:
        return None
    if award is None:
        return "gone"
    if item.action == AwardAction.LAPSE.value:
        is_met = one is not None and one.judgement.verdict is Verdict.MET and one.pair not in barred
        return "offers_again" if is_met and award.state is AwardState.LAPSED else "gone"
    if item.action == REVIEW:
        return "keeps" if award.state is AwardState.CLAIMED else "gone"
    if item.action == AwardAction.REVOKE.value:
        return "gone"
    return {AwardState.OFFERED: "withdraws", AwardState.CLAIMED: "asks"}.get(award.state, "gone")


def _awards(session: Session, items: list[AwardRunItem]) -> dict[int, Award]:
    run_ids = {item.award_run_id for item in items}
    found = select(Award).join(AwardRunItem, AwardRunItem.award_id == Award.id)
    return {one.id: one for one in session.scalars(found.where(AwardRunItem.award_run_id.in_(run_ids)))}


def _names(session: Session, items: list[AwardRunItem]) -> dict[int, str]:
    ids = {item.achievement_id for item in items}
    badges = session.scalars(select(Achievement).where(Achievement.id.in_(ids)))
    return {one.id: one.current_version.name if one.current_version else "" for one in badges}
