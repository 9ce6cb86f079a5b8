"""Rules as JSON, in and out.

::

    {"all": [clause, …]}   {"any": [clause, …]}   {"at_least": 2, "of": [clause, …]}   {"not": clause}
    {"before": "2026-01-31T23:59:00Z", "of": clause}   {"after": "2025-09-01T00:00:00+02:00", "of": clause}
    {"before": {"default": "2026-01-31T23:59:00Z", "sections": {"<section id>": "2026-02-07T23:59:00Z"}}, "of": clause}
    {"competency": id}   {"achievement": id}   {"assessor": id}   {"section": id}
    {"column": slot, "percent": {"at_least": "70"}}   {"column": slot, "points": {"at_least": "12.5"}}
    {"column": slot, "letter": {"one_of": ["A", "B+"]}}
    {"column": slot, "letter": {"one_of": ["A"], "scheme": ["A", "B", "C"], "fingerprint": "…"}}
    {"column": slot, "completed": true}   {"column": slot, "submitted": true}

``scheme`` lists the letters of the grading scheme the clause was written against, best first. The fingerprint is
written with it, may be left out by hand, and is refused where it names another scheme.
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
    SectionClause,
    SectionDates,
    scheme_fingerprint,
)
from lti_tool.errors import RuleError

MAX_DEPTH = 8
MAX_CLAUSES = 200
MAX_TEXT = 500
MAX_LETTERS = 50
MAX_SECTIONS = 200

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_COMPANIONS: dict[str, set[str]] = {"at_least": {"of"}, "before": {"of"}, "after": {"of"}, "column": {*Measure}}
_KEYS = {
    CompetencyClause: "competency",
    AchievementClause: "achievement",
    AssessorClause: "assessor",
    SectionClause: "section",
}


def parse_rule(document: object) -> Rule:
    """Read a rule. Raises ``RuleError`` with ``field`` as a JSON path (``$.all[1].percent.at_least``) and a code:

    ``rule_clause_invalid`` (not an object), ``rule_clause_unknown``, ``rule_clause_repeated``, ``rule_key_unknown``,
    ``rule_value_missing``, ``rule_value_invalid``, ``rule_empty_list``, ``rule_scheme_altered``, ``rule_too_deep``,
    ``rule_too_long``.
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
        case Before(moment, clause, sections):
            return {"before": _dates_document(moment, sections), "of": rule_document(clause)}
        case After(moment, clause, sections):
            return {"after": _dates_document(moment, sections), "of": rule_document(clause)}
        case _:
            return _leaf_document(rule)


def _dates_document(moment: datetime, sections: SectionDates) -> object:
    if not sections:
        return moment.isoformat()
    return {"default": moment.isoformat(), "sections": {section: date.isoformat() for section, date in sections}}


def _leaf_document(
    clause: ColumnClause | CompetencyClause | AchievementClause | AssessorClause | SectionClause,
) -> dict[str, object]:
    if isinstance(clause, ColumnClause):
        return {"column": clause.slot, clause.measure.value: _column_test(clause)}
    return {_KEYS[type(clause)]: clause.identifier}


def _column_test(clause: ColumnClause) -> object:
    if clause.at_least is not None:
        return {"at_least": format(clause.at_least, "f")}
    if not clause.letters:
        return True
    if not clause.scheme:
        return {"one_of": list(clause.letters)}
    return {
        "one_of": list(clause.letters),
        "scheme": list(clause.scheme),
        "fingerprint": scheme_fingerprint(clause.scheme),
    }


