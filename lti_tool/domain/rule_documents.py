"""Rules as JSON, in and out.

::

    {"all": [clause, …]}   {"any": [clause, …]}   {"at_least": 2, "of": [clause, …]}   {"not": clause}
    {"before": "2026-01-31T23:59:00Z", "of": clause}   {"after": "2025-09-01T00:00:00+02:00", "of": clause}
    {"competency": id}   {"achievement": id}   {"assessor": id}
    {"column": slot, "percent": {"at_least": "70"}}   {"column": slot, "points": {"at_least": "12.5"}}
    {"column": slot, "letter": {"one_of": ["A", "B+"]}}
    {"column": slot, "completed": true}   {"column": slot, "submitted": true}

Numbers are strings of decimal digits or integers; floats are refused, since they cannot say 69.95 exactly.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from lti_tool.domain.clauses import (
    AchievementClause,
    After,
    All,
    AnyOf,
    AssessorClause,
    AtLeast,
    Before,
    Clause,
    ColumnClause,
    CompetencyClause,
    Measure,
    Not,
    Rule,
)
from lti_tool.errors import RuleError

MAX_DEPTH = 8
MAX_CLAUSES = 200
MAX_TEXT = 500
MAX_LETTERS = 50

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_COMPANIONS: dict[str, set[str]] = {"at_least": {"of"}, "before": {"of"}, "after": {"of"}, "column": {*Measure}}
_KEYS = {CompetencyClause: "competency", AchievementClause: "achievement", AssessorClause: "assessor"}


def parse_rule(document: object) -> Rule:
    """Read a rule. Raises ``RuleError`` with ``field`` as a JSON path (``$.all[1].percent.at_least``) and a code:

    ``rule_clause_invalid`` (not an object), ``rule_clause_unknown``, ``rule_clause_repeated``, ``rule_key_unknown``,
    ``rule_value_missing``, ``rule_value_invalid``, ``rule_empty_list``, ``rule_too_deep``, ``rule_too_long``.
    """
    return _Parser().clause(document, "$", 1)


def rule_document(rule: Rule) -> dict[str, object]:
    """The rule as JSON; ``parse_rule`` reads an equal rule from it."""
    match rule:
        case All(clauses):
            return {"all": [rule_document(clause) for clause in clauses]}
        case AnyOf(clauses):
            return {"any": [rule_document(clause) for clause in clauses]}
        case AtLeast(count, clauses):
            return {"at_least": count, "of": [rule_document(clause) for clause in clauses]}
        case Not(clause):
            return {"not": rule_document(clause)}
        case Before(moment, clause):
            return {"before": moment.isoformat(), "of": rule_document(clause)}
        case After(moment, clause):
            return {"after": moment.isoformat(), "of": rule_document(clause)}
        case _:
            return _leaf_document(rule)


def _leaf_document(clause: ColumnClause | CompetencyClause | AchievementClause | AssessorClause) -> dict[str, object]:
    if isinstance(clause, ColumnClause):
        return {"column": clause.slot, clause.measure.value: _column_test(clause)}
    return {_KEYS[type(clause)]: clause.identifier}


def _column_test(clause: ColumnClause) -> object:
    if clause.at_least is not None:
        return {"at_least": format(clause.at_least, "f")}
    return {"one_of": list(clause.letters)} if clause.letters else True


class _Parser:
    """One walk over a document; counts the clauses as it goes, so that a hostile document ends early."""

    def __init__(self) -> None:
        self.count = 0
        self.readers: dict[str, Callable[[Mapping[str, object], str, int], Clause]] = {
            "all": lambda entry, path, depth: All(self.clauses(entry, "all", path, depth)),
            "any": lambda entry, path, depth: AnyOf(self.clauses(entry, "any", path, depth)),
            "at_least": self.at_least,
            "not": lambda entry, path, depth: Not(self.clause(entry["not"], f"{path}.not", depth + 1)),
            "before": lambda entry, path, depth: Before(_moment(entry, "before"), self.wrapped(entry, path, depth)),
            "after": lambda entry, path, depth: After(_moment(entry, "after"), self.wrapped(entry, path, depth)),
            "competency": lambda entry, _path, _depth: CompetencyClause(_text(entry, "competency")),
            "achievement": lambda entry, _path, _depth: AchievementClause(_text(entry, "achievement")),
            "assessor": lambda entry, _path, _depth: AssessorClause(_text(entry, "assessor")),
            "column": lambda entry, _path, _depth: _column(entry),
        }

    def clause(self, document: object, path: str, depth: int) -> Clause:
        self.count += 1
        if depth > MAX_DEPTH:
            raise RuleError(f"clauses may nest {MAX_DEPTH} deep", code="rule_too_deep", field=path)
        if self.count > MAX_CLAUSES:
            raise RuleError(f"a rule may have {MAX_CLAUSES} clauses", code="rule_too_long", field=path)
        if not isinstance(document, Mapping):
            raise RuleError("a clause must be an object", code="rule_clause_invalid", field=path)
        kinds = [key for key in document if key in self.readers]
        if len(kinds) != 1:
            raise RuleError(
                f"a clause must be one of {', '.join(self.readers)}", code="rule_clause_unknown", field=path
            )
        for key in document:
            if key != kinds[0] and key not in _COMPANIONS.get(kinds[0], ()):
                raise RuleError("the clause has a key too many", code="rule_key_unknown", field=f"{path}.{key}")
        try:
            return self.readers[kinds[0]](document, path, depth)
        except RuleError as error:
            if error.field is not None and not error.field.startswith("$"):
                error.field = f"{path}.{error.field}"
            raise

    def clauses(self, entry: Mapping[str, object], key: str, path: str, depth: int) -> tuple[Clause, ...]:
        documents = _required(entry, key)
        if not isinstance(documents, list):
            raise RuleError("a list of clauses is needed", code="rule_value_invalid", field=key)
        return tuple(self.clause(each, f"{path}.{key}[{i}]", depth + 1) for i, each in enumerate(documents))

    def wrapped(self, entry: Mapping[str, object], path: str, depth: int) -> Clause:
        return self.clause(_required(entry, "of"), f"{path}.of", depth + 1)

    def at_least(self, entry: Mapping[str, object], path: str, depth: int) -> Clause:
        count = entry["at_least"]
        if not isinstance(count, int) or isinstance(count, bool):
            raise RuleError("at_least must be a whole number", code="rule_value_invalid", field="at_least")
        return AtLeast(count, self.clauses(entry, "of", path, depth))


def _column(entry: Mapping[str, object]) -> ColumnClause:
    slot = _text(entry, "column")
    measures = [measure for measure in Measure if measure in entry]
    if len(measures) != 1:
        choice = ", ".join(Measure)
        raise RuleError(f"a column clause needs one of {choice}", code="rule_value_missing", field="column")
    measure = measures[0]
    test = entry[measure]
    if measure in (Measure.COMPLETED, Measure.SUBMITTED):
        if test is not True:
            raise RuleError(f"{measure} must be true", code="rule_value_invalid", field=measure)
        return ColumnClause(slot, measure)
    key = "one_of" if measure is Measure.LETTER else "at_least"
    if not isinstance(test, Mapping) or set(test) != {key}:
        raise RuleError(f"{measure} needs an object with {key}", code="rule_value_invalid", field=measure)
    if measure is Measure.LETTER:
        return ColumnClause(slot, measure, letters=_letters(test[key]))
    return ColumnClause(slot, measure, at_least=_decimal(test[key], f"{measure}.{key}"))


def _letters(value: object) -> tuple[str, ...]:
    field = "letter.one_of"
    if not isinstance(value, list) or len(value) > MAX_LETTERS:
        raise RuleError(f"one_of needs a list of at most {MAX_LETTERS}", code="rule_value_invalid", field=field)
    if not value:
        raise RuleError("a list of letters must not be empty", code="rule_empty_list", field=field)
    return tuple(_checked_text(letter, f"{field}[{index}]") for index, letter in enumerate(value))


def _decimal(value: object, field: str) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**9 else None
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise RuleError('a number is written as a string, like "69.5"', code="rule_value_invalid", field=field)
    return Decimal(value)


def _moment(entry: Mapping[str, object], key: str) -> datetime:
    value = entry[key]
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise RuleError("a date is written in ISO 8601", code="rule_value_invalid", field=key) from error


def _text(entry: Mapping[str, object], key: str) -> str:
    return _checked_text(entry[key], key)


def _checked_text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise RuleError(f"a text of 1 to {MAX_TEXT} characters is needed", code="rule_value_invalid", field=field)
    return value


def _required(entry: Mapping[str, object], key: str) -> object:
    if key not in entry:
        raise RuleError(f"the clause needs {key}", code="rule_value_missing", field=key)
    return entry[key]
