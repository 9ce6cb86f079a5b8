"""The form of the matrix as typed: a threshold and a weight for work against a skill, and a calculation per skill."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from flask import request

from lti_tool.domain.competency_plan import Calculation
from lti_tool.errors import InvalidInputError
from lti_tool.services.coverage import Coverage
from lti_tool.services.mapping import read_threshold
from lti_tool.services.mapping_changes import Combining, Counting, CourseMapping
from lti_tool.web import formats
from lti_tool.web.badge_form import problem

_NUMBER = re.compile(r"[0-9]{1,4}([.,][0-9]{0,4})?", re.ASCII)
MAX_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class CellEntry:
    """What stands in one cell; an empty threshold means that the work does not count for the skill."""

    threshold: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class SkillEntry:
    """How a skill's work is combined, as typed."""

    calculation: str
    needed: str
    factor: str


@dataclass(frozen=True, slots=True)
class MatrixForm:
    """Everything on the page; ``errors`` are by field. Locked skills (``locked``, item ids) keep what is stored."""

    cells: Mapping[tuple[int, int], CellEntry]
    skills: Mapping[int, SkillEntry]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, coverage: Coverage, stored: CourseMapping) -> "MatrixForm":
        """Return the form that makes what is stored."""
        cells = {
            place: CellEntry(formats.number(one.threshold), formats.number(one.weight))
            for place, one in stored.counting.items()
        }
        skills = {
            one.item.id: SkillEntry(
                one.combining.calculation.value,
                formats.number(one.combining.threshold),
                formats.number(one.combining.factor),
            )
            for one in coverage.skills
        }
        return cls(cells, skills)

    @classmethod
    def from_request(cls, coverage: Coverage) -> "MatrixForm":
        """Return the form as sent."""

        def text(name: str) -> str:
            return request.form.get(name, "").strip()[:40]

        items = [one.item.id for one in coverage.skills]
        cells = {
            (column_id, item_id): CellEntry(text(f"threshold-{key}"), text(f"weight-{key}"))
            for column_id in (one.column.id for one in coverage.columns)
            for item_id in items
            for key in [f"{column_id}-{item_id}"]
        }
        skills = {
            item: SkillEntry(text(f"calculation-{item}"), text(f"needed-{item}"), text(f"factor-{item}"))
            for item in items
        }
        return cls(cells, skills)

    def mapping(self, stored: CourseMapping, locked: Collection[int]) -> CourseMapping:
        """Return what was typed as values; what cannot be used is noted in ``errors``."""
        counting = {place: one for place, one in stored.counting.items() if place[1] in locked}
        for (column_id, item_id), cell in self.cells.items():
            if item_id not in locked and cell.threshold:
                key = f"{column_id}-{item_id}"
                weight = self._number(f"weight-{key}", cell.weight, MAX_WEIGHT, "weight_invalid", Decimal(1))
                counting[column_id, item_id] = Counting(self._percent(f"threshold-{key}", cell.threshold), weight)
        combining = dict(stored.combining)
        for item_id, skill in self.skills.items():
            if item_id not in locked:
                combining[item_id] = self._combining(item_id, skill, stored.combining[item_id])
        return CourseMapping(counting, combining)

    def _combining(self, item_id: int, skill: SkillEntry, before: Combining) -> Combining:
        """Fields left out keep what is stored, as does a number that does not matter for the calculation."""
        if skill.calculation not in set(Calculation):
            if skill.calculation:
                self.errors[f"calculation-{item_id}"] = problem("calculation_unknown")
            return before
        calculation, needed, factor = Calculation(skill.calculation), before.threshold, before.factor
        if calculation not in (Calculation.ANY, Calculation.ALL) and skill.needed:
            needed = self._percent(f"needed-{item_id}", skill.needed)
        if calculation is Calculation.DECAYING_AVERAGE and skill.factor:
            factor = self._number(f"factor-{item_id}", skill.factor, 100, "factor_invalid", before.factor)
        return Combining(calculation, needed, factor)

    def _percent(self, name: str, text: str) -> Decimal:
        try:
            return read_threshold(text) or Decimal(0)
        except InvalidInputError as error:
            self.errors[name] = problem(error.code)
            return Decimal(0)

    def _number(self, name: str, text: str, most: int, code: str, default: Decimal) -> Decimal:
        if not text:
            return default
        cleaned = text.replace("%", "").replace("\N{NO-BREAK SPACE}", "").strip().replace(",", ".")
        value = Decimal(cleaned) if _NUMBER.fullmatch(cleaned) else None
        if value is None or not 0 < value <= most:
            self.errors[name] = problem(code)
            return default
        return value
