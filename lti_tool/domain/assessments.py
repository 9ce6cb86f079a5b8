"""What assessors' marks on one piece of work come to: an outcome, or none yet.

One assessor: the newest mark counts, whoever gave it. Two: each is counted once, by their newest mark; when they agree
on passed or not, the score is the mean of their scores. Where they do not, nothing is settled until one of them changes
their mind or somebody else assesses too; then the greater number decides, and the mean is of those who decided.

A mean without a finite form (of three) is rounded at four decimals, away from the threshold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact
from enum import StrEnum

from lti_tool.domain.figures import EXACT, reaches

_EXACTLY = Context(prec=50, traps=[Inexact])
_WIDE = Context(prec=50)
_PLACES = Decimal("0.0001")
MOST_ASSESSORS = 2
"""How many a badge or a checkpoint can ask for."""


class OutcomeState(StrEnum):
    """How far one piece of work is assessed."""

    OPEN = "open"
    """Nobody has assessed it, or whoever did has taken it back."""
    PARTLY = "partly"
    """Another assessor has to look at it."""
    DISAGREEING = "disagreeing"
    """The assessors do not agree whether it passed; a person has to settle it."""
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one assessor said: points, ``None`` where an earlier mark is taken back."""

    assessor_id: int
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Passing:
    """What a score is held against: percent needed, of a maximum above 0."""

    threshold: Decimal
    maximum: Decimal

    def is_passed(self, score: Decimal) -> bool:
        """Whether a score is enough, compared exactly."""
        return reaches((score, self.maximum), self.threshold)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``score`` and ``is_passed`` are told when settled only; ``marks`` are those that count, by assessor.

    Once it is settled, these are the marks of those who decided.
    """

    state: OutcomeState
    score: Decimal | None = None
    is_passed: bool | None = None
    marks: tuple[Mark, ...] = ()


def settle(marks: Sequence[Mark], needed: int, passing: Passing) -> Outcome:
    """Return what marks on one piece of work, in the order in which they were given, come to."""
    counted = marks[-1:] if needed < MOST_ASSESSORS else _newest_of_each(marks)
    held = tuple(one for one in counted if one.score is not None)
    if not held:
        return Outcome(OutcomeState.OPEN)
    if len(held) < needed:
        return Outcome(OutcomeState.PARTLY, marks=held)
    sides: dict[bool, list[Mark]] = {True: [], False: []}
    for one in held:
        sides[passing.is_passed(one.score or Decimal(0))].append(one)
    if len(sides[True]) == len(sides[False]):
        return Outcome(OutcomeState.DISAGREEING, marks=held)
    is_passed = len(sides[True]) > len(sides[False])
    deciding = tuple(sides[is_passed])
    score = _mean([one.score for one in deciding if one.score is not None], is_passed)
    return Outcome(OutcomeState.SETTLED, score, is_passed, deciding)


def held_outcome(rounds: Iterable[Sequence[Mark]], needed: int, passing: Passing) -> Outcome:
    """Return the outcome that holds of several tries, the newest first: the newest that is settled.

    A try that was assessed and whose marks were all taken back ends the search: nothing holds any more.
    """
    first: Outcome | None = None
    for marks in rounds:
        outcome = settle(marks, needed, passing)
        first = outcome if first is None else first
        if outcome.state is OutcomeState.SETTLED:
            return outcome
        if marks and outcome.state is OutcomeState.OPEN:
            return outcome if first is None or first.state is OutcomeState.OPEN else first
    return first or Outcome(OutcomeState.OPEN)


def _newest_of_each(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    newest = {one.assessor_id: one for one in marks}
    return tuple(newest[assessor] for assessor in sorted(newest))


def _mean(scores: list[Decimal], is_passed: bool) -> Decimal:
    total = sum(scores, Decimal(0))
    try:
        return _EXACTLY.divide(total, Decimal(len(scores)))
    except Inexact:
        mean = _WIDE.divide(total, Decimal(len(scores)))
        return mean.quantize(_PLACES, ROUND_CEILING if is_passed else ROUND_FLOOR, EXACT)
