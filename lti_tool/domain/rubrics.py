"""Rubrics: criteria, each with levels that are worth points; what marks in them add up to.

As a document, a list of ``{"title": …, "levels": [{"title": …, "points": "2.5"}, …]}``. As text, a line a criterion::

    Explains the cycle: not shown = 0; in part = 2; fully = 4

Marks are ``{"0": 2}``: position of the criterion to position of its level. A rubric never changes once work can be
assessed by it, so that positions stay what they were.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lti_tool.domain.figures import plain_decimal
from lti_tool.errors import InvalidInputError

MOST_CRITERIA, MOST_LEVELS, TITLE_LENGTH = 20, 10, 255
TEXT_LENGTH = 20_000
_POINTS = re.compile(r"[0-9]{1,5}([.,][0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Level:
    """How well a criterion can be met; ``points`` are 0 or more, with at most four decimals."""

    title: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is looked at, with its levels in the order in which they were written."""

    title: str
    levels: tuple[Level, ...]

    @property
    def most(self) -> Decimal:
        """The points of its best level."""
        return max(level.points for level in self.levels)


@dataclass(frozen=True, slots=True)
class Rubric:
    """Raises ``InvalidInputError`` (``field`` is ``rubric``): ``rubric_empty``, ``rubric_too_long``,
    ``rubric_line_invalid`` (a title or level that cannot be used), ``rubric_levels`` (fewer than two, or too many),
    ``rubric_repeated``, ``rubric_worthless`` (no points to be had)."""

    criteria: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        if not self.criteria:
            raise _invalid("empty")
        if len(self.criteria) > MOST_CRITERIA:
            raise _invalid("too_long")
        _check_titles([one.title for one in self.criteria])
        for criterion in self.criteria:
            if not 2 <= len(criterion.levels) <= MOST_LEVELS:
                raise _invalid("levels")
            _check_titles([level.title for level in criterion.levels])
            if any(level.points < 0 for level in criterion.levels):
                raise _invalid("line_invalid")
        if self.maximum <= 0:
            raise _invalid("worthless")

    @property
    def maximum(self) -> Decimal:
        """The points of the best level everywhere."""
        return sum((one.most for one in self.criteria), Decimal(0))

    def total(self, marks: Mapping[str, int]) -> Decimal:
        """What marks add up to. Raises ``InvalidInputError`` (``rubric_mark_missing``) with ``field`` ``mark-N``."""
        points = Decimal(0)
        for position, criterion in enumerate(self.criteria):
            level = marks.get(str(position))
            if level is None or not 0 <= level < len(criterion.levels):
                raise InvalidInputError(
                    "A criterion has no level.", code="rubric_mark_missing", field=f"mark-{position}"
                )
            points += criterion.levels[level].points
        return points

    def best(self) -> dict[str, int]:
        """The marks of somebody who is best everywhere."""
        return {
            str(position): [level.points for level in criterion.levels].index(criterion.most)
            for position, criterion in enumerate(self.criteria)
        }

    def to_document(self) -> list[dict[str, object]]:
        """The rubric as JSON; ``from_document`` reads an equal one."""
        return [
            {
                "title": criterion.title,
                "levels": [{"title": one.title, "points": plain_decimal(one.points)} for one in criterion.levels],
            }
            for criterion in self.criteria
        ]

    @classmethod
    def from_document(cls, document: object) -> "Rubric":
        """Read a rubric; raises as the class does."""
        if not isinstance(document, Sequence) or isinstance(document, str):
            raise _invalid("line_invalid")
        return cls(tuple(_criterion(entry) for entry in document))

    def to_text(self) -> str:
        """The rubric as a person types it; ``from_text`` reads an equal one."""
        return "\n".join(
            f"{one.title}: " + "; ".join(f"{level.title} = {plain_decimal(level.points)}" for level in one.levels)
            for one in self.criteria
        )

    @classmethod
    def from_text(cls, text: str) -> "Rubric":
        """Read what a person typed; raises as the class does."""
        if len(text) > TEXT_LENGTH:
            raise _invalid("too_long")
        return cls(tuple(_typed(line) for line in text.splitlines() if line.strip()))


def _typed(line: str) -> Criterion:
    title, colon, rest = line.rpartition(":") if ":" not in line.partition("=")[0] else line.partition(":")
    if not colon:
        raise _invalid("line_invalid")
    levels = []
    for part in rest.split(";"):
        if not part.strip():
            continue
        name, _, points = part.rpartition("=")
        levels.append(Level(name.strip(), _points(points)))
    return Criterion(title.strip(), tuple(levels))


def _criterion(entry: object) -> Criterion:
    if not isinstance(entry, Mapping):
        raise _invalid("line_invalid")
    levels = entry.get("levels")
    if not isinstance(levels, Sequence) or isinstance(levels, str):
        raise _invalid("line_invalid")
    return Criterion(_text(entry.get("title")), tuple(_level(one) for one in levels))


def _level(entry: object) -> Level:
    if not isinstance(entry, Mapping):
        raise _invalid("line_invalid")
    return Level(_text(entry.get("title")), _points(_text(entry.get("points"))))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _invalid("line_invalid")
    return value


def _points(text: str) -> Decimal:
    cleaned = text.strip()
    if not _POINTS.fullmatch(cleaned):
        raise _invalid("line_invalid")
    return Decimal(cleaned.replace(",", "."))


def _check_titles(titles: list[str]) -> None:
    if any(not title.strip() or len(title) > TITLE_LENGTH for title in titles):
        raise _invalid("line_invalid")
    if len({title.strip().casefold() for title in titles}) != len(titles):
        raise _invalid("repeated")


def _invalid(code: str) -> InvalidInputError:
    return InvalidInputError("A rubric cannot be used.", code=f"rubric_{code}", field="rubric")
