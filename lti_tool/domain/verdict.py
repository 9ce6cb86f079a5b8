"""Met, not met, unknown: Kleene's three-valued logic.

Unknown is not a third kind of answer but the absence of one: a verdict that is decided while something is unknown
stays the same whatever the unknown turns out to be.
"""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a clause says about one learner. Unknown never awards and never revokes."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


_MET, _NOT_MET, _UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


def negate(verdict: Verdict) -> Verdict:
    """Kleene's *not*: not unknown is unknown."""
    if verdict is _UNKNOWN:
        return _UNKNOWN
    return _NOT_MET if verdict is _MET else _MET


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's *and*: not met if one is not met. All of nothing is met; rules refuse empty lists."""
    seen = set(verdicts)
    if _NOT_MET in seen:
        return _NOT_MET
    return _UNKNOWN if _UNKNOWN in seen else _MET


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's *or*: met if one is met. Any of nothing is not met; rules refuse empty lists."""
    seen = set(verdicts)
    if _MET in seen:
        return _MET
    return _UNKNOWN if _UNKNOWN in seen else _NOT_MET


def at_least(k: int, verdicts: Iterable[Verdict]) -> Verdict:
    """Met if at least ``k`` are met, not met if ``k`` can no longer be reached, else unknown."""
    seen = list(verdicts)
    met = seen.count(_MET)
    if met >= k:
        return _MET
    return _NOT_MET if met + seen.count(_UNKNOWN) < k else _UNKNOWN
