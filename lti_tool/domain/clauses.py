"""The clauses a rule is made of: immutable values that refuse to be meaningless.

Each class checks itself and raises ``RuleError`` with the code of the mistake and, as ``field``, the JSON key at
fault; ``rule_documents.parse_rule`` puts the path in front.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from lti_tool.errors import RuleError


class Measure(StrEnum):
    """What is looked at in a column."""

    PERCENT = "percent"
    POINTS = "points"
    LETTER = "letter"
    COMPLETED = "completed"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class All:
    """Every clause is met."""

    clauses: "tuple[Clause, ...]"

    def __post_init__(self) -> None:
        _refuse_empty(self.clauses, "all")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one clause is met."""

    clauses: "tuple[Clause, ...]"

    def __post_init__(self) -> None:
        _refuse_empty(self.clauses, "any")


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least ``count`` of the clauses are met. A clause listed twice would count twice, so it is refused."""

    count: int
    clauses: "tuple[Clause, ...]"

    def __post_init__(self) -> None:
        _refuse_empty(self.clauses, "of")
        if not 1 <= self.count <= len(self.clauses):
            raise RuleError(
                f"at_least must be between 1 and {len(self.clauses)}", code="rule_value_invalid", field="at_least"
            )
        if len(set(self.clauses)) < len(self.clauses):
            raise RuleError("the same clause is listed twice", code="rule_clause_repeated", field="of")


@dataclass(frozen=True, slots=True)
class Not:
    """The clause is not met once the closing date has passed; before it, unknown."""

    clause: "Clause"


SectionDates: TypeAlias = tuple[tuple[str, datetime], ...]
"""Dates of their own for some sections, by section id in order; everybody else has the clause's ``moment``."""


@dataclass(frozen=True, slots=True)
class Before:
    """The clause is met by work done before ``moment`` (the moment itself is too late).

    Learners of a section in ``sections`` have that section's date instead; who is in several, the latest of them.
    """

    moment: datetime
    clause: "Clause"
    sections: SectionDates = ()

    def __post_init__(self) -> None:
        _refuse_dates(self.moment, self.sections, "before")


@dataclass(frozen=True, slots=True)
class After:
    """The clause is met by work done at ``moment`` or later.

    Learners of a section in ``sections`` have that section's date instead; who is in several, the earliest of them.
    """

    moment: datetime
    clause: "Clause"
    sections: SectionDates = ()

    def __post_init__(self) -> None:
        _refuse_dates(self.moment, self.sections, "after")


@dataclass(frozen=True, slots=True)
class SectionClause:
    """The learner is in the section with this id. It is about the person, so no date applies to it."""

    identifier: str


@dataclass(frozen=True, slots=True)
class CompetencyClause:
    """The competency with this CFItem identifier is attained."""

    identifier: str


@dataclass(frozen=True, slots=True)
class AchievementClause:
    """The achievement with this identifier is held: one of ours, or an accepted external badge."""

    identifier: str


@dataclass(frozen=True, slots=True)
class AssessorClause:
    """A person assessed what this identifier names, and said yes."""

    identifier: str


@dataclass(frozen=True, slots=True)
class ColumnClause:
    """Something about the work in one slot.

    ``at_least`` belongs to percent and points (0 or more, at most 9 digits on each side of the point), ``letters`` to
    letter; completed and submitted have neither. ``scheme``, best letter first, is the grading scheme the letters were
    chosen from: where the source uses another one, the clause is unknown. Empty: written against none.
    """

    slot: str
    measure: Measure
    at_least: Decimal | None = None
    letters: tuple[str, ...] = ()
    scheme: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        counts = self.measure in (Measure.PERCENT, Measure.POINTS)
        if counts != (self.at_least is not None) or (self.measure is Measure.LETTER) != bool(self.letters):
            raise RuleError("the clause needs its threshold or letters", code="rule_value_invalid", field=self.measure)
        if self.at_least is not None and not 0 <= self.at_least < Decimal(10) ** 9:
            raise RuleError("the threshold is out of range", code="rule_value_invalid", field=self.measure)
        if self.scheme:
            self._check_scheme()

    def _check_scheme(self) -> None:
        known = canonical_scheme(self.scheme)
        if not self.letters or len(set(known)) < len(known) or not set(canonical_scheme(self.letters)) <= set(known):
            raise RuleError(
                "a grading scheme names each letter once, and the clause names letters of it",
                code="rule_value_invalid",
                field=f"{self.measure}.scheme",
            )


Clause: TypeAlias = (
    All
    | AnyOf
    | AtLeast
    | Not
    | Before
    | After
    | SectionClause
    | CompetencyClause
    | AchievementClause
    | AssessorClause
    | ColumnClause
)
Rule: TypeAlias = Clause
"""A rule is its outermost clause."""


def parts_of(clause: Clause) -> "tuple[Clause, ...]":
    """The clauses directly inside this one, in order."""
    if isinstance(clause, All | AnyOf | AtLeast):
        return clause.clauses
    if isinstance(clause, Not | Before | After):
        return (clause.clause,)
    return ()


def canonical_scheme(letters: Sequence[str]) -> tuple[str, ...]:
    """The letters as they are compared: without case and outer spaces, in their order."""
    return tuple(letter.strip().casefold() for letter in letters)


def scheme_fingerprint(scheme: Sequence[str]) -> str:
    """A short name of a grading scheme: equal exactly when its letters and their order are. 32 hexadecimal digits."""
    return sha256(json.dumps(canonical_scheme(scheme)).encode()).hexdigest()[:32]


def _refuse_empty(clauses: Sequence[object], key: str) -> None:
    if not clauses:
        raise RuleError("a list of clauses must not be empty", code="rule_empty_list", field=key)


def _refuse_dates(moment: datetime, sections: SectionDates, key: str) -> None:
    for each in (moment, *(date for _, date in sections)):
        _refuse_naive(each, key)
    names = [section for section, _ in sections]
    if names != sorted(set(names)):
        raise RuleError("sections are named once each, in order", code="rule_value_invalid", field=key)


def _refuse_naive(moment: datetime, key: str) -> None:
    if moment.utcoffset() is None:
        raise RuleError("the date needs a time zone", code="rule_value_invalid", field=key)
