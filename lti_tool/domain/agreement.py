"""One piece of work that several sources see: what they say together, or that they do not agree.

Each source's column gives a reading of one learner. Of those that can be relied on now, one that says nothing does not
contradict one that knows, and one whose look is older than a change that another tells of is superseded. What is left
must be the same, by percent where points are scaled differently; else the sources disagree, and nothing is known.
Sources that are stale or failed never override one that is fresh.

The newest reading is shown, by the source's own time, else by the time it was fetched. A grade that one of them says is
hidden from learners stays so: no source that cannot see that supersedes it, and its score is not shown. The order in
which sources are given does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.figures import EXACT

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_DONE = {EvidenceState.GRADED, EvidenceState.COMPLETED}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one column says about one learner's work.

    ``key`` names the column. ``observed_id``: the observation that says so, ``None`` where nothing was observed.
    ``looked_at``: when the source was last seen to say so; ``changed_at``: when it says this came about, by its own
    clock, if it tells. ``unseen``: states that the source cannot tell from ungraded.
    """

    key: int
    evidence: Evidence
    observed_id: int | None = None
    looked_at: datetime | None = None
    changed_at: datetime | None = None
    unseen: frozenset[EvidenceState] = frozenset()

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing: nothing was observed, or "ungraded" of a source that sees no more than that."""
        if self.observed_id is None:
            return True
        return self.evidence.state is EvidenceState.UNGRADED and bool(self.unseen)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the readings say together. ``decided_by``: the reading that is shown; ``differing``: those that disagree."""

    evidence: Evidence
    decided_by: Reading
    differing: tuple[Reading, ...] = ()


def agree(readings: Sequence[Reading]) -> Agreed:
    """Return what readings of one learner's work say together; there is at least one."""
    fresh = [one for one in readings if one.evidence.freshness is Freshness.FRESH]
    if not fresh:
        return _shown(_newest(readings))
    knowing = [one for one in fresh if not one.is_silent]
    if not knowing:
        return _shown(_newest(fresh))
    current = _current(knowing)
    hidden = [one for one in current if one.evidence.state is EvidenceState.HIDDEN]
    newest = _newest(hidden or [one for one in current if _has_percent(one.evidence)] or current)
    if any(contradicts(one.evidence, other.evidence) for one in current for other in current):
        evidence = replace(newest.evidence, freshness=Freshness.DISAGREEING)
        return Agreed(evidence, newest, tuple(sorted(current, key=_age, reverse=True)))
    return _shown(newest)


def contradicts(one: Evidence, other: Evidence) -> bool:
    """Whether two words about the same work cannot both be right: another state, another percent or another letter.

    Graded and completed go together. Where one tells a score and the other only a letter, nothing can be compared.
    """
    if one.state is not other.state and not {one.state, other.state} <= _DONE:
        return True
    if one.score is not None and other.score is not None:
        return _products(one, other) if _has_percent(one) and _has_percent(other) else one.score != other.score
    if one.letter is not None and other.letter is not None:
        return one.letter.strip().casefold() != other.letter.strip().casefold()
    return False


def _products(one: Evidence, other: Evidence) -> bool:
    """Whether the percents differ, by the products of scores and maxima, which are exact."""
    return EXACT.multiply(_of(one.score), _of(other.maximum)) != EXACT.multiply(_of(other.score), _of(one.maximum))


def _of(number: Decimal | None) -> Decimal:
    return Decimal(0) if number is None else number


def _has_percent(evidence: Evidence) -> bool:
    return evidence.score is not None and evidence.maximum is not None and evidence.maximum > 0


def _current(knowing: Iterable[Reading]) -> list[Reading]:
    """Without those that looked before another's change came about."""
    all_of_them = list(knowing)
    changes = [(one, _changed(one)) for one in all_of_them]
    return [
        one
        for one in all_of_them
        if not any(
            changed is not None
            and one.looked_at is not None
            and one.looked_at < changed
            and not (one.evidence.state is EvidenceState.HIDDEN and EvidenceState.HIDDEN in other.unseen)
            for other, changed in changes
            if other is not one
        )
    ] or all_of_them


def _changed(reading: Reading) -> datetime | None:
    """When it came about; a clock that runs ahead of the look is not believed."""
    if reading.changed_at is None or reading.looked_at is None:
        return reading.changed_at
    return min(reading.changed_at, reading.looked_at)


def _age(reading: Reading) -> tuple[datetime, int]:
    return (reading.changed_at or reading.looked_at or _LONG_AGO, -reading.key)


def _newest(readings: Iterable[Reading]) -> Reading:
    return max(readings, key=_age)


def _shown(reading: Reading) -> Agreed:
    return Agreed(reading.evidence, reading)
