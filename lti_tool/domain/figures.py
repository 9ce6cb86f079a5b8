"""Exact numbers and how they are shown.

A percentage like 2/3 has no finite decimal form, so decisions never compare percentages: they compare the products
of a :data:`Ratio` crosswise, exactly. Only for showing is a quotient taken, rounded down at fifty digits.
"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TypeAlias

Ratio: TypeAlias = tuple[Decimal, Decimal]
"""A share as ``(part, whole)``, the whole above zero: a score and its maximum, or an average kept as a fraction."""

HUNDRED = Decimal(100)
NOTHING: Ratio = (Decimal(0), Decimal(1))
EVERYTHING: Ratio = (Decimal(1), Decimal(1))

# Wide enough for every product and sum of scores, weights and thresholds; independent of the thread's own context.
EXACT = Context(prec=10_000, rounding=ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX)
_QUOTIENT = Context(prec=50, rounding=ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX)
_EXTRA_DECIMALS = 4

_multiply = EXACT.multiply


def reaches(ratio: Ratio, needed: Decimal) -> bool:
    """Whether the ratio is at least ``needed`` percent, compared exactly: 69.5 % is not 70 %."""
    return _multiply(ratio[0], HUNDRED) >= _multiply(needed, ratio[1])


def percent_of(ratio: Ratio) -> Decimal:
    """The ratio in percent: exact where it has a finite form, else rounded *down* at fifty digits.

    Rounding down keeps every comparison with a threshold of fewer digits right.
    """
    return _QUOTIENT.divide(_multiply(ratio[0], HUNDRED), ratio[1])


def plain_decimal(value: Decimal) -> str:
    """The number without exponent and without idle zeros: ``70``, ``69.5``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def shown_percent(value: Decimal, needed: Decimal) -> str:
    """``value`` with one decimal more than ``needed``, and more where that would read as reached when it is not.

    ``69.5`` against ``70`` reads ``69.5``, ``69.96`` reads ``69.96``; what no four further decimals tell apart from
    the threshold is rounded down.
    """
    exponent = needed.normalize(EXACT).as_tuple().exponent
    decimals = max(0, -int(exponent)) + 1
    for places in range(decimals, decimals + _EXTRA_DECIMALS):
        shown = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT)
        if (shown >= needed) == (value >= needed):
            return plain_decimal(shown)
    return plain_decimal(value.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR, EXACT))
