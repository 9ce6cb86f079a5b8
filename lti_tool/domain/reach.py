"""What a clause can come to at all: always met, never met, stuck in the unknown, or open."""

from collections.abc import Callable, Iterable
from enum import StrEnum

from lti_tool.domain.verdict import Verdict, negate


class Reach(StrEnum):
    """Over all learners and all grades they may get."""

    ALWAYS = "always"
    OPEN = "open"
    NEVER = "never"
    STUCK = "stuck"
    """Never decided: neither it nor its opposite can be met."""


_VERDICTS = {
    Reach.ALWAYS: Verdict.MET,
    Reach.OPEN: Verdict.UNKNOWN,
    Reach.NEVER: Verdict.NOT_MET,
}
_REACHES = {verdict: reach for reach, verdict in _VERDICTS.items()}


def together(combine: Callable[[Iterable[Verdict]], Verdict], parts: Iterable[Reach]) -> Reach:
    """What a list comes to, by Kleene's table for it: stuck when only what is stuck stands in the way."""
    reaches = list(parts)
    decided = combine([_VERDICTS.get(reach, Verdict.UNKNOWN) for reach in reaches])
    if decided is not Verdict.UNKNOWN:
        return _REACHES[decided]
    at_best = combine([_VERDICTS.get(reach, Verdict.NOT_MET) for reach in reaches])
    return Reach.STUCK if at_best is Verdict.NOT_MET else Reach.OPEN


def opposite(reach: Reach) -> Reach:
    """What the *not* of it comes to."""
    return reach if reach is Reach.STUCK else _REACHES[negate(_VERDICTS[reach])]
