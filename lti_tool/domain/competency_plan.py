"""What a context says about one competency: which slots are evidence for it, and how they are taken together."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from lti_tool.errors import RuleError


class Calculation(StrEnum):
    """How several pieces of evidence become one competency.

    ``any`` and ``all`` use each part's own threshold, the others the plan's. ``average`` weighs the parts;
    ``decaying_average`` lets each newer part count ``factor`` percent against all before it, whatever the weights.
    """

    ANY = "any"
    ALL = "all"
    HIGHEST = "highest"
    LATEST = "latest"
    AVERAGE = "average"
    DECAYING_AVERAGE = "decaying_average"


@dataclass(frozen=True, slots=True)
class Part:
    """One slot that is evidence for a competency; ``threshold`` in percent, ``weight`` above zero.

    Raises ``RuleError`` (``rule_value_invalid``).
    """

    slot: str
    threshold: Decimal
    weight: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        _check(self.threshold >= 0, "the threshold must not be negative", "threshold")
        _check(self.weight > 0, "the weight must be above zero", "weight")


@dataclass(frozen=True, slots=True)
class CompetencyPlan:
    """How a competency (a CASE CFItem) is attained in a context; ``threshold`` and ``factor`` in percent.

    Raises ``RuleError`` (``rule_value_invalid``).
    """

    identifier: str
    title: str
    calculation: Calculation
    threshold: Decimal
    parts: tuple[Part, ...]
    factor: Decimal = Decimal(65)

    def __post_init__(self) -> None:
        _check(self.threshold >= 0, "the threshold must not be negative", "threshold")
        _check(0 < self.factor <= 100, "the factor must be above 0 and at most 100 percent", "factor")


def _check(fits: bool, message: str, field: str) -> None:
    if not fits:
        raise RuleError(message, code="rule_value_invalid", field=field)