class _Parser:
    """One walk over a document; counts the clauses as it goes, so that a hostile document ends early."""

    def __init__(self) -> None:
        self.count = 0
        self.readers: dict[str, Callable[[Mapping[str, object], str, int], Clause]] = {
            "all": lambda entry, path, depth: All(self.clauses(entry, "all", path, depth)),
            "any": lambda entry, path, depth: AnyOf(self.clauses(entry, "any", path, depth)),
            "at_least": self.at_least,
            "not": lambda entry, path, depth: Not(self.clause(entry["not"], f"{path}.not", depth + 1)),
            "before": self.before,
            "after": self.after,
            "competency": lambda entry, _path, _depth: CompetencyClause(_text(entry, "competency")),
            "achievement": lambda entry, _path, _depth: AchievementClause(_text(entry, "achievement")),
            "assessor": lambda entry, _path, _depth: AssessorClause(_text(entry, "assessor")),
            "section": lambda entry, _path, _depth: SectionClause(_text(entry, "section")),
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

    def before(self, entry: Mapping[str, object], path: str, depth: int) -> Before:
        moment, sections = _dates(entry["before"], "before")
        return Before(moment, self.wrapped(entry, path, depth), sections)

    def after(self, entry: Mapping[str, object], path: str, depth: int) -> After:
        moment, sections = _dates(entry["after"], "after")
        return After(moment, self.wrapped(entry, path, depth), sections)

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
    optional = {"scheme", "fingerprint"} if measure is Measure.LETTER else set()
    if not isinstance(test, Mapping) or key not in test or set(test) - optional != {key}:
        raise RuleError(f"{measure} needs an object with {key}", code="rule_value_invalid", field=measure)
    if measure is Measure.LETTER:
        return ColumnClause(slot, measure, letters=_letters(test[key], "letter.one_of"), scheme=_scheme(test))
    return ColumnClause(slot, measure, at_least=_decimal(test[key], f"{measure}.{key}"))


def _scheme(test: Mapping[str, object]) -> tuple[str, ...]:
    """The grading scheme the letters were chosen from; none where the rule names none."""
    scheme = _letters(test["scheme"], "letter.scheme") if "scheme" in test else ()
    if "fingerprint" in test and (not scheme or test["fingerprint"] != scheme_fingerprint(scheme)):
        raise RuleError(
            "the fingerprint belongs to another grading scheme",
            code="rule_scheme_altered",
            field="letter.fingerprint",
        )
    return scheme


def _letters(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_LETTERS:
        raise RuleError(f"a list of at most {MAX_LETTERS} letters is needed", code="rule_value_invalid", field=field)
    if not value:
        raise RuleError("a list of letters must not be empty", code="rule_empty_list", field=field)
    return tuple(_checked_text(letter, f"{field}[{index}]") for index, letter in enumerate(value))


def _decimal(value: object, field: str) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**9 else None
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise RuleError('a number is written as a string, like "69.5"', code="rule_value_invalid", field=field)
    return Decimal(value)


def _dates(value: object, key: str) -> tuple[datetime, SectionDates]:
    """One date for everybody, or a default and the dates of some sections."""
    if not isinstance(value, Mapping):
        return _moment(value, key), ()
    if set(value) != {"default", "sections"}:
        raise RuleError(f"{key} needs a date, or default and sections", code="rule_value_invalid", field=key)
    sections = value["sections"]
    if not isinstance(sections, Mapping) or len(sections) > MAX_SECTIONS:
        raise RuleError(
            f"sections needs an object of at most {MAX_SECTIONS} dates",
            code="rule_value_invalid",
            field=f"{key}.sections",
        )
    if not sections:
        raise RuleError("sections must not be empty", code="rule_empty_list", field=f"{key}.sections")
    dates = {
        _checked_text(section, f"{key}.sections"): _moment(date, f"{key}.sections.{section}")
        for section, date in sections.items()
    }
    return _moment(value["default"], f"{key}.default"), tuple(sorted(dates.items()))


def _moment(value: object, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise RuleError("a date is written in ISO 8601", code="rule_value_invalid", field=field) from error
    if moment.utcoffset() is None:
        raise RuleError("the date needs a time zone", code="rule_value_invalid", field=field)
    return moment


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
