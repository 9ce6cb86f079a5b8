"""Brings what the tables hold into the values that ``domain`` decides on, one query a table for a whole course."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import Evidence
from lti_tool.domain.lifecycle import AwardState, is_expired
from lti_tool.domain.rules import Facts
from lti_tool.domain.verdict import Verdict
from lti_tool.models import Achievement, Award, Fact, Membership, Observation
from lti_tool.services.course_rules import Course, Judged, load_course
from lti_tool.services.same_work import assessed_verdicts, compared, linked_slots, sightings
from lti_tool.services.sightings import STALE_AFTER, Seen, make_evidence

__all__ = [
    "COUNTS_AS",
    "STALE_AFTER",
    "Course",
    "Gathered",
    "Judged",
    "Seen",
    "counts_as",
    "evaluated_user_ids",
    "gather",
    "gather_facts",
    "load_course",
    "make_evidence",
]

COUNTS_AS = {
    AwardState.OFFERED: Verdict.MET,
    AwardState.CLAIMED: Verdict.MET,
    AwardState.HELD: Verdict.UNKNOWN,
    AwardState.SUSPENDED: Verdict.UNKNOWN,
}
"""What an award means for badges that build on it; a person decides about those held and suspended. Else: not met."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known about people, and which observations say so: facts by user id, observation ids by user and slot.

    ``column_ids``, by user and slot: the column that decides, where it is not the one that fills the slot.
    """

    facts: dict[int, Facts]
    observation_ids: dict[int, dict[str, int]]
    column_ids: dict[int, dict[str, int]]


def evaluated_user_ids(session: Session, context_id: int) -> list[int]:
    """Return who is evaluated: learners, departed ones too (absence is no evidence); staff and test users never."""
    return list(
        session.scalars(
            select(Membership.user_id)
            .where(Membership.context_id == context_id, Membership.is_learner, ~Membership.is_test_user)
            .order_by(Membership.user_id)
        )
    )


def gather_facts(session: Session, course: Course, user_ids: Collection[int], now: datetime) -> dict[int, Facts]:
    """Return what is known about each of the users, by user id."""
    return gather(session, course, user_ids, now).facts


def gather(session: Session, course: Course, user_ids: Collection[int], now: datetime) -> Gathered:
    """Return what is known about each of the users, and the observations that say it."""
    linked = linked_slots(course)
    slots_of_column: dict[int, list[str]] = {}
    for slot, column in course.columns.items():
        if slot not in linked:
            slots_of_column.setdefault(column.id, []).append(slot)
    evidence = {user_id: _unobserved(course, now) for user_id in user_ids}
    observation_ids: dict[int, dict[str, int]] = {user_id: {} for user_id in user_ids}
    column_ids: dict[int, dict[str, int]] = {}
    for user_id, column_id, seen in _observations(session, slots_of_column, user_ids):
        for slot in slots_of_column[column_id]:
            evidence[user_id][slot] = make_evidence(slot, course.columns[slot], seen, now)
            observation_ids[user_id][slot] = seen.observation_id
    compare = {one.id for group in linked.values() for one in group}
    seen_together = sightings(session, compare | course.assessed.keys(), user_ids)
    for slot, group in linked.items():
        comparing = compared(course, slot, group, now)
        for user_id in evidence:
            agreed = comparing.of(user_id, seen_together)
            evidence[user_id][slot] = agreed.evidence
            if agreed.decided_by.observed_id is not None:
                observation_ids[user_id][slot] = agreed.decided_by.observed_id
                column_ids.setdefault(user_id, {})[slot] = agreed.decided_by.key
    assessments = assessed_verdicts(course, seen_together)
    awarded = _awarded(session, course, user_ids, now)
    sections = _sections(session, course, user_ids)
    titles = course.titles | course.sections | dict(course.assessment_titles)
    facts = {
        user_id: Facts(
            evidence=evidence[user_id],
            competencies=course.plans,
            now=now,
            achievements=awarded.get(user_id, {}),
            assessments=assessments.get(user_id, {}),
            closes_at=course.closes_at,
            titles=titles,
            sections=sections.get(user_id),
        )
        for user_id in user_ids
    }
    return Gathered(facts, observation_ids, column_ids)


def _observations(
    session: Session, column_ids: Iterable[int], user_ids: Collection[int]
) -> Iterable[tuple[int, int, Seen]]:
    """The held observations. Users are filtered here, not in SQL, where a long list would not fit a statement."""
    wanted = set(user_ids)
    rows = session.execute(
        select(
            Fact.user_id,
            Fact.column_id,
            Observation.id,
            Observation.state,
            Observation.score,
            Observation.maximum,
            Observation.letter,
            Observation.submitted_at,
            Observation.graded_at,
        )
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id.in_(list(column_ids)))
        .where(Fact.user_id == next(iter(wanted)) if len(wanted) == 1 else Fact.user_id.is_not(None))
    )
    return ((row.user_id, row.column_id, Seen(*row[2:])) for row in rows if row.user_id in wanted)


def _sections(session: Session, course: Course, user_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Who is in which sections; who is absent here, the platform never told about."""
    rows = session.execute(
        select(Membership.user_id, Membership.sections).where(
            Membership.context_id == course.context_id, Membership.sections.is_not(None)
        )
    )
    wanted = set(user_ids)
    return {user_id: frozenset(sections) for user_id, sections in rows if user_id in wanted and sections is not None}


def _unobserved(course: Course, now: datetime) -> dict[str, Evidence]:
    """Evidence before anything was observed: the column is there, no result is."""
    return {slot: make_evidence(slot, column, None, now) for slot, column in course.columns.items()}


def counts_as(state: AwardState, valid_until: datetime | None, now: datetime) -> Verdict:
    """What an award means for badges that build on it; one that expired is not held."""
    return Verdict.NOT_MET if is_expired(valid_until, now) else COUNTS_AS.get(state, Verdict.NOT_MET)


def _awarded(
    session: Session, course: Course, user_ids: Collection[int], now: datetime
) -> dict[int, dict[str, Verdict]]:
    """Verdicts of the course's own achievements, by user id and public id; of several occasions the best one counts."""
    rows = session.execute(
        select(Award.user_id, Achievement.public_id, Award.state, Award.valid_until)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .where(Achievement.context_id == course.context_id)
    )
    wanted = set(user_ids)
    awarded: dict[int, dict[str, Verdict]] = {}
    for user_id, public_id, state, valid_until in rows:
        verdict = counts_as(state, valid_until, now)
        if user_id in wanted and verdict is not Verdict.NOT_MET:
            held = awarded.setdefault(user_id, {})
            held[public_id] = Verdict.MET if Verdict.MET in (verdict, held.get(public_id)) else verdict
    return awarded
