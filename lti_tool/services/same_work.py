"""Work that several sources see: what they say together of each learner, and outcomes of people who assessed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.agreement import Agreed, Reading, agree
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.figures import reaches
from lti_tool.domain.verdict import Verdict
from lti_tool.evidence.assessor import SOURCE as ASSESSOR
from lti_tool.models import EvidenceColumn, Fact, Observation
from lti_tool.services.course_rules import Course
from lti_tool.services.sightings import SAYS_LITTLE, SEES_MORE, Seen, make_evidence

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
Sightings = Mapping[tuple[int, int], Seen]
"""What was seen, by user and column."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Sources that do not agree about one learner's work in a slot; each with its column, the newest first."""

    user_id: int
    slot: str
    title: str
    readings: tuple[tuple[EvidenceColumn, Reading], ...]


def linked_slots(course: Course) -> dict[str, tuple[EvidenceColumn, ...]]:
    """Return the slots whose work several sources see, with the columns of all of them."""
    groups = course.same_work
    return {slot: groups[column.id] for slot, column in course.columns.items() if column.id in groups}


def sightings(session: Session, column_ids: Iterable[int], user_ids: Collection[int]) -> dict[tuple[int, int], Seen]:
    """Return the held observations of columns with all their times; one query, none without columns."""
    ids, wanted = set(column_ids), set(user_ids)
    if not ids or not wanted:
        return {}
    found = (
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
            Observation.source_updated_at,
            Observation.fetched_at,
        )
        .join(Observation, Observation.id == Fact.observation_id)
        .where(Fact.column_id.in_(ids))
    )
    if len(wanted) == 1:
        found = found.where(Fact.user_id == next(iter(wanted)))
    return {(row[0], row[1]): Seen(*row[2:]) for row in session.execute(found) if row[0] in wanted}


class Comparing:
    """Lets the sources of one piece of work say together what they know of each learner."""

    def __init__(self, slot: str, title: str, position: int, columns: Iterable[EvidenceColumn], now: datetime) -> None:
        self._columns = list(columns)
        plain = {one.id: make_evidence(slot, one, None, now) for one in self._columns}
        # Reasons name the work as the course does, whichever source decides.
        self._plain = {key: replace(one, title=title, position=position) for key, one in plain.items()}
        self._all_fresh = all(one.freshness is Freshness.FRESH for one in plain.values())
        self._unseen = {
            one.id: SEES_MORE if one.source in SAYS_LITTLE else frozenset[EvidenceState]() for one in self._columns
        }

    def of(self, user_id: int, seen: Sightings) -> Agreed:
        """What is known of one learner."""
        told = [(column, one) for column in self._columns if (one := seen.get((user_id, column.id))) is not None]
        if self._all_fresh and told and _say_the_same(told):  # by far the most frequent, and quickly seen
            newest = max(told, key=lambda one: (_changed_at(one[1]) or one[1].fetched_at or _LONG_AGO, -one[0].id))
            reading = self._reading(*newest)
            return Agreed(reading.evidence, reading)
        return agree([self._reading(column, seen.get((user_id, column.id))) for column in self._columns])

    def _reading(self, column: EvidenceColumn, seen: Seen | None) -> Reading:
        plain = self._plain[column.id]
        if seen is None:
            return Reading(column.id, plain)
        evidence = Evidence(
            slot=plain.slot,
            title=plain.title,
            source=plain.source,
            state=seen.state,
            freshness=plain.freshness,
            score=seen.score,
            maximum=plain.maximum if seen.maximum is None else seen.maximum,
            letter=seen.letter,
            submitted_at=seen.submitted_at,
            graded_at=seen.graded_at,
            checked_at=plain.checked_at,
            position=plain.position,
            scheme=plain.scheme,
        )
        # What a person said here is true until they say something else, about this learner.
        looked_at = seen.fetched_at if column.source == ASSESSOR else column.checked_at
        return Reading(column.id, evidence, seen.observation_id, looked_at, _changed_at(seen), self._unseen[column.id])


def _changed_at(seen: Seen) -> datetime | None:
    """When it came about, as far as the source tells."""
    return seen.source_updated_at or seen.graded_at or seen.submitted_at


def _say_the_same(told: list[tuple[EvidenceColumn, Seen]]) -> bool:
    """Whether all say the very same; the same percent on another scale is left to the comparison."""
    _, first = told[0]
    return all(
        one.state is first.state
        and one.score == first.score
        and one.maximum == first.maximum
        and one.letter == first.letter
        and (one.maximum is not None or one.score is None)
        for _, one in told
    )


def compared(course: Course, slot: str, columns: Iterable[EvidenceColumn], now: datetime) -> Comparing:
    """Return what compares the sources of the work in a slot."""
    bound = course.columns[slot]
    return Comparing(slot, bound.title, bound.position, columns, now)


def disagreements(session: Session, course: Course, user_ids: Collection[int], now: datetime) -> list[Disagreement]:
    """Return where the sources of a course do not agree, by user and slot."""
    slots = linked_slots(course)
    columns = {one.id: one for group in slots.values() for one in group}
    seen = sightings(session, columns, user_ids)
    found = []
    for slot, group in slots.items():
        comparing = compared(course, slot, group, now)
        for user_id in user_ids:
            agreed = comparing.of(user_id, seen)
            if agreed.differing:
                readings = tuple((columns[one.key], one) for one in agreed.differing)
                found.append(Disagreement(user_id, slot, course.columns[slot].title, readings))
    return found


def assessed_verdicts(course: Course, seen: Sightings) -> dict[int, dict[str, Verdict]]:
    """Return what assessors said, by user and identifier of the assessment; what is not settled is absent."""
    verdicts: dict[int, dict[str, Verdict]] = {}
    for (user_id, column_id), one in seen.items():
        assessed = course.assessed.get(column_id)
        if assessed is None or one.score is None or not one.maximum:
            continue
        is_enough = reaches((one.score, one.maximum), assessed.threshold)
        verdicts.setdefault(user_id, {})[assessed.identifier] = Verdict.MET if is_enough else Verdict.NOT_MET
    return verdicts
